//! Orders exports, and waits for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use uuid::Uuid;

use super::limits::{UsageLimits, WhenLimited, Window};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::generated::types::{
    CreateUsageExportRequest, UsageExportJobState, UsageExportJobStatus,
};
use crate::operation::{Operation, Replay};
use crate::retry::backoff::Backoff;
use crate::retry::clock::Stopwatch;
use crate::values::argument::PathValue;

/// The operation's name in errors, if no single operation failed. It is not in the document.
pub(super) static EXPORT: Operation =
    Operation::new("usageExport", Method::GET, "", &[], Replay::Never);

/// The time before the first state request. Later intervals are longer, because only ten requests per hour are allowed.
const FIRST_LOOK: Duration = Duration::from_secs(15);
const RAREST_LOOK: Duration = Duration::from_secs(450);
/// An order that waits no longer than this counts as one that does not wait.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The wait after a refusal that does not say how long to wait.
const REFUSED: Duration = Duration::from_secs(360);

pub(super) type Listener = Arc<dyn Fn(&UsageChange) + Send + Sync>;

/// What to order, and how long that may take.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) client: Client,
    pub(super) org_id: PathValue,
    pub(super) shared_org_ids: Vec<Uuid>,
    pub(super) limits: UsageLimits,
    pub(super) when_limited: WhenLimited,
    pub(super) deadline: Duration,
    pub(super) max_bytes: u64,
    pub(super) listener: Option<Listener>,
}

/// A new state of an export. For usage, see the example of [`UsageExport`](super::UsageExport).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UsageChange {
    /// The index of the window (at most 31 days each), from 0.
    pub window: usize,
    /// The number of windows.
    pub windows: usize,
    /// The id of this window's export, for [`Client::resume_usage_export`].
    pub job: Uuid,
    /// Its state.
    pub state: UsageExportJobState,
    /// The number of parts; 0 until the export is completed, or if there is no usage.
    pub parts: usize,
}

/// The export of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Job {
    Wanted((DateTime<Utc>, DateTime<Utc>)),
    Ordered(Uuid),
}

/// Windows of at most 31 days. CircleCI includes both ends, so a window ends a millisecond before the next one begins.
/// Otherwise a job at that time would count twice.
pub(super) fn windows(
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let (longest, tick) = (TimeDelta::days(31), TimeDelta::milliseconds(1));
    let mut windows = Vec::new();
    let mut from = start;
    while let Some(next) = from.checked_add_signed(longest).filter(|next| *next <= end) {
        // Exactly 31 days are one window.
        if next == end {
            break;
        }
        windows.push((from, next - tick));
        from = next;
    }
    windows.push((from, end));
    windows
}

/// Orders the exports of all windows, and waits for them one after the other.
pub(super) struct Exports {
    order: Order,
    jobs: Vec<Job>,
    /// They were ordered earlier.
    resumed: bool,
    time: Option<Stopwatch>,
}

impl Exports {
    pub(super) fn new(order: Order, jobs: Vec<Job>) -> Self {
        Self {
            order,
            resumed: matches!(jobs.first(), Some(Job::Ordered(_))),
            jobs,
            time: None,
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.order.client
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.order.max_bytes
    }

    pub(super) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// The parts of a window, when they are ready.
    pub(super) async fn parts(&mut self, window: usize) -> Result<Vec<String>, Error> {
        self.time();
        // CircleCI processes exports in parallel: order as many as the limit allows now, and the others when their turn
        // comes.
        for ahead in window..self.jobs.len() {
            let room = match self.order.when_limited {
                WhenLimited::Wait => AT_ONCE,
                _ => Duration::ZERO,
            };
            if ahead > window && self.order.limits.order_window().wait(self.now()) > room {
                break;
            }
            self.order(ahead).await?;
        }
        let Job::Ordered(job) = self.jobs[window] else {
            return Ok(Vec::new());
        };
        let mut known = None;
        let mut pauses = Backoff::new(FIRST_LOOK, RAREST_LOOK, 2.0, 0.25);
        loop {
            // An export that was ordered together with an earlier one, or by an earlier program, has had time already.
            if (window == 0 && !self.resumed) || known.is_some() {
                let mut pause = pauses.next();
                if self.order.when_limited == WhenLimited::Wait {
                    pause = pause.max(self.order.limits.look_window().wait(self.now()));
                }
                self.pause(pause, job).await?;
            }
            let found = self.look(job).await?;
            let parts = found.download_urls.len();
            // Only an old server omits the state.
            let state = found.state.unwrap_or(match parts {
                0 => UsageExportJobState::Processing,
                _ => UsageExportJobState::Completed,
            });
            if known.as_ref() != Some(&state) {
                self.tell(window, job, &state, parts);
            }
            match &state {
                UsageExportJobState::Completed => return Ok(found.download_urls),
                UsageExportJobState::Failed => {
                    let why = found
                        .error_reason
                        .unwrap_or_else(|| "CircleCI does not say why".to_owned());
                    let message = format!(
                        "export {job}: {}",
                        self.order.client.inner.credential.redact(&why)
                    );
                    return Err(Error::new(ErrorKind::Failed)
                        .with_operation(&EXPORT)
                        .with_message(message));
                }
                // Created, processing, or a state that this version does not know.
                _ => known = Some(state),
            }
        }
    }

    /// Requests the URLs of a window's parts again, because they have expired. It counts as one state request.
    pub(super) async fn parts_again(&mut self, window: usize) -> Result<Vec<String>, Error> {
        match self.jobs.get(window) {
            Some(Job::Ordered(job)) => Ok(self.look(*job).await?.download_urls),
            _ => Ok(Vec::new()),
        }
    }

    async fn look(&mut self, job: Uuid) -> Result<UsageExportJobStatus, Error> {
        let look = self
            .order
            .client
            .get_usage_export(self.order.org_id.clone(), job);
        let looks = self.order.limits.look_window().clone();
        self.limited(&looks, async move || look.clone().send().await)
            .await
    }

    async fn order(&mut self, window: usize) -> Result<(), Error> {
        let Job::Wanted((start, end)) = self.jobs[window] else {
            return Ok(());
        };
        let mut body = CreateUsageExportRequest::new(start, end);
        if !self.order.shared_org_ids.is_empty() {
            body = body.shared_org_ids(self.order.shared_org_ids.iter().copied());
        }
        let order = self
            .order
            .client
            .create_usage_export(self.order.org_id.clone(), body);
        let orders = self.order.limits.order_window().clone();
        let job = self
            .limited(&orders, async move || order.clone().send().await)
            .await?;
        self.jobs[window] = Job::Ordered(job.usage_export_job_id);
        let state = job.state.unwrap_or(UsageExportJobState::Created);
        self.tell(window, job.usage_export_job_id, &state, 0);
        Ok(())
    }

    /// Makes a call that CircleCI limits per hour. After a refusal, it waits.
    async fn limited<T>(
        &mut self,
        window: &Window,
        call: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let ours = window.wait(self.now());
            self.may_wait(ours, || {
                Error::new(ErrorKind::RateLimited)
                    .with_message("as many as CircleCI takes in an hour were sent")
            })?;
            self.sleep(window.take(self.now())).await;
            let refused = match call().await {
                Err(error) if error.is_rate_limited() => error,
                done => return done,
            };
            // A refusal that asks for no wait is still a refusal, and each new call counts towards the hourly limit.
            let theirs = refused
                .retry_after()
                .filter(|wait| !wait.is_zero())
                .unwrap_or(REFUSED);
            self.may_wait(theirs, || refused)?;
            self.sleep(theirs).await;
        }
    }

    fn may_wait(&self, wait: Duration, otherwise: impl FnOnce() -> Error) -> Result<(), Error> {
        let fits = self.elapsed().saturating_add(wait) <= self.order.deadline;
        if wait.is_zero() || (fits && self.order.when_limited == WhenLimited::Wait) {
            return Ok(());
        }
        let error = otherwise();
        Err(if error.operation().is_some() {
            error
        } else {
            error.with_operation(&EXPORT)
        }
        .with_retry_after(Some(wait)))
    }

    /// The wait between two state requests.
    async fn pause(&mut self, pause: Duration, job: Uuid) -> Result<(), Error> {
        if self.elapsed().saturating_add(pause) > self.order.deadline {
            let limit = self.order.deadline.as_secs_f64();
            let message = format!("export {job} is not done within {limit} s; it can be resumed");
            return Err(Error::new(ErrorKind::Timeout)
                .with_operation(&EXPORT)
                .with_message(message));
        }
        self.sleep(pause).await;
        Ok(())
    }

    async fn sleep(&mut self, wait: Duration) {
        let clock = Arc::clone(&self.order.client.inner.clock);
        self.time().sleep(&*clock, wait).await;
    }

    /// The time since the first call.
    fn time(&mut self) -> &mut Stopwatch {
        let (clock, deadline) = (&self.order.client.inner.clock, self.order.deadline);
        self.time
            .get_or_insert_with(|| Stopwatch::start(clock.now(), Some(deadline)))
    }

    fn elapsed(&self) -> Duration {
        let now = self.order.client.inner.clock.now();
        self.time.map_or(Duration::ZERO, |time| time.elapsed(now))
    }

    /// The time for the hours of [`UsageLimits`]. It includes waits, even if a test's clock skips them.
    fn now(&self) -> Instant {
        let now = self.order.client.inner.clock.now();
        self.time.map_or(now, |time| time.moment(now))
    }

    fn tell(&self, window: usize, job: Uuid, state: &UsageExportJobState, parts: usize) {
        if let Some(listener) = &self.order.listener {
            listener(&UsageChange {
                window,
                windows: self.jobs.len(),
                job,
                state: state.clone(),
                parts,
            });
        }
    }
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
