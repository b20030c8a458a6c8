//! Policies for results that are neither success nor failure.

use std::fmt;
use std::time::Duration;

use super::outcome::Held;

/// What a wait does about a workflow that waits for a person.
/// [`Wait::on_hold`](super::Wait::on_hold) has an example.
#[derive(Default)]
#[non_exhaustive]
pub enum OnHold {
    /// Wait until a person has decided.
    #[default]
    Wait,
    /// End when only workflows on hold remain.
    Return,
    /// Call a function that decides; see [`approve`](Self::approve).
    Approve(Box<dyn FnMut(&Held) -> bool + Send>),
}

impl OnHold {
    /// Approves the jobs for which `decide` returns `true`. For the other jobs, it is called again at the next look.
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
    /// It has ended with success.
    Success,
    /// It has ended with a failure.
    Failure,
    /// It has not ended.
    Unfinished,
}

/// What a wait does about a pipeline without workflows. [`Wait`](super::Wait) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoWorkflow {
    /// Wait for a workflow until the deadline.
    Wait,
    /// End if there is no workflow after this time, unless CircleCI is still processing the pipeline. All workflows may
    /// have been filtered out.
    ReturnAfter(Duration),
}

impl Default for NoWorkflow {
    /// `ReturnAfter` 1 minute.
    fn default() -> Self {
        Self::ReturnAfter(Duration::from_secs(60))
    }
}
