//! Whether a failed attempt is followed by another, and when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::error::{Error, ErrorKind};

/// How often a call is tried, and how long it may take to succeed.
///
/// Sent again are: rate-limited calls (429) and those that never left this machine, whatever their method; calls
/// that met 408, 500, 502, 503, 504, a broken connection or a timeout, where a second sending is harmless
/// ([`Replay`](crate::Replay)). The wait is the greater of what the server asks for (`Retry-After`, or
/// `RateLimit-Reset` with a 429) and an exponential backoff with jitter. A wait that does not fit into the budget is
/// not begun: the error comes at once, and says how long it would have been.
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::Mock, operations::GetCurrentUser};
/// # let server = Mock::start().await;
/// # server.on::<GetCurrentUser>().status(502, "Bad gateway").status(503, "Unavailable").reply_with(|_| ());
/// use std::time::Duration;
/// use circleci_api::RetryPolicy;
///
/// let patient = RetryPolicy::default()
///     .max_attempts(10)
///     .max_elapsed(Duration::from_secs(300))
///     .min_delay(Duration::from_secs(1))
///     .max_delay(Duration::from_secs(60));
/// let circleci = server.client_builder() // or Client::builder()
///     .retry(patient)
///     .timeout(Duration::from_secs(300))
///     .build()?;
/// circleci.get_current_user().send().await?; // answered 502, 503, and then well
/// # server.assert_count::<GetCurrentUser>(3);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    elapsed: Duration,
    first: Duration,
    cap: Duration,
}

impl Default for RetryPolicy {
    /// 6 attempts within 90 seconds, 250 milliseconds after the first, at most 20 seconds between two unless the
    /// server asks for more.
    fn default() -> Self {
        Self {
            attempts: 6,
            elapsed: Duration::from_secs(90),
            first: Duration::from_millis(250),
            cap: Duration::from_secs(20),
        }
    }
}

impl RetryPolicy {
    /// One attempt.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # use circleci_api::{RetryPolicy, mock::Mock, operations::GetCurrentUser};
    /// # let server = Mock::start().await;
    /// # server.on::<GetCurrentUser>().status(502, "Bad gateway").reply_with(|_| ());
    /// # let builder = server.client_builder();
    /// let circleci = builder.retry(RetryPolicy::none()).build()?; // or `.no_retries()`
    /// let answer = circleci.get_current_user().send().await;
    /// assert!(answer.is_err_and(|error| error.attempts() == 1));
    /// # Ok(()) }
    /// ```
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// Requests per call, the first included. 0 counts as 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The time after which no attempt begins, counted from the start of the call, waits included. The client's
    /// [`timeout`](crate::ClientBuilder::timeout) ends a call all the same, 2 minutes unless said otherwise.
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// The backoff after the first attempt, before jitter. It doubles with each attempt.
    pub fn min_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// The longest backoff, jitter included. A server may ask for more.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.cap = delay;
        self
    }

    pub(crate) fn allows_another(&self, attempts: u32) -> bool {
        attempts < self.attempts
    }

    pub(crate) fn budget(&self) -> Duration {
        self.elapsed
    }

    /// The waits of one call. Made at its first failure only.
    pub(crate) fn backoff(&self) -> Backoff {
        // backon adds up to a whole delay as jitter, after capping: half the cap leaves room for it.
        let half = self.cap / 2;
        Backoff {
            cap: self.cap,
            delays: ExponentialBuilder::new()
                .with_min_delay(self.first.min(half))
                .with_max_delay(half)
                .with_jitter()
                .without_max_times()
                .build(),
        }
    }
}

pub(crate) struct Backoff {
    cap: Duration,
    delays: ExponentialBackoff,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.cap).min(self.cap)
    }
}

/// Whether an attempt that failed like this may be followed by another.
pub(crate) fn may_follow(error: &Error, may_replay: bool) -> bool {
    match error.kind() {
        // The server refused to look at it: nothing happened there.
        ErrorKind::RateLimited => true,
        // It never left this machine.
        ErrorKind::Connect => error.is_transient(),
        _ => may_replay && error.is_transient(),
    }
}

pub(crate) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// What the server asks to wait: `Retry-After`, or with a 429 the reset of its window.
pub(crate) fn asked(status: StatusCode, headers: &HeaderMap, utc: SystemTime) -> Option<Duration> {
    let after = headers
        .get(RETRY_AFTER)
        .and_then(|value| seconds(value).or_else(|| date(value, utc)));
    if status == StatusCode::TOO_MANY_REQUESTS {
        after.or_else(|| reset(headers, utc))
    } else {
        after
    }
}

/// `RateLimit-Reset`: seconds from now, or a moment on the calendar as some servers write it.
pub(crate) fn reset(headers: &HeaderMap, utc: SystemTime) -> Option<Duration> {
    let value = headers
        .get("ratelimit-reset")
        .or_else(|| headers.get("x-ratelimit-reset"))?;
    let wait = seconds(value).or_else(|| date(value, utc))?;
    // 30 years of seconds is no wait but a Unix time.
    if wait >= Duration::from_secs(1_000_000_000) {
        let now = utc.duration_since(UNIX_EPOCH).unwrap_or_default();
        return Some(wait.saturating_sub(now));
    }
    Some(wait)
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // Not in the standard, but seen: fractions, and a negative number for "now".
    let seconds: f64 = text.parse().ok()?;
    if seconds.is_nan() {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

fn date(value: &HeaderValue, utc: SystemTime) -> Option<Duration> {
    let moment = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    Some(moment.duration_since(utc).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_server_says_how_long_in_many_ways() {
        let utc = httpdate::parse_http_date("Sun, 01 Mar 2026 12:00:00 GMT").unwrap();
        let epoch = utc.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let in_ten = (epoch + 10).to_string();
        for (status, pairs, seconds) in [
            (429, &[("retry-after", "7")][..], Some(7.0)),
            (429, &[("retry-after", " 7 ")], Some(7.0)),
            (429, &[("retry-after", "1.5")], Some(1.5)),
            (429, &[("retry-after", "-1")], Some(0.0)),
            (
                429,
                &[("retry-after", "Sun, 01 Mar 2026 12:00:30 GMT")],
                Some(30.0),
            ),
            (
                429,
                &[("retry-after", "Sunday, 01-Mar-26 12:00:30 GMT")],
                Some(30.0),
            ),
            (
                429,
                &[("retry-after", "Sun, 01 Mar 2026 11:00:00 GMT")],
                Some(0.0),
            ),
            (429, &[("retry-after", "soon")], None),
            (429, &[("retry-after", "NaN")], None),
            (429, &[("retry-after", "")], None),
            (429, &[], None),
            (429, &[("ratelimit-reset", "12")], Some(12.0)),
            (429, &[("x-ratelimit-reset", &in_ten)], Some(10.0)),
            (
                429,
                &[("retry-after", "3"), ("ratelimit-reset", "12")],
                Some(3.0),
            ),
            (
                429,
                &[("retry-after", "soon"), ("ratelimit-reset", "12")],
                Some(12.0),
            ),
            (503, &[("retry-after", "7")], Some(7.0)),
            (503, &[("ratelimit-reset", "12")], None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                asked(status, &headers(pairs), utc).map(|wait| wait.as_secs_f64()),
                seconds,
                "{pairs:?}"
            );
        }
        let forever = headers(&[("retry-after", "99999999999999999999999")]);
        assert_eq!(
            asked(StatusCode::TOO_MANY_REQUESTS, &forever, utc),
            Some(Duration::from_secs(u64::MAX))
        );
    }

    #[test]
    fn backoff_doubles_jitters_and_is_capped() {
        let policy = RetryPolicy::default()
            .min_delay(Duration::from_millis(100))
            .max_delay(Duration::from_secs(1));
        let mut backoff = policy.backoff();
        for low in [100, 200, 400, 500, 500, 500] {
            let wait = backoff.next().as_millis();
            assert!(
                (low..=(2 * low).min(1000)).contains(&wait),
                "{wait} from {low}"
            );
        }
        let mut first: Vec<_> = (0..8).map(|_| policy.backoff().next()).collect();
        first.dedup();
        assert!(
            first.len() > 1,
            "jitter differs from call to call: {first:?}"
        );
    }

    #[test]
    fn a_cap_of_nothing_is_no_wait() {
        let mut backoff = RetryPolicy::default().max_delay(Duration::ZERO).backoff();
        assert_eq!(
            (backoff.next(), backoff.next()),
            (Duration::ZERO, Duration::ZERO)
        );
    }
}
