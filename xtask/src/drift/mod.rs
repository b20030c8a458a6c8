//! `cargo xtask drift`: reports what CircleCI changed, and how this affects users of the crate. It writes no file.
//!
//! It compares two documents twice. `contract` compares them as contracts, and `rust` compares the Rust surfaces that `regen`
//! generates from them. The worse of the two results is the verdict.

pub mod applicability;
mod by_path;
mod canonical;
pub mod change;
pub mod contract;
pub mod handwritten;
mod hidden;
mod page;
mod quiet;
pub mod report;
pub mod rust;
pub mod schema;
pub mod source;
pub mod todo;
pub mod verdict;

use crate::{
    document::{
        dialect,
        fetch::{self, Limits},
    },
    regen::{self, Built, Places},
    surface::Surface,
};
use applicability::Applicability;
use change::Change;
use quiet::with_room;
pub use report::{BEYOND, Deny, Format, NONE, Report, WITHIN};
pub use source::CannotCompare;
use source::{Document, Other};
use std::{io::Write, path::PathBuf, thread};
use verdict::Class;

/// The exit code if the documents cannot be compared, because the second one is missing or the first one is damaged.
pub const CANNOT: u8 = 6;

/// The text after the options in `drift --help`.
pub const EXIT_CODES: &str = "\
Direction: a URL or FILE counts as newer than the vendored document, a git:REV as older; --reverse swaps them.
The first line of the report states the direction.

Exit codes:
  0  no drift
  4  drift, but none that --deny forbids (without --deny, any drift)
  5  drift that --deny forbids; changes to review count as breaking
  6  cannot compare: no response, no document or no such revision
  1  any other failure; 2  invalid arguments";

#[derive(Clone, Debug)]
pub struct Drift {
    /// A URL, a file or `git:REV`. `None` means the addresses where CircleCI serves its document.
    pub against: Option<String>,
    pub format: Format,
    pub deny: Option<Deny>,
    /// If true, the report lists every change with its places. Otherwise the text report is one page.
    pub all: bool,
    /// The file to compare, if it is not the vendored document.
    pub base: Option<PathBuf>,
    pub reverse: bool,
    pub root: PathBuf,
    pub limits: Limits,
}

impl Drift {
    /// Compares the documents, writes the report to `out`, and returns the exit code.
    pub fn run(&self, out: &mut dyn Write) -> Result<u8, CannotCompare> {
        let report = self.report()?;
        // An error while writing, such as a closed pipe, does not change the exit code.
        let _ = report
            .write(self.format, self.all, out)
            .and_then(|()| out.flush());
        Ok(report.exit_code(self.deny))
    }

    /// Compares only methods and paths, writes the result to `out`, and returns the exit code. This is useful for a document that
    /// somebody else wrote, because its schemas may be incomplete.
    pub fn by_path(&self, out: &mut dyn Write) -> Result<u8, CannotCompare> {
        let places = Places::of(&self.root);
        let (vendored, record) = self.base(&places)?;
        let other = match self.other(&record)? {
            Other::Document { document, .. } => document,
            Other::Unchanged { .. } => vendored.clone(),
        };
        tell_notes(&vendored, &other);
        let (old, new) = match self.reverse {
            true => (&other, &vendored),
            false => (&vendored, &other),
        };
        let paths = by_path::ByPath::of(old, new);
        let _ = paths.write(out).and_then(|()| out.flush());
        Ok(paths.exit_code())
    }

    fn other(&self, record: &fetch::Source) -> Result<Other, CannotCompare> {
        match &self.against {
            Some(against) => source::other(&self.root, against, record, &self.limits),
            None => source::published(&self.root, record, &self.limits),
        }
    }

    fn base(&self, places: &Places) -> Result<(Document, fetch::Source), CannotCompare> {
        match &self.base {
            Some(base) => source::base(base),
            None => source::vendored(&places.openapi),
        }
    }

    pub fn report(&self) -> Result<Report, CannotCompare> {
        let places = Places::of(&self.root);
        let (vendored, record) = self.base(&places)?;
        let overlay = places
            .overlay()
            .map_err(|error| CannotCompare::new(format!("{error:#}")))?;
        let (other, older) = match self.other(&record)? {
            Other::Document { document, older } => (document, older),
            Other::Unchanged { name } => return Ok(Report::unchanged(&vendored.name, &name)),
        };
        tell_notes(&vendored, &other);
        let (old, new) = if older != self.reverse {
            (other, vendored)
        } else {
            (vendored, other)
        };
        let mut report = compare(&old, &new, &overlay, env!("CARGO_PKG_VERSION"));
        report.handwritten = handwritten::users(&self.root, &report.rust);
        Ok(report)
    }
}

/// Writes the parts of both documents that OpenAPI 3.0 cannot express. A part that is in both documents is written only once.
/// Writes to stderr, because stdout is for the report.
fn tell_notes(one: &Document, other: &Document) {
    let new = other.notes.iter().filter(|note| !one.notes.contains(note));
    let new: Vec<_> = new.cloned().collect();
    for (name, notes) in [(&one.name, &one.notes), (&other.name, &new)] {
        // An error while writing to stderr is ignored.
        let _ = dialect::tell(name, notes, &mut std::io::stderr());
    }
}

/// A document, and the code that is generated from it.
pub struct Side<'a> {
    pub document: &'a Document,
    /// The generated files, or the reason why there are none. They are built leniently, so that the result lists everything that
    /// stops `regen`, and not only the first reason.
    pub built: Result<Built, String>,
    surface: Result<Surface, String>,
}

impl<'a> Side<'a> {
    pub fn of(document: &'a Document, overlay: &str) -> Self {
        let built = with_room(|| regen::build(document.value.clone(), overlay, true));
        let built =
            built.and_then(|built| built.map_err(|error: anyhow::Error| format!("{error:#}")));
        let surface = match &built {
            Ok(built) => with_room(|| Surface::of(&built.files))
                .and_then(|surface| surface.map_err(|error| format!("{error:#}"))),
            Err(error) => Err(error.clone()),
        };
        Self {
            document,
            built,
            surface,
        }
    }
}

/// Reports all changes from `old` to `new`. `version` is the current version of the crate.
pub fn compare(old: &Document, new: &Document, overlay: &str, version: &str) -> Report {
    if canonical::canonical(&old.value) == canonical::canonical(&new.value) {
        return Report::new(&old.name, &new.name, version);
    }
    // Generating the code takes most of the time, so both documents are built in parallel.
    let panicked = |document| Side {
        document,
        built: Err("panicked".to_owned()),
        surface: Err("panicked".to_owned()),
    };
    let (before, after) = thread::scope(|scope| {
        let before = scope.spawn(|| Side::of(old, overlay));
        let after = Side::of(new, overlay);
        (before.join().unwrap_or_else(|_| panicked(old)), after)
    });
    compare_sides(&before, &after, overlay, version)
}

/// Like [`compare`], for documents from which the code is already generated.
pub fn compare_sides(before: &Side<'_>, after: &Side<'_>, overlay: &str, version: &str) -> Report {
    let (old, new) = (before.document, after.document);
    let mut report = Report::new(&old.name, &new.name, version);
    let contract = with_room(|| contract::changes(&old.value, &new.value));
    report.contract = contract.unwrap_or_else(|error| {
        let line = format!("the contracts cannot be compared: {error}");
        vec![Change::new(Class::Review, line)]
    });
    let hidden = hidden::hidden(&old.value, &new.value, overlay, &report.contract);
    report.contract.extend(hidden);
    report.contract = change::merge(std::mem::take(&mut report.contract));
    report.rust = match (&before.surface, &after.surface) {
        (Ok(one), Ok(other)) => {
            report.rows = todo::rows(one, other, &new.value);
            report.operations = other.operations.len();
            let mut rust = rust::changes(one, other);
            if let (Ok(before), Ok(after)) = (&before.built, &after.built) {
                let methods = todo::methods([one, other]);
                let types = [before.types.as_slice(), after.types.as_slice()];
                todo::causes(&mut rust, &report.contract, types, &methods);
            }
            report.glossary = todo::glossary(one, other, &rust);
            rust
        }
        (one, other) => {
            let sides = [
                (&old.name, one.as_ref().err()),
                (&new.name, other.as_ref().err()),
            ];
            let failed = sides
                .into_iter()
                .filter_map(|(name, error)| Some((name, error?)));
            failed.map(|(name, error)| Change::new(Class::Review, format!("no Rust code can be generated from {name}, so its changes are unknown: {error}"))).collect()
        }
    };
    report.applicability = Applicability::of(
        old,
        new,
        overlay,
        before.built.as_ref().ok(),
        after.built.as_ref(),
    );
    report.finish();
    report
}
