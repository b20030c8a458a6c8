//! Checks that each row of a part has as many fields as the part's header.

use csv_core::{ReadRecordResult, Reader};

use super::pieces::in_row;
use crate::error::{Error, ErrorKind};

/// Counts the fields of each row, without keeping them.
#[derive(Default)]
pub(super) struct Shape {
    reader: Reader,
    columns: usize,
    /// The number of fields of the current row so far.
    fields: usize,
    /// Whether the current row has begun.
    begun: bool,
    /// The number of complete rows so far, in all parts.
    row: u64,
}

impl Shape {
    /// Begins a part with this number of columns.
    pub(super) fn begin(&mut self, columns: usize) {
        self.reader = Reader::new();
        self.columns = columns;
        (self.fields, self.begun) = (0, false);
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let (mut text, mut ends) = ([0; 1024], [0; 64]);
        while !bytes.is_empty() {
            let (result, read, wrote, fields) =
                self.reader.read_record(bytes, &mut text, &mut ends);
            bytes = &bytes[read..];
            self.fields += fields;
            self.begun |= wrote > 0 || fields > 0;
            if matches!(result, ReadRecordResult::Record) {
                self.row += 1;
                check(self.row, self.fields, self.columns)?;
                (self.fields, self.begun) = (0, false);
            }
        }
        Ok(())
    }

    /// Ends the part. Returns an error if the part ends inside a quoted field.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        // A line break ends the last row, unless a quote is open.
        self.push(b"\n")?;
        match self.begun {
            true => Err(open_quote(self.row + 1)),
            false => Ok(()),
        }
    }
}

/// Returns an error if a row does not have exactly one field for each column.
pub(super) fn check(row: u64, fields: usize, columns: usize) -> Result<(), Error> {
    match fields == columns {
        true => Ok(()),
        false => Err(in_row(
            row,
            ErrorKind::Decode,
            format!("the row has {fields} fields, but the header has {columns} columns"),
        )),
    }
}

pub(super) fn open_quote(row: u64) -> Error {
    in_row(
        row,
        ErrorKind::Decode,
        "a part ends inside a quoted field".to_owned(),
    )
}
