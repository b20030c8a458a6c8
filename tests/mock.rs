//! Tests of the mock: the operations that it knows, the answers that a test configures, and the requests that it records.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use circleci_api::mock::scenario::{Scenario, Script};
use circleci_api::mock::{self, Mock, Refusal};
use circleci_api::operations::*;
use circleci_api::types::*;
use circleci_api::{Client, ErrorKind, Kind};
use futures_util::FutureExt;
use serde_json::json;

const ID: &str = "fda08377-fe7e-46b1-8992-3a7aaecac9c3";

/// Runs a closure that must panic, and returns the panic message.
fn panics<T: std::fmt::Debug>(piece: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(piece)).expect_err("it went well");
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(panic.downcast_ref::<&str>().copied());
    text.expect("a panic in words").to_owned()
}

#[tokio::test]
async fn every_operation_is_known_and_answered_without_a_word() {
    let circleci = Mock::start().await;
    let client = circleci.client();
    let calls = crate::calls::all();
    assert!(calls.len() > 100, "{} calls", calls.len());
    for call in calls {
        for (way, function) in [("least", call.least), ("most", call.most)] {
            let before = circleci.received().len();
            let answered = AssertUnwindSafe(function(&client)).catch_unwind().await;
            let answered = answered.unwrap_or_else(|_| panic!("{} ({way}) panicked", call.id));
            assert!(answered.is_ok(), "{} ({way}): {answered:?}", call.id);
            let came = &circleci.received()[before..];
            let [request] = came else {
                panic!("{} ({way}): {} requests", call.id, came.len())
            };
            let known = request.operation.map(|operation| operation.id);
            assert_eq!(known, Some(call.id), "{way}: {request}");
        }
    }
    for (id, call) in crate::calls::token_only() {
        // Whatever the page token is, the example answer is the last page.
        assert_eq!(call(&client).await.unwrap(), json!(true), "{id}");
    }
}

#[tokio::test]
async fn an_example_is_full() {
    let page = mock::example::<ListPipelines>();
    assert_eq!((page.items.len(), page.next_page_token), (1, None));
    let pipeline = &page.items[0];
    assert_eq!(
        pipeline.project_slug.as_deref(),
        Some("gh/CircleCI-Public/api-preview-docs")
    );
    assert!(
        pipeline
            .vcs
            .as_ref()
            .is_some_and(|vcs| vcs.branch.is_some())
    );
    assert_eq!(
        mock::item::<GetTests>(|test| test.name = "adds".into()).name,
        "adds"
    );
    assert_eq!(mock::example::<GetCollaborations>().len(), 1);
}

#[tokio::test]
async fn parameters_choose_the_reply_and_the_last_word_counts() {
    let circleci = Mock::start().await;
    let named = |name: &str| {
        let name = name.to_owned();
        move |project: &mut Project| project.name = name
    };
    circleci.on::<GetProjectBySlug>().reply_with(named("any"));
    circleci
        .on::<GetProjectBySlug>()
        .project("gh/acme co/wéb#1?%2F&=+;@")
        .reply_with(named("odd"));
    circleci
        .on::<GetProjectBySlug>()
        .path("project-slug", "gh/acme/web")
        .status(404, "Project not found");
    let client = circleci.client();
    let get = |slug: &'static str| {
        let sending = client.get_project_by_slug(slug).send();
        async move { sending.await.map(|project| project.name) }
    };
    assert_eq!(get("gh/acme/api").await.unwrap(), "any");
    assert_eq!(get("gh/acme co/wéb#1?%2F&=+;@").await.unwrap(), "odd");
    assert_eq!(
        get("gh/acme/web").await.unwrap_err().message(),
        Some("Project not found")
    );

    // `GetProjectSettings` has the slug in three parameters. The stub of `GetWorkflowById` has the id in upper case.
    circleci
        .on::<GetProjectSettings>()
        .project("gh/acme/web")
        .status(403, "no");
    assert!(
        client
            .get_project_settings("gh/acme/web")
            .send()
            .await
            .unwrap_err()
            .is_forbidden()
    );
    assert!(
        client
            .get_project_settings("gh/acme/api")
            .send()
            .await
            .is_ok()
    );
    circleci
        .on::<GetWorkflowById>()
        .path("id", ID.to_uppercase())
        .status(404, "no");
    assert!(
        client
            .get_workflow_by_id(ID)
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );

    circleci.on::<ListPipelines>().page([]);
    let mine = circleci
        .on::<ListPipelines>()
        .query("mine", true)
        .without_query("org-slug")
        .status(400, "no");
    assert!(client.list_pipelines().mine(true).send().await.is_err());
    assert!(
        client
            .list_pipelines()
            .mine(true)
            .org_slug("gh/acme")
            .send()
            .await
            .is_ok()
    );
    assert!(client.list_pipelines().mine(false).send().await.is_ok());
    mine.assert_count(1);
}

#[tokio::test]
async fn a_slug_matches_however_it_is_escaped() {
    let circleci = Mock::start().await;
    let asked = circleci
        .on::<GetEnvVar>()
        .project("gh/acme/web")
        .path("name", "A B");
    let http = circleci_api_tests::plain_http()
        .tls_certs_only([])
        .build()
        .unwrap();
    for path in [
        "gh%2Facme%2Fweb/envvar/A%20B",
        "gh%2facme%2fweb/envvar/A%20B",
        "gh/acme/web/envvar/A%20B",
        "%67h/acme%2Fweb/envvar/%41%20B",
    ] {
        let url = format!("{}/api/v2/project/{path}", circleci.url());
        let answer = http
            .get(url)
            .header("circle-token", "t")
            .send()
            .await
            .unwrap();
        // In a path, a slug has one segment or three segments, but never two.
        let expected = if path.starts_with('%') { 404 } else { 200 };
        assert_eq!(answer.status(), expected, "{path}");
    }
    asked.assert_count(3);
    assert_eq!(
        circleci.received_by::<GetEnvVar>()[2].project().as_deref(),
        Some("gh/acme/web")
    );
    let answer = http
        .get(format!("{}/api/v2/me", circleci.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_body_chooses_the_reply() {
    let circleci = Mock::start().await;
    circleci.on::<CreateEnvVar>().status(400, "which?");
    circleci
        .on::<CreateEnvVar>()
        .body(json!({ "name": "A" }))
        .reply_with(|it| it.value = Some("xxxx".into()));
    circleci
        .on::<CreateEnvVar>()
        .body(CreateEnvVarRequest::new("B", "2"))
        .reply_with(|it| it.value = Some("yyyy".into()));
    let client = circleci.client();
    let set = |name: &str, value: &str| {
        client
            .create_env_var("gh/acme/web", CreateEnvVarRequest::new(name, value))
            .send()
    };
    assert_eq!(set("A", "1").await.unwrap().value.as_deref(), Some("xxxx"));
    assert_eq!(set("B", "2").await.unwrap().value.as_deref(), Some("yyyy"));
    assert_eq!(set("B", "3").await.unwrap_err().message(), Some("which?"));
}

#[tokio::test]
async fn replies_come_one_after_the_other() {
    let circleci = Mock::start().await;
    let stub = circleci
        .on::<GetWorkflowById>()
        .rate_limited(Duration::from_millis(1500))
        .raw(502, "<html><title>Bad Gateway</title></html>")
        .cut()
        .reply_with(|workflow| workflow.status = Some(WorkflowStatus::Running))
        .reply_with(|workflow| workflow.status = Some("brand_new".into()));
    let once = circleci.client_builder().no_retries().build().unwrap();
    let get = |client: &Client| client.get_workflow_by_id(ID).send();
    let limited = get(&once).await.unwrap_err();
    assert!(limited.is_rate_limited());
    assert_eq!(limited.retry_after(), Some(Duration::from_secs(2)));
    // The client with retries gets the two errors that are left (the 502 and the cut), and then succeeds.
    let answered = circleci
        .client()
        .get_workflow_by_id(ID)
        .send_for_response()
        .await
        .unwrap();
    assert_eq!(
        (answered.attempts(), &answered.body().status),
        (3, &Some(WorkflowStatus::Running))
    );
    for _ in 0..2 {
        assert_eq!(get(&once).await.unwrap().status, Some("brand_new".into()));
    }
    stub.assert_count(6);
}

#[tokio::test]
async fn a_cut_and_a_delay_are_what_they_say() {
    let circleci = Mock::start().await;
    circleci.on::<GetCurrentUser>().cut();
    let client = circleci.client_builder().no_retries().build().unwrap();
    let cut = client.get_current_user().send().await.unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::Transport, "{cut}");
    circleci
        .on::<GetCurrentUser>()
        .delay(Duration::from_secs(600));
    let hasty = circleci
        .client_builder()
        .no_retries()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    // The delay is much longer than the timeout of this call, so the call times out even on a slow machine.
    let late = hasty.get_current_user().send().await.unwrap_err();
    assert!(late.is_timeout(), "{late}");
    // The delay does not affect calls of other operations.
    assert!(client.get_collaborations().send().await.is_ok());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let circleci = Mock::start().await;
    let numbered =
        |number| mock::item::<ListPipelinesForProject>(|pipeline| pipeline.number = number);
    circleci
        .on::<ListPipelinesForProject>()
        .query("branch", "main")
        .pages([vec![numbered(3), numbered(2)], vec![], vec![numbered(1)]])
        .page([numbered(9)]);
    let list = || async {
        let request = circleci
            .client()
            .list_pipelines_for_project("gh/acme/web")
            .branch("main");
        let items = request.items().into_vec().await.unwrap();
        items.iter().map(|it| it.number).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [3, 2, 1]);
    assert_eq!(list().await, [9]);
    circleci.assert_count::<ListPipelinesForProject>(4);
    assert_eq!(
        circleci.received()[1].query("page-token"),
        Some("mock-page-2")
    );

    let client = circleci.client();
    let stale = client
        .list_pipelines_for_project("gh/acme/web")
        .branch("main")
        .page_token("old")
        .send();
    assert_eq!(
        stale.await.unwrap_err().message(),
        Some("the mock did not issue this page-token: \"old\"")
    );
}

#[tokio::test]
async fn lists_come_by_offset_too() {
    let circleci = Mock::start().await;
    let log =
        |status: &str| mock::item::<GetDecisionLogs>(|log| log.id = Some(status.parse().unwrap()));
    let [one, two, three] = [
        ID,
        "fda08377-fe7e-46b1-8992-3a7aaecac9c4",
        "fda08377-fe7e-46b1-8992-3a7aaecac9c5",
    ];
    circleci
        .on::<GetDecisionLogs>()
        .pages([vec![log(one), log(two)], vec![log(three)]]);
    let logs = circleci
        .client()
        .get_decision_logs("acme", "config")
        .items()
        .into_vec()
        .await
        .unwrap();
    let ids: Vec<String> = logs.iter().map(|log| log.id.unwrap().to_string()).collect();
    assert_eq!(ids, [one, two, three]);
    let offsets: Vec<Option<String>> = circleci
        .received()
        .iter()
        .map(|it| it.query("offset").map(str::to_owned))
        .collect();
    assert_eq!(offsets, [None, Some("2".into()), Some("3".into())]);
}

#[tokio::test]
async fn json_is_checked_against_the_operation() {
    let circleci = Mock::start().await;
    circleci.on::<ListPipelines>().reply_json(json!({
        "items": [{ "number": 2, "vcs": { "branch": "dev" } }, { "number": 1, "vcs": null }],
        "next_page_token": null,
    }));
    let pipelines = circleci
        .client()
        .list_pipelines()
        .send()
        .await
        .unwrap()
        .items;
    assert_eq!(
        pipelines.iter().map(|it| it.number).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(
        pipelines[0].vcs.as_ref().unwrap().branch.as_deref(),
        Some("dev")
    );
    assert_eq!(pipelines[1].vcs, None);

    // The mock treats the kebab-case and the snake_case spelling of a key as the same key.
    circleci
        .on::<GetFlakyTests>()
        .reply_json(json!({ "flaky_tests": [{ "test-name": "adds" }] }));
    let tests = circleci
        .client()
        .get_flaky_tests("gh/acme/web")
        .send()
        .await
        .unwrap()
        .flaky_tests;
    assert_eq!(tests[0].test_name.as_deref(), Some("adds"));

    let wrong = panics(|| {
        circleci
            .on::<ListPipelines>()
            .reply_json(json!({ "items": [{ "number": "two" }] }))
    });
    assert!(
        wrong.starts_with(
            "listPipelines: the JSON does not match the response type: items[0].number: "
        ),
        "{wrong}"
    );
    let misspelled = panics(|| {
        circleci
            .on::<ListPipelines>()
            .reply_json(json!({ "items": [{ "vcs": { "brunch": "x" } }] }))
    });
    assert_eq!(
        misspelled,
        "listPipelines: the response has no field \"items[0].vcs.brunch\""
    );
    let no_list = panics(|| circleci.on::<GetCurrentUser>().reply_json(json!([])));
    assert!(
        no_list.starts_with("getCurrentUser: the JSON does not match the response type"),
        "{no_list}"
    );
}

#[tokio::test]
async fn what_cannot_be_matched_is_said_at_once() {
    let circleci = Mock::start().await;
    assert_eq!(
        panics(|| circleci.on::<GetWorkflowById>().path("workflow-id", ID)),
        "getWorkflowById: the path has no parameter \"workflow-id\"; it has [\"id\"]"
    );
    assert_eq!(
        panics(|| circleci.on::<GetCurrentUser>().project("gh/acme/web")),
        "getCurrentUser: the path has no project slug"
    );
}

#[tokio::test]
async fn failed_assertions_say_what_came_instead() {
    let circleci = Mock::start().await;
    let client = circleci.client();
    assert!(panics(|| circleci.assert_count::<ListContexts>(1)).ends_with("no requests arrived"));
    let deploy = circleci.on::<DeleteEnvVar>().path("name", "A");

    client
        .list_contexts()
        .owner_slug("gh/acme")
        .send()
        .await
        .unwrap();
    client
        .create_env_var("gh/acme/web", CreateEnvVarRequest::new("A", "1"))
        .send()
        .await
        .unwrap();

    let came = "all requests:\n  1. listContexts: GET /api/v2/context?owner-slug=gh%2Facme\n  \
                2. createEnvVar: POST /api/v2/project/gh/acme/web/envvar {\"name\":\"A\",\"value\":\"1\"}";
    assert_eq!(
        panics(|| circleci.assert_count::<ListContexts>(2)),
        format!("listContexts: expected 2 requests, got 1 request\n{came}")
    );
    assert_eq!(
        panics(|| deploy.assert_count(1)),
        format!("deleteEnvVar with name = \"A\": expected 1 request, got no request\n{came}")
    );
    assert_eq!(
        panics(|| circleci.assert_order([ListContexts::OPERATION, DeleteEnvVar::OPERATION])),
        format!(
            "request 2 is createEnvVar: expected deleteEnvVar\nexpected: listContexts, deleteEnvVar\n{came}"
        )
    );
    assert!(
        panics(|| circleci.assert_order([ListContexts::OPERATION]))
            .starts_with("request 2 was not expected\n")
    );
    let three = [
        ListContexts::OPERATION,
        CreateEnvVar::OPERATION,
        CreateEnvVar::OPERATION,
    ];
    assert!(
        panics(|| circleci.assert_order(three))
            .starts_with("request 3 is missing: expected createEnvVar\n")
    );
    circleci.assert_order([ListContexts::OPERATION, CreateEnvVar::OPERATION]);
    deploy.assert_count(0);
    assert!(!format!("{:?}", circleci.received()).contains("CCIPAT"));
}

#[tokio::test]
async fn strictly_nothing_is_made_up() {
    let circleci = Mock::start().await;
    circleci.strict();
    let client = circleci.client_builder().no_retries().build().unwrap();
    circleci.on::<GetUser>();
    assert!(client.get_user(ID).send().await.is_ok());
    let error = client.get_current_user().send().await.unwrap_err();
    assert_eq!(
        error.message(),
        Some("the strict mock has no answer for getCurrentUser: GET /api/v2/me")
    );
}

#[tokio::test]
async fn replies_without_a_body_have_none() {
    let circleci = Mock::start().await;
    circleci
        .on::<DeleteOtelExporter>()
        .status(404, "no")
        .reply(());
    let client = circleci.client();
    assert!(client.delete_otel_exporter(ID).send().await.is_err());
    assert_eq!(
        client
            .delete_otel_exporter(ID)
            .send_for_response()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(
        <DeleteOtelExporter as Kind>::OPERATION.id,
        "deleteOtelExporter"
    );
}

#[tokio::test]
async fn many_at_a_time_each_get_their_own() {
    let circleci = Mock::start().await;
    let client = circleci.client();
    for number in 1..=50 {
        circleci
            .on::<GetPipelineByNumber>()
            .path("pipeline-number", number)
            .reply_with(|pipeline| pipeline.number = number);
    }
    let calls = (1..=50).map(|number: i64| {
        let sending = client.get_pipeline_by_number("gh/acme/web", number).send();
        async move { assert_eq!(sending.await.unwrap().number, number) }
    });
    futures_util::future::join_all(calls).await;
    circleci.assert_count::<GetPipelineByNumber>(50);
}

/// While the process has too many open files, the mock cannot accept a connection. Afterwards, it accepts and answers it. The test
/// runs in a process of its own, which may have 64 files.
#[cfg(unix)]
#[test]
fn the_mock_accepts_again_after_too_many_open_files() {
    use std::io::{ErrorKind, Read as _, Write as _};

    const NAME: &str = "mock::the_mock_accepts_again_after_too_many_open_files";
    if std::env::var_os("FEW_FILES").is_none() {
        let script = r#"ulimit -n 64 && exec "$0" --exact "$1" --nocapture"#;
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .arg(NAME)
            .env("FEW_FILES", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let circleci = runtime.block_on(Mock::start());
    let address = circleci.url().replace("http://", "");
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    assert!((20..64).contains(&files.len()), "{}", files.len());
    // The only free file is for this end of the connection.
    files.pop();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /api/v2/me HTTP/1.1\r\nhost: mock\r\n\r\n")
        .unwrap();
    let short = std::time::Duration::from_millis(50);
    stream.set_read_timeout(Some(short)).unwrap();
    let mut answer = [0; 8];
    let error = stream.read(&mut answer).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    drop(files);
    let long = std::time::Duration::from_secs(60);
    stream.set_read_timeout(Some(long)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1");
}

#[tokio::test]
async fn a_function_makes_the_reply() {
    let circleci = Mock::start().await;
    circleci
        .on::<GetUser>()
        .reply_by(|request| match request.path("id") {
            Some(ID) => Ok(mock::example::<GetUser>()),
            id => Err(Refusal::new(404, format!("no {id:?}"))),
        });
    let client = circleci.client();
    assert!(client.get_user(ID).send().await.is_ok());
    let nobody = "00000000-0000-0000-0000-000000000000";
    let error = client.get_user(nobody).send().await.unwrap_err();
    assert_eq!(error.message(), Some(&*format!("no {:?}", Some(nobody))));
}

#[tokio::test]
async fn scenarios_live_beside_each_other() {
    use WorkflowStatus::{Failed, Success};
    let circleci = Mock::start().await;
    let client = circleci.client();
    let web = Scenario::start(&circleci, "github/acme/web");
    let _api = Scenario::start(&circleci, "gh/acme/api");
    web.next(
        Script::new()
            .workflow("build", [Failed])
            .rerun([Success])
            .hidden_for(0),
    );
    let of_web = client.trigger_pipeline("gh/acme/web").send().await.unwrap();
    let of_api = client.trigger_pipeline("gh/acme/api").send().await.unwrap();
    assert_ne!(of_web.id, of_api.id);
    let failed = client.wait_for_pipeline(of_web.id).finish().await.unwrap();
    assert!(!failed.is_success());
    assert!(
        client
            .wait_for_pipeline(of_api.id)
            .finish()
            .await
            .unwrap()
            .is_success()
    );
    let workflows = client.list_workflows_by_pipeline_id(of_web.id).items();
    let workflow = workflows.into_vec().await.unwrap()[0].id;
    client.rerun_workflow(workflow).send().await.unwrap();
    assert!(
        client
            .wait_for_pipeline(of_web.id)
            .finish()
            .await
            .unwrap()
            .is_success()
    );
    let other = client
        .list_pipelines_for_project("gh/acme/other")
        .send()
        .await;
    assert!(other.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_can_never_match_is_said_at_the_line_of_the_test() {
    let circleci = Mock::start().await;
    let stub = || circleci.on::<ListContexts>();
    let project = || circleci.on::<GetProjectBySlug>();
    let user = || circleci.on::<GetUser>();
    let (owner, three) = (
        "the query has no parameter \"owner\"; it has [",
        "a project slug has three parts",
    );
    for (expected, said) in [
        (owner, panics(|| stub().query("owner", "x"))),
        (owner, panics(|| stub().without_query("owner"))),
        (three, panics(|| project().project("acme/web"))),
        ("id must be a UUID", panics(|| user().path("id", "me"))),
        ("id is missing", panics(|| user().path("id", ""))),
        (
            "99 is not a valid response status",
            panics(|| stub().status(99, "x")),
        ),
        (
            "0 is not a valid response status",
            panics(|| stub().raw(0, "x")),
        ),
        (
            "700 is not a valid response status",
            panics(|| mock::Refusal::new(700, "x")),
        ),
        (three, panics(|| Scenario::start(&circleci, "web"))),
        (
            "\"b\" needs at least one status",
            panics(|| Script::new().workflow("b", [])),
        ),
        (
            "`artifact` must follow a workflow",
            panics(|| Script::new().artifact("x")),
        ),
        ("invalid type", panics(|| stub().reply_json(json!([])))),
    ] {
        assert!(said.contains(expected), "{said}");
    }
    // A stub also accepts the snake_case name of a parameter.
    stub().query("owner_slug", "gh/acme").status(404, "none");
    let error = circleci
        .client()
        .list_contexts()
        .owner_slug("gh/acme")
        .send()
        .await;
    assert!(error.unwrap_err().is_not_found());
    assert_eq!(circleci.received()[0].query("owner_slug"), Some("gh/acme"));
    // A stub also accepts the long form of a slug.
    circleci
        .on::<GetProjectBySlug>()
        .project("github/acme/web")
        .status(403, "no");
    let error = circleci
        .client()
        .get_project_by_slug("gh/acme/web")
        .send()
        .await;
    assert!(error.unwrap_err().is_forbidden());
    // If the closure of a stub panics, the mock answers with the panic message.
    circleci
        .on::<GetCurrentUser>()
        .reply_by(|_| panic!("no user today"));
    let client = circleci.client_builder().no_retries().build().unwrap();
    let error = client.get_current_user().send().await.unwrap_err();
    assert!(
        error.to_string().contains("panicked: no user today"),
        "{error}"
    );
}

#[tokio::test]
async fn waits_side_by_side_do_not_add_up() {
    let circleci = Mock::start().await;
    let stub = circleci.on::<GetCurrentUser>();
    let mut stub = stub.rate_limited(Duration::from_secs(30));
    for _ in 1..4 {
        stub = stub.rate_limited(Duration::from_secs(30));
    }
    stub.reply_with(|_| ());
    let client = circleci.client();
    // A call may wait at most 90 seconds. The four waits of 30 seconds run at the same time, so they do not add up to 120
    // seconds.
    let calls = (0..4).map(|_| client.get_current_user().send());
    for done in futures_util::future::join_all(calls).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn what_was_canceled_is_rerun_as_it_was() {
    use WorkflowStatus::{Canceled, OnHold, Success};
    let circleci = Mock::start().await;
    let client = circleci.client();
    let web = Scenario::start(&circleci, "gh/acme/web");
    web.next(
        Script::new()
            .workflow("deploy", [OnHold, Success])
            .artifact("a b#1?.txt")
            .hidden_for(0),
    );
    let pipeline = client.trigger_pipeline("gh/acme/web").send().await.unwrap();
    let workflows = || async {
        client
            .list_workflows_by_pipeline_id(pipeline.id)
            .send()
            .await
            .unwrap()
            .items
    };
    let first = workflows().await[0].id;
    client.cancel_workflow(first).send().await.unwrap();
    let jobs = client
        .list_workflow_jobs(first)
        .items()
        .into_vec()
        .await
        .unwrap();
    assert_eq!(
        (jobs.len(), jobs[0].name.as_str()),
        (2, "hold"),
        "its approval is still there"
    );
    client.rerun_workflow(first).send().await.unwrap();
    client.rerun_workflow(first).send().await.unwrap();
    let statuses = || async {
        workflows()
            .await
            .into_iter()
            .filter_map(|it| it.status)
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses().await, [Canceled, OnHold, OnHold]);
    assert!(web.approve("deploy"), "the newest of them");
    assert_eq!(statuses().await, [Canceled, OnHold, Success]);
    let done = workflows().await[2].id;
    let jobs = client
        .list_workflow_jobs(done)
        .items()
        .into_vec()
        .await
        .unwrap();
    circleci.file("a b#1?.txt", "found");
    let number = jobs[1].job_number;
    let files = client
        .get_job_artifacts("gh/acme/web", number)
        .items()
        .into_vec()
        .await
        .unwrap();
    let mut file = client.download_artifact(&files[0]).stream().await.unwrap();
    assert_eq!(file.try_next().await.unwrap().unwrap(), "found");
}

/// The mock's clock skips waits, but the time that they would take still counts for pacing and for deadlines.
#[tokio::test]
async fn time_goes_on_by_what_is_waited() {
    let circleci = Mock::start().await;
    let paced = circleci
        .client_builder()
        .pacing(circleci_api::Pacing::per_minute(60));
    let client = paced.build().unwrap();
    for _ in 0..100 {
        client.get_current_user().send().await.unwrap();
    }
    let waiting = circleci.on::<GetWorkflowById>();
    waiting.reply_json(json!({ "status": "running" }));
    let wait = client
        .wait_for_workflow("5034460f-c7c4-4c43-9457-de07e2029e7b")
        .finish()
        .await;
    assert!(wait.unwrap_err().is_deadline());
}

mod version_1 {
    use super::*;
    use circleci_api::v1::GetJobSteps;

    #[tokio::test]
    async fn it_has_steps_and_their_output() {
        let circleci = Mock::start().await;
        let client = circleci.client();
        let usual = client
            .get_job_steps("gh/acme/web", 1843)
            .send()
            .await
            .unwrap();
        assert_eq!(usual.steps.len(), 1);
        let url = circleci.file("output", r#"[{ "type": "out", "message": "done" }]"#);
        // The test configures raw JSON, because the type does not serialize the signed URL.
        let steps = json!({ "steps": [{ "actions": [{ "name": "test", "output_url": url }] }] });
        circleci.on::<GetJobSteps>().raw(200, steps.to_string());
        let job = client
            .get_job_steps("gh/acme/web", 1843)
            .send()
            .await
            .unwrap();
        let output = client.step_output(&job.steps[0].actions[0]).unwrap();
        assert_eq!(output.text().await.unwrap(), "done");
        circleci.assert_count::<GetJobSteps>(2);
    }
}

/// The URLs in the example answers of a mock lead to the mock itself, and the mock serves the files there, even without stubs.
#[tokio::test]
async fn what_examples_lead_to_is_here() {
    let circleci = Mock::start().await;
    let client = circleci.client();
    let artifacts = client
        .get_job_artifacts("gh/acme/web", 1)
        .items()
        .into_vec()
        .await
        .unwrap();
    assert!(
        artifacts[0].url.starts_with(&circleci.url()),
        "{artifacts:?}"
    );
    let mut file = client
        .download_artifact(&artifacts[0])
        .stream()
        .await
        .unwrap();
    assert_eq!(file.try_next().await.unwrap().unwrap(), "example");
    // By the clock of the mock, yesterday is recent enough for a usage export.
    let end = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let start = end - chrono::TimeDelta::days(1);
    let mut csv = client.usage_export("acme", start, end).csv().unwrap();
    assert_eq!(csv.try_next().await.unwrap().unwrap(), "example\n");
}

/// The steps of a release script: trigger, wait, approve, fetch.
#[tokio::test]
async fn a_scenario_moves_as_it_is_polled() {
    use WorkflowStatus::{Failed, OnHold, Running, Success};
    let circleci = Mock::start().await;
    let web = Scenario::start(&circleci, "gh/acme/web");
    web.next(
        Script::new()
            .workflow("build", [Running, Running, Success])
            .artifact("junit.xml")
            .workflow("deploy", [OnHold, Running, Failed])
            .hidden_for(2),
    );
    let client = circleci.client();
    let run = client
        .trigger_pipeline_run("gh/acme/web")
        .send()
        .await
        .unwrap();
    let TriggerPipelineRunOutcome::Triggered(pipeline) = run else {
        panic!("{run:?}")
    };
    let look = || async {
        let list = client.list_workflows_by_pipeline_id(pipeline.id).items();
        list.into_vec().await.unwrap()
    };
    let statuses = |all: &[Workflow]| {
        all.iter()
            .filter_map(|it| it.status.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!((look().await.len(), look().await.len()), (0, 0));
    let workflows = look().await;
    assert_eq!(statuses(&workflows), [Running, OnHold]);
    assert_eq!(
        (&*workflows[0].name, workflows[0].pipeline_number),
        ("build", Some(1))
    );
    let [build, deploy] = [&workflows[0].id, &workflows[1].id].map(|id| id.unwrap());
    assert_eq!(statuses(&look().await), [Running, OnHold]);
    let done = look().await;
    assert_eq!(statuses(&done), [Success, OnHold]);
    assert!(done[0].stopped_at.is_some() && done[1].stopped_at.is_none());

    let jobs = client
        .list_workflow_jobs(deploy)
        .items()
        .into_vec()
        .await
        .unwrap();
    let approval = jobs[0].approval_request_id.unwrap();
    assert_eq!((jobs[0].name.as_str(), jobs[1].job_number), ("hold", None));
    assert!(
        client
            .approve_pending_approval_job_by_id(deploy, build)
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );
    client
        .approve_pending_approval_job_by_id(deploy, approval)
        .send()
        .await
        .unwrap();
    assert!(!web.approve("deploy"), "it has been approved");
    assert_eq!(
        client
            .get_workflow_by_id(deploy)
            .send()
            .await
            .unwrap()
            .status,
        Some(Running)
    );
    assert_eq!(
        client
            .get_workflow_by_id(deploy)
            .send()
            .await
            .unwrap()
            .status,
        Some(Failed)
    );

    let jobs = client
        .list_workflow_jobs(build)
        .items()
        .into_vec()
        .await
        .unwrap();
    let files = client
        .get_job_artifacts("gh/acme/web", jobs[0].job_number.unwrap())
        .items();
    let files = files.into_vec().await.unwrap();
    assert_eq!(
        files.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(),
        ["junit.xml"]
    );

    circleci.file("junit.xml", "<testsuite/>");
    let mut file = client.download_artifact(&files[0]).stream().await.unwrap();
    assert_eq!(file.try_next().await.unwrap().unwrap(), "<testsuite/>");

    // The failed workflow is rerun, and its job fails again.
    let again = client.rerun_workflow(deploy).send().await.unwrap();
    let again = again.workflow_id.unwrap();
    let on_hold = client.get_workflow_by_id(again).send().await.unwrap();
    assert_eq!((on_hold.status, on_hold.id), (Some(OnHold), Some(again)));
    assert!(web.approve("deploy"));
    let jobs = client.list_workflow_jobs(again).items();
    let job = jobs.into_vec().await.unwrap()[1].job_number.unwrap();
    let done = client.wait_for_job("gh/acme/web", job).finish().await;
    assert_eq!(
        done.unwrap().job.status,
        Some(circleci_api::types::JobStatus::Failed)
    );
    let mine = client.list_pipelines().items().into_vec().await.unwrap();
    assert_eq!(mine[0].id, pipeline.id);

    // The test cancels a second pipeline, which has no script.
    let usual = client.trigger_pipeline("gh/acme/web").send().await.unwrap();
    assert_eq!(usual.number, 2);
    let list = || client.list_workflows_by_pipeline_id(usual.id).send();
    assert_eq!(list().await.unwrap().items, []);
    let workflow = list().await.unwrap().items.remove(0);
    client
        .cancel_workflow(workflow.id.unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        statuses(&list().await.unwrap().items),
        [WorkflowStatus::Canceled]
    );
    let pipelines = client
        .list_pipelines_for_project("gh/acme/web")
        .items()
        .into_vec()
        .await
        .unwrap();
    assert_eq!(
        pipelines.iter().map(|it| it.number).collect::<Vec<_>>(),
        [2, 1]
    );
    assert!(
        client
            .list_pipelines_for_project("gh/acme/api")
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn a_scenario_keeps_what_is_written() {
    let circleci = Mock::start().await;
    let _web = Scenario::start(&circleci, "gh/acme/web");
    let client = circleci.client();
    let names = || async {
        let list = client.list_env_vars("gh/acme/web").items().into_vec();
        list.await
            .unwrap()
            .into_iter()
            .map(|it| it.name)
            .collect::<Vec<_>>()
    };
    assert!(names().await.is_empty());
    let set = client.create_env_var("gh/acme/web", CreateEnvVarRequest::new("A", "secret"));
    assert_eq!(set.send().await.unwrap().value.as_deref(), Some("xxxxcret"));
    assert_eq!(names().await, ["A"]);
    client
        .delete_env_var("gh/acme/web", "A")
        .send()
        .await
        .unwrap();
    assert!(
        client
            .get_env_var("gh/acme/web", "A")
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );

    let owner = ContextOwnerId::new(ID.parse::<circleci_api::uuid::Uuid>().unwrap());
    let context = client
        .create_context(CreateContextRequest::new("deploy", owner))
        .send()
        .await
        .unwrap();
    let request = AddEnvironmentVariableToContextRequest::new("v");
    client
        .add_environment_variable_to_context(context.id, "KEY", request)
        .send()
        .await
        .unwrap();
    let kept = client
        .list_environment_variables_from_context(context.id)
        .items()
        .into_vec()
        .await
        .unwrap();
    assert_eq!(
        kept.iter()
            .map(|it| it.variable.as_str())
            .collect::<Vec<_>>(),
        ["KEY"]
    );
    client.delete_context(context.id).send().await.unwrap();
    assert!(
        client
            .get_context(context.id.to_string())
            .send()
            .await
            .unwrap_err()
            .is_forbidden()
    );
    assert!(
        client
            .list_contexts()
            .items()
            .into_vec()
            .await
            .unwrap()
            .is_empty()
    );
}
