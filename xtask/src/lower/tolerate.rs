//! Decides, for every property of every object, whether the Rust field is `T`, `Option<T>` or a collection that may be empty.
//!
//! What a caller must send stays required. What CircleCI must send does not: of the required properties of its responses
//! two dozen have been seen null or absent, older self-hosted servers leave out more, and losing a whole page over a missing
//! `avatar_url` helps nobody. So in a response only an identity is required; everything else is an `Option`, or a collection
//! that is empty when it is missing.

use serde_json::{Map, Value, json};

/// Properties without which a response cannot be told from another one.
const IDENTITIES: [&str; 9] = [
    "id",
    "name",
    "slug",
    "number",
    "fingerprint",
    "variable",
    "path",
    "url",
    "usage_export_job_id",
];

/// Where the values of a type travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub request: bool,
    pub response: bool,
}

impl Usage {
    pub const REQUEST: Self = Self {
        request: true,
        response: false,
    };
    pub const RESPONSE: Self = Self {
        request: false,
        response: true,
    };

    pub fn with(self, other: Self) -> Self {
        Self {
            request: self.request || other.request,
            response: self.response || other.response,
        }
    }
}

/// Rewrites `required` and `nullable` of an object schema for its usage, and keeps what the document requires of a
/// request under `x-required`, from which its constructor is made, and of an answer under `x-promised`.
pub fn object(schema: &mut Map<String, Value>, usage: Usage) {
    let mut required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    // The order in the document has no meaning.
    required.sort_unstable();
    let mut still_required = Vec::new();
    for (name, property) in schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        let nullable = property.remove("nullable") == Some(Value::Bool(true));
        let must = required.contains(name) && !nullable;
        let identity = IDENTITIES.contains(&name.as_str());
        let collection = property.get("type") == Some(&json!("array")) || is_map(property);
        if must && (identity || !usage.response) {
            still_required.push(name.clone());
        } else if collection && !usage.request {
            property.insert("x-or-default".into(), json!(true));
            still_required.push(name.clone());
        } else if collection {
            // progenitor would make an absent and an empty list the same; in a request they are not.
            property.insert("nullable".into(), json!(true));
        }
    }
    schema.remove("required");
    if usage.response && !required.is_empty() {
        schema.insert("x-promised".into(), json!(required));
    }
    if !still_required.is_empty() {
        schema.insert("required".into(), json!(still_required));
    }
    if usage.request {
        let known = |name: &String| {
            schema
                .get("properties")
                .is_some_and(|properties| properties.get(name).is_some())
        };
        let by_document: Vec<&String> = required.iter().filter(|name| known(name)).collect();
        let by_document = json!(by_document);
        schema.insert("x-required".into(), by_document);
    }
}

/// An object without named properties: a map.
pub fn is_map(schema: &Map<String, Value>) -> bool {
    schema.get("type") == Some(&json!("object"))
        && !schema.contains_key("properties")
        && !schema.contains_key("oneOf")
}
