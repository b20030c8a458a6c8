//! The notes of a careful read: its current position, and a list of findings.
//!
//! The notes are in a thread-local variable, because serde offers no other way to pass them from an object to its nested objects.
//! Only a careful read takes notes, so an ordinary read does not pay for them.

use std::cell::RefCell;
use std::fmt::Write;

use crate::json::surprise::SurpriseKind;

/// A place where the JSON differs from the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: SurpriseKind,
    pub(crate) path: String,
}

/// The mode of a careful read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A value of the wrong form is an error.
    Strict,
    /// An optional value of the wrong form is read as absent. The original value is kept as an extra key.
    Mend,
    /// No value is read. The read only finds out whether `message` is the type's only field.
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

/// Runs `read`, and returns its result together with the notes that it took.
pub(super) fn take<T>(mode: Mode, read: impl FnOnce() -> T) -> (T, Noted) {
    /// Restores the notes of the outer read when it is dropped, even if the inner read panics.
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

/// Leaves the key or index that was entered last. `failed` is true if the value at that key or index could not be read.
pub(super) fn leave(failed: bool) {
    with(|notes| {
        if failed && notes.fault.is_none() {
            notes.fault = Some(spell(&notes.path));
        }
        notes.path.pop();
    });
}

/// Returns the current number of findings. With this number, [`forget`] drops all findings that are added later.
pub(super) fn mark() -> usize {
    with(|notes| notes.findings.len()).unwrap_or_default()
}

/// Drops the findings that were added after [`mark`] returned this number. Also drops the position of the first error.
pub(super) fn forget(mark: usize) {
    with(|notes| {
        notes.findings.truncate(mark);
        notes.fault = None;
    });
}

/// Drops the findings inside the value of `key`, which is a key of the current object.
pub(super) fn forget_within(key: &str) {
    with(|notes| {
        notes.path.push(Step::Key(key.to_owned()));
        let within = spell(&notes.path);
        notes.path.pop();
        // The newest findings are at the end.
        while notes.findings.last().is_some_and(|finding| {
            let rest = finding.path.strip_prefix(&within);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        }) {
            notes.findings.pop();
        }
        notes.fault = None;
    });
}

/// Adds a finding about the current value.
#[cold]
pub(super) fn note(kind: SurpriseKind) {
    with(|notes| {
        let path = spell(&notes.path);
        notes.findings.push(Finding { kind, path });
    });
}

/// Adds a finding about a key of the current object.
#[cold]
pub(super) fn note_key(kind: SurpriseKind, key: &str) {
    enter_key(key);
    note(kind);
    leave(false);
}

/// Runs `read` in another mode. A union uses this function to try its alternatives.
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

/// Formats a path as `serde_path_to_error` does, such as `items[3].trigger.type`.
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
