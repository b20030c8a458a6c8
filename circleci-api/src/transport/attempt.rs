//! One attempt of a call: the request, its redirects, and the body of the answer.

use std::future::Future;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use reqwest::Url;

use crate::client::{Inner, host};
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;
use crate::transport::body::{Body, begin};
use crate::transport::call::Call;
use crate::transport::refusal::refused;
use crate::transport::reply::{Answer, Progress, about};
use crate::transport::unpack;
use crate::transport::wire::{execute, head, look_up};

/// The maximum number of redirects in a row. If the host has moved, one or two redirects are enough, so a longer chain is a loop.
pub(crate) const REDIRECTS: u8 = 5;

/// How many times an attempt sends its request again at once if the server did not process the request. For example, an HTTP/2
/// server may close each connection after a number of requests. A request that arrives too late for one connection can use
/// another one.
const RESENDS: u8 = 2;

#[allow(
    clippy::manual_async_fn,
    reason = "an `async fn` stores its arguments twice"
)]
pub(super) fn attempt<'a>(
    call: &'a Call,
    progress: &'a mut Progress,
) -> impl Future<Output = Result<Answer, Error>> + 'a {
    async move {
        let (mut redirects, mut resends) = (0, 0);
        let mut redirect: Option<Box<Url>> = None;
        loop {
            look_up().await;
            // The block ends before the `await`, so that its variables are not a part of the future.
            let sent = {
                let body = call.body()?;
                let url = match redirect.as_deref() {
                    Some(url) => url.clone(),
                    None => call.url()?,
                };
                if redirects == 0 && resends == 0 {
                    progress.attempts += 1;
                }
                let request = request(call, url, body.is_some());
                // See `Taken::body`.
                let body = body.or_else(|| (!call.may_replay()).then(Bytes::new));
                execute(&call.client.inner, request, body)?
            };
            let client = &*call.client.inner;
            let mut response = match head(client, &progress.time, sent).await {
                Err(error) if error.was_never_processed() && resends < RESENDS => {
                    resends += 1;
                    continue;
                }
                response => response?,
            };
            let client = &*call.client.inner;
            #[cfg(feature = "pacing")]
            if let Some(pacing) = &client.pacing {
                let (now, utc) = (client.clock.now(), client.clock.utc());
                pacing.learn(response.status(), response.headers(), now, utc);
            }
            redirect = target(call, &response)?;
            if redirect.is_none() {
                let begun = match response.status().is_success() {
                    true => match begin(client, &mut response) {
                        Ok(body) => return answer(client, response, body),
                        Err(begun) => Some(begun),
                    },
                    false => None,
                };
                return Box::pin(late(client, &progress.time, response, begun)).await;
            }
            if redirects == REDIRECTS {
                return Err(too_many_redirects());
            }
            redirects += 1;
        }
    }
}

/// Waits for the part of an answer that has not arrived yet: the rest of its body, or the message of a refusal.
async fn late(
    client: &Inner,
    time: &Stopwatch,
    mut response: reqwest::Response,
    begun: Option<Box<Body>>,
) -> Result<Answer, Error> {
    let Some(begun) = begun else {
        return Err(refused(client, time, &mut response).await);
    };
    let body = begun.rest(client, time, &mut response).await;
    answer(client, response, body)
}

fn answer(
    client: &Inner,
    mut response: reqwest::Response,
    body: Result<Bytes, Error>,
) -> Result<Answer, Error> {
    let status = response.status();
    let mut headers = std::mem::take(response.headers_mut());
    match body.and_then(|body| unpack::body(&mut headers, body, client.body_limit)) {
        Ok(body) => Ok(Answer {
            status,
            headers,
            body,
        }),
        Err(error) => Err(about(error, status, &headers)),
    }
}

/// Builds the request without its body.
fn request(call: &Call, url: Url, has_body: bool) -> reqwest::Request {
    let client = &*call.client.inner;
    let mut request = reqwest::Request::new(call.operation.method().clone(), url);
    let headers = match has_body {
        true => &client.json_headers,
        false => &client.headers,
    };
    *request.headers_mut() = headers.clone();
    if let Some(headers) = call.headers() {
        request.headers_mut().extend(headers.clone());
    }
    let method = request.method();
    if !has_body && matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        // See RFC 9110, section 8.6. Some proxies answer 411 to a POST without a `Content-Length` header.
        let none = HeaderValue::from_static("0");
        request.headers_mut().insert(CONTENT_LENGTH, none);
    }
    request
}

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cold]
pub(crate) fn too_many_redirects() -> Error {
    Error::new(ErrorKind::Redirect)
        .with_message(format!("more than {REDIRECTS} redirects in a row"))
}

/// Returns the URL to which an answer redirects, or `None` if the answer is not a redirect.
fn target(call: &Call, response: &reqwest::Response) -> Result<Option<Box<Url>>, Error> {
    let status = response.status();
    let location = response.headers().get(LOCATION);
    let Some(location) = location.filter(|_| is_redirect(status)) else {
        return Ok(None);
    };
    match follow(call.operation.method(), response.url(), location) {
        Ok(url) => Ok(Some(Box::new(url))),
        Err(why) => {
            let refused = Error::new(ErrorKind::Redirect).with_message(why);
            Err(about(refused, status, response.headers()))
        }
    }
}

/// Returns the URL to which a redirect leads, or the reason why the client must not follow the redirect.
fn follow(method: &Method, from: &Url, location: &HeaderValue) -> Result<Url, String> {
    let Some(to) = host::join(from, location) else {
        return Err("the `Location` header is not a URL".to_owned());
    };
    if to.origin() != from.origin() {
        return Err(format!(
            "the redirect leads from {} to {}, and the client must not send the token there",
            host::origin(from),
            host::origin(&to)
        ));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(format!(
            "the client does not send a {method} again to the URL of a redirect ({})",
            to.path()
        ));
    }
    Ok(to)
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
