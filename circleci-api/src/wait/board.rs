//! Tracks which workflows have changed, which are on hold, and which have failed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::StatusCode;
use uuid::Uuid;

use super::Wait;
use super::change::Change;
use super::changes::View;
use super::outcome::{Failure, Held, Outcome, Verdict};
use super::policy::{CountAs, OnHold};
use crate::client::Client;
use crate::client::web_url;
use crate::error::{Error, ErrorKind};
use crate::generated::types::{
    JobStatus, JobType, PipelineError, Workflow, WorkflowJob, WorkflowStatus,
};

pub struct Board {
    on_hold: OnHold,
    not_run: CountAs,
    unknown: CountAs,
    follow_jobs: bool,
    workflows: HashMap<String, Option<WorkflowStatus>>,
    jobs: HashMap<Uuid, JobStatus>,
    /// The approvals that were reported.
    told: HashSet<Uuid>,
    /// The approvals that were sent to CircleCI.
    sent: HashSet<Uuid>,
    /// The approvals that CircleCI has confirmed.
    approved: HashSet<Uuid>,
}

/// A wait that tracks workflows: either a wait for a workflow, or a wait for a pipeline.
///
#[doc = mock_example!()]
/// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
/// # use circleci_api::types::WorkflowStatus::{OnHold as Held, Running, Success};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # web.next(Script::new().workflow("build", [Running, Success]).workflow("deploy", [Held]));
/// # let circleci = server.client();
/// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
/// use circleci_api::wait::{HasWorkflows, CountAs, OnHold, Verdict, Wait};
///
/// /// How this program waits, whether for a workflow or a pipeline: nobody is there to approve anything.
/// fn unattended<W: HasWorkflows>(wait: Wait<W>) -> Wait<W> {
///     wait.on_hold(OnHold::Return).not_run(CountAs::Failure)
/// }
///
/// let outcome = unattended(circleci.wait_for_pipeline(id)).finish().await?;
/// assert_eq!(outcome.verdict, Verdict::OnHold);
/// # Ok(()) }
/// ```
pub trait HasWorkflows {
    #[doc(hidden)]
    fn board(&mut self) -> &mut Board;
}

/// # Workflows
impl<W: HasWorkflows> Wait<W> {
    /// Sets how the wait handles a workflow that is on hold. Default: [`OnHold::Wait`].
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
    /// # use circleci_api::types::WorkflowStatus::{OnHold as Held, Running, Success};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # web.next(Script::new().workflow("build", [Running, Success]).workflow("deploy", [Held]));
    /// # let circleci = server.client();
    /// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
    /// use circleci_api::wait::{OnHold, Verdict};
    ///
    /// let outcome = circleci.wait_for_pipeline(id).on_hold(OnHold::Return).finish().await?;
    /// assert_eq!(outcome.verdict, Verdict::OnHold);
    /// assert_eq!(outcome.on_hold[0].to_string(), "deploy / hold");
    /// # Ok(()) }
    /// ```
    pub fn on_hold(mut self, policy: OnHold) -> Self {
        self.watch.board().on_hold = policy;
        self
    }

    /// Sets how to count a workflow with the status `not_run`. Default: [`CountAs::Success`].
    ///
    /// [`Wait`] has an example.
    pub fn not_run(mut self, count: CountAs) -> Self {
        self.watch.board().not_run = count;
        self
    }

    /// Sets how to count a workflow with a status that this version of the crate does not know. Default:
    /// [`CountAs::Unfinished`]. With this value, such a workflow counts as a failure once it has a `stopped_at`.
    ///
    /// [`Wait`] has an example.
    pub fn unknown(mut self, count: CountAs) -> Self {
        self.watch.board().unknown = count;
        self
    }

    /// Sets whether the wait also reports changes of jobs. This costs one more request for each running workflow at each
    /// look.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::{Running, Success}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # web.next(Script::new().workflow("build", [Running, Success]));
    /// # let circleci = server.client();
    /// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
    /// let mut changes = circleci.wait_for_pipeline(id).jobs(true).changes();
    /// # let mut told = Vec::new();
    /// while let Some(change) = changes.next().await {
    ///     println!("{change}"); // such as `build / build (4): success`
    /// #   told.push(change.to_string());
    /// }
    /// # assert!(told.contains(&"build / build (4): success".to_owned()), "{told:?}");
    /// # Ok(()) }
    /// ```
    pub fn jobs(mut self, follow: bool) -> Self {
        self.watch.board().follow_jobs = follow;
        self
    }
}

/// The meaning of a workflow's status under the policies of the wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Held,
    Good,
    Bad,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            on_hold: OnHold::Wait,
            not_run: CountAs::Success,
            unknown: CountAs::Unfinished,
            follow_jobs: false,
            workflows: HashMap::new(),
            jobs: HashMap::new(),
            told: HashSet::new(),
            sent: HashSet::new(),
            approved: HashSet::new(),
        }
    }
}

impl Board {
    fn standing(&self, workflow: &Workflow) -> Standing {
        let count = match &workflow.status {
            Some(WorkflowStatus::OnHold) => return Standing::Held,
            Some(WorkflowStatus::Running | WorkflowStatus::Failing) => CountAs::Unfinished,
            Some(status) if status.is_success() => CountAs::Success,
            Some(status) if status.is_failure() => CountAs::Failure,
            Some(WorkflowStatus::NotRun) => self.not_run,
            // The workflow has stopped, and it is unknown whether it succeeded.
            _ if self.unknown == CountAs::Unfinished && workflow.stopped_at.is_some() => {
                CountAs::Failure
            }
            _ => self.unknown,
        };
        match count {
            CountAs::Success => Standing::Good,
            CountAs::Failure => Standing::Bad,
            CountAs::Unfinished => Standing::Open,
        }
    }

    /// Checks whether the wait must go on for this workflow.
    pub(super) fn is_open(&self, workflow: &Workflow) -> bool {
        match self.standing(workflow) {
            Standing::Open => true,
            Standing::Held => !matches!(self.on_hold, OnHold::Return),
            Standing::Good | Standing::Bad => false,
        }
    }

    pub(super) fn set_on_hold(&mut self, policy: OnHold) {
        self.on_hold = policy;
    }

    pub(super) fn is_held(&self, workflow: &Workflow) -> bool {
        self.standing(workflow) == Standing::Held
    }

    pub(super) fn is_bad(&self, workflow: &Workflow) -> bool {
        self.standing(workflow) == Standing::Bad
    }

    /// Processes the workflows that a look has found: reports changes, requests jobs where they are needed, and sends
    /// approvals. Returns the jobs that are on hold.
    pub(super) async fn take(
        &mut self,
        workflows: &[Workflow],
        view: &mut View,
    ) -> Result<Vec<Held>, Error> {
        let (mut all_held, mut failure) = (Vec::new(), None);
        for workflow in workflows {
            let changed = self.note(workflow, view);
            let standing = self.standing(workflow);
            let follow = self.follow_jobs && (changed || standing == Standing::Open);
            let Some(id) = workflow.id else { continue };
            if standing != Standing::Held && !follow {
                continue;
            }
            let jobs = match jobs(id, view).await {
                Ok(jobs) => jobs,
                // Without the jobs, the caller's function cannot decide which of them to approve.
                Err(error)
                    if standing == Standing::Held && matches!(self.on_hold, OnHold::Approve(_)) =>
                {
                    failure = Some(graver(failure, error, view)?);
                    continue;
                }
                // The status of the workflow is known even without its jobs, so this error does not end the wait.
                Err(error) => {
                    view.news.push(Change::Trouble(Arc::new(error)));
                    continue;
                }
            };
            if self.follow_jobs {
                self.note_jobs(workflow, &jobs, view);
            }
            if standing != Standing::Held {
                continue;
            }
            for job in jobs.iter().filter(|job| is_held(job)) {
                let held = held(workflow, id, job, Some(&view.client));
                // One failure must not keep the other jobs waiting.
                if let Err(error) = self.decide(&held, view).await {
                    failure = Some(graver(failure, error, view)?);
                }
                all_held.push(held);
            }
        }
        failure.map_or(Ok(all_held), Err)
    }

    fn note(&mut self, workflow: &Workflow, view: &mut View) -> bool {
        let key = workflow
            .id
            .map_or_else(|| workflow.name.clone(), |id| id.to_string());
        let before = self.workflows.insert(key, workflow.status.clone());
        let changed = before.as_ref() != Some(&workflow.status);
        if changed {
            view.news.push(Change::Workflow {
                workflow: workflow.clone(),
                before: before.flatten(),
            });
        }
        changed
    }

    fn note_jobs(&mut self, workflow: &Workflow, jobs: &[WorkflowJob], view: &mut View) {
        for job in jobs {
            note_job(&mut self.jobs, workflow, job, view);
        }
    }

    async fn decide(&mut self, held: &Held, view: &mut View) -> Result<(), Error> {
        let id = held.approval_request_id;
        if self.told.insert(id) {
            view.news.push(Change::OnHold(held.clone()));
        }
        // CircleCI may still show a job as on hold for a moment after the job was approved.
        if self.approved.contains(&id) {
            return Ok(());
        }
        if let OnHold::Approve(decide) = &mut self.on_hold
            && decide(held)
        {
            let again = !self.sent.insert(id);
            let approval = view
                .client
                .approve_pending_approval_job_by_id(held.workflow_id, id);
            match approval.options(view.options()).send().await {
                Ok(_) => {}
                // An earlier request for this approval reached CircleCI, but its answer was lost.
                Err(error) if again && says_done(&error) => {}
                Err(error) => {
                    // If CircleCI cannot have approved the job, a later refusal does not mean that the job was already approved.
                    let unprocessed = [ErrorKind::RateLimited, ErrorKind::Connect];
                    if !error.is_transient() || (!again && unprocessed.contains(&error.kind())) {
                        self.sent.remove(&id);
                    }
                    return Err(error);
                }
            }
            self.approved.insert(id);
            view.news.push(Change::Approved(held.clone()));
        }
        Ok(())
    }

    /// Returns the outcome of a wait that no workflow keeps open any longer.
    pub(super) async fn outcome(
        &mut self,
        workflows: Vec<Workflow>,
        superseded: Vec<Workflow>,
        on_hold: Vec<Held>,
        errors: Vec<PipelineError>,
        view: &mut View,
    ) -> Outcome {
        let mut failures = Vec::new();
        let mut held = false;
        for workflow in &workflows {
            match self.standing(workflow) {
                Standing::Bad => failures.extend(failures_of(workflow, view).await),
                Standing::Held => held = true,
                Standing::Open | Standing::Good => {}
            }
        }
        let verdict = if !failures.is_empty() {
            Verdict::Failed
        } else if held {
            Verdict::OnHold
        } else if workflows.is_empty() {
            Verdict::NoWorkflow
        } else {
            Verdict::Success
        };
        Outcome {
            verdict,
            workflows,
            superseded,
            failures,
            on_hold,
            pipeline_errors: errors,
        }
    }
}

/// Describes the workflows in one line, such as `build running, deploy on_hold`.
pub(super) fn line(workflows: &[Workflow]) -> String {
    if workflows.is_empty() {
        return "no workflow yet".to_owned();
    }
    let each = workflows.iter().map(|workflow| {
        let status = workflow.status.as_ref().map_or("-", WorkflowStatus::as_str);
        format!("{} {status}", workflow.name)
    });
    each.collect::<Vec<_>>().join(", ")
}

pub(super) async fn jobs(workflow: Uuid, view: &View) -> Result<Vec<WorkflowJob>, Error> {
    let request = view.client.list_workflow_jobs(workflow);
    request.options(view.options()).items().into_vec().await
}

/// Reports the status of a job if it changed.
pub(super) fn note_job(
    statuses: &mut HashMap<Uuid, JobStatus>,
    workflow: &Workflow,
    job: &WorkflowJob,
    view: &mut View,
) {
    let Some(status) = &job.status else { return };
    let before = statuses.insert(job.id, status.clone());
    if before.as_ref() != Some(status) {
        view.news.push(Change::Job {
            workflow: Some(workflow.name.clone()),
            name: job.name.clone(),
            number: job.job_number,
            status: status.clone(),
            before,
        });
    }
}

pub(super) fn is_held(job: &WorkflowJob) -> bool {
    job.type_ == Some(JobType::Approval) && job.status == Some(JobStatus::OnHold)
}

pub(super) fn held(
    workflow: &Workflow,
    id: Uuid,
    job: &WorkflowJob,
    client: Option<&Client>,
) -> Held {
    Held {
        workflow: workflow.name.clone(),
        workflow_id: id,
        job: job.name.clone(),
        // If CircleCI sends an `approval_request_id`, it is the same as the id of the job.
        approval_request_id: job.approval_request_id.unwrap_or(job.id),
        web_url: client.and_then(|client| workflow.web_url(client)),
    }
}

/// Returns the error with which a look ends: an error that ends the wait, or else the first one. Reports the other error. Returns
/// `Err` if the look must end at once, because CircleCI limits the calls or no time is left.
fn graver(known: Option<Error>, new: Error, view: &mut View) -> Result<Error, Error> {
    let at_once = new.is_rate_limited() || view.time.left().is_zero();
    let (graver, other) = match known {
        None => (new, None),
        Some(known) if known.is_transient() && !new.is_transient() => (new, Some(known)),
        Some(known) if at_once && known.is_transient() => (new, Some(known)),
        Some(known) => (known, Some(new)),
    };
    view.news
        .extend(other.map(|error| Change::Trouble(Arc::new(error))));
    if at_once { Err(graver) } else { Ok(graver) }
}

fn says_done(error: &Error) -> bool {
    let done = [
        StatusCode::BAD_REQUEST,
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
    ];
    error.status().is_some_and(|status| done.contains(&status))
}

/// Returns the failures of a failed workflow. If the jobs of the workflow cannot be listed, reports that error, and
/// returns the workflow itself as the only failure.
async fn failures_of(workflow: &Workflow, view: &mut View) -> Vec<Failure> {
    let jobs = match workflow.id {
        Some(id) => jobs(id, view).await.unwrap_or_else(|error| {
            view.news.push(Change::Trouble(Arc::new(error)));
            Vec::new()
        }),
        None => Vec::new(),
    };
    failures(workflow, &jobs, Some(&view.client))
}

/// Returns the failed jobs of a failed workflow, or the workflow itself if no job failed.
pub(super) fn failures(
    workflow: &Workflow,
    jobs: &[WorkflowJob],
    client: Option<&Client>,
) -> Vec<Failure> {
    let failed = jobs.iter().filter_map(|job| {
        let status = job.status.as_ref().filter(|status| status.is_failure())?;
        Some((Some(job.name.clone()), job.job_number, status.to_string()))
    });
    let mut failed: Vec<_> = failed.collect();
    if failed.is_empty() {
        let status = workflow.status.as_ref().map_or("-", WorkflowStatus::as_str);
        failed.push((None, None, status.to_owned()));
    }
    let failure = |(job, job_number, status)| Failure {
        workflow: workflow.name.clone(),
        workflow_id: workflow.id,
        web_url: client.and_then(|client| web_url::of_workflow(client, workflow, job_number)),
        job,
        job_number,
        status,
    };
    failed.into_iter().map(failure).collect()
}
