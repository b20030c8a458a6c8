//! Decompresses the parts of an export one after the other, and separates the header of each part from its rows.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use super::ahead::{Part, Parts, parts};
use super::desk::Desk;
use super::exports::{Exports, Job};
use super::orders::{EXPORT, Order};
use crate::download::gunzip::{self, Gunzip};
use crate::error::{Error, ErrorKind};

/// The longest header that is accepted, in bytes.
const MAX_HEADER: usize = 64 * 1024;
/// The number of compressed bytes that are decompressed in one step.
const BLOCK: usize = 16 * 1024;

/// A piece of a part. The pieces of a part come in the order of these variants.
pub(super) enum Piece {
    /// The unchanged header line, and its column names in lower case. An empty part has no header.
    Header { text: Bytes, columns: Vec<String> },
    /// The next bytes after the header. They may end in the middle of a row.
    Text(Bytes),
    /// The part is complete.
    End,
}

/// The pieces of all parts.
pub(super) struct Pieces {
    desk: Desk,
    parts: Parts,
    part: Option<Unpacking>,
    pieces: VecDeque<Piece>,
    unpacked: u64,
}

/// The part that is currently being decompressed.
struct Unpacking {
    part: Part,
    /// Bytes that were received but not decompressed yet.
    piece: Bytes,
    gunzip: Gunzip,
    /// The beginning of the part while its header is incomplete, and `None` afterwards.
    head: Option<Vec<u8>>,
}

pub(super) fn called(error: Error) -> Error {
    error.with_operation(&EXPORT)
}

pub(super) fn wrong(why: impl Into<String>) -> Error {
    called(Error::new(ErrorKind::Decode).with_message(why))
}

pub(super) fn in_row(row: u64, kind: ErrorKind, why: String) -> Error {
    called(Error::new(kind).with_message(why)).with_path(format!("row {row}"))
}

impl Pieces {
    pub(super) fn new(order: Order, jobs: Vec<Job>) -> Self {
        let desk = Desk::new(order);
        Self {
            parts: parts(desk.clone(), Exports::new(desk.clone(), jobs)),
            desk,
            part: None,
            pieces: VecDeque::new(),
            unpacked: 0,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            let Some(mut current) = self.part.take() else {
                let Some(part) = self.parts.try_next().await? else {
                    return Ok(None);
                };
                self.part = Some(Unpacking {
                    part,
                    piece: Bytes::new(),
                    gunzip: Gunzip::default(),
                    head: Some(Vec::new()),
                });
                continue;
            };
            if current.piece.is_empty() {
                // While the current part waits for its next bytes, the following parts are read too.
                let next = self.parts.beside(current.part.next(&self.desk)).await?;
                current.piece = next.unwrap_or_default();
            }
            let block = gunzip::block(&mut current.piece, BLOCK);
            self.unpack(&mut current, block.as_deref())?;
            match block {
                Some(_) => self.part = Some(current),
                None => self.pieces.push_back(Piece::End),
            }
        }
    }

    /// Decompresses a block. A `block` of `None` marks the end of the part.
    fn unpack(&mut self, part: &mut Unpacking, block: Option<&[u8]>) -> Result<(), Error> {
        let Unpacking { gunzip, head, .. } = part;
        let mut text = Vec::new();
        // The decoder can only return an `io::Error`, so the crate's own error is kept here.
        let mut failure = None;
        let mut take = |bytes: &[u8]| {
            let taken = self.count(bytes.len()).and_then(|()| match head {
                None => {
                    text.extend_from_slice(bytes);
                    Ok(())
                }
                Some(line) => {
                    line.extend_from_slice(bytes);
                    // A header can only be complete after a line break.
                    let complete = bytes.contains(&b'\n');
                    self.split(head, complete, false, &mut text)
                }
            });
            taken.map_err(|error| {
                failure = Some(error);
                io::Error::other("stopped")
            })
        };
        let unpacked = match block {
            Some(block) => gunzip.push(block, &mut take),
            None => gunzip.finish(&mut take),
        };
        if let Err(error) = unpacked {
            return Err(
                failure.unwrap_or_else(|| wrong(format!("a part cannot be unpacked: {error}")))
            );
        }
        if block.is_none() {
            self.split(head, true, true, &mut text)?;
        }
        if !text.is_empty() {
            self.pieces.push_back(Piece::Text(text.into()));
        }
        Ok(())
    }

    /// Separates the header of a part from the rows that follow it.
    fn split(
        &mut self,
        head: &mut Option<Vec<u8>>,
        complete: bool,
        ended: bool,
        text: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Some(line) = head else {
            return Ok(());
        };
        let Some(header) = complete.then(|| Header::read(line, ended)).flatten() else {
            return match line.len() > MAX_HEADER {
                true => Err(wrong("a part has no header")),
                false => Ok(()),
            };
        };
        text.extend_from_slice(&line[header.end..]);
        if !header.columns.is_empty() {
            let mut line = line[header.start..header.end].trim_ascii().to_owned();
            line.push(b'\n');
            self.pieces.push_back(Piece::Header {
                text: line.into(),
                columns: header.columns,
            });
        }
        *head = None;
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.unpacked = self.unpacked.saturating_add(bytes as u64);
        let limit = self.desk.order.max_bytes;
        match self.unpacked > limit {
            true => Err(called(
                Error::new(ErrorKind::TooLarge).with_message(format!("more than {limit} bytes")),
            )),
            false => Ok(()),
        }
    }
}

/// The position and the column names of the header, which is the first line that is not blank.
struct Header {
    start: usize,
    end: usize,
    columns: Vec<String>,
}

impl Header {
    /// Reads the header. Returns `None` if it is not complete. If all lines are blank, the header has no columns.
    fn read(bytes: &[u8], ended: bool) -> Option<Self> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let text = bytes.strip_prefix(MARK).unwrap_or(bytes);
        let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let start = bytes.len() - text.len() + text.iter().take_while(blank).count();
        let (read, columns) = first_line(&bytes[start..], ended)?;
        Some(Self {
            start,
            end: start + read,
            columns,
        })
    }
}

/// Returns the length of the first line, and its column names without quotes. A quoted name may contain a line break.
fn first_line(bytes: &[u8], ended: bool) -> Option<(usize, Vec<String>)> {
    let mut reader = ReaderBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .build();
    let (mut text, mut ends) = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 2]);
    let (mut result, read, mut wrote, mut fields) = reader.read_record(bytes, &mut text, &mut ends);
    if matches!(result, ReadRecordResult::InputEmpty) && ended {
        let rest = reader.read_record(&[], &mut text[wrote..], &mut ends[fields..]);
        (result, wrote, fields) = (rest.0, wrote + rest.2, fields + rest.3);
    }
    match result {
        ReadRecordResult::Record => Some((read, columns(&text[..wrote], &ends[..fields]))),
        ReadRecordResult::End => Some((read, Vec::new())),
        _ => None,
    }
}

fn columns(text: &[u8], ends: &[usize]) -> Vec<String> {
    let mut start = 0;
    let mut name = |end: &usize| {
        let name = text.get(start..*end).unwrap_or_default();
        start = *end;
        String::from_utf8_lossy(name).trim().to_ascii_lowercase()
    };
    ends.iter().map(&mut name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_where_its_line_does_and_quotes_do_not_matter() {
        for (text, header, columns) in [
            ("a,b\nrest", "a,b\n", vec!["a", "b"]),
            ("\u{feff}\"a\",B\r\nrest", "\"a\",B\r\n", vec!["a", "b"]),
            ("\"a\nb\", c\nrest", "\"a\nb\", c\n", vec!["a\nb", "c"]),
            ("\n\r\n\na\nrest", "a\n", vec!["a"]),
            ("a\"b,c\nrest", "a\"b,c\n", vec!["a\"b", "c"]),
        ] {
            let got = Header::read(text.as_bytes(), false).unwrap();
            assert_eq!(&text[got.start..got.end], header, "{text:?}");
            assert_eq!(got.columns, columns, "{text:?}");
            assert!(Header::read(text.trim_end_matches("\nrest").as_bytes(), false).is_none());
        }
        for (text, columns) in [("", 0), ("\n\r\n", 0), ("a,b", 2), ("\"a,b", 1)] {
            let got = Header::read(text.as_bytes(), true).unwrap();
            assert_eq!(
                (got.end, got.columns.len()),
                (text.len(), columns),
                "{text:?}"
            );
        }
    }
}
