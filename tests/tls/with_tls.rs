//! Tests a call over https with the TLS feature that is enabled.
#![cfg(any(
    feature = "rustls",
    feature = "ring",
    feature = "rustls-no-provider",
    feature = "native-tls"
))]

use std::sync::Arc;

use circleci_api::{Client, reqwest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 64\r\nconnection: close\r\n\r\n\
                      {\"id\":\"c4d5e6f7-1a2b-4c3d-8e4f-5a6b7c8d9e04\",\"login\":\"over TLS\"}";

/// Starts a server that sends one answer. Returns its address and its certificate.
async fn server() -> (String, reqwest::Certificate) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(ANSWER.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    (
        host,
        reqwest::Certificate::from_der(made.cert.der()).unwrap(),
    )
}

async fn call() {
    let (host, certificate) = server().await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([certificate]);
    let client = Client::builder()
        .host(host)
        .token("t")
        .http(http)
        .build()
        .unwrap();
    let user = client.get_current_user().send().await.unwrap();
    assert_eq!(user.login.as_deref(), Some("over TLS"));
}

#[cfg(any(feature = "rustls", feature = "ring", feature = "native-tls"))]
#[tokio::test]
async fn it_works() {
    call().await;
    // A client for CircleCI's own host can also be built, because building a client does not connect.
    Client::builder().token("t").build().unwrap();
}

#[cfg(not(any(feature = "rustls", feature = "ring", feature = "native-tls")))]
#[tokio::test]
async fn it_works_with_a_provider_and_says_what_to_do_without() {
    let builders: [fn() -> circleci_api::ClientBuilder; 2] = [Client::builder, || {
        Client::builder().http(reqwest::Client::builder())
    }];
    for builder in builders {
        let error = builder().token("t").build().unwrap_err();
        assert_eq!(error.kind(), circleci_api::ErrorKind::Configuration);
        assert!(
            error
                .to_string()
                .starts_with("cannot set up the client: no TLS provider is installed: call "),
            "{error}"
        );
    }
    rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap();
    call().await;
    Client::builder().token("t").build().unwrap();
}
