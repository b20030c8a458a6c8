//! Tests, in both directions, changes that `drift` once missed or wrongly reported as breaking. The snapshots are in the same
//! folder as those of `drift.rs`.

use crate::{
    common,
    drift::{BODY, GET, OF_THING, base, edited_from, snapshot_of},
};

use serde::Deserialize;
use serde_json::{Value, json};
use xtask::{
    document,
    drift::{compare, source::Document},
};

/// The first list of each case contains edits that prepare the document. The second list contains the change to report.
macro_rules! kinds {
    ($($name:ident: $before:tt => $edits:tt,)*) => {
        $(#[test]
        fn $name() {
            let (before, edits) = (json!($before), json!($edits));
            let old = edited_from(document(), &before);
            let new = edited_from(old.clone(), &edits);
            let description = format!("{before} => {edits}");
            snapshot_of(stringify!($name), &old, &new, &description);
        })*
    };
}

/// Returns the base document with one more operation. Its response contains a place that an overlay action replaces.
fn document() -> Value {
    let mut document = base();
    let path = "/schedule/{schedule-id}";
    let schedule = common::vendored()["paths"][path]["get"].take();
    document["paths"][path] = json!({ "get": schedule });
    document
}

const TIMETABLE: &str = "/paths/~1schedule~1{schedule-id}/get/responses/200/content/application~1json/schema/properties/timetable/anyOf/0/properties";
const SERVER: &str = "https://{region}.ci.example";

kinds! {
    // ---- changes that `drift` once missed
    hidden_by_the_overlay: [] => [{ "op": "add", "path": format!("{TIMETABLE}/timezone"), "value": { "type": "string" } }],
    server_of_an_operation: [] => [{ "op": "add", "path": format!("{GET}/servers"), "value": [{ "url": "https://other.example" }] }],
    server_variable_changed:
        [{ "op": "add", "path": "/servers/0", "value": { "url": SERVER, "variables": { "region": { "default": "eu" } } } }]
        => [{ "op": "replace", "path": "/servers/0/variables/region/default", "value": "us" }],
    server_variable_of_an_operation:
        [{ "op": "add", "path": format!("{GET}/servers"), "value": [{ "url": SERVER, "variables": { "region": { "default": "eu" } } }] }]
        => [{ "op": "replace", "path": format!("{GET}/servers/0/variables/region/default"), "value": "us" }],
    keyword_without_a_class: [] => [{ "op": "add", "path": "/components/links", "value": { "Next": { "operationId": "getThing" } } }],
    unclassified_place: [] => [{ "op": "remove", "path": "/components/schemas/Person/type" }],
    null_said_twice:
        [{ "op": "add", "path": format!("{OF_THING}/state/nullable"), "value": true }]
        => [{ "op": "add", "path": format!("{OF_THING}/state/enum/-"), "value": null }],
    success_without_content: [] => [{ "op": "add", "path": format!("{GET}/responses/204"), "value": { "description": "Nothing" } }],
    header_parameter_beside_a_field: [] => [
        { "op": "add", "path": format!("{GET}/parameters/-"), "value": { "name": "X-Trace", "in": "header", "schema": { "type": "string" } } },
        { "op": "add", "path": format!("{OF_THING}/weight"), "value": { "type": "number" } }
    ],
    // ---- changes that are not breaking
    alternatives_reordered: [] => [{ "op": "move", "from": format!("{OF_THING}/owner/oneOf/0"), "path": format!("{OF_THING}/owner/oneOf/1") }],
    any_of_reordered:
        [
            { "op": "move", "from": format!("{OF_THING}/owner/oneOf"), "path": format!("{OF_THING}/owner/anyOf") },
            { "op": "add", "path": format!("{OF_THING}/owner/anyOf/-"), "value": { "type": "object", "properties": { "login": { "type": "string" } } } }
        ]
        => [{ "op": "move", "from": format!("{OF_THING}/owner/anyOf/2"), "path": format!("{OF_THING}/owner/anyOf/0") }],
    required_reordered:
        [{ "op": "replace", "path": format!("{BODY}/required"), "value": ["name", "note"] }]
        => [{ "op": "replace", "path": format!("{BODY}/required"), "value": ["note", "name"] }],
    tags_reordered:
        [
            { "op": "add", "path": format!("{GET}/tags/-"), "value": "Other" },
            { "op": "add", "path": "/tags/-", "value": { "name": "Other" } }
        ]
        => [
            { "op": "move", "from": format!("{GET}/tags/1"), "path": format!("{GET}/tags/0") },
            { "op": "move", "from": "/tags/1", "path": "/tags/0" }
        ],
    format_on_one_of_equal_answers:
        [
            { "op": "add", "path": format!("{OF_THING}/first"), "value": { "type": "object", "title": "Page", "properties": { "address": { "type": "string" } } } },
            { "op": "add", "path": format!("{OF_THING}/second"), "value": { "type": "object", "title": "Page", "properties": { "address": { "type": "string" } } } }
        ]
        => [{ "op": "add", "path": format!("{OF_THING}/second/properties/address/format"), "value": "uri" }],
    field_on_one_of_equal_answers:
        [
            { "op": "add", "path": format!("{OF_THING}/first"), "value": { "type": "object", "title": "Page", "properties": { "address": { "type": "string" }, "size": { "type": "integer" } } } },
            { "op": "add", "path": format!("{OF_THING}/second"), "value": { "type": "object", "title": "Page", "properties": { "address": { "type": "string" }, "size": { "type": "integer" } } } }
        ]
        => [{ "op": "add", "path": format!("{OF_THING}/second/properties/colour"), "value": { "type": "string" } }],
    untyped_value_became_text:
        [{ "op": "remove", "path": format!("{OF_THING}/count/type") }]
        => [{ "op": "add", "path": format!("{OF_THING}/count/type"), "value": "string" }],
    path_parameter_is_no_uuid_any_more:
        [{ "op": "add", "path": format!("{GET}/parameters/0/schema/format"), "value": "uuid" }]
        => [{ "op": "remove", "path": format!("{GET}/parameters/0/schema/format") }],
    // ---- the OpenAPI version
    dialect_with_a_change:
        [{ "op": "add", "path": format!("{OF_THING}/count/nullable"), "value": true }]
        => [{ "op": "add", "path": format!("{OF_THING}/weight"), "value": { "type": "number", "nullable": true } }],
}

/// The report about `dialect_with_a_change` is the same, whichever OpenAPI versions the two documents have.
#[test]
fn a_change_is_the_same_in_both_dialects() {
    let old = edited_from(
        document(),
        &json!([{ "op": "add", "path": format!("{OF_THING}/count/nullable"), "value": true }]),
    );
    let weight = |weight: Value| json!([{ "op": "add", "path": format!("{OF_THING}/weight"), "value": weight }]);
    let new = edited_from(
        old.clone(),
        &weight(json!({ "type": "number", "nullable": true })),
    );
    let upgrade = json!([
        { "op": "replace", "path": "/openapi", "value": "3.1.0" },
        { "op": "remove", "path": format!("{OF_THING}/count/nullable") },
        { "op": "replace", "path": format!("{OF_THING}/count/type"), "value": ["integer", "null"] }
    ]);
    let old_3_1 = edited_from(old.clone(), &upgrade);
    let new_3_1 = edited_from(
        old_3_1.clone(),
        &weight(json!({ "type": ["number", "null"] })),
    );
    let said = |old: &Value, new: &Value| {
        let report = compare(
            &read("old", old),
            &read("new", new),
            &common::overlay(),
            "0.1.0",
        );
        (report.verdict, report.contract, report.rust)
    };
    let expected = said(&old, &new);
    assert_eq!(expected.1.len(), 1, "{:?}", expected.1);
    assert_eq!(said(&old_3_1, &new_3_1), expected);
    assert_eq!(said(&old, &new_3_1), expected);
    assert_eq!(said(&old_3_1, &new), expected);
    assert_eq!(said(&new_3_1, &old), said(&new, &old));
}

fn read(name: &str, document: &Value) -> Document {
    let text = document.to_string();
    Document::new(
        name,
        document::parse(text.as_bytes(), name).expect("a document"),
    )
}

/// Translating a construct to OpenAPI 3.1 or back to OpenAPI 3.0 is not a change.
#[test]
fn dialect_constructs() {
    #[derive(Deserialize)]
    struct Pair {
        construct: String,
        schema: Option<Value>,
        document: Option<Value>,
    }
    let pairs: Vec<Pair> =
        serde_yaml_ng::from_str(include_str!("dialect/pairs.yaml")).expect("pairs");
    let mut lines = String::new();
    for pair in &pairs {
        let in_dialect = |version: &str, openapi: &str| {
            let mut document = common::base();
            document["openapi"] = json!(openapi);
            if let Some(schema) = &pair.schema {
                let at = format!("{}/probe", common::PROPERTIES);
                common::put(&mut document, &at, schema[version].clone());
            }
            if let Some(edits) = &pair.document {
                json_patch::merge(&mut document, &edits[version]);
            }
            read(openapi, &document)
        };
        let (old, new) = (in_dialect("3.0", "3.0.3"), in_dialect("3.1", "3.1.0"));
        let verdict = |old, new| compare(old, new, &common::overlay(), "0.1.0").verdict;
        let (there, back) = (verdict(&old, &new), verdict(&new, &old));
        lines += &format!("{}: {there}, and back: {back}\n", pair.construct);
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots/drift");
    settings.bind(|| insta::assert_snapshot!("dialect_constructs", lines));
}
