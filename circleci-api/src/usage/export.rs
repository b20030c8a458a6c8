//! A usage export: its settings, and its output formats.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::csv::{Csv, UsageCsv};
use super::exports::Job;
use super::limits::{UsageLimits, WhenLimited};
use super::orders::{EXPORT, Order, UsageChange, windows};
use super::pieces::{Pieces, called};
use super::rows::{Rows, UsageRows};
use crate::client::Client;
use crate::download::draft::Draft;
use crate::download::flow::Flow;
use crate::error::Error;
use crate::lists::many::both;
use crate::values::argument::PathValue;

/// The maximum age of the usage that CircleCI exports.
const OLDEST: TimeDelta = TimeDelta::days(366);

impl Client {
    /// Prepares an export of an organization's usage from `start` to `end`, both included. CircleCI exports at most 31
    /// days at once, so a longer time span is split into several exports, and their results are joined. CircleCI exports
    /// nothing older than 366 days. Requires the feature `usage`.
    ///
    /// ```no_run
    /// # use std::time::SystemTime;
    /// # use circleci_api::chrono::{DateTime, TimeDelta, Utc};
    /// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
    /// let now = DateTime::<Utc>::from(SystemTime::now());
    /// let export = circleci.usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", now - TimeDelta::days(90), now);
    /// let bytes = export.to_file("usage.csv").await?;
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

    /// Prepares to read exports that were already ordered, for example by another program, or by an export whose deadline
    /// has passed. `jobs` are their ids (`usage_export_job_id`). No new export is ordered. Requires the feature `usage`.
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

/// A usage export with its settings, from [`Client::usage_export`] or [`Client::resume_usage_export`].
///
/// An export works as follows:
///
/// - A time span is split into windows of at most 31 days, with one export for each window. These exports are ordered
///   together, up to 8 calls at a time. [`UsageLimits`] allows 10 orders per hour by default. Exports beyond this limit
///   are ordered later, when the limit allows it.
/// - The exports are awaited in order. While an export is in progress, only its own state is requested, because CircleCI
///   also limits state requests. When it is completed, the states of the following exports are requested together.
/// - The parts of all exports are read in order, up to 8 at a time. At most 18 parts are started before their turn, and
///   each of them keeps about 1 MiB. So memory use does not grow with the size of the export.
///
/// All waits use the client's [`Clock`](crate::Clock). After a refusal (429), the export waits as long as the refusal
/// asks. Dropping the future or the stream ends the wait. The exports that were already ordered continue at CircleCI, and
/// [`Client::resume_usage_export`] can read them.
///
#[doc = mock_example!()]
/// # use std::time::Duration;
/// # use circleci_api::{mock::Mock, operations::GetUsageExport, serde_json::json};
/// # use circleci_api::{usage::{UsageLimits, WhenLimited}, uuid::Uuid};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let url = server.file("file", "project_name,total_credits\nweb,12.5\ndocs,1\n");
/// # let done = json!({ "state": "completed", "download_urls": [url], "error_reason": null });
/// # server.on::<GetUsageExport>().reply_json(done);
/// # let to = circleci_api::chrono::DateTime::<circleci_api::chrono::Utc>::from(std::time::SystemTime::now());
/// # let from = to - circleci_api::chrono::TimeDelta::days(30);
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
    order: Order,
    span: Span,
}

#[derive(Clone, Debug)]
enum Span {
    Between(DateTime<Utc>, DateTime<Utc>),
    Ordered(Vec<Uuid>),
}

impl UsageExport {
    fn new(client: &Client, org_id: PathValue, span: Span) -> Self {
        let order = Order {
            client: client.clone(),
            org_id,
            shared_org_ids: Vec::new(),
            limits: UsageLimits::new(),
            when_limited: WhenLimited::default(),
            deadline: Duration::from_secs(5 * 3600),
            max_bytes: 4 << 30,
            on_change: None,
        };
        Self { order, span }
    }

    /// Includes the usage of further organizations on the same plan.
    pub fn shared_org_ids(mut self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.order.shared_org_ids = ids.into_iter().collect();
        self
    }

    /// Sets the hourly limits that the export respects. All exports of an organization should share one [`UsageLimits`].
    pub fn limits(mut self, limits: &UsageLimits) -> Self {
        self.order.limits = limits.clone();
        self
    }

    /// Sets whether the export waits or fails when CircleCI's limit is reached. Default: it waits.
    pub fn when_limited(mut self, what: WhenLimited) -> Self {
        self.order.when_limited = what;
        self
    }

    /// Sets the maximum total time for ordering the exports of all windows and waiting for them. CircleCI may take up to
    /// 4 hours for one window. Default: 5 hours.
    pub fn deadline(mut self, total: Duration) -> Self {
        self.order.deadline = total;
        self
    }

    /// Sets the maximum size of the CSV, in bytes after decompression. The same limit applies to the size of each
    /// compressed part. Default: 4 GiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.order.max_bytes = bytes;
        self
    }

    /// Sets a function that is called when the state of an export changes. The function should not block.
    pub fn on_change(mut self, on_change: impl Fn(&UsageChange) + Send + Sync + 'static) -> Self {
        self.order.on_change = Some(Arc::new(on_change));
        self
    }

    /// Returns the usage as one CSV with one header, in a stream of pieces. Nothing is sent before the stream is polled.
    /// [`UsageCsv`] has an example.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the end is before the start, or if
    /// the start is more than 366 days ago.
    pub fn csv(self) -> Result<UsageCsv, Error> {
        Ok(UsageCsv {
            flow: Flow::Idle(Csv::new(self.source()?)),
        })
    }

    /// Returns the usage as a stream of rows. Nothing is sent before the stream is polled. [`UsageRows`] has an example.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the end is before the start, or if
    /// the start is more than 366 days ago.
    pub fn rows(self) -> Result<UsageRows, Error> {
        Ok(UsageRows {
            flow: Flow::Idle(Rows::new(self.source()?)),
        })
    }

    /// Writes the CSV to `path`, and returns its size in bytes. An existing file is replaced. The file appears only when
    /// it is complete. It does not appear after an error, or if the future is dropped. On Unix, the new file gets the
    /// mode of the file that it replaces. If there is no usage, the file is empty.
    ///
    /// # Errors
    ///
    /// Returns an error if the file [cannot be written](crate::ErrorKind::File), or if the usage cannot be read:
    ///
    /// - An export has [failed](crate::ErrorKind::Failed).
    /// - An export is not complete before the [deadline](crate::ErrorKind::Timeout).
    /// - A call must wait [too long](crate::ErrorKind::RateLimited) for CircleCI's limit.
    /// - The CSV or a part is [larger](crate::ErrorKind::TooLarge) than the limit.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let path = path.as_ref();
        // Find out before anything is ordered whether a file can be written there.
        drop(Draft::begin(path).map_err(called)?);
        let mut csv = self.csv()?;
        // The first piece comes after ordering and waiting. Only then is the file created.
        let mut next = csv.try_next().await?;
        let mut draft = Draft::begin(path).map_err(called)?;
        let mut bytes = 0;
        while let Some(piece) = next {
            let (written, following) = both(draft.write(&piece), csv.try_next()).await;
            written.map_err(called)?;
            bytes += piece.len() as u64;
            next = following?;
        }
        draft.keep().await.map_err(called)?;
        Ok(bytes)
    }

    fn is_too_old(&self, start: DateTime<Utc>) -> bool {
        let now = DateTime::<Utc>::from(self.order.client.inner.clock.utc());
        now.checked_sub_signed(OLDEST)
            .is_some_and(|oldest| start < oldest)
    }

    fn source(self) -> Result<Pieces, Error> {
        let windows = match &self.span {
            Span::Between(start, end) if end < start => {
                return Err(Error::argument(&EXPORT, "the end is before the start"));
            }
            Span::Between(start, _) if self.is_too_old(*start) => {
                return Err(Error::argument(
                    &EXPORT,
                    "the start is more than 366 days ago: CircleCI does not export older usage",
                ));
            }
            Span::Between(start, end) => {
                windows(*start, *end).into_iter().map(Job::Wanted).collect()
            }
            Span::Ordered(jobs) => jobs.iter().copied().map(Job::Ordered).collect(),
        };
        Ok(Pieces::new(self.order, windows))
    }
}

impl fmt::Debug for UsageExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsageExport")
            .field("org_id", &self.order.org_id)
            .field("span", &self.span)
            .field("shared_org_ids", &self.order.shared_org_ids)
            .field("deadline", &self.order.deadline)
            .field("when_limited", &self.order.when_limited)
            .finish_non_exhaustive()
    }
}
