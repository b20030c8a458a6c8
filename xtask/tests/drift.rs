//! Tests `cargo xtask drift`. Each case makes one edit to a small document and compares the two documents in both directions. The
//! snapshots contain the reports.

use crate::common;

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Command, Output},
};

use serde_json::{Value, json};
use xtask::drift::{Deny, Format, compare, report::Report, source::Document, verdict::Verdict};

/// Returns a document with two operations. They share a component, a parameter and an error response. The document also contains
/// a request body, an enum, a list, a map and a union.
pub fn base() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "T", "version": "1", "description": "An API." },
        "servers": [{ "url": "https://ci.example/api/v2" }],
        "security": [{ "header": [] }, { "basic": [] }],
        "tags": [{ "name": "Thing", "description": "Things." }],
        "paths": {
            "/thing/{id}": {
                "get": {
                    "operationId": "getThing",
                    "summary": "Get a thing",
                    "tags": ["Thing"],
                    "parameters": [
                        { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1 } },
                        { "$ref": "#/components/parameters/branch" }
                    ],
                    "responses": {
                        "200": { "description": "A thing", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
                        "404": { "description": "None", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Failure" } } } }
                    }
                }
            },
            "/thing/{id}/part/{name}": {
                "delete": {
                    "operationId": "deletePart",
                    "tags": ["Thing"],
                    "parameters": [
                        { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                        { "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }
                    ],
                    "responses": { "200": { "description": "Gone", "content": { "application/json": { "schema": {
                        "type": "object", "title": "Farewell", "properties": { "message": { "type": "string" } }
                    } } } } }
                }
            },
            "/thing": {
                "post": {
                    "operationId": "createThing",
                    "tags": ["Thing"],
                    "requestBody": { "required": true, "content": { "application/json": { "schema": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": { "type": "string", "maxLength": 80 },
                            "note": { "type": "string", "pattern": "^.+$" },
                            "colour": { "type": "string", "enum": ["red", "green"] }
                        }
                    } } } },
                    "responses": {
                        "201": { "description": "The same thing", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } }
                    }
                },
                "get": {
                    "operationId": "listThings",
                    "tags": ["Thing"],
                    "parameters": [{ "$ref": "#/components/parameters/branch" }, { "name": "page-token", "in": "query", "schema": { "type": "string" } }],
                    "responses": { "200": { "description": "Things", "content": { "application/json": { "schema": {
                        "type": "object",
                        "title": "ThingList",
                        "required": ["items", "next_page_token"],
                        "properties": {
                            "items": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } },
                            "next_page_token": { "type": "string", "x-nullable": true }
                        }
                    } } } } }
                }
            }
        },
        "components": {
            "securitySchemes": {
                "header": { "type": "apiKey", "in": "header", "name": "Circle-Token" },
                "basic": { "type": "http", "scheme": "basic" }
            },
            "parameters": { "branch": { "name": "branch", "in": "query", "description": "A branch.", "schema": { "type": "string" } } },
            "schemas": {
                "Thing": {
                    "type": "object",
                    "required": ["id"],
                    "properties": {
                        "id": { "type": "string", "format": "uuid", "description": "Its id." },
                        "state": { "type": "string", "enum": ["running", "not_run"] },
                        "started": { "type": "string", "format": "date-time" },
                        "count": { "type": "integer" },
                        "tags": { "type": "array", "items": { "type": "string" } },
                        "labels": { "type": "object", "additionalProperties": { "type": "integer" } },
                        "owner": { "oneOf": [{ "$ref": "#/components/schemas/Person" }, { "type": "string" }] }
                    }
                },
                "Person": { "type": "object", "properties": { "first-name": { "type": "string" } } },
                "Failure": { "type": "object", "properties": { "message": { "type": "string" } } }
            }
        }
    })
}

pub const THING: &str = "/components/schemas/Thing";
pub const OF_THING: &str = "/components/schemas/Thing/properties";
pub const GET: &str = "/paths/~1thing~1{id}/get";
pub const POST: &str = "/paths/~1thing/post";
pub const BODY: &str = "/paths/~1thing/post/requestBody/content/application~1json/schema";

fn edited(edits: &Value) -> Value {
    edited_from(base(), edits)
}

pub fn edited_from(mut document: Value, edits: &Value) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(edits.clone()).expect("a patch");
    json_patch::patch(&mut document, &patch).unwrap_or_else(|error| panic!("{error}: {edits}"));
    document
}

fn report(old: &Value, new: &Value) -> Report {
    let document = |name: &str, value: &Value| Document::new(name, value.clone());
    compare(
        &document("old.json", old),
        &document("new.json", new),
        &common::overlay(),
        "0.1.0",
    )
}

fn written(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    report.write(format, true, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

/// Checks the reports about an edit against the snapshot `name`. There is one report for each direction.
fn snapshot(name: &str, edits: &Value) {
    snapshot_of(name, &base(), &edited(edits), &edits.to_string());
}

/// Checks the reports from `old` to `new` and from `new` to `old` against the snapshot `name`.
pub fn snapshot_of(name: &str, old: &Value, new: &Value, description: &str) {
    let (there, back) = (report(old, new), report(new, old));
    let text = format!(
        "{}\n---- and back ----\n\n{}",
        written(&there, Format::Text),
        written(&back, Format::Text)
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots/drift");
    settings.set_description(description);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

macro_rules! kinds {
    ($($name:ident: $edits:tt,)*) => {
        $(#[test]
        fn $name() {
            snapshot(stringify!($name), &json!($edits));
        })*
        const KINDS: &[&str] = &[$(stringify!($name)),*];
    };
}

kinds! {
    // ---- operations
    operation_added: [{ "op": "add", "path": "/paths/~1ping", "value": { "get": { "operationId": "ping", "tags": ["Thing"], "responses": { "200": { "description": "", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Person" } } } } } } } }],
    operation_id_renamed: [{ "op": "replace", "path": format!("{GET}/operationId"), "value": "fetchThing" }],
    operation_moved: [{ "op": "move", "from": "/paths/~1thing~1{id}", "path": "/paths/~1things~1{id}" }],
    operation_deprecated: [{ "op": "add", "path": format!("{GET}/deprecated"), "value": true }],
    operation_tag_changed: [{ "op": "replace", "path": format!("{GET}/tags/0"), "value": "Object" }],
    operation_keyword_nobody_knows: [{ "op": "add", "path": format!("{GET}/x-quota"), "value": 5 }],
    // ---- parameters
    query_parameter_added: [{ "op": "add", "path": format!("{GET}/parameters/-"), "value": { "name": "deep", "in": "query", "schema": { "type": "boolean" } } }],
    query_parameter_added_required: [{ "op": "add", "path": format!("{GET}/parameters/-"), "value": { "name": "org", "in": "query", "required": true, "schema": { "type": "string" } } }],
    query_parameter_required: [{ "op": "add", "path": format!("{GET}/parameters/1/required"), "value": true }],
    query_parameter_retyped: [{ "op": "replace", "path": format!("{GET}/parameters/1/schema/type"), "value": "string" }],
    query_parameter_narrowed: [{ "op": "replace", "path": format!("{GET}/parameters/1/schema/minimum"), "value": 5 }],
    query_parameter_default: [{ "op": "add", "path": format!("{GET}/parameters/1/schema/default"), "value": 20 }],
    query_parameter_deprecated: [{ "op": "add", "path": format!("{GET}/parameters/1/deprecated"), "value": true }],
    query_parameter_renamed: [{ "op": "replace", "path": format!("{GET}/parameters/1/name"), "value": "page-size" }],
    query_parameter_became_header: [{ "op": "replace", "path": format!("{GET}/parameters/1/in"), "value": "header" }],
    query_parameter_written_otherwise: [{ "op": "add", "path": format!("{GET}/parameters/1/explode"), "value": false }],
    shared_parameter_retyped: [{ "op": "replace", "path": "/components/parameters/branch/schema", "value": { "type": "array", "items": { "type": "string" } } }],
    parameters_reordered: [{ "op": "move", "from": format!("{GET}/parameters/1"), "path": format!("{GET}/parameters/2") }],
    path_parameters_reordered: [{ "op": "move", "from": "/paths/~1thing~1{id}~1part~1{name}/delete/parameters/0", "path": "/paths/~1thing~1{id}~1part~1{name}/delete/parameters/1" }],
    path_parameter_renamed: [
        { "op": "move", "from": "/paths/~1thing~1{id}", "path": "/paths/~1thing~1{thing_id}" },
        { "op": "replace", "path": "/paths/~1thing~1{thing_id}/get/parameters/0/name", "value": "thing_id" }
    ],
    path_parameters_swapped: [{ "op": "move", "from": "/paths/~1thing~1{id}~1part~1{name}", "path": "/paths/~1thing~1{name}~1part~1{id}" }],
    path_parameter_is_one_of_words: [{ "op": "add", "path": format!("{GET}/parameters/0/schema/enum"), "value": ["one", "two"] }],
    // ---- request bodies
    request_property_added: [{ "op": "add", "path": format!("{BODY}/properties/weight"), "value": { "type": "number" } }],
    request_property_added_required: [
        { "op": "add", "path": format!("{BODY}/properties/weight"), "value": { "type": "number" } },
        { "op": "add", "path": format!("{BODY}/required/-"), "value": "weight" }
    ],
    request_property_required: [{ "op": "add", "path": format!("{BODY}/required/-"), "value": "note" }],
    request_property_nullable: [{ "op": "add", "path": format!("{BODY}/properties/note/nullable"), "value": true }],
    request_property_retyped: [{ "op": "replace", "path": format!("{BODY}/properties/note/type"), "value": "integer" }],
    request_property_narrowed: [{ "op": "replace", "path": format!("{BODY}/properties/name/maxLength"), "value": 40 }],
    request_property_pattern: [{ "op": "add", "path": format!("{BODY}/properties/name/pattern"), "value": "^[a-z]+$" }],
    request_property_pattern_changed: [{ "op": "replace", "path": format!("{BODY}/properties/note/pattern"), "value": "^[a-z]+$" }],
    request_word_added: [{ "op": "add", "path": format!("{BODY}/properties/colour/enum/-"), "value": "blue" }],
    request_word_renamed: [{ "op": "replace", "path": format!("{BODY}/properties/colour/enum/1"), "value": "lime" }],
    request_text_became_words: [{ "op": "add", "path": format!("{BODY}/properties/note/enum"), "value": ["short", "long"] }],
    request_body_closed: [{ "op": "add", "path": format!("{BODY}/additionalProperties"), "value": false }],
    request_body_optional: [{ "op": "remove", "path": format!("{POST}/requestBody/required") }],
    request_body_gone: [{ "op": "remove", "path": format!("{POST}/requestBody") }],
    request_media_type_changed: [{ "op": "move", "from": format!("{POST}/requestBody/content/application~1json"), "path": format!("{POST}/requestBody/content/application~1x-www-form-urlencoded") }],
    // ---- responses
    response_property_added: [{ "op": "add", "path": format!("{OF_THING}/weight"), "value": { "type": "number" } }],
    response_property_added_required: [
        { "op": "add", "path": format!("{OF_THING}/weight"), "value": { "type": "number" } },
        { "op": "add", "path": format!("{THING}/required/-"), "value": "weight" }
    ],
    response_property_renamed: [{ "op": "move", "from": format!("{OF_THING}/count"), "path": format!("{OF_THING}/total") }],
    response_property_required: [{ "op": "add", "path": format!("{THING}/required/-"), "value": "count" }],
    response_identity_optional: [{ "op": "remove", "path": format!("{THING}/required") }],
    response_identity_nullable: [{ "op": "add", "path": format!("{OF_THING}/id/x-nullable"), "value": true }],
    response_property_nullable: [{ "op": "add", "path": format!("{OF_THING}/count/x-nullable"), "value": true }],
    response_property_retyped: [{ "op": "replace", "path": format!("{OF_THING}/count/type"), "value": "string" }],
    response_property_lost_its_type: [{ "op": "remove", "path": format!("{OF_THING}/count/type") }],
    response_property_deprecated: [{ "op": "add", "path": format!("{OF_THING}/count/deprecated"), "value": true }],
    response_format_gone: [{ "op": "remove", "path": format!("{OF_THING}/started/format") }],
    response_format_without_effect: [{ "op": "add", "path": format!("{OF_THING}/count/format"), "value": "int32" }],
    response_bound_added: [{ "op": "add", "path": format!("{OF_THING}/count/maximum"), "value": 9 }],
    response_word_added: [{ "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": "canceled" }],
    response_words_became_text: [{ "op": "remove", "path": format!("{OF_THING}/state/enum") }],
    response_null_among_the_words: [{ "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": null }],
    response_items_retyped: [{ "op": "replace", "path": format!("{OF_THING}/tags/items/type"), "value": "integer" }],
    response_items_nullable: [{ "op": "add", "path": format!("{OF_THING}/tags/items/nullable"), "value": true }],
    response_map_values_any: [{ "op": "replace", "path": format!("{OF_THING}/labels/additionalProperties"), "value": true }],
    response_object_closed: [{ "op": "add", "path": format!("{THING}/additionalProperties"), "value": false }],
    response_alternative_added: [{ "op": "add", "path": format!("{OF_THING}/owner/oneOf/-"), "value": { "type": "integer" } }],
    response_union_became_object: [{ "op": "replace", "path": format!("{OF_THING}/owner"), "value": { "$ref": "#/components/schemas/Person" } }],
    response_list_became_object: [{ "op": "replace", "path": format!("{OF_THING}/tags"), "value": { "type": "object", "properties": { "first": { "type": "string" } } } }],
    response_paging_gone: [
        { "op": "remove", "path": "/paths/~1thing/get/responses/200/content/application~1json/schema/properties/next_page_token" },
        { "op": "replace", "path": "/paths/~1thing/get/responses/200/content/application~1json/schema/required", "value": ["items"] }
    ],
    response_page_token_undeclared: [{ "op": "remove", "path": "/paths/~1thing/get/parameters/1" }],
    response_keyword_nobody_knows: [{ "op": "add", "path": format!("{OF_THING}/count/x-unit"), "value": "ms" }],
    response_media_type_changed: [{ "op": "move", "from": format!("{GET}/responses/200/content/application~1json"), "path": format!("{GET}/responses/200/content/text~1plain") }],
    response_media_type_added: [{ "op": "add", "path": format!("{GET}/responses/200/content/text~1csv"), "value": { "schema": { "type": "string" } } }],
    response_body_gone: [{ "op": "remove", "path": format!("{GET}/responses/200/content") }],
    response_status_changed: [{ "op": "move", "from": format!("{POST}/responses/201"), "path": format!("{POST}/responses/200") }],
    response_second_success: [{ "op": "add", "path": format!("{POST}/responses/202"), "value": { "description": "Later", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Person" } } } } }],
    response_header_added: [{ "op": "add", "path": format!("{GET}/responses/200/headers"), "value": { "X-Rest": { "schema": { "type": "string" } } } }],
    error_status_added: [{ "op": "add", "path": format!("{GET}/responses/409"), "value": { "description": "Busy" } }],
    error_property_gone: [{ "op": "remove", "path": "/components/schemas/Failure/properties/message" }],
    // ---- names and layout
    title_renamed: [{ "op": "replace", "path": "/paths/~1thing~1{id}~1part~1{name}/delete/responses/200/content/application~1json/schema/title", "value": "Goodbye" }],
    component_renamed: [
        { "op": "move", "from": "/components/schemas/Person", "path": "/components/schemas/Human" },
        { "op": "replace", "path": format!("{OF_THING}/owner/oneOf/0/$ref"), "value": "#/components/schemas/Human" }
    ],
    component_renamed_and_changed: [
        { "op": "move", "from": "/components/schemas/Person", "path": "/components/schemas/Human" },
        { "op": "add", "path": "/components/schemas/Human/properties/age", "value": { "type": "integer" } },
        { "op": "replace", "path": format!("{OF_THING}/owner/oneOf/0/$ref"), "value": "#/components/schemas/Human" }
    ],
    component_unused_added: [{ "op": "add", "path": "/components/schemas/Nobody", "value": { "type": "object", "properties": { "x": { "type": "string" } } } }],
    schema_inlined: [
        { "op": "replace", "path": format!("{OF_THING}/owner/oneOf/0"), "value": { "type": "object", "properties": { "first-name": { "type": "string" } } } }
    ],
    schema_inlined_with_its_title: [
        { "op": "replace", "path": format!("{GET}/responses/404/content/application~1json/schema"), "value": { "type": "object", "title": "Failure", "properties": { "message": { "type": "string" } } } }
    ],
    reference_moved: [
        { "op": "add", "path": "/components/responses", "value": { "TheThing": { "description": "A thing", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } } } },
        { "op": "replace", "path": format!("{GET}/responses/200"), "value": { "$ref": "#/components/responses/TheThing" } }
    ],
    reference_to_another_shape: [{ "op": "replace", "path": format!("{GET}/responses/200/content/application~1json/schema/$ref"), "value": "#/components/schemas/Person" }],
    object_put_together: [
        { "op": "add", "path": "/components/schemas/Base", "value": { "type": "object", "properties": { "first-name": { "type": "string" } } } },
        { "op": "replace", "path": "/components/schemas/Person", "value": { "allOf": [{ "$ref": "#/components/schemas/Base" }] } }
    ],
    // ---- the rest of the document
    security_scheme_added: [
        { "op": "add", "path": "/components/securitySchemes/bearer", "value": { "type": "http", "scheme": "bearer" } },
        { "op": "add", "path": "/security/-", "value": { "bearer": [] } }
    ],
    security_scheme_changed: [{ "op": "replace", "path": "/components/securitySchemes/header/name", "value": "X-Token" }],
    security_of_one_operation: [{ "op": "add", "path": format!("{GET}/security"), "value": [] }],
    server_url_changed: [{ "op": "replace", "path": "/servers/0/url", "value": "https://ci.example/api/v3" }],
    description_only: [
        { "op": "replace", "path": format!("{OF_THING}/id/description"), "value": "The id." },
        { "op": "replace", "path": format!("{GET}/summary"), "value": "Get one thing" },
        { "op": "replace", "path": "/info/description", "value": "The API." }
    ],
    example_added: [{ "op": "add", "path": format!("{OF_THING}/count/example"), "value": 3 }],
    document_keyword_nobody_knows: [{ "op": "add", "path": "/x-webhooks", "value": {} }],
    several_at_once: [
        { "op": "remove", "path": "/paths/~1thing~1{id}~1part~1{name}" },
        { "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": "canceled" },
        { "op": "replace", "path": format!("{OF_THING}/id/description"), "value": "The id." }
    ],
}

#[test]
fn there_are_many_kinds() {
    assert!(KINDS.len() >= 40, "{} kinds", KINDS.len());
}

// ---- what is no change ----

/// Returns the same JSON with the keys of every object in alphabetical order. If `backwards` is true, the order is reversed.
fn reserialised(value: &Value, backwards: bool) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", json!(key), reserialised(value, backwards)))
                .collect();
            entries.sort();
            if backwards {
                entries.reverse();
            }
            format!("{{ {} }}", entries.join(",\n"))
        }
        Value::Array(items) => format!(
            "[{}]",
            items
                .iter()
                .map(|item| reserialised(item, backwards))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        other => other.to_string(),
    }
}

#[test]
fn another_order_of_keys_is_nothing() {
    let vendored = Folder::real();
    for backwards in [false, true] {
        let other = vendored.file("other.json", &reserialised(&common::vendored(), backwards));
        let output = vendored.drift(&["--against", &other, "--deny", "any"]);
        let expected = format!(
            "from openapi/openapi.json (vendored, as of {}) to {other}\nverdict: none\n",
            vendored.fetched()
        );
        assert_eq!(told(&output), (0, expected, String::new()));
    }
}

#[test]
fn other_descriptions_and_words_in_another_order_break_nobody() {
    let mut other = common::vendored();
    describe(&mut other);
    let report = report(&common::vendored(), &other);
    assert_eq!(
        (
            report.verdict,
            report.to_review,
            report.exit_code(Some(Deny::Breaking))
        ),
        (Verdict::DocsOnly, 0, 4)
    );
    assert!(
        report.rust.is_empty()
            && report
                .contract
                .iter()
                .any(|change| change.text.starts_with("description changed in "))
    );
}

/// The arguments of constructors have an order of their own, so the order of `required` in the document has no effect.
#[test]
fn required_values_in_another_order_break_nobody() {
    let ordered = |list: [&str; 2]| {
        edited(&json!([{ "op": "replace", "path": format!("{BODY}/required"), "value": list }]))
    };
    let report = report(&ordered(["name", "note"]), &ordered(["note", "name"]));
    assert_eq!(report.verdict, Verdict::None);
}

/// Changes every description and reverses every list of enum values.
fn describe(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, child) in map.iter_mut() {
                match (key.as_str(), child) {
                    ("description", Value::String(text)) => text.push_str(" (Anew.)"),
                    ("enum", Value::Array(words)) => words.reverse(),
                    (_, child) => describe(child),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(describe),
        _ => {}
    }
}

// ---- the three spellings ----

#[test]
fn markdown_and_json_say_the_same() {
    let new = edited(&json!([
        { "op": "remove", "path": "/paths/~1thing~1{id}~1part~1{name}" },
        { "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": "a|b <c> *d*" },
        { "op": "add", "path": "/x-webhooks", "value": {} },
        { "op": "add", "path": format!("{OF_THING}/count/x-nullable"), "value": true },
        { "op": "replace", "path": format!("{OF_THING}/id/description"), "value": "The id." }
    ]));
    let report = report(&base(), &new);
    let mut changelog = Vec::new();
    report.changelog(&mut changelog).expect("written");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots/drift");
    settings.bind(|| {
        insta::assert_snapshot!("format_markdown", written(&report, Format::Markdown));
        insta::assert_snapshot!("format_json", written(&report, Format::Json));
        insta::assert_snapshot!(
            "format_changelog",
            String::from_utf8(changelog).expect("UTF-8")
        );
    });
    let json: Value = serde_json::from_str(&written(&report, Format::Json)).expect("JSON");
    assert_eq!(
        (&json["verdict"], &json["to_review"]),
        (&json!("breaking"), &json!(1))
    );
}

#[test]
fn a_line_is_a_line_whatever_the_document_says() {
    let new = edited(&json!([
        { "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": "two\nlines" },
        { "op": "add", "path": format!("{OF_THING}/a\nb"), "value": { "type": "string" } },
        { "op": "replace", "path": "/servers/0/url", "value": "https://x\r\n\u{1b}[31m" }
    ]));
    let text = written(&report(&base(), &new), Format::Text);
    assert!(
        text.lines()
            .all(|line| !line.contains(|c: char| c.is_control())),
        "{text:?}"
    );
    assert!(
        text.contains("has the new enum value `two lines`"),
        "{text}"
    );
}

// ---- exit codes ----

#[test]
fn every_verdict_has_its_exit_code() {
    let code = |edits: Value, deny| report(&base(), &edited(&edits)).exit_code(deny);
    let all = |edits: Value| {
        [
            code(edits.clone(), None),
            code(edits.clone(), Some(Deny::Breaking)),
            code(edits, Some(Deny::Any)),
        ]
    };
    assert_eq!(all(json!([])), [0, 0, 0]);
    assert_eq!(
        all(json!([{ "op": "replace", "path": "/info/description", "value": "?" }])),
        [4, 4, 5]
    );
    assert_eq!(
        all(json!([{ "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": "new" }])),
        [4, 4, 5]
    );
    assert_eq!(
        all(json!([{ "op": "remove", "path": format!("{OF_THING}/count") }])),
        [4, 5, 5]
    );
    // `--deny breaking` also fails if there are changes that need a review.
    assert_eq!(
        all(json!([{ "op": "add", "path": "/x-webhooks", "value": {} }])),
        [4, 5, 5]
    );
}

/// A small repository that contains a vendored base document, its record and the overlay.
struct Folder(tempfile::TempDir);

impl Folder {
    fn of(document: &str, etag: Option<(&str, &str)>) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        let openapi = folder.0.path().join("openapi");
        fs::create_dir(&openapi).expect("made");
        fs::write(openapi.join("openapi.json"), document).expect("written");
        fs::write(openapi.join("overlay.yaml"), common::overlay()).expect("written");
        let url = etag.map_or("https://ci.example/openapi.json", |(url, _)| url);
        let mut source = xtask::document::fetch::Source::of(url, document.as_bytes());
        source.etag = etag.map(|(_, etag)| etag.to_owned());
        source.write(&openapi).expect("written");
        folder
    }

    fn small() -> Self {
        Self::of(&base().to_string(), None)
    }

    fn real() -> Self {
        Self::of(
            &fs::read_to_string(common::root().join("openapi/openapi.json")).expect("the document"),
            None,
        )
    }

    fn fetched(&self) -> String {
        xtask::document::fetch::Source::read(&self.0.path().join("openapi"))
            .expect("the record")
            .fetched
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }

    fn drift(&self, arguments: &[&str]) -> Output {
        let before = self.listing();
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("drift")
            .args(arguments)
            .arg("--root")
            .arg(self.0.path())
            .output()
            .expect("run");
        assert_eq!(self.listing(), before, "drift is read-only");
        output
    }

    /// Returns the paths of all files, each with its contents.
    fn listing(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("listed") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        found.push((path.display().to_string(), fs::read(&path).expect("read")))
                    }
                }
            }
        }
        found.sort();
        found
    }

    fn git(&self, arguments: &[&str]) {
        common::git(self.0.path(), arguments);
    }
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().expect("a code"),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Checks that the command compared nothing and printed an error of one line.
#[track_caller]
fn cannot(output: &Output, why: &str) {
    let (code, out, error) = told(output);
    assert_eq!((code, out.as_str()), (6, ""), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.starts_with("error: cannot compare: ") && error.contains(why),
        "{error}"
    );
}

#[test]
fn a_file_is_newer_and_reverse_turns_it_round() {
    let folder = Folder::small();
    let other = folder.file(
        "other.json",
        &edited(&json!([{ "op": "remove", "path": format!("{OF_THING}/count") }])).to_string(),
    );
    let (code, out, _) = told(&folder.drift(&["--against", &other]));
    assert_eq!(
        (code, out.lines().nth(1)),
        (
            4,
            Some(
                "verdict: breaking; asks for 0.2.0 after 0.1.0 (at 1.0 or later: the next major version)"
            )
        )
    );
    assert!(
        out.starts_with("from openapi/openapi.json (vendored, as of ")
            && out.contains(&format!(") to {other}\n")),
        "{out}"
    );
    assert_eq!(
        told(&folder.drift(&["--against", &other, "--deny", "breaking"])).0,
        5
    );
    let (code, out, _) =
        told(&folder.drift(&["--against", &other, "--reverse", "--deny", "breaking"]));
    assert_eq!(
        (code, out.lines().nth(1)),
        (
            4,
            Some(
                "verdict: additive; asks for 0.1.1 after 0.1.0 (at 1.0 or later: the next minor version)"
            )
        )
    );
    assert!(
        out.starts_with(&format!("from {other} to openapi/openapi.json (vendored")),
        "{out}"
    );
}

#[test]
fn what_is_no_document_is_one_line() {
    let folder = Folder::small();
    cannot(
        &folder.drift(&["--against", "nowhere.json"]),
        "nowhere.json",
    );
    cannot(
        &folder.drift(&["--against", "ftp://ci.example/x"]),
        "ftp:// is not supported",
    );
    let mut deep = json!({ "type": "string" });
    for _ in 0..100 {
        deep = json!({ "type": "array", "items": deep });
    }
    let mut nested = base();
    nested["components"]["schemas"]["Deep"] = deep;
    for (text, why) in [
        ("".to_owned(), "empty"),
        ("{".to_owned(), "incomplete"),
        ("[1]".to_owned(), "not an object"),
        (r#"{"swagger":"2.0"}"#.to_owned(), "Swagger"),
        (r#"{"openapi":"3.2.0"}"#.to_owned(), "3.2.0"),
        (
            r#"{"openapi":"3.0.3","info":{"title":"T","version":"1"},"paths":{"/a":{}}}"#
                .to_owned(),
            "no operation",
        ),
        (nested.to_string(), "levels deep"),
    ] {
        let other = folder.file("other.json", &text);
        cannot(&folder.drift(&["--against", &other]), why);
    }
    let other = folder.file("other.json", &base().to_string());
    folder.file("openapi/openapi.json", "{}");
    cannot(
        &folder.drift(&["--against", &other]),
        "is not the document that source.json records",
    );
}

/// For unusual OpenAPI documents, the command prints a report or an error of one line. It never panics.
#[test]
fn odd_documents_do_not_panic() {
    let folder = Folder::small();
    for (pointer, value) in [
        ("/paths/~1thing", json!("text")),
        ("/paths/~1thing/get", json!(7)),
        ("/paths/~1thing/get/parameters", json!({ "a": 1 })),
        ("/paths/~1thing/get/parameters/0", json!(null)),
        ("/paths/~1thing/get/responses", json!([1])),
        (
            "/paths/~1thing/get/responses/200",
            json!({ "$ref": "#/components/nowhere" }),
        ),
        ("/paths/~1thing/get/responses/200/content", json!("text")),
        ("/components", json!([])),
        ("/components/schemas", json!(false)),
        (
            "/components/schemas/Thing",
            json!({ "$ref": "#/components/schemas/Thing" }),
        ),
        (
            "/components/schemas/Thing",
            json!({ "allOf": [{ "$ref": "#/components/schemas/Thing" }] }),
        ),
        (
            "/components/schemas/Thing/properties/owner",
            json!({ "oneOf": [{ "$ref": "#/components/schemas/Thing" }, { "$ref": "#/components/schemas/Person" }] }),
        ),
        ("/components/schemas/Thing/properties", json!([])),
        ("/components/schemas/Thing/required", json!("id")),
        (
            "/components/schemas/Thing/properties/state/enum",
            json!([1, { "a": [] }, null]),
        ),
        ("/components/schemas/Thing/properties/state", json!(null)),
        (
            "/components/schemas/Thing/properties/tags/items",
            json!("string"),
        ),
        ("/security", json!({})),
        ("/servers", json!([{ "url": 5 }, 3])),
        ("/tags", json!("Thing")),
        ("/components/securitySchemes", json!([{}])),
        (
            "/components/parameters/branch",
            json!({ "$ref": "#/components/parameters/branch" }),
        ),
    ] {
        let mut odd = base();
        *odd.pointer_mut(pointer)
            .unwrap_or_else(|| panic!("nothing at {pointer}")) = value.clone();
        let other = folder.file("other.json", &odd.to_string());
        for reverse in [
            &["--against", other.as_str()][..],
            &["--against", &other, "--reverse"],
        ] {
            let (code, out, error) = told(&folder.drift(reverse));
            assert!(
                matches!(code, 0 | 4 | 6) && !error.contains("panicked at"),
                "{pointer} {value}: {code}\n{out}\n{error}"
            );
            assert!(error.lines().count() <= 1, "{pointer} {value}: {error}");
        }
    }
}

// ---- over HTTP ----

/// Starts a server that sends `answer` to the first request, and then keeps the connection open or closes it. Returns the
/// server's URL, and a thread whose result is the request.
fn serve(answer: Vec<u8>, hold: bool) -> (String, std::thread::JoinHandle<String>) {
    let listener = common::listen("127.0.0.1");
    let url = format!(
        "http://{}/openapi.json",
        listener.local_addr().expect("an address")
    );
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
            head.push(byte[0]);
        }
        let _ = stream.write_all(&answer).and_then(|()| stream.flush());
        if hold {
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        String::from_utf8_lossy(&head).to_ascii_lowercase()
    });
    (url, thread)
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn ok_over_http() {
    let folder = Folder::small();
    let (url, server) = serve(
        response("200 OK", "ETag: \"2\"\r\n", &base().to_string()),
        false,
    );
    let (code, out, error) = told(&folder.drift(&["--against", &url, "--deny", "any"]));
    assert_eq!(
        (code, error.as_str(), out.lines().nth(1)),
        (0, "", Some("verdict: none"))
    );
    assert!(
        out.lines()
            .next()
            .is_some_and(|line| line.ends_with(&format!("to {url}"))),
        "{out}"
    );
    // The record has no ETag, so the request must not contain one.
    assert!(!server.join().expect("served").contains("if-none-match"));

    let changed = edited(&json!([{ "op": "remove", "path": format!("{OF_THING}/count") }]));
    let (url, _) = serve(response("200 OK", "", &changed.to_string()), false);
    assert_eq!(
        told(&folder.drift(&["--against", &url, "--deny", "breaking"])).0,
        5
    );
}

#[test]
fn not_modified_over_http() {
    let (url, server) = serve(response("304 Not Modified", "ETag: \"1\"\r\n", ""), false);
    let folder = Folder::of(&base().to_string(), Some((&url, "\"1\"")));
    let (code, out, error) = told(&folder.drift(&["--against", &url]));
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(
        out,
        format!(
            "from openapi/openapi.json (vendored, as of {}) to {url} (304 Not Modified)\nverdict: none\n",
            folder.fetched()
        )
    );
    assert!(
        server
            .join()
            .expect("served")
            .contains("if-none-match: \"1\"")
    );

    // The server sends 304 although the request contains no ETag.
    let (url, _) = serve(response("304 Not Modified", "ETag: \"1\"\r\n", ""), false);
    cannot(
        &folder.drift(&["--against", &url]),
        "the server answered 304 Not Modified",
    );
}

#[test]
fn failures_over_http() {
    let folder = Folder::small();
    let whole = base().to_string();
    let cut = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
        whole.len(),
        &whole[..whole.len() / 2]
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ope".to_owned();
    for (answer, why) in [
        (
            response("404 Not Found", "", "nothing"),
            "the server answered 404 Not Found",
        ),
        (
            response("500 Internal Server Error", "", "{}"),
            "the server answered 500 Internal Server Error",
        ),
        (
            response(
                "200 OK",
                "Content-Type: text/html\r\n",
                "<!doctype html><html><body>Sign in</body></html>",
            ),
            "an HTML page",
        ),
        (
            response("200 OK", "", &whole[..whole.len() / 2]),
            "the document is incomplete",
        ),
        (cut.into_bytes(), "the connection broke after"),
        (chunked.into_bytes(), "the connection broke after"),
        (b"garbage\r\n\r\n".to_vec(), "no response"),
    ] {
        let (url, _) = serve(answer, false);
        cannot(&folder.drift(&["--against", &url]), why);
    }
    let listener = common::listen("127.0.0.1");
    let nobody = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    cannot(&folder.drift(&["--against", &nobody]), "cannot connect");
}

/// Without CA certificates, plain http works, and an https URL gives an error that says what to install.
#[test]
fn a_machine_without_ca_certificates_reads_over_http_and_says_why_not_over_https() {
    let folder = Folder::small();
    let run = |url: &str| {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["drift", "--against", url, "--root"])
            .arg(folder.0.path())
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .output()
            .expect("run")
    };
    let (url, _) = serve(response("200 OK", "", &base().to_string()), false);
    let (code, _, error) = told(&run(&url));
    assert_eq!((code, error.as_str()), (0, ""));
    let refused = run("https://localhost:1/openapi.json");
    cannot(
        &refused,
        "cannot trust any https server: install the package ca-certificates",
    );
}

#[test]
fn stalls_over_http() {
    let folder = Folder::small();
    let whole = base().to_string();
    let half = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
        whole.len(),
        &whole[..whole.len() / 2]
    );
    let drift = |answer: &[u8], seconds| {
        let (url, _) = serve(answer.to_vec(), true);
        folder.drift(&["--against", &url, "--timeout", seconds])
    };
    cannot(&drift(b"", "1"), "no response within 1s");
    let mut stalled = drift(half.as_bytes(), "1");
    // On a busy machine, the head of the response can arrive too late.
    if told(&stalled).2.contains("no response within") {
        stalled = drift(half.as_bytes(), "20");
    }
    cannot(&stalled, "the download stalled");
}

// ---- out of history ----

#[test]
fn a_revision_is_older() {
    let folder = Folder::small();
    folder.git(&["init", "-q"]);
    folder.git(&["commit", "-q", "--allow-empty", "-m", "nothing yet"]);
    folder.git(&["tag", "empty"]);
    folder.git(&["add", "."]);
    folder.git(&["commit", "-q", "-m", "first"]);
    folder.git(&["tag", "v0.1.0"]);
    assert_eq!(told(&folder.drift(&["--against", "git:v0.1.0"])).0, 0);

    // The next release has one more field than v0.1.0.
    let newer = edited(&json!([{ "op": "add", "path": format!("{OF_THING}/weight"), "value": { "type": "number" } }])).to_string();
    folder.file("openapi/openapi.json", &newer);
    xtask::document::fetch::Source::of("https://ci.example/openapi.json", newer.as_bytes())
        .write(&folder.0.path().join("openapi"))
        .expect("written");
    let (code, out, error) =
        told(&folder.drift(&["--against", "git:v0.1.0", "--deny", "breaking"]));
    assert_eq!((code, error.as_str()), (4, ""));
    assert!(
        out.starts_with("from git:v0.1.0 (")
            && out.contains(") to openapi/openapi.json (vendored, as of "),
        "{out}"
    );
    // The page shows the new fields of a type on one line, while `--all` shows each field on its own line.
    assert!(out.contains("`Thing` has `weight: Option<f64>`"), "{out}");
    let (_, out, _) = told(&folder.drift(&["--against", "git:HEAD", "--reverse"]));
    assert!(
        out.starts_with("from openapi/openapi.json (vendored")
            && out.contains("`Thing::weight: Option<f64>` is gone"),
        "{out}"
    );

    cannot(
        &folder.drift(&["--against", "git:v9"]),
        "git:v9: is not a revision",
    );
    cannot(&folder.drift(&["--against", "git:"]), "is not a revision");
    cannot(
        &folder.drift(&["--against", "git:--help"]),
        "git:--help: is not a revision",
    );
    cannot(
        &folder.drift(&["--against", "git:empty"]),
        "git:empty: has no openapi/openapi.json",
    );
    // This folder is not a git repository (for example, it comes from a tarball), and the error must say so.
    cannot(
        &Folder::small().drift(&["--against", "git:HEAD"]),
        "git:HEAD: git says: fatal: not a git repository",
    );
}

#[test]
fn the_callers_git_decides_nothing() {
    let folder = Folder::small();
    folder.git(&["init", "-q"]);
    folder.git(&["add", "."]);
    folder.git(&["commit", "-q", "-m", "first"]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let configuration = elsewhere.path().join(".gitconfig");
    let text = "[core]\n abbrev = 40\n fsmonitor = false\n pager = false\n hooksPath = /nonexistent\n[trace2]\n normalTarget = 1\n";
    fs::write(&configuration, text).expect("written");
    for (variable, value) in [
        ("GIT_CONFIG_GLOBAL", configuration.as_path()),
        ("HOME", elsewhere.path()),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        for trace in ["GIT_TRACE", "GIT_TRACE_PERFORMANCE", "GIT_TRACE2_EVENT"] {
            command.env(trace, "1");
        }
        command
            .args(["drift", "--root"])
            .arg(folder.0.path())
            .env("GIT_DIR", elsewhere.path())
            .env("GIT_WORK_TREE", elsewhere.path())
            .env("GIT_GRAFT_FILE", &configuration)
            .env_remove("GIT_CONFIG_GLOBAL")
            .env_remove("XDG_CONFIG_HOME")
            .env(variable, value)
            .arg("--against");
        let output = command.arg("git:HEAD").output().expect("run");
        let (code, out, error) = told(&output);
        assert_eq!((code, error.as_str()), (0, ""), "{variable}: {out}");
        let commit = out.split(['(', ')']).nth(1).expect("a commit");
        assert!(commit.len() < 20, "{variable}: {out}");
    }
}

#[test]
fn a_trace_of_git_does_not_hide_that_a_revision_is_unknown() {
    let folder = Folder::small();
    folder.git(&["init", "-q"]);
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["drift", "--against", "git:nope", "--root"])
        .arg(folder.0.path())
        .env("GIT_TRACE_PERFORMANCE", "1")
        .output()
        .expect("run");
    cannot(&output, "git:nope: is not a revision of this repository");
}

#[test]
fn git_says_why_it_does_not_read_a_checkout_of_another_user() {
    let folder = Folder::small();
    folder.git(&["init", "-q"]);
    folder.git(&["add", "."]);
    folder.git(&["commit", "-q", "-m", "first"]);
    let nothing = folder.file("nothing", "");
    let run = |ours: &str| {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["drift", "--against", "git:HEAD", "--root"])
            .arg(folder.0.path())
            .env("GIT_CONFIG_GLOBAL", &nothing)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_CONFIG_COUNT")
            .env_remove("GIT_CONFIG_PARAMETERS")
            .env("GIT_TEST_ASSUME_DIFFERENT_OWNER", ours)
            .output()
            .expect("run")
    };
    assert_eq!(told(&run("0")).0, 0);
    let refused = run("1");
    cannot(
        &refused,
        "git:HEAD: git says: fatal: detected dubious ownership",
    );
    cannot(&refused, "git config --global --add safe.directory");
}

// ---- help ----

#[test]
fn the_exit_codes_are_in_the_help() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["drift", "--help"])
        .output()
        .expect("run");
    let (_, help, _) = told(&output);
    for line in [
        "0  no drift",
        "4  drift, but none",
        "5  drift that --deny forbids",
        "6  cannot compare",
    ] {
        assert!(help.contains(line), "{help}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["drift", "--deny", "nothing"])
        .output()
        .expect("run");
    assert_eq!(told(&output).0, 2);
}

#[test]
fn the_help_of_other_programs_compiles_nothing() {
    for (program, flag) in [
        ("conformance", "--seeds"),
        ("reality", "<PATH>"),
        ("strangers", "--all"),
    ] {
        let run = |argument: &str| {
            let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
                .args([program, argument])
                // If the program tried to start cargo, it would fail here.
                .env("CARGO", "/no/cargo")
                .output()
                .expect("run");
            told(&output)
        };
        let (code, help, error) = run("--help");
        assert_eq!((code, error.as_str()), (0, ""), "{program}");
        assert!(help.contains(flag), "{help}");
        let usage = format!("Usage: cargo xtask {program} ");
        assert!(help.contains(&usage), "{help}");
        let (code, _, error) = run("--wrong");
        assert_eq!(code, 2, "{error}");
    }
}
