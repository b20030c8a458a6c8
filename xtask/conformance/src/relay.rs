//! What stands between the client and Prism: it takes the API's own prefix off the path, which Prism does not serve, escapes the
//! slashes within a slug, says how Prism is to answer, and notes what Prism had to say. Not a byte of the rest is touched.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::slugs::Templates;

/// Below this the client finds the API.
const PREFIX: &str = "/api/v2";
/// No request or answer of a run is larger.
const LARGEST: usize = 16 << 20;

/// How Prism makes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// From the document's examples.
    Static,
    /// From its schemas, by this seed.
    Dynamic(u32),
}

impl Mode {
    /// The `Prefer` header that asks for it, so that one Prism serves all modes.
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

/// A request, and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// `GET /project/gh%2Facme%2Fweb`
    pub request: String,
    pub sent: Vec<u8>,
    pub status: u16,
    /// What the server says is wrong, with the request or with its own answer.
    pub violations: Vec<Value>,
    pub received: Vec<u8>,
}

/// One client's way to the server. It ends when it is dropped.
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
                // A connection that breaks is the client's error, and comes up as that.
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

    /// How the next requests are answered.
    pub fn set(&self, mode: Mode) {
        *self
            .state
            .mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// What went over it since the last time.
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
    /// A request line whose path is the document's: without the prefix, and with each parameter as one segment.
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

    /// One request a connection.
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
        // Noted before it is passed on, so that it is there when the call ends.
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(noted);

        // What Prism lets stand or not is its affair; to the client the connection is over.
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

/// `sl-violations` is a list in JSON, unless it was too long for a header.
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

/// A request or an answer, read to its end. The head is without the empty line.
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
        // An answer without a length ends with its connection; a request without one has no body.
        let missing = match length {
            Some(length) if length > LARGEST => bail!("a body of {length} bytes"),
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
