//! Decodes the body of an answer into a type. A valid body needs one pass. An invalid body needs several.

use http::header::CONTENT_ENCODING;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::json::notes::Finding;
use crate::json::read::{self, Fault, Instead};
use crate::json::surprise::Surprise;
use crate::retry::rate_limit::RateLimit;
use crate::transport::reply::{Reply, about};
use crate::transport::response::Response;

pub(crate) fn json<T: DeserializeOwned>(reply: &mut Reply) -> Result<T, Error> {
    match serde_json::from_slice(&reply.answer.body) {
        Ok(value) if is_plain(reply) => Ok(value),
        Ok(value) => looked_into(reply, value),
        Err(error) => mended(reply, error),
    }
}

#[allow(dead_code, reason = "depends on the document")]
pub(crate) fn nothing(_: &mut Reply) -> Result<(), Error> {
    Ok(())
}

pub(crate) fn json_with_response<T: DeserializeOwned>(
    reply: &mut Reply,
) -> Result<Response<T>, Error> {
    let body = json(reply)?;
    Ok(with_response(reply, body))
}

#[allow(dead_code, reason = "depends on the document")]
pub(crate) fn nothing_with_response(reply: &mut Reply) -> Result<Response<()>, Error> {
    Ok(with_response(reply, ()))
}

pub(crate) fn with_response<T>(reply: &mut Reply, body: T) -> Response<T> {
    let headers = std::mem::take(&mut reply.answer.headers);
    Response {
        rate_limit: RateLimit::read(&headers, reply.call.client.inner.clock.utc()),
        status: reply.answer.status,
        headers,
        attempts: reply.progress.attempts,
        body,
    }
}

/// Returns true if a decoded body needs no second check: there is no listener for surprises, and the body does not begin like an
/// error message.
pub(crate) fn is_plain(reply: &Reply) -> bool {
    reply.call.client.inner.on_surprise.is_none()
        && !read::begins_like_a_message(&reply.answer.body)
}

/// Makes the second check. Returns an error if the body is a message and the operation does not return messages. Otherwise,
/// reports surprises in the body and returns the decoded value.
#[cold]
#[inline(never)]
pub(crate) fn looked_into<T: DeserializeOwned>(reply: &Reply, value: T) -> Result<T, Error> {
    if read::begins_like_a_message(&reply.answer.body)
        && let Some(message) = read::unexpected_message::<T>(&reply.answer.body)
    {
        let fault = Fault {
            error: serde::de::Error::custom("a message instead of the operation's response"),
            path: None,
            instead: Some(Instead::Message(message)),
        };
        return Err(unexpected(reply, fault));
    }
    if reply.call.client.inner.on_surprise.is_some() {
        let mut findings = Vec::new();
        read::survey::<T>(&reply.answer.body, &mut findings);
        report(reply, findings);
    }
    Ok(value)
}

/// Tries again to decode a body that the first pass could not decode. Reports what it finds in the body to the client's listener.
#[cold]
#[inline(never)]
pub(crate) fn mended<T: DeserializeOwned>(
    reply: &Reply,
    error: serde_json::Error,
) -> Result<T, Error> {
    // If an operation returns only a message, its body may also be empty.
    if reply.answer.body.iter().all(u8::is_ascii_whitespace)
        && let Some(value) = read::empty_message()
    {
        return Ok(value);
    }
    let mut findings = Vec::new();
    let result = read::mended(&reply.answer.body, error, &mut findings);
    report(reply, findings);
    result.map_err(|fault| unexpected(reply, fault))
}

/// Reports each finding in a body to the client's listener for surprises.
pub(crate) fn report(reply: &Reply, findings: Vec<Finding>) {
    let client = &reply.call.client.inner;
    let Some(listener) = &client.on_surprise else {
        return;
    };
    for Finding { kind, path } in findings {
        // The path contains keys of the body, and a server may copy any part of the request into a key.
        let path = client.credential.redact(&path).into_owned();
        listener(&Surprise::new(reply.call.operation.id(), path, kind));
    }
}

#[cold]
pub(crate) fn unexpected(reply: &Reply, fault: Fault) -> Error {
    let Fault {
        error,
        path,
        instead,
    } = fault;
    let encoding = reply.answer.headers.get(CONTENT_ENCODING);
    let message = match &instead {
        Some(Instead::Message(message)) => message.clone(),
        Some(Instead::Empty) => "it is empty".to_owned(),
        Some(Instead::Named(form)) => format!("it is {form}, not JSON"),
        Some(Instead::CutOff) => format!("it is cut off: {error}"),
        Some(Instead::CutOffBy(report)) => format!("it is cut off by an error: {report}"),
        None => match encoding.map(|encoding| encoding.to_str().unwrap_or("in an unknown way")) {
            Some(encoding) if path.is_none() && encoding != "identity" => {
                format!("it has the encoding {encoding}, which was not requested")
            }
            _ => error.to_string(),
        },
    };
    let shown = &reply.answer.body[..reply.answer.body.len().min(64 * 1024)];
    let it = Error::new(ErrorKind::Decode);
    let mut it = about(it, reply.answer.status, &reply.answer.headers)
        .with_operation(&reply.call.operation)
        .with_message(message)
        .with_excerpt(String::from_utf8_lossy(shown).into_owned())
        .with_attempts(reply.progress.attempts)
        .with_source(error);
    if let Some(path) = path {
        it = it.with_path(path);
    }
    // If the answer was cut off, a retry may get a complete one.
    if matches!(instead, Some(Instead::CutOff | Instead::CutOffBy(_))) && reply.call.may_replay() {
        it = it.passing();
    }
    reply.call.hide_secrets(it)
}
