//! Where the calls go, however the caller writes it down.

use http::HeaderValue;
use reqwest::Url;

use crate::error::Error;
use crate::operation::V2;

/// CircleCI's own.
pub(crate) const DEFAULT_HOST: &str = "https://circleci.com";

/// A checked base URL.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Without the slash at the end, so that a path template can follow.
    pub(crate) base: String,
    pub(crate) loopback: bool,
}

impl Host {
    /// Takes `circleci.com`, `https://circleci.com`, `https://circleci.com/api/v2/`, `ci.example.com:8443`, …
    ///
    /// Plain `http` only for a loopback host, or if the caller insists: the token is readable on the way.
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::configuration("the host is empty"));
        }
        let mut url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("https://{text}"))
        }
        .map_err(|error| Error::configuration(format!("the host is not a URL: {error}")))?;

        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback || allow_plain_http => {}
            "http" => {
                return Err(Error::configuration(format!(
                    "plain http to {} would show the token to everyone on the way; use https, or insist with allow_plain_http(true)",
                    origin(&url),
                )));
            }
            other => {
                return Err(Error::configuration(format!(
                    "the host's scheme is {other}, not https"
                )));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::configuration(
                "the host holds a user name or password; give the token to the builder instead",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::configuration("the host holds a query or a fragment"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        // `/api/v1.1` plus `/api/v2` would answer every call with a 404 that explains nothing.
        if let Some((before, version)) = path.rsplit_once('/')
            && before.ends_with("/api")
            && version != "v2"
        {
            return Err(Error::configuration(format!(
                "the host names the API {version}, and this client speaks v2"
            )));
        }
        if path.ends_with(V2) {
            url.set_path(&path);
        } else {
            url.set_path(&format!("{path}{V2}"));
        }
        Ok(Self {
            base: String::from(url),
            loopback,
        })
    }

    /// The part of the base before `/api/v2`, where the other versions of the API are too.
    pub(crate) fn prefix(&self) -> &str {
        self.base.strip_suffix(V2).unwrap_or(&self.base)
    }
}

/// `https://circleci.com`, with the port where it is not the scheme's own.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        None => false,
        Some(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost"
                || name.ends_with(".localhost")
                || name
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.to_canonical().is_loopback())
        }
    }
}

/// Where a `Location` leads.
pub(crate) fn join(from: &Url, location: &HeaderValue) -> Option<Url> {
    let mut to = from.join(location.to_str().ok()?).ok()?;
    remove_user(&mut to);
    Some(to)
}

/// A name in a URL would become a credential of the server's choosing.
pub(crate) fn remove_user(url: &mut Url) {
    // Neither call fails on http and https.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_however_it_is_written() {
        for (text, base) in [
            ("circleci.com", "https://circleci.com/api/v2"),
            (" circleci.com/ ", "https://circleci.com/api/v2"),
            ("https://circleci.com", "https://circleci.com/api/v2"),
            ("https://circleci.com/api/v2", "https://circleci.com/api/v2"),
            (
                "https://circleci.com/api/v2/",
                "https://circleci.com/api/v2",
            ),
            ("circleci.com/api/v2", "https://circleci.com/api/v2"),
            (
                "https://CI.Example.com:8443",
                "https://ci.example.com:8443/api/v2",
            ),
            ("ci.example.com:8443", "https://ci.example.com:8443/api/v2"),
            (
                "https://example.com/circleci",
                "https://example.com/circleci/api/v2",
            ),
            ("http://localhost:3000", "http://localhost:3000/api/v2"),
            ("http://127.0.0.1:1/api/v2", "http://127.0.0.1:1/api/v2"),
            ("http://127.8.9.1:1", "http://127.8.9.1:1/api/v2"),
            ("http://[::1]:1", "http://[::1]:1/api/v2"),
            ("http://ci.localhost", "http://ci.localhost/api/v2"),
        ] {
            assert_eq!(Host::parse(text, false).unwrap().base, base, "{text}");
        }
    }

    #[test]
    fn what_is_no_safe_host_is_refused() {
        for text in [
            "",
            " ",
            "https://",
            "ftp://circleci.com",
            "file:///etc/passwd",
            "http://circleci.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "https://user:hunter2@circleci.com",
            "user@circleci.com",
            "https://circleci.com?x=1",
            "https://circleci.com#x",
            "https://circleci.com/api/v1.1",
            "https://circleci.com/api/v3/",
        ] {
            let error = Host::parse(text, false).unwrap_err();
            assert_eq!(
                error.kind(),
                crate::error::ErrorKind::Configuration,
                "{text}"
            );
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn plain_http_elsewhere_needs_insistence() {
        let host = Host::parse("http://ci.internal", true).unwrap();
        assert_eq!(host.base, "http://ci.internal/api/v2");
        assert!(!host.loopback);
    }
}
