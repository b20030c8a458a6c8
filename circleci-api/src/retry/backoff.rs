//! Waits that grow, with jitter.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Waits that grow by a factor up to a cap, each with up to as much again as jitter.
pub(crate) struct Backoff {
    cap: Duration,
    delays: ExponentialBackoff,
}

impl Backoff {
    pub(crate) fn new(first: Duration, cap: Duration, factor: f32) -> Self {
        // backon adds up to a whole delay as jitter, after capping: half the cap leaves room for it.
        let half = cap / 2;
        Self {
            cap,
            delays: ExponentialBuilder::new()
                .with_min_delay(first.min(half))
                .with_max_delay(half)
                .with_factor(factor)
                .with_jitter()
                .without_max_times()
                .build(),
        }
    }

    pub(crate) fn next(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.cap).min(self.cap)
    }
}
