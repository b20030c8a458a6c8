//! Triggers a pipeline, shows its progress, and reports the result as an exit code. It is meant for release scripts.
//!
//! ```text
//! cargo run --example trigger_and_wait --features wait
//!     a small CircleCI in this process; needs no token
//! cargo run --example trigger_and_wait --features wait -- . main deploy=true
//!     triggers the project of this checkout on CircleCI; needs CIRCLE_TOKEN
//! cargo run --example trigger_and_wait --features wait -- --approve gh/acme/web
//!     and approves whatever is on hold
//! ```
//!
//! The exit code is 0 if the pipeline succeeded, 1 if something failed or nothing ran, and 2 if the outcome is unknown.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use circleci_api::types::{GitRef, TriggerPipelineRunOutcome, TriggerPipelineRunRequest};
use circleci_api::wait::{OnHold, Outcome};
use circleci_api::{Client, ParameterValue, PipelineParameters, ProjectSlug, params};

#[allow(dead_code, reason = "the tour uses more of this module")]
#[path = "tour/server.rs"]
mod server;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The pipeline to trigger, and the settings of the wait.
struct Release {
    project: ProjectSlug,
    branch: String,
    parameters: PipelineParameters,
    approve: bool,
    interval: [Duration; 2],
    settle: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [] => small(&mut io::stdout()).await,
        arguments => real(arguments, &mut io::stdout()).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("trigger_and_wait: {error}");
            ExitCode::from(2)
        }
    }
}

/// Uses a server in this process. Its pipeline advances with each poll.
pub async fn small(out: &mut dyn Write) -> Result<bool> {
    let server = server::SmallCircleCi::start().await?;
    let circleci = Client::builder().host(server.url()).token(server::TOKEN);
    let release = Release {
        project: server::PROJECT.parse()?,
        branch: "main".to_owned(),
        parameters: params! { "deploy" => true, "environment" => "staging" }?,
        approve: true,
        interval: [Duration::from_millis(2); 2],
        settle: Duration::from_millis(2),
    };
    release.run(&circleci.build()?, out).await
}

async fn real(arguments: &[String], out: &mut dyn Write) -> Result<bool> {
    let approve = arguments.iter().any(|argument| argument == "--approve");
    let mut plain = arguments.iter().filter(|argument| *argument != "--approve");
    let usage =
        "usage: trigger_and_wait [--approve] PROJECT-SLUG|CHECKOUT [BRANCH] [NAME=VALUE]...";
    let project = match plain.next() {
        Some(folder) if Path::new(folder).is_dir() => ProjectSlug::of_checkout(folder)?,
        Some(slug) if !slug.starts_with('-') => slug.parse()?,
        _ => return Err(usage.into()),
    };
    let mut branch = None;
    let mut parameters = PipelineParameters::new();
    for argument in plain {
        parameters = match argument.split_once('=') {
            Some((name, value)) => parameters.with(name, typed(value))?,
            None if branch.is_none() => {
                branch = Some(argument.clone());
                parameters
            }
            None => return Err(usage.into()),
        };
    }
    let release = Release {
        project,
        branch: branch.unwrap_or_else(|| "main".to_owned()),
        parameters,
        approve,
        interval: [5, 30].map(Duration::from_secs),
        settle: Duration::from_secs(5),
    };
    release.run(&Client::from_env()?, out).await
}

/// Gives a parameter's value the type that YAML would give it: `true` is a boolean, `2` is a number, and other values are
/// strings.
fn typed(value: &str) -> ParameterValue {
    match (value.parse::<bool>(), value.parse::<i64>()) {
        (Ok(value), _) => value.into(),
        (_, Ok(value)) => value.into(),
        _ => value.into(),
    }
}

impl Release {
    async fn run(self, circleci: &Client, out: &mut dyn Write) -> Result<bool> {
        let project = circleci.get_project_by_slug(&self.project).send().await?;
        let id = project.id.ok_or("the project has no id")?;
        let definitions = circleci.list_pipeline_definitions(id).send().await?.items;
        let definition = definitions.first().and_then(|definition| definition.id);
        let branch = GitRef::new().branch(&self.branch);
        let request = TriggerPipelineRunRequest::new()
            .definition_id(definition.ok_or("the project has no pipeline definition")?)
            .config(branch.clone())
            .checkout(branch)
            .parameters(self.parameters);
        let trigger = circleci.trigger_pipeline_run(&self.project).body(request);
        let pipeline = match trigger.send().await? {
            TriggerPipelineRunOutcome::Triggered(pipeline) => pipeline,
            other => {
                writeln!(out, "not triggered: {other:?}")?;
                return Ok(false);
            }
        };
        writeln!(
            out,
            "{} #{} on {}",
            self.project, pipeline.number, self.branch
        )?;

        let wait = circleci
            .wait_for_pipeline(pipeline.id)
            .deadline(Duration::from_secs(60 * 60))
            .interval(self.interval[0], self.interval[1])
            .settle(self.settle)
            .on_hold(match self.approve {
                true => OnHold::approve(|_| true),
                false => OnHold::Wait,
            });
        let started = Instant::now();
        let mut changes = wait.changes();
        while let Some(change) = changes.next().await {
            let seconds = started.elapsed().as_secs();
            writeln!(out, "{:3}:{:02}  {change}", seconds / 60, seconds % 60)?;
        }
        let outcome = changes.finish().await?;
        report(&outcome, out)?;
        Ok(outcome.is_success())
    }
}

fn report(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    for error in &outcome.pipeline_errors {
        writeln!(
            out,
            "{}",
            error
                .message
                .as_deref()
                .unwrap_or("CircleCI reported an error without a message")
        )?;
    }
    for failure in &outcome.failures {
        writeln!(out, "{failure}")?;
    }
    writeln!(out, "{}", outcome.verdict)
}
