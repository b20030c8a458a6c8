//! Builds overlay actions that correct the document where a recording contradicts it.

use serde_json::{Map, Value, json};

/// Returns the JSONPath of a place in the document.
pub fn target(place: &[String]) -> String {
    let mut path = "$".to_owned();
    let mut in_list = false;
    for name in place {
        let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match word {
            true => {
                path.push('.');
                path.push_str(name);
            }
            // A number is an index only in a list. Elsewhere it is a key, such as the status of a response.
            false if in_list => {
                path.push_str(&format!("[{name}]"));
            }
            false => {
                let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
                path.push_str(&format!("['{escaped}']"));
            }
        }
        in_list = matches!(name.as_str(), "allOf" | "anyOf" | "oneOf");
    }
    path
}

/// Returns an action that merges `update` into a place.
pub fn update(description: &str, place: &[String], update: Value) -> Value {
    json!({ "description": description, "target": target(place), "update": update })
}

/// Returns an action that removes a place.
pub fn remove(description: &str, place: &[String]) -> Value {
    json!({ "description": description, "target": target(place), "remove": true })
}

/// Returns a schema that allows the value.
pub fn schema_of(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "type": "string", "nullable": true }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number", "format": "double" }),
        Value::Number(_) => json!({ "type": "integer", "format": "int64" }),
        Value::String(text) if uuid::Uuid::try_parse(text).is_ok() => {
            json!({ "type": "string", "format": "uuid" })
        }
        Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => {
            json!({ "type": "string", "format": "date-time" })
        }
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            let items = items
                .first()
                .map_or_else(|| json!({ "type": "string" }), schema_of);
            json!({ "type": "array", "items": items })
        }
        Value::Object(fields) => {
            let properties: Map<String, Value> = fields
                .iter()
                .map(|(key, value)| (key.clone(), schema_of(value)))
                .collect();
            json!({ "type": "object", "properties": properties })
        }
    }
}
