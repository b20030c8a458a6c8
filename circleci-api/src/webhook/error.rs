//! The error of a rejected delivery.

use std::error::Error;
use std::fmt;

use http::StatusCode;

/// The reason why a delivery is rejected. It contains neither the secret nor the expected signature.
///
/// ```
/// use circleci_api::webhook::{Verifier, WebhookError};
///
/// let verifier = Verifier::new("secret");
/// let unsigned = verifier.read("", "{}");
/// assert!(unsigned.is_err_and(|error| error.status() == 401));
///
/// let signed = verifier.read(verifier.sign("{}")?, "{}");
/// assert!(matches!(signed, Err(WebhookError::Body { .. }))); // signed, but not an event
/// assert!(signed.is_err_and(|error| error.status() == 400));
/// # Ok::<(), WebhookError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookError {
    /// The verifier's secret is empty or blank. Anyone could sign with such a secret.
    NoSecret,
    /// The header has no `v1` signature.
    NoSignature,
    /// No signature matches the body. Either the secret is wrong, the body was changed, or the delivery is not from
    /// CircleCI.
    Mismatch,
    /// The signature is valid, but the body is not an event.
    #[non_exhaustive]
    Body {
        /// The place of the error in the JSON, such as `workflow.id`, or `None` if the body is not valid JSON.
        path: Option<String>,
        /// The error at this place.
        source: serde_json::Error,
    },
}

impl WebhookError {
    /// Returns the HTTP status to answer with: 500 if the secret is missing, 401 if the signature is missing or wrong,
    /// and 400 if the body is invalid.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSecret => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NoSignature | Self::Mismatch => StatusCode::UNAUTHORIZED,
            Self::Body { .. } => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSecret => f.write_str("the webhook secret is empty; set the signing secret"),
            Self::NoSignature => f.write_str("the webhook has no v1 signature"),
            Self::Mismatch => f.write_str("the webhook's signature does not match its body"),
            Self::Body {
                path: Some(path), ..
            } => {
                write!(f, "the webhook's body is not an event: {path}")
            }
            Self::Body { .. } => f.write_str("the webhook's body is not an event"),
        }
    }
}

impl Error for WebhookError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Body { source, .. } => Some(source),
            _ => None,
        }
    }
}
