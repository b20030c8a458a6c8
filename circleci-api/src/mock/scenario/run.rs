//! One run of a workflow.

use super::script::Workflow;
use crate::generated::types::WorkflowStatus;
use chrono::{DateTime, Utc};

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) script: Workflow,
    pub(super) pipeline: String,
    pub(super) pipeline_number: usize,
    pub(super) branch: String,
    pub(super) id: String,
    pub(super) approval: String,
    pub(super) job: String,
    pub(super) job_number: u64,
    /// The index of the current state in the list of statuses in the script.
    pub(super) at: usize,
    /// Whether a client has read the workflow since the workflow entered its current state.
    pub(super) seen: bool,
    pub(super) tag: Option<&'static str>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) stopped_at: Option<DateTime<Utc>>,
    pub(super) approved_at: Option<DateTime<Utc>>,
    pub(super) canceled_by: Option<String>,
}

impl Run {
    pub(super) fn status(&self) -> WorkflowStatus {
        if self.canceled_by.is_some() {
            return WorkflowStatus::Canceled;
        }
        let status = self.script.statuses.get(self.at).cloned();
        status.unwrap_or(WorkflowStatus::Success)
    }

    pub(super) fn is_on_hold(&self) -> bool {
        self.status() == WorkflowStatus::OnHold
    }

    /// Checks whether the workflow was canceled, or has reached its last state and ended there.
    pub(super) fn is_over(&self) -> bool {
        let last = self.at + 1 >= self.script.statuses.len();
        self.canceled_by.is_some() || last && !self.is_on_hold() && self.has_ended()
    }

    /// Checks whether the current state is a final one. A workflow whose last state is `running` never ends.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(
            self.status(),
            WorkflowStatus::Running | WorkflowStatus::Failing | WorkflowStatus::OnHold
        )
    }

    pub(super) fn approve(&mut self, now: DateTime<Utc>) {
        self.at += 1;
        self.seen = false;
        self.approved_at = Some(now);
        self.settle(now);
    }

    /// Moves the workflow to its next state if a client has already read the current one. Then marks the state that is now
    /// current as read.
    pub(super) fn look(&mut self, now: DateTime<Utc>) {
        let last = self.at + 1 >= self.script.statuses.len();
        if self.seen && self.canceled_by.is_none() && !last && !self.is_on_hold() {
            self.at += 1;
        }
        self.seen = true;
        self.settle(now);
    }

    /// Records when the job started and stopped.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) {
        if self.started_at.is_none() && !self.is_on_hold() && self.canceled_by.is_none() {
            self.started_at = Some(now);
        }
        if self.stopped_at.is_none() && self.is_over() {
            self.stopped_at = Some(now);
        }
    }

    /// Checks whether the job has started. A job that waits for an approval has no number yet.
    pub(super) fn has_job(&self) -> bool {
        self.started_at.is_some()
    }

    /// Returns the status of the job. Some statuses of jobs have other names than those of workflows.
    pub(super) fn job_status(&self) -> String {
        let status = self.status();
        let word = match &status {
            WorkflowStatus::OnHold => "blocked",
            WorkflowStatus::Failing => "running",
            WorkflowStatus::Error => "failed",
            status => status.as_str(),
        };
        word.to_owned()
    }
}
