//! Policies for results that are neither success nor failure.

use std::fmt;
use std::time::Duration;

use super::outcome::Held;

/// How a wait handles a workflow that waits for a person. [`Wait::on_hold`](super::Wait::on_hold) has an example.
#[derive(Default)]
#[non_exhaustive]
pub enum OnHold {
    /// Wait until a person has decided.
    #[default]
    Wait,
    /// End the wait when all workflows that have not ended are on hold.
    Return,
    /// Call a function that decides whether to approve; see [`approve`](Self::approve).
    Approve(Box<dyn FnMut(&Held) -> bool + Send>),
}

impl OnHold {
    /// Approves the jobs for which `decide` returns `true`. For the other jobs, `decide` is called again at the next
    /// look.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
    /// # use circleci_api::types::WorkflowStatus::{OnHold as Held, Running, Success};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let web = Scenario::start(&server, "gh/acme/web");
    /// # web.next(Script::new().workflow("deploy", [Held, Running, Success]));
    /// # let circleci = server.client();
    /// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
    /// use circleci_api::wait::OnHold;
    ///
    /// let policy = OnHold::approve(|held| held.workflow == "deploy" && held.job == "hold");
    /// let outcome = circleci.wait_for_pipeline(id).on_hold(policy).finish().await?;
    /// assert!(outcome.is_success());
    /// # Ok(()) }
    /// ```
    pub fn approve(decide: impl FnMut(&Held) -> bool + Send + 'static) -> Self {
        Self::Approve(Box::new(decide))
    }
}

impl fmt::Debug for OnHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait => "Wait",
            Self::Return => "Return",
            Self::Approve(_) => "Approve(..)",
        })
    }
}

/// How to count a result that CircleCI calls neither success nor failure.
/// [`Wait`](super::Wait) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountAs {
    /// The result counts as a success.
    Success,
    /// The result counts as a failure.
    Failure,
    /// The result does not count as an end, so the wait goes on.
    Unfinished,
}

/// How a wait handles a pipeline without workflows. [`Wait`](super::Wait) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoWorkflow {
    /// Wait until a workflow appears or the deadline passes.
    Wait,
    /// End the wait if there is no workflow after this time, unless CircleCI is still processing the pipeline. For
    /// example, a pipeline has no workflows if filters exclude all of them.
    ReturnAfter(Duration),
}

impl Default for NoWorkflow {
    /// Returns `ReturnAfter` with 1 minute.
    fn default() -> Self {
        Self::ReturnAfter(Duration::from_secs(60))
    }
}
