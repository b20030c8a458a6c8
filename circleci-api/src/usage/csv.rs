//! Many packed parts, one CSV.

use std::io;
use std::vec;

use bytes::Bytes;

use super::orders::{EXPORT, Exports};
use crate::download::flow::{Next, stream};
use crate::download::gunzip::{self, Gunzip};
use crate::download::transfer::Transfer;
use crate::error::{Error, ErrorKind};

/// No header is longer.
const MAX_HEADER: usize = 64 * 1024;
/// What is unpacked at once.
const BLOCK: usize = 16 * 1024;

stream! {
    /// An organization's usage as one CSV with one header, piece by piece: [`UsageExport::csv`](super::UsageExport::csv). A piece may end anywhere.
    ///
    /// A part that fails is asked for again, as the client's [`RetryPolicy`](crate::RetryPolicy) has it. The parts lie in storage under URLs
    /// that are signed; they never get the token.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # use circleci_api::{mock::Mock, operations::GetUsageExport, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let url = server.file("file", "project_name,total_credits\nweb,12.5\ndocs,1\n");
    /// # let done = json!({ "state": "completed", "download_urls": [url], "error_reason": null });
    /// # server.on::<GetUsageExport>().reply_json(done);
    /// # let (from, to) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-31T23:59:59Z".parse().unwrap());
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

pub(super) fn called(error: Error) -> Error {
    error.with_operation(&EXPORT)
}

pub(super) struct Csv {
    exports: Exports,
    window: usize,
    urls: vec::IntoIter<String>,
    part: Option<Part>,
    /// The header of the first part, without its end.
    header: Option<Vec<u8>>,
    /// Whether what was handed out ends with a line.
    at_line: bool,
    unpacked: u64,
}

struct Part {
    transfer: Transfer,
    /// What has come in and is not yet unpacked.
    piece: Bytes,
    gunzip: Gunzip,
    /// The part's header, until it is complete.
    head: Option<Vec<u8>>,
}

impl Csv {
    pub(super) fn new(exports: Exports) -> Self {
        Self {
            exports,
            window: 0,
            urls: Vec::new().into_iter(),
            part: None,
            header: None,
            at_line: true,
            unpacked: 0,
        }
    }

    /// What of the unpacked bytes belongs to the CSV.
    fn sort(
        &mut self,
        head: &mut Option<Vec<u8>>,
        mut bytes: &[u8],
        ended: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if let Some(mut line) = head.take() {
            match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    line.extend_from_slice(&bytes[..end]);
                    bytes = &bytes[end + 1..];
                }
                None => {
                    line.extend_from_slice(bytes);
                    if line.len() > MAX_HEADER {
                        return Err(wrong("a part has no header"));
                    }
                    bytes = &[];
                    if !ended {
                        *head = Some(line);
                        return Ok(());
                    }
                }
            }
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match &self.header {
                // A part without anything.
                _ if line.is_empty() => {}
                None => {
                    out.extend_from_slice(line);
                    out.push(b'\n');
                    self.header = Some(line.to_owned());
                }
                Some(header) if header == line => {}
                Some(_) => return Err(wrong("two parts have different columns")),
            }
        }
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.unpacked = self.unpacked.saturating_add(bytes as u64);
        let limit = self.exports.max_bytes();
        match self.unpacked > limit {
            true => Err(called(
                Error::new(ErrorKind::TooLarge).with_message(format!("more than {limit} bytes")),
            )),
            false => Ok(()),
        }
    }
}

fn wrong(why: impl Into<String>) -> Error {
    called(Error::new(ErrorKind::Decode).with_message(why))
}

impl Next for Csv {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(mut part) = self.part.take() else {
                if let Some(url) = self.urls.next() {
                    let transfer = Transfer::new(
                        self.exports.client(),
                        &EXPORT,
                        &url,
                        None,
                        self.exports.max_bytes(),
                    )?;
                    self.part = Some(Part {
                        transfer,
                        piece: Bytes::new(),
                        gunzip: Gunzip::default(),
                        head: Some(Vec::new()),
                    });
                    continue;
                }
                if self.window == self.exports.count() {
                    return Ok(None);
                }
                self.urls = self.exports.parts(self.window).await?.into_iter();
                self.window += 1;
                continue;
            };
            while part.piece.is_empty()
                && let Some(piece) = part.transfer.next().await?
            {
                part.piece = piece;
            }
            let block = gunzip::block(&mut part.piece, BLOCK);
            let ended = block.is_none();
            let mut out = Vec::new();
            // An error of ours on its way through the decoder.
            let mut failure = None;
            let mut take = |bytes: &[u8]| {
                let sorted = self
                    .count(bytes.len())
                    .and_then(|()| self.sort(&mut part.head, bytes, false, &mut out));
                sorted.map_err(|error| {
                    failure = Some(error);
                    io::Error::other("stopped")
                })
            };
            let unpacked = match &block {
                Some(block) => part.gunzip.push(block, &mut take),
                None => part.gunzip.finish(&mut take),
            };
            if let Err(error) = unpacked {
                return Err(
                    failure.unwrap_or_else(|| wrong(format!("a part cannot be unpacked: {error}")))
                );
            }
            if ended {
                self.sort(&mut part.head, &[], true, &mut out)?;
                // The last line of a part may lack its end.
                if out.last().map_or(!self.at_line, |last| *last != b'\n') {
                    out.push(b'\n');
                }
            } else {
                self.part = Some(part);
            }
            if let Some(last) = out.last() {
                self.at_line = *last == b'\n';
                return Ok(Some(out.into()));
            }
        }
    }
}
