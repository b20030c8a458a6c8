//! Looks at the state repeatedly, and returns the changes as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::change::Change;
use super::error::WaitError;
use super::pace::{Pace, Time};
use crate::client::Client;
use crate::error::Error;
use crate::retry::patience::Patience;
use crate::transport::call::CallOptions;

/// The time that the last look may take. The last look begins at the deadline.
const LAST_LOOK: Duration = Duration::from_secs(10);

pub(super) mod sealed {
    use std::future::Future;

    use super::{Next, View};
    use crate::error::Error;

    /// The kinds of [`Wait`](crate::wait::Wait), such as a wait for a job. This trait is sealed: only types of this crate
    /// implement it.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::mock::Mock;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// use circleci_api::wait::{Wait, WaitError, Watch};
    ///
    /// /// Waits for whatever it is, and tells what happens.
    /// async fn tell<W: Watch>(wait: Wait<W>) -> Result<W::Outcome, WaitError> {
    ///     let mut changes = wait.changes();
    ///     while let Some(change) = changes.next().await {
    ///         println!("{change}");
    ///     }
    ///     changes.finish().await
    /// }
    ///
    /// assert!(tell(circleci.wait_for_job("gh/acme/web", 1843)).await?.is_success());
    /// # Ok(()) }
    /// ```
    pub trait Watch: Send + 'static {
        /// The outcome of the wait.
        type Outcome: Send + 'static;

        /// Requests the state once.
        #[doc(hidden)]
        fn look(
            &mut self,
            view: &mut View,
        ) -> impl Future<Output = Result<Next<Self::Outcome>, Error>> + Send;

        /// Returns the state at the last look, in one line.
        #[doc(hidden)]
        fn seen(&self) -> String;
    }
}

pub use sealed::Watch;

/// The next step after a look.
#[doc(hidden)]
pub enum Next<O> {
    Over(O),
    Again,
    /// Look again after this time or after the interval, whichever is shorter.
    Within(Duration),
}

/// The client and the time that a look uses, and the changes that it reports.
#[doc(hidden)]
pub struct View {
    pub(super) client: Client,
    pub(super) time: Time,
    pub(super) news: Vec<Change>,
    patience: Patience,
}

impl View {
    /// Checks whether to look again after a failed look.
    fn goes_on(&mut self, failure: &Error) -> bool {
        self.patience.goes_on(failure, self.time.elapsed())
    }

    /// Returns options with the timeout of a call: the client's timeout, but at most the time that is left before the
    /// deadline. If less time than [`LAST_LOOK`] is left, `LAST_LOOK` is the maximum instead.
    pub(super) fn options(&self) -> CallOptions {
        let left = self.time.left().max(LAST_LOOK);
        let usual = self.client.inner.timeout.unwrap_or(left);
        CallOptions::new().timeout(usual.min(left))
    }
}

/// A stream of the changes during a wait. [`finish`](Self::finish) returns the outcome.
///
/// It implements [`Stream`], for use with the `futures` crate. Without that crate, use [`next`](Self::next). Nothing is
/// sent before the stream is polled. Dropping the stream ends the wait.
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::{Mock, scenario::{Scenario, Script}}, types::WorkflowStatus::{Running, Success}};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # web.next(Script::new().workflow("build", [Running, Success]));
/// # let circleci = server.client();
/// # let id = circleci.trigger_pipeline("gh/acme/web").send().await?.id;
/// use circleci_api::wait::Change;
///
/// let mut changes = circleci.wait_for_pipeline(id).jobs(true).changes();
/// while let Some(change) = changes.next().await {
///     match change {
///         Change::Workflow { workflow, before: None, .. } => println!("{} has come", workflow.name),
///         Change::OnHold(held) => println!("{held} is yours to decide: {:?}", held.web_url),
///         other => println!("{other}"),
///     }
/// }
/// let outcome = changes.finish().await?;
/// assert!(outcome.is_success());
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until the stream is polled"]
pub struct Changes<O> {
    news: VecDeque<Change>,
    then: Then<O>,
}

enum Then<O> {
    Look(Looking<O>),
    End(Result<O, WaitError>),
}

/// The future of a look. It is boxed, so that the type of the stream does not depend on the kind of wait.
type Looking<O> = Pin<Box<dyn Future<Output = Step<O>> + Send>>;

struct Step<O> {
    news: Vec<Change>,
    then: Then<O>,
}

impl<O: Send + 'static> Changes<O> {
    pub(super) fn new<W: Watch<Outcome = O>>(client: Client, pace: Pace, watch: W) -> Self {
        let first = async move {
            let time = Time::start(Arc::clone(&client.inner.clock), pace);
            let view = View {
                client,
                time,
                news: Vec::new(),
                patience: Patience::default(),
            };
            step(watch, view, Duration::ZERO).await
        };
        Self {
            news: VecDeque::new(),
            then: Then::Look(Box::pin(first)),
        }
    }

    /// Returns the next change, or `None` when the wait is over. [`finish`](Self::finish) then returns the outcome or the
    /// error.
    pub async fn next(&mut self) -> Option<Change> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Waits until the wait is over, and returns the outcome. Changes that were not read are dropped.
    ///
    /// # Errors
    ///
    /// Returns an error if the deadline passed, or if a call failed with a lasting error.
    pub async fn finish(mut self) -> Result<O, WaitError> {
        loop {
            match self.then {
                Then::End(end) => return end,
                Then::Look(looking) => self.then = looking.await.then,
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        loop {
            if let Some(change) = self.news.pop_front() {
                return Poll::Ready(Some(change));
            }
            let Then::Look(looking) = &mut self.then else {
                return Poll::Ready(None);
            };
            let step = ready!(looking.as_mut().poll(cx));
            self.news.extend(step.news);
            self.then = step.then;
        }
    }
}

// Only the contents of boxes are pinned, so the stream itself may move.
impl<O> Unpin for Changes<O> {}

impl<O: Send + 'static> Stream for Changes<O> {
    type Item = Change;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.get_mut().poll(cx)
    }
}

impl<O> fmt::Debug for Changes<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = matches!(self.then, Then::End(_));
        f.debug_struct("Changes")
            .field("over", &over)
            .finish_non_exhaustive()
    }
}

/// Waits, and then looks once. The result contains the changes and the next step.
fn step<W: Watch>(mut watch: W, mut view: View, wait: Duration) -> Looking<W::Outcome> {
    Box::pin(async move {
        view.time.sleep(wait).await;
        let looked = watch.look(&mut view).await;
        let mut news = std::mem::take(&mut view.news);
        if looked.is_ok() {
            view.patience.found();
        }
        let (sooner, later, trouble) = match looked {
            Ok(Next::Over(outcome)) => {
                let then = Then::End(Ok(outcome));
                return Step { news, then };
            }
            Ok(Next::Again) => (None, None, None),
            Ok(Next::Within(time)) => (Some(time), None, None),
            Err(error) if !view.goes_on(&error) => {
                let then = Then::End(Err(WaitError::Call(error)));
                return Step { news, then };
            }
            Err(error) => {
                let after = error.retry_after();
                let error: Arc<Error> = Arc::new(error);
                news.push(Change::Trouble(Arc::clone(&error)));
                (None, after, Some(error))
            }
        };
        let then = match view.time.next(sooner, later) {
            Some(wait) => Then::Look(step(watch, view, wait)),
            None => Then::End(Err(WaitError::Deadline {
                after: view.time.deadline(),
                seen: watch.seen(),
                trouble,
            })),
        };
        Step { news, then }
    })
}
