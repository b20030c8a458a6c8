//! Cancels the running workflows of older pipelines.

use std::fmt;

use super::gate::Gate;
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::{Pipeline, Workflow, WorkflowStatus};
use crate::lists::many::{AT_ONCE, Many};
use crate::values::argument::{PathValue, QueryValue};

impl Client {
    /// Cancels workflows in the older pipelines of a branch. Only workflows that are running or on hold are canceled. Requires
    /// the feature `overview`.
    ///
    /// It is not a failure if a workflow ends before it can be canceled, or no longer exists.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::Running};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # let circleci = server.client();
    /// # for _ in 0..2 {
    /// #     web.next(Script::new().workflow("build", [Running]).hidden_for(0));
    /// #     circleci.trigger_pipeline("gh/acme/web").send().await?;
    /// # }
    /// use circleci_api::overview::CancelFilter;
    ///
    /// let filter = CancelFilter::branch("main").keep_newest(1);
    /// let canceled = circleci.cancel_pipelines("gh/acme/web", filter).send().await?;
    /// for it in &canceled.workflows {
    ///     println!("{it}"); // #1 build: canceled
    /// }
    /// # assert_eq!(canceled.workflows.len(), 1);
    /// canceled.into_result()?; // if one failure is a failure for you
    /// # Ok(()) }
    /// ```
    pub fn cancel_pipelines(
        &self,
        project_slug: impl Into<PathValue>,
        filter: CancelFilter,
    ) -> CancelPipelines {
        CancelPipelines {
            client: self.clone(),
            project: project_slug.into(),
            filter,
            at_once: AT_ONCE,
        }
    }
}

/// A filter that selects which pipelines and workflows [`Client::cancel_pipelines`] cancels.
///
/// ```
/// use circleci_api::overview::CancelFilter;
///
/// let filter = CancelFilter::branch("main")
///     .keep_newest(2)
///     .before(512) // pipelines with a lower number
///     .looking_back(50)
///     .workflow("build"); // not `deploy`
/// # let _ = filter;
/// ```
#[derive(Clone, Debug)]
#[must_use = "pass it to `cancel_pipelines`"]
pub struct CancelFilter {
    branch: QueryValue,
    keep: usize,
    before: Option<i64>,
    look_back: usize,
    workflows: Vec<String>,
}

impl CancelFilter {
    /// Selects the pipelines of a branch, except for the newest one.
    pub fn branch(branch: impl Into<QueryValue>) -> Self {
        Self {
            branch: branch.into(),
            keep: 1,
            before: None,
            look_back: 100,
            workflows: Vec::new(),
        }
    }

    /// Sets how many of the branch's newest pipelines are excluded from the cancellation. The default is 1.
    pub fn keep_newest(mut self, pipelines: usize) -> Self {
        self.keep = pipelines;
        self
    }

    /// Selects only pipelines whose number is lower than `number`. For example, a program that runs in a pipeline can pass the
    /// number of that pipeline.
    pub fn before(mut self, number: i64) -> Self {
        self.before = Some(number);
        self
    }

    /// Sets how many of the branch's newest pipelines are checked for running workflows. Pipelines that are older than these are
    /// not touched. The default is 100.
    pub fn looking_back(mut self, pipelines: usize) -> Self {
        self.look_back = pipelines;
        self
    }

    /// Selects only workflows with this name. Call this method again to add more names. By default, all workflows are selected.
    pub fn workflow(mut self, name: impl Into<String>) -> Self {
        self.workflows.push(name.into());
        self
    }

    fn wants(&self, workflow: &Workflow) -> bool {
        let named = self.workflows.is_empty() || self.workflows.contains(&workflow.name);
        let running = match &workflow.status {
            Some(WorkflowStatus::Running | WorkflowStatus::Failing | WorkflowStatus::OnHold) => {
                true
            }
            // This version of the crate does not know the status, so a workflow without a stop time counts as running.
            Some(WorkflowStatus::Unknown(_)) => workflow.stopped_at.is_none(),
            _ => false,
        };
        named && running
    }
}

/// A request that cancels older pipelines. Created by [`Client::cancel_pipelines`].
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// use circleci_api::overview::CancelFilter;
///
/// let cancel = circleci.cancel_pipelines("gh/acme/web", CancelFilter::branch("main")).at_once(4);
/// let canceled = cancel.send().await?;
/// println!("{} workflows no longer run", canceled.workflows.len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct CancelPipelines {
    client: Client,
    project: PathValue,
    filter: CancelFilter,
    at_once: usize,
}

/// The result of [`Client::cancel_pipelines`].
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// use circleci_api::overview::CancelFilter;
///
/// let filter = CancelFilter::branch("main");
/// let canceled = circleci.cancel_pipelines("gh/acme/web", filter).send().await?;
/// for (pipeline, error) in &canceled.failed {
///     eprintln!("#{}: {error}", pipeline.number);
/// }
/// canceled.into_result()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "a workflow may still be running"]
pub struct CanceledPipelines {
    /// One result for each workflow that was running. Workflows of newer pipelines come first.
    pub workflows: Vec<CanceledWorkflow>,
    /// The pipelines whose workflows could not be listed, each with its error.
    pub failed: Vec<(Pipeline, Error)>,
}

impl CanceledPipelines {
    /// Returns an error if anything failed.
    ///
    /// # Errors
    ///
    /// Returns the first error. Some workflows may have been canceled even so.
    pub fn into_result(self) -> Result<(), Error> {
        if let Some((_, error)) = self.failed.into_iter().next() {
            return Err(error);
        }
        let mut results = self.workflows.into_iter().map(|workflow| workflow.result);
        results.try_for_each(|result| result.map(drop))
    }
}

/// A workflow that was running, and what happened to it. Its `Display` output is one line. [`Client::cancel_pipelines`] has an
/// example.
#[derive(Debug)]
#[non_exhaustive]
pub struct CanceledWorkflow {
    /// The number of the pipeline to which the workflow belongs.
    pub pipeline: i64,
    /// The workflow as it was before the cancellation.
    pub workflow: Workflow,
    /// The reason why the workflow no longer runs, or the error if it could not be canceled.
    pub result: Result<Cancellation, Error>,
}

impl fmt::Display for CanceledWorkflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}: ", self.pipeline, self.workflow.name)?;
        match &self.result {
            Ok(Cancellation::Canceled) => f.write_str("canceled"),
            Ok(Cancellation::AlreadyFinished) => f.write_str("already finished"),
            Ok(Cancellation::Gone) => f.write_str("no longer exists"),
            Err(error) => error.fmt(f),
        }
    }
}

/// The reason why a workflow no longer runs. [`Client::cancel_pipelines`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cancellation {
    /// CircleCI accepted the cancellation.
    Canceled,
    /// The workflow ended before it could be canceled.
    AlreadyFinished,
    /// The workflow no longer exists, or the token no longer has access to it.
    Gone,
}

impl CancelPipelines {
    /// Sets how many calls run at the same time. 0 counts as 1. The default is 8.
    pub fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls.max(1);
        self
    }

    /// Lists the pipelines and their workflows, and cancels the workflows that are running.
    ///
    /// If the future is dropped, the calls in progress are aborted, and no further workflow is canceled.
    ///
    /// # Errors
    ///
    /// Returns an error if the pipelines could not be listed. In that case, nothing was canceled. All other errors are in the
    /// returned [`CanceledPipelines`].
    pub async fn send(self) -> Result<CanceledPipelines, Error> {
        let older = self.older().await?;
        let (client, filter, gate) = (&self.client, &self.filter, &Gate::new(self.at_once));
        let at_once = self.at_once;
        let each = older.into_iter().map(|pipeline| async move {
            let list = client.list_workflows_by_pipeline_id(pipeline.id);
            let workflows = match gate.pass(list.items().into_vec()).await {
                Ok(workflows) => workflows,
                Err(error) => return Err((pipeline, error)),
            };
            let number = pipeline.number;
            let running = workflows.into_iter().filter(|it| filter.wants(it));
            let calls = running.map(|workflow| async move {
                CanceledWorkflow {
                    pipeline: number,
                    result: gate.pass(cancel(client, &workflow)).await,
                    workflow,
                }
            });
            Ok(Many::new(calls).at_once(at_once).into_vec().await)
        });
        let mut canceled = CanceledPipelines {
            workflows: Vec::new(),
            failed: Vec::new(),
        };
        for result in Many::new(each).at_once(2 * at_once).into_vec().await {
            match result {
                Ok(workflows) => canceled.workflows.extend(workflows),
                Err(failed) => canceled.failed.push(failed),
            }
        }
        Ok(canceled)
    }

    /// Returns the selected pipelines, newest first.
    async fn older(&self) -> Result<Vec<Pipeline>, Error> {
        let list = self.client.list_pipelines_for_project(self.project.clone());
        let mut items = list.branch(self.filter.branch.clone()).items();
        let mut older = Vec::new();
        for place in 0..self.filter.look_back {
            let Some(pipeline) = items.try_next().await? else {
                break;
            };
            let before = self
                .filter
                .before
                .is_none_or(|number| pipeline.number < number);
            if place >= self.filter.keep && before {
                older.push(pipeline);
            }
        }
        Ok(older)
    }
}

async fn cancel(client: &Client, workflow: &Workflow) -> Result<Cancellation, Error> {
    let error = match client.cancel_workflow(workflow.id).send().await {
        Ok(_) => return Ok(Cancellation::Canceled),
        Err(error) => error,
    };
    match error.status() {
        // CircleCI does not document the status with which it refuses to cancel a workflow that has already ended. It may answer
        // 404 if the token may not cancel. So request the workflow to find out.
        Some(status) if status.is_client_error() && !error.is_rate_limited() => {
            match client.get_workflow_by_id(workflow.id).send().await {
                Ok(now) if now.status.as_ref().is_some_and(WorkflowStatus::is_finished) => {
                    Ok(Cancellation::AlreadyFinished)
                }
                Err(gone) if gone.is_not_found() => Ok(Cancellation::Gone),
                _ => Err(error),
            }
        }
        _ => Err(error),
    }
}
