//! Checks that a request has the body and the enum values that CircleCI's document allows.

use serde_json::Value;

use super::received::Received;
use super::route;

/// The maximum nesting depth at which a body is checked. Deeper values are accepted.
const DEEPEST: usize = 16;

/// Returns an error message in CircleCI's style if the body is invalid, or if a query parameter does not have one of its enum
/// values.
pub(super) fn check(request: &Received) -> Result<(), String> {
    let Some(reply) = request.operation.and_then(route::reply) else {
        return Ok(());
    };
    for (name, value) in &request.query {
        let known = reply.queries.iter().find(|(known, _)| known == name);
        if known.is_some_and(|(_, words)| !words.is_empty() && !words.contains(&value.as_str())) {
            return Err(format!("{name} has an invalid value."));
        }
    }
    if reply.request == "null" {
        return Ok(());
    }
    let shape = serde_json::from_str(reply.request).unwrap_or_default();
    let nothing = Value::Object(serde_json::Map::new());
    match (request.body.is_empty(), request.json()) {
        (true, _) => check_value(&shape, &nothing, "", 0),
        (false, None) => Err("The request body is not valid JSON.".to_owned()),
        (false, Some(body)) => check_value(&shape, body, "", 0),
    }
}

fn check_value(shape: &Value, value: &Value, name: &str, depth: usize) -> Result<(), String> {
    if depth > DEEPEST || value.is_null() && shape["nullable"] == true {
        return Ok(());
    }
    let label = if name.is_empty() {
        "The request body"
    } else {
        name
    };
    if let Some(branches) = shape["anyOf"].as_array() {
        let mut results = branches
            .iter()
            .map(|branch| check_value(branch, value, name, depth + 1));
        let first = results.next().unwrap_or(Ok(()));
        return if results.any(|result| result.is_ok()) {
            Ok(())
        } else {
            first
        };
    }
    for part in shape["allOf"].as_array().into_iter().flatten() {
        check_value(part, value, name, depth + 1)?;
    }
    if !is_of(shape["type"].as_str(), value) {
        return Err(format!("{label} has an invalid type."));
    }
    let words = shape["enum"].as_array();
    if words.is_some_and(|words| !words.contains(value)) {
        return Err(format!("{label} has an invalid value."));
    }
    for required in shape["required"].as_array().into_iter().flatten() {
        let required = required.as_str().unwrap_or_default();
        if value.get(required).is_none() {
            return Err(format!("{} must be provided.", below(name, required)));
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        if let Some(property) = shape["properties"].get(key) {
            check_value(property, value, &below(name, key), depth + 1)?;
        }
    }
    if let Some(item) = shape.get("items") {
        for value in value.as_array().into_iter().flatten() {
            check_value(item, value, name, depth + 1)?;
        }
    }
    Ok(())
}

fn below(name: &str, key: &str) -> String {
    match name {
        "" => key.to_owned(),
        name => format!("{name}.{key}"),
    }
}

fn is_of(kind: Option<&str>, value: &Value) -> bool {
    match kind {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        _ => true,
    }
}
