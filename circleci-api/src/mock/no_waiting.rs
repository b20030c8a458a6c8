//! A clock for tests.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::retry::clock::Clock;

/// A clock for tests. For each wait, the clock sleeps for only one millisecond, and then advances by the full length of the wait.
/// The clients that a [`Mock`](super::Mock) creates use this clock. If the program under test builds its own client, set this
/// clock on the client's builder.
///
/// ```
/// # use std::time::Duration;
/// # use circleci_api::{Client, mock::Mock, operations::GetCurrentUser};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// use circleci_api::mock::NoWaiting;
///
/// let server = Mock::start().await;
/// server.on::<GetCurrentUser>().rate_limited(Duration::from_secs(60)).reply_with(|_| ());
/// let builder = Client::builder().host(server.url()).token("any"); // from the program
/// builder.clock(NoWaiting::default()).build()?.get_current_user().send().await?; // does not wait
/// # server.assert_count::<GetCurrentUser>(2);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct NoWaiting(Arc<Mutex<Duration>>);

impl NoWaiting {
    fn waited(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for NoWaiting {
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (clock, until) = (self.clone(), self.waited().saturating_add(wait));
        Box::pin(async move {
            // Waits that overlap do not add up: the clock advances only to the end of the wait that ends last.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut waited = clock.0.lock().unwrap_or_else(PoisonError::into_inner);
            *waited = until.max(*waited);
        })
    }

    fn now(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.waited()).unwrap_or(now)
    }

    fn utc(&self) -> SystemTime {
        let now = SystemTime::now();
        now.checked_add(self.waited()).unwrap_or(now)
    }
}
