//! Reads pipelines with their workflows and jobs as one tree, cancels old pipelines, and finds the projects of an
//! organization. Requires the feature `overview`.
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
//! Calls that do not depend on each other run at the same time. [`at_once`](GetProjectOverview::at_once) sets the maximum number
//! of simultaneous calls. All calls follow the client's retry policy and pacing.

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
