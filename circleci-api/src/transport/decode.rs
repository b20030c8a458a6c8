//! From bytes to types: one pass where all is well, a second one that finds the place where it is not.

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::retry::rate_limit::RateLimit;
use crate::transport::reply::{Reply, request_id};
use crate::transport::response::Response;

pub(crate) fn json<T: DeserializeOwned>(reply: Reply) -> Result<T, Error> {
    serde_json::from_slice(&reply.body).map_err(|error| failed::<T>(&reply, error))
}

#[allow(dead_code, reason = "depends on the document")]
pub(crate) fn nothing(_: Reply) -> Result<(), Error> {
    Ok(())
}

pub(crate) fn json_with_response<T: DeserializeOwned>(reply: Reply) -> Result<Response<T>, Error> {
    let body = serde_json::from_slice(&reply.body).map_err(|error| failed::<T>(&reply, error))?;
    Ok(with_response(reply, body))
}

#[allow(dead_code, reason = "depends on the document")]
pub(crate) fn nothing_with_response(reply: Reply) -> Result<Response<()>, Error> {
    Ok(with_response(reply, ()))
}

pub(crate) fn with_response<T>(reply: Reply, body: T) -> Response<T> {
    Response {
        rate_limit: RateLimit::read(&reply.headers, reply.call.client.inner.clock.utc()),
        status: reply.status,
        headers: reply.headers,
        attempts: reply.attempts,
        body,
    }
}

#[cold]
#[inline(never)]
fn failed<T: DeserializeOwned>(reply: &Reply, error: serde_json::Error) -> Error {
    let (path, error) = locate::<T>(&reply.body, error);
    unexpected(reply, path, error)
}

#[cold]
pub(crate) fn unexpected(reply: &Reply, path: Option<String>, error: serde_json::Error) -> Error {
    let credential = &reply.call.client.inner.credential;
    let message = if reply.body.iter().all(u8::is_ascii_whitespace) {
        "it is empty".to_owned()
    } else {
        credential.redact(&error.to_string()).into_owned()
    };
    let shown = &reply.body[..reply.body.len().min(8 * 1024)];
    let mut it = Error::new(ErrorKind::Decode)
        .with_operation(&reply.call.operation)
        .with_status(reply.status)
        .with_message(message)
        .with_excerpt(&credential.redact(&String::from_utf8_lossy(shown)))
        .with_request_id(request_id(&reply.headers).map(|id| credential.redact(id)))
        .with_attempts(reply.attempts);
    if let Some(path) = path {
        it = it.with_path(credential.redact(&path).into_owned());
    }
    // The source would print what was redacted above.
    it = match credential.redact(&error.to_string()) {
        std::borrow::Cow::Borrowed(_) => it.with_source(error),
        std::borrow::Cow::Owned(_) => it,
    };
    it
}

/// Decodes again, this time keeping track of the path. Only after a failure: it costs several times as much.
#[cold]
pub(crate) fn locate<T: DeserializeOwned>(
    json: &[u8],
    error: serde_json::Error,
) -> (Option<String>, serde_json::Error) {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // What follows the document was wrong.
        Ok(_) => (None, error),
        Err(located) => {
            let path = located.path().to_string();
            let path = (path != "." && path != "?").then_some(path);
            (path, located.into_inner())
        }
    }
}
