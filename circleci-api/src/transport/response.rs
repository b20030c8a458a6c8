//! A decoded answer with its status and headers.

use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::operation::deprecation::Deprecation;
use crate::retry::rate_limit::RateLimit;
use crate::transport::reply::request_id;

/// The decoded body of an answer, with the answer's status and headers.
///
#[doc = mock_example!()]
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
#[derive(Clone)]
pub struct Response<T> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) attempts: u32,
    pub(crate) rate_limit: RateLimit,
    pub(crate) body: T,
}

impl<T> Response<T> {
    /// Returns the status, which is always 2xx.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns all headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the `x-request-id` header. CircleCI's support asks for this id.
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }

    /// Returns the rate limit figures that the server sent. A figure that the server did not send is `None`.
    pub fn rate_limit(&self) -> RateLimit {
        self.rate_limit
    }

    /// Returns the deprecation of the operation, or `None` if the answer does not announce one in the header `Deprecation` or
    /// `Sunset`. [`Deprecation`](crate::Deprecation) has an example.
    pub fn deprecation(&self) -> Option<Deprecation> {
        Deprecation::read(&self.headers)
    }

    /// Returns the number of attempts of this call, including the last one.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns a reference to the decoded body.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// Consumes the response and returns the decoded body.
    pub fn into_body(self) -> T {
        self.body
    }
}

// A server may repeat the token in the value of a header, so only the names of the headers are shown.
impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(|name| name.as_str()).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &names)
            .field("attempts", &self.attempts)
            .field("rate_limit", &self.rate_limit)
            .field("body", &self.body)
            .finish()
    }
}
