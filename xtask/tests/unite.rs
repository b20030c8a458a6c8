//! Tests that there is still only one type after CircleCI adds a field to one of several equal responses.

use crate::common::{overlay, vendored};
use serde_json::{Value, json};
use xtask::{
    drift::{Report, compare, source::Document, verdict::Verdict},
    lower::names,
    regen,
};

const PIPELINE: &str = "/paths/~1project~1{project-slug}~1pipeline~1{pipeline-number}/get/responses/200/content/application~1json/schema";

/// Returns the vendored document after a change to the pipeline in the response of `getPipelineByNumber`.
fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = vendored();
    change(document.pointer_mut(PIPELINE).expect("a pipeline"));
    document
}

fn report(old: &Value, new: &Value) -> Report {
    let named = |name: &str, value: &Value| Document::new(name, value.clone());
    compare(&named("old", old), &named("new", new), &overlay(), "0.1.0")
}

fn types(document: Value) -> (String, Vec<String>) {
    let built = regen::build(document, &overlay(), true).expect("built");
    let file = built
        .files
        .get("types/pipeline.rs")
        .expect("a file")
        .clone();
    (file, built.warnings())
}

#[test]
fn a_field_of_one_answer_is_an_optional_field_of_their_type() {
    for at in [
        "/properties",
        "/properties/trigger/properties/actor/properties",
    ] {
        let new = with(|schema| {
            let properties = schema.pointer_mut(at).expect("properties");
            properties["brand_new"] = json!({ "type": "string", "description": "New." });
        });
        let (file, stale) = types(new.clone());
        assert!(file.contains("brand_new: Option<String> = optional \"brand_new\""));
        assert!(!file.contains("Pipeline2") && stale.is_empty(), "{stale:?}");
        assert_eq!(report(&vendored(), &new).verdict, Verdict::Additive);
        assert_eq!(report(&new, &vendored()).verdict, Verdict::Breaking);
    }
}

#[test]
fn a_word_of_one_answer_is_a_word_of_their_type() {
    let new = with(|schema| {
        let words = &mut schema["properties"]["state"]["enum"];
        words.as_array_mut().expect("words").push(json!("resting"));
    });
    let (file, stale) = types(new.clone());
    assert!(file.contains("Resting = \"resting\""));
    assert_eq!(stale, Vec::<String>::new());
    assert_eq!(report(&vendored(), &new).verdict, Verdict::Additive);
}

#[test]
fn a_field_that_one_answer_has_no_more_stays_in_their_type() {
    let new = with(|schema| {
        let properties = schema["properties"].as_object_mut().expect("properties");
        assert!(properties.remove("updated_at").is_some());
    });
    assert_eq!(types(new), types(vendored()));
}

#[test]
fn words_and_null_in_one_answer_make_no_second_type() {
    let new = with(|schema| {
        schema["properties"]["updated_at"]["description"] = json!("Otherwise said.");
        schema["properties"]["updated_at"]["nullable"] = json!(true);
    });
    let (file, stale) = types(new);
    assert!(!file.contains("Pipeline2") && stale.is_empty(), "{stale:?}");
}

#[test]
fn answers_that_contradict_each_other_are_two_types() {
    let new = with(|schema| schema["properties"]["number"] = json!({ "type": "string" }));
    let (file, stale) = types(new.clone());
    assert!(
        stale
            .iter()
            .any(|line| line.starts_with("one type: the places of Pipeline contradict")),
        "{stale:?}"
    );
    assert!(
        file.matches(" requires \"id\", \"number\"").count() >= 2,
        "{file}"
    );
    assert_eq!(report(&vendored(), &new).verdict, Verdict::Breaking);
}

#[test]
fn a_row_of_a_place_that_is_gone_is_named() {
    let mut new = vendored();
    let paths = new["paths"].as_object_mut().expect("paths");
    assert!(
        paths
            .remove("/project/{project-slug}/pipeline/{pipeline-number}")
            .is_some()
    );
    let (_, stale) = types(new);
    let line = "one type: the row of Pipeline lists getPipelineByNumber.response, which is not in the document";
    assert!(stale.iter().any(|found| found == line), "{stale:?}");
}

/// If a type has several places in responses, the places are in a row of the table, below places of one row, or components with
/// a name of their own.
#[test]
fn every_type_of_several_responses_stays_one_type() {
    let built = regen::build(vendored(), &overlay(), true).expect("built");
    let rows: Vec<&[&str]> = names::one_type().map(|(_, places)| places).collect();
    let is_below = |place: &str, above: &str| {
        let rest = place.strip_prefix(above);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{', '|']))
    };
    let covers = |row: &&[&str], place: &str| row.iter().any(|above| is_below(place, above));
    let mut loose = Vec::new();
    for named in &built.types {
        // A request does not necessarily accept all fields that a response has.
        let places = named.places.iter().map(String::as_str);
        let answers: Vec<&str> = places.filter(|it| it.contains(".response")).collect();
        let together = |row: &&[&str]| answers.iter().all(|place| covers(row, place));
        if answers.len() > 1 && !rows.iter().any(together) {
            loose.push(format!("{}: {answers:?}", named.name));
        }
    }
    assert_eq!(loose, [""; 0]);
}
