//! Pipelines with their workflows and jobs as one tree, cancelling old pipelines, and the projects of an organization.
//! With the feature `overview`.
//!
#![cfg_attr(feature = "mock", doc = "```")]
#![cfg_attr(not(feature = "mock"), doc = "```text")]
//! # use circleci_api::mock::Mock;
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
//! # let server = Mock::start().await;
//! # let circleci = server.client();
//! for overview in circleci.project_overview("gh/acme/web", 10).branch("main").send().await? {
//!     println!("#{}", overview.pipeline.number);
//!     for workflow in overview.workflows.iter().flatten() {
//!         println!("  {} {:?}", workflow.workflow.name, workflow.workflow.status);
//!         for job in workflow.jobs.iter().flatten() {
//!             println!("    {} {:?}", job.name, job.status);
//!         }
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! All of them make their calls at the same time as far as these do not need each other, never more than
//! [`at_once`](GetProjectOverview::at_once) of them, and keep to the client's retry policy and pacing.

mod cancel;
mod gate;
mod projects;
mod tree;

pub use cancel::{
    CancelFilter, CancelPipelines, CanceledPipelines, CanceledWorkflow, Cancellation,
};
pub use projects::{
    FindProjects, FoundProject, OrganizationProjects, ProjectSource, UnknownProject,
};
pub use tree::{GetPipelineOverview, GetProjectOverview, PipelineOverview, WorkflowOverview};
