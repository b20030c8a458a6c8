//! Finds the proxy through which a host is reached, so that the error message of a failed connection can name the proxy.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// How a client's connections treat the environment variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxies {
    /// The connections ignore the variables.
    Ignored,
    /// The connections use the variables.
    Environment,
    /// The caller supplied the connections, so the crate does not know whether they use the variables.
    Theirs,
}

impl Proxies {
    /// Returns the phrase that names the proxy for `url` in an error message. The phrase leaves out the proxy's user name and
    /// password.
    pub(crate) fn name(self, url: &Url) -> Option<String> {
        match self {
            Self::Ignored => None,
            _ => self.name_of(&Matcher::from_system(), url),
        }
    }

    fn name_of(self, matcher: &Matcher, url: &Url) -> Option<String> {
        let found = matcher.intercept(&url.as_str().parse().ok()?)?;
        let proxy = found.uri();
        let scheme = proxy.scheme_str().unwrap_or("http");
        let name = format!("{scheme}://{}", proxy.authority()?);
        let socks = match scheme.starts_with("socks") {
            true => " (SOCKS needs the feature `socks` of reqwest)",
            false => "",
        };
        Some(match self {
            Self::Theirs => format!("the environment variables name the proxy {name}{socks}"),
            _ => format!("through the environment's proxy {name}{socks}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_password() {
        let url = |text| Url::parse(text).unwrap();
        for (proxy, no, to, named) in [
            (
                "http://user:hunter2@proxy.example.com:3128",
                "",
                "https://circleci.com/api/v2/me",
                Some("http://proxy.example.com:3128"),
            ),
            (
                "socks5://user:hunter2@127.0.0.1:1080",
                "",
                "https://circleci.com",
                Some("socks5://127.0.0.1:1080 (SOCKS needs"),
            ),
            (
                "proxy.example.com:3128",
                "",
                "http://10.0.0.1",
                Some("http://proxy.example.com:3128"),
            ),
            (
                "http://proxy:1",
                ".circleci.com",
                "https://app.circleci.com",
                None,
            ),
            ("http://proxy:1", "10.0.0.0/8", "http://10.1.2.3", None),
            ("ftp://proxy:1", "", "https://circleci.com", None),
        ] {
            let matcher = Matcher::builder().all(proxy).no(no).build();
            let name = Proxies::Environment.name_of(&matcher, &url(to));
            assert_eq!(name.is_some(), named.is_some(), "{proxy}: {name:?}");
            let (name, named) = (name.unwrap_or_default(), named.unwrap_or_default());
            assert!(name.contains(named), "{proxy}: {name}");
            assert!(!name.contains("hunter2"), "{name}");
        }
        assert_eq!(
            Proxies::Ignored.name(&Url::parse("https://circleci.com").unwrap()),
            None
        );
    }
}
