//! Defines a change in the report, and functions that prepare a document's texts for the report.

use super::verdict::Class;
use serde::Serialize;
use serde_json::Value;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// A change, the places where it occurs, and the operations that it affects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub class: Class,
    pub text: String,
    /// The JSON pointers of the places in the new document. If a place is missing there, its pointer in the old document is
    /// used.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub places: BTreeSet<String>,
    /// The names of the affected operations. `(request)`, `(answer)` or `(error)` after a name says which side is affected.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub touches: BTreeSet<String>,
    /// The cause of the change and how to undo it. It is set for a breaking change of the Rust surface that no change of
    /// the contract explains, and for each renamed type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Change {
    /// Creates a change without places. Replaces control characters in its text, so that a change is always one line.
    pub fn new(class: Class, text: impl AsRef<str>) -> Self {
        let text = text.as_ref().replace(char::is_control, " ");
        Self {
            class,
            text,
            places: BTreeSet::new(),
            touches: BTreeSet::new(),
            cause: None,
        }
    }
}

/// Merges changes that have the same class and text. Sorts them by class, the worst first.
pub fn merge(changes: Vec<Change>) -> Vec<Change> {
    let mut merged: BTreeMap<(Reverse<Class>, String), Change> = BTreeMap::new();
    for change in changes {
        let key = (Reverse(change.class), change.text.clone());
        match merged.get_mut(&key) {
            Some(known) => {
                known.places.extend(change.places);
                known.touches.extend(change.touches);
            }
            None => drop(merged.insert(key, change)),
        }
    }
    merged.into_values().collect()
}

/// Returns a value of a document as text. A long text is cut off.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Escapes a text, so that Markdown shows it unchanged.
pub fn plain(text: &str) -> String {
    let mut code = false;
    let mut plain = String::new();
    for c in text.chars() {
        code ^= c == '`';
        match c {
            '<' if !code => plain.push_str("&lt;"),
            '*' | '_' | '[' | ']' | '|' if !code => plain.extend(['\\', c]),
            _ => plain.push(c),
        }
    }
    plain
}
