//! Response bodies in CircleCI's format. They have no white space between tokens, because skipping it is the same work for
//! every client.

use serde_json::{Value, json};

fn id(kind: u32, number: usize) -> String {
    format!("5034460f-{kind:04x}-4c43-9457-{number:012x}")
}

fn time(number: usize, millis: usize) -> String {
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    format!("2026-03-01T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Returns the body of a response with one workflow.
pub fn workflow() -> String {
    json!({
        "pipeline_id": id(1, 1), "canceled_by": null, "id": id(2, 1), "name": "build-and-test",
        "project_slug": "gh/acme/web", "errored_by": null, "tag": null, "status": "success", "started_by": id(3, 1),
        "max_auto_reruns": null, "auto_rerun_number": null, "pipeline_number": 2517,
        "created_at": "2026-03-01T10:00:00Z", "stopped_at": "2026-03-01T10:07:41Z",
    })
    .to_string()
}

/// Returns the body of the response to a request that triggers a pipeline.
pub fn created() -> String {
    json!({ "number": 2518, "state": "pending", "id": id(1, 2), "created_at": "2026-03-01T10:00:00.123Z" }).to_string()
}

/// Returns a page of 20 pipelines.
pub fn pipelines() -> String {
    let items: Vec<Value> = (0..20).map(pipeline).collect();
    json!({ "next_page_token": "AARLwwV9GkMGaOD-Ppjq5l1vzuJ2_K6o8C4xg7Lc", "items": items })
        .to_string()
}

fn pipeline(number: usize) -> Value {
    let api = number.is_multiple_of(5);
    let errors = match number {
        7 => {
            json!([{ "type": "config", "message": "Cannot find a definition for command named \"deploy\"" }])
        }
        _ => json!([]),
    };
    let parameters = match api {
        true => json!({ "deploy": true, "environment": "staging", "parallel": 4 }),
        false => json!({}),
    };
    json!({
        "id": id(1, number), "errors": errors, "project_slug": "gh/acme/web",
        "updated_at": time(number * 977, 312), "created_at": time(number * 977, 45), "number": 2500 + number,
        "trigger_parameters": parameters, "state": if number == 7 { "errored" } else { "created" },
        "trigger": {
            "received_at": time(number * 977, 3), "type": if api { "api" } else { "webhook" },
            "actor": { "login": "octocat", "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4" },
        },
        "vcs": {
            "origin_repository_url": "https://github.com/acme/web", "target_repository_url": "https://github.com/acme/web",
            "revision": format!("{number:040x}"), "provider_name": "GitHub", "branch": "feature/faster-checkout",
            "commit": { "body": "So that the tests start a minute earlier.", "subject": "Check out fewer commits" },
        },
    })
}

/// Returns a page with `count` jobs of a workflow.
pub fn jobs(count: usize) -> String {
    let items: Vec<Value> = (0..count).map(job).collect();
    json!({ "next_page_token": null, "items": items }).to_string()
}

fn job(number: usize) -> Value {
    let status = [
        "success", "success", "failed", "running", "blocked", "canceled", "not_run",
    ][number % 7];
    let mut job = json!({
        "dependencies": [id(4, number / 2), id(4, number / 3)], "job_number": 40_000 + number, "id": id(4, number),
        "started_at": time(number * 31, 0), "name": format!("test-{number}"), "project_slug": "gh/acme/web",
        "status": status, "type": "build", "stopped_at": time(number * 31 + 240, 0),
        "requires": { id(4, number / 2): ["success"], id(4, number / 3): ["success", "failed"] },
    });
    if number % 50 == 49 {
        job["type"] = "approval".into();
        job["approval_request_id"] = id(5, number).into();
        job["approved_by"] = id(3, 1).into();
    }
    job
}
