//! Stubs. A test uses them to choose the answers to requests.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, Body, Refusal, Responder, checked};
use super::received::{self, Received, requests};
use super::rule::{Condition, Rule, Target};
use super::state::State;
use super::{example, route};
use crate::lists::page::{Page, Paged};
use crate::request::{Cursor, Kind};
use crate::values::argument::{PathValue, QueryValue};
use crate::values::slug::ProjectSlug;

/// The answers that a test configures for one operation of a [`Mock`](super::Mock).
///
/// First select the requests, then add the replies. Each of these methods changes the mock immediately. Each matching request
/// gets the next reply. When all replies have been used, the last one is repeated. A stub without replies answers with the
/// [example](super::example) of the operation.
///
/// ```
/// # use circleci_api::{mock::Mock, operations::GetWorkflowById, types::WorkflowStatus};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let circleci = Mock::start().await;
/// circleci
///     .on::<GetWorkflowById>()
///     .reply_with(|workflow| workflow.status = Some(WorkflowStatus::Running))
///     .cut()
///     .reply_with(|workflow| workflow.status = Some(WorkflowStatus::Success));
/// # let get = circleci.client().get_workflow_by_id("fda08377-fe7e-46b1-8992-3a7aaecac9c3");
/// # assert_eq!(get.clone().send().await?.status, Some(WorkflowStatus::Running));
/// # assert_eq!(get.clone().send().await?.status, Some(WorkflowStatus::Success));
/// # Ok(()) }
/// ```
pub struct Stub<'a, O> {
    state: &'a State,
    rule: usize,
    operation: PhantomData<fn() -> O>,
}

impl<O> fmt::Debug for Stub<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|rule| f.debug_tuple("Stub").field(&rule.describe()).finish())
    }
}

impl<'a, O> Stub<'a, O> {
    fn of(state: &'a State, target: Target) -> Self {
        let mut inner = state.lock();
        inner.rules.push(Rule::new(target));
        Self {
            state,
            rule: inner.rules.len() - 1,
            operation: PhantomData,
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Rule) -> T) -> T {
        change(&mut self.state.lock().rules[self.rule])
    }

    fn when(self, condition: Condition) -> Self {
        self.with(|rule| rule.conditions.push(condition));
        self
    }

    fn then(self, answer: Answer) -> Self {
        self.with(|rule| rule.answers.push(answer));
        self
    }

    fn then_by(
        self,
        make: impl Fn(&Received) -> Result<Answer, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let make = move |request: &Received| make(request).unwrap_or_else(Answer::from);
        self.then(Answer::new(200, Body::Responder(Responder(Arc::new(make)))))
    }
}

/// Methods that select requests.
///
/// ```
/// # use circleci_api::{mock::Mock, operations::{CreateEnvVar, ListPipelines}, serde_json::json, types::CreateEnvVarRequest};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let taken = server.on::<CreateEnvVar>().project("gh/acme/web").body(json!({ "name": "TAKEN" }));
/// let taken = taken.status(400, "This name is taken.");
/// let everywhere = server.on::<ListPipelines>().query("mine", true).without_query("org-slug").page([]);
///
/// assert!(circleci.create_env_var("gh/acme/web", CreateEnvVarRequest::new("TAKEN", "1")).send().await.is_err());
/// circleci.create_env_var("gh/acme/web", CreateEnvVarRequest::new("FREE", "1")).send().await?;
/// assert_eq!(circleci.list_pipelines().mine(true).items().into_vec().await?.len(), 0);
/// assert_eq!(circleci.list_pipelines().mine(true).org_slug("gh/acme").items().into_vec().await?.len(), 1);
///
/// taken.assert_count(1);
/// everywhere.assert_count(1);
/// # Ok(()) }
/// ```
impl<'a, O: Kind> Stub<'a, O> {
    pub(super) fn new(state: &'a State) -> Self {
        Self::of(state, Target::Operation(O::OPERATION))
    }

    /// Selects requests in which the path parameter `name` has this value, no matter how the client escaped the value. `name` is
    /// the parameter's name in the [path template](crate::Operation::path).
    ///
    /// # Panics
    ///
    /// Panics if the operation has no path parameter of this name, or if the value is invalid for the parameter.
    #[track_caller]
    pub fn path(self, name: &str, value: impl Into<PathValue>) -> Self {
        let mut params = O::OPERATION.params.iter();
        let Some(param) = params.find(|param| route::is_name(param.name, name)) else {
            let known: Vec<&str> = O::OPERATION.params.iter().map(|param| param.name).collect();
            panic!(
                "{}: the path has no parameter {name:?}; it has {known:?}",
                O::OPERATION.id
            );
        };
        let value = value.into();
        // Clients never send invalid values, so no request would match.
        if let Err(why) = value.write(param, &mut String::new()) {
            panic!("{}: {} {why}", O::OPERATION.id, param.name);
        }
        self.when(Condition::Path(
            param.name.to_owned(),
            value.as_str().to_owned(),
        ))
    }

    /// Selects requests for the project with this slug, such as `gh/acme/web`. It does not matter whether the slug is escaped, or
    /// whether it is in one path parameter or in three.
    ///
    /// # Panics
    ///
    /// Panics if the path of the operation has no project slug, or if the slug is invalid.
    #[track_caller]
    pub fn project(self, slug: impl Into<PathValue>) -> Self {
        let has = |name| O::OPERATION.params.iter().any(|param| param.name == name);
        assert!(
            has("project-slug") || has("provider"),
            "{}: the path has no project slug",
            O::OPERATION.id
        );
        self.when(Condition::Project(project(slug.into().as_str())))
    }

    /// Selects requests in which the query parameter `name` has this value. The name may be spelled with `-` or `_`.
    ///
    /// # Panics
    ///
    /// Panics if the operation has no query parameter of this name.
    #[track_caller]
    pub fn query(self, name: &str, value: impl Into<QueryValue>) -> Self {
        let value = value.into().as_str().to_owned();
        self.when(Condition::Query(
            parameter::<O>(name).to_owned(),
            Some(value),
        ))
    }

    /// Selects requests that do not have this query parameter.
    ///
    /// # Panics
    ///
    /// Panics if the operation has no query parameter of this name.
    #[track_caller]
    pub fn without_query(self, name: &str) -> Self {
        self.when(Condition::Query(parameter::<O>(name).to_owned(), None))
    }
}

/// Methods that every kind of stub has. They select requests by body, and count requests.
impl<O> Stub<'_, O> {
    /// Selects requests whose body contains everything in `part`. `part` is JSON or a struct from [`types`](crate::types).
    /// Objects in the request may have keys that `part` does not have.
    ///
    /// # Panics
    ///
    /// Panics if `part` cannot be serialized to JSON.
    #[track_caller]
    pub fn body(self, part: impl Serialize) -> Self {
        match serde_json::to_value(part) {
            Ok(part) => self.when(Condition::Body(part)),
            Err(error) => panic!(
                "{}: cannot serialize the body: {error}",
                self.with(|rule| rule.describe())
            ),
        }
    }

    /// Asserts that this stub has answered exactly `count` requests.
    ///
    /// # Panics
    ///
    /// Panics if the stub has answered a different number of requests. The message lists the requests that the mock recorded.
    #[track_caller]
    pub fn assert_count(&self, count: usize) {
        let (came, what) = self.with(|rule| (rule.came, rule.describe()));
        if came != count {
            // The lock is released before the panic. Otherwise, the panic would poison the lock.
            let all: Vec<Received> = self.state.lock().received.iter().cloned().collect();
            panic!(
                "{what}: expected {}, got {}\n{}",
                requests(count),
                requests(came),
                received::list(&all)
            );
        }
    }
}

/// Methods that add replies with a body of the operation's response type.
///
/// ```
/// # use std::time::Duration;
/// # use circleci_api::{mock::{self, Mock}, operations::GetEnvVar};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// let mut greeting = mock::example::<GetEnvVar>();
/// greeting.value = Some("xxxxello".to_owned());
/// server
///     .on::<GetEnvVar>()
///     .rate_limited(Duration::from_secs(30))
///     .raw(502, "<html>Bad Gateway</html>")
///     .reply(greeting);
///
/// let variable = server.client().get_env_var("gh/acme/web", "GREETING").send().await?;
/// assert_eq!(variable.value.as_deref(), Some("xxxxello"));
/// server.assert_count::<GetEnvVar>(3);
/// # Ok(()) }
/// ```
impl<O> Stub<'_, O>
where
    O: Kind<Output: Serialize + DeserializeOwned>,
{
    /// Replies with this value.
    ///
    /// # Panics
    ///
    /// Panics if the value cannot be serialized to JSON.
    #[track_caller]
    pub fn reply(self, value: impl Into<O::Output>) -> Self {
        self.then(Self::answer(value.into()))
    }

    #[track_caller]
    fn answer(value: O::Output) -> Answer {
        match serde_json::to_value(value) {
            Ok(Value::Null) => Answer::new(status_of::<O>(&Value::Null), Body::Empty),
            Ok(value) => {
                let value = example::on_the_wire::<O>(value);
                Answer::new(status_of::<O>(&value), Body::Json(value))
            }
            Err(error) => panic!("{}: cannot serialize the reply: {error}", O::OPERATION.id),
        }
    }

    /// Calls `make` for each request, and replies with the value or the [`Refusal`] that it returns. `make` must not call the
    /// mock, because the mock is locked until `make` returns.
    ///
    /// ```
    /// # use circleci_api::{mock::{self, Mock, Refusal}, operations::GetUser};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # let circleci = Mock::start().await;
    /// circleci.on::<GetUser>().reply_by(|request| match request.path("id") {
    ///     Some(id) if id.starts_with("0000") => Err(Refusal::new(404, "User not found")),
    ///     _ => Ok(mock::example::<GetUser>()),
    /// });
    /// # }
    /// ```
    pub fn reply_by(
        self,
        make: impl Fn(&Received) -> Result<O::Output, Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.then_by(move |request| make(request).map(Self::answer))
    }

    /// Replies with the operation's [example](super::example), which `change` modifies first.
    #[track_caller]
    pub fn reply_with(self, change: impl FnOnce(&mut O::Output)) -> Self {
        let mut value = example::example::<O>();
        change(&mut value);
        self.reply(value)
    }

    /// Replies with the operation's [example](super::example), into which `changes` is merged. Keys that `changes` does not have
    /// keep their values from the example. A list gets as many items as the list in `changes` has. Each of these items is merged
    /// into a copy of the first item of the example's list.
    ///
    /// ```
    /// # use circleci_api::{mock::Mock, operations::GetCollaborations, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # let circleci = Mock::start().await;
    /// circleci.on::<GetCollaborations>().reply_json(json!([{ "name": "acme", "slug": "gh/acme" }, { "name": "me" }]));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the result does not match the response type: a value has the wrong type, or a key is unknown.
    #[track_caller]
    pub fn reply_json(self, changes: Value) -> Self {
        let body = example::changed::<O>(&changes);
        let status = status_of::<O>(&body);
        self.then(Answer::new(status, Body::Json(body)))
    }
}

/// Methods that add error replies, and replies with any body.
///
/// ```
/// # use std::time::Duration;
/// # use circleci_api::{mock::Mock, operations::GetEnvVar};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// server.on::<GetEnvVar>().rate_limited(Duration::from_secs(30)).cut().status(404, "Environment variable not found.");
///
/// let missing = server.client().get_env_var("gh/acme/web", "GREETING").send().await;
/// assert!(missing.is_err_and(|error| error.is_not_found()));
/// server.assert_count::<GetEnvVar>(3);
/// # Ok(()) }
/// ```
impl<O> Stub<'_, O> {
    /// Replies with a status from 200 to 599 and a message in CircleCI's format (`{"message": …}`).
    ///
    /// # Panics
    ///
    /// Panics if the status is outside this range.
    #[track_caller]
    pub fn status(self, status: u16, message: impl Into<String>) -> Self {
        self.then(Answer::message(checked(status), message))
    }

    /// Replies with 429 and a `Retry-After` header. The header holds `retry_after` in whole seconds, rounded up.
    pub fn rate_limited(self, retry_after: Duration) -> Self {
        self.then(Answer::rate_limited(retry_after))
    }

    /// Replies with a status from 200 to 599 and any body, such as the error page of a proxy.
    ///
    /// # Panics
    ///
    /// Panics if the status is outside this range.
    #[track_caller]
    pub fn raw(self, status: u16, body: impl Into<String>) -> Self {
        self.then(Answer::new(checked(status), Body::Text(body.into())))
    }

    /// Closes the connection without an answer.
    pub fn cut(self) -> Self {
        self.then(Answer::new(0, Body::Cut))
    }

    /// Delays the previous reply, or the example if there is no reply yet. The delay passes in real time, and so do a client's
    /// timeouts. A [cut](Self::cut) is never delayed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use circleci_api::{mock::Mock, operations::GetCurrentUser};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// server.on::<GetCurrentUser>().delay(Duration::from_secs(60));
    ///
    /// let hasty = server.client_builder().timeout(Duration::from_millis(20)).build()?;
    /// assert!(hasty.get_current_user().send().await.is_err_and(|error| error.is_timeout()));
    /// # Ok(()) }
    /// ```
    pub fn delay(self, wait: Duration) -> Self {
        self.with(|rule| {
            if rule.answers.is_empty() {
                let answer = match &rule.target {
                    Target::Operation(operation) => Answer::example(operation),
                    _ => Answer::new(200, Body::Empty),
                };
                rule.answers.push(answer);
            }
            if let Some(answer) = rule.answers.last_mut() {
                answer.delay = Some(wait);
            }
        });
        self
    }
}

/// Methods that add the pages of a list as replies.
///
/// ```
/// # use circleci_api::{mock::{self, Mock}, operations::ListContexts};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let named = |name: &str| mock::item::<ListContexts>(|context| context.name = name.to_owned());
/// server
///     .on::<ListContexts>()
///     .pages([vec![named("build")], vec![], vec![named("deploy")]])
///     .page([named("build")]); // and `deploy` is gone
///
/// assert_eq!(circleci.list_contexts().owner_slug("gh/acme").items().into_vec().await?.len(), 2);
/// assert_eq!(circleci.list_contexts().owner_slug("gh/acme").items().into_vec().await?.len(), 1);
/// server.assert_count::<ListContexts>(4);
/// # Ok(()) }
/// ```
impl<O> Stub<'_, O>
where
    O: Paged<Output: Page<Item: Serialize>>,
{
    /// Replies with a single page that holds these items. Create the items with [`item`](super::item).
    ///
    /// # Panics
    ///
    /// Panics if an item cannot be serialized to JSON.
    #[track_caller]
    pub fn page(self, items: impl IntoIterator<Item = <O::Output as Page>::Item>) -> Self {
        self.pages([items])
    }

    /// Replies with these pages. Each request selects its page with the page token from the previous page or, if the operation
    /// pages by offset, with the offset.
    ///
    /// All these pages together count as one reply. The stub moves on to the next reply after a client has read the last page. If
    /// the operation pages by offset, the stub moves on after the empty page that follows the last page. If there is no next
    /// reply, the stub serves these pages again.
    ///
    /// # Panics
    ///
    /// Panics if an item cannot be serialized to JSON.
    #[track_caller]
    pub fn pages<I>(self, pages: impl IntoIterator<Item = I>) -> Self
    where
        I: IntoIterator<Item = <O::Output as Page>::Item>,
    {
        let write = |item| match serde_json::to_value(item) {
            Ok(item) => example::item_on_the_wire::<O>(item),
            Err(error) => panic!("{}: cannot serialize an item: {error}", O::OPERATION.id),
        };
        let pages: Vec<Vec<Value>> = pages
            .into_iter()
            .map(|page| page.into_iter().map(write).collect())
            .collect();
        let body = match O::CURSOR {
            Cursor::Token(parameter) => Body::Pages {
                parameter,
                pattern: example::json::<O>(),
                pages,
            },
            Cursor::Offset(parameter) => Body::Slices { parameter, pages },
        };
        self.then(Answer::new(200, body))
    }
}

/// Returns the name of a query parameter as CircleCI spells it.
#[track_caller]
fn parameter<O: Kind>(name: &str) -> &'static str {
    let known = route::reply(O::OPERATION).map_or(&[][..], |reply| reply.queries);
    match known.iter().find(|(known, _)| route::is_name(known, name)) {
        Some((known, _)) => known,
        None => {
            let known: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
            panic!(
                "{}: the query has no parameter {name:?}; it has {known:?}",
                O::OPERATION.id
            )
        }
    }
}

/// Parses a project slug. The result is in normal form, so it can be compared with other slugs.
#[track_caller]
pub(super) fn project(slug: &str) -> ProjectSlug {
    match slug.parse() {
        Ok(slug) => slug,
        Err(error) => panic!("{slug:?}: {error}"),
    }
}

/// Returns the first success status whose response may have all keys of the body. Some operations have several success statuses
/// with different keys.
fn status_of<O: Kind>(body: &Value) -> u16 {
    let Some(reply) = route::reply(O::OPERATION) else {
        return 200;
    };
    let fits = |keys: &&[&str]| {
        let mut given = body.as_object().into_iter().flatten();
        given.all(|(key, _)| keys.contains(&key.as_str()))
    };
    let fitting = reply.statuses.iter().find(|(_, keys)| fits(keys));
    fitting.map_or(reply.status, |(status, _)| *status)
}

/// The marker type of a [`Stub`] for any method and path, even if the API has no operation for them. See
/// [`Mock::on_path`](super::Mock::on_path).
///
/// ```
/// # use circleci_api::{http::Method, mock::{AnyPath, Mock, Stub}, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// fn releases<'a>(circleci: &'a Mock, project: &str) -> Stub<'a, AnyPath> {
///     circleci.on_path(Method::GET, "/deploy/projects/{project_id}/releases").path("project_id", project)
/// }
///
/// let circleci = Mock::start().await;
/// releases(&circleci, "web").query("limit", 10).reply_json(json!({ "items": [] }));
/// releases(&circleci, "docs").without_query("limit").reply_status(409, json!({ "message": "Busy." }));
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct AnyPath;

/// Methods of stubs from [`Mock::on_path`](super::Mock::on_path). They select requests, and add replies with any JSON.
///
/// ```
/// # use circleci_api::{http::Method, mock::Mock, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let circleci = Mock::start().await;
/// circleci
///     .on_path(Method::POST, "/deploy/projects/{project_id}/releases")
///     .path("project_id", "web")
///     .reply_status(201, json!({ "id": 1 }))
///     .reply_status(409, json!({ "message": "Busy." }));
/// # }
/// ```
impl<'a> Stub<'a, AnyPath> {
    #[track_caller]
    pub(super) fn on_path(state: &'a State, method: Method, template: String) -> Self {
        let braces = |part: &str| part.contains(['{', '}']);
        let is_name = |part: &str| part.starts_with('{') && part.ends_with('}');
        let mut parts = template.split('/');
        assert!(
            template.starts_with('/') && parts.all(|part| !braces(part) || is_name(part)),
            "{template:?}: a template must start with a slash, and a parameter in braces must be a whole segment"
        );
        Self::of(state, Target::Path { method, template })
    }

    /// Selects requests in which the path parameter `name` of the template has this value.
    ///
    /// # Panics
    ///
    /// Panics if the template has no parameter of this name.
    #[track_caller]
    pub fn path(self, name: &str, value: impl Into<PathValue>) -> Self {
        let known = self.with(|rule| match &rule.target {
            Target::Path { template, .. } => {
                let mut names = route::names(template);
                let known = names.find(|known| route::is_name(known, name));
                known.map(str::to_owned).ok_or(template.clone())
            }
            _ => Err(String::new()),
        });
        match known {
            Ok(known) => self.when(Condition::Path(known, value.into().as_str().to_owned())),
            Err(template) => panic!("the template {template} has no parameter {name:?}"),
        }
    }

    /// Selects requests in which the query parameter `name` has this value.
    pub fn query(self, name: impl Into<String>, value: impl Into<QueryValue>) -> Self {
        let value = value.into().as_str().to_owned();
        self.when(Condition::Query(name.into(), Some(value)))
    }

    /// Selects requests that do not have this query parameter.
    pub fn without_query(self, name: impl Into<String>) -> Self {
        self.when(Condition::Query(name.into(), None))
    }

    /// Replies with 200 and with `body` as it is.
    pub fn reply_json(self, body: Value) -> Self {
        self.reply_status(200, body)
    }

    /// Replies with a status from 200 to 599 and with `body` as it is. `null` stands for an empty body.
    ///
    /// # Panics
    ///
    /// Panics if the status is outside this range.
    #[track_caller]
    pub fn reply_status(self, status: u16, body: Value) -> Self {
        let body = match body {
            Value::Null => Body::Empty,
            body => Body::Json(body),
        };
        self.then(Answer::new(checked(status), body))
    }

    /// Calls `make` for each request, and replies with the JSON or the [`Refusal`] that it returns. `make` must not call the
    /// mock, because the mock is locked until `make` returns.
    pub fn reply_by(
        self,
        make: impl Fn(&Received) -> Result<Value, Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.then_by(move |request| Ok(Answer::new(200, Body::Json(make(request)?))))
    }
}
