//! The mock's HTTP server. It reads requests from its sockets, and sends the answers that `State` chooses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::answer::{Answer, Body};
use super::received::Received;
use super::state::State;

/// The maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// The maximum size of a request body: 16 MiB.
const MAX_BODY: usize = 16 << 20;
/// The maximum time for which a server that is stopping waits for its open connections to end.
const GRACE: Duration = Duration::from_secs(1);

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    stop: watch::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Server {
    /// Starts a server that listens on `address`. The server has its own thread and its own runtime. The caller's runtime may be
    /// blocked, or a test may have paused its clock.
    pub(super) async fn start(address: SocketAddr, state: Arc<State>) -> io::Result<Self> {
        let (stop, stopping) = watch::channel(());
        let (started, starting) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("circleci-mock".to_owned())
            .spawn(move || {
                serve(address, state, stopping, started);
                // Sending fails if the `Server` was dropped, because its receiver is then gone.
                let _ = done.send(());
            })?;
        let gone = |_| io::Error::other("the server's thread has ended");
        let address = starting.await.map_err(gone)??;
        Ok(Self {
            address,
            stop,
            stopped,
        })
    }

    /// Returns the server's URL, such as `http://127.0.0.1:49152`.
    pub(super) fn url(&self) -> String {
        let mut address = self.address;
        // A server that listens on all addresses is also reachable at the loopback address.
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }

    /// Answers the requests that have already arrived, and returns when the address is free.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // If the sender is gone, the thread has ended too, so an error does not matter.
        let _ = self.stopped.await;
    }
}

fn serve(
    address: SocketAddr,
    state: Arc<State>,
    stopping: watch::Receiver<()>,
    started: oneshot::Sender<io::Result<SocketAddr>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(accept(address, state, stopping, started)),
        // If the receiver is gone, nobody waits for the error.
        Err(error) => drop(started.send(Err(error))),
    }
}

/// Checks that the loopback interface works. After a success, the process does not check again. Without the interface, each call to the server would fail slowly, because the
/// client retries it.
fn check_loopback() -> io::Result<()> {
    static WORKS: OnceLock<()> = OnceLock::new();

    if WORKS.get().is_none() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)).map_err(
            |error| io::Error::other(format!("the loopback interface does not work: {error}")),
        )?;
        WORKS.get_or_init(|| ());
    }
    Ok(())
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if address.ip().is_loopback() {
        check_loopback()?;
    }
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Without this option, the connections of a stopped server could keep its address in use for a while.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(
    address: SocketAddr,
    state: Arc<State>,
    mut stopping: watch::Receiver<()>,
    started: oneshot::Sender<io::Result<SocketAddr>>,
) {
    let listener = match bind(address) {
        Ok(listener) => listener,
        Err(error) => return drop(started.send(Err(error))),
    };
    let mut connections = JoinSet::new();
    if started.send(listener.local_addr()).is_err() {
        return;
    }
    loop {
        tokio::select! {
            _ = stopping.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, state.clone(), stopping.clone()));
                }
                // The process probably has too many open files. A later attempt may succeed.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // The runtime closes the remaining connections when it stops.
    let _ = tokio::time::timeout(GRACE, ended).await;
}

async fn connection(stream: TcpStream, state: Arc<State>, mut stopping: watch::Receiver<()>) {
    // With this option, small answers are sent without delay. If the option cannot be set, answers only arrive later, so an error
    // does not matter.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(request, state.clone()));
    let mut builder = http1::Builder::new();
    // Idle connections have no timeout. If they had one, a client could send a request at the moment when the server closes the
    // connection, and the request would fail.
    let served = builder
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    tokio::select! {
        // An error means that the client closed the connection, or that the test told the mock to close it.
        _ = served.as_mut() => {}
        _ = stopping.changed() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// The error that makes the server close the connection.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the test closes the connection")
    }
}

impl std::error::Error for Cut {}

async fn handle(
    request: http::Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        let answer = Answer::message(413, "the request body is larger than 16 MiB or incomplete");
        return respond(answer, state.request_id());
    };
    let target = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let has_credential = has_credential(&head.headers, head.uri.query().unwrap_or_default());
    let received = Received::new(
        head.method,
        target.to_owned(),
        head.headers,
        body.to_bytes().to_vec(),
    );
    let answer = state.answer(received, has_credential);
    if let Some(delay) = answer.delay
        && !matches!(answer.body, Body::Cut)
    {
        tokio::time::sleep(delay).await;
    }
    respond(answer, state.request_id())
}

/// Checks whether the request has a token. The token may be in the header `Circle-Token` or `Authorization` (as Basic or Bearer).
/// It may also be in the query, which is deprecated.
fn has_credential(headers: &HeaderMap, query: &str) -> bool {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().trim()
    };
    let scheme = header("authorization").split_once(' ');
    let by_scheme = scheme.is_some_and(|(scheme, rest)| {
        let known = ["basic", "bearer"].iter();
        let mut known = known.filter(|known| known.eq_ignore_ascii_case(scheme));
        known.next().is_some() && !rest.trim().is_empty()
    });
    let by_query = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("circle-token="))
        .any(|token| !token.is_empty());
    !header("circle-token").is_empty() || by_scheme || by_query
}

fn respond(answer: Answer, id: String) -> Result<Response<Full<Bytes>>, Cut> {
    let (kind, body) = match answer.body {
        Body::Json(json) => (Some("application/json"), json.to_string().into_bytes()),
        Body::Text(text) => (Some("text/plain"), text.into_bytes()),
        Body::File(bytes) => (Some("application/octet-stream"), bytes),
        Body::Cut => return Err(Cut),
        Body::Empty | Body::Responder(_) | Body::Pages { .. } | Body::Slices { .. } => {
            (None, Vec::new())
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    if let Ok(status) = answer.status.try_into() {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    if let Some(wait) = answer.retry_after {
        // The header holds whole seconds. They are rounded up, so that a client that obeys the header waits at least `wait`.
        let seconds = wait.as_secs_f64().ceil() as u64;
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}
