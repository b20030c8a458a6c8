//! Decides which hosts receive the token when a file is downloaded from them.

use reqwest::Url;

use crate::client::Client;
use crate::client::host;
use crate::error::Error;

/// The domain from which circleci.com serves its artifacts.
const ARTIFACTS: &str = "circle-artifacts.com";

/// The hosts that receive the token when a file is downloaded from them.
///
/// Private artifacts require the token, but circleci.com serves them from other hosts than the API. The token is sent
///
/// - to the client's own origin, which receives it with every call (a self-hosted server keeps its artifacts there);
/// - to `https://output.circle-artifacts.com` and all other hosts in the domain `circle-artifacts.com`, if the client's host is
///   `circleci.com` or below it (these hosts must not get the token of a self-hosted server);
/// - to the hosts that you [allow](Self::allow).
///
/// The token is sent to no other host. After a redirect to another origin, the token is not sent at all, not even to a host in
/// this list, because such a redirect leads to a signed URL, which works without the token. (Headers that you set in
/// [`ClientBuilder::http`](crate::ClientBuilder::http) are not restricted: every host receives them.)
///
/// ```
/// use circleci_api::artifacts::TokenHosts;
///
/// let hosts = TokenHosts::new().allow("artifacts.ci.example.com")?.allow("*.files.example.com")?;
/// let only_one = TokenHosts::none().allow("files.example.com:8443")?;
/// assert!(TokenHosts::none().allow("*.com").is_err());
/// # Ok::<(), circleci_api::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TokenHosts {
    known: bool,
    allowed: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// The name of the host. If `below` is set, the name of the domain whose subdomains are allowed.
    name: String,
    below: bool,
    port: Option<u16>,
}

impl Default for TokenHosts {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenHosts {
    /// Creates a list of the client's own origin and, if the client's host is `circleci.com` or below it, the hosts that serve its
    /// artifacts.
    pub fn new() -> Self {
        Self {
            known: true,
            allowed: Vec::new(),
        }
    }

    /// Creates an empty list, to which you add hosts with [`allow`](Self::allow).
    pub fn none() -> Self {
        Self {
            known: false,
            allowed: Vec::new(),
        }
    }

    /// Adds a host, such as `files.example.com` or `files.example.com:8443`. To add all subdomains of a host, write
    /// `*.files.example.com`. The token is sent to the host over `https` only, unless the host is this machine.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the text is not a host or
    /// ends with a dot, or if `*.` is followed by a top-level domain (`*.com`) or an IP address.
    pub fn allow(mut self, host: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::configuration(format!(
                "{host:?} is not a valid host: write a host such as `files.example.com`, or `*.` and a host of at least two parts"
            ))
        };
        let (below, rest) = match host.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        // Store the host in the form that the URL parser gives it, because `include` compares it with a parsed URL.
        let url = Url::parse(&format!("https://{rest}/")).map_err(|_| wrong())?;
        let name = url.host_str().unwrap_or_default();
        let whole = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        // The URL parser has already decoded `%2e` to a dot. An empty label is refused too, because `com.` means the top-level
        // domain `com`.
        let labels = name.split('.');
        let no_name = |label: &str| label.is_empty() || label.contains(['*', '%']);
        if labels.clone().any(no_name)
            || !whole
            || rest.ends_with('/')
            || (below && (labels.count() < 2 || is_address(&url)))
        {
            return Err(wrong());
        }
        self.allowed.push(Pattern {
            name: name.to_owned(),
            below,
            port: url.port(),
        });
        Ok(self)
    }

    pub(crate) fn include(&self, url: &Url, client: &Client) -> bool {
        let Some(name) = url.host_str() else {
            return false;
        };
        let home = Url::parse(client.base_url()).ok();
        if self.known
            && home
                .as_ref()
                .is_some_and(|home| home.origin() == url.origin())
        {
            return true;
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && host::is_loopback(url)) {
            return false;
        }
        let circleci = home
            .as_ref()
            .and_then(Url::host_str)
            .is_some_and(|home| is_or_below(home, "circleci.com"));
        if self.known
            && circleci
            && url.scheme() == "https"
            && url.port().is_none()
            && is_or_below(name, ARTIFACTS)
        {
            return true;
        }
        self.allowed.iter().any(|pattern| {
            let named = if pattern.below {
                is_below(name, &pattern.name)
            } else {
                name == pattern.name
            };
            named && url.port() == pattern.port
        })
    }
}

fn is_address(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default();
    name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok()
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

fn is_or_below(name: &str, parent: &str) -> bool {
    name == parent || is_below(name, parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(host: &str) -> Client {
        Client::builder().token("t").host(host).build().unwrap()
    }

    #[test]
    fn the_token_goes_where_artifacts_are_and_nowhere_else() {
        for (home, url, sent) in [
            ("circleci.com", "https://circleci.com/x", true),
            (
                "circleci.com",
                "https://output.circle-artifacts.com/output/x",
                true,
            ),
            (
                "circleci.com",
                "https://17-4711-gh.circle-artifacts.com/0/x",
                true,
            ),
            (
                "app.circleci.com",
                "https://output.circle-artifacts.com/x",
                true,
            ),
            (
                "circleci.com",
                "http://output.circle-artifacts.com/x",
                false,
            ),
            (
                "circleci.com",
                "https://output.circle-artifacts.com:8443/x",
                false,
            ),
            (
                "circleci.com",
                "https://output.circle-artifacts.com.evil.example/x",
                false,
            ),
            ("circleci.com", "https://evilcircle-artifacts.com/x", false),
            (
                "circleci.com",
                "https://output.circle-artifacts.com@evil.example/x",
                false,
            ),
            (
                "circleci.com",
                "https://evil.example/output.circle-artifacts.com",
                false,
            ),
            ("circleci.com", "https://circleci.com:8443/x", false),
            ("circleci.com", "http://circleci.com/x", false),
            ("circleci.com", "http://127.0.0.1/x", false),
            ("ci.example.com", "https://ci.example.com/output/x", true),
            (
                "ci.example.com",
                "https://output.circle-artifacts.com/x",
                false,
            ),
            (
                "circleci.com.example.com",
                "https://output.circle-artifacts.com/x",
                false,
            ),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/x", true),
            ("http://127.0.0.1:1", "http://127.0.0.1:2/x", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(
                TokenHosts::new().include(&url, &client(home)),
                sent,
                "{home} {url}"
            );
            assert!(
                !TokenHosts::none().include(&url, &client(home)),
                "{home} {url}"
            );
        }
    }

    #[test]
    fn more_hosts_can_be_allowed() {
        let client = client("ci.example.com");
        let hosts = TokenHosts::none()
            .allow("Files.example.com")
            .unwrap()
            .allow("*.store.example.com:8443")
            .unwrap();
        for (url, sent) in [
            ("https://files.example.com/x", true),
            ("http://files.example.com/x", false),
            ("https://a.files.example.com/x", false),
            ("https://a.store.example.com:8443/x", true),
            ("https://a.store.example.com/x", false),
            ("https://store.example.com:8443/x", false),
            ("https://astore.example.com:8443/x", false),
            ("https://ci.example.com/x", false),
        ] {
            assert_eq!(
                hosts.include(&Url::parse(url).unwrap(), &client),
                sent,
                "{url}"
            );
        }
        for wrong in [
            "",
            "*",
            "*.",
            "*.com",
            "a.*.com",
            "https://a.com",
            "a.com/x",
            "a.com/",
            "u@a.com",
            "a b.com",
            "a.com?x",
            "a.com#x",
            "*.com.",
            "*.com%2e",
            "*.com%2E",
            "*.com\u{3002}",
            "*..com",
            "*.*.com",
            "*.a..com",
            "a.com.",
            "a.com%2e",
            ".",
            "*.127.0.0.1",
            "*.2130706433",
            "*.[::1]",
        ] {
            let error = TokenHosts::new().allow(wrong).unwrap_err();
            assert_eq!(
                error.kind(),
                crate::error::ErrorKind::Configuration,
                "{wrong}"
            );
        }
    }
}
