//! Waits for approvals.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Wait;
use super::board;
use super::change::Change;
use super::changes::sealed::Watch;
use super::changes::{Next, View};
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::{JobStatus, JobType, WorkflowJob, WorkflowStatus};
use crate::values::argument::PathValue;

/// A wait for the approvals of a workflow. [`Client::wait_for_approval`] has an example.
pub struct ApprovalWait {
    workflow: PathValue,
    job: Option<String>,
    told: HashSet<Uuid>,
    statuses: HashMap<Uuid, JobStatus>,
    seen: Vec<WorkflowJob>,
}

/// The outcome of a workflow's approvals. [`Client::wait_for_approval`] has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Approvals {
    /// The approval jobs that the wait was for, each with the person who approved it. The list is empty if the workflow
    /// has no approval jobs, or none with the given name.
    pub jobs: Vec<WorkflowJob>,
}

impl Approvals {
    /// Returns true if there was at least one approval job and all approval jobs were approved. A job that was canceled
    /// together with its workflow does not count as approved.
    ///
    /// [`Client::wait_for_approval`] has an example.
    pub fn is_approved(&self) -> bool {
        let approved = |job: &WorkflowJob| job.status == Some(JobStatus::Success);
        !self.jobs.is_empty() && self.jobs.iter().all(approved)
    }
}

impl Client {
    /// Waits until all approvals of a workflow are decided, including those that are not requested yet. The wait also
    /// ends when the workflow ends, even if an approval is still undecided. Requires the feature `wait`.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::{GetWorkflowById, ListWorkflowJobs}, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # server.on::<GetWorkflowById>().reply_json(json!({ "status": "on_hold", "stopped_at": null }));
    /// # let jobs = |status, by| json!({ "items": [
    /// #     { "name": "confirm", "type": "approval", "status": status, "approved_by": by },
    /// #     { "name": "confirm-again", "type": "approval", "status": "blocked", "approved_by": null,
    /// #       "id": "00000000-0000-4000-8000-000000000002" },
    /// # ] });
    /// # let by = "00000000-0000-4000-8000-000000000001";
    /// # server.on::<ListWorkflowJobs>().reply_json(jobs("on_hold", None)).reply_json(jobs("success", Some(by)));
    /// # let circleci = server.client();
    /// # let workflow = "fda08377-fe7e-46b1-8992-3a7aaecac9c3";
    /// let approvals = circleci.wait_for_approval(workflow).job("confirm").finish().await?;
    /// assert!(approvals.is_approved());
    /// println!("by {:?}", approvals.jobs[0].approved_by);
    /// # assert!(approvals.jobs[0].approved_by.is_some());
    /// # Ok(()) }
    /// ```
    pub fn wait_for_approval(&self, workflow_id: impl Into<PathValue>) -> Wait<ApprovalWait> {
        let watch = ApprovalWait {
            workflow: workflow_id.into(),
            job: None,
            told: HashSet::new(),
            statuses: HashMap::new(),
            seen: Vec::new(),
        };
        Wait::new(self, watch)
    }
}

impl Wait<ApprovalWait> {
    /// Limits the wait to the approval job with this name. Default: all approval jobs. [`Client::wait_for_approval`] has
    /// an example.
    pub fn job(mut self, name: impl Into<String>) -> Self {
        self.watch.job = Some(name.into());
        self
    }
}

impl ApprovalWait {
    fn concerns(&self, job: &WorkflowJob) -> bool {
        job.type_ == Some(JobType::Approval)
            && self.job.as_ref().is_none_or(|name| *name == job.name)
    }
}

fn is_decided(job: &WorkflowJob) -> bool {
    let status = job.status.as_ref();
    status.is_some_and(JobStatus::is_finished)
}

impl Watch for ApprovalWait {
    type Outcome = Approvals;

    async fn look(&mut self, view: &mut View) -> Result<Next<Approvals>, Error> {
        let request = view.client.get_workflow_by_id(self.workflow.clone());
        let workflow = request.options(view.options()).send().await?;
        // Request the jobs after the workflow. If the workflow has ended, its jobs no longer change.
        let request = view.client.list_workflow_jobs(self.workflow.clone());
        let jobs = request.options(view.options()).items().into_vec().await?;
        let none_yet = jobs.is_empty();
        self.seen = jobs.into_iter().filter(|job| self.concerns(job)).collect();
        for job in &self.seen {
            board::note_job(&mut self.statuses, &workflow, job, view);
            if let Some(id) = workflow.id
                && board::is_held(job)
                && self.told.insert(job.id)
            {
                let held = board::held(&workflow, id, job, Some(&view.client));
                view.news.push(Change::OnHold(held));
            }
        }
        let ended = workflow.stopped_at.is_some()
            || workflow
                .status
                .as_ref()
                .is_some_and(WorkflowStatus::is_finished);
        let decided = !none_yet && self.seen.iter().all(is_decided);
        if !ended && !decided {
            return Ok(Next::Again);
        }
        let jobs = std::mem::take(&mut self.seen);
        Ok(Next::Over(Approvals { jobs }))
    }

    fn seen(&self) -> String {
        if self.seen.is_empty() {
            return "no approval requested yet".to_owned();
        }
        let each = self.seen.iter().map(|job| {
            let status = job.status.as_ref().map_or("-", JobStatus::as_str);
            format!("{} {status}", job.name)
        });
        each.collect::<Vec<_>>().join(", ")
    }
}
