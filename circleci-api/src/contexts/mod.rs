//! Sets many variables of a context or a project, finds contexts by the name of a variable, and copies restrictions between
//! contexts.

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
use crate::lists::many::{AT_ONCE, Many};
use crate::transport::call::CallOptions;
use crate::values::argument::PathValue;

pub use find::{ContextsWithVariable, FindContexts};
pub use plan::VariablesPlan;

/// # Bulk operations on contexts and variables
impl Client {
    /// Sets variables of a context. A variable that already exists gets the new value. Variables that are not in `variables`
    /// stay unchanged. Requires the feature `contexts`.
    ///
    /// The values are secret: they never appear in a log, an error or a `Debug` output of this crate.
    ///
    #[doc = mock_example!()]
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

    /// Sets variables of a project. A variable that already exists gets the new value. Variables that are not in `variables`
    /// stay unchanged. Requires the feature `contexts`.
    ///
    /// The values are secret: they never appear in a log, an error or a `Debug` output of this crate.
    ///
    #[doc = mock_example!()]
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

    /// Copies the restrictions of the context `from` to the context `to`, except those that `to` already has. Restrictions are
    /// only added, never removed. Requires the feature `contexts`.
    ///
    /// A project restriction allows one project to use its context. So if `to` already has project restrictions, each copied
    /// project restriction allows one more project to use `to`.
    ///
    /// This method first lists the restrictions of `from` and `to`, with one request for each page. It then sends one request
    /// for each restriction that `to` lacks, in the order of `from`.
    ///
    #[doc = mock_example!()]
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
    ///         Ok(_) => {} // existed before
    ///         Err(error) => eprintln!("{:?}: {error}", copied.restriction.name),
    ///     }
    /// }
    /// assert_eq!(created, [Some("docs".to_owned())]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the restrictions of `from` or `to` could not be listed. Nothing was changed in that case. If a single
    /// restriction could not be created, the error is in its [`CopiedRestriction`].
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
                    // Someone else created the restriction after `there` was listed.
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

/// Returns the type and the value of a restriction. Two restrictions with the same type and value count as equal.
fn rule(restriction: &ContextRestriction) -> (String, String) {
    let word = restriction
        .restriction_type
        .as_ref()
        .map(|word| word.as_str().to_owned());
    let value = restriction.restriction_value.clone();
    (word.unwrap_or_default(), value.unwrap_or_default())
}

/// The result of copying one restriction. [`Client::copy_context_restrictions`] has an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct CopiedRestriction {
    /// The restriction of the source context.
    pub restriction: ContextRestriction,
    /// Whether the restriction was created or existed already, or the error if it could not be created.
    pub result: Result<Copied, Error>,
}

/// Whether a restriction was created in the target context or existed there already.
/// [`Client::copy_context_restrictions`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Copied {
    /// The restriction was created in the target context.
    Created,
    /// The target context already had the restriction.
    WasThere,
}

#[derive(Clone)]
enum Place {
    Context(PathValue),
    Project(PathValue),
}

/// A request to set variables, created by [`Client::set_context_variables`] or [`Client::set_project_variables`]. Requires the
/// feature `contexts`.
///
#[doc = mock_example!()]
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
            // Two calls for the same name would race, so keep only the last value.
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
            at_once: AT_ONCE,
        }
    }

    /// Sets how many calls run at the same time. Default: 8. 0 counts as 1.
    pub fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls.max(1);
        self
    }

    /// Returns the names of the variables to set, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// Sets each variable with one call. If a call fails, the others continue.
    ///
    /// The client's [`RetryPolicy`](crate::RetryPolicy) applies to each call. Even the POST for a project variable is retried,
    /// because it is safe to set the same value twice. If you drop the future, the running calls are aborted, and the remaining
    /// calls are not sent.
    pub async fn send(self) -> VariablesSet {
        let (client, place) = (&self.client, &self.place);
        let calls = self.variables.into_iter().map(|(name, value)| async move {
            let result = set(client, place, &name, &value).await;
            (name, result)
        });
        VariablesSet {
            results: Many::new(calls).at_once(self.at_once).into_vec().await,
        }
    }
}

/// Shows the names of the variables, but never their values.
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
    let options = CallOptions::new().hiding(forms(value));
    match place {
        Place::Context(id) => {
            let body = AddEnvironmentVariableToContextRequest::new(value.expose_secret());
            let call = client
                .add_environment_variable_to_context(id.clone(), name, body)
                .options(options)
                .send();
            Box::pin(async move { call.await.map(drop) })
        }
        Place::Project(slug) => {
            let body = CreateEnvVarRequest::new(name, value.expose_secret());
            let call = client
                .create_env_var(slug.clone(), body)
                .options(options.replay(true))
                .send();
            Box::pin(async move { call.await.map(drop) })
        }
    }
}

/// The result for each variable. Returned by [`SetVariables::send`].
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::Mock, operations::CreateEnvVar, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let server = Mock::start().await;
/// # server.on::<CreateEnvVar>().body(json!({ "name": "STAGE" })).status(400, "Invalid name.");
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
    /// Returns the name and the result of each variable, in the order in which the variables were given.
    pub fn results(&self) -> &[(String, Result<(), Error>)] {
        &self.results
    }

    /// Returns the names of the variables that were set.
    pub fn set(&self) -> impl Iterator<Item = &str> {
        self.results
            .iter()
            .filter(|(_, result)| result.is_ok())
            .map(|(name, _)| name.as_str())
    }

    /// Returns the name and the error of each variable that was not set.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.results
            .iter()
            .filter_map(|(name, result)| Some((name.as_str(), result.as_ref().err()?)))
    }

    /// Converts the results into one result, which is `Ok` if all variables were set.
    ///
    /// # Errors
    ///
    /// Returns the error of the first variable that was not set. Later variables may still have been set.
    pub fn into_result(self) -> Result<(), Error> {
        self.results.into_iter().try_for_each(|(_, result)| result)
    }
}

/// The length, in characters, of the shortest value that is removed from errors. Shorter values, such as `1`, occur in many
/// messages by chance. CircleCI also masks only values of at least this length.
const SHORTEST: usize = 4;

/// Returns the forms of a variable's value that errors must not show. The response may repeat the value.
fn forms(value: &SecretString) -> Secrets {
    let plain = value.expose_secret();
    if plain.chars().count() < SHORTEST {
        return Secrets::default();
    }
    // The value as it appears inside a JSON string: escaped, and without the surrounding quotes.
    let quoted = serde_json::Value::from(plain).to_string();
    let quoted = quoted[1..quoted.len() - 1].to_owned();
    Secrets::new([plain.to_owned(), quoted])
}
