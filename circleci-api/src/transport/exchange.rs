//! Sends a call, and retries it if that is harmless.

use std::future::Future;
use std::pin::Pin;

use crate::error::Error;
use crate::retry::Next;
use crate::transport::attempt::attempt;
use crate::transport::call::Call;
use crate::transport::reply::{Progress, Reply};
use crate::transport::trace;

/// One box per call keeps the future of every operation small, and saves the compiler from analyzing it once per operation.
pub(crate) type Exchange = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

pub(crate) fn start(call: Call) -> Exchange {
    let progress = Progress::start(&call);
    run(call, progress, None)
}

/// Continues after an answer that could not be decoded, if the failure may be temporary and attempts are left.
#[cold]
pub(crate) fn again(reply: Reply, failure: Error) -> Exchange {
    run(reply.call, reply.progress, Some(failure))
}

/// Makes attempts until one succeeds or no other may follow. Begins with the wait after a failure, if there is one.
///
/// The size of this future is a cost of every call. What is large or rare is in a box, or is not kept across an `await`.
fn run(call: Call, mut progress: Progress, mut failure: Option<Error>) -> Exchange {
    Box::pin(async move {
        if progress.attempts == 0 {
            // The time starts when the call is polled, not when it is created.
            progress = Progress::start(&call);
        }
        let span = trace::Span::new(&call);
        let attempts = async {
            call.check()?;
            loop {
                if let Some(failure) = failure.take() {
                    pause(&call, &mut progress, failure).await?;
                }
                #[cfg(feature = "pacing")]
                admit(&call, &mut progress).await?;
                match attempt(&call, &mut progress).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => failure = Some(failed(&call, &progress, error)),
                }
            }
        };
        let answer = span.during(attempts).await;
        span.record(&call, &progress, &answer);
        let answer = answer?;
        trace::answered(&call, &answer.headers);
        Ok(Reply {
            call,
            answer,
            progress,
        })
    })
}

/// The error of an attempt, complete.
#[cold]
fn failed(call: &Call, progress: &Progress, error: Error) -> Error {
    let error = error
        .with_operation(&call.operation)
        .with_attempts(progress.attempts)
        .without(&call.client.inner.credential.secrets);
    trace::failed(call, &error);
    error
}

/// Waits before the next attempt, or returns the failure if no attempt may follow.
async fn pause(call: &Call, progress: &mut Progress, failure: Error) -> Result<(), Error> {
    let clock = &*call.client.inner.clock;
    let elapsed = progress.time.elapsed(clock.now());
    match progress.retries.next(&call.rules(), failure, elapsed) {
        Next::GiveUp(failure) => Err(failure),
        Next::Again { failure, wait } => {
            trace::again(&failure, wait);
            drop(failure);
            progress.time.sleep(clock, wait).await;
            Ok(())
        }
    }
}

/// Waits until the client's own pacing allows a request.
#[cfg(feature = "pacing")]
async fn admit(call: &Call, progress: &mut Progress) -> Result<(), Error> {
    let client = &*call.client.inner;
    let Some(pacing) = &client.pacing else {
        return Ok(());
    };
    // A call that cannot be sent must not wait.
    call.url()?;
    call.body()?;
    let time = &mut progress.time;
    while let Err(wait) = pacing.admit(client.clock.now()) {
        if time
            .left(client.clock.now())
            .is_some_and(|left| wait > left)
        {
            return Err(Error::new(crate::error::ErrorKind::RateLimited)
                .with_operation(&call.operation)
                .with_message("the client's pacing would delay the request past the deadline")
                .with_retry_after(Some(wait))
                .with_attempts(progress.attempts));
        }
        time.sleep(&*client.clock, wait).await;
    }
    Ok(())
}
