//! Ten programs that people need, each with its test. They use only what the README and the guides explain. Each program is
//! one function that a `main` can call, and contains nothing that the crate should do instead. Two more programs are in
//! `examples/`: the receiver of webhooks (`webhook_axum`) and the daemon (`watch`).

use std::path::Path;

use circleci_api::artifacts::TokenHosts;
use circleci_api::mock::Mock;
use circleci_api::mock::scenario::{Scenario, Script};
use circleci_api::operations::*;
use circleci_api::overview::CancelFilter;
use circleci_api::types::WorkflowStatus::{Failed, OnHold as Held, Running, Success};
use circleci_api::types::{ContextOwnerSlug, CreateContextRequest, TriggerPipelineRequest};
use circleci_api::wait::OnHold;
use circleci_api::{Client, Error, Many};
use serde_json::json;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

// 1. Lists the newest pipelines of a project with their status.

async fn status(circleci: &Client, project: &str) -> Result<Vec<String>, Error> {
    let overviews = circleci
        .project_overview(project, 10)
        .branch("main")
        .send()
        .await?;
    let line = |overview: &circleci_api::overview::PipelineOverview| {
        let verdict = overview
            .outcome(circleci)
            .map(|outcome| outcome.verdict.to_string());
        let failed = overview
            .jobs()
            .filter(|(_, job)| job.is_failure())
            .map(|(_, job)| job.name.as_str());
        let failed = failed.collect::<Vec<_>>().join(", ");
        format!(
            "#{} {} {failed}",
            overview.pipeline.number,
            verdict.as_deref().unwrap_or("unknown")
        )
    };
    Ok(overviews.iter().map(line).collect())
}

#[tokio::test]
async fn status_in_lines() {
    let (server, web) = web().await;
    for workflows in [[Success, Success], [Success, Failed]] {
        let [build, test] = workflows;
        web.next(
            Script::new()
                .workflow("build", [build])
                .workflow("test", [test])
                .hidden_for(0),
        );
        server
            .client()
            .trigger_pipeline("gh/acme/web")
            .send()
            .await
            .unwrap();
    }
    let lines = status(&server.client(), "gh/acme/web").await.unwrap();
    assert_eq!(lines, ["#2 failed test", "#1 success "]);
}

// 2. Triggers a pipeline, waits for it, and downloads its artifacts.

async fn trigger_and_download(circleci: &Client, project: &str, out: &Path) -> Result<u64> {
    let body = TriggerPipelineRequest::new()
        .branch("main")
        .parameter("release", true);
    let pipeline = circleci.trigger_pipeline(project).body(body).send().await?;
    let outcome = circleci.wait_for_pipeline(pipeline.id).finish().await?;
    if !outcome.is_success() {
        return Err(format!(
            "the pipeline is {}: {:?}",
            outcome.verdict, outcome.failures
        )
        .into());
    }
    let artifacts = circleci.download_pipeline_artifacts(pipeline.id);
    let artifacts = artifacts
        .token_hosts(TokenHosts::none())
        .into_folder(out)
        .await?;
    match artifacts.failed.first() {
        Some(failure) => Err(failure.to_string().into()),
        None => Ok(artifacts.bytes()),
    }
}

#[tokio::test]
async fn trigger_wait_download() {
    let (server, web) = web().await;
    server.file("dist/app", "hello");
    web.next(
        Script::new()
            .workflow("build", [Running, Success])
            .artifact("dist/app"),
    );
    let out = tempfile::tempdir().unwrap();
    let bytes = trigger_and_download(&server.client(), "gh/acme/web", out.path())
        .await
        .unwrap();
    assert_eq!(bytes, 5);
    web.next(Script::new().workflow("build", [Failed]));
    let error = trigger_and_download(&server.client(), "gh/acme/web", out.path())
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("the pipeline is failed"),
        "{error}"
    );
}

// 3. Replaces a secret in all contexts that contain it.

async fn rotate(circleci: &Client, org: &str, name: &str, value: &str) -> Result<usize, Error> {
    let contexts = circleci
        .contexts_with_variable(org, name)
        .send()
        .await?
        .into_result()?;
    let set = contexts.iter().map(|context| {
        circleci
            .set_context_variables(context.id, [(name, value)])
            .send()
    });
    for done in Many::new(set).into_vec().await {
        done.into_result()?;
    }
    Ok(contexts.len())
}

#[tokio::test]
async fn a_secret_is_rotated() {
    let (server, _web) = web().await;
    let client = server.client();
    for (context, variable) in [("a", "KEY"), ("b", "OTHER"), ("c", "KEY")] {
        let body = CreateContextRequest::new(context, ContextOwnerSlug::new("gh/acme"));
        let context = client.create_context(body).send().await.unwrap();
        client
            .set_context_variables(context.id, [(variable, "old")])
            .send()
            .await
            .into_result()
            .unwrap();
    }
    assert_eq!(rotate(&client, "gh/acme", "KEY", "new").await.unwrap(), 2);
    server.assert_count::<AddEnvironmentVariableToContext>(3 + 2);
}

// 4. Reports on all projects of an organization, every night.

async fn report(circleci: &Client, org: &str) -> Result<Vec<String>, Error> {
    let found = circleci.organization_projects(org).send().await?;
    let calls = found.projects.iter().map(|project| async move {
        let mut workflows = circleci.insights(&project.slug).workflows().await?;
        workflows.sort_by_key(|workflow| std::cmp::Reverse(workflow.credits));
        let lines = workflows.into_iter().map(|workflow| {
            let green = workflow
                .success_rate
                .map_or("?".into(), |rate| format!("{:.0} %", rate * 100.0));
            format!(
                "{} {}: {green} green, {:?} credits",
                project.slug,
                workflow.name,
                workflow.credits.unwrap_or(0)
            )
        });
        Ok::<_, Error>(lines.collect::<Vec<_>>())
    });
    Ok(Many::new(calls).try_into_vec().await?.concat())
}

#[tokio::test]
async fn a_report_of_the_night() {
    let server = Mock::start().await;
    let pipeline = |slug: &str| json!({ "project_slug": slug });
    server
        .on::<ListPipelines>()
        .reply_json(json!({ "items": [pipeline("gh/acme/web"), pipeline("gh/acme/docs")] }));
    server
        .on::<GetOrgSummaryData>()
        .status(403, "no")
        .reply_json(json!({}));
    let metrics = json!({ "total_runs": 40, "success_rate": 0.9, "total_credits_used": 2100 });
    let workflow = json!({ "name": "nightly", "metrics": metrics });
    server
        .on::<GetProjectWorkflowMetrics>()
        .reply_json(json!({ "items": [workflow] }));
    let lines = report(&server.client(), "gh/acme").await.unwrap();
    let workflow = "nightly: 90 % green, 2100 credits";
    let of = |project: &str| format!("gh/acme/{project} {workflow}");
    assert_eq!(lines, [of("docs"), of("web")]);
}

// 5. Cancels the workflows that are still running in older pipelines of a branch.

async fn cancel_old(circleci: &Client, project: &str, branch: &str) -> Result<Vec<String>, Error> {
    let filter = CancelFilter::branch(branch).keep_newest(1);
    let canceled = circleci.cancel_pipelines(project, filter).send().await?;
    Ok(canceled.workflows.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn older_pipelines_are_cancelled() {
    let (server, web) = web().await;
    for _ in 0..3 {
        web.next(
            Script::new()
                .workflow("build", [Running])
                .workflow("docs", [Success])
                .hidden_for(0),
        );
        server
            .client()
            .trigger_pipeline("gh/acme/web")
            .send()
            .await
            .unwrap();
    }
    let lines = cancel_old(&server.client(), "gh/acme/web", "main")
        .await
        .unwrap();
    assert_eq!(lines, ["#2 build: canceled", "#1 build: canceled"]);
}

// 6. Lists the failed tests of the newest pipeline of a branch.

async fn failed_tests(
    circleci: &Client,
    project: &str,
    branch: &str,
) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for overview in circleci
        .project_overview(project, 1)
        .branch(branch)
        .send()
        .await?
    {
        for it in overview.workflows? {
            let failed = circleci.failed_tests(it.workflow.id).send().await?;
            names.extend(
                failed
                    .iter()
                    .map(|failed| format!("{}: {}", failed.job.name, failed.test.name)),
            );
        }
    }
    Ok(names)
}

#[tokio::test]
async fn failed_tests_of_the_newest_pipeline() {
    let (server, web) = web().await;
    web.next(Script::new().workflow("build", [Failed]).hidden_for(0));
    server
        .client()
        .trigger_pipeline("gh/acme/web")
        .send()
        .await
        .unwrap();
    let tests = json!([{ "name": "adds", "result": "success" }, { "name": "divides", "result": "failure" }]);
    server
        .on::<GetTests>()
        .reply_json(json!({ "items": tests }));
    let failed = failed_tests(&server.client(), "gh/acme/web", "main")
        .await
        .unwrap();
    assert_eq!(failed, ["build: divides"]);
}

// 7. Runs a release, and approves its job `deploy`.

async fn release(circleci: &Client, project: &str) -> Result<bool> {
    let pipeline = circleci.trigger_pipeline(project).send().await?;
    let ours = OnHold::approve(|held| held.workflow == "deploy");
    let mut changes = circleci
        .wait_for_pipeline(pipeline.id)
        .on_hold(ours)
        .changes();
    while let Some(change) = changes.next().await {
        println!("{change}");
    }
    Ok(changes.finish().await?.is_success())
}

#[tokio::test]
async fn a_release_approves() {
    let (server, web) = web().await;
    web.next(
        Script::new()
            .workflow("build", [Success])
            .workflow("deploy", [Held, Running, Success]),
    );
    assert!(release(&server.client(), "gh/acme/web").await.unwrap());
    server.assert_count::<ApprovePendingApprovalJobById>(1);
}

// 8. Tells a bot the state of a commit's pipeline in one word.

async fn word(circleci: &Client, project: &str, branch: &str) -> Result<String, Error> {
    let newest = circleci
        .list_pipelines_for_project(project)
        .branch(branch)
        .items()
        .try_next()
        .await?;
    Ok(match newest {
        Some(pipeline) => circleci
            .pipeline_outcome(pipeline.id)
            .await?
            .verdict
            .to_string(),
        None => "never built".to_owned(),
    })
}

#[tokio::test]
async fn a_bot_has_one_word() {
    let (server, web) = web().await;
    assert_eq!(
        word(&server.client(), "gh/acme/web", "main").await.unwrap(),
        "never built"
    );
    web.next(
        Script::new()
            .workflow("build", [Running, Failed])
            .hidden_for(0),
    );
    server
        .client()
        .trigger_pipeline("gh/acme/web")
        .send()
        .await
        .unwrap();
    assert_eq!(
        word(&server.client(), "gh/acme/web", "main").await.unwrap(),
        "running"
    );
    assert_eq!(
        word(&server.client(), "gh/acme/web", "main").await.unwrap(),
        "failed"
    );
}

// 9. Sets the variables of a project to the desired values. It reports the changes first, and then makes them.

async fn apply(
    circleci: &Client,
    project: &str,
    variables: &[(&str, &str)],
    dry: bool,
) -> Result<String, Error> {
    let set = circleci.set_project_variables(project, variables.iter().copied());
    let plan = set.dry_run().await?;
    if !dry {
        set.send().await.into_result()?;
    }
    Ok(format!(
        "added {:?}, replaced {:?}, left {:?}",
        plan.added, plan.replaced, plan.left
    ))
}

#[tokio::test]
async fn variables_are_planned_and_applied() {
    let (server, _web) = web().await;
    let client = server.client();
    let said = apply(&client, "gh/acme/web", &[("A", "1")], true)
        .await
        .unwrap();
    assert_eq!(said, r#"added ["A"], replaced [], left []"#);
    server.assert_count::<CreateEnvVar>(0);
    apply(&client, "gh/acme/web", &[("A", "1"), ("Z", "1")], false)
        .await
        .unwrap();
    let said = apply(&client, "gh/acme/web", &[("B", "2"), ("A", "3")], false)
        .await
        .unwrap();
    assert_eq!(said, r#"added ["B"], replaced ["A"], left ["Z"]"#);
}

// 10. Lists links to the jobs that failed in the last day.

async fn links(circleci: &Client, project: &str) -> Result<Vec<String>, Error> {
    let mut links = Vec::new();
    let mut overviews = circleci.project_overview(project, 100).stream();
    while let Some(overview) = overviews.try_next().await? {
        let failed = overview.jobs().filter(|(_, job)| job.is_failure());
        links.extend(failed.filter_map(|(_, job)| job.web_url(circleci)));
    }
    Ok(links)
}

#[tokio::test]
async fn links_to_failed_jobs() {
    let (server, web) = web().await;
    web.next(Script::new().workflow("build", [Failed]).hidden_for(0));
    server
        .client()
        .trigger_pipeline("gh/acme/web")
        .send()
        .await
        .unwrap();
    let links = links(&server.client(), "gh/acme/web").await.unwrap();
    assert_eq!(links.len(), 1);
    assert!(
        links[0].starts_with(&format!("{}/jobs/github/acme/web/", server.url())),
        "{links:?}"
    );
}

async fn web() -> (Mock, Scenario) {
    let server = Mock::start().await;
    let web = Scenario::start(&server, "gh/acme/web");
    (server, web)
}

/// None of the programs is longer than 40 lines.
#[test]
fn they_are_short() {
    let source = include_str!("programs.rs");
    // The test functions in this file have the same limit.
    let programs = source.split("\nasync fn ").skip(1);
    let lengths: Vec<_> = programs
        .map(|it| it.split("\n}\n").next().unwrap().lines().count() + 1)
        .collect();
    assert_eq!(lengths.len(), 2 * 10 + 1);
    assert!(lengths.iter().all(|lines| *lines < 40), "{lengths:?}");
}
