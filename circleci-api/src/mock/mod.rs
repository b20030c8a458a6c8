//! A mock CircleCI server that runs inside your test process and answers every operation as you configure it.
//!
//! [`Mock::start`] listens on a free local port. [`Mock::client`] returns a client that talks to the mock and does not wait
//! between attempts. If you did not configure an operation, the mock answers with an example of what CircleCI sends. The
//! keys of the example are spelled as CircleCI spells them, and its project, branch and ids are those of the request.
//!
//! Test a program that reads a list, page by page:
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
//! Test a program that reads a project and runs into a rate limit:
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
//! circleci.assert_count::<GetProjectBySlug>(2); // the second attempt succeeded, without a wait
//! # Ok(()) }
//! ```
//!
//! Test a program that writes: check what it sent, and in which order.
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
/// See the [module](self) for examples of tests. The methods panic, with the line of the test as the location, if the test
/// uses them incorrectly or if an assertion fails.
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
/// // A program that builds its own client needs the URL of the mock. The mock accepts any token.
/// let its_own = Client::builder().host(server.url()).token("abc").build()?;
/// assert!(its_own.get_current_user().send().await.is_ok());
/// # Ok(()) }
/// ```
///
/// A mock that runs for a long time can limit how many requests it keeps, and report each request as it arrives:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use circleci_api::mock::Mock;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// let server = Mock::start().await;
/// server.keep(1);
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let lines = log.clone();
/// server.on_request(move |request, status| lines.lock().unwrap().push(format!("{status} {request}")));
///
/// let circleci = server.client();
/// circleci.get_current_user().send().await?;
/// circleci.get_collaborations().send().await?;
///
/// assert_eq!(server.received().len(), 1);
/// assert_eq!(log.lock().unwrap()[0], "200 getCurrentUser: GET /api/v2/me");
/// assert_eq!(log.lock().unwrap()[1], "200 getCollaborations: GET /api/v2/me/collaborations");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Mock {
    server: Server,
    state: Arc<State>,
}

impl Mock {
    /// Starts a server on a free port of the loopback address.
    ///
    /// # Panics
    ///
    /// Panics if the server cannot listen on this machine, or if the loopback interface does not work.
    pub async fn start() -> Self {
        match Self::start_on((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(mock) => mock,
            Err(error) => panic!("the mock cannot listen on this machine: {error}"),
        }
    }

    /// Starts a server on `address`, for clients outside this process. Port 0 selects a free port.
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
    /// Returns an error if the address is in use or does not belong to this machine, or if it is a loopback address and the
    /// loopback interface does not work.
    pub async fn start_on(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let server = Server::start(address.into(), state.clone()).await?;
        Ok(Self { server, state })
    }

    /// Stops the server. Before this method returns, the server answers the requests that have arrived, and frees its address.
    /// Dropping the mock stops the server too, but then the address may be in use a little longer.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Returns the URL of the server, such as `http://127.0.0.1:49152`. Pass the URL to the program under test as its host,
    /// either in `CIRCLE_HOST` or with [`ClientBuilder::host`].
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns a client for this server. The client retries as any other client does, but without waiting.
    ///
    /// # Panics
    ///
    /// Panics if no client can be built on this machine.
    #[track_caller]
    pub fn client(&self) -> Client {
        match self.client_builder().build() {
            Ok(client) => client,
            Err(error) => panic!("cannot build a client for the mock: {error}"),
        }
    }

    /// Returns the builder that [`client`](Self::client) uses, so that a test can change settings before it builds a client.
    pub fn client_builder(&self) -> ClientBuilder {
        Client::builder()
            .host(self.url())
            .token("CCIPAT_mock")
            .clock(NoWaiting::default())
    }

    /// Configures the answers to an operation. If several stubs match a request, the newest one answers.
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

    /// Configures the answers to requests with this method and this path template, for an endpoint that this crate does not
    /// know. The template is relative to `/api/v2`, unless it begins with `/api/`. `{project-slug}` also matches a slug of three
    /// segments.
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
    /// Panics if the template does not begin with a slash, or if a name in braces does not fill a whole segment.
    #[track_caller]
    pub fn on_path(&self, method: Method, template: impl Into<String>) -> Stub<'_, AnyPath> {
        Stub::on_path(&self.state, method, template.into())
    }

    /// Sets how many requests the mock keeps for [`received`](Self::received). The mock keeps the newest ones. Default: no limit.
    pub fn keep(&self, requests: usize) {
        self.state.lock().keep = Some(requests);
    }

    /// Sets a function that is called with each request and the status of the answer. The status is 0 if the mock closes the
    /// connection. The function is not called for downloads of files.
    pub fn on_request(&self, log: impl Fn(&Received, u16) + Send + Sync + 'static) {
        self.state.lock().log = Some(Log(Arc::new(log)));
    }

    /// Stores a file and returns its URL. You can use the URL in an artifact, in a part of a usage export, or as the output of a
    /// step. A download needs no token, and is not listed in [`received`](Self::received). If a client downloads a file that was
    /// not stored, the response body is the path of the file.
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

    /// Makes the mock answer with 501 to every operation that is not configured. By default, the mock answers with an example.
    ///
    /// ```
    /// # use circleci_api::{http::StatusCode, mock::Mock, operations::GetCurrentUser};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// let server = Mock::start().await;
    /// server.strict();
    /// server.on::<GetCurrentUser>(); // answered with the example
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

    /// Returns all requests so far, in the order in which they arrived.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().received.iter().cloned().collect()
    }

    /// Returns the requests for one operation, in the order in which they arrived.
    pub fn received_by<O: Kind>(&self) -> Vec<Received> {
        let all = self.received().into_iter();
        all.filter(|it| {
            it.operation
                .is_some_and(|operation| operation.id == O::OPERATION.id)
        })
        .collect()
    }

    /// Asserts that this number of requests arrived for an operation. Each attempt and each page counts as one request.
    ///
    /// # Panics
    ///
    /// Panics if the number differs. The message lists all requests.
    #[track_caller]
    pub fn assert_count<O: Kind>(&self, count: usize) {
        let came = self.received_by::<O>().len();
        if came != count {
            panic!(
                "{}: expected {}, got {}\n{}",
                O::OPERATION.id,
                received::requests(count),
                received::requests(came),
                received::list(&self.received())
            );
        }
    }

    /// Asserts that exactly these operations were called, in this order. Each attempt and each page counts as one call.
    ///
    /// # Panics
    ///
    /// Panics if other operations were called, or if the order differs. The message lists all requests.
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
                    format!("request {} is {came}: expected {expected}", at + 1)
                }
                (Some(expected), None) => {
                    format!("request {} is missing: expected {expected}", at + 1)
                }
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
