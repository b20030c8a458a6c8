//! The cryptography library for https connections, chosen by the features of this crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;

/// The advice for a build without TLS, or without a cryptography library for it.
pub(crate) const NO_TLS: &str =
    "this crate was built without TLS: enable its feature `ring`, `rustls` or `native-tls`";

const NO_PROVIDER: &str = "no TLS provider is installed: call `install_default` of a `rustls::crypto::CryptoProvider` before \
                           you build a client, or enable the feature `ring` or `rustls`";

/// Whether an https connection is possible.
pub(crate) const fn is_built_in() -> bool {
    cfg!(any(feature = "rustls-no-provider", feature = "native-tls"))
}

/// Builds connections with the provider that the program has installed, or else with the provider of the features.
pub(crate) fn with_provider<T>(build: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    install();
    if has_provider() {
        return build();
    }
    // reqwest panics if it finds no provider. Only reqwest knows whether it needs one: another crate of the program may
    // have enabled reqwest's own provider, and the caller's builder may hold a complete TLS configuration.
    catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| Err(Error::configuration(NO_PROVIDER)))
}

/// Makes ring the provider of this process if there is no other provider.
fn install() {
    #[cfg(all(feature = "ring", not(feature = "rustls")))]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread installed a provider first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Whether reqwest certainly has a provider, or needs none.
pub(crate) fn has_provider() -> bool {
    #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
    return rustls::crypto::CryptoProvider::get_default().is_some();
    #[cfg(not(all(feature = "rustls-no-provider", not(feature = "rustls"))))]
    true
}
