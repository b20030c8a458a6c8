//! A small server with the Insights of one project. The project has flaky tests and three workflows, and one workflow becomes
//! slower each day.

use std::borrow::Cow;
use std::time::SystemTime;

use circleci_api::chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub const PROJECT: &str = "gh/acme/web";

/// Starts a server with the three fixed workflows. The server stops when it is dropped.
pub async fn start() -> MockServer {
    start_with(WORKFLOWS.len()).await
}

/// Starts a server with `count` workflows. The fixed workflows come first, then generated ones with various figures.
pub async fn start_with(count: usize) -> MockServer {
    let server = MockServer::start().await;
    let known = WORKFLOWS.into_iter();
    let workflows: Vec<Workflow> = known.chain((0..).map(service)).take(count).collect();
    let flaky = json!({ "flaky_tests": flaky_tests(), "total_flaky_tests": 4 });
    let metrics = page(workflows.iter().map(metrics).collect());
    let mut bodies = vec![
        ("flaky-tests".to_owned(), flaky),
        ("workflows".to_owned(), metrics),
    ];
    for workflow in &workflows {
        bodies.push((format!("workflows/{}", workflow.name), page(runs(workflow))));
    }
    for (path, body) in bodies {
        Mock::given(method("GET"))
            .and(path_regex(format!("^/api/v2/insights/gh/acme/web/{path}$")))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    server
}

struct Workflow {
    name: Cow<'static, str>,
    runs_a_day: u32,
    /// The chance that a run fails, in percent.
    fail: u32,
    seconds: u32,
    /// The number of seconds by which the runs become slower each day.
    slower: u32,
    credits: u32,
}

const WORKFLOWS: [Workflow; 3] = [
    Workflow {
        name: Cow::Borrowed("build-and-test"),
        runs_a_day: 14,
        fail: 8,
        seconds: 280,
        slower: 6,
        credits: 120,
    },
    Workflow {
        name: Cow::Borrowed("deploy"),
        runs_a_day: 3,
        fail: 3,
        seconds: 122,
        slower: 0,
        credits: 35,
    },
    Workflow {
        name: Cow::Borrowed("nightly"),
        runs_a_day: 1,
        fail: 20,
        seconds: 2400,
        slower: 0,
        credits: 2100,
    },
];

fn service(number: u32) -> Workflow {
    Workflow {
        name: Cow::Owned(format!("service-{number:02}-with-a-name-of-some-length")),
        runs_a_day: 1 + number % 9,
        fail: number * 7 % 31,
        seconds: 60 + number * 97 % 1900,
        slower: number % 3,
        credits: 20 + number * 331 % 4000,
    }
}

fn page(items: Vec<Value>) -> Value {
    json!({ "items": items, "next_page_token": null })
}

fn metrics(workflow: &Workflow) -> Value {
    let runs = runs(workflow);
    let failed = runs.iter().filter(|run| run["status"] == "failed").count();
    let mut durations: Vec<_> = runs
        .iter()
        .filter_map(|run| run["duration"].as_i64())
        .collect();
    durations.sort_unstable();
    let credits: i64 = runs
        .iter()
        .filter_map(|run| run["credits_used"].as_i64())
        .sum();
    json!({
        "name": workflow.name,
        "project_id": null,
        "metrics": {
            "total_runs": runs.len(),
            "successful_runs": runs.len() - failed,
            "failed_runs": failed,
            "success_rate": 1.0 - failed as f64 / runs.len().max(1) as f64,
            "throughput": f64::from(workflow.runs_a_day),
            "mttr": 5400,
            "total_credits_used": credits,
            "total_recoveries": null,
            "duration_metrics": {
                "median": durations.get(durations.len() / 2),
                "p95": durations.get(durations.len() * 95 / 100),
            },
        },
    })
}

/// Returns the runs of the last thirty days, with fewer runs on weekends. The figures are the same in every call.
fn runs(workflow: &Workflow) -> Vec<Value> {
    let now = DateTime::<Utc>::from(SystemTime::now());
    let mut dice = 0x2545_F491_u32;
    let mut throw = |sides: u32| {
        dice ^= dice << 13;
        dice ^= dice >> 17;
        dice ^= dice << 5;
        dice % sides
    };
    let mut runs = Vec::new();
    for day in 0..30 {
        let weekend = day % 7 > 4;
        let count = match workflow.runs_a_day {
            1 => 1,
            many if weekend => throw(many / 2 + 1),
            many => many / 2 + throw(many),
        };
        for _ in 0..count {
            let created = now
                - TimeDelta::hours(i64::from(24 * (29 - day) + throw(23)))
                - TimeDelta::minutes(2);
            let status = if throw(100) < workflow.fail {
                "failed"
            } else {
                "success"
            };
            let usual = workflow.seconds + workflow.slower * day;
            runs.push(json!({
                "id": format!("90000000-4d2a-4f00-9e11-{:012}", runs.len()),
                "branch": "main",
                "created_at": created.to_rfc3339_opts(SecondsFormat::Millis, true),
                "stopped_at": null,
                "status": status,
                "duration": usual * (90 + throw(40)) / 100,
                "credits_used": workflow.credits * (90 + throw(20)) / 100,
                "is_approval": null,
            }));
        }
    }
    runs
}

fn flaky_tests() -> Vec<Value> {
    [
        (
            "socket",
            "reconnects_after_timeout",
            "tests/socket.rs",
            "test",
            1797,
            4,
            1136,
        ),
        (
            "checkout",
            "adds_tax_at_midnight",
            "tests/checkout.rs",
            "test",
            1811,
            11,
            640,
        ),
        (
            "",
            "uploads a large file",
            "e2e/upload.spec.ts",
            "e2e",
            1802,
            4,
            2950,
        ),
        (
            "cache",
            "evicts_the_oldest",
            "tests/cache.rs",
            "test",
            1790,
            2,
            95,
        ),
    ]
    .into_iter()
    .map(|(class, name, file, job, number, flaked, wasted)| {
        json!({
            "test_name": name,
            "classname": class,
            "file": file,
            "source": "nextest",
            "job_name": job,
            "job_number": number,
            "pipeline_number": 498,
            "workflow_id": "90000000-4d2a-4f00-9e11-000000000498",
            "workflow_name": "build-and-test",
            "workflow_created_at": "2026-03-01T16:40:12.000Z",
            "times_flaked": flaked,
            "time_wasted": wasted,
        })
    })
    .collect()
}
