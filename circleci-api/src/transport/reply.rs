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

/// A successful answer, together with the call that it answers.
pub struct Reply {
    pub(crate) call: Call,
    pub(crate) answer: Answer,
    /// The attempts and the time that the call has used so far. If the body turns out to be incomplete, the call continues with
    /// what is left.
    pub(crate) progress: Progress,
}

/// The attempts, the time and the retries that a call has used so far.
#[derive(Default)]
pub(crate) struct Progress {
    /// The number of attempts. Redirects, and requests that were sent again at once, do not count.
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

/// Adds the status of the answer and the id of the request to an error. Every error about an answer contains both.
pub(crate) fn about(error: Error, status: StatusCode, headers: &HeaderMap) -> Error {
    error
        .with_status(status)
        .with_request_id(request_id(headers).map(Into::into))
}

/// Returns the `x-request-id` header. CircleCI's support asks for this id.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}
