//! Runs progenitor on what it needs to know of the effective document.

use crate::document::METHODS;
use anyhow::{Context, Result, anyhow};
use progenitor::{GenerationSettings, Generator, InterfaceStyle, TagStyle, TypeImpl};
use serde_json::{Map, Value, json};
use std::panic;

/// progenitor's output, parsed. Our passes read it; nothing of it is written as it stands.
pub fn generate(effective: &Value) -> Result<syn::File> {
    let spec: openapiv3::OpenAPI = serde_path_to_error::deserialize(essentials(effective))
        .map_err(|error| {
            let pointer = error.path().to_string().replace('.', "/");
            anyhow!(
                "/{pointer}: the effective document is no OpenAPI 3.0: {}",
                error.inner()
            )
        })?;
    let mut settings = GenerationSettings::default();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Merged)
        .with_map_type("::std::collections::BTreeMap")
        .with_replacement(
            "ParameterValue",
            "crate::values::parameters::ParameterValue",
            std::iter::empty::<TypeImpl>(),
        );
    // The precheck finds what progenitor is known to panic on; what it is not known to must not end in a backtrace either.
    let generated = panic::catch_unwind(|| Generator::new(&settings).generate_tokens(&spec));
    let tokens = generated
        .map_err(|_| anyhow!("progenitor panicked on the effective document"))?
        .map_err(|error| anyhow!("progenitor: {error}"))?;
    syn::parse2(tokens).context("progenitor's output is not Rust")
}

// ---- what progenitor is told -----------------------------------------------------------------------------------

/// The document without what decides no name and no type: words, examples, extensions, servers, security. Each of those is
/// one more thing for progenitor to stumble over, and none of them can be seen in what we read of its output.
fn essentials(effective: &Value) -> Value {
    let mut paths = Map::new();
    for (path, item) in effective["paths"].as_object().into_iter().flatten() {
        let methods = item
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(method, _)| METHODS.contains(&method.as_str()));
        paths.insert(
            path.clone(),
            methods
                .map(|(method, value)| (method.clone(), operation(value)))
                .collect(),
        );
    }
    let schemas: Map<String, Value> = effective["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), component(value)))
        .collect();
    json!({ "openapi": "3.0.3", "info": { "title": "CircleCI", "version": "2" }, "paths": paths, "components": { "schemas": schemas } })
}

fn operation(operation: &Value) -> Value {
    let parameters: Vec<Value> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(parameter)
        .collect();
    let responses = operation["responses"].as_object().into_iter().flatten();
    let responses: Map<String, Value> = responses
        .map(|(status, response)| {
            (
                status.clone(),
                json!({ "description": "", "content": content(&response["content"]) }),
            )
        })
        .collect();
    let mut told = json!({ "operationId": operation["operationId"], "parameters": parameters, "responses": responses });
    if let Some(body) = operation.get("requestBody") {
        told["requestBody"] = json!({ "required": true, "content": content(&body["content"]) });
    }
    told
}

fn parameter(parameter: &Value) -> Value {
    // What stands in a path is taken as text.
    let in_path = parameter["in"] == "path";
    let schema = if in_path {
        json!({ "type": "string" })
    } else {
        schema(&parameter["schema"])
    };
    json!({ "name": parameter["name"], "in": parameter["in"], "required": in_path || parameter["required"] == true, "schema": schema })
}

fn content(content: &Value) -> Value {
    let media = content.as_object().into_iter().flatten();
    media
        .map(|(name, media)| (name.clone(), json!({ "schema": schema(&media["schema"]) })))
        .collect()
}

/// Enums and unions are written from the document alone; of them progenitor need only know that they are types.
fn component(value: &Value) -> Value {
    match value.get("enum").is_some() || value.get("oneOf").is_some() {
        true => json!({ "type": "string", "enum": ["placeholder"] }),
        false => schema(value),
    }
}

fn schema(value: &Value) -> Value {
    if let Some(reference) = value.get("$ref") {
        return json!({ "$ref": reference });
    }
    // What has no type is anything, null included.
    let Some(kind) = value["type"].as_str() else {
        return json!({});
    };
    let mut told = Map::from_iter([("type".to_owned(), json!(kind))]);
    if value["nullable"] == true {
        told.insert("nullable".into(), json!(true));
    }
    match (kind, value["format"].as_str()) {
        // The formats that have a Rust type here; text of any other one (`ipv4`, `date`) is text.
        ("string", Some(format @ ("uuid" | "date-time"))) => {
            drop(told.insert("format".into(), json!(format)))
        }
        ("integer", _) => drop(told.insert("format".into(), json!("int64"))),
        _ => {}
    }
    match value
        .get("properties")
        .and_then(Value::as_object)
        .filter(|properties| kind == "object" && !properties.is_empty())
    {
        Some(properties) => {
            told.insert(
                "properties".into(),
                properties
                    .iter()
                    .map(|(name, property)| (name.clone(), schema(property)))
                    .collect(),
            );
            if let Some(required) = value.get("required") {
                told.insert("required".into(), required.clone());
            }
        }
        None if kind == "object" => {
            let values = value
                .get("additionalProperties")
                .filter(|values| values.is_object())
                .map_or(json!(true), schema);
            told.insert("additionalProperties".into(), values);
        }
        None => {}
    }
    if let Some(items) = value.get("items").filter(|_| kind == "array") {
        told.insert("items".into(), schema(items));
    }
    Value::Object(told)
}
