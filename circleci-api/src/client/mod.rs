//! The client and its builder.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
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

/// The function that is called for each surprise (an unexpected part) in a response.
pub(crate) type OnSurprise = Arc<dyn Fn(&Surprise) + Send + Sync>;

/// A client for CircleCI's API v2. Cloning a client is cheap, and all clones share their connections.
///
/// Each operation is a method. Arguments and bodies are checked when the call is sent. The methods are grouped by CircleCI's
/// tags, such as "Pipeline" and "Workflow". The module [`operations`](crate::operations) has a page for each operation.
///
#[doc = mock_example!()]
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
    /// The reason why no https server can be trusted, if the machine has no CA certificates.
    pub(crate) no_roots: Option<String>,
    pub(crate) host: Host,
    pub(crate) credential: Credential,
    /// The headers of every request, including the credential.
    pub(crate) headers: HeaderMap,
    /// The headers of a request with a JSON body: `headers` and the content type. Adding the content type to a copy of `headers`
    /// would allocate twice.
    pub(crate) json_headers: HeaderMap,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
    pub(crate) read_timeout: Option<Duration>,
    /// The longest time that a request waits for a connection to take it. If this is `None` or longer than the read timeout, the
    /// read timeout applies instead.
    pub(crate) untaken_timeout: Option<Duration>,
    pub(crate) body_limit: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) on_surprise: Option<OnSurprise>,
    #[cfg(feature = "pacing")]
    pub(crate) pacing: Option<crate::retry::pacing::Pacing>,
    /// The deprecated operations about which the client has already logged a warning.
    #[cfg(feature = "tracing")]
    pub(crate) warned: std::sync::Mutex<std::collections::BTreeSet<String>>,
}

impl Inner {
    /// Returns the server's time from the headers of an answer, or this machine's time if the answer does not say it.
    #[cfg(feature = "wait")]
    pub(crate) fn server_time(&self, headers: &HeaderMap) -> std::time::SystemTime {
        crate::retry::rate_limit::server_time(headers).unwrap_or_else(|| self.clock.utc())
    }
}

impl Client {
    /// Returns a builder with the default settings: CircleCI's own host, the header `Circle-Token`, retries and timeouts.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Builds a client with the token and the host from the usual environment variables, or from the CLI's configuration file.
    /// See [`Environment`].
    ///
    /// ```no_run
    /// let circleci = circleci_api::Client::from_env()?;
    /// # Ok::<(), circleci_api::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The call fails if there is no token, or if a value that was found is invalid.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().or_from(&Environment::process()).build()
    }

    /// Returns the base URL of all operations, such as `https://circleci.com/api/v2`.
    pub fn base_url(&self) -> &str {
        self.inner.host.base.as_str()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("credential", &self.inner.credential)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Client`].
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
/// This client calls a server in a private network, and has its own connection settings and limits:
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
    on_surprise: Option<OnSurprise>,
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
    /// Sets the personal API token.
    pub fn token(mut self, token: impl Into<Token>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Makes the client send no token. CircleCI answers some calls about public projects without a token. A token in the
    /// environment is ignored.
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

    /// Sets the form in which the client sends the token. Default: [`Scheme::CircleToken`].
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets the host, with or without a scheme and `/api/v2`. Default: `circleci.com`.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Allows `http://` for a host that is not this machine. Anyone on the network path can then read the token.
    pub fn allow_plain_http(mut self, insist: bool) -> Self {
        self.allow_plain_http = insist;
        self
    }

    /// Takes the token and the host from `environment`, unless they are set on the builder. The setters may be called in any
    /// order. [`Environment`] has an example.
    pub fn or_from(mut self, environment: &Environment) -> Self {
        self.environment = Some(environment.clone());
        self
    }

    /// Adds text to the `User-Agent` header, after this crate's own name and version.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.agent = Some(product.into());
        self
    }

    /// Sets the builder that makes the connections, for example to use a proxy, root certificates or a resolver. This crate still
    /// handles redirects and adds its own headers, so the token goes only to the configured host.
    ///
    /// The defaults of `builder` apply instead of the client's defaults: proxies from the environment are used even for loopback
    /// hosts, and idle connections are kept for 90 seconds instead of 30. Only the client's own [retry policy](Self::retry)
    /// applies: reqwest cannot retry these requests.
    pub fn http(mut self, builder: reqwest::ClientBuilder) -> Self {
        self.http = Some(builder);
        self
    }

    /// Sets the longest wait for a connection. Default: 10 seconds, or the setting of the builder in [`http`](Self::http).
    ///
    /// If no connection takes a request, the client withdraws the request and retries it, whatever its method. It does so after the
    /// [`read_timeout`](Self::read_timeout). With the feature `http2`, or if you set both this time and [`http`](Self::http), it
    /// does so one second after this time, if that is sooner.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets the longest time without data from the server. `None` means no limit. Default: 30 seconds.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.read_timeout = timeout.into();
        self
    }

    /// Sets the longest total time of a call, including all attempts and the waits between them. `None` means no limit. Default:
    /// 2 minutes.
    pub fn timeout(mut self, total: impl Into<Option<Duration>>) -> Self {
        self.timeout = total.into();
        self
    }

    /// Sets the policy that says when and how often a failed call is retried.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Turns retries off. [`RetryPolicy::none`] has an example.
    pub fn no_retries(self) -> Self {
        self.retry(RetryPolicy::none())
    }

    /// Sets the maximum size of a response body, in bytes. A call with a larger body fails. Default: 64 MiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Limits the rate at which the client and its clones send requests. Requires the feature `pacing`.
    /// [`Pacing`](crate::Pacing) has an example.
    #[cfg(feature = "pacing")]
    pub fn pacing(mut self, pacing: crate::retry::pacing::Pacing) -> Self {
        self.pacing = Some(pacing);
        self
    }

    /// Replaces the clock. This is meant for tests. [`Clock`] has an example.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets a listener, which is called for each place where a response differs from CircleCI's document or from this version of
    /// the crate. Such differences are unknown keys, unknown enum values, missing fields, and values of the wrong form. By
    /// default, there is no listener and nothing is checked.
    ///
    /// With a listener, the client reads each response a second time. The listener runs on the task of the call, before the call
    /// returns, so it should be quick. A [`Surprise`] contains no value from the response.
    ///
    #[doc = mock_example!()]
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

    /// Checks all settings and builds the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// The call fails with [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) in these cases:
    ///
    /// - There is no token, and the client is not [`anonymous`](Self::anonymous).
    /// - There is a token, and the client is anonymous.
    /// - The token is empty or is not a valid header value.
    /// - The host is invalid or must not receive a token.
    /// - The user agent is invalid.
    /// - TLS cannot be set up.
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

        let mut headers = headers(&credential, self.agent.as_deref())?;
        let connections = Connections::new(self.http, self.connect_timeout, &host)?;
        let mut json_headers = headers.clone();
        json_headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // If this header were missing, hyper would add it and enlarge the header map. The map of a request with a body is
        // enlarged anyway, so `json_headers` does not contain this header.
        if connections.http1_only
            && let Some(name) = host.header()
        {
            headers.insert(HOST, name);
        }
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
                untaken_timeout: connections.untaken_timeout,
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

/// Returns the headers of every request.
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
    #[cfg(feature = "gzip")]
    headers.insert(
        http::header::ACCEPT_ENCODING,
        HeaderValue::from_static("gzip"),
    );
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
