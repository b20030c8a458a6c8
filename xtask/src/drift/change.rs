//! Defines a change in the report, and quotes texts of a document.

use super::verdict::Class;
use serde::Serialize;
use serde_json::Value;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// A change, with the places and operations that it affects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub class: Class,
    pub text: String,
    /// JSON pointers into the new document, or into the old one if the new document lacks the place.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub places: BTreeSet<String>,
    /// Operations, with `(request)`, `(answer)` or `(error)`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub touches: BTreeSet<String>,
    /// The cause of a change of the Rust surface, if the contract does not contain the cause, and how to undo the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Change {
    /// Replaces control characters, so that a change is always one line.
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

/// Merges changes with equal texts, and sorts the worst first.
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

/// Returns a value of a document as text, cut to fit a line.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Escapes a text so that Markdown shows it as it is.
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
