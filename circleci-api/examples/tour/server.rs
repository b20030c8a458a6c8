//! A small CircleCI in this process: one organization, one project, and a triggered pipeline that advances with each poll.
//!
//! Its responses differ from the document in the same ways as CircleCI's responses: they have snake_case keys instead of
//! kebab-case keys, nulls instead of values, unknown keys, and unknown enum values.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use circleci_api::reqwest::Url;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub const TOKEN: &str = "CCIPAT_of_the_tour";
pub const PROJECT: &str = "gh/acme/web";

const ORGANIZATION: &str = "gh/acme";
const PROJECT_ID: &str = "5f0c1b52-7c0e-4b0b-9a55-0d5e1f3a9c01";
const DEFINITION: &str = "8d1a7be4-26cf-4f0e-8c5c-6f1f0c1b7a02";
const CONTEXT: &str = "2b6e3f10-93d4-4f52-b1a7-7c9d0e5f4a03";
const USER: &str = "c4d5e6f7-1a2b-4c3d-8e4f-5a6b7c8d9e04";

/// The id of the failed pipeline's workflow. The ids after this one belong to the pipeline that the tour triggers.
const FAILED: &str = "10000000-4d2a-4f00-9e11-000000000512";
const SETUP: &str = "20000000-4d2a-4f00-9e11-000000000513";
const BUILD: &str = "30000000-4d2a-4f00-9e11-000000000513";
const DEPLOY: &str = "40000000-4d2a-4f00-9e11-000000000513";
const APPROVAL: &str = "50000000-4d2a-4f00-9e11-000000000513";

/// A request that the server received.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    headers: HeaderMap,
    pub body: Bytes,
}

/// The server. It stops when it is dropped.
pub struct SmallCircleCi {
    url: String,
    world: Arc<Mutex<World>>,
    accepting: JoinHandle<()>,
}

impl SmallCircleCi {
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        // If the loopback interface does not work, fail at once.
        drop(TcpStream::connect(address).await?);
        let url = format!("http://{address}");
        let world = Arc::<Mutex<World>>::default();
        let accepting = tokio::spawn(accept(listener, url.clone(), Arc::clone(&world)));
        Ok(Self {
            url,
            world,
            accepting,
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the requests that the server has received so far.
    pub fn received(&self) -> Vec<Request> {
        lock(&self.world).received.clone()
    }
}

impl Drop for SmallCircleCi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, url: String, world: Arc<Mutex<World>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (url, world) = (url.clone(), Arc::clone(&world));
        let service = service_fn(move |request| {
            let (url, world) = (url.clone(), Arc::clone(&world));
            async move {
                let response = match read(request, &url).await {
                    Some(request) => lock(&world).respond(request),
                    None => response(message(400, "Bad Request")),
                };
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move {
            // If a connection breaks, only the client has to handle it.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn read(request: hyper::Request<Incoming>, server: &str) -> Option<Request> {
    let (head, body) = request.into_parts();
    Some(Request {
        method: head.method,
        url: Url::parse(&format!("{server}{}", head.uri)).ok()?,
        headers: head.headers,
        body: body.collect().await.ok()?.to_bytes(),
    })
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let (status, kind, body) = match answer {
        Answer::Json(status, body) => (status, "application/json", body.to_string()),
        // CircleCI's rate limiter answers in plain text.
        Answer::Busy => (429, "text/plain", "Rate limited.".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    insert(headers, "content-type", kind.to_owned());
    if status == 429 {
        insert(headers, "retry-after", "0".to_owned());
    }
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

enum Answer {
    Json(u16, Value),
    Busy,
}

/// The state of the server.
#[derive(Default)]
struct World {
    requests: u64,
    /// The project's variables: each name with its value.
    variables: BTreeMap<String, String>,
    context_variables: BTreeMap<String, String>,
    triggered: Option<Triggered>,
    received: Vec<Request>,
}

/// The pipeline that was triggered. Each request for its workflows advances it.
struct Triggered {
    parameters: Value,
    polls: u32,
    approved_at: Option<u32>,
}

impl World {
    fn respond(&mut self, request: Request) -> Response<Full<Bytes>> {
        self.requests += 1;
        let mut response = response(self.answer(&request));
        self.received.push(request);
        let headers = response.headers_mut();
        let id = format!("7f2c0000-0000-4000-8000-{:012}", self.requests);
        insert(headers, "x-request-id", id);
        insert(headers, "ratelimit-limit", "300".to_owned());
        let remaining = 300_u64.saturating_sub(self.requests);
        insert(headers, "ratelimit-remaining", remaining.to_string());
        response
    }

    fn answer(&mut self, request: &Request) -> Answer {
        if request
            .headers
            .get("circle-token")
            .is_none_or(|token| token != TOKEN)
        {
            return message(401, "You must log in first.");
        }
        if self.requests == 1 {
            return Answer::Busy;
        }

        let mut segments: Vec<_> = request
            .url
            .path_segments()
            .into_iter()
            .flatten()
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
            .collect();
        // The three parts of a slug are separate segments of the path. Join them, so that a route can match the whole slug.
        if let [
            "api",
            "v2",
            "project" | "insights",
            vcs,
            organization,
            project,
            ..,
        ] = &segments.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..]
        {
            let slug = format!("{vcs}/{organization}/{project}");
            segments.splice(3..6, [slug.into()]);
        }
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let ["api", "v2", path @ ..] = &segments[..] else {
            return message(404, "Not Found");
        };
        let page = request
            .url
            .query_pairs()
            .find(|(name, _)| name == "page-token");
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();

        match (request.method.as_str(), path) {
            ("GET", ["me"]) => {
                ok(json!({ "id": USER, "login": "jo", "name": "Jo Doe", "avatar_url": null }))
            }

            ("GET", ["project", PROJECT]) => ok(project()),
            ("GET", ["projects", PROJECT_ID, "pipeline-definitions"]) => ok(definitions()),
            ("GET", ["project", PROJECT, "pipeline"]) => {
                pipelines(page.as_ref().map(|(_, token)| token.as_ref()))
            }
            ("POST", ["project", PROJECT, "pipeline", "run"]) => self.trigger(&body),

            ("GET", ["pipeline", id, "workflow"]) if *id == pipeline_id(512) => {
                ok(list(vec![workflow(
                    FAILED,
                    512,
                    "build-and-test",
                    "failed",
                )]))
            }
            ("GET", ["pipeline", id]) if *id == pipeline_id(512) => ok(pipeline(
                512,
                "webhook",
                Some("checkout"),
                "Round prices half to even",
            )),
            ("GET", ["pipeline", id]) if *id == pipeline_id(513) && self.triggered.is_some() => {
                ok(pipeline(513, "api", Some("main"), "Release 2.5.0"))
            }
            ("GET", ["pipeline", id, "workflow"]) if *id == pipeline_id(513) => self.workflows(),
            ("GET", ["pipeline", id, "values"]) if *id == pipeline_id(513) => self.values(),
            ("GET", ["workflow", FAILED, "job"]) => ok(list(failed_jobs())),
            ("GET", ["workflow", DEPLOY, "job"]) => ok(list(deploy_jobs())),
            ("POST", ["workflow", DEPLOY, "approve", APPROVAL]) => self.approve(),

            ("GET", ["project", PROJECT, "1843", "tests"]) => ok(list(tests())),
            ("GET", ["project", PROJECT, "1843", "artifacts"]) => ok(list(artifacts())),
            ("GET", ["insights", PROJECT, "workflows"]) => ok(list(workflow_metrics())),
            ("GET", ["insights", PROJECT, "flaky-tests"]) => ok(flaky_tests()),

            ("GET", ["project", PROJECT, "envvar"]) => ok(list(
                self.variables
                    .iter()
                    .map(|(name, value)| variable(name, value))
                    .collect(),
            )),
            ("POST", ["project", PROJECT, "envvar"]) => {
                match (body["name"].as_str(), body["value"].as_str()) {
                    (Some(name), Some(value)) => {
                        self.variables.insert(name.to_owned(), value.to_owned());
                        Answer::Json(201, variable(name, value))
                    }
                    _ => message(400, "name and value are required"),
                }
            }
            ("DELETE", ["project", PROJECT, "envvar", name])
                if self.variables.remove(*name).is_some() =>
            {
                message(200, "Environment variable deleted.")
            }
            ("GET" | "DELETE", ["project", PROJECT, "envvar", name]) => {
                match self.variables.get(*name) {
                    Some(value) => ok(variable(name, value)),
                    None => message(404, "Environment variable not found."),
                }
            }

            ("GET", ["context"]) => ok(list(vec![
                json!({ "id": CONTEXT, "name": "deploy", "created_at": "2025-11-03T10:20:30.400Z" }),
            ])),
            ("GET", ["context", CONTEXT, "environment-variable"]) => ok(list(
                self.context_variables
                    .iter()
                    .map(|(name, value)| context_variable(name, value))
                    .collect(),
            )),
            ("PUT", ["context", CONTEXT, "environment-variable", name]) => {
                match body["value"].as_str() {
                    Some(value) => {
                        self.context_variables
                            .insert((*name).to_owned(), value.to_owned());
                        ok(context_variable(name, value))
                    }
                    None => message(400, "value is required"),
                }
            }
            ("DELETE", ["context", CONTEXT, "environment-variable", name]) => {
                self.context_variables.remove(*name);
                message(200, "Environment variable deleted.")
            }

            // CircleCI gives the same response for an object that does not exist and for an object that the token may not read.
            ("GET", ["project", ..] | ["insights", ..]) => message(404, "Project not found"),
            _ => message(404, "Not Found"),
        }
    }

    fn trigger(&mut self, body: &Value) -> Answer {
        if body["definition_id"] != DEFINITION {
            return message(404, "Pipeline definition not found");
        }
        self.triggered = Some(Triggered {
            parameters: body["parameters"].clone(),
            polls: 0,
            approved_at: None,
        });
        Answer::Json(
            201,
            json!({ "id": pipeline_id(513), "number": 513, "state": "pending", "created_at": "2026-05-06T09:30:00Z" }),
        )
    }

    /// Lists the workflows of the triggered pipeline. The list is empty at first. Later polls add the setup workflow, the build
    /// and a deployment that is on hold.
    fn workflows(&mut self) -> Answer {
        let Some(run) = &mut self.triggered else {
            return message(404, "Pipeline not found");
        };
        run.polls += 1;
        let build = match run.polls {
            0..=3 => None,
            4 => Some("running"),
            _ => Some("success"),
        };
        let deploy = match run.approved_at {
            None => (run.polls > 4).then_some("on_hold"),
            Some(then) => Some(if run.polls > then + 1 {
                "success"
            } else {
                "running"
            }),
        };
        let mut setup = workflow(
            SETUP,
            513,
            "setup",
            if run.polls < 4 { "running" } else { "success" },
        );
        setup["tag"] = json!("setup");
        let workflows = [
            (run.polls > 2).then_some(setup),
            build.map(|status| workflow(BUILD, 513, "build-and-test", status)),
            deploy.map(|status| workflow(DEPLOY, 513, "deploy", status)),
        ];
        ok(list(workflows.into_iter().flatten().collect()))
    }

    fn approve(&mut self) -> Answer {
        match &mut self.triggered {
            Some(run) if run.polls > 4 => {
                run.approved_at.get_or_insert(run.polls);
                message(202, "Accepted.")
            }
            _ => message(404, "Workflow not found"),
        }
    }

    /// Returns the triggered pipeline's values: its number, and the parameters with which it was triggered.
    fn values(&self) -> Answer {
        let Some(run) = &self.triggered else {
            return message(404, "Pipeline not found");
        };
        let mut values = BTreeMap::from([("pipeline.number".to_owned(), json!(513))]);
        for (name, value) in run.parameters.as_object().into_iter().flatten() {
            values.insert(format!("pipeline.parameters.{name}"), value.clone());
        }
        ok(json!(values))
    }
}

fn ok(body: Value) -> Answer {
    Answer::Json(200, body)
}

fn message(status: u16, text: &str) -> Answer {
    Answer::Json(status, json!({ "message": text }))
}

/// Returns a list that has only one page.
fn list(items: Vec<Value>) -> Value {
    json!({ "items": items, "next_page_token": null })
}

fn pipeline_id(number: u32) -> String {
    format!("a1b2c3d4-5e6f-4a7b-8c9d-000000000{number}")
}

/// Returns the page of pipelines that the page token selects. There are three pages, and the second one is empty.
fn pipelines(token: Option<&str>) -> Answer {
    let (items, next) = match token {
        None => (
            vec![
                pipeline(
                    512,
                    "webhook",
                    Some("checkout"),
                    "Round prices half to even",
                ),
                // The document does not list the enum value `schedule`.
                pipeline(510, "schedule", Some("main"), "Merge pull request #86"),
            ],
            Some("AARLwwXp1v"),
        ),
        Some("AARLwwXp1v") => (vec![], Some("AARLwwYc07")),
        Some("AARLwwYc07") => (
            vec![
                pipeline(509, "webhook", None, "Release 2.4.0"),
                pipeline(508, "webhook", Some("main"), "Merge pull request #85"),
            ],
            None,
        ),
        Some(_) => return message(400, "Invalid page token"),
    };
    ok(json!({ "items": items, "next_page_token": next }))
}

/// Returns a pipeline. If `branch` is `None`, the pipeline has a tag.
fn pipeline(number: u32, trigger: &str, branch: Option<&str>, subject: &str) -> Value {
    let mut vcs = json!({
        "provider_name": "GitHub",
        "origin_repository_url": "https://github.com/acme/web",
        "target_repository_url": "https://github.com/acme/web",
        "revision": "f454a02b5d10fcccfd7d9dd7608a76d6493a98b4",
        "commit": { "subject": subject, "body": "" },
    });
    match branch {
        Some(branch) => vcs["branch"] = json!(branch),
        None => vcs["tag"] = json!("v2.4.0"),
    }
    json!({
        "id": pipeline_id(number),
        "number": number,
        "project_slug": PROJECT,
        "state": "created",
        "errors": [],
        "created_at": "2026-05-06T09:14:03.512Z",
        "updated_at": "2026-05-06T09:14:03Z",
        "trigger": {
            "type": trigger,
            "received_at": "2026-05-06T09:14:03.109Z",
            "actor": { "login": "jo", "avatar_url": null },
        },
        "trigger_parameters": null,
        "vcs": vcs,
    })
}

fn project() -> Value {
    json!({
        "id": PROJECT_ID,
        "slug": PROJECT,
        "name": "web",
        "organization_id": "9e8d7c6b-5a49-4838-a727-161504f3e205",
        "organization_name": "acme",
        "organization_slug": ORGANIZATION,
        "vcs_info": { "provider": "GitHub", "vcs_url": "https://github.com/acme/web", "default_branch": "main" },
    })
}

fn definitions() -> Value {
    let repo = json!({ "external_id": "41230987", "full_name": "acme/web" });
    json!({
        "items": [{
            "id": DEFINITION,
            "name": "build-test-deploy",
            "description": null,
            "created_at": "2025-02-14T08:00:00.000Z",
            "config_source": { "provider": "github_app", "repo": repo, "file_path": ".circleci/config.yml" },
            "checkout_source": { "provider": "github_app", "repo": repo },
        }],
    })
}

fn workflow(id: &str, pipeline: u32, name: &str, status: &str) -> Value {
    let running = matches!(status, "running" | "on_hold");
    json!({
        "id": id,
        "name": name,
        "status": status,
        "pipeline_id": pipeline_id(pipeline),
        "pipeline_number": pipeline,
        "project_slug": PROJECT,
        "started_by": USER,
        "canceled_by": null,
        "created_at": "2026-05-06T09:14:05Z",
        "stopped_at": if running { Value::Null } else { json!("2026-05-06T09:19:41Z") },
    })
}

fn failed_jobs() -> Vec<Value> {
    let job = |id: &str, name: &str, number: Option<u32>, status: &str| {
        json!({
            "id": id,
            "name": name,
            "type": "build",
            "status": status,
            "job_number": number,
            "project_slug": PROJECT,
            "dependencies": [],
            "started_at": number.map(|_| "2026-05-06T09:14:09Z"),
            "stopped_at": number.map(|_| "2026-05-06T09:18:52Z"),
        })
    };
    vec![
        job(
            "60000000-4d2a-4f00-9e11-000000001842",
            "lint",
            Some(1842),
            "success",
        ),
        job(
            "60000000-4d2a-4f00-9e11-000000001843",
            "test",
            Some(1843),
            "failed",
        ),
        // This job never ran, so it has no number. The document does not list its status.
        job(
            "60000000-4d2a-4f00-9e11-000000000000",
            "integration",
            None,
            "skipped",
        ),
    ]
}

fn deploy_jobs() -> Vec<Value> {
    let ship = "70000000-4d2a-4f00-9e11-000000001846";
    vec![
        json!({
            "id": APPROVAL, "name": "confirm", "type": "approval", "status": "on_hold",
            "approval_request_id": APPROVAL, "project_slug": PROJECT, "dependencies": [], "started_at": null,
        }),
        json!({
            "id": ship, "name": "ship", "type": "build", "status": "blocked", "job_number": null,
            "project_slug": PROJECT, "dependencies": [APPROVAL], "requires": { APPROVAL: ["success"] },
            "started_at": null, "stopped_at": null,
        }),
    ]
}

fn tests() -> Vec<Value> {
    vec![
        json!({
            "name": "rounds_half_to_even", "classname": "prices", "file": "tests/prices.rs", "source": "nextest",
            "result": "failure", "run_time": 0.012, "message": "assertion failed: left == right\n left: 3\n right: 2",
        }),
        // The run time of this test is a string instead of a number, and most of its other fields are missing.
        json!({ "name": "adds_tax", "classname": "prices", "result": "success", "run_time": "0.003", "file": null }),
        json!({ "name": "empty_cart", "classname": null, "result": "skipped", "run_time": 0, "message": "" }),
    ]
}

fn artifacts() -> Vec<Value> {
    ["coverage/index.html", "junit.xml"]
        .map(|path| {
            json!({
                "path": path,
                "node_index": 0,
                "url": format!("https://output.circle-artifacts.com/output/job/60000000/artifacts/0/{path}"),
            })
        })
        .into()
}

fn workflow_metrics() -> Vec<Value> {
    let workflow =
        |name: &str, runs: u32, failed: u32, median: u32, p95: u32, recoveries: Option<u32>| {
            json!({
                "name": name,
                "project_id": null,
                "window_start": "2026-02-05T00:00:00.000Z",
                "window_end": "2026-05-06T09:00:00.000Z",
                "metrics": {
                    "total_runs": runs,
                    "successful_runs": runs - failed,
                    "failed_runs": failed,
                    "success_rate": f64::from(runs - failed) / f64::from(runs),
                    "throughput": f64::from(runs) / 90.0,
                    "mttr": 5400,
                    "total_credits_used": 48210,
                    "median_credits_used": 117,
                    "total_recoveries": recoveries,
                    "duration_metrics": {
                        "min": 61, "mean": median + 8, "median": median, "p95": p95, "max": 1204,
                        "standard_deviation": 44.0,
                    },
                },
            })
        };
    vec![
        workflow("build-and-test", 412, 31, 284, 431, Some(27)),
        workflow("deploy", 96, 2, 122, 190, None),
    ]
}

/// Returns flaky tests. Their keys are in snake case, although the document says kebab case.
fn flaky_tests() -> Value {
    json!({
        "flaky_tests": [{
            "test_name": "reconnects_after_timeout",
            "classname": "socket",
            "file": "tests/socket.rs",
            "source": "nextest",
            "job_name": "test",
            "job_number": 1797,
            "pipeline_number": 498,
            "workflow_id": "90000000-4d2a-4f00-9e11-000000000498",
            "workflow_name": "build-and-test",
            "workflow_created_at": "2026-05-04T16:40:12.000Z",
            "times_flaked": 4,
            "time_wasted": 1136,
        }],
        "total_flaky_tests": 1,
    })
}

/// Masks a value in the same way as CircleCI: only the last four characters are shown.
fn masked(value: &str) -> String {
    let hidden = value.chars().count().saturating_sub(4);
    format!("xxxx{}", value.chars().skip(hidden).collect::<String>())
}

fn variable(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": masked(value), "created_at": "2026-05-06T09:31:00.000Z" })
}

fn context_variable(name: &str, value: &str) -> Value {
    json!({
        "variable": name,
        "context_id": CONTEXT,
        "created_at": "2026-05-06T09:31:00.000Z",
        "updated_at": null,
        "truncated_value": masked(value),
    })
}
