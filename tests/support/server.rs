//! A server on loopback that follows a script and records its requests. The script may contain faults.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use circleci_api::{Client, ClientBuilder, Clock};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::raw;

pub const TOKEN: &str = "CCIPAT_s3cr3t-t0ken";

/// A request as the server received it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub connection: usize,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} came twice");
        Some(value)
    }

    /// Returns the value of a query parameter, without decoding it.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then_some(value)
        })
    }
}

/// The reaction of the server to a request.
#[derive(Clone, Debug)]
pub enum Act {
    Answer(Answer),
    /// Resets the connection without an answer.
    Reset,
    /// Closes the connection without an answer, but without a reset.
    Close,
    /// Keeps the connection open and never answers.
    Stall,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub ending: Ending,
}

#[derive(Clone, Debug)]
pub enum Ending {
    /// Sends the whole body, and announces its length.
    Length,
    /// Sends the whole body in chunks.
    Chunks,
    /// Sends this number of bytes of the body, and then closes the connection.
    CutAt(usize),
    /// Sends this number of bytes of the body in one chunk, and then closes the connection.
    ChunksCutAt(usize),
    /// Sends this number of bytes of the body, and then keeps the connection open without sending more.
    StallAt(usize),
    /// Repeats the body until this number of bytes is sent. If `announced` is true, the length is announced; otherwise, the
    /// body is sent in chunks.
    Flood { bytes: usize, announced: bool },
}

pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status,
        headers: vec![("x-request-id".into(), format!("req-{status}"))],
        body: body.into(),
        ending: Ending::Length,
    }
}

impl Answer {
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

impl From<Answer> for Act {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

type Handler = dyn Fn(usize, &Seen) -> Act + Send + Sync;

pub struct Server {
    pub address: SocketAddr,
    log: Arc<Log>,
    task: tokio::task::JoinHandle<()>,
}

/// The record of the requests so far. A quiet server only counts them, so that a test of memory use measures only the client.
struct Log {
    count: AtomicUsize,
    seen: Option<Mutex<Vec<Seen>>>,
    /// The number of requests in progress. `most` is the maximum of this number so far.
    open: AtomicUsize,
    most: AtomicUsize,
    /// The number of times that the server yields to other tasks before it answers a request.
    turns: usize,
}

impl Log {
    async fn linger(&self) {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        for _ in 0..self.turns {
            tokio::task::yield_now().await;
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server that reacts to the n-th request with the n-th act. It answers further requests with 418, which the
    /// client does not retry.
    pub async fn script(acts: impl IntoIterator<Item = Act>) -> Self {
        let acts: Vec<Act> = acts.into_iter().collect();
        Self::start(move |index, _| {
            acts.get(index)
                .cloned()
                .unwrap_or_else(|| answer(418, "one request too many").into())
        })
        .await
    }

    /// Starts a server that reacts to each request with the act that `handler` returns. The arguments of `handler` are the
    /// number of the request and the request itself.
    pub async fn start(handler: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::serve("127.0.0.1", None, true, 0, handler).await
    }

    /// Starts a server like [`start`](Self::start) that counts its requests but does not record them. Tests with very many
    /// requests use it.
    pub async fn start_quiet(
        handler: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::serve("127.0.0.1", None, false, 0, handler).await
    }

    /// Starts a server like [`start`](Self::start), but answers each request late. Requests that a client sends at the same time
    /// are then in progress together, and [`most`](Self::most) counts them.
    pub async fn start_slow(handler: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::serve("127.0.0.1", None, true, 300, handler).await
    }

    pub async fn start_on(
        host: &str,
        handler: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::serve(host, None, true, 0, handler).await
    }

    pub async fn start_tls(
        acceptor: tokio_rustls::TlsAcceptor,
        handler: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::serve("127.0.0.1", Some(acceptor), true, 0, handler).await
    }

    async fn serve(
        host: &str,
        tls: Option<tokio_rustls::TlsAcceptor>,
        keep: bool,
        turns: usize,
        handler: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = listen(host);
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log {
            count: AtomicUsize::new(0),
            seen: keep.then(Mutex::default),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            turns,
        });
        let kept = Arc::clone(&log);
        let handler: Arc<Handler> = Arc::new(handler);
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let _ = stream.set_nodelay(true);
                let (log, handler, tls) = (Arc::clone(&log), Arc::clone(&handler), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => {
                            let mut wire = Wire::Plain(stream);
                            let _ = talk(&mut wire, connection, &log, &*handler).await;
                        }
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let mut wire = Wire::Tls(Box::new(stream));
                                let _ = talk(&mut wire, connection, &log, &*handler).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            log: kept,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.log.seen.as_ref().unwrap().lock().unwrap().clone()
    }

    /// Returns the maximum number of requests that were in progress at the same time.
    pub fn most(&self) -> usize {
        self.log.most.load(Ordering::SeqCst)
    }

    pub fn count(&self) -> usize {
        self.log.count.load(Ordering::SeqCst)
    }

    /// Returns a builder for a client of this server, and the clock of the client, which records and skips waits.
    pub fn builder(&self) -> (ClientBuilder, Waits) {
        let waits = Waits::default();
        let builder = Client::builder()
            .host(self.url())
            .token(TOKEN)
            .clock(waits.clone());
        (builder, waits)
    }

    pub fn client(&self) -> Client {
        self.builder().0.build().unwrap()
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl Wire {
    fn reading(&mut self) -> &mut (dyn AsyncRead + Unpin + Send) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }

    fn writing(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writing().write_all(bytes).await?;
        self.writing().flush().await
    }

    fn reset(&mut self) {
        if let Self::Plain(stream) = self {
            let _ = stream.set_zero_linger();
        }
    }
}

async fn talk(wire: &mut Wire, connection: usize, log: &Log, handler: &Handler) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read(wire, connection, &mut buffer).await? {
        let index = match &log.seen {
            None => log.count.fetch_add(1, Ordering::SeqCst),
            Some(seen) => {
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                log.count.fetch_add(1, Ordering::SeqCst)
            }
        };
        log.linger().await;
        let head_only = request.method == "HEAD";
        match handler(index, &request) {
            Act::Reset => {
                wire.reset();
                return Ok(());
            }
            Act::Close => return Ok(()),
            Act::Stall => std::future::pending().await,
            Act::Answer(answer) => {
                if !say(wire, &answer, head_only).await? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Sends an answer, and returns whether the connection can stay open.
async fn say(wire: &mut Wire, answer: &Answer, head_only: bool) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} whatever\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    match answer.ending {
        Ending::Chunks
        | Ending::ChunksCutAt(_)
        | Ending::Flood {
            announced: false, ..
        } => {
            head += "transfer-encoding: chunked\r\n";
        }
        Ending::Flood {
            bytes,
            announced: true,
        } => head += &format!("content-length: {bytes}\r\n"),
        _ if answer.status == 204 => {}
        _ => head += &format!("content-length: {}\r\n", answer.body.len()),
    }
    head += "\r\n";
    let mut out = head.into_bytes();
    match answer.ending {
        Ending::Length => {
            if !head_only && answer.status != 204 {
                out.extend_from_slice(&answer.body);
            }
            wire.write(&out).await?;
            Ok(true)
        }
        Ending::Chunks => {
            for chunk in answer.body.chunks(7) {
                out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                out.extend_from_slice(chunk);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\n\r\n");
            wire.write(&out).await?;
            Ok(true)
        }
        Ending::CutAt(bytes) => {
            out.extend_from_slice(&answer.body[..bytes]);
            wire.write(&out).await?;
            Ok(false)
        }
        Ending::ChunksCutAt(bytes) => {
            out.extend_from_slice(format!("{bytes:x}\r\n").as_bytes());
            out.extend_from_slice(&answer.body[..bytes]);
            out.extend_from_slice(b"\r\n");
            wire.write(&out).await?;
            Ok(false)
        }
        Ending::StallAt(bytes) => {
            out.extend_from_slice(&answer.body[..bytes]);
            wire.write(&out).await?;
            std::future::pending().await
        }
        Ending::Flood { bytes, announced } => {
            wire.write(&out).await?;
            let block = vec![b'x'; 64 * 1024];
            let mut left = bytes;
            while left > 0 {
                let part = &block[..left.min(block.len())];
                if !announced {
                    wire.write(format!("{:x}\r\n", part.len()).as_bytes())
                        .await?;
                }
                wire.write(part).await?;
                if !announced {
                    wire.write(b"\r\n").await?;
                }
                left -= part.len();
            }
            Ok(false)
        }
    }
}

async fn read(
    wire: &mut Wire,
    connection: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Seen>> {
    let head_end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if wire.reading().read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.trim().to_owned())
        })
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    let total = head_end + 4 + length;
    while buffer.len() < total {
        if wire.reading().read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let request = Seen {
        connection,
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        headers,
        body: buffer[head_end + 4..total].to_vec(),
    };
    buffer.drain(..total);
    Ok(Some(request))
}

/// Like [`raw::listen`], for the runtime of the caller.
pub fn listen(host: &str) -> TcpListener {
    let listener = raw::listen(host);
    listener.set_nonblocking(true).unwrap();
    TcpListener::from_std(listener).unwrap()
}

/// Returns an address on loopback on which nothing listens.
pub async fn refused() -> SocketAddr {
    raw::listen("127.0.0.1").local_addr().unwrap()
}

/// A clock that records every wait, but does not really wait.
#[derive(Clone, Default)]
pub struct Waits(Arc<Mutex<Vec<Duration>>>);

impl Waits {
    pub fn all(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for Waits {
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.lock().unwrap().push(wait);
        Box::pin(tokio::task::yield_now())
    }

    fn utc(&self) -> SystemTime {
        // The time is always Sunday, 1 March 2026, 12:00 GMT.
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400)
    }
}
