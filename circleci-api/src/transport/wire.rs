//! Waits for the network.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;

use crate::client::Inner;
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;
use crate::transport::cause::Cause;

/// Sends a request. The caller must call [`look_up`] first.
pub(crate) fn execute(
    client: &Inner,
    request: reqwest::Request,
) -> Result<impl Future<Output = reqwest::Result<reqwest::Response>> + Unpin + use<>, Error> {
    match client.no_roots.as_deref() {
        Some(why) if request.url().scheme() == "https" => Err(Error::configuration(why)),
        _ => Ok(client.http.execute(request)),
    }
}

/// Lets the runtime process events on idle connections. For example, the server has closed a connection, or has sent an
/// unexpected answer on it. A single-threaded runtime has not polled idle connections since the last call. Without this
/// step, the request could use a connection that no longer exists.
pub(crate) async fn look_up() {
    // The first pass polls the sockets. The second pass polls the tasks that have events.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// Waits for the next chunk of a body, with the time limits of [`within`]. Returns `None` at the end of the body.
pub(crate) async fn chunk(
    client: &Inner,
    time: &Stopwatch,
    response: &mut reqwest::Response,
) -> Result<Option<Bytes>, Error> {
    within(client, time, pin!(response.chunk())).await
}

/// Waits for the network, but not longer than the read timeout and not longer than the remaining time of the call.
pub(crate) async fn within<T>(
    client: &Inner,
    time: &Stopwatch,
    mut wire: impl Future<Output = reqwest::Result<T>> + Unpin,
) -> Result<T, Error> {
    let mut ends_call = false;
    let mut timer = pin!(None);
    poll_fn(move |cx| {
        if let Poll::Ready(result) = Pin::new(&mut wire).poll(cx) {
            return Poll::Ready(result.map_err(|error| broken(client, error)));
        }
        // The timer is created only now, because a result that is ready at once needs no timer.
        if timer.is_none() {
            let left = time.left(client.clock.now());
            let patience = [left, client.read_timeout].into_iter().flatten().min();
            ends_call = left.is_some() && left == patience;
            timer.set(patience.map(tokio::time::sleep));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer
                .poll(cx)
                .map(|()| Err(timed_out(client, time, ends_call))),
            None => Poll::Pending,
        }
    })
    .await
}

#[cold]
fn timed_out(client: &Inner, time: &Stopwatch, ends_call: bool) -> Error {
    let message = match (time.limit(), client.read_timeout) {
        (Some(limit), _) if ends_call => format!("not complete within {} s", limit.as_secs_f64()),
        (_, most) => format!("no data for {} s", most.unwrap_or_default().as_secs_f64()),
    };
    Error::new(ErrorKind::Timeout).with_message(message)
}

/// Converts an error of reqwest. Leaves out the URL, because an argument in it may be private. The operation identifies
/// the call instead.
#[cold]
pub(crate) fn broken(client: &Inner, error: reqwest::Error) -> Error {
    let cause = Cause::of(&error);
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
    it.with_source(error.without_url())
}
