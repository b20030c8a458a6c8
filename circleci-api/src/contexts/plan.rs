//! Previews the changes that a request to set variables would make.

use std::collections::BTreeSet;

use super::{Place, SetVariables};
use crate::error::Error;

/// A preview of the changes that [`SetVariables::send`] would make. It contains the names of the variables but no values,
/// because CircleCI does not return values. [`SetVariables::dry_run`] has an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariablesPlan {
    /// The names of the variables that would be created, in the order in which they were given.
    pub added: Vec<String>,
    /// The names of the existing variables that would get a new value, in the order in which they were given.
    pub replaced: Vec<String>,
    /// The names of the existing variables that would stay unchanged, sorted.
    pub left: Vec<String>,
}

impl SetVariables {
    /// Returns the changes that [`send`](Self::send) would make, without making them. This method sends only the requests that
    /// list the existing variables.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::mock::{Mock, scenario::Scenario};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let _web = Scenario::start(&server, "gh/acme/web");
    /// # let circleci = server.client();
    /// # circleci.set_project_variables("gh/acme/web", [("STAGE", "a"), ("REGION", "b")]).send().await.into_result()?;
    /// let variables = circleci.set_project_variables("gh/acme/web", [("STAGE", "test"), ("TOKEN", "…")]);
    /// let plan = variables.dry_run().await?;
    /// assert_eq!(plan.added, ["TOKEN"]);
    /// assert_eq!(plan.replaced, ["STAGE"]);
    /// assert_eq!(plan.left, ["REGION"]);
    /// variables.send().await.into_result()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the existing variables could not be listed.
    pub async fn dry_run(&self) -> Result<VariablesPlan, Error> {
        let mut there = BTreeSet::new();
        match &self.place {
            Place::Context(id) => {
                let list = self
                    .client
                    .list_environment_variables_from_context(id.clone());
                let mut variables = list.items();
                while let Some(variable) = variables.try_next().await? {
                    there.insert(variable.variable);
                }
            }
            Place::Project(slug) => {
                let mut variables = self.client.list_env_vars(slug.clone()).items();
                while let Some(variable) = variables.try_next().await? {
                    there.insert(variable.name);
                }
            }
        }
        let mut plan = VariablesPlan::default();
        for name in self.names() {
            match there.remove(name) {
                true => plan.replaced.push(name.to_owned()),
                false => plan.added.push(name.to_owned()),
            }
        }
        plan.left = there.into_iter().collect();
        Ok(plan)
    }
}
