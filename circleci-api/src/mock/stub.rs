//! What an operation is to be answered, and when.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::received::{self, Received, times, were};
use super::server::{Answer, Body, Condition, Knows, Made, Rule, State};
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

/// A failure to be answered, in place of a value: `{"message": …}`. See the example of [`Stub::reply_by`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    message: String,
}

impl Refusal {
    /// A status, from 200 to 599, and what is said about it. See the example of [`Stub::reply_by`].
    #[track_caller]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status: self::status(status),
            message: message.into(),
        }
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
        inner.rules.push(Rule::new(O::OPERATION));
        Self {
            state,
            rule: inner.rules.len() - 1,
            operation: PhantomData,
        }
    }

    /// Of several scenarios, the one that knows what is asked for.
    pub(super) fn known_by(
        self,
        knows: impl Fn(&Received) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|rule| rule.knows = Some(Knows(Arc::new(knows))));
        self
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
        self.when(Condition::Path(param.name, value.as_str().to_owned()))
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
        self.when(Condition::Query(parameter::<O>(name), Some(value)))
    }

    /// Those without this parameter in the query.
    ///
    /// # Panics
    ///
    /// The operation has no such parameter.
    #[track_caller]
    pub fn without_query(self, name: &str) -> Self {
        self.when(Condition::Query(parameter::<O>(name), None))
    }

    /// Those whose body has all that is in this one: a struct of [`types`](crate::types), or JSON. An object may have more keys.
    ///
    /// # Panics
    ///
    /// It cannot be written as JSON.
    #[track_caller]
    pub fn body(self, part: impl Serialize) -> Self {
        match serde_json::to_value(part) {
            Ok(part) => self.when(Condition::Body(part)),
            Err(error) => panic!("{}: the body cannot be written: {error}", O::OPERATION.id),
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
            let all = self.state.lock().received.clone();
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
        let status = route::reply(O::OPERATION).map_or(200, |reply| reply.status);
        let body = match serde_json::to_value(value) {
            Ok(Value::Null) => Body::Empty,
            Ok(value) => Body::Json(value),
            Err(error) => panic!("{}: the reply cannot be written: {error}", O::OPERATION.id),
        };
        Answer::new(status, body)
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
            Err(refusal) => Answer::message(refusal.status, refusal.message),
        };
        self.then(Answer::new(200, Body::Made(Made(Arc::new(make)))))
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
        self.reply(example::changed::<O>(&changes))
    }

    /// A status, from 200 to 599, with a message as CircleCI words it: `{"message": …}`.
    #[track_caller]
    pub fn status(self, status: u16, message: impl Into<String>) -> Self {
        self.then(Answer::new(
            self::status(status),
            Body::Json(json!({ "message": message.into() })),
        ))
    }

    /// Too many requests: 429, and after how long to come again.
    pub fn rate_limited(self, retry_after: Duration) -> Self {
        let mut answer = Answer::new(429, Body::Text("Rate limited.".to_owned()));
        answer.retry_after = Some(retry_after);
        self.then(answer)
    }

    /// Any body, however wrong, with a status from 200 to 599: to see what a program does about a proxy's error page.
    #[track_caller]
    pub fn raw(self, status: u16, body: impl Into<String>) -> Self {
        self.then(Answer::new(self::status(status), Body::Text(body.into())))
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
                rule.answers.push(Answer::example(rule.operation));
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
            Ok(item) => item,
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
    match known.iter().find(|known| route::is_name(known, name)) {
        Some(known) => known,
        None => panic!(
            "{}: there is no {name:?} in its query, but {known:?}",
            O::OPERATION.id
        ),
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

/// A status that a server can answer.
#[track_caller]
fn status(status: u16) -> u16 {
    assert!(
        (200..=599).contains(&status),
        "{status} is no status of an answer"
    );
    status
}
