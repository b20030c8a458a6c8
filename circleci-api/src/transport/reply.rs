//! A server's answer before it is decoded.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::error::Error;
use crate::retry::Retries;
use crate::retry::clock::Stopwatch;
use crate::transport::call::Call;

/// A successful answer whose body is not decoded yet.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer with its call.
pub struct Reply {
    pub(crate) call: Call,
    pub(crate) answer: Answer,
    /// The call can go on, in case the body is incomplete.
    pub(crate) progress: Progress,
}

/// What a call has used so far.
pub(crate) struct Progress {
    /// The number of requests that were sent, without redirects.
    pub(crate) attempts: u32,
    pub(crate) time: Stopwatch,
    pub(crate) retries: Retries,
}

impl Progress {
    pub(super) fn start(call: &Call) -> Self {
        Self {
            attempts: 0,
            time: Stopwatch::start(call.client.inner.clock.now(), call.timeout()),
            retries: Retries::default(),
        }
    }
}

/// Adds what every error about an answer tells: its status and the id of the request.
pub(crate) fn about(error: Error, status: StatusCode, headers: &HeaderMap) -> Error {
    error
        .with_status(status)
        .with_request_id(request_id(headers).map(Into::into))
}

/// The `x-request-id` header. CircleCI's support asks for it.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}
