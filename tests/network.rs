//! Tests of how calls end when a network, a proxy or a TLS server has a fault. `docs/faults.md` lists the kinds of faults.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::raw::{self, Frame, Raw};
use crate::server::{Server, Waits, answer, refused};
use circleci_api::{
    CallOptions, Client, ClientBuilder, Clock, Error, ErrorKind, RetryPolicy, reqwest, types,
};
use serde_json::{Value, json};

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

fn builder(host: impl Into<String>) -> (ClientBuilder, Waits) {
    let waits = Waits::default();
    let builder = Client::builder().host(host).token("t").clock(waits.clone());
    (builder, waits)
}

async fn get(client: &Client) -> Result<Value, Error> {
    client.get_workflow_by_id(ID).send_as().await
}

fn context(name: &str) -> types::CreateContextRequest {
    let owner = json!({ "id": ID, "type": "organization" });
    serde_json::from_value(json!({ "name": name, "owner": owner })).unwrap()
}

/// Sends a POST that the server must not process twice.
async fn post(client: &Client) -> Result<Value, Error> {
    client.create_context(context("n")).send_as().await
}

fn artifact(url: &str) -> types::Artifact {
    serde_json::from_value(json!({ "path": "a", "node_index": 0, "url": url })).unwrap()
}

fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Starts a server that answers one request per connection, and then closes the connection without announcing the close.
fn closes_after_each() -> Raw {
    Raw::start(|_, stream| {
        if raw::request(stream).is_some() {
            stream
                .write_all(&raw::answer(200, r#"{"message":"fine"}"#))
                .unwrap();
        }
    })
}

#[test]
fn a_connection_that_the_server_has_closed_meanwhile_is_not_used() {
    let server = closes_after_each();
    let runtime = one_thread();
    let (builder, waits) = builder(format!("http://{}", server.address));
    let client = builder.build().unwrap();
    for round in 0..20 {
        runtime.block_on(get(&client)).unwrap();
        // While the test waits here, nothing polls the runtime, so the client cannot notice the close.
        server.wait_until_closed(2 * round + 1);
        runtime.block_on(post(&client)).unwrap();
        server.wait_until_closed(2 * round + 2);
    }
    assert_eq!((server.connections(), waits.all().len()), (40, 0));
}

#[tokio::test]
async fn an_idle_connection_is_used_for_half_a_minute() {
    let server = Raw::start(|_, stream| {
        while raw::request(stream).is_some() {
            let answer = raw::answer(200, r#"{"message":"fine"}"#);
            stream.write_all(&answer).unwrap();
        }
    });
    let (builder, _) = builder(format!("http://{}", server.address));
    let client = builder.build().unwrap();
    for (seconds, connections) in [(0, 1), (20, 1), (31, 2), (20, 2), (60, 3)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        get(&client).await.unwrap();
        assert_eq!(server.connections(), connections, "after {seconds} s");
    }
}

#[test]
fn a_command_that_is_run_between_two_calls_costs_none_of_them() {
    let server = closes_after_each();
    let runtime = one_thread();
    let (builder, waits) = builder(format!("http://{}", server.address));
    let client = builder.no_retries().build().unwrap();
    runtime.block_on(async {
        for round in 0..20 {
            get(&client).await.unwrap();
            let exe = std::env::current_exe().unwrap();
            assert!(
                Command::new(exe)
                    .arg("--list")
                    .output()
                    .unwrap()
                    .status
                    .success()
            );
            server.wait_until_closed(2 * round + 1);
            // The client must not repeat this call, so the call fails if the client uses the closed connection.
            let once = CallOptions::new().replay(false);
            client
                .cancel_workflow(ID)
                .options(once)
                .send()
                .await
                .unwrap();
            server.wait_until_closed(2 * round + 2);
        }
    });
    assert_eq!(waits.all().len(), 0);
}

#[test]
fn a_download_does_not_begin_on_a_closed_connection() {
    let server = closes_after_each();
    let url = format!("http://{}", server.address);
    let (builder, _) = builder(&url);
    let client = builder.no_retries().build().unwrap();
    let artifact = artifact(&format!("{url}/a"));
    one_thread().block_on(async {
        for round in 0..200 {
            get(&client).await.unwrap();
            // Nothing polls the runtime while the server closes the connection.
            server.wait_until_closed(2 * round + 1);
            let mut stream = client.download_artifact(&artifact).stream().await.unwrap();
            let bytes = stream.try_next().await.unwrap().unwrap();
            assert_eq!(bytes, r#"{"message":"fine"}"#);
            server.wait_until_closed(2 * round + 2);
        }
    });
}

/// A server that sends two answers to each request. The second is a stray answer, which belongs to no request.
struct Strays {
    server: Raw,
    written: Arc<AtomicUsize>,
    awaited: usize,
}

impl Strays {
    fn start() -> Self {
        let written = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&written);
        let server = Raw::start(move |_, stream| {
            while let Some(first) = raw::request(stream) {
                let body = match &first {
                    first if first.contains("/me") => r#"{"message":"me"}"#,
                    first if first.contains("/file") => "the file",
                    _ => r#"{"message":"fine"}"#,
                };
                let _ = stream.write_all(&raw::answer(200, body));
                let _ = stream.write_all(&raw::answer(200, r#"{"message":"stray"}"#));
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            server,
            written,
            awaited: 0,
        }
    }

    fn client(&self) -> Client {
        let (builder, _) = builder(format!("http://{}", self.server.address));
        builder.build().unwrap()
    }

    /// Waits until the next stray answer is written, because a client cannot detect a stray answer that arrives after the
    /// next request.
    fn wait(&mut self) {
        self.awaited += 1;
        while self.written.load(Ordering::SeqCst) < self.awaited {
            std::thread::yield_now();
        }
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() {
    let mut strays = Strays::start();
    let (runtime, client) = (one_thread(), strays.client());
    for round in 0..20 {
        let answer = runtime.block_on(get(&client)).unwrap();
        assert_eq!(answer["message"], "fine", "round {round}");
        strays.wait();
        let answer: Value = runtime
            .block_on(client.get_current_user().send_as())
            .unwrap();
        assert_eq!(answer["message"], "me", "round {round}");
        strays.wait();
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_not_taken_for_a_file() {
    let mut strays = Strays::start();
    let (runtime, client) = (one_thread(), strays.client());
    let artifact = artifact(&format!("http://{}/file", strays.server.address));
    for round in 0..20 {
        runtime.block_on(get(&client)).unwrap();
        strays.wait();
        let file = runtime.block_on(async {
            let mut stream = client.download_artifact(&artifact).stream().await?;
            stream.try_next().await
        });
        assert_eq!(file.unwrap().unwrap(), "the file", "round {round}");
        strays.wait();
    }
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let server = Server::start(|_, _| answer(200, r#"{"message":"fine"}"#).into()).await;
    let client = server.client();
    client.cancel_workflow(ID).send().await.unwrap();
    client
        .approve_pending_approval_job_by_id(ID, ID)
        .send()
        .await
        .unwrap();
    get(&client).await.unwrap();
    post(&client).await.unwrap();
    let lengths: Vec<Option<String>> = server
        .seen()
        .iter()
        .map(|seen| seen.header("content-length").map(str::to_owned))
        .collect();
    assert_eq!(lengths[..3], [Some("0".into()), Some("0".into()), None]);
    assert!(lengths[3].as_ref().is_some_and(|length| length != "0"));
}

/// The reaction of an HTTP/2 server to a request.
#[derive(Clone, Copy, Debug)]
enum Does {
    Answer,
    /// Sends RST_STREAM with REFUSED_STREAM. The server did not process the request.
    Refuse,
    /// Sends RST_STREAM with INTERNAL_ERROR. The server may have processed the request.
    Fail,
    /// Sends GOAWAY with a reason. The server processed only the streams before the stream of this request.
    GoAwayBefore(u32),
    /// Sends GOAWAY without a reason. The server processed the request, but never sends the answer.
    GoAwayAfter,
}

/// Starts an HTTP/2 server that reacts to the n-th request with the n-th of `deeds`, and answers all later requests.
fn http2(deeds: &'static [Does]) -> Raw {
    let mut next = 0;
    raw::http2(100, move |frame, stream| {
        let deed = deeds.get(next).copied().unwrap_or(Does::Answer);
        next += 1;
        let go_away = |stream: &mut TcpStream, last: u32, reason: u32| {
            let payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
            Frame::write(stream, raw::GOAWAY, 0, 0, &payload)
        };
        match deed {
            Does::Answer => raw::answer_stream(stream, frame.stream, r#"{"message":"fine"}"#)?,
            Does::Refuse => {
                Frame::write(
                    stream,
                    raw::RST_STREAM,
                    0,
                    frame.stream,
                    &7_u32.to_be_bytes(),
                )?;
            }
            Does::Fail => {
                Frame::write(
                    stream,
                    raw::RST_STREAM,
                    0,
                    frame.stream,
                    &2_u32.to_be_bytes(),
                )?;
            }
            Does::GoAwayBefore(reason) => {
                go_away(stream, frame.stream.saturating_sub(2), reason)?;
                return drain(stream);
            }
            Does::GoAwayAfter => {
                go_away(stream, frame.stream, 0)?;
                return drain(stream);
            }
        }
        Ok(true)
    })
}

/// Reads until the client closes the connection. If the server closed the connection before it read all bytes, the connection
/// would be reset.
fn drain(stream: &mut TcpStream) -> std::io::Result<bool> {
    stream.shutdown(std::net::Shutdown::Write)?;
    std::io::copy(stream, &mut std::io::sink()).map(|_| false)
}

/// Returns a builder whose connections speak only HTTP/2.
fn only_http2() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy()
}

#[tokio::test]
async fn what_a_server_of_http2_did_not_look_at_is_sent_again_whatever_the_method() {
    use Does::{Fail, GoAwayAfter, GoAwayBefore, Refuse};
    for (deeds, succeeds) in [
        (&[Refuse][..], true),
        (&[Refuse; 5], true),
        (&[GoAwayBefore(0)], true),
        (&[GoAwayBefore(0); 5], true),
        // The reasons 11 and 2 are ENHANCE_YOUR_CALM and INTERNAL_ERROR.
        (&[GoAwayBefore(11), GoAwayBefore(2), Refuse], true),
        (&[Fail], false),
        (&[GoAwayAfter], false),
        (&[Refuse, Fail], false),
        (&[Refuse, GoAwayAfter], false),
    ] {
        let server = http2(deeds);
        let http = only_http2();
        let (builder, _) = builder(format!("http://{}", server.address));
        let client = builder.http(http).build().unwrap();
        let posted = post(&client).await;
        assert_eq!(posted.is_ok(), succeeds, "{deeds:?}: {posted:?}");
        if let Err(error) = posted {
            assert_eq!(error.kind(), ErrorKind::Transport, "{deeds:?}: {error}");
        }
        get(&client).await.unwrap();
    }
    // If the server refuses every request, the client gives up after its maximum number of attempts.
    let server = http2(&[Refuse; 100]);
    let http = only_http2();
    let (builder, _) = builder(format!("http://{}", server.address));
    let error = post(&builder.http(http).build().unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::Connect, 6),
        "{error}"
    );
    assert!(error.to_string().contains("refused"), "{error}");
}

/// A clock for tests that pause the time of their runtime. A wait calls a function, which resumes the time, and ends at once.
struct Resume<F>(F);

impl<F: Fn() + Send + Sync + 'static> Clock for Resume<F> {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0();
        Box::pin(std::future::ready(()))
    }
}

/// A name server that never answers its first question.
struct Silent {
    asked: AtomicUsize,
    address: SocketAddr,
}

impl reqwest::dns::Resolve for Silent {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (first, address) = (self.asked.fetch_add(1, Ordering::SeqCst) == 0, self.address);
        Box::pin(async move {
            if first {
                std::future::pending::<()>().await;
            }
            let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(address));
            Ok(addresses)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_connection_takes_is_withdrawn_and_sent_again() {
    let server = closes_after_each();
    for (number, method) in ["GET", "POST", "file"].into_iter().enumerate() {
        let names = Silent {
            asked: AtomicUsize::new(0),
            address: server.address,
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(Arc::new(names));
        let host = format!("http://stuck.test:{}", server.address.port());
        let client = Client::builder()
            .host(&host)
            .allow_plain_http(true)
            .token("t")
            .http(http)
            .clock(Resume(tokio::time::resume))
            .build()
            .unwrap();
        match method {
            "GET" => drop(get(&client).await.unwrap()),
            "POST" => drop(post(&client).await.unwrap()),
            _ => {
                let artifact = artifact(&format!("{host}/a"));
                let mut file = client.download_artifact(&artifact).stream().await.unwrap();
                assert!(file.try_next().await.unwrap().is_some());
            }
        }
        assert_eq!(server.connections(), number + 1, "{method}");
        tokio::time::pause();
    }
}

/// Without retries, the error says that nothing was sent.
#[tokio::test(start_paused = true)]
async fn a_request_that_no_connection_takes_was_not_sent() {
    let names = Silent {
        asked: AtomicUsize::new(0),
        address: refused().await,
    };
    let http = reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(names));
    let (builder, _) = builder("http://stuck.test");
    let client = builder
        .allow_plain_http(true)
        .http(http)
        .retry(RetryPolicy::none())
        .build();
    let error = post(&client.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_timeout() && error.is_transient(), "{error}");
    assert_eq!(
        error.to_string(),
        "createContext: cannot connect: no connection took the request within 30 s"
    );
}

#[tokio::test]
async fn a_request_that_waits_for_other_streams_is_sent_again_and_processed_once() {
    // The server allows one stream at a time, and answers the second request only after `go`.
    let (go, wait) = std::sync::mpsc::channel();
    let first = std::sync::Once::new();
    let names = Arc::new(std::sync::Mutex::new(Vec::new()));
    let processed = Arc::clone(&names);
    let server = raw::http2(1, move |frame, stream| {
        let mut names = processed.lock().unwrap();
        names.push(frame.payload.clone());
        if names.len() == 2 {
            wait.recv().unwrap();
        }
        let body = format!(r#"{{"id":"{ID}","name":"n","created_at":"2026-03-01T12:00:00Z"}}"#);
        raw::answer_stream(stream, frame.stream, &body)?;
        Ok(true)
    });
    let http = only_http2();
    let client = Client::builder()
        .host(format!("http://{}", server.address))
        .token("t")
        .http(http)
        .connect_timeout(Duration::from_secs(1))
        .timeout(None)
        .read_timeout(None)
        .clock(Resume(move || {
            first.call_once(|| {
                tokio::time::resume();
                go.send(()).unwrap();
            });
        }))
        .build()
        .unwrap();
    let send = |name| client.create_context(context(name)).send_for_response();
    assert_eq!(send("first").await.unwrap().attempts(), 1);
    tokio::time::pause();
    let all = futures_util::future::join_all(["second", "third", "fourth"].map(send)).await;
    let attempts: Vec<u32> = all.into_iter().map(|it| it.unwrap().attempts()).collect();
    // While the second request was open, the third one had no stream, and the fourth one was in the queue.
    assert_eq!(attempts, [1, 2, 2]);
    let names = names.lock().unwrap();
    let names: Vec<_> = names
        .iter()
        .map(|body| serde_json::from_slice::<Value>(body).unwrap()["name"].clone())
        .collect();
    assert_eq!(names, ["first", "second", "third", "fourth"]);
}

#[tokio::test]
async fn a_request_that_waits_for_a_stream_when_the_connection_closes_is_sent_again_and_processed_once()
 {
    for has_body in [true, false] {
        // The first connection allows one stream at a time. It closes after its second request, as nginx does after many
        // requests. At that moment, the third request waits for its stream, and the fourth one is in the queue.
        let processed = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&processed);
        let server = raw::http2(1, move |frame, stream| {
            let closes = count.fetch_add(1, Ordering::SeqCst) == 1;
            if closes {
                let payload = [frame.stream.to_be_bytes(), [0; 4]].concat();
                Frame::write(stream, raw::GOAWAY, 0, 0, &payload)?;
            }
            raw::answer_stream(stream, frame.stream, r#"{"message":"fine"}"#)?;
            if closes { drain(stream) } else { Ok(true) }
        });
        let http = only_http2();
        let (builder, _) = builder(format!("http://{}", server.address));
        let client = builder.http(http).build().unwrap();
        let send = async || match has_body {
            true => post(&client).await,
            false => {
                let approval = client.approve_pending_approval_job_by_id(ID, ID);
                approval.send_as().await
            }
        };
        send().await.unwrap();
        let answers = futures_util::future::join_all([send(), send(), send()]).await;
        let failed: Vec<Error> = answers.into_iter().filter_map(Result::err).collect();
        match has_body {
            true => assert!(failed.is_empty(), "{failed:?}"),
            // Some servers act on the headers of a request whose body is empty.
            false => assert_eq!(failed[0].kind(), ErrorKind::Transport, "{failed:?}"),
        }
        assert!(failed.len() < 2, "{failed:?}");
        let times = if has_body { 4 } else { 3 };
        assert_eq!(processed.load(Ordering::SeqCst), times, "body: {has_body}");
    }
}

/// A POST waits for a stream when a timeout of the caller's HTTP stack ends its attempt. The client sends it again, so the server
/// must not get the first one later.
#[tokio::test]
async fn a_request_that_is_given_up_before_its_body_is_sent_is_processed_once() {
    // The server allows one stream at a time, and never answers the second request.
    let names = Arc::new(std::sync::Mutex::new(Vec::new()));
    let processed = Arc::clone(&names);
    let server = raw::http2(1, move |frame, stream| {
        let body: Value = serde_json::from_slice(&frame.payload).unwrap();
        processed.lock().unwrap().push(body["name"].clone());
        if body["name"] != "second" {
            raw::answer_stream(stream, frame.stream, r#"{"message":"fine"}"#)?;
        }
        Ok(true)
    });
    let http = only_http2().timeout(Duration::from_secs(5));
    let (builder, _) = builder(format!("http://{}", server.address));
    let client = builder.http(http).timeout(None).read_timeout(None);
    let client = client.build().unwrap();
    let send = async |name| {
        let call = client.create_context(context(name)).send_as::<Value>();
        let answer = call.await;
        if name == "second" {
            tokio::time::resume();
        }
        answer
    };
    send("first").await.unwrap();
    tokio::time::pause();
    let mut answers = futures_util::future::join_all([send("second"), send("third")]).await;
    answers.pop().unwrap().unwrap();
    let second = answers.pop().unwrap().unwrap_err();
    assert_eq!(second.kind(), ErrorKind::Timeout, "{second}");
    assert_eq!(*names.lock().unwrap(), ["first", "second", "third"]);
}

/// Over HTTP/2, a request that must not be repeated does not end with its headers. See `Taken::body`.
#[tokio::test]
async fn a_request_that_must_not_be_repeated_ends_separately() {
    let ends = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&ends);
    let server = raw::http2(100, move |frame, stream| {
        let kind = if frame.kind == raw::HEADERS {
            "headers"
        } else {
            "data"
        };
        seen.lock().unwrap().push(kind);
        raw::answer_stream(stream, frame.stream, r#"{"message":"fine"}"#)?;
        Ok(true)
    });
    let http = only_http2();
    let (builder, _) = builder(format!("http://{}", server.address));
    let client = builder.http(http).build().unwrap();
    get(&client).await.unwrap();
    client.cancel_workflow(ID).send().await.unwrap();
    let approval = client.approve_pending_approval_job_by_id(ID, ID);
    approval.send().await.unwrap();
    let once = CallOptions::new().replay(false);
    let delete = client.delete_context(ID).options(once);
    delete.send().await.unwrap();
    post(&client).await.unwrap();
    let expected = ["headers", "headers", "data", "data", "data"];
    assert_eq!(*ends.lock().unwrap(), expected);
}

/// Builds a client for an https host. All its requests go through this proxy, so no host name is resolved.
fn through(proxy: &str) -> Client {
    let http = reqwest::Client::builder().proxy(reqwest::Proxy::all(proxy).unwrap());
    builder("https://ci.example.com")
        .0
        .http(http)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_proxy_that_refuses_to_connect_is_asked_once_and_named() {
    for (status, word) in [(403, "refused"), (407, "user name and a password (407)")] {
        let proxy = Raw::start(move |_, stream| {
            let line = raw::request(stream).unwrap_or_default();
            assert!(line.starts_with("CONNECT ci.example.com:443 "), "{line}");
            stream.write_all(&raw::answer(status, "no")).unwrap();
        });
        for call in [
            get(&through(&format!("http://{}", proxy.address))).await,
            post(&through(&format!("http://{}", proxy.address))).await,
        ] {
            let error = call.unwrap_err();
            let line = error.to_string();
            assert_eq!(
                (error.kind(), error.attempts()),
                (ErrorKind::Connect, 1),
                "{line}"
            );
            assert!(!error.is_transient(), "{line}");
            assert!(
                line.contains("the proxy refused to connect") && line.contains(word),
                "{line}"
            );
        }
        assert_eq!(proxy.connections(), 2);
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named_as_the_proxy() {
    let client = through(&format!("http://{}", refused().await));
    let error = get(&client).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::Connect, 6),
        "{error}"
    );
    let line = error.to_string();
    assert!(
        line.contains("the proxy cannot be reached (Connection refused"),
        "{line}"
    );
}

/// Starts a server that answers the first message of a TLS handshake with these bytes.
fn answers_hello(bytes: Vec<u8>) -> Raw {
    Raw::start(move |_, stream| {
        let mut head = [0; 5];
        if stream.read_exact(&mut head).is_ok() {
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            let _ = stream.read_exact(&mut hello);
            let _ = stream.write_all(&bytes);
        }
    })
}

/// Returns a builder for each TLS library in this build. The clients do not use the CA certificates of the machine.
fn tls() -> Vec<reqwest::ClientBuilder> {
    let plain = || reqwest::Client::builder().tls_certs_only([]).no_proxy();
    vec![
        plain().tls_backend_rustls(),
        #[cfg(feature = "native-tls")]
        plain().tls_backend_native(),
    ]
}

#[tokio::test]
async fn an_alert_of_the_server_may_pass_unless_it_is_about_a_certificate_or_a_version() {
    for (alert, attempts) in [
        // internal_error, user_canceled, handshake_failure
        (80, 6),
        (90, 6),
        (40, 6),
        // bad_certificate, unknown_ca, certificate_required, protocol_version
        (42, 1),
        (48, 1),
        (116, 1),
        (70, 1),
    ] {
        let server = answers_hello(vec![21, 3, 3, 0, 2, 2, alert]);
        for http in tls() {
            let (builder, _) = builder(format!("https://{}", server.address));
            let error = post(&builder.http(http).build().unwrap())
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), error.attempts()),
                (ErrorKind::Connect, attempts),
                "{alert}: {error}"
            );
            assert_eq!(error.is_transient(), attempts > 1, "{alert}: {error}");
            assert!(error.to_string().contains("alert"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_asked_once_and_named() {
    let server = answers_hello(raw::answer(400, "plain HTTP here"));
    for http in tls() {
        let (builder, _) = builder(format!("https://{}", server.address));
        let error = get(&builder.http(http).build().unwrap()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::Connect, 1),
            "{error}"
        );
        assert!(error.to_string().contains("does not speak TLS"), "{error}");
    }
}

async fn tls_server(certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> Server {
    use tokio_rustls::rustls;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = key.serialize_der().try_into().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    Server::start_tls(acceptor, |_, _| answer(200, "{}").into()).await
}

#[tokio::test]
async fn a_refused_certificate_is_asked_for_once_and_its_reason_kept() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let own = tls_server(&made.cert, &made.signing_key).await;
    // The issuer of this certificate is unknown to the client, and the server does not send the issuer's certificate.
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    let name = rcgen::DnType::CommonName;
    authority
        .distinguished_name
        .push(name, "an unknown authority");
    let issuer = rcgen::Issuer::new(authority, &key);
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&made.signing_key, &issuer).unwrap();
    let issued = tls_server(&leaf, &made.signing_key).await;
    let root = || reqwest::Certificate::from_der(made.cert.der()).unwrap();
    type Trust = fn(reqwest::ClientBuilder, reqwest::Certificate) -> reqwest::ClientBuilder;
    let table: [(&Server, &str, Trust, &[&str]); 3] = [
        (
            &own,
            "localhost",
            |http, _| http,
            &["UnknownIssuer", "self-signed certificate"],
        ),
        (
            &issued,
            "localhost",
            |http, _| http,
            &["UnknownIssuer", "unable to get local issuer certificate"],
        ),
        (
            &own,
            "127.0.0.1",
            |http, root| http.tls_certs_only([root]),
            &["not valid for name", "mismatch"],
        ),
    ];
    for (server, host, trust, reasons) in table {
        let port = server.address.port();
        for http in tls() {
            let (builder, waits) = builder(format!("https://{host}:{port}"));
            let client = builder.http(trust(http, root())).build().unwrap();
            let error = post(&client).await.unwrap_err();
            let line = error.to_string();
            assert_eq!(
                (error.kind(), error.attempts(), waits.all().len()),
                (ErrorKind::Connect, 1, 0),
                "{line}"
            );
            assert!(reasons.iter().any(|reason| line.contains(reason)), "{line}");
            let remedy = line.contains("ca-certificates");
            assert_eq!(remedy, host == "localhost", "{line}");
        }
        assert_eq!(server.count(), 0);
    }
}

/// The environment variable that tells a child process of a test what to do.
const CHILD: &str = "CIRCLECI_API_TEST_CHILD";

/// Runs the test `in_another_environment` in a child process with these environment variables. Returns its output.
fn child(does: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "network::in_another_environment", "--nocapture"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    command.env(CHILD, does).envs(variables.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{said}");
    said
}

/// The code that runs in the child process of [`child`]. In the normal test process, it returns at once.
#[tokio::test]
async fn in_another_environment() {
    let Ok(does) = std::env::var(CHILD) else {
        return;
    };
    match does.as_str() {
        "https" => {
            let (builder, waits) = builder("https://ci.example.com");
            let error = get(&builder.build().unwrap()).await.unwrap_err();
            println!("{:?} {error} waits {}", error.kind(), waits.all().len());
        }
        "plain" => {
            let server = Server::start(|_, _| answer(200, r#"{"message":"fine"}"#).into()).await;
            get(&server.client()).await.unwrap();
            let http = reqwest::Client::builder().no_proxy();
            let client = server.builder().0.http(http).build().unwrap();
            get(&client).await.unwrap();
            println!("both fine");
        }
        // A client for this host, whose connections the caller configured. The host's name needs no name server.
        host => {
            let address: SocketAddr = std::env::var("TARGET").unwrap().parse().unwrap();
            let http = reqwest::Client::builder().resolve("ci.example.com", address);
            let client = Client::builder()
                .host(host)
                .allow_plain_http(true)
                .token("t")
                .http(http)
                .build();
            let answer = get(&client.unwrap()).await.unwrap();
            println!("answered by the {}", answer["message"].as_str().unwrap());
        }
    }
}

/// With `.http(..)`, reqwest decides which proxy a client uses. The guide says so.
#[test]
fn what_no_proxy_names_is_reached_without_the_proxy() {
    let answering = |message: &'static str| {
        Raw::start(move |_, stream| {
            if raw::request(stream).is_some() {
                let body = json!({ "message": message }).to_string();
                stream.write_all(&raw::answer(200, &body)).unwrap();
            }
        })
    };
    let (proxy, target) = (answering("proxy"), answering("target"));
    let port = target.address.port();
    for (host, no_proxy, expected) in [
        ("localhost", "", "proxy"),
        ("127.0.0.1", "", "proxy"),
        ("ci.example.com", "", "proxy"),
        ("localhost", "localhost", "target"),
        ("localhost", "other, localhost", "target"),
        ("ci.example.com", "ci.example.com", "target"),
        ("ci.example.com", "example.com", "target"),
        ("ci.example.com", ".example.com", "target"),
        ("ci.example.com", "i.example.com", "proxy"),
        ("127.0.0.1", "127.0.0.0/8", "target"),
        ("127.0.0.1", "10.0.0.0/8", "proxy"),
        ("localhost", "*", "target"),
        ("127.0.0.1", "*", "proxy"),
    ] {
        let said = child(
            &format!("http://{host}:{port}"),
            &[
                ("HTTP_PROXY", &format!("http://{}", proxy.address)),
                ("NO_PROXY", no_proxy),
                ("TARGET", &target.address.to_string()),
            ],
        );
        assert!(
            said.contains(&format!("answered by the {expected}")),
            "{host}, NO_PROXY={no_proxy}: {said}"
        );
    }
}

/// The text in the error of a call to an https server if the machine has no CA certificates. The client returns this error
/// before it connects to a proxy.
const NO_ROOTS: &str = "this machine has no CA certificates";

#[test]
fn the_environments_proxy_is_named_when_it_is_dead() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let said = child("https", &[(variable, "http://user:hunter2@127.0.0.1:9")]);
        if said.contains(NO_ROOTS) {
            println!("skipped: this machine has no CA certificates");
            return;
        }
        assert!(
            said.contains("through the environment's proxy http://127.0.0.1:9: "),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    // A client for a loopback host does not use the proxy of the environment.
    let said = child("plain", &[("HTTP_PROXY", "http://127.0.0.1:9")]);
    assert!(said.contains("both fine"), "{said}");
}

#[test]
fn the_environments_proxy_is_named_when_it_is_of_an_unsupported_kind() {
    let said = child(
        "https",
        &[("ALL_PROXY", "socks5://user:hunter2@127.0.0.1:9")],
    );
    if said.contains(NO_ROOTS) {
        println!("skipped: this machine has no CA certificates");
        return;
    }
    assert!(
        said.contains("the environment's proxy socks5://127.0.0.1:9 (SOCKS needs"),
        "{said}"
    );
    // With native-tls, the client treats this proxy as an HTTP proxy, so it may retry.
    if cfg!(not(feature = "native-tls")) {
        assert!(said.contains("waits 0"), "asked once: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_machine_without_ca_certificates_talks_to_itself_and_says_why_it_talks_to_nobody_else() {
    let none = [
        ("SSL_CERT_FILE", "/nonexistent"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ];
    let said = child("plain", &none);
    assert!(said.contains("both fine"), "{said}");
    // OpenSSL reports the missing CA certificates only when it receives a certificate, so the rest of this test skips native-tls.
    if cfg!(feature = "native-tls") {
        return;
    }
    let said = child("https", &none);
    assert!(
        said.contains("Configuration") && said.contains("no CA certificates"),
        "{said}"
    );
    assert!(
        said.contains("ca-certificates") && said.contains("waits 0"),
        "{said}"
    );
}

#[tokio::test]
async fn the_budget_bounds_what_is_sent_again() {
    let server = http2(&[Does::Refuse; 100]);
    let http = only_http2();
    let (builder, _) = builder(format!("http://{}", server.address));
    let policy = RetryPolicy::default().max_elapsed(Duration::ZERO);
    let client = builder.http(http).retry(policy).build().unwrap();
    let error = post(&client).await.unwrap_err();
    assert_eq!(error.attempts(), 1, "{error}");
}
