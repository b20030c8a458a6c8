//! Returns the current outcome of a pipeline, without waiting.

use std::collections::HashMap;
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::board::{self, Board};
use super::outcome::{Outcome, Verdict};
use super::pipeline::{is_announced, is_starting, latest};
use super::policy::OnHold;
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::{Pipeline, PipelineState, Workflow, WorkflowJob, WorkflowStatus};
use crate::lists::many::Many;
use crate::values::argument::PathValue;

/// How long an expected workflow may take to appear. A wait uses the same time by default.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

impl Client {
    /// Returns the current state of a pipeline, without waiting: its workflows, what failed, what waits for a person, and
    /// the verdict. If a workflow was rerun, only its last run counts. The verdict is the one that
    /// [`wait_for_pipeline`](Self::wait_for_pipeline) with `OnHold::Return` would return now, or [`Verdict::Running`] if that wait would go on.
    /// Requires the feature `wait`.
    ///
    /// A wait ends only after nothing has changed for 5 seconds. This method does not require that.
    ///
    /// First the pipeline is requested, then its workflows, then the jobs of each workflow that failed or is on hold, 8
    /// requests at a time. Ages are measured with the server's clock. If a workflow is still running but has failed jobs (`failing`), its
    /// failed jobs are in [`failures`](Outcome::failures) too.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::Failed};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # web.next(Script::new().workflow("build", [Failed]).hidden_for(0));
    /// # let circleci = server.client();
    /// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
    /// let outcome = circleci.pipeline_outcome(id).await?;
    /// println!("{}", outcome.verdict); // failed
    /// for failure in &outcome.failures {
    ///     println!("{failure}"); // build / build (4): failed https://app.circleci.com/pipelines/…
    /// }
    /// # assert_eq!(outcome.verdict.to_string(), "failed");
    /// # assert_eq!(outcome.failures.len(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the pipeline or its workflows cannot be read. If only the jobs of a workflow cannot be read,
    /// this is not an error, because the verdict is still known. In that case, [`failures`](Outcome::failures) contains
    /// the failed workflow itself, and a job on hold is missing from [`on_hold`](Outcome::on_hold).
    pub async fn pipeline_outcome(&self, id: impl Into<PathValue>) -> Result<Outcome, Error> {
        let id = id.into();
        // Request the state before the workflows. Otherwise, a workflow that is created between the two requests would be
        // missed.
        let pipeline = self.get_pipeline_by_id(id.clone()).send_for_response();
        let pipeline = pipeline.await?;
        let now = self.inner.server_time(pipeline.headers()).into();
        let pipeline = pipeline.into_body();
        let workflows = self.list_workflows_by_pipeline_id(id).items().into_vec();
        let workflows = workflows.await?;
        let board = board();
        let (current, _) = latest(workflows.clone());
        let concerned = current.iter().filter(|workflow| {
            board.is_bad(workflow) || board.is_held(workflow) || is_failing(workflow)
        });
        let calls = concerned.filter_map(|workflow| workflow.id).map(|id| {
            let jobs = self.list_workflow_jobs(id).items().into_vec();
            async move { jobs.await.ok().map(|jobs| (id, jobs)) }
        });
        let calls: Vec<_> = calls.collect();
        let jobs = Many::new(calls).into_vec().await;
        let look = Look {
            client: Some(self),
            now,
            pipeline: Some(&pipeline),
            jobs: jobs.into_iter().flatten().collect(),
        };
        Ok(look.outcome(workflows))
    }
}

impl Outcome {
    /// Returns the outcome of a pipeline from the list of its workflows. If a workflow was rerun, only its last run
    /// counts. The verdict is the one that [`wait_for_pipeline`](Client::wait_for_pipeline) would return, or
    /// [`Verdict::Running`] if that wait would go on.
    ///
    /// The list contains no jobs. A failure therefore names only its workflow and has no URL, and
    /// [`on_hold`](Self::on_hold) is empty. [`Client::pipeline_outcome`] also returns the jobs and the URLs. After a
    /// setup workflow, or if an automatic rerun is due, another workflow may still appear. The verdict is then
    /// [`Verdict::Running`] for one minute, measured with this machine's clock.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::ListWorkflowsByPipelineId, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let run = |status, at| json!({ "name": "build", "status": status, "created_at": at, "tag": null, "auto_rerun_number": 0, "max_auto_reruns": 0 });
    /// # let runs = [run("failed", "2026-03-01T10:00:00Z"), run("success", "2026-03-01T11:00:00Z")];
    /// # server.on::<ListWorkflowsByPipelineId>().reply_json(json!({ "items": runs }));
    /// # let circleci = server.client();
    /// use circleci_api::wait::{Outcome, Verdict};
    ///
    /// let pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";
    /// let workflows = circleci.list_workflows_by_pipeline_id(pipeline).items().into_vec().await?;
    /// let outcome = Outcome::of(workflows);
    /// assert_eq!(outcome.verdict, Verdict::Success); // the failed `build` was rerun
    /// assert_eq!(outcome.superseded.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn of(workflows: impl IntoIterator<Item = Workflow>) -> Self {
        let look = Look {
            client: None,
            now: SystemTime::now().into(),
            pipeline: None,
            jobs: HashMap::new(),
        };
        look.outcome(workflows.into_iter().collect())
    }

    /// Returns the outcome of a pipeline whose workflows and jobs are already known.
    #[cfg(feature = "overview")]
    pub(crate) fn of_tree(
        client: &Client,
        now: SystemTime,
        pipeline: &Pipeline,
        workflows: Vec<Workflow>,
        jobs: HashMap<Uuid, Vec<WorkflowJob>>,
    ) -> Self {
        let look = Look {
            client: Some(client),
            now: now.into(),
            pipeline: Some(pipeline),
            jobs,
        };
        look.outcome(workflows)
    }
}

/// What is known about a pipeline besides its workflows.
struct Look<'a> {
    client: Option<&'a Client>,
    now: DateTime<Utc>,
    pipeline: Option<&'a Pipeline>,
    jobs: HashMap<Uuid, Vec<WorkflowJob>>,
}

/// Returns the default policies of a wait, except that a workflow on hold does not keep the wait open.
fn board() -> Board {
    let mut board = Board::default();
    board.set_on_hold(OnHold::Return);
    board
}

/// Checks whether a job of the workflow has failed while other jobs are still running.
fn is_failing(workflow: &Workflow) -> bool {
    workflow.status == Some(WorkflowStatus::Failing)
}

impl Look<'_> {
    fn outcome(&self, workflows: Vec<Workflow>) -> Outcome {
        let board = board();
        let (current, superseded) = latest(workflows);
        let (mut failures, mut on_hold) = (Vec::new(), Vec::new());
        for workflow in &current {
            let jobs = workflow.id.and_then(|id| self.jobs.get(&id));
            let jobs = jobs.map_or(&[][..], Vec::as_slice);
            if board.is_bad(workflow) {
                failures.extend(board::failures(workflow, jobs, self.client));
            } else if is_failing(workflow) {
                let failed = board::failures(workflow, jobs, self.client);
                failures.extend(failed.into_iter().filter(|failure| failure.job.is_some()));
            } else if let (true, Some(id)) = (board.is_held(workflow), workflow.id) {
                let held = jobs.iter().filter(|job| board::is_held(job));
                on_hold.extend(held.map(|job| board::held(workflow, id, job, self.client)));
            }
        }
        Outcome {
            verdict: self.verdict(&board, &current),
            workflows: current,
            superseded,
            failures,
            on_hold,
            pipeline_errors: self.pipeline.map_or_else(Vec::new, |it| it.errors.clone()),
        }
    }

    fn verdict(&self, board: &Board, current: &[Workflow]) -> Verdict {
        let state = self.pipeline.and_then(|it| it.state.as_ref());
        if current.iter().any(|workflow| board.is_open(workflow)) {
            return Verdict::Running;
        }
        if state == Some(&PipelineState::Errored) {
            Verdict::Errored
        } else if is_starting(board, state, current) || self.is_awaited(board, current) {
            Verdict::Running
        } else if current.iter().any(|workflow| board.is_bad(workflow)) {
            Verdict::Failed
        } else if current.iter().any(|workflow| board.is_held(workflow)) {
            Verdict::OnHold
        } else if current.is_empty() {
            Verdict::NoWorkflow
        } else {
            Verdict::Success
        }
    }

    /// Checks whether another workflow is expected, and still has time to appear.
    fn is_awaited(&self, board: &Board, current: &[Workflow]) -> bool {
        let since = if current.is_empty() {
            self.pipeline.and_then(|pipeline| pipeline.created_at)
        } else if is_announced(board, current) {
            current
                .iter()
                .filter_map(|workflow| workflow.stopped_at)
                .max()
        } else {
            None
        };
        since.is_some_and(|since| self.now - since < PATIENCE)
    }
}
