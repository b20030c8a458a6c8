//! Finds the contexts that have a variable with a given name.

use crate::client::Client;
use crate::error::Error;
use crate::generated::operations::ListContexts;
use crate::generated::types::Context;
use crate::lists::many::{AT_ONCE, Many};
use crate::request::Request;
use crate::values::argument::QueryValue;

impl Client {
    /// Searches an organization for the contexts that have a variable called `name`. Requires the feature `contexts`.
    ///
    /// `org_slug` is the slug of the organization, such as `gh/acme`. This example replaces a secret in every context that has
    /// it:
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::{Mock, scenario::Scenario}, types::{ContextOwnerSlug, CreateContextRequest}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let _acme = Scenario::start(&server, "gh/acme/web");
    /// # let circleci = server.client();
    /// # let owner = ContextOwnerSlug::new("gh/acme");
    /// # let deploy = circleci.create_context(CreateContextRequest::new("deploy", owner)).send().await?;
    /// # circleci.set_context_variables(deploy.id, [("NPM_TOKEN", "old")]).send().await.into_result()?;
    /// # let new = "new";
    /// let found = circleci.contexts_with_variable("gh/acme", "NPM_TOKEN").send().await?;
    /// for context in found.into_result()? {
    ///     circleci.set_context_variables(context.id, [("NPM_TOKEN", new)]).send().await.into_result()?;
    ///     println!("{}", context.name);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn contexts_with_variable(
        &self,
        org_slug: impl Into<QueryValue>,
        name: impl Into<String>,
    ) -> FindContexts {
        FindContexts {
            client: self.clone(),
            list: self.list_contexts().owner_slug(org_slug),
            name: name.into(),
            at_once: AT_ONCE,
        }
    }
}

/// A search for the contexts that have a variable with a given name. Created by [`Client::contexts_with_variable`].
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// let found = circleci.contexts_with_variable("gh/acme", "NPM_TOKEN").at_once(4).send().await?;
/// println!("{} contexts have it", found.contexts.len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct FindContexts {
    client: Client,
    list: Request<ListContexts>,
    name: String,
    at_once: usize,
}

/// The result of a search for a variable: the contexts that have it, and the contexts whose variables could not be listed.
/// Returned by [`FindContexts::send`].
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// let found = circleci.contexts_with_variable("gh/acme", "NPM_TOKEN").at_once(4).send().await?;
/// println!("{} contexts have it", found.contexts.len());
/// for (context, error) in &found.failed {
///     eprintln!("cannot search {}: {error}", context.name);
/// }
/// let contexts = found.into_result()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "the search of some contexts may have failed"]
pub struct ContextsWithVariable {
    /// The contexts that have the variable, in CircleCI's order.
    pub contexts: Vec<Context>,
    /// The contexts whose variables could not be listed, each with its error.
    pub failed: Vec<(Context, Error)>,
}

impl ContextsWithVariable {
    /// Returns the contexts that have the variable.
    ///
    /// # Errors
    ///
    /// Returns the first error if any context could not be searched.
    pub fn into_result(self) -> Result<Vec<Context>, Error> {
        match self.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.contexts),
        }
    }
}

impl FindContexts {
    /// Sets how many contexts are searched at the same time. Default: 8. 0 counts as 1.
    pub fn at_once(mut self, contexts: usize) -> Self {
        self.at_once = contexts.max(1);
        self
    }

    /// Lists the organization's contexts, then searches the variables of each context for the name.
    ///
    /// # Errors
    ///
    /// Returns an error if the contexts could not be listed. If the variables of a single context could not be listed, `send`
    /// does not fail, and the context is in [`failed`](ContextsWithVariable::failed).
    pub async fn send(self) -> Result<ContextsWithVariable, Error> {
        let (client, name) = (&self.client, &self.name);
        let contexts = self.list.items().into_vec().await?;
        let searches = contexts.into_iter().map(|context| async move {
            let found = has(client, &context, name).await;
            (context, found)
        });
        let mut found = ContextsWithVariable {
            contexts: Vec::new(),
            failed: Vec::new(),
        };
        for (context, has) in Many::new(searches).at_once(self.at_once).into_vec().await {
            match has {
                Ok(true) => found.contexts.push(context),
                Ok(false) => {}
                Err(error) => found.failed.push((context, error)),
            }
        }
        Ok(found)
    }
}

async fn has(client: &Client, context: &Context, name: &str) -> Result<bool, Error> {
    let list = client.list_environment_variables_from_context(context.id);
    let mut variables = list.items();
    while let Some(variable) = variables.try_next().await? {
        if variable.variable == name {
            return Ok(true);
        }
    }
    Ok(false)
}
