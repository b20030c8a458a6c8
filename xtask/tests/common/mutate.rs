//! Makes random changes to documents, and checks how the generator handles the results.

use serde_json::{Value, json};
use xtask::document;

use super::{base, build, check_files};

/// A source of random choices.
pub trait Choose {
    fn below(&mut self, bound: usize) -> usize;

    fn pick<'a, T: ?Sized>(&mut self, list: &'a [&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// A source that reads each choice from two bytes. After the last bytes, it always chooses the first option.
pub struct Bytes<'a>(pub &'a [u8]);

impl Choose for Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((two, rest)) = self.0.split_first_chunk() else {
            return 0;
        };
        self.0 = rest;
        usize::from(u16::from_le_bytes(*two)) % bound.max(1)
    }
}

/// Returns a small document after up to sixteen changes.
pub fn changed_by(choice: u8, bytes: &mut Bytes<'_>) -> Value {
    let mut document = if choice.is_multiple_of(2) {
        base()
    } else {
        recursive()
    };
    for _ in 0..16 {
        if bytes.0.len() < 2 {
            break;
        }
        mutate(&mut document, bytes);
    }
    document
}

/// The keys that the generator reads, and a few keys that it ignores.
const KEYS: [&str; 45] = [
    "$ref",
    "type",
    "format",
    "enum",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "nullable",
    "x-nullable",
    "default",
    "title",
    "description",
    "name",
    "in",
    "schema",
    "content",
    "application/json",
    "text/plain",
    "responses",
    "200",
    "204",
    "2XX",
    "default",
    "parameters",
    "requestBody",
    "operationId",
    "tags",
    "summary",
    "style",
    "explode",
    "x-successes",
    "x-decode",
    "x-required",
    "x-body",
    "x-or-default",
    "x-component",
    "x-secret",
    "deprecated",
    "discriminator",
    "x-errors",
];

const TEXTS: [&str; 42] = [
    "",
    " ",
    "string",
    "integer",
    "object",
    "array",
    "boolean",
    "number",
    "null",
    "type",
    "self",
    "Self",
    "crate",
    "match",
    "new",
    "body",
    "client",
    "send",
    "items",
    "next_page_token",
    "1st",
    "+1",
    "-1",
    "$x",
    "a b",
    "a-b",
    "a_b",
    "aB",
    "naïve",
    "日本",
    "line\nbreak",
    "it's",
    "\"",
    "{id}",
    "/",
    "path",
    "query",
    "header",
    "String",
    "Option",
    "Response",
    "🚀",
];

const REFERENCES: [&str; 8] = [
    "#/components/schemas/Thing",
    "#/components/schemas/Person",
    "#/components/schemas/Node",
    "#/components/responses/Thing",
    "#/components/schemas/Missing",
    "other.json#/Thing",
    "#",
    "#/paths",
];

fn scalar(random: &mut impl Choose) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(random.below(3)),
        2 => json!(-1.5),
        3 => json!(true),
        4 => json!(false),
        5 => json!([]),
        6 => json!({}),
        7 => json!({ "$ref": random.pick(&REFERENCES) }),
        8 => json!([random.pick(&TEXTS), random.pick(&TEXTS)]),
        9 => json!({ "type": random.pick(&TEXTS[2..8]) }),
        10 => json!({ random.pick(&KEYS): random.pick(&TEXTS) }),
        _ => json!(random.pick(&TEXTS)),
    }
}

/// Returns the pointers of all values in the document, except for the root.
fn places(document: &Value) -> Vec<String> {
    let mut places = Vec::new();
    document::visit(document, "", &mut |pointer, _| {
        places.push(pointer.to_owned())
    });
    places.remove(0);
    places
}

/// Makes one change to the document.
pub fn mutate(document: &mut Value, random: &mut impl Choose) {
    let places = places(document);
    if places.is_empty() {
        return;
    }
    let at = &places[random.below(places.len())];
    let other = document
        .pointer(&places[random.below(places.len())])
        .cloned()
        .unwrap_or_default();
    let value = scalar(random);
    let (key, text) = (random.pick(&KEYS), random.pick(&TEXTS));
    let Some((parent, last)) = at.rsplit_once('/') else {
        return;
    };
    let last = last.replace("~1", "/").replace("~0", "~");
    let change = random.below(8);
    match change {
        // Replaces the value with another one, or with a value from elsewhere in the document.
        0 | 1 => {
            *document.pointer_mut(at).expect("a place") = if change == 0 { value } else { other }
        }
        // Replaces the value with a reference.
        2 => {
            *document.pointer_mut(at).expect("a place") =
                json!({ "$ref": random.pick(&REFERENCES) })
        }
        3..=7 => match document.pointer_mut(parent).expect("a parent") {
            Value::Object(map) => match change {
                3 => drop(map.remove(&last)),
                4 => drop(map.insert(key.to_owned(), value)),
                5 => drop(map.insert(key.to_owned(), other)),
                // Renames the key.
                6 => {
                    let moved = map.remove(&last).unwrap_or_default();
                    map.insert(text.to_owned(), moved);
                }
                // Duplicates the value under another key.
                _ => drop(map.insert(text.to_owned(), map[&last].clone())),
            },
            Value::Array(list) => match change {
                3 => drop(list.pop()),
                4 => list.push(value),
                _ => list.push(other),
            },
            _ => {}
        },
        _ => {}
    }
}

/// Returns whether the generator accepted the document. If the result has a fault, returns the description of the fault as an
/// error.
pub fn judge(document: &Value) -> Result<bool, String> {
    let document = document.clone();
    let built = std::panic::catch_unwind(|| build(document));
    match built {
        Err(_) => Err("a panic".to_owned()),
        Ok(Ok(built)) => check_files(&built.files).map(|_| true),
        Ok(Err(error)) => {
            // Each line of the error must begin with the pointer of a place.
            let placed = |line: &str| {
                line.starts_with('/') && line.contains(": ") && !line.contains("effective document")
            };
            error
                .lines()
                .find(|line| !placed(line))
                .map_or(Ok(false), |line| {
                    Err(format!("an error without a place: {line}"))
                })
        }
    }
}

/// Returns a document that contains recursive schemas, shared parameters, shared bodies, shared responses and a page.
pub fn recursive() -> Value {
    let reference = |what: &str| json!({ "$ref": format!("#/components/{what}") });
    json!({
        "openapi": "3.0.3",
        "info": { "title": "T", "version": "1" },
        "paths": { "/node/{id}": {
            "parameters": [reference("parameters/id")],
            "get": {
                "operationId": "listNodes",
                "parameters": [reference("parameters/page")],
                "responses": { "200": reference("responses/Nodes"), "404": reference("responses/Nodes") }
            },
            "put": {
                "operationId": "putNode",
                "requestBody": reference("requestBodies/Node"),
                "responses": { "200": { "description": "", "content": { "application/json": { "schema": reference("schemas/Tree") } } } }
            },
            "delete": { "operationId": "deleteNode", "responses": { "204": { "description": "" } } }
        } },
        "components": {
            "parameters": {
                "id": { "name": "id", "in": "path", "required": true, "schema": reference("schemas/Id") },
                "page": { "name": "page-token", "in": "query", "schema": { "type": "array", "items": reference("schemas/Color") } }
            },
            "requestBodies": { "Node": { "content": { "application/json": { "schema": reference("schemas/Node") } } } },
            "responses": { "Nodes": { "description": "", "content": { "application/json": { "schema": {
                "type": "object",
                "properties": { "items": { "type": "array", "items": reference("schemas/Node") }, "next_page_token": { "type": "string", "nullable": true } }
            } } } } },
            "schemas": {
                "Id": { "type": "string", "format": "uuid" },
                "Color": { "type": "string", "enum": ["red", "green"] },
                "Node": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string" }, "color": reference("schemas/Color"), "parent": reference("schemas/Node"),
                    "children": reference("schemas/Tree"), "value": reference("schemas/Either")
                } },
                "Tree": { "type": "array", "items": reference("schemas/Node") },
                "Either": { "anyOf": [reference("schemas/Node"), { "type": "array", "items": reference("schemas/Either") }, { "type": "number" }] },
                "Both": { "allOf": [reference("schemas/Node"), { "type": "object", "properties": { "extra": { "type": "boolean" } } }] }
            }
        }
    })
}
