//! Decodes a body with the types of the client: the client calls the operation on a local server, which responds with the
//! body.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use circleci_api::{Client, RetryPolicy, Surprise, SurpriseKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use circleci_api_tests::calls::{self, Call};

/// The result of decoding a body with the client's type.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The path and the kind of each surprise in the body.
    pub surprises: Vec<(String, SurpriseKind)>,
    /// Why the client cannot read the body.
    pub error: Option<String>,
}

type Next = Arc<Mutex<(u16, Vec<u8>)>>;
type Met = Arc<Mutex<Vec<Surprise>>>;

pub struct Types {
    client: Client,
    calls: BTreeMap<&'static str, Call>,
    next: Next,
    met: Met,
}

impl Types {
    /// Starts the local server.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot listen on a port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .context("cannot listen on this machine")?;
        let address = listener.local_addr()?;
        let next: Next = Arc::new(Mutex::new((200, Vec::new())));
        let said = next.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // An error here is ignored, because the client reports whether it could read the response.
                let _ = serve(stream, answer).await;
            }
        });
        let met: Met = Arc::default();
        let log = met.clone();
        let client = Client::builder()
            .host(format!("http://{address}"))
            .token("recordings")
            .retry(RetryPolicy::none())
            .on_surprise(move |surprise| {
                log.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(surprise.clone());
            })
            .build()?;
        Ok(Self {
            client,
            calls: calls::all()
                .into_iter()
                .map(|call| (call.id, call))
                .collect(),
            next,
            met,
        })
    }

    /// Reads a body as the response of an operation. Returns `None` if the client does not have the operation.
    pub async fn read(&self, operation: &str, status: u16, body: &[u8]) -> Option<Reading> {
        let call = self.calls.get(operation)?;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_vec());
        let answered = tokio::spawn((call.least)(&self.client)).await;
        let met = std::mem::take(&mut *self.met.lock().unwrap_or_else(PoisonError::into_inner));
        let surprise = |it: Surprise| (it.path().to_owned(), it.kind());
        Some(Reading {
            surprises: met.into_iter().map(surprise).collect(),
            error: match answered {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(
                    "the client panicked: it could not read the value that it wrote".to_owned(),
                ),
            },
        })
    }
}

async fn serve(mut stream: TcpStream, (status, body): (u16, Vec<u8>)) -> std::io::Result<()> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    while request.len() < end + length && stream.read_buf(&mut request).await? > 0 {}
    let head = format!(
        "HTTP/1.1 {status} Recorded\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}
