//! The rows of a usage export.

use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use csv_core::{ReadRecordResult, Reader};

use super::pieces::{Piece, Pieces, in_row};
use super::shape;
use crate::download::flow::{Next, stream};
use crate::error::{Error, ErrorKind};

/// The longest row that is accepted, in bytes.
const MAX_ROW: usize = 1 << 20;

stream! {
    /// A stream of an organization's usage, row by row. [`UsageExport::rows`](super::UsageExport::rows) creates it.
    ///
    /// Each row has the columns of its own part, because the export of another month may have other columns. The stream
    /// returns an error if a row has more or fewer fields than its part has columns. The error contains the number of the
    /// row. Row numbers start at 1 and continue across all parts. Header lines are not counted.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetUsageExport, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let url = server.file("file", "project_name,total_credits\nweb,12.5\ndocs,1\n");
    /// # let done = json!({ "state": "completed", "download_urls": [url], "error_reason": null });
    /// # server.on::<GetUsageExport>().reply_json(done);
    /// # let to = circleci_api::chrono::DateTime::<circleci_api::chrono::Utc>::from(std::time::SystemTime::now());
    /// # let from = to - circleci_api::chrono::TimeDelta::days(30);
    /// # let circleci = server.client();
    /// let mut rows = circleci.usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", from, to).rows()?;
    /// let mut credits = 0.0;
    /// while let Some(row) = rows.try_next().await? {
    ///     credits += row.total_credits().unwrap_or(0.0);
    /// }
    /// assert_eq!(credits, 13.5);
    /// # Ok(()) }
    /// ```
    UsageRows of Rows => UsageRow
}

/// The usage of one run of a job.
///
/// There is one method for each of CircleCI's columns. It returns `None` if the value is missing, empty or invalid.
/// [`get`](Self::get) returns the text of any column, including columns that this version of the crate does not know.
/// Column names are always in lower case here, even if the export has them in upper case.
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::Mock, operations::GetUsageExport, serde_json::json};
/// # use circleci_api::usage::UsageRow;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let text = "JOB_NAME,JOB_RUN_SECONDS,TOTAL_CREDITS,A_NEW_COLUMN\nbuild,95,\\N,so much\n";
/// # let server = Mock::start().await;
/// # let url = server.file("file", text);
/// # let done = json!({ "state": "completed", "download_urls": [url], "error_reason": null });
/// # server.on::<GetUsageExport>().reply_json(done);
/// # let to = circleci_api::chrono::DateTime::<circleci_api::chrono::Utc>::from(std::time::SystemTime::now());
/// # let from = to - circleci_api::chrono::TimeDelta::days(30);
/// # let mut rows = server.client().usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", from, to).rows()?;
/// # let row = rows.try_next().await?.unwrap();
/// assert_eq!(row.job_name(), Some("build"));
/// assert_eq!(row.job_run_seconds(), Some(95.0));
/// assert_eq!(row.total_credits(), None); // it is `\N`
/// let new: Vec<_> = row.iter().filter(|(column, _)| !UsageRow::COLUMNS.contains(column)).collect();
/// assert_eq!(new, [("a_new_column", "so much")]);
/// assert_eq!(row.get("a_new_column"), Some("so much"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct UsageRow {
    columns: Arc<[String]>,
    text: String,
    /// The position in `text` where each field ends.
    ends: Vec<usize>,
}

impl UsageRow {
    /// Returns the text of a column. Returns `None` if the column is missing, or if its text is empty or `\N`. Databases
    /// write `\N` for a null value.
    pub fn get(&self, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|name| name == column)?;
        self.field(place)
            .filter(|text| !matches!(*text, "" | "\\N"))
    }

    /// Returns the name and the text of every column, in the order of the export.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .iter()
            .enumerate()
            .map(|(place, name)| (&**name, self.field(place).unwrap_or_default()))
    }

    fn field(&self, place: usize) -> Option<&str> {
        let start = match place {
            0 => 0,
            _ => *self.ends.get(place - 1)?,
        };
        self.text.get(start..*self.ends.get(place)?)
    }
}

/// Prints the row as a map from column to text.
impl fmt::Debug for UsageRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

macro_rules! columns {
    ($($(#[$meta:meta])* $name:ident: $read:ident -> $ty:ty,)*) => {
        impl UsageRow {
            /// The names of the columns in CircleCI's document, in the order of that document.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($name)),*];

            $($(#[$meta])*
            ///
            #[doc = concat!("The column `", stringify!($name), "`. [`UsageRow`] has an example.")]
            pub fn $name(&self) -> Option<$ty> {
                $read(self.get(stringify!($name))?)
            })*
        }
    };
}

columns! {
    /// The id of the organization.
    organization_id: text -> &str,
    /// The name of the organization.
    organization_name: text -> &str,
    /// When the organization was created (UTC).
    organization_created_date: moment -> DateTime<Utc>,
    /// The id of the project.
    project_id: text -> &str,
    /// The name of the project, which is the repository's name or a name that was given to the project.
    project_name: text -> &str,
    /// When the project was created on CircleCI, or when its repository was authorized (UTC).
    project_created_date: moment -> DateTime<Utc>,
    /// When the project's last pipeline ran (UTC).
    last_build_finished_at: moment -> DateTime<Utc>,
    /// The name of the VCS, such as `GITHUB`.
    vcs_name: text -> &str,
    /// The URL of the VCS on which the pipeline ran.
    vcs_url: text -> &str,
    /// The branch on which the pipeline ran.
    vcs_branch: text -> &str,
    /// The id of the pipeline. Reruns of the pipeline have the same id.
    pipeline_id: text -> &str,
    /// When the pipeline was first triggered (UTC).
    pipeline_created_at: moment -> DateTime<Utc>,
    /// The number of the pipeline.
    pipeline_number: integer -> i64,
    /// Whether the pipeline was triggered by a person who is not registered with CircleCI.
    is_unregistered_user: flag -> bool,
    /// What triggered the pipeline, such as the API or a webhook.
    pipeline_trigger_source: text -> &str,
    /// The id of the user who triggered the pipeline.
    pipeline_trigger_user_id: text -> &str,
    /// The id of the workflow.
    workflow_id: text -> &str,
    /// The name of the workflow.
    workflow_name: text -> &str,
    /// When the workflow's first job was queued (UTC).
    workflow_first_job_queued_at: moment -> DateTime<Utc>,
    /// When the workflow's first job started (UTC).
    workflow_first_job_started_at: moment -> DateTime<Utc>,
    /// When the workflow stopped (UTC).
    workflow_stopped_at: moment -> DateTime<Utc>,
    /// Whether all jobs of the workflow succeeded.
    is_workflow_successful: flag -> bool,
    /// The name of the job.
    job_name: text -> &str,
    /// The id of this run of the job.
    job_id: text -> &str,
    /// The number of this run of the job.
    job_run_number: integer -> i64,
    /// The date when the job run began (UTC).
    job_run_date: moment -> DateTime<Utc>,
    /// When the job run was queued (UTC).
    job_run_queued_at: moment -> DateTime<Utc>,
    /// When the job run started (UTC).
    job_run_started_at: moment -> DateTime<Utc>,
    /// When the job run stopped (UTC).
    job_run_stopped_at: moment -> DateTime<Utc>,
    /// The status of the job run.
    job_build_status: text -> &str,
    /// The resource class, such as `large`.
    resource_class: text -> &str,
    /// The operating system.
    operating_system: text -> &str,
    /// The executor.
    executor: text -> &str,
    /// The number of parallel runs.
    parallelism: integer -> i64,
    /// The duration of the job run, in seconds.
    job_run_seconds: number -> f64,
    /// The median CPU utilization in percent. It is missing for jobs shorter than 15 seconds, and sometimes for other
    /// jobs.
    median_cpu_utilization_pct: number -> f64,
    /// The maximum CPU utilization in percent. It is missing for jobs shorter than 15 seconds, and sometimes for other
    /// jobs.
    max_cpu_utilization_pct: number -> f64,
    /// The median RAM utilization in percent. It is missing for jobs shorter than 15 seconds, and sometimes for other
    /// jobs.
    median_ram_utilization_pct: number -> f64,
    /// The maximum RAM utilization in percent. It is missing for jobs shorter than 15 seconds, and sometimes for other
    /// jobs.
    max_ram_utilization_pct: number -> f64,
    /// Credits for compute.
    compute_credits: number -> f64,
    /// Credits for Docker layer caching.
    dlc_credits: number -> f64,
    /// Credits for users.
    user_credits: number -> f64,
    /// Credits for storage. They are 0 while the organization is below its allowance.
    storage_credits: number -> f64,
    /// Credits for network traffic.
    network_credits: number -> f64,
    /// Credits for leases.
    lease_credits: number -> f64,
    /// Credits for leases beyond the included amount.
    lease_overage_credits: number -> f64,
    /// Credits for IP ranges.
    ipranges_credits: number -> f64,
    /// The total of all credits.
    total_credits: number -> f64,
}

fn text(text: &str) -> Option<&str> {
    Some(text)
}

fn integer(text: &str) -> Option<i64> {
    // A database may write a whole number with a fraction of zero, such as `17.0`.
    let text = text.trim();
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

fn number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" | "1" => Some(true),
        "n" | "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Reads an RFC 3339 time, or a UTC date with or without a time of day.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    let plain = text
        .strip_suffix("UTC")
        .or(text.strip_suffix('Z'))
        .unwrap_or(text)
        .trim_end();
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(plain, format) {
            return Some(moment.and_utc());
        }
    }
    Some(
        NaiveDate::parse_from_str(plain, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)?
            .and_utc(),
    )
}

pub(super) struct Rows {
    parts: Pieces,
    reader: Box<Reader>,
    columns: Arc<[String]>,
    piece: Bytes,
    /// True if the part has ended. `piece` is then the line break that ends its last line.
    closing: bool,
    /// The current row so far. Its text is the first `length` bytes of `text`, and the ends of its fields are the first
    /// `fields` entries of `ends`.
    text: Vec<u8>,
    length: usize,
    ends: Vec<usize>,
    fields: usize,
    row: u64,
}

impl Rows {
    pub(super) fn new(parts: Pieces) -> Self {
        Self {
            parts,
            reader: Box::new(Reader::new()),
            columns: Arc::from([]),
            piece: Bytes::new(),
            closing: false,
            text: vec![0; 1024],
            length: 0,
            ends: vec![0; 64],
            fields: 0,
            row: 1,
        }
    }

    /// Gets the next piece if the current one was read completely. Returns `false` if no part is left.
    async fn refill(&mut self) -> Result<bool, Error> {
        while self.piece.is_empty() {
            if self.closing {
                self.closing = false;
                if self.length > 0 || self.fields > 0 {
                    return Err(shape::open_quote(self.row));
                }
            }
            match self.parts.next().await? {
                None => return Ok(false),
                Some(Piece::Header { columns, .. }) => {
                    // Each part has its own columns.
                    self.columns = columns.into();
                    *self.reader = Reader::new();
                }
                Some(Piece::Text(text)) => self.piece = text,
                Some(Piece::End) => {
                    self.closing = true;
                    self.piece = Bytes::from_static(b"\n");
                }
            }
        }
        Ok(true)
    }

    fn too_large(&self, what: &str) -> Error {
        let why = format!("it has more than {MAX_ROW} {what}");
        in_row(self.row, ErrorKind::TooLarge, why)
    }
}

impl Next for Rows {
    type Item = UsageRow;

    async fn next(&mut self) -> Result<Option<UsageRow>, Error> {
        while self.refill().await? {
            let (text, ends) = (&mut self.text[self.length..], &mut self.ends[self.fields..]);
            let (result, read, wrote, fields) = self.reader.read_record(&self.piece, text, ends);
            self.piece.advance(read);
            self.length += wrote;
            self.fields += fields;
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
                ReadRecordResult::OutputFull if self.text.len() >= MAX_ROW => {
                    return Err(self.too_large("bytes"));
                }
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() >= MAX_ROW => {
                    return Err(self.too_large("fields"));
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => {
                    let (text, ends) =
                        legible(&self.text[..self.length], &self.ends[..self.fields]);
                    let (fields, row) = (self.fields, self.row);
                    (self.length, self.fields) = (0, 0);
                    self.row += 1;
                    shape::check(row, fields, self.columns.len())?;
                    return Ok(Some(UsageRow {
                        columns: Arc::clone(&self.columns),
                        text,
                        ends,
                    }));
                }
            }
        }
        Ok(None)
    }
}

/// Returns the row as text, and the position where each field ends. Bytes that are not valid UTF-8 become replacement
/// characters.
fn legible(bytes: &[u8], ends: &[usize]) -> (String, Vec<usize>) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), ends.to_vec());
    }
    let (mut text, mut start) = (String::with_capacity(bytes.len()), 0);
    let end = |end: &usize| {
        text.push_str(&String::from_utf8_lossy(
            bytes.get(start..*end).unwrap_or_default(),
        ));
        start = *end;
        text.len()
    };
    let ends = ends.iter().map(end).collect();
    (text, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_in_many_forms() {
        for (form, expected) in [
            ("2026-01-05", Some("2026-01-05T00:00:00Z")),
            ("2026-01-05 12:03:22", Some("2026-01-05T12:03:22Z")),
            ("2026-01-05 12:03:22.123", Some("2026-01-05T12:03:22.123Z")),
            ("2026-01-05 12:03:22.5 UTC", Some("2026-01-05T12:03:22.5Z")),
            ("2026-01-05T12:03:22Z", Some("2026-01-05T12:03:22Z")),
            ("2026-01-05T12:03:22", Some("2026-01-05T12:03:22Z")),
            ("2026-01-05T13:03:22+01:00", Some("2026-01-05T12:03:22Z")),
            ("soon", None),
            ("2026-13-05", None),
        ] {
            assert_eq!(
                moment(form),
                expected.map(|text| text.parse().unwrap()),
                "{form}"
            );
        }
    }

    #[test]
    fn what_is_no_number_or_flag_is_none() {
        assert_eq!(number(" 1.5e3 "), Some(1500.0));
        assert_eq!([number("NaN"), number("inf"), number("x")], [None; 3]);
        assert_eq!(
            [integer("17"), integer("17.0"), integer("17.5")],
            [Some(17), Some(17), None]
        );
        assert_eq!(
            [flag("Y"), flag("n"), flag("FALSE"), flag("?")],
            [Some(true), Some(false), Some(false), None]
        );
    }
}
