//! The signature of a delivery: HMAC-SHA256 over the raw bytes of its body.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::{Event, WebhookError};

/// The name of the header that contains the signatures. The value of the header is `v1=<64 hex digits>`. Other
/// signatures may follow (such as `,v2=…`). [`Verifier::read`] has an example.
pub const SIGNATURE_HEADER: &str = "circleci-signature";

/// The maximum number of signatures that are checked in a header. The rotation of a secret needs two. The limit bounds the
/// time that the check of a header with thousands of signatures can take.
const MOST: usize = 16;

/// The signing secrets of a webhook, with methods that check whether a delivery is from CircleCI. `Debug` does not show the
/// secrets.
///
/// ```
/// use circleci_api::webhook::Verifier;
///
/// let verifier = Verifier::new("secret");
/// let signature = "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a";
/// assert!(verifier.verify(signature, b"hello world").is_ok());
/// assert!(verifier.verify(signature, b"hello World").is_err());
/// assert_eq!(format!("{verifier:?}"), "Verifier([redacted])");
/// ```
#[derive(Clone)]
pub struct Verifier {
    secrets: Vec<SecretString>,
}

impl Verifier {
    /// Creates a verifier with the signing secret of the webhook. White space around the secret is removed, such as the line
    /// break at the end of a file. An empty or blank secret is ignored, because anyone could sign with it. A verifier without
    /// any other secret accepts no delivery.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self {
            secrets: vec![trimmed(secret.into())],
        }
    }

    /// Adds another accepted secret, such as the old one during a rotation, or the secret of another webhook. White space
    /// around the secret is removed, as in [`new`](Self::new).
    #[must_use]
    pub fn or(mut self, secret: impl Into<SecretString>) -> Self {
        self.secrets.push(trimmed(secret.into()));
        self
    }

    /// Checks that a `v1` signature in the header matches the body and one of the secrets. The comparison takes constant
    /// time. Signatures of other versions are ignored.
    ///
    /// `header` is the value of [`SIGNATURE_HEADER`], or empty if the request lacks this header. `body` is the raw body of
    /// the request, byte for byte: JSON that was parsed and serialized again has a different signature.
    ///
    /// # Errors
    ///
    /// Returns [`WebhookError::NoSecret`], [`WebhookError::NoSignature`] or [`WebhookError::Mismatch`].
    pub fn verify(
        &self,
        header: impl AsRef<[u8]>,
        body: impl AsRef<[u8]>,
    ) -> Result<(), WebhookError> {
        let body = body.as_ref();
        let mut secrets = self.usable().peekable();
        if secrets.peek().is_none() {
            return Err(WebhookError::NoSecret);
        }
        let signatures: Vec<&[u8]> = v1(header.as_ref()).take(MOST).collect();
        if signatures.is_empty() {
            return Err(WebhookError::NoSignature);
        }
        // A signature is 32 bytes in hex. This format is checked without the secret, so the check does not reveal the secret.
        let signatures: Vec<[u8; 32]> = signatures.into_iter().filter_map(from_hex).collect();
        for secret in secrets {
            let Some(mac) = mac(secret, body) else {
                continue;
            };
            if signatures
                .iter()
                .any(|signature| mac.clone().verify_slice(signature).is_ok())
            {
                return Ok(());
            }
        }
        Err(WebhookError::Mismatch)
    }

    /// [Verifies](Self::verify) the signature of a delivery, and then parses the body.
    ///
    /// ```
    /// use circleci_api::http::HeaderMap;
    /// use circleci_api::webhook::{Event, SIGNATURE_HEADER, Verifier, WebhookError};
    ///
    /// // During a rotation, deliveries may be signed with either secret.
    /// let verifier = Verifier::new("the new secret").or("the old secret");
    /// let receive = |headers: &HeaderMap, body: &[u8]| -> Result<Event, WebhookError> {
    ///     let signature = headers.get(SIGNATURE_HEADER).map_or(&b""[..], |value| value.as_bytes());
    ///     verifier.read(signature, body)
    /// };
    ///
    /// let body = br#"{ "id": "3888f21b", "type": "ping" }"#;
    /// let mut headers = HeaderMap::new();
    /// headers.insert(SIGNATURE_HEADER, Verifier::new("the old secret").sign(body)?.parse()?);
    /// assert_eq!(receive(&headers, body)?.id, "3888f21b");
    /// # assert!(receive(&HeaderMap::new(), body).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`verify`](Self::verify) and [`Event::from_slice`]. The body is parsed only if the signature is
    /// valid.
    pub fn read(
        &self,
        header: impl AsRef<[u8]>,
        body: impl AsRef<[u8]>,
    ) -> Result<Event, WebhookError> {
        let body = body.as_ref();
        self.verify(header, body)?;
        Event::from_slice(body)
    }

    /// Signs the body with the first secret that is not blank, and returns the header value that CircleCI would send. Use this
    /// method in tests of a receiver.
    ///
    /// # Errors
    ///
    /// Returns [`WebhookError::NoSecret`] if every secret is empty or blank.
    pub fn sign(&self, body: impl AsRef<[u8]>) -> Result<String, WebhookError> {
        let mac = self
            .usable()
            .next()
            .and_then(|secret| mac(secret, body.as_ref()));
        let tag = mac.ok_or(WebhookError::NoSecret)?.finalize().into_bytes();
        let mut header = String::with_capacity(3 + 2 * tag.len());
        header.push_str("v1=");
        for byte in tag {
            for digit in [byte >> 4, byte & 0xf] {
                header.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        Ok(header)
    }

    fn usable(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets
            .iter()
            .filter(|secret| !secret.expose_secret().is_empty())
    }
}

fn trimmed(secret: SecretString) -> SecretString {
    let text = secret.expose_secret();
    match text.trim() {
        inner if inner.len() == text.len() => secret,
        inner => SecretString::from(inner),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier([redacted])")
    }
}

/// Returns the HMAC of the body, ready to be compared or finalized. The result is never `None`, because HMAC accepts keys of
/// any length.
fn mac(secret: &SecretString, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(body);
    Some(mac)
}

/// Returns the hex digits of each `v1` signature in a header.
fn v1(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header
        .split(|byte| *byte == b',')
        .filter_map(|part| part.trim_ascii().strip_prefix(b"v1="))
}

fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
