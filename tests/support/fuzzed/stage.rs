//! A server with configurable answers, a client of this server, and the single-threaded runtime that runs both.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use circleci_api::{Client, Clock, RetryPolicy};
use tokio::runtime::{Builder, Runtime};

use crate::server::{Answer, Seen, Server, TOKEN, answer};

/// A clock that skips every wait. It checks that no single wait is longer than the client's retry budget, because a real
/// caller would have to wait that long.
struct Budget;

impl Clock for Budget {
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        assert!(wait <= Duration::from_secs(90), "a wait of {wait:?}");
        Box::pin(std::future::ready(()))
    }
}

type Script = dyn Fn(&Seen) -> Option<Answer> + Send;

pub struct Stage {
    pub client: Client,
    pub server: Server,
    runtime: Runtime,
    script: Arc<Mutex<Box<Script>>>,
}

impl Stage {
    pub fn new() -> Self {
        Self::with_attempts(2)
    }

    /// Starts a stage whose client makes at most this number of attempts.
    pub fn with_attempts(attempts: u32) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(|_| None)));
        let said = Arc::clone(&script);
        let server = runtime.block_on(Server::start_quiet(move |_, seen| {
            let script = said.lock().expect("the script");
            script(seen).unwrap_or_else(|| answer(500, "")).into()
        }));
        let client = Client::builder()
            .host(server.url())
            .token(TOKEN)
            .clock(Budget)
            .retry(RetryPolicy::default().max_attempts(attempts))
            .build()
            .expect("a client");
        Self {
            client,
            server,
            runtime,
            script,
        }
    }

    /// From now on, answers every request with this answer.
    pub fn say(&self, answer: Answer) {
        self.play(move |_| Some(answer.clone()));
    }

    /// From now on, answers each request with the answer that `script` returns, or with the status 500 if it returns `None`.
    pub fn play(&self, script: impl Fn(&Seen) -> Option<Answer> + Send + 'static) {
        *self.script.lock().expect("the script") = Box::new(script);
    }

    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }
}
