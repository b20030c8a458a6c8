//! Converts an answer with an error status into an error.

use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;

use crate::client::Inner;
use crate::error::{self, Error, ErrorKind};
use crate::operation::deprecation::Deprecation;
use crate::retry::{clock::Stopwatch, rate_limit};
use crate::transport::reply::about;
use crate::transport::unpack;
use crate::transport::wire::chunk;

/// The maximum number of bytes of a failed answer that are read to find its message.
const BODY: usize = 64 * 1024;
/// The maximum time for reading the body of a failed answer.
const BODY_TIME: Duration = Duration::from_secs(5);

/// Returns the error for an answer with an error status. The error includes the server's message, if the answer has one.
pub(super) async fn refused(
    client: &Inner,
    time: &Stopwatch,
    response: &mut reqwest::Response,
) -> Error {
    let (failure, body, whole) = failure(client, time, response).await;
    let message = error::message_of(&body).map(|message| match whole {
        true => message,
        false => error::cut_off(message),
    });
    let failure = failure.with_excerpt(body);
    match message {
        Some(message) => failure.with_message(message),
        None => failure,
    }
}

/// Returns the error for a failed answer, and the beginning of the answer's body. The error does not include the server's
/// message. It has the status even if the body cannot be read. The last value is true if the whole body was read.
pub(crate) async fn failure(
    client: &Inner,
    time: &Stopwatch,
    response: &mut reqwest::Response,
) -> (Error, String, bool) {
    let mut body = BytesMut::new();
    let reading = async {
        while body.len() < BODY {
            match chunk(client, time, response).await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return true,
                Err(_) => break,
            }
        }
        false
    };
    let whole = tokio::time::timeout(BODY_TIME, reading).await == Ok(true);
    let (status, headers) = (response.status(), response.headers());
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        _ => ErrorKind::Status,
    };
    let failure = about(Error::new(kind), status, headers)
        .with_retry_after(rate_limit::asked(status, headers, client.clock.utc()))
        .with_deprecation(Deprecation::read(headers));
    let body = unpack::beginning(headers, &body, BODY);
    let mut body = String::from_utf8_lossy(&body).into_owned();
    if !whole {
        // The body may end with a part of a secret.
        body = client.credential.secrets.hide_in_part(&body).into_owned();
    }
    (failure, body, whole)
}
