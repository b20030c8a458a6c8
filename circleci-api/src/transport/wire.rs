//! Sends requests, and waits for their responses within the time limits.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use crate::client::Inner;
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;
use crate::transport::cause::Cause;
use crate::transport::taken::Taken;

/// A request that was sent, or that waits for a connection to take it.
pub(crate) struct Sent<F> {
    response: F,
    taken: Taken,
}

/// Sends a request. The caller must call [`look_up`] first.
pub(crate) fn execute(
    client: &Inner,
    mut request: reqwest::Request,
    body: Option<Bytes>,
) -> Result<Sent<impl Future<Output = reqwest::Result<reqwest::Response>> + Unpin + use<>>, Error> {
    match client.no_roots.as_deref() {
        Some(why) if request.url().scheme() == "https" => Err(Error::configuration(why)),
        _ => {
            let taken = Taken::default();
            *request.body_mut() = Some(taken.body(body));
            let response = client.http.execute(request);
            Ok(Sent { response, taken })
        }
    }
}

/// Lets the runtime process events on idle connections, for example when the server has closed a connection or has sent
/// an unexpected answer on it. A single-threaded runtime has not polled idle connections since the last call. Without
/// this step, the next request could use a connection that no longer exists.
pub(crate) async fn look_up() {
    // At the first yield, the runtime polls the sockets. At the second yield, it polls the tasks whose sockets have
    // events.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// Waits for the head of the response. The read timeout and the remaining time of the call limit this wait.
pub(crate) fn head<'a>(
    client: &'a Inner,
    time: &'a Stopwatch,
    sent: Sent<impl Future<Output = reqwest::Result<reqwest::Response>> + Unpin>,
) -> impl Future<Output = Result<reqwest::Response, Error>> {
    within(client, time, sent.response, Some(sent.taken))
}

/// Waits for the next chunk of a body, with the same time limits as [`head`]. Returns `None` at the end of the body.
pub(crate) async fn chunk(
    client: &Inner,
    time: &Stopwatch,
    response: &mut reqwest::Response,
) -> Result<Option<Bytes>, Error> {
    within(client, time, pin!(response.chunk()), None).await
}

/// Waits for `wire` within the time limits. Withdraws the request if no connection takes it in time.
fn within<'a, T, F: Future<Output = reqwest::Result<T>> + Unpin>(
    client: &'a Inner,
    time: &'a Stopwatch,
    wire: F,
    taken: Option<Taken>,
) -> impl Future<Output = Result<T, Error>> {
    let mut wait = Wait {
        client,
        time,
        wire,
        taken,
        rest: false,
        ends_call: false,
    };
    // An `async fn` would store its arguments twice. This future is a part of every call, so it should be small.
    async move {
        let mut timer = pin!(None);
        poll_fn(|cx| wait.poll(timer.as_mut(), cx)).await
    }
}

/// A wait for the network.
struct Wait<'a, F> {
    client: &'a Inner,
    time: &'a Stopwatch,
    wire: F,
    /// The state of the request, if this is a wait for the head of the response.
    taken: Option<Taken>,
    /// True if a connection has taken the request, so that only the rest of the read timeout remains.
    rest: bool,
    /// True if the call has no time left when the timer ends.
    ends_call: bool,
}

impl<T, F: Future<Output = reqwest::Result<T>> + Unpin> Wait<'_, F> {
    fn poll(
        &mut self,
        mut timer: Pin<&mut Option<Sleep>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error>> {
        if let Poll::Ready(result) = Pin::new(&mut self.wire).poll(cx) {
            return Poll::Ready(result.map_err(|error| self.broken(error)));
        }
        loop {
            // The timer is created only now, because a result that is ready at once needs no timer.
            if timer.is_none() {
                timer.set(self.timer());
            }
            let Some(timeout) = timer.as_mut().as_pin_mut() else {
                return Poll::Pending;
            };
            ready!(timeout.poll(cx));
            if let Some(failure) = self.ended() {
                return Poll::Ready(Err(failure));
            }
            timer.set(None);
        }
    }

    fn timer(&mut self) -> Option<Sleep> {
        let left = self.time.left(self.client.clock.now());
        let (quiet, untaken) = (self.client.read_timeout, self.client.untaken_timeout);
        let most = match self.rest {
            true => quiet.map(|quiet| quiet.saturating_sub(untaken.unwrap_or_default())),
            false => earlier(quiet, self.taken.as_ref().and(untaken)),
        };
        let patience = earlier(left, most)?;
        self.ends_call = left == Some(patience);
        Some(tokio::time::sleep(patience))
    }

    /// Returns the error to report when the timer has ended. Returns `None` if the wait goes on, because a connection has
    /// taken the request and the read timeout has not passed yet.
    #[cold]
    fn ended(&mut self) -> Option<Error> {
        let (quiet, untaken) = (self.client.read_timeout, self.client.untaken_timeout);
        let first = earlier(quiet, untaken);
        match &self.taken {
            _ if self.ends_call => Some(timed_out(self.client, self.time, true)),
            Some(request) if !self.rest && request.withdraw() => Some(not_taken(first)),
            Some(_) if !self.rest && first != quiet => {
                self.rest = true;
                None
            }
            _ => Some(timed_out(self.client, self.time, false)),
        }
    }

    #[cold]
    fn broken(&self, error: reqwest::Error) -> Error {
        let unsent = self.taken.as_ref().is_some_and(Taken::withdraw);
        broken(self.client, error, unsent)
    }
}

/// Returns the shorter time. `None` means no limit.
fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    [one, other].into_iter().flatten().min()
}

/// Returns the error for a request that was withdrawn before a connection took it.
#[cold]
fn not_taken(waited: Option<Duration>) -> Error {
    let message = format!(
        "no connection took the request within {} s",
        waited.unwrap_or_default().as_secs_f64()
    );
    Error::new(ErrorKind::Connect)
        .with_message(message)
        .timed_out()
}

#[cold]
fn timed_out(client: &Inner, time: &Stopwatch, ends_call: bool) -> Error {
    let message = match (time.limit(), client.read_timeout) {
        (Some(limit), _) if ends_call => {
            format!("the call was not complete within {} s", limit.as_secs_f64())
        }
        (_, most) => format!(
            "the server sent no data for {} s",
            most.unwrap_or_default().as_secs_f64()
        ),
    };
    Error::new(ErrorKind::Timeout).with_message(message)
}

/// Converts an error of reqwest, and removes its URL, because the arguments in the URL may be private. The operation
/// identifies the call instead. `unsent` says that the server cannot have the whole request.
#[cold]
pub(super) fn broken(client: &Inner, error: reqwest::Error, unsent: bool) -> Error {
    let cause = Cause::of(&error, unsent);
    let mut message = cause.message;
    if cause.kind == ErrorKind::Connect
        && let Some(proxy) = error.url().and_then(|url| client.proxies.name(url))
    {
        message = format!("{proxy}: {message}");
    }
    let mut it = Error::new(cause.kind).with_message(message);
    if error.is_timeout() {
        it = it.timed_out();
    }
    if cause.lasting {
        it = it.lasting();
    }
    if cause.never_processed {
        it = it.never_processed();
    }
    it.with_source(error.without_url())
}
