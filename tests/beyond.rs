//! Tests of answers that contain more than the document lists, and of answers that are of the wrong kind.
//!
//! | kind | example | sibling |
//! |---|---|---|
//! | an unknown key | `unknown_keys_are_kept_everywhere` | a union, a page, a webhook event, a v1 object, every answer (`properties`) |
//! | a new key in a request | `a_request_takes_keys_that_are_new` | a type that requests and answers share |
//! | an invalid optional value | `a_value_of_the_wrong_form_costs_only_itself` | in a list, a map, a union, an event, a step |
//! | bytes that are not JSON text | `a_character_costs_one_character` | a tolerant page, an event |
//! | a body that is something else | `a_message_in_place_of_an_answer_is_an_error` | HTML, gzip, no items, an empty body |
//! | a body that ends early | `a_body_that_is_cut_off_is_asked_for_again` | an error after the cut, a page, a POST |

use std::sync::{Arc, Mutex};

use circleci_api::types::*;
use circleci_api::{CallOptions, Client, ErrorKind, RetryPolicy, Surprise, SurpriseKind, Tolerant};
use serde_json::{Value, json};

use crate::server::{Server, answer};
use crate::stage::Stage;
use crate::values::id;

fn workflow() -> Value {
    json!({ "id": id("workflow"), "name": "ci", "status": "running" })
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

fn typed<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn unknown_keys_are_kept_everywhere() {
    let stage = Stage::new().await;
    let pipeline = json!({ "id": id("pipeline"), "number": 1, "warnings": [{ "type": "config" }],
        "errors": [{ "message": "no", "line": 5 }], "vcs": { "fork": null } });
    let body = json!({ "items": [pipeline], "next_page_token": "x", "total": 1 });
    stage.say(200, body.to_string());
    let page = stage.client.list_pipelines().send().await.unwrap();
    let pipeline = &page.items[0];
    assert_eq!(page.extra()["total"], 1);
    assert_eq!(pipeline.errors[0].extra()["line"], 5);
    assert_eq!(
        pipeline.vcs.as_ref().unwrap().extra().get("fork"),
        Some(&Value::Null)
    );
    assert!(format!("{page:?}").contains(r#""total":1"#), "{page:?}");
    let written = serde_json::to_value(&page).unwrap();
    assert_eq!(written["items"][0]["errors"][0]["line"], 5);
    assert_eq!(written["total"], 1);

    let other: PipelineList = typed(with(body, "total", json!(2)));
    assert_ne!(page, other);
    assert_eq!(page, page.clone());

    // Every variant of a union keeps unknown keys.
    stage.say(
        200,
        json!({ "variable": "A", "truncated_value": "xxxx" }).to_string(),
    );
    let request = AddEnvironmentVariableToContextRequest::new("v");
    let added = stage
        .client
        .add_environment_variable_to_context(id("context"), "A", request);
    let added = added.send().await.unwrap();
    let written = serde_json::to_value(&added).unwrap();
    assert_eq!(written["truncated_value"], "xxxx");

    // A webhook event and an object of version 1.1 keep unknown keys.
    let event = json!({ "id": "1", "type": "workflow-completed", "workflow": { "id": id("w"), "name": "ci", "attempt": 2 } });
    let event = circleci_api::webhook::Event::from_slice(event.to_string().as_bytes()).unwrap();
    let circleci_api::webhook::Payload::WorkflowCompleted(done) = &event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(done.workflow.extra()["attempt"], 2);
    let steps: circleci_api::v1::JobSteps =
        typed(json!({ "steps": [{ "actions": [{ "insignificant": true }] }], "owners": ["x"] }));
    assert_eq!(steps.extra()["owners"], json!(["x"]));
    assert_eq!(
        steps.steps[0].actions[0].extra()["insignificant"],
        json!(true)
    );
}

#[test]
fn an_object_without_unknown_keys_pays_eight_bytes() {
    struct Closed {
        _message: Option<String>,
    }
    assert_eq!(size_of::<MessageResponse>(), size_of::<Closed>() + 8);
    let message = MessageResponse::extra(&typed(json!({ "message": "m" }))).len();
    assert_eq!(message, 0);
}

#[tokio::test]
async fn a_request_takes_keys_that_are_new() {
    let server = Server::start(|_, _| answer(200, "{}").into()).await;
    let body = CreateContextRestrictionRequest::new()
        .restriction_type("project")
        .extra("content", json!({ "a": [1] }))
        .extra("content", "version: 2.1")
        .extra("restriction_type", "not this one");
    assert_eq!(body.extras()["content"], "version: 2.1");
    let call = server
        .client()
        .create_context_restriction(id("context"), body);
    call.send().await.unwrap();
    let sent: Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    // The request contains each key only once. The value of the field takes precedence over the extra value.
    assert_eq!(
        sent,
        json!({ "restriction_type": "project", "content": "version: 2.1" })
    );
    let text = String::from_utf8(server.seen()[0].body.to_vec()).unwrap();
    assert_eq!(text.matches("restriction_type").count(), 1);

    // Some types are used both in requests and in answers.
    let settings = DecisionSettings::new().with_extra("since", 5);
    assert_eq!(settings.extra()["since"], 5);
    assert_eq!(
        serde_json::to_value(&settings).unwrap(),
        json!({ "since": 5 })
    );
}

#[test]
fn unknown_values_beside_a_secret_or_named_like_one_are_not_shown() {
    let hook = json!({ "id": id("w"), "name": "n", "url": "u", "signing-secret": "hush1", "old_signature": "hush2",
        "next": { "deep": ["hush3"] } });
    let hook: Webhook = typed(hook);
    let odd: Webhook = typed_by_client(
        json!({ "id": id("w"), "name": "n", "url": "u", "signing-secret": ["hush4"] }),
    );
    let context: Context = typed(
        json!({ "id": id("c"), "name": "n", "deploy-token": "hush5", "more": { "Api_Key": "hush6" } }),
    );
    for shown in [
        format!("{hook:?}"),
        format!("{hook:#?}"),
        format!("{odd:?}"),
        format!("{context:?}"),
    ] {
        assert!(!shown.contains("hush"), "{shown}");
    }
    assert!(serde_json::to_string(&hook).unwrap().contains("hush2"));
    assert_eq!(odd.signing_secret, None);
    assert_eq!(odd.extra()["signing-secret"], json!(["hush4"]));
}

/// Returns the webhook that a client decodes from this answer. The client moves invalid values to the unknown keys.
fn typed_by_client(json: Value) -> Webhook {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stage = Stage::new().await;
        stage.say(200, json.to_string());
        stage
            .client
            .get_webhook_by_id(id("w"))
            .send()
            .await
            .unwrap()
    })
}

#[tokio::test]
async fn a_value_of_the_wrong_form_costs_only_itself() {
    let stage = Stage::new().await;
    for (key, value) in [
        ("stopped_at", json!("")),
        ("created_at", json!("2026-03-01T10:00:00")),
        ("pipeline_id", json!("")),
        ("started_by", json!("a word")),
        ("pipeline_number", json!(12.0)),
        ("pipeline_number", json!("12")),
        ("auto_rerun_number", json!({ "n": 1 })),
        ("project_slug", json!(["gh"])),
        ("status", json!(false)),
    ] {
        let good = workflow();
        let body = json!({ "items": [with(good.clone(), key, value.clone()), good], "next_page_token": null });
        stage.say(200, body.to_string());
        let list = stage.client.list_workflows_by_pipeline_id(id("p"));
        let page = list.clone().send().await.unwrap();
        let odd = &page.items[0];
        assert_eq!((page.items.len(), odd.name.as_str()), (2, "ci"), "{key}");
        assert_eq!(odd.extra()[key], value);
        // Serializing the value gives the JSON object that the client received.
        let written = serde_json::to_value(odd).unwrap();
        assert_eq!(written, with(workflow(), key, value.clone()));
        // Reading this JSON object again gives an equal value.
        let again: Workflow = serde_json::from_value(written).unwrap();
        assert_eq!(&again, odd);
        assert!(page.items[1].extra().is_empty());
        // A tolerant page keeps the item too.
        let page = list.tolerant_pages().try_next().await.unwrap().unwrap();
        assert_eq!(page.items[0].as_ref().unwrap(), odd);
    }
}

#[tokio::test]
async fn a_field_that_is_set_replaces_a_value_of_the_wrong_form() {
    let stage = Stage::new().await;
    stage.say(
        200,
        with(workflow(), "pipeline_number", json!("7")).to_string(),
    );
    let call = stage.client.get_workflow_by_id(id("w"));
    let mut workflow = call.send().await.unwrap();
    workflow.pipeline_number = Some(7);
    let written = serde_json::to_string(&workflow).unwrap();
    assert_eq!(written.matches("pipeline_number").count(), 1, "{written}");
    assert!(written.contains(r#""pipeline_number":7"#), "{written}");
}

#[tokio::test]
async fn lists_maps_and_objects_of_the_wrong_form_cost_only_themselves() {
    let stage = Stage::new().await;
    let job = json!({ "id": id("job"), "name": "build", "dependencies": [id("a"), "no id"], "requires": "lint", "type": "build" });
    stage.say(200, json!({ "items": [job] }).to_string());
    let page = stage
        .client
        .list_workflow_jobs(id("w"))
        .send()
        .await
        .unwrap();
    let read = &page.items[0];
    assert!(read.dependencies.is_empty() && read.requires.is_empty());
    assert_eq!(
        (&read.extra()["dependencies"], &read.extra()["requires"]),
        (&job["dependencies"], &job["requires"])
    );
    assert_eq!(serde_json::to_value(read).unwrap(), job);
    assert_eq!(&typed::<WorkflowJob>(job), read);

    // A value is invalid if it is not an object, or is an object without its identifying fields.
    for actor in [json!({ "login": "ada" }), json!("ada"), json!([])] {
        let schedule = json!({ "id": id("s"), "name": "nightly", "actor": actor, "timetable": { "per-hour": "often" } });
        stage.say(200, schedule.to_string());
        let read = stage.client.get_schedule_by_id(id("s"));
        let read = read.send().await.unwrap();
        assert_eq!(
            (read.actor.as_ref(), &read.extra()["actor"]),
            (None, &actor)
        );
    }

    // An invalid id is an error, because an item without an id cannot be identified.
    let body = json!({ "items": [{ "id": "x", "name": "n" }] });
    stage.say(200, body.to_string());
    let error = stage.client.list_contexts().send().await.unwrap_err();
    assert_eq!(error.path(), Some("items[0].id"));
}

#[tokio::test]
async fn a_form_that_a_union_does_not_have_is_kept_and_is_no_answer() {
    let body = json!({ "policies": "none", "time_taken_ms": 3 }).to_string();
    let server = Server::start(move |_, _| answer(200, body.clone()).into()).await;
    let (client, met) = listening(&server);
    let call = client.get_decision_log("o", "config", id("d"));
    let log = call.send().await.unwrap();
    assert_eq!(
        (log.policies.as_ref(), &log.extra()["policies"]),
        (None, &json!("none"))
    );
    let written = serde_json::to_value(&log).unwrap();
    assert_eq!(typed::<DecisionLog>(written), log);
    let told = std::mem::take(&mut *met.lock().unwrap());
    let place = (SurpriseKind::MendedValue, "policies");
    assert!(
        told.iter().any(|it| (it.kind(), it.path()) == place),
        "{told:?}"
    );

    // An answer that is not an object is an error.
    let server = Server::start(|_, _| answer(200, r#"["queued"]"#).into()).await;
    let run = server.client().trigger_pipeline_run("gh/acme/web").send();
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_character_costs_one_character() {
    let stage = Stage::new().await;
    let body = |name: &[u8]| {
        let before = format!(r#"{{ "items": [{{ "id": "{}", "name": ""#, id("c"));
        [
            before.as_bytes(),
            name,
            br#"" }], "next_page_token": "t" }"#,
        ]
        .concat()
    };
    for (name, expected) in [
        (&b"caf\xe9"[..], "caf\u{fffd}"),
        (br"half \ud83d", "half \u{fffd}"),
        (
            br"half \ude00 pair \ud83d\ude00",
            "half \u{fffd} pair \u{1f600}",
        ),
        (b"two\nlines", "two\nlines"),
    ] {
        let mut bytes = body(name);
        for bom in [false, true] {
            if bom {
                bytes.splice(0..0, *b"\xef\xbb\xbf");
            }
            stage.say(200, bytes.clone());
            let list = stage.client.list_contexts();
            let page = list.clone().send().await.unwrap();
            assert_eq!(page.items[0].name, expected);
            let page: Tolerant<ContextList> = list.clone().send_as().await.unwrap();
            assert_eq!(page.items[0].as_ref().unwrap().name, expected);
            let json: Value = list.clone().send_as().await.unwrap();
            assert_eq!(json["items"][0]["name"], expected);
            let items = list.tolerant_pages().try_next().await.unwrap().unwrap();
            assert_eq!(items.items[0].as_ref().unwrap().name, expected);
        }
    }
    let event = b"\xef\xbb\xbf{\"id\":\"1\",\"type\":\"job-completed\",\"job\":{\"id\":\"8bd71c28-4969-3677-8940-3e3a61c46660\",\
        \"name\":\"t\xff\",\"number\":\"7\",\"started_at\":5}}";
    let event = circleci_api::webhook::Event::from_slice(event).unwrap();
    let circleci_api::webhook::Payload::JobCompleted(done) = &event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(
        (
            done.job.name.as_str(),
            done.job.number,
            &done.job.extra()["number"]
        ),
        ("t\u{fffd}", None, &json!("7"))
    );
}

#[tokio::test]
async fn a_message_in_place_of_an_answer_is_an_error() {
    let stage = Stage::new().await;
    let client = &stage.client;
    for (body, message) in [
        (json!({ "message": "Org not found" }), "Org not found"),
        (json!({ "error": "no such thing" }), "no such thing"),
        (json!({ "error": "no", "context": "rego" }), "no (rego)"),
    ] {
        stage.say(200, body.to_string());
        let errors = [
            client.get_workflow_by_id(id("w")).send().await.err(),
            // Each way to read a list returns the error.
            client.list_contexts().send().await.err(),
            client.list_contexts().items().into_vec().await.err(),
            client
                .list_contexts()
                .tolerant_items()
                .into_vec()
                .await
                .err(),
            client
                .list_contexts()
                .send_as::<Tolerant<ContextList>>()
                .await
                .err(),
            // The error is returned although every field of this answer is optional.
            client
                .get_project_settings("gh/acme/web")
                .send()
                .await
                .err(),
            client
                .get_workflow_by_id(id("w"))
                .send_for_response()
                .await
                .err(),
        ];
        for error in errors {
            let error = error.unwrap_or_else(|| panic!("{body}"));
            assert_eq!(
                (error.kind(), error.message(), error.is_transient()),
                (ErrorKind::Decode, Some(message), false)
            );
            assert!(error.to_string().contains(message), "{error}");
        }
    }
    // For an operation that returns a message, the message is the answer.
    stage.say(200, r#"{ "message": "Accepted." }"#);
    let answer = client.cancel_workflow(id("w")).send().await.unwrap();
    assert_eq!(answer.message.as_deref(), Some("Accepted."));
    // A body that contains only the key `error` is an error.
    stage.say(200, r#"{ "error": "Refused." }"#);
    let error = client.cancel_workflow(id("w")).send().await.unwrap_err();
    assert_eq!(error.message(), Some("Refused."));
}

#[tokio::test]
async fn a_list_has_items() {
    let stage = Stage::new().await;
    for body in ["{}", r#"{ "next_page_token": null }"#, r#"{ "Items": [] }"#] {
        stage.say(200, body);
        let list = stage.client.list_contexts();
        for error in [
            list.clone().send().await.err(),
            list.clone().tolerant_items().into_vec().await.err(),
        ] {
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.to_string().contains("items"), "{error}");
        }
    }
    stage.say(200, r#"{ "items": null }"#);
    let page = stage.client.list_contexts().send().await.unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn nothing_is_enough_where_only_a_message_was_promised() {
    let stage = Stage::new().await;
    for body in ["", " \r\n"] {
        stage.say(200, body);
        let answer = stage.client.cancel_workflow(id("w")).send().await.unwrap();
        assert_eq!(answer.message, None);
        let response = stage.client.cancel_workflow(id("w")).send_for_response();
        assert_eq!(response.await.unwrap().body().message, None);
        let request = AddEnvironmentVariableToContextRequest::new("v");
        let errors = [
            stage.client.get_workflow_by_id(id("w")).send().await.err(),
            stage
                .client
                .get_project_settings("gh/acme/web")
                .send()
                .await
                .err(),
            stage
                .client
                .cancel_workflow(id("w"))
                .send_as::<Value>()
                .await
                .err(),
            // The answer of this operation is either a variable or a message.
            stage
                .client
                .add_environment_variable_to_context(id("c"), "A", request)
                .send()
                .await
                .err(),
        ];
        for error in errors {
            assert_eq!(error.unwrap().message(), Some("it is empty"));
        }
    }
}

#[tokio::test]
async fn what_is_not_json_is_named() {
    let stage = Stage::new().await;
    for (body, name) in [
        (
            &b"<!DOCTYPE html><html><title>Sign in</title>"[..],
            "an HTML page",
        ),
        (b"\n <html>", "an HTML page"),
        (b"\xef\xbb\xbf<html>", "an HTML page"),
        (b"<?xml version=\"1.0\"?><Error/>", "an XML document"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compressed with gzip"),
        (b"\x28\xb5\x2f\xfd\0", "compressed with zstd"),
    ] {
        stage.say(200, body);
        let error = stage.client.list_contexts().send().await.unwrap_err();
        let message = error.message().unwrap();
        assert_eq!(message, format!("it is {name}, not JSON"));
        assert!(!error.is_transient());
    }
    let server = Server::script([answer(200, "\x0b\x02\u{80}")
        .header("content-encoding", "br")
        .into()])
    .await;
    let error = server.client().list_contexts().send().await.unwrap_err();
    let message = error.message().unwrap();
    assert_eq!(message, "it has the encoding br, which was not requested");
}

/// The beginning of a list that breaks off in its first item.
const CUT: &str = r#"{ "items": [{ "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "na"#;

fn cut_off() -> Vec<String> {
    vec![
        CUT.to_owned(),
        r#"{ "items": [] "#.to_owned(),
        format!(r#"{CUT}{{"message":"Internal error"}}"#),
        r#"{ "items": [{"message":"Internal error"}"#.to_owned(),
        r#"{ "items": [] }{"error": "timed out", "context": "proxy"}"#.to_owned(),
        format!("{CUT}<html><body>502</body></html>"),
    ]
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_asked_for_again() {
    for body in cut_off() {
        let good = || answer(200, r#"{ "items": [], "next_page_token": null }"#);
        let acts = [
            answer(200, body.clone()).into(),
            good().into(),
            answer(200, body.clone()).into(),
            good().into(),
        ];
        let server = Server::script(acts).await;
        let list = server.client().list_contexts();
        let response = list.clone().send_for_response().await.unwrap();
        assert_eq!(response.attempts(), 2, "{body}");
        list.items().into_vec().await.unwrap();
        assert_eq!(server.count(), 4);

        // The client stops after the maximum number of attempts.
        let server = Server::start(move |_, _| answer(200, body.clone()).into()).await;
        let policy = RetryPolicy::default().max_attempts(3);
        let once = CallOptions::new().retry(policy);
        let error = server.client().list_contexts().options(once).send().await;
        let error = error.unwrap_err();
        assert!(error.is_transient() && error.attempts() == 3, "{error}");
        assert!(
            error.message().unwrap().starts_with("it is cut off"),
            "{error}"
        );
        assert_eq!(server.count(), 3);
    }
}

#[tokio::test]
async fn a_trigger_that_may_have_happened_is_not_sent_again_for_its_body() {
    for body in cut_off() {
        let server = Server::start(move |_, _| answer(200, body.clone()).into()).await;
        let call = server.client().rerun_workflow(id("w"));
        let error = call.send().await.unwrap_err();
        assert!(!error.is_transient() && server.count() == 1, "{error}");
    }
    // The client does not repeat a request whose body is complete but invalid.
    let server = Server::start(|_, _| answer(200, r#"{ "items": [] } x"#).into()).await;
    let error = server.client().list_contexts().send().await.unwrap_err();
    assert!(!error.is_transient() && server.count() == 1, "{error}");
}

fn listening(server: &Server) -> (Client, Arc<Mutex<Vec<Surprise>>>) {
    let met = Arc::new(Mutex::new(Vec::new()));
    let log = met.clone();
    let builder = server
        .builder()
        .0
        .on_surprise(move |surprise| log.lock().unwrap().push(surprise.clone()));
    (builder.build().unwrap(), met)
}

#[tokio::test]
async fn each_surprise_is_told_by_place_and_kind_and_never_by_value() {
    use SurpriseKind::{MendedText, MendedValue, MissingField, UnknownKey, UnknownWord};
    let body = json!({
        "items": [
            { "id": id("a"), "name": "build", "status": "hush-word", "type": "build", "colour": { "hush": "hush" }, "started_at": "hush",
              "dependencies": [], "requires": { "lint": ["success", "hush-word"] }, "project_slug": "gh/acme/web" },
            { "id": id("b"), "name": "test", "status": "success", "type": "build", "started_at": null, "dependencies": [],
              "project_slug": "gh/acme/web", "job_number": "hush", "\u{e9}": "hush\u{e9}" },
        ],
        "next_page_token": null, "hint": "hush",
    });
    // Without its first byte 0xc3, the character `é` is not valid UTF-8.
    let text = body.to_string().into_bytes();
    let broken: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0xc3).collect();
    let server = Server::start(move |index, _| {
        answer(
            200,
            if index == 0 {
                text.clone()
            } else {
                broken.clone()
            },
        )
        .into()
    })
    .await;
    let (client, met) = listening(&server);
    let expected = [
        (UnknownKey, "hint"),
        (UnknownKey, "items[0].colour"),
        (UnknownWord, "items[0].requires.lint[1]"),
        (MendedValue, "items[0].started_at"),
        (UnknownWord, "items[0].status"),
        (MendedValue, "items[1].job_number"),
        (UnknownKey, "items[1].\u{e9}"),
    ];
    client.list_workflow_jobs(id("w")).send().await.unwrap();
    let told = std::mem::take(&mut *met.lock().unwrap());
    let mut found: Vec<_> = told.iter().map(|it| (it.kind(), it.path())).collect();
    found.sort_by_key(|(_, path)| path.to_string());
    assert_eq!(found, expected);
    for surprise in &told {
        assert_eq!(surprise.operation(), "listWorkflowJobs");
        let shown = format!("{surprise} {surprise:?}");
        assert!(!shown.contains("hush"), "{shown}");
    }

    client
        .list_workflow_jobs(id("w"))
        .tolerant_items()
        .into_vec()
        .await
        .unwrap();
    let told = std::mem::take(&mut *met.lock().unwrap());
    assert!(
        told.iter()
            .any(|it| (it.kind(), it.path()) == (MendedText, ""))
    );
    assert!(told.iter().any(|it| it.path() == "items[0].colour"));

    // Each answer lacks at least one field that the document requires. The type requires only one of these fields, the `id`.
    let server = Server::script([
        answer(200, r#"{ "items": [{ "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "name": "n" }] }"#).into(),
        answer(200, r#"{ "items": [{ "name": "n", "created_at": "2026-03-01T10:00:00Z" }], "next_page_token": null }"#).into(),
    ])
    .await;
    let (client, met) = listening(&server);
    client.list_contexts().send().await.unwrap();
    client.list_contexts().send().await.unwrap_err();
    let told = std::mem::take(&mut *met.lock().unwrap());
    let found: Vec<_> = told.iter().map(|it| (it.kind(), it.path())).collect();
    assert_eq!(
        found,
        [
            (MissingField, "items[0].created_at"),
            (MissingField, "next_page_token"),
            (MissingField, "items[0].id"),
        ]
    );
}

#[tokio::test]
async fn an_answer_as_documented_surprises_nobody() {
    let server = Server::start(|_, _| {
        let body = json!({ "items": [{ "id": id("c"), "name": "n", "created_at": "2026-03-01T10:00:00Z" }], "next_page_token": null });
        answer(200, body.to_string()).into()
    })
    .await;
    let (client, met) = listening(&server);
    client.list_contexts().send().await.unwrap();
    client.list_contexts().items().into_vec().await.unwrap();
    client
        .list_contexts()
        .tolerant_items()
        .into_vec()
        .await
        .unwrap();
    client.list_contexts().send_for_response().await.unwrap();
    let met = met.lock().unwrap();
    assert!(met.is_empty(), "{met:?}");
}
