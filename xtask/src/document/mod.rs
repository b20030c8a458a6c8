//! Functions that read an OpenAPI document as JSON, walk through it, and name places in it.

pub mod alternatives;
pub mod dialect;
pub mod fetch;
pub mod fixups;
pub mod lock;
pub mod order;
pub mod overlay;
pub mod revision;
pub mod text;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};
use std::path::Path;

/// The methods that a path item of OpenAPI can have.
pub const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// An operation of the document.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub value: &'a Value,
}

impl<'a> Operation<'a> {
    /// Returns the `operationId`. Returns an empty text if it is missing, which the precheck reports.
    pub fn id(&self) -> &'a str {
        self.value["operationId"].as_str().unwrap_or_default()
    }

    /// Returns the tag that is first in alphabetical order, because the order of the tags in the document has no meaning.
    pub fn tag(&self) -> &'a str {
        let tags = self.value["tags"].as_array().into_iter().flatten();
        tags.filter_map(Value::as_str).min().unwrap_or("Other")
    }

    pub fn pointer(&self) -> String {
        format!("/paths/{}/{}", escape(self.path), self.method)
    }
}

/// Returns all operations, sorted by path and method if the document is sorted.
pub fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, value) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                found.push(Operation {
                    path,
                    method,
                    value,
                });
            }
        }
    }
    found
}

/// Returns the parameters of an operation and of its path, with references resolved. If both declare a parameter, the operation's
/// wins.
pub fn parameters<'a>(document: &'a Value, operation: &Operation<'a>) -> Vec<&'a Value> {
    parameters_at(document, operation)
        .into_iter()
        .map(|(_, parameter)| parameter)
        .collect()
}

/// Returns the same parameters as [`parameters`], each with the JSON pointer of its entry. The order does not depend on the
/// document's order.
pub fn parameters_at<'a>(
    document: &'a Value,
    operation: &Operation<'a>,
) -> Vec<(String, &'a Value)> {
    let shared = (
        format!("/paths/{}/parameters", escape(operation.path)),
        &document["paths"][operation.path]["parameters"],
    );
    let own = (
        format!("{}/parameters", operation.pointer()),
        &operation.value["parameters"],
    );
    let mut found: Vec<(String, &Value)> = Vec::new();
    for (pointer, list) in [shared, own] {
        for (index, parameter) in list.as_array().into_iter().flatten().enumerate() {
            let parameter = resolve(document, parameter);
            found.retain(|(_, other)| {
                (&other["name"], &other["in"]) != (&parameter["name"], &parameter["in"])
            });
            found.push((format!("{pointer}/{index}"), parameter));
        }
    }
    // The order in the document has no meaning, so it must not affect the order of the generated arguments.
    found.sort_by_key(|(_, parameter)| (parameter["in"].as_str(), parameter["name"].as_str()));
    found
}

/// Follows the `$ref` of a value to its target. Returns the value itself if it has no `$ref`. The precheck reports references
/// without a target.
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = value;
    // A chain of more than 16 references is a cycle, which the precheck reports.
    for _ in 0..16 {
        match value["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'))
        {
            Some(pointer) => match document.pointer(pointer) {
                Some(target) => value = target,
                None => return value,
            },
            None => return value,
        }
    }
    value
}

/// Follows the references of a value. Returns the value at the end of them, and its JSON pointer.
pub fn located<'a>(document: &'a Value, pointer: String, value: &'a Value) -> (String, &'a Value) {
    let (mut pointer, mut value) = (pointer, value);
    for _ in 0..16 {
        let Some(target) = value["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'))
        else {
            break;
        };
        let Some(next) = document.pointer(target) else {
            break;
        };
        (pointer, value) = (target.to_owned(), next);
    }
    (pointer, value)
}

/// The maximum nesting depth of a document, which limits the recursion of the functions that walk it. The vendored document is
/// 20 levels deep.
pub const DEEPEST: usize = 64;

/// Returns the JSON pointer of a place that is nested deeper than `DEEPEST`, if there is one.
pub fn too_deep(document: &Value) -> Option<String> {
    let mut open = vec![(document, String::new(), 0)];
    while let Some((value, pointer, depth)) = open.pop() {
        if depth > DEEPEST {
            return Some(pointer);
        }
        match value {
            Value::Object(map) => open.extend(
                map.iter()
                    .map(|(key, child)| (child, format!("{pointer}/{}", escape(key)), depth + 1)),
            ),
            Value::Array(items) => open.extend(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, child)| (child, format!("{pointer}/{index}"), depth + 1)),
            ),
            _ => {}
        }
    }
    None
}

/// Reads a document of OpenAPI 3.0 or 3.1, in JSON or YAML. Returns it as a 3.0 document with sorted keys, so that documents
/// that differ only in the way they are written give the same code.
pub fn parse(bytes: &[u8], name: &str) -> Result<Value> {
    Ok(parse_noted(bytes, name)?.0)
}

/// Does the same as [`parse`], and also returns the parts of the document that OpenAPI 3.0 cannot express.
pub fn parse_noted(bytes: &[u8], name: &str) -> Result<(Value, Vec<dialect::Note>)> {
    let text = std::str::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
    let value = text::read(text).map_err(|error| anyhow!("{name} {error}"))?;
    match (value["openapi"].as_str(), value["swagger"].as_str()) {
        (Some(version), _) if dialect::is_3_0(version) || dialect::is_3_1(version) => {}
        (Some(version), _) => {
            bail!("{name}: /openapi: version {version} is not supported, only 3.0.x and 3.1.x")
        }
        (None, Some(version)) => {
            bail!(
                "{name}: /swagger: Swagger {version} is not supported, only OpenAPI 3.0.x and 3.1.x"
            )
        }
        (None, None) => bail!("{name}: /openapi: is missing, so this is not an OpenAPI document"),
    }
    let mut value = sorted(value);
    let notes = dialect::lower(&mut value);
    if operations(&value).is_empty() {
        bail!("{name}: /paths: has no operation");
    }
    Ok((sorted(value), notes))
}

pub fn read(path: &Path) -> Result<Value> {
    Ok(read_noted(path)?.0)
}

/// Reads a file in the same way as [`parse_noted`].
pub fn read_noted(path: &Path) -> Result<(Value, Vec<dialect::Note>)> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    parse_noted(&bytes, &name)
}

/// Sorts the keys of every object in a value. The result does not depend on the features of `serde_json`.
pub fn sorted(value: Value) -> Value {
    // The default map of `serde_json` is already sorted, and copying a whole document takes time.
    if is_sorted(&value) {
        return value;
    }
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, sorted(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn is_sorted(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.keys().is_sorted() && map.values().all(is_sorted),
        Value::Array(items) => items.iter().all(is_sorted),
        _ => true,
    }
}

/// Escapes a key for a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Calls `visit_one` for `value` and every value inside it, each with its JSON pointer. A value comes before the values inside
/// it.
pub fn visit<'a>(value: &'a Value, pointer: &str, visit_one: &mut impl FnMut(&str, &'a Value)) {
    visit_one(pointer, value);
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                visit(child, &format!("{pointer}/{}", escape(key)), visit_one);
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                visit(child, &format!("{pointer}/{index}"), visit_one);
            }
        }
        _ => {}
    }
}

/// Returns the object at `keys`, if there is one. (`document["a"]["b"]` would panic if `a` is a string.)
pub fn object_mut<'a>(
    document: &'a mut Value,
    keys: &[&str],
) -> Option<&'a mut Map<String, Value>> {
    keys.iter()
        .try_fold(document, |value, key| value.get_mut(*key))?
        .as_object_mut()
}

/// Checks whether a schema has a keyword that determines its type.
pub fn is_typed(schema: &Map<String, Value>) -> bool {
    const TYPING: [&str; 8] = [
        "type",
        "$ref",
        "oneOf",
        "anyOf",
        "allOf",
        "enum",
        "properties",
        "items",
    ];
    TYPING.iter().any(|key| schema.contains_key(*key))
}

pub fn is_success(status: &str) -> bool {
    status.starts_with('2')
}

/// Returns the schema of the JSON body in an operation's first success response, or `None` if there is no such body.
pub fn success_schema<'a>(document: &'a Value, operation: &Operation<'a>) -> Option<&'a Value> {
    success_at(document, operation).map(|(_, schema)| schema)
}

/// Returns the schema that [`success_schema`] returns, and its JSON pointer.
pub fn success_at<'a>(
    document: &'a Value,
    operation: &Operation<'a>,
) -> Option<(String, &'a Value)> {
    let responses = operation.value["responses"].as_object()?;
    let (status, response) = responses.iter().find(|(status, _)| is_success(status))?;
    json_at(
        document,
        format!("{}/responses/{status}", operation.pointer()),
        response,
    )
}

/// Returns the schema of the JSON body in an operation's request, or `None` if there is no such body.
pub fn body_schema<'a>(document: &'a Value, operation: &Operation<'a>) -> Option<&'a Value> {
    body_at(document, operation).map(|(_, schema)| schema)
}

/// Returns the schema that [`body_schema`] returns, and its JSON pointer.
pub fn body_at<'a>(document: &'a Value, operation: &Operation<'a>) -> Option<(String, &'a Value)> {
    json_at(
        document,
        format!("{}/requestBody", operation.pointer()),
        operation.value.get("requestBody")?,
    )
}

fn json_at<'a>(
    document: &'a Value,
    pointer: String,
    value: &'a Value,
) -> Option<(String, &'a Value)> {
    let (pointer, value) = located(document, pointer, value);
    Some((
        format!("{pointer}/content/application~1json/schema"),
        value["content"]["application/json"].get("schema")?,
    ))
}
