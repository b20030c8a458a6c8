//! What a pipeline does.

use crate::generated::types::WorkflowStatus;

/// What the next pipeline does.
///
/// ```
/// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
/// # use circleci_api::types::WorkflowStatus::{Running, Success};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # let circleci = server.client();
/// let script = Script::new()
///     .workflow("build", [Running, Success])
///     .rerun([Running]) // when it is rerun: it never ends
///     .artifact("dist/app.tar.gz")
///     .hidden_for(0); // its workflows are there at once
/// web.next(script);
///
/// let pipeline = circleci.trigger_pipeline("gh/acme/web").send().await?;
/// let workflows = circleci.list_workflows_by_pipeline_id(pipeline.id).items().into_vec().await?;
/// assert_eq!(workflows[0].status, Some(Running));
/// let jobs = circleci.list_workflow_jobs(workflows[0].id).items().into_vec().await?;
/// let number = jobs[0].job_number.ok_or("no number")?;
/// let artifacts = circleci.get_job_artifacts("gh/acme/web", number).items().into_vec().await?;
/// assert_eq!(artifacts[0].path, "dist/app.tar.gz");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is for `Scenario::next`"]
pub struct Script {
    pub(super) workflows: Vec<Workflow>,
    pub(super) hidden: Option<usize>,
    pub(super) setup: bool,
    pub(super) branch: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Workflow {
    pub(super) name: String,
    pub(super) statuses: Vec<WorkflowStatus>,
    /// Of a rerun, where they are others.
    pub(super) rerun: Option<Vec<WorkflowStatus>>,
    pub(super) artifacts: Vec<String>,
    pub(super) tests: Vec<TestCase>,
    pub(super) output: String,
}

/// A test that the job has run.
#[derive(Clone, Debug)]
pub(super) struct TestCase {
    pub(super) name: String,
    pub(super) result: String,
    pub(super) message: String,
}

impl Script {
    /// A pipeline without workflows.
    pub fn new() -> Self {
        Self::default()
    }

    /// A workflow that goes through these states, one each time that it is looked at, and stays in the last one. At
    /// [`OnHold`](WorkflowStatus::OnHold) it stays until it is approved. It has one job, of its own name.
    ///
    /// # Panics
    ///
    /// There is no state.
    #[track_caller]
    pub fn workflow(
        mut self,
        name: impl Into<String>,
        statuses: impl IntoIterator<Item = WorkflowStatus>,
    ) -> Self {
        let (name, statuses) = (name.into(), Vec::from_iter(statuses));
        assert!(!statuses.is_empty(), "the workflow {name:?} has no state");
        let output = format!("{name} says hello\n");
        self.workflows.push(Workflow {
            name,
            statuses,
            rerun: None,
            artifacts: Vec::new(),
            tests: Vec::new(),
            output,
        });
        self
    }

    /// What the workflow before this one goes through when it is rerun. Default: the same again.
    ///
    /// # Panics
    ///
    /// There is no workflow before this, or no state.
    #[track_caller]
    pub fn rerun(mut self, statuses: impl IntoIterator<Item = WorkflowStatus>) -> Self {
        let statuses = Vec::from_iter(statuses);
        assert!(!statuses.is_empty(), "the rerun has no state");
        self.last("rerun").rerun = Some(statuses);
        self
    }

    /// The job of the workflow before this one leaves such a file behind. What it holds, [`Mock::file`](crate::mock::Mock::file) says.
    ///
    /// # Panics
    ///
    /// There is no workflow before this.
    #[track_caller]
    pub fn artifact(mut self, path: impl Into<String>) -> Self {
        self.last("artifact").artifacts.push(path.into());
        self
    }

    /// The job of the workflow before this one has run such a test. `result` is a word such as `success` or `failure`; `message` is
    /// what a failed test says.
    ///
    /// # Panics
    ///
    /// There is no workflow before this.
    #[track_caller]
    pub fn test(
        mut self,
        name: impl Into<String>,
        result: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let case = TestCase {
            name: name.into(),
            result: result.into(),
            message: message.into(),
        };
        self.last("test").tests.push(case);
        self
    }

    /// What the job of the workflow before this one prints in its last step.
    ///
    /// # Panics
    ///
    /// There is no workflow before this.
    #[track_caller]
    pub fn output(mut self, text: impl Into<String>) -> Self {
        self.last("output").output = text.into();
        self
    }

    /// Makes it a pipeline with a setup workflow: `setup` runs first, and the workflows of this script come when
    /// `continuePipeline` is called with the pipeline's continuation key, which [`Scenario::continuation_key`](super::Scenario::continuation_key)
    /// says.
    pub fn setup(mut self) -> Self {
        self.setup = true;
        self
    }

    /// The branch of the pipeline, where the trigger names none. Default: the project's default branch.
    pub fn branch(mut self, branch: impl Into<String>) -> Self {
        self.branch = Some(branch.into());
        self
    }

    #[track_caller]
    fn last(&mut self, what: &str) -> &mut Workflow {
        match self.workflows.last_mut() {
            Some(workflow) => workflow,
            None => panic!("`{what}` is said of the workflow before it, and there is none"),
        }
    }

    /// How often the workflows are asked for before they appear. Default: once.
    pub fn hidden_for(mut self, polls: usize) -> Self {
        self.hidden = Some(polls);
        self
    }
}
