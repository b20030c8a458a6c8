//! Waits for the network.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::client::Inner;
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;
use crate::transport::cause::Cause;

/// Sends a request and waits for the head of its answer, with the time limits of [`within`].
pub(crate) async fn send(
    client: &Inner,
    time: &Stopwatch,
    request: reqwest::Request,
) -> Result<reqwest::Response, Error> {
    if let Some(why) = client.no_roots.as_deref()
        && request.url().scheme() == "https"
    {
        return Err(Error::configuration(why));
    }
    look_up().await;
    within(client, time, client.http.execute(request)).await
}

/// Lets the runtime process events on idle connections: the server has closed one, or sent an unexpected answer. A
/// single-threaded runtime has not polled them since the last call, so the request would use a connection that no longer
/// exists.
async fn look_up() {
    // The first pass polls the sockets, the second one the tasks that have events.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// Waits for the network, limited by the read timeout and by the remaining time of the call.
pub(crate) async fn within<T>(
    client: &Inner,
    time: &Stopwatch,
    wire: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Error> {
    let mut wire = pin!(wire);
    // A result that is ready needs no timer.
    if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(wire.as_mut().poll(cx))).await {
        return result.map_err(|error| broken(client, error));
    }
    let left = time.left(client.clock.now());
    let Some(patience) = [left, client.read_timeout].into_iter().flatten().min() else {
        return wire.await.map_err(|error| broken(client, error));
    };
    match tokio::time::timeout(patience, wire).await {
        Ok(result) => result.map_err(|error| broken(client, error)),
        Err(_) => Err(
            Error::new(ErrorKind::Timeout).with_message(match (left, time.limit()) {
                (Some(left), Some(limit)) if left <= patience => {
                    format!("not complete within {} s", limit.as_secs_f64())
                }
                _ => format!("no data for {} s", patience.as_secs_f64()),
            }),
        ),
    }
}

/// Converts an error of reqwest. The URL is left out: the operation identifies the call, and an argument may be private.
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
