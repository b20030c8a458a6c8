//! Tests the report on thirty recordings of all three kinds. It must find each contradiction that the test plants in the
//! recordings, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use circleci_api::mock::example;
use circleci_api::operations::*;
use circleci_api_reality::judge::Kind;
use circleci_api_reality::{recordings, report};
use serde_json::{Value, json};
use xtask::conformance::{Documents, repository};
use xtask::document::overlay;
use xtask::regen::Places;

/// A response that conforms to the document, with its operation and URL.
struct Answer {
    id: &'static str,
    url: &'static str,
    body: Value,
}

macro_rules! answers {
    ($($kind:ident $id:literal $url:literal)*) => {
        vec![$(Answer {
            id: $id,
            url: concat!("https://circleci.com/api/v2/", $url),
            body: serde_json::to_value(example::<$kind>()).unwrap(),
        }),*]
    };
}

/// Returns ten responses. The test records three copies of this list, each in a different format.
fn answers() -> Vec<Answer> {
    answers! {
        ListPipelines "listPipelines" "pipeline?org-slug=gh%2Facme"
        GetWorkflowById "getWorkflowById" "workflow/fda08377-fe7e-46b1-8992-3a7aaecac9c3"
        ListWorkflowJobs "listWorkflowJobs" "workflow/fda08377-fe7e-46b1-8992-3a7aaecac9c3/job"
        ListContexts "listContexts" "context?owner-slug=gh/acme"
        GetProjectBySlug "getProjectBySlug" "project/gh/acme/web"
        ListSchedulesForProject "listSchedulesForProject" "project/gh%2Facme%2Fweb/schedule"
        GetCurrentUser "getCurrentUser" "me"
        GetJobDetails "getJobDetails" "project/gh/acme/web/job/7"
        GetProjectSettings "getProjectSettings" "project/gh/acme/web/settings"
        ListWorkflowsByPipelineId "listWorkflowsByPipelineId" "pipeline/5034460f-c7c4-4c43-9457-de07e2029e7b/workflow"
    }
}

/// A planted contradiction: the index of the copy, the operation, the JSON pointer, the new value (`None` removes the old one),
/// and the kind that the report must name.
type Planted = (usize, &'static str, &'static str, Option<Value>, Kind);

fn planted() -> Vec<Planted> {
    use Kind::{Missing, Null, UnknownKey, UnknownWord, WrongForm};
    vec![
        (
            0,
            "listPipelines",
            "/items/0/notices",
            Some(json!([{ "type": "config" }])),
            UnknownKey,
        ),
        (
            0,
            "listPipelines",
            "/items/0/vcs/forked from",
            Some(json!(true)),
            UnknownKey,
        ),
        (
            0,
            "getWorkflowById",
            "/status",
            Some(json!("exploded")),
            UnknownWord,
        ),
        (
            0,
            "listWorkflowJobs",
            "/items/0/status",
            Some(json!("skipped")),
            UnknownWord,
        ),
        (
            0,
            "listContexts",
            "/items/0/created_at",
            Some(json!("")),
            WrongForm,
        ),
        (
            1,
            "listContexts",
            "/items/0/truncated_value",
            Some(json!("xxxx")),
            UnknownKey,
        ),
        (1, "getProjectBySlug", "/organization_slug", None, Missing),
        (1, "getCurrentUser", "/login", Some(json!(null)), Null),
        (1, "getJobDetails", "/duration", Some(json!(1.5)), WrongForm),
        (
            1,
            "listSchedulesForProject",
            "/items/0/actor/id",
            Some(json!("ada")),
            WrongForm,
        ),
        (
            2,
            "getProjectSettings",
            "/advanced/oss",
            Some(json!("yes")),
            WrongForm,
        ),
        (
            2,
            "getProjectSettings",
            "/advanced/brand_new",
            Some(json!(null)),
            UnknownKey,
        ),
        (
            2,
            "listWorkflowsByPipelineId",
            "/items/0/pipeline_number",
            Some(json!("25")),
            WrongForm,
        ),
        (
            2,
            "listWorkflowsByPipelineId",
            "/items/0/name",
            None,
            Missing,
        ),
    ]
}

fn plant(body: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(key.to_owned(), value)),
        None => drop(parent.remove(key).unwrap()),
    }
}

fn spelled(pointer: &str) -> String {
    let path = pointer.trim_start_matches('/').replace("/0/", "[0].");
    path.replace('/', ".")
}

/// Writes ten files with one body each, an archive with ten entries, and two cassettes with five entries each.
fn record(folder: &Path, sets: &[Vec<Answer>]) {
    for (index, answer) in sets[0].iter().enumerate() {
        let path = match index % 3 {
            0 => folder.join(format!("{}.json", answer.id)),
            1 => folder.join(format!("{}.2.json", answer.id)),
            _ => folder.join(answer.id).join("1.json"),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, answer.body.to_string()).unwrap();
    }
    let entry = |(index, answer): (usize, &Answer)| {
        let text = answer.body.to_string();
        let content = match index % 2 {
            0 => json!({ "mimeType": "application/json", "text": text }),
            _ => json!({ "text": STANDARD.encode(text), "encoding": "base64" }),
        };
        json!({ "request": { "method": "GET", "url": answer.url },
            "response": { "status": 200, "content": content } })
    };
    let entries: Vec<Value> = sets[1].iter().enumerate().map(entry).collect();
    let archive = json!({ "log": { "version": "1.2", "entries": entries } });
    fs::write(folder.join("browser.har"), archive.to_string()).unwrap();

    let (ruby, go) = sets[2].split_at(5);
    let ruby: Vec<Value> = ruby
        .iter()
        .map(|answer| {
            json!({ "request": { "method": "get", "uri": answer.url },
                "response": { "status": { "code": 200, "message": "OK" }, "body": { "encoding": "UTF-8", "string": answer.body.to_string() } } })
        })
        .collect();
    let ruby = serde_yaml_ng::to_string(&json!({ "http_interactions": ruby })).unwrap();
    fs::write(folder.join("ruby.yml"), ruby).unwrap();
    let go: Vec<Value> = go
        .iter()
        .map(|answer| {
            json!({ "request": { "method": "GET", "url": answer.url },
                "response": { "code": 200, "status": "200 OK", "body": answer.body.to_string() } })
        })
        .collect();
    let go = json!({ "version": 2, "interactions": go });
    fs::write(folder.join("go.json"), go.to_string()).unwrap();
}

fn document() -> Value {
    Documents::read(&Places::of(&repository()))
        .unwrap()
        .overlaid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_planted_is_found_and_nothing_else() {
    let document = document();
    let folder = tempfile::tempdir().unwrap();
    let mut sets = [answers(), answers(), answers()];
    record(folder.path(), &sets);
    let clean = recordings::read(folder.path()).unwrap();
    assert_eq!(clean.len(), 30);
    let report = report::run(&document, &clean).await.unwrap();
    let mut page = Vec::new();
    report.write(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(
        report.contradictions.is_empty() && report.unknown_calls.is_empty(),
        "{page}"
    );
    assert_eq!(report.passed_over, 0);

    let mut expected = BTreeSet::new();
    for (set, id, pointer, value, kind) in planted() {
        let answer = sets[set].iter_mut().find(|answer| answer.id == id).unwrap();
        plant(&mut answer.body, pointer, value);
        expected.insert((id.to_owned(), spelled(pointer), kind));
    }
    record(folder.path(), &sets);
    let planted = recordings::read(folder.path()).unwrap();
    assert_eq!(planted.len(), 30);
    let report = report::run(&document, &planted).await.unwrap();
    let found: BTreeSet<_> = report
        .contradictions
        .iter()
        .map(|found| {
            let it = &found.contradiction;
            (found.operation.clone(), it.path.clone(), it.kind)
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(report.contradictions.len(), expected.len());

    // With the overlay actions from the report, the document agrees with the recordings.
    let actions: Vec<&Value> = report
        .contradictions
        .iter()
        .flat_map(|found| &found.contradiction.actions)
        .collect();
    let pasted =
        json!({ "overlay": "1.1.0", "info": { "title": "t", "version": "1" }, "actions": actions });
    let mut mended = document.clone();
    let applied = overlay::apply(&mut mended, &pasted.to_string(), false).unwrap();
    assert!(
        applied.iter().all(|action| action.matches == 1),
        "{applied:?}"
    );
    let left = report::run(&mended, &planted).await.unwrap();
    let left: Vec<_> = left
        .contradictions
        .iter()
        .filter(|found| found.contradiction.kind != Kind::Types)
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_answer_of_the_document_is_told_apart() {
    let document = document();
    let folder = tempfile::tempdir().unwrap();
    let entry = |url: &str, status: u16, text: &str| json!({ "request": { "method": "GET", "url": url }, "response": { "status": status, "content": { "text": text } } });
    let entries = [
        entry("https://circleci.com/api/v2/brand/new", 200, "{}"),
        entry("https://circleci.com/api/v2/me", 404, "{}"),
        entry("https://circleci.com/api/v2/me", 200, "<html>"),
    ];
    let file = folder.path().join("a.har");
    fs::write(&file, json!({ "log": { "entries": entries } }).to_string()).unwrap();
    let report = report::run(&document, &recordings::read(&file).unwrap())
        .await
        .unwrap();
    assert_eq!(report.passed_over, 1);
    let calls: Vec<_> = report.unknown_calls.keys().collect();
    assert_eq!(calls, ["GET https://circleci.com/api/v2/brand/new"]);
    assert_eq!(report.contradictions.len(), 1);
    assert_eq!(report.contradictions[0].contradiction.kind, Kind::NotJson);
    assert!(report.contradictions[0].types.contains("an HTML page"));

    for (name, text) in [
        ("a.yml", "a: [b"),
        ("b.yaml", "a: b"),
        ("c.har", r#"{"log":{"entries":7}}"#),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        assert!(recordings::read(&file).is_err(), "{name}");
    }
}

/// A link could lead back to the folder, and reading a pipe would never end.
#[cfg(unix)]
#[test]
fn links_to_folders_and_pipes_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("getCurrentUser.json"), "{}").unwrap();
    for link in ["a", "b"] {
        std::os::unix::fs::symlink(folder.path(), folder.path().join(link)).unwrap();
    }
    assert_eq!(recordings::read(folder.path()).unwrap().len(), 1);
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe.json"))
        .status();
    if made.is_ok_and(|made| made.success()) {
        let error = recordings::read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("pipe.json is not a file"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recording_controls_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let url = "https://circleci.com/api/v2/brand/\u{1b}[2Jnew\nline";
    let entry = json!({ "request": { "method": "GET", "url": url }, "response": { "status": 200, "content": { "text": "{}" } } });
    let file = folder.path().join("a.har");
    fs::write(&file, json!({ "log": { "entries": [entry] } }).to_string()).unwrap();
    let (document, recordings) = (document(), recordings::read(&file).unwrap());
    let report = report::run(&document, &recordings).await.unwrap();
    let mut page = Vec::new();
    report.write(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(
        page.contains("/brand/ [2Jnew line: not in the document"),
        "{page}"
    );
    assert!(
        page.chars().all(|c| c == '\n' || !c.is_control()),
        "{page:?}"
    );
}
