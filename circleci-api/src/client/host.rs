//! Parses the host that a caller configures, in any common form, into the base URL of the calls.

use std::net::Ipv6Addr;

use http::HeaderValue;
use reqwest::Url;

use crate::client::placeholder::looks_like;
use crate::error::Error;
use crate::operation::V2;

/// CircleCI's own host.
pub(crate) const DEFAULT_HOST: &str = "https://circleci.com";

/// A checked base URL.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// The base URL. It ends in `/api/v2`, without a slash after that.
    pub(crate) base: Url,
    pub(crate) loopback: bool,
}

impl Host {
    /// Parses a host such as `circleci.com`, `https://circleci.com`, `https://circleci.com/api/v2/` or `ci.example.com:8443`.
    ///
    /// Rejects plain `http` unless the host is a loopback host or `allow_plain_http` is true, because anyone on the network path
    /// could read the token.
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, Error> {
        let text = text.trim();
        let mut url = url(text)?;
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback || allow_plain_http => {}
            "http" => {
                return Err(Error::configuration(format!(
                    "plain http to {} would expose the token to everyone on the network; use https, or call allow_plain_http(true)",
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
                "the host contains a user name or a password; pass the token to the builder instead",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::configuration(
                "the host contains a query or a fragment",
            ));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        check_path(&path)?;
        if path.ends_with(V2) {
            url.set_path(&path);
        } else {
            url.set_path(&format!("{path}{V2}"));
        }
        Ok(Self {
            base: url,
            loopback,
        })
    }

    /// Returns the value of the `Host` header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let name = self.base.host_str()?;
        match self.base.port() {
            Some(port) => HeaderValue::from_str(&format!("{name}:{port}")).ok(),
            None => HeaderValue::from_str(name).ok(),
        }
    }

    /// Returns the path before `/api/v2`. The other versions of the API are also below that path.
    pub(crate) fn prefix(&self) -> &str {
        let path = self.base.path();
        path.strip_suffix(V2).unwrap_or(path)
    }
}

/// Returns the URL that the caller means. Rejects text that a URL parser would take for a different host.
fn url(text: &str) -> Result<Url, Error> {
    let refuse = |why: String| Err(Error::configuration(format!("the host {why}")));
    if text.is_empty() {
        return refuse("is empty".into());
    }
    if let Some(what) = looks_like(text) {
        return refuse(format!("looks like {what}"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return refuse("contains whitespace, a control character or a backslash".into());
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return refuse(format!(
            "is an IPv6 address without brackets: write [{text}]"
        ));
    }
    let lower = text.to_ascii_lowercase();
    let behind = match text.split_once("://") {
        Some((_, behind)) => behind,
        None if lower.starts_with("http:") || lower.starts_with("https:") => {
            return refuse("has a scheme without two slashes: write https://".into());
        }
        None => text,
    };
    if behind.starts_with('/') {
        return refuse("has a slash before the host name".into());
    }
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("https://{text}")),
    }
    .map_err(|error| Error::configuration(format!("the host is not a URL: {error}")))?;
    let name = url.host_str().unwrap_or_default();
    if matches!(name, "http" | "https") {
        return refuse("has an invalid scheme: write https:// and a name".into());
    }
    if !name.starts_with('[') && !is_name(name) {
        return refuse("has an invalid name".into());
    }
    if url.port() == Some(0) {
        return refuse("has the port 0, on which no server listens".into());
    }
    Ok(url)
}

/// Checks whether each label of a domain name is non-empty and has only valid characters.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    name.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(is_plain))
}

/// Checks the path of the host. It may have any parts other than `api`, and may end in `/api/v2`. With any other path, the server
/// would answer each call with a 404 that explains nothing.
fn check_path(path: &str) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::configuration(format!("the host {why}")));
    if path.contains("//") {
        return refuse("has an empty part in its path".into());
    }
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let Some(at) = parts
        .iter()
        .position(|part| part.eq_ignore_ascii_case("api"))
    else {
        return Ok(());
    };
    match &parts[at..] {
        ["api", "v2"] => Ok(()),
        ["api", "v2", ..] => refuse("has more text after /api/v2: remove it".into()),
        [_] => refuse("ends in /api: remove it, or write /api/v2".into()),
        [_, version, ..] if version.eq_ignore_ascii_case("v2") => {
            refuse("has /api/v2 in capital letters: write it in lower case".into())
        }
        [_, version, ..] => refuse(format!("names API {version}, but this client uses v2")),
        [] => Ok(()),
    }
}

/// Returns the origin of a URL, such as `https://circleci.com`. It includes the port if it is not the scheme's default port.
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

/// Returns the URL to which a `Location` header leads, without a user name and a password.
pub(crate) fn join(from: &Url, location: &HeaderValue) -> Option<Url> {
    let mut to = from.join(location.to_str().ok()?).ok()?;
    remove_user(&mut to);
    Some(to)
}

/// Removes the user name and the password from a URL. Otherwise the client would send credentials that the server chose.
pub(crate) fn remove_user(url: &mut Url) {
    // For http and https, neither call can fail.
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
            assert_eq!(
                Host::parse(text, false).unwrap().base.as_str(),
                base,
                "{text}"
            );
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
    fn what_cannot_be_meant_is_refused_and_explained() {
        for (text, why) in [
            ("https:/circleci.com", "two slashes"),
            ("https:circleci.com", "two slashes"),
            ("HTTP:/localhost:3000", "two slashes"),
            ("https:///circleci.com", "slash before the host name"),
            ("//circleci.com", "slash before the host name"),
            ("/api/v2", "slash before the host name"),
            ("https//circleci.com", "invalid scheme"),
            ("https://https://circleci.com", "invalid scheme"),
            ("https", "invalid scheme"),
            ("circleci.com/api", "ends in /api"),
            ("circleci.com/api/", "ends in /api"),
            ("circleci.com/API", "ends in /api"),
            ("https://circleci.com/api/v2/me", "more text after /api/v2"),
            (
                "https://circleci.com/api/v2/api/v2",
                "more text after /api/v2",
            ),
            ("https://circleci.com/API/V2", "capital letters"),
            ("https://circleci.com/api/V2/", "capital letters"),
            ("https://circleci.com/api/v1.1/me", "names API v1.1"),
            ("https://circleci.com//api/v2", "empty part"),
            ("https://circleci.com:0", "port 0"),
            ("http://localhost:0/api/v2", "port 0"),
            ("::1", "[::1]"),
            ("fe80::1", "brackets"),
            ("https://::1", "not a URL"),
            ("https:\\\\circleci.com", "backslash"),
            ("https://circle\nci.com", "whitespace"),
            ("circleci.com api", "whitespace"),
            ("https://*.circleci.com", "invalid name"),
            (".circleci.com", "invalid name"),
            ("circleci..com", "invalid name"),
            ("a.example.com,b.example.com", "invalid name"),
            ("\"https://circleci.com\"", "quotes"),
            ("null", "missing value"),
            ("undefined", "missing value"),
            ("***", "masked"),
            ("${CIRCLE_HOST}", "variable"),
            ("https://", "not a URL"),
        ] {
            let error = Host::parse(text, true).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn plain_http_elsewhere_needs_insistence() {
        let host = Host::parse("http://ci.internal", true).unwrap();
        assert_eq!(host.base.as_str(), "http://ci.internal/api/v2");
        assert!(!host.loopback);
    }
}
