//! A tour of CircleCI's API with `circleci-api`.
//!
//! ```text
//! cargo run --example tour                     a small CircleCI in this process; needs no token
//! cargo run --example tour -- gh/acme/web      reads a project of yours; needs CIRCLE_TOKEN, writes nothing
//! ```
//!
//! This file makes the calls, `screen.rs` prints the results, and `server.rs` is the small CircleCI.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use circleci_api::operations as op;
use circleci_api::types::{
    AddEnvironmentVariableToContextRequest, AddedEnvironmentVariable, CreateEnvVarRequest, GitRef,
    JobStatus, Pipeline, ReportingWindow, TriggerPipelineRunOutcome, TriggerPipelineRunRequest,
};
use circleci_api::wait::{Held, Verdict};
use circleci_api::{Client, ProjectSlug, RetryPolicy};

pub mod screen;
pub mod server;

use screen::{Screen, or_dash, summary};
use server::SmallCircleCi;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// How often the tour polls its own server. Poll CircleCI every few seconds at most.
const TICK: Duration = Duration::from_millis(2);

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut out = io::stdout().lock();
    let result = match (arguments.next(), arguments.next()) {
        (None, _) => small(&mut out).await,
        (Some(slug), None) if !slug.starts_with('-') => real(&slug, &mut out).await,
        _ => Err("usage: tour [PROJECT-SLUG]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all parts of the tour on a server in this process.
pub async fn small(out: &mut dyn Write) -> Result {
    let server = SmallCircleCi::start().await?;
    let circleci = Client::builder()
        .host(server.url())
        .token(server::TOKEN)
        .retry(RetryPolicy::default().min_delay(TICK))
        .build()?;
    let project: ProjectSlug = server::PROJECT.parse()?;
    let screen = &mut Screen(out);
    screen.line("A small CircleCI in this process. Its first answer is a 429.")?;

    look_around(&circleci, &project, screen).await?;
    trigger_and_watch(&circleci, &project, screen).await?;
    change_variables(&circleci, &project, screen).await?;
    fail(&circleci, &project, screen).await?;
    what_arrived(&server, screen)
}

/// Runs the read-only part of the tour on CircleCI itself.
async fn real(slug: &str, out: &mut dyn Write) -> Result {
    let project: ProjectSlug = slug.parse()?;
    let circleci = Client::from_env()?;
    let screen = &mut Screen(out);
    screen.line(format!("Reading {project} at {}.", circleci.base_url()))?;
    look_around(&circleci, &project, screen).await
}

/// Reads the user, pipelines, results and Insights. It changes nothing on the server.
pub async fn look_around(
    circleci: &Client,
    project: &ProjectSlug,
    screen: &mut Screen<'_>,
) -> Result {
    screen.chapter("The current user")?;
    screen.called(op::GetCurrentUser::OPERATION)?;
    let answer = circleci.get_current_user().send_for_response().await?;
    screen.answer(&answer)?;

    screen.chapter("Pipelines, page by page")?;
    screen.called(op::ListPipelinesForProject::OPERATION)?;
    let mut pages = circleci.list_pipelines_for_project(project).pages();
    let mut pipelines = Vec::new();
    for number in 1..=3 {
        let Some(page) = pages.try_next().await? else {
            break;
        };
        screen.page(number, &page)?;
        pipelines.extend(page.items);
    }

    screen.chapter("The newest pipeline")?;
    for pipeline in pipelines.iter().take(5) {
        // A pipeline that was skipped or has just been triggered has no workflows. In that case, show the one before it.
        if results(circleci, project, pipeline, screen).await? {
            break;
        }
    }

    screen.chapter("Insights")?;
    screen.called(op::GetProjectWorkflowMetrics::OPERATION)?;
    let metrics = circleci
        .get_project_workflow_metrics(project)
        .all_branches(true)
        .reporting_window(ReportingWindow::Last90Days);
    for workflow in metrics.items().into_vec().await? {
        screen.metrics(&workflow)?;
    }
    screen.called(op::GetFlakyTests::OPERATION)?;
    let flaky = circleci.get_flaky_tests(project).send().await?;
    for test in &flaky.flaky_tests {
        screen.flaky_test(test)?;
    }
    Ok(())
}

/// Prints the workflows, jobs, failed tests and artifacts of a pipeline. Returns `false` if it has no workflows.
async fn results(
    circleci: &Client,
    project: &ProjectSlug,
    pipeline: &Pipeline,
    screen: &mut Screen<'_>,
) -> Result<bool> {
    outcome_called(screen)?;
    let outcome = circleci.pipeline_outcome(pipeline.id).await?;
    let (number, verdict) = (pipeline.number, outcome.verdict);
    let workflows = &outcome.workflows;
    screen.line(format!("  #{number}: {verdict} ({})", summary(workflows)))?;
    let failed = outcome.failures.iter().find_map(|it| it.workflow_id);
    let Some(workflow) = failed.or(workflows.first().and_then(|it| it.id)) else {
        return Ok(false);
    };

    screen.called(op::ListWorkflowJobs::OPERATION)?;
    let jobs = circleci
        .list_workflow_jobs(workflow)
        .items()
        .into_vec()
        .await?;
    for job in &jobs {
        screen.job(job)?;
    }
    // A job that never ran has no number, no tests and no artifacts.
    let mut ran = jobs.iter().filter(|job| job.job_number.is_some());
    let first = ran.clone().next();
    let failed = ran.find(|job| job.status == Some(JobStatus::Failed));
    let Some(number) = failed.or(first).and_then(|job| job.job_number) else {
        return Ok(true);
    };

    screen.called(op::GetTests::OPERATION)?;
    let tests = circleci
        .get_tests(project, number)
        .items()
        .into_vec()
        .await?;
    screen.failures(&tests)?;
    screen.called(op::GetJobArtifacts::OPERATION)?;
    for artifact in circleci
        .get_job_artifacts(project, number)
        .items()
        .into_vec()
        .await?
    {
        screen.line(format!("  {}", artifact.path))?;
    }
    Ok(true)
}

async fn trigger_and_watch(
    circleci: &Client,
    project: &ProjectSlug,
    screen: &mut Screen<'_>,
) -> Result {
    screen.chapter("Trigger a pipeline and wait for it")?;
    screen.called(op::GetProjectBySlug::OPERATION)?;
    let details = circleci.get_project_by_slug(project).send().await?;
    let id = details.id.ok_or("the project has no id")?;
    screen.called(op::ListPipelineDefinitions::OPERATION)?;
    let definitions = circleci.list_pipeline_definitions(id).send().await?.items;
    let definition = definitions.first().and_then(|definition| definition.id);
    let definition = definition.ok_or("the project has no pipeline definition")?;
    screen.line(format!("  {}, definition {definition}", details.name))?;

    screen.called(op::TriggerPipelineRun::OPERATION)?;
    let request = TriggerPipelineRunRequest::new()
        .definition_id(definition)
        .config(GitRef::new().branch("main"))
        .checkout(GitRef::new().branch("main"))
        .parameter("deploy", true)
        .parameter("retries", 2)
        .parameter("environment", "staging");
    let run = circleci.trigger_pipeline_run(project);
    let pipeline = match run.body(request).send().await? {
        TriggerPipelineRunOutcome::Triggered(pipeline) => pipeline,
        other => return Err(format!("not triggered: {other:?}").into()),
    };
    screen.line(format!(
        "  #{}, {}",
        pipeline.number,
        or_dash(pipeline.state)
    ))?;
    screen.called(op::GetPipelineValuesById::OPERATION)?;
    let values = circleci.get_pipeline_values_by_id(pipeline.id);
    for (name, value) in values.send().await? {
        screen.line(format!("  {name:<31} {value:?}"))?;
    }

    outcome_called(screen)?;
    let mut last = String::new();
    for poll in 1..=100 {
        let outcome = circleci.pipeline_outcome(pipeline.id).await?;
        let now = summary(&outcome.workflows);
        if now != last {
            screen.line(format!("  poll {poll}: {now}"))?;
            last = now;
        }
        for held in &outcome.on_hold {
            approve(circleci, held, screen).await?;
        }
        match outcome.verdict {
            Verdict::Running | Verdict::OnHold | Verdict::NoWorkflow => {
                tokio::time::sleep(TICK).await;
            }
            verdict => {
                screen.line(format!("  the pipeline's outcome: {verdict}"))?;
                return Ok(());
            }
        }
    }
    Err("the pipeline did not finish".into())
}

/// Prints the first two calls that `pipeline_outcome` makes. `pipeline_outcome` also lists the jobs of workflows that failed or
/// are on hold, but those calls are not printed.
fn outcome_called(screen: &mut Screen<'_>) -> Result {
    screen.called(op::GetPipelineById::OPERATION)?;
    screen.called(op::ListWorkflowsByPipelineId::OPERATION)?;
    Ok(())
}

/// Approves a job that waits for a person.
async fn approve(circleci: &Client, held: &Held, screen: &mut Screen<'_>) -> Result {
    screen.called(op::ApprovePendingApprovalJobById::OPERATION)?;
    let (workflow, job) = (held.workflow_id, held.approval_request_id);
    let approval = circleci.approve_pending_approval_job_by_id(workflow, job);
    let answer = approval.send().await?;
    screen.line(format!("  {}: {}", held.job, or_dash(answer.message)))?;
    Ok(())
}

async fn change_variables(
    circleci: &Client,
    project: &ProjectSlug,
    screen: &mut Screen<'_>,
) -> Result {
    screen.chapter("Set and delete variables of a project and of a context")?;
    screen.called(op::CreateEnvVar::OPERATION)?;
    let greeting = CreateEnvVarRequest::new("GREETING", "good morning");
    let variable = circleci.create_env_var(project, greeting).send().await?;
    screen.line(format!("  {} = {}", variable.name, or_dash(variable.value)))?;
    screen.called(op::DeleteEnvVar::OPERATION)?;
    let answer = circleci.delete_env_var(project, "GREETING").send().await?;
    let left = circleci
        .list_env_vars(project)
        .items()
        .into_vec()
        .await?
        .len();
    screen.line(format!("  {} {left} left.", or_dash(answer.message)))?;

    screen.called(op::ListContexts::OPERATION)?;
    let contexts = circleci.list_contexts().owner_slug(project.org_slug());
    let context = contexts.items().try_next().await?;
    let context = context.ok_or("the organization has no context")?;
    screen.line(format!("  {}, {}", context.name, context.id))?;
    screen.called(op::AddEnvironmentVariableToContext::OPERATION)?;
    let key = AddEnvironmentVariableToContextRequest::new("not a real key");
    let add = circleci.add_environment_variable_to_context(context.id, "DEPLOY_KEY", key);
    match add.send().await? {
        AddedEnvironmentVariable::Variable(variable) => {
            let created = or_dash(variable.created_at);
            screen.line(format!("  {}, created {created}", variable.variable))?;
        }
        other => screen.line(format!("  {other:?}"))?,
    }
    screen.called(op::DeleteEnvironmentVariableFromContext::OPERATION)?;
    let delete = circleci.delete_environment_variable_from_context(context.id, "DEPLOY_KEY");
    let answer = delete.send().await?;
    let variables = circleci.list_environment_variables_from_context(context.id);
    let left = variables.items().into_vec().await?.len();
    screen.line(format!("  {} {left} left.", or_dash(answer.message)))?;
    Ok(())
}

async fn fail(circleci: &Client, project: &ProjectSlug, screen: &mut Screen<'_>) -> Result {
    screen.chapter("Errors")?;
    screen.called(op::GetEnvVar::OPERATION)?;
    // Both calls fail: the variable has been deleted, and `acme/web` is not a project slug, because a slug has three parts.
    for slug in [project.as_str(), "acme/web"] {
        match circleci.get_env_var(slug, "GREETING").send().await {
            Ok(variable) => return Err(format!("{} is there", variable.name).into()),
            Err(error) => screen.error(&error)?,
        }
    }
    Ok(())
}

fn what_arrived(server: &SmallCircleCi, screen: &mut Screen<'_>) -> Result {
    let requests = server.received();
    screen.chapter(&format!(
        "The server received {} requests. These have a body:",
        requests.len()
    ))?;
    for request in requests.iter().filter(|request| !request.body.is_empty()) {
        screen.line(format!("{} {}", request.method, request.url.path()))?;
        screen.line(format!("  {}", String::from_utf8_lossy(&request.body)))?;
    }
    Ok(())
}
