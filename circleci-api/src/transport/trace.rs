//! Records one span per call if the feature `tracing` is enabled, and nothing otherwise.

use std::time::Duration;

use http::HeaderMap;

use crate::error::Error;
#[cfg(feature = "tracing")]
use crate::operation::deprecation::Deprecation;
use crate::transport::call::Call;
use crate::transport::reply::{Answer, Progress};

/// An empty span, for builds without the feature `tracing`.
#[cfg(not(feature = "tracing"))]
pub(crate) struct Span;

#[cfg(not(feature = "tracing"))]
impl Span {
    pub(crate) fn new(_: &Call) -> Self {
        Self
    }

    pub(crate) fn during<F: Future>(&self, exchange: F) -> F {
        exchange
    }

    pub(crate) fn record(&self, _: &Call, _: &Progress, _: &Result<Answer, Error>) {}
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn again(_: &Error, _: Duration) {}

#[cfg(not(feature = "tracing"))]
pub(crate) fn answered(_: &Call, _: &HeaderMap) {}

#[cfg(not(feature = "tracing"))]
pub(crate) fn failed(_: &Call, _: &Error) {}

/// The span of a call. Its field values are computed only if a subscriber is active.
#[cfg(feature = "tracing")]
pub(crate) struct Span {
    span: tracing::Span,
    started: std::time::Instant,
}

#[cfg(feature = "tracing")]
impl Span {
    pub(crate) fn new(call: &Call) -> Self {
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
        let started = std::time::Instant::now();
        Self { span, started }
    }

    pub(crate) fn during<F: Future>(&self, exchange: F) -> tracing::instrument::Instrumented<F> {
        tracing::Instrument::instrument(exchange, self.span.clone())
    }

    pub(crate) fn record(&self, call: &Call, progress: &Progress, result: &Result<Answer, Error>) {
        use std::borrow::Cow;

        let span = &self.span;
        if span.is_disabled() {
            return;
        }
        span.record("elapsed_ms", self.started.elapsed().as_millis() as u64);
        let (status, attempt, request_id) = match result {
            Ok(answer) => (
                Some(answer.status),
                progress.attempts,
                crate::transport::reply::request_id(&answer.headers).map(|id| {
                    let credential = &call.client.inner.credential;
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
    }
}

#[cfg(feature = "tracing")]
pub(crate) fn again(failure: &Error, wait: Duration) {
    let deprecation = failure.deprecation().map(tracing::field::display);
    tracing::warn!(wait_ms = wait.as_millis() as u64, error = %failure, deprecation, "attempt failed, retrying");
}

/// Warns after a successful call if its operation is deprecated.
#[cfg(feature = "tracing")]
pub(crate) fn answered(call: &Call, headers: &HeaderMap) {
    if let Some(deprecation) = Deprecation::read(headers) {
        warn(call, deprecation);
    }
}

/// Warns after a failed call if its operation is deprecated.
#[cfg(feature = "tracing")]
pub(crate) fn failed(call: &Call, failure: &Error) {
    if let Some(deprecation) = failure.deprecation() {
        warn(call, deprecation);
    }
}

/// Warns about a deprecated operation, but only once per operation for a client and all its clones.
#[cfg(feature = "tracing")]
#[cold]
fn warn(call: &Call, deprecation: Deprecation) {
    let id = call.operation.id();
    let warned = &call.client.inner.warned;
    let mut warned = warned
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // A caller may create any number of operations, so the size of the set is limited.
    if warned.len() < 1024 && warned.insert(id.to_owned()) {
        tracing::warn!(operation = id, deprecation = %deprecation, "CircleCI deprecates this operation");
    }
}
