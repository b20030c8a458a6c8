//! Tests the page that `drift` prints, and some changes that `drift` once missed or wrongly reported as breaking.

use crate::common;

use common::{base, overlay, put, vendored};
use serde_json::{Value, json};
use std::{fs, process::Command};
use xtask::{
    drift::{
        Format,
        change::Change,
        compare, handwritten,
        report::Report,
        source::Document,
        todo,
        verdict::{Class, Verdict},
    },
    lower::{hoist::Named, tolerate::Usage},
};

fn report(old: &Value, new: &Value) -> Report {
    let named = |name: &str, value: &Value| Document::new(name, value.clone());
    compare(&named("old", old), &named("new", new), &overlay(), "0.1.0")
}

fn with(edits: &[(&str, Value)]) -> Value {
    let mut document = base();
    for (pointer, value) in edits {
        put(&mut document, pointer, value.clone());
    }
    document
}

fn text(report: &Report, all: bool) -> String {
    let mut out = Vec::new();
    report.write(Format::Text, all, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn one_new_enum_value_is_one_and_several_are_listed_together() {
    let of = |words: &[&str]| {
        let state = json!({ "type": "string", "enum": words });
        with(&[("/components/schemas/Thing/properties/state", state)])
    };
    let page = |words: &[&str]| text(&report(&of(&["old"]), &of(words)), false);
    let one = page(&["old", "new"]);
    assert!(
        one.contains("`Thing.state` has the new enum value `new`"),
        "{one}"
    );
    let two = page(&["old", "new", "newer"]);
    assert!(
        two.contains("`Thing.state` has the new enum values `new` `newer`"),
        "{two}"
    );
}

/// Each change that `--all` lists is on the page too, unless it does not affect users.
#[test]
fn nothing_breaking_is_left_out_of_the_page() {
    let mut new = vendored();
    let paths = new["paths"].as_object_mut().expect("paths");
    paths.remove("/me");
    let mut get = paths["/workflow/{id}"]["get"].clone();
    get["operationId"] = json!("getWorkflowCost");
    paths.insert("/workflow/{id}/cost".to_owned(), json!({ "get": get }));
    put(
        &mut new,
        "/components/schemas/trigger_event_preset/enum",
        json!(["all-green"]),
    );
    let report = report(&vendored(), &new);
    let page = text(&report, false);
    for change in report
        .rust
        .iter()
        .filter(|change| change.class == Class::Breaking)
    {
        assert!(page.contains(&change.text), "{}\n{page}", change.text);
    }
    for change in report
        .contract
        .iter()
        .filter(|change| change.class == Class::Breaking)
    {
        assert!(page.contains(&change.text), "{}\n{page}", change.text);
    }
    let row = "        \"getWorkflowCost\" |c| c.get_workflow_cost(id(\"id\"));\n";
    assert!(page.contains(row), "{page}");
    assert!(page.lines().count() < 150, "{page}");
    assert!(text(&report, true).len() > page.len());
}

#[test]
fn a_change_that_the_overlay_hides_is_to_review() {
    let mut new = vendored();
    let timetable = "/paths/~1schedule~1{schedule-id}/get/responses/200/content/application~1json/schema/properties/timetable/anyOf/0/properties/timezone";
    put(&mut new, timetable, json!({ "type": "string" }));
    for (old, new) in [(&vendored(), &new), (&new, &vendored())] {
        let report = report(old, new);
        let hidden = "hidden by the overlay action \"One timetable\": extend it";
        let line = report.contract.iter().find(|change| change.text == hidden);
        let line = line.unwrap_or_else(|| panic!("{:?}", report.contract));
        assert_eq!(line.class, Class::Review);
        assert!(line.places.contains(timetable), "{line:?}");
    }
}

#[test]
fn servers_of_an_operation_and_their_variables_are_to_review() {
    let servers = json!([{ "url": "https://{region}.ci.example", "variables": { "region": { "default": "eu" } } }]);
    let own = format!("{}/servers", common::GET);
    let old = with(&[("/servers", servers.clone()), (&own, servers.clone())]);
    let mut other = servers;
    other[0]["variables"]["region"]["default"] = json!("us");
    for at in ["/servers", &own] {
        let mut new = old.clone();
        put(&mut new, at, other.clone());
        let report = report(&old, &new);
        assert_eq!(report.to_review, 1, "{at}: {:?}", report.contract);
    }
    let mut new = old.clone();
    put(&mut new, &own, json!([{ "url": "https://other.example" }]));
    assert_eq!(report(&old, &new).to_review, 2);
}

#[test]
fn what_users_do_not_notice_does_not_break_them() {
    let field = format!("{}/note", common::PROPERTIES);
    let id = format!("{}/0/schema", common::PARAMETERS);
    for (old, new) in [
        // An untyped value is read as text.
        (
            (&*field, json!({ "description": "?" })),
            (&*field, json!({ "type": "string" })),
        ),
        (
            (&*field, json!({ "type": "string" })),
            (&*field, json!({ "description": "?" })),
        ),
        // Before the change, this path parameter was also text in Rust, but the text was checked.
        (
            (&*id, json!({ "type": "string", "format": "uuid" })),
            (&*id, json!({ "type": "string" })),
        ),
        // This format makes no difference to the Rust type.
        (
            (&*field, json!({ "type": "string" })),
            (&*field, json!({ "type": "string", "format": "uri" })),
        ),
        // Both schemas allow null, but in different ways.
        (
            (
                &*field,
                json!({ "type": "string", "enum": ["a"], "nullable": true }),
            ),
            (
                &*field,
                json!({ "type": "string", "enum": ["a", null], "x-nullable": true }),
            ),
        ),
    ] {
        let report = report(&with(std::slice::from_ref(&old)), &with(&[new]));
        assert!(
            report.verdict < Verdict::Breaking,
            "{old:?}: {:?}",
            report.contract
        );
        let breaking = |class| class > Class::Additive;
        assert!(
            !report.changes().any(|change| breaking(change.class)),
            "{:?}",
            report.contract
        );
    }
}

#[test]
fn a_format_that_rust_does_not_see_splits_no_type() {
    let answer = |format: Option<&str>| {
        let mut address = json!({ "type": "string" });
        if let Some(format) = format {
            address["format"] = json!(format);
        }
        json!({ "type": "object", "title": "Page", "properties": { "address": address } })
    };
    let document = |format| {
        with(&[
            (&*format!("{}/first", common::PROPERTIES), answer(None)),
            (&*format!("{}/second", common::PROPERTIES), answer(format)),
        ])
    };
    let report = report(&document(None), &document(Some("uri")));
    assert!(report.rust.is_empty(), "{:?}", report.rust);
}

#[test]
fn a_header_parameter_costs_only_itself() {
    let header = json!({ "name": "X-Trace", "in": "header", "schema": { "type": "string" } });
    let at = format!("{}/-", common::PARAMETERS);
    let weight = format!("{}/weight", common::PROPERTIES);
    let new = with(&[
        (&at, header.clone()),
        (&weight, json!({ "type": "number" })),
    ]);
    let report = report(&base(), &new);
    let texts: Vec<&str> = report
        .rust
        .iter()
        .map(|change| change.text.as_str())
        .collect();
    assert_eq!(texts, ["new `Thing::weight: Option<f64>`"]);
    let built = xtask::regen::build(with(&[(&at, header)]), &overlay(), true).expect("built");
    let pointer = format!(
        "{}/2: the header parameter X-Trace is ignored",
        common::PARAMETERS
    );
    assert!(
        built
            .unsettled
            .iter()
            .any(|line| line.starts_with(&pointer)),
        "{:?}",
        built.unsettled
    );
}

#[test]
fn layout_is_said_only_when_it_is_proven() {
    let new = with(&[
        (
            "/components/responses",
            json!({ "Ok": base()["paths"]["/thing/{id}"]["get"]["responses"]["200"] }),
        ),
        (
            &format!("{}/200", common::GET_RESPONSES),
            json!({ "$ref": "#/components/responses/Ok" }),
        ),
    ]);
    let report = report(&base(), &new);
    assert!(
        report
            .contract
            .iter()
            .all(|change| change.class == Class::Docs),
        "{:?}",
        report.contract
    );
    assert_eq!(report.to_review, 0);
}

#[test]
fn two_documents_can_be_compared_by_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, document: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, document.to_string()).expect("written");
        path.to_string_lossy().into_owned()
    };
    let mut other = base();
    let item = other["paths"]
        .as_object_mut()
        .expect("paths")
        .remove("/thing/{id}")
        .expect("a path");
    other["paths"]["/thing/{thing-id}"] = item;
    other["paths"]["/thing/{thing-id}"]["get"]["operationId"] = json!("fetchThing");
    other["paths"]
        .as_object_mut()
        .expect("paths")
        .remove("/thing");
    let (one, other) = (file("one.json", &base()), file("other.json", &other));
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["drift", "--by-path", "--base", &one, "--against", &other])
        .output()
        .expect("run");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{out}");
    assert!(
        out.contains(
            "1 operations in both (1 under another name), 1 only in the first, 0 only in the second"
        ),
        "{out}"
    );
    assert!(
        out.contains("  GET /thing/{id}: fetchThing, was getThing\n"),
        "{out}"
    );
    // If `--base` and `--against` name the same document, there is no drift.
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["drift", "--base", &one, "--against", &one, "--deny", "any"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(0));
}

/// The report names each file that is affected, the feature with which it is compiled, and the names that it uses. A used name is
/// an imported type or a name after a dot.
#[test]
fn handwritten_files_that_use_what_vanished_are_named_by_feature() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join("circleci-api/src").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    };
    file(
        "lib.rs",
        "#[cfg(feature = \"wait\")]\npub mod wait;\nmod values;\n",
    );
    file("values/mod.rs", "#[cfg(feature = \"usage\")]\nmod order;\n");
    file(
        "wait/thing.rs",
        "use crate::generated::types::{Person, Thing};\nfn of(it: Thing) { it.state; }\n",
    );
    file(
        "values/order.rs",
        "/// client.get_thing(1)\nuse crate::generated::operations::GetThing;\n",
    );
    file("person.rs", "struct Person; // Not the generated one.\n");
    let change = |text: &str| Change::new(Class::Breaking, text);
    let rust = [
        change("type `Human` was `Person`"),
        change("`Thing::state: Option<ThingState>` is gone"),
        change("`Thing::owner: Option<Person>` is gone"),
        change("`Client::get_thing` is gone"),
    ];
    let users = handwritten::users(folder.path(), &rust);
    let said: Vec<(&str, Option<&str>, String)> = users
        .iter()
        .map(|it| (it.path.as_str(), it.feature.as_deref(), it.names.join(" ")))
        .collect();
    assert_eq!(
        said,
        [
            (
                "circleci-api/src/values/order.rs",
                Some("usage"),
                "`get_thing`".to_owned()
            ),
            (
                "circleci-api/src/wait/thing.rs",
                Some("wait"),
                "`Person` `Thing::state`".to_owned()
            ),
        ]
    );
}

/// If no change of the contract explains a line, the line says where the change comes from. The line about a renamed type says
/// how to keep the old name.
#[test]
fn a_line_without_a_cause_in_the_contract_says_so() {
    let type_of = |name: &str, pointer: &str| Named {
        name: name.to_owned(),
        usage: Usage::default(),
        tags: Default::default(),
        places: vec![format!("#{name}")],
        pointers: vec![pointer.to_owned()],
    };
    let at = |text: &str, place: &str| {
        let mut change = Change::new(Class::Additive, text);
        change.places.insert(place.to_owned());
        change
    };
    let contract = [at(
        "new property `colour`",
        &format!("{}/colour", common::PROPERTIES),
    )];
    let change = |text: &str| Change::new(Class::Breaking, text);
    let mut rust = [
        change("`Thing::id: Option<Uuid>` was `Uuid`"),
        change("`Thing::colour: String` was `Colour`"),
        change("type `Human` was `Person`"),
    ];
    let old = [
        type_of("Thing", common::THING),
        type_of("Person", "/components/schemas/Person"),
    ];
    let new = [
        type_of("Thing", common::THING),
        type_of("Human", "/components/schemas/Person"),
    ];
    todo::causes(&mut rust, &contract, [&old, &new], &Default::default());
    let causes: Vec<Option<&str>> = rust.iter().map(|it| it.cause.as_deref()).collect();
    let ours = "from our overlay or tables, not from the contract";
    let row = format!("{ours}; kept by the row (\"#Human\", \"Person\") in names.rs");
    assert_eq!(causes, [Some(ours), None, Some(row.as_str())]);
}
