//! Tests of setting many variables at once, and of copying restrictions. They check the requests, their order, and the results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use circleci_api::secrecy::{ExposeSecret, SecretString};
use circleci_api::{Copied, RetryPolicy};
use serde_json::{Value, json};

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/env_sync.rs"]
mod env_sync;
use crate::server::{Act, Seen, Server, answer, listen};

const CONTEXT: &str = "f31d7249-b7b1-4729-b3a4-ec0ba07b4686";
const OTHER: &str = "0b1c3b0e-1f60-4a0b-8f3c-6b1a2f0b3c4d";
const VALUE: &str = "s3cr3t \"value\"\nof two lines";

fn variable(request: &Seen) -> &str {
    request.target.rsplit('/').next().unwrap()
}

fn body(request: &Seen) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn is_set(name: &str) -> Act {
    answer(
        200,
        json!({ "variable": name, "context_id": CONTEXT, "created_at": null }).to_string(),
    )
    .into()
}

#[tokio::test]
async fn one_request_and_one_result_for_each_variable() {
    let server = Server::start(|_, request| match variable(request) {
        "B" => answer(400, r#"{"message":"invalid name"}"#).into(),
        name => is_set(name),
    })
    .await;
    let variables = BTreeMap::from([("C", "3"), ("A", "1"), ("B", "2")]);
    let done = server
        .client()
        .set_context_variables(CONTEXT, variables)
        .at_once(1)
        .send()
        .await;

    let requests: Vec<_> = server
        .seen()
        .iter()
        .map(|request| {
            (
                request.method.clone(),
                request.target.clone(),
                body(request),
            )
        })
        .collect();
    let wanted = [("A", "1"), ("B", "2"), ("C", "3")].map(|(name, value)| {
        let target = format!("/api/v2/context/{CONTEXT}/environment-variable/{name}");
        ("PUT".to_owned(), target, json!({ "value": value }))
    });
    assert_eq!(requests, wanted);

    let names: Vec<_> = done
        .results()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["A", "B", "C"]);
    assert_eq!(done.set().collect::<Vec<_>>(), ["A", "C"]);
    let failed: Vec<_> = done
        .failed()
        .map(|(name, error)| (name, error.message()))
        .collect();
    assert_eq!(failed, [("B", Some("invalid name"))]);
    assert_eq!(done.into_result().unwrap_err().status().unwrap(), 400);
}

#[tokio::test]
async fn no_more_at_once_than_allowed_and_all_in_the_end() {
    // The server answers requests in pairs: it holds the first request of a pair until the second request arrives.
    let listener = listen("127.0.0.1");
    let address = listener.local_addr().unwrap();
    let (open, most, pair) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(tokio::sync::Barrier::new(2)),
    );
    let counted = (Arc::clone(&open), Arc::clone(&most));
    let task = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (open, most) = (Arc::clone(&counted.0), Arc::clone(&counted.1));
            let pair = Arc::clone(&pair);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                // Each connection serves one request, and the request ends with its JSON body.
                while !seen.ends_with(b"\"}") {
                    if stream.read_buf(&mut seen).await.unwrap() == 0 {
                        return;
                    }
                }
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                pair.wait().await;
                open.fetch_sub(1, Ordering::SeqCst);
                let body = json!({ "variable": "X" }).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            });
        }
    });
    let circleci = circleci_api::Client::builder()
        .host(format!("http://{address}"))
        .token("t")
        .build()
        .unwrap();
    let variables = (0..20).map(|number| (format!("V{number:02}"), "x"));
    let done = circleci
        .set_context_variables(CONTEXT, variables)
        .at_once(2)
        .send()
        .await;
    let names: Vec<_> = done.set().map(str::to_owned).collect();
    assert_eq!(
        names,
        (0..20)
            .map(|number| format!("V{number:02}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(most.load(Ordering::SeqCst), 2);
    task.abort();
}

#[tokio::test]
async fn a_429_and_a_lost_answer_in_the_middle_are_made_up_for() {
    let server = Server::script([
        answer(429, "Rate limited.").header("retry-after", 7).into(),
        is_set("A"),
        Act::Close,
        is_set("B"),
    ])
    .await;
    let (builder, waits) = server.builder();
    let circleci = builder.build().unwrap();
    let done = circleci
        .set_context_variables(CONTEXT, [("A", "1"), ("B", "2")])
        .at_once(1)
        .send()
        .await;
    assert_eq!(done.failed().count(), 0, "{done:?}");
    let names: Vec<_> = server
        .seen()
        .iter()
        .map(|request| variable(request).to_owned())
        .collect();
    assert_eq!(names, ["A", "A", "B", "B"]);
    assert_eq!(waits.all()[0].as_secs(), 7);
}

#[tokio::test]
async fn a_projects_variables_are_posted_and_posted_again() {
    let made = json!({ "name": "A", "value": "xxxx" }).to_string();
    let server = Server::script([answer(502, "").into(), answer(201, made).into()]).await;
    let value = SecretString::from(VALUE);
    let done = server
        .client()
        .set_project_variables("gh/acme/web", [("A", value)])
        .send()
        .await;
    done.into_result().unwrap();
    let requests = server.seen();
    assert_eq!(requests.len(), 2, "a second sending does no harm");
    for request in requests {
        assert_eq!(
            (&*request.method, &*request.target),
            ("POST", "/api/v2/project/gh/acme/web/envvar")
        );
        assert_eq!(body(&request), json!({ "name": "A", "value": VALUE }));
    }
}

#[tokio::test]
async fn of_one_name_the_last_value_counts_and_nothing_is_nothing() {
    let server = Server::start(|_, request| is_set(variable(request))).await;
    let circleci = server.client();
    let set = circleci.set_context_variables(CONTEXT, [("A", "1"), ("B", "2"), ("A", "3")]);
    assert_eq!(set.names().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(set.at_once(0).send().await.results().len(), 2);
    let values: Vec<_> = server
        .seen()
        .iter()
        .map(|request| body(request)["value"].clone())
        .collect();
    assert_eq!(values, ["3", "2"]);

    let nothing: [(&str, &str); 0] = [];
    assert!(
        circleci
            .set_context_variables(CONTEXT, nothing)
            .send()
            .await
            .results()
            .is_empty()
    );
    let error = circleci
        .set_context_variables("no uuid", [("A", "1")])
        .send()
        .await
        .into_result();
    assert_eq!(
        error.unwrap_err().kind(),
        circleci_api::ErrorKind::InvalidArgument
    );
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_value_is_in_nothing_that_is_shown() {
    let long = format!("{VALUE}-{}", "x".repeat(6000));
    // Each answer of the server contains the secret value: in a message, in HTML, in a copy of the request body, or as the
    // whole answer.
    let server = Server::start(|index, request| match index {
        0 => answer(
            400,
            json!({ "message": format!("bad: {VALUE}") }).to_string(),
        )
        .into(),
        1 => answer(400, format!("<html>{VALUE}</html>")).into(),
        2 => answer(400, [b"invalid: ", &request.body[..]].concat()).into(),
        _ => answer(200, json!(VALUE).to_string()).into(),
    })
    .await;
    let (builder, _) = server.builder();
    let circleci = builder.retry(RetryPolicy::none()).build().unwrap();
    let values = [VALUE, VALUE, &long, VALUE];
    let variables = ["A", "B", "C", "D"].into_iter().zip(values);
    let set = circleci
        .set_context_variables(CONTEXT, variables)
        .at_once(1);
    let before = format!("{set:?} {set:#?}");
    let done = set.send().await;
    assert_eq!(done.failed().count(), 4, "{done:?}");
    let mut shown = format!("{before} {done:?} {done:#?}");
    for (_, error) in done.failed() {
        shown += &format!("{error} {:?} {:?} ", error.message(), error.body_excerpt());
        let mut source = std::error::Error::source(error);
        while let Some(one) = source {
            shown += &format!("{one} {one:?} ");
            source = one.source();
        }
    }
    assert!(shown.contains("bad: [redacted]"), "{shown}");
    for part in ["s3cr3t", "two lines", "xxxxx"] {
        assert!(!shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let server = Server::start(|_, _| Act::Stall).await;
    let circleci = server.client();
    let variables = (0..9).map(|number| (format!("V{number}"), "x"));
    let set = circleci
        .set_context_variables(CONTEXT, variables)
        .at_once(3)
        .send();
    tokio::select! {
        _ = set => panic!("nobody answers"),
        _ = async { while server.count() < 3 { tokio::task::yield_now().await } } => {}
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.count(), 3);
}

fn restriction(word: &str, value: &str, name: Option<&str>) -> Value {
    json!({
        "context_id": CONTEXT, "id": "90000000-4d2a-4f00-9e11-000000000001", "project_id": null,
        "name": name, "restriction_type": word, "restriction_value": value,
    })
}

fn page(items: Value, next: Option<&str>) -> Act {
    answer(
        200,
        json!({ "items": items, "next_page_token": next }).to_string(),
    )
    .into()
}

#[tokio::test]
async fn restrictions_are_copied_that_are_missing() {
    let project = |value| restriction("project", value, Some("web"));
    let server = Server::script([
        page(
            json!([
                project("p1"),
                restriction("expression", "pipeline.git.branch == \"main\"", None)
            ]),
            Some("next"),
        ),
        page(
            json!([
                project("p2"),
                restriction("group", "g1", None),
                project("p2")
            ]),
            None,
        ),
        page(json!([project("p1")]), None),
        answer(201, restriction("expression", "…", None).to_string()).into(),
        answer(409, r#"{"message":"exists"}"#).into(),
        answer(400, r#"{"message":"no groups here"}"#).into(),
    ])
    .await;
    let copied = server
        .client()
        .copy_context_restrictions(CONTEXT, OTHER)
        .await
        .unwrap();

    let asked: Vec<_> = server
        .seen()
        .iter()
        .map(|request| {
            format!(
                "{} {}",
                request.method,
                request.target.replace("/api/v2/context/", "")
            )
        })
        .collect();
    assert_eq!(
        asked,
        [
            format!("GET {CONTEXT}/restrictions"),
            format!("GET {CONTEXT}/restrictions?page-token=next"),
            format!("GET {OTHER}/restrictions"),
            format!("POST {OTHER}/restrictions"),
            format!("POST {OTHER}/restrictions"),
            format!("POST {OTHER}/restrictions"),
        ]
    );
    let bodies: Vec<_> = server.seen()[3..].iter().map(body).collect();
    assert_eq!(
        bodies,
        [
            json!({ "restriction_type": "expression", "restriction_value": "pipeline.git.branch == \"main\"" }),
            json!({ "restriction_type": "project", "restriction_value": "p2" }),
            json!({ "restriction_type": "group", "restriction_value": "g1" }),
        ]
    );
    let results: Vec<_> = copied
        .iter()
        .map(|copied| copied.result.as_ref().ok().copied())
        .collect();
    assert_eq!(
        results,
        [
            Some(Copied::WasThere),
            Some(Copied::Created),
            Some(Copied::WasThere),
            None,
            Some(Copied::WasThere),
        ]
    );
    assert_eq!(
        copied[3].result.as_ref().unwrap_err().message(),
        Some("no groups here")
    );
}

#[tokio::test]
async fn without_both_lists_nothing_is_changed() {
    let server = Server::script([
        page(json!([restriction("project", "p1", None)]), None),
        answer(403, r#"{"message":"Permission denied"}"#).into(),
    ])
    .await;
    let error = server
        .client()
        .copy_context_restrictions(CONTEXT, OTHER)
        .await
        .unwrap_err();
    assert!(error.is_forbidden());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_file_becomes_variables_and_shows_none_of_them() {
    let file = "\u{20}# comment\n\nA=plain text # comment\nexport B = \"a \\\"b\\\"\\n#c\" # d\nC='\\n'\nD=\nE=x=y#z\n";
    let parsed = env_sync::parse(file).unwrap();
    let parsed: Vec<_> = parsed
        .iter()
        .map(|(name, value)| (&**name, value.expose_secret()))
        .collect();
    let wanted = [
        ("A", "plain text"),
        ("B", "a \"b\"\n#c"),
        ("C", "\\n"),
        ("D", ""),
        ("E", "x=y#z"),
    ];
    assert_eq!(parsed, wanted);

    for (file, said) in [
        ("A=1\ns3cr3t", "line 2: no `=`"),
        (
            "s3cr3t key=1",
            "line 1: a name has only letters, digits and `_`, and does not start with a digit",
        ),
        (
            "1A=s3cr3t",
            "line 1: a name has only letters, digits and `_`, and does not start with a digit",
        ),
        ("A=\"s3cr3t", "line 1: the quotes do not match"),
        ("A='s3cr3t' more", "line 1: the quotes do not match"),
    ] {
        assert_eq!(env_sync::parse(file).unwrap_err().to_string(), said);
    }

    let mut out = Vec::new();
    env_sync::dry("A=s3cr3t\nB=s3cr3t", &mut out).await.unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "A dry run with a small CircleCI in this process.\n  A: added\n  B: added\n2 variables set in deploy.\n"
    );
}
