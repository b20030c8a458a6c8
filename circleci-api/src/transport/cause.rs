//! Classifies an error of the HTTP stack. The classification says whether the server may have processed the request, whether a
//! retry can succeed, and which of the error's causes is shown in the message.

use std::error::Error as StdError;
use std::io;

use crate::error::ErrorKind;

/// The classification of an error of the HTTP stack.
pub(super) struct Cause {
    pub(super) kind: ErrorKind,
    /// Whether a retry would fail in the same way.
    pub(super) lasting: bool,
    /// Whether the server certainly did not process the request: the request was not written, or the server says so.
    pub(super) never_processed: bool,
    pub(super) message: String,
}

/// The explanation for a certificate with an unknown issuer.
pub(super) const UNKNOWN_ISSUER: &str = "this machine does not trust the issuer of the server's certificate: install the package ca-certificates, \
     or add the server's own CA with `ClientBuilder::http`";

impl Cause {
    /// Classifies an error of reqwest. `unsent` says that the server cannot have the whole request.
    pub(super) fn of(error: &reqwest::Error, unsent: bool) -> Self {
        let chain = Chain::of(error);
        let unsent = unsent && !error.is_connect() && !error.is_builder();
        // After a timeout, the next attempt would probably end in the same way, so it is not made at once.
        let never_processed = (unsent && !error.is_timeout())
            || chain.errors.iter().any(|error| is_never_processed(*error));
        let kind = if error.is_connect() || unsent || never_processed {
            ErrorKind::Connect
        } else if error.is_timeout() {
            ErrorKind::Timeout
        } else if error.is_builder() {
            ErrorKind::Configuration
        } else {
            ErrorKind::Transport
        };
        let lasting =
            !unsent && !never_processed && chain.errors.iter().any(|error| is_lasting(*error));
        let message = chain.message();
        let explanation = match unsent {
            true => Some("no connection sent the whole request"),
            false => explanation(&chain.texts),
        };
        let message = match explanation {
            Some(explanation) => format!("{explanation} ({message})"),
            None => message,
        };
        Self {
            kind,
            lasting,
            never_processed,
            message,
        }
    }
}

/// An error and its causes, from the outermost to the innermost.
struct Chain<'e> {
    errors: Vec<&'e (dyn StdError + 'static)>,
    texts: Vec<String>,
}

impl<'e> Chain<'e> {
    fn of(error: &'e (dyn StdError + 'static)) -> Self {
        let errors: Vec<_> = std::iter::successors(Some(error), |error| inside(*error)).collect();
        let texts = errors.iter().map(|error| error.to_string()).collect();
        Self { errors, texts }
    }

    /// Returns the message of the innermost error, which is the actual reason. If the message of an outer error contains that
    /// message, returns the outer one, because it says more. For example, native-tls adds why a certificate was refused.
    fn message(&self) -> String {
        let innermost = self.texts.last().map_or("", String::as_str);
        let fullest = self.texts.iter().find(|text| text.contains(innermost));
        fullest.map_or(innermost, String::as_str).to_owned()
    }
}

/// Returns the next error in a chain of causes. For an `io::Error`, this is the wrapped error. The method `source` of `io::Error`
/// would skip the wrapped error and return that error's own source.
fn inside<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Checks whether the server certainly did not process the request: the request was not written, or the server says so.
fn is_never_processed(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return error.is_canceled();
    }
    #[cfg(feature = "http2")]
    if let Some(error) = error.downcast_ref::<h2::Error>() {
        // A request fails with the server's GOAWAY only if the server does not process that request. There is one
        // exception: hyper fails a request in the same way if the GOAWAY arrives at the moment when hyper hands the headers to h2.
        // The server may then process a request that ends with its headers. See `Taken::body` for the requests that do not.
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        return error.is_remote() && (error.is_go_away() || refused);
    }
    false
}

fn is_lasting(error: &(dyn StdError + 'static)) -> bool {
    #[cfg(feature = "rustls-no-provider")]
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return is_lasting_tls(error);
    }
    is_lasting_text(&error.to_string())
}

#[cfg(feature = "rustls-no-provider")]
fn is_lasting_tls(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    use rustls::{Error, InvalidMessage};

    match error {
        Error::InvalidCertificate(_)
        | Error::InvalidCertRevocationList(_)
        | Error::NoCertificatesPresented
        | Error::UnsupportedNameType
        | Error::PeerIncompatible(_)
        | Error::NoApplicationProtocol
        // The server does not speak TLS.
        | Error::InvalidMessage(InvalidMessage::InvalidContentType) => true,
        // These alerts are about the caller's certificate, or about a protocol that only one of the two sides supports.
        // All other alerts may be temporary.
        Error::AlertReceived(alert) => matches!(
            alert,
            Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::ProtocolVersion
                | Alert::InsufficientSecurity
                | Alert::InappropriateFallback
                | Alert::CertificateRequired
                | Alert::NoApplicationProtocol
        ),
        _ => false,
    }
}

/// Checks whether an error is lasting, by the text of its message. The errors of native-tls, of a TLS library that the caller
/// chose, and of proxies have no type that could be checked.
fn is_lasting_text(text: &str) -> bool {
    const LASTING: [&str; 15] = [
        // Messages of OpenSSL, SecureTransport, SChannel, and those versions of rustls whose types this crate does not use.
        "certificate verify failed",
        "certificate was not trusted",
        "certificate chain",
        "invalid certificate",
        "invalid peer certificate",
        "hostname mismatch",
        // Alerts about the caller's certificate, or about a protocol that only one of the two sides supports.
        "alert bad certificate",
        "alert unknown ca",
        "alert certificate",
        "alert protocol version",
        // The server does not speak TLS.
        "wrong version number",
        NO_TLS,
        PROXY_SCHEME,
        PROXY_REFUSED,
        PROXY_WANTS_PASSWORD,
    ];
    LASTING.iter().any(|lasting| text.contains(lasting))
}

/// hyper's message for an `https` URL in a build without a TLS library.
const NO_TLS: &str = "invalid URL, scheme is not http";
/// hyper-rustls's message for a proxy whose scheme is neither `http` nor `https`.
const PROXY_SCHEME: &str = "unsupported scheme";
/// hyper's message for a proxy that refuses a CONNECT request. The message does not contain the status of the proxy's answer.
const PROXY_REFUSED: &str = "tunnel error: unsuccessful";
const PROXY_WANTS_PASSWORD: &str = "tunnel error: proxy authorization required";
/// The messages of rustls and OpenSSL for a certificate from an untrusted issuer.
const UNKNOWN_ISSUERS: [&str; 4] = [
    "UnknownIssuer",
    "unable to get local issuer certificate",
    "self-signed certificate",
    "self signed certificate",
];
const PROXY_UNREACHABLE: &str = "tunnel error: failed to create underlying connection";

/// Returns an explanation for errors whose own message does not explain enough, or `None` for other errors.
fn explanation(texts: &[String]) -> Option<&'static str> {
    let says = |what: &str| texts.iter().any(|text| text.contains(what));
    if says(PROXY_WANTS_PASSWORD) {
        Some("the proxy refused to connect: it requires a user name and a password (407)")
    } else if says(PROXY_REFUSED) {
        Some("the proxy refused to connect to the host")
    } else if says(PROXY_SCHEME) {
        Some("the proxy's scheme is neither http nor https")
    } else if says(PROXY_UNREACHABLE) {
        Some("the proxy cannot be reached")
    } else if says(NO_TLS) {
        Some(
            "this build does not support https: enable the feature `ring`, `rustls` or `native-tls` of circleci-api",
        )
    } else if says("InvalidContentType") || says("wrong version number") {
        Some("the server does not speak TLS on this port")
    } else if UNKNOWN_ISSUERS.iter().any(|text| says(text)) {
        Some(UNKNOWN_ISSUER)
    } else {
        None
    }
}
