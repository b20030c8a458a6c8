//! A span per call with the feature `tracing`, and nothing without it.

use std::time::Duration;

use http::HeaderMap;

use crate::error::Error;
#[cfg(feature = "tracing")]
use crate::operation::deprecation::Deprecation;
use crate::transport::call::Call;
use crate::transport::reply::Reply;

type Answered = Result<Reply, Error>;

/// Without the feature, there is nothing to record.
#[cfg(not(feature = "tracing"))]
pub(crate) struct NoSpan;

#[cfg(not(feature = "tracing"))]
pub(crate) fn span(_: &Call) -> NoSpan {
    NoSpan
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn call(
    _: NoSpan,
    exchange: impl Future<Output = Answered>,
) -> impl Future<Output = Answered> {
    exchange
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn again(_: &Error, _: Duration) {}

#[cfg(not(feature = "tracing"))]
pub(crate) fn answered(_: &Call, _: &HeaderMap) {}

#[cfg(not(feature = "tracing"))]
pub(crate) fn failed(_: &Call, _: &Error) {}

/// The span of a call. Its values are computed only if a subscriber is active.
#[cfg(feature = "tracing")]
pub(crate) fn span(call: &Call) -> tracing::Span {
    use tracing::{Level, field::Empty, span};

    let operation = &call.operation;
    let span = span!(
        Level::INFO,
        "circleci",
        operation = operation.id(),
        method = operation.method().as_str(),
        path = &*operation.full_path(),
        project = Empty,
        org = Empty,
        id = Empty,
        status = Empty,
        attempt = Empty,
        elapsed_ms = Empty,
        request_id = Empty,
        error = Empty,
    );
    if !span.is_disabled() {
        for (field, value) in ["project", "org", "id"].into_iter().zip(call.about()) {
            if let Some(value) = value {
                span.record(field, value);
            }
        }
    }
    span
}

#[cfg(feature = "tracing")]
pub(crate) async fn call(
    span: tracing::Span,
    exchange: impl Future<Output = Answered>,
) -> Answered {
    use std::borrow::Cow;

    use tracing::Instrument;

    if span.is_disabled() {
        return exchange.await;
    }
    let started = std::time::Instant::now();
    let result = exchange.instrument(span.clone()).await;
    span.record("elapsed_ms", started.elapsed().as_millis() as u64);
    let (status, attempt, request_id) = match &result {
        Ok(reply) => (
            Some(reply.status),
            reply.attempts,
            crate::transport::reply::request_id(&reply.headers).map(|id| {
                let credential = &reply.call.client.inner.credential;
                Cow::Owned(crate::error::short_id(&credential.redact(id)))
            }),
        ),
        Err(error) => {
            span.record("error", tracing::field::display(error));
            let id = error.request_id().map(Cow::Borrowed);
            (error.status(), error.attempts(), id)
        }
    };
    if let Some(status) = status {
        span.record("status", status.as_u16());
    }
    span.record("attempt", attempt);
    if let Some(id) = request_id {
        span.record("request_id", &*id);
    }
    result
}

#[cfg(feature = "tracing")]
pub(crate) fn again(failure: &Error, wait: Duration) {
    let deprecation = failure.deprecation().map(tracing::field::display);
    tracing::warn!(wait_ms = wait.as_millis() as u64, error = %failure, deprecation, "attempt failed, retrying");
}

/// Warns of a deprecated operation after a successful call.
#[cfg(feature = "tracing")]
pub(crate) fn answered(call: &Call, headers: &HeaderMap) {
    if let Some(deprecation) = Deprecation::read(headers) {
        warn(call, deprecation);
    }
}

/// Warns of a deprecated operation after a failed call.
#[cfg(feature = "tracing")]
pub(crate) fn failed(call: &Call, failure: &Error) {
    if let Some(deprecation) = failure.deprecation() {
        warn(call, deprecation);
    }
}

/// Warns once for each operation of a client and its clones.
#[cfg(feature = "tracing")]
#[cold]
fn warn(call: &Call, deprecation: Deprecation) {
    let id = call.operation.id();
    let warned = &call.client.inner.warned;
    let mut warned = warned
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // A caller may create any number of operations.
    if warned.len() < 1024 && warned.insert(id.to_owned()) {
        tracing::warn!(operation = id, deprecation = %deprecation, "CircleCI deprecates this operation");
    }
}
