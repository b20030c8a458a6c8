//! Relays requests from the client to Prism, and records the violations that Prism reports. The relay changes three things in a
//! request: it removes the path prefix of the API, which Prism does not serve; it escapes the slashes in a slug; and it adds a
//! header that selects how Prism responds. Everything else stays unchanged.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::slugs::Templates;

/// The path prefix of the API. The client sends it, but Prism does not serve it.
const PREFIX: &str = "/api/v2";
/// The maximum size of a request or a response.
const LARGEST: usize = 16 << 20;

/// How Prism generates its responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// From the examples of the document.
    Static,
    /// From the schemas of the document. The number is the seed.
    Dynamic(u32),
}

impl Mode {
    /// Returns the `Prefer` header that selects the mode, so that one Prism process serves all modes.
    fn preference(self) -> String {
        match self {
            Self::Static => "dynamic=false".to_owned(),
            Self::Dynamic(seed) => format!("dynamic=true, seed={seed}"),
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Static => f.write_str("static"),
            Self::Dynamic(seed) => write!(f, "seed {seed}"),
        }
    }
}

/// A request and its response.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The method and the path, such as `GET /project/gh%2Facme%2Fweb`.
    pub request: String,
    pub sent: Vec<u8>,
    pub status: u16,
    /// The violations that the server reports in the request or in its own response.
    pub violations: Vec<Value>,
    pub received: Vec<u8>,
}

/// A relay between one client and the server. It stops when this value is dropped.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    server: SocketAddr,
    templates: Arc<Templates>,
    mode: Mutex<Mode>,
    noted: Mutex<Vec<Exchange>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub async fn to(server: SocketAddr, templates: Arc<Templates>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            server,
            templates,
            mode: Mutex::new(Mode::Static),
            noted: Mutex::default(),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                // An error is ignored here: if the connection breaks, the client's call reports an error too.
                tokio::spawn(async move { state.serve(client).await.ok() });
            }
        });
        Ok(Self {
            address,
            state,
            task,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the mode for the next requests.
    pub fn set(&self, mode: Mode) {
        *self
            .state
            .mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Returns the exchanges that happened since the last call of `take`.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(
            &mut *self
                .state
                .noted
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl State {
    /// Returns the request line with the path that the document has: without the prefix, and with each parameter as one
    /// segment.
    fn as_documented(&self, line: &str) -> String {
        let mut parts = line.split(' ');
        let (Some(method), Some(target), version) = (parts.next(), parts.next(), parts.next())
        else {
            return line.to_owned();
        };
        let target = target.strip_prefix(PREFIX).unwrap_or(target);
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let path = self.templates.joined(path);
        format!("{method} {path}{query} {}", version.unwrap_or_default())
    }

    /// Relays one request per connection.
    async fn serve(&self, mut client: TcpStream) -> Result<()> {
        let request = Message::read(&mut client).await?;
        let (line, headers) = request
            .head
            .split_once("\r\n")
            .unwrap_or((&request.head, ""));
        let line = self.as_documented(line);
        let mode = *self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        let head = format!(
            "{line}\r\n{headers}\r\nprefer: {}\r\nconnection: close\r\n\r\n",
            mode.preference()
        );

        let mut server = TcpStream::connect(self.server).await?;
        server.write_all(head.as_bytes()).await?;
        server.write_all(&request.body).await?;
        let answer = Message::read(&mut server).await?;

        let violations = answer
            .header("sl-violations")
            .map(violations)
            .unwrap_or_default();
        let status = answer
            .head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        let request_line = line
            .rsplit_once(' ')
            .map_or(&*line, |(line, _)| line)
            .to_owned();
        let noted = Exchange {
            request: request_line,
            sent: request.body,
            status,
            violations,
            received: answer.body.clone(),
        };
        // The exchange is recorded before the client gets the response, so that `take` returns it as soon as the call has
        // ended.
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(noted);

        // Replaces Prism's `connection` header, because the relay closes the connection after each response.
        let head: Vec<&str> = answer
            .head
            .split("\r\n")
            .filter(|line| !is_header(line, "connection"))
            .collect();
        client
            .write_all(format!("{}\r\nconnection: close\r\n\r\n", head.join("\r\n")).as_bytes())
            .await?;
        client.write_all(&answer.body).await?;
        client.shutdown().await?;
        Ok(())
    }
}

/// Returns the violations in the header `sl-violations`. Its value is a JSON list, unless the list was too long for a
/// header.
fn violations(header: &str) -> Vec<Value> {
    match serde_json::from_str(header) {
        Ok(Value::Array(list)) => list,
        _ => vec![Value::from(header)],
    }
}

fn is_header(line: &str, name: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// A complete request or response. The head does not include the empty line that ends it.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    async fn read(stream: &mut TcpStream) -> Result<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > LARGEST || stream.read_buf(&mut bytes).await? == 0 {
                bail!("no end of the head");
            }
        };
        let body = bytes.split_off(end + 4);
        bytes.truncate(end);
        let mut message = Self {
            head: String::from_utf8_lossy(&bytes).into_owned(),
            body,
        };
        let is_request = !message.head.starts_with("HTTP/");
        let length = message
            .header("content-length")
            .and_then(|length| length.trim().parse::<usize>().ok());
        // Without a `content-length`, a response ends when its connection ends, and a request has no body.
        let missing = match length {
            Some(length) if length > LARGEST => bail!("the body of {length} bytes is too large"),
            Some(length) => Some(length.saturating_sub(message.body.len())),
            None => is_request.then_some(0),
        };
        match missing {
            Some(missing) => {
                stream
                    .take(missing as u64)
                    .read_to_end(&mut message.body)
                    .await?
            }
            None => {
                stream
                    .take(LARGEST as u64)
                    .read_to_end(&mut message.body)
                    .await?
            }
        };
        Ok(message)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.split("\r\n").find(|line| is_header(line, name))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }
}
