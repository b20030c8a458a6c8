//! The connections of a client: the caller's connections or its own, with or without a proxy and CA certificates.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::client::host::Host;
use crate::client::proxies::Proxies;
use crate::client::tls;
use crate::error::Error;

/// The default for the longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. Load balancers close an idle connection after 60 seconds at the earliest, and a
/// request that is sent at that moment is lost.
const IDLE: Duration = Duration::from_secs(30);

/// A request that no connection has taken for this much longer than a connection may take to open is not sent any more.
const GRACE: Duration = Duration::from_secs(1);

/// Makes connections, and knows how they were configured.
pub(crate) struct Connections {
    pub(crate) http: reqwest::Client,
    pub(crate) proxies: Proxies,
    /// If the machine has no CA certificates: why no https server can be trusted.
    pub(crate) no_roots: Option<String>,
    /// Whether no server is spoken to in HTTP/2.
    pub(crate) http1_only: bool,
    /// How long a request waits for a connection to take it.
    pub(crate) untaken_timeout: Option<Duration>,
}

impl Connections {
    pub(crate) fn new(
        theirs: Option<reqwest::ClientBuilder>,
        connect_timeout: Option<Duration>,
        host: &Host,
    ) -> Result<Self, Error> {
        tls::with_provider(|| match theirs {
            Some(theirs) => Self::theirs(theirs, connect_timeout),
            None => Self::ours(connect_timeout.unwrap_or(CONNECT_TIMEOUT), host),
        })
    }

    fn ours(connect_timeout: Duration, host: &Host) -> Result<Self, Error> {
        // Report this here, and not through connections that fail.
        if !tls::is_built_in() && host.base.scheme() == "https" {
            return Err(Error::configuration(tls::NO_TLS));
        }
        let builder = || {
            let ours = reqwest::Client::builder()
                .connect_timeout(connect_timeout)
                .pool_idle_timeout(IDLE);
            let ours = one_protocol(as_it_comes(ours));
            // A client that talks to its own machine must not use a proxy from the environment.
            if host.loopback { ours.no_proxy() } else { ours }
        };
        let proxies = match host.loopback {
            true => Proxies::Ignored,
            false => Proxies::Environment,
        };
        let (http, no_roots) = match builder().build() {
            Ok(http) => (http, None),
            Err(error) => match without_roots(builder()).build() {
                Ok(http) => (http, Some(no_roots(&error))),
                Err(_) => return Err(unusable(error)),
            },
        };
        Ok(Self {
            http,
            proxies,
            no_roots,
            http1_only: cfg!(not(feature = "http2")),
            untaken_timeout: Some(connect_timeout.saturating_add(GRACE)),
        })
    }

    fn theirs(
        theirs: reqwest::ClientBuilder,
        connect_timeout: Option<Duration>,
    ) -> Result<Self, Error> {
        let theirs = match connect_timeout {
            Some(timeout) => theirs.connect_timeout(timeout),
            None => theirs,
        };
        let theirs = as_it_comes(theirs);
        // The builder is lost if it fails, so check the machine first. The caller's own certificates are kept. Without a
        // provider, only a TLS configuration of the caller can work.
        let theirs = match !tls::has_provider() || machine_has_roots() {
            true => theirs,
            false => without_roots(theirs),
        };
        Ok(Self {
            http: theirs.build().map_err(unusable)?,
            proxies: Proxies::Theirs,
            no_roots: None,
            http1_only: false,
            untaken_timeout: connect_timeout.map(|timeout| timeout.saturating_add(GRACE)),
        })
    }
}

/// Turns off redirects and decompression in reqwest, because `transport` does both.
fn as_it_comes(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    // On a redirect to another host, reqwest removes `Authorization` but keeps `Circle-Token`. It would also unpack stored
    // files if another crate in the build enabled compression.
    builder
        .redirect(Policy::none())
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
}

/// Without the feature `http2`, another crate of the program may still enable it in reqwest.
fn one_protocol(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(not(feature = "http2"))]
    let builder = builder.http1_only();
    builder
}

/// Makes the builder ignore the machine's CA certificates.
fn without_roots(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    let builder = builder.tls_certs_only([]);
    builder
}

/// Whether a client with the machine's CA certificates can be built. This is checked once.
fn machine_has_roots() -> bool {
    use std::sync::OnceLock;

    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        let plain = || reqwest::Client::builder().no_proxy();
        plain().build().is_ok() || without_roots(plain()).build().is_err()
    })
}

fn no_roots(error: &reqwest::Error) -> String {
    format!(
        "this machine has no CA certificates, so the client cannot trust any https server: install the package \
         ca-certificates, or set SSL_CERT_FILE to a file of certificates ({})",
        innermost(error)
    )
}

fn unusable(error: reqwest::Error) -> Error {
    let message = format!("the HTTP client cannot be built: {}", innermost(&error));
    Error::configuration(message).with_source(error)
}

fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
