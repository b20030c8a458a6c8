//! Sends a call, and retries it if a retry is harmless.

use std::future::Future;
use std::pin::Pin;

use crate::error::Error;
use crate::retry::Next;
use crate::transport::attempt::attempt;
use crate::transport::call::Call;
use crate::transport::reply::{Progress, Reply};
use crate::transport::trace;

/// The future of a call. The box keeps the futures of all operations small. It also makes the compiler analyze the code inside
/// only once, and not once per operation.
pub(crate) type Exchange = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

pub(crate) fn start(call: Call) -> Exchange {
    run(call, Progress::default(), None)
}

/// Continues a call whose answer could not be decoded. Sends another request if the failure may be temporary and attempts
/// are left.
#[cold]
pub(crate) fn again(reply: Reply, failure: Error) -> Exchange {
    run(reply.call, reply.progress, Some(failure))
}

/// Makes attempts until one succeeds or no further attempt is allowed. If `failure` is given, begins with the wait before a
/// retry.
///
/// Every call pays for the size of this future. Large or rare values are therefore boxed, or are not kept across an
/// `await`.
fn run(call: Call, mut progress: Progress, mut failure: Option<Error>) -> Exchange {
    Box::pin(async move {
        if progress.attempts == 0 {
            // The time of a call counts from the first poll, not from the creation of the future.
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

/// Completes the error of an attempt: adds the operation and the number of attempts, and removes the secrets.
#[cold]
fn failed(call: &Call, progress: &Progress, error: Error) -> Error {
    let error = error
        .with_operation(&call.operation)
        .with_attempts(progress.attempts);
    let error = call.hide_secrets(error);
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
    // A call that cannot be sent must fail at once, without a wait.
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
