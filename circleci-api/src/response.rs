//! What came back beside the body.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use crate::retry;

/// An answer with its status and headers.
#[derive(Clone, Debug)]
pub struct Response<T> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) attempts: u32,
    pub(crate) rate_limit: RateLimit,
    pub(crate) body: T,
}

impl<T> Response<T> {
    /// The status: some 2xx.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// `x-request-id`, which CircleCI's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }

    /// The rate-limit figures, where the server gave any.
    pub fn rate_limit(&self) -> RateLimit {
        self.rate_limit
    }

    /// How many requests it took, the last one included.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The decoded body.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// The decoded body, by value.
    pub fn into_body(self) -> T {
        self.body
    }
}

/// What a server says about its rate limit: `RateLimit-Limit`, `-Remaining` and `-Reset`, with or without `X-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests allowed in a window.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// Until the next window.
    pub reset: Option<Duration>,
}

impl RateLimit {
    pub(crate) fn read(headers: &HeaderMap, utc: SystemTime) -> Self {
        Self {
            limit: figure(headers, ["ratelimit-limit", "x-ratelimit-limit"]),
            remaining: figure(headers, ["ratelimit-remaining", "x-ratelimit-remaining"]),
            reset: retry::reset(headers, utc),
        }
    }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}

fn figure(headers: &HeaderMap, names: [&str; 2]) -> Option<u64> {
    let value = names.iter().find_map(|name| headers.get(*name))?;
    // `100, 100;w=60`: the first figure is the one in force.
    let text = value.to_str().ok()?.split([',', ';']).next()?;
    text.trim().parse().ok()
}
