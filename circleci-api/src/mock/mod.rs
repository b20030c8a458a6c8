//! A CircleCI in your tests' own process: it answers every operation, the way you tell it to.
//!
//! [`Mock::start`] listens on a free port of this machine, and [`Mock::client`] gives a client that talks to it and never
//! sits out a wait between two attempts. Whatever it was told nothing about is answered by an example made from CircleCI's
//! document.
//!
//! A program that reads a list, page by page:
//!
//! ```
//! use circleci_api::{mock::{self, Mock}, operations::ListContexts};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
//! let circleci = Mock::start().await;
//! let named = |name: &str| mock::item::<ListContexts>(|context| context.name = name.to_owned());
//! circleci.on::<ListContexts>().query("owner-slug", "gh/acme").pages([vec![named("build")], vec![], vec![named("deploy")]]);
//!
//! let contexts = circleci.client().list_contexts().owner_slug("gh/acme").items().into_vec().await?;
//!
//! assert_eq!(contexts.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["build", "deploy"]);
//! circleci.assert_count::<ListContexts>(3);
//! # Ok(()) }
//! ```
//!
//! One that has to live with a rate limit, and looks at a project:
//!
//! ```
//! use std::time::Duration;
//! use circleci_api::{mock::Mock, operations::GetProjectBySlug};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
//! let circleci = Mock::start().await;
//! circleci.on::<GetProjectBySlug>().project("gh/acme/web").rate_limited(Duration::from_secs(30)).reply_with(|project| project.name = "web".into());
//!
//! let project = circleci.client().get_project_by_slug("gh/acme/web").send().await?;
//!
//! assert_eq!(project.name, "web");
//! circleci.assert_count::<GetProjectBySlug>(2); // the second attempt went well, and nobody waited
//! # Ok(()) }
//! ```
//!
//! And one that writes: what was sent, and in which order.
//!
//! ```
//! use circleci_api::{mock::Mock, operations::{CreateEnvVar, DeleteEnvVar}, serde_json::json, types::CreateEnvVarRequest};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
//! let circleci = Mock::start().await;
//! circleci.on::<DeleteEnvVar>().path("name", "OLD").status(404, "Environment variable not found.");
//!
//! let client = circleci.client();
//! assert!(client.delete_env_var("gh/acme/web", "OLD").send().await.unwrap_err().is_not_found());
//! client.create_env_var("gh/acme/web", CreateEnvVarRequest::new("NEW", "1")).send().await?;
//!
//! circleci.assert_order([DeleteEnvVar::OPERATION, CreateEnvVar::OPERATION]);
//! assert_eq!(circleci.received()[1].json(), Some(&json!({ "name": "NEW", "value": "1" })));
//! # Ok(()) }
//! ```

mod example;
mod no_waiting;
mod received;
mod route;
pub mod scenario;
mod server;
mod stub;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, ClientBuilder};
use crate::operation::Operation;
use crate::request::Kind;
use server::State;

pub use example::{example, item};
pub use no_waiting::NoWaiting;
pub use received::Received;
pub use stub::{Refusal, Stub};

/// A server in this process that answers every operation of CircleCI's API. It stops when it is dropped.
///
/// See the [module](self) for what a test with it looks like. It panics, at the line of the test, where a test is wrong
/// or an assertion fails.
///
/// ```
/// # use circleci_api::{Client, mock::Mock, operations::{CreateEnvVar, ListEnvVars}, types::CreateEnvVarRequest};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// let server = Mock::start().await;
/// let circleci = server.client();
/// circleci.list_env_vars("gh/acme/web").send().await?;
/// circleci.create_env_var("gh/acme/web", CreateEnvVarRequest::new("NEW", "1")).send().await?;
///
/// server.assert_order([ListEnvVars::OPERATION, CreateEnvVar::OPERATION]);
/// server.assert_count::<ListEnvVars>(1);
/// assert_eq!(server.received().len(), 2);
/// assert_eq!(server.received_by::<CreateEnvVar>()[0].path("project-slug"), Some("gh/acme/web"));
///
/// // A program that makes its own client is told where to find it; any token will do.
/// let its_own = Client::builder().host(server.url()).token("abc").build()?;
/// assert!(its_own.get_current_user().send().await.is_ok());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Mock {
    server: wiremock::MockServer,
    state: Arc<State>,
}

impl Mock {
    /// Starts on a free port of this machine.
    ///
    /// # Panics
    ///
    /// There is no port to be had.
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let server = server::start(state.clone()).await;
        Self { server, state }
    }

    /// `http://127.0.0.1:49152`, for a program that is told its host: `CIRCLE_HOST`, or [`ClientBuilder::host`].
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// A client of this server. It retries as others do, but without waiting.
    ///
    /// # Panics
    ///
    /// No client can be built on this machine.
    #[track_caller]
    pub fn client(&self) -> Client {
        match self.client_builder().build() {
            Ok(client) => client,
            Err(error) => panic!("no client for the mock: {error}"),
        }
    }

    /// The same, to be changed before it is built.
    pub fn client_builder(&self) -> ClientBuilder {
        Client::builder()
            .host(self.url())
            .token("CCIPAT_mock")
            .clock(NoWaiting::default())
    }

    /// Says what an operation is answered. Of several that a request matches, the one that was said last counts.
    ///
    /// ```
    /// # use circleci_api::{mock::Mock, operations::GetCurrentUser};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let circleci = Mock::start().await;
    /// circleci.on::<GetCurrentUser>().reply_with(|user| user.login = Some("jo".into()));
    /// # }
    /// ```
    pub fn on<O>(&self) -> Stub<'_, O>
    where
        O: Kind<Output: Serialize + DeserializeOwned>,
    {
        Stub::new(&self.state)
    }

    /// Puts a file into storage and says its URL: for artifacts, parts of usage exports and outputs of steps to point to. Whoever
    /// asks for it needs no token, and is not in [`received`](Self::received). A file that was not put there holds its own path.
    ///
    #[cfg_attr(feature = "artifacts", doc = "```")]
    #[cfg_attr(not(feature = "artifacts"), doc = "```text")]
    /// # use circleci_api::{mock::Mock, operations::GetJobArtifacts, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// let server = Mock::start().await;
    /// let url = server.file("report.txt", "2 of 9 failed");
    /// server.on::<GetJobArtifacts>().reply_json(json!({ "items": [{ "path": "report.txt", "url": url }] }));
    ///
    /// let circleci = server.client();
    /// let artifacts = circleci.get_job_artifacts("gh/acme/web", 1).items().into_vec().await?;
    /// let mut report = circleci.download_artifact(&artifacts[0]).stream().await?;
    /// assert_eq!(report.try_next().await?.as_deref(), Some(&b"2 of 9 failed"[..]));
    /// # Ok(()) }
    /// ```
    pub fn file(&self, path: impl Into<String>, contents: impl Into<Vec<u8>>) -> String {
        let path = path.into();
        let url = server::file_url(&self.url(), &path);
        self.state.lock().files.insert(path, contents.into());
        url
    }

    /// From now on a request about which nothing was said is answered 501, rather than with an example.
    ///
    /// ```
    /// # use circleci_api::{http::StatusCode, mock::Mock, operations::GetCurrentUser};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// let server = Mock::start().await;
    /// server.strict();
    /// server.on::<GetCurrentUser>(); // the example will do
    ///
    /// let circleci = server.client_builder().no_retries().build()?;
    /// assert!(circleci.get_current_user().send().await.is_ok());
    /// let collaborations = circleci.get_collaborations().send().await;
    /// assert!(collaborations.is_err_and(|error| error.status() == Some(StatusCode::NOT_IMPLEMENTED)));
    /// # Ok(()) }
    /// ```
    pub fn strict(&self) {
        self.state.lock().strict = true;
    }

    /// Every request so far, in the order in which they came.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().received.clone()
    }

    /// The requests for one operation, in the order in which they came.
    pub fn received_by<O: Kind>(&self) -> Vec<Received> {
        let all = self.received().into_iter();
        all.filter(|it| {
            it.operation
                .is_some_and(|operation| operation.id == O::OPERATION.id)
        })
        .collect()
    }

    /// Exactly so many requests came for an operation, repeated attempts and pages included.
    ///
    /// # Panics
    ///
    /// There were more, or fewer. The message lists all that came.
    #[track_caller]
    pub fn assert_count<O: Kind>(&self, count: usize) {
        let came = self.received_by::<O>().len();
        if came != count {
            panic!(
                "{}: expected {}, but there {}\n{}",
                O::OPERATION.id,
                received::times(count),
                received::were(came),
                received::list(&self.received())
            );
        }
    }

    /// Exactly these operations were asked for, in this order. Repeated attempts and pages count one by one.
    ///
    /// # Panics
    ///
    /// There were others, or they came in another order. The message lists all that came.
    #[track_caller]
    pub fn assert_order(&self, operations: impl IntoIterator<Item = &'static Operation>) {
        let expected: Vec<&str> = operations
            .into_iter()
            .map(|operation| operation.id)
            .collect();
        let received = self.received();
        let came: Vec<&str> = received
            .iter()
            .map(|it| {
                it.operation
                    .map_or("no operation", |operation| operation.id)
            })
            .collect();
        if came != expected {
            let at = expected
                .iter()
                .zip(&came)
                .take_while(|(one, other)| one == other)
                .count();
            let instead = match (expected.get(at), came.get(at)) {
                (Some(expected), Some(came)) => {
                    format!("request {} is {came} instead of {expected}", at + 1)
                }
                (Some(expected), None) => format!(
                    "{expected} never came, nor anything else, as request {}",
                    at + 1
                ),
                _ => format!("request {} was not expected", at + 1),
            };
            panic!(
                "{instead}\nexpected: {}\n{}",
                expected.join(", "),
                received::list(&received)
            );
        }
    }
}
