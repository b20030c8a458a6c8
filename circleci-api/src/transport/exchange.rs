//! Sends a call, and retries it if that is harmless.

use std::future::Future;
use std::pin::Pin;

use crate::error::Error;
use crate::retry::clock::Stopwatch;
use crate::retry::{Next, Retries};
use crate::transport::attempt::{Answer, attempt};
use crate::transport::call::Call;
use crate::transport::reply::Reply;
use crate::transport::trace;

/// One box per call keeps the future of every operation small, and saves the compiler from analyzing it once per operation.
pub(crate) fn start(call: Call) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
    Box::pin(async move {
        let span = trace::span(&call);
        // The time starts when the call is polled, not when it is created.
        let time = Stopwatch::start(call.client.inner.clock.now(), call.timeout());
        let retries = Retries::new(call.retry(), call.may_replay(), call.timeout());
        trace::call(span, exchange(call, time, retries, 0)).await
    })
}

/// Continues after an answer that could not be decoded, if the failure may be temporary and attempts are left.
#[cold]
pub(crate) fn again(
    reply: Reply,
    failure: Error,
) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
    let Reply {
        call,
        attempts,
        mut retries,
        mut time,
        ..
    } = reply;
    let span = trace::span(&call);
    Box::pin(trace::call(span, async move {
        let client = &*call.client.inner;
        match retries.next(failure, time.elapsed(client.clock.now())) {
            Next::GiveUp(failure) => return Err(failure),
            Next::Again { failure, wait } => {
                trace::again(&failure, wait);
                drop(failure);
                time.sleep(&*client.clock, wait).await;
            }
        }
        exchange(call, time, retries, attempts).await
    }))
}

async fn exchange(
    call: Call,
    mut time: Stopwatch,
    mut retries: Retries,
    mut attempts: u32,
) -> Result<Reply, Error> {
    call.check()?;
    let client = &*call.client.inner;
    loop {
        let (url, body) = (call.url()?, call.body()?);
        admit(&call, &mut time)
            .await
            .map_err(|error| error.with_attempts(attempts))?;
        attempts += 1;
        let failure = match attempt(&call, &time, url, body).await {
            Ok(Answer {
                status,
                headers,
                body,
            }) => {
                trace::answered(&call, &headers);
                return Ok(Reply {
                    status,
                    headers,
                    body,
                    attempts,
                    retries,
                    time,
                    call,
                });
            }
            Err(failure) => failure
                .with_operation(&call.operation)
                .with_attempts(attempts)
                .without(&client.credential.secrets),
        };
        trace::failed(&call, &failure);
        match retries.next(failure, time.elapsed(client.clock.now())) {
            Next::GiveUp(failure) => return Err(failure),
            Next::Again { failure, wait } => {
                trace::again(&failure, wait);
                drop(failure);
                time.sleep(&*client.clock, wait).await;
            }
        }
    }
}

/// Waits until the client's own pacing allows a request.
#[cfg(feature = "pacing")]
async fn admit(call: &Call, time: &mut Stopwatch) -> Result<(), Error> {
    let client = &*call.client.inner;
    let Some(pacing) = &client.pacing else {
        return Ok(());
    };
    while let Err(wait) = pacing.admit(client.clock.now()) {
        if time
            .left(client.clock.now())
            .is_some_and(|left| wait > left)
        {
            return Err(Error::new(crate::error::ErrorKind::RateLimited)
                .with_operation(&call.operation)
                .with_message("the client's pacing would delay the request past the deadline")
                .with_retry_after(Some(wait)));
        }
        time.sleep(&*client.clock, wait).await;
    }
    Ok(())
}

#[cfg(not(feature = "pacing"))]
async fn admit(_: &Call, _: &mut Stopwatch) -> Result<(), Error> {
    Ok(())
}
