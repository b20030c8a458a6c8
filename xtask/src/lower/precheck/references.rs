//! Checks that every reference has a target, that no circular reference requires an infinite value or type, and that no component
//! is too large.

use super::Check;
use crate::{
    document::{self, escape, resolve, visit},
    lower::schema::{self, component_name, reachable},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of schemas in a component after all its references are followed. The components of the vendored
/// document contain far fewer. Without a limit, a few dozen components that each refer to the next one twice would not fit in
/// memory.
const LARGEST: usize = 20_000;

impl<'a> Check<'a> {
    /// Visits the values that are part of the OpenAPI structure. Skips examples and defaults.
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

    pub fn references(&mut self) {
        let mut found = Vec::new();
        self.visit(&mut |pointer, value| {
            // If a property is called `$ref`, the value of `$ref` is a schema and not a string.
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

    /// Checks that the target of a reference has the right kind. A schema must refer to a schema, because only schemas become
    /// types. Other objects must refer to a component of their own kind.
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

    pub fn cycles(&mut self) {
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
                        "is a reference that leads only back to itself",
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
                self.report(format!("/components/schemas/{name}"), "is a list or a map that contains itself without an object in between, so the Rust type would have no size");
            }
        }
    }

    /// Returns the components that a schema reaches if only lists, maps and references are followed.
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

    /// Checks the size of the components. To find equal shapes, the generator copies each component to every place that refers to
    /// it.
    pub fn sizes(&mut self) {
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

    /// Returns the number of schemas in a schema (including itself), and the number of levels below it.
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
}

/// Returns the section of `components` to which a reference at `pointer` must lead. Returns `None` if the place does not
/// determine the section.
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

/// Returns the components for which a finite value exists.
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

/// Returns whether a finite value matches the schema. `known` contains the components for which a finite value exists.
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
