//! Waits for the end of pipelines, workflows, jobs, approvals and usage exports. Requires the feature `wait`.
//!
#![cfg_attr(feature = "mock", doc = "```")]
#![cfg_attr(not(feature = "mock"), doc = "```text")]
//! # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::{Failed, OnHold as Held, Running}};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Mock::start().await;
//! # let web = Scenario::start(&server, "gh/acme/web");
//! # web.next(Script::new().workflow("deploy", [Held, Running, Failed]));
//! # let circleci = server.client();
//! # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
//! use std::time::Duration;
//! use circleci_api::wait::OnHold;
//!
//! let outcome = circleci
//!     .wait_for_pipeline(id)
//!     .deadline(Duration::from_secs(30 * 60))
//!     .on_hold(OnHold::approve(|held| held.job == "hold"))
//!     .finish()
//!     .await?;
//! for failure in &outcome.failures {
//!     println!("{failure}");
//! }
//! # assert_eq!(outcome.failures[0].workflow, "deploy");
//! # Ok(()) }
//! ```
//!
//! A wait checks the state again and again until the end or the deadline. Each check is called a *look*. The interval
//! between two looks grows from about 5 to about 30 seconds, with jitter. [`changes`](Wait::changes) reports what has
//! changed since the previous look. Nothing is sent before the wait is polled, and nothing runs in the background.
//! Dropping the wait ends it.
//!
//! The client's [`RetryPolicy`](crate::RetryPolicy) decides whether a failed call is retried. If the retries do not help
//! and the error is temporary (see [`Error::is_transient`](crate::Error::is_transient)), the wait goes on. It then
//! reports the error as [`Change::Trouble`]. The next look comes after the usual interval, or later if the server asks
//! for a longer wait.
//!
//! Some of CircleCI's servers find a new pipeline later than others. A 404 therefore ends a wait only if the previous
//! look also got a 404 and more than a minute has passed since the first look of the wait. So if an id does not exist,
//! the wait ends with an error after about a minute.

mod approval;
mod board;
mod change;
mod changes;
mod error;
mod export;
mod job;
mod now;
mod outcome;
mod pace;
mod pipeline;
mod policy;
mod workflow;

use std::fmt;
use std::time::Duration;

use crate::client::Client;

pub use approval::{ApprovalWait, Approvals};
pub use board::HasWorkflows;
pub use change::Change;
pub use changes::{Changes, Watch};
pub use error::WaitError;
pub use export::ExportWait;
pub use job::{JobOutcome, JobWait};
pub use outcome::{Failure, Held, Outcome, Verdict};
pub use pipeline::PipelineWait;
pub use policy::{CountAs, NoWorkflow, OnHold};
pub use workflow::WorkflowWait;

use pace::Pace;

/// A wait that has not started. Each kind of wait has its own setters, in the `impl Wait<…>` blocks below.
///
/// This example sets every policy of a wait for a release:
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::{NotRun, Running, Success}};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # web.next(Script::new().workflow("build", [Running, Success]).workflow("deploy", [NotRun]));
/// # let circleci = server.client();
/// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
/// use std::time::Duration;
/// use circleci_api::wait::{CountAs, NoWorkflow, Verdict};
///
/// let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
/// let wait = circleci
///     .wait_for_pipeline(id)
///     .deadline(minutes(90))
///     .interval(Duration::from_secs(2), minutes(1))
///     .settle(minutes(1)) // somebody may rerun a workflow by hand
///     .announced(minutes(5)) // what follows a setup workflow is slow to come
///     .no_workflow(NoWorkflow::ReturnAfter(minutes(5)))
///     .errored(CountAs::Failure) // the default
///     .not_run(CountAs::Failure)
///     .unknown(CountAs::Failure);
/// assert_eq!(wait.finish().await?.verdict, Verdict::Failed); // `deploy` was not run
/// # Ok(()) }
/// ```
#[must_use = "the wait does not start until `finish` is awaited or `changes` is polled"]
pub struct Wait<W> {
    client: Client,
    pace: Pace,
    watch: W,
}

impl<W: Watch> Wait<W> {
    fn new(client: &Client, watch: W) -> Self {
        Self {
            client: client.clone(),
            pace: Pace::default(),
            watch,
        }
    }

    /// Sets the maximum time to wait, counted from the first look. The last look is at the deadline. Default: 1 hour.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.pace.deadline = deadline;
        self
    }

    /// Sets the time between two looks, including jitter. The time grows from `least` to `most`. A value below 100
    /// milliseconds counts as 100 milliseconds. Default: from 5 to 30 seconds.
    pub fn interval(mut self, least: Duration, most: Duration) -> Self {
        self.pace.least = least.max(pace::LEAST);
        self.pace.most = most.max(self.pace.least);
        self
    }

    /// Returns a stream of the changes during the wait. [`Changes::finish`] then returns the outcome.
    pub fn changes(self) -> Changes<W::Outcome> {
        Changes::new(self.client, self.pace, self.watch)
    }

    /// Waits for the end, and returns the outcome.
    ///
    /// A failed workflow or job is an outcome, not an error.
    ///
    /// # Errors
    ///
    /// Returns an error if the deadline passed, or if a call failed with a lasting error.
    pub async fn finish(self) -> Result<W::Outcome, WaitError> {
        self.changes().finish().await
    }
}

impl<W> fmt::Debug for Wait<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
