//! Whether a connection has taken a request.
//!
//! A request that is handed to a connection at the moment when the connection closes can be lost (hyper, issue 4122): it is
//! never sent, and neither an answer nor an error arrives. A request also waits as long as a server allows no more streams
//! on an HTTP/2 connection. In both cases, the client can withdraw the request and send it again, whatever its method.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// The state of a request. The request shares it with its body.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<AtomicU8>);

impl Taken {
    /// Withdraws the request. Returns `false` if a connection has taken it, so that the server may process it.
    pub(crate) fn withdraw(&self) -> bool {
        self.change(WITHDRAWN)
    }

    /// Returns whether the request has, or gets, the new state.
    fn change(&self, new: u8) -> bool {
        let changed = self
            .0
            .compare_exchange(WAITING, new, Ordering::AcqRel, Ordering::Acquire);
        changed.map_or_else(|state| state == new, |_| true)
    }

    /// The body of the request. A connection asks a body whether it is empty when it takes the request, and not before.
    pub(super) fn body(&self, bytes: Option<Bytes>) -> reqwest::Body {
        reqwest::Body::wrap(Watched {
            bytes,
            taken: self.clone(),
        })
    }
}

/// The body of a request: all bytes at once, or none.
struct Watched {
    bytes: Option<Bytes>,
    taken: Taken,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !self.taken.change(TAKEN) {
            return Poll::Ready(Some(Err(io::Error::other("the request was withdrawn"))));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.taken.change(TAKEN) && self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
