//! Checks operations: their names, parameters, request bodies and responses.

use super::{Check, is_name};
use crate::{
    document::{self, Operation, escape, is_success, located, operations, resolve},
    lower::{names, schema},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Check<'a> {
    pub fn operations(&mut self) {
        let mut ids: BTreeMap<String, (String, &str)> = BTreeMap::new();
        for operation in operations(self.document) {
            let pointer = operation.pointer();
            let id = operation.id();
            if id.is_empty() {
                self.report(
                    format!("{pointer}/operationId"),
                    "is missing; the name of the method comes from it",
                );
            } else if !is_name(id) {
                self.report(
                    format!("{pointer}/operationId"),
                    format!("{id:?} cannot become the name of a method"),
                );
            } else if let Some(used) = used(id) {
                self.report(
                    format!("{pointer}/operationId"),
                    format!("{id:?} is taken: the generated code uses {used}"),
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
                self.report(
                    &at,
                    format!("{name:?} cannot become the name of an argument"),
                );
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
                format!("the path names {{{missing}}}, but there is no such parameter"),
            );
        }
        for missing in in_path.difference(&named) {
            self.report(
                &pointer,
                format!("the parameter {missing} is not in the path"),
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
        // An enum without a `type` is an enum of strings.
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
                    "a body that is not an object with properties is not supported",
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

    /// Checks that each media type is JSON and has a schema.
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
            self.report(
                format!("{pointer}/responses"),
                "contains no success response",
            );
        }
        let mut types: BTreeMap<String, &str> = BTreeMap::new();
        for (status, response) in successes {
            let at = format!("{pointer}/responses/{}", escape(status));
            if status.len() != 3 || !(status == "2XX" || status.chars().all(|c| c.is_ascii_digit()))
            {
                self.report(&at, format!("{status:?} is not a status"));
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
                    "has success responses with different types (statuses {}); add an overlay action that gives them the same type",
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
                "has error responses, which the fixups should have removed",
            );
        }
    }
}

/// Returns the name of the builder or method of the operation if another item of the crate already has this name.
fn used(id: &str) -> Option<String> {
    let (builder, method) = (names::builder(id), names::method(id));
    let hidden = TYPES.contains(&builder.as_str());
    let doubled = METHODS.contains(&method.as_str());
    match (hidden, doubled) {
        (true, _) => Some(builder),
        (_, true) => Some(format!("`Client::{method}`")),
        _ => None,
    }
}

/// The types and traits that the generated files of operations use without a path. They come from imports or from the prelude.
const TYPES: [&str; 48] = [
    "AsMut",
    "AsRef",
    "BTreeMap",
    "Borrow",
    "Box",
    "CallOptions",
    "Client",
    "Clone",
    "Copy",
    "DateTime",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "Error",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "Kind",
    "None",
    "Ok",
    "Operation",
    "Option",
    "Ord",
    "ParameterValue",
    "PathValue",
    "QueryValue",
    "Request",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "Utc",
    "Uuid",
    "Vec",
];

/// Names that the method of an operation must not have: those of the handwritten methods of `Client`, and those of the methods
/// that every type has.
pub const METHODS: &[&str] = &[
    // Methods that every type has.
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "clone_to_uninit",
    "fmt",
    "from",
    "into",
    "to_owned",
    "to_string",
    "try_from",
    "try_into",
    "type_id",
    // Handwritten methods.
    "cancel_pipelines",
    "contexts_with_variable",
    "copy_context_restrictions",
    "download_artifact",
    "download_artifacts",
    "download_pipeline_artifacts",
    "failed_tests",
    "get_job_steps",
    "insights",
    "organization_projects",
    "pipeline_outcome",
    "pipeline_overview",
    "project_overview",
    "request",
    "resume_usage_export",
    "set_context_variables",
    "set_project_variables",
    "step_output",
    "usage_export",
    "wait_for_approval",
    "wait_for_job",
    "wait_for_pipeline",
    "wait_for_usage_export",
    "wait_for_workflow",
];

#[cfg(test)]
mod tests {
    use super::used;

    #[test]
    fn what_the_generated_code_uses_is_taken() {
        for id in [
            "Client",
            "client",
            "option",
            "Option",
            "into",
            "Into",
            "vec",
            "some",
            "Result",
            "request",
            "clone",
            "fmt",
            "waitForPipeline",
            "downloadArtifact",
            "path-value",
            "uuid",
            "borrow",
        ] {
            assert!(used(id).is_some(), "{id}");
        }
        for id in [
            "getThing",
            "me",
            "builder",
            "listClients",
            "self",
            "optional",
            "getUsageExport",
        ] {
            assert_eq!(used(id), None, "{id}");
        }
    }
}
