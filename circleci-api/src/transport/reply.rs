//! What a server answered, before it is decoded.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::retry::Retries;
use crate::retry::clock::Stopwatch;
use crate::transport::call::Call;

/// A success, with its body still in bytes.
pub struct Reply {
    pub(crate) call: Call,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: u32,
    /// What is left of the call, if the body turns out to be no whole one.
    pub(crate) retries: Retries,
    pub(crate) time: Stopwatch,
}

/// `x-request-id`, which CircleCI's support asks for.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}
