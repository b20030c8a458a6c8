//! Tests of `pipeline_outcome`, which returns the outcome of a pipeline without waiting.

use circleci_api::types::Workflow;
use circleci_api::wait::{Outcome, Verdict};
use serde_json::{Value, json};

use crate::server::{Act, Server, answer};

const PIPELINE: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";
/// The current time by the clock of the test clients (see `Waits`).
const NOW: &str = "2026-03-01T12:00:00Z";
const LONG_AGO: &str = "2026-03-01T10:00:00Z";
const JUST_NOW: &str = "2026-03-01T11:59:50Z";

fn id(number: u8) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn workflow(number: u8, name: &str, status: &str, more: Value) -> Value {
    let mut workflow = json!({
        "id": id(number), "name": name, "status": status, "pipeline_number": 7,
        "project_slug": "gh/acme/web", "created_at": format!("2026-03-01T09:00:{number:02}Z"),
        "stopped_at": match status { "running" | "failing" | "on_hold" => Value::Null, _ => LONG_AGO.into() },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        workflow[key] = value.clone();
    }
    workflow
}

fn page(items: Value) -> Act {
    answer(
        200,
        json!({ "items": items, "next_page_token": null }).to_string(),
    )
    .into()
}

async fn serve(state: &str, created: &str, workflows: Value, jobs: Value) -> Server {
    let errors = match state {
        "errored" => json!([{ "type": "config", "message": "no such orb" }]),
        _ => json!([]),
    };
    let pipeline = json!({
        "id": PIPELINE, "number": 7, "state": state, "created_at": created, "errors": errors,
    });
    Server::start_slow(move |_, request| match &request.target {
        target if target.ends_with("/job") => {
            let workflow = target.rsplit('/').nth(1).unwrap();
            match &jobs[workflow] {
                Value::Null => answer(404, r#"{"message":"not found"}"#).into(),
                jobs => page(jobs.clone()),
            }
        }
        target if target.ends_with("/workflow") => page(workflows.clone()),
        _ => answer(200, pipeline.to_string()).into(),
    })
    .await
}

#[tokio::test]
async fn the_verdict_is_that_of_a_wait() {
    let none = || json!({});
    let setup = |stopped: &str| {
        workflow(
            1,
            "setup",
            "success",
            json!({ "tag": "setup", "stopped_at": stopped }),
        )
    };
    let rerun = |stopped: &str| {
        workflow(
            1,
            "a",
            "failed",
            json!({ "max_auto_reruns": 2, "auto_rerun_number": 1, "stopped_at": stopped }),
        )
    };
    for (what, state, created, workflows, verdict) in [
        (
            "all well",
            "created",
            LONG_AGO,
            json!([workflow(1, "a", "success", none())]),
            Verdict::Success,
        ),
        (
            "not run",
            "created",
            LONG_AGO,
            json!([workflow(1, "a", "not_run", none())]),
            Verdict::Success,
        ),
        (
            "failed",
            "created",
            LONG_AGO,
            json!([
                workflow(1, "a", "success", none()),
                workflow(2, "b", "failed", none())
            ]),
            Verdict::Failed,
        ),
        (
            "failed and running",
            "created",
            LONG_AGO,
            json!([
                workflow(1, "a", "failed", none()),
                workflow(2, "b", "running", none())
            ]),
            Verdict::Running,
        ),
        (
            "failing",
            "created",
            LONG_AGO,
            json!([workflow(1, "a", "failing", none())]),
            Verdict::Running,
        ),
        (
            "on hold",
            "created",
            LONG_AGO,
            json!([
                workflow(1, "a", "success", none()),
                workflow(2, "b", "on_hold", none())
            ]),
            Verdict::OnHold,
        ),
        (
            "failed and on hold",
            "created",
            LONG_AGO,
            json!([
                workflow(1, "a", "failed", none()),
                workflow(2, "b", "on_hold", none())
            ]),
            Verdict::Failed,
        ),
        (
            "rerun",
            "created",
            LONG_AGO,
            json!([
                workflow(1, "a", "failed", none()),
                workflow(2, "a", "success", none())
            ]),
            Verdict::Success,
        ),
        ("pending", "pending", LONG_AGO, json!([]), Verdict::Running),
        ("new", "created", JUST_NOW, json!([]), Verdict::Running),
        (
            "nothing",
            "created",
            LONG_AGO,
            json!([]),
            Verdict::NoWorkflow,
        ),
        ("errored", "errored", LONG_AGO, json!([]), Verdict::Errored),
        (
            "setup has just ended",
            "created",
            LONG_AGO,
            json!([setup(JUST_NOW)]),
            Verdict::Running,
        ),
        (
            "setup ended long ago",
            "created",
            LONG_AGO,
            json!([setup(LONG_AGO)]),
            Verdict::Success,
        ),
        (
            "setup and what follows",
            "created",
            LONG_AGO,
            json!([setup(JUST_NOW), workflow(2, "setup", "success", none())]),
            Verdict::Success,
        ),
        (
            "about to be rerun",
            "created",
            LONG_AGO,
            json!([rerun(JUST_NOW)]),
            Verdict::Running,
        ),
        (
            "not rerun",
            "created",
            LONG_AGO,
            json!([rerun(LONG_AGO)]),
            Verdict::Failed,
        ),
        (
            "a new word",
            "created",
            LONG_AGO,
            json!([workflow(1, "a", "paused", json!({ "stopped_at": null }))]),
            Verdict::Running,
        ),
        (
            "a new word that stopped",
            "created",
            LONG_AGO,
            json!([workflow(1, "a", "exploded", none())]),
            Verdict::Failed,
        ),
    ] {
        let server = serve(state, created, workflows.clone(), json!({})).await;
        let outcome = server.client().pipeline_outcome(PIPELINE).await.unwrap();
        assert_eq!(outcome.verdict, verdict, "{what}");
        // Otherwise, a workflow that is created between the two requests would be missed.
        let state_first = server.seen()[0].target.contains("/pipeline/");
        assert!(
            state_first && !server.seen()[0].target.ends_with("/workflow"),
            "{what}"
        );
        assert_eq!(
            outcome.pipeline_errors.len(),
            usize::from(state == "errored")
        );
        // Nothing is running any more, so a wait returns the same verdict.
        if verdict != Verdict::Running && verdict != Verdict::OnHold && what != "failed and on hold"
        {
            let waited = server.client().wait_for_pipeline(PIPELINE).finish().await;
            // The wait may return an error, because it cannot read the names of some failed jobs.
            if let Ok(waited) = waited {
                assert_eq!(waited.verdict, verdict, "{what}");
            }
        }
    }
    assert!(NOW > JUST_NOW);
}

#[tokio::test]
async fn it_names_what_failed_and_what_waits() {
    let jobs = json!({
        id(2): [
            { "id": id(21), "name": "lint", "status": "success", "job_number": 21 },
            { "id": id(22), "name": "test", "status": "failed", "job_number": 22 },
        ],
        id(3): [{ "id": id(31), "name": "confirm", "status": "on_hold", "type": "approval", "approval_request_id": id(99) }],
    });
    let workflows = json!([
        workflow(1, "build", "failed", json!({})),
        workflow(2, "build", "failed", json!({})),
        workflow(3, "deploy", "on_hold", json!({})),
        workflow(4, "docs", "canceled", json!({})),
        workflow(5, "nightly", "success", json!({})),
    ]);
    let server = serve("created", LONG_AGO, workflows, jobs).await;
    let outcome = server.client().pipeline_outcome(PIPELINE).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Failed);
    let failures: Vec<_> = outcome.failures.iter().map(ToString::to_string).collect();
    let url = format!("{}/pipelines/github/acme/web/7/workflows", server.url());
    assert_eq!(
        failures,
        [
            format!("build / test (22): failed {url}/{}/jobs/22", id(2)),
            // The client could not read the jobs of this workflow, so the failure names only the workflow.
            format!("docs: canceled {url}/{}", id(4)),
        ]
    );
    assert_eq!(outcome.on_hold.len(), 1);
    assert_eq!(outcome.on_hold[0].to_string(), "deploy / confirm");
    assert_eq!(outcome.on_hold[0].approval_request_id.to_string(), id(99));
    assert_eq!(outcome.superseded.len(), 1);
    // The client sends five requests: for the pipeline, for its workflows, and for the jobs of three workflows.
    assert_eq!((server.count(), server.most()), (5, 3));
}

#[tokio::test]
async fn a_workflow_that_is_failing_names_what_has_failed_so_far() {
    let jobs = json!({
        id(1): [
            { "id": id(11), "name": "lint", "status": "failed", "job_number": 11 },
            { "id": id(12), "name": "test", "status": "running", "job_number": 12 },
        ],
    });
    let workflows = json!([workflow(1, "build", "failing", json!({}))]);
    let server = serve("created", LONG_AGO, workflows, jobs).await;
    let outcome = server.client().pipeline_outcome(PIPELINE).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Running);
    let jobs: Vec<_> = outcome
        .failures
        .iter()
        .map(|it| it.job.as_deref())
        .collect();
    assert_eq!(jobs, [Some("lint")]);
}

#[tokio::test]
async fn without_the_pipeline_or_its_workflows_it_is_an_error() {
    let server = Server::start(|_, request| match &request.target {
        target if target.ends_with("/workflow") => answer(403, "{}").into(),
        _ => answer(200, json!({ "id": PIPELINE, "number": 7 }).to_string()).into(),
    })
    .await;
    let error = server
        .client()
        .pipeline_outcome(PIPELINE)
        .await
        .unwrap_err();
    assert!(error.is_forbidden());
    let error = server
        .client()
        .pipeline_outcome("no uuid")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), circleci_api::ErrorKind::InvalidArgument);
}

#[test]
fn a_list_of_workflows_has_an_outcome_too() {
    let list = |workflows: Value| -> Vec<Workflow> { serde_json::from_value(workflows).unwrap() };
    let outcome = Outcome::of(list(json!([
        workflow(2, "build", "success", json!({})),
        workflow(1, "build", "failed", json!({})),
        workflow(3, "docs", "canceled", json!({})),
    ])));
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert_eq!(outcome.superseded[0].id.unwrap().to_string(), id(1));
    assert_eq!(outcome.failures[0].to_string(), "docs: canceled");
    assert_eq!(outcome.failures[0].web_url, None);
    assert_eq!(Outcome::of([]).verdict, Verdict::NoWorkflow);
    let held = Outcome::of(list(json!([workflow(1, "deploy", "on_hold", json!({}))])));
    assert_eq!((held.verdict, held.on_hold.len()), (Verdict::OnHold, 0));
}

/// The age of a pipeline and its workflows is measured with the server's clock. The clock of the client is ten minutes fast.
#[tokio::test]
async fn a_wrong_clock_does_not_change_the_verdict() {
    const MOMENTS_AGO: &str = "2026-03-01T11:49:55Z";
    let setup = workflow(
        1,
        "setup",
        "success",
        json!({ "tag": "setup", "stopped_at": MOMENTS_AGO }),
    );
    for workflows in [json!([]), json!([setup])] {
        let pipeline = json!({
            "id": PIPELINE, "number": 7, "state": "created", "created_at": MOMENTS_AGO, "errors": [],
        });
        let server = Server::start(move |_, request| match &request.target {
            target if target.ends_with("/workflow") => page(workflows.clone()),
            _ => answer(200, pipeline.to_string())
                .header("date", "Sun, 01 Mar 2026 11:50:00 GMT")
                .into(),
        })
        .await;
        let client = server.client();
        let outcome = client.pipeline_outcome(PIPELINE).await.unwrap();
        assert_eq!(outcome.verdict, Verdict::Running);
        let tree = client.pipeline_overview(PIPELINE).send().await.unwrap();
        assert_eq!(tree.outcome(&client).unwrap().verdict, Verdict::Running);
    }
}
