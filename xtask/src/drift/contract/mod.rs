//! Compares two documents as contracts: their operations, parameters, bodies, statuses, media types, security and servers.

mod bodies;
pub mod matching;
mod operations;
mod parameters;
mod security;
mod words;

use super::{
    canonical::is_docs,
    canonical::{Difference, difference},
    change::{Change, merge, short},
    schema::Schemas,
    verdict::Class,
};
use crate::document::escape;
use serde_json::Value;
use std::collections::BTreeMap;

const LAYOUT: &str = "layout: the documents mean the same, but are written differently";

/// Returns all changes between two documents, the worst first.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut contract = Contract {
        old,
        new,
        schemas: Schemas::new(old, new),
        changes: Vec::new(),
    };
    contract.operations();
    contract.security_schemes();
    contract.requirements("", &old["security"], &new["security"], "every operation");
    contract.servers("", &old["servers"], &new["servers"], "every operation");
    contract.other_keys(
        "the document",
        "",
        old,
        new,
        &[
            "openapi",
            "info",
            "paths",
            "components",
            "security",
            "servers",
        ],
    );
    contract.components();
    contract.docs();
    let Contract {
        schemas,
        mut changes,
        ..
    } = contract;
    changes.extend(schemas.changes());
    if changes.is_empty() {
        changes.push(match difference(old, new) {
            Difference::Layout => Change::new(Class::Docs, LAYOUT),
            Difference::At(pointer) => {
                let text = format!("unclassified, at {pointer}");
                let mut change = Change::new(Class::Review, text);
                change.places.insert(pointer);
                change
            }
        });
    }
    merge(changes)
}

struct Contract<'a> {
    old: &'a Value,
    new: &'a Value,
    schemas: Schemas<'a>,
    changes: Vec<Change>,
}

/// A keyword that is either `true` or absent. `came` is the class and the text for its appearance, and `gone` those for its
/// disappearance.
struct Flag {
    key: &'static str,
    came: (Class, &'static str),
    gone: (Class, &'static str),
}

const DEPRECATED: Flag = Flag {
    key: "deprecated",
    came: (Class::Additive, "is deprecated"),
    gone: (Class::Additive, "is no longer deprecated"),
};
const REQUIRED: Flag = Flag {
    key: "required",
    came: (Class::Breaking, "is required"),
    gone: (Class::Additive, "is no longer required"),
};
const ALLOW_EMPTY: Flag = Flag {
    key: "allowEmptyValue",
    came: (Class::Additive, "may be empty"),
    gone: (Class::Breaking, "can no longer be empty"),
};

impl<'a> Contract<'a> {
    fn note(&mut self, class: Class, text: String, pointer: impl Into<String>, touched: &str) {
        let mut change = Change::new(class, text);
        change.places.insert(pointer.into());
        change.touches.insert(touched.to_owned());
        self.changes.push(change);
    }

    /// Reports differences in keywords that this module does not know. A maintainer must review them.
    fn other_keys(&mut self, what: &str, pointer: &str, old: &Value, new: &Value, known: &[&str]) {
        let mut keys = entries(old);
        keys.extend(entries(new));
        for key in keys
            .into_keys()
            .filter(|key| !known.contains(key) && !is_docs(key))
        {
            let (before, after) = (old.get(key), new.get(key));
            if before != after {
                self.note(
                    Class::Review,
                    format!("{what}: `{key}` is {}, was {}", said(after), said(before)),
                    format!("{pointer}/{}", escape(key)),
                    what,
                );
            }
        }
    }

    /// Reports each flag that is set in only one of the two values.
    fn flags(
        &mut self,
        flags: &[Flag],
        what: &str,
        (old, new): (&Value, &Value),
        at: &str,
        touched: &str,
    ) {
        for flag in flags {
            let (before, after) = (old[flag.key] == true, new[flag.key] == true);
            let (class, word) = if after { flag.came } else { flag.gone };
            if before != after {
                self.note(class, format!("{what} {word}"), at, touched);
            }
        }
    }
}

type Entries<'a> = BTreeMap<&'a str, &'a Value>;

/// Returns the entries of an object. Returns an empty map for any other value.
fn entries(value: &Value) -> Entries<'_> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value)).collect()
}

fn said(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), short)
}
