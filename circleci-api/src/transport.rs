//! The way of every call: credential, attempts, wire.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Url;

use crate::call::Call;
use crate::error::{self, Error, ErrorKind};
use crate::host;
use crate::response::request_id;
use crate::retry;
use crate::trace;

/// A redirect or two is a moved host; more is a loop.
const REDIRECTS: usize = 5;
/// How much of a failed answer is read to find its message, and how long that may take.
const ERROR_BODY: usize = 64 * 1024;
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// A success, with its body still in bytes.
pub struct Reply {
    pub(crate) call: Call,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: u32,
}

type Answer = (StatusCode, HeaderMap, Bytes);

/// One box per call keeps every operation's future small, and the compiler from looking into it 113 times.
pub(crate) fn start(call: Call) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
    Box::pin(trace::call(call))
}

pub(crate) async fn exchange(call: Call) -> Result<Reply, Error> {
    let client = &*call.client.inner;
    let mut time = CallTime {
        started: client.clock.now(),
        waited: Duration::ZERO,
        limit: call.timeout(),
    };
    let mut backoff = None;
    let mut attempts = 0;
    let (status, headers, body) = loop {
        #[cfg(feature = "pacing")]
        if let Some(pacing) = &client.pacing {
            let admitted = pace(&call, pacing, &mut time).await;
            admitted.map_err(|error| error.with_attempts(attempts))?;
        }
        attempts += 1;
        let failure = match attempt(&call, &time).await {
            Ok(answer) => break answer,
            Err(failure) => failure.with_operation(call.operation),
        };
        if failure.kind() == ErrorKind::InvalidArgument {
            return Err(failure);
        }
        let failure = failure.with_attempts(attempts);
        let policy = call.retry();
        if !retry::may_follow(&failure, call.may_replay()) || !policy.allows_another(attempts) {
            return Err(failure);
        }
        let backoff = backoff.get_or_insert_with(|| policy.backoff());
        let wait = backoff
            .next()
            .max(failure.retry_after().unwrap_or_default());
        let elapsed = time.elapsed(client.clock.now());
        let budget = policy.budget().min(time.limit.unwrap_or(Duration::MAX));
        if elapsed.checked_add(wait).is_none_or(|after| after > budget) {
            let known = failure.retry_after();
            let limited = failure.is_rate_limited();
            // Too long to wait here; the caller may have more time.
            return Err(failure.with_retry_after(if limited { Some(wait) } else { known }));
        }
        trace::again(&failure, wait);
        drop(failure);
        time.waited = time.waited.saturating_add(wait);
        client.clock.sleep(wait).await;
    };
    Ok(Reply {
        status,
        headers,
        body,
        attempts,
        call,
    })
}

/// How long a call has taken, where the waits count even if a test did not sit them out.
struct CallTime {
    started: Instant,
    waited: Duration,
    limit: Option<Duration>,
}

impl CallTime {
    fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started).max(self.waited)
    }
}

#[cfg(feature = "pacing")]
async fn pace(call: &Call, pacing: &crate::Pacing, time: &mut CallTime) -> Result<(), Error> {
    let clock = &call.client.inner.clock;
    while let Err(wait) = pacing.admit(clock.now()) {
        let after = time.elapsed(clock.now()).saturating_add(wait);
        if time.limit.is_some_and(|limit| after > limit) {
            return Err(Error::new(ErrorKind::RateLimited)
                .with_operation(call.operation)
                .with_message("the client's own pacing leaves no room within the call's time")
                .with_retry_after(Some(wait)));
        }
        time.waited = time.waited.saturating_add(wait);
        clock.sleep(wait).await;
    }
    Ok(())
}

async fn attempt(call: &Call, time: &CallTime) -> Result<Answer, Error> {
    let client = &*call.client.inner;
    let method = &call.operation.method;
    let mut url = call.url()?;
    let body = call.body()?;
    for _ in 0..=REDIRECTS {
        let mut request = reqwest::Request::new(method.clone(), url);
        *request.headers_mut() = client.headers.clone();
        if let Some(body) = &body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.clone().into());
        }
        let mut response = within(call, time, client.http.execute(request)).await?;
        let status = response.status();
        #[cfg(feature = "pacing")]
        if let Some(pacing) = &client.pacing {
            pacing.learn(
                status,
                response.headers(),
                client.clock.now(),
                client.clock.utc(),
            );
        }
        if status.is_success() {
            let body = read(call, time, &mut response)
                .await
                .map_err(|error| error.with_status(status))?;
            return Ok((status, std::mem::take(response.headers_mut()), body));
        }
        match response.headers().get(LOCATION) {
            Some(location) if is_redirect(status) => {
                url = follow(method, response.url(), location).map_err(|why| {
                    let id = request_id(response.headers()).map(|id| client.credential.redact(id));
                    Error::new(ErrorKind::Redirect)
                        .with_status(status)
                        .with_message(client.credential.redact(&why))
                        .with_request_id(id)
                })?;
            }
            _ => return Err(refused(call, time, response).await),
        }
    }
    Err(Error::new(ErrorKind::Redirect).with_message(format!("more than {REDIRECTS} in a row")))
}

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads, if the credential may go there.
fn follow(method: &Method, from: &Url, location: &HeaderValue) -> Result<Url, String> {
    let to = location.to_str().ok().and_then(|text| from.join(text).ok());
    let Some(mut to) = to else {
        return Err("its location is not a URL".to_owned());
    };
    if to.origin() != from.origin() {
        return Err(format!(
            "it leads from {} to {}, where the token must not go",
            host::origin(from),
            host::origin(&to)
        ));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(format!(
            "a {method} is not sent again elsewhere ({})",
            to.path()
        ));
    }
    // A name in the location would become a credential of the server's choosing. Neither call fails on http(s).
    let _ = to.set_username("");
    let _ = to.set_password(None);
    Ok(to)
}

/// A status that is no success. It is never lost, whatever becomes of the body.
async fn refused(call: &Call, time: &CallTime, mut response: reqwest::Response) -> Error {
    let client = &*call.client.inner;
    let status = response.status();
    let mut body = BytesMut::new();
    let reading = async {
        while body.len() < ERROR_BODY {
            match within(call, time, response.chunk()).await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                _ => break,
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_BODY_TIME, reading).await;
    let body = String::from_utf8_lossy(&body);
    // Found first, for a short token may be a part of any word, and JSON may escape it.
    let message = error::message_of(&body);
    let body = client.credential.redact(&body);
    let kind = if status == StatusCode::TOO_MANY_REQUESTS {
        ErrorKind::RateLimited
    } else {
        ErrorKind::Status
    };
    let headers = response.headers();
    let mut error = Error::new(kind)
        .with_status(status)
        .with_excerpt(&body)
        .with_request_id(request_id(headers).map(|id| client.credential.redact(id)))
        .with_retry_after(retry::asked(status, headers, client.clock.utc()));
    if let Some(message) = message {
        error = error.with_message(client.credential.redact(&message));
    }
    error
}

/// The whole body, unless it is larger than the client's bound.
async fn read(
    call: &Call,
    time: &CallTime,
    response: &mut reqwest::Response,
) -> Result<Bytes, Error> {
    let limit = call.client.inner.body_limit;
    let too_large =
        || Error::new(ErrorKind::TooLarge).with_message(format!("more than {limit} bytes"));
    let announced = response.content_length();
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let Some(first) = within(call, time, response.chunk()).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(too_large());
    }
    // Most answers are one chunk, and need no copy.
    let Some(mut next) = within(call, time, response.chunk()).await? else {
        return Ok(first);
    };
    let come = first.len() + next.len();
    let expected = match announced.map(usize::try_from) {
        // What a server announces is not yet what it sends: no more than this is set aside on its word.
        Some(Ok(announced)) => announced.min(1 << 20).max(come),
        _ => 2 * come,
    };
    let mut body = BytesMut::with_capacity(expected.min(limit));
    body.extend_from_slice(&first);
    loop {
        if body.len() + next.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&next);
        match within(call, time, response.chunk()).await? {
            Some(chunk) => next = chunk,
            None => return Ok(body.freeze()),
        }
    }
}

/// Waits for the wire, no longer than for silence or for what is left of the call's time.
async fn within<T>(
    call: &Call,
    time: &CallTime,
    wire: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Error> {
    let mut wire = pin!(wire);
    // What is there already needs no timer.
    if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(wire.as_mut().poll(cx))).await {
        return result.map_err(broken);
    }
    let client = &*call.client.inner;
    let left = time
        .limit
        .map(|limit| limit.saturating_sub(time.elapsed(client.clock.now())));
    let Some(patience) = [left, client.read_timeout].into_iter().flatten().min() else {
        return wire.await.map_err(broken);
    };
    match tokio::time::timeout(patience, wire).await {
        Ok(result) => result.map_err(broken),
        Err(_) => Err(
            Error::new(ErrorKind::Timeout).with_message(match (left, time.limit) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_at_home_or_is_none() {
        let from = Url::parse("https://circleci.com/api/v2/me").unwrap();
        for (method, location, expected) in [
            (
                Method::GET,
                "/api/v2/you",
                Ok("https://circleci.com/api/v2/you"),
            ),
            (Method::GET, "you", Ok("https://circleci.com/api/v2/you")),
            (
                Method::GET,
                "https://circleci.com:443/x",
                Ok("https://circleci.com/x"),
            ),
            (
                Method::GET,
                "https://u:p@circleci.com/x",
                Ok("https://circleci.com/x"),
            ),
            (Method::HEAD, "/x", Ok("https://circleci.com/x")),
            (Method::POST, "/x", Err("POST")),
            (
                Method::GET,
                "http://circleci.com/x",
                Err("to http://circleci.com,"),
            ),
            (
                Method::GET,
                "https://circleci.com:8443/x",
                Err("to https://circleci.com:8443,"),
            ),
            (
                Method::GET,
                "//evil.example/x?y",
                Err("to https://evil.example,"),
            ),
            (
                Method::GET,
                "https://circleci.com.evil.example/",
                Err("evil.example"),
            ),
            (
                Method::GET,
                "https://circleci.com@evil.example/",
                Err("to https://evil.example,"),
            ),
            (
                Method::GET,
                "\\\\evil.example\\x",
                Err("to https://evil.example,"),
            ),
            (Method::GET, "javascript:alert(1)", Err("to null,")),
            (Method::GET, "https://[", Err("not a URL")),
        ] {
            let got = follow(&method, &from, &HeaderValue::from_str(location).unwrap());
            match (got, expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{location}: {why}"),
                (got, _) => panic!("{location}: {got:?}"),
            }
        }
    }
}
