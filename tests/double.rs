//! Tests of the mock with a client that is not from this crate. They check bytes, statuses and times.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use circleci_api::http::{Method, StatusCode};
use circleci_api::mock::scenario::{Scenario, Script};
use circleci_api::mock::{Mock, Refusal};
use circleci_api::reqwest;
use circleci_api::types::WorkflowStatus;
use serde_json::{Value, json};

use crate::document::{Document, Maker, Operation, Style};

/// A plain HTTP client that sends requests to a mock.
struct Plain {
    http: reqwest::Client,
    base: String,
}

struct Reply {
    status: u16,
    kind: String,
    bytes: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    fn message(&self) -> String {
        self.json()["message"]
            .as_str()
            .expect("a message")
            .to_owned()
    }
}

impl Plain {
    fn new(mock: &Mock) -> Self {
        let http = circleci_api_tests::plain_http().build().unwrap();
        Self {
            http,
            base: mock.url(),
        }
    }

    async fn send(&self, method: &str, target: &str, body: Option<String>) -> Reply {
        let method = method.parse().unwrap();
        let url = format!("{}{target}", self.base);
        let mut request = self.http.request(method, url).header("circle-token", "t");
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let kind = response.headers().get("content-type");
        let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
        assert!(response.headers().contains_key("x-request-id"));
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap().to_vec();
        Reply {
            status,
            kind,
            bytes,
        }
    }

    /// Sends a request with a JSON body to a path below `/api/v2`.
    async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = (!body.is_null()).then(|| body.to_string());
        self.send(method, &format!("/api/v2{path}"), body).await
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, Value::Null).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.json());
        reply.json()
    }

    /// Returns the items of all pages. Panics if the mock repeats a page token.
    async fn all(&self, path: &str) -> Vec<Value> {
        let mut items: Vec<Value> = Vec::new();
        let mut token = String::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let target = match token.as_str() {
                "" => path.to_owned(),
                token => format!("{path}{mark}page-token={token}"),
            };
            let page = self.get(&target).await;
            items.extend(page["items"].as_array().expect("items").clone());
            let next = page.get("next_page_token").expect("a token, or null");
            match next.as_str() {
                Some(next) => {
                    assert_ne!(next, token, "{path}: a token comes twice");
                    token = next.to_owned();
                }
                None => return items,
            }
        }
    }
}

// ---- bytes ---------------------------------------------------------------------------------------------------------

/// The values that are null in CircleCI's recorded answers, although the document does not allow null. Each entry has the
/// operation, a pointer to the value in the schema of the answer, and the reason. [`in_snake_case`] handles the keys that the
/// document spells in kebab-case.
const RECORDED: [(&str, &str, &str); 1] = [(
    "createUsageExport",
    "/properties/download_urls",
    "the URLs of a new export are null",
)];

/// The operations whose answer has no body, although the document declares a body.
const WITHOUT_BODY: [(&str, &str); 1] = [("deleteGroup", "204 without a body")];

/// Changes the kebab-case keys of a schema to snake_case, because CircleCI's answers have snake_case keys. Only its answers
/// about schedules have kebab-case keys.
fn in_snake_case(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get_mut("properties") {
                let renamed = std::mem::take(properties).into_iter();
                properties.extend(renamed.map(|(key, it)| (key.replace('-', "_"), it)));
            }
            for name in map
                .get_mut("required")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                *name = json!(name.as_str().unwrap_or_default().replace('-', "_"));
            }
            map.values_mut().for_each(in_snake_case);
        }
        Value::Array(items) => items.iter_mut().for_each(in_snake_case),
        _ => {}
    }
}

/// Returns the schema of the recorded answers, which may differ from the schema in the document.
fn recorded(document: &Document, operation: &Operation<'_>, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if !operation.path.contains("schedule") {
        in_snake_case(&mut schema);
    }
    for (id, pointer, _) in RECORDED.iter().filter(|(id, ..)| *id == operation.id) {
        schema = document.flat(&schema).into();
        let place = schema.pointer_mut(pointer);
        let place = place.unwrap_or_else(|| panic!("{id}: {pointer} is gone"));
        *place = json!({ "anyOf": [place.clone(), { "type": "null" }] });
    }
    schema
}

fn errors(document: &Document, schema: &Value, body: &Value) -> Vec<String> {
    let judge = document.judge(schema);
    let errors = judge.iter_errors(body);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Returns a path for a call of an operation. The names of the parameters determine their values.
fn path_of(operation: &Operation<'_>) -> String {
    let mut path = operation.path.to_owned();
    for parameter in operation.parameters("path") {
        let name = parameter["name"].as_str().unwrap();
        let value = match name {
            "project-slug" => "gh/acme/web".to_owned(),
            "org-slug" | "org-slug-or-id" => "gh/acme".to_owned(),
            "provider" => "gh".to_owned(),
            "organization" => "acme".to_owned(),
            "project" => "web".to_owned(),
            "job-number" | "pipeline-number" => "512".to_owned(),
            _ if parameter["schema"]["format"] == "uuid"
                || name.ends_with("id")
                || name.ends_with("ID") =>
            {
                crate::values::id(name).to_string()
            }
            _ => "value".to_owned(),
        };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    path
}

fn body_of(document: &Document, operation: &Operation<'_>) -> Option<Value> {
    let schema = operation.body?;
    Some(Maker::new(document, Style::default()).make(schema))
}

#[tokio::test]
async fn every_default_answer_is_valid_byte_for_byte() {
    let document = Document::read();
    let circleci = Mock::start().await;
    let plain = Plain::new(&circleci);
    let mut faults: Vec<String> = Vec::new();
    let mut differing: BTreeSet<&str> = BTreeSet::new();
    let operations = document.operations();
    for operation in &operations {
        let body = body_of(&document, operation).unwrap_or_default();
        let reply = plain
            .call(&operation.method, &path_of(operation), body)
            .await;
        let id = operation.id;
        if WITHOUT_BODY.iter().any(|(known, _)| *known == id) {
            assert_eq!((reply.status, reply.bytes.len()), (204, 0), "{id}");
            continue;
        }
        let success = operation
            .successes
            .iter()
            .find(|(status, _)| *status == reply.status);
        let Some((_, schema)) = success else {
            let said = String::from_utf8_lossy(&reply.bytes).into_owned();
            faults.push(format!("{id}: {} is no success: {said}", reply.status));
            continue;
        };
        let Some(schema) = schema else {
            assert!(reply.bytes.is_empty(), "{id}");
            continue;
        };
        assert_eq!(reply.kind, "application/json", "{id}");
        let json = reply.json();
        let untouched = errors(&document, schema, &json);
        let schema = recorded(&document, operation, schema);
        if !untouched.is_empty() {
            differing.insert(id);
        }
        let wrong = errors(&document, &schema, &json);
        faults.extend(
            wrong
                .into_iter()
                .map(|error| format!("{id}: {error}\n    {json}")),
        );
        let text = String::from_utf8_lossy(&reply.bytes);
        assert!(!text.contains(['⟦', '⟧']), "{id}: {text}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The mock's answers differ from the document only for these operations. CircleCI's recorded answers differ there too.
    let known = [
        "createCheckoutKey",
        "createUsageExport",
        "createWebhook",
        "getCheckoutKey",
        "getCollaborations",
        "getFlakyTests",
        "getWebhookById",
        "getWebhooks",
        "listCheckoutKeys",
        "updateWebhook",
    ];
    assert_eq!(differing, BTreeSet::from(known));
    assert!(operations.len() > 100);
}

/// Checks that [`errors`] finds wrong answers. If it did not, the tests that use [`errors`] would prove nothing.
#[test]
fn the_judge_refuses_what_circleci_never_sends() {
    let document = Document::read();
    let operations = document.operations();
    let pages = operations
        .iter()
        .find(|it| it.id == "listWorkflowJobs")
        .unwrap();
    let schema = pages.successes[0].1.unwrap();
    for (body, right) in [
        (json!({ "items": [], "next_page_token": null }), true),
        (json!({ "items": [] }), false),
        (
            json!({ "items": [{ "id": "1" }], "next_page_token": null }),
            false,
        ),
        (json!({ "items": null, "next_page_token": null }), false),
    ] {
        assert_eq!(errors(&document, schema, &body).is_empty(), right, "{body}");
    }
}

/// The mock changes a serialized value to what CircleCI sends: it adds nulls, and uses the keys of CircleCI's answers.
#[tokio::test]
async fn a_taught_answer_has_the_keys_of_the_wire() {
    use circleci_api::operations::*;
    let circleci = Mock::start().await;
    let plain = Plain::new(&circleci);
    circleci.on::<GetWorkflowById>().reply_with(|workflow| {
        workflow.stopped_at = None;
        workflow.tag = None;
    });
    let workflow = plain
        .get("/workflow/5034460f-c7c4-4c43-9457-de07e2029e7b")
        .await;
    assert_eq!(workflow.get("stopped_at"), Some(&Value::Null));
    circleci.on::<GetFlakyTests>().reply_with(|tests| {
        tests.flaky_tests[0].file = None;
    });
    let tests = plain.get("/insights/gh/acme/web/flaky-tests").await;
    assert_eq!(tests["flaky_tests"][0].get("file"), Some(&Value::Null));
    assert!(tests["flaky_tests"][0]["test_name"].is_string(), "{tests}");
    let job = circleci_api::mock::item::<ListWorkflowJobs>(|job| job.name = "lint".into());
    circleci
        .on::<ListWorkflowJobs>()
        .pages([vec![job.clone()], vec![job]]);
    let first = plain
        .get("/workflow/5034460f-c7c4-4c43-9457-de07e2029e7b/job")
        .await;
    assert_eq!(first["next_page_token"], "mock-page-2");
    let last = plain
        .get("/workflow/5034460f-c7c4-4c43-9457-de07e2029e7b/job?page-token=mock-page-2")
        .await;
    assert_eq!(last.get("next_page_token"), Some(&Value::Null));
    // Schedules have kebab-case keys, as in CircleCI's answers.
    circleci
        .on::<GetScheduleById>()
        .reply_with(|schedule| schedule.name = "nightly".into());
    let schedule = plain
        .get("/schedule/5034460f-c7c4-4c43-9457-de07e2029e7b")
        .await;
    assert!(
        schedule["created-at"].is_string() && schedule.get("created_at").is_none(),
        "{schedule}"
    );
    // The body of the answer matches the schema that the document declares for the status.
    let triggered = plain
        .call("POST", "/project/gh/acme/web/pipeline/run", json!({}))
        .await;
    assert_eq!(
        (triggered.status, triggered.json()["number"].is_i64()),
        (201, true)
    );
    circleci
        .on::<TriggerPipelineRun>()
        .reply_json(json!({ "number": 7 }));
    let triggered = plain
        .call("POST", "/project/gh/acme/web/pipeline/run", json!({}))
        .await;
    assert_eq!(
        (triggered.status, triggered.json()["number"].clone()),
        (201, json!(7))
    );
}

// ---- plausible examples -------------------------------------------------------------------------------------------

#[tokio::test]
async fn default_answers_are_about_what_is_asked_for() {
    let circleci = Mock::start().await;
    let plain = Plain::new(&circleci);
    let page = plain
        .get("/project/bb/acme/api/pipeline?branch=release%2F1")
        .await;
    let pipeline = &page["items"][0];
    assert_eq!(pipeline["project_slug"], "bb/acme/api");
    assert_eq!(pipeline["vcs"]["branch"], "release/1");
    assert_eq!(pipeline["vcs"]["provider_name"], "Bitbucket");
    assert_eq!(
        pipeline["vcs"]["origin_repository_url"],
        "https://bitbucket.org/acme/api"
    );
    let id = pipeline["id"].as_str().unwrap();
    let workflows = plain.get(&format!("/pipeline/{id}/workflow")).await;
    let workflow = &workflows["items"][0];
    assert_eq!(
        (&workflow["pipeline_id"], &workflow["pipeline_number"]),
        (&pipeline["id"], &pipeline["number"])
    );
    for key in ["canceled_by", "errored_by", "auto_rerun_number"] {
        assert_eq!(
            workflow.get(key),
            None,
            "a workflow that has succeeded has no {key}"
        );
    }
    let id = workflow["id"].as_str().unwrap();
    assert_eq!(plain.get(&format!("/workflow/{id}")).await["id"], id);
    let jobs = plain.get(&format!("/workflow/{id}/job")).await;
    let job = plain
        .get(&format!(
            "/project/bb/acme/api/job/{}",
            jobs["items"][0]["job_number"]
        ))
        .await;
    assert_eq!(job["number"], jobs["items"][0]["job_number"]);
    assert_eq!(job["latest_workflow"]["id"], id);
    assert_eq!(job["project"]["slug"], "bb/acme/api");
    assert_eq!(
        job["parallel_runs"],
        json!([{ "index": 0, "status": "success" }])
    );
    let times = ["created_at", "queued_at", "started_at", "stopped_at"]
        .map(|key| job[key].as_str().unwrap());
    assert!(times.is_sorted(), "{times:?}");
    // Objects of different kinds have different ids.
    let ids = [
        &pipeline["id"],
        &workflow["id"],
        &jobs["items"][0]["id"],
        &job["project"]["id"],
    ];
    assert_eq!(BTreeSet::from(ids.map(Value::to_string)).len(), ids.len());
    let tests = plain.get("/project/bb/acme/api/42/tests").await;
    assert_eq!(tests["items"][0]["result"], "success");
    // The mock returns the value that the client has written.
    let context = json!({ "name": "deploy", "owner": { "slug": "gh/acme" } });
    assert_eq!(
        plain.call("POST", "/context", context).await.json()["name"],
        "deploy"
    );
    assert_eq!(
        plain
            .call(
                "DELETE",
                "/context/613aef48-cab3-4c3d-91f7-213181bd4f39",
                Value::Null
            )
            .await
            .message(),
        "Context deleted."
    );
}

#[tokio::test]
async fn default_figures_add_up() {
    let circleci = Mock::start().await;
    let plain = Plain::new(&circleci);
    for path in [
        "/insights/gh/acme/web/workflows",
        "/insights/gh/acme/web/workflows/build/jobs",
        "/insights/gh/acme/web/workflows/build/summary",
        "/insights/time-series/gh/acme/web/workflows/build/jobs",
    ] {
        let answer = plain.get(path).await;
        let metrics = answer
            .get("items")
            .map_or(&answer["metrics"], |items| &items[0]["metrics"]);
        let number = |key: &str| metrics[key].as_i64().unwrap();
        assert_eq!(
            number("total_runs"),
            number("successful_runs") + number("failed_runs"),
            "{path}: {metrics}"
        );
        let lengths = &metrics["duration_metrics"];
        let sorted = ["min", "median", "p95", "max"].map(|key| lengths[key].as_i64().unwrap());
        assert!(sorted.is_sorted(), "{path}: {lengths}");
    }
}

// ---- what is refused -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn what_circleci_refuses_is_refused() {
    let circleci = Mock::start().await;
    let plain = Plain::new(&circleci);
    // The first round runs without a scenario, and the second round with a scenario.
    for round in 0..2 {
        if round == 1 {
            Scenario::start(&circleci, "gh/acme/web");
        }
        for (method, path, body, message) in [
            (
                "POST",
                "/project/gh/acme/web/envvar",
                "{",
                "The request body is not valid JSON.",
            ),
            (
                "POST",
                "/project/gh/acme/web/envvar",
                "{}",
                "name must be provided.",
            ),
            (
                "POST",
                "/project/gh/acme/web/envvar",
                "",
                "name must be provided.",
            ),
            (
                "POST",
                "/project/gh/acme/web/envvar",
                "[]",
                "The request body has an invalid type.",
            ),
            (
                "POST",
                "/project/gh/acme/web/envvar",
                r#"{"name":"A","value":1}"#,
                "value has an invalid type.",
            ),
            (
                "POST",
                "/project/gh/acme/web/checkout-key",
                r#"{"type":"master-key"}"#,
                "type has an invalid value.",
            ),
            (
                "POST",
                "/context",
                r#"{"name":"a","owner":{}}"#,
                "owner.id must be provided.",
            ),
            (
                "POST",
                "/organizations/00000000-0000-4000-bfff-000000000001/usage_export_job",
                "{}",
                // The mock checks the required fields in alphabetical order.
                "end must be provided.",
            ),
        ] {
            let reply = plain
                .send(method, &format!("/api/v2{path}"), Some(body.to_owned()))
                .await;
            assert_eq!(
                (reply.status, reply.message().as_str()),
                (400, message),
                "{path} {body}"
            );
        }
        let reply = plain
            .call(
                "GET",
                "/insights/gh/acme/web/workflows?reporting-window=last-century",
                Value::Null,
            )
            .await;
        assert_eq!(
            (reply.status, reply.message().as_str()),
            (400, "reporting-window has an invalid value.")
        );
        // A trigger without a body uses the defaults.
        let reply = plain
            .call("POST", "/project/gh/acme/web/pipeline", Value::Null)
            .await;
        assert_eq!(reply.status, 201);
    }
}

#[tokio::test]
async fn each_form_of_a_credential_will_do_and_none_will_not() {
    let circleci = Mock::start().await;
    let http = circleci_api_tests::plain_http().build().unwrap();
    let url = format!("{}/api/v2/me", circleci.url());
    for (header, value, expected) in [
        ("circle-token", "t", 200),
        ("circle-token", "", 401),
        ("authorization", "Basic dDo=", 200),
        ("authorization", "bearer t", 200),
        ("authorization", "Bearer ", 401),
        ("authorization", "Digest t", 401),
        ("x-other", "t", 401),
    ] {
        let response = http.get(&url).header(header, value).send().await.unwrap();
        assert_eq!(response.status(), expected, "{header}: {value}");
    }
    let response = http
        .get(format!("{url}?circle-token=secret&a=b"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let last = circleci.received().pop().unwrap();
    assert_eq!(last.target, "/api/v2/me?a=b", "the credential is not kept");
    assert!(!format!("{last:?}").contains("secret"));
}

/// A POST without a body has the header `content-length: 0`, because a proxy may reject a POST that lacks this header.
#[tokio::test]
async fn a_post_without_a_body_says_that_it_has_none() {
    let circleci = Mock::start().await;
    let client = circleci.client();
    let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
    client.cancel_workflow(id).send().await.unwrap();
    client.get_workflow_by_id(id).send().await.unwrap();
    client.delete_context(id).send().await.unwrap();
    let lengths: Vec<Option<String>> = circleci
        .received()
        .iter()
        .map(|it| it.headers.get("content-length"))
        .map(|it| it.map(|value| value.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(lengths, [Some("0".to_owned()), None, None]);
}

// ---- calls that the document lacks -----------------------------------------------------------------------------------

#[tokio::test]
async fn a_path_that_no_operation_has_is_taught() {
    let circleci = Mock::start().await;
    let plain = Plain::new(&circleci);
    let path = "/project/gh/acme/web/brand-new?deep=1";
    assert_eq!(plain.call("GET", path, Value::Null).await.status, 404);
    let stub = circleci
        .on_path(Method::GET, "/project/{project-slug}/brand-new")
        .path("project_slug", "gh/acme/web")
        .query("deep", 1)
        .rate_limited(std::time::Duration::from_secs(3))
        .reply_status(202, json!({ "a": 1 }));
    let statuses = [
        plain.call("GET", path, Value::Null).await.status,
        plain.call("GET", path, Value::Null).await.status,
    ];
    assert_eq!(statuses, [429, 202]);
    assert_eq!(plain.get("/me").await["login"], "octocat");
    stub.assert_count(2);
    let came = &circleci.received()[2];
    assert_eq!(
        (came.operation.map(|it| it.id), came.path("project-slug")),
        (None, Some("gh/acme/web"))
    );
    // The stub does not match a request with another project or another method.
    for (method, target) in [
        ("GET", "/project/gh/acme/api/brand-new?deep=1"),
        ("POST", path),
    ] {
        assert_eq!(plain.call(method, target, Value::Null).await.status, 404);
    }
    circleci
        .on_path(Method::POST, "/api/v3/things/{id}")
        .body(json!({ "name": "x" }))
        .reply_by(|request| match request.path("id") {
            Some("1") => Ok(json!({ "id": 1 })),
            _ => Err(Refusal::new(409, "taken")),
        });
    for (id, status) in [("1", 200), ("2", 409)] {
        let target = format!("/api/v3/things/{id}");
        let reply = plain
            .send(
                "POST",
                &target,
                Some(json!({ "name": "x", "y": 2 }).to_string()),
            )
            .await;
        assert_eq!(reply.status, status);
    }
    let reply = plain
        .send(
            "POST",
            "/api/v3/things/1",
            Some(json!({ "name": "z" }).to_string()),
        )
        .await;
    assert_eq!(reply.status, 404);
    // A stub for a path also matches if the path belongs to an operation.
    circleci
        .on_path(Method::GET, "/me")
        .reply_json(json!({ "id": "plain" }));
    assert_eq!(plain.get("/me").await, json!({ "id": "plain" }));
}

#[tokio::test]
async fn a_fixed_address_is_taken_and_given_back() {
    let first = Mock::start_on((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address: SocketAddr = first
        .url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        Mock::start_on(address).await.is_err(),
        "the address is in use"
    );
    // An open connection does not delay stopping the mock.
    let plain = Plain::new(&first);
    assert_eq!(plain.get("/me").await["login"], "octocat");
    first.stop().await;
    let again = Mock::start_on(address).await.unwrap();
    assert_eq!(Plain::new(&again).get("/me").await["login"], "octocat");
}

#[tokio::test]
async fn a_log_sees_each_request_and_only_some_are_kept() {
    let circleci = Mock::start().await;
    let lines: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
    let log = lines.clone();
    circleci
        .on_request(move |request, status| log.lock().unwrap().push(format!("{status} {request}")));
    circleci.keep(2);
    let plain = Plain::new(&circleci);
    for _ in 0..3 {
        plain.get("/me").await;
    }
    plain.call("GET", "/nothing", Value::Null).await;
    assert_eq!(lines.lock().unwrap().len(), 4);
    assert_eq!(
        lines.lock().unwrap()[3],
        "404 no operation: GET /api/v2/nothing"
    );
    assert_eq!(circleci.received().len(), 2);
}

// ---- the scenario --------------------------------------------------------------------------------------------------

/// The mock keeps every object that a client writes until a client deletes the object. It returns the object with the keys of
/// CircleCI's answers.
#[tokio::test]
async fn what_is_written_is_read_until_it_is_deleted() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    let plain = Plain::new(&circleci);
    let scope = json!({ "id": web.project_id(), "type": "project" });
    let webhook = json!({
        "name": "n", "url": "https://hooks.example.com", "events": ["job-completed"], "verify-tls": true,
        "signing-secret": "long-secret", "scope": scope,
    });
    let schedule = json!({
        "name": "nightly", "attribution-actor": "system", "parameters": { "branch": "main" },
        "timetable": { "per-hour": 1, "hours-of-day": [3], "days-of-week": ["MON"] },
    });
    let hooks = format!("/webhook?scope-id={}&scope-type=project", web.project_id());
    for (collection, list, body, id, gone) in [
        ("/webhook", hooks.as_str(), webhook, "id", 404),
        (
            "/project/gh/acme/web/schedule",
            "/project/gh/acme/web/schedule",
            schedule,
            "id",
            404,
        ),
        (
            "/project/gh/acme/web/checkout-key",
            "/project/gh/acme/web/checkout-key",
            json!({ "type": "user-key" }),
            "fingerprint",
            404,
        ),
        (
            "/project/gh/acme/web/envvar",
            "/project/gh/acme/web/envvar",
            json!({ "name": "A", "value": "secret" }),
            "name",
            404,
        ),
        (
            "/context",
            "/context?owner-slug=gh/acme",
            json!({ "name": "c", "owner": { "slug": "gh/acme", "type": "organization" } }),
            "id",
            403,
        ),
    ] {
        assert_eq!(plain.all(list).await, Vec::<Value>::new(), "{list}");
        let made = plain.call("POST", collection, body).await;
        assert!(
            made.status == 200 || made.status == 201,
            "{collection}: {}",
            made.json()
        );
        let made = made.json();
        assert_eq!(plain.all(list).await, std::slice::from_ref(&made));
        let item = match collection.ends_with("/schedule") {
            true => format!("/schedule/{}", made[id].as_str().unwrap()),
            false => format!("{collection}/{}", made[id].as_str().unwrap()),
        };
        assert_eq!(plain.get(&item).await, made);
        let deleted = plain.call("DELETE", &item, Value::Null).await;
        assert!(deleted.message().ends_with("deleted."), "{item}");
        assert_eq!(
            plain.call("GET", &item, Value::Null).await.status,
            gone,
            "{item}"
        );
        assert_eq!(plain.all(list).await, Vec::<Value>::new());
        assert!(
            !made.to_string().contains("long-secret") && made["value"] != "secret",
            "CircleCI masks secrets: {made}"
        );
    }
    // The contexts of one owner are not in the list of another owner.
    web.context("deploy", ["KEY"]);
    assert_eq!(plain.all("/context?owner-slug=gh/other").await.len(), 0);
    assert_eq!(
        plain
            .all(&format!("/context?owner-id={}", web.organization_id()))
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn a_webhook_is_replaced_and_settings_are_refused_as_circleci_does() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    let plain = Plain::new(&circleci);
    let made = plain.call("POST", "/webhook", json!({
        "name": "n", "url": "https://hooks.example.com", "events": ["job-completed"], "verify-tls": true,
        "signing-secret": "long-secret", "scope": { "id": web.project_id(), "type": "project" },
    })).await.json();
    assert_eq!(made["signing_secret"], "xxxxcret");
    let path = format!("/webhook/{}", made["id"].as_str().unwrap());
    let changed = plain
        .call("PUT", &path, json!({ "name": "m" }))
        .await
        .json();
    assert_eq!(
        (&changed["name"], &changed["signing_secret"]),
        (&json!("m"), &json!(""))
    );
    let settings = "/project/gh/acme/web/settings";
    let read = plain.get(settings).await;
    let refused = plain.call("PATCH", settings, read).await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (400, "Unexpected field: oss")
    );
    let refused = plain
        .call("PATCH", settings, json!({ "advanced": {} }))
        .await;
    assert_eq!(refused.status, 400);
    let changed = plain
        .call(
            "PATCH",
            settings,
            json!({ "advanced": { "disable_ssh": true } }),
        )
        .await;
    assert_eq!(changed.json()["advanced"]["disable_ssh"], true);
    assert_eq!(plain.get(settings).await["advanced"]["disable_ssh"], true);
}

#[tokio::test]
async fn a_project_is_found_by_its_slug_and_by_its_id() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    let _api = Scenario::start(&circleci, "gh/acme/api");
    let plain = Plain::new(&circleci);
    let by_slug = plain.get("/project/gh/acme/web").await;
    assert_eq!(by_slug["id"], web.project_id());
    assert_eq!(
        plain.get(&format!("/project/{}", web.project_id())).await,
        by_slug
    );
    assert_eq!(plain.get("/project/github%2Facme%2Fweb").await, by_slug);
    let organization = plain.get("/organization/gh/acme").await;
    assert_eq!(
        (&organization["slug"], &organization["vcs_type"]),
        (&json!("gh/acme"), &json!("github"))
    );
    assert_eq!(
        plain
            .call("GET", "/project/gh/acme/other", Value::Null)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_setup_workflow_is_followed_by_others() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    let plain = Plain::new(&circleci);
    web.next(
        Script::new()
            .setup()
            .workflow("build", [WorkflowStatus::Running, WorkflowStatus::Success])
            .hidden_for(0),
    );
    let triggered = plain
        .call(
            "POST",
            "/project/gh/acme/web/pipeline",
            json!({ "branch": "dev" }),
        )
        .await
        .json();
    assert_eq!(triggered["state"], "setup-pending");
    let id = triggered["id"].as_str().unwrap();
    let pipeline = plain.get(&format!("/pipeline/{id}")).await;
    assert_eq!(
        (&pipeline["state"], &pipeline["vcs"]["branch"]),
        (&json!("setup"), &json!("dev"))
    );
    let workflows = plain.all(&format!("/pipeline/{id}/workflow")).await;
    assert_eq!(
        (workflows.len(), &workflows[0]["tag"]),
        (1, &json!("setup"))
    );
    let key = web.continuation_key(id).unwrap();
    let body = json!({ "continuation-key": key, "configuration": "version: 2.1" });
    assert_eq!(
        plain
            .call("POST", "/pipeline/continue", body.clone())
            .await
            .status,
        200
    );
    assert_eq!(
        plain.call("POST", "/pipeline/continue", body).await.status,
        400,
        "the key is used"
    );
    let workflows = plain.all(&format!("/pipeline/{id}/workflow")).await;
    assert_eq!(
        workflows
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["setup", "build"]
    );
    assert_eq!(
        plain.get(&format!("/pipeline/{id}")).await["state"],
        "created"
    );
    assert_eq!(
        plain.get(&format!("/pipeline/{id}/config")).await["source"],
        "version: 2.1"
    );
}

#[tokio::test]
async fn a_rerun_is_a_workflow_of_its_own_and_what_has_ended_stays() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    let plain = Plain::new(&circleci);
    let id = web.ran(
        Script::new()
            .workflow("test", [WorkflowStatus::Failed])
            .rerun([WorkflowStatus::Success]),
    );
    let failed = plain
        .all(&format!("/pipeline/{id}/workflow"))
        .await
        .remove(0);
    let path = format!("/workflow/{}", failed["id"].as_str().unwrap());
    assert_eq!(
        plain
            .call("POST", &format!("{path}/cancel"), Value::Null)
            .await
            .status,
        202
    );
    assert_eq!(
        plain.get(&path).await,
        failed,
        "what has ended is not canceled"
    );
    let rerun = plain
        .call(
            "POST",
            &format!("{path}/rerun"),
            json!({ "from_failed": true }),
        )
        .await;
    assert_eq!(rerun.status, 202);
    let again = plain
        .get(&format!(
            "/workflow/{}",
            rerun.json()["workflow_id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(
        (&again["tag"], &again["status"]),
        (&json!("rerun-workflow-from-failed"), &json!("success"))
    );
    assert_eq!(plain.get(&path).await, failed);
    let again = format!("/workflow/{}/rerun", again["id"].as_str().unwrap());
    assert_eq!(
        plain
            .call("POST", &again, json!({ "from_failed": true }))
            .await
            .status,
        400,
        "nothing has failed"
    );
    assert_eq!(
        plain
            .call("POST", &again, json!({ "jobs": [web.project_id()] }))
            .await
            .status,
        404,
        "not its job"
    );
}

#[tokio::test]
async fn an_export_completes_and_its_file_has_what_ran() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    web.ran(Script::new().workflow("test", [WorkflowStatus::Success]));
    let plain = Plain::new(&circleci);
    let path = format!("/organizations/{}/usage_export_job", web.organization_id());
    let long = json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-03-01T00:00:00Z" });
    assert_eq!(plain.call("POST", &path, long).await.status, 400);
    let body = json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-01-31T00:00:00Z" });
    let made = plain.call("POST", &path, body).await;
    assert_eq!(
        (made.status, &made.json()["download_urls"]),
        (201, &Value::Null)
    );
    let path = format!(
        "{path}/{}",
        made.json()["usage_export_job_id"].as_str().unwrap()
    );
    assert_eq!(plain.get(&path).await["state"], "processing");
    let done = plain.get(&path).await;
    let url = done["download_urls"][0].as_str().unwrap();
    assert!(url.starts_with(&circleci.url()), "{url}");
    let client = circleci.client();
    let (start, end) = (
        "2026-01-01T00:00:00Z".parse().unwrap(),
        "2026-01-31T00:00:00Z".parse().unwrap(),
    );
    let organization: circleci_api::uuid::Uuid = web.organization_id().parse().unwrap();
    let mut csv = client.usage_export(organization, start, end).csv().unwrap();
    let mut text = String::new();
    while let Some(bytes) = csv.try_next().await.unwrap() {
        text += std::str::from_utf8(&bytes).unwrap();
    }
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("\"test\""), "{text}");
}

#[tokio::test]
async fn insights_follow_from_what_ran() {
    use WorkflowStatus::{Failed, Success};
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    let plain = Plain::new(&circleci);
    for (status, result) in [
        (Success, "success"),
        (Failed, "failure"),
        (Success, "success"),
    ] {
        web.ran(
            Script::new()
                .workflow("test", [status])
                .test("adds", result, ""),
        );
    }
    web.ran(Script::new().branch("dev").workflow("test", [Failed]));
    let metrics = plain.all("/insights/gh/acme/web/workflows").await.remove(0)["metrics"].clone();
    let figures = [
        "total_runs",
        "successful_runs",
        "failed_runs",
        "total_recoveries",
    ]
    .map(|key| metrics[key].as_i64());
    assert_eq!(figures, [Some(3), Some(2), Some(1), Some(1)]);
    assert_eq!(
        plain
            .all("/insights/gh/acme/web/workflows?all-branches=true")
            .await[0]["metrics"]["total_runs"],
        4
    );
    assert_eq!(
        plain
            .all("/insights/gh/acme/web/workflows/test?branch=dev")
            .await
            .len(),
        1
    );
    assert_eq!(
        plain.get("/insights/gh/acme/web/branches").await["branches"],
        json!(["dev", "main"])
    );
    let flaky = plain.get("/insights/gh/acme/web/flaky-tests").await;
    assert_eq!(
        (
            &flaky["total_flaky_tests"],
            &flaky["flaky_tests"][0]["test_name"]
        ),
        (&json!(1), &json!("adds"))
    );
    assert_eq!(
        plain
            .get("/insights/gh/acme/web/workflows/test/test-metrics")
            .await["total_test_runs"],
        3
    );
    // The answers of the Insights operations are valid too.
    let document = Document::read();
    let operations = document.operations();
    for (id, path) in [
        (
            "getProjectWorkflowMetrics",
            "/insights/gh/acme/web/workflows",
        ),
        (
            "getProjectWorkflowRuns",
            "/insights/gh/acme/web/workflows/test",
        ),
        (
            "getProjectWorkflowJobMetrics",
            "/insights/gh/acme/web/workflows/test/jobs",
        ),
        (
            "getWorkflowSummary",
            "/insights/gh/acme/web/workflows/test/summary",
        ),
        (
            "getProjectWorkflowTestMetrics",
            "/insights/gh/acme/web/workflows/test/test-metrics",
        ),
        (
            "getJobTimeseries",
            "/insights/time-series/gh/acme/web/workflows/test/jobs",
        ),
        (
            "getProjectWorkflowsPageData",
            "/insights/pages/gh/acme/web/summary",
        ),
        ("getOrgSummaryData", "/insights/gh/acme/summary"),
        ("getAllInsightsBranches", "/insights/gh/acme/web/branches"),
        ("getFlakyTests", "/insights/gh/acme/web/flaky-tests"),
    ] {
        let operation = operations.iter().find(|it| it.id == id).unwrap();
        let schema = recorded(&document, operation, operation.successes[0].1.unwrap());
        let answer = plain.get(path).await;
        assert_eq!(
            errors(&document, &schema, &answer),
            Vec::<String>::new(),
            "{id}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_can_be_switched_on() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    web.rate_limit(2);
    let plain = Plain::new(&circleci);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(
            plain
                .call("GET", "/project/gh/acme/web", Value::Null)
                .await
                .status,
        );
    }
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429]);
    let project = circleci
        .client()
        .get_project_by_slug("gh/acme/web")
        .send()
        .await;
    assert_eq!(project.unwrap().name, "web");
}

#[tokio::test]
async fn a_scenario_file_that_is_wrong_says_where() {
    let circleci = Mock::start().await;
    for (file, said) in [
        (json!([]), "the scenario: must be an object"),
        (json!({}), "project: is required"),
        (
            json!({ "project": "web" }),
            "project: a project slug has three parts",
        ),
        (
            json!({ "project": "gh/a/b", "page_size": 0 }),
            "page_size: must be a positive integer",
        ),
        (
            json!({ "project": "gh/a/b", "next": [{ "workflows": [{ "name": "w" }] }] }),
            "next[0].workflows[0].statuses: must not be empty",
        ),
        (
            json!({ "project": "gh/a/b", "next": [{ "workflows": [{ "name": "w", "statuses": ["sucess"] }] }] }),
            "next[0].workflows[0].statuses[0]: must be a workflow status",
        ),
        (
            json!({ "project": "gh/a/b", "pipelines": [{ "brunch": "x" }] }),
            "pipelines[0].brunch: unknown key",
        ),
        (
            json!({ "project": "gh/a/b", "variables": { "A": 1 } }),
            "variables.A: must be a string",
        ),
    ] {
        let error = Scenario::load(&circleci, &file).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    let shipped = include_str!("../circleci-api/examples/mock/scenario.json");
    let shipped: Value = serde_json::from_str(shipped).unwrap();
    Scenario::load(&circleci, &shipped).unwrap();
    let plain = Plain::new(&circleci);
    assert_eq!(plain.all("/project/gh/acme/web/pipeline").await.len(), 3);
}

#[tokio::test]
async fn the_scenarios_answers_are_valid_byte_for_byte() {
    let document = Document::read();
    let operations = document.operations();
    let circleci = Mock::start().await;
    let shipped = include_str!("../circleci-api/examples/mock/scenario.json");
    let web = Scenario::load(&circleci, &serde_json::from_str(shipped).unwrap()).unwrap();
    let plain = Plain::new(&circleci);
    let judged = |id: &str, answer: &Value| {
        let operation = operations.iter().find(|it| it.id == id).unwrap();
        let schema = operation.successes.last().unwrap().1.unwrap();
        let schema = recorded(&document, operation, schema);
        let mut wrong = errors(&document, &schema, answer);
        // Recorded answers differ from the document in these ways too. An approval job has no start time, and a job that waits
        // for an approval job has none either. A rerun has a tag that the document does not list.
        wrong.retain(|error| !error.contains("started_at: null is not") && !error.contains("/tag"));
        assert_eq!(wrong, Vec::<String>::new(), "{id}: {answer}");
    };
    let pipelines = plain.get("/project/gh/acme/web/pipeline").await;
    judged("listPipelinesForProject", &pipelines);
    judged(
        "listPipelines",
        &plain.get("/pipeline?org-slug=gh/acme").await,
    );
    judged("getProjectBySlug", &plain.get("/project/gh/acme/web").await);
    judged("getCurrentUser", &plain.get("/me").await);
    judged("getCollaborations", &plain.get("/me/collaborations").await);
    judged("getOrganization", &plain.get("/organization/gh/acme").await);
    judged(
        "getProjectSettings",
        &plain.get("/project/gh/acme/web/settings").await,
    );
    judged(
        "listEnvVars",
        &plain.get("/project/gh/acme/web/envvar").await,
    );
    let contexts = plain.get("/context?owner-slug=gh/acme").await;
    judged("listContexts", &contexts);
    let context = contexts["items"][0]["id"].as_str().unwrap();
    judged(
        "listEnvironmentVariablesFromContext",
        &plain
            .get(&format!("/context/{context}/environment-variable"))
            .await,
    );
    let restriction =
        json!({ "restriction_type": "project", "restriction_value": web.project_id() });
    let made = plain
        .call(
            "POST",
            &format!("/context/{context}/restrictions"),
            restriction,
        )
        .await;
    assert_eq!(made.status, 201);
    judged(
        "getContextRestrictions",
        &plain.get(&format!("/context/{context}/restrictions")).await,
    );
    for pipeline in pipelines["items"].as_array().unwrap() {
        let id = pipeline["id"].as_str().unwrap();
        judged(
            "getPipelineById",
            &plain.get(&format!("/pipeline/{id}")).await,
        );
        judged(
            "getPipelineByNumber",
            &plain
                .get(&format!(
                    "/project/gh/acme/web/pipeline/{}",
                    pipeline["number"]
                ))
                .await,
        );
        judged(
            "getPipelineConfigById",
            &plain.get(&format!("/pipeline/{id}/config")).await,
        );
        let workflows = plain.get(&format!("/pipeline/{id}/workflow")).await;
        judged("listWorkflowsByPipelineId", &workflows);
        for workflow in workflows["items"].as_array().unwrap() {
            let path = format!("/workflow/{}", workflow["id"].as_str().unwrap());
            judged("getWorkflowById", &plain.get(&path).await);
            let jobs = plain.get(&format!("{path}/job")).await;
            judged("listWorkflowJobs", &jobs);
            for number in jobs["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|job| job["job_number"].as_i64())
            {
                let path = format!("/project/gh/acme/web/{number}");
                judged(
                    "getJobDetails",
                    &plain
                        .get(&format!("/project/gh/acme/web/job/{number}"))
                        .await,
                );
                judged(
                    "getJobArtifacts",
                    &plain.get(&format!("{path}/artifacts")).await,
                );
                judged("getTests", &plain.get(&format!("{path}/tests")).await);
                let build = plain
                    .send("GET", &format!("/api/v1.1{path}"), None)
                    .await
                    .json();
                assert_eq!(
                    (
                        &build["build_num"],
                        build["workflows"]["job_name"].is_string()
                    ),
                    (&json!(number), true)
                );
                let client = circleci.client();
                let job = client
                    .get_job_steps("gh/acme/web", number)
                    .send()
                    .await
                    .unwrap();
                let output = client
                    .step_output(&job.steps[1].actions[0])
                    .unwrap()
                    .text()
                    .await
                    .unwrap();
                let raw = format!("/api/private/output/raw/gh/acme/web/{number}/output/0/102");
                assert_eq!(plain.send("GET", &raw, None).await.bytes, output.as_bytes());
            }
        }
    }
}

// ---- many steps ----------------------------------------------------------------------------------------------------

/// A generator of pseudorandom numbers. The numbers are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % count.max(1) as u64) as usize
    }
}

/// What the test has seen of a workflow so far.
#[derive(Default)]
struct Past {
    script: Vec<&'static str>,
    at: usize,
    ended: Option<Value>,
}

/// The state that the mock must have after the steps so far.
#[derive(Default)]
struct Model {
    pipelines: Vec<(String, &'static str)>,
    workflows: BTreeMap<String, Past>,
    contexts: Vec<String>,
    variables: BTreeSet<String>,
    gone: Vec<String>,
}

const SCRIPTS: [&[&str]; 5] = [
    &["running", "success"],
    &["running", "failing", "failed"],
    &["on_hold", "running", "success"],
    &["running", "on_hold", "success"],
    &["error"],
];

impl Model {
    /// Checks that a workflow never returns to an earlier state, and that its times are in order.
    fn see(&mut self, workflow: &Value) {
        let text = |key: &str| workflow[key].as_str();
        let id = text("id").unwrap();
        let name: usize = text("name").unwrap().parse().unwrap();
        let past = self.workflows.entry(id.to_owned()).or_default();
        past.script = SCRIPTS[name].to_vec();
        if let Some(ended) = &past.ended {
            assert_eq!(ended, workflow, "a workflow that has ended does not change");
            return;
        }
        let status = text("status").unwrap();
        if status != "canceled" {
            let ahead = past.script[past.at..]
                .iter()
                .position(|known| *known == status);
            past.at +=
                ahead.unwrap_or_else(|| panic!("{status} after {} of {:?}", past.at, past.script));
        }
        let over = ["success", "failed", "error", "canceled"].contains(&status);
        assert_eq!(over, !workflow["stopped_at"].is_null(), "{workflow}");
        if over {
            assert!(text("created_at") <= text("stopped_at"), "{workflow}");
            past.ended = Some(workflow.clone());
        }
    }
}

fn script(which: usize) -> Script {
    let statuses = SCRIPTS[which]
        .iter()
        .map(|word| WorkflowStatus::from(*word));
    Script::new()
        .workflow(which.to_string(), statuses)
        .hidden_for(0)
}

async fn step(dice: &mut Dice, plain: &Plain, web: &Scenario, model: &mut Model) {
    let ids: Vec<String> = model.workflows.keys().cloned().collect();
    let workflow = ids.get(dice.below(ids.len())).cloned().unwrap_or_default();
    match dice.below(12) {
        0 => {
            web.next(script(dice.below(SCRIPTS.len())));
            let branch = ["main", "dev"][dice.below(2)];
            let made = plain
                .call(
                    "POST",
                    "/project/gh/acme/web/pipeline",
                    json!({ "branch": branch }),
                )
                .await;
            assert_eq!(made.status, 201);
            model
                .pipelines
                .push((made.json()["id"].as_str().unwrap().to_owned(), branch));
        }
        1..=4 => {
            let Some((id, _)) = model.pipelines.get(dice.below(model.pipelines.len())) else {
                return;
            };
            for seen in plain.all(&format!("/pipeline/{id}/workflow")).await {
                model.see(&seen);
            }
        }
        5 if !workflow.is_empty() => {
            let seen = plain.get(&format!("/workflow/{workflow}")).await;
            model.see(&seen);
        }
        6 if !workflow.is_empty() => {
            let reply = plain
                .call("POST", &format!("/workflow/{workflow}/cancel"), Value::Null)
                .await;
            assert_eq!(reply.status, 202);
            model.see(&plain.get(&format!("/workflow/{workflow}")).await);
        }
        7 if !workflow.is_empty() && model.workflows.len() < 300 => {
            let reply = plain
                .call("POST", &format!("/workflow/{workflow}/rerun"), json!({}))
                .await;
            let id = reply.json()["workflow_id"].as_str().unwrap().to_owned();
            assert!(
                !model.workflows.contains_key(&id),
                "a rerun has an id of its own"
            );
            model.see(&plain.get(&format!("/workflow/{id}")).await);
        }
        8 if !workflow.is_empty() => jobs(plain, &workflow).await,
        9 => {
            let name = format!("c{}", dice.below(1_000_000_000));
            let body = json!({ "name": name, "owner": { "slug": "gh/acme" } });
            let made = plain.call("POST", "/context", body).await.json();
            model.contexts.push(made["id"].as_str().unwrap().to_owned());
            let name = format!("V{}", dice.below(40));
            plain
                .call(
                    "POST",
                    "/project/gh/acme/web/envvar",
                    json!({ "name": name, "value": "1" }),
                )
                .await;
            model.variables.insert(name);
        }
        10 if !model.contexts.is_empty() => {
            let id = model.contexts.swap_remove(dice.below(model.contexts.len()));
            assert_eq!(
                plain
                    .call("DELETE", &format!("/context/{id}"), Value::Null)
                    .await
                    .status,
                200
            );
            model.gone.push(id);
            let name = format!("V{}", dice.below(40));
            let deleted = plain
                .call(
                    "DELETE",
                    &format!("/project/gh/acme/web/envvar/{name}"),
                    Value::Null,
                )
                .await;
            assert_eq!(deleted.status == 200, model.variables.remove(&name));
        }
        _ => lists(plain, model).await,
    }
}

/// Approves the jobs of a workflow that are on hold, and checks that each job starts before it stops.
async fn jobs(plain: &Plain, workflow: &str) {
    for job in plain.all(&format!("/workflow/{workflow}/job")).await {
        let text = |key: &str| job[key].as_str();
        if let (Some(started), Some(stopped)) = (text("started_at"), text("stopped_at")) {
            assert!(started <= stopped, "{job}");
        }
        if text("status") == Some("on_hold") {
            let path = format!("/workflow/{workflow}/approve/{}", text("id").unwrap());
            assert_eq!(plain.call("POST", &path, Value::Null).await.status, 202);
            assert_eq!(
                plain.call("POST", &path, Value::Null).await.status,
                404,
                "once is enough"
            );
        }
    }
}

/// Checks that the lists are complete, and contain no duplicates and no deleted items.
async fn lists(plain: &Plain, model: &Model) {
    let ids = |items: Vec<Value>, key: &str| -> Vec<String> {
        items
            .iter()
            .map(|it| it[key].as_str().unwrap().to_owned())
            .collect()
    };
    for branch in ["main", "dev"] {
        let found = ids(
            plain
                .all(&format!("/project/gh/acme/web/pipeline?branch={branch}"))
                .await,
            "id",
        );
        let mine = model.pipelines.iter().rev().filter(|(_, on)| *on == branch);
        assert_eq!(found, mine.map(|(id, _)| id.clone()).collect::<Vec<_>>());
    }
    let found = ids(plain.all("/context?owner-slug=gh/acme").await, "id");
    assert_eq!(
        BTreeSet::from_iter(found.clone()),
        BTreeSet::from_iter(model.contexts.clone())
    );
    assert_eq!(found.len(), model.contexts.len());
    let found = ids(plain.all("/project/gh/acme/web/envvar").await, "name");
    assert_eq!(found, Vec::from_iter(model.variables.clone()));
    if let Some(gone) = model.gone.last() {
        assert_eq!(
            plain
                .call("GET", &format!("/context/{gone}"), Value::Null)
                .await
                .status,
            403
        );
    }
}

#[tokio::test]
async fn ten_thousand_steps_hold_what_a_client_relies_on() {
    let mut dice = Dice(0x5eed_c1c1);
    let mut steps = 0;
    // Each mock holds few objects, so that the test can read its lists many times.
    while steps < 10_000 {
        let circleci = Mock::start().await;
        circleci.keep(10);
        let plain = Plain::new(&circleci);
        let web = Scenario::start(&circleci, "gh/acme/web");
        web.page_size(1 + dice.below(7));
        let mut model = Model::default();
        for _ in 0..250 {
            step(&mut dice, &plain, &web, &mut model).await;
            steps += 1;
        }
        lists(&plain, &model).await;
        assert!(model.workflows.values().any(|past| past.ended.is_some()));
    }
}

/// Pages stay consistent while other clients write: an item that exists during the whole reading of a list is on exactly one
/// page.
#[tokio::test]
async fn pages_are_complete_while_the_list_changes() {
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    web.page_size(2);
    let plain = Plain::new(&circleci);
    let ids: Vec<String> = (0..6)
        .map(|index| web.context(format!("c{index}"), ["K"]))
        .collect();
    let first = plain.get("/context?owner-slug=gh/acme").await;
    let token = first["next_page_token"].as_str().unwrap();
    plain
        .call("DELETE", &format!("/context/{}", ids[1]), Value::Null)
        .await;
    web.context("new", ["K"]);
    let second = plain
        .get(&format!("/context?owner-slug=gh/acme&page-token={token}"))
        .await;
    let names: Vec<&str> = second["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert_eq!(names, ["c2", "c3"]);
    let again = plain.get("/context?owner-slug=gh/acme").await;
    assert_ne!(
        again["next_page_token"], token,
        "each reading of the list must return a new page token"
    );
    for other in [
        format!("/context?owner-slug=gh/other&page-token={token}"),
        "/context?owner-slug=gh/acme&page-token=zz".into(),
    ] {
        let reply = plain.call("GET", &other, Value::Null).await;
        assert_eq!(
            StatusCode::from_u16(reply.status).unwrap(),
            StatusCode::BAD_REQUEST
        );
    }
}
