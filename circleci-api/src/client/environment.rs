//! Reads the token and the host from environment variables. A value that they do not set is read from the configuration file of
//! CircleCI's CLI.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::client::auth::Token;
use crate::error::Error;

const TOKENS: [&str; 3] = ["CIRCLE_TOKEN", "CIRCLECI_CLI_TOKEN", "CIRCLECI_TOKEN"];
const HOSTS: [&str; 2] = ["CIRCLE_HOST", "CIRCLECI_CLI_HOST"];
/// The variables that contain the user's home directory: first the Unix variable, then the Windows variable.
const HOMES: [&str; 2] = ["HOME", "USERPROFILE"];

/// The source of the values that [`ClientBuilder::or_from`](crate::ClientBuilder::or_from) adds to a builder.
///
/// An empty variable counts as unset. The first of these sources that has a value is used:
///
/// - for the token: `CIRCLE_TOKEN`, `CIRCLECI_CLI_TOKEN`, `CIRCLECI_TOKEN`, and then the key `token` of `~/.circleci/cli.yml`
/// - for the host: `CIRCLE_HOST`, `CIRCLECI_CLI_HOST`, and then the keys `host` and `rest_endpoint` of the same file
///
/// The file is written by `circleci setup` of version 0.1.x of CircleCI's CLI. Version 1.x of the CLI stores its token in the
/// system's keyring, which the client does not read.
///
/// Values that are set on the builder take precedence:
///
/// ```
/// use circleci_api::{Client, Environment};
///
/// # let (host, token) = (Some("ci.example.com"), "CCIPAT_xyz");
/// let mut builder = Client::builder().or_from(&Environment::process()).token(token);
/// if let Some(host) = host { // from a flag of the program
///     builder = builder.host(host);
/// }
/// assert_eq!(builder.build()?.base_url(), "https://ci.example.com/api/v2");
/// # Ok::<(), circleci_api::Error>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// Returns an environment that reads the variables of this process.
    pub fn process() -> Self {
        Self::from_fn(|name| std::env::var(name).ok())
    }

    /// Returns an environment that reads its variables from a function. The variable `HOME` (or `USERPROFILE`) locates the CLI's
    /// file. If `lookup` returns `None` for both of them, no file is read.
    ///
    /// ```
    /// use circleci_api::{Client, Environment};
    ///
    /// let variables = [("CIRCLE_TOKEN", "abc"), ("CIRCLE_HOST", "ci.example.com")];
    /// let variables = Environment::from_fn(move |name| {
    ///     variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
    /// });
    /// let client = Client::builder().or_from(&variables).build()?;
    /// assert_eq!(client.base_url(), "https://ci.example.com/api/v2");
    /// # Ok::<(), circleci_api::Error>(())
    /// ```
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            lookup: Arc::new(lookup),
        }
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| {
            let value = (self.lookup)(name)?;
            let value = value.trim();
            (!value.is_empty()).then(|| value.to_owned())
        })
    }

    /// Reads the wanted values from the variables. Reads the file only if the variables leave a wanted value unset.
    pub(crate) fn read(&self, want_token: bool, want_host: bool) -> Result<Found, Error> {
        let mut found = Found {
            token: self.first(&TOKENS).filter(|_| want_token).map(Token::from),
            host: self.first(&HOSTS).filter(|_| want_host),
        };
        let token_open = want_token && found.token.is_none();
        let host_open = want_host && found.host.is_none();
        if (token_open || host_open)
            && let Some(home) = self.first(&HOMES)
        {
            let path = PathBuf::from(home).join(".circleci").join("cli.yml");
            let file = CliFile::read(&path)?;
            if token_open {
                found.token = file.token.as_ref().map(|token| token.clone().into());
            }
            if host_open {
                found.host = file.base();
            }
        }
        Ok(found)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(..)")
    }
}

#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) token: Option<Token>,
    pub(crate) host: Option<String>,
}

/// The message of the error that says that there is no token.
pub(crate) const NO_TOKEN: &str = "no token: pass one to the builder, set CIRCLE_TOKEN, CIRCLECI_CLI_TOKEN or CIRCLECI_TOKEN, or run `circleci setup` of the CLI 0.1.x";

/// The three keys of the CLI's file that the client uses. Their values are scalars at the top level, so reading line by line is
/// enough.
#[derive(Default)]
struct CliFile {
    host: Option<String>,
    token: Option<SecretString>,
    rest_endpoint: Option<String>,
}

impl CliFile {
    fn read(path: &Path) -> Result<Self, Error> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(Self::default())
            }
            Err(error) => Err(
                Error::configuration("the CLI's configuration file cannot be read")
                    .with_source(error),
            ),
        }
    }

    fn parse(text: &str) -> Self {
        let mut file = Self::default();
        for line in text.trim_start_matches('\u{feff}').lines() {
            // An indented line belongs to another key. Its name keeps the indent, so it matches none of the names below.
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let Some(value) = scalar(value) else { continue };
            match key.trim_end() {
                "host" => file.host = Some(value),
                "token" => file.token = Some(value.into()),
                "rest_endpoint" => file.rest_endpoint = Some(value),
                _ => {}
            }
        }
        file.token = file.token.filter(|token| !token.expose_secret().is_empty());
        file
    }

    /// Returns the base URL. The value of `rest_endpoint` is relative to `host`, unless it is a whole URL.
    fn base(&self) -> Option<String> {
        let endpoint = self.rest_endpoint.as_deref();
        if let Some(endpoint) = endpoint
            && endpoint.contains("://")
        {
            return Some(endpoint.to_owned());
        }
        let host = self.host.as_deref()?;
        Some(match endpoint {
            Some(endpoint) if !host.trim_end_matches('/').ends_with("/api/v2") => format!(
                "{}/{}",
                host.trim_end_matches('/'),
                endpoint.trim_start_matches('/')
            ),
            _ => host.to_owned(),
        })
    }
}

/// Reads a plain or quoted YAML scalar from the part of a line after the colon, and ignores a comment. Returns `None` if the
/// scalar is empty or null.
fn scalar(value: &str) -> Option<String> {
    let value = value.trim();
    let text = match value.chars().next()? {
        quote @ ('"' | '\'') => {
            let rest = &value[1..];
            &rest[..rest.find(quote)?]
        }
        '#' => return None,
        _ => value.split(" #").next()?.trim_end(),
    };
    (!text.is_empty() && text != "~" && text != "null").then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clis_file_is_three_flat_keys() {
        let file = CliFile::parse(
            "\u{feff}host: https://ci.example.com # ours\nendpoint: graphql-unstable\ntoken: \"abc\"\r\n\
             rest_endpoint: 'api/v2'\ntls_cert: \"\"\norb_publishing:\n  token: nested\n  host: nested\n",
        );
        assert_eq!(file.host.as_deref(), Some("https://ci.example.com"));
        assert_eq!(file.token.as_ref().unwrap().expose_secret(), "abc");
        assert_eq!(
            file.base().as_deref(),
            Some("https://ci.example.com/api/v2")
        );
    }

    #[test]
    fn what_the_file_leaves_empty_is_unset() {
        for text in [
            "",
            "token:\n",
            "token: \"\"\n",
            "token: ''",
            "token: ~",
            "token: # later",
            "not yaml at all",
            ": :",
            "token: \"open",
        ] {
            assert!(CliFile::parse(text).token.is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_endpoint_follows_the_host() {
        for (text, base) in [
            ("rest_endpoint: api/v2", None),
            ("host: a.b", Some("a.b")),
            (
                "host: https://a.b/\nrest_endpoint: /api/v2",
                Some("https://a.b/api/v2"),
            ),
            (
                "host: https://a.b/api/v2\nrest_endpoint: api/v2",
                Some("https://a.b/api/v2"),
            ),
            (
                "host: https://a.b\nrest_endpoint: https://c.d/api/v2",
                Some("https://c.d/api/v2"),
            ),
        ] {
            assert_eq!(CliFile::parse(text).base().as_deref(), base, "{text:?}");
        }
    }
}
