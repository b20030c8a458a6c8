//! The code that the tests of `circleci-api` share with each other and with `fuzz/`.

pub mod calls;
pub mod document;
#[path = "../../xtask/tests/common/mod.rs"]
pub mod documents;
pub mod fuzzed;
pub mod raw;
pub mod server;
pub mod stage;
pub mod values;

/// Returns a builder of reqwest's client, for tests that do not use a client of this crate.
pub fn plain_http() -> circleci_api::reqwest::ClientBuilder {
    // An error means that a TLS provider is already installed.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    // Plain http needs no certificates, and this machine may have none.
    circleci_api::reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
}

/// The README's snippets run as tests; those that would need CircleCI are only compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
