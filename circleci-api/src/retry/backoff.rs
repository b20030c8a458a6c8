//! Waits that grow from attempt to attempt and contain jitter.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// A series of waits that grow by a factor. Jitter is added to each wait, and no wait exceeds the maximum.
pub(crate) struct Backoff {
    cap: Duration,
    jitter: f64,
    plain: ExponentialBackoff,
    jittered: ExponentialBackoff,
}

impl Backoff {
    /// Creates the series. The jitter that is added to a wait is at most the share `jitter` of the wait. `jitter` is between 0
    /// and 1.
    pub(crate) fn new(first: Duration, cap: Duration, factor: f32, jitter: f64) -> Self {
        // The waits without jitter are limited to less than `cap`, so that there is room for the jitter.
        let most = cap.div_f64(1.0 + jitter);
        let plain = ExponentialBuilder::new()
            .with_min_delay(first.min(most))
            .with_max_delay(most)
            .with_factor(factor)
            .without_max_times();
        Self {
            cap,
            jitter,
            plain: plain.build(),
            jittered: plain.with_jitter().build(),
        }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let plain = self.plain.next().unwrap_or(self.cap);
        // backon's jitter is up to 100 % of a wait, so it is scaled down to the share `jitter`.
        let jittered = self.jittered.next().unwrap_or(plain);
        let extra = jittered.saturating_sub(plain).mul_f64(self.jitter);
        plain.saturating_add(extra).min(self.cap)
    }
}
