//! A call in progress.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::Error;
use crate::transport::call::Call;
use crate::transport::exchange;
use crate::transport::reply::Reply;

/// A call in progress: a future that returns the answer. Nothing is sent before the future is awaited. Dropping the future
/// cancels the call.
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// let user = circleci.get_current_user().send();
/// let project = circleci.get_project_by_slug("gh/acme/web").send();
/// assert!(server.received().is_empty());
///
/// let (user, project) = tokio::try_join!(user, project)?; // both at once
/// # assert_eq!(server.received().len(), 2);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending<T> {
    exchange: Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>,
    decode: fn(&mut Reply) -> Result<T, Error>,
}

impl<T> Sending<T> {
    pub(crate) fn new(call: Call, decode: fn(&mut Reply) -> Result<T, Error>) -> Self {
        Self {
            exchange: exchange::start(call),
            decode,
        }
    }
}

impl<T> Future for Sending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut reply = ready!(self.exchange.as_mut().poll(cx))?;
            // Decoding errors may quote what the server sent, so the secrets are redacted while the errors are created.
            let secrets = reply.call.client.inner.credential.secrets.clone();
            match secrets.during(|| (self.decode)(&mut reply)) {
                // A transient error means that the body was incomplete. Only the decoder notices this, so the call is retried
                // from here.
                Err(error) if error.is_transient() => {
                    self.exchange = exchange::again(reply, error);
                }
                result => return Poll::Ready(result),
            }
        }
    }
}

impl<T> fmt::Debug for Sending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending(..)")
    }
}
