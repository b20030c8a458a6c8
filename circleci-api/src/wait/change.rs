//! The changes that a wait reports.

use std::fmt;
use std::sync::Arc;

use super::outcome::Held;
use crate::error::Error;
use crate::generated::types::{
    JobStatus, PipelineState, UsageExportJobState, Workflow, WorkflowStatus,
};

/// A difference between the states at two successive looks. `Display` writes it as one line for a terminal.
///
/// [`Changes`](super::Changes) has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// The new state of the pipeline itself. It does not tell whether the workflows succeed.
    Pipeline(PipelineState),
    /// A workflow that is new, or has a new status.
    #[non_exhaustive]
    Workflow {
        /// The workflow in its current state.
        workflow: Workflow,
        /// The previous status, or `None` if the workflow is new.
        before: Option<WorkflowStatus>,
    },
    /// A job that is new, or has a new status.
    #[non_exhaustive]
    Job {
        /// The name of the job's workflow, if it is known.
        workflow: Option<String>,
        /// The name of the job.
        name: String,
        /// The number of the job, or `None` if the job has not started.
        number: Option<i64>,
        /// The current status.
        status: JobStatus,
        /// The previous status, or `None` if the job is new.
        before: Option<JobStatus>,
    },
    /// A job that waits for a person. Each job is reported once.
    OnHold(Held),
    /// A job that this wait has approved.
    Approved(Held),
    /// A new state of a usage export.
    UsageExport(UsageExportJobState),
    /// The error of a call that failed. The wait goes on, because the next look may succeed. If the failed call was the
    /// one that lists the jobs of a workflow, the outcome only lacks the names of these jobs.
    Trouble(Arc<Error>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipeline(state) => write!(f, "pipeline: {state}"),
            Self::Workflow { workflow, .. } => {
                let status = workflow.status.as_ref().map_or("-", WorkflowStatus::as_str);
                write!(f, "{}: {status}", workflow.name)
            }
            Self::Job {
                workflow,
                name,
                number,
                status,
                ..
            } => {
                if let Some(workflow) = workflow {
                    write!(f, "{workflow} / ")?;
                }
                f.write_str(name)?;
                if let Some(number) = number {
                    write!(f, " ({number})")?;
                }
                write!(f, ": {status}")
            }
            Self::OnHold(held) => write!(f, "{held} is waiting for an approval"),
            Self::Approved(held) => write!(f, "{held}: approved"),
            Self::UsageExport(state) => write!(f, "usage export: {state}"),
            Self::Trouble(error) => write!(f, "poll failed, polling again: {error}"),
        }
    }
}
