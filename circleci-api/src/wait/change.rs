//! What is told during a wait.

use std::fmt;
use std::sync::Arc;

use super::outcome::Held;
use crate::error::Error;
use crate::generated::types::{
    JobStatus, PipelineState, UsageExportJobState, Workflow, WorkflowStatus,
};

/// Something that a look has found to be different from the look before. It prints as one line, for a terminal.
///
/// See the example of [`Changes`](super::Changes).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// The state of the pipeline itself, which says nothing of its workflows' success.
    Pipeline(PipelineState),
    /// A workflow that is new, or has another status.
    #[non_exhaustive]
    Workflow {
        /// As it is now.
        workflow: Workflow,
        /// What its status was; `None` if it is new.
        before: Option<WorkflowStatus>,
    },
    /// A job that is new, or has another status.
    #[non_exhaustive]
    Job {
        /// The name of its workflow, where it is known.
        workflow: Option<String>,
        /// Its name.
        name: String,
        /// Its number; a job that has not started has none.
        number: Option<i64>,
        /// As it is now.
        status: JobStatus,
        /// What its status was; `None` if it is new.
        before: Option<JobStatus>,
    },
    /// A job that waits for a person, told once.
    OnHold(Held),
    /// A job that this wait has approved.
    Approved(Held),
    /// The state of a usage export.
    UsageExport(UsageExportJobState),
    /// A call failed, and the wait goes on. The next look may succeed; if the jobs of a workflow cannot be listed, only their names are
    /// missing in the outcome.
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
            Self::OnHold(held) => write!(f, "{held} waits for an approval"),
            Self::Approved(held) => write!(f, "{held}: approved"),
            Self::UsageExport(state) => write!(f, "usage export: {state}"),
            Self::Trouble(error) => write!(f, "trouble, looking again: {error}"),
        }
    }
}
