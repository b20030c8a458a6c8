//! The server: finds the operation and the rule of a request, and answers.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::received::Received;
use super::route;
use crate::operation::Operation;
use crate::values::slug::ProjectSlug;

#[derive(Debug, Default)]
pub(super) struct State(Mutex<Inner>);

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) rules: Vec<Rule>,
    pub(super) received: Vec<Received>,
    pub(super) strict: bool,
    scenarios: u16,
    /// What is in storage, by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl State {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was said of an operation.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) operation: &'static Operation,
    pub(super) conditions: Vec<Condition>,
    pub(super) knows: Option<Knows>,
    pub(super) answers: Vec<Answer>,
    /// How many requests were for it.
    pub(super) came: usize,
    /// Which answer is next.
    next: usize,
}

#[derive(Debug)]
pub(super) enum Condition {
    Path(&'static str, String),
    Project(ProjectSlug),
    /// With this value, or not there at all.
    Query(&'static str, Option<String>),
    Body(Value),
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: u16,
    body: Body,
    /// From the document, and nobody has said it.
    example: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) delay: Option<Duration>,
}

/// Whether what a request asks for is there.
pub(super) struct Knows(pub(super) Arc<dyn Fn(&Received) -> bool + Send + Sync>);

impl fmt::Debug for Knows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Knows(..)")
    }
}

/// Makes up an answer when the request is there.
#[derive(Clone)]
pub(super) struct Made(pub(super) Arc<dyn Fn(&Received) -> Answer + Send + Sync>);

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made(..)")
    }
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Empty,
    Made(Made),
    Json(Value),
    Text(String),
    File(Vec<u8>),
    /// The connection is closed.
    Cut,
    /// Pages by token, made after a pattern.
    Pages {
        parameter: &'static str,
        pattern: Value,
        pages: Vec<Vec<Value>>,
    },
    /// Pages by offset.
    Slices {
        parameter: &'static str,
        pages: Vec<Vec<Value>>,
    },
}

impl Rule {
    pub(super) fn new(operation: &'static Operation) -> Self {
        Self {
            operation,
            conditions: Vec::new(),
            knows: None,
            answers: Vec::new(),
            came: 0,
            next: 0,
        }
    }

    /// `listContexts with owner-slug = "gh/acme"`
    pub(super) fn describe(&self) -> String {
        let conditions: Vec<String> = self.conditions.iter().map(Condition::describe).collect();
        match conditions.is_empty() {
            true => self.operation.id.to_owned(),
            false => format!("{} with {}", self.operation.id, conditions.join(" and ")),
        }
    }

    fn is_for(&self, request: &Received) -> bool {
        request
            .operation
            .is_some_and(|operation| operation.id == self.operation.id)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(request))
    }

    fn knows(&self, request: &Received) -> bool {
        let knows = self.knows.as_ref();
        knows.is_none_or(|Knows(knows)| knows(request))
    }

    fn answer(&mut self, request: &Received) -> Answer {
        self.came += 1;
        let last = self.answers.len().saturating_sub(1);
        let Some(answer) = self.answers.get(self.next.min(last)) else {
            return Answer::example(self.operation);
        };
        let (answer, done) = answer.clone().paged(request);
        if done {
            self.next += 1;
        }
        answer
    }
}

impl Condition {
    fn describe(&self) -> String {
        match self {
            Self::Path(name, value) => format!("{name} = {value:?}"),
            Self::Project(slug) => format!("project \"{slug}\""),
            Self::Query(name, Some(value)) => format!("{name} = {value:?}"),
            Self::Query(name, None) => format!("no {name}"),
            Self::Body(part) => format!("{part} in the body"),
        }
    }

    fn holds(&self, request: &Received) -> bool {
        match self {
            Self::Path(name, value) => request
                .path(name)
                .is_some_and(|given| is_same(given, value)),
            Self::Project(slug) => request.is_of(slug),
            Self::Query(name, Some(value)) => request
                .query
                .iter()
                .any(|(known, given)| known == name && is_same(given, value)),
            Self::Query(name, None) => request.query(name).is_none(),
            Self::Body(part) => request.json().is_some_and(|body| contains(body, part)),
        }
    }
}

/// An id is the same however it is written.
fn is_same(one: &str, other: &str) -> bool {
    one == other || Uuid::try_parse(one).is_ok_and(|one| Uuid::try_parse(other) == Ok(one))
}

fn contains(body: &Value, part: &Value) -> bool {
    match (body, part) {
        (Value::Object(body), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| body.get(key).is_some_and(|value| contains(value, part))),
        (Value::Array(body), Value::Array(part)) => {
            body.len() == part.len()
                && body
                    .iter()
                    .zip(part)
                    .all(|(body, part)| contains(body, part))
        }
        (body, part) => body == part,
    }
}

impl Answer {
    pub(super) fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            body,
            example: false,
            retry_after: None,
            delay: None,
        }
    }

    /// What the document gives as an example.
    pub(super) fn example(operation: &Operation) -> Self {
        let Some(reply) = route::reply(operation) else {
            return Self::message(501, "the mock has no example");
        };
        match serde_json::from_str(reply.body) {
            Ok(Value::Null) | Err(_) => Self::new(reply.status, Body::Empty),
            Ok(body) => Self {
                example: true,
                ..Self::new(reply.status, Body::Json(body))
            },
        }
    }

    pub(super) fn message(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, Body::Json(json!({ "message": message.into() })))
    }

    /// The page that the request is for, and whether it is the last one.
    fn paged(mut self, request: &Received) -> (Self, bool) {
        let (body, done) = match self.body {
            Body::Pages {
                parameter,
                mut pattern,
                pages,
            } => {
                let token = request.query(parameter).filter(|token| !token.is_empty());
                let index = token.map_or(Some(0), |token| {
                    token
                        .strip_prefix("mock-page-")?
                        .parse::<usize>()
                        .ok()?
                        .checked_sub(1)
                });
                let count = pages.len();
                let Some((index, items)) = index
                    .and_then(|index| Some((index, pages.into_iter().nth(index)?)))
                    .or((count == 0).then(|| (0, Vec::new())))
                else {
                    return (
                        Self::message(
                            400,
                            format!(
                                "the mock has given no such {parameter}: {:?}",
                                token.unwrap_or_default()
                            ),
                        ),
                        false,
                    );
                };
                let next = (index + 1 < count).then(|| format!("mock-page-{}", index + 2));
                if let Some(page) = pattern.as_object_mut() {
                    page.insert("items".to_owned(), items.into());
                    page.insert("next_page_token".to_owned(), json!(next));
                }
                (Body::Json(pattern), next.is_none())
            }
            Body::Slices { parameter, pages } => {
                let offset = request
                    .query(parameter)
                    .and_then(|offset| offset.parse().ok())
                    .unwrap_or(0);
                let mut start = 0;
                // An empty page is the end of such a list.
                let page = pages.into_iter().find(|page| {
                    let found = start == offset;
                    start += page.len();
                    found
                });
                let done = page.as_ref().is_none_or(Vec::is_empty);
                (Body::Json(page.unwrap_or_default().into()), done)
            }
            Body::Made(Made(make)) => {
                let delay = self.delay;
                // A panic would close the connection, and nobody would see why.
                let made = catch_unwind(AssertUnwindSafe(|| make(request)));
                let mut made = made.unwrap_or_else(|panic| {
                    let said = panic.downcast_ref::<String>().map(String::as_str);
                    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                    let said = said.unwrap_or_default();
                    Self::message(500, format!("the closure of `reply_by` panicked: {said}"))
                });
                made.delay = delay.or(made.delay);
                return (made, true);
            }
            body => (body, true),
        };
        self.body = body;
        (self, done)
    }

    fn template(self) -> ResponseTemplate {
        let mut response = ResponseTemplate::new(self.status);
        response = match self.body {
            Body::Json(value) => response.set_body_json(value),
            Body::Text(text) => response.set_body_string(text),
            Body::File(bytes) => response.set_body_raw(bytes, "application/octet-stream"),
            Body::Empty | Body::Cut | Body::Made(_) | Body::Pages { .. } | Body::Slices { .. } => {
                response
            }
        };
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never fewer than asked for.
            response = response.insert_header("retry-after", wait.as_secs_f64().ceil().to_string());
        }
        match self.delay {
            Some(delay) => response.set_delay(delay),
            None => response,
        }
    }
}

impl Inner {
    /// That of one more scenario.
    pub(super) fn place(&mut self) -> u16 {
        let place = self.scenarios;
        self.scenarios = (place + 1) % 0x4000;
        place
    }

    /// Notes the request and says what to answer.
    fn answer(&mut self, request: &Request) -> Answer {
        if let Some(file) = request.url.path().strip_prefix(FILES) {
            return self.stored(file);
        }
        let received = received(request);
        let credential = ["circle-token", "authorization"]
            .iter()
            .any(|name| request.headers.contains_key(*name));
        let rules = self.rules.iter_mut().filter(|rule| rule.is_for(&received));
        // Of equals the last one: what was said last counts.
        let rule = rules.max_by_key(|rule| rule.knows(&received));
        let mut answer = match (received.operation, rule) {
            _ if !credential => Answer::message(401, "You must log in first."),
            (None, _) => Answer::message(
                404,
                format!(
                    "the API has no operation {} {}",
                    received.method, received.target
                ),
            ),
            (_, Some(rule)) => rule.answer(&received),
            (Some(_), None) if self.strict => {
                Answer::message(501, format!("nobody has said what to answer to {received}"))
            }
            (Some(operation), None) => Answer::example(operation),
        };
        if answer.example && received.operation.is_some_and(leads_to_files) {
            let host = request.headers.get("host").and_then(|it| it.to_str().ok());
            if let Body::Json(json) = &mut answer.body {
                at_home(json, &format!("http://{}{FILES}", host.unwrap_or_default()));
            }
        }
        self.received.push(received);
        answer
    }

    /// A file that nobody has stored holds its own name.
    fn stored(&self, path: &str) -> Answer {
        let name = percent_decode_str(path).decode_utf8_lossy();
        let contents = self.files.get(&*name).cloned();
        Answer::new(
            200,
            Body::File(contents.unwrap_or_else(|| name.as_bytes().to_vec())),
        )
    }
}

/// Where files are, as storage has them: they need no token, and nothing of the API is there.
const FILES: &str = "/files/";

/// The URL of a file below where the server is.
pub(super) fn file_url(server: &str, path: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'.')
        .remove(b'-')
        .remove(b'_');
    format!("{server}{FILES}{}", utf8_percent_encode(path, ENCODED))
}

fn leads_to_files(operation: &Operation) -> bool {
    ["getJobArtifacts", "createUsageExport", "getUsageExport"].contains(&operation.id)
}

/// The address that examples have is nobody's: no test is to ask there.
fn at_home(json: &mut Value, files: &str) {
    match json {
        Value::String(text) if text == "https://example.com/" => *text = format!("{files}example"),
        Value::Array(list) => list.iter_mut().for_each(|it| at_home(it, files)),
        Value::Object(map) => map.values_mut().for_each(|it| at_home(it, files)),
        _ => {}
    }
}

fn received(request: &Request) -> Received {
    let url = &request.url;
    let found = route::find(&request.method, url.path());
    let (operation, params) = found.map_or((None, Vec::new()), |(operation, params)| {
        (Some(operation), params)
    });
    Received {
        operation,
        method: request.method.clone(),
        target: url.query().map_or(url.path().to_owned(), |query| {
            format!("{}?{query}", url.path())
        }),
        query: url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        json: serde_json::from_slice(&request.body).ok(),
        body: request.body.clone(),
        params,
    }
}

/// Answers all requests. wiremock decides by matching whether a request is answered or its connection closed, so that the
/// matcher makes up the answer, and the responder hands it out; it has one request at a time.
#[derive(Clone)]
struct Desk {
    state: Arc<State>,
    made: Arc<Mutex<Option<Answer>>>,
}

impl wiremock::Match for Desk {
    fn matches(&self, request: &Request) -> bool {
        let answer = self.state.lock().answer(request);
        let cut = matches!(answer.body, Body::Cut);
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        cut
    }
}

impl Respond for Desk {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let answer = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        answer
            .unwrap_or_else(|| Answer::message(500, "the mock has lost its answer"))
            .template()
    }
}

pub(super) async fn start(state: Arc<State>) -> MockServer {
    let desk = Desk {
        state,
        made: Arc::default(),
    };
    let server = MockServer::builder()
        .disable_request_recording()
        .start()
        .await;
    let cut = |_: &Request| io::Error::from(io::ErrorKind::ConnectionReset);
    server
        .register(
            Mock::given(desk.clone())
                .respond_with_err(cut)
                .with_priority(1),
        )
        .await;
    server
        .register(
            Mock::given(wiremock::matchers::any())
                .respond_with(desk)
                .with_priority(2),
        )
        .await;
    server
}
