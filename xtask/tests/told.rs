//! Tests that no change is missing from the report. Hundreds of small documents each differ from the original by one automatic
//! edit, and the report must show this edit in both directions. The page must list or count every change in the report.

use crate::{common, drift};

use serde_json::{Map, Value, json};
use xtask::{
    document::{self, escape},
    drift::{Format, change::Change, compare, contract, source::Document, verdict::Class},
};

/// A document to which one edit was made.
struct Edit {
    what: String,
    /// The pointer to the place of the edit.
    pointer: String,
    document: Value,
}

/// Returns three kinds of edits: the removal of each value, a change of each text, number and boolean, and an addition to each
/// list and map that can have one.
fn edits(original: &Value) -> Vec<Edit> {
    let mut edits = Vec::new();
    document::visit(original, "", &mut |pointer, value| {
        if pointer.is_empty() {
            return;
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        let mut edit = |what: &str, pointer: &str, patch: Value| {
            edits.push(Edit {
                what: format!("{what} {pointer}"),
                pointer: pointer.to_owned(),
                document: drift::edited_from(original.clone(), &json!([patch])),
            });
        };
        edit(
            "remove",
            pointer,
            json!({ "op": "remove", "path": pointer }),
        );
        if let Some(other) = other(value) {
            edit(
                "change",
                pointer,
                json!({ "op": "replace", "path": pointer, "value": other }),
            );
        }
        for (key, value) in additions(parent, key, value) {
            let at = format!("{pointer}/{}", escape(&key));
            edit(
                "add",
                &at,
                json!({ "op": "add", "path": at, "value": value }),
            );
        }
    });
    edits
}

fn other(value: &Value) -> Option<Value> {
    Some(match value {
        Value::String(text) => json!(format!("{text}x")),
        Value::Bool(is) => json!(!is),
        Value::Number(number) => json!(number.as_i64()? + 1),
        _ => return None,
    })
}

/// Returns what an edit can add to a value, as pairs of a key and a new value. `key` is the key of the value itself.
fn additions(parent: &str, key: &str, value: &Value) -> Vec<(String, Value)> {
    let text = || json!({ "type": "string" });
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let new = |key: &str, value: Value| vec![(key.to_owned(), value)];
    match key {
        // Here, `key` is the name of a property and not a keyword.
        _ if parent.ends_with("/properties") && value.get("type").is_none() => Vec::new(),
        "properties" => new("fresh", text()),
        "enum" | "tags" if value[0].is_string() => new("-", json!("fresh")),
        "tags" => new("-", json!({ "name": "fresh" })),
        "oneOf" | "anyOf" | "allOf" => new("-", json!({ "type": "boolean" })),
        "parameters" if value.is_array() => {
            let parameter = |name: &str, place: &str| {
                let parameter = json!({ "name": name, "in": place, "schema": text() });
                ("-".to_owned(), parameter)
            };
            vec![parameter("fresh", "query"), parameter("X-Fresh", "header")]
        }
        "responses" => {
            let response = |status: &str| {
                let response = json!({ "description": "", "content": json_of(text()) });
                (status.to_owned(), response)
            };
            vec![response("202"), response("418")]
        }
        "content" => new("text/fresh", json!({ "schema": text() })),
        "paths" => {
            let responses = json!({ "200": { "description": "", "content": json_of(text()) } });
            new(
                "/fresh",
                json!({ "get": { "operationId": "fresh", "responses": responses } }),
            )
        }
        "servers" | "security" => new("-", json!({ "url": "https://fresh.example", "fresh": [] })),
        "securitySchemes" => new("fresh", json!({ "type": "http", "scheme": "bearer" })),
        "schemas" => new("Fresh", text()),
        "200" | "201" | "404" => new("headers", json!({ "X-Fresh": { "schema": text() } })),
        "get" | "post" | "delete" => ["deprecated", "x-fresh"]
            .map(|key| (key.to_owned(), json!(true)))
            .into(),
        _ => value.as_object().map_or_else(Vec::new, in_schema),
    }
}

/// Returns what an edit can add to a schema, as pairs of a key and a new value.
fn in_schema(schema: &Map<String, Value>) -> Vec<(String, Value)> {
    let Some(kind) = schema.get("type").and_then(Value::as_str) else {
        return Vec::new();
    };
    let mut more = vec![
        ("nullable", json!(true)),
        ("description", json!("Fresh.")),
        ("deprecated", json!(true)),
        ("x-fresh", json!(1)),
    ];
    more.extend(match kind {
        "string" => vec![("format", json!("date-time")), ("minLength", json!(2))],
        "integer" => vec![("format", json!("int64")), ("maximum", json!(7))],
        "array" => vec![("maxItems", json!(7)), ("uniqueItems", json!(true))],
        "object" => vec![("minProperties", json!(2))],
        _ => Vec::new(),
    });
    more.into_iter()
        .filter(|(key, _)| !schema.contains_key(*key))
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Returns whether a change belongs to an edit. Compares the place, the operation and the name.
fn is_about(change: &Change, edit: &Edit, original: &Value) -> bool {
    let pointer = edit.pointer.strip_suffix("/-").unwrap_or(&edit.pointer);
    let related =
        |place: &String| place.starts_with(pointer) || pointer.starts_with(place.as_str());
    let last = pointer.rsplit('/').next().unwrap_or_default();
    // If an edit removes `id` or the whole list `required`, the change is "`Thing.id` is no longer required".
    let required = match original.pointer(pointer) {
        Some(Value::String(name)) if pointer.contains("/required/") => vec![name.as_str()],
        Some(Value::Array(names)) if last == "required" => {
            names.iter().filter_map(Value::as_str).collect()
        }
        _ => Vec::new(),
    };
    let names_it = |name: &&str| change.text.contains(&format!("{name}` is "));
    // If there is only one reference to a component, a change in the component may be reported at the place of the reference.
    let used =
        change.text.starts_with("unclassified, at ") && change.text.ends_with(&format!("/{last}"));
    let operation = pointer.splitn(5, '/').take(4).collect::<Vec<_>>().join("/");
    let id = original.pointer(&format!("{operation}/operationId"));
    let of_operation = id.and_then(Value::as_str).is_some_and(|id| {
        let mut touched = change.touches.iter();
        touched.any(|it| it.split(" (").next() == Some(id))
    });
    // The reference that the edit removes points to this place.
    let target = original.pointer(pointer).and_then(Value::as_str);
    let target = target
        .filter(|_| last == "$ref")
        .and_then(|it| it.strip_prefix('#'));
    let behind = |place: &String| target.is_some_and(|target| place.starts_with(target));
    change.places.iter().any(|it| related(it) || behind(it))
        || required.iter().any(names_it)
        || used
        || of_operation
}

/// Returns whether an edit does not change the meaning of the document. This is true for the patch version of OpenAPI, and for
/// `nullable` next to `x-nullable`.
fn is_layout(edit: &Edit, original: &Value) -> bool {
    let beside = edit
        .pointer
        .strip_suffix("/nullable")
        .and_then(|it| original.pointer(it));
    edit.pointer == "/openapi" || beside.is_some_and(|it| it["x-nullable"] == true)
}

#[test]
fn no_edit_is_silent() {
    let original = drift::base();
    let edits = edits(&original);
    assert!(edits.len() > 300, "{} edits", edits.len());
    let mut silent = Vec::new();
    for edit in &edits {
        for (old, new) in [(&original, &edit.document), (&edit.document, &original)] {
            let changes = contract::changes(old, new);
            let is_told = |it: &Change| {
                is_about(it, edit, &original)
                    || (it.text.starts_with("layout: ") && is_layout(edit, &original))
            };
            if !changes.iter().any(is_told) {
                let said: Vec<&String> = changes.iter().map(|change| &change.text).collect();
                silent.push(format!("{}: {said:?}", edit.what));
            }
        }
    }
    assert!(
        silent.is_empty(),
        "{} of {} are silent\n{}",
        silent.len(),
        2 * edits.len(),
        silent.join("\n")
    );
}

/// Returns the number that precedes `what` in the line "counted only". Returns 0 if the line does not contain the word.
fn counted_only(page: &str, what: &str) -> usize {
    let line = page
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("counted only: "));
    let parts = line.into_iter().flat_map(|line| line.split(", "));
    let numbers = parts.filter_map(|part| {
        let (number, rest) = part.split_once(' ')?;
        rest.starts_with(what)
            .then(|| number.parse::<usize>().ok())?
    });
    numbers.sum()
}

/// The changes that the page lists and those that it counts must add up to all changes.
#[test]
fn the_page_tells_or_counts_every_change() {
    let original = drift::base();
    let mut seen = 0;
    for edit in edits(&original).iter().step_by(11) {
        let named = |name: &str, value: &Value| Document::new(name, value.clone());
        let (old, new) = (named("old", &original), named("new", &edit.document));
        let report = compare(&old, &new, &common::overlay(), "0.1.0");
        let mut page = Vec::new();
        report
            .write(Format::Text, false, &mut page)
            .expect("written");
        let page = String::from_utf8(page).expect("UTF-8");
        let breaking = report.changes().filter(|it| it.class == Class::Breaking);
        let is_part =
            |change: &Change| counted_only(&page, "part") > 0 && !page.contains(&change.text);
        for change in breaking {
            let told = page.contains(&change.text) || is_part(change);
            assert!(told, "{}: {}\n{page}", edit.what, change.text);
        }
        let Some((_, contract)) = page.split_once("The contract, by operation: ") else {
            continue;
        };
        let listed = contract
            .split_whitespace()
            .next()
            .and_then(|it| it.parse().ok());
        let counted: usize = ["new operation", "kind", "object", "part"]
            .iter()
            .map(|what| counted_only(contract, what))
            .sum();
        let all = listed.unwrap_or(0) + counted;
        assert_eq!(all, report.contract.len(), "{}\n{page}", edit.what);
        seen += 1;
    }
    assert!(seen > 30, "{seen} pages");
}
