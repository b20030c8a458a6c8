//! One attempt of a call: the request, its redirects, and the body of the answer.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Url;

use crate::client::{Inner, host};
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;
use crate::transport::call::Call;
use crate::transport::refusal::refused;
use crate::transport::reply::request_id;
use crate::transport::unpack;
use crate::transport::wire::{send, within};

/// A moved host needs one or two redirects; more redirects are a loop.
pub(crate) const REDIRECTS: usize = 5;

/// A successful answer, before it is decoded.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) async fn attempt(
    call: &Call,
    time: &Stopwatch,
    mut url: Url,
    body: Option<Bytes>,
) -> Result<Answer, Error> {
    let client = &*call.client.inner;
    let method = call.operation.method();
    for _ in 0..=REDIRECTS {
        let request = request(call, url, body.clone());
        let mut response = send(client, time, request).await?;
        let status = response.status();
        #[cfg(feature = "pacing")]
        if let Some(pacing) = &client.pacing {
            let (now, utc) = (client.clock.now(), client.clock.utc());
            pacing.learn(status, response.headers(), now, utc);
        }
        if status.is_success() {
            let body = read(client, time, &mut response)
                .await
                .and_then(|body| unpack::body(response.headers_mut(), body, client.body_limit))
                .map_err(|error| error.with_status(status))?;
            return Ok(Answer {
                status,
                headers: std::mem::take(response.headers_mut()),
                body,
            });
        }
        url = match response.headers().get(LOCATION) {
            Some(location) if is_redirect(status) => follow(method, response.url(), location)
                .map_err(|why| {
                    Error::new(ErrorKind::Redirect)
                        .with_status(status)
                        .with_message(why)
                        .with_request_id(request_id(response.headers()).map(Into::into))
                })?,
            _ => return Err(refused(client, time, response).await),
        };
    }
    Err(too_many_redirects())
}

fn request(call: &Call, url: Url, body: Option<Bytes>) -> reqwest::Request {
    let client = &*call.client.inner;
    let mut request = reqwest::Request::new(call.operation.method().clone(), url);
    let headers = match body {
        Some(_) => &client.json_headers,
        None => &client.headers,
    };
    *request.headers_mut() = headers.clone();
    unpack::accept(request.headers_mut());
    if let Some(headers) = call.headers() {
        request.headers_mut().extend(headers.clone());
    }
    if let Some(body) = body {
        *request.body_mut() = Some(body.into());
    } else if matches!(
        *request.method(),
        Method::POST | Method::PUT | Method::PATCH
    ) {
        // RFC 9110, section 8.6: some proxies answer 411 to a POST without the length of its body.
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
    Error::new(ErrorKind::Redirect).with_message(format!("more than {REDIRECTS} in a row"))
}

/// The target of a redirect, if it may receive the credential.
fn follow(method: &Method, from: &Url, location: &HeaderValue) -> Result<Url, String> {
    let Some(to) = host::join(from, location) else {
        return Err("the `Location` header is not a URL".to_owned());
    };
    if to.origin() != from.origin() {
        return Err(format!(
            "it leads from {} to {}, where the client must not send the token",
            host::origin(from),
            host::origin(&to)
        ));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(format!(
            "the client does not repeat a {method} at another URL ({})",
            to.path()
        ));
    }
    Ok(to)
}

/// Reads the whole body, unless it is larger than the client's limit.
async fn read(
    client: &Inner,
    time: &Stopwatch,
    response: &mut reqwest::Response,
) -> Result<Bytes, Error> {
    let limit = client.body_limit;
    let too_large =
        || Error::new(ErrorKind::TooLarge).with_message(format!("more than {limit} bytes"));
    let announced = response.content_length();
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let Some(first) = within(client, time, response.chunk()).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(too_large());
    }
    // Most answers are one chunk, and need no copy.
    let Some(mut next) = within(client, time, response.chunk()).await? else {
        return Ok(first);
    };
    let come = first.len() + next.len();
    let expected = match announced.map(usize::try_from) {
        // The announced length may be wrong, so this limits the memory that is allocated for it.
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
        match within(client, time, response.chunk()).await? {
            Some(chunk) => next = chunk,
            None => return Ok(body.freeze()),
        }
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
