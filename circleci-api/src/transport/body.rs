//! Reads the body of an answer.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use crate::client::Inner;
use crate::error::{Error, ErrorKind};
use crate::retry::clock::Stopwatch;
use crate::transport::wire::{broken, chunk};

/// Reads the part of the body that has already arrived. Most bodies arrive together with the head of the answer, so usually no
/// future has to wait for the body. If the body is not complete yet, `Err` holds the part that has arrived.
pub(super) fn begin(
    client: &Inner,
    response: &mut reqwest::Response,
) -> Result<Result<Bytes, Error>, Box<Body>> {
    let mut body = match Body::new(client.body_limit, response.content_length()) {
        Ok(body) => body,
        Err(error) => return Ok(Err(error)),
    };
    // No waker is needed here, because `rest` polls again with a waker.
    let cx = &mut Context::from_waker(Waker::noop());
    loop {
        let pushed = match pin!(response.chunk()).poll(cx) {
            Poll::Ready(Ok(Some(chunk))) => body.push(chunk),
            Poll::Ready(Ok(None)) => return Ok(Ok(body.finish())),
            Poll::Ready(Err(error)) => Err(broken(client, error, false)),
            Poll::Pending => return Err(Box::new(body)),
        };
        if let Err(error) = pushed {
            return Ok(Err(error));
        }
    }
}

/// The chunks of a body that have arrived so far. If the body is a single chunk, it is not copied.
pub(super) struct Body {
    limit: usize,
    announced: Option<u64>,
    first: Bytes,
    joined: BytesMut,
}

impl Body {
    fn new(limit: usize, announced: Option<u64>) -> Result<Self, Error> {
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        Ok(Self {
            limit,
            announced,
            first: Bytes::new(),
            joined: BytesMut::new(),
        })
    }

    /// Reads the rest of the body. Returns an error if the body is larger than the client's limit.
    pub(super) async fn rest(
        mut self: Box<Self>,
        client: &Inner,
        time: &Stopwatch,
        response: &mut reqwest::Response,
    ) -> Result<Bytes, Error> {
        while let Some(chunk) = chunk(client, time, response).await? {
            self.push(chunk)?;
        }
        Ok(self.finish())
    }

    fn push(&mut self, chunk: Bytes) -> Result<(), Error> {
        let come = self.first.len() + self.joined.len() + chunk.len();
        if come > self.limit {
            return Err(too_large(self.limit));
        }
        if come == chunk.len() {
            self.first = chunk;
            return Ok(());
        }
        if !self.first.is_empty() {
            let expected = match self.announced.map(usize::try_from) {
                // The announced length may be wrong, so no more than 1 MiB is reserved because of it.
                Some(Ok(announced)) => announced.min(1 << 20).max(come),
                _ => 2 * come,
            };
            self.joined.reserve(expected.min(self.limit));
            self.joined
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&chunk);
        Ok(())
    }

    fn finish(self) -> Bytes {
        match self.joined.is_empty() {
            true => self.first,
            false => self.joined.freeze(),
        }
    }
}

#[cold]
fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::TooLarge).with_message(format!("more than {limit} bytes"))
}
