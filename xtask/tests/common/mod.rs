//! Contains what the tests of `regen` share: small documents, and checks that apply to all generated files.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod killed;
pub mod mutate;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use xtask::document;
use xtask::emit::model::Files;
use xtask::regen::{self, Built};
use xtask::surface::{Surface, Type};

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a parent")
        .to_owned()
}

/// Listens on a free port of the loopback interface.
///
/// # Panics
///
/// Panics if nothing can connect to the port. Without this check, a test on a machine without a loopback interface could wait
/// forever for its requests to arrive.
pub fn listen(host: &str) -> TcpListener {
    static WORKS: OnceLock<()> = OnceLock::new();

    WORKS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if let Err(error) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            panic!("the loopback interface does not work: {error}");
        }
    });
    TcpListener::bind((host, 0)).unwrap()
}

/// Runs git in a folder, without the variables, the settings and the hooks of the user.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("GIT_") {
            git.env_remove(variable);
        }
    }
    let output = git
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=T", "-c", "user.email=t@ci.example"])
        .args(["-c", "init.defaultBranch=main"])
        .args(arguments)
        .output()
        .expect("git runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}

pub fn overlay() -> String {
    std::fs::read_to_string(root().join("openapi/overlay.yaml")).expect("the overlay")
}

/// Returns the vendored document, converted to OpenAPI 3.0.
pub fn vendored() -> Value {
    document::read(&root().join("openapi/openapi.json")).expect("the document")
}

/// Returns a valid document with two operations. They use a path parameter, a query parameter, a request body, an enum, a list, a
/// map and a union.
pub fn base() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "T", "version": "1" },
        "paths": {
            "/thing/{id}": {
                "get": {
                    "operationId": "getThing",
                    "summary": "Get a thing",
                    "tags": ["Thing"],
                    "parameters": [
                        { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                        { "name": "limit", "in": "query", "schema": { "type": "integer" } }
                    ],
                    "responses": {
                        "200": {
                            "description": "A thing",
                            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } }
                        }
                    }
                }
            },
            "/thing": {
                "post": {
                    "operationId": "createThing",
                    "tags": ["Thing"],
                    "requestBody": {
                        "required": true,
                        "content": { "application/json": { "schema": {
                            "type": "object",
                            "required": ["name"],
                            "properties": { "name": { "type": "string" }, "note": { "type": "string" } }
                        } } }
                    },
                    "responses": {
                        "201": {
                            "description": "The same thing",
                            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } }
                        }
                    }
                }
            }
        },
        "components": { "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": { "type": "string", "format": "uuid" },
                    "status": { "type": "string", "enum": ["running", "not_run"] },
                    "tags": { "type": "array", "items": { "type": "string" } },
                    "labels": { "type": "object", "additionalProperties": { "type": "integer" } },
                    "owner": { "oneOf": [{ "$ref": "#/components/schemas/Person" }, { "type": "string" }] }
                }
            },
            "Person": { "type": "object", "properties": { "first-name": { "type": "string" } } }
        } }
    })
}

/// The pointer to the schema that most tests edit.
pub const THING: &str = "/components/schemas/Thing";
pub const PROPERTIES: &str = "/components/schemas/Thing/properties";
pub const GET: &str = "/paths/~1thing~1{id}/get";
pub const POST: &str = "/paths/~1thing/post";
pub const PARAMETERS: &str = "/paths/~1thing~1{id}/get/parameters";
pub const GET_RESPONSES: &str = "/paths/~1thing~1{id}/get/responses";
pub const BODY: &str =
    "/paths/~1thing/post/requestBody/content/application~1json/schema/properties";

/// Puts `value` at `pointer`. The parent must exist. `-` stands for the end of a list.
pub fn put(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let key = key.replace("~1", "/").replace("~0", "~");
    match document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("nothing at {parent}"))
    {
        Value::Object(map) => drop(map.insert(key, value)),
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        other => panic!("{parent} holds {other}"),
    }
}

pub fn remove(document: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .expect("an object");
    parent
        .remove(&key.replace("~1", "/"))
        .expect("something to remove");
}

/// Builds the files of a document in the same way as `regen --spec`.
pub fn build(document: Value) -> Result<Built, String> {
    regen::build(document, &overlay(), true).map_err(|error| format!("{error:#}"))
}

/// Returns the files of a document, and their public API. Panics if the generator rejects the document.
pub fn works(document: Value) -> (Files, Surface) {
    let built = build(document).unwrap_or_else(|error| panic!("refused: {error}"));
    let surface = check_files(&built.files).unwrap_or_else(|problem| panic!("{problem}"));
    (built.files, surface)
}

/// Checks that every file is valid Rust, that the public API can be listed, and that every used name is defined exactly once.
pub fn check_files(files: &Files) -> Result<Surface, String> {
    for (path, text) in files {
        syn::parse_file(text).map_err(|error| format!("{path} is not Rust: {error}\n{text}"))?;
        imports(path, text)?;
    }
    let surface = Surface::of(files).map_err(|error| format!("no surface: {error:#}"))?;
    let mut spelled: Vec<(String, String)> = Vec::new();
    for (name, ty) in &surface.types {
        match ty {
            Type::Struct { fields, new, .. } => {
                unique(name, fields.iter().map(|field| &field.name))?;
                let wires = fields.iter().flat_map(|field| &field.wire);
                unique(name, wires)?;
                spelled.extend(
                    fields
                        .iter()
                        .map(|field| (format!("{name}.{}", field.name), field.ty.clone())),
                );
                let arguments = new.iter().flatten();
                spelled.extend(
                    arguments
                        .map(|(argument, ty)| (format!("{name}::new({argument})"), ty.clone())),
                );
            }
            Type::Enum(words) => unique(name, words.iter().map(|(variant, _)| variant))?,
            Type::Union(variants) => {
                unique(name, variants.iter().map(|(variant, _)| variant))?;
                unique(name, variants.iter().map(|(_, ty)| ty))?;
                spelled.extend(
                    variants
                        .iter()
                        .map(|(variant, ty)| (format!("{name}::{variant}"), ty.clone())),
                );
            }
        }
    }
    unique(
        "Client",
        surface.operations.iter().map(|operation| &operation.method),
    )?;
    for operation in &surface.operations {
        let (method, arguments, setters) =
            (&operation.method, &operation.arguments, &operation.setters);
        unique(method, arguments.iter().map(|(name, _)| name))?;
        unique(method, setters.iter().map(|(name, _)| name))?;
        spelled.push((method.clone(), operation.output.clone()));
        for (name, ty) in arguments.iter().chain(setters) {
            spelled.push((format!("{method}({name})"), ty.clone()));
        }
    }
    for (place, ty) in spelled {
        for word in ty.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let is_type = word.starts_with(|c: char| c.is_uppercase());
            if is_type && !KNOWN.contains(&word) && !surface.types.contains_key(word) {
                return Err(format!(
                    "{place} is of type {ty}, and nothing is called {word}"
                ));
            }
        }
    }
    sizes(&surface)?;
    Ok(surface)
}

/// Checks that a file imports exactly those types of other crates that it uses.
fn imports(path: &str, text: &str) -> Result<(), String> {
    let code = text.lines().map(str::trim_start).filter(|line| {
        // Leaves out docs, imports and the kinds of path parameters. These kinds are words of the `operation!` macro and not
        // types.
        let is_text = ["//", "use ", "\""]
            .iter()
            .any(|start| line.starts_with(start));
        // A line such as `Uuid = "uuid",` declares a variant of an enum.
        let is_variant = line.split_once(" = ").is_some_and(|(name, word)| {
            word.starts_with('"') && name.chars().all(char::is_alphanumeric)
        });
        !is_text && !is_variant
    });
    let words: BTreeSet<&str> = code
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    for (word, import) in [
        ("Uuid", "use uuid::Uuid;"),
        ("DateTime", "use chrono::{DateTime, Utc};"),
        ("BTreeMap", "use std::collections::BTreeMap;"),
        ("Borrow", "use std::borrow::Borrow;"),
        (
            "ParameterValue",
            "use crate::values::parameters::ParameterValue;",
        ),
        ("PathValue", "use crate::values::argument::PathValue;"),
        ("QueryValue", "use crate::values::argument::QueryValue;"),
        ("types", "use crate::generated::types;"),
    ] {
        let (used, imported) = (words.contains(word), text.contains(import));
        let is_item_file = path.starts_with("types/") || path.starts_with("operations/");
        if is_item_file && !path.ends_with("mod.rs") && used != imported {
            return Err(format!(
                "{path}: {word} is used: {used}, and imported: {imported}"
            ));
        }
    }
    Ok(())
}

/// Checks that a type contains itself only through a box, a list or a map. Otherwise, it would have no size.
fn sizes(surface: &Surface) -> Result<(), String> {
    let held = |ty: &Type| -> Vec<String> {
        let types: Vec<&String> = match ty {
            Type::Struct { fields, .. } => fields.iter().map(|field| &field.ty).collect(),
            Type::Union(variants) => variants.iter().map(|(_, ty)| ty).collect(),
            Type::Enum(_) => Vec::new(),
        };
        let plain = types.into_iter().map(|ty| {
            let inner = ty
                .strip_prefix("Option<")
                .and_then(|ty| ty.strip_suffix('>'));
            inner.unwrap_or(ty).to_owned()
        });
        plain.filter(|ty| surface.types.contains_key(ty)).collect()
    };
    for (name, ty) in &surface.types {
        let (mut open, mut seen) = (held(ty), BTreeSet::new());
        while let Some(next) = open.pop() {
            if next == *name {
                return Err(format!("{name} holds itself, so it has no size"));
            }
            if seen.insert(next.clone()) {
                open.extend(held(&surface.types[&next]));
            }
        }
    }
    Ok(())
}

const KNOWN: [&str; 17] = [
    "Box",
    "BTreeMap",
    "Borrow",
    "DateTime",
    "Into",
    "IntoIterator",
    "Item",
    "Map",
    "Option",
    "ParameterValue",
    "PathValue",
    "QueryValue",
    "String",
    "Utc",
    "Uuid",
    "Value",
    "Vec",
];

fn unique<'a>(owner: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{owner} has {name} twice"));
        }
    }
    Ok(())
}
