//! An answer for each operation, made from its schema, for the feature `mock`: one item a list, every property there, and
//! the document's own examples where it has any.

use super::model::{HEADER, Model, Operation};
use crate::document;
use serde_json::{Map, Value, json};

pub fn emit(model: &Model<'_>) -> String {
    let rows: String = model
        .operations
        .iter()
        .map(|operation| row(model, operation))
        .collect();
    format!(
        "{HEADER}\n//! What `mock` answers unless it is told otherwise: made from the document's schemas and examples.\n\n\
         use super::operations::*;\nuse crate::operation::Example;\n\npub(crate) static REPLIES: &[Example] = &[\n{rows}];\n"
    )
}

fn row(model: &Model<'_>, operation: &Operation<'_>) -> String {
    let statuses = operation.source.value["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, _)| status);
    let status = statuses
        .filter_map(|status| status.parse::<u16>().ok())
        .find(|status| (200..300).contains(status))
        .unwrap_or(200);
    let body = document::success_schema(model.document, &operation.source);
    let body = body
        .map(|schema| document::sorted(sample(model.document, "", schema, &mut Vec::new())))
        .unwrap_or_default()
        .to_string();
    // As many `#` as the text needs around it.
    let fence = "#".repeat(
        (1..)
            .find(|count| !body.contains(&format!("\"{}", "#".repeat(*count))))
            .unwrap_or(1),
    );
    let queries = operation.query.iter();
    let queries: Vec<String> = queries.map(|query| format!("{:?}", query.wire)).collect();
    format!(
        "    Example {{ operation: {}::OPERATION, status: {status}, queries: &[{}], body: r{fence}\"{body}\"{fence} }},\n",
        operation.builder,
        queries.join(", ")
    )
}

/// A value that a schema admits, for a property of this name. `within` are the components that it is a part of: one that
/// holds itself holds nothing there.
fn sample<'a>(
    document: &'a Value,
    name: &str,
    schema: &'a Value,
    within: &mut Vec<&'a str>,
) -> Value {
    let Some(reference) = schema["$ref"].as_str() else {
        return sample_of(document, name, schema, within);
    };
    if within.contains(&reference) {
        return Value::Null;
    }
    within.push(reference);
    let value = sample_of(document, name, document::resolve(document, schema), within);
    within.pop();
    value
}

fn sample_of<'a>(
    document: &'a Value,
    name: &str,
    schema: &'a Value,
    within: &mut Vec<&'a str>,
) -> Value {
    // Only the first page of a list is the last one too.
    if name == "next_page_token" {
        return Value::Null;
    }
    if let Some(words) = schema["enum"].as_array() {
        // What has come to a good end, so that whoever waits for it does not wait.
        let good = words.iter().find(|word| *word == "completed");
        return good.or(words.first()).cloned().unwrap_or_default();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut merged = Map::new();
        for part in parts {
            if let Value::Object(part) = sample(document, name, part, within) {
                merged.extend(part);
            }
        }
        return Value::Object(merged);
    }
    if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
        return sample(document, name, first, within);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let filled = properties
            .iter()
            .map(|(name, property)| (name.clone(), sample(document, name, property, within)));
        return Value::Object(filled.filter(|(_, value)| !value.is_null()).collect());
    }
    let example = &schema["example"];
    match schema["type"].as_str() {
        Some("object") => json!({}),
        Some("array") => match sample(document, name, &schema["items"], within) {
            Value::Null => json!([]),
            item => json!([item]),
        },
        Some("boolean") => json!(example.as_bool().unwrap_or_default()),
        Some("integer") => json!(example.as_i64().unwrap_or(1)),
        Some("number") => json!(example.as_f64().unwrap_or(1.0)),
        Some("string") => json!(text(name, schema, example.as_str())),
        _ => Value::Null,
    }
}

fn text(name: &str, schema: &Value, example: Option<&str>) -> String {
    let ends = |endings: [&str; 2]| endings.iter().any(|ending| name.ends_with(ending));
    let format = match schema["format"].as_str() {
        None if example.is_none() && (name == "id" || ends(["_id", "-id"])) => Some("uuid"),
        None if ends(["_at", "-at"]) => Some("date-time"),
        None if example.is_none() && ends(["url", "_uri"]) => Some("uri"),
        format => format,
    };
    match (format, example) {
        // Not every example has the format that stands beside it.
        (Some("uuid"), Some(example)) if is_uuid(example) => example.to_owned(),
        (Some("uuid"), _) => {
            let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            format!("00000000-0000-4000-8000-{:012x}", hash & 0xffff_ffff_ffff)
        }
        (Some("date-time"), Some(example))
            if chrono::DateTime::parse_from_rfc3339(example).is_ok() =>
        {
            example.to_owned()
        }
        (Some("date-time"), _) => "2026-01-02T03:04:05Z".to_owned(),
        (_, Some(example)) if !example.is_empty() => example.to_owned(),
        (Some("uri"), _) => "https://example.com/".to_owned(),
        _ => name.to_owned(),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}
