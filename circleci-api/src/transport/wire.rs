//! Waiting for the network, and what its errors mean.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use crate::client::Inner;
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;

/// Waits for the wire, no longer than for silence or for what is left of the call's time.
pub(crate) async fn within<T>(
    client: &Inner,
    time: &Stopwatch,
    wire: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Error> {
    let mut wire = pin!(wire);
    // What is there already needs no timer.
    if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(wire.as_mut().poll(cx))).await {
        return result.map_err(broken);
    }
    let left = time.left(client.clock.now());
    let Some(patience) = [left, client.read_timeout].into_iter().flatten().min() else {
        return wire.await.map_err(broken);
    };
    match tokio::time::timeout(patience, wire).await {
        Ok(result) => result.map_err(broken),
        Err(_) => Err(
            Error::new(ErrorKind::Timeout).with_message(match (left, time.limit()) {
                (Some(left), Some(limit)) if left <= patience => {
                    format!("not done within {} s", limit.as_secs_f64())
                }
                _ => format!("nothing came for {} s", patience.as_secs_f64()),
            }),
        ),
    }
}

/// What reqwest makes of the wire. The URL is left out: the operation says where, and an argument may be private.
#[cold]
pub(crate) fn broken(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let kind = if error.is_connect() {
        ErrorKind::Connect
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_builder() {
        ErrorKind::Configuration
    } else {
        ErrorKind::Transport
    };
    let mut innermost: &(dyn StdError + 'static) = &error;
    let mut certificate = false;
    while let Some(within) = inside(innermost) {
        innermost = within;
        certificate |= within
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::InvalidData);
    }
    let mut it = Error::new(kind).with_message(innermost.to_string());
    if error.is_timeout() {
        it = it.timed_out();
    }
    // A certificate that was refused will be refused again.
    if certificate && kind == ErrorKind::Connect {
        it = it.lasting();
    }
    it.with_source(error)
}

/// The next error in a chain. An `io::Error` gives not what it wraps as its source, but the source of that.
fn inside<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
