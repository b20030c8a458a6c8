//! No document makes the generator panic, and whatever it refuses, it refuses with the place: thousands of small
//! documents and some dozens of large ones, each a valid one with a few random changes, always the same.

mod common;

use common::{base, build, check_files, vendored};
use serde_json::{Value, json};
use xtask::document;

/// xorshift64*: enough to choose with, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &'a [&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// The keys that the generator reads, and a few that it does not.
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

fn scalar(random: &mut Random) -> Value {
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

/// The pointers of all values but the root.
fn places(document: &Value) -> Vec<String> {
    let mut places = Vec::new();
    document::visit(document, "", &mut |pointer, _| {
        places.push(pointer.to_owned())
    });
    places.remove(0);
    places
}

fn mutate(document: &mut Value, random: &mut Random) {
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
        // Another value, or one from elsewhere in the document.
        0 | 1 => {
            *document.pointer_mut(at).expect("a place") = if change == 0 { value } else { other }
        }
        // Another reference.
        2 => {
            *document.pointer_mut(at).expect("a place") =
                json!({ "$ref": random.pick(&REFERENCES) })
        }
        3..=7 => match document.pointer_mut(parent).expect("a parent") {
            Value::Object(map) => match change {
                3 => drop(map.remove(&last)),
                4 => drop(map.insert(key.to_owned(), value)),
                5 => drop(map.insert(key.to_owned(), other)),
                // Renamed.
                6 => {
                    let moved = map.remove(&last).unwrap_or_default();
                    map.insert(text.to_owned(), moved);
                }
                // Duplicated.
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

/// Whether the generator took a document, and what is wrong with how it did.
fn judge(document: &Value) -> Result<bool, String> {
    let document = document.clone();
    let built = std::panic::catch_unwind(|| build(document));
    match built {
        Err(_) => Err("a panic".to_owned()),
        Ok(Ok(built)) => check_files(&built.files).map(|_| true),
        Ok(Err(error)) => {
            // Every problem is one line that begins with its place.
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

/// Mutates copies of `documents`; how many were taken, and the faults, each with the changes that show it.
fn run(documents: &[Value], seed: u64, rounds: usize) -> (usize, Vec<String>) {
    let (mut accepted, mut faults) = (0, Vec::new());
    for round in 0..rounds {
        let mut random = Random(seed.wrapping_mul(round as u64 + 1) | 1);
        random.next();
        let original = &documents[round % documents.len()];
        let mut document = original.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut document, &mut random);
        }
        match judge(&document) {
            Err(fault) => {
                let fault: String = fault.chars().take(300).collect();
                faults.push(format!(
                    "round {round}: {fault}\n{}",
                    changed(original, &document)
                ));
            }
            Ok(taken) => accepted += usize::from(taken),
        }
    }
    (accepted, faults)
}

/// The places where two documents differ.
fn changed(one: &Value, other: &Value) -> String {
    fn below(one: &Value, other: &Value, pointer: &str, found: &mut Vec<String>) {
        match (one, other) {
            (Value::Object(a), Value::Object(b)) => {
                for (key, value) in b {
                    let pointer = format!("{pointer}/{}", document::escape(key));
                    match a.get(key) {
                        Some(before) => below(before, value, &pointer, found),
                        None => found.push(format!("  + {pointer} = {value}")),
                    }
                }
                found.extend(
                    a.keys()
                        .filter(|key| !b.contains_key(*key))
                        .map(|key| format!("  - {pointer}/{key}")),
                );
            }
            (a, b) if a == b => {}
            (_, b) => found.push(format!("  ~ {pointer} = {b}")),
        }
    }
    let mut found = Vec::new();
    below(one, other, "", &mut found);
    found.join("\n").chars().take(1500).collect()
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(usual)
}

#[test]
fn small_documents() {
    // More, by hand: `ROUNDS=20000 SEED=7 cargo test -p xtask --test mutations small`.
    let rounds = setting("ROUNDS", 1500) as usize;
    let seed = setting("SEED", 0x9E37_79B9_7F4A_7C15);
    std::panic::set_hook(Box::new(|_| {}));
    let (accepted, faults) = run(&[base(), recursive()], seed, rounds);
    let _ = std::panic::take_hook();
    // Both ways out are well trodden.
    assert!(
        accepted > rounds / 10 && accepted < rounds / 2,
        "accepted {accepted} of {rounds}"
    );
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults
            .iter()
            .take(25)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n\n")
    );
}

#[test]
fn the_vendored_document() {
    let (_, faults) = run(
        &[vendored()],
        0xD1B5_4A32_D192_ED03,
        setting("ROUNDS_BIG", 30) as usize,
    );
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}

/// Schemas that contain themselves, shared parameters, bodies and responses, and a page.
fn recursive() -> Value {
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
