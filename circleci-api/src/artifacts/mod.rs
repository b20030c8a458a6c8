//! Downloads the artifacts of jobs, and lists failed tests. Requires the feature `artifacts`.
//!
//! ```no_run
//! # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
//! let artifacts = circleci.download_artifacts("gh/acme/web", 1843).into_folder("out").await?;
//! for failed in artifacts.failed() {
//!     println!("{failed}");
//! }
//! for failed in circleci.failed_tests("fda08377-fe7e-46b1-8992-3a7aaecac9c3").send().await? {
//!     println!("{}: {:?}", failed.job.name, failed.test.name);
//! }
//! # Ok(()) }
//! ```
//!
//! Artifacts are on other hosts than the API. [`TokenHosts`] says which of these hosts receive the token.

mod all;
mod batch;
mod download;
mod failed_tests;
mod pipeline;

use crate::generated::types::{JobType, WorkflowJob};

pub use crate::download::hosts::TokenHosts;
pub use all::{ArtifactFailure, DownloadArtifacts, DownloadedArtifacts, Progress};
pub use download::{ArtifactStream, DownloadArtifact, Downloaded};
pub use failed_tests::{FailedTest, FailedTests, FoundTests, UnreadTests};
pub use pipeline::{
    DownloadPipelineArtifacts, PipelineArtifactFailure, PipelineArtifacts, PipelineFile,
    PipelineProgress,
};

/// The default maximum size of an artifact: 1 GiB. The download of a larger artifact fails.
const MAX_BYTES: u64 = 1 << 30;

/// Checks whether a job can have artifacts and tests. An approval has none, even if it has a number. A job without a number did not
/// run.
fn has_run(job: &WorkflowJob) -> bool {
    job.job_number.is_some() && job.type_ != Some(JobType::Approval)
}
