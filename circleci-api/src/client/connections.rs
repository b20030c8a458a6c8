//! Builds the reqwest client that makes the connections of a [`Client`](super::Client), either from the caller's builder or with
//! default settings.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::client::host::Host;
use crate::client::proxies::Proxies;
use crate::client::tls;
use crate::error::Error;

/// The default connection timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for which an idle connection is kept. Load balancers keep an idle connection for at least 60 seconds. A shorter time
/// is necessary, because a request that is sent while a load balancer closes the connection is lost.
const IDLE: Duration = Duration::from_secs(30);

/// The time that a request waits for a connection to take it, in addition to the connection timeout.
const GRACE: Duration = Duration::from_secs(1);

/// The HTTP client that makes the connections, and how it is configured.
pub(crate) struct Connections {
    pub(crate) http: reqwest::Client,
    pub(crate) proxies: Proxies,
    /// The reason why no https server can be trusted, if the machine has no CA certificates.
    pub(crate) no_roots: Option<String>,
    /// True if all connections use HTTP/1.1. False if a connection may use HTTP/2.
    pub(crate) http1_only: bool,
    /// The longest time that a request waits for a connection to take it. If this is `None` or longer than the read timeout, the
    /// read timeout applies instead.
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
        // Without TLS, all connections to this host would fail. Report the reason now.
        if !tls::is_built_in() && host.base.scheme() == "https" {
            return Err(Error::configuration(tls::NO_TLS));
        }
        let builder = || {
            let ours = reqwest::Client::builder()
                .connect_timeout(connect_timeout)
                .pool_idle_timeout(IDLE);
            let ours = one_protocol(as_it_comes(ours));
            // A client for a server on the same machine must not use a proxy from the environment.
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
        let http1_only = cfg!(not(feature = "http2"));
        Ok(Self {
            http,
            proxies,
            no_roots,
            http1_only,
            // HTTP/1.1 has no such timeout, because there a request rarely waits for a connection that never takes it, and an
            // earlier timer would make every call more expensive.
            untaken_timeout: (!http1_only).then(|| connect_timeout.saturating_add(GRACE)),
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
        // `build` consumes the builder even if it fails, so check first whether the machine has CA certificates. The caller's own
        // certificates are kept. Without a TLS provider, only the caller's TLS configuration can work, so it is not changed.
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

/// Turns off redirects and decompression in reqwest, because the module `transport` handles both.
fn as_it_comes(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    // On a redirect to another host, reqwest removes `Authorization` but keeps `Circle-Token`. If another crate in the build
    // enabled compression, reqwest would also decompress files that are stored compressed.
    builder
        .redirect(Policy::none())
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
}

/// Without the feature `http2`, restricts the builder to HTTP/1.1, because another crate in the program may enable HTTP/2 in
/// reqwest.
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

/// Checks whether a client can be built with the machine's CA certificates. The result is computed once per process.
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
