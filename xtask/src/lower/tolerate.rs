//! Decides for each property whether the Rust field is a `T`, an `Option<T>` or a collection that may be empty.
//!
//! A property that is required in a request stays required. In a response, a property stays required only if it identifies the
//! object. Any other property becomes an `Option`, or a collection that is empty if the property is missing. The reason is that
//! about two dozen required properties were null or absent in real responses, and older self-hosted servers omit more. A missing
//! `avatar_url` must not make a whole page unreadable.

use serde_json::{Map, Value, json};

/// The names of the properties that identify an object.
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

/// Returns whether the property identifies an object. If the document requires such a property, a response must contain it.
pub fn identifies(property: &str) -> bool {
    IDENTITIES.contains(&property)
}

/// The usage of a type: in requests, in responses or in both.
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

/// Changes `required` and `nullable` in an object schema to suit its usage. Keeps the list of the keys that the document
/// requires: for requests in `x-required`, because the constructor needs it, and for responses in `x-promised`.
pub fn object(schema: &mut Map<String, Value>, usage: Usage) {
    let mut required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    // The order of the names in the document has no meaning.
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
            // progenitor treats a missing list like an empty one, but in a request the two are different.
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

/// Returns whether the schema is a map, which is an object without named properties.
pub fn is_map(schema: &Map<String, Value>) -> bool {
    schema.get("type") == Some(&json!("object"))
        && !schema.contains_key("properties")
        && !schema.contains_key("oneOf")
}
