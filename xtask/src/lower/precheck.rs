//! Finds what progenitor would panic on, or turn into code that does not compile or cannot work, and says it in one line
//! with the JSON pointer of the place.

use super::{
    hoist::Hoisted,
    names,
    schema::{self, component_name, reachable},
};
use crate::document::{
    self, METHODS, Operation, escape, is_success, located, operations, resolve, visit,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that cannot be generated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub pointer: String,
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // One line, whatever the document's keys hold.
        let pointer = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        let line = format!("{pointer}: {}", self.message);
        f.write_str(&line.replace(|c: char| c.is_control(), " "))
    }
}

/// The most schemas that one component may stand for, once every reference in it is followed; the vendored document has
/// 300 in its largest. A few dozen components that each refer twice to the next one would not fit in memory.
const LARGEST: usize = 20_000;

/// All problems of a document that has been through the overlay and the fixups.
pub fn check(document: &Value) -> Vec<Problem> {
    let mut check = Check {
        document,
        problems: BTreeSet::new(),
    };
    check.skeleton();
    check.references();
    // Beyond this point references are followed.
    if check.problems.is_empty() {
        check.cycles();
    }
    if check.problems.is_empty() {
        check.sizes();
    }
    if check.problems.is_empty() {
        check.operations();
        check.schemas();
    }
    check.problems.into_iter().collect()
}

/// What only shows once every shape has its name.
pub fn check_names(hoisted: &Hoisted) -> Vec<Problem> {
    let mut check = Check {
        document: &hoisted.document,
        problems: BTreeSet::new(),
    };
    for named in &hoisted.types {
        let schema = &hoisted.document["components"]["schemas"][&named.name];
        let mut variants = BTreeMap::new();
        for (index, branch) in schema["oneOf"].as_array().into_iter().flatten().enumerate() {
            let Some(name) = branch["$ref"].as_str().and_then(component_name) else {
                continue;
            };
            let variant = names::union_variant(&named.name, name);
            if let Some(other) = variants.insert(variant.clone(), index) {
                check.report(
                    format!("{}/oneOf/{index}", named.pointer),
                    format!("would be the same variant, {variant}, as alternative {other}"),
                );
            }
        }
        let properties = &schema["properties"];
        if properties["items"]["type"] == "array"
            && properties.get("next_page_token").is_some()
            && !is_item(&properties["items"]["items"])
        {
            check.report(format!("{}/properties/items", named.pointer), UNNAMED_ITEMS);
        }
    }
    for operation in operations(&hoisted.document) {
        let Some((at, schema)) = document::success_at(&hoisted.document, &operation) else {
            continue;
        };
        let by_offset = document::parameters(&hoisted.document, &operation)
            .iter()
            .any(|parameter| parameter["name"] == "offset");
        if by_offset && schema["type"] == "array" && !is_item(&schema["items"]) {
            check.report(at, UNNAMED_ITEMS);
        }
    }
    check.problems.into_iter().collect()
}

const UNNAMED_ITEMS: &str = "is a page of what has no type of its own, which cannot be followed";

/// Whether what a page is of can be said by a single word.
fn is_item(schema: &Value) -> bool {
    let plain = matches!(
        schema["type"].as_str(),
        Some("string" | "integer" | "number" | "boolean")
    );
    schema.get("$ref").is_some()
        || (plain && schema.get("format").is_none_or(|format| format == "int64"))
}

struct Check<'a> {
    document: &'a Value,
    problems: BTreeSet<Problem>,
}

impl<'a> Check<'a> {
    fn report(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.insert(Problem {
            pointer: pointer.into(),
            message: message.into(),
        });
    }

    /// The places that are read as OpenAPI, not as examples.
    fn visit(&self, visit_one: &mut impl FnMut(&str, &'a Value)) {
        visit(self.document, "", &mut |pointer, value| {
            let example = pointer
                .split('/')
                .any(|step| matches!(step, "example" | "examples" | "x-codeSamples" | "default"));
            let property =
                pointer.contains("/properties/example") || pointer.contains("/properties/default");
            if !example || property {
                visit_one(pointer, value);
            }
        });
    }

    // ---- the skeleton ----------------------------------------------------------------------------------------------

    /// That objects are objects and lists are lists, wherever the steps after this one look.
    fn skeleton(&mut self) {
        for section in ["schemas", "responses", "parameters", "requestBodies"] {
            let Some(components) = self
                .optional_object("/components", self.document.get("components"))
                .and_then(|map| map.get(section))
            else {
                continue;
            };
            let at = format!("/components/{section}");
            for (name, component) in self.object(&at, components).into_iter().flatten() {
                if !name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
                {
                    self.report(
                        format!("{at}/{}", escape(name)),
                        "the name of a component may only hold letters, digits, `.`, `-` and `_`",
                    );
                }
                self.object(&format!("{at}/{}", escape(name)), component);
            }
        }
        for (path, item) in self
            .optional_object("/paths", self.document.get("paths"))
            .into_iter()
            .flatten()
        {
            let at = format!("/paths/{}", escape(path));
            let Some(item) = self.object(&at, item) else {
                continue;
            };
            if item.contains_key("$ref") {
                self.report(&at, "a path that refers to another place is not supported");
            }
            self.template(&at, path);
            self.parameter_list(format!("{at}/parameters"), item.get("parameters"));
            for (method, operation) in item
                .iter()
                .filter(|(method, _)| METHODS.contains(&method.as_str()))
            {
                let at = format!("{at}/{method}");
                let Some(operation) = self.object(&at, operation) else {
                    continue;
                };
                self.parameter_list(format!("{at}/parameters"), operation.get("parameters"));
                self.optional_object(&format!("{at}/requestBody"), operation.get("requestBody"));
                let at = format!("{at}/responses");
                for (status, response) in self
                    .optional_object(&at, operation.get("responses"))
                    .into_iter()
                    .flatten()
                {
                    self.object(&format!("{at}/{}", escape(status)), response);
                }
            }
        }
    }

    fn object(&mut self, pointer: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        if !value.is_object() {
            self.report(pointer, "is no object");
        }
        value.as_object()
    }

    fn optional_object(
        &mut self,
        pointer: &str,
        value: Option<&'a Value>,
    ) -> Option<&'a Map<String, Value>> {
        self.object(pointer, value?)
    }

    fn parameter_list(&mut self, pointer: String, list: Option<&'a Value>) {
        let Some(list) = list else { return };
        let Some(list) = list.as_array() else {
            return self.report(pointer, "is no list");
        };
        for (index, parameter) in list.iter().enumerate() {
            self.object(&format!("{pointer}/{index}"), parameter);
        }
    }

    /// A path is text and `{placeholders}`.
    fn template(&mut self, at: &str, path: &str) {
        if !path.starts_with('/') {
            self.report(at, "a path must start with a slash");
        }
        if path.chars().any(char::is_control) {
            self.report(at, "holds a control character");
        }
        let mut open: Option<String> = None;
        let mut names = BTreeSet::new();
        for c in path.chars() {
            open = match (c, open) {
                ('{', None) => Some(String::new()),
                ('}', Some(name)) => {
                    if name.is_empty() || !names.insert(name.clone()) {
                        self.report(
                            at,
                            format!(
                                "the path names {{{name}}} twice, or a parameter without a name"
                            ),
                        );
                    }
                    None
                }
                ('{' | '/', Some(_)) | ('}', None) => {
                    return self.report(at, "the braces of the path do not match");
                }
                (c, Some(name)) => Some(format!("{name}{c}")),
                (_, None) => None,
            };
        }
        if open.is_some() {
            self.report(at, "the braces of the path do not match");
        }
    }

    // ---- references ------------------------------------------------------------------------------------------------

    fn references(&mut self) {
        let mut found = Vec::new();
        self.visit(&mut |pointer, value| {
            // A property may itself be called `$ref`; then its value is a schema and no string.
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                found.push((pointer.to_owned(), reference.to_owned()));
            }
        });
        for (pointer, reference) in found {
            match reference.strip_prefix('#') {
                None => self.report(pointer, format!("refers to another document ({reference}); only references within the document are supported")),
                Some(target) if self.document.pointer(target).is_none() => self.report(pointer, format!("refers to {reference}, which does not exist")),
                Some(target) => self.reference_kind(&pointer, &reference, target),
            }
        }
    }

    /// A schema must refer to a component that is a schema, for those are what has names; and so with the rest.
    fn reference_kind(&mut self, pointer: &str, reference: &str, target: &str) {
        let steps: Vec<&str> = target.split('/').collect();
        let [_, "components", section, _] = steps.as_slice() else {
            return self.report(
                pointer,
                format!("refers to {reference}; only references to a component are supported"),
            );
        };
        if let Some(wanted) = section_of(pointer).filter(|wanted| wanted != section) {
            self.report(pointer, format!("refers to {reference}, but only something under /components/{wanted} can stand here"));
        }
    }

    fn cycles(&mut self) {
        for section in ["schemas", "responses", "parameters", "requestBodies"] {
            let components = self.document["components"][section].as_object();
            for (name, component) in components.into_iter().flatten() {
                if resolve(self.document, component)
                    .get("$ref")
                    .and_then(Value::as_str)
                    .is_some()
                {
                    self.report(
                        format!("/components/{section}/{}", escape(name)),
                        "refers, in the end, only to itself",
                    );
                }
            }
        }
        if !self.problems.is_empty() {
            return;
        }
        let components = self.document["components"]["schemas"].as_object();
        let inhabited = inhabited(components);
        for (name, schema) in components.into_iter().flatten() {
            if !reachable(self.document, schema).contains(name.as_str()) {
                continue;
            }
            if !inhabited.contains(name.as_str()) {
                self.report(
                    format!("/components/schemas/{name}"),
                    "requires itself, so no value of it can exist",
                );
            } else if self.bare(schema).contains(name.as_str()) {
                self.report(format!("/components/schemas/{name}"), "is a list or a map of itself with no object between, which has no size in Rust");
            }
        }
    }

    /// The components that a schema reaches through lists, maps and references alone.
    fn bare(&self, schema: &'a Value) -> BTreeSet<&'a str> {
        let (mut found, mut open) = (BTreeSet::new(), vec![schema]);
        while let Some(schema) = open.pop() {
            if let Some(next) = schema["$ref"].as_str().and_then(component_name) {
                if found.insert(next) {
                    open.push(&self.document["components"]["schemas"][next]);
                }
            } else if !schema::is_named(schema) {
                schema::children(schema, &mut |_, child| open.push(child));
            }
        }
        found
    }

    /// Components are written out wherever they are referred to, so that equal shapes are found.
    fn sizes(&mut self) {
        let kept = schema::kept_components(self.document);
        let mut known = BTreeMap::new();
        for (name, schema) in self.document["components"]["schemas"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let (size, depth) = self.size(schema, 0, &kept, &mut known);
            if size > LARGEST || depth > document::DEEPEST {
                self.report(
                    format!("/components/schemas/{name}"),
                    "is too large, or too deep, once all its references are followed",
                );
            }
        }
    }

    /// How many schemas there are below a schema, and how many levels of them.
    fn size(
        &self,
        schema: &'a Value,
        level: usize,
        kept: &BTreeSet<String>,
        known: &mut BTreeMap<&'a str, (usize, usize)>,
    ) -> (usize, usize) {
        if level > document::DEEPEST {
            return (LARGEST + 1, level);
        }
        let Some(name) = schema["$ref"].as_str().and_then(component_name) else {
            let (mut size, mut depth) = (1_usize, 0);
            schema::children(schema, &mut |_, child| {
                let (more, deeper) = self.size(child, level + 1, kept, known);
                size = size.saturating_add(more);
                depth = depth.max(deeper + 1);
            });
            return (size, depth);
        };
        if kept.contains(name) {
            return (1, 0);
        }
        if let Some(known) = known.get(name) {
            return *known;
        }
        let size = self.size(
            &self.document["components"]["schemas"][name],
            level + 1,
            kept,
            known,
        );
        known.insert(name, size);
        size
    }

    // ---- operations ------------------------------------------------------------------------------------------------

    fn operations(&mut self) {
        let mut ids: BTreeMap<String, (String, &str)> = BTreeMap::new();
        for operation in operations(self.document) {
            let pointer = operation.pointer();
            let id = operation.id();
            if id.is_empty() {
                self.report(
                    format!("{pointer}/operationId"),
                    "is missing; it names the method",
                );
            } else if !is_name(id) {
                self.report(
                    format!("{pointer}/operationId"),
                    format!("{id:?} makes no name of a method"),
                );
            } else if let Some((other, known)) =
                ids.insert(names::pascal(id), (pointer.clone(), id))
            {
                let same = if known == id {
                    "is the same as".to_owned()
                } else {
                    format!("{id} would be the same method as {known},")
                };
                self.report(
                    format!("{pointer}/operationId"),
                    format!("{same} {other}/operationId"),
                );
            }
            if !matches!(
                operation.method,
                "get" | "put" | "post" | "delete" | "patch" | "head"
            ) {
                self.report(
                    &pointer,
                    format!(
                        "the method {} is not supported",
                        operation.method.to_uppercase()
                    ),
                );
            }
            self.parameters(&operation);
            self.body(&operation);
            self.responses(&operation);
        }
    }

    fn parameters(&mut self, operation: &Operation<'a>) {
        let pointer = operation.pointer();
        let mut idents: BTreeMap<String, String> = BTreeMap::new();
        if operation.value.get("requestBody").is_some() {
            idents.insert("body".into(), "the body".into());
        }
        let mut in_path = BTreeSet::new();
        for (at, parameter) in document::parameters_at(self.document, operation) {
            let name = parameter["name"].as_str().unwrap_or_default();
            let location = parameter["in"].as_str().unwrap_or_default();
            match location {
                "path" => drop(in_path.insert(name)),
                "query" => {}
                _ => self.report(
                    &at,
                    format!("a parameter in {location:?} is not supported, only path and query"),
                ),
            }
            if !is_name(name) {
                self.report(&at, format!("{name:?} makes no name of an argument"));
            } else if let Some(other) =
                idents.insert(names::snake(name), format!("the parameter {name}"))
            {
                self.report(&at, format!("{name} would be the same argument as {other}"));
            }
            self.parameter(&at, parameter, location);
        }
        let named: BTreeSet<&str> = operation
            .path
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
            .collect();
        for missing in named.difference(&in_path) {
            self.report(
                &pointer,
                format!("the path names {{{missing}}}, of which there is no parameter"),
            );
        }
        for missing in in_path.difference(&named) {
            self.report(
                &pointer,
                format!("the parameter {missing} is nowhere in the path"),
            );
        }
    }

    fn parameter(&mut self, at: &str, parameter: &'a Value, location: &str) {
        if location == "path" && parameter["required"] != true {
            self.report(at, "a parameter in the path must be required");
        }
        let plain = if location == "path" { "simple" } else { "form" };
        if let Some(style) = parameter.get("style").filter(|style| *style != plain) {
            let text = format!("the style {style} is not supported, only {plain}");
            self.report(at, text);
        }
        let Some(schema) = parameter.get("schema") else {
            return self.report(at, "has no schema");
        };
        let schema = resolve(self.document, schema);
        if parameter["explode"] == false && schema["type"] == "array" {
            let text = "a list that is not repeated (`explode: false`) is not supported";
            self.report(at, text);
        }
        self.parameter_schema(&format!("{at}/schema"), schema, location);
    }

    fn parameter_schema(&mut self, at: &str, schema: &'a Value, location: &str) {
        let plain = |schema: &Value| {
            matches!(
                schema["type"].as_str(),
                Some("string" | "integer" | "number" | "boolean")
            )
        };
        // An enum need not say that its words are text.
        let plain = |schema: &Value| {
            (plain(schema) || (schema.get("type").is_none() && schema.get("enum").is_some()))
                && schema.get("oneOf").is_none()
        };
        match schema["type"].as_str() {
            _ if plain(schema) => {}
            Some("array") if location == "query" => {
                if !plain(resolve(self.document, &schema["items"])) {
                    self.report(
                        at,
                        "a list of anything but text, numbers and booleans is not supported",
                    );
                }
            }
            Some(other) => self.report(
                at,
                format!("a parameter of type {other} is not supported in a {location}"),
            ),
            None => self.report(at, "a parameter without a type is not supported"),
        }
    }

    fn body(&mut self, operation: &Operation<'a>) {
        let Some(body) = operation.value.get("requestBody") else {
            return;
        };
        let (at, body) = located(
            self.document,
            format!("{}/requestBody", operation.pointer()),
            body,
        );
        let content = self.content(&at, body);
        if content.is_empty() {
            self.report(&at, "the body has no content");
        }
        self.media(&at, &content, "body");
        if let Some((at, schema)) = document::body_at(self.document, operation) {
            let schema = resolve(self.document, schema);
            if schema["properties"].as_object().is_none_or(Map::is_empty) {
                self.report(
                    at,
                    "a body that is no object with properties is not supported",
                );
            }
        }
    }

    fn content(&mut self, at: &str, value: &'a Value) -> Vec<(&'a String, &'a Value)> {
        let at = format!("{at}/content");
        let content = self.optional_object(&at, value.get("content"));
        let mut media = Vec::new();
        for (name, body) in content.into_iter().flatten() {
            if self
                .object(&format!("{at}/{}", escape(name)), body)
                .is_some()
            {
                media.push((name, body));
            }
        }
        media
    }

    /// No media type but JSON, with a schema.
    fn media(&mut self, at: &str, content: &[(&String, &Value)], what: &str) {
        for (media, body) in content {
            if *media != "application/json" {
                self.report(
                    format!("{at}/content/{}", escape(media)),
                    format!("the media type {media} is not supported, only application/json"),
                );
            } else if body.get("schema").is_none() {
                self.report(
                    format!("{at}/content/{}", escape(media)),
                    format!("the {what} has no schema"),
                );
            }
        }
    }

    fn responses(&mut self, operation: &Operation<'a>) {
        let pointer = operation.pointer();
        let responses = operation.value["responses"].as_object();
        let successes: Vec<(&String, &Value)> = responses
            .into_iter()
            .flatten()
            .filter(|(status, _)| is_success(status))
            .collect();
        if successes.is_empty() {
            self.report(format!("{pointer}/responses"), "names no success");
        }
        let mut types: BTreeMap<String, &str> = BTreeMap::new();
        for (status, response) in successes {
            let at = format!("{pointer}/responses/{}", escape(status));
            if status.len() != 3 || !(status == "2XX" || status.chars().all(|c| c.is_ascii_digit()))
            {
                self.report(&at, format!("{status:?} is no status"));
            }
            let (at, response) = located(self.document, at, response);
            let content = self.content(&at, response);
            self.media(&at, &content, "response");
            let schema = &response["content"]["application/json"]["schema"];
            types
                .entry(schema::shape_of(self.document, schema))
                .or_insert(status);
        }
        if types.len() > 1 {
            let mut statuses = types.values().copied().collect::<Vec<_>>();
            statuses.sort_unstable();
            self.report(
                format!("{pointer}/responses"),
                format!(
                    "has several success types (of {}); an overlay action must make them one",
                    statuses.join(" and ")
                ),
            );
        }
        let errors = responses
            .into_iter()
            .flatten()
            .filter(|(status, _)| !is_success(status))
            .count();
        if errors > 0 {
            self.report(
                format!("{pointer}/responses"),
                "has error types, which the fixups should have set aside",
            );
        }
    }

    // ---- schemas ---------------------------------------------------------------------------------------------------

    fn schemas(&mut self) {
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
            return self.report(pointer, "is no schema object");
        };
        if let Some(reference) = map.get("$ref") {
            if !reference.is_string() {
                self.report(pointer, "`$ref` is no text");
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

    /// That each keyword holds what OpenAPI 3.0 says it holds.
    fn keywords(&mut self, pointer: &str, map: &'a Map<String, Value>) {
        const KINDS: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];
        match map.get("type") {
            None => {}
            Some(Value::String(kind)) if KINDS.contains(&kind.as_str()) => {}
            Some(Value::String(kind)) => {
                self.report(pointer, format!("the type {kind:?} does not exist"))
            }
            Some(Value::Array(_)) => self.report(pointer, "has several types, as in OpenAPI 3.1"),
            Some(_) => self.report(pointer, "`type` is no text"),
        }
        let mut held = |key: &str, what: &str, fits: fn(&Value) -> bool| {
            if map.get(key).is_some_and(|value| !fits(value)) {
                self.report(pointer, format!("`{key}` is no {what}"));
            }
        };
        held("nullable", "boolean", Value::is_boolean);
        held("format", "text", Value::is_string);
        held("properties", "object", Value::is_object);
        held("enum", "list", Value::is_array);
        held("required", "list of names", |value| {
            value
                .as_array()
                .is_some_and(|names| names.iter().all(Value::is_string))
        });
        for key in ["oneOf", "anyOf", "allOf"] {
            held(key, "list", Value::is_array);
        }
        held("x-decode", "decoder that there is", |value| {
            value.as_str().is_some_and(|name| DECODERS.contains(&name))
        });
    }

    fn contradictions(&mut self, pointer: &str, kind: Option<&str>, map: &'a Map<String, Value>) {
        let both = |kind: Option<&str>, what: &str| {
            format!(
                "is of type {} and has {what}: no value is both",
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
            self.report(pointer, "`allOf` of parts that cannot be merged: no value is all of them, or their types differ");
        }
        for key in ["oneOf", "anyOf"] {
            if map
                .get(key)
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
            {
                self.report(
                    pointer,
                    format!("`{key}` without alternatives: no value is any of them"),
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
                "has named properties beside a map of others, which is not supported",
            );
        }
    }

    fn words(&mut self, pointer: &str, kind: Option<&str>, words: &'a [Value], nullable: bool) {
        let words: Vec<&Value> = words
            .iter()
            .filter(|word| !(nullable && word.is_null()))
            .collect();
        if words.is_empty() {
            return self.report(pointer, "an enum without words: no value is one of them");
        }
        if kind.is_some_and(|kind| kind != "string") || words.iter().any(|word| !word.is_string()) {
            return self.report(pointer, "an enum of anything but strings is not supported");
        }
        let mut variants: BTreeMap<String, &str> = BTreeMap::new();
        for word in words.into_iter().filter_map(Value::as_str) {
            let variant = names::variant(word);
            if !names::is_rust(&variant) || matches!(variant.as_str(), "Unknown" | "Self") {
                self.report(
                    pointer,
                    format!("the word {word:?} makes no name of a variant"),
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

    /// An alternative is a type with a name, or a plain one of which there is no other.
    fn alternatives(&mut self, pointer: &str, kind: Option<&str>, branches: &'a [Value]) {
        let mut plain: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, branch) in branches.iter().enumerate() {
            let at = format!("{pointer}/oneOf/{index}");
            let branch = resolve(self.document, branch);
            let own = branch["type"].as_str();
            if let (Some(kind), Some(own)) = (kind, own)
                && kind != own
            {
                self.report(
                    &at,
                    format!(
                        "is of type {own} and stands in a schema of type {kind}: no value is both"
                    ),
                );
            }
            match own {
                _ if schema::is_named(branch) => {}
                None => self.report(&at, "an alternative without a type is not supported"),
                Some(own) => {
                    if let Some(other) = plain.insert(own, index) {
                        self.report(&at, format!("is of type {own}, as alternative {other} is: they cannot be told apart"));
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
                self.report(at, format!("{name:?} makes no name of a field"));
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
                self.schema(&format!("{pointer}/{key}/{index}"), branch);
            }
        }
    }
}

/// The decoders that `x-decode` may name. The crate has one for each, in `json::lenient`.
const DECODERS: [&str; 2] = ["number_or_string", "text"];

/// Whether a name of the document makes a name in Rust.
fn is_name(name: &str) -> bool {
    names::is_rust(&names::snake(name)) && !name.contains('\'')
}

/// Where the thing that a reference at `pointer` stands for must be defined, so far as the place tells.
fn section_of(pointer: &str) -> Option<&'static str> {
    let steps: Vec<&str> = pointer.split('/').collect();
    match steps.as_slice() {
        [_, "components", "schemas", ..] => Some("schemas"),
        [.., "schema"] | [.., "schema", "items"] => Some("schemas"),
        [_, "components", "parameters", _]
        | [_, "paths", _, "parameters", _]
        | [_, "paths", _, _, "parameters", _] => Some("parameters"),
        [_, "components", "responses", _] | [_, "paths", _, _, "responses", _] => Some("responses"),
        [_, "components", "requestBodies", _] | [_, "paths", _, _, "requestBody"] => {
            Some("requestBodies")
        }
        _ if steps.contains(&"schema") => Some("schemas"),
        _ => None,
    }
}

/// The components of which there can be a value: the least set that needs nothing outside itself.
fn inhabited(components: Option<&Map<String, Value>>) -> BTreeSet<&str> {
    let mut known = BTreeSet::new();
    loop {
        let before = known.len();
        for (name, schema) in components.into_iter().flatten() {
            if !known.contains(name.as_str()) && can_be(schema, &known) {
                known.insert(name.as_str());
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

/// Whether there can be a value of a schema, given the components of which there can be one.
fn can_be(schema: &Value, known: &BTreeSet<&str>) -> bool {
    if let Some(name) = schema["$ref"].as_str().and_then(component_name) {
        return schema["nullable"] == true || known.contains(name);
    }
    if schema["nullable"] == true {
        return true;
    }
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut required = required.filter_map(|name| schema["properties"].get(name));
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    let mut choices = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|key| schema[key].as_array())
        .filter(|branches| !branches.is_empty());
    required.all(|property| can_be(property, known))
        && parts.all(|part| can_be(part, known))
        && choices.all(|branches| branches.iter().any(|branch| can_be(branch, known)))
}

/// One line for each problem.
pub fn one_line(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
