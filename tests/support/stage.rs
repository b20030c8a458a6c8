//! A client, and a server whose answer the test chooses.

use std::sync::{Arc, Mutex};

use circleci_api::Client;

use crate::server::{Server, answer};

pub struct Stage {
    pub server: Server,
    pub client: Client,
    next: Arc<Mutex<(u16, Vec<u8>)>>,
}

impl Stage {
    pub async fn new() -> Self {
        let next = Arc::new(Mutex::new((500, Vec::new())));
        let said = next.clone();
        let server = Server::start(move |_, _| {
            let (status, body) = said.lock().unwrap().clone();
            answer(status, body).into()
        })
        .await;
        let client = server.client();
        Self {
            server,
            client,
            next,
        }
    }

    /// Sets the answer to every request from now on.
    pub fn say(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.next.lock().unwrap() = (status, body.into());
    }
}
