//! The mock's answers to requests.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::placeholder;
use super::received::Received;
use super::route;
use crate::operation::Operation;

/// The status and the body of an answer, and how the server sends them.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) retry_after: Option<Duration>,
    pub(super) delay: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Empty,
    /// JSON whose [placeholders](placeholder) are replaced with values from the request.
    Json(Value),
    Text(String),
    File(Vec<u8>),
    /// The server closes the connection.
    Cut,
    /// Pages that are selected by a page token. Each page is a copy of `pattern`, in which the items and the next page token are
    /// replaced.
    Pages {
        parameter: &'static str,
        pattern: Value,
        pages: Vec<Vec<Value>>,
    },
    /// Pages that are selected by an offset.
    Slices {
        parameter: &'static str,
        pages: Vec<Vec<Value>>,
    },
    /// A function that makes the answer when the request arrives.
    Responder(Responder),
}

/// A function that makes an answer from a request.
#[derive(Clone)]
pub(super) struct Responder(pub(super) Arc<dyn Fn(&Received) -> Answer + Send + Sync>);

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder(..)")
    }
}

/// An error response, `{"message": …}`, that a closure returns instead of a value.
/// [`Stub::reply_by`](super::Stub::reply_by) has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refusal {
    /// Creates an error response from a status (200 to 599) and a message.
    /// [`Stub::reply_by`](super::Stub::reply_by) has an example.
    ///
    /// # Panics
    ///
    /// Panics if the status is not between 200 and 599.
    #[track_caller]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status: checked(status),
            message: message.into(),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::message(refusal.status, refusal.message)
    }
}

/// Returns `status`, or panics if a server cannot answer with it.
#[track_caller]
pub(super) fn checked(status: u16) -> u16 {
    assert!(
        (200..=599).contains(&status),
        "{status} is not a valid response status; use 200 to 599"
    );
    status
}

impl Answer {
    pub(super) fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            body,
            retry_after: None,
            delay: None,
        }
    }

    pub(super) fn message(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, Body::Json(json!({ "message": message.into() })))
    }

    /// Returns an answer with the status 429 and a `Retry-After` header.
    pub(super) fn rate_limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, Body::Text("Rate limited.".to_owned()))
        }
    }

    /// Returns the default answer to an operation.
    pub(super) fn example(operation: &Operation) -> Self {
        let Some(reply) = route::reply(operation) else {
            return Self::message(501, "the mock has no example");
        };
        match serde_json::from_str(reply.body) {
            Ok(Value::Null) | Err(_) => Self::new(reply.status, Body::Empty),
            Ok(body) => Self::new(reply.status, Body::Json(body)),
        }
    }

    /// Returns the answer to this request. The flag is `true` if the stub's next answer is used for the next request, and `false`
    /// if the current one is used again.
    pub(super) fn to_request(&self, request: &Received) -> (Self, bool) {
        match &self.body {
            Body::Pages {
                parameter,
                pattern,
                pages,
            } => self.page(request, parameter, pattern, pages),
            Body::Slices { parameter, pages } => self.slice(request, parameter, pages),
            Body::Responder(responder) => (self.respond(request, responder), true),
            body => (self.with(body.clone()), true),
        }
    }

    fn with(&self, body: Body) -> Self {
        Self {
            body,
            ..Self::new(self.status, Body::Empty)
        }
        .paced_as(self)
    }

    fn paced_as(mut self, other: &Self) -> Self {
        self.retry_after = other.retry_after;
        self.delay = other.delay;
        self
    }

    fn page(
        &self,
        request: &Received,
        parameter: &str,
        pattern: &Value,
        pages: &[Vec<Value>],
    ) -> (Self, bool) {
        let token = request.query(parameter).filter(|token| !token.is_empty());
        let index = token.map_or(Some(0), |token| {
            let number: usize = token.strip_prefix("mock-page-")?.parse().ok()?;
            number.checked_sub(1)
        });
        let found = index.filter(|index| *index < pages.len().max(1));
        let Some(index) = found else {
            let token = token.unwrap_or_default();
            let message = format!("the mock did not issue this {parameter}: {token:?}");
            return (Self::message(400, message), false);
        };
        let next = (index + 1 < pages.len()).then(|| format!("mock-page-{}", index + 2));
        let done = next.is_none();
        let mut body = pattern.clone();
        if let Some(page) = body.as_object_mut() {
            let items = pages.get(index).cloned().unwrap_or_default();
            page.insert("items".to_owned(), items.into());
            page.insert("next_page_token".to_owned(), json!(next));
        }
        (self.with(Body::Json(body)), done)
    }

    fn slice(&self, request: &Received, parameter: &str, pages: &[Vec<Value>]) -> (Self, bool) {
        let offset = request.query(parameter).and_then(|it| it.parse().ok());
        let offset = offset.unwrap_or(0);
        let mut start = 0;
        // A list that is read by offset ends with an empty page.
        let page = pages.iter().find(|page| {
            let found = start == offset;
            start += page.len();
            found
        });
        let done = page.is_none_or(Vec::is_empty);
        let items = page.cloned().unwrap_or_default();
        (self.with(Body::Json(items.into())), done)
    }

    fn respond(&self, request: &Received, responder: &Responder) -> Self {
        // If the panic were not caught, it would close the connection, and the client would not see the panic's message.
        let made = catch_unwind(AssertUnwindSafe(|| (responder.0)(request)));
        let mut made = made.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            let said = said.unwrap_or_default();
            Self::message(500, format!("the closure of `reply_by` panicked: {said}"))
        });
        made.delay = self.delay.or(made.delay);
        made
    }

    /// Replaces the placeholders with values from the request.
    pub(super) fn filled(mut self, request: &Received) -> Self {
        if let Body::Json(json) = &mut self.body {
            placeholder::fill(json, &|name| request.value_of(name));
        }
        self
    }
}
