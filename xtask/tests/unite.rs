//! Tests that there is still only one type after CircleCI adds a field to one of several equal responses.

use crate::common::{overlay, vendored};
use serde_json::{Value, json};
use std::sync::LazyLock;
use xtask::{
    drift::{Side, compare_sides, source::Document, verdict::Verdict},
    lower::names,
};

const PIPELINE: &str = "/paths/~1project~1{project-slug}~1pipeline~1{pipeline-number}/get/responses/200/content/application~1json/schema";

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::new("vendored", vendored()));
/// The vendored document and its code. They are generated only once, because this takes a long time.
static VENDORED: LazyLock<Side<'static>> = LazyLock::new(|| Side::of(&DOCUMENT, &overlay()));

/// Returns the vendored document after a change to the pipeline in the response of `getPipelineByNumber`.
fn with(change: impl FnOnce(&mut Value)) -> Document {
    let mut document = vendored();
    change(document.pointer_mut(PIPELINE).expect("a pipeline"));
    Document::new("new", document)
}

fn verdict(old: &Side<'_>, new: &Side<'_>) -> Verdict {
    compare_sides(old, new, &overlay(), "0.1.0").verdict
}

/// Returns the file with the type, and the warnings.
fn types(side: &Side<'_>) -> (String, Vec<String>) {
    let built = side.built.as_ref().expect("built");
    let file = built.files.get("types/pipeline.rs").expect("a file");
    (file.clone(), built.warnings())
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
        let new = Side::of(&new, &overlay());
        let (file, stale) = types(&new);
        assert!(file.contains("brand_new: Option<String> = optional \"brand_new\""));
        assert!(!file.contains("Pipeline2") && stale.is_empty(), "{stale:?}");
        assert_eq!(verdict(&VENDORED, &new), Verdict::Additive);
        assert_eq!(verdict(&new, &VENDORED), Verdict::Breaking);
    }
}

#[test]
fn a_word_of_one_answer_is_a_word_of_their_type() {
    let new = with(|schema| {
        let words = &mut schema["properties"]["state"]["enum"];
        words.as_array_mut().expect("words").push(json!("resting"));
    });
    let new = Side::of(&new, &overlay());
    let (file, stale) = types(&new);
    assert!(file.contains("Resting = \"resting\""));
    assert_eq!(stale, Vec::<String>::new());
    assert_eq!(verdict(&VENDORED, &new), Verdict::Additive);
}

#[test]
fn a_field_that_one_answer_has_no_more_stays_in_their_type() {
    let new = with(|schema| {
        let properties = schema["properties"].as_object_mut().expect("properties");
        assert!(properties.remove("updated_at").is_some());
    });
    assert_eq!(types(&Side::of(&new, &overlay())), types(&VENDORED));
}

#[test]
fn words_and_null_in_one_answer_make_no_second_type() {
    let new = with(|schema| {
        schema["properties"]["updated_at"]["description"] = json!("Otherwise said.");
        schema["properties"]["updated_at"]["nullable"] = json!(true);
    });
    let (file, stale) = types(&Side::of(&new, &overlay()));
    assert!(!file.contains("Pipeline2") && stale.is_empty(), "{stale:?}");
}

#[test]
fn answers_that_contradict_each_other_are_two_types() {
    let new = with(|schema| schema["properties"]["number"] = json!({ "type": "string" }));
    let new = Side::of(&new, &overlay());
    let (file, stale) = types(&new);
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
    assert_eq!(verdict(&VENDORED, &new), Verdict::Breaking);
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
    let new = Document::new("new", new);
    let (_, stale) = types(&Side::of(&new, &overlay()));
    let line = "one type: the row of Pipeline lists getPipelineByNumber.response, which is not in the document";
    assert!(stale.iter().any(|found| found == line), "{stale:?}");
}

/// If a type has several places in responses, the places are in a row of the table, below places of one row, or components with
/// a name of their own.
#[test]
fn every_type_of_several_responses_stays_one_type() {
    let built = VENDORED.built.as_ref().expect("built");
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
