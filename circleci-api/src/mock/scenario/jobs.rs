//! Jobs: their details, artifacts, tests and output, and their builds in API version 1.1.

use http::Method;
use serde_json::{Value, json};

use super::super::answer::{Body, Refusal};
use super::super::received::Received;
use super::super::state::file_url;
use super::reply::{list_in_order, not_found, ok};
use super::run::Run;
use super::world::{Handler, Outcome, World, date, optional_date};
use crate::generated::types::WorkflowStatus;

const CHECKOUT: &str = "Checkout code";

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("getJobDetails", details),
    ("getJobArtifacts", artifacts),
    ("getTests", tests),
    ("cancelJobByJobNumber", |world, request| {
        let id = world.job(request)?.id.clone();
        world.cancel(&id)
    }),
    ("cancelJobByJobID", |world, request| {
        let job = request.path("job-id").unwrap_or_default();
        let run = world.runs().find(|run| run.job == job);
        let id = run.ok_or_else(|| not_found("Job"))?.id.clone();
        world.cancel(&id)
    }),
];

/// The job endpoints that are not in CircleCI's document of API v2.
pub(super) const TEMPLATES: [(Method, &str, Handler); 4] = [
    (
        Method::POST,
        "/api/v2/compile-config-with-defaults",
        compile,
    ),
    (
        Method::GET,
        "/api/v1.1/project/{vcs}/{org}/{repo}/{job-number}",
        build,
    ),
    (
        Method::GET,
        "/api/private/output/raw/{project-slug}/{job-number}/output/{index}/{step}",
        output,
    ),
    (
        Method::GET,
        "/api/private/output/raw/{project-slug}/{job-number}/error/{index}/{step}",
        silence,
    ),
];

impl World {
    /// Returns the workflow whose job has the requested number.
    fn job(&self, request: &Received) -> Result<&Run, Refusal> {
        let number = request.path("job-number").or(request.path("build_num"));
        let number = number.unwrap_or_default();
        let mut runs = self.runs();
        runs.find(|run| run.has_job() && run.job_number.to_string() == number)
            .ok_or_else(|| not_found("Job"))
    }
}

/// Returns the job's details. Each call moves the job's workflow to its next state, just as reading the workflow does.
fn details(world: &mut World, request: &Received) -> Outcome {
    let id = world.job(request)?.id.clone();
    world.look(&id);
    let run = world.job(request)?;
    let (slug, status) = (&world.slug, run.job_status());
    let (_, repository) = world.repository();
    let started = run.started_at.unwrap_or(run.created_at);
    let duration = run
        .stopped_at
        .map(|stopped| (stopped - started).num_milliseconds());
    let json = json!({
        "web_url": format!(
            "https://app.circleci.com/pipelines/{slug}/{}/workflows/{}/jobs/{}",
            run.pipeline_number, run.id, run.job_number
        ),
        "project": { "id": world.project_id, "slug": slug, "name": slug.project(), "external_url": repository },
        "parallel_runs": [{ "index": 0, "status": status }],
        "started_at": date(started),
        "latest_workflow": { "id": run.id, "name": run.script.name },
        "name": run.script.name,
        "executor": { "resource_class": "medium", "type": "docker" },
        "parallelism": 1,
        "status": status,
        "number": run.job_number,
        "pipeline": { "id": run.pipeline },
        "duration": duration,
        "created_at": date(run.created_at),
        "messages": [],
        "contexts": [],
        "organization": { "name": slug.organization() },
        "queued_at": date(run.created_at),
        "stopped_at": optional_date(run.stopped_at),
    });
    ok(json)
}

fn artifacts(world: &mut World, request: &Received) -> Outcome {
    let server = format!("http://{}", request.host);
    let artifacts = world.job(request)?.script.artifacts.iter();
    let items = artifacts
        .map(|path| json!({ "path": path, "node_index": 0, "url": file_url(&server, path) }));
    let items = items.collect();
    list_in_order(world, request, items, false)
}

fn tests(world: &mut World, request: &Received) -> Outcome {
    let tests = world.job(request)?.script.tests.iter();
    let items = tests.map(|case| {
        json!({
            "message": case.message,
            "source": "unknown",
            "run_time": 0.25,
            "file": "tests/test_all.py",
            "result": case.result,
            "name": case.name,
            "classname": "tests.test_all",
        })
    });
    let items = items.collect();
    list_in_order(world, request, items, false)
}

/// Returns a build in the format of API version 1.1. Only its last step has output.
fn build(world: &mut World, request: &Received) -> Outcome {
    let run = world.job(request)?;
    let (status, failed) = match run.status() {
        WorkflowStatus::Success => ("success", false),
        WorkflowStatus::Canceled => ("canceled", false),
        _ if run.has_ended() => ("failed", true),
        _ => ("running", false),
    };
    let server = format!("http://{}", request.host);
    let file = format!("ci/{}/output/{}", world.project_id, run.job_number);
    let output_url = file_url(&server, &file);
    let step = |step: usize, name: &str, kind: &str| {
        let last = step == 102;
        json!({ "name": name, "actions": [{
            "index": 0,
            "step": step,
            "name": name,
            "type": kind,
            "status": if last { status } else { "success" },
            "failed": if last && failed { json!(true) } else { Value::Null },
            "exit_code": if !last { json!(0) } else if failed { json!(1) } else { Value::Null },
            "start_time": optional_date(run.started_at),
            "end_time": optional_date(run.stopped_at),
            "run_time_millis": run.stopped_at.zip(run.started_at).map(|(end, start)| (end - start).num_milliseconds()),
            "background": false,
            "has_output": last && !run.script.output.is_empty(),
            "truncated": false,
            "canceled": null,
            "timedout": null,
        }] })
    };
    let (checkout, mut test) = (
        step(101, CHECKOUT, "checkout"),
        step(102, &run.script.name, "test"),
    );
    if !run.script.output.is_empty() {
        test["actions"][0]["output_url"] = json!(output_url);
    }
    ok(json!({
        "build_num": run.job_number,
        "build_url": format!("https://circleci.com/{}/{}", world.slug, run.job_number),
        "status": status,
        "outcome": if run.has_ended() { json!(status) } else { Value::Null },
        "lifecycle": if run.has_ended() { "finished" } else { "running" },
        "branch": run.branch,
        "parallel": 1,
        "workflows": {
            "job_name": run.script.name,
            "job_id": run.job,
            "workflow_id": run.id,
            "workflow_name": run.script.name,
        },
        "steps": [checkout, test],
    }))
}

/// Validates a configuration. The mock only checks that the configuration contains the word `version`.
fn compile(_: &mut World, request: &Received) -> Outcome {
    let source = super::world::text(request, "config_yaml")?;
    let valid = source.contains("version");
    let errors = match valid {
        true => json!([]),
        false => json!([{ "message": "version is required" }]),
    };
    let json =
        json!({ "valid": valid, "errors": errors, "output-yaml": source, "source-yaml": source });
    ok(json)
}

/// Returns the output of a step as text. Only the last step has output.
fn output(world: &mut World, request: &Received) -> Outcome {
    let last = request.path("step") == Some("102");
    let text = world.job(request)?.script.output.clone();
    let text = if last { text } else { String::new() };
    Ok(Body::Text(text))
}

/// Returns the standard error of a step, which is always empty.
fn silence(world: &mut World, request: &Received) -> Outcome {
    world.job(request)?;
    Ok(Body::Text(String::new()))
}

/// Returns a job's output in the JSON format of the file at `output_url`. As with every file of the mock, clients need no token
/// to download it.
pub(super) fn stored_output(world: &World, number: &str) -> Option<Body> {
    let mut runs = world.runs();
    let run = runs.find(|run| run.has_job() && run.job_number.to_string() == number)?;
    let time = date(run.started_at.unwrap_or(run.created_at));
    let message = &run.script.output;
    let part = json!({ "message": message, "time": time, "type": "out", "truncated": false });
    Some(Body::Json(json!([part])))
}
