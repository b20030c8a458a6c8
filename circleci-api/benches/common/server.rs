//! A server on loopback that runs in its own thread, keeps connections open and serves a few paths.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::bodies;

/// Starts a server and returns its address. `answer` returns the whole response for a request line, and the server sends it after
/// `delay`.
pub fn start(
    delay: Duration,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        super::runtime().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            tell.send(listener.local_addr().expect("an address"))
                .expect("someone to tell");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, delay, answer.clone()));
            }
        });
    });
    told.recv().expect("a server")
}

/// Starts the server that the benches `call` and `instructions` use.
pub fn of_calls() -> SocketAddr {
    let [workflow, created, pipelines] =
        [bodies::workflow(), bodies::created(), bodies::pipelines()].map(respond);
    start(Duration::ZERO, move |line| match line {
        line if line.starts_with("POST ") => created.clone(),
        line if line.contains("/workflow/") => workflow.clone(),
        _ => pipelines.clone(),
    })
}

/// Returns a whole response with status 200, CircleCI's usual headers and this body.
pub fn respond(body: String) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json;charset=utf-8\r\ndate: Sun, 01 Mar 2026 10:00:00 GMT\r\n\
         x-request-id: 7f2c5bd8-9c4c-4a43-8d55-2a3ef1d3f9a7\r\nx-route: /api/v2\r\nstrict-transport-security: max-age=15724800\r\n\
         server: nginx\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn serve(
    mut stream: TcpStream,
    delay: Duration,
    answer: Arc<dyn Fn(&str) -> String + Send + Sync>,
) {
    stream.set_nodelay(true).expect("a socket");
    let mut request = Vec::with_capacity(4096);
    loop {
        let text = String::from_utf8_lossy(&request);
        let end = text
            .find("\r\n\r\n")
            .map(|at| at + 4 + body_length(&text[..at]));
        if let Some(end) = end.filter(|end| *end <= request.len()) {
            let line = text.lines().next().unwrap_or_default().to_owned();
            request.drain(..end);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if stream.write_all(answer(&line).as_bytes()).await.is_err() {
                return;
            }
        } else if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
}

fn body_length(head: &str) -> usize {
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}
