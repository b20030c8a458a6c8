//! What an operation is to be answered, and when.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, Body, Refusal, Responder, checked};
use super::received::{self, Received, times, were};
use super::rule::{Condition, Rule, Target};
use super::state::State;
use super::{example, route};
use crate::lists::page::{Cursor, Page, Paged};
use crate::request::Kind;
use crate::values::argument::{PathValue, QueryValue};
use crate::values::slug::ProjectSlug;

/// An operation of a [`Mock`](super::Mock), with what it is answered.
///
/// What is called on it counts at once: first which requests it is for, then the replies. Several replies are given one after
/// the other, one a request, and the last one from then on. Without any it is answered by its
/// [example](super::example).
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

impl<O> Stub<'_, O> {
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
}

/// Which requests it is for.
///
/// ```
/// # use circleci_api::{mock::Mock, operations::{CreateEnvVar, ListPipelines}, serde_json::json, types::CreateEnvVarRequest};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let taken = server.on::<CreateEnvVar>().project("gh/acme/web").body(json!({ "name": "TAKEN" }));
/// let taken = taken.status(400, "There is one of that name.");
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
        let mut inner = state.lock();
        inner.rules.push(Rule::new(Target::Operation(O::OPERATION)));
        Self {
            state,
            rule: inner.rules.len() - 1,
            operation: PhantomData,
        }
    }

    /// Those with this parameter in the path, by its name in the [template](crate::Operation::path), however it is escaped.
    ///
    /// # Panics
    ///
    /// The operation has no such parameter, or no client would send such a value for it.
    #[track_caller]
    pub fn path(self, name: &str, value: impl Into<PathValue>) -> Self {
        let mut params = O::OPERATION.params.iter();
        let Some(param) = params.find(|param| route::is_name(param.name, name)) else {
            let known: Vec<&str> = O::OPERATION.params.iter().map(|param| param.name).collect();
            panic!(
                "{}: there is no {name:?} in its path, but {known:?}",
                O::OPERATION.id
            );
        };
        let value = value.into();
        // What a client would not send, no request has.
        if let Err(why) = value.write(param, &mut String::new()) {
            panic!("{}: {} {why}", O::OPERATION.id, param.name);
        }
        self.when(Condition::Path(
            param.name.to_owned(),
            value.as_str().to_owned(),
        ))
    }

    /// Those for this project, `gh/acme/web`, however the slug is escaped, and whether the path has one parameter for it or
    /// three.
    ///
    /// # Panics
    ///
    /// The operation is not about a project by its slug, or the slug is none.
    #[track_caller]
    pub fn project(self, slug: impl Into<PathValue>) -> Self {
        let has = |name| O::OPERATION.params.iter().any(|param| param.name == name);
        assert!(
            has("project-slug") || has("provider"),
            "{}: there is no project slug in its path",
            O::OPERATION.id
        );
        self.when(Condition::Project(project(slug.into().as_str())))
    }

    /// Those with this parameter in the query, by its name in either spelling.
    ///
    /// # Panics
    ///
    /// The operation has no such parameter.
    #[track_caller]
    pub fn query(self, name: &str, value: impl Into<QueryValue>) -> Self {
        let value = value.into().as_str().to_owned();
        self.when(Condition::Query(
            parameter::<O>(name).to_owned(),
            Some(value),
        ))
    }

    /// Those without this parameter in the query.
    ///
    /// # Panics
    ///
    /// The operation has no such parameter.
    #[track_caller]
    pub fn without_query(self, name: &str) -> Self {
        self.when(Condition::Query(parameter::<O>(name).to_owned(), None))
    }
}

/// Which requests it is for, continued.
impl<O> Stub<'_, O> {
    /// Those whose body has all that is in this one: a struct of [`types`](crate::types), or JSON. An object may have more keys.
    ///
    /// # Panics
    ///
    /// It cannot be written as JSON.
    #[track_caller]
    pub fn body(self, part: impl Serialize) -> Self {
        match serde_json::to_value(part) {
            Ok(part) => self.when(Condition::Body(part)),
            Err(error) => panic!(
                "{}: the body cannot be written: {error}",
                self.with(|rule| rule.describe())
            ),
        }
    }

    /// Exactly so many requests were for it.
    ///
    /// # Panics
    ///
    /// There were more, or fewer. The message lists all that came to the server.
    #[track_caller]
    pub fn assert_count(&self, count: usize) {
        let (came, what) = self.with(|rule| (rule.came, rule.describe()));
        if came != count {
            // Not while the lock is held: a panic there would poison it.
            let all: Vec<Received> = self.state.lock().received.iter().cloned().collect();
            panic!(
                "{what}: expected {}, but there {}\n{}",
                times(count),
                were(came),
                received::list(&all)
            );
        }
    }
}

/// What it is answered.
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
    /// A value.
    ///
    /// # Panics
    ///
    /// It cannot be written as JSON.
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
            Err(error) => panic!("{}: the reply cannot be written: {error}", O::OPERATION.id),
        }
    }

    /// What this function makes of the request: a value, or a [`Refusal`]. It must not ask the mock for anything, which waits
    /// for it.
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
        let make = move |request: &Received| match make(request) {
            Ok(value) => Self::answer(value),
            Err(refusal) => refusal.into(),
        };
        self.then(Answer::new(200, Body::Responder(Responder(Arc::new(make)))))
    }

    /// The [example](super::example), changed.
    #[track_caller]
    pub fn reply_with(self, change: impl FnOnce(&mut O::Output)) -> Self {
        let mut value = example::example::<O>();
        change(&mut value);
        self.reply(value)
    }

    /// The [example](super::example) with this JSON in it: what it has no key for stays, and each item of a list starts from
    /// the example's.
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
    /// The operation answers nothing of that shape: a value of the wrong type, or a key that it does not have.
    #[track_caller]
    pub fn reply_json(self, changes: Value) -> Self {
        let body = example::changed::<O>(&changes);
        let status = status_of::<O>(&body);
        self.then(Answer::new(status, Body::Json(body)))
    }
}

/// Trouble, and bodies of any kind.
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
    /// A status, from 200 to 599, with a message as CircleCI words it: `{"message": …}`.
    #[track_caller]
    pub fn status(self, status: u16, message: impl Into<String>) -> Self {
        self.then(Answer::message(checked(status), message))
    }

    /// Too many requests: 429, and after how long to come again.
    pub fn rate_limited(self, retry_after: Duration) -> Self {
        self.then(Answer::rate_limited(retry_after))
    }

    /// Any body, however wrong, with a status from 200 to 599: to see what a program does about a proxy's error page.
    #[track_caller]
    pub fn raw(self, status: u16, body: impl Into<String>) -> Self {
        self.then(Answer::new(checked(status), Body::Text(body.into())))
    }

    /// No answer: the connection is closed.
    pub fn cut(self) -> Self {
        self.then(Answer::new(0, Body::Cut))
    }

    /// Lets the reply before this one, or the example if there is none, take its time. That is real time: the timeouts of a
    /// client are. A connection is [cut](Self::cut) at once all the same.
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

/// Lists.
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
    /// One page with these items, which is the last one. See [`item`](super::item).
    #[track_caller]
    pub fn page(self, items: impl IntoIterator<Item = <O::Output as Page>::Item>) -> Self {
        self.pages([items])
    }

    /// These pages one after the other, each by the token of the one before, or by offset where the operation pages so. As one
    /// of several replies they are done when the last page was asked for; by offset, where an empty page is the end, when that
    /// was. As the last of them they begin again.
    ///
    /// # Panics
    ///
    /// An item cannot be written as JSON.
    #[track_caller]
    pub fn pages<I>(self, pages: impl IntoIterator<Item = I>) -> Self
    where
        I: IntoIterator<Item = <O::Output as Page>::Item>,
    {
        let write = |item| match serde_json::to_value(item) {
            Ok(item) => example::item_on_the_wire::<O>(item),
            Err(error) => panic!("{}: an item cannot be written: {error}", O::OPERATION.id),
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

/// The name of a parameter of the query, as it is sent.
#[track_caller]
fn parameter<O: Kind>(name: &str) -> &'static str {
    let known = route::reply(O::OPERATION).map_or(&[][..], |reply| reply.queries);
    match known.iter().find(|(known, _)| route::is_name(known, name)) {
        Some((known, _)) => known,
        None => {
            let known: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
            panic!(
                "{}: there is no {name:?} in its query, but {known:?}",
                O::OPERATION.id
            )
        }
    }
}

/// A project's slug in the one form that all are compared in.
#[track_caller]
pub(super) fn project(slug: &str) -> ProjectSlug {
    match slug.parse() {
        Ok(slug) => slug,
        Err(error) => panic!("{slug:?}: {error}"),
    }
}

/// The status that fits a body, where an operation has several.
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

/// A method and a path that no operation need have: [`Mock::on_path`](super::Mock::on_path).
#[derive(Debug)]
#[non_exhaustive]
pub struct AnyPath;

impl<'a> Stub<'a, AnyPath> {
    #[track_caller]
    pub(super) fn on_path(state: &'a State, method: Method, template: String) -> Self {
        let braces = |part: &str| part.contains(['{', '}']);
        let is_name = |part: &str| part.starts_with('{') && part.ends_with('}');
        let mut parts = template.split('/');
        assert!(
            template.starts_with('/') && parts.all(|part| !braces(part) || is_name(part)),
            "{template:?}: a template begins with a slash, and a name in braces is all of a segment"
        );
        let mut inner = state.lock();
        inner
            .rules
            .push(Rule::new(Target::Path { method, template }));
        Self {
            state,
            rule: inner.rules.len() - 1,
            operation: PhantomData,
        }
    }

    /// Those with this parameter in the path, by its name in the template.
    ///
    /// # Panics
    ///
    /// The template has no such name.
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
            Err(template) => panic!("there is no {name:?} in {template}"),
        }
    }

    /// Those with this parameter in the query.
    pub fn query(self, name: impl Into<String>, value: impl Into<QueryValue>) -> Self {
        let value = value.into().as_str().to_owned();
        self.when(Condition::Query(name.into(), Some(value)))
    }

    /// Those without this parameter in the query.
    pub fn without_query(self, name: impl Into<String>) -> Self {
        self.when(Condition::Query(name.into(), None))
    }

    /// 200 with this JSON, as it is.
    pub fn reply_json(self, body: Value) -> Self {
        self.reply_status(200, body)
    }

    /// A status, from 200 to 599, with this JSON, as it is. `null` is an empty body.
    #[track_caller]
    pub fn reply_status(self, status: u16, body: Value) -> Self {
        let body = match body {
            Value::Null => Body::Empty,
            body => Body::Json(body),
        };
        self.then(Answer::new(checked(status), body))
    }

    /// What this function makes of the request: JSON, or a [`Refusal`]. It must not ask the mock for anything, which waits for it.
    pub fn reply_by(
        self,
        make: impl Fn(&Received) -> Result<Value, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let make = move |request: &Received| match make(request) {
            Ok(value) => Answer::new(200, Body::Json(value)),
            Err(refusal) => refusal.into(),
        };
        self.then(Answer::new(200, Body::Responder(Responder(Arc::new(make)))))
    }
}
