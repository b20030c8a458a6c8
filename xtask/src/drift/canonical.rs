//! Normalizes documents: sorts the lists whose order has no meaning, and writes everything that has several spellings in only
//! one way.

use crate::document::{dialect, sorted};
use serde_json::{Map, Value, json};

/// Returns the normalized document. Documents that differ only in order or spelling become equal.
pub fn canonical(document: &Value) -> Value {
    let mut canonical = document.clone();
    if canonical["openapi"].as_str().is_some_and(dialect::is_3_0) {
        canonical["openapi"] = json!(dialect::VERSION);
    }
    settle(&mut canonical, false);
    sorted(canonical)
}

/// Returns a part of a document without its descriptions, and with its unordered lists sorted.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let said = map.iter().filter(|(key, _)| !is_docs(key));
            said.map(|(key, child)| {
                let mut child = shape(child);
                if let (true, Value::Array(list)) = (has_no_order(key), &mut child) {
                    list.sort_by_cached_key(Value::to_string);
                }
                (key.clone(), child)
            })
            .collect::<Map<_, _>>()
            .into()
        }
        Value::Array(list) => list.iter().map(shape).collect(),
        other => other.clone(),
    }
}

/// Checks whether the order of the list under this key has no meaning.
fn has_no_order(key: &str) -> bool {
    matches!(
        key,
        "anyOf" | "oneOf" | "required" | "parameters" | "tags" | "enum" | "security"
    )
}

/// Checks whether the value of this keyword is data and not part of the structure.
pub fn is_data(key: &str) -> bool {
    matches!(key, "default" | "example" | "examples" | "x-codeSamples")
}

/// Checks whether the value of this keyword is an object with names as its keys.
pub fn holds_names(key: &str) -> bool {
    matches!(
        key,
        "properties"
            | "schemas"
            | "paths"
            | "responses"
            | "content"
            | "headers"
            | "parameters"
            | "requestBodies"
            | "securitySchemes"
    )
}

fn settle(value: &mut Value, names: bool) {
    match value {
        Value::Object(map) => {
            for (key, child) in map.iter_mut() {
                if !names && is_data(key) {
                    continue;
                }
                settle(child, !names && holds_names(key));
                if let (false, true, Value::Array(list)) = (names, has_no_order(key), child) {
                    list.sort_by_cached_key(Value::to_string);
                }
            }
            if !names {
                null(map);
                reference(map);
                example(map);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|child| settle(child, false)),
        _ => {}
    }
}

/// Replaces `x-nullable`, and a null among the enum values, by `nullable`. All three mean the same.
fn null(schema: &mut Map<String, Value>) {
    let mut null = false;
    for key in ["nullable", "x-nullable"] {
        null |= schema.get(key) == Some(&json!(true));
        if schema.get(key).is_some_and(Value::is_boolean) {
            schema.remove(key);
        }
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        let before = words.len();
        words.retain(|word| !word.is_null());
        null |= words.len() < before;
    }
    if null {
        schema.insert("nullable".into(), json!(true));
    }
}

/// Replaces a list of examples that has only the example `default` by `example`. Both mean the same.
fn example(holder: &mut Map<String, Value>) {
    let examples = holder.get("examples").and_then(Value::as_object);
    let only = examples.filter(|examples| examples.len() == 1);
    let only = only.and_then(|examples| examples.get("default")?.as_object());
    let value = only
        .filter(|only| only.len() == 1)
        .and_then(|only| only.get("value"));
    if let Some(value) = value.cloned() {
        holder.remove("examples");
        holder.entry("example").or_insert(value);
    }
}

/// Replaces a reference with other keywords beside it by an `allOf` with one part. Both mean the same.
fn reference(schema: &mut Map<String, Value>) {
    if schema.len() > 1
        && schema.get("$ref").is_some_and(Value::is_string)
        && !schema.contains_key("allOf")
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".into(), json!([{ "$ref": reference }]));
    }
}

/// The kind of a difference that the comparison did not report as a change.
pub enum Difference {
    /// The documents mean the same. For example, one refers to a component, and the other has the same content inline.
    Layout,
    /// The documents differ at this pointer. The effect of the difference is unknown.
    At(String),
}

/// Compares the meaning of two documents. It follows all references and ignores descriptions.
pub fn difference(old: &Value, new: &Value) -> Difference {
    let (old, new) = (canonical(old), canonical(new));
    let mut proof = Proof {
        old: &old,
        new: &new,
        seen: Vec::new(),
    };
    let mut keys: Vec<&String> = [&old, &new]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        // Components are compared where a reference leads to them. Without a reference, they have no effect.
        .filter(|key| !matches!(key.as_str(), "components" | "info" | "tags" | "openapi"))
        .collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        if let Some(at) = proof.differs(&old[key], &new[key], &format!("/{key}"), true) {
            return Difference::At(at);
        }
    }
    Difference::Layout
}

struct Proof<'a> {
    old: &'a Value,
    new: &'a Value,
    /// The pairs of objects whose comparison has already started. A schema may contain itself, so each pair is compared only
    /// once.
    seen: Vec<(*const Value, *const Value)>,
}

impl<'a> Proof<'a> {
    /// Returns the first place where two values differ.
    fn differs(&mut self, old: &'a Value, new: &'a Value, at: &str, names: bool) -> Option<String> {
        let (old, new) = (followed(self.old, old), followed(self.new, new));
        if old == new && !has_reference(old) {
            return None;
        }
        let pair = (std::ptr::from_ref(old), std::ptr::from_ref(new));
        if self.seen.contains(&pair) {
            return None;
        }
        self.seen.push(pair);
        match (old, new) {
            (Value::Object(before), Value::Object(after)) => {
                let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
                keys.sort();
                keys.dedup();
                keys.into_iter()
                    .filter(|key| names || !is_docs(key))
                    .find_map(|key| {
                        let at = format!("{at}/{}", crate::document::escape(key));
                        let inside = !names && holds_names(key);
                        match (before.get(key), after.get(key)) {
                            (Some(old), Some(new)) => self.differs(old, new, &at, inside),
                            _ => Some(at),
                        }
                    })
            }
            (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
                let pairs = before.iter().zip(after).enumerate();
                let mut found = None;
                for (index, (old, new)) in pairs {
                    found = self.differs(old, new, &format!("{at}/{index}"), false);
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
            _ => (old != new).then(|| at.to_owned()),
        }
    }
}

/// Follows the references of a value, and each `allOf` that has one part and no keywords with an effect beside it. Returns the
/// value at the end.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = crate::document::resolve(document, value);
    for _ in 0..16 {
        let alone = value
            .as_object()
            .is_some_and(|map| map.keys().all(|key| key == "allOf" || is_docs(key)));
        match value["allOf"].as_array().map(Vec::as_slice) {
            Some([part]) if alone => value = crate::document::resolve(document, part),
            _ => break,
        }
    }
    value
}

fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("$ref") || map.values().any(has_reference),
        Value::Array(list) => list.iter().any(has_reference),
        _ => false,
    }
}

/// Checks whether a keyword only describes something and has no effect.
pub fn is_docs(key: &str) -> bool {
    matches!(
        key,
        "description"
            | "summary"
            | "title"
            | "example"
            | "examples"
            | "externalDocs"
            | "xml"
            | "tags"
            | "x-codeSamples"
            | "x-go-name"
            | "x-go-package"
            | "x-order"
    )
}
