//! Prints the status of a branch in one line, for use by a bot.
//!
//! ```text
//! cargo run --example pr_status --features wait
//!     a small CircleCI in this process; needs no token
//! cargo run --example pr_status --features wait -- . my-branch
//!     the project of this checkout on CircleCI; needs CIRCLE_TOKEN, writes nothing
//! cargo run --example pr_status --features wait -- gh/acme/web my-branch
//! ```
//!
//! The exit code is 0 if nothing has failed so far, 1 if something has failed or there is no pipeline, and 2 if the status is
//! unknown.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use circleci_api::types::{Workflow, WorkflowStatus};
use circleci_api::wait::{Outcome, Verdict};
use circleci_api::{Client, ProjectSlug};

#[allow(dead_code, reason = "the tour uses more of this module")]
#[path = "tour/server.rs"]
mod server;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [] => small(&mut io::stdout()).await,
        [project, branch] => real(project, branch, &mut io::stdout()).await,
        _ => Err("usage: pr_status PROJECT-SLUG|CHECKOUT BRANCH".into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pr_status: {error}");
            ExitCode::from(2)
        }
    }
}

/// Reports on a branch of a server in this process. The newest pipeline of that branch has failed.
pub async fn small(out: &mut dyn Write) -> Result<bool> {
    let server = server::SmallCircleCi::start().await?;
    let circleci = Client::builder().host(server.url()).token(server::TOKEN);
    let project = server::PROJECT.parse()?;
    status(&circleci.build()?, &project, "checkout", out).await?;
    Ok(true)
}

async fn real(project: &str, branch: &str, out: &mut dyn Write) -> Result<bool> {
    let project = match Path::new(project).is_dir() {
        true => ProjectSlug::of_checkout(project)?,
        false => project.parse()?,
    };
    status(&Client::from_env()?, &project, branch, out).await
}

/// Prints the line. Returns `true` if there is a pipeline and nothing has failed.
async fn status(
    circleci: &Client,
    project: &ProjectSlug,
    branch: &str,
    out: &mut dyn Write,
) -> Result<bool> {
    let pipelines = circleci.list_pipelines_for_project(project).branch(branch);
    let Some(pipeline) = pipelines.items().try_next().await? else {
        writeln!(out, "{project} {branch}: no pipeline")?;
        return Ok(false);
    };
    let outcome = circleci.pipeline_outcome(pipeline.id).await?;
    let mut parts: Vec<String> = outcome
        .workflows
        .iter()
        .map(|workflow| {
            let status = workflow.status.as_ref();
            let status = status.map_or("?", WorkflowStatus::as_str);
            format!("{} {status}{}", workflow.name, culprits(&outcome, workflow))
        })
        .collect();
    let errors = outcome.pipeline_errors.iter();
    let messages = errors.flat_map(|error| &error.message);
    parts.extend(messages.map(|message| format!("error: {message}")));
    if parts.is_empty() {
        parts.push("no workflow yet".to_owned());
    }
    let failed = matches!(outcome.verdict, Verdict::Failed | Verdict::Errored);
    let fine = !failed && outcome.failures.is_empty();
    let sign = match outcome.verdict {
        _ if !fine => "✗",
        Verdict::Success => "✓",
        _ => "…",
    };
    writeln!(
        out,
        "{sign} {project} {branch} #{}: {}",
        pipeline.number,
        parts.join(", ")
    )?;
    Ok(fine)
}

/// Returns the names of a workflow's failed jobs, such as ` (test, lint)`, or an empty string if no job failed.
fn culprits(outcome: &Outcome, workflow: &Workflow) -> String {
    let failures = outcome.failures.iter();
    let of_it = failures.filter(|failure| failure.workflow_id == workflow.id);
    let names: Vec<&str> = of_it.filter_map(|failure| failure.job.as_deref()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" ({})", names.join(", ")),
    }
}
