//! Chooses the cryptography library for https connections. The features of this crate decide which libraries are available.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;

/// The error message for an https URL in a build without TLS.
pub(crate) const NO_TLS: &str =
    "this crate was built without TLS: enable its feature `ring`, `rustls` or `native-tls`";

const NO_PROVIDER: &str = "no TLS provider is installed: call `install_default` of a `rustls::crypto::CryptoProvider` before \
                           you build a client, or enable the feature `ring` or `rustls`";

/// Checks whether this build contains TLS, which https connections need.
pub(crate) const fn is_built_in() -> bool {
    cfg!(any(feature = "rustls-no-provider", feature = "native-tls"))
}

/// Calls `build`, which creates connections. The connections use the TLS provider that the program has installed. If the
/// program has installed none, the connections use the provider that the features of this crate select.
pub(crate) fn with_provider<T>(build: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    install();
    if has_provider() {
        return build();
    }
    // reqwest panics if it finds no provider. Only reqwest knows whether it needs one, because another crate in the
    // program may have enabled reqwest's own provider, or the caller's builder may contain a complete TLS configuration.
    catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| Err(Error::configuration(NO_PROVIDER)))
}

/// Installs ring as the TLS provider of this process if no provider is installed yet.
fn install() {
    #[cfg(all(feature = "ring", not(feature = "rustls")))]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread installed a provider first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Returns `true` if reqwest certainly has a TLS provider, or needs none.
pub(crate) fn has_provider() -> bool {
    #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
    return rustls::crypto::CryptoProvider::get_default().is_some();
    #[cfg(not(all(feature = "rustls-no-provider", not(feature = "rustls"))))]
    true
}
