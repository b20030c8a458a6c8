//! Tests what the client does if a server, a proxy or a connection has a fault: how many requests it sends, and what the caller
//! gets. The tests use real sockets, and they do not really wait between retries.

use std::time::Duration;

use crate::server::{Act, Ending, Server, Waits, answer};
use circleci_api::serde_json::{Value, json};
use circleci_api::{
    CallOptions, Client, ClientBuilder, Error, ErrorKind, Replay, RetryPolicy, operations, types,
};

/// The timeout of a client that calls a silent server. Even on a slow machine, all answers that the server does send
/// arrive sooner.
const PATIENCE: Duration = Duration::from_secs(3);

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

fn ok() -> Act {
    answer(200, r#"{"message":"fine"}"#).into()
}

fn status(status: u16) -> Act {
    answer(status, format!(r#"{{"message":"no {status}"}}"#)).into()
}

fn new_context() -> types::CreateContextRequest {
    circleci_api::serde_json::from_value(
        json!({ "name": "n", "owner": { "id": ID, "type": "organization" } }),
    )
    .unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verb {
    /// `getWorkflowById`, a GET.
    Get,
    /// `deleteOtelExporter`, a DELETE.
    Delete,
    /// `cancelWorkflow`, a POST that merely cancels.
    Cancel,
    /// `createContext`, a POST that the server must not process twice.
    Create,
    /// `createContext`, with permission to send it again.
    CreateReplayed,
}
use Verb::{Cancel, Create, CreateReplayed, Delete, Get};

async fn call(client: &Client, verb: Verb) -> Result<Value, Error> {
    match verb {
        Get => client.get_workflow_by_id(ID).send_as().await,
        Delete => client
            .delete_otel_exporter(ID)
            .send()
            .await
            .map(|()| Value::Null),
        Cancel => client.cancel_workflow(ID).send_as().await,
        Create => client.create_context(new_context()).send_as().await,
        CreateReplayed => {
            let again = CallOptions::new().replay(true);
            client
                .create_context(new_context())
                .options(again)
                .send_as()
                .await
        }
    }
}

/// The result for the caller.
#[derive(Default)]
struct Got {
    kind: Option<ErrorKind>,
    status: Option<u16>,
    /// The text of the error. If this ends with `…`, the error only has to begin with it.
    line: Option<&'static str>,
    retry_after: Option<f64>,
    transient: Option<bool>,
    timeout: bool,
}

const FINE: Option<Got> = None;

fn failed(kind: ErrorKind, line: &'static str) -> Option<Got> {
    Some(Got {
        kind: Some(kind),
        line: Some(line),
        ..Got::default()
    })
}

impl Got {
    fn check(&self, error: &Error, row: &str) {
        assert_eq!(Some(error.kind()), self.kind, "{row}: {error}");
        let line = error.to_string();
        match self.line.unwrap() {
            expected if expected.ends_with('…') => {
                let start = expected.trim_end_matches('…');
                assert!(line.starts_with(start), "{row}: {line}");
            }
            expected => assert_eq!(line, expected, "{row}"),
        }
        if let Some(status) = self.status {
            assert_eq!(error.status().map(|s| s.as_u16()), Some(status), "{row}");
        }
        if let Some(transient) = self.transient {
            assert_eq!(error.is_transient(), transient, "{row}");
        }
        assert_eq!(
            error.retry_after().map(|wait| wait.as_secs_f64()),
            self.retry_after,
            "{row}"
        );
        assert_eq!(error.is_timeout(), self.timeout, "{row}");
        assert!(!line.contains('\n'), "{row}: {line}");
        assert!(
            !format!("{line} {error:#?}").contains(crate::server::TOKEN),
            "{row}: {error:#?}"
        );
    }
}

/// A test case: its name, the reactions of the server, the call, the number of requests, the waits between them, and the result
/// for the caller.
struct Row(
    &'static str,
    Vec<Act>,
    Verb,
    usize,
    &'static [Wait],
    Option<Got>,
);

/// A wait in seconds: either an exact time, or the upper limit of a backoff.
#[derive(Debug)]
enum Wait {
    Exactly(u64),
    UpTo(f64),
}
use Wait::{Exactly, UpTo};

/// The backoffs of the default policy, with jitter.
const BACKOFF: [Wait; 5] = [UpTo(0.5), UpTo(1.0), UpTo(2.0), UpTo(4.0), UpTo(8.0)];

/// Runs all rows at the same time, so that the rows with a silent server wait together.
async fn run(rows: Vec<Row>, set: impl Fn(ClientBuilder) -> ClientBuilder) {
    futures_util::future::join_all(rows.into_iter().map(|row| run_row(row, &set))).await;
}

async fn run_row(row: Row, set: &impl Fn(ClientBuilder) -> ClientBuilder) {
    let Row(name, acts, verb, requests, waits, got) = row;
    let server = Server::script(acts).await;
    let (builder, clock) = server.builder();
    let client = set(builder).build().unwrap();
    let result = call(&client, verb).await;
    match (&result, &got) {
        (Ok(_), None) => {}
        (Err(error), Some(got)) => {
            got.check(error, name);
            assert_eq!(error.attempts() as usize, requests, "{name}");
        }
        (result, _) => panic!("{name}: {result:?}"),
    }
    assert_eq!(server.count(), requests, "{name}: requests");
    check_waits(name, &clock, waits);
    // Every retry must be identical to the first request.
    let seen = server.seen();
    for again in &seen {
        assert_eq!(
            (&again.method, &again.target),
            (&seen[0].method, &seen[0].target),
            "{name}"
        );
        assert_eq!(again.body, seen[0].body, "{name}");
        assert_eq!(
            again.header("circle-token"),
            Some(crate::server::TOKEN),
            "{name}"
        );
    }
}

fn check_waits(name: &str, clock: &Waits, expected: &[Wait]) {
    let waits = clock.all();
    assert_eq!(waits.len(), expected.len(), "{name}: {waits:?}");
    for (wait, expected) in waits.iter().zip(expected) {
        let wait = wait.as_secs_f64();
        let right = match expected {
            Exactly(seconds) => wait == *seconds as f64,
            UpTo(most) => wait >= most / 2.0 && wait <= *most,
        };
        assert!(right, "{name}: {waits:?}");
    }
}

#[tokio::test]
async fn rate_limits() {
    let limited = || answer(429, "Rate limited.");
    let beyond = |line, seconds| {
        Some(Got {
            kind: Some(ErrorKind::RateLimited),
            status: Some(429),
            line: Some(line),
            retry_after: Some(seconds),
            transient: Some(true),
            ..Got::default()
        })
    };
    let epoch = 1_772_366_400_u64 + 25;
    run(
        vec![
            Row("seconds", vec![limited().header("retry-after", 7).into(), ok()], Get, 2, &[Exactly(7)], FINE),
            Row(
                "a date",
                vec![limited().header("Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT").into(), ok()],
                Get,
                2,
                &[Exactly(30)],
                FINE,
            ),
            Row(
                "a date, where the clock of this machine is ten minutes slow",
                vec![
                    limited()
                        .header("Date", "Sun, 01 Mar 2026 12:10:00 GMT")
                        .header("Retry-After", "Sun, 01 Mar 2026 12:10:05 GMT")
                        .into(),
                    ok(),
                ],
                Get,
                2,
                &[Exactly(5)],
                FINE,
            ),
            Row(
                "X-RateLimit-Reset as a moment, where the clock of this machine is ten minutes slow",
                vec![
                    limited()
                        .header("Date", "Sun, 01 Mar 2026 12:10:00 GMT")
                        .header("X-RateLimit-Reset", epoch + 600)
                        .into(),
                    ok(),
                ],
                Get,
                2,
                &[Exactly(25)],
                FINE,
            ),
            Row(
                "a date that is past",
                vec![limited().header("Retry-After", "Sun, 01 Mar 2026 11:00:30 GMT").into(), ok()],
                Get,
                2,
                &[UpTo(0.5)],
                FINE,
            ),
            Row("no header", vec![limited().into(), ok()], Get, 2, &BACKOFF[..1], FINE),
            Row("0 seconds", vec![limited().header("retry-after", 0).into(), ok()], Get, 2, &BACKOFF[..1], FINE),
            Row("nonsense", vec![limited().header("retry-after", "soon").into(), ok()], Get, 2, &BACKOFF[..1], FINE),
            Row("RateLimit-Reset", vec![limited().header("RateLimit-Reset", 12).into(), ok()], Get, 2, &[Exactly(12)], FINE),
            Row(
                "X-RateLimit-Reset as a moment",
                vec![limited().header("X-RateLimit-Reset", epoch).into(), ok()],
                Get,
                2,
                &[Exactly(25)],
                FINE,
            ),
            Row(
                "a POST that must not be replayed is: nothing has happened",
                vec![limited().header("retry-after", 7).into(), ok()],
                Create,
                2,
                &[Exactly(7)],
                FINE,
            ),
            Row(
                "beyond the budget",
                vec![limited().header("retry-after", 3600).into()],
                Get,
                1,
                &[],
                beyond("getWorkflowById: 429 Too Many Requests: Rate limited. (request req-429, retry after 3600 s)", 3600.0),
            ),
            Row(
                "beyond the budget, later",
                vec![limited().header("retry-after", 60).into(), limited().header("retry-after", 60).into()],
                Create,
                2,
                &[Exactly(60)],
                beyond("createContext: 429 Too Many Requests: Rate limited. (request req-429, 2 attempts, retry after 60 s)", 60.0),
            ),
            Row(
                "beyond everything",
                vec![limited().header("retry-after", "99999999999999999999999999").into()],
                Get,
                1,
                &[],
                beyond("getWorkflowById: 429…", u64::MAX as f64),
            ),
            Row(
                "on and on",
                vec![limited().into(); 6],
                Get,
                6,
                &BACKOFF,
                failed(
                    ErrorKind::RateLimited,
                    "getWorkflowById: 429 Too Many Requests: Rate limited. (request req-429, 6 attempts)",
                ),
            ),
        ],
        |builder| builder,
    )
    .await;
}

#[tokio::test]
async fn what_may_be_replayed_is_and_nothing_else() {
    let mut rows = vec![];
    for transient in [408, 500, 502, 503, 504, 520, 521, 522, 523, 524] {
        for verb in [Get, Delete, Cancel, CreateReplayed] {
            rows.push(Row(
                "replayed",
                vec![status(transient), status(transient), ok()],
                verb,
                3,
                &BACKOFF[..2],
                FINE,
            ));
        }
        rows.push(Row(
            "not replayed",
            vec![status(transient), ok()],
            Create,
            1,
            &[],
            Some(Got {
                kind: Some(ErrorKind::Status),
                status: Some(transient),
                line: Some("createContext: …"),
                transient: Some(true),
                ..Got::default()
            }),
        ));
    }
    for verb in [Get, Delete, Cancel, CreateReplayed] {
        rows.push(Row(
            "reset",
            vec![Act::Reset, ok()],
            verb,
            2,
            &BACKOFF[..1],
            FINE,
        ));
        rows.push(Row(
            "closed",
            vec![Act::Close, ok()],
            verb,
            2,
            &BACKOFF[..1],
            FINE,
        ));
    }
    for act in [Act::Reset, Act::Close] {
        rows.push(Row(
            "a POST whose connection broke may have happened",
            vec![act, ok()],
            Create,
            1,
            &[],
            Some(Got {
                kind: Some(ErrorKind::Transport),
                line: Some("createContext: the connection broke: …"),
                transient: Some(true),
                ..Got::default()
            }),
        ));
    }
    for lasting in [
        400, 401, 403, 404, 405, 409, 410, 418, 422, 501, 505, 519, 525,
    ] {
        for verb in [Get, Create] {
            rows.push(Row(
                "nothing that waiting would mend",
                vec![status(lasting), ok()],
                verb,
                1,
                &[],
                Some(Got {
                    kind: Some(ErrorKind::Status),
                    status: Some(lasting),
                    line: Some(if verb == Get {
                        "getWorkflowById: …"
                    } else {
                        "createContext: …"
                    }),
                    transient: Some(false),
                    ..Got::default()
                }),
            ));
        }
    }
    rows.push(Row(
        "503 with Retry-After",
        vec![answer(503, "").header("retry-after", 9).into(), ok()],
        Get,
        2,
        &[Exactly(9)],
        FINE,
    ));
    rows.push(Row(
        "502 with a window that is far from over",
        vec![answer(502, "").header("ratelimit-reset", 60).into(), ok()],
        Get,
        2,
        &BACKOFF[..1],
        FINE,
    ));
    run(rows, |builder| builder).await;
}

#[tokio::test]
async fn retries_are_bounded_in_number_and_time_and_can_be_off() {
    let down = || vec![status(503); 20];
    let end = |line| {
        Some(Got {
            kind: Some(ErrorKind::Status),
            status: Some(503),
            line: Some(line),
            transient: Some(true),
            ..Got::default()
        })
    };
    run(
        vec![Row(
            "6 attempts",
            down(),
            Get,
            6,
            &BACKOFF,
            end("getWorkflowById: 503 Service Unavailable: no 503 (request req-503, 6 attempts)"),
        )],
        |builder| builder,
    )
    .await;
    run(
        vec![Row(
            "off",
            down(),
            Get,
            1,
            &[],
            end("getWorkflowById: 503 Service Unavailable: no 503 (request req-503)"),
        )],
        ClientBuilder::no_retries,
    )
    .await;
    run(
        vec![Row(
            "3 attempts",
            down(),
            Get,
            3,
            &BACKOFF[..2],
            end("getWorkflowById: 503 …"),
        )],
        |builder| builder.retry(RetryPolicy::default().max_attempts(3)),
    )
    .await;
    run(
        vec![Row(
            "no time for another",
            down(),
            Get,
            1,
            &[],
            end("getWorkflowById: 503 …"),
        )],
        |builder| builder.retry(RetryPolicy::default().max_elapsed(Duration::from_millis(200))),
    )
    .await;
    run(
        vec![Row(
            "the call's own time ends first",
            down(),
            Get,
            1,
            &[],
            end("getWorkflowById: 503 …"),
        )],
        |builder| {
            builder
                .timeout(Duration::from_secs(5))
                .retry(RetryPolicy::default().min_delay(Duration::from_secs(10)))
        },
    )
    .await;
}

#[tokio::test]
async fn one_call_can_differ_from_its_client() {
    let server = Server::script([status(503), ok(), status(503), ok()]).await;
    let client = server.client();
    let once = CallOptions::new().retry(RetryPolicy::none());
    let error = client
        .get_workflow_by_id(ID)
        .options(once)
        .send()
        .await
        .unwrap_err();
    assert_eq!((error.attempts(), server.count()), (1, 1));
    client.cancel_workflow(ID).send().await.unwrap();
    let careful = CallOptions::new().replay(false);
    client
        .cancel_workflow(ID)
        .options(careful)
        .send()
        .await
        .unwrap_err();
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn the_status_is_never_lost_whatever_the_body() {
    let html = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
    let table: Vec<(&str, Act, &str)> = vec![
        (
            "message",
            answer(404, r#"{"message":"Org not found."}"#).into(),
            "404 Not Found: Org not found. (request req-404)",
        ),
        (
            "a message that is JSON in a string",
            answer(400, r#"{"message":"{\"message\":\"Bad branch\"}"}"#).into(),
            "400 Bad Request: Bad branch (request req-400)",
        ),
        (
            "the policy service's envelope",
            answer(400, r#"{"error":"bad policy","context":"line 3"}"#).into(),
            "400 Bad Request: bad policy: line 3 (request req-400)",
        ),
        (
            "plain text",
            answer(429, "Rate limited.").into(),
            "429 Too Many Requests: Rate limited. (request req-429)",
        ),
        (
            "an empty object",
            answer(500, "{}").into(),
            "500 Internal Server Error (request req-500)",
        ),
        (
            "nothing",
            answer(500, "").into(),
            "500 Internal Server Error (request req-500)",
        ),
        (
            "HTML",
            answer(502, html).into(),
            "502 Bad Gateway: 502 Bad Gateway (an HTML page) (request req-502)",
        ),
        (
            "cut off by the server",
            answer(500, r#"{"message":"Org not"#).into(),
            r#"500 Internal Server Error: {"message":"Org not (cut off) (request req-500)"#,
        ),
        (
            "cut off by the wire",
            answer(500, r#"{"message":"Org not found"}"#)
                .ending(Ending::CutAt(19))
                .into(),
            r#"500 Internal Server Error: {"message":"Org not (cut off) (request req-500)"#,
        ),
        (
            "not UTF-8",
            answer(500, b"caf\xe9".to_vec()).into(),
            "500 Internal Server Error: caf\u{fffd} (request req-500)",
        ),
        (
            "the wrong content type",
            answer(404, r#"{"message":"gone"}"#)
                .header("content-type", "text/html")
                .into(),
            "404 Not Found: gone (request req-404)",
        ),
        (
            "many lines",
            answer(500, "one\r\n\ttwo\n\nthree\u{7}").into(),
            "500 Internal Server Error: one two three (request req-500)",
        ),
        (
            "in chunks",
            answer(404, r#"{"message":"gone"}"#)
                .ending(Ending::Chunks)
                .into(),
            "404 Not Found: gone (request req-404)",
        ),
        (
            "a status nobody knows",
            answer(599, "").into(),
            "599 (request req-599)",
        ),
        (
            "a success that is none",
            answer(304, "").into(),
            "304 Not Modified (request req-304)",
        ),
        (
            "a redirect to nowhere",
            answer(302, "").into(),
            "302 Found (request req-302)",
        ),
    ];
    for (name, act, line) in table {
        let server = Server::script([act]).await;
        let client = server.builder().0.no_retries().build().unwrap();
        let error = call(&client, Get).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("getWorkflowById: {line}"),
            "{name}"
        );
        assert_eq!(error.operation(), Some("getWorkflowById"));
        let status = error.status().unwrap().as_u16();
        assert_eq!(
            error.request_id().unwrap(),
            format!("req-{status}"),
            "{name}"
        );
        assert_eq!(error.is_not_found(), status == 404);
        assert_eq!(error.is_rate_limited(), status == 429);
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_large_or_silent_error_body_does_not_hide_the_status() {
    let flood = answer(500, "").ending(Ending::Flood {
        bytes: 100 << 20,
        announced: false,
    });
    let silent = answer(403, r#"{"message":"no"}"#).ending(Ending::StallAt(10));
    for act in [flood, silent] {
        let status = act.status;
        let server = Server::script([act.into()]).await;
        let client = server
            .builder()
            .0
            .no_retries()
            .read_timeout(PATIENCE)
            .build()
            .unwrap();
        let error = call(&client, Get).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(error.body_excerpt().unwrap().len() <= 4096);
        assert!(error.to_string().len() < 1000);
    }
}

#[tokio::test]
async fn a_success_that_does_not_decode_says_where_and_what() {
    let item = |number: &str, kind: &str| {
        format!(r#"{{"id":"{ID}","number":{number},"trigger":{{"type":{kind}}},"errors":[]}}"#)
    };
    let good = item("1", r#""api""#);
    // A trigger type is optional, so an invalid one does not make its pipeline invalid. The number of a pipeline is
    // required.
    let bad = format!(
        r#"{{"items":[{good},{},{good},{}],"next_page_token":null}}"#,
        item("1", "[1]"),
        item("[1]", "7")
    );
    let table = [
        (
            bad.as_str(),
            Some("items[3].number"),
            "200 OK, but the body could not be decoded: items[3].number: invalid type: sequence, expected i64",
        ),
        (
            "<html>",
            None,
            "200 OK, but the body could not be decoded: it is an HTML page, not JSON",
        ),
        (
            "",
            None,
            "200 OK, but the body could not be decoded: it is empty",
        ),
        ("[]", None, "200 OK, but the body could not be decoded: "),
        (
            r#"{"items":[]} x"#,
            None,
            "200 OK, but the body could not be decoded: trailing characters",
        ),
    ];
    for (body, path, line) in table {
        let server = Server::script([answer(200, body).into()]).await;
        let error = server.client().list_pipelines().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
        assert_eq!(error.status().unwrap().as_u16(), 200);
        if path.is_some() {
            assert_eq!(error.path(), path, "{body}");
        }
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("listPipelines: {line}")),
            "{said}"
        );
        assert!(said.ends_with("(request req-200)"), "{said}");
        assert!(!error.is_transient());
        assert!(body.is_empty() || error.body_excerpt().is_some());
        assert_eq!(
            server.count(),
            1,
            "a body is not better the second time: {body}"
        );
    }
}

#[tokio::test]
async fn a_broken_wire() {
    let body = r#"{"message":"fine","name":"w"}"#;
    let cut = || answer(200, body).ending(Ending::CutAt(9)).into();
    let stalled = || answer(200, body).ending(Ending::StallAt(9)).into();
    let broken = |line| {
        Some(Got {
            kind: Some(ErrorKind::Transport),
            line: Some(line),
            transient: Some(true),
            ..Got::default()
        })
    };
    let silence = |line| {
        Some(Got {
            kind: Some(ErrorKind::Timeout),
            line: Some(line),
            transient: Some(true),
            timeout: true,
            ..Got::default()
        })
    };
    run(
        vec![
            Row(
                "a body that is cut off, then whole",
                vec![cut(), ok()],
                Get,
                2,
                &BACKOFF[..1],
                FINE,
            ),
            Row(
                "a POST's body that is cut off",
                vec![cut(), ok()],
                Create,
                1,
                &[],
                broken("createContext: 200 OK, but the connection broke: …"),
            ),
            Row(
                "a body that stalls, then comes",
                vec![stalled(), ok()],
                Get,
                2,
                &BACKOFF[..1],
                FINE,
            ),
            Row(
                "a POST's body that stalls",
                vec![stalled(), ok()],
                Create,
                1,
                &[],
                silence("createContext: 200 OK, but timed out: the server sent no data for 3 s (request req-200)"),
            ),
            Row(
                "no answer, then one",
                vec![Act::Stall, ok()],
                Cancel,
                2,
                &BACKOFF[..1],
                FINE,
            ),
            Row(
                "no answer to a POST",
                vec![Act::Stall, ok()],
                Create,
                1,
                &[],
                silence("createContext: timed out: the server sent no data for 3 s"),
            ),
        ],
        |builder| builder.read_timeout(PATIENCE),
    )
    .await;
    run(
        vec![Row(
            "the total time",
            vec![Act::Stall, ok()],
            Get,
            1,
            &[],
            silence("getWorkflowById: timed out: the call was not complete within 3 s"),
        )],
        |builder| builder.read_timeout(None).timeout(PATIENCE),
    )
    .await;
}

#[tokio::test]
async fn the_error_of_a_broken_body_has_the_id_of_its_request() {
    let whole = || answer(200, r#"{"message":"fine"}"#);
    for broken in [
        whole().ending(Ending::CutAt(9)),
        answer(200, b"\x1f\x8b\x08 is not gzip".to_vec()).header("content-encoding", "gzip"),
    ] {
        let server = Server::script([broken.into()]).await;
        let error = call(&server.client(), Create).await.unwrap_err();
        assert_eq!(error.status().unwrap(), 200, "{error}");
        assert_eq!(error.request_id(), Some("req-200"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_whatever_the_method() {
    for verb in [Get, Create] {
        let address = crate::server::refused().await;
        let waits = Waits::default();
        let client = Client::builder()
            .host(format!("http://{address}"))
            .token("t")
            .clock(waits.clone())
            .build()
            .unwrap();
        let error = call(&client, verb).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 6));
        assert!(error.is_transient());
        assert_eq!(error.status(), None);
        check_waits("refused", &waits, &BACKOFF);
        let line = error.to_string();
        assert!(
            line.contains(": cannot connect: Connection refused"),
            "{line}"
        );
        assert!(line.ends_with("(6 attempts)"), "{line}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn a_body_is_bounded() {
    for announced in [true, false] {
        let flood = answer(200, "").ending(Ending::Flood {
            bytes: 100 << 20,
            announced,
        });
        let server = Server::script([flood.into(), ok()]).await;
        let error = call(&server.client(), Get).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(
            error.to_string(),
            "getWorkflowById: 200 OK, but the body is too large: more than 67108864 bytes (request req-200)"
        );
        assert_eq!(error.request_id(), Some("req-200"));
        assert_eq!(server.count(), 1, "not retried");
    }
    // The body is exactly as long as the limit, or one byte longer. It arrives with a length or in chunks.
    for ending in [Ending::Length, Ending::Chunks] {
        for (limit, fits) in [(18, true), (17, false)] {
            let server = Server::script([answer(200, r#"{"message":"fine"}"#)
                .ending(ending.clone())
                .into()])
            .await;
            let client = server.builder().0.body_limit(limit).build().unwrap();
            assert_eq!(call(&client, Get).await.is_ok(), fits, "{ending:?} {limit}");
        }
    }
    // The server announces a body of 63 MiB. The client must not allocate this memory in advance, because the server may send
    // less.
    let liar = answer(200, "{}").ending(Ending::Flood {
        bytes: 63 << 20,
        announced: true,
    });
    let server = Server::script([liar.into()]).await;
    let client = server.builder().0.body_limit(1 << 20).build().unwrap();
    assert_eq!(
        call(&client, Get).await.unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

#[tokio::test]
async fn nothing_is_sent_for_a_bad_argument() {
    let server = Server::script([]).await;
    let client = server.client();
    for bad in [
        "",
        "me",
        "..",
        ".",
        "a/b",
        "5034460f-c7c4-4c43-9457-de07e2029e7b/../x",
        "\0",
    ] {
        let error = client.get_workflow_by_id(bad).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
        let why = match bad {
            "" => "is missing: it is `None` or empty",
            _ => "must be a UUID",
        };
        assert_eq!(
            error.to_string(),
            format!("getWorkflowById: invalid argument: id {why}"),
            "{bad:?}"
        );
        assert_eq!(error.attempts(), 0);
    }
    for bad in [
        "",
        "gh",
        "gh/acme",
        "gh/acme/web/x",
        "gh/../web",
        "gh/acme/.",
        "gh//web",
        "../../me",
        "gh/acme/\0",
    ] {
        let error = client.get_project_by_slug(bad).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
        let why = match bad {
            "" => "project-slug is missing",
            _ => "project-slug must be a project slug",
        };
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn arguments_arrive_as_they_were_meant() {
    let server = Server::start(|_, _| answer(404, "{}").into()).await;
    let client = server.client();
    let _ = client.get_project_by_slug("gh/acme/a b?c#d%e").send().await;
    let _ = client
        .list_pipelines()
        .org_slug("gh/ac me&x=1")
        .mine(true)
        .send()
        .await;
    let _ = client
        .list_pipelines()
        .page_token("first")
        .page_token("sec+ond=")
        .send()
        .await;
    let targets: Vec<_> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(
        targets,
        [
            "/api/v2/project/gh/acme/a%20b%3Fc%23d%25e",
            "/api/v2/pipeline?org-slug=gh%2Fac%20me%26x%3D1&mine=true",
            "/api/v2/pipeline?page-token=sec%2Bond%3D",
        ]
    );
}

#[tokio::test]
async fn every_answer_has_status_headers_and_figures() {
    let server = Server::script([
        status(503),
        answer(200, r#"{"items":[],"next_page_token":null}"#)
            .header("RateLimit-Limit", "100, 100;w=60")
            .header("X-RateLimit-Remaining", 42)
            .header("RateLimit-Reset", 17)
            .into(),
        answer(204, "").into(),
    ])
    .await;
    let client = server.client();
    let response = client.list_pipelines().send_for_response().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.request_id(), Some("req-200"));
    assert_eq!(response.attempts(), 2);
    let figures = response.rate_limit();
    assert_eq!(
        (figures.limit, figures.remaining, figures.reset),
        (Some(100), Some(42), Some(Duration::from_secs(17)))
    );
    assert!(response.into_body().items.is_empty());
    let response = client
        .delete_otel_exporter(ID)
        .send_for_response()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 204);
}

#[tokio::test]
async fn an_answer_without_content_need_not_be_json() {
    for body in ["", "null", "{}", "OK", "<html>"] {
        let server = Server::script([answer(200, body).into()]).await;
        server
            .client()
            .delete_otel_exporter(ID)
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_nothing_behind() {
    let server = Server::script([Act::Stall]).await;
    let client = server.client();
    let calling = tokio::spawn({
        let call = client.get_workflow_by_id(ID);
        async move { call.send().await.map(|_| ()) }
    });
    while server.count() == 0 {
        tokio::task::yield_now().await;
    }
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    // A future that is never awaited sends nothing.
    drop(client.get_workflow_by_id(ID).send());
    tokio::task::yield_now().await;
    assert_eq!(server.count(), 1);
}

#[test]
fn every_operation_has_the_class_its_method_says() {
    for (operation, replay) in [
        (operations::GetWorkflowById::OPERATION, Replay::Safe),
        (operations::DeleteOtelExporter::OPERATION, Replay::Safe),
        (operations::CancelWorkflow::OPERATION, Replay::Cancel),
        (operations::CreateContext::OPERATION, Replay::Never),
    ] {
        assert_eq!(operation.replay, replay, "{}", operation.id);
    }
}

#[test]
fn what_a_caller_holds_is_small_and_goes_everywhere() {
    fn goes<T: Send + Sync + 'static>() {}
    fn sends<T: Send + 'static>(_: &T) {}
    goes::<Client>();
    goes::<Error>();
    goes::<operations::ListPipelines>();
    let client = Client::builder().token("t").build().unwrap();
    sends(&client.list_pipelines().send());
    sends(&client.list_pipelines().items());
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Client>(), size_of::<usize>());
    assert!(size_of_val(&client.list_pipelines().send()) <= 4 * size_of::<usize>());
}

/// If `main` returns an error, Rust prints the error with `Debug`.
#[tokio::test]
async fn an_error_is_one_line_unless_all_is_wanted() {
    let server = Server::start(|_, _| answer(404, r#"{"message":"Not \n here"}"#).into()).await;
    let error = server.client().get_current_user().send().await.unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(format!("{error:?}").lines().count(), 1);
    let all = format!("{error:#?}");
    assert!(
        all.contains("body_excerpt: Some(") && all.lines().count() > 5,
        "{all}"
    );
}

/// The client first decodes the message, because JSON escapes a quote in a token, and then removes the token. It removes a token
/// of fewer than eight characters only where the token is a whole word. Removing every occurrence would make a message
/// unreadable.
#[tokio::test]
async fn a_message_is_found_before_the_token_is_taken_out() {
    for (token, body, expected) in [
        ("ess", r#"{"message":"a mess, ess"}"#, "a mess, [redacted]"),
        (
            r#"x"y"#,
            r#"{"message":"bad token x\"y"}"#,
            "bad token [redacted]",
        ),
    ] {
        let server = Server::start(move |_, _| answer(401, body).into()).await;
        let client = Client::builder()
            .host(server.url())
            .token(token)
            .build()
            .unwrap();
        let error = client.get_current_user().send().await.unwrap_err();
        assert_eq!(error.message(), Some(expected));
        let escaped = token.replace('"', "\\\"");
        let excerpt = error.body_excerpt().unwrap();
        let excerpt = excerpt.replace("mess", "");
        assert!(
            !excerpt.contains(token) && !excerpt.contains(&escaped),
            "{excerpt}"
        );
    }
}
