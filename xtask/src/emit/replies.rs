//! Writes the data of the feature `mock`: the default response of each operation, and the request bodies that the mock accepts.
//!
//! The responses come from the document as CircleCI serves it, without the overlay and the fixups, so that the mock responds like
//! CircleCI. The operations that users call most have a handwritten response in `openapi/examples.yaml` instead.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::model::{HEADER, Model, Operation};
use crate::document;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// The text of the file that contains the curated responses.
const CURATED: &str = include_str!("../../../openapi/examples.yaml");

/// A response that is written by hand and replaces the one from the document.
#[derive(Default)]
struct Curated {
    status: Option<u16>,
    /// The body. If it is `None`, the body is made from the schema in the document.
    body: Option<Value>,
}

/// Returns the curated responses, by operationId.
fn curated() -> Result<&'static BTreeMap<String, Curated>> {
    // A process that builds several documents reads them once.
    static ALL: LazyLock<Result<BTreeMap<String, Curated>, String>> =
        LazyLock::new(|| read(CURATED).map_err(|error| format!("{error:#}")));
    ALL.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn read(text: &str) -> Result<BTreeMap<String, Curated>> {
    let all: BTreeMap<String, Value> =
        serde_yaml_ng::from_str(text).context("openapi/examples.yaml")?;
    let entry = |(id, entry): (String, Value)| {
        let reason = entry["reason"].as_str().unwrap_or_default();
        anyhow::ensure!(
            !reason.is_empty(),
            "openapi/examples.yaml: {id} has no reason"
        );
        let status = entry["status"]
            .as_u64()
            .and_then(|it| u16::try_from(it).ok());
        let body = entry.get("body").cloned();
        Ok((id, Curated { status, body }))
    };
    all.into_iter().map(entry).collect()
}

/// Returns a line for each curated response whose operation is not in the document.
pub fn unused(document: &Value) -> Result<Vec<String>> {
    let operations = document::operations(document);
    let unknown = curated()?.keys();
    let unknown = unknown.filter(|id| !operations.iter().any(|known| known.id() == *id));
    Ok(unknown
        .map(|id| format!("openapi/examples.yaml: the document has no operation {id}"))
        .collect())
}

/// Returns the file of default responses. `vendored` is the document before the overlay is applied.
pub fn emit(model: &Model<'_>, vendored: &Value) -> Result<String> {
    let curated = curated()?;
    let theirs = document::operations(vendored);
    let rows = model.operations.iter().map(|operation| {
        let source = &operation.source;
        let same = theirs
            .iter()
            .find(|it| it.method == source.method && it.path == source.path);
        // If the overlay adds the operation, its schemas are only in the effective document.
        let (root, source) = same.map_or((model.document, source), |same| (vendored, same));
        let maker = Maker {
            root,
            operation: source,
        };
        maker.row(operation, curated.get(operation.source.id()))
    });
    let rows: String = rows.collect();
    Ok(format!("{HEADER}\n{HEAD}{rows}];\n"))
}

const HEAD: &str = r#"//! What `mock` answers by default, made from the document's schemas and examples and from `openapi/examples.yaml`.

use super::operations::*;
use crate::operation::Example;

pub(crate) static REPLIES: &[Example] = &[
"#;

/// Writes the row of one operation in the table of default responses.
struct Maker<'a> {
    root: &'a Value,
    operation: &'a document::Operation<'a>,
}

/// The place of a value: its key, the noun of the object that contains it, and whether this object is the outermost one.
#[derive(Clone, Copy)]
struct Place<'n> {
    key: &'n str,
    noun: &'n str,
    top: bool,
}

impl<'a> Maker<'a> {
    fn row(&self, operation: &Operation<'_>, curated: Option<&Curated>) -> String {
        let name = &operation.builder;
        let successes = self.successes();
        let (status, schema) = successes.last().copied().unwrap_or((200, None));
        let noun = self.noun();
        let place = Place {
            key: "",
            noun: &noun,
            top: true,
        };
        let sampled = schema.map(|schema| self.sample(place, schema, &mut Vec::new()));
        let nulls = schema
            .map(|schema| self.nulls(schema, &mut Vec::new()))
            .unwrap_or_default();
        let (status, body) = match curated {
            Some(Curated { status, body }) => {
                let body = body.clone().or(sampled.filter(|_| *status != Some(204)));
                (
                    status.unwrap_or(successes.last().map_or(200, |it| it.0)),
                    body,
                )
            }
            None => (status, sampled),
        };
        let request = document::body_schema(self.root, self.operation);
        let request = request
            .map(|schema| self.shape(schema, &mut Vec::new()))
            .unwrap_or_default();
        let text = |value: Value| raw(&document::sorted(value).to_string());
        format!(
            "    Example {{ operation: {name}::OPERATION, status: {status}, statuses: &[{}], queries: &[{}], body: {}, nulls: {}, request: {} }},\n",
            self.statuses(&successes),
            self.queries(operation),
            text(body.unwrap_or_default()),
            text(nulls),
            text(request)
        )
    }

    /// Returns the success statuses in ascending order, each with the schema of its body.
    fn successes(&self) -> Vec<(u16, Option<&'a Value>)> {
        let responses = self.operation.value["responses"].as_object();
        let mut all: Vec<(u16, Option<&Value>)> = responses
            .into_iter()
            .flatten()
            .filter_map(|(status, response)| {
                let status = status
                    .parse()
                    .ok()
                    .filter(|status| (200..300).contains(status))?;
                let response = document::resolve(self.root, response);
                Some((
                    status,
                    response.pointer("/content/application~1json/schema"),
                ))
            })
            .collect();
        all.sort_by_key(|(status, _)| *status);
        all
    }

    fn statuses(&self, successes: &[(u16, Option<&Value>)]) -> String {
        if successes.len() < 2 {
            return String::new();
        }
        let row = |(status, schema): &(u16, Option<&Value>)| {
            let schema = schema.map(|schema| document::resolve(self.root, schema));
            let keys = schema.and_then(|schema| schema["properties"].as_object());
            let keys: Vec<String> = keys
                .into_iter()
                .flatten()
                .map(|(key, _)| format!("{key:?}"))
                .collect();
            format!("({status}, &[{}])", keys.join(", "))
        };
        successes
            .iter()
            .rev()
            .map(row)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Returns the query parameters that the crate sends, each with the enum values that the document allows.
    fn queries(&self, operation: &Operation<'_>) -> String {
        let parameters = document::parameters(self.root, self.operation);
        let words = |name: &str| -> Vec<String> {
            let known = parameters
                .iter()
                .find(|it| it["in"] == "query" && it["name"] == name);
            let words = known.and_then(|it| it["schema"]["enum"].as_array());
            let words = words.into_iter().flatten().filter_map(Value::as_str);
            words.map(|word| format!("{word:?}")).collect()
        };
        let queries = operation
            .query
            .iter()
            .map(|query| format!("({:?}, &[{}])", query.wire, words(&query.wire).join(", ")));
        queries.collect::<Vec<_>>().join(", ")
    }

    /// Returns the noun of the operation: the last fixed part of its path, in the singular.
    fn noun(&self) -> String {
        let parts = self.operation.path.split('/').rev();
        let fixed = parts.filter(|part| !part.is_empty() && !part.starts_with('{'));
        let mut fixed = fixed.filter(|part| !["cancel", "rerun", "mine", "run"].contains(part));
        singular(fixed.next().unwrap_or_default())
    }

    /// Returns the path parameter whose value the response repeats at this place.
    fn parameter(&self, place: Place<'_>) -> Option<&str> {
        let mut names = self
            .operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let plain = |name: &str| name.replace('-', "_").to_lowercase();
        if place.key == "id" && place.top {
            return names.next_back().filter(|name| {
                self.operation.path.ends_with(&format!("{{{name}}}")) && plain(name).ends_with("id")
            });
        }
        let key = plain(place.key);
        names.find(|name| {
            let name = plain(name);
            name == key && (name.ends_with("_id") || name == "fingerprint" || name == "name")
        })
    }

    /// Returns whether the response repeats a value of the request body at this place.
    fn echoes(&self, place: Place<'_>) -> bool {
        let hidden = ["value", "signing-secret", "type", "message"];
        let schema = document::body_schema(self.root, self.operation);
        let schema = schema.map(|schema| document::resolve(self.root, schema));
        let property = schema.and_then(|schema| schema["properties"].get(place.key));
        place.top
            && !hidden.contains(&place.key)
            && property.is_some_and(|property| {
                let property = document::resolve(self.root, property);
                property["type"] == "string" && property["format"] != "date-time"
            })
    }

    /// Returns the key as CircleCI sends it. CircleCI sends a key in snake_case even if the document has it in kebab-case. Only
    /// the responses about schedules keep the document's spelling.
    fn wire(&self, key: &str) -> String {
        if self.operation.path.contains("schedule") {
            key.to_owned()
        } else {
            key.replace('-', "_")
        }
    }

    /// Returns a value that the schema allows. `within` lists the components that contain the schema. If a component contains
    /// itself, the value of the inner one is null.
    fn sample(&self, place: Place<'_>, schema: &'a Value, within: &mut Vec<&'a str>) -> Value {
        let Some(reference) = schema["$ref"].as_str() else {
            return self.sample_of(place, schema, within);
        };
        if within.contains(&reference) {
            return Value::Null;
        }
        within.push(reference);
        let value = self.sample_of(place, document::resolve(self.root, schema), within);
        within.pop();
        value
    }

    fn sample_of(&self, place: Place<'_>, schema: &'a Value, within: &mut Vec<&'a str>) -> Value {
        // The default response contains the only page of a list, so there is no next page.
        if place.key == "next_page_token" {
            return Value::Null;
        }
        if let Some(words) = schema["enum"].as_array() {
            // Prefers a successful final state, so that code that polls for the end stops at once.
            let good = words
                .iter()
                .find(|word| *word == "completed" || *word == "success");
            return good.or(words.first()).cloned().unwrap_or_default();
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.merged(place, parts, within);
        }
        if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
            return self.sample(place, first, within);
        }
        if let Some(properties) = schema["properties"].as_object() {
            return self.object(place, properties, within);
        }
        let example = &schema["example"];
        match schema["type"].as_str() {
            Some("object") => json!({}),
            Some("array") => {
                let noun = singular(if place.key == "items" || place.key.is_empty() {
                    place.noun
                } else {
                    place.key
                });
                let item = Place {
                    key: place.key,
                    noun: &noun,
                    top: false,
                };
                match self.sample(item, &schema["items"], within) {
                    Value::Null => json!([]),
                    item => json!([item]),
                }
            }
            Some("boolean") => json!(example.as_bool().unwrap_or_default()),
            Some("integer") => json!(example.as_i64().unwrap_or(1)),
            Some("number") => number(example),
            Some("string") => json!(self.text(place, schema, example.as_str())),
            // A property without a type contains an id, a date or another text.
            _ if !place.key.is_empty() => json!(self.text(place, schema, example.as_str())),
            _ => Value::Null,
        }
    }

    fn merged(&self, place: Place<'_>, parts: &'a [Value], within: &mut Vec<&'a str>) -> Value {
        let mut merged = Map::new();
        let mut other = Value::Null;
        for part in parts {
            match self.sample(place, part, within) {
                Value::Object(part) => merged.extend(part),
                value => other = value,
            }
        }
        if merged.is_empty() {
            other
        } else {
            merged.into()
        }
    }

    fn object(
        &self,
        place: Place<'_>,
        properties: &'a Map<String, Value>,
        within: &mut Vec<&'a str>,
    ) -> Value {
        let noun = if place.key.is_empty() || place.key == "items" {
            place.noun.to_owned()
        } else {
            singular(place.key)
        };
        let filled = properties.iter().map(|(key, property)| {
            let place = Place {
                key,
                noun: &noun,
                top: place.top,
            };
            (
                self.wire(key),
                key,
                self.sample(place, property, within),
                property,
            )
        });
        // A key is omitted if its value is null here, unless the document allows null.
        let kept = filled
            .filter(|(_, _, value, property)| !value.is_null() || is_nullable(self.root, property));
        Value::Object(kept.map(|(wire, _, value, _)| (wire, value)).collect())
    }

    fn text(&self, place: Place<'_>, schema: &Value, example: Option<&str>) -> String {
        let default = text(place, schema, example);
        if let Some(name) = self.parameter(place) {
            return format!("⟦{name}={default}⟧");
        }
        if self.echoes(place) {
            return format!("⟦body.{}={default}⟧", place.key);
        }
        match default.as_str() {
            "gh/CircleCI-Public/api-preview-docs" => "⟦project-slug⟧".to_owned(),
            "gh/CircleCI-Public" => "⟦org-slug⟧".to_owned(),
            "https://github.com/CircleCI-Public/api-preview-docs" => "⟦repository⟧".to_owned(),
            "CircleCI-Public" => "⟦organization⟧".to_owned(),
            "api-preview-docs" => "⟦project⟧".to_owned(),
            _ => default,
        }
    }

    /// Returns the required keys whose values may be null. The result has the structure of the response.
    fn nulls(&self, schema: &'a Value, within: &mut Vec<&'a str>) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            if within.contains(&reference) {
                return Value::Null;
            }
            within.push(reference);
            let nulls = self.nulls(document::resolve(self.root, schema), within);
            within.pop();
            return nulls;
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.nulls(part, within));
            let merged: Map<String, Value> = parts
                .filter_map(|part| part.as_object().cloned())
                .flatten()
                .collect();
            return if merged.is_empty() {
                Value::Null
            } else {
                merged.into()
            };
        }
        if let Some(properties) = schema["properties"].as_object() {
            let required = schema["required"].as_array();
            let mut found = Map::new();
            for (key, property) in properties {
                let must =
                    required.is_some_and(|names| names.iter().any(|name| name == key.as_str()));
                let below = self.nulls(property, within);
                // A response with the last page of a list always contains this key, with the value null.
                let last = key == "next_page_token";
                if !below.is_null() || last || must && is_nullable(self.root, property) {
                    found.insert(self.wire(key), below);
                }
            }
            return if found.is_empty() {
                Value::Null
            } else {
                found.into()
            };
        }
        match &schema["items"] {
            Value::Null => Value::Null,
            items => match self.nulls(items, within) {
                Value::Null => Value::Null,
                below => json!([below]),
            },
        }
    }

    /// Returns the parts of a schema that the mock checks in a request: types, required keys and enum values. `within` lists the
    /// schemas that contain this schema. If a schema contains itself, the inner one accepts any value, because each level of
    /// nesting would multiply the output.
    fn shape<'s>(&'s self, schema: &'s Value, within: &mut Vec<&'s Value>) -> Value {
        let schema = document::resolve(self.root, schema);
        let mut shape = Map::new();
        if within.len() > 16 || within.iter().any(|around| std::ptr::eq(*around, schema)) {
            return shape.into();
        }
        within.push(schema);
        for key in ["type", "enum", "required"] {
            if let Some(value) = schema.get(key) {
                let mut value = value.clone();
                // The order of the list has no meaning, so it is sorted.
                if let Some(list) = value.as_array_mut() {
                    list.sort_by_key(Value::to_string);
                }
                shape.insert(key.to_owned(), value);
            }
        }
        if is_nullable(self.root, schema) {
            shape.insert("nullable".to_owned(), json!(true));
        }
        if let Some(properties) = schema["properties"].as_object() {
            let properties = properties
                .iter()
                .map(|(key, it)| (key.clone(), self.shape(it, within)));
            shape.insert("properties".to_owned(), Value::Object(properties.collect()));
        }
        if let Some(items) = schema.get("items") {
            shape.insert("items".to_owned(), self.shape(items, within));
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if let Some(branches) = schema[key].as_array() {
                let branches = branches.iter().map(|it| self.shape(it, within)).collect();
                let key = if key == "allOf" { key } else { "anyOf" };
                shape.insert(key.to_owned(), Value::Array(branches));
            }
        }
        within.pop();
        shape.into()
    }
}

fn is_nullable(root: &Value, schema: &Value) -> bool {
    let schema = document::resolve(root, schema);
    ["nullable", "x-nullable"]
        .iter()
        .any(|key| schema[*key] == true)
}

/// Returns the text as a raw string literal, with as many `#` as it needs.
fn raw(text: &str) -> String {
    let fits = |count: &usize| !text.contains(&format!("\"{}", "#".repeat(*count)));
    let fence = "#".repeat((1..).find(fits).unwrap_or(1));
    format!("r{fence}\"{text}\"{fence}")
}

fn singular(noun: &str) -> String {
    let noun = noun.replace('-', "_");
    let short = noun.strip_suffix("ies").map(|stem| format!("{stem}y"));
    short.unwrap_or_else(|| noun.strip_suffix('s').map_or(noun.clone(), str::to_owned))
}

/// Returns the example as a number. A whole number is written without a fraction.
fn number(example: &Value) -> Value {
    match example.as_f64() {
        Some(number) if number.fract() != 0.0 => json!(number),
        Some(number) => json!(number as i64),
        None => json!(1),
    }
}

/// Returns a text for a property. Objects of the same kind have the same id in all responses, and different kinds have different
/// ids.
fn text(place: Place<'_>, schema: &Value, example: Option<&str>) -> String {
    let name = place.key;
    let ends = |endings: [&str; 2]| endings.iter().any(|ending| name.ends_with(ending));
    let is_id =
        name == "id" || ends(["_id", "-id"]) || ends(["_by", "-by"]) && schema["format"] == "uuid";
    let format = match schema["format"].as_str() {
        None if is_id && example.is_none_or(|it| it.is_empty() || is_uuid(it)) => Some("uuid"),
        None if ends(["_at", "-at"]) => Some("date-time"),
        None if example.is_none() && ends(["url", "_uri"]) => Some("uri"),
        format => format,
    };
    match (format, example) {
        (Some("uuid"), _) => match name {
            "id" => uuid(kind(place.noun)),
            _ if ends(["_by", "-by"]) => uuid("user"),
            _ => uuid(kind(&name.replace('-', "_").replace("_id", ""))),
        },
        // Some examples do not match the format in their schema.
        (Some("date-time"), Some(example))
            if chrono::DateTime::parse_from_rfc3339(example).is_ok() =>
        {
            example.to_owned()
        }
        (Some("date-time"), _) => "2026-01-02T03:04:05.000Z".to_owned(),
        (_, Some(example)) if !example.is_empty() => example.to_owned(),
        (Some("uri"), _) => "https://example.com/".to_owned(),
        // The only pattern in the document is that of a duration.
        _ if schema.get("pattern").is_some() => "1h".to_owned(),
        _ => name.to_owned(),
    }
}

/// Replaces synonyms with one common noun. For example, `organization` and `owner` become `org`.
fn kind(noun: &str) -> &str {
    match noun {
        "organization" | "owner" => "org",
        "actor" | "me" => "user",
        noun => noun,
    }
}

/// Derives a UUID from the name of a kind. The UUID has the version and variant bits of a random UUID.
fn uuid(of: &str) -> String {
    let hash = |seed: u64| {
        let spread = of.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (spread ^ spread >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | low >> 48 & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}
