//! Variables of contexts and projects, many at once, and the restrictions of contexts.

mod find;
mod plan;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use secrecy::{ExposeSecret, SecretString};

use crate::client::Client;
use crate::error::Error;
use crate::error::redact::Secrets;
use crate::generated::types::{
    AddEnvironmentVariableToContextRequest, ContextRestriction, CreateContextRestrictionRequest,
    CreateEnvVarRequest,
};
use crate::lists::many::Many;
use crate::transport::call::CallOptions;
use crate::values::argument::PathValue;

pub use find::{ContextsWithVariable, FindContexts};
pub use plan::VariablesPlan;

/// # Contexts and variables, many at once
impl Client {
    /// Sets variables of a context: those that are there get the new value, others stay as they are. With the feature
    /// `contexts`.
    ///
    /// The values are secrets from the moment they are handed over, and are in no log, error or `Debug` of this crate.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # use circleci_api::{mock::Mock, operations::AddEnvironmentVariableToContext};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// let variables = [("DEPLOY_KEY", "…"), ("REGION", "eu-west-1")];
    /// let done = circleci.set_context_variables("f31d7249-b7b1-4729-b3a4-ec0ba07b4686", variables).send().await;
    /// for (name, error) in done.failed() {
    ///     eprintln!("{name}: {error}");
    /// }
    /// # server.assert_count::<AddEnvironmentVariableToContext>(2);
    /// # Ok(()) }
    /// ```
    pub fn set_context_variables<N: Into<String>, V: Into<SecretString>>(
        &self,
        context_id: impl Into<PathValue>,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> SetVariables {
        SetVariables::new(self, Place::Context(context_id.into()), variables)
    }

    /// Sets variables of a project: those that are there get the new value, others stay as they are. With the feature
    /// `contexts`.
    ///
    /// The values are secrets from the moment they are handed over, and are in no log, error or `Debug` of this crate.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # use circleci_api::{mock::Mock, operations::CreateEnvVar};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// use circleci_api::secrecy::SecretString;
    ///
    /// let key = SecretString::from(std::env::var("DEPLOY_KEY").unwrap_or_default());
    /// circleci.set_project_variables("gh/acme/web", [("DEPLOY_KEY", key)]).send().await.into_result()?;
    /// # server.assert_count::<CreateEnvVar>(1);
    /// # Ok(()) }
    /// ```
    pub fn set_project_variables<N: Into<String>, V: Into<SecretString>>(
        &self,
        project_slug: impl Into<PathValue>,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> SetVariables {
        SetVariables::new(self, Place::Project(project_slug.into()), variables)
    }

    /// Gives a context the restrictions of another one that it does not have yet. Nothing is taken away. With the feature
    /// `contexts`.
    ///
    /// Mind what that means: projects are let in by any of a context's project restrictions, so that copying one to a
    /// context that has some opens it to one project more.
    ///
    /// One request for each page of either list, then one for each restriction that is missing, in their order.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # use circleci_api::{Copied, mock::Mock, operations::GetContextRestrictions, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let (staging, production) = ("f31d7249-b7b1-4729-b3a4-ec0ba07b4686", "0b1c3b0e-1f60-4a0b-8f3c-6b1a2f0b3c4d");
    /// # for (context, projects) in [(staging, vec!["web", "docs"]), (production, vec!["web"])] {
    /// #     let item = |name| json!({ "name": name, "restriction_value": name });
    /// #     let items: Vec<_> = projects.into_iter().map(item).collect();
    /// #     server.on::<GetContextRestrictions>().path("context_id", context).reply_json(json!({ "items": items }));
    /// # }
    /// # let circleci = server.client();
    /// let mut created = Vec::new();
    /// for copied in circleci.copy_context_restrictions(staging, production).await? {
    ///     match copied.result {
    ///         Ok(Copied::Created) => created.push(copied.restriction.name),
    ///         Ok(_) => {} // it was there
    ///         Err(error) => eprintln!("{:?}: {error}", copied.restriction.name),
    ///     }
    /// }
    /// assert_eq!(created, [Some("docs".to_owned())]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// One of the two lists could not be had, and nothing was changed. What becomes of each restriction is in its
    /// [`CopiedRestriction`].
    pub async fn copy_context_restrictions(
        &self,
        from: impl Into<PathValue>,
        to: impl Into<PathValue>,
    ) -> Result<Vec<CopiedRestriction>, Error> {
        let to = to.into();
        let wanted = self
            .get_context_restrictions(from)
            .items()
            .into_vec()
            .await?;
        let there = self
            .get_context_restrictions(to.clone())
            .items()
            .into_vec()
            .await?;
        let mut there: HashSet<_> = there.iter().map(rule).collect();
        let mut copied = Vec::with_capacity(wanted.len());
        for restriction in wanted {
            let result = if there.contains(&rule(&restriction)) {
                Ok(Copied::WasThere)
            } else {
                let mut body = CreateContextRestrictionRequest::new();
                body.restriction_type = restriction.restriction_type.clone();
                body.restriction_value = restriction.restriction_value.clone();
                match self
                    .create_context_restriction(to.clone(), body)
                    .send()
                    .await
                {
                    Ok(_) => Ok(Copied::Created),
                    // Someone else was faster.
                    Err(error) if error.status() == Some(http::StatusCode::CONFLICT) => {
                        Ok(Copied::WasThere)
                    }
                    Err(error) => Err(error),
                }
            };
            if result.is_ok() {
                there.insert(rule(&restriction));
            }
            copied.push(CopiedRestriction {
                restriction,
                result,
            });
        }
        Ok(copied)
    }
}

/// What makes two restrictions the same one.
fn rule(restriction: &ContextRestriction) -> (String, String) {
    let word = restriction
        .restriction_type
        .as_ref()
        .map(|word| word.as_str().to_owned());
    let value = restriction.restriction_value.clone();
    (word.unwrap_or_default(), value.unwrap_or_default())
}

/// What became of one restriction. See the example of [`Client::copy_context_restrictions`].
#[derive(Debug)]
#[non_exhaustive]
pub struct CopiedRestriction {
    /// The restriction, as the context has it that was copied from.
    pub restriction: ContextRestriction,
    /// Whether the other context has it now.
    pub result: Result<Copied, Error>,
}

/// How a context came to have a restriction. See the example of [`Client::copy_context_restrictions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Copied {
    /// It was created.
    Created,
    /// It was there before.
    WasThere,
}

#[derive(Clone)]
enum Place {
    Context(PathValue),
    Project(PathValue),
}

/// Variables on their way; made by [`Client::set_context_variables`] and [`Client::set_project_variables`]. With the
/// feature `contexts`.
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # use circleci_api::mock::Mock;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let variables = [("REGION", "eu-west-1"), ("STAGE", "test")];
/// let variables = circleci.set_project_variables("gh/acme/web", variables).at_once(2);
/// println!("setting {}", variables.names().collect::<Vec<_>>().join(", ")); // never the values
/// let done = variables.send().await;
/// assert_eq!(done.set().collect::<Vec<_>>(), ["REGION", "STAGE"]);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until `send` is awaited"]
#[derive(Clone)]
pub struct SetVariables {
    client: Client,
    place: Place,
    variables: Vec<(String, SecretString)>,
    at_once: usize,
}

impl SetVariables {
    fn new<N: Into<String>, V: Into<SecretString>>(
        client: &Client,
        place: Place,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut list: Vec<(String, SecretString)> = Vec::new();
        for (name, value) in variables {
            let (name, value) = (name.into(), value.into());
            // Two calls for one name would race, so that the last one counts here already.
            match places.get(&name) {
                Some(place) => list[*place].1 = value,
                None => {
                    places.insert(name.clone(), list.len());
                    list.push((name, value));
                }
            }
        }
        Self {
            client: client.clone(),
            place,
            variables: list,
            at_once: 4,
        }
    }

    /// The number of calls at the same time. Default: 4. 0 counts as 1.
    pub fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls.max(1);
        self
    }

    /// The names of what is to be set, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// Sends a call for each variable. One that fails does not keep the others from being set.
    ///
    /// Each is tried again as the client's [`RetryPolicy`](crate::RetryPolicy) says: setting a variable to the same value
    /// twice is harmless, though for a project it takes a POST. Dropping the future ends the calls that are on their way
    /// and leaves the rest unsent.
    pub async fn send(self) -> VariablesSet {
        let (client, place) = (&self.client, &self.place);
        let calls = self.variables.into_iter().map(|(name, value)| async move {
            let result = set(client, place, &name, &value).await;
            (name, result.map_err(|error| without(error, &value)))
        });
        VariablesSet {
            results: Many::new(calls).at_once(self.at_once).into_vec().await,
        }
    }
}

/// Names, and nothing of the values.
impl fmt::Debug for SetVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetVariables")
            .field("names", &self.names().collect::<Vec<_>>())
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}

fn set(
    client: &Client,
    place: &Place,
    name: &str,
    value: &SecretString,
) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> {
    match place {
        Place::Context(id) => {
            let body = AddEnvironmentVariableToContextRequest::new(value.expose_secret());
            let call = client
                .add_environment_variable_to_context(id.clone(), name, body)
                .send();
            Box::pin(async move { call.await.map(drop) })
        }
        Place::Project(slug) => {
            let body = CreateEnvVarRequest::new(name, value.expose_secret());
            let again = CallOptions::new().replay(true);
            let call = client
                .create_env_var(slug.clone(), body)
                .options(again)
                .send();
            Box::pin(async move { call.await.map(drop) })
        }
    }
}

/// What became of each variable; from [`SetVariables::send`].
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # use circleci_api::{mock::Mock, operations::CreateEnvVar, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let server = Mock::start().await;
/// # server.on::<CreateEnvVar>().body(json!({ "name": "STAGE" })).status(400, "no such luck");
/// # let circleci = server.client();
/// let done = circleci.set_project_variables("gh/acme/web", [("REGION", "eu-west-1"), ("STAGE", "test")]).send().await;
/// println!("{} of {} are set", done.set().count(), done.results().len());
/// for (name, error) in done.failed() {
///     eprintln!("{name}: {error}");
/// #   assert_eq!(name, "STAGE");
/// }
/// # assert_eq!(done.set().collect::<Vec<_>>(), ["REGION"]);
/// assert!(done.into_result().is_err());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "some of the variables may not be set"]
pub struct VariablesSet {
    results: Vec<(String, Result<(), Error>)>,
}

impl VariablesSet {
    /// One result for each variable, in the order in which they were given.
    pub fn results(&self) -> &[(String, Result<(), Error>)] {
        &self.results
    }

    /// The names of those that are set.
    pub fn set(&self) -> impl Iterator<Item = &str> {
        self.results
            .iter()
            .filter(|(_, result)| result.is_ok())
            .map(|(name, _)| name.as_str())
    }

    /// Those that are not set, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.results
            .iter()
            .filter_map(|(name, result)| Some((name.as_str(), result.as_ref().err()?)))
    }

    /// For those to whom one failure is a failure.
    ///
    /// # Errors
    ///
    /// The first error; the variables after it may be set all the same.
    pub fn into_result(self) -> Result<(), Error> {
        self.results.into_iter().try_for_each(|(_, result)| result)
    }
}

/// CircleCI masks values from this length on in its own logs. In what is shorter there is nothing to find: the value `1`
/// is in every other message.
const SHORTEST: usize = 4;
/// Takes a value out of an error, in case the server's answer repeats it.
fn without(error: Error, value: &SecretString) -> Error {
    let plain = value.expose_secret();
    if plain.chars().count() < SHORTEST {
        return error;
    }
    // As it stands in JSON, without the quotes.
    let quoted = serde_json::Value::from(plain).to_string();
    let quoted = quoted[1..quoted.len() - 1].to_owned();
    error.without(&Secrets::new([plain.to_owned(), quoted]))
}
