//! Decides, for every property of every object, whether the Rust field is `T`, `Option<T>` or a collection that may be empty.
//!
//! A property that a request requires stays required. A property that a response requires does not: about two dozen required
//! properties were null or absent in responses, older self-hosted servers omit more, and a missing `avatar_url` must not lose a
//! whole page. So a response requires only properties that identify an object. Every other property is an `Option`, or a
//! collection that is empty when it is missing.

use serde_json::{Map, Value, json};

/// Names of properties that identify an object.
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

/// Returns whether a response must have the property, because it identifies an object.
pub fn identifies(property: &str) -> bool {
    IDENTITIES.contains(&property)
}

/// Whether a type is used in requests, in responses or in both.
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

/// Rewrites `required` and `nullable` of an object schema for its usage. The keys that the document requires stay under
/// `x-required` for a request, whose constructor is made from them, and under `x-promised` for a response.
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
        let identity = identifies(name);
        let collection = property.get("type") == Some(&json!("array")) || is_map(property);
        if must && (identity || !usage.response) {
            still_required.push(name.clone());
        } else if collection && !usage.request {
            property.insert("x-or-default".into(), json!(true));
            still_required.push(name.clone());
        } else if collection {
            // For progenitor, an absent list equals an empty one, but a request distinguishes them.
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

/// Returns whether an object has no named properties, which makes it a map.
pub fn is_map(schema: &Map<String, Value>) -> bool {
    schema.get("type") == Some(&json!("object"))
        && !schema.contains_key("properties")
        && !schema.contains_key("oneOf")
}
