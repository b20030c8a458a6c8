//! Time, as something that a test can replace.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// Where a client gets its waits and its time from. For tests: a client that waits between attempts, or
/// for a limiter, waits through this, so that no test has to sit a delay out.
///
/// ```
/// use std::{future::{ready, Future}, pin::Pin, time::Duration};
///
/// struct NoWaiting;
/// impl circleci_api::Clock for NoWaiting {
///     fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
///         Box::pin(ready(()))
///     }
/// }
/// let client = circleci_api::Client::builder().token("t").clock(NoWaiting).build()?;
/// # Ok::<(), circleci_api::Error>(())
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Waits that long.
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// A time that only goes forward.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time on the calendar, to which a `Retry-After` date is compared.
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
