//! Tests that a build without TLS returns an error that names the features to enable.

use std::error::Error as _;

use circleci_api::{Client, ErrorKind, reqwest};

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

#[tokio::test]
async fn a_client_of_the_callers_fails_at_once_and_names_the_features() {
    let client = Client::builder()
        .host("https://localhost:1")
        .token("t")
        .http(reqwest::Client::builder().no_proxy())
        .build()
        .unwrap();
    let error = client.get_current_user().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.attempts(), 1);
    assert!(
        error
            .to_string()
            .contains("enable the feature `ring`, `rustls` or `native-tls` of circleci-api"),
        "{error}"
    );
    assert!(error.source().is_some());
}
