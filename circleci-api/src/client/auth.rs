//! The credential of a client: one header, which is marked as sensitive and never printed.

use std::borrow::Cow;
use std::fmt;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::client::placeholder::looks_like;
use crate::error::Error;
use crate::error::redact::Secrets;

/// The form in which the client sends the token.
///
/// The token is always in a header. CircleCI once accepted the token in the query too, but queries end up in access logs.
/// [`ClientBuilder`](crate::ClientBuilder) has an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `Circle-Token: <token>`. Every CircleCI server accepts this header.
    #[default]
    CircleToken,
    /// `Authorization: Bearer <token>`.
    Bearer,
    /// `Authorization: Basic`, with the token as the user name and no password.
    Basic,
}

/// A personal API token. `Debug` does not print its text. [`ClientBuilder::build`](crate::ClientBuilder::build) checks it.
///
/// ```
/// let token = circleci_api::Token::from("CCIPAT_xyz");
/// assert_eq!(format!("{token:?}"), "Token([redacted])");
/// ```
#[derive(Clone)]
pub struct Token(SecretString);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Self {
        Self(SecretString::from(token))
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(SecretString::from(token))
    }
}

impl From<SecretString> for Token {
    fn from(token: SecretString) -> Self {
        Self(token)
    }
}

const INVALID: &str = "the token is not a valid header value: it contains a space, a line break, a control character or a non-ASCII character";

/// The header with the token. Each client creates it once, for all requests.
pub(crate) struct Credential {
    scheme: Scheme,
    /// `None` for a client without a token.
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
    /// The texts to redact: the token in plain form, and in its JSON, URL and (if used) Basic encodings.
    pub(crate) secrets: Secrets,
}

impl Credential {
    /// Returns the credential of a client without a token.
    pub(crate) fn none() -> Self {
        Self {
            scheme: Scheme::default(),
            header: None,
            secrets: Secrets::default(),
        }
    }

    pub(crate) fn new(token: &Token, scheme: Scheme) -> Result<Self, Error> {
        let text = token.0.expose_secret();
        if text.trim().is_empty() {
            return Err(Error::configuration("the token is empty"));
        }
        if let Some(what) = looks_like(text.trim()) {
            return Err(Error::configuration(format!("the token looks like {what}")));
        }
        // Check the characters here, because HTTP allows more characters in a header than a token may have, and the Basic
        // encoding would hide invalid characters.
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::configuration(INVALID));
        }
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        let in_url = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut forms = vec![text.to_owned(), escaped, in_url];
        let (name, value) = match scheme {
            Scheme::CircleToken => (
                HeaderName::from_static("circle-token"),
                HeaderValue::from_str(text),
            ),
            Scheme::Bearer => (
                AUTHORIZATION,
                HeaderValue::from_str(&format!("Bearer {text}")),
            ),
            Scheme::Basic => {
                // The server would take a colon as the end of the user name, and read a shorter token.
                if text.contains(':') {
                    return Err(Error::configuration(
                        "the token contains a colon, which Basic authentication cannot carry",
                    ));
                }
                let words = base64(format!("{text}:").as_bytes());
                let value = HeaderValue::from_str(&format!("Basic {words}"));
                forms.push(words);
                (AUTHORIZATION, value)
            }
        };
        let Ok(mut value) = value else {
            return Err(Error::configuration(INVALID));
        };
        value.set_sensitive(true);
        Ok(Self {
            scheme,
            header: Some((name, value)),
            secrets: Secrets::new(forms),
        })
    }

    /// Removes the token from a text that comes from a server or a library, before the text can reach an error or a log.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.secrets.hide(text)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.header {
            Some(_) => write!(f, "{:?}([redacted])", self.scheme),
            None => f.write_str("anonymous"),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [
            chunk[0],
            chunk.get(1).copied().unwrap_or(0),
            chunk.get(2).copied().unwrap_or(0),
        ]
        .map(u32::from);
        let bits = a << 16 | b << 8 | c;
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(
                    ALPHABET[(bits >> (18 - 6 * place)) as usize & 63],
                ));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_credential_is_one_sensitive_header() {
        for (scheme, name, value) in [
            (Scheme::CircleToken, "circle-token", "tok"),
            (Scheme::Bearer, "authorization", "Bearer tok"),
            (Scheme::Basic, "authorization", "Basic dG9rOg=="),
        ] {
            let credential = Credential::new(&"tok".into(), scheme).unwrap();
            let (sent, carried) = credential.header.as_ref().unwrap();
            assert_eq!(
                (sent.as_str(), carried),
                (name, &HeaderValue::from_static(value))
            );
            assert!(carried.is_sensitive());
            assert_eq!(format!("{credential:?}"), format!("{scheme:?}([redacted])"));
        }
    }

    #[test]
    fn what_is_no_token_is_an_error_in_every_scheme() {
        for scheme in [Scheme::CircleToken, Scheme::Bearer, Scheme::Basic] {
            for token in ["", "  ", "\n", "a\nb", "a\r\nX-Evil: 1", "a\0", "tök"] {
                let error = Credential::new(&token.into(), scheme).unwrap_err();
                assert_eq!(
                    error.kind(),
                    crate::error::ErrorKind::Configuration,
                    "{scheme:?} {token:?}"
                );
            }
        }
    }

    #[test]
    fn redaction_finds_the_encoded_form_too() {
        let credential = Credential::new(&"tok".into(), Scheme::Basic).unwrap();
        assert_eq!(
            credential.redact("no tok, no dG9rOg=="),
            "no [redacted], no [redacted]"
        );
    }
}
