//! A CircleCI in your tests' own process: it answers every operation, the way you tell it to.
//!
//! [`Mock::start`] listens on a free port of this machine, and [`Mock::client`] gives a client that talks to it and never
//! sits out a wait between two attempts. Whatever it was told nothing about is answered by an example, which is what CircleCI
//! would send: keys as on the wire, and about the project, the branch and the ids that the request asks for.
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

mod answer;
mod example;
mod no_waiting;
mod placeholder;
mod received;
mod request_shape;
mod route;
mod rule;
pub mod scenario;
mod server;
mod state;
mod stub;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::Method;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, ClientBuilder};
use crate::operation::Operation;
use crate::request::Kind;
use server::Server;
use state::{Log, State};

pub use answer::Refusal;
pub use example::{example, item};
pub use no_waiting::NoWaiting;
pub use received::Received;
pub use stub::{AnyPath, Stub};

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
    server: Server,
    state: Arc<State>,
}

impl Mock {
    /// Starts on a free port of this machine.
    ///
    /// # Panics
    ///
    /// There is no free port.
    pub async fn start() -> Self {
        match Self::start_on((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(mock) => mock,
            Err(error) => panic!("the mock cannot listen on this machine: {error}"),
        }
    }

    /// Starts on this address, for clients that are not in this process. Port 0 is a free port.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # use circleci_api::mock::Mock;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// let circleci = Mock::start_on((Ipv4Addr::LOCALHOST, 0)).await?;
    /// println!("CIRCLE_HOST={}", circleci.url());
    /// circleci.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The address is in use, or this machine does not have it.
    pub async fn start_on(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let server = Server::start(address.into(), state.clone()).await?;
        Ok(Self { server, state })
    }

    /// Stops: requests that are on their way are answered, and then the address is free. A mock that is dropped stops too, but
    /// nobody waits for it.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// `http://127.0.0.1:49152`, for a program that is told its host: `CIRCLE_HOST`, or [`ClientBuilder::host`].
    pub fn url(&self) -> String {
        self.server.url()
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

    /// Says what a method and a path are answered, for an endpoint that this crate does not know. The template lies below
    /// `/api/v2`, or begins with `/api/` itself. `{project-slug}` matches a slug of three segments too.
    ///
    /// ```
    /// # use circleci_api::{mock::Mock, http::Method, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let circleci = Mock::start().await;
    /// let stub = circleci
    ///     .on_path(Method::GET, "/deploy/projects/{project_id}/settings")
    ///     .reply_json(json!({ "create_autogenerated_releases": true }));
    /// stub.assert_count(0);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// The template does not begin with a slash, or a name in braces is not all of a segment.
    #[track_caller]
    pub fn on_path(&self, method: Method, template: impl Into<String>) -> Stub<'_, AnyPath> {
        Stub::on_path(&self.state, method, template.into())
    }

    /// Keeps this many requests for [`received`](Self::received), the newest ones. Default: all of them.
    pub fn keep(&self, requests: usize) {
        self.state.lock().keep = Some(requests);
    }

    /// Calls a function for each request, with the status that it is answered; 0 where the connection is closed. Requests for
    /// files are not among them.
    pub fn on_request(&self, log: impl Fn(&Received, u16) + Send + Sync + 'static) {
        self.state.lock().log = Some(Log(Arc::new(log)));
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
        let url = state::file_url(&self.url(), &path);
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
        self.state.lock().received.iter().cloned().collect()
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
