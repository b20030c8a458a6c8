//! Waits for all workflows of a pipeline, including those that appear later.

use std::collections::HashMap;
use std::time::Duration;

use super::Wait;
use super::board::{self, Board, HasWorkflows};
use super::change::Change;
use super::changes::sealed::Watch;
use super::changes::{Next, View};
use super::outcome::{Outcome, Verdict};
use super::policy::{CountAs, NoWorkflow};
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::{Pipeline, PipelineState, Workflow, WorkflowStatus, WorkflowTag};
use crate::values::argument::PathValue;

/// A wait for a pipeline. [`Client::wait_for_pipeline`] has an example.
pub struct PipelineWait {
    id: PathValue,
    board: Board,
    no_workflow: NoWorkflow,
    errored: CountAs,
    settle: Duration,
    announced: Duration,
    pipeline: Option<Pipeline>,
    workflows: Vec<Workflow>,
    /// Whether a workflow was running at the last look. While a workflow is running, the pipeline's own state does not
    /// matter.
    running: bool,
    /// The value of `Time::waited` at the last change.
    still_since: Option<Duration>,
}

/// # Waiting
///
/// The module [`wait`](crate::wait) explains how a wait works.
impl Client {
    /// Waits for a pipeline until all of its workflows have ended and no more workflows appear. Requires the feature
    /// `wait`.
    ///
    /// More workflows may appear for three reasons:
    ///
    /// - A setup workflow continues with other workflows.
    /// - CircleCI reruns a failed workflow automatically if its configuration says so.
    /// - A person reruns a workflow while others are running.
    ///
    /// If a workflow was rerun, only its last run counts.
    ///
    /// A pipeline in the state `pending`, `setup-pending` or `setup` is not finished, unless its setup workflow has failed.
    ///
    /// Each look requests the workflows. If no workflow is running, it also requests the pipeline itself.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::{Running, Success}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # web.next(Script::new().workflow("build", [Running, Success]));
    /// # let circleci = server.client();
    /// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
    /// let outcome = circleci.wait_for_pipeline(id).finish().await?;
    /// assert_eq!(outcome.verdict.to_string(), "success");
    /// # Ok(()) }
    /// ```
    pub fn wait_for_pipeline(&self, id: impl Into<PathValue>) -> Wait<PipelineWait> {
        let watch = PipelineWait {
            id: id.into(),
            board: Board::default(),
            no_workflow: NoWorkflow::default(),
            errored: CountAs::Failure,
            settle: Duration::from_secs(5),
            announced: Duration::from_secs(60),
            pipeline: None,
            workflows: Vec::new(),
            running: false,
            still_since: None,
        };
        Wait::new(self, watch)
    }
}

impl Wait<PipelineWait> {
    /// Sets what the wait does while there is no workflow. Default: it ends after 1 minute.
    pub fn no_workflow(mut self, policy: NoWorkflow) -> Self {
        self.watch.no_workflow = policy;
        self
    }

    /// Sets how to count a pipeline in the state `errored` if none of its workflows is running. With
    /// [`CountAs::Success`], the state is ignored, and only the workflows decide. Default: [`CountAs::Failure`].
    pub fn errored(mut self, count: CountAs) -> Self {
        self.watch.errored = count;
        self
    }

    /// Sets how long the pipeline must stay unchanged before the wait ends. With a longer time, the wait also catches
    /// reruns that a person starts later. Default: 5 seconds.
    pub fn settle(mut self, time: Duration) -> Self {
        self.watch.settle = time;
        self
    }

    /// Sets how long to wait for expected workflows. Two kinds of workflows are expected: automatic reruns, and the
    /// workflows that follow a successful setup workflow after the pipeline has left the state `setup`. If no expected
    /// workflow appears within this time, the wait ends. Default: 1 minute.
    pub fn announced(mut self, time: Duration) -> Self {
        self.watch.announced = time;
        self
    }
}

impl HasWorkflows for PipelineWait {
    fn board(&mut self) -> &mut Board {
        &mut self.board
    }
}

impl PipelineWait {
    fn state(&self) -> Option<&PipelineState> {
        self.pipeline.as_ref().and_then(|it| it.state.as_ref())
    }

    async fn ask_state(&mut self, view: &mut View) -> Result<(), Error> {
        let request = view.client.get_pipeline_by_id(self.id.clone());
        let pipeline = request.options(view.options()).send().await?;
        if let Some(state) = &pipeline.state
            && self.state() != Some(state)
        {
            view.news.push(Change::Pipeline(state.clone()));
        }
        self.pipeline = Some(pipeline);
        Ok(())
    }

    /// Returns how long the pipeline must stay unchanged before the wait ends, or `None` if the wait must go on.
    fn patience(&self, current: &[Workflow]) -> Option<Duration> {
        let state = self.state();
        if is_starting(&self.board, state, current) {
            return None;
        }
        if state == Some(&PipelineState::Errored) {
            match self.errored {
                CountAs::Failure => return Some(Duration::ZERO),
                CountAs::Unfinished => return None,
                CountAs::Success => {}
            }
        }
        if current.is_empty() {
            return match self.no_workflow {
                NoWorkflow::Wait => None,
                NoWorkflow::ReturnAfter(time) => Some(time),
            };
        }
        Some(if is_announced(&self.board, current) {
            self.announced.max(self.settle)
        } else {
            self.settle
        })
    }
}

impl Watch for PipelineWait {
    type Outcome = Outcome;

    async fn look(&mut self, view: &mut View) -> Result<Next<Outcome>, Error> {
        // If this look fails, it is unknown whether something has changed.
        let still_since = self.still_since.take();
        // Request the state before the workflows. Otherwise, a workflow that is created between the two requests would be
        // missed.
        let asked = !self.running;
        if asked {
            self.ask_state(view).await?;
        }
        let request = view
            .client
            .list_workflows_by_pipeline_id(self.id.clone())
            .options(view.options());
        self.workflows = request.items().into_vec().await?;
        let told = view.news.len();
        let held = self.board.take(&self.workflows, view).await?;
        let moved = view.news[told..]
            .iter()
            .any(|change| matches!(change, Change::Workflow { .. }));

        self.running = self
            .workflows
            .iter()
            .any(|workflow| self.board.is_open(workflow));
        if self.running {
            return Ok(Next::Again);
        }
        let (current, superseded) = latest(self.workflows.clone());
        let Some(patience) = self.patience(&current) else {
            return Ok(Next::Again);
        };
        let now = view.time.waited();
        let since = still_since.filter(|_| !moved).unwrap_or(now);
        self.still_since = Some(since);
        let left = patience.saturating_sub(now - since);
        if !left.is_zero() || !asked {
            return Ok(Next::Within(left));
        }

        let errored = self.state() == Some(&PipelineState::Errored);
        let errors = self.pipeline.iter().flat_map(|it| it.errors.clone());
        let mut outcome = self
            .board
            .outcome(current, superseded, held, errors.collect(), view)
            .await;
        if errored && self.errored == CountAs::Failure {
            outcome.verdict = Verdict::Errored;
        }
        Ok(Next::Over(outcome))
    }

    fn seen(&self) -> String {
        match self.state() {
            Some(state) if self.workflows.is_empty() => {
                format!("no workflow yet, pipeline {state}")
            }
            Some(
                state @ (PipelineState::Pending
                | PipelineState::SetupPending
                | PipelineState::Setup),
            ) if !self.running => {
                format!("{}, pipeline {state}", board::line(&self.workflows))
            }
            _ => board::line(&self.workflows),
        }
    }
}

/// Checks whether CircleCI is still processing the pipeline itself.
pub(super) fn is_starting(
    board: &Board,
    state: Option<&PipelineState>,
    current: &[Workflow],
) -> bool {
    match state {
        Some(PipelineState::Pending | PipelineState::SetupPending) => true,
        // No workflow follows a failed setup workflow, and the state may never change.
        Some(PipelineState::Setup) => !current.iter().any(|it| is_setup(it) && board.is_bad(it)),
        _ => false,
    }
}

/// Checks whether more workflows are expected: those that follow setup workflows, or an automatic rerun.
pub(super) fn is_announced(board: &Board, current: &[Workflow]) -> bool {
    let setup = |workflow: &Workflow| {
        is_setup(workflow) && workflow.status == Some(WorkflowStatus::Success)
    };
    let rerun = |workflow: &Workflow| {
        board.is_bad(workflow)
            && workflow.status == Some(WorkflowStatus::Failed)
            && workflow.auto_rerun_number.unwrap_or(0) < workflow.max_auto_reruns.unwrap_or(0)
    };
    current.iter().all(setup) || current.iter().any(rerun)
}

fn is_setup(workflow: &Workflow) -> bool {
    workflow.tag == Some(WorkflowTag::Setup)
}

/// Checks whether a workflow is a rerun. The tags of reruns are `rerun-workflow-from-failed`, `rerun-single-job` and
/// `rerun-workflow-from-beginning`.
fn is_rerun(workflow: &Workflow) -> bool {
    let tag = workflow.tag.as_ref().map(WorkflowTag::as_str);
    tag.is_some_and(|tag| tag.starts_with("rerun"))
}

/// Returns the last workflow with each name, and the earlier workflows with the same names. Each list is sorted oldest
/// first.
pub(super) fn latest(mut workflows: Vec<Workflow>) -> (Vec<Workflow>, Vec<Workflow>) {
    workflows.sort_by_key(|workflow| workflow.created_at);
    // A setup workflow and the workflow that follows it may have the same name, but both of them count. No other tag
    // separates workflows with the same name.
    let mut last: HashMap<(&str, bool), usize> = HashMap::new();
    for (index, workflow) in workflows.iter().enumerate() {
        let name = &*workflow.name;
        // A rerun of a setup workflow does not have the tag of a setup workflow.
        let of_setup = is_rerun(workflow)
            && !last.contains_key(&(name, false))
            && last.contains_key(&(name, true));
        last.insert((name, is_setup(workflow) || of_setup), index);
    }
    let current: Vec<usize> = last.into_values().collect();
    let (current, superseded): (Vec<_>, Vec<_>) = workflows
        .into_iter()
        .enumerate()
        .partition(|(index, _)| current.contains(index));
    let bare = |list: Vec<(usize, Workflow)>| list.into_iter().map(|(_, it)| it).collect();
    (bare(current), bare(superseded))
}
