//! Waits that grow, with jitter.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Waits that grow by a factor. Each has added jitter, and none exceeds a maximum.
pub(crate) struct Backoff {
    cap: Duration,
    jitter: f64,
    plain: ExponentialBackoff,
    jittered: ExponentialBackoff,
}

impl Backoff {
    /// `jitter` is the largest share of a wait that is added to it, between 0 and 1.
    pub(crate) fn new(first: Duration, cap: Duration, factor: f32, jitter: f64) -> Self {
        // Leave room for the jitter below the maximum.
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
        // backon adds up to 100 % of a wait.
        let jittered = self.jittered.next().unwrap_or(plain);
        let extra = jittered.saturating_sub(plain).mul_f64(self.jitter);
        plain.saturating_add(extra).min(self.cap)
    }
}
