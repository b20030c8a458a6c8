//! Tests that send many calls through nginx, which closes each connection after 50 requests. No call is lost or processed
//! twice. If the server did not process a POST, the client repeats the POST, so the call does not fail. Without nginx, the tests
//! print that they are skipped.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use circleci_api::{Client, reqwest, serde_json, types, uuid::Uuid};
use circleci_api_tests::raw::listen;
use circleci_api_tests::server::{Server, TOKEN, answer};

use super::ALONE;

const CALLS: usize = 10_000;
const AT_A_TIME: usize = 64;

/// An nginx process. It is killed when this value is dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program() -> Option<&'static str> {
    ["nginx", "/usr/sbin/nginx"].into_iter().find(|program| {
        let version = Command::new(program)
            .arg("-v")
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    })
}

/// Returns an address on loopback with a port that is free at this moment.
fn port() -> SocketAddr {
    listen("127.0.0.1").local_addr().unwrap()
}

impl Nginx {
    fn start(program: &str, folder: &Path, how: How, at: SocketAddr, to: SocketAddr) -> Self {
        let How { listen, streams } = how;
        let config = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
             events {{ worker_connections 1024; }}
             http {{
               access_log off; keepalive_requests 50; http2_max_concurrent_streams {streams};
               client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
               server {{
                 listen {at} {listen};
                 location / {{ proxy_pass http://{to}; proxy_http_version 1.1; proxy_next_upstream off; }}
               }}
             }}"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Command::new(program)
            .arg("-p")
            .arg(folder)
            .args(["-c", "nginx.conf"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self(child);
        let begun = Instant::now();
        while TcpStream::connect(at).is_err() {
            assert_eq!(nginx.0.try_wait().unwrap(), None, "nginx has ended");
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "nginx does not listen"
            );
            std::thread::yield_now();
        }
        nginx
    }
}

/// How nginx listens.
#[derive(Clone, Copy)]
struct How {
    listen: &'static str,
    /// How many streams an HTTP/2 connection has at the same time.
    streams: usize,
}

fn is_get(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// How often the server processed each call. The key is the number of the call.
type Processed = Arc<Mutex<HashMap<usize, usize>>>;

/// Starts a server that counts the calls in `processed`, and answers each call with the number of the call.
async fn server(processed: &Processed) -> Server {
    let processed = Arc::clone(processed);
    Server::start_quiet(move |_, seen| {
        let number = if seen.body.is_empty() {
            let id = seen.target.rsplit('/').next().unwrap();
            usize::try_from(Uuid::parse_str(id).unwrap().as_u128()).unwrap()
        } else {
            let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
            body["name"].as_str().unwrap().parse().unwrap()
        };
        *processed.lock().unwrap().entry(number).or_default() += 1;
        answer(200, format!(r#"{{"message":"{number}"}}"#)).into()
    })
    .await
}

/// Sends a call. Every second call is a POST, which the server must not process twice. With `has_no_body`, every tenth call is
/// a POST without a body.
async fn call(
    client: &Client,
    number: usize,
    has_no_body: bool,
) -> Result<serde_json::Value, circleci_api::Error> {
    let id = Uuid::from_u128(number as u128);
    if is_get(number) {
        return client.get_workflow_by_id(id).send_as().await;
    }
    if has_no_body && number % 10 == 3 {
        let approval = client.approve_pending_approval_job_by_id(id, id);
        return approval.send_as().await;
    }
    let body = serde_json::json!({ "name": number.to_string(), "owner": { "id": id, "type": "organization" } });
    let body: types::CreateContextRequest = serde_json::from_value(body).unwrap();
    client.create_context(body).send_as().await
}

async fn run(name: &str, how: How, http: reqwest::ClientBuilder) {
    let Some(program) = program() else {
        println!("skipped: nginx is not installed");
        return;
    };
    let _alone = ALONE.lock().await;
    let processed = Processed::default();
    let server = server(&processed).await;
    let (folder, at) = (tempfile::tempdir().unwrap(), port());
    let _nginx = Nginx::start(program, folder.path(), how, at, server.address);
    let client = Client::builder()
        .host(format!("http://{at}"))
        .token(TOKEN)
        .http(http.no_proxy())
        // If the HTTP stack loses a request, the client sends it again one second after this timeout.
        .connect_timeout(Duration::from_secs(2))
        .timeout(None)
        .build()
        .unwrap();
    let ticket = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_A_TIME)
        .map(|_| {
            let (client, ticket) = (client.clone(), Arc::clone(&ticket));
            tokio::spawn(async move {
                let mut failed = Vec::new();
                loop {
                    let number = ticket.fetch_add(1, Ordering::SeqCst);
                    if number >= CALLS {
                        return failed;
                    }
                    match call(&client, number, how.streams > 64).await {
                        Ok(answer) => assert_eq!(answer["message"], number.to_string()),
                        Err(error) => failed.push((number, error.to_string())),
                    }
                }
            })
        })
        .collect();
    let mut failed = Vec::new();
    for worker in workers {
        failed.extend(worker.await.unwrap());
    }
    let processed = processed.lock().unwrap();
    println!(
        "{name}: {} of {CALLS} calls failed: {:?}",
        failed.len(),
        failed.first()
    );
    for (number, error) in &failed {
        assert!(
            processed.contains_key(number),
            "{name}: a call failed that was not processed: {error}"
        );
    }
    assert_eq!(failed, [], "{name}");
    assert_eq!(processed.len(), CALLS, "{name}: none is lost");
    // If a GOAWAY arrives at the moment when hyper hands a GET to h2, hyper throws the answer to the GET away. The client must send
    // the GET again, which is harmless. This happens to less than one GET in ten thousand. A POST is never processed twice.
    let doubled: Vec<_> = processed.iter().filter(|(_, times)| **times > 1).collect();
    println!("{name}: processed twice: {doubled:?}");
    let posts = doubled
        .iter()
        .filter(|(number, _)| !number.is_multiple_of(2));
    assert_eq!(posts.count(), 0, "{name}: no POST is doubled: {doubled:?}");
    assert!(doubled.len() < 10, "{name}: GETs are doubled: {doubled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_through_nginx_loses_and_doubles_nothing() {
    let how = How {
        listen: "",
        streams: 128,
    };
    run("HTTP/1.1", how, reqwest::Client::builder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_through_nginx_loses_and_doubles_nothing() {
    let http = reqwest::Client::builder().http2_prior_knowledge();
    let how = How {
        listen: "http2",
        streams: 128,
    };
    run("HTTP/2", how, http).await;
}

/// Most requests wait for a stream, and some of them still wait when nginx closes the connection. All POSTs have a body: without a
/// body, the client cannot know whether the server has acted on the headers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_with_eight_streams_through_nginx_loses_and_doubles_nothing() {
    let http = reqwest::Client::builder().http2_prior_knowledge();
    let how = How {
        listen: "http2",
        streams: 8,
    };
    run("HTTP/2, 8 streams", how, http).await;
}
