//! Scripts, which describe what the pipelines of a scenario do.

use crate::generated::types::WorkflowStatus;

/// A description of what a pipeline of a [`Scenario`](super::Scenario) does.
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
///     .rerun([Running]) // a rerun never ends
///     .artifact("dist/app.tar.gz")
///     .hidden_for(0); // the workflows appear at once
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
///
/// A job can have test results and output, and a pipeline can have a branch:
///
/// ```
/// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
/// # use circleci_api::types::WorkflowStatus::Failed;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # let circleci = server.client();
/// let script = Script::new()
///     .branch("fix")
///     .workflow("build", [Failed])
///     .test("adds", "failure", "1 + 1 is 3")
///     .output("1 test failed\n");
/// let pipeline = web.ran(script);
///
/// let workflows = circleci.list_workflows_by_pipeline_id(pipeline.as_str()).items().into_vec().await?;
/// let jobs = circleci.list_workflow_jobs(workflows[0].id).items().into_vec().await?;
/// let number = jobs[0].job_number.ok_or("no number")?;
/// let tests = circleci.get_tests("gh/acme/web", number).items().into_vec().await?;
/// assert_eq!(tests[0].message.as_deref(), Some("1 + 1 is 3"));
///
/// let pipeline = circleci.get_pipeline_by_id(pipeline).send().await?;
/// assert_eq!(pipeline.vcs.and_then(|vcs| vcs.branch).as_deref(), Some("fix"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a script has no effect until it is passed to `Scenario::next` or `Scenario::ran`"]
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
    /// The states of a rerun, if they differ from those of the first run.
    pub(super) rerun: Option<Vec<WorkflowStatus>>,
    pub(super) artifacts: Vec<String>,
    pub(super) tests: Vec<TestCase>,
    pub(super) output: String,
}

/// The result of one test in a job.
#[derive(Clone, Debug)]
pub(super) struct TestCase {
    pub(super) name: String,
    pub(super) result: String,
    pub(super) message: String,
}

impl Script {
    /// Creates the script of a pipeline that has no workflows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a workflow with one job, which has the same name as the workflow. The workflow begins in the first of `statuses`, and
    /// moves to the next one each time that a client reads it again. It stays in the last one. A workflow that is
    /// [`OnHold`](WorkflowStatus::OnHold) stays on hold until it is approved.
    ///
    /// # Panics
    ///
    /// Panics if `statuses` is empty.
    #[track_caller]
    pub fn workflow(
        mut self,
        name: impl Into<String>,
        statuses: impl IntoIterator<Item = WorkflowStatus>,
    ) -> Self {
        let (name, statuses) = (name.into(), Vec::from_iter(statuses));
        assert!(
            !statuses.is_empty(),
            "the workflow {name:?} needs at least one status"
        );
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

    /// Sets the states of a rerun of the workflow that was added last. By default, a rerun has the states of the first run.
    ///
    /// # Panics
    ///
    /// Panics if the script has no workflow, or if `statuses` is empty.
    #[track_caller]
    pub fn rerun(mut self, statuses: impl IntoIterator<Item = WorkflowStatus>) -> Self {
        let statuses = Vec::from_iter(statuses);
        assert!(!statuses.is_empty(), "`rerun` needs at least one status");
        self.last("rerun").rerun = Some(statuses);
        self
    }

    /// Adds an artifact to the job of the workflow that was added last. To set the artifact's content, use
    /// [`Mock::file`](crate::mock::Mock::file).
    ///
    /// # Panics
    ///
    /// Panics if the script has no workflow.
    #[track_caller]
    pub fn artifact(mut self, path: impl Into<String>) -> Self {
        self.last("artifact").artifacts.push(path.into());
        self
    }

    /// Adds a test result to the job of the workflow that was added last. `result` is a value such as `success` or `failure`. If
    /// the test failed, `message` is its error message.
    ///
    /// # Panics
    ///
    /// Panics if the script has no workflow.
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

    /// Sets the output of the last step in the job of the workflow that was added last.
    ///
    /// # Panics
    ///
    /// Panics if the script has no workflow.
    #[track_caller]
    pub fn output(mut self, text: impl Into<String>) -> Self {
        self.last("output").output = text.into();
        self
    }

    /// Makes the pipeline start with a setup workflow named `setup`. The workflows of this script start when a client calls
    /// `continuePipeline` with the key from [`Scenario::continuation_key`](super::Scenario::continuation_key).
    ///
    /// ```
    /// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
    /// # use circleci_api::types::{ContinuePipelineRequest, WorkflowStatus::Success};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # let circleci = server.client();
    /// web.next(Script::new().setup().workflow("build", [Success]).hidden_for(0));
    /// let pipeline = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
    ///
    /// let key = web.continuation_key(&pipeline.to_string()).ok_or("the pipeline does not wait")?;
    /// circleci.continue_pipeline(ContinuePipelineRequest::new(key, "version: 2.1")).send().await?;
    ///
    /// let workflows = circleci.list_workflows_by_pipeline_id(pipeline).items().into_vec().await?;
    /// assert_eq!(workflows.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["setup", "build"]);
    /// # Ok(()) }
    /// ```
    pub fn setup(mut self) -> Self {
        self.setup = true;
        self
    }

    /// Sets the branch of the pipeline. If the trigger request names a branch, that branch is used instead. By default, the
    /// pipeline runs on the project's default branch.
    pub fn branch(mut self, branch: impl Into<String>) -> Self {
        self.branch = Some(branch.into());
        self
    }

    #[track_caller]
    fn last(&mut self, what: &str) -> &mut Workflow {
        match self.workflows.last_mut() {
            Some(workflow) => workflow,
            None => panic!("`{what}` must follow a workflow"),
        }
    }

    /// Sets how many requests for the pipeline's workflows return an empty list before the workflows appear. The default is 1.
    pub fn hidden_for(mut self, polls: usize) -> Self {
        self.hidden = Some(polls);
        self
    }
}
