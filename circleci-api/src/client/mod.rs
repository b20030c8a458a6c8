//! The client and how it is put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use crate::error::Error;
use crate::json::surprise::Surprise;
use crate::retry::RetryPolicy;
use crate::retry::clock::{Clock, SystemClock};

pub(crate) mod auth;
pub(crate) mod connections;
pub(crate) mod environment;
pub(crate) mod host;
mod placeholder;
pub(crate) mod proxies;
mod tls;
pub(crate) mod web_url;

use auth::{Credential, Scheme, Token};
use connections::Connections;
use environment::Environment;
use host::{DEFAULT_HOST, Host};
use proxies::Proxies;

const AGENT: &str = concat!("circleci-api/", env!("CARGO_PKG_VERSION"));

/// Whoever wants to know what an answer holds beyond what is known.
pub(crate) type Listener = Arc<dyn Fn(&Surprise) + Send + Sync>;

/// A client of CircleCI's API v2. Cloning it is cheap, and the clones share their connections.
///
/// Every operation is a method. One that takes a body or an argument checks it when the call is sent. Below, the operations
/// stand under CircleCI's tags, such as "Pipeline" and "Workflow"; [`operations`](crate::operations) has a page for each.
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let host = server.url();
/// use circleci_api::Client;
///
/// let circleci = Client::builder().host(&host).token("CCIPAT_xyz").build()?;
/// let project = circleci.get_project_by_slug("gh/acme/web").send().await?;
///
/// println!("{} at {}", project.name, circleci.base_url());
/// # assert_eq!(circleci.base_url(), format!("{host}/api/v2"));
/// # assert_eq!(server.received()[0].project().as_deref(), Some("gh/acme/web"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) proxies: Proxies,
    /// Why no https server can be trusted, where the machine has no CA certificates.
    pub(crate) no_roots: Option<String>,
    pub(crate) host: Host,
    pub(crate) credential: Credential,
    /// What every request carries, the credential included.
    pub(crate) headers: HeaderMap,
    /// The same with the type of a body: a copy that is added to is allocated twice.
    pub(crate) json_headers: HeaderMap,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) body_limit: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) on_surprise: Option<Listener>,
    #[cfg(feature = "pacing")]
    pub(crate) pacing: Option<crate::retry::pacing::Pacing>,
    /// The deprecated operations of which the client has warned.
    #[cfg(feature = "tracing")]
    pub(crate) warned: std::sync::Mutex<std::collections::BTreeSet<String>>,
}

impl Client {
    /// Starts with the defaults: CircleCI's own host, `Circle-Token`, retries, timeouts.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Token and host from the usual variables, or from the CLI's file; see [`Environment`].
    ///
    /// ```no_run
    /// let circleci = circleci_api::Client::from_env()?;
    /// # Ok::<(), circleci_api::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There is no token anywhere, or what there is cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().or_from(&Environment::process()).build()
    }

    /// The URL below which every operation lies: `https://circleci.com/api/v2`.
    pub fn base_url(&self) -> &str {
        &self.inner.host.base
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.inner.host.base)
            .field("credential", &self.inner.credential)
            .finish_non_exhaustive()
    }
}

/// Puts a [`Client`] together.
///
/// ```
/// use std::time::Duration;
/// use circleci_api::{Client, Scheme};
///
/// let client = Client::builder()
///     .host("ci.example.com")
///     .token("abc")
///     .scheme(Scheme::Bearer)
///     .user_agent("release-bot/1.2")
///     .timeout(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(client.base_url(), "https://ci.example.com/api/v2");
/// # Ok::<(), circleci_api::Error>(())
/// ```
///
/// One for a server in one's own network, with its own connections and bounds:
///
/// ```
/// use std::time::Duration;
/// use circleci_api::{Client, RetryPolicy, reqwest};
///
/// let client = Client::builder()
///     .host("http://ci.internal:8080")
///     .allow_plain_http(true)
///     .token("abc")
///     .http(reqwest::Client::builder().no_proxy())
///     .connect_timeout(Duration::from_secs(3))
///     .read_timeout(Duration::from_secs(10))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .body_limit(8 << 20)
///     .build()?;
/// assert_eq!(client.base_url(), "http://ci.internal:8080/api/v2");
/// # Ok::<(), circleci_api::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    token: Option<Token>,
    anonymous: bool,
    scheme: Scheme,
    host: Option<String>,
    allow_plain_http: bool,
    environment: Option<Environment>,
    agent: Option<String>,
    http: Option<reqwest::ClientBuilder>,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
    body_limit: usize,
    clock: Arc<dyn Clock>,
    on_surprise: Option<Listener>,
    #[cfg(feature = "pacing")]
    pacing: Option<crate::retry::pacing::Pacing>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            token: None,
            anonymous: false,
            scheme: Scheme::default(),
            host: None,
            allow_plain_http: false,
            environment: None,
            agent: None,
            http: None,
            connect_timeout: None,
            read_timeout: Some(Duration::from_secs(30)),
            timeout: Some(Duration::from_secs(120)),
            retry: RetryPolicy::default(),
            body_limit: 64 << 20,
            clock: Arc::new(SystemClock),
            on_surprise: None,
            #[cfg(feature = "pacing")]
            pacing: None,
        }
    }
}

impl ClientBuilder {
    /// The personal API token.
    pub fn token(mut self, token: impl Into<Token>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Without a token, on purpose: CircleCI answers some calls about public projects. A token of the environment is not read.
    ///
    /// ```
    /// use circleci_api::Client;
    ///
    /// let circleci = Client::builder().anonymous().build()?;
    /// assert!(Client::builder().build().is_err()); // without either
    /// # let _ = circleci;
    /// # Ok::<(), circleci_api::Error>(())
    /// ```
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// How the token travels; `Circle-Token` unless said otherwise.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The host, with or without scheme and `/api/v2`; `circleci.com` unless said otherwise.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Allows `http://` for a host that is not this machine. Everyone on the way can then read the token.
    pub fn allow_plain_http(mut self, insist: bool) -> Self {
        self.allow_plain_http = insist;
        self
    }

    /// Takes token and host from here where they are not given explicitly, whatever the order of the calls. See the
    /// example of [`Environment`].
    pub fn or_from(mut self, environment: &Environment) -> Self {
        self.environment = Some(environment.clone());
        self
    }

    /// Added to the `User-Agent` behind this crate's own name and version.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.agent = Some(product.into());
        self
    }

    /// Connections made your way: proxy, roots, resolver, … Redirects stay this crate's, and its headers come on top,
    /// so that the token goes to the configured host only. The builder's own defaults apply: proxies from the environment,
    /// for loopback too, and idle connections that are kept for 90 seconds. Without it, a client keeps them for 30 seconds.
    pub fn http(mut self, builder: reqwest::ClientBuilder) -> Self {
        self.http = Some(builder);
        self
    }

    /// The longest wait for a connection. 10 seconds unless said otherwise here or in [`http`](Self::http).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The longest silence of a server; 30 seconds unless said otherwise. `None` waits for ever.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.read_timeout = timeout.into();
        self
    }

    /// The total time of a call, with all attempts and the waits between them; 2 minutes unless said otherwise.
    /// `None` waits for ever.
    pub fn timeout(mut self, total: impl Into<Option<Duration>>) -> Self {
        self.timeout = total.into();
        self
    }

    /// When a failed call is tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// No call is tried again. See the example of [`RetryPolicy::none`].
    pub fn no_retries(self) -> Self {
        self.retry(RetryPolicy::none())
    }

    /// The largest body that is read, in bytes; 64 MiB unless said otherwise.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Keeps the client and its clones below a rate. With the feature `pacing`; see the example of [`Pacing`](crate::Pacing).
    #[cfg(feature = "pacing")]
    pub fn pacing(mut self, pacing: crate::retry::pacing::Pacing) -> Self {
        self.pacing = Some(pacing);
        self
    }

    /// Another time, for tests. See the example of [`Clock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Reports each place of an answer that is not what CircleCI's document or this version of the crate says: unknown keys and
    /// words, missing fields, values of the wrong form. Default: nobody is told, and nothing is looked for.
    ///
    /// Each answer is then read a second time. The listener runs on the task of the call, before its result is there, and
    /// should be quick. A [`Surprise`] holds no value of the answer.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # use circleci_api::{mock::Mock, operations::ListContexts};
    /// # let server = Mock::start().await;
    /// # server.on::<ListContexts>().raw(200, r#"{ "items": [{ "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "name": "build",
    /// #     "created_at": "", "colour": "red" }], "next_page_token": null }"#);
    /// # let builder = server.client_builder();
    /// use std::sync::{Arc, Mutex};
    /// use circleci_api::SurpriseKind;
    ///
    /// let met = Arc::new(Mutex::new(Vec::new()));
    /// let log = met.clone();
    /// let circleci = builder
    ///     .on_surprise(move |surprise| log.lock().unwrap().push(surprise.clone()))
    ///     .build()?;
    ///
    /// circleci.list_contexts().owner_slug("gh/acme").send().await?;
    /// for surprise in &*met.lock().unwrap() {
    ///     println!("{surprise}"); // listContexts: items[0].colour: unknown key
    ///     assert_eq!(surprise.operation(), "listContexts");
    ///     assert!(["items[0].created_at", "items[0].colour"].contains(&surprise.path()));
    ///     assert!([SurpriseKind::MendedValue, SurpriseKind::UnknownKey].contains(&surprise.kind()));
    /// }
    /// # assert_eq!(met.lock().unwrap().len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn on_surprise(mut self, listener: impl Fn(&Surprise) + Send + Sync + 'static) -> Self {
        self.on_surprise = Some(Arc::new(listener));
        self
    }

    /// Checks it all. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration): no token, unless the client is
    /// [`anonymous`](Self::anonymous); a token for an anonymous client; an empty token, or one that is not a valid header value; an
    /// invalid host, or one that a token must not be sent to; an invalid user agent; TLS that cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let (mut token, mut host) = (self.token, self.host);
        if let Some(environment) = &self.environment {
            let wanted = token.is_none() && !self.anonymous;
            let found = environment.read(wanted, host.is_none())?;
            token = token.or(found.token);
            host = host.or(found.host);
        }
        let credential = match token {
            Some(_) if self.anonymous => {
                return Err(Error::configuration(
                    "the builder has both a token and `anonymous`: remove one of them",
                ));
            }
            Some(token) => Credential::new(&token, self.scheme)?,
            None if self.anonymous => Credential::none(),
            None => return Err(Error::configuration(environment::NO_TOKEN)),
        };
        let host = Host::parse(
            host.as_deref().unwrap_or(DEFAULT_HOST),
            self.allow_plain_http,
        )?;

        let headers = headers(&credential, self.agent.as_deref())?;
        let mut json_headers = headers.clone();
        json_headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let connections = Connections::new(self.http, self.connect_timeout, &host)?;
        Ok(Client {
            inner: Arc::new(Inner {
                http: connections.http,
                proxies: connections.proxies,
                no_roots: connections.no_roots,
                host,
                credential,
                headers,
                json_headers,
                retry: self.retry,
                timeout: self.timeout,
                read_timeout: self.read_timeout,
                body_limit: self.body_limit,
                clock: self.clock,
                on_surprise: self.on_surprise,
                #[cfg(feature = "pacing")]
                pacing: self.pacing,
                #[cfg(feature = "tracing")]
                warned: std::sync::Mutex::default(),
            }),
        })
    }
}

/// What every request carries.
fn headers(credential: &Credential, product: Option<&str>) -> Result<HeaderMap, Error> {
    let agent = match product {
        None => HeaderValue::from_static(AGENT),
        Some(product) => HeaderValue::from_str(&format!("{AGENT} {product}"))
            .map_err(|_| Error::configuration("the user agent is not a valid header value"))?,
    };
    let mut headers = HeaderMap::with_capacity(4);
    if let Some((name, value)) = &credential.header {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(USER_AGENT, agent);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Ok(headers)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("token", &self.token)
            .field("anonymous", &self.anonymous)
            .field("scheme", &self.scheme)
            .field("environment", &self.environment)
            .field("timeout", &self.timeout)
            .field("read_timeout", &self.read_timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
