//! Tests of the example `doctor`, the program that a user runs first when something does not work.

use std::collections::BTreeMap;

use crate::server::{Act, Seen, Server, TOKEN, answer};
use circleci_api::mock::{self, Mock};
use circleci_api::operations::GetCurrentUser;
use circleci_api::{Client, ProjectSlug};
use serde_json::{Value, json};

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/doctor/main.rs"]
mod program;

const PROJECT: &str = "gh/acme-secret/web-secret";

fn project() -> ProjectSlug {
    PROJECT.parse().unwrap()
}

/// Runs the doctor. Returns three values: whether every check passed, the report, and the text that is shown to the user but is
/// not part of the report.
async fn examined(builder: circleci_api::ClientBuilder) -> (bool, String, String) {
    let (mut out, mut aside) = (Vec::new(), Vec::new());
    let healthy = program::examine(builder, "CIRCLE_TOKEN", &project(), &mut out, &mut aside)
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (healthy, text(out), text(aside))
}

#[tokio::test]
async fn a_small_circleci_is_examined() {
    let (mut out, mut aside) = (Vec::new(), Vec::new());
    program::small(&mut out, &mut aside).await.unwrap();
    let report = String::from_utf8(out).unwrap();
    for line in [
        "token         from this program",
        "host          another host, over plain http",
        "clock  ",
    ] {
        assert!(report.contains(line), "{report}");
    }
    assert!(
        report.contains("  getCurrentUser              200 in "),
        "{report}"
    );
    assert!(!report.contains(program::server::TOKEN), "{report}");

    let guide = include_str!("../circleci-api/src/guide/programs.md");
    let shown = guide.rsplit("```text\n").next().unwrap();
    assert_eq!(
        masked(shown.trim_end().trim_end_matches("```")),
        masked(&report)
    );
}

/// Returns the lines of a report without the parts that differ between two runs: the version, the clock of the machine, and
/// durations.
fn masked(report: &str) -> Vec<&str> {
    let line = |line| match line {
        line if str::starts_with(line, "circleci-api ") => "version",
        line if str::starts_with(line, "clock  ") => "clock",
        line if line.ends_with(" ms") => line.rsplit_once(" in ").unwrap().0,
        line => line,
    };
    report.lines().map(line).collect()
}

#[tokio::test]
async fn the_double_is_in_good_health() {
    let mock = Mock::start().await;
    let (healthy, report, aside) = examined(mock.client_builder()).await;
    assert!(healthy, "{report}");
    assert!(
        report.contains("This crate knows everything in the responses"),
        "{report}"
    );
    assert!(!report.contains("secret"), "{report}");
    assert!(aside.contains("the token belongs to"), "{aside}");
    let received = mock.received();
    assert!(received.len() >= 12, "{}", received.len());
    assert!(received.iter().all(|request| request.method == "GET"));
    // The report has one line for each request.
    assert_eq!(
        report.matches(" 200 in ").count(),
        received.len(),
        "{report}"
    );
}

/// Returns the answers that the mock gives to the requests of the doctor, by path.
async fn answers() -> BTreeMap<&'static str, Value> {
    let double = Mock::start().await;
    let circleci = double.client();
    let (project, id) = ("gh/acme/web", "5034460f-c7c4-4c43-9457-de07e2029e7b");
    macro_rules! answers {
        ($($name:literal: $method:ident($($argument:expr),*)),* $(,)?) => {
            BTreeMap::from([$(($name, circleci.$method($($argument),*).send_as().await.unwrap())),*])
        };
    }
    answers! {
        "me": get_current_user(),
        "me/collaborations": get_collaborations(),
        "project": get_project_by_slug(project),
        "settings": get_project_settings(project),
        "envvar": list_env_vars(project),
        "schedule": list_schedules_for_project(project),
        "workflows": get_project_workflow_metrics(project),
        "flaky-tests": get_flaky_tests(project),
        "context": list_contexts(),
        "webhook": get_webhooks(id, "project"),
        "pipelines": list_pipelines_for_project(project),
        "pipeline": get_pipeline_by_id(id),
        "workflow": list_workflows_by_pipeline_id(id),
        "job": list_workflow_jobs(id),
        "details": get_job_details(project, 1),
        "tests": get_tests(project, 1),
    }
}

fn name(seen: &Seen) -> &'static str {
    let path = seen.target.split('?').next().unwrap();
    let path: Vec<&str> = path.trim_start_matches("/api/v2/").split('/').collect();
    match path[..] {
        ["me"] => "me",
        ["me", "collaborations"] => "me/collaborations",
        ["project", _, _, _] => "project",
        ["project", _, _, _, "settings"] => "settings",
        ["project", _, _, _, "envvar"] => "envvar",
        ["project", _, _, _, "schedule"] => "schedule",
        ["insights", _, _, _, "workflows"] => "workflows",
        ["insights", _, _, _, "flaky-tests"] => "flaky-tests",
        ["context"] => "context",
        ["webhook"] => "webhook",
        ["project", _, _, _, "pipeline"] => "pipelines",
        ["pipeline", _] => "pipeline",
        ["pipeline", _, "workflow"] => "workflow",
        ["workflow", _, "job"] => "job",
        ["project", _, _, _, "job", _] => "details",
        ["project", _, _, _, _, "tests"] => "tests",
        _ => panic!("{path:?}"),
    }
}

#[tokio::test]
async fn ten_planted_surprises_are_all_found() {
    let mut answers = answers().await;
    let mut plant = |name: &str, pointer: &str, value: Option<Value>| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = answers.get_mut(name).unwrap().pointer_mut(parent).unwrap();
        let parent = parent
            .as_object_mut()
            .unwrap_or_else(|| panic!("{name} {pointer}"));
        match value {
            Some(value) => parent.insert(key.to_owned(), value),
            None => parent.remove(key),
        };
    };
    let hush = || Some(json!("hush"));
    plant("me", "/brand_new", hush());
    plant("project", "/vcs_info/brand_new", hush());
    plant("pipelines", "/items/0/trigger/brand_new", hush());
    plant("pipeline", "/state", hush());
    plant("job", "/items/0/status", hush());
    plant("workflow", "/items/0/created_at", hush());
    plant("schedule", "/items/0/updated-at", Some(json!("")));
    plant("details", "/duration", Some(json!("hush")));
    plant("context", "/items/0/created_at", None);
    plant("webhook", "/items/0/url", Some(json!("hush")));
    plant("webhook", "/items/0/verify_tls", None);
    let server = Server::start(move |_, seen| -> Act {
        answer(200, answers[name(seen)].to_string()).into()
    })
    .await;
    let (healthy, report, _) = examined(server.builder().0).await;
    assert!(!healthy, "{report}");
    for finding in [
        "getCurrentUser: brand_new: unknown key",
        "getProjectBySlug: vcs_info.brand_new: unknown key",
        "listPipelinesForProject: items[].trigger.brand_new: unknown key",
        "getPipelineById: state: unknown enum value",
        "listWorkflowJobs: items[].status: unknown enum value",
        "listWorkflowsByPipelineId: items[].created_at: invalid value",
        "listSchedulesForProject: items[].updated-at: invalid value",
        "getJobDetails: duration: invalid value",
        "listContexts: items[].created_at: missing field",
        "getWebhooks: items[].verify-tls: missing field",
    ] {
        assert!(
            report.contains(&format!("  {finding}\n")),
            "{finding}\n{report}"
        );
    }
    // The report lists the ten differences that are checked above, and no others.
    let listed = report.split("Please report it:\n").nth(1).unwrap();
    assert_eq!(listed.lines().count(), 10, "{report}");
    for secret in ["hush", "secret", TOKEN] {
        assert!(!report.contains(secret), "{report}");
    }
}

#[tokio::test]
async fn a_refused_token_is_told_and_nothing_else_is_asked() {
    let server =
        Server::start(|_, _| answer(401, format!(r#"{{"message":"no {TOKEN}"}}"#)).into()).await;
    let (healthy, report, aside) = examined(server.builder().0).await;
    assert!(!healthy);
    assert!(
        report.contains("getCurrentUser              401 Unauthorized, request req-401"),
        "{report}"
    );
    assert!(report.contains("The server refused the token"), "{report}");
    assert!(
        !report.contains(TOKEN) && !aside.contains(TOKEN),
        "{report}{aside}"
    );
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_missing_token_a_dead_host_and_a_wrong_clock_are_told() {
    let (environment, source) = program::watched(|_| None);
    let (healthy, report, _) = examined(Client::builder().or_from(&environment)).await;
    assert!(
        !healthy && report.contains("setup         no token: "),
        "{report}"
    );
    assert_eq!(*source.lock().unwrap(), None);

    let (environment, source) =
        program::watched(|name| (name == "CIRCLECI_CLI_TOKEN").then(|| "t".into()));
    assert!(Client::builder().or_from(&environment).build().is_ok());
    assert_eq!(
        source.lock().unwrap().as_deref(),
        Some("CIRCLECI_CLI_TOKEN")
    );

    let nobody = crate::server::refused().await;
    let builder = Client::builder()
        .host(format!("http://{nobody}"))
        .token(TOKEN)
        .no_retries();
    let (healthy, report, _) = examined(builder).await;
    assert!(!healthy && report.contains("no connection"), "{report}");

    let server = Server::start(|_, _| {
        let answer = answer(403, r#"{"message":"secret"}"#);
        answer
            .header("date", "Thu, 01 Mar 1990 12:00:00 GMT")
            .into()
    })
    .await;
    let (healthy, report, _) = examined(server.builder().0).await;
    assert!(
        !healthy && report.contains("403 Forbidden") && !report.contains("secret"),
        "{report}"
    );

    let me = serde_json::to_string(&mock::example::<GetCurrentUser>()).unwrap();
    let server = Server::start(move |at, _| {
        let status = if at == 0 { 200 } else { 404 };
        answer(status, me.clone())
            .header("date", "Thu, 01 Mar 1990 12:00:00 GMT")
            .into()
    })
    .await;
    let (healthy, report, _) = examined(server.builder().0).await;
    assert!(
        !healthy && report.contains("clock         wrong: "),
        "{report}"
    );
    assert!(report.contains("s ahead of the server's"), "{report}");
}
