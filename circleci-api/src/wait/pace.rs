//! Decides when to look again, and when to give up.

use std::sync::Arc;
use std::time::Duration;

use crate::retry::backoff::Backoff;
use crate::retry::clock::{Clock, Stopwatch};

#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) deadline: Duration,
    pub(super) least: Duration,
    pub(super) most: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60 * 60),
            least: Duration::from_secs(5),
            most: Duration::from_secs(30),
        }
    }
}

/// The minimum interval. An interval of zero would never grow.
pub(super) const LEAST: Duration = Duration::from_millis(100);

/// The clock, the deadline and the intervals of one wait.
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    pace: Pace,
    watch: Stopwatch,
    intervals: Backoff,
}

impl Time {
    pub(super) fn start(clock: Arc<dyn Clock>, pace: Pace) -> Self {
        Self {
            watch: Stopwatch::start(clock.now(), Some(pace.deadline)),
            intervals: Backoff::new(pace.least, pace.most, 1.5, 1.0),
            clock,
            pace,
        }
    }

    /// Returns the total time of the waits between looks. The time that the looks themselves take is not included.
    pub(super) fn waited(&self) -> Duration {
        self.watch.waited()
    }

    /// Returns the time since the first look.
    pub(super) fn elapsed(&self) -> Duration {
        self.watch.elapsed(self.clock.now())
    }

    pub(super) fn deadline(&self) -> Duration {
        self.pace.deadline
    }

    /// Returns the time that remains before the deadline.
    pub(super) fn left(&self) -> Duration {
        self.watch.left(self.clock.now()).unwrap_or_default()
    }

    /// Returns the wait before the next look. This is the usual interval, shortened to `sooner` or extended to `later`,
    /// but never longer than the time before the deadline. Returns `None` after the deadline.
    pub(super) fn next(
        &mut self,
        sooner: Option<Duration>,
        later: Option<Duration>,
    ) -> Option<Duration> {
        let left = self.left();
        let interval = self.intervals.next().max(self.pace.least);
        let wait = interval
            .min(sooner.unwrap_or(interval))
            .max(later.unwrap_or_default());
        (!left.is_zero()).then_some(wait.min(left))
    }

    pub(super) async fn sleep(&mut self, wait: Duration) {
        self.watch.sleep(&*self.clock, wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::retry::clock::SystemClock;
    use std::time::Instant;

    #[test]
    fn intervals_grow_from_least_to_most_with_jitter() {
        let mut firsts = Vec::new();
        for _ in 0..50 {
            let mut time = Time::start(Arc::new(SystemClock), Pace::default());
            let waits: Vec<_> = (0..12).filter_map(|_| time.next(None, None)).collect();
            assert_eq!(waits.len(), 12);
            for wait in &waits {
                assert!((5.0..=30.0).contains(&wait.as_secs_f64()), "{wait:?}");
            }
            assert!(waits[0] <= Duration::from_secs(10), "{waits:?}");
            assert!(waits[11] >= Duration::from_secs(15), "{waits:?}");
            firsts.push(waits[0]);
        }
        firsts.dedup();
        assert!(firsts.len() > 1, "there is no jitter");
    }

    #[test]
    fn an_interval_of_nothing_grows_all_the_same() {
        let nothing = Client::builder()
            .token("t")
            .build()
            .unwrap()
            .wait_for_job("gh/a/b", 1);
        let pace = nothing
            .interval(Duration::ZERO, Duration::from_secs(30))
            .pace;
        let mut time = Time::start(Arc::new(SystemClock), pace);
        let waits: Vec<_> = (0..20).filter_map(|_| time.next(None, None)).collect();
        assert!(
            waits[0] >= LEAST && waits[19] >= Duration::from_secs(15),
            "{waits:?}"
        );
    }

    #[test]
    fn a_reason_goes_before_the_interval_and_the_deadline_before_both() {
        let pace = Pace {
            deadline: Duration::from_secs(20),
            ..Pace::default()
        };
        let second = Duration::from_secs(1);
        let mut time = Time::start(Arc::new(SystemClock), pace);
        assert_eq!(time.next(Some(second), None), Some(second));
        assert_eq!(time.next(None, Some(15 * second)), Some(15 * second));
        assert!(time.next(None, Some(60 * second)).unwrap() <= 20 * second);
        time.watch = Stopwatch::start(Instant::now() - 20 * second, Some(20 * second));
        assert_eq!(time.next(Some(second), None), None);
    }
}
