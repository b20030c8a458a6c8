//! Tests that a run with a planted fault fails and names the fault. The tests start their own server, so they need no Node.

use std::net::SocketAddr;

use circleci_api_conformance::case::{self, Case, Given};
use circleci_api_conformance::relay::Mode;
use circleci_api_conformance::report::Report;
use circleci_api_conformance::suite::{self, Servers};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use xtask::conformance::{Documents, repository};
use xtask::regen::Places;

/// The response of the server to `GET /me`: its status, its additional headers and its body.
type Said = (u16, &'static str, &'static str);

const USER: Said = (
    200,
    "",
    r#"{"id":"497f6eca-6276-4993-bfeb-53cbbbba6f08","login":"jo","name":"Jo"}"#,
);

/// Starts a server that gives this response to `GET /me`. If `refuses` is true, it rejects requests to create a context, as
/// Prism does.
async fn server(me: Said, refuses: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"\r\n\r\n") && !bytes.ends_with(b"}") {
                    if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let request = String::from_utf8_lossy(&bytes);
                let (status, headers, body) = if request.starts_with("GET /me ") {
                    me
                } else if refuses && request.starts_with("POST /context ") {
                    (
                        422,
                        "",
                        r#"{"type":"https://stoplight.io/prism/errors#UNPROCESSABLE_ENTITY","validation":[{"message":"no owner is valid"}]}"#,
                    )
                } else {
                    (418, "", "{}")
                };
                let head = format!(
                    "HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(body.as_bytes()).await;
            });
        }
    });
    address
}

/// Returns a document that has only this operation.
fn document() -> Value {
    json!({ "paths": { "/me": { "get": { "operationId": "getCurrentUser" } } } })
}

/// Returns the calls of these operations.
fn cases(ids: &[&str]) -> Vec<Case> {
    case::cases()
        .into_iter()
        .filter(|case| ids.contains(&case.id))
        .collect()
}

async fn run(me: Said) -> Report {
    let servers = Servers {
        untouched: server(me, true).await,
        overlaid: server(me, false).await,
    };
    let modes = [Mode::Static, Mode::Dynamic(1), Mode::Dynamic(2)];
    suite::run(&document(), cases(&["getCurrentUser"]), servers, &modes, 2)
        .await
        .unwrap()
}

fn written(report: &Report) -> String {
    let mut out = Vec::new();
    report.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns the findings in the report about the operation `getCurrentUser`.
fn told(report: &Report) -> String {
    let text = written(report);
    text.split("\n\n")
        .filter(|part| part.starts_with("getCurrentUser "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_good_answer_is_no_finding() {
    let report = run(USER).await;
    assert_eq!(told(&report), "");
    assert!(report.is_good());
}

#[tokio::test]
async fn a_bad_answer_is_told_once_with_what_was_sent_and_received() {
    let report = run((200, "", r#"{"id":"not a UUID","login":"jo","name":"Jo"}"#)).await;
    assert!(!report.is_good());
    let told = told(&report);
    assert!(told.contains("getCurrentUser (least, static; 3 in all): undecodable response: getCurrentUser: 200 OK, but the body could not be decoded: id"), "{told}");
    assert_eq!(
        told.matches("undecodable").count(),
        2,
        "once for least and most, whatever the seed: {told}"
    );
    assert!(
        told.contains("  GET /me \n  200 {\"id\":\"not a UUID\""),
        "{told}"
    );
}

#[tokio::test]
async fn a_bad_request_is_told_apart_from_a_bad_status() {
    for (said, expected) in [
        (
            (
                200,
                "sl-violations: [{\"location\":[\"request\",\"query\"],\"message\":\"no such word\"}]\r\n",
                USER.2,
            ),
            "request violation: no such word",
        ),
        (
            (
                422,
                "",
                r#"{"type":"https://stoplight.io/prism/errors#UNPROCESSABLE_ENTITY","validation":[{"message":"must be a UUID"}]}"#,
            ),
            "request violation: must be a UUID",
        ),
        (
            (
                401,
                "",
                r#"{"type":"https://stoplight.io/prism/errors#UNAUTHORIZED","detail":"no such header"}"#,
            ),
            "request violation: no such header",
        ),
        (
            (
                404,
                "",
                r#"{"type":"https://stoplight.io/prism/errors#NO_PATH_MATCHED_ERROR","detail":"no such route"}"#,
            ),
            "unexpected status: getCurrentUser: 404 Not Found",
        ),
        (
            (500, "", "boom"),
            "unexpected status: getCurrentUser: 500 Internal Server Error: boom",
        ),
        (
            (302, "location: /api/v2/you\r\n", ""),
            "unexpected status: expected one request, got 2",
        ),
    ] {
        let report = run(said).await;
        assert!(!report.is_good());
        assert!(
            told(&report).contains(expected),
            "{said:?}: {}",
            told(&report)
        );
    }
    // If the server reports a violation in its own response, the client is not at fault.
    let own = (
        200,
        "sl-violations: [{\"location\":[\"response\"],\"message\":\"hm\"}]\r\n",
        USER.2,
    );
    assert_eq!(told(&run(own).await), "");
}

#[tokio::test]
async fn an_operation_that_nobody_calls_is_amiss() {
    let servers = Servers {
        untouched: server(USER, true).await,
        overlaid: server(USER, false).await,
    };
    let mut document = document();
    document["paths"]["/new"] = json!({ "get": { "operationId": "getNews" } });
    let report = suite::run(
        &document,
        cases(&["getCurrentUser", "listPipelines"]),
        servers,
        &[Mode::Static],
        1,
    )
    .await
    .unwrap();
    let text = written(&report);
    assert!(
        text.contains("no row calls getNews: add one to tests/support/calls.rs"),
        "{text}"
    );
    assert!(
        text.contains("a row calls listPipelines, but the document has no such operation"),
        "{text}"
    );
    assert!(!report.is_good());
}

#[tokio::test]
async fn an_exception_that_is_not_needed_any_more_is_amiss() {
    let needed = "createContext (least) no longer fails";
    let servers = Servers {
        untouched: server(USER, true).await,
        overlaid: server(USER, false).await,
    };
    let report = suite::run(&document(), cases(&["createContext"]), servers, &[], 1)
        .await
        .unwrap();
    assert!(!written(&report).contains(needed));
    let servers = Servers {
        untouched: server(USER, false).await,
        overlaid: server(USER, false).await,
    };
    let report = suite::run(
        &document(),
        cases(&["createContext"]),
        servers,
        &[Mode::Static],
        1,
    )
    .await
    .unwrap();
    assert!(written(&report).contains(needed));
}

/// The table of calls must cover every operation of the document, with `Given::Least` and with `Given::Most`.
#[tokio::test]
async fn all_operations_are_accounted_for() {
    let document = Documents::read(&Places::of(&repository()))
        .unwrap()
        .untouched;
    let servers = Servers {
        untouched: server(USER, true).await,
        overlaid: server(USER, false).await,
    };
    let report = suite::run(&document, case::cases(), servers, &[], 1)
        .await
        .unwrap();
    assert!(report.is_good(), "{}", written(&report));
    assert_eq!(
        xtask::document::operations(&document).len(),
        case::cases()
            .iter()
            .filter(|case| case.given == Given::Least)
            .count()
    );
}
