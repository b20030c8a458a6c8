//! The settings of an export, and the windows of at most 31 days into which its time span is split.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use uuid::Uuid;

use super::limits::{UsageLimits, WhenLimited};
use crate::client::Client;
use crate::generated::types::UsageExportJobState;
use crate::operation::{Operation, Replay};
use crate::values::argument::PathValue;

/// The operation that an error of an export contains if no operation of CircleCI's API document failed.
pub(super) static EXPORT: Operation =
    Operation::new("usageExport", Method::GET, "", &[], Replay::Never);

pub(super) type OnChange = Arc<dyn Fn(&UsageChange) + Send + Sync>;

/// The settings of an export: what to order, and the limits for it.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) client: Client,
    pub(super) org_id: PathValue,
    pub(super) shared_org_ids: Vec<Uuid>,
    pub(super) limits: UsageLimits,
    pub(super) when_limited: WhenLimited,
    pub(super) deadline: Duration,
    pub(super) max_bytes: u64,
    pub(super) on_change: Option<OnChange>,
}

/// A change of an export's state. [`UsageExport`](super::UsageExport) has an example.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UsageChange {
    /// The index of the window, counted from 0. A window is at most 31 days long.
    pub window: usize,
    /// The number of windows.
    pub windows: usize,
    /// The id of this window's export, for [`Client::resume_usage_export`].
    pub job: Uuid,
    /// The new state of the export.
    pub state: UsageExportJobState,
    /// The number of parts of the export. It is 0 until the export is completed. It stays 0 if there is no usage.
    pub parts: usize,
}

/// Splits a time span into windows of at most 31 days. CircleCI includes both ends of a window, so each window ends a
/// millisecond before the next one begins. Otherwise, a job at a time that belongs to two windows would be counted twice.
pub(super) fn windows(
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let (longest, tick) = (TimeDelta::days(31), TimeDelta::milliseconds(1));
    let mut windows = Vec::new();
    let mut from = start;
    while let Some(next) = from.checked_add_signed(longest).filter(|next| *next <= end) {
        // If exactly 31 days remain, they are one window.
        if next == end {
            break;
        }
        windows.push((from, next - tick));
        from = next;
    }
    windows.push((from, end));
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_into_windows_that_do_not_overlap() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let show = |start, end| {
            let windows = windows(at(start), at(end));
            windows
                .iter()
                .map(|(from, to)| format!("{} {}", from.format("%FT%T%.f"), to.format("%FT%T%.f")))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            show("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ["2026-01-01T00:00:00 2026-01-01T00:00:00"]
        );
        assert_eq!(
            show("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ["2026-01-01T00:00:00 2026-02-01T00:00:00"]
        );
        assert_eq!(
            show("2026-01-01T00:00:00Z", "2026-02-01T00:00:00.001Z"),
            [
                "2026-01-01T00:00:00 2026-01-31T23:59:59.999",
                "2026-02-01T00:00:00 2026-02-01T00:00:00.001"
            ]
        );
        assert_eq!(
            show("2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z"),
            [
                "2026-01-01T00:00:00 2026-01-31T23:59:59.999",
                "2026-02-01T00:00:00 2026-03-03T23:59:59.999",
                "2026-03-04T00:00:00 2026-03-31T23:59:59",
            ]
        );
        assert_eq!(
            windows(at("2025-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z")).len(),
            12
        );
    }
}
