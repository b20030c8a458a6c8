//! Decides whether a failed attempt is retried, and when.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

pub(crate) mod backoff;
pub(crate) mod clock;
#[cfg(feature = "pacing")]
pub(crate) mod pacing;
#[cfg(any(feature = "usage", feature = "wait"))]
pub(crate) mod patience;
pub(crate) mod rate_limit;

use backoff::Backoff;

/// The limits on the retries of a call: the number of attempts, and the time that they may take.
///
/// A call is retried, whatever its method, if it was rate limited (429), never left this machine, or was not processed by the
/// server. Calls that failed with 408, 500, 502, 503, 504, 520 to 524, a broken connection or a timeout are retried if sending
/// them again is harmless (see [`Replay`](crate::Replay)). The wait before a retry is an exponential backoff with jitter, or the
/// time that the server asks for (`Retry-After`, or `RateLimit-Reset` with a 429), whichever is longer. If the next wait would
/// end after [`max_elapsed`](Self::max_elapsed) or after the call's timeout, the call fails at once. After a 429, the error says
/// how long the wait would have been.
///
#[doc = mock_example!()]
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
    when_limited: bool,
}

impl Default for RetryPolicy {
    /// Returns a policy of 6 attempts within 90 seconds. The first wait is 250 milliseconds, and no wait is longer than 20
    /// seconds unless the server asks for a longer one.
    fn default() -> Self {
        Self {
            attempts: 6,
            elapsed: Duration::from_secs(90),
            first: Duration::from_millis(250),
            cap: Duration::from_secs(20),
            when_limited: true,
        }
    }
}

impl RetryPolicy {
    /// Returns a policy of one attempt, without retries.
    ///
    #[doc = mock_example!()]
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

    /// Sets the maximum number of attempts per call, including the first one. 0 counts as 1. An attempt sends its request again at
    /// once, at most twice, if the server did not process it.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the time after which no further attempt begins. This time counts from the start of the call and includes the waits.
    /// The client's [`timeout`](crate::ClientBuilder::timeout) (default: 2 minutes) can end a call earlier.
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// Sets the wait after the first attempt, without jitter. The wait doubles after each further attempt.
    pub fn min_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// Sets the maximum wait that the client chooses, including jitter. If the server asks for a longer wait, the client waits
    /// longer.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.cap = delay;
        self
    }

    /// Makes a call fail at the first 429. The caller of the call then decides what to do.
    #[cfg(feature = "usage")]
    pub(crate) fn not_when_limited(mut self) -> Self {
        self.when_limited = false;
        self
    }

    /// Creates the series of waits for one call.
    fn backoff(&self) -> Backoff {
        Backoff::new(self.first, self.cap, 2.0, 1.0)
    }
}

/// The decision about what to do after a failed attempt.
pub(crate) enum Next {
    /// Retry after a wait.
    Again { failure: Error, wait: Duration },
    /// Fail the call with this error.
    GiveUp(Error),
}

/// The rules that decide whether a call may be retried after a failure.
pub(crate) struct Rules<'a> {
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) may_replay: bool,
    /// The maximum total time of the call. No retry is made if the wait before it would end after this time.
    pub(crate) limit: Option<Duration>,
}

/// The retries of one call. Most calls need no retry, so the backoff is created only when it is needed.
#[derive(Default)]
pub(crate) struct Retries {
    backoff: Option<Box<Backoff>>,
}

impl Retries {
    /// Decides whether to retry after a failure. `elapsed` is the time since the start of the call.
    pub(crate) fn next(&mut self, rules: &Rules, failure: Error, elapsed: Duration) -> Next {
        let policy = rules.policy;
        if !may_follow(&failure, rules) || failure.attempts() >= policy.attempts {
            return Next::GiveUp(failure);
        }
        let backoff = self
            .backoff
            .get_or_insert_with(|| Box::new(policy.backoff()));
        let wait = backoff
            .next()
            .max(failure.retry_after().unwrap_or_default());
        let budget = policy.elapsed.min(rules.limit.unwrap_or(Duration::MAX));
        if elapsed
            .checked_add(wait)
            .is_some_and(|after| after <= budget)
        {
            return Next::Again { failure, wait };
        }
        // The wait is too long for this call, but the caller may be able to wait longer. Therefore, if the call was rate limited,
        // its error contains the wait.
        Next::GiveUp(match failure.is_rate_limited() {
            true => failure.with_retry_after(Some(wait)),
            false => failure,
        })
    }
}

/// Checks whether an attempt that failed with this error may be retried.
fn may_follow(error: &Error, rules: &Rules) -> bool {
    match error.kind() {
        // The server refused to process the request, so the request had no effect.
        ErrorKind::RateLimited => rules.policy.when_limited,
        // The request never left this machine, or the server did not process it.
        ErrorKind::Connect => error.is_transient(),
        _ => rules.may_replay && error.is_transient(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
