//! Tests of the spans and events of a call. They must not contain secrets.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use circleci_api_tests::server::{Ending, Server, TOKEN, answer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

/// A subscriber that records every span and event as text, with all fields.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<u64, String>>>, Arc<AtomicU64>);

impl Notes {
    fn note(&self, id: u64, record: impl FnOnce(&mut Fields<'_>)) {
        let mut notes = self.0.lock().unwrap();
        record(&mut Fields(notes.entry(id).or_default()));
    }
}

struct Fields<'n>(&'n mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("circleci_api")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.1.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(id, |fields| {
            fields.0.push_str(span.metadata().name());
            span.record(fields);
        });
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.note(span.into_u64(), |fields| values.record(fields));
    }

    fn event(&self, event: &Event<'_>) {
        let id = self.1.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(id, |fields| event.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_call_is_a_span_without_a_secret() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let mut echoing = answer(200, r#"{"message":"done"}"#);
    echoing.headers = vec![("x-request-id".into(), format!("req-200 {TOKEN}\t!"))];
    let server = Server::script([
        answer(503, format!("no {TOKEN}")).into(),
        echoing.into(),
        answer(404, format!(r#"{{"message":"who is {TOKEN}"}}"#)).into(),
    ])
    .await;
    let client = server.client();
    client.cancel_workflow(ID).send().await.unwrap();
    client
        .get_project_by_slug("gh/acme/web")
        .send()
        .await
        .unwrap_err();

    let notes: Vec<String> = notes.0.lock().unwrap().values().cloned().collect();
    let [first, again, second] = &notes[..] else {
        panic!("{notes:#?}")
    };
    for part in [
        "circleci operation=\"cancelWorkflow\" method=\"POST\" path=\"/workflow/{id}/cancel\"",
        " id=\"5034460f-c7c4-4c43-9457-de07e2029e7b\"",
        " elapsed_ms=",
        " status=200",
        " attempt=2",
        " request_id=\"req-200 [redacted] !\"",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(
        again.contains("wait_ms=") && again.contains("503"),
        "{again}"
    );
    assert!(second.contains(" project=\"gh/acme/web\""), "{second}");
    assert!(
        second.contains(" error=getProjectBySlug: 404 Not Found: who is [redacted]"),
        "{second}"
    );
    assert!(!notes.concat().contains(TOKEN), "{notes:#?}");
}

/// The server repeats the value of the variable in its refusal.
#[tokio::test]
async fn the_value_of_a_variable_is_in_no_span() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let value = "s3cr3t-value";
    let server = Server::script([
        answer(503, format!("no {value}")).into(),
        answer(400, format!(r#"{{"message":"{value} is not allowed"}}"#)).into(),
        answer(400, format!("Invalid: {value}"))
            .ending(Ending::CutAt(19))
            .into(),
    ])
    .await;
    let client = server.client();
    let done = client
        .set_context_variables(ID, [("NAME", value)])
        .send()
        .await;
    let (_, error) = done.failed().next().unwrap();
    assert!(
        error.to_string().contains(": [redacted] is not allowed"),
        "{error}"
    );
    let done = client
        .set_context_variables(ID, [("NAME", value)])
        .send()
        .await;
    let (_, error) = done.failed().next().unwrap();
    assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    let notes: String = notes.0.lock().unwrap().values().cloned().collect();
    assert!(notes.contains("503") && notes.contains("400"), "{notes}");
    assert!(!notes.contains("s3cr3t"), "{notes}");
}

#[tokio::test]
async fn a_deprecated_operation_is_told_once() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let old = |status| {
        let answer = answer(status, r#"{"message":"ok"}"#);
        let answer = answer.header("deprecation", format!("@1788220800, {TOKEN}"));
        answer.header("sunset", "Mon, 01 Feb 2027 00:00:00 GMT")
    };
    let server = Server::script([
        old(503).into(),
        old(200).into(),
        old(200).into(),
        old(410).into(),
        old(410).into(),
        answer(200, "{}").into(),
    ])
    .await;
    let client = server.client();
    client.cancel_workflow(ID).send().await.unwrap();
    client.clone().cancel_workflow(ID).send().await.unwrap();
    for _ in 0..2 {
        let gone = client
            .request(circleci_api::http::Method::GET, "/me/{x}")
            .root("/api/v1.1")
            .path("x", "y");
        gone.send().await.unwrap_err();
    }
    client
        .get_project_by_slug("gh/acme/web")
        .send_as::<serde_json::Value>()
        .await
        .unwrap();

    let notes: Vec<String> = notes.0.lock().unwrap().values().cloned().collect();
    let warnings: Vec<&String> = notes
        .iter()
        .filter(|note| note.contains("deprecates"))
        .collect();
    let [known, raw] = &warnings[..] else {
        panic!("{notes:#?}")
    };
    assert!(known.contains("operation=\"cancelWorkflow\""), "{known}");
    assert!(known.contains("ends on 2027-02-01"), "{known}");
    assert!(raw.contains("operation=\"GET /api/v1.1/me/{x}\""), "{raw}");
    let again = notes.iter().find(|note| note.contains("wait_ms="));
    assert!(
        again.is_some_and(|it| it.contains("deprecation=deprecated, ends on 2027-02-01")),
        "{again:?}"
    );
    assert!(
        notes.iter().any(|note| note.contains(
            "circleci operation=\"GET /api/v1.1/me/{x}\" method=\"GET\" path=\"/api/v1.1/me/{x}\""
        )),
        "{notes:#?}"
    );
    assert!(!notes.concat().contains(TOKEN), "{notes:#?}");
}

#[tokio::test]
async fn a_span_tells_projects_organizations_and_ids_apart() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let server = Server::start(|_, _| answer(404, "{}").into()).await;
    let client = server.client();
    let _ = client.get_job_details("gh/acme/web", 1843).send().await;
    let _ = client.get_project_settings("gh/acme/docs").send().await;
    let _ = client.list_pipelines().org_slug("gh/acme").send().await;
    let _ = client.get_organization("gh/acme").send().await;
    let _ = client.get_env_var("gh/acme/web", TOKEN).send().await;

    let notes: Vec<String> = notes.0.lock().unwrap().values().cloned().collect();
    for (note, fields) in notes.iter().zip([
        " project=\"gh/acme/web\" id=\"1843\"",
        " project=\"gh/acme/docs\"",
        " org=\"gh/acme\"",
        " org=\"gh/acme\"",
        " project=\"gh/acme/web\" id=\"[redacted]\"",
    ]) {
        assert!(note.contains(fields), "{fields} in {note}");
    }
    assert_eq!(notes.len(), 5, "{notes:#?}");
}
