//! The errors of a wait.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;

/// The reason why a wait has no outcome.
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::Running};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # web.next(Script::new().workflow("build", [Running]));
/// # let circleci = server.client();
/// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
/// use std::time::Duration;
///
/// let end = circleci.wait_for_pipeline(id).deadline(Duration::from_secs(60)).finish().await;
/// match &end {
///     Ok(outcome) => println!("{}", outcome.verdict),
///     Err(error) if error.is_deadline() => println!("{error}"), // not finished after 60 s: build running
///     Err(error) => println!("no telling: {error}"),
/// }
/// # assert_eq!(end.as_ref().unwrap_err().to_string(), "not finished after 60 s: build running");
/// assert!(end.is_err_and(|error| error.is_deadline()));
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline passed before the wait was over. Nothing was stopped at CircleCI, so you can start another wait.
    #[non_exhaustive]
    Deadline {
        /// The deadline, counted from the first look.
        after: Duration,
        /// The state at the last look, in one line, such as `build running, deploy on_hold`.
        seen: String,
        /// The error of the last look, if that look failed.
        trouble: Option<Arc<Error>>,
    },
    /// A call failed with a lasting error. For example, the token has no access, or the pipeline does not exist.
    Call(Error),
}

impl WaitError {
    /// Checks whether the deadline passed.
    pub fn is_deadline(&self) -> bool {
        matches!(self, Self::Deadline { .. })
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline { after, seen, .. } => {
                write!(f, "not finished after {} s: {seen}", after.as_secs_f64())
            }
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl StdError for WaitError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Deadline { trouble, .. } => match trouble {
                Some(error) => Some(&**error),
                None => None,
            },
            // `Display` already shows this error, so its own source comes next.
            Self::Call(error) => error.source(),
        }
    }
}

impl From<Error> for WaitError {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}
