//! Defines the fixups: changes that the document needs before progenitor can read it, and that an Overlay cannot express.
//!
//! Each fixup is small, and has a name and a reason. `regen` fails if a fixup changes nothing in the vendored document. This
//! ensures that a fixup is removed after CircleCI corrects the document.

use super::{
    METHODS, escape, is_success, is_typed, object_mut, operations, overlay::Applied, parameters,
    resolve, success_schema,
};
use serde_json::{Map, Value, json};

/// A change of the document. `run` returns the number of places that it changed.
pub struct Fixup {
    pub name: &'static str,
    pub reason: &'static str,
    run: fn(&mut Value) -> usize,
}

pub const FIXUPS: &[Fixup] = &[
    Fixup {
        name: "successes only",
        reason: "59 operations declare a `200` and a different `default`, and many declare several error bodies. progenitor panics in both cases. The handwritten layer reads all errors, whatever their body",
        run: successes_only,
    },
    Fixup {
        name: "page tokens",
        reason: "nine of the operations that return `next_page_token` do not declare `page-token`, but CircleCI's own clients send it",
        run: page_tokens,
    },
    Fixup {
        name: "several successes",
        reason: "an operation that the overlay marks with `x-successes` returns one of several types. Their required fields distinguish them",
        run: several_successes,
    },
    Fixup {
        name: "all of one",
        reason: "three numbers are declared as `allOf` with the same integer twice. This fixup also merges objects, because progenitor would give the merged object no name",
        run: all_of_one,
    },
    Fixup {
        name: "untyped text",
        reason: "ids, timestamps and a URL prefix have no type. The client reads them as text, whatever their JSON type is",
        run: untyped_text,
    },
    Fixup {
        name: "no constraints",
        reason: "`pattern`, `minLength` and similar keywords would become types that refuse values that CircleCI may accept later. The server validates them",
        run: |document| {
            strip(
                document,
                &[
                    "pattern",
                    "minLength",
                    "maxLength",
                    "minimum",
                    "maximum",
                    "minItems",
                    "maxItems",
                    "uniqueItems",
                ],
            )
        },
    },
    Fixup {
        name: "no defaults",
        reason: "a default in a response would look like a value that CircleCI sent",
        run: |document| strip(document, &["default"]),
    },
    Fixup {
        name: "objects",
        reason: "some objects have properties but no `type: object`, so equal objects would become different types",
        run: objects,
    },
    Fixup {
        name: "one integer",
        reason: "`integer` with and without the format `int64` is the same type in Rust, so equal objects must not become different types",
        run: one_integer,
    },
    Fixup {
        name: "one of",
        reason: "progenitor turns `anyOf` into a struct with flattened optional fields. It turns `oneOf` into an enum that tries the variants in order",
        run: any_of_as_one_of,
    },
    Fixup {
        name: "open is the default",
        reason: "`additionalProperties: true` adds nothing next to properties. Next to `oneOf`, it makes progenitor emit an enum without variants",
        run: open_is_the_default,
    },
];

/// Runs all fixups in order.
pub fn apply(document: &mut Value) -> Vec<Applied> {
    FIXUPS
        .iter()
        .map(|fixup| Applied {
            name: fixup.name.to_owned(),
            matches: (fixup.run)(document),
        })
        .collect()
}

/// Removes header and cookie parameters, and returns a line about each of them. In the vendored document, such a parameter is
/// an error. In any other document, it is only missing from the generated code.
pub fn leave_out_headers(document: &mut Value) -> Vec<String> {
    let whole = document.clone();
    let mut left_out = Vec::new();
    let paths = object_mut(document, &["paths"]).into_iter().flatten();
    for (path, item) in paths {
        let at = format!("/paths/{}", escape(path));
        leave_out(&whole, &at, item, &mut left_out);
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                leave_out(&whole, &format!("{at}/{method}"), operation, &mut left_out);
            }
        }
    }
    left_out
}

fn leave_out(whole: &Value, at: &str, holder: &mut Value, left_out: &mut Vec<String>) {
    let Some(list) = holder.get_mut("parameters").and_then(Value::as_array_mut) else {
        return;
    };
    let mut index = 0;
    list.retain(|parameter| {
        let parameter = resolve(whole, parameter);
        let place = parameter["in"].as_str().unwrap_or_default();
        let out = matches!(place, "header" | "cookie");
        if out {
            let name = parameter["name"].as_str().unwrap_or_default();
            left_out.push(format!(
                "{at}/parameters/{index}: the {place} parameter {name} is ignored: only path and query are supported"
            ));
        }
        index += 1;
        !out
    });
}

fn successes_only(document: &mut Value) -> usize {
    let mut removed = 0;
    for item in object_mut(document, &["paths"])
        .into_iter()
        .flat_map(|paths| paths.values_mut())
    {
        for operation in item
            .as_object_mut()
            .into_iter()
            .flat_map(|item| item.values_mut())
        {
            let Some(responses) = operation
                .get_mut("responses")
                .and_then(Value::as_object_mut)
            else {
                continue;
            };
            // The errors stay under another key, because the docs of the operation list them.
            let errors: Map<String, Value> = responses
                .iter()
                .filter(|(status, _)| !is_success(status))
                .map(|(status, response)| (status.clone(), response.clone()))
                .collect();
            responses.retain(|status, _| is_success(status));
            removed += errors.len();
            operation["x-errors"] = Value::Object(errors);
        }
    }
    removed
}

fn page_tokens(document: &mut Value) -> usize {
    let whole = document.clone();
    let undeclared: Vec<(String, String)> = operations(&whole)
        .iter()
        .filter(|operation| {
            let page = success_schema(&whole, operation).map(|schema| resolve(&whole, schema));
            let declared = parameters(&whole, operation)
                .iter()
                .any(|parameter| parameter["name"] == "page-token");
            !declared
                && page.is_some_and(|page| page["properties"].get("next_page_token").is_some())
        })
        .map(|operation| (operation.path.to_owned(), operation.method.to_owned()))
        .collect();
    for (path, method) in &undeclared {
        let Some(operation) = object_mut(document, &["paths", path, method]) else {
            continue;
        };
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(json!({
                "name": "page-token",
                "in": "query",
                "description": "A token to retrieve the next page of results.",
                "schema": { "type": "string" },
            }));
        }
    }
    undeclared.len()
}

fn several_successes(document: &mut Value) -> usize {
    let mut unions: Map<String, Value> = Map::new();
    for item in object_mut(document, &["paths"])
        .into_iter()
        .flat_map(|paths| paths.values_mut())
    {
        for operation in item
            .as_object_mut()
            .into_iter()
            .flat_map(|item| item.values_mut())
        {
            let Some(name) = operation
                .get("x-successes")
                .and_then(Value::as_str)
                .map(str::to_owned)
            else {
                continue;
            };
            let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
            let mut branches: Vec<Value> = Vec::new();
            for (_, response) in operation
                .get_mut("responses")
                .and_then(Value::as_object_mut)
                .into_iter()
                .flatten()
            {
                if let Some(schema) = response.pointer_mut("/content/application~1json/schema") {
                    branches.insert(0, std::mem::replace(schema, reference.clone()));
                }
            }
            unions.insert(name, json!({ "oneOf": branches }));
        }
    }
    let found = unions.len();
    if let Some(schemas) = object_mut(document, &["components", "schemas"]) {
        schemas.append(&mut unions);
    }
    found
}

fn all_of_one(document: &mut Value) -> usize {
    let mut merged = 0;
    // A part may itself have an `allOf`, so this repeats. The precheck reports parts that contain themselves.
    for _ in 0..6 {
        let whole = document.clone();
        let now = each_schema(document, &mut |schema| {
            only_part(schema) || merge_objects(&whole, schema) || merge_equal_scalars(schema)
        });
        merged += now;
        if now == 0 {
            break;
        }
    }
    merged
}

/// Replaces an `allOf` that contains only one reference with that reference. OpenAPI 3.0 needs such an `allOf` to make a
/// reference nullable or to describe it.
fn only_part(schema: &mut Map<String, Value>) -> bool {
    let Some([part]) = schema
        .get("allOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return false;
    };
    let said_here = ["type", "properties", "enum", "oneOf", "anyOf", "items"]
        .iter()
        .any(|key| schema.contains_key(*key));
    let Some(reference) = part.get("$ref").cloned().filter(|_| !said_here) else {
        return false;
    };
    schema.remove("allOf");
    schema.insert("$ref".into(), reference);
    true
}

/// Merges an `allOf` of objects into one object with all their properties. Does nothing if two properties contradict each other.
fn merge_objects(whole: &Value, schema: &mut Map<String, Value>) -> bool {
    let Some(parts) = schema
        .get("allOf")
        .and_then(Value::as_array)
        .filter(|parts| !parts.is_empty())
        .cloned()
    else {
        return false;
    };
    let mut properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut required: Vec<Value> = schema
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for part in &parts {
        let part = resolve(whole, part);
        let Some(more) = part.get("properties").and_then(Value::as_object) else {
            return false;
        };
        for (name, property) in more {
            if properties
                .get(name)
                .is_some_and(|known| contradict(resolve(whole, known), resolve(whole, property)))
            {
                return false;
            }
            properties.insert(name.clone(), property.clone());
        }
        required.extend(part["required"].as_array().into_iter().flatten().cloned());
    }
    schema.remove("allOf");
    schema.insert("type".into(), json!("object"));
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("required".into(), Value::Array(required));
    true
}

/// Checks whether no value can match both schemas. Compares only their types and enum values.
fn contradict(one: &Value, other: &Value) -> bool {
    let words = |schema: &Value| schema["enum"].as_array().cloned();
    let apart = words(one)
        .zip(words(other))
        .is_some_and(|(one, other)| !one.iter().any(|word| other.contains(word)));
    apart || one["type"] != other["type"]
}

fn merge_equal_scalars(schema: &mut Map<String, Value>) -> bool {
    {
        let Some(parts) = schema.get("allOf").and_then(Value::as_array) else {
            return false;
        };
        let first = parts.first().cloned().unwrap_or_default();
        let same = parts.iter().all(|part| {
            part["type"] == first["type"]
                && part["format"] == first["format"]
                && part["enum"] == first["enum"]
                && part.get("properties").is_none()
        });
        if !same || !first["type"].is_string() {
            return false;
        }
        schema.remove("allOf");
        schema.insert("type".into(), first["type"].clone());
        for key in ["format", "enum"] {
            if let Some(value) = first.get(key) {
                schema.insert(key.into(), value.clone());
            }
        }
        true
    }
}

fn untyped_text(document: &mut Value) -> usize {
    let mut changed = 0;
    each_schema(document, &mut |schema| {
        for property in schema
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(|map| map.values_mut())
        {
            let Some(property) = property.as_object_mut() else {
                continue;
            };
            if !is_typed(property) {
                property.insert("type".into(), json!("string"));
                property.insert("x-decode".into(), json!("text"));
                changed += 1;
            }
        }
        false
    });
    changed
}

fn strip(document: &mut Value, keys: &[&str]) -> usize {
    let mut changed = 0;
    each_schema(document, &mut |schema| {
        for key in keys {
            // A property with one of these names is not removed, because its key is in `properties` and not in the schema
            // itself.
            changed += usize::from(schema.remove(*key).is_some());
        }
        false
    });
    changed
}

fn objects(document: &mut Value) -> usize {
    each_schema(document, &mut |schema| {
        let untyped = schema.contains_key("properties") && !schema.contains_key("type");
        untyped && schema.insert("type".into(), json!("object")).is_none()
    })
}

fn one_integer(document: &mut Value) -> usize {
    each_schema(document, &mut |schema| {
        if schema.get("type") != Some(&json!("integer"))
            || schema.get("format") == Some(&json!("int64"))
        {
            return false;
        }
        schema.insert("format".into(), json!("int64"));
        true
    })
}

fn any_of_as_one_of(document: &mut Value) -> usize {
    each_schema(document, &mut |schema| match schema.remove("anyOf") {
        // A schema with a reference ignores its other keywords, such as `anyOf`.
        Some(branches) if !schema.contains_key("$ref") => {
            schema.insert("oneOf".into(), branches).is_none()
        }
        _ => false,
    })
}

fn open_is_the_default(document: &mut Value) -> usize {
    each_schema(document, &mut |schema| {
        let shaped = ["properties", "oneOf", "anyOf"]
            .iter()
            .any(|key| schema.contains_key(*key));
        shaped
            && schema.get("additionalProperties") == Some(&Value::Bool(true))
            && schema.remove("additionalProperties").is_some()
    })
}

/// Calls `change` for every schema of the document, inner schemas first. Returns the number of schemas that it changed.
pub fn each_schema(
    document: &mut Value,
    change: &mut dyn FnMut(&mut Map<String, Value>) -> bool,
) -> usize {
    let mut changed = 0;
    for schema in object_mut(document, &["components", "schemas"])
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        changed += schemas_below(schema, change);
    }
    // All schemas outside `components/schemas` are under the key `schema`.
    for root in ["paths", "components"] {
        if let Some(value) = document.get_mut(root) {
            changed += schemas_under_key(value, change);
        }
    }
    changed
}

fn schemas_under_key(
    value: &mut Value,
    change: &mut dyn FnMut(&mut Map<String, Value>) -> bool,
) -> usize {
    match value {
        Value::Object(map) => map
            .iter_mut()
            .map(|(key, child)| match key.as_str() {
                "schema" => schemas_below(child, change),
                // The schemas of the components are visited separately. An example is skipped, because it may have any keys.
                "schemas" | "example" | "examples" => 0,
                _ => schemas_under_key(child, change),
            })
            .sum(),
        Value::Array(items) => items
            .iter_mut()
            .map(|child| schemas_under_key(child, change))
            .sum(),
        _ => 0,
    }
}

fn schemas_below(
    schema: &mut Value,
    change: &mut dyn FnMut(&mut Map<String, Value>) -> bool,
) -> usize {
    let Some(map) = schema.as_object_mut() else {
        return 0;
    };
    let mut changed = 0;
    for key in ["items", "additionalProperties", "not"] {
        if let Some(child) = map.get_mut(key) {
            changed += schemas_below(child, change);
        }
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        for child in map
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            changed += schemas_below(child, change);
        }
    }
    for child in map
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        changed += schemas_below(child, change);
    }
    // Inner schemas come first, so the values that `change` inserts are not visited.
    changed + usize::from(change(map))
}
