//! Tests waits against a scripted server: which requests a wait sends, in which order, and how the wait ends.

#![allow(clippy::duplicate_mod, reason = "each example brings its own server")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use circleci_api::types::{JobStatus, PipelineState, UsageExportJobState};
use circleci_api::uuid::Uuid;
use circleci_api::wait::{Change, CountAs, NoWorkflow, OnHold, Outcome, Verdict, WaitError};
use circleci_api::{Client, ErrorKind, serde_json};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::server::{Act, Answer, Server, Waits, answer};

/// The beginning of all ids in these tests. Only the last digit of the ids differs, so a script writes only that digit (such as
/// `1`).
const PREFIX: &str = "00000000-0000-4000-8000-00000000000";
const MINUTE: Duration = Duration::from_secs(60);

fn id(digit: u32) -> Uuid {
    format!("{PREFIX}{digit}").parse().unwrap()
}

/// A server that expects a list of requests in a fixed order, and has one answer for each request.
struct Script {
    server: Server,
    client: Client,
    waits: Waits,
    expected: Vec<String>,
}

impl Script {
    async fn new(lines: Vec<(&str, Answer)>) -> Self {
        let expected = lines.iter().map(|(line, _)| (*line).to_owned()).collect();
        let acts = lines.into_iter().map(|(_, answer)| Act::from(answer));
        let server = Server::script(acts).await;
        let (builder, waits) = server.builder();
        Self {
            client: builder.build().unwrap(),
            server,
            waits,
            expected,
        }
    }

    /// Creates a script with a client that does not retry.
    async fn without_retries(lines: Vec<(&str, Answer)>) -> Self {
        let mut script = Self::new(lines).await;
        let (builder, waits) = script.server.builder();
        script.client = builder.no_retries().build().unwrap();
        script.waits = waits;
        script
    }

    /// Checks that the client sent the requests of the script and no others. Returns the waits between the requests.
    fn is_played(&self) -> Vec<Duration> {
        assert_eq!(seen(&self.server), self.expected);
        self.waits.all()
    }
}

fn seen(server: &Server) -> Vec<String> {
    let line = |seen: &crate::server::Seen| {
        let target = seen.target.replace(PREFIX, "").replace("/api/v2/", "");
        format!("{} {target}", seen.method)
    };
    server.seen().iter().map(line).collect()
}

fn ok(body: Value) -> Answer {
    answer(200, body.to_string())
}

fn pipeline(state: &str) -> Answer {
    ok(json!({ "id": id(9), "number": 512, "state": state, "errors": [] }))
}

fn list(items: impl IntoIterator<Item = Value>) -> Answer {
    let items: Vec<Value> = items.into_iter().collect();
    ok(json!({ "items": items, "next_page_token": null }))
}

fn workflow(digit: u32, name: &str, status: &str) -> Value {
    json!({
        "id": id(digit), "name": name, "status": status, "project_slug": "gh/acme/web", "pipeline_number": 512,
        "created_at": format!("2026-05-06T09:14:0{digit}Z"),
    })
}

fn setup(digit: u32, status: &str) -> Value {
    let mut setup = workflow(digit, "setup", status);
    setup["tag"] = json!("setup");
    setup
}

fn job(digit: u32, name: &str, number: Option<u32>, status: &str) -> Value {
    json!({ "id": id(digit), "name": name, "type": "build", "job_number": number, "status": status })
}

fn approval(digit: u32, name: &str, status: &str) -> Value {
    json!({
        "id": id(digit), "approval_request_id": id(digit), "name": name, "type": "approval", "status": status,
    })
}

fn names(outcome: &Outcome) -> Vec<String> {
    let each = outcome.workflows.iter();
    each.map(|workflow| format!("{} {}", workflow.name, workflow.status.as_ref().unwrap()))
        .collect()
}

fn seconds(waits: &[Duration]) -> Vec<u64> {
    waits.iter().map(Duration::as_secs).collect()
}

const P: &str = "GET pipeline/9";
const W: &str = "GET pipeline/9/workflow";

#[tokio::test]
async fn workflows_that_appear_slowly_are_waited_for() {
    let script = Script::new(vec![
        (P, pipeline("pending")),
        (W, list([])),
        (P, pipeline("created")),
        (W, list([])),
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "running")])),
        // The wait does not poll the pipeline while a workflow runs.
        (
            W,
            list([
                workflow(1, "build", "success"),
                workflow(2, "deploy", "running"),
            ]),
        ),
        (
            W,
            list([
                workflow(1, "build", "success"),
                workflow(2, "deploy", "success"),
            ]),
        ),
        // All workflows have ended, so the wait checks whether another one has appeared.
        (P, pipeline("created")),
        (
            W,
            list([
                workflow(1, "build", "success"),
                workflow(2, "deploy", "success"),
            ]),
        ),
    ])
    .await;
    let mut changes = script.client.wait_for_pipeline(id(9)).changes();
    let mut told = Vec::new();
    while let Some(change) = changes.next().await {
        told.push(change.to_string());
    }
    assert_eq!(
        told,
        [
            "pipeline: pending",
            "pipeline: created",
            "build: running",
            "build: success",
            "deploy: running",
            "deploy: success",
        ]
    );
    let outcome = changes.finish().await.unwrap();
    assert!(outcome.is_success());
    assert_eq!(names(&outcome), ["build success", "deploy success"]);
    assert!(outcome.failures.is_empty() && outcome.on_hold.is_empty());
    let waits = script.is_played();
    assert_eq!(waits.len(), 5, "{waits:?}");
    for wait in waits {
        assert!((5..=30).contains(&wait.as_secs()), "{wait:?}");
    }
}

#[tokio::test]
async fn a_setup_workflow_is_followed_by_others() {
    let build = |status| list([workflow(2, "build", status), setup(1, "success")]);
    let script = Script::new(vec![
        (P, pipeline("setup")),
        (W, list([setup(1, "running")])),
        (W, list([setup(1, "success")])),
        (P, pipeline("setup")),
        (W, list([setup(1, "success")])),
        // The setup workflow has ended, but the workflows that follow it do not exist yet.
        (P, pipeline("pending")),
        (W, list([setup(1, "success")])),
        (P, pipeline("created")),
        (W, list([setup(1, "success")])),
        (P, pipeline("created")),
        (W, build("running")),
        (W, build("failed")),
        (P, pipeline("created")),
        (W, build("failed")),
        (
            "GET workflow/2/job",
            list([
                job(5, "lint", Some(41), "success"),
                job(6, "test", Some(42), "failed"),
                job(7, "ship", None, "not_run"),
                job(8, "pack", Some(43), "timedout"),
            ]),
        ),
    ])
    .await;
    let wait = script.client.wait_for_pipeline(id(9));
    let outcome = wait.finish().await.unwrap();
    script.is_played();
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert_eq!(names(&outcome), ["setup success", "build failed"]);
    let lines: Vec<_> = outcome.failures.iter().map(ToString::to_string).collect();
    let web = format!(
        "{}/pipelines/github/acme/web/512/workflows/{}/jobs",
        script.server.url(),
        id(2)
    );
    assert_eq!(
        lines,
        [
            format!("build / test (42): failed {web}/42"),
            format!("build / pack (43): timedout {web}/43"),
        ]
    );
    let failure = &outcome.failures[0];
    assert_eq!(
        (
            &*failure.workflow,
            failure.job.as_deref(),
            failure.job_number
        ),
        ("build", Some("test"), Some(42))
    );
}

/// The setup workflow succeeds, and no other workflow appears. The wait therefore ends after a minute.
#[tokio::test]
async fn a_setup_workflow_may_continue_with_nothing() {
    let server = Server::start(|_, seen| {
        let workflows = seen.target.ends_with("/workflow");
        if workflows {
            list([setup(1, "success")])
        } else {
            // The state must not be `setup`, which would mean that CircleCI is still working on the pipeline.
            pipeline("created")
        }
        .into()
    })
    .await;
    let (builder, waits) = server.builder();
    let client = builder.build().unwrap();
    let outcome = client.wait_for_pipeline(id(9)).finish().await.unwrap();
    assert!(outcome.is_success());
    let waited: Duration = waits.all().iter().sum();
    assert_eq!(waited, MINUTE, "{:?}", waits.all());
    // No workflow follows a setup workflow that failed.
    let server = Server::start(|_, seen| {
        if seen.target.ends_with("/job") {
            list([])
        } else if seen.target.ends_with("/workflow") {
            list([setup(1, "failed")])
        } else {
            pipeline("setup")
        }
        .into()
    })
    .await;
    let (builder, waits) = server.builder();
    let client = builder.build().unwrap();
    let outcome = client.wait_for_pipeline(id(9)).finish().await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Failed);
    // The failure names the workflow but no job.
    assert_eq!(
        (outcome.failures.len(), &outcome.failures[0].job),
        (1, &None)
    );
    assert_eq!(seconds(&waits.all()), [5]);
}

#[tokio::test]
async fn of_a_workflow_that_is_rerun_the_last_run_counts() {
    let script = Script::new(vec![
        (P, pipeline("created")),
        (
            W,
            list([
                workflow(1, "build", "failed"),
                workflow(2, "docs", "running"),
            ]),
        ),
        // CircleCI lists the newest workflow first.
        (
            W,
            list([
                workflow(3, "build", "running"),
                workflow(2, "docs", "success"),
                workflow(1, "build", "failed"),
            ]),
        ),
        (
            W,
            list([
                workflow(3, "build", "success"),
                workflow(2, "docs", "success"),
                workflow(1, "build", "failed"),
            ]),
        ),
        (P, pipeline("created")),
        (
            W,
            list([
                workflow(3, "build", "success"),
                workflow(2, "docs", "success"),
                workflow(1, "build", "failed"),
            ]),
        ),
    ])
    .await;
    let wait = script.client.wait_for_pipeline(id(9));
    let outcome = wait.finish().await.unwrap();
    script.is_played();
    assert!(outcome.is_success());
    assert_eq!(names(&outcome), ["docs success", "build success"]);
    assert_eq!(outcome.superseded.len(), 1);
    assert_eq!(outcome.superseded[0].id, Some(id(1)));
}

#[tokio::test]
async fn an_automatic_rerun_is_waited_for() {
    let rerun = |digit, number: Option<u32>, status| {
        let mut workflow = workflow(digit, "build", status);
        workflow["max_auto_reruns"] = json!(1);
        workflow["auto_rerun_number"] = json!(number);
        workflow
    };
    let first = || rerun(1, None, "failed");
    let script = Script::new(vec![
        (P, pipeline("created")),
        (W, list([first()])),
        (P, pipeline("created")),
        (W, list([first()])),
        (P, pipeline("created")),
        (W, list([first(), rerun(2, Some(1), "running")])),
        (W, list([first(), rerun(2, Some(1), "failed")])),
        (P, pipeline("created")),
        (W, list([first(), rerun(2, Some(1), "failed")])),
        (
            "GET workflow/2/job",
            list([job(6, "test", Some(42), "failed")]),
        ),
    ])
    .await;
    let wait = script.client.wait_for_pipeline(id(9));
    let outcome = wait.finish().await.unwrap();
    script.is_played();
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert_eq!(outcome.failures.len(), 1);
}

#[tokio::test]
async fn on_hold_is_waited_for_approved_or_returned() {
    let held = || {
        list([
            approval(5, "confirm", "on_hold"),
            approval(6, "later", "blocked"),
            job(7, "ship", None, "blocked"),
        ])
    };
    let approve = "POST workflow/1/approve/5";

    // With `OnHold::Wait`, the wait continues until somebody else approves the job.
    let script = Script::new(vec![
        (P, pipeline("created")),
        (W, list([workflow(1, "deploy", "on_hold")])),
        ("GET workflow/1/job", held()),
        (W, list([workflow(1, "deploy", "on_hold")])),
        ("GET workflow/1/job", held()),
        (W, list([workflow(1, "deploy", "running")])),
        (W, list([workflow(1, "deploy", "success")])),
        (P, pipeline("created")),
        (W, list([workflow(1, "deploy", "success")])),
    ])
    .await;
    let changes = script.client.wait_for_pipeline(id(9)).changes();
    let told: Vec<String> = changes.map(|change| change.to_string()).collect().await;
    script.is_played();
    assert_eq!(
        told,
        [
            "pipeline: created",
            "deploy: on_hold",
            "deploy / confirm is waiting for an approval",
            "deploy: running",
            "deploy: success",
        ]
    );

    // The callback refuses to approve the job the first time, and approves it the second time. After the approval, CircleCI
    // still shows the job as on hold for a moment.
    let script = Script::new(vec![
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        ("GET workflow/1/job", held()),
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        ("GET workflow/1/job", held()),
        (approve, answer(202, r#"{"message":"Accepted."}"#)),
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        ("GET workflow/1/job", held()),
        ("GET workflow/1", ok(workflow(1, "deploy", "success"))),
    ])
    .await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let policy = OnHold::approve(move |held| {
        let mut noted = noted.lock().unwrap();
        noted.push(held.to_string());
        noted.len() > 1
    });
    let wait = script.client.wait_for_workflow(id(1)).on_hold(policy);
    let mut changes = wait.changes();
    let mut approved = Vec::new();
    while let Some(change) = changes.next().await {
        if let Change::Approved(held) = change {
            approved.push(held.approval_request_id);
        }
    }
    assert!(changes.finish().await.unwrap().is_success());
    script.is_played();
    assert_eq!(approved, [id(5)]);
    assert_eq!(
        *asked.lock().unwrap(),
        ["deploy / confirm", "deploy / confirm"]
    );

    // With `OnHold::Return`, the wait ends only when no other workflow is running.
    let script = Script::new(vec![
        (P, pipeline("created")),
        (
            W,
            list([
                workflow(1, "deploy", "on_hold"),
                workflow(2, "docs", "running"),
            ]),
        ),
        ("GET workflow/1/job", held()),
        (
            W,
            list([
                workflow(1, "deploy", "on_hold"),
                workflow(2, "docs", "success"),
            ]),
        ),
        ("GET workflow/1/job", held()),
        (P, pipeline("created")),
        (
            W,
            list([
                workflow(1, "deploy", "on_hold"),
                workflow(2, "docs", "success"),
            ]),
        ),
        ("GET workflow/1/job", held()),
    ])
    .await;
    let wait = script
        .client
        .wait_for_pipeline(id(9))
        .on_hold(OnHold::Return);
    let outcome = wait.finish().await.unwrap();
    script.is_played();
    assert_eq!(outcome.verdict, Verdict::OnHold);
    assert!(!outcome.is_success());
    assert_eq!(outcome.on_hold.len(), 1);
    let held = &outcome.on_hold[0];
    assert_eq!((&*held.job, held.workflow_id), ("confirm", id(1)));
    assert!(
        held.web_url
            .as_ref()
            .unwrap()
            .ends_with(&format!("/512/workflows/{}", id(1)))
    );
}

/// An approval is a POST. If its result is unknown, the wait polls the job again before it sends the POST again.
#[tokio::test]
async fn an_approval_whose_answer_is_lost_is_looked_at_again() {
    let held = || list([approval(5, "confirm", "on_hold")]);
    let script = Script::new(vec![
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        ("GET workflow/1/job", held()),
        ("POST workflow/1/approve/5", answer(502, "<html>")),
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        ("GET workflow/1/job", held()),
        (
            "POST workflow/1/approve/5",
            answer(400, r#"{"message":"Job already approved."}"#),
        ),
        ("GET workflow/1", ok(workflow(1, "deploy", "success"))),
    ])
    .await;
    let wait = script.client.wait_for_workflow(id(1));
    let outcome = wait
        .on_hold(OnHold::approve(|_| true))
        .finish()
        .await
        .unwrap();
    assert!(outcome.is_success());
    script.is_played();

    // An approval that the server rejects is an error.
    let script = Script::new(vec![
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        ("GET workflow/1/job", held()),
        (
            "POST workflow/1/approve/5",
            answer(403, r#"{"message":"Forbidden"}"#),
        ),
    ])
    .await;
    let wait = script.client.wait_for_workflow(id(1));
    let error = wait
        .on_hold(OnHold::approve(|_| true))
        .finish()
        .await
        .unwrap_err();
    assert!(
        matches!(&error, WaitError::Call(error) if error.is_forbidden()),
        "{error}"
    );
    script.is_played();
}

#[tokio::test]
async fn an_errored_pipeline_is_what_the_policy_says() {
    let errored = || {
        ok(json!({
            "id": id(9), "number": 512, "state": "errored",
            "errors": [{ "type": "config", "message": "No such job: tset" }],
        }))
    };
    let script = Script::new(vec![(P, errored()), (W, list([]))]).await;
    let outcome = script
        .client
        .wait_for_pipeline(id(9))
        .finish()
        .await
        .unwrap();
    assert!(script.is_played().is_empty());
    assert_eq!(outcome.verdict, Verdict::Errored);
    let message = outcome.pipeline_errors[0].message.as_deref();
    assert_eq!(message, Some("No such job: tset"));

    // If a pipeline has an error after setup, the wait still does not end before its running workflows end.
    let script = Script::new(vec![
        (P, errored()),
        (W, list([workflow(1, "build", "running")])),
        (W, list([workflow(1, "build", "success")])),
        (P, errored()),
        (W, list([workflow(1, "build", "success")])),
    ])
    .await;
    let outcome = script
        .client
        .wait_for_pipeline(id(9))
        .finish()
        .await
        .unwrap();
    assert_eq!(script.is_played().len(), 1);
    assert_eq!(outcome.verdict, Verdict::Errored);

    let script = Script::new(vec![
        (P, errored()),
        (W, list([workflow(1, "build", "success")])),
        (P, errored()),
        (W, list([workflow(1, "build", "success")])),
    ])
    .await;
    let wait = script
        .client
        .wait_for_pipeline(id(9))
        .errored(CountAs::Success);
    assert!(wait.finish().await.unwrap().is_success());
    script.is_played();

    let script = Script::new(vec![
        (P, errored()),
        (W, list([])),
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "success")])),
    ])
    .await;
    let wait = script
        .client
        .wait_for_pipeline(id(9))
        .errored(CountAs::Unfinished);
    let wait = wait.settle(Duration::ZERO);
    assert!(wait.finish().await.unwrap().is_success());
    script.is_played();
}

#[tokio::test]
async fn a_pipeline_without_workflows_is_what_the_policy_says() {
    let none = |_, seen: &crate::server::Seen| {
        let workflows = seen.target.ends_with("/workflow");
        if workflows {
            list([])
        } else {
            pipeline("created")
        }
        .into()
    };
    for (policy, after) in [
        (NoWorkflow::default(), MINUTE),
        (
            NoWorkflow::ReturnAfter(Duration::from_secs(12)),
            Duration::from_secs(12),
        ),
    ] {
        let server = Server::start(none).await;
        let (builder, waits) = server.builder();
        let client = builder.build().unwrap();
        let wait = client.wait_for_pipeline(id(9)).no_workflow(policy);
        let outcome = wait.finish().await.unwrap();
        assert_eq!(outcome.verdict, Verdict::NoWorkflow);
        assert!(!outcome.is_success());
        assert_eq!(waits.all().iter().sum::<Duration>(), after);
    }
    let server = Server::start(none).await;
    let wait = server
        .client()
        .wait_for_pipeline(id(9))
        .no_workflow(NoWorkflow::Wait);
    let error = wait.deadline(10 * MINUTE).finish().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not finished after 600 s: no workflow yet, pipeline created"
    );
}

#[tokio::test]
async fn words_that_are_neither_good_nor_bad_are_what_the_policy_says() {
    let stopped = |status| {
        let mut workflow = workflow(1, "build", status);
        workflow["stopped_at"] = json!("2026-05-06T09:19:41Z");
        workflow
    };
    // The workflow ends with the status `not_run`.
    for (count, verdict) in [
        (CountAs::Success, Verdict::Success),
        (CountAs::Failure, Verdict::Failed),
    ] {
        let mut lines = vec![("GET workflow/1", ok(workflow(1, "build", "not_run")))];
        if count == CountAs::Failure {
            lines.push(("GET workflow/1/job", list([])));
        }
        let script = Script::new(lines).await;
        let wait = script.client.wait_for_workflow(id(1)).not_run(count);
        assert_eq!(wait.finish().await.unwrap().verdict, verdict);
        script.is_played();
    }
    let script = Script::new(vec![
        ("GET workflow/1", ok(workflow(1, "build", "not_run"))),
        ("GET workflow/1", ok(workflow(1, "build", "success"))),
    ])
    .await;
    let wait = script
        .client
        .wait_for_workflow(id(1))
        .not_run(CountAs::Unfinished);
    assert!(wait.finish().await.unwrap().is_success());
    script.is_played();

    // The workflow has an unknown status. The wait goes on until the workflow has stopped, and does not count the status as
    // a success.
    let script = Script::new(vec![
        ("GET workflow/1", ok(workflow(1, "build", "warming_up"))),
        ("GET workflow/1", ok(stopped("melted"))),
        (
            "GET workflow/1/job",
            list([job(6, "test", Some(42), "success")]),
        ),
    ])
    .await;
    let outcome = script
        .client
        .wait_for_workflow(id(1))
        .finish()
        .await
        .unwrap();
    script.is_played();
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert_eq!(outcome.failures[0].status, "melted");
    let script = Script::new(vec![("GET workflow/1", ok(stopped("melted")))]).await;
    let wait = script
        .client
        .wait_for_workflow(id(1))
        .unknown(CountAs::Success);
    assert!(wait.finish().await.unwrap().is_success());
    script.is_played();
}

#[tokio::test]
async fn a_429_in_the_middle_is_the_transports() {
    let script = Script::new(vec![
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "running")])),
        (W, answer(429, "Rate limited.").header("retry-after", 25)),
        (W, list([workflow(1, "build", "success")])),
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "success")])),
    ])
    .await;
    let changes = script.client.wait_for_pipeline(id(9)).changes();
    let changes: Vec<Change> = changes.collect().await;
    assert!(
        !changes
            .iter()
            .any(|change| matches!(change, Change::Trouble(_)))
    );
    let waits = script.is_played();
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert_eq!(waits[1], Duration::from_secs(25));
}

#[tokio::test]
async fn trouble_that_may_pass_does_not_end_a_wait() {
    let script = Script::without_retries(vec![
        ("GET workflow/1", ok(workflow(1, "build", "running"))),
        ("GET workflow/1", answer(503, "<html>")),
        (
            "GET workflow/1",
            answer(429, "Rate limited.").header("retry-after", 40),
        ),
        ("GET workflow/1", ok(workflow(1, "build", "success"))),
    ])
    .await;
    let mut changes = script.client.wait_for_workflow(id(1)).changes();
    let mut trouble = Vec::new();
    while let Some(change) = changes.next().await {
        if let Change::Trouble(error) = change {
            trouble.push(error.status().unwrap().as_u16());
        }
    }
    assert!(changes.finish().await.unwrap().is_success());
    assert_eq!(trouble, [503, 429]);
    assert_eq!(script.is_played()[2], Duration::from_secs(40));
}

#[tokio::test]
async fn trouble_that_does_not_pass_ends_a_wait() {
    // A 404 is not in this list, because CircleCI may return it for a moment for a new pipeline.
    for status in [401, 403] {
        let script = Script::new(vec![
            (P, pipeline("created")),
            (W, answer(status, r#"{"message":"no"}"#)),
        ])
        .await;
        let mut changes = script.client.wait_for_pipeline(id(9)).changes();
        // The stream still yields the changes before the error.
        let first = changes.next().await;
        assert!(matches!(
            first,
            Some(Change::Pipeline(PipelineState::Created))
        ));
        assert!(changes.next().await.is_none());
        let error = changes.finish().await.unwrap_err();
        assert!(
            matches!(&error, WaitError::Call(error) if error.status().unwrap() == status),
            "{error}"
        );
        assert!(script.is_played().is_empty());
    }
    let client = Server::script([]).await.client();
    let error = client
        .wait_for_pipeline("no id")
        .finish()
        .await
        .unwrap_err();
    assert!(matches!(&error, WaitError::Call(error) if error.kind() == ErrorKind::InvalidArgument));
}

fn tagged(digit: u32, name: &str, tag: &str, status: &str) -> Value {
    let mut workflow = workflow(digit, name, status);
    workflow["tag"] = json!(tag);
    workflow
}

/// Waits for a pipeline whose state and workflows never change. Returns the outcome, and the waits between the polls.
async fn still(state: &'static str, workflows: &[Value]) -> (Outcome, Vec<Duration>) {
    let workflows = workflows.to_vec();
    let server = Server::start(move |_, seen| {
        if seen.target.ends_with("/job") {
            list([])
        } else if seen.target.ends_with("/workflow") {
            list(workflows.clone())
        } else {
            pipeline(state)
        }
        .into()
    })
    .await;
    let (builder, waits) = server.builder();
    let client = builder.build().unwrap();
    let outcome = client.wait_for_pipeline(id(9)).finish().await.unwrap();
    (outcome, waits.all())
}

#[tokio::test]
async fn a_tagged_rerun_takes_the_place_of_what_it_repeats() {
    for tag in [
        "rerun-workflow-from-failed",
        "rerun-single-job",
        "rerun-workflow-from-beginning",
        "something-new",
    ] {
        let first = workflow(1, "build", "failed");
        let (outcome, _) = still(
            "created",
            &[tagged(2, "build", tag, "success"), first.clone()],
        )
        .await;
        assert!(outcome.is_success(), "{tag}");
        assert_eq!(names(&outcome), ["build success"]);
        assert_eq!(outcome.superseded[0].id, Some(id(1)));
        // The third workflow is a rerun of the second one, which is itself a rerun. The two reruns may have different tags.
        let third = tagged(3, "build", "rerun-single-job", "failed");
        let second = tagged(2, "build", tag, "success");
        let (outcome, _) = still("created", &[third, second, first]).await;
        assert_eq!(
            (outcome.verdict, outcome.superseded.len()),
            (Verdict::Failed, 2),
            "{tag}"
        );
    }
    // If two workflows have the same name, both count only if one of them is a setup workflow. Otherwise only the newer one
    // counts.
    let (outcome, _) = still(
        "created",
        &[
            workflow(2, "build", "failed"),
            tagged(1, "build", "setup", "success"),
        ],
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert_eq!(names(&outcome), ["build success", "build failed"]);
    // A setup workflow can itself be rerun.
    let (outcome, _) = still(
        "created",
        &[
            workflow(3, "build", "success"),
            tagged(2, "setup", "rerun-workflow-from-beginning", "success"),
            setup(1, "failed"),
        ],
    )
    .await;
    assert!(outcome.is_success());
    assert_eq!(names(&outcome), ["setup success", "build success"]);
}

#[tokio::test]
async fn a_pipeline_in_setup_is_not_finished() {
    // The wait has no time limit for the workflows that follow a setup workflow.
    for state in ["setup", "setup-pending"] {
        let waited = Waits::default();
        let clock = waited.clone();
        let server = Server::start(move |_, seen| {
            let continued = clock.all().iter().sum::<Duration>() > 20 * MINUTE;
            if seen.target.ends_with("/workflow") {
                let build = continued.then(|| workflow(2, "build", "success"));
                list(build.into_iter().chain([setup(1, "success")]))
            } else {
                pipeline(if continued { "created" } else { state })
            }
            .into()
        })
        .await;
        let builder = Client::builder()
            .host(server.url())
            .token("t")
            .clock(waited);
        let client = builder.build().unwrap();
        let outcome = client.wait_for_pipeline(id(9)).finish().await.unwrap();
        assert_eq!(
            names(&outcome),
            ["setup success", "build success"],
            "{state}"
        );
        // The deadline also ends the wait if the workflows that should follow never appear.
        for workflows in [list([setup(1, "success")]), list([])] {
            let server = Server::start(move |_, seen| {
                match seen.target.ends_with("/workflow") {
                    true => workflows.clone(),
                    false => pipeline(state),
                }
                .into()
            })
            .await;
            let wait = server
                .client()
                .wait_for_pipeline(id(9))
                .deadline(30 * MINUTE);
            let error = wait.finish().await.unwrap_err();
            let seen = format!("pipeline {state}");
            assert!(
                error.is_deadline() && error.to_string().ends_with(&seen),
                "{error}"
            );
        }
    }
    // No workflow follows a setup workflow that failed or was canceled.
    for status in ["failed", "canceled"] {
        let (outcome, waits) = still("setup", &[setup(1, status)]).await;
        assert_eq!(outcome.verdict, Verdict::Failed);
        assert_eq!(seconds(&waits), [5]);
    }
}

#[tokio::test]
async fn a_404_may_come_while_a_pipeline_is_new_and_once_later() {
    let gone = || answer(404, r#"{"message":"Pipeline not found"}"#);
    let running = || list([workflow(1, "build", "running")]);
    let script = Script::new(vec![
        (P, gone()),
        (P, gone()),
        (P, pipeline("created")),
        (W, gone()),
        (P, pipeline("created")),
        (W, running()),
        (W, gone()),
        (W, list([workflow(1, "build", "success")])),
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "success")])),
    ])
    .await;
    let changes = script.client.wait_for_pipeline(id(9)).changes();
    let told: Vec<Change> = changes.collect().await;
    let trouble = |change: &&Change| matches!(change, Change::Trouble(_));
    assert_eq!(told.iter().filter(trouble).count(), 4, "{told:?}");
    script.is_played();

    // The workflow exists for a while. Then the server returns a 404 for one poll or for two polls in a row.
    for misses in [1, 2] {
        let server = Server::start(move |index, _| match index {
            20 => answer(404, "").into(),
            21 if misses == 2 => answer(404, "").into(),
            30 => answer(404, "").into(),
            40 => ok(workflow(1, "build", "success")).into(),
            _ => ok(workflow(1, "build", "running")).into(),
        })
        .await;
        let (builder, waits) = server.builder();
        let client = builder.build().unwrap();
        let end = client.wait_for_workflow(id(1)).finish().await;
        assert!(waits.all()[..20].iter().sum::<Duration>() > MINUTE);
        match misses {
            1 => assert!(end.unwrap().is_success()),
            _ => {
                assert!(
                    matches!(&end, Err(WaitError::Call(error)) if error.is_not_found()),
                    "{end:?}"
                );
                assert_eq!(server.count(), 22);
            }
        }
    }

    // If an object never appears, the wait ends after a minute.
    let server = Server::start(|_, _| answer(404, "").into()).await;
    let waited = |waits: &Waits| waits.all().iter().sum::<Duration>();
    let ends = |end: Option<WaitError>, waits: &Waits| {
        assert!(
            matches!(&end, Some(WaitError::Call(error)) if error.is_not_found()),
            "{end:?}"
        );
        let waited = waited(waits);
        assert!((MINUTE..2 * MINUTE).contains(&waited), "{waited:?}");
    };
    let client = || {
        let (builder, waits) = server.builder();
        (builder.build().unwrap(), waits)
    };
    let (it, waits) = client();
    ends(it.wait_for_pipeline(id(9)).finish().await.err(), &waits);
    let (it, waits) = client();
    ends(it.wait_for_workflow(id(1)).finish().await.err(), &waits);
    let (it, waits) = client();
    ends(
        it.wait_for_job("gh/acme/web", 7).finish().await.err(),
        &waits,
    );
    let (it, waits) = client();
    ends(it.wait_for_approval(id(1)).finish().await.err(), &waits);
    let (it, waits) = client();
    ends(
        it.wait_for_usage_export(id(8), id(4)).finish().await.err(),
        &waits,
    );
}

#[tokio::test]
async fn a_verdict_needs_no_names() {
    // The client cannot read the jobs, so it does not know which job failed.
    for status in [403, 404, 500] {
        let script = Script::without_retries(vec![
            ("GET workflow/1", ok(workflow(1, "build", "failed"))),
            ("GET workflow/1/job", answer(status, "")),
        ])
        .await;
        let mut changes = script.client.wait_for_workflow(id(1)).changes();
        let mut trouble = Vec::new();
        while let Some(change) = changes.next().await {
            if let Change::Trouble(error) = change {
                trouble.push(error.status().unwrap().as_u16());
            }
        }
        assert_eq!(trouble, [status]);
        let outcome = changes.finish().await.unwrap();
        assert_eq!(outcome.verdict, Verdict::Failed);
        let failure = &outcome.failures[0];
        assert_eq!(
            (&*failure.workflow, &failure.job, &*failure.status),
            ("build", &None, "failed")
        );
        assert!(script.is_played().is_empty());
        // Without the jobs, the client does not know the name of the approval job either.
        let script = Script::without_retries(vec![
            ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
            ("GET workflow/1/job", answer(status, "")),
        ])
        .await;
        let wait = script
            .client
            .wait_for_workflow(id(1))
            .on_hold(OnHold::Return);
        let outcome = wait.finish().await.unwrap();
        assert_eq!(
            (outcome.verdict, outcome.on_hold.len()),
            (Verdict::OnHold, 0)
        );
        script.is_played();
        // With `jobs(true)`, the wait succeeds even if the client cannot read the jobs.
        let script = Script::without_retries(vec![
            ("GET workflow/1", ok(workflow(1, "build", "success"))),
            ("GET workflow/1/job", answer(status, "")),
        ])
        .await;
        let wait = script.client.wait_for_workflow(id(1)).jobs(true);
        assert!(wait.finish().await.unwrap().is_success());
        script.is_played();
    }
}

/// Returns the looks of a wait for a workflow on hold. In each look, the request that approves the job gets the next answer.
fn held(answers: impl IntoIterator<Item = Answer>) -> Vec<(&'static str, Answer)> {
    let look = |answer| {
        [
            ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
            ("GET workflow/1/job", list([approval(5, "hold", "on_hold")])),
            ("POST workflow/1/approve/5", answer),
        ]
    };
    answers.into_iter().flat_map(look).collect()
}

/// If CircleCI rejects an approval, the wait does not report the job as approved. After a 404, it polls and tries again.
#[tokio::test]
async fn an_approval_that_was_refused_is_not_taken_for_given() {
    let refused = answer(404, r#"{"message":"no"}"#);
    let mut lines = held([refused.clone(), refused.clone(), refused]);
    lines.push(("GET workflow/1", ok(workflow(1, "deploy", "canceled"))));
    lines.push(("GET workflow/1/job", list([])));
    let script = Script::new(lines).await;
    let wait = script
        .client
        .wait_for_workflow(id(1))
        .on_hold(OnHold::approve(|_| true));
    let told: Vec<Change> = wait.changes().collect().await;
    assert!(
        !told
            .iter()
            .any(|change| matches!(change, Change::Approved(_))),
        "{told:?}"
    );
    script.is_played();
}

/// CircleCI did not process a request that it refused because of the rate limit, so that request approved nothing.
#[tokio::test]
async fn an_approval_that_was_limited_and_then_refused_is_not_taken_for_given() {
    let script = Script::new(held([
        answer(429, "Rate limited.").header("retry-after", 120),
        answer(400, r#"{"message":"not permitted"}"#),
    ]))
    .await;
    let wait = script
        .client
        .wait_for_workflow(id(1))
        .on_hold(OnHold::approve(|_| true));
    let end = wait.finish().await;
    assert!(
        matches!(&end, Err(WaitError::Call(error)) if error.message() == Some("not permitted")),
        "{end:?}"
    );
    script.is_played();
}

/// The answer to the first request is lost, but CircleCI has approved the job. The refusal of the second request changes nothing.
#[tokio::test]
async fn an_approval_that_was_given_and_then_limited_is_taken_for_given() {
    let mut lines = held([
        answer(502, ""),
        answer(429, "").header("retry-after", 120),
        answer(409, r#"{"message":"already approved"}"#),
    ]);
    lines.push(("GET workflow/1", ok(workflow(1, "deploy", "success"))));
    let script = Script::new(lines).await;
    let wait = script
        .client
        .wait_for_workflow(id(1))
        .on_hold(OnHold::approve(|_| true));
    assert!(wait.finish().await.unwrap().is_success());
    script.is_played();
}

/// One job list fails for a moment, and one approval fails for good. The wait ends with the error that lasts.
#[tokio::test]
async fn a_temporary_failure_does_not_hide_one_that_lasts() {
    let server = Server::start(|_, seen| match &*seen.target {
        target if target.ends_with("/workflow") => {
            list([workflow(1, "a", "on_hold"), workflow(2, "b", "on_hold")]).into()
        }
        target if target.ends_with(&format!("{}/job", id(1))) => answer(503, "").into(),
        target if target.ends_with("/job") => list([approval(6, "hold", "on_hold")]).into(),
        target if target.contains("/approve/") => answer(403, "{}").into(),
        _ => pipeline("created").into(),
    })
    .await;
    let client = server.builder().0.no_retries().build().unwrap();
    let wait = client
        .wait_for_pipeline(id(9))
        .on_hold(OnHold::approve(|_| true));
    let end = wait.finish().await;
    assert!(
        matches!(&end, Err(WaitError::Call(error)) if error.is_forbidden()),
        "{end:?}"
    );
}

/// If one approval fails, the wait sends the others before it ends.
#[tokio::test]
async fn an_approval_that_fails_costs_no_other() {
    let script = Script::new(vec![
        ("GET workflow/1", ok(workflow(1, "deploy", "on_hold"))),
        (
            "GET workflow/1/job",
            list([
                approval(5, "hold", "on_hold"),
                approval(6, "confirm", "on_hold"),
            ]),
        ),
        ("POST workflow/1/approve/5", answer(403, "{}")),
        ("POST workflow/1/approve/6", answer(202, "{}")),
    ])
    .await;
    let wait = script
        .client
        .wait_for_workflow(id(1))
        .on_hold(OnHold::approve(|_| true));
    let told: Vec<Change> = wait.changes().collect().await;
    let approved = told.iter().find_map(|change| match change {
        Change::Approved(held) => Some(held.job.as_str()),
        _ => None,
    });
    assert_eq!(approved, Some("confirm"), "{told:?}");
    script.is_played();
}

/// Between the two 404s, the server was not available.
#[tokio::test]
async fn two_404s_that_do_not_follow_each_other_are_survived() {
    let server = Server::start(|index, _| match index {
        20 | 22 => answer(404, "").into(),
        21 => answer(503, "").into(),
        40 => ok(workflow(1, "build", "success")).into(),
        _ => ok(workflow(1, "build", "running")).into(),
    })
    .await;
    let client = server.builder().0.no_retries().build().unwrap();
    let end = client.wait_for_workflow(id(1)).finish().await;
    assert!(end.unwrap().is_success());
}

#[tokio::test]
async fn at_the_deadline_it_looks_once_more_and_gives_up() {
    let server = Server::start(|_, _| ok(workflow(1, "build", "running")).into()).await;
    let (builder, waits) = server.builder();
    let client = builder.build().unwrap();
    let wait = client.wait_for_workflow(id(1)).deadline(10 * MINUTE);
    let error = wait.finish().await.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.to_string(), "not finished after 600 s: build running");
    let waits = waits.all();
    assert_eq!(waits.iter().sum::<Duration>(), 10 * MINUTE);
    assert_eq!(server.count(), waits.len() + 1);
    // The wait between polls grows from about 5 seconds to 30 seconds.
    assert!((20..=60).contains(&waits.len()), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(30)));

    // The error of the last request is the source of the deadline error.
    let server = Server::start(|_, _| answer(503, "").into()).await;
    let client = server.builder().0.no_retries().build().unwrap();
    let wait = client.wait_for_job("gh/acme/web", 42).deadline(MINUTE);
    let error = wait.finish().await.unwrap_err();
    assert_eq!(error.to_string(), "not finished after 60 s: no answer yet");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("getJobDetails: 503"), "{source}");
}

#[tokio::test]
async fn a_dropped_wait_asks_for_nothing_more() {
    // A wait sends nothing before it is polled for the first time.
    let server = Server::start(|_, seen| {
        if seen.target.ends_with("/job") {
            Act::Stall
        } else {
            ok(workflow(1, "build", "on_hold")).into()
        }
    })
    .await;
    let client = server.client();
    // The future can be moved to another task.
    fn may_be_spawned<T: Send + 'static>(it: T) {
        drop(it);
    }
    may_be_spawned(client.wait_for_pipeline(id(9)).finish());
    may_be_spawned(
        client
            .wait_for_workflow(id(1))
            .on_hold(OnHold::approve(|_| true))
            .finish(),
    );
    may_be_spawned(client.wait_for_workflow(id(1)).changes());
    assert_eq!(server.count(), 0);

    // The test drops the wait in the middle of a call.
    let waiting = client.wait_for_workflow(id(1)).finish();
    let both_asked = async {
        while server.count() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = waiting => panic!("it cannot end"),
        () = both_asked => {}
    }

    // The test drops the wait between two calls.
    let quiet = Server::start(|_, _| ok(workflow(1, "build", "running")).into()).await;
    let client = quiet.client();
    let mut changes = client.wait_for_workflow(id(1)).changes();
    assert!(changes.next().await.is_some());
    drop(changes);
    // If the dropped wait had sent another request, the server would list it before this one.
    client.get_workflow_by_id(id(7)).send().await.unwrap();
    assert_eq!(seen(&quiet), ["GET workflow/1", "GET workflow/7"]);
    assert_eq!(seen(&server), ["GET workflow/1", "GET workflow/1/job"]);
}

#[tokio::test]
async fn jobs_are_told_where_they_are_asked_for() {
    let script = Script::new(vec![
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "running")])),
        (
            "GET workflow/1/job",
            list([
                job(5, "test", Some(42), "running"),
                job(6, "ship", None, "blocked"),
            ]),
        ),
        (W, list([workflow(1, "build", "success")])),
        // The workflow has ended. The wait requests the jobs once more, to report their last states.
        (
            "GET workflow/1/job",
            list([
                job(5, "test", Some(42), "success"),
                job(6, "ship", Some(43), "success"),
            ]),
        ),
        (P, pipeline("created")),
        (W, list([workflow(1, "build", "success")])),
    ])
    .await;
    let wait = script.client.wait_for_pipeline(id(9)).jobs(true);
    let told: Vec<String> = wait
        .changes()
        .map(|change| change.to_string())
        .collect()
        .await;
    script.is_played();
    assert_eq!(
        told,
        [
            "pipeline: created",
            "build: running",
            "build / test (42): running",
            "build / ship: blocked",
            "build: success",
            "build / test (42): success",
            "build / ship (43): success",
        ]
    );
}

#[tokio::test]
async fn a_job_is_waited_for() {
    let details = |status: &str| {
        ok(json!({
            "name": "test", "number": 42, "status": status, "latest_workflow": { "id": id(1), "name": "build" },
            "web_url": "https://app.circleci.com/jobs/42",
        }))
    };
    const J: &str = "GET project/gh/acme/web/job/42";
    for (last, success) in [
        ("success", true),
        ("infrastructure_fail", false),
        ("skipped", true),
    ] {
        let script = Script::new(vec![
            (J, details("queued")),
            (J, details("running")),
            (J, details(last)),
        ])
        .await;
        let mut changes = script.client.wait_for_job("gh/acme/web", 42).changes();
        let mut told = Vec::new();
        while let Some(change) = changes.next().await {
            told.push(change.to_string());
        }
        assert_eq!(told[1], "build / test (42): running");
        assert_eq!(told[2], format!("build / test (42): {last}"));
        let outcome = changes.finish().await.unwrap();
        assert_eq!(outcome.is_success(), success, "{last}");
        assert_eq!(outcome.job.status, Some(JobStatus::from(last)));
        assert!(outcome.job.web_url.is_some());
        script.is_played();
    }
}

#[tokio::test]
async fn approvals_are_waited_for_until_decided() {
    let (flow, jobs) = ("GET workflow/1", "GET workflow/1/job");
    let script = Script::new(vec![
        (flow, ok(workflow(1, "deploy", "running"))),
        (jobs, list([])),
        (flow, ok(workflow(1, "deploy", "running"))),
        (
            jobs,
            list([
                approval(5, "confirm", "blocked"),
                job(6, "ship", None, "blocked"),
            ]),
        ),
        (flow, ok(workflow(1, "deploy", "on_hold"))),
        (
            jobs,
            list([
                approval(5, "confirm", "on_hold"),
                job(6, "ship", None, "blocked"),
            ]),
        ),
        (flow, ok(workflow(1, "deploy", "running"))),
        (
            jobs,
            list([
                approval(5, "confirm", "success"),
                job(6, "ship", Some(7), "running"),
            ]),
        ),
    ])
    .await;
    let mut changes = script.client.wait_for_approval(id(1)).changes();
    let mut told = Vec::new();
    while let Some(change) = changes.next().await {
        told.push(change.to_string());
    }
    assert_eq!(
        told,
        [
            "deploy / confirm: blocked",
            "deploy / confirm: on_hold",
            "deploy / confirm is waiting for an approval",
            "deploy / confirm: success",
        ]
    );
    let approvals = changes.finish().await.unwrap();
    assert!(approvals.is_approved());
    assert_eq!(approvals.jobs.len(), 1);
    script.is_played();

    // If the workflow is canceled, or has no job of this name, the wait ends without an approval.
    for (status, job) in [("canceled", "confirm"), ("running", "other")] {
        let script = Script::new(vec![
            (flow, ok(workflow(1, "deploy", status))),
            (jobs, list([approval(5, "confirm", "on_hold")])),
        ])
        .await;
        let wait = script.client.wait_for_approval(id(1)).job(job);
        assert!(!wait.finish().await.unwrap().is_approved());
        script.is_played();
    }
}

#[tokio::test]
async fn a_usage_export_is_waited_for() {
    const E: &str = "GET organizations/8/usage_export_job/4";
    let export = |state: &str, urls: Value| {
        ok(json!({ "usage_export_job_id": id(4), "state": state, "download_urls": urls }))
    };
    let script = Script::new(vec![
        (E, export("created", json!(null))),
        (E, export("processing", json!(null))),
        (E, answer(503, "")),
        (E, export("processing", json!([]))),
        (E, export("packing", json!(null))),
        (
            E,
            export("completed", json!(["https://one", "https://two"])),
        ),
    ])
    .await;
    let mut changes = script.client.wait_for_usage_export(id(8), id(4)).changes();
    let mut states = Vec::new();
    while let Some(change) = changes.next().await {
        if let Change::UsageExport(state) = change {
            states.push(state.to_string());
        }
    }
    assert_eq!(states, ["created", "processing", "packing", "completed"]);
    assert_eq!(changes.finish().await.unwrap().download_urls.len(), 2);
    script.is_played();

    let script = Script::new(vec![(E, export("failed", json!(null)))]).await;
    let wait = script.client.wait_for_usage_export(id(8), id(4));
    let export = wait.finish().await.unwrap();
    assert_eq!(export.state, Some(UsageExportJobState::Failed));
    script.is_played();
}

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/trigger_and_wait.rs"]
mod trigger_and_wait;

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/pr_status.rs"]
mod pr_status;

#[tokio::test]
async fn the_examples_end_well() {
    let mut out = Vec::new();
    assert!(trigger_and_wait::small(&mut out).await.unwrap());
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out
        .lines()
        .map(|line| line.split("  ").last().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "gh/acme/web #513 on main",
            "pipeline: created",
            "setup: running",
            "setup: success",
            "build-and-test: running",
            "build-and-test: success",
            "deploy: on_hold",
            "deploy / confirm is waiting for an approval",
            "deploy / confirm: approved",
            "deploy: running",
            "deploy: success",
            "success",
        ]
    );

    let mut out = Vec::new();
    assert!(pr_status::small(&mut out).await.unwrap());
    let line = String::from_utf8(out).unwrap();
    assert_eq!(
        line,
        "✗ gh/acme/web checkout #512: build-and-test failed (test)\n"
    );
}
