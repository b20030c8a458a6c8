//! What a careful reading meets: a stack of where it is, and a list of what it found there.
//!
//! The notes belong to the thread, because between an object and the objects in it there is only serde. They are kept only
//! during a careful reading, so that an ordinary one pays nothing for them.

use std::cell::RefCell;
use std::fmt::Write;

use crate::json::surprise::SurpriseKind;

/// Something that the document does not promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: SurpriseKind,
    pub(crate) path: String,
}

/// How a careful reading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Values of the wrong form are errors.
    Strict,
    /// Optional values of the wrong form are absent and kept as extra keys.
    Mend,
    /// Nothing is read: the question is whether the type holds a message and nothing else.
    OnlyMessage,
}

struct Notes {
    mode: Mode,
    path: Vec<Step>,
    findings: Vec<Finding>,
    /// Where the first error of what is being read came from.
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

/// What came of a careful reading.
pub(super) struct Noted {
    pub(super) findings: Vec<Finding>,
    pub(super) fault: Option<String>,
    pub(super) only_message: bool,
}

/// Keeps notes while `read` runs.
pub(super) fn take<T>(mode: Mode, read: impl FnOnce() -> T) -> (T, Noted) {
    /// Puts back the notes of a reading that this one interrupts, also after a panic.
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

/// Leaves the key or index that was entered last; `failed` says whether its value was an error.
pub(super) fn leave(failed: bool) {
    with(|notes| {
        if failed && notes.fault.is_none() {
            notes.fault = Some(spell(&notes.path));
        }
        notes.path.pop();
    });
}

/// How many findings there are, to return to with [`forget`].
pub(super) fn mark() -> usize {
    with(|notes| notes.findings.len()).unwrap_or_default()
}

/// Drops what was noted since the mark.
pub(super) fn forget(mark: usize) {
    with(|notes| {
        notes.findings.truncate(mark);
        notes.fault = None;
    });
}

/// Drops what was noted below a key of the object at hand.
pub(super) fn forget_within(key: &str) {
    with(|notes| {
        notes.path.push(Step::Key(key.to_owned()));
        let within = spell(&notes.path);
        notes.path.pop();
        // What was noted last stands last.
        while notes.findings.last().is_some_and(|finding| {
            let rest = finding.path.strip_prefix(&within);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        }) {
            notes.findings.pop();
        }
        notes.fault = None;
    });
}

/// Notes something about the value at hand.
#[cold]
pub(super) fn note(kind: SurpriseKind) {
    with(|notes| {
        let path = spell(&notes.path);
        notes.findings.push(Finding { kind, path });
    });
}

/// Notes something about a key of the object at hand.
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

/// As `serde_path_to_error` spells it: `items[3].trigger.type`.
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
