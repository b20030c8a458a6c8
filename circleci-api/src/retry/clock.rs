//! The clock of a client, which a test can replace.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// The clock of a client, which a test can replace. The client uses it for all waits between attempts and for a rate limiter, so
/// a test with its own clock does not wait in real time.
///
#[doc = mock_example!()]
/// use std::{future::{ready, Future}, pin::Pin, sync::{Arc, atomic::{AtomicU64, Ordering}}, time::{Duration, Instant}};
///
/// /// A time that passes only when somebody waits.
/// #[derive(Clone)]
/// struct Leap(Instant, Arc<AtomicU64>);
///
/// impl circleci_api::Clock for Leap {
///     fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
///         self.1.fetch_add(wait.as_secs().max(1), Ordering::Relaxed);
///         Box::pin(ready(()))
///     }
///     fn now(&self) -> Instant {
///         self.0 + Duration::from_secs(self.1.load(Ordering::Relaxed))
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::Mock, operations::GetCurrentUser};
/// # let server = Mock::start().await;
/// # server.on::<GetCurrentUser>().rate_limited(Duration::from_secs(30)).reply_with(|_| ());
/// # let began = Instant::now();
/// # let clock = Leap(began, Arc::default());
/// # let circleci = server.client_builder().clock(clock.clone()).build()?;
///
/// circleci.get_current_user().send().await?; // told to come back in 30 seconds, and does
/// # use circleci_api::Clock;
/// assert_eq!(clock.now() - began, Duration::from_secs(30));
/// # Ok(()) }
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Waits for the given time. [`Clock`] has an example.
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Returns the current time, which never goes back. [`Clock`] has an example.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Returns the current date and time. It is compared with a date in `Retry-After` to find how long to wait. A test overrides
    /// `utc` in the same way as `now` in the example of [`Clock`].
    fn utc(&self) -> SystemTime {
        SystemTime::now()
    }
}

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The time that a call has taken so far, and the maximum time that it may take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stopwatch {
    /// `None` before the start.
    started: Option<Instant>,
    waited: Duration,
    limit: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start(now: Instant, limit: Option<Duration>) -> Self {
        Self {
            started: Some(now),
            waited: Duration::ZERO,
            limit,
        }
    }

    /// Returns the time since the start of the call, including waits that a test's clock skips.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        let passed = self.started.map(|it| now.saturating_duration_since(it));
        passed.unwrap_or_default().max(self.waited)
    }

    /// Returns the current time. If a test's clock skipped waits, these waits are added.
    #[cfg(feature = "usage")]
    pub(crate) fn moment(&self, now: Instant) -> Instant {
        self.started.unwrap_or(now) + self.elapsed(now)
    }

    /// Records that a wait has ended. `elapsed` is the time from the start to the end of the wait.
    #[cfg(feature = "usage")]
    pub(crate) fn reach(&mut self, elapsed: Duration) {
        self.waited = self.waited.max(elapsed);
    }

    /// Returns the time that was spent in waits.
    #[cfg(any(
        feature = "artifacts",
        feature = "usage",
        feature = "v1",
        feature = "wait"
    ))]
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Returns the time that remains before the limit, or `None` if there is no limit.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.limit
            .map(|limit| limit.saturating_sub(self.elapsed(now)))
    }

    pub(crate) async fn sleep(&mut self, clock: &dyn Clock, wait: Duration) {
        if !wait.is_zero() {
            self.waited = self.waited.saturating_add(wait);
            clock.sleep(wait).await;
        }
    }
}
