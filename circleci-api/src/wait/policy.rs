//! What to do about what is neither good nor bad.

use std::fmt;
use std::time::Duration;

use super::outcome::Held;

/// What a workflow that waits for a person means to a wait. See the example of [`Wait::on_hold`](super::Wait::on_hold).
#[derive(Default)]
#[non_exhaustive]
pub enum OnHold {
    /// Wait until somebody has decided.
    #[default]
    Wait,
    /// End when nothing is left but workflows on hold.
    Return,
    /// Ask here; see [`approve`](Self::approve).
    Approve(Box<dyn FnMut(&Held) -> bool + Send>),
}

impl OnHold {
    /// Approves the jobs to which `decide` says `true`. Of the others it is asked again at the next look.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
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

/// What something counts as that CircleCI calls neither success nor failure. See the example of [`Wait`](super::Wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountAs {
    /// It is over, and nothing is wrong.
    Success,
    /// It is over, and it has failed.
    Failure,
    /// It goes on.
    Unfinished,
}

/// What a pipeline without workflows means to a wait. See the example of [`Wait`](super::Wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoWorkflow {
    /// Wait for one until the deadline.
    Wait,
    /// End if there is none after this time, unless CircleCI is still at work on the pipeline. All of them may have been
    /// filtered out.
    ReturnAfter(Duration),
}

impl Default for NoWorkflow {
    /// `ReturnAfter` 1 minute.
    fn default() -> Self {
        Self::ReturnAfter(Duration::from_secs(60))
    }
}
