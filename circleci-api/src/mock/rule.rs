//! Rules, which choose the answer to each request.

use std::fmt;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::answer::Answer;
use super::received::Received;
use super::route::{self, Params};
use crate::operation::Operation;
use crate::values::slug::ProjectSlug;

/// A rule that chooses the answers to some requests. Either a test configured it for one operation or one path, or it belongs to
/// a scenario and covers all requests that the scenario serves.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) target: Target,
    pub(super) conditions: Vec<Condition>,
    pub(super) answers: Vec<Answer>,
    /// The number of requests that the rule has answered.
    pub(super) came: usize,
    /// The index in `answers` of the answer to the next request.
    next: usize,
}

#[derive(Debug)]
pub(super) enum Target {
    Operation(&'static Operation),
    /// A method and a path template. The API may have no operation for them.
    Path {
        method: Method,
        template: String,
    },
    Scenario {
        /// Tells whether the scenario has a handler for the request.
        serves: Predicate,
        /// Tells whether this scenario contains the requested object. A mock may have several scenarios, and the one with the
        /// object answers.
        knows: Predicate,
    },
}

/// A yes-or-no question about a request.
pub(super) struct Predicate(pub(super) Arc<dyn Fn(&Received) -> bool + Send + Sync>);

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate(..)")
    }
}

#[derive(Debug)]
pub(super) enum Condition {
    Path(String, String),
    Project(ProjectSlug),
    /// The query parameter has this value. With `None`, the parameter must be absent.
    Query(String, Option<String>),
    Body(Value),
}

impl Rule {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            conditions: Vec::new(),
            answers: Vec::new(),
            came: 0,
            next: 0,
        }
    }

    /// Describes the rule in words, such as `listContexts with owner-slug = "gh/acme"`.
    pub(super) fn describe(&self) -> String {
        let target = match &self.target {
            Target::Operation(operation) => operation.id.to_owned(),
            Target::Path { method, template } => format!("{method} {template}"),
            Target::Scenario { .. } => "the scenario".to_owned(),
        };
        let conditions: Vec<String> = self.conditions.iter().map(Condition::describe).collect();
        match conditions.is_empty() {
            true => target,
            false => format!("{target} with {}", conditions.join(" and ")),
        }
    }

    /// Returns `Some` if the rule matches the request. The inner `Option` holds the request's path parameters. It is `None` if
    /// the rule has no path template of its own.
    pub(super) fn matches(&self, request: &Received) -> Option<Option<Params>> {
        let params = match &self.target {
            Target::Operation(operation) => {
                let same = request.operation.is_some_and(|it| it.id == operation.id);
                same.then_some(None)?
            }
            Target::Path { method, template } => {
                let same = *method == request.method;
                let params = same.then(|| route::params(template, request.plain_path()))?;
                Some(params?)
            }
            Target::Scenario { serves, .. } => (serves.0)(request).then_some(None)?,
        };
        let holds = |request: &Received| self.conditions.iter().all(|it| it.holds(request));
        match &params {
            Some(params) => holds(&request.with_params(params)),
            None => holds(request),
        }
        .then_some(params)
    }

    /// Checks whether the scenario contains the requested object. Returns true for rules that are not scenarios.
    pub(super) fn knows(&self, request: &Received) -> bool {
        match &self.target {
            Target::Scenario { knows, .. } => (knows.0)(request),
            _ => true,
        }
    }

    /// Checks whether the rule belongs to a scenario that generates the requested file.
    pub(super) fn makes_files(&self, request: &Received) -> bool {
        matches!(&self.target, Target::Scenario { knows, .. } if (knows.0)(request))
    }

    /// Checks whether the rule's answers come from a test. In that case, the mock does not validate the requests that the rule
    /// answers.
    pub(super) fn is_taught(&self) -> bool {
        !matches!(self.target, Target::Scenario { .. }) && !self.answers.is_empty()
    }

    pub(super) fn answer(&mut self, request: &Received) -> Answer {
        self.came += 1;
        let last = self.answers.len().saturating_sub(1);
        let Some(answer) = self.answers.get(self.next.min(last)) else {
            return match (&self.target, request.operation) {
                (Target::Operation(operation), _) => Answer::example(operation),
                (_, Some(operation)) => Answer::example(operation),
                _ => Answer::message(501, "the mock has no example"),
            };
        };
        let (answer, done) = answer.to_request(request);
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

/// Checks whether two values are equal. UUIDs are equal if they differ only in notation.
pub(super) fn is_same(one: &str, other: &str) -> bool {
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
