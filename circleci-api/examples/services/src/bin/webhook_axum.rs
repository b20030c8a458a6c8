//! Receives webhooks with axum: verifies them, ignores repeated events, and prints a line for each new event.
//!
//! ```text
//! CIRCLECI_WEBHOOK_SECRET=… cargo run -p circleci-api-services --bin webhook_axum -- 127.0.0.1:8080
//! ```
//!
//! The handler takes the body as bytes, because the signature must be verified before anything parses the body. The server speaks
//! plain HTTP, so put a proxy with TLS in front of it.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use circleci_api::webhook::{Deliveries, Event, Payload, SIGNATURE_HEADER, Verifier};

const SECRET: &str = "CIRCLECI_WEBHOOK_SECRET";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:8080".to_owned());
    let secret = std::env::var(SECRET).map_err(|_| format!("set {SECRET}"))?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("Receiving at http://{}/circleci.", listener.local_addr()?);
    axum::serve(listener, app(&secret)).await?;
    Ok(())
}

struct Receiver {
    verifier: Verifier,
    deliveries: Deliveries,
}

fn app(secret: &str) -> Router {
    let receiver = Receiver {
        verifier: Verifier::new(secret),
        deliveries: Deliveries::new(10_000),
    };
    Router::new()
        .route("/circleci", post(receive))
        // An event is only a few kilobytes long, so this limit is enough.
        .layer(DefaultBodyLimit::max(1 << 20))
        .with_state(Arc::new(receiver))
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signature = headers.get(SIGNATURE_HEADER);
    let signature = signature.map_or(&b""[..], |value| value.as_bytes());
    match receiver.verifier.read(signature, body) {
        Ok(event) if receiver.deliveries.is_new(&event.id) => {
            println!("{}", line(&event));
            StatusCode::NO_CONTENT
        }
        Ok(_) => StatusCode::OK, // a repeated event
        Err(error) => error.status(),
    }
}

fn line(event: &Event) -> String {
    let text = match &event.payload {
        Payload::WorkflowCompleted(done) => {
            format!(
                "workflow {}: {:?}",
                done.workflow.name, done.workflow.status
            )
        }
        Payload::JobCompleted(done) => format!("job {}: {:?}", done.job.name, done.job.status),
        other => format!("{other:?}"),
    };
    // The name of a branch or a job could contain control sequences for the terminal.
    text.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{ "id": "3888f21b", "type": "ping" }"#;

    /// Starts a server on loopback. Returns its URL and its task.
    async fn server() -> (String, tokio::task::JoinHandle<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/circleci", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app("secret")).await.unwrap() });
        (url, task)
    }

    async fn send(url: &str, signature: Option<String>, body: impl Into<String>) -> u16 {
        // reqwest needs a TLS provider. An error means that one is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The server speaks plain HTTP, so the client needs no certificates.
        let http = circleci_api::reqwest::Client::builder()
            .tls_certs_only([])
            .no_proxy()
            .build()
            .unwrap();
        let mut call = http.post(url).body(body.into());
        if let Some(signature) = signature {
            call = call.header(SIGNATURE_HEADER, signature);
        }
        call.send().await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn only_what_circleci_has_signed_is_taken() {
        let (url, task) = server().await;
        let circleci = Verifier::new("secret");
        let signed = circleci.sign(BODY).unwrap();
        let forged = Verifier::new("a guess").sign(BODY).unwrap();
        for (what, signature, body, status) in [
            ("signed", Some(&signed), BODY, 204),
            ("the same again", Some(&signed), BODY, 200),
            ("forged", Some(&forged), BODY, 401),
            ("not signed", None, BODY, 401),
            (
                "another body",
                Some(&signed),
                r#"{ "id": "2", "type": "ping" }"#,
                401,
            ),
            ("no event", Some(&circleci.sign("[]").unwrap()), "[]", 400),
        ] {
            assert_eq!(send(&url, signature.cloned(), body).await, status, "{what}");
        }
        let large = "x".repeat(2 << 20);
        assert_eq!(
            send(&url, Some(circleci.sign(&large).unwrap()), large).await,
            413
        );
        task.abort();
    }
}
