//! Joins the parts of all exports into one CSV.

use bytes::Bytes;

use super::pieces::{Piece, Pieces, wrong};
use super::shape::Shape;
use crate::download::flow::{Next, stream};
use crate::error::Error;

stream! {
    /// A stream of an organization's usage. [`UsageExport::csv`](super::UsageExport::csv) creates it. The stream returns
    /// one CSV with one header, in pieces. A piece may end anywhere, even inside a row.
    ///
    /// CircleCI delivers an export in parts. The client's [`RetryPolicy`](crate::RetryPolicy) decides whether a part that
    /// fails is requested again. The parts are downloaded from signed URLs. The client never sends the token to these
    /// URLs. When the URLs have expired (status 401 or 403), one `getUsageExport` call requests new URLs for all parts of
    /// the export, and each part continues where it stopped.
    ///
    /// The stream returns an error if a row has more or fewer fields than there are columns. It also returns an error if
    /// the columns of a part differ from those of the first part.
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
    /// let mut csv = circleci.usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", from, to).csv()?;
    /// let mut text = Vec::new();
    /// while let Some(piece) = csv.try_next().await? {
    ///     text.extend_from_slice(&piece);
    /// }
    /// assert!(text.starts_with(b"project_name,total_credits\n"));
    /// # Ok(()) }
    /// ```
    UsageCsv of Csv => Bytes
}

pub(super) struct Csv {
    parts: Pieces,
    /// The columns of the first part.
    columns: Option<Vec<String>>,
    shape: Shape,
    /// Whether the output so far ends with a line break.
    at_line: bool,
}

impl Csv {
    pub(super) fn new(parts: Pieces) -> Self {
        Self {
            parts,
            columns: None,
            shape: Shape::default(),
            at_line: true,
        }
    }
}

impl Next for Csv {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let text = match self.parts.next().await? {
                None => return Ok(None),
                Some(Piece::Header { text, columns }) => {
                    self.shape.begin(columns.len());
                    match &self.columns {
                        None => {
                            self.columns = Some(columns);
                            text
                        }
                        Some(first) if *first == columns => continue,
                        Some(_) => {
                            return Err(wrong(
                                "two parts have different columns and cannot form one CSV; use `rows`, which reads columns by name",
                            ));
                        }
                    }
                }
                Some(Piece::Text(text)) => {
                    self.shape.push(&text)?;
                    text
                }
                Some(Piece::End) => {
                    self.shape.end()?;
                    // The last line of a part may have no line break.
                    if self.at_line {
                        continue;
                    }
                    Bytes::from_static(b"\n")
                }
            };
            if let Some(last) = text.last() {
                self.at_line = *last == b'\n';
                return Ok(Some(text));
            }
        }
    }
}
