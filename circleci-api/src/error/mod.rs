//! The error type of the whole crate.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::operation::Identity;
use crate::operation::deprecation::Deprecation;

pub(crate) mod redact;

use redact::Secrets;

/// The maximum number of bytes of a body that an error keeps.
const EXCERPT: usize = 4 * 1024;
/// The maximum number of bytes of a message or path that is printed on one line.
const LINE: usize = 400;
/// The maximum number of bytes of a request id that an error keeps.
const ID: usize = 128;
/// The text that marks a body as cut off.
const CUT_OFF: &str = " (cut off)";

/// The error that is returned if a call fails or a client cannot be built.
///
/// The error prints as one line, such as `listContexts: 404 Not Found: Org not found. (request 7f2c…)`, and never contains the
/// token.
///
/// CircleCI's statuses are ambiguous: a request for a context that does not exist gets 403, and a request with a token that
/// has no access may get 404.
///
#[doc = mock_example!()]
/// use circleci_api::Error;
///
/// /// What to tell the person who is waiting.
/// fn advice(error: &Error) -> String {
///     match error {
///         it if it.is_unauthorized() => "the token is not a valid one".into(),
///         it if it.is_forbidden() || it.is_not_found() => "not there, or not for this token".into(),
///         it if it.is_rate_limited() => format!("too many requests: wait {:?}", it.retry_after()),
///         it if it.is_timeout() || it.is_transient() => format!("try later: {it}"),
///         it => format!("{it}; CircleCI's support will want the request's id: {:?}", it.request_id()),
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// # use std::time::Duration;
/// # use circleci_api::{mock::Mock, operations::GetCurrentUser};
/// # let server = Mock::start().await;
/// # server.on::<GetCurrentUser>().status(401, "You must log in first.").status(403, "Forbidden").status(404, "Not found")
/// #     .rate_limited(Duration::from_secs(30)).status(502, "Bad gateway").status(400, "Bad request");
/// # let circleci = server.client_builder().no_retries().build()?;
/// # for expected in ["the token is", "not there", "not there", "too many requests: wait Some(30s)",
/// #     "try later: getCurrentUser: 502 Bad Gateway: Bad gateway", "getCurrentUser: 400 Bad Request: Bad request (request 5a1c7e00-0000-4000-8000-000000000006); CircleCI"] {
/// #     let error = circleci.get_current_user().send().await.unwrap_err();
/// #     assert!(advice(&error).starts_with(expected), "{}", advice(&error));
/// # }
/// # Ok(()) }
/// ```
///
/// This example shows all details of the error for a response that could not be decoded:
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{ErrorKind, mock::Mock, operations::ListContexts};
/// # let server = Mock::start().await;
/// # server.on::<ListContexts>().raw(200, r#"{ "items": [{ "id": 7 }] }"#);
/// # let error = server.client().list_contexts().send().await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Decode);
/// assert_eq!(error.operation(), Some("listContexts"));
/// assert_eq!(error.attempts(), 1);
/// assert!(error.status().is_some_and(|status| status.is_success()));
/// assert_eq!(error.path(), Some("items[0].id"));
/// assert_eq!(error.body_excerpt(), Some(r#"{ "items": [{ "id": 7 }] }"#));
/// assert!(error.message().is_some_and(|message| message.starts_with("invalid type: integer `7`")));
/// # Ok(()) }
/// ```
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    operation: Option<Identity>,
    status: Option<StatusCode>,
    message: Option<String>,
    path: Option<String>,
    request_id: Option<String>,
    excerpt: Option<String>,
    attempts: u32,
    retry_after: Option<Duration>,
    deprecation: Option<Deprecation>,
    timeout: bool,
    lasting: bool,
    passing: bool,
    never_processed: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
///
/// For most decisions, the methods in the example of [`Error`] are enough. The kind distinguishes more cases:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// use circleci_api::{Client, ErrorKind};
///
/// let circleci = Client::builder().token("abc").build()?;
/// let code = match circleci.get_project_by_slug("not-a-slug").send().await {
///     Ok(_) => 0,
///     Err(error) if matches!(error.kind(), ErrorKind::Configuration | ErrorKind::InvalidArgument) => 2, // called wrongly
///     Err(_) => 1,
/// };
/// assert_eq!(code, 2);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client cannot be built, for example because there is no token or because the host is invalid.
    Configuration,
    /// An argument of the call is invalid. Nothing was sent.
    InvalidArgument,
    /// The request was not processed. Either no connection took it, so that it never left this machine, or the server
    /// reported that it did not process the request.
    Connect,
    /// The response did not arrive in time.
    Timeout,
    /// The connection broke.
    Transport,
    /// A redirect was not followed, for example because it leads to another origin, because the method is not GET or HEAD, or
    /// because there were too many redirects.
    Redirect,
    /// The response has an unexpected status other than 429.
    Status,
    /// CircleCI answered 429, or the wait for a rate limit would exceed the call's deadline.
    RateLimited,
    /// The response has a success status, but its body does not match CircleCI's document.
    Decode,
    /// The body is larger than the client's limit.
    TooLarge,
    /// The pages of a list repeat, so reading the list would never end.
    RepeatedPage,
    /// A file on this machine cannot be written, or its path leads outside the folder.
    File,
    /// CircleCI accepted the request, but the work failed later. Only usage exports fail in this way.
    Failed,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            operation: None,
            status: None,
            message: None,
            path: None,
            request_id: None,
            excerpt: None,
            attempts: 0,
            retry_after: None,
            deprecation: None,
            timeout: kind == ErrorKind::Timeout,
            lasting: false,
            passing: false,
            never_processed: false,
            source: None,
        }))
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration).with_message(message)
    }

    pub(crate) fn argument(operation: impl Into<Identity>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument)
            .with_operation(operation)
            .with_message(message)
    }

    pub(crate) fn with_operation(mut self, operation: impl Into<Identity>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.0.path = Some(path);
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<Cow<'_, str>>) -> Self {
        self.0.request_id = id.map(Cow::into_owned);
        self
    }

    /// Sets the excerpt to the whole body, or to a beginning of the body that has at least the length of an excerpt.
    /// [`without`](Self::without) first removes the secrets and then shortens the excerpt.
    pub(crate) fn with_excerpt(mut self, body: String) -> Self {
        self.0.excerpt = Some(body).filter(|body| !body.is_empty());
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn with_deprecation(mut self, deprecation: Option<Deprecation>) -> Self {
        self.0.deprecation = deprecation;
        self
    }

    pub(crate) fn timed_out(mut self) -> Self {
        self.0.timeout = true;
        self
    }

    /// Marks the error as not transient, because a retry would fail in the same way.
    pub(crate) fn lasting(mut self) -> Self {
        self.0.lasting = true;
        self
    }

    /// Marks the error as transient, although most errors of its kind are not.
    pub(crate) fn passing(mut self) -> Self {
        self.0.passing = true;
        self
    }

    /// Records that the server certainly did not process the request: it was not written, or the server says so. The client can
    /// send such a request again at once, on another connection.
    pub(crate) fn never_processed(mut self) -> Self {
        self.0.never_processed = true;
        self
    }

    pub(crate) fn was_never_processed(&self) -> bool {
        self.0.never_processed
    }

    /// Removes secrets from all text that comes from the server or a library. The text is shortened only afterwards, because
    /// half a secret would not be found. The error of every failed call passes through this method.
    pub(crate) fn without(mut self, secrets: &Secrets) -> Self {
        let hide = |text: String| secrets.hide(&text).into_owned();
        self.0.message = self
            .0
            .message
            .map(|message| match message.strip_suffix(CUT_OFF) {
                Some(message) => format!("{}{CUT_OFF}", secrets.hide_in_part(message)),
                None => hide(message),
            });
        self.0.path = self.0.path.map(hide);
        self.0.request_id = self.0.request_id.map(|id| short_id(&hide(id)));
        self.0.excerpt = self.0.excerpt.map(|body| {
            let mut body = secrets.hide_in_part(&body).into_owned();
            body.truncate(body.floor_char_boundary_at(EXCERPT));
            body
        });
        let mut source = StdError::source(&self);
        while let Some(one) = source {
            if secrets.are_in(&format!("{one} {one:?}")) {
                self.0.source = None;
                break;
            }
            source = one.source();
        }
        self
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the HTTP status, if a response arrived. If the response was successful but its body could not be decoded, the
    /// returned status is a success (such as 200).
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the message, which comes from CircleCI or from this crate.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Returns the request id from the `x-request-id` header. CircleCI's support asks for this id.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the id of the operation, such as `listContexts`. For a call with [`Client::request`](crate::Client::request),
    /// returns the HTTP method and the path, such as `GET /project/{project-slug}/brand-new`.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_ref().map(Identity::id)
    }

    /// Returns the number of attempts, including attempts whose request could not be sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the beginning of the response's body (at most 4 KiB), if there was a body. Bytes that are not UTF-8 are replaced.
    pub fn body_excerpt(&self) -> Option<&str> {
        let body = self.0.excerpt.as_deref()?;
        Some(&body[..body.floor_char_boundary_at(EXCERPT)])
    }

    /// Returns the place in the JSON body that could not be decoded, such as `items[3].trigger.type`.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Checks for the status 404: the object does not exist, or the token has no access to it.
    pub fn is_not_found(&self) -> bool {
        self.0.status == Some(StatusCode::NOT_FOUND)
    }

    /// Checks for the status 401: the token is missing, wrong, or of the wrong kind.
    pub fn is_unauthorized(&self) -> bool {
        self.0.status == Some(StatusCode::UNAUTHORIZED)
    }

    /// Checks for the status 403: the token lacks the permission. CircleCI also answers 403 for some objects that do not exist.
    pub fn is_forbidden(&self) -> bool {
        self.0.status == Some(StatusCode::FORBIDDEN)
    }

    /// Checks whether CircleCI answered 429, or whether the wait for a rate limit would exceed the call's deadline.
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == ErrorKind::RateLimited
    }

    /// Returns how long to wait before a retry. The wait is known if the server asked for one, or if the wait for a rate limit
    /// would exceed the call's deadline.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the operation's deprecation, if the response announces it in the header `Deprecation` or `Sunset`.
    /// [`Deprecation`](crate::Deprecation) has an example.
    pub fn deprecation(&self) -> Option<Deprecation> {
        self.0.deprecation
    }

    /// Checks whether the connection or the response took too long.
    pub fn is_timeout(&self) -> bool {
        self.0.timeout
    }

    /// Checks whether the same call may succeed later. These failures are transient:
    ///
    /// - a rate limit;
    /// - a missing or broken connection, or a timeout;
    /// - the statuses 408, 500, 502, 503, 504, and 520 to 524;
    /// - an incomplete response body, if sending the request again is harmless.
    ///
    /// A rejected certificate and a proxy that refuses to connect are not transient. [`Replay`](crate::Replay) describes which
    /// requests are harmless to send again.
    pub fn is_transient(&self) -> bool {
        !self.0.lasting
            && match self.0.kind {
                ErrorKind::Connect
                | ErrorKind::Timeout
                | ErrorKind::Transport
                | ErrorKind::RateLimited => true,
                ErrorKind::Status => self.0.status.is_some_and(is_transient),
                _ => self.0.passing,
            }
    }
}

/// Checks whether a call that got a response with this status may succeed later.
fn is_transient(status: StatusCode) -> bool {
    // Cloudflare sends 520 to 524 if the server behind it cannot be reached.
    matches!(
        status.as_u16(),
        408 | 429 | 500 | 502 | 503 | 504 | 520..=524
    )
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &*self.0;
        if let Some(operation) = self.operation() {
            write!(f, "{operation}: ")?;
        }
        let mut what: Cow<'static, str> = match error.kind {
            ErrorKind::Configuration => "cannot set up the client".into(),
            ErrorKind::InvalidArgument => "invalid argument".into(),
            ErrorKind::Connect => "cannot connect".into(),
            ErrorKind::Timeout => "timed out".into(),
            ErrorKind::Transport => "the connection broke".into(),
            ErrorKind::Redirect => "redirect not followed".into(),
            ErrorKind::Status => "unexpected answer".into(),
            ErrorKind::RateLimited => "rate limited".into(),
            ErrorKind::Decode => "the body could not be decoded".into(),
            ErrorKind::TooLarge => "the body is too large".into(),
            ErrorKind::RepeatedPage => "the pages repeat".into(),
            ErrorKind::File => "the file cannot be written".into(),
            ErrorKind::Failed => "CircleCI could not complete it".into(),
        };
        if let Some(status) = error.status {
            // For the kinds `Status` and `RateLimited`, the status says enough (for example, `404 Not Found`). For the other
            // kinds, the status is only context.
            let status = match status.canonical_reason() {
                Some(reason) => format!("{} {reason}", status.as_u16()),
                None => status.as_u16().to_string(),
            };
            what = match error.kind {
                ErrorKind::Status | ErrorKind::RateLimited => status.into(),
                _ => format!("{status}, but {what}").into(),
            };
        }
        f.write_str(&what)?;
        if let Some(path) = &error.path {
            write!(f, ": {}", one_line(path, LINE))?;
        }
        if let Some(message) = &error.message {
            write!(f, ": {}", one_line(message, LINE))?;
        }
        let mut aside = Vec::new();
        if let Some(id) = &error.request_id {
            aside.push(format!("request {}", short_id(id)));
        }
        if error.attempts > 1 {
            aside.push(format!("{} attempts", error.attempts));
        }
        if let Some(wait) = error.retry_after {
            aside.push(format!("retry after {} s", wait.as_secs_f64().ceil()));
        }
        if !aside.is_empty() {
            write!(f, " ({})", aside.join(", "))?;
        }
        Ok(())
    }
}

/// `{:?}` prints the same line as `{}`, because Rust uses `{:?}` to print an error that `main` returns. `{:#?}` prints all
/// details.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let error = &*self.0;
        f.debug_struct("Error")
            .field("kind", &error.kind)
            .field("operation", &self.operation())
            .field("status", &error.status)
            .field("message", &error.message)
            .field("path", &error.path)
            .field("request_id", &error.request_id)
            .field("attempts", &error.attempts)
            .field("retry_after", &error.retry_after)
            .field("deprecation", &error.deprecation)
            .field("body_excerpt", &self.body_excerpt())
            .field("source", &error.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

/// Returns the message in the body of a failed response. A JSON body has the form `{message}`, `{error, context?}` or
/// `{errors: [..]}`. A plain text is the message itself. The message of an HTML page is its title.
pub(crate) fn message_of(body: &str) -> Option<String> {
    let body = body.trim();
    if body.is_empty() {
        return None;
    }
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        return message_in(&json, 3);
    }
    let lower = body[..body.floor_char_boundary_at(1024)].to_ascii_lowercase();
    if lower.starts_with('<') {
        return Some(
            match between(body, &lower, "<title>", "</title>")
                .or_else(|| between(body, &lower, "<h1>", "</h1>"))
            {
                Some(title) => format!("{title} (an HTML page)"),
                None => "an HTML page".to_owned(),
            },
        );
    }
    if body.starts_with(['{', '[']) {
        return Some(format!("{body}{CUT_OFF}"));
    }
    Some(body.to_owned())
}

/// Marks a message whose end did not arrive. It may end with a part of a secret.
pub(crate) fn cut_off(message: String) -> String {
    match message.ends_with(CUT_OFF) {
        true => message,
        false => message + CUT_OFF,
    }
}

fn message_in(json: &Value, depth: u8) -> Option<String> {
    match json {
        Value::String(text) => {
            let text = text.trim();
            // The string may contain a JSON document that contains the message.
            if depth > 0
                && text.starts_with(['{', '[', '"'])
                && let Ok(inner) = serde_json::from_str::<Value>(text)
                && let Some(message) = message_in(&inner, depth - 1)
            {
                return Some(message);
            }
            (!text.is_empty()).then(|| text.to_owned())
        }
        Value::Object(fields) => {
            if let Some(message) = fields
                .get("message")
                .and_then(|message| message_in(message, depth.checked_sub(1)?))
            {
                return Some(message);
            }
            if let Some(error) = fields
                .get("error")
                .and_then(|error| message_in(error, depth.checked_sub(1)?))
            {
                return Some(match fields.get("context") {
                    Some(Value::String(context)) if !context.is_empty() => {
                        format!("{error}: {context}")
                    }
                    Some(context @ (Value::Object(_) | Value::Array(_))) => {
                        format!("{error}: {context}")
                    }
                    _ => error,
                });
            }
            if let Some(message) = fields
                .get("errors")
                .and_then(|errors| message_in(errors, depth.checked_sub(1)?))
            {
                return Some(message);
            }
            (!fields.is_empty()).then(|| json.to_string())
        }
        Value::Array(items) => {
            let messages: Vec<_> = items
                .iter()
                .filter_map(|item| message_in(item, depth.checked_sub(1)?))
                .collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        }
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn between<'t>(text: &'t str, lower: &str, open: &str, close: &str) -> Option<&'t str> {
    let from = lower.find(open)? + open.len();
    let to = from + lower[from..].find(close)?;
    let found = text[from..to].trim();
    (!found.is_empty()).then_some(found)
}

/// Shortens a request id and makes it printable.
pub(crate) fn short_id(id: &str) -> String {
    one_line(id, ID)
}

/// Makes text printable on one line. Replaces line breaks and control characters with spaces, merges runs of spaces, and
/// shortens long text.
fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit + 4));
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > limit {
            line.truncate(line.floor_char_boundary_at(limit));
            line.push('…');
            break;
        }
    }
    line
}

/// A replacement for `str::floor_char_boundary`, which the oldest supported compiler does not have.
trait FloorCharBoundary {
    fn floor_char_boundary_at(&self, limit: usize) -> usize;
}

impl FloorCharBoundary for str {
    fn floor_char_boundary_at(&self, limit: usize) -> usize {
        if limit >= self.len() {
            return self.len();
        }
        (0..=limit)
            .rev()
            .find(|index| self.is_char_boundary(*index))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small_and_goes_everywhere() {
        fn goes<T: StdError + Send + Sync + 'static>() {}
        goes::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn whatever_the_body_is_it_says_what_it_can() {
        for (body, message) in [
            (r#"{"message":"Org not found."}"#, Some("Org not found.")),
            (r#"{"message":"{\"message\":\"inner\"}"}"#, Some("inner")),
            (r#"{"message":"{\"error\":\"inner\"}"}"#, Some("inner")),
            (r#"{"message":"{not json"}"#, Some("{not json")),
            (r#"{"message":{"a":1}}"#, Some(r#"{"a":1}"#)),
            (r#"{"message":null}"#, Some(r#"{"message":null}"#)),
            (r#"{"error":"no such policy"}"#, Some("no such policy")),
            (r#"{"error":"bad","context":"line 3"}"#, Some("bad: line 3")),
            (
                r#"{"error":"bad","context":{"line":3}}"#,
                Some(r#"bad: {"line":3}"#),
            ),
            (
                r#"{"errors":[{"message":"a"},{"message":"b"}]}"#,
                Some("a; b"),
            ),
            (r#""just a string""#, Some("just a string")),
            (r#"{"other":1}"#, Some(r#"{"other":1}"#)),
            ("{}", None),
            ("[]", None),
            ("null", None),
            ("", None),
            (" \r\n", None),
            ("Rate limited.", Some("Rate limited.")),
            (
                "<html><head><TITLE>502 Bad\nGateway</TITLE></head>",
                Some("502 Bad\nGateway (an HTML page)"),
            ),
            ("<html><h1>oops</h1>", Some("oops (an HTML page)")),
            ("<!doctype html><p>", Some("an HTML page")),
            (
                r#"{"message":"Org no"#,
                Some(r#"{"message":"Org no (cut off)"#),
            ),
        ] {
            assert_eq!(message_of(body).as_deref(), message, "{body}");
        }
    }

    #[test]
    fn nested_strings_do_not_nest_for_ever() {
        let mut body = "\"end\"".to_owned();
        for _ in 0..12 {
            body = serde_json::to_string(&serde_json::json!({ "message": body })).unwrap();
        }
        assert!(message_of(&body).is_some());
    }

    #[test]
    fn it_prints_on_one_bounded_line() {
        let long = "ü\n\t ".repeat(1000);
        let error = Error::new(ErrorKind::Status)
            .with_status(StatusCode::BAD_GATEWAY)
            .with_message(long)
            .with_request_id(Some("a\r\nb".into()))
            .with_attempts(3)
            .with_excerpt("ü".repeat(5000));
        let line = error.to_string();
        assert!(!line.contains(['\n', '\r']), "{line}");
        assert!(line.len() < 500, "{line}");
        assert!(line.ends_with("… (request a b, 3 attempts)"), "{line}");
        assert!(error.body_excerpt().unwrap().len() <= EXCERPT);
    }
}
