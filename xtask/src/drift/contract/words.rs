//! What is said, and how it is laid out: nothing that a program sends or reads.

use super::Contract;
use crate::{
    document::escape,
    drift::{change::Change, schema::is_docs, verdict::Class},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Contract<'_> {
    /// Components by themselves are layout; what they hold is looked at wherever it is referred to.
    pub fn components(&mut self) {
        let (old, new) = (&self.old["components"], &self.new["components"]);
        let sections = [
            "schemas",
            "responses",
            "parameters",
            "requestBodies",
            "headers",
            "examples",
            "securitySchemes",
        ];
        for section in sections
            .into_iter()
            .filter(|section| *section != "securitySchemes")
        {
            let names = |value: &Value| {
                value[section]
                    .as_object()
                    .map(|map| map.keys().cloned().collect::<BTreeSet<_>>())
                    .unwrap_or_default()
            };
            let (before, after) = (names(old), names(new));
            for name in after.difference(&before) {
                self.layout(
                    format!("new component {section}/{name}"),
                    format!("/components/{section}/{}", escape(name)),
                );
            }
            for name in before.difference(&after) {
                self.layout(
                    format!("component {section}/{name} is gone"),
                    format!("/components/{section}/{}", escape(name)),
                );
            }
        }
        self.other_keys("the components", "/components", old, new, &sections);
    }

    fn layout(&mut self, text: String, pointer: String) {
        let mut change = Change::new(Class::Docs, text);
        change.places.insert(pointer);
        self.changes.push(change);
    }

    /// Words: counted by their kind, for there are many and none of them matters to a program.
    pub fn docs(&mut self) {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        words(self.old, self.new, "", false, &mut found);
        for (kind, places) in found {
            let text = format!(
                "{kind} changed in {} {}",
                places.len(),
                if places.len() == 1 { "place" } else { "places" }
            );
            let mut change = Change::new(Class::Docs, text);
            change.places = places;
            self.changes.push(change);
        }
    }
}

/// What tells a parameter from its neighbours.
fn parameter_key(parameter: &Value) -> Option<String> {
    let text = |key: &str| parameter[key].as_str();
    text("$ref")
        .map(str::to_owned)
        .or_else(|| Some(format!("{} {}", text("in")?, text("name")?)))
}

/// Collects the words that differ in places that both documents have. `names` says that keys here are names, not keywords.
fn words(
    old: &Value,
    new: &Value,
    pointer: &str,
    names: bool,
    found: &mut BTreeMap<String, BTreeSet<String>>,
) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let at = format!("{pointer}/{}", escape(key));
                let (one, other) = (before.get(key), after.get(key));
                let said = if pointer.is_empty() {
                    matches!(key.as_str(), "info" | "tags" | "openapi") || is_docs(key)
                } else {
                    !names && is_docs(key)
                };
                if said {
                    // Tags have no order that means anything.
                    if one.map(canonical_tags) != other.map(canonical_tags) {
                        found.entry(key.clone()).or_default().insert(at);
                    }
                } else if let (Some(one), Some(other)) = (one, other) {
                    let map_of_names = !names
                        && matches!(
                            key.as_str(),
                            "properties"
                                | "schemas"
                                | "paths"
                                | "responses"
                                | "content"
                                | "headers"
                                | "parameters"
                                | "requestBodies"
                                | "securitySchemes"
                        );
                    words(one, other, &at, map_of_names, found);
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, other) in after.iter().enumerate() {
                // Parameters are told by their names, whatever their order.
                let one = match parameter_key(other) {
                    Some(key) => before
                        .iter()
                        .find(|one| parameter_key(one).as_ref() == Some(&key)),
                    None => before.get(index),
                };
                if let Some(one) = one {
                    words(one, other, &format!("{pointer}/{index}"), false, found);
                }
            }
        }
        _ => {}
    }
}

fn canonical_tags(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
            texts.sort();
            json!(texts)
        }
        other => other.clone(),
    }
}
