//! The notes of a careful read: its current position, and a list of findings.
//!
//! The notes belong to the thread, because only serde connects an object with the objects in it. They are kept only during
//! a careful read, so an ordinary read has no cost.

use std::cell::RefCell;
use std::fmt::Write;

use crate::json::surprise::SurpriseKind;

/// A difference from the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: SurpriseKind,
    pub(crate) path: String,
}

/// The mode of a careful read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Values of the wrong form are errors.
    Strict,
    /// Optional values of the wrong form are absent and kept as extra keys.
    Mend,
    /// Nothing is read: the only question is whether the type has a message and no other field.
    OnlyMessage,
}

struct Notes {
    mode: Mode,
    path: Vec<Step>,
    findings: Vec<Finding>,
    /// The position of the first error in the current read.
    fault: Option<String>,
    only_message: bool,
}

enum Step {
    Key(String),
    Index(usize),
}

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

/// The result of a careful read.
pub(super) struct Noted {
    pub(super) findings: Vec<Finding>,
    pub(super) fault: Option<String>,
    pub(super) only_message: bool,
}

/// Keeps notes while `read` runs.
pub(super) fn take<T>(mode: Mode, read: impl FnOnce() -> T) -> (T, Noted) {
    /// Restores the notes of an interrupted read, also after a panic.
    struct Outer(Option<Notes>);
    impl Drop for Outer {
        fn drop(&mut self) {
            NOTES.with_borrow_mut(|notes| *notes = self.0.take());
        }
    }
    let notes = Notes {
        mode,
        path: Vec::new(),
        findings: Vec::new(),
        fault: None,
        only_message: false,
    };
    let _outer = Outer(NOTES.replace(Some(notes)));
    let value = read();
    let noted = NOTES.with_borrow_mut(|notes| match notes {
        Some(notes) => Noted {
            findings: std::mem::take(&mut notes.findings),
            fault: notes.fault.take(),
            only_message: notes.only_message,
        },
        None => Noted {
            findings: Vec::new(),
            fault: None,
            only_message: false,
        },
    });
    (value, noted)
}

fn with<T>(change: impl FnOnce(&mut Notes) -> T) -> Option<T> {
    NOTES.with_borrow_mut(|notes| notes.as_mut().map(change))
}

pub(super) fn mode() -> Option<Mode> {
    with(|notes| notes.mode)
}

pub(super) fn enter_key(key: &str) {
    with(|notes| notes.path.push(Step::Key(key.to_owned())));
}

pub(super) fn enter_index(index: usize) {
    with(|notes| notes.path.push(Step::Index(index)));
}

/// Leaves the key or index that was entered last. `failed` is true if its value could not be read.
pub(super) fn leave(failed: bool) {
    with(|notes| {
        if failed && notes.fault.is_none() {
            notes.fault = Some(spell(&notes.path));
        }
        notes.path.pop();
    });
}

/// The number of findings, to return to with [`forget`].
pub(super) fn mark() -> usize {
    with(|notes| notes.findings.len()).unwrap_or_default()
}

/// Drops the notes after the mark.
pub(super) fn forget(mark: usize) {
    with(|notes| {
        notes.findings.truncate(mark);
        notes.fault = None;
    });
}

/// Drops the notes below a key of the current object.
pub(super) fn forget_within(key: &str) {
    with(|notes| {
        notes.path.push(Step::Key(key.to_owned()));
        let within = spell(&notes.path);
        notes.path.pop();
        // The newest notes are at the end.
        while notes.findings.last().is_some_and(|finding| {
            let rest = finding.path.strip_prefix(&within);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        }) {
            notes.findings.pop();
        }
        notes.fault = None;
    });
}

/// Adds a note about the current value.
#[cold]
pub(super) fn note(kind: SurpriseKind) {
    with(|notes| {
        let path = spell(&notes.path);
        notes.findings.push(Finding { kind, path });
    });
}

/// Adds a note about a key of the current object.
#[cold]
pub(super) fn note_key(kind: SurpriseKind, key: &str) {
    enter_key(key);
    note(kind);
    leave(false);
}

/// Reads with another mode, for the alternatives of a union.
pub(super) fn in_mode<T>(mode: Mode, read: impl FnOnce() -> T) -> T {
    let before = with(|notes| std::mem::replace(&mut notes.mode, mode));
    let value = read();
    if let Some(before) = before {
        with(|notes| notes.mode = before);
    }
    value
}

pub(super) fn confirm_only_message() {
    with(|notes| notes.only_message = true);
}

/// In the format of `serde_path_to_error`: `items[3].trigger.type`.
fn spell(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}
