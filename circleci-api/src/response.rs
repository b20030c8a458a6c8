//! What came back beside the body.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use crate::retry;

/// An answer with its status and headers.
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use std::time::Duration;
/// # use circleci_api::{mock::Mock, operations::GetProjectBySlug};
/// # let server = Mock::start().await;
/// # server.on::<GetProjectBySlug>().rate_limited(Duration::from_secs(30)).reply_with(|project| project.name = "web".into());
/// # let circleci = server.client();
/// let response = circleci.get_project_by_slug("gh/acme/web").send_for_response().await?;
///
/// let limit = response.rate_limit();
/// if limit.remaining.is_some_and(|left| left < 10) {
///     println!("nearly used up, for another {:?}", limit.reset);
/// }
/// println!("{} for request {:?}", response.status(), response.request_id());
/// assert_eq!(response.headers()["content-type"], "application/json");
/// assert_eq!(response.attempts(), 2); // the first was answered 429
/// assert_eq!(response.body().name, "web");
/// let project = response.into_body();
/// # assert_eq!(project.name, "web");
/// # Ok(()) }
/// ```
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

/// What a server says about its rate limit: `RateLimit-Limit`, `-Remaining` and `-Reset`, with or without `X-`. See the
/// example of [`Response`].
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
