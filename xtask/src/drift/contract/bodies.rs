//! Compares the bodies, statuses, media types and headers of operations.

use super::{Contract, Entries, REQUIRED, entries};
use crate::{
    document::{Operation, escape, is_success, located},
    drift::{schema::Way, verdict::Class},
};
use serde_json::Value;

impl<'a> Contract<'a> {
    pub fn body(&mut self, name: &str, old: &Operation<'a>, new: &Operation<'a>) {
        let at = |operation: &Operation<'a>| format!("{}/requestBody", operation.pointer());
        match (old.value.get("requestBody"), new.value.get("requestBody")) {
            (Some(before), Some(after)) => {
                let (old_at, before) = located(self.old, at(old), before);
                let (new_at, after) = located(self.new, at(new), after);
                let bodies = (before, after);
                self.flags(&[REQUIRED], "the request body", bodies, &new_at, name);
                let (old, new) = ((old_at.as_str(), before), (new_at.as_str(), after));
                self.content(name, "request", Way::Request, old, new);
                let what = format!("{name}, request body");
                self.other_keys(&what, &new_at, before, after, &["required", "content"]);
            }
            (None, Some(after)) => {
                let (new_at, after) = located(self.new, at(new), after);
                let (class, word) = match after["required"] == true {
                    true => (Class::Breaking, "required "),
                    false => (Class::Additive, ""),
                };
                let text = format!("takes a {word}request body, took none");
                self.note(class, text, new_at, name);
            }
            (Some(_), None) => {
                let text = "takes no request body, took one".to_owned();
                self.note(Class::Breaking, text, at(old), name);
            }
            (None, None) => {}
        }
    }

    pub fn responses(&mut self, name: &str, old: &Operation<'a>, new: &Operation<'a>) {
        let before = entries(&old.value["responses"]);
        let after = entries(&new.value["responses"]);
        let Statuses { pairs, gone, came } = Statuses::of(&before, &after);
        let at = |operation: &Operation<'a>, status: &str| {
            format!("{}/responses/{status}", operation.pointer())
        };
        for status in gone {
            let class = worst_of_success(is_success(status));
            let text = format!("status {status} is gone");
            self.note(class, text, at(old, status), name);
        }
        for status in came {
            let response = after[status];
            // Released versions of the crate expect only one success response with a body.
            let carries = response.get("content").or(response.get("$ref")).is_some();
            let class = worst_of_success(is_success(status) && carries);
            let text = format!("new status {status}");
            self.note(class, text, at(new, status), name);
        }
        for (one, other) in pairs {
            if one != other {
                let text = format!("answers with {other}, was {one}");
                self.note(Class::Additive, text, at(new, other), name);
            }
            let (way, kind) = match is_success(other) {
                true => (Way::Answer, "answer"),
                false => (Way::Error, "error"),
            };
            let (old_at, before) = located(self.old, at(old, one), before[one]);
            let (new_at, after) = located(self.new, at(new, other), after[other]);
            self.content(name, kind, way, (&old_at, before), (&new_at, after));
            self.headers(name, &new_at, &before["headers"], &after["headers"]);
            let what = format!("{name}, answer {other}");
            self.other_keys(&what, &new_at, before, after, &["content", "headers"]);
        }
    }

    /// Compares the headers of responses. A difference never breaks the crate, because the crate reads its few headers
    /// regardless of the document.
    fn headers(&mut self, name: &str, at: &str, old: &Value, new: &Value) {
        let (before, after) = (entries(old), entries(new));
        for (one, other, did) in [
            (&before, &after, "has the new"),
            (&after, &before, "has lost the"),
        ] {
            for header in other.keys().filter(|header| !one.contains_key(*header)) {
                let text = format!("answer {did} header `{header}`");
                let at = format!("{at}/headers/{}", escape(header));
                self.note(Class::Additive, text, at, name);
            }
        }
    }

    fn content(
        &mut self,
        name: &str,
        what: &str,
        way: Way,
        (old_at, old): (&str, &'a Value),
        (new_at, new): (&str, &'a Value),
    ) {
        let (before, after) = (entries(&old["content"]), entries(&new["content"]));
        for (kind, media) in &after {
            let at = format!("{new_at}/content/{}", escape(kind));
            match before.get(kind) {
                Some(old) => {
                    let old_at = format!("{old_at}/content/{}", escape(kind));
                    self.media(name, what, way, (&old_at, old), (&at, media));
                }
                None => {
                    let class = match (way, before.is_empty()) {
                        // The request body had no content before, so a maintainer must review this.
                        (Way::Request, true) => Class::Review,
                        _ => Class::Additive,
                    };
                    let text = format!("{what} has the new media type {kind}");
                    self.note(class, text, at, name);
                }
            }
        }
        for kind in before.keys().filter(|kind| !after.contains_key(*kind)) {
            let text = format!("{what} has lost the media type {kind}");
            let at = format!("{old_at}/content/{}", escape(kind));
            self.note(worst_of_success(way != Way::Error), text, at, name);
        }
    }

    fn media(
        &mut self,
        name: &str,
        what: &str,
        way: Way,
        (old_at, old): (&str, &'a Value),
        (at, new): (&str, &'a Value),
    ) {
        match (old.get("schema"), new.get("schema")) {
            (Some(old), Some(new)) => self.schemas.compare(
                name,
                way,
                (format!("{old_at}/schema"), old),
                (format!("{at}/schema"), new),
            ),
            (None, None) => {}
            (_, new) => {
                let now = match new {
                    Some(_) => "now has",
                    None => "no longer has",
                };
                let text = format!("{what} {now} a schema");
                self.note(worst_of_success(way != Way::Error), text, at, name);
            }
        }
        self.other_keys(&format!("{name}, {what}"), at, old, new, &["schema"]);
    }
}

/// Returns the class of a change that breaks programs only if it is in a success response.
fn worst_of_success(success: bool) -> Class {
    match success {
        true => Class::Breaking,
        false => Class::Additive,
    }
}

/// The statuses of an operation. A pair has the status in the old document and the status in the new one.
struct Statuses<'a> {
    pairs: Vec<(&'a str, &'a str)>,
    gone: Vec<&'a str>,
    came: Vec<&'a str>,
}

impl<'a> Statuses<'a> {
    fn of(before: &Entries<'a>, after: &Entries<'a>) -> Self {
        let without = |list: &Entries<'a>, other: &Entries<'a>| -> Vec<&'a str> {
            let statuses = list.keys().copied();
            statuses
                .filter(|status| !other.contains_key(status))
                .collect()
        };
        let both = before.keys().filter(|status| after.contains_key(*status));
        let mut statuses = Self {
            pairs: both.map(|status| (*status, *status)).collect(),
            gone: without(before, after),
            came: without(after, before),
        };
        // If exactly one success status is gone and exactly one is new, they belong to the same response.
        let lone = |list: &[&'a str]| -> Option<&'a str> {
            let mut successes = list.iter().copied().filter(|status| is_success(status));
            successes.next().filter(|_| successes.next().is_none())
        };
        if let (Some(one), Some(other)) = (lone(&statuses.gone), lone(&statuses.came)) {
            statuses.gone.retain(|status| *status != one);
            statuses.came.retain(|status| *status != other);
            statuses.pairs.push((one, other));
        }
        statuses
    }
}
