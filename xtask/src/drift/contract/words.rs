//! Compares descriptions and layout. They have no effect on requests and responses.

use super::Contract;
use crate::{
    document::escape,
    drift::{
        canonical::is_docs,
        canonical::{holds_names, shape},
        change::Change,
        verdict::Class,
    },
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Contract<'_> {
    /// Reports components that are new or gone. These changes affect only the layout, because the contents of components are
    /// compared where operations refer to them.
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

    /// Compares descriptions, examples and similar keywords. Reports one change for each keyword.
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

/// Returns the text that identifies a parameter in a list, or `None` if the value is not a parameter.
fn parameter_key(parameter: &Value) -> Option<String> {
    let text = |key: &str| parameter[key].as_str();
    text("$ref")
        .map(str::to_owned)
        .or_else(|| Some(format!("{} {}", text("in")?, text("name")?)))
}

/// Collects the places where a description differs, for all objects that both documents have. If `names` is true, the keys of
/// `old` and `new` are names and not keywords.
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
                    matches!(key.as_str(), "info" | "tags") || is_docs(key)
                } else {
                    !names && is_docs(key)
                };
                if said {
                    // The order of the tags has no meaning.
                    if one.map(canonical_tags) != other.map(canonical_tags) {
                        found.entry(key.clone()).or_default().insert(at);
                    }
                } else if let (Some(one), Some(other)) = (one, other) {
                    words(one, other, &at, !names && holds_names(key), found);
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, other) in after.iter().enumerate() {
                // Parameters are paired by name, and alternatives by content, because their order has no meaning.
                let one = match parameter_key(other) {
                    Some(key) => before
                        .iter()
                        .find(|one| parameter_key(one).as_ref() == Some(&key)),
                    None => {
                        let wanted = shape(other);
                        let alike = before.iter().find(|one| shape(one) == wanted);
                        alike.or(before.get(index))
                    }
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
