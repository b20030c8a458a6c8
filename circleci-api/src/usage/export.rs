//! Ordering exports and waiting for them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use uuid::Uuid;

use super::csv::{Csv, UsageCsv};
use super::limits::{UsageLimits, WhenLimited, Window};
use super::rows::{Rows, UsageRows};
use crate::argument::PathValue;
use crate::client::Client;
use crate::download::flow::Flow;
use crate::error::{Error, ErrorKind};
use crate::operation::{Operation, Replay};
use crate::types::{CreateUsageExportRequest, UsageExportJobState};

/// Not in the document: what errors call it by when no single operation is to blame.
pub(super) static EXPORT: Operation =
    Operation::new("usageExport", Method::GET, "", &[], Replay::Never);

/// The first look comes after this, and the looks then get rarer: ten of them are all there is in an hour.
const FIRST_LOOK: Duration = Duration::from_secs(15);
const RAREST_LOOK: Duration = Duration::from_secs(360);
/// An order that has to wait no longer than this is as good as one that has not.
const AT_ONCE: Duration = Duration::from_secs(1);
/// For a refusal that does not say how long it lasts.
const REFUSED: Duration = Duration::from_secs(360);

impl Client {
    /// The usage of an organization between two moments, both included. Longer spans than 31 days are cut into
    /// exports of at most 31 days each, which together are one CSV. With the feature `usage`.
    ///
    /// ```no_run
    /// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
    /// let (from, to) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-03-31T23:59:59Z".parse().unwrap());
    /// let bytes = circleci.usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", from, to).to_file("usage.csv").await?;
    /// # Ok(()) }
    /// ```
    pub fn usage_export(
        &self,
        org_id: impl Into<PathValue>,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> UsageExport {
        UsageExport::new(self, org_id.into(), Span::Between(start, end))
    }

    /// Exports that were ordered before, by their `usage_export_job_id`: after a deadline, or by another program. Nothing is
    /// ordered anew. With the feature `usage`.
    ///
    /// ```no_run
    /// # async fn run(circleci: circleci_api::Client, kept: Vec<uuid::Uuid>) -> Result<(), circleci_api::Error> {
    /// let mut csv = circleci.resume_usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", kept).csv()?;
    /// # Ok(()) }
    /// ```
    pub fn resume_usage_export(
        &self,
        org_id: impl Into<PathValue>,
        jobs: impl IntoIterator<Item = Uuid>,
    ) -> UsageExport {
        UsageExport::new(
            self,
            org_id.into(),
            Span::Ordered(jobs.into_iter().collect()),
        )
    }
}

type Listener = Arc<dyn Fn(&UsageChange) + Send + Sync>;

/// An export that was asked for by [`Client::usage_export`].
///
/// Waits go through the client's [`Clock`](crate::Clock), and dropping what is waited for ends it; the exports that were
/// ordered go on at CircleCI's, and can be had with [`Client::resume_usage_export`].
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # use std::time::Duration;
/// # use circleci_api::{mock::Mock, operations::GetUsageExport, serde_json::json};
/// # use circleci_api::{usage::{UsageLimits, WhenLimited}, uuid::Uuid};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let url = server.file("file", "project_name,total_credits\nweb,12.5\ndocs,1\n");
/// # let done = json!({ "state": "completed", "download_urls": [url], "error_reason": null });
/// # server.on::<GetUsageExport>().reply_json(done);
/// # let (from, to) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-31T23:59:59Z".parse().unwrap());
/// # let (circleci, other, limits) = (server.client(), Uuid::nil(), UsageLimits::new());
/// # let path = std::env::temp_dir().join(format!("circleci-api-doc-{}.csv", std::process::id()));
/// let bytes = circleci
///     .usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", from, to)
///     .shared_org_ids([other]) // on the same plan
///     .limits(&limits)
///     .when_limited(WhenLimited::Fail)
///     .deadline(Duration::from_secs(3600))
///     .max_bytes(1 << 30)
///     .on_change(|change| eprintln!("{} of {}: {:?}, {}", change.window + 1, change.windows, change.state, change.job))
///     .to_file(&path)
///     .await?;
/// assert_eq!(bytes, 43);
/// # std::fs::remove_file(path).unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent until `csv`, `rows` or `to_file` is called and polled"]
pub struct UsageExport {
    pub(super) client: Client,
    org_id: PathValue,
    span: Span,
    shared_org_ids: Vec<Uuid>,
    limits: UsageLimits,
    when_limited: WhenLimited,
    deadline: Duration,
    pub(super) max_bytes: u64,
    listener: Option<Listener>,
}

#[derive(Clone, Debug)]
enum Span {
    Between(DateTime<Utc>, DateTime<Utc>),
    Ordered(Vec<Uuid>),
}

/// What became of an export. See the example of [`UsageExport`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UsageChange {
    /// Which of the windows of at most 31 days, from 0.
    pub window: usize,
    /// How many windows there are.
    pub windows: usize,
    /// The id of this window's export: what [`Client::resume_usage_export`] takes.
    pub job: Uuid,
    /// Its state.
    pub state: UsageExportJobState,
    /// The parts that it has; 0 until it is completed, and when there is no usage.
    pub parts: usize,
}

impl UsageExport {
    fn new(client: &Client, org_id: PathValue, span: Span) -> Self {
        Self {
            client: client.clone(),
            org_id,
            span,
            shared_org_ids: Vec::new(),
            limits: UsageLimits::new(),
            when_limited: WhenLimited::default(),
            deadline: Duration::from_secs(5 * 3600),
            max_bytes: 4 << 30,
            listener: None,
        }
    }

    /// Further organizations that share the plan, whose usage is to be in it.
    pub fn shared_org_ids(mut self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.shared_org_ids = ids.into_iter().collect();
        self
    }

    /// What CircleCI takes in an hour, shared with the organization's other exports.
    pub fn limits(mut self, limits: &UsageLimits) -> Self {
        self.limits = limits.clone();
        self
    }

    /// Whether to wait or to fail when CircleCI's limit is reached; to wait unless said otherwise.
    pub fn when_limited(mut self, what: WhenLimited) -> Self {
        self.when_limited = what;
        self
    }

    /// The total time for ordering and waiting, of all windows together; 5 hours unless said otherwise. CircleCI gives itself 4
    /// for one.
    pub fn deadline(mut self, total: Duration) -> Self {
        self.deadline = total;
        self
    }

    /// The largest CSV that is read, in bytes, unpacked; 4 GiB unless said otherwise. It bounds a packed part as well.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Called when the state of an export changes. It should not block.
    pub fn on_change(mut self, listener: impl Fn(&UsageChange) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The usage as one CSV with one header, piece by piece. Nothing is sent before the stream is polled. See the example of
    /// [`UsageCsv`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`]: the end is before the start.
    pub fn csv(self) -> Result<UsageCsv, Error> {
        Ok(UsageCsv {
            flow: Flow::Idle(self.source()?),
        })
    }

    /// The usage row by row. Nothing is sent before the stream is polled. See the example of [`UsageRows`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`]: the end is before the start.
    pub fn rows(self) -> Result<UsageRows, Error> {
        Ok(UsageRows {
            flow: Flow::Idle(Rows::new(self.source()?)),
        })
    }

    fn source(self) -> Result<Csv, Error> {
        let windows = match &self.span {
            Span::Between(start, end) if end < start => {
                return Err(Error::argument(&EXPORT, "the end is before the start"));
            }
            Span::Between(start, end) => {
                windows(*start, *end).into_iter().map(Job::Wanted).collect()
            }
            Span::Ordered(jobs) => jobs.iter().copied().map(Job::Ordered).collect(),
        };
        Ok(Csv::new(self, windows))
    }
}

impl fmt::Debug for UsageExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsageExport")
            .field("org_id", &self.org_id)
            .field("span", &self.span)
            .field("shared_org_ids", &self.shared_org_ids)
            .field("deadline", &self.deadline)
            .field("when_limited", &self.when_limited)
            .finish_non_exhaustive()
    }
}

/// One window's export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Job {
    Wanted((DateTime<Utc>, DateTime<Utc>)),
    Ordered(Uuid),
}

/// Windows of at most 31 days. CircleCI includes both ends, so that a window ends a millisecond before the next one begins, for else
/// a job at that moment would count twice.
fn windows(start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
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

/// Orders the exports of all windows, and waits for one after the other.
pub(super) struct Exports {
    export: UsageExport,
    jobs: Vec<Job>,
    /// They were ordered before.
    resumed: bool,
    started: Option<Instant>,
    waited: Duration,
}

impl Exports {
    pub(super) fn new(export: UsageExport, jobs: Vec<Job>) -> Self {
        Self {
            export,
            resumed: matches!(jobs.first(), Some(Job::Ordered(_))),
            jobs,
            started: None,
            waited: Duration::ZERO,
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.export.client
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.export.max_bytes
    }

    pub(super) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// The parts of a window, once they are there.
    pub(super) async fn parts(&mut self, window: usize) -> Result<Vec<String>, Error> {
        self.started
            .get_or_insert_with(|| self.export.client.inner.clock.now());
        // CircleCI works at them side by side: those that can be ordered now are, and the rest when its turn has come.
        for ahead in window..self.jobs.len() {
            let room = match self.export.when_limited {
                WhenLimited::Wait => AT_ONCE,
                _ => Duration::ZERO,
            };
            if ahead > window && self.export.limits.order_window().wait(self.now()) > room {
                break;
            }
            self.order(ahead).await?;
        }
        let Job::Ordered(job) = self.jobs[window] else {
            return Ok(Vec::new());
        };
        let mut known = None;
        let mut pause = FIRST_LOOK;
        loop {
            // Exports that were ordered with an earlier one, or by an earlier program, are old already.
            if (window == 0 && !self.resumed) || known.is_some() {
                let mut pause = pause;
                if self.export.when_limited == WhenLimited::Wait {
                    pause = pause.max(self.export.limits.look_window().wait(self.now()));
                }
                self.pause(pause, job).await?;
            }
            pause = (pause * 2).min(RAREST_LOOK);
            let look = self
                .export
                .client
                .get_usage_export(self.export.org_id.clone(), job);
            let looks = self.export.limits.look_window().clone();
            let found = self
                .limited(&looks, async move || look.clone().send().await)
                .await?;
            let parts = found.download_urls.len();
            // Only an old server leaves the state out.
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
                        self.export.client.inner.credential.redact(&why)
                    );
                    return Err(Error::new(ErrorKind::Failed)
                        .with_operation(&EXPORT)
                        .with_message(message));
                }
                // Created, processing, and what this version does not know.
                _ => known = Some(state),
            }
        }
    }

    async fn order(&mut self, window: usize) -> Result<(), Error> {
        let Job::Wanted((start, end)) = self.jobs[window] else {
            return Ok(());
        };
        let mut body = CreateUsageExportRequest::new(start, end);
        if !self.export.shared_org_ids.is_empty() {
            body = body.shared_org_ids(self.export.shared_org_ids.iter().copied());
        }
        let order = self
            .export
            .client
            .create_usage_export(self.export.org_id.clone(), body);
        let orders = self.export.limits.order_window().clone();
        let job = self
            .limited(&orders, async move || order.clone().send().await)
            .await?;
        self.jobs[window] = Job::Ordered(job.usage_export_job_id);
        let state = job.state.unwrap_or(UsageExportJobState::Created);
        self.tell(window, job.usage_export_job_id, &state, 0);
        Ok(())
    }

    /// A call of which CircleCI takes so many an hour. A refusal is waited out.
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
            let theirs = refused.retry_after().unwrap_or(REFUSED);
            self.may_wait(theirs, || refused)?;
            self.sleep(theirs).await;
        }
    }

    fn may_wait(&self, wait: Duration, otherwise: impl FnOnce() -> Error) -> Result<(), Error> {
        let fits = self.elapsed().saturating_add(wait) <= self.export.deadline;
        if wait.is_zero() || (fits && self.export.when_limited == WhenLimited::Wait) {
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

    /// Between two looks.
    async fn pause(&mut self, pause: Duration, job: Uuid) -> Result<(), Error> {
        // Up to a quarter more, so that several programs do not ask in step.
        let jitter = pause
            .min(RAREST_LOOK)
            .mul_f64(0.25 * fraction(self.now(), job));
        let pause = pause + jitter;
        if self.elapsed().saturating_add(pause) > self.export.deadline {
            let limit = self.export.deadline.as_secs_f64();
            let message = format!("export {job} is not done within {limit} s; it can be resumed");
            return Err(Error::new(ErrorKind::Timeout)
                .with_operation(&EXPORT)
                .with_message(message));
        }
        self.sleep(pause).await;
        Ok(())
    }

    async fn sleep(&mut self, wait: Duration) {
        if !wait.is_zero() {
            self.waited = self.waited.saturating_add(wait);
            self.export.client.inner.clock.sleep(wait).await;
        }
    }

    /// With the waits that a test did not sit out.
    fn elapsed(&self) -> Duration {
        let now = self.export.client.inner.clock.now();
        self.started
            .map_or(Duration::ZERO, |started| {
                now.saturating_duration_since(started)
            })
            .max(self.waited)
    }

    fn now(&self) -> Instant {
        self.started.map_or_else(
            || self.export.client.inner.clock.now(),
            |started| started + self.elapsed(),
        )
    }

    fn tell(&self, window: usize, job: Uuid, state: &UsageExportJobState, parts: usize) {
        if let Some(listener) = &self.export.listener {
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

/// Between 0 and 1, as good as by chance.
fn fraction(now: Instant, job: Uuid) -> f64 {
    use std::hash::BuildHasher;
    let bits = std::collections::hash_map::RandomState::new().hash_one((now, job));
    (bits >> 11) as f64 / (1u64 << 53) as f64
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
