//! Tests that the order of alternatives, required properties, parameters and tags has no effect on the comparison or on the
//! generated code.

use crate::common;

use common::{base, build, overlay, put, vendored};
use serde_json::{Value, json};
use xtask::{
    drift::{compare, source::Document, verdict::Verdict},
    regen,
};

/// Reverses every list whose order has no meaning. Returns the number of these lists.
fn reverse(value: &mut Value) -> usize {
    const UNORDERED: [&str; 5] = ["anyOf", "oneOf", "required", "parameters", "tags"];
    match value {
        Value::Object(map) => {
            let reverse_one = |(key, child): (&String, &mut Value)| {
                let below = reverse(child);
                match child
                    .as_array_mut()
                    .filter(|_| UNORDERED.contains(&key.as_str()))
                {
                    Some(list) => {
                        list.reverse();
                        below + usize::from(list.len() > 1)
                    }
                    None => below,
                }
            };
            map.iter_mut().map(reverse_one).sum()
        }
        Value::Array(list) => list.iter_mut().map(reverse).sum(),
        _ => 0,
    }
}

fn verdict(old: &Value, new: &Value) -> Verdict {
    let named = |name: &str, value: &Value| Document::new(name, value.clone());
    compare(&named("old", old), &named("new", new), &overlay(), "0.1.0").verdict
}

#[test]
fn the_vendored_document_turned_round_is_the_same_document() {
    let document = vendored();
    let mut other = document.clone();
    assert!(
        reverse(&mut other) > 100,
        "there is something to turn round"
    );
    assert_ne!(document, other);
    assert_eq!(verdict(&document, &other), Verdict::None);
    // This build is strict: it fails if an overlay action or a table row no longer matches.
    let files = |document: Value| {
        let built = regen::build(document, &overlay(), false).expect("built");
        assert_eq!(built.warnings(), Vec::<String>::new());
        built.files
    };
    assert!(files(document) == files(other));
}

/// Returns a small document that contains every kind of list whose order could matter.
fn small() -> Value {
    let mut document = base();
    let properties = json!({
        "zebra": { "type": "string" }, "ant": { "type": "string" }, "owner": { "$ref": "#/components/schemas/Owner" }
    });
    let owner = json!({ "oneOf": [
        { "type": "object", "required": ["slug"], "properties": { "slug": { "type": "string" }, "kind": { "type": "string" } } },
        { "type": "object", "required": ["id", "kind"], "properties": { "id": { "type": "string" }, "kind": { "type": "string" } } },
        { "type": "string" },
        { "type": "array", "items": { "anyOf": [{ "type": "integer" }, { "$ref": "#/components/schemas/Person" }] } }
    ] });
    put(&mut document, "/components/schemas/Owner", owner);
    put(
        &mut document,
        "/components/schemas/Thing/properties/owner",
        json!({ "$ref": "#/components/schemas/Owner" }),
    );
    put(&mut document, common::BODY, properties);
    let required = "/paths/~1thing/post/requestBody/content/application~1json/schema/required";
    put(&mut document, required, json!(["zebra", "ant", "owner"]));
    put(
        &mut document,
        &format!("{}/tags", common::GET),
        json!(["Thing", "Other"]),
    );
    for name in ["z", "a"] {
        let parameter = json!({ "name": name, "in": "query", "required": true, "schema": { "type": "string" } });
        put(
            &mut document,
            &format!("{}/-", common::PARAMETERS),
            parameter,
        );
    }
    put(
        &mut document,
        "/tags",
        json!([{ "name": "Thing", "description": "Things." }, { "name": "Other" }]),
    );
    document
}

#[test]
fn a_small_document_turned_round_is_the_same_document() {
    let document = small();
    let mut other = document.clone();
    assert!(reverse(&mut other) >= 7);
    assert_eq!(verdict(&document, &other), Verdict::None);
    let (one, other) = (
        build(document).expect("built"),
        build(other).expect("built"),
    );
    assert!(one.files == other.files);
    common::check_files(&one.files).expect("Rust");
}

/// A different order neither hides a change nor causes an additional one.
#[test]
fn a_change_in_another_order_is_the_change() {
    let document = small();
    let mut changed = document.clone();
    put(
        &mut changed,
        "/components/schemas/Owner/oneOf/0/properties/name",
        json!({ "type": "string" }),
    );
    let mut turned = changed.clone();
    reverse(&mut turned);
    let texts = |new: &Value| {
        let named = |name: &str, value: &Value| Document::new(name, value.clone());
        let report = compare(
            &named("old", &document),
            &named("new", new),
            &overlay(),
            "0.1.0",
        );
        let texts: Vec<String> = report
            .rust
            .iter()
            .map(|change| change.text.clone())
            .collect();
        (report.verdict, report.contract.len(), texts)
    };
    let (verdict, count, rust) = texts(&changed);
    assert_eq!((verdict, count), (Verdict::Additive, 1), "{rust:?}");
    assert_eq!(texts(&turned), (verdict, count, rust));
}

/// The pointer in an error refers to the position of the alternative in the original document and not in the sorted one.
#[test]
fn a_refusal_names_the_place_in_the_document_as_it_came() {
    let mut document = small();
    for index in 0..2 {
        let mut wrong = document.clone();
        let word = format!("/components/schemas/Owner/oneOf/{index}/properties/kind");
        put(&mut wrong, &word, json!({ "type": "string", "enum": [] }));
        let error = build(wrong).map(drop).expect_err("refused");
        assert_eq!(
            error,
            format!("{word}: an enum without values: no value is valid")
        );
    }
    reverse(&mut document);
    assert!(build(document).is_ok());
}
