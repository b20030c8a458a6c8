//! Finds the parts of a document that make progenitor panic, or for which the generated code would not compile or would not work.
//! Each problem is one line that begins with the JSON pointer of the part.

mod named;
mod operations;
mod references;
mod schemas;
mod skeleton;

pub use named::check_names;
pub use operations::METHODS;

use super::names::{is_rust, snake};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A part of the document for which no code can be generated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub pointer: String,
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The pointer may contain line breaks, because the keys of the document may contain them.
        let pointer = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        let line = format!("{pointer}: {}", self.message);
        f.write_str(&line.replace(|c: char| c.is_control(), " "))
    }
}

/// Returns all problems of the effective document, to which the overlay and the fixups have already been applied.
pub fn check(document: &Value) -> Vec<Problem> {
    let mut check = Check::of(document);
    check.skeleton();
    check.references();
    // The later checks follow references, so they run only if all references are valid.
    if check.problems.is_empty() {
        check.cycles();
    }
    if check.problems.is_empty() {
        check.sizes();
    }
    if check.problems.is_empty() {
        check.operations();
        check.schemas();
    }
    check.problems.into_iter().collect()
}

/// Joins the problems into one text with one line for each problem.
pub fn one_line(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

struct Check<'a> {
    document: &'a Value,
    problems: BTreeSet<Problem>,
}

impl<'a> Check<'a> {
    fn of(document: &'a Value) -> Self {
        Self {
            document,
            problems: BTreeSet::new(),
        }
    }

    fn report(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.insert(Problem {
            pointer: pointer.into(),
            message: message.into(),
        });
    }

    fn object(&mut self, pointer: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        if !value.is_object() {
            self.report(pointer, "is not an object");
        }
        value.as_object()
    }

    fn optional_object(
        &mut self,
        pointer: &str,
        value: Option<&'a Value>,
    ) -> Option<&'a Map<String, Value>> {
        self.object(pointer, value?)
    }
}

/// Returns whether a name in the document can become a Rust name.
fn is_name(name: &str) -> bool {
    is_rust(&snake(name)) && !name.contains('\'')
}
