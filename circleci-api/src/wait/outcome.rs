//! The outcome of a pipeline or a workflow.

use std::fmt;

use uuid::Uuid;

use crate::generated::types::{PipelineError, Workflow};

/// The outcome of a pipeline or of a single workflow.
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::{Failed, OnHold as Held, Running}};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # web.next(Script::new().workflow("build", [Running, Failed]).workflow("deploy", [Held]));
/// # let circleci = server.client();
/// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
/// use circleci_api::wait::{OnHold, Verdict};
///
/// let outcome = circleci.wait_for_pipeline(id).on_hold(OnHold::Return).finish().await?;
/// for failure in &outcome.failures {
///     println!("{failure}"); // build / build (4): failed https://app.circleci.com/pipelines/…
/// }
/// for held in &outcome.on_hold {
///     println!("{held} is waiting for an approval: {:?}", held.web_url); // deploy / hold
/// }
/// assert!(!outcome.is_success());
/// assert_eq!(outcome.verdict, Verdict::Failed);
/// # assert!(outcome.failures[0].to_string().starts_with("build / build (4): failed http"), "{outcome:?}");
/// # assert_eq!(outcome.on_hold[0].to_string(), "deploy / hold");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The overall result.
    pub verdict: Verdict,
    /// The workflows that count, oldest first. If a workflow was rerun, only its last run counts.
    pub workflows: Vec<Workflow>,
    /// The workflows that were replaced by a rerun, which is a later workflow with the same name.
    pub superseded: Vec<Workflow>,
    /// What failed in the workflows that count: every failed job, or the workflow itself if none of its jobs failed.
    pub failures: Vec<Failure>,
    /// The jobs that still wait for a person.
    pub on_hold: Vec<Held>,
    /// The errors that CircleCI reports for the pipeline, such as errors in its configuration.
    pub pipeline_errors: Vec<PipelineError>,
}

impl Outcome {
    /// Returns true if there was at least one workflow and all workflows succeeded.
    pub fn is_success(&self) -> bool {
        self.verdict == Verdict::Success
    }
}

/// The overall result of an [`Outcome`]. [`Outcome`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// All workflows succeeded.
    Success,
    /// A workflow failed.
    Failed,
    /// CircleCI could not create workflows for the pipeline.
    Errored,
    /// Nothing has failed, and a workflow waits for a person.
    OnHold,
    /// There was no workflow.
    NoWorkflow,
    /// Something is running or is about to start. Only [`Client::pipeline_outcome`] and [`Outcome::of`] return this
    /// verdict. A wait goes on instead of returning it.
    ///
    /// [`Client::pipeline_outcome`]: crate::Client::pipeline_outcome
    Running,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::OnHold => "on hold",
            Self::NoWorkflow => "no workflow",
            Self::Running => "running",
        })
    }
}

/// A job or a workflow that failed. `Display` writes it as one line. [`Outcome`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The name of the workflow.
    pub workflow: String,
    /// The id of the workflow.
    pub workflow_id: Option<Uuid>,
    /// The name of the job, or `None` if the workflow itself failed.
    pub job: Option<String>,
    /// The number of the job, if it started.
    pub job_number: Option<i64>,
    /// The status, such as `failed`, `canceled` or `timedout`. It is the status of the job, or of the workflow if there
    /// is no job.
    pub status: String,
    /// The URL of the web page, or `None` if CircleCI's answer lacks a part of the URL.
    pub web_url: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.workflow)?;
        if let Some(job) = &self.job {
            write!(f, " / {job}")?;
        }
        if let Some(number) = self.job_number {
            write!(f, " ({number})")?;
        }
        write!(f, ": {}", self.status)?;
        match &self.web_url {
            Some(url) => write!(f, " {url}"),
            None => Ok(()),
        }
    }
}

/// A job that waits for a person. `Display` writes it as `workflow / job`. [`Outcome`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// The name of the workflow.
    pub workflow: String,
    /// The id of the workflow.
    pub workflow_id: Uuid,
    /// The name of the job.
    pub job: String,
    /// The id to pass to [`approve_pending_approval_job_by_id`](crate::Client::approve_pending_approval_job_by_id) to
    /// approve the job.
    pub approval_request_id: Uuid,
    /// The URL of the workflow's web page, or `None` if CircleCI's answer lacks a part of the URL.
    pub web_url: Option<String>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.workflow, self.job)
    }
}
