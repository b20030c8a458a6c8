//! Reads schemas: the schemas below them, their references and their shapes.

use crate::document::{self, alternatives};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, fmt};

/// The components that have a handwritten type. These components are never merged with other schemas.
pub const HANDWRITTEN: [&str; 1] = ["ParameterValue"];

/// Returns the components that are kept as `$ref`s and not expanded in place: those with a handwritten type, and those that
/// contain themselves and become a named type. Lists and maps are always expanded. The expansion ends, because the precheck
/// ensures that every cycle contains an object or a union.
pub fn kept_components(document: &Value) -> BTreeSet<String> {
    let mut kept: BTreeSet<String> = HANDWRITTEN.iter().map(|name| (*name).to_owned()).collect();
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        if is_named(schema) && reachable(document, schema).contains(name.as_str()) {
            kept.insert(name.clone());
        }
    }
    kept
}

/// Returns the components that a schema refers to, directly or through other components.
pub fn reachable<'a>(document: &'a Value, schema: &'a Value) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![schema]);
    while let Some(schema) = open.pop() {
        match schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(component_name)
        {
            Some(next) if found.insert(next) => open.push(&document["components"]["schemas"][next]),
            Some(_) => {}
            None => children(schema, &mut |_, child| open.push(child)),
        }
    }
    found
}

pub fn component_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

/// Returns whether the schema becomes a type with a name.
pub fn is_named(schema: &Value) -> bool {
    schema["properties"]
        .as_object()
        .is_some_and(|properties| !properties.is_empty())
        || schema.get("enum").is_some()
        || schema.get("oneOf").is_some()
}

/// A step from a schema to a schema directly below it. `Display` writes the step in the notation of the naming table.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    Items,
    Values,
    Property(&'a str),
    /// The alternative with this index. The text is the word that identifies the alternative.
    Alternative(usize, String),
}

impl Step<'_> {
    /// Returns the name of a property, or the word that identifies an alternative.
    pub fn word(&self) -> String {
        match self {
            Self::Items => "[]".to_owned(),
            Self::Values => "{}".to_owned(),
            Self::Property(name) => (*name).to_owned(),
            Self::Alternative(_, word) => word.clone(),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items => f.write_str("[]"),
            Self::Values => f.write_str("{}"),
            Self::Property(name) => write!(f, ".{name}"),
            Self::Alternative(_, word) => write!(f, "|{word}"),
        }
    }
}

pub fn children<'a>(schema: &'a Value, visit: &mut dyn FnMut(&Step<'a>, &'a Value)) {
    if let Some(items) = schema.get("items") {
        visit(&Step::Items, items);
    }
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|values| values.is_object())
    {
        visit(&Step::Values, values);
    }
    for branches in ["oneOf", "anyOf", "allOf"]
        .iter()
        .filter_map(|key| schema.get(*key)?.as_array())
    {
        let words = alternatives::words(branches);
        for (index, (branch, word)) in branches.iter().zip(words).enumerate() {
            visit(&Step::Alternative(index, word), branch);
        }
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        visit(&Step::Property(name), property);
    }
}

/// Visits the same schemas as `children`, in the same order, and allows changes to them.
pub fn children_mut(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    map.get_mut("items").into_iter().for_each(&mut *visit);
    map.get_mut("additionalProperties")
        .filter(|values| values.is_object())
        .into_iter()
        .for_each(&mut *visit);
    for key in ["oneOf", "anyOf", "allOf"] {
        map.get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .for_each(&mut *visit);
    }
    map.get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(&mut *visit);
}

// ---- references --------------------------------------------------------------------------------------------------

/// Replaces the references in a schema with their targets. If the schema itself is a reference, also returns the name of the
/// component to which it finally leads.
pub fn expand<'a>(
    document: &'a Value,
    schema: &'a Value,
    kept: &BTreeSet<String>,
) -> (Value, Option<String>) {
    let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(component_name)
    else {
        return expand_inside(document, schema, kept);
    };
    let (mut expanded, component) = match kept.contains(name) {
        true => (json!({ "$ref": schema["$ref"] }), None),
        false => {
            let (mut expanded, deeper) =
                expand(document, &document["components"]["schemas"][name], kept);
            if let Some(map) = expanded.as_object_mut() {
                map.entry("x-component").or_insert_with(|| json!(name));
            }
            (expanded, Some(deeper.unwrap_or_else(|| name.to_owned())))
        }
    };
    // The fixup "all of one" puts `nullable` next to a reference. Other keywords next to a reference have no meaning.
    if schema["nullable"] == true {
        expanded["nullable"] = json!(true);
    }
    (expanded, component)
}

pub fn expand_inside<'a>(
    document: &'a Value,
    schema: &'a Value,
    kept: &BTreeSet<String>,
) -> (Value, Option<String>) {
    let expanded = match schema {
        Value::Object(map) => {
            let expand_entry = |(key, value): (&String, &'a Value)| {
                let value = match key.as_str() {
                    "items" | "additionalProperties" => expand(document, value, kept).0,
                    "oneOf" | "anyOf" | "allOf" => Value::Array(
                        value
                            .as_array()
                            .into_iter()
                            .flatten()
                            .map(|branch| expand(document, branch, kept).0)
                            .collect(),
                    ),
                    "properties" => Value::Object(
                        value
                            .as_object()
                            .into_iter()
                            .flatten()
                            .map(|(name, property)| {
                                (name.clone(), expand(document, property, kept).0)
                            })
                            .collect(),
                    ),
                    // `null` in an enum means the same as `nullable`.
                    "enum" => value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter(|word| !word.is_null())
                        .cloned()
                        .collect(),
                    _ => value.clone(),
                };
                (key.clone(), value)
            };
            // An object whose `properties` is empty is a map with values of any type.
            let said = |(key, value): &(&String, &Value)| {
                *key != "properties"
                    || value
                        .as_object()
                        .is_some_and(|properties| !properties.is_empty())
            };
            Value::Object(map.iter().filter(said).map(expand_entry).collect())
        }
        other => other.clone(),
    };
    (expanded, None)
}

// ---- shapes ------------------------------------------------------------------------------------------------------

/// Returns a key for the shape of a schema. Descriptions do not affect the key. Schemas with equal keys have the same type.
pub fn key(schema: &Value) -> String {
    document::sorted(canonical(schema)).to_string()
}

/// Replaces the references in a schema, and returns the key of the result.
pub fn shape_of(document: &Value, schema: &Value) -> String {
    key(&expand(document, schema, &kept_components(document)).0)
}

fn canonical(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else {
        return schema.clone();
    };
    if let Some(reference) = map.get("$ref") {
        return json!({ "$ref": reference });
    }
    let mut shape = Map::new();
    for (name, value) in map {
        let value = match name.as_str() {
            // A format without its own Rust type makes no difference to a shape.
            "format" if is_unseen(map) => continue,
            "type" | "format" | "nullable" | "x-decode" | "x-or-default" | "x-body"
            | "x-secret" | "x-explicit" | "x-apart" => value.clone(),
            "enum" => sorted_words(value),
            "required" | "x-required" => sorted_words(value),
            "items" | "additionalProperties" => canonical(value),
            "oneOf" | "anyOf" | "allOf" => value
                .as_array()
                .into_iter()
                .flatten()
                .map(canonical)
                .collect(),
            "properties" => Value::Object(
                value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, property)| (name.clone(), canonical(property)))
                    .collect(),
            ),
            _ => continue,
        };
        shape.insert(name.clone(), value);
    }
    Value::Object(shape)
}

/// Returns whether the schema is a string whose format has no Rust type of its own.
fn is_unseen(schema: &Map<String, Value>) -> bool {
    let format = schema.get("format").and_then(Value::as_str);
    schema.get("type") == Some(&json!("string")) && !matches!(format, Some("date-time" | "uuid"))
}

fn sorted_words(list: &Value) -> Value {
    let mut words: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect();
    words.sort();
    json!(words)
}
