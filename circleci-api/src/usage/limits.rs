//! The hourly limits of CircleCI for usage exports.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// The number of exports that may be ordered per hour, and the number of state requests that may be sent per hour.
///
/// CircleCI's document allows 10 orders and 10 state requests per hour for each organization. All clones of a
/// `UsageLimits` share one count. Create one `UsageLimits` for each organization, and pass a clone of it to every export
/// of that organization. Requests of other programs are not counted. If they cause CircleCI to refuse a request (429),
/// the export respects that refusal.
///
/// ```
/// use circleci_api::usage::UsageLimits;
///
/// let shared = UsageLimits::new();
/// let half = UsageLimits::new().orders(5).looks(5); // another program orders as well
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct UsageLimits {
    orders: Window,
    looks: Window,
}

/// What an export does when CircleCI's limit is reached. [`UsageExport`](super::UsageExport) has an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenLimited {
    /// Wait until the limit allows the request. If that time is after the deadline, fail at once.
    #[default]
    Wait,
    /// Fail with [`ErrorKind::RateLimited`](crate::ErrorKind::RateLimited). The error says how long the wait would be.
    Fail,
}

impl Default for UsageLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl UsageLimits {
    /// Creates limits of 10 orders and 10 state requests per hour.
    pub fn new() -> Self {
        Self {
            orders: Window::new(10),
            looks: Window::new(10),
        }
    }

    /// Sets the number of orders per hour (`createUsageExport`). 0 counts as 1. Call this method before you share the
    /// value, because it starts a new count.
    pub fn orders(mut self, an_hour: usize) -> Self {
        self.orders = Window::new(an_hour);
        self
    }

    /// Sets the number of state requests per hour (`getUsageExport`). 0 counts as 1. Call this method before you share
    /// the value, because it starts a new count.
    pub fn looks(mut self, an_hour: usize) -> Self {
        self.looks = Window::new(an_hour);
        self
    }

    pub(super) fn order_window(&self) -> &Window {
        &self.orders
    }

    pub(super) fn look_window(&self) -> &Window {
        &self.looks
    }
}

/// When the latest calls were made. Holds at most as many times as calls are allowed per hour.
#[derive(Clone, Debug)]
pub(super) struct Window {
    an_hour: usize,
    calls: Arc<Mutex<VecDeque<Instant>>>,
}

impl Window {
    fn new(an_hour: usize) -> Self {
        Self {
            an_hour: an_hour.max(1),
            calls: Arc::default(),
        }
    }

    /// Returns the time until another call is allowed.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        match calls.len() < self.an_hour {
            true => Duration::ZERO,
            false => calls.front().map_or(Duration::ZERO, |first| {
                (*first + HOUR).saturating_duration_since(now)
            }),
        }
    }

    /// Returns the number of calls that are allowed at `now`.
    pub(super) fn room(&self, now: Instant) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = calls.iter().filter(|call| **call + HOUR > now).count();
        self.an_hour.saturating_sub(recent)
    }

    /// Records a call at this time.
    pub(super) fn note(&self, now: Instant) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        while calls.len() >= self.an_hour {
            calls.pop_front();
        }
        calls.push_back(now);
    }

    /// Reserves a call, and returns how long to wait before it may be sent.
    pub(super) fn take(&self, now: Instant) -> Duration {
        let wait = self.wait(now);
        self.note(now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_so_many_places() {
        let limits = UsageLimits::new().orders(2);
        let (shared, start) = (limits.clone(), Instant::now());
        let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert_eq!(limits.order_window().take(start), Duration::ZERO);
        assert_eq!(shared.order_window().take(minutes(10)), Duration::ZERO);
        assert_eq!(
            limits.order_window().wait(minutes(20)),
            Duration::from_secs(40 * 60)
        );
        assert_eq!(
            limits.order_window().take(minutes(20)),
            Duration::from_secs(40 * 60)
        );
        // The call that was reserved last counts, although its time is in the future.
        assert_eq!(
            shared.order_window().take(minutes(20)),
            Duration::from_secs(50 * 60)
        );
        assert_eq!(
            limits.order_window().wait(minutes(20)),
            Duration::from_secs(100 * 60)
        );
        assert_eq!(limits.look_window().wait(start), Duration::ZERO);
        let room = [0, 60, 71, 200].map(|at| limits.order_window().room(minutes(at)));
        assert_eq!(room, [0, 0, 0, 2]);
        assert_eq!(limits.look_window().room(start), 10);
    }
}
