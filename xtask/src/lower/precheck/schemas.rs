//! Checks schemas: their keywords, contradictions, enums, alternatives and properties.

use super::{Check, is_name};
use crate::{
    document::{self, escape, located, operations, order, resolve},
    lower::{names, schema},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The decoders that `x-decode` may name. Each one is a type in `json::lenient`.
const DECODERS: [&str; 2] = ["number_or_string", "text"];

impl<'a> Check<'a> {
    pub fn schemas(&mut self) {
        let mut found: Vec<(String, &Value)> = Vec::new();
        for (name, schema) in self.document["components"]["schemas"]
            .as_object()
            .into_iter()
            .flatten()
        {
            found.push((format!("/components/schemas/{}", escape(name)), schema));
        }
        for operation in operations(self.document) {
            found.extend(document::body_at(self.document, &operation));
            for (status, response) in operation.value["responses"]
                .as_object()
                .into_iter()
                .flatten()
            {
                let (at, response) = located(
                    self.document,
                    format!("{}/responses/{}", operation.pointer(), escape(status)),
                    response,
                );
                found.extend(
                    response["content"]["application/json"]
                        .get("schema")
                        .map(|schema| (format!("{at}/content/application~1json/schema"), schema)),
                );
            }
            for (at, parameter) in document::parameters_at(self.document, &operation) {
                found.extend(
                    parameter
                        .get("schema")
                        .map(|schema| (format!("{at}/schema"), schema)),
                );
            }
        }
        for (pointer, schema) in found {
            self.schema(&pointer, schema);
        }
    }

    fn schema(&mut self, pointer: &str, schema: &'a Value) {
        let Some(map) = schema.as_object() else {
            return self.report(pointer, "is not a schema object");
        };
        if let Some(reference) = map.get("$ref") {
            if !reference.is_string() {
                self.report(pointer, "`$ref` is not text");
            }
            return;
        }
        let before = self.problems.len();
        self.keywords(pointer, map);
        if self.problems.len() > before {
            return;
        }
        let kind = map.get("type").and_then(Value::as_str);
        self.contradictions(pointer, kind, map);
        if let Some(words) = map.get("enum").and_then(Value::as_array) {
            self.words(
                pointer,
                kind,
                words,
                map.get("nullable") == Some(&Value::Bool(true)),
            );
        }
        if let Some(branches) = map.get("oneOf").and_then(Value::as_array) {
            self.alternatives(pointer, kind, branches);
        }
        self.properties(pointer, map);
        self.children(pointer, map);
    }

    /// Checks that the value of each keyword has the type that OpenAPI 3.0 requires.
    fn keywords(&mut self, pointer: &str, map: &'a Map<String, Value>) {
        const KINDS: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];
        match map.get("type") {
            None => {}
            Some(Value::String(kind)) if KINDS.contains(&kind.as_str()) => {}
            Some(Value::String(kind)) => {
                self.report(pointer, format!("the type {kind:?} does not exist"))
            }
            Some(Value::Array(_)) => self.report(
                pointer,
                "has a list of types, which only OpenAPI 3.1 allows",
            ),
            Some(_) => self.report(pointer, "`type` is not text"),
        }
        let mut held = |key: &str, what: &str, fits: fn(&Value) -> bool| {
            if map.get(key).is_some_and(|value| !fits(value)) {
                self.report(pointer, format!("`{key}` is not {what}"));
            }
        };
        held("nullable", "a boolean", Value::is_boolean);
        held("format", "text", Value::is_string);
        held("properties", "an object", Value::is_object);
        held("enum", "a list", Value::is_array);
        held("required", "a list of names", |value| {
            value
                .as_array()
                .is_some_and(|names| names.iter().all(Value::is_string))
        });
        for key in ["oneOf", "anyOf", "allOf"] {
            held(key, "a list", Value::is_array);
        }
        held("x-decode", "a known decoder", |value| {
            value.as_str().is_some_and(|name| DECODERS.contains(&name))
        });
    }

    fn contradictions(&mut self, pointer: &str, kind: Option<&str>, map: &'a Map<String, Value>) {
        let both = |kind: Option<&str>, what: &str| {
            format!(
                "is of type {}, but has {what}: no value matches both",
                kind.unwrap_or_default()
            )
        };
        if kind.is_some_and(|kind| kind != "object") && map.contains_key("properties") {
            self.report(pointer, both(kind, "properties"));
        }
        if kind.is_some_and(|kind| kind != "array") && map.contains_key("items") {
            self.report(pointer, both(kind, "items"));
        }
        if kind == Some("array") && !map.contains_key("items") {
            self.report(pointer, "is a list without items");
        }
        if kind.is_none() && map.contains_key("items") && !map.contains_key("oneOf") {
            self.report(pointer, "has items, but does not say that it is a list");
        }
        if map.contains_key("not") {
            self.report(pointer, "`not` is not supported");
        }
        if map.contains_key("allOf") {
            self.report(pointer, "the parts of `allOf` cannot be merged: no value matches all of them, or their types differ");
        }
        for key in ["oneOf", "anyOf"] {
            if map
                .get(key)
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
            {
                self.report(
                    pointer,
                    format!("`{key}` without alternatives: no value is valid"),
                );
            }
        }
        for key in ["properties", "enum", "anyOf"] {
            if map.contains_key("oneOf") && map.contains_key(key) {
                self.report(
                    pointer,
                    format!("has alternatives beside {key}, which is not supported"),
                );
            }
        }
        let named = map
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|properties| !properties.is_empty());
        let typed = map
            .get("additionalProperties")
            .and_then(Value::as_object)
            .is_some_and(|values| !values.is_empty());
        if named && typed {
            self.report(
                pointer,
                "has both named properties and typed additional properties, which is not supported",
            );
        }
    }

    fn words(&mut self, pointer: &str, kind: Option<&str>, words: &'a [Value], nullable: bool) {
        let words: Vec<&Value> = words
            .iter()
            .filter(|word| !(nullable && word.is_null()))
            .collect();
        if words.is_empty() {
            return self.report(pointer, "an enum without values: no value is valid");
        }
        if kind.is_some_and(|kind| kind != "string") || words.iter().any(|word| !word.is_string()) {
            return self.report(pointer, "only enums of strings are supported");
        }
        let mut variants: BTreeMap<String, &str> = BTreeMap::new();
        for word in words.into_iter().filter_map(Value::as_str) {
            let variant = names::variant(word);
            if !names::is_rust(&variant) || matches!(variant.as_str(), "Unknown" | "Self") {
                self.report(
                    pointer,
                    format!("the word {word:?} cannot become the name of a variant"),
                );
            }
            match variants.insert(variant, word) {
                Some(other) if other == word => self.report(
                    pointer,
                    format!("the word {word:?} stands twice in the enum"),
                ),
                Some(other) => self.report(
                    pointer,
                    format!("the words {other:?} and {word:?} would be the same variant"),
                ),
                None => {}
            }
        }
    }

    /// Checks that each alternative either becomes a named type or is the only unnamed alternative of its JSON type.
    fn alternatives(&mut self, pointer: &str, kind: Option<&str>, branches: &'a [Value]) {
        let mut plain: BTreeMap<&str, usize> = BTreeMap::new();
        let branches = branches.iter().enumerate();
        let branches = branches.map(|(index, branch)| (order::index_of(branch, index), branch));
        // The alternatives are checked in the order of the document, so that the second of two equal alternatives is reported.
        for (index, branch) in branches.collect::<BTreeMap<_, _>>() {
            let at = format!("{pointer}/oneOf/{index}");
            let branch = resolve(self.document, branch);
            let own = branch["type"].as_str();
            if let (Some(kind), Some(own)) = (kind, own)
                && kind != own
            {
                self.report(
                    &at,
                    format!(
                        "is of type {own}, but is in a schema of type {kind}: no value matches both"
                    ),
                );
            }
            match own {
                _ if schema::is_named(branch) => {}
                None => self.report(&at, "an alternative without a type is not supported"),
                Some(own) => {
                    if let Some(other) = plain.insert(own, index) {
                        self.report(&at, format!("is of type {own}, like alternative {other}, so the two cannot be told apart"));
                    }
                }
            }
        }
    }

    fn properties(&mut self, pointer: &str, map: &'a Map<String, Value>) {
        let properties = map.get("properties").and_then(Value::as_object);
        let mut idents: BTreeMap<String, &str> = BTreeMap::new();
        for name in properties.into_iter().flat_map(Map::keys) {
            let at = format!("{pointer}/properties/{}", escape(name));
            if !is_name(name) {
                self.report(at, format!("{name:?} cannot become the name of a field"));
            } else if let Some(other) = idents.insert(names::snake(name), name) {
                self.report(at, format!("would be the same field as {other}"));
            }
        }
        for name in map
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if properties.is_some_and(|properties| !properties.contains_key(name)) {
                self.report(
                    format!("{pointer}/required"),
                    format!("{name} is required, but there is no such property"),
                );
            }
        }
    }

    fn children(&mut self, pointer: &str, map: &'a Map<String, Value>) {
        for (name, property) in map
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            self.schema(&format!("{pointer}/properties/{}", escape(name)), property);
        }
        if let Some(items) = map.get("items") {
            self.schema(&format!("{pointer}/items"), items);
        }
        if let Some(values) = map
            .get("additionalProperties")
            .filter(|values| !values.is_boolean())
        {
            self.schema(&format!("{pointer}/additionalProperties"), values);
        }
        for key in ["oneOf", "anyOf"] {
            for (index, branch) in map
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .enumerate()
            {
                let index = order::index_of(branch, index);
                self.schema(&format!("{pointer}/{key}/{index}"), branch);
            }
        }
    }
}
