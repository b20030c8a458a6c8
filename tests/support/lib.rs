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

/// Returns a builder for a plain reqwest client, for tests that need a client that is not from this crate.
pub fn plain_http() -> circleci_api::reqwest::ClientBuilder {
    // The result is ignored, because an error only means that a TLS provider is already installed.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    // Plain HTTP needs no CA certificates, and the machine may have none.
    circleci_api::reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
}

/// Runs the examples in the README as tests. The examples that need CircleCI are only compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
