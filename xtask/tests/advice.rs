//! Tests the overlay actions that `regen` and `drift` print. After such an action is applied, a type that was split is one type
//! again.

use crate::common::{self, base, overlay, put};
use serde_json::{Value, json};
use xtask::regen::{self, Built};

fn built(document: &Value, overlay: &str) -> Built {
    regen::build(document.clone(), overlay, true).expect("built")
}

/// Returns the base document with these additional properties in `Thing`.
fn with(properties: &[(&str, Value)]) -> Value {
    let mut document = base();
    for (name, schema) in properties {
        put(
            &mut document,
            &format!("{}/{name}", common::PROPERTIES),
            schema.clone(),
        );
    }
    document
}

fn page() -> Value {
    json!({ "title": "Page", "type": "object", "properties": { "address": { "type": "string" }, "size": { "type": "integer" } } })
}

fn with_field(mut schema: Value) -> Value {
    schema["properties"]["colour"] =
        json!({ "type": "string", "description": "What: a 'colour'." });
    schema
}

/// Returns the overlay, with the action from `advice` added at its end.
fn pasted(advice: &str) -> String {
    let (_, rest) = advice
        .split_once("openapi/overlay.yaml:\n")
        .expect("an action");
    let action = rest.split("\nor this ").next().expect("an action");
    format!("{}\n{action}\n", overlay().trim_end())
}

fn types_at(built: &Built, place: &str) -> String {
    let mut types = built.types.iter();
    let ty = types.find(|ty| ty.places.iter().any(|it| it == place));
    ty.map(|ty| ty.name.clone()).expect("a type")
}

#[test]
fn the_pasted_action_makes_one_type_again() {
    let list = |items: Value| json!({ "type": "array", "items": items });
    // In the second case, another schema has the same fields, so the fields alone cannot select the places of `page`.
    let other = json!({ "title": "Other", "type": "object", "properties": { "address": { "type": "string" }, "size": { "type": "integer" }, "own": { "type": "string" } } });
    for (more, targets) in [(json!({ "type": "string" }), 1), (other, 2)] {
        let old = with(&[
            ("first", page()),
            ("second", list(page())),
            ("third", more.clone()),
        ]);
        let new = with(&[
            ("first", page()),
            ("second", list(with_field(page()))),
            ("third", more),
        ]);
        let before = built(&old, &overlay());
        let after = built(&new, &overlay());
        assert_ne!(
            types_at(&after, "#Thing.first"),
            types_at(&after, "#Thing.second[]")
        );
        let advice = regen::actions(&before, &after);
        assert_eq!(advice.len(), 1, "{advice:?}");
        assert_eq!(
            advice[0].matches("target: ").count(),
            targets,
            "{}",
            advice[0]
        );
        assert!(
            advice[0].ends_with("\n    (\"Page\", &[\"#Thing.first\", \"#Thing.second[]\"]),"),
            "{}",
            advice[0]
        );
        let after = built(&new, &pasted(&advice[0]));
        assert_eq!(types_at(&after, "#Thing.first"), "Page");
        assert_eq!(types_at(&after, "#Thing.second[]"), "Page");
        assert!(after.unsettled.is_empty(), "{:?}", after.unsettled);
        assert!(regen::actions(&before, &after).is_empty());
    }
}

#[test]
fn there_is_no_advice_without_a_remedy() {
    let two = |first: Value, second: Value| {
        built(&with(&[("first", first), ("second", second)]), &overlay())
    };
    let before = two(page(), page());
    assert!(regen::actions(&before, &two(page(), page())).is_empty());
    assert!(regen::actions(&before, &two(with_field(page()), with_field(page()))).is_empty());
    // If a field has different types in two places, an action that adds fields cannot help.
    let mut contrary = with_field(page());
    contrary["properties"]["size"] = json!({ "type": "string" });
    assert!(regen::actions(&before, &two(page(), contrary)).is_empty());
}

#[test]
fn a_type_of_requests_is_in_no_row() {
    let at = |document: &mut Value, schema: Value| {
        put(document, &format!("{}/page", common::BODY), schema.clone());
        put(document, &format!("{}/page", common::PROPERTIES), schema);
    };
    let (mut old, mut new) = (base(), base());
    at(&mut old, page());
    at(&mut new, page());
    put(
        &mut new,
        &format!("{}/page", common::PROPERTIES),
        with_field(page()),
    );
    let advice = regen::actions(&built(&old, &overlay()), &built(&new, &overlay()));
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert!(!advice[0].contains("ONE_TYPE"), "{}", advice[0]);
}
