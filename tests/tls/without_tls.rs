//! Tests that a build without TLS returns an error that names the features to enable.

use circleci_api::{Client, ErrorKind};

#[test]
fn https_needs_a_feature() {
    let error = Client::builder().token("t").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(
        error.to_string(),
        "cannot set up the client: this crate was built without TLS: enable its feature `ring`, `rustls` or `native-tls`"
    );
}

#[test]
fn plain_http_on_loopback_needs_none() {
    Client::builder()
        .host("http://127.0.0.1:1")
        .token("t")
        .build()
        .unwrap();
}
