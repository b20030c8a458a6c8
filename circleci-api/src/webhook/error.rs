//! Why a delivery is not taken.

use std::error::Error;
use std::fmt;

use http::StatusCode;

/// Why a delivery is not taken. It holds neither the secret nor the signature that was expected.
///
/// ```
/// use circleci_api::webhook::{Verifier, WebhookError};
///
/// let verifier = Verifier::new("secret");
/// let unsigned = verifier.read("", "{}");
/// assert!(unsigned.is_err_and(|error| error.status() == 401));
///
/// let signed = verifier.read(verifier.sign("{}")?, "{}");
/// assert!(matches!(signed, Err(WebhookError::Body { .. }))); // and yet no event
/// assert!(signed.is_err_and(|error| error.status() == 400));
/// # Ok::<(), WebhookError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookError {
    /// The verifier's secret is empty or blank: everyone could sign with that.
    NoSecret,
    /// There is no `v1` signature in the header.
    NoSignature,
    /// No signature is that of the body: another secret, another body, or not from CircleCI.
    Mismatch,
    /// It is from CircleCI, and not what an event looks like.
    #[non_exhaustive]
    Body {
        /// Where in the JSON, such as `workflow.id`; `None` if it is no JSON at all.
        path: Option<String>,
        /// What is wrong there.
        source: serde_json::Error,
    },
}

impl WebhookError {
    /// What to answer the sender: 500 without a secret, 401 for a signature that is missing or wrong, 400 for the body.
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
            Self::NoSecret => f.write_str("there is no secret to verify the webhook with"),
            Self::NoSignature => f.write_str("the webhook carries no v1 signature"),
            Self::Mismatch => f.write_str("the webhook's signature is not that of its body"),
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
