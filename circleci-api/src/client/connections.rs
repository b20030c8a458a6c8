//! The connections of a client: the caller's or its own, with or without a proxy and CA certificates.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::client::host::Host;
use crate::client::proxies::Proxies;
use crate::client::tls;
use crate::error::Error;

/// The longest wait for a connection, unless the caller chooses another.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. Load balancers close one after 60 seconds at the earliest, and a request that is
/// on its way then is lost.
const IDLE: Duration = Duration::from_secs(30);

/// What makes connections, and what is known about it.
pub(crate) struct Connections {
    pub(crate) http: reqwest::Client,
    pub(crate) proxies: Proxies,
    /// Why no https server can be trusted, where the machine has no CA certificates.
    pub(crate) no_roots: Option<String>,
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
        // Found out here, and not by connections that fail.
        if !tls::is_built_in() && host.base.starts_with("https:") {
            return Err(Error::configuration(tls::NO_TLS));
        }
        let builder = || {
            let ours = reqwest::Client::builder()
                .connect_timeout(connect_timeout)
                .pool_idle_timeout(IDLE);
            let ours = as_it_comes(ours);
            // A proxy from the environment has no business between a client and its own machine.
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
        // A builder that fails is lost, so that the machine is asked first. Certificates of the caller's own stay.
        // Without a provider only theirs can work, with a TLS configuration in it.
        let theirs = match !tls::has_provider() || machine_has_roots() {
            true => theirs,
            false => without_roots(theirs),
        };
        Ok(Self {
            http: theirs.build().map_err(unusable)?,
            proxies: Proxies::Theirs,
            no_roots: None,
        })
    }
}

/// Follows no redirect and unpacks nothing: `transport` does both.
fn as_it_comes(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    // reqwest removes `Authorization` from a redirect to another host, but keeps `Circle-Token`. It unpacks stored files too
    // if another crate in the build enables compression.
    builder
        .redirect(Policy::none())
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
}

/// The same connections without the machine's CA certificates.
fn without_roots(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    let builder = builder.tls_certs_only([]);
    builder
}

/// Whether a client with the machine's CA certificates can be built. Asked once.
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
        "this machine has no CA certificates, so that no https server can be trusted: install the package \
         ca-certificates, or set SSL_CERT_FILE to a file of them ({})",
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
