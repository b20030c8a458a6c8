//! Translates a schema from OpenAPI 3.1, where it is JSON Schema, to OpenAPI 3.0.

use super::{Lowering, escape};
use serde_json::{Map, Value, json};

type Schema = Map<String, Value>;

/// Keywords of JSON Schema that 3.0 does not have. They restrict the values but do not change the Rust type.
const RULES: [&str; 18] = [
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Checks whether this key of a translated schema is a keyword that [`super::lower`] stored under `x-`.
pub fn is_rule(key: &str) -> bool {
    let rule = key.strip_prefix("x-");
    rule.is_some_and(|rule| RULES.contains(&rule) || matches!(rule, "type" | "enum"))
}

/// Keywords that only identify or comment on a schema. They are removed after the references are resolved.
const NAMES: [&str; 7] = [
    "$anchor",
    "$comment",
    "$dynamicAnchor",
    "$id",
    "$recursiveAnchor",
    "$schema",
    "$vocabulary",
];

/// Keywords whose value is one schema.
pub(super) const ONE: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
pub(super) const MANY: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is an object with a schema for each name.
pub(super) const NAMED: [&str; 3] = ["dependentSchemas", "patternProperties", "properties"];

/// Keywords that apply to values of one type only. Every keyword that is not listed applies to all types.
const OF_TYPE: [(&str, &[&str]); 4] = [
    (
        "string",
        &[
            "contentEncoding",
            "contentMediaType",
            "maxLength",
            "minLength",
            "pattern",
        ],
    ),
    (
        "number",
        &[
            "exclusiveMaximum",
            "exclusiveMinimum",
            "maximum",
            "minimum",
            "multipleOf",
        ],
    ),
    (
        "array",
        &[
            "contains",
            "items",
            "maxItems",
            "minItems",
            "prefixItems",
            "uniqueItems",
        ],
    ),
    (
        "object",
        &[
            "additionalProperties",
            "maxProperties",
            "minProperties",
            "patternProperties",
            "properties",
            "propertyNames",
            "required",
        ],
    ),
];

impl Lowering {
    /// Translates a schema and all schemas inside it.
    pub(super) fn schema(&mut self, at: &str, value: &mut Value) {
        match value {
            Value::Bool(true) => *value = json!({}),
            Value::Bool(false) => {
                self.note(
                    at,
                    "the schema allows no value here; it is treated as if it allowed any value",
                );
                *value = json!({});
            }
            Value::Object(schema) => {
                self.below(at, schema);
                constant(schema);
                self.types(at, schema);
                self.null_alternative("anyOf", schema);
                self.null_alternative("oneOf", schema);
                bound(schema, "minimum", "exclusiveMinimum", |a, b| a > b);
                bound(schema, "maximum", "exclusiveMaximum", |a, b| a < b);
                self.contents(schema);
                self.list(at, schema);
                map_of_patterns(schema);
                self.first_example(at, schema);
                self.rules(at, schema);
                reference(schema);
            }
            _ => {}
        }
    }

    fn below(&mut self, at: &str, schema: &mut Schema) {
        for key in ONE {
            match schema.get_mut(key) {
                // Of these keywords, only `items` and `not` need booleans to be translated. Under the other keywords, 3.0
                // accepts a boolean, or the value is only kept for the comparison.
                Some(Value::Bool(_)) if key != "items" && key != "not" => {}
                Some(Value::Bool(false)) if key == "items" => {}
                Some(child) => self.schema(&format!("{at}/{key}"), child),
                None => {}
            }
        }
        for key in MANY {
            let list = schema.get_mut(key).and_then(Value::as_array_mut);
            for (index, child) in list.into_iter().flatten().enumerate() {
                self.schema(&format!("{at}/{key}/{index}"), child);
            }
        }
        for key in NAMED {
            let at = format!("{at}/{key}");
            self.each(schema.get_mut(key), &at, Self::schema);
        }
    }

    /// Translates a list of types. `null` becomes `nullable`. If several other types are left, each becomes an alternative.
    fn types(&mut self, at: &str, schema: &mut Schema) {
        let mut types: Vec<String> = match schema.get("type") {
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            Some(Value::String(kind)) if kind == "null" => vec![kind.clone()],
            _ => return,
        };
        let null = types.iter().any(|kind| kind == "null");
        types.retain(|kind| kind != "null");
        if types.iter().any(|kind| kind == "number") {
            types.retain(|kind| kind != "integer");
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let possible = |kind: &String| words.iter().any(|word| is_of(kind, word));
            let null_alone = null && words.iter().all(Value::is_null);
            if null_alone || types.iter().any(possible) {
                types.retain(possible);
            }
        }
        schema.remove("type");
        if null {
            schema.insert("nullable".into(), json!(true));
        }
        let alternatives = MANY.iter().any(|key| schema.contains_key(*key));
        match types.as_slice() {
            [] if !alternatives => drop(schema.entry("enum").or_insert_with(|| json!([null]))),
            [] => {}
            [kind] => drop(schema.insert("type".into(), json!(kind))),
            _ if alternatives || schema.contains_key("$ref") => {
                self.note(
                    format!("{at}/type"),
                    "several types beside alternatives; only the alternatives are read",
                );
                schema.insert("x-type".into(), json!(types));
            }
            _ => split(schema, &types),
        }
    }

    /// Replaces an alternative that allows only null by `nullable`. If a single alternative is left, it is merged into the
    /// schema.
    fn null_alternative(&mut self, key: &str, schema: &mut Schema) {
        let Some(branches) = schema.get_mut(key).and_then(Value::as_array_mut) else {
            return;
        };
        let before = branches.len();
        branches.retain(|branch| !is_only_null(branch));
        if branches.len() == before {
            return;
        }
        let only = (branches.len() == 1).then(|| branches.remove(0));
        if branches.is_empty() {
            schema.remove(key);
        }
        schema.insert("nullable".into(), json!(true));
        match only {
            Some(only) => fold(schema, only),
            None if !schema.contains_key(key) => {
                schema.entry("enum").or_insert_with(|| json!([null]));
            }
            None => {}
        }
    }

    /// Replaces the keywords for encoded or binary data in a string with the format that 3.0 uses: `contentEncoding: base64`
    /// becomes the format `byte`.
    fn contents(&mut self, schema: &mut Schema) {
        if schema.get("type") != Some(&json!("string")) || schema.contains_key("format") {
            return;
        }
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        let (encoding, media) = (text("contentEncoding"), text("contentMediaType"));
        let format = match (encoding, media) {
            (Some("base64"), _) => "byte",
            (None, Some("application/octet-stream")) => "binary",
            _ => return,
        };
        let of_the_body = media.is_none() || media == self.media.as_deref();
        let plain = of_the_body || media == Some("application/octet-stream");
        schema.remove("contentEncoding");
        if plain {
            schema.remove("contentMediaType");
        }
        schema.insert("format".into(), json!(format));
    }

    /// Translates three kinds of lists: lists of any items, lists that must be empty, and lists with a schema for each
    /// position.
    fn list(&mut self, at: &str, schema: &mut Schema) {
        let places = schema
            .get("prefixItems")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let rest = schema.get("items").cloned();
        let closed = rest == Some(Value::Bool(false));
        if !places.is_empty() {
            let mut shapes = places.clone();
            shapes.extend(rest.filter(|_| !closed));
            shapes.dedup();
            let one = (shapes.len() == 1).then(|| shapes.remove(0));
            if one.is_none() {
                self.note(
                    format!("{at}/prefixItems"),
                    "a list with a schema for each place; its items are read as any value",
                );
            }
            schema.insert("items".into(), one.unwrap_or_else(|| json!({})));
            schema.entry("type").or_insert_with(|| json!("array"));
        }
        if closed {
            schema.insert("maxItems".into(), json!(places.len()));
            if places.is_empty() {
                schema.insert("items".into(), json!({}));
            }
        }
        if schema.get("type") == Some(&json!("array")) {
            schema.entry("items").or_insert_with(|| json!({}));
        }
    }

    /// Keeps only the first example, because a schema has one example in 3.0.
    fn first_example(&mut self, at: &str, schema: &mut Schema) {
        if !schema.get("examples").is_some_and(Value::is_array) {
            return;
        }
        let examples = schema.remove("examples");
        let mut examples = examples.iter().filter_map(Value::as_array).flatten();
        if let Some(first) = examples.next() {
            schema.entry("example").or_insert_with(|| first.clone());
        }
        if examples.next().is_some() {
            let what = "only the first example is read";
            self.note(format!("{at}/examples"), what);
        }
    }

    /// Adds the prefix `x-` to keywords that 3.0 does not have. The comparison reads them under their new names.
    fn rules(&mut self, at: &str, schema: &mut Schema) {
        for key in NAMES {
            schema.remove(key);
        }
        for key in RULES {
            let Some(rule) = schema.remove(key) else {
                continue;
            };
            if key != "prefixItems" {
                let what = format!("`{key}` is not read, and kept as `x-{key}` for `drift`");
                self.note(format!("{at}/{}", escape(key)), what);
            }
            schema.insert(format!("x-{key}"), rule);
        }
    }
}

/// Checks whether a value has this type.
fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_null(),
    }
}

/// Returns the type of a value.
fn type_of(value: &Value) -> &'static str {
    const TYPES: [&str; 7] = [
        "string", "integer", "number", "boolean", "array", "object", "null",
    ];
    let mut types = TYPES.into_iter();
    types.find(|kind| is_of(kind, value)).unwrap_or("null")
}

/// Converts `const`. A string or null becomes an enum with one value. For any other constant, only the type is used.
fn constant(schema: &mut Schema) {
    let Some(constant) = schema.get("const").cloned() else {
        return;
    };
    schema
        .entry("type")
        .or_insert_with(|| json!(type_of(&constant)));
    if constant.is_string() || constant.is_null() {
        schema.remove("const");
        schema.insert("enum".into(), json!([constant]));
    }
}

/// Replaces a schema with several types by one alternative for each type. Each alternative gets the keywords that apply to
/// its type.
fn split(schema: &mut Schema, types: &[String]) {
    let mut branches = Vec::new();
    let words = schema.remove("enum");
    let words = words.as_ref().and_then(Value::as_array);
    for kind in types {
        let mut branch = Schema::from_iter([("type".to_owned(), json!(kind))]);
        for (key, value) in schema
            .iter()
            .filter(|(key, value)| belongs(key, value, kind))
        {
            branch.insert(key.clone(), value.clone());
        }
        if let Some(words) = words.filter(|_| kind == "string") {
            let words: Vec<&Value> = words.iter().filter(|word| word.is_string()).collect();
            branch.insert("enum".into(), json!(words));
        }
        branches.push(Value::Object(branch));
    }
    if let Some(words) = words {
        // A generated Rust enum can have only text values.
        schema.insert("x-enum".into(), json!(words));
    }
    schema.retain(|key, value| !types.iter().any(|kind| belongs(key, value, kind)));
    schema.insert("anyOf".into(), Value::Array(branches));
}

fn belongs(key: &str, value: &Value, kind: &str) -> bool {
    let kind = if kind == "integer" { "number" } else { kind };
    if key == "format" {
        let numeric = ["double", "float", "int32", "int64"].map(|format| json!(format));
        return (kind == "number") == numeric.contains(value)
            && matches!(kind, "number" | "string");
    }
    OF_TYPE
        .iter()
        .any(|(of, keys)| *of == kind && keys.contains(&key))
}

/// Checks whether a translated schema allows only null.
fn is_only_null(schema: &Value) -> bool {
    schema["enum"] == json!([null]) && !MANY.iter().any(|key| schema.get(*key).is_some())
}

/// Merges the only alternative of a list into the schema. If the alternative and the schema have a key in common, the
/// alternative becomes a part of `allOf` instead.
fn fold(schema: &mut Schema, only: Value) {
    let Value::Object(branch) = only else { return };
    let overlaps = branch.contains_key("$ref")
        || branch
            .keys()
            .any(|key| key != "nullable" && schema.contains_key(key));
    if !overlaps {
        schema.extend(branch);
        return;
    }
    match schema.get_mut("allOf").and_then(Value::as_array_mut) {
        Some(parts) => parts.push(Value::Object(branch)),
        None => drop(schema.insert("allOf".into(), json!([branch]))),
    }
}

/// Converts an exclusive bound. In 3.1 it is a number. In 3.0 it is a flag beside the inclusive bound.
fn bound(schema: &mut Schema, key: &str, exclusive: &str, tighter: fn(f64, f64) -> bool) {
    let Some(limit) = schema
        .get(exclusive)
        .filter(|limit| limit.is_number())
        .cloned()
    else {
        return;
    };
    let inclusive = schema.get(key).and_then(Value::as_f64);
    let number = limit.as_f64().unwrap_or_default();
    schema.remove(exclusive);
    if inclusive.is_none_or(|inclusive| !tighter(inclusive, number)) {
        schema.insert(key.into(), limit);
        schema.insert(exclusive.into(), json!(true));
    }
}

/// Converts an object with one pattern for all keys to a map. All values of the map have the schema that the pattern has.
fn map_of_patterns(schema: &mut Schema) {
    let closed = matches!(
        schema.get("additionalProperties"),
        None | Some(Value::Bool(false))
    );
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    if let (true, false, Some(patterns)) = (closed, schema.contains_key("properties"), patterns)
        && let (1, Some(values)) = (patterns.len(), patterns.values().next().cloned())
    {
        schema.insert("additionalProperties".into(), values);
        schema.entry("type").or_insert_with(|| json!("object"));
    }
}

/// Moves a reference into `allOf` if there are other keywords beside it, because 3.0 ignores keywords beside a reference.
fn reference(schema: &mut Schema) {
    if schema.len() < 2 || !schema.get("$ref").is_some_and(Value::is_string) {
        return;
    }
    if let Some(reference) = schema.remove("$ref") {
        let part = json!({ "$ref": reference });
        match schema.get_mut("allOf").and_then(Value::as_array_mut) {
            Some(parts) => parts.insert(0, part),
            None => drop(schema.insert("allOf".into(), json!([part]))),
        }
    }
}
