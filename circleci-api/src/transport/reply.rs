//! A server's answer before it is decoded.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::retry::Retries;
use crate::retry::clock::Stopwatch;
use crate::transport::call::Call;

/// A successful answer whose body is not decoded yet.
pub struct Reply {
    pub(crate) call: Call,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: u32,
    /// The rest of the call, in case the body is incomplete.
    pub(crate) retries: Retries,
    pub(crate) time: Stopwatch,
}

/// The `x-request-id` header. CircleCI's support asks for it.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}
