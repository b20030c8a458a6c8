//! The error type of the whole crate, with methods to examine it.

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
/// The longest message that is printed on one line.
const LINE: usize = 400;
/// The maximum number of bytes of a request id that an error keeps.
const ID: usize = 128;
/// The text after a shortened body.
const CUT_OFF: &str = " (cut off)";

/// A failure of a client or a call.
///
/// It prints as one line, such as `listContexts: 404 Not Found: Org not found. (request 7f2c…)`, and never contains the
/// token.
///
/// CircleCI's statuses are ambiguous: a missing context answers 403, and a token without access may get 404.
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
/// All details of an answer that could not be read:
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
/// For most decisions, the methods in the example of [`Error`] are enough. The kind makes finer distinctions:
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
    /// The client cannot be built: there is no token, the host is invalid, …
    Configuration,
    /// An argument of the call is invalid. Nothing was sent.
    InvalidArgument,
    /// No connection: the request never left this machine, or the server says that it did not process it.
    Connect,
    /// The answer did not arrive in time.
    Timeout,
    /// The connection broke.
    Transport,
    /// A redirect that is not followed: it leads to another origin, the method is not GET or HEAD, or there were too many
    /// redirects.
    Redirect,
    /// A status other than success.
    Status,
    /// 429, or a wait for the rate limit that would exceed the call's time.
    RateLimited,
    /// A successful answer whose body does not match the document.
    Decode,
    /// A body larger than the client's limit.
    TooLarge,
    /// A list whose pages repeat, so that following it would never end.
    RepeatedPage,
    /// A file on this machine cannot be written, or its path leads out of the folder.
    File,
    /// CircleCI accepted the request, but failed later: a usage export.
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

    /// The body, or a long enough beginning of it. It is shortened after secrets are removed.
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

    /// A retry would fail in the same way.
    pub(crate) fn lasting(mut self) -> Self {
        self.0.lasting = true;
        self
    }

    /// A retry may succeed, although the kind does not say so.
    pub(crate) fn passing(mut self) -> Self {
        self.0.passing = true;
        self
    }

    /// A connection had the request, but the server did not process it. Another connection can take it at once.
    pub(crate) fn never_processed(mut self) -> Self {
        self.0.never_processed = true;
        self
    }

    pub(crate) fn was_never_processed(&self) -> bool {
        self.0.never_processed
    }

    /// Removes secrets from all text of the server or a library, and shortens the text afterwards: half a secret would not
    /// be found. Every failure of a call passes through here.
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

    /// The kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, if an answer arrived. For a successful answer that could not be decoded, it is a success status.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The message of the API or of this crate.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The `x-request-id` header. CircleCI's support asks for it.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The id of the operation, such as `listContexts`. For a call by [`Client::request`](crate::Client::request): its
    /// method and path, such as `GET /project/{project-slug}/brand-new`.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_ref().map(Identity::id)
    }

    /// The number of requests that were sent, including failed attempts to send.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The beginning of the body, at most 4 KiB, if there was a body. Bytes that are not UTF-8 are replaced.
    pub fn body_excerpt(&self) -> Option<&str> {
        let body = self.0.excerpt.as_deref()?;
        Some(&body[..body.floor_char_boundary_at(EXCERPT)])
    }

    /// The place in the JSON where the body is not as expected, such as `items[3].trigger.type`.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// 404: the thing does not exist, or the token has no access to it.
    pub fn is_not_found(&self) -> bool {
        self.0.status == Some(StatusCode::NOT_FOUND)
    }

    /// 401: the token is missing, wrong, or of the wrong kind.
    pub fn is_unauthorized(&self) -> bool {
        self.0.status == Some(StatusCode::UNAUTHORIZED)
    }

    /// 403: the token has no permission. CircleCI also answers 403 for some things that do not exist.
    pub fn is_forbidden(&self) -> bool {
        self.0.status == Some(StatusCode::FORBIDDEN)
    }

    /// 429, or a wait for the rate limit that would exceed the call's time.
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == ErrorKind::RateLimited
    }

    /// How long to wait before a retry: if the server said so, or if the wait for a rate limit would exceed the call's
    /// time.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The operation's deprecation, if the answer has one (`Deprecation`, `Sunset`).
    /// [`Deprecation`](crate::Deprecation) has an example.
    pub fn deprecation(&self) -> Option<Deprecation> {
        self.0.deprecation
    }

    /// The connection or the answer took too long.
    pub fn is_timeout(&self) -> bool {
        self.0.timeout
    }

    /// The same call may succeed later: a rate limit, a missing or broken connection, a timeout, 408, 500, 502, 503, 504 or
    /// 520 to 524, or an incomplete body of a request that is harmless to send again. A rejected certificate and a proxy
    /// that refuses are not transient. Whether sending a request again is harmless is another question: see
    /// [`Replay`](crate::Replay).
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

/// Whether the same call may succeed after this status.
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
            ErrorKind::Decode => "the body is not what was expected".into(),
            ErrorKind::TooLarge => "the body is too large".into(),
            ErrorKind::RepeatedPage => "the pages repeat".into(),
            ErrorKind::File => "the file cannot be written".into(),
            ErrorKind::Failed => "it has failed".into(),
        };
        if let Some(status) = error.status {
            // `404 Not Found` is enough. For the other kinds, the status gives context.
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

/// One line as well, because a `main` that returns the error prints this. `{:#?}` prints all details.
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

/// The message in a failed answer's body: `{message}`, `{error, context?}`, `{errors: [..]}`, plain text or a page's title.
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

fn message_in(json: &Value, depth: u8) -> Option<String> {
    match json {
        Value::String(text) => {
            let text = text.trim();
            // The message may be a JSON document in a string.
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

/// A request id in printable form.
pub(crate) fn short_id(id: &str) -> String {
    one_line(id, ID)
}

/// Makes text printable on one line: line breaks and control characters become spaces, runs of spaces become one, and long
/// text is shortened.
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

/// `str::floor_char_boundary`, which the oldest supported compiler does not have.
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
