//! Tests with many calls and long lists. No call is lost or sent twice, and memory use stays constant.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use circleci_api::{RetryPolicy, serde_json, types, uuid::Uuid, v1::StepAction};
use circleci_api_tests::raw;
use circleci_api_tests::server::{Act, Server, answer};
use flate2::{Compression, write::GzEncoder};
use futures_util::FutureExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex as Turn;

mod nginx;

/// Returns the resident memory of this process in KiB, or `None` if the system does not report it.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn assert_flat(before: Option<usize>, what: &str) {
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(
            after < before + 8 * 1024,
            "{what}: from {before} to {after} KiB"
        );
    }
}

/// The lock that makes the tests run one after the other, because they measure the memory of the same process.
static ALONE: Turn<()> = Turn::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_64_at_a_time_with_one_in_ten_refused() {
    const CALLS: usize = 10_000;
    const AT_A_TIME: usize = 64;

    let _alone = ALONE.lock().await;
    // The server counts the successes of each call, and the connections.
    let through: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let connections: Arc<Mutex<usize>> = Arc::default();
    let server = {
        let (through, connections) = (Arc::clone(&through), Arc::clone(&connections));
        Server::start_quiet(move |index, seen| {
            let mut most = connections.lock().unwrap();
            *most = (*most).max(seen.connection + 1);
            match index % 20 {
                0 => return answer(429, "Rate limited.").header("retry-after", 1).into(),
                10 => return answer(503, "<html>").into(),
                _ => {}
            }
            let id = seen.target.split('/').nth(4).unwrap().to_owned();
            let body = format!(r#"{{"message":"{id}"}}"#);
            *through.lock().unwrap().entry(id).or_default() += 1;
            answer(202, body).into()
        })
        .await
    };
    let client = server
        .builder()
        .0
        .retry(
            RetryPolicy::default()
                .max_attempts(20)
                .max_elapsed(Duration::from_secs(86_400)),
        )
        .timeout(None)
        .build()
        .unwrap();

    let mut before = None;
    let ticket = Arc::new(AtomicUsize::new(0));
    // The first round fills pools and buffers. After the first round, memory use must stay constant.
    for until in [CALLS / 5, CALLS] {
        let workers: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                let (client, ticket) = (client.clone(), Arc::clone(&ticket));
                tokio::spawn(async move {
                    let take = |number| (number < until).then_some(number + 1);
                    while let Ok(number) =
                        ticket.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                    {
                        let id = Uuid::from_u128(number as u128);
                        let answer = client.cancel_workflow(id).send().await.unwrap();
                        assert!(
                            format!("{answer:?}").contains(&id.to_string()),
                            "its own answer: {answer:?}"
                        );
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        before = before.or_else(resident);
    }
    let through = through.lock().unwrap();
    assert_eq!(through.len(), CALLS, "none is lost");
    assert!(through.values().all(|times| *times == 1), "none is doubled");
    assert!(server.count() > CALLS + CALLS / 10, "{}", server.count());
    let connections = *connections.lock().unwrap();
    assert!(
        connections <= 2 * AT_A_TIME,
        "connections are used again: {connections}"
    );
    assert_flat(before, "10,000 calls");
}

/// Starts a server that never completes an answer, on a runtime of its own. Returns its address and the number of its open
/// connections.
fn never_done() -> (SocketAddr, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let listener = raw::listen("127.0.0.1");
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((mut connection, _)) = listener.accept().await {
            let open = Arc::clone(&count);
            open.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut bytes = vec![0; 4096];
                while let Ok(1..) = connection.read(&mut bytes).await {
                    // A download gets a part of its file. A call gets nothing.
                    if bytes.starts_with(b"GET /file") {
                        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
                        let _ = connection.write_all(head.as_bytes()).await;
                        let _ = connection.write_all(&[b'x'; 1000]).await;
                    }
                }
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    };
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(serve);
    });
    (address, open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cancelled_calls_leave_nothing_behind() {
    const CALLS: usize = 10_000;
    const AT_A_TIME: usize = 64;

    let _alone = ALONE.lock().await;
    let (address, open) = never_done();
    let folder = tempfile::tempdir().unwrap();
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let client = circleci_api::Client::builder()
        .host(format!("http://{address}"))
        .token("t")
        .build()
        .unwrap();
    let artifact = serde_json::json!({ "path": "a", "node_index": 0, "url": format!("http://{address}/file") });
    let artifact: types::Artifact = serde_json::from_value(artifact).unwrap();
    let ticket = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_A_TIME)
        .map(|_| {
            let (client, ticket, artifact) =
                (client.clone(), Arc::clone(&ticket), artifact.clone());
            let folder = folder.path().to_owned();
            tokio::spawn(async move {
                loop {
                    let number = ticket.fetch_add(1, Ordering::SeqCst);
                    if number >= CALLS {
                        return;
                    }
                    let download = client.download_artifact(&artifact);
                    let call: Pin<Box<dyn Future<Output = bool> + Send>> = match number % 4 {
                        0 => Box::pin(
                            download
                                .to_file(folder.join(number.to_string()))
                                .map(|it| it.is_ok()),
                        ),
                        1 => Box::pin(
                            client
                                .cancel_workflow(Uuid::nil())
                                .send()
                                .map(|it| it.is_ok()),
                        ),
                        _ => Box::pin(
                            client
                                .get_workflow_by_id(Uuid::nil())
                                .send()
                                .map(|it| it.is_ok()),
                        ),
                    };
                    // Each call is cancelled after another number of turns: before it connects, while it waits, in its body.
                    let turns = async {
                        for _ in 0..number % 50 {
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::select! {
                        succeeded = call => assert!(!succeeded),
                        () = turns => {}
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    // Idle connections belong to the client.
    drop(client);
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let begun = Instant::now();
    while (open.load(Ordering::SeqCst), tasks(), files()) != (0, before, 0) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{} connections, {} tasks after {before}, {} files",
            open.load(Ordering::SeqCst),
            tasks(),
            files()
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_hundred_thousand_items_in_constant_memory() {
    const PAGES: u64 = 5_000;
    const ITEMS: u64 = 20;

    let _alone = ALONE.lock().await;
    fn page(_: usize, seen: &circleci_api_tests::server::Seen) -> Act {
        let page: u64 = seen
            .query("page-token")
            .map_or(0, |token| token.parse().unwrap());
        let items: Vec<String> = (0..ITEMS)
            .map(|item| {
                let number = page * ITEMS + item;
                format!(
                    r#"{{"id":"00000000-0000-4000-8000-{number:012}","number":{number},"errors":[],"project_slug":"gh/acme/web",
                        "state":"created","created_at":"2026-03-01T12:00:00Z","trigger":{{"type":"api","received_at":"2026-03-01T12:00:00Z",
                        "actor":{{"login":"somebody","avatar_url":null}}}}}}"#
                )
            })
            .collect();
        let token = if page + 1 < PAGES {
            format!(r#""{}""#, page + 1)
        } else {
            "null".to_owned()
        };
        answer(
            200,
            format!(
                r#"{{"items":[{}],"next_page_token":{token}}}"#,
                items.join(",")
            ),
        )
        .into()
    }
    for ahead in [false, true] {
        let server = Server::start_quiet(page).await;
        let mut items = server.client().list_pipelines().items();
        if ahead {
            items = items.read_ahead();
        }
        let (mut before, mut number) = (None, 0);
        while let Some(pipeline) = items.try_next().await.unwrap() {
            assert_eq!(pipeline.number, number);
            number += 1;
            if number == 10_000 {
                before = resident();
            }
        }
        assert_eq!(number as u64, PAGES * ITEMS);
        assert_eq!(server.count() as u64, PAGES);
        assert_flat(before, "100,000 items");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_a_thousand_parts_in_constant_memory() {
    const PARTS: usize = 1_000;
    const ROW: &str = "0123456789012345678901234567890\n";

    let _alone = ALONE.lock().await;
    // Most parts are 32 kB long. Every fiftieth part is larger than the buffer into which the client reads parts ahead.
    let rows = |part: usize| {
        if part.is_multiple_of(50) {
            65_536
        } else {
            1_024
        }
    };
    let storage = Server::start_quiet(move |_, seen| {
        let part = seen.target[1..].parse().unwrap();
        answer(200, format!("a\n{}", ROW.repeat(rows(part)))).into()
    })
    .await;
    let urls: Vec<_> = (0..PARTS)
        .map(|part| format!("{}/{part}", storage.url()))
        .collect();
    let done = serde_json::json!({ "usage_export_job_id": Uuid::nil(), "state": "completed", "download_urls": urls });
    let done = done.to_string();
    let circleci = Server::start_quiet(move |_, _| answer(200, done.clone()).into()).await;
    let mut csv = circleci
        .client()
        .resume_usage_export(Uuid::nil(), [Uuid::nil()])
        .csv()
        .unwrap();
    let all: usize = (0..PARTS).map(|part| rows(part) * ROW.len()).sum();
    let (mut before, mut bytes) = (None, 0);
    while let Some(piece) = csv.try_next().await.unwrap() {
        bytes += piece.len();
        if before.is_none() && bytes > all / 4 {
            before = resident();
        }
    }
    assert_eq!(bytes, 2 + all);
    assert_eq!(storage.count(), PARTS);
    assert_flat(before, "1,000 parts");
}

#[tokio::test]
async fn an_output_is_unpacked_bit_by_bit() {
    let _alone = ALONE.lock().await;
    // About 30 kB of compressed data contain 16 million parts of an output.
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    // The output must be an array, because the client rejects any other first byte.
    packed.write_all(b"[{}").unwrap();
    for _ in 0..512 {
        packed.write_all(&b",{}".repeat(32 * 1024)).unwrap();
    }
    packed.write_all(b"]").unwrap();
    let packed = packed.finish().unwrap();
    let server = Server::start_quiet(move |_, _| answer(200, packed.clone()).into()).await;
    let action = serde_json::json!({ "output_url": format!("{}/output", server.url()) });
    let action: StepAction = serde_json::from_value(action).unwrap();
    let mut output = server.client().step_output(&action).unwrap();
    let before = resident();
    assert!(output.try_next().await.unwrap().is_some());
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after < before + 32 * 1024, "from {before} to {after} KiB");
    }
}

/// Sends one request, and returns the length of the body of its successful answer.
async fn ask(connection: &mut TcpStream, number: usize) -> usize {
    let (method, path, body) = match number % 4 {
        0 => ("POST", "project/gh/acme/web/pipeline", "{}"),
        1 => ("GET", "project/gh/acme/web/pipeline", ""),
        2 => ("GET", "me", ""),
        _ => ("GET", "project/gh/acme/web/envvar", ""),
    };
    let length = body.len();
    let request = format!(
        "{method} /api/v2/{path} HTTP/1.1\r\nhost: double\r\ncircle-token: t\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = BufReader::new(connection);
    let (mut line, mut length) = (String::new(), 0);
    answer.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("HTTP/1.1 20"), "{line}");
    while line != "\r\n" {
        line.clear();
        answer.read_line(&mut line).await.unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim_end().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).await.unwrap();
    body.len()
}

/// Tests the mock in the same setup as `cargo run --example mock`, with many clients at the same time, and then with many
/// requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_double_answers_a_thousand_at_once_and_keeps_memory_flat() {
    use circleci_api::mock::{Mock, scenario::Scenario};

    const AT_ONCE: usize = 1000;
    const REQUESTS: usize = 100_000;
    const AT_A_TIME: usize = 32;

    let _alone = ALONE.lock().await;
    let double = Mock::start_on((std::net::Ipv4Addr::LOCALHOST, 0)).await;
    let double = double.unwrap();
    double.keep(100);
    let web = Scenario::start(&double, "gh/acme/web");
    web.keep(100);
    web.real_time();
    // The test uses plain sockets, because it measures the mock and not the client.
    let host = double.url().trim_start_matches("http://").to_owned();
    let connect = || async { TcpStream::connect(&host).await.unwrap() };
    // All clients connect before any of them sends a request.
    let mut connections = Vec::new();
    for _ in 0..AT_ONCE {
        connections.push(connect().await);
    }
    let mut all = tokio::task::JoinSet::new();
    for (number, mut connection) in connections.into_iter().enumerate() {
        all.spawn(async move { ask(&mut connection, number).await });
    }
    let answered = all.join_all().await;
    assert_eq!(answered.len(), AT_ONCE);
    assert!(answered.iter().all(|length| *length > 0));

    let mut before = None;
    // The first round fills pools and buffers. After the first round, memory use must stay constant.
    for until in [REQUESTS / 10, REQUESTS] {
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..AT_A_TIME {
            let mut connection = connect().await;
            workers.spawn(async move {
                for number in (worker..until).step_by(AT_A_TIME) {
                    ask(&mut connection, number).await;
                }
            });
        }
        workers.join_all().await;
        match before {
            None => before = Some(resident()),
            Some(before) => assert_flat(before, "the double"),
        }
    }
    assert_eq!(double.received().len(), 100);
    double.stop().await;
}
