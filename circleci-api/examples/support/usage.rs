//! A small server that exports one month's usage of one organization, in two compressed parts.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use circleci_api::Clock;
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub const ORGANIZATION: &str = "1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a";

/// A clock that skips waits, because this server needs no time for an export. CircleCI needs minutes.
pub struct NoWaiting;

impl Clock for NoWaiting {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

/// Starts the server. It stops when it is dropped.
pub async fn start() -> MockServer {
    let server = MockServer::start().await;
    let job = json!({ "usage_export_job_id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "state": "created", "download_urls": null });
    let (mut processing, mut completed) = (job.clone(), job.clone());
    processing["state"] = json!("processing");
    completed["state"] = json!("completed");
    let urls = ["0.csv.gz", "1.csv.gz"].map(|part| format!("{}/storage/{part}", server.uri()));
    completed["download_urls"] = json!(urls);

    let answer = |status, body| ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("POST"))
        .and(path_regex("/usage_export_job$"))
        .respond_with(answer(201, job))
        .mount(&server)
        .await;
    let look = || Mock::given(method("GET")).and(path_regex("/usage_export_job/"));
    look()
        .respond_with(answer(200, processing))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    look()
        .respond_with(answer(200, completed))
        .mount(&server)
        .await;
    for (number, rows) in USED.chunks(USED.len().div_ceil(2)).enumerate() {
        let part = ResponseTemplate::new(200).set_body_bytes(pack(rows));
        Mock::given(path(format!("/storage/{number}.csv.gz")))
            .respond_with(part)
            .mount(&server)
            .await;
    }
    server
}

/// The usage. Each row has a project, a resource class, the number of runs, the seconds per run and the credits per run.
const USED: [(&str, &str, u32, u32, u32); 11] = [
    ("web", "large", 412, 284, 95),
    ("web", "medium", 380, 61, 11),
    ("web", "xlarge", 30, 2400, 1600),
    ("api", "large", 290, 310, 104),
    ("api", "small", 610, 32, 3),
    ("ios", "macos.m1.medium.gen1", 96, 900, 1800),
    ("ios", "medium", 96, 45, 8),
    ("android", "large", 150, 720, 240),
    (
        "data-pipeline-with-a-long-name",
        "gpu.nvidia.small",
        12,
        1800,
        4800,
    ),
    ("docs", "small", 240, 40, 4),
    ("docs", "", 12, 0, 1),
];

fn pack(rows: &[(&str, &str, u32, u32, u32)]) -> Vec<u8> {
    let mut part = GzEncoder::new(Vec::new(), Compression::default());
    let mut write = |line: String| part.write_all(line.as_bytes()).unwrap_or_default();
    write("project_name,resource_class,job_name,job_run_seconds,total_credits\n".to_owned());
    for (project, class, runs, seconds, credits) in rows {
        for run in 0..*runs {
            write(format!(
                "{project},{class},job-{},{},{credits}\n",
                run % 3,
                seconds + run % 7
            ));
        }
    }
    part.finish().unwrap_or_default()
}
