//! Receives webhooks: verifies them, ignores duplicates, and prints a line for each event.
//!
//! ```text
//! cargo run --example webhook_receiver --features webhooks                    sends a few to itself; needs no token
//! cargo run --example webhook_receiver --features webhooks -- 127.0.0.1:8080  receives until it is ended; needs the
//!                                                   webhook's secret in CIRCLECI_WEBHOOK_SECRET, and TLS in front of it
//! ```
//!
//! The server uses only hyper. With any other framework, do the same: pass the signature header and the unparsed body to the
//! verifier.

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use circleci_api::bytes::Bytes;
use circleci_api::http::{Request, Response, StatusCode};
use circleci_api::webhook::{Deliveries, Event, Payload, SIGNATURE_HEADER, Verifier};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const SECRET: &str = "CIRCLECI_WEBHOOK_SECRET";
/// The largest accepted body, in bytes. An event is only a few kilobytes long.
const LARGEST: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let result = match (arguments.next(), arguments.next()) {
        (None, _) => demo().await,
        (Some(address), None) if !address.starts_with('-') => real(&address).await,
        _ => Err("usage: webhook_receiver [ADDRESS:PORT]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("webhook_receiver: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn real(address: &str) -> Result {
    let secret = std::env::var(SECRET)
        .ok()
        .filter(|secret| !secret.is_empty());
    let secret = secret.ok_or(format!("the webhook's secret is missing: set {SECRET}"))?;
    let listener = TcpListener::bind(address).await?;
    println!("Receiving at {}.", listener.local_addr()?);
    serve(listener, Receiver::new(&secret)).await
}

struct Receiver {
    verifier: Verifier,
    deliveries: Deliveries,
}

impl Receiver {
    fn new(secret: &str) -> Arc<Self> {
        Arc::new(Self {
            verifier: Verifier::new(secret),
            deliveries: Deliveries::new(10_000),
        })
    }

    /// Handles a request, and returns the status of the response. CircleCI sends a failed webhook again, so the status is an
    /// error only if another attempt may succeed.
    async fn receive(&self, request: Request<Incoming>) -> StatusCode {
        let signature = request.headers().get(SIGNATURE_HEADER).cloned();
        let body = Limited::new(request.into_body(), LARGEST).collect();
        let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, body).await else {
            return StatusCode::BAD_REQUEST;
        };
        let signature = signature
            .as_ref()
            .map_or(&b""[..], |value| value.as_bytes());
        match self.verifier.read(signature, body.to_bytes()) {
            Ok(event) if self.deliveries.is_new(&event.id) => {
                println!("  {}", line(&event));
                StatusCode::NO_CONTENT
            }
            Ok(event) => {
                println!("  {} is a duplicate", printable(&event.id));
                StatusCode::OK
            }
            Err(error) => {
                println!("  refused: {error}");
                error.status()
            }
        }
    }
}

fn line(event: &Event) -> String {
    let project = event
        .project()
        .and_then(|project| project.project_slug().ok());
    let project = project.map_or("a project".to_owned(), |slug| slug.to_string());
    let branch = event
        .pipeline()
        .and_then(|pipeline| pipeline.branch().or(pipeline.tag()));
    let place = format!("{project} at {}", branch.unwrap_or("no branch"));
    printable(&match &event.payload {
        Payload::WorkflowCompleted(done) => match &done.workflow.status {
            Some(status) => format!(
                "{place}: workflow {} ended with {status}",
                done.workflow.name
            ),
            None => format!("{place}: workflow {} ended", done.workflow.name),
        },
        Payload::JobCompleted(done) => match &done.job.status {
            Some(status) => format!("{place}: job {} ended with {status}", done.job.name),
            None => format!("{place}: job {} ended", done.job.name),
        },
        Payload::Ping => "a ping".into(),
        other => format!("unknown event: {other:?}"),
    })
}

/// Replaces control characters, because the name of a branch may contain commands for the terminal.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control(), "?")
}

async fn serve(listener: TcpListener, receiver: Arc<Receiver>) -> Result {
    loop {
        let (stream, _) = listener.accept().await?;
        let receiver = Arc::clone(&receiver);
        let service = service_fn(move |request| {
            let receiver = Arc::clone(&receiver);
            async move {
                let mut response = Response::new(Full::new(Bytes::new()));
                *response.status_mut() = receiver.receive(request).await;
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            let server = server
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE);
            // Ignore the error, so that the server continues if a sender closes the connection.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Starts a server, and sends it webhooks that CircleCI might send and requests that CircleCI would never send.
pub async fn demo() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    println!("Receiving at {url}. The requests come from this program.");
    let server = tokio::spawn(serve(listener, Receiver::new("demo secret")));

    // reqwest needs a TLS provider. An error means that one is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The server speaks plain HTTP, so the client needs no certificates.
    let http = circleci_api::reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()?;
    let circleci = Verifier::new("demo secret");
    let stranger = Verifier::new("a guess");
    let done = include_str!("support/workflow_completed.json");
    for (what, sender, body, wanted) in [
        ("a ping", &circleci, r#"{ "id": "1", "type": "ping" }"#, 204),
        ("an event", &circleci, done, 204),
        ("the same again", &circleci, done, 200),
        ("the same with a wrong signature", &stranger, done, 401),
        (
            "an event of an unknown type",
            &circleci,
            r#"{ "id": "2", "type": "job-queued" }"#,
            204,
        ),
        ("a body that is not an event", &circleci, "[]", 400),
    ] {
        println!("{what}:");
        let signature = sender.sign(body)?;
        let sent = http
            .post(&url)
            .header(SIGNATURE_HEADER, signature)
            .body(body)
            .send()
            .await?;
        println!("  answered with {}", sent.status());
        if sent.status() != wanted {
            return Err(format!("{what}: expected the status {wanted}").into());
        }
    }
    server.abort();
    Ok(())
}
