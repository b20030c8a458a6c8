//! Measures tasks that make many calls, 8 at a time, against a server that responds after 100 ms. Compares the time of each
//! task with two others: with its critical path (the number of responses that must be awaited in sequence, times 100 ms), and
//! with the time of a loop that does the same with reqwest.
//!
//! `cargo bench -p circleci-api-bench --bench waits`

mod common;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use circleci_api::artifacts::TokenHosts;
use circleci_api::{Client, Clock, Many};
use serde_json::{Value, json};

const DELAY: Duration = Duration::from_millis(100);
const AT_ONCE: u32 = 8;
const ROUNDS: usize = 3;
const PROJECT: &str = "gh/acme/web";

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn number(target: &str) -> usize {
    let at = target.find("-4000-8000-").map_or(0, |at| at + 11);
    target
        .get(at..at + 12)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn page(items: impl IntoIterator<Item = Value>) -> String {
    let items: Vec<_> = items.into_iter().collect();
    json!({ "items": items, "next_page_token": null }).to_string()
}

fn job(number: usize) -> Value {
    json!({ "id": id(number), "name": format!("job {number}"), "job_number": number, "project_slug": PROJECT, "status": "success", "type": "build" })
}

/// Returns the body for a request. Each of the pipelines 1 to 10 has 3 workflows with 4 jobs each. The 12 jobs of pipeline 1 have
/// 200 files in total. Workflow 800 has 40 jobs.
fn answer(line: &str, base: &str) -> String {
    let target = line.split(' ').nth(1).unwrap_or_default();
    let (path, _) = target.split_once('?').unwrap_or((target, ""));
    let workflow = |at: usize| json!({ "id": id(at), "name": format!("workflow {at}"), "status": "success", "project_slug": PROJECT, "pipeline_number": 1, "stopped_at": "2026-03-01T10:00:00Z" });
    if path.starts_with("/file") {
        return "x".repeat(64 * 1024);
    }
    if path.ends_with("/artifacts") {
        // Of the 12 jobs of pipeline 1, only one has a number that is a multiple of 12.
        let job: usize = path
            .split('/')
            .rev()
            .nth(1)
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        let files = if job.is_multiple_of(12) { 24 } else { 16 };
        return page((0..files).map(|at| json!({ "path": format!("file-{at}"), "node_index": 0, "url": format!("{base}/file") })));
    }
    if path.ends_with("/tests") {
        return page([
            json!({ "name": "adds", "result": "failure" }),
            json!({ "name": "subtracts", "result": "success" }),
        ]);
    }
    if path.ends_with("/job") {
        let workflow = number(path);
        let jobs = match workflow {
            800 => 40,
            _ => 4,
        };
        return page((0..jobs).map(|at| job(workflow * 100 + at)));
    }
    if path.ends_with("/workflow") {
        let pipeline = number(path);
        return page((0..3).map(|at| workflow(pipeline * 3 + at)));
    }
    if path.contains("/environment-variable/") {
        return json!({ "variable": "TOKEN", "context_id": id(1) }).to_string();
    }
    if path.ends_with("/usage_export_job") {
        return json!({ "usage_export_job_id": id(1), "state": "created", "start": "2026-01-01T00:00:00Z", "end": "2026-01-31T00:00:00Z", "download_urls": [] }).to_string();
    }
    if path.contains("/usage_export_job/") {
        let urls: Vec<_> = (0..8).map(|_| format!("{base}/part")).collect();
        return json!({ "usage_export_job_id": id(1), "state": "completed", "download_urls": urls }).to_string();
    }
    if path.starts_with("/part") {
        return "A,B\n1,2\n".to_owned();
    }
    page(
        (1..=10)
            .rev()
            .map(|at| json!({ "id": id(at), "number": at, "project_slug": PROJECT, "errors": [] })),
    )
}

fn main() {
    let address = serve();
    let runtime = common::runtime();
    let client = Client::builder()
        .host(format!("http://{address}"))
        .token("t")
        .build()
        .expect("a client");
    // reqwest needs a TLS provider, which the client above has installed.
    let by_hand = reqwest::Client::new();
    let plain = Plain {
        http: by_hand,
        base: format!("http://{address}"),
    };

    println!(
        "| | calls | critical path | circleci-api | ratio to critical path | a loop with reqwest | times as fast |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in cases(&client, &plain) {
        let ours = median(|| runtime.block_on((case.ours)()));
        let theirs = median(|| runtime.block_on((case.by_loop)()));
        let path = DELAY * case.path;
        println!(
            "| {} | {} | {:.2} s | {:.2} s | {:.2} | {:.2} s | {:.1} |",
            case.name,
            case.calls,
            path.as_secs_f64(),
            ours.as_secs_f64(),
            ours.as_secs_f64() / path.as_secs_f64(),
            theirs.as_secs_f64(),
            theirs.as_secs_f64() / ours.as_secs_f64(),
        );
    }
}

type Run = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

struct Case {
    name: &'static str,
    calls: u32,
    /// The number of responses that must be awaited in sequence.
    path: u32,
    ours: Run,
    by_loop: Run,
}

fn run<F: Future<Output = ()> + 'static>(make: impl Fn() -> F + 'static) -> Run {
    Box::new(move || Box::pin(make()))
}

fn cases(client: &Client, plain: &Plain) -> Vec<Case> {
    let rounds = |calls: u32| calls.div_ceil(AT_ONCE);
    let of = || (client.clone(), plain.clone());
    let ((a, p), (b, q), (c, r), (d, s), (e, t)) = (of(), of(), of(), of(), of());
    vec![
        Case {
            name: "overview of 10 pipelines with 3 workflows of 4 jobs",
            calls: 41,
            path: 1 + rounds(40),
            ours: run(move || overview(a.clone())),
            by_loop: run(move || p.clone().overview()),
        },
        Case {
            name: "artifacts of a pipeline of 12 jobs, 200 files of 64 kB",
            calls: 216,
            path: 1 + rounds(3) + rounds(12) + rounds(200),
            ours: run(move || artifacts(b.clone())),
            by_loop: run(move || q.clone().artifacts()),
        },
        Case {
            name: "a variable into 50 contexts",
            calls: 50,
            path: rounds(50),
            ours: run(move || variables(c.clone())),
            by_loop: run(move || r.clone().variables()),
        },
        Case {
            name: "failed tests of a workflow with 40 jobs",
            calls: 41,
            path: 1 + rounds(40),
            ours: run(move || failed_tests(d.clone())),
            by_loop: run(move || s.clone().failed_tests()),
        },
        Case {
            name: "an export of three months in 24 parts",
            calls: 30,
            path: rounds(3) + rounds(3) + rounds(24),
            ours: run(move || export(e.clone())),
            by_loop: run(move || t.clone().export()),
        },
    ]
}

async fn overview(client: Client) {
    let overviews = client
        .project_overview(PROJECT, 10)
        .send()
        .await
        .expect("an overview");
    let jobs: usize = overviews.iter().map(|it| it.jobs().count()).sum();
    assert_eq!(jobs, 120);
}

async fn artifacts(client: Client) {
    let out = folder();
    let download = client
        .download_pipeline_artifacts(id(1))
        .token_hosts(TokenHosts::none());
    let artifacts = download.into_folder(&out).await.expect("artifacts");
    assert_eq!((artifacts.files.len(), artifacts.failed.len()), (200, 0));
    std::fs::remove_dir_all(out).expect("a folder");
}

async fn variables(client: Client) {
    let calls = (0..50).map(|at| {
        client
            .set_context_variables(id(at), [("TOKEN", "x")])
            .send()
    });
    let done = Many::new(calls).into_vec().await;
    assert!(done.into_iter().all(|done| done.into_result().is_ok()));
}

async fn failed_tests(client: Client) {
    let failed = client
        .failed_tests(id(800))
        .at_once(8)
        .send()
        .await
        .expect("tests");
    assert_eq!(failed.len(), 40);
}

async fn export(client: Client) {
    let client = Client::builder()
        .host(client.base_url())
        .token("t")
        .clock(NoWaiting)
        .build()
        .expect("a client");
    let end = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_772_366_400);
    let start = end - chrono::TimeDelta::days(89);
    let out = folder();
    std::fs::create_dir_all(&out).expect("a folder");
    let export = client.usage_export(id(1), start, end);
    let bytes = export
        .to_file(out.join("usage.csv"))
        .await
        .expect("an export");
    assert_eq!(bytes, 4 + 24 * 4);
    std::fs::remove_dir_all(out).expect("a folder");
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("circleci-api-waits-{}", std::process::id()))
}

/// The measured tasks, written as loops with reqwest. These loops have no retries, no checks and no limits.
#[derive(Clone)]
struct Plain {
    http: reqwest::Client,
    base: String,
}

impl Plain {
    async fn get(&self, path: &str) -> Vec<Value> {
        let response = self
            .http
            .get(format!("{}/api/v2{path}", self.base))
            .send()
            .await
            .expect("an answer");
        let bytes = response.bytes().await.expect("a body");
        let mut body: Value = serde_json::from_slice(&bytes).expect("JSON");
        match body["items"].take() {
            Value::Array(items) => items,
            _ => vec![body],
        }
    }

    async fn file(&self, url: &str) -> circleci_api::bytes::Bytes {
        let response = self.http.get(url).send().await.expect("an answer");
        response.bytes().await.expect("a body")
    }

    async fn overview(self) {
        let mut jobs = 0;
        for pipeline in self.get(&format!("/project/{PROJECT}/pipeline")).await {
            for workflow in self
                .get(&format!("/pipeline/{}/workflow", text(&pipeline, "id")))
                .await
            {
                jobs += self
                    .get(&format!("/workflow/{}/job", text(&workflow, "id")))
                    .await
                    .len();
            }
        }
        assert_eq!(jobs, 120);
    }

    async fn artifacts(self) {
        let out = folder();
        std::fs::create_dir_all(&out).expect("a folder");
        let mut files = 0;
        for workflow in self.get(&format!("/pipeline/{}/workflow", id(1))).await {
            for job in self
                .get(&format!("/workflow/{}/job", text(&workflow, "id")))
                .await
            {
                for artifact in self
                    .get(&format!(
                        "/project/{PROJECT}/{}/artifacts",
                        job["job_number"]
                    ))
                    .await
                {
                    let bytes = self.file(&text(&artifact, "url")).await;
                    tokio::fs::write(out.join(files.to_string()), bytes)
                        .await
                        .expect("a file");
                    files += 1;
                }
            }
        }
        assert_eq!(files, 200);
        std::fs::remove_dir_all(out).expect("a folder");
    }

    async fn variables(self) {
        for at in 0..50 {
            let url = format!(
                "{}/api/v2/context/{}/environment-variable/TOKEN",
                self.base,
                id(at)
            );
            let call = self.http.put(url).body(r#"{"value":"x"}"#);
            call.send()
                .await
                .expect("an answer")
                .bytes()
                .await
                .expect("a body");
        }
    }

    async fn failed_tests(self) {
        let mut failed = 0;
        for job in self.get(&format!("/workflow/{}/job", id(800))).await {
            let tests = self
                .get(&format!("/project/{PROJECT}/{}/tests", job["job_number"]))
                .await;
            failed += tests
                .iter()
                .filter(|test| test["result"] == "failure")
                .count();
        }
        assert_eq!(failed, 40);
    }

    async fn export(self) {
        let mut parts = 0;
        for _ in 0..3 {
            self.get("/organizations/x/usage_export_job").await;
            for job in self.get("/organizations/x/usage_export_job/y").await {
                for url in job["download_urls"].as_array().into_iter().flatten() {
                    self.file(url.as_str().unwrap_or_default()).await;
                    parts += 1;
                }
            }
        }
        assert_eq!(parts, 24);
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn serve() -> SocketAddr {
    let listening = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let base = std::sync::Arc::clone(&listening);
    let address = common::server::start(DELAY, move |line| {
        let base = base.get().map_or("", String::as_str);
        common::server::respond(answer(line, base))
    });
    let _ = listening.set(format!("http://{address}"));
    address
}

fn median(mut once: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            once();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

/// A clock that skips waits. How long to wait between two polls of an export depends on CircleCI, so the waits are not measured.
struct NoWaiting;

impl Clock for NoWaiting {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}
