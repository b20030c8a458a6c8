//! Tests of compressed answers with the feature `gzip`. The client decompresses answers, but not files (see `artifacts.rs`).

use std::io::Write;

use circleci_api::ErrorKind;
use circleci_api::serde_json::json;
use flate2::{Compression, write::GzEncoder};

use crate::server::{Answer, Ending, Server, answer};

fn packed(status: u16, body: &str) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body.as_bytes()).unwrap();
    answer(status, encoder.finish().unwrap()).header("content-encoding", "gzip")
}

fn user() -> String {
    let padding = "x".repeat(5000);
    json!({ "id": "fda08377-fe7e-46b1-8992-3a7aaecac9c3", "login": "jo", "name": padding })
        .to_string()
}

#[tokio::test]
async fn a_compressed_answer_is_read_like_any_other() {
    for ending in [Ending::Length, Ending::Chunks] {
        let server = Server::script([packed(200, &user()).ending(ending).into()]).await;
        let response = server
            .client()
            .get_current_user()
            .send_for_response()
            .await
            .unwrap();
        assert_eq!(response.body().login.as_deref(), Some("jo"));
        // The headers describe the decompressed body.
        assert_eq!(response.headers().get("content-encoding"), None);
        assert_eq!(response.headers().get("content-length"), None);
        assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip"));
    }
    // The client also decompresses the body of an error response, and finds the message in it.
    let server = Server::script([packed(404, r#"{"message":"no such user"}"#).into()]).await;
    let error = server.client().get_current_user().send().await.unwrap_err();
    assert_eq!(error.message(), Some("no such user"));
}

#[tokio::test]
async fn the_bound_counts_what_is_unpacked() {
    let server = Server::start(|_, _| packed(200, &user()).into()).await;
    let client = server.builder().0.body_limit(1000).build().unwrap();
    let error = client.get_current_user().send().await.unwrap_err();
    assert_eq!((error.kind(), server.count()), (ErrorKind::TooLarge, 1));
    let client = server.builder().0.body_limit(user().len()).build().unwrap();
    client.get_current_user().send().await.unwrap();
}

#[tokio::test]
async fn a_compressed_answer_that_is_cut_off_is_asked_for_again() {
    let whole = packed(200, &user());
    let mut cut = whole.clone();
    cut.body.truncate(cut.body.len() - 5);
    let server = Server::script([cut.clone().into(), whole.into()]).await;
    server.client().get_current_user().send().await.unwrap();
    assert_eq!(server.count(), 2);
    let server = Server::start(move |_, _| cut.clone().into()).await;
    let client = server.builder().0.no_retries().build().unwrap();
    let error = client.get_current_user().send().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("gzip"), "{error}");
}
