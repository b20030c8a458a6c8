//! Limits the rate of a client's requests, and slows the client down before the server refuses requests.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::{HeaderMap, StatusCode};

use crate::retry::rate_limit::{self, RateLimit};

/// The longest time for which one answer can delay a client. CircleCI's rate limit windows last minutes, but a wrong header must
/// not stop a client for years. After this time, the client sends a request, and the answer updates the limit.
const LONGEST: Duration = Duration::from_secs(60);

/// A rate limiter for one or more clients. A client shares its limiter with its own clones, and with every client that is built
/// with a clone of the limiter. Requires the feature `pacing`.
///
/// Besides the given rate, the limiter obeys the server's rate limit headers. If less than a quarter of the requests of the
/// current window is left, the limiter spreads them over the rest of the window. After a 429, all requests wait for the time that
/// the server asks for, but no longer than 60 seconds.
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let (one, other) = (server.client_builder(), server.client_builder());
/// use circleci_api::Pacing;
///
/// let pacing = Pacing::per_second(5); // or `Pacing::per_minute(90)`
/// let one = one.pacing(pacing.clone()).build()?; // builders of two clients
/// let other = other.pacing(pacing).build()?;
/// tokio::try_join!(one.get_current_user().send(), other.get_current_user().send())?;
/// # assert_eq!(server.received().len(), 2);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pacing(Arc<Limiter>);

struct Limiter {
    rate: RateLimiter<NotKeyed, InMemoryState, Moments, NoOpMiddleware<Duration>>,
    moments: Moments,
    server: Mutex<Server>,
}

/// The limits that the server's headers set.
#[derive(Default)]
struct Server {
    /// The minimum time between two requests. It applies until `until`.
    gap: Duration,
    /// The time when `gap` stops applying.
    until: Option<Instant>,
    /// The earliest time of the next request, according to the headers of the latest answer.
    next: Option<Instant>,
    /// The earliest time of the next request after a 429. Answers to calls that were already in progress never make it earlier.
    held: Option<Instant>,
}

impl Pacing {
    /// Allows this many requests per second, evenly spread. Each attempt of a call counts as a request. 0 counts as 1.
    pub fn per_second(requests: u32) -> Self {
        Self::new(Quota::per_second(at_least_one(requests)))
    }

    /// Allows this many requests per minute, evenly spread. Each attempt of a call counts as a request. 0 counts as 1.
    pub fn per_minute(requests: u32) -> Self {
        Self::new(Quota::per_minute(at_least_one(requests)))
    }

    fn new(quota: Quota) -> Self {
        // A burst would briefly exceed the rate, so bursts are not allowed.
        let quota = quota.allow_burst(NonZeroU32::MIN);
        let moments = Moments::default();
        Self(Arc::new(Limiter {
            rate: RateLimiter::direct_with_clock(quota, moments.clone()),
            moments,
            server: Mutex::default(),
        }))
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.0.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allows a request to be sent now, or returns how long the caller must wait before it asks again.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut server = self.server();
        if let Some(next) = server.next.max(server.held)
            && next > now
        {
            return Err(next - now);
        }
        let moment = self.0.moments.set(now);
        if let Err(early) = self.0.rate.check() {
            return Err(early.wait_time_from(moment).max(Duration::from_nanos(1)));
        }
        server.next = match server.until {
            Some(until) if now < until => Some(now + server.gap),
            _ => None,
        };
        Ok(())
    }

    /// Updates the limits from the headers of an answer.
    pub(crate) fn learn(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        now: Instant,
        utc: SystemTime,
    ) {
        if status == StatusCode::TOO_MANY_REQUESTS {
            if let Some(wait) = rate_limit::asked(status, headers, utc) {
                self.hold(now, wait);
            }
            return;
        }
        let limit = RateLimit::read(headers, utc);
        let figures = limit.remaining.zip(limit.reset);
        if figures.is_none() && !status.is_success() {
            return;
        }
        let mut server = self.server();
        // What the latest answer says about the window replaces what earlier answers said, even if the headers are missing or
        // invalid.
        server.until = None;
        server.next = None;
        let Some((remaining, reset)) = figures else {
            return;
        };
        let reset = reset.min(LONGEST);
        let left = u32::try_from(remaining).unwrap_or(u32::MAX);
        if remaining == 0 {
            server.next = now.checked_add(reset);
        } else if remaining < limit.limit.map_or(10, |limit| limit / 4) {
            server.gap = reset / left;
            server.until = now.checked_add(reset);
            server.next = now.checked_add(server.gap);
        }
    }

    /// Delays all requests by `wait`, but by no more than `LONGEST`.
    fn hold(&self, now: Instant, wait: Duration) {
        let mut server = self.server();
        server.held = server.held.max(now.checked_add(wait.min(LONGEST)));
    }
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pacing(..)")
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// The clock of the rate limiter. It is set to the time of the client's clock, so a test that replaces the client's clock also
/// controls the limiter.
#[derive(Clone, Default)]
struct Moments(Arc<(OnceLock<Instant>, AtomicU64)>);

impl Moments {
    fn set(&self, now: Instant) -> Duration {
        let (first, latest) = &*self.0;
        let since = now.saturating_duration_since(*first.get_or_init(|| now));
        latest.store(
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        since
    }
}

impl Clock for Moments {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.1.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_good_answer_to_an_earlier_call_does_not_end_the_wait_after_a_429() {
        let pacing = Pacing::per_second(1000);
        let (now, utc) = (Instant::now(), SystemTime::now());
        let mut limited = HeaderMap::new();
        limited.insert("retry-after", HeaderValue::from_static("30"));
        pacing.learn(StatusCode::TOO_MANY_REQUESTS, &limited, now, utc);
        pacing.learn(StatusCode::OK, &HeaderMap::new(), now, utc);
        assert_eq!(pacing.admit(now), Err(Duration::from_secs(30)));
        assert_eq!(pacing.admit(now + Duration::from_secs(30)), Ok(()));
    }

    #[test]
    fn a_failure_without_figures_leaves_those_of_the_window_alone() {
        let pacing = Pacing::per_second(1000);
        let (now, utc) = (Instant::now(), SystemTime::now());
        let mut none_left = HeaderMap::new();
        none_left.insert("ratelimit-remaining", HeaderValue::from_static("0"));
        none_left.insert("ratelimit-reset", HeaderValue::from_static("20"));
        pacing.learn(StatusCode::OK, &none_left, now, utc);
        pacing.learn(StatusCode::BAD_GATEWAY, &HeaderMap::new(), now, utc);
        assert_eq!(pacing.admit(now), Err(Duration::from_secs(20)));
    }

    #[test]
    fn an_odd_reset_delays_for_a_minute_at_most_and_only_until_the_next_good_answer() {
        let now = Instant::now();
        // The reset is a time in milliseconds since 1970, nine months after the answer.
        let utc = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400);
        let odd = "1795741583000";
        for (remaining, wait) in [("0", LONGEST), ("1", LONGEST), ("2", LONGEST / 2)] {
            for good in [&[][..], &[("remaining", "50"), ("reset", "10")]] {
                let pacing = Pacing::per_second(1000);
                let headers = |figures: &[(&str, &'static str)]| {
                    let mut headers = HeaderMap::new();
                    for (name, value) in figures {
                        let name = format!("ratelimit-{name}").parse::<http::HeaderName>();
                        headers.insert(name.unwrap(), HeaderValue::from_static(value));
                    }
                    headers
                };
                let odd = headers(&[("remaining", remaining), ("reset", odd)]);
                pacing.learn(StatusCode::OK, &odd, now, utc);
                assert_eq!(pacing.admit(now), Err(wait), "{remaining} left");
                pacing.learn(StatusCode::OK, &headers(good), now, utc);
                assert_eq!(pacing.admit(now), Ok(()), "{remaining} left, {good:?}");
            }
        }
    }
}
