//! Tracks whether a connection has taken a request.
//!
//! A request that is handed to a connection at the moment when the connection closes can be lost (hyper, issue 4122): it is never
//! sent, and neither an answer nor an error arrives. On an HTTP/2 connection, a request also waits while the server allows no
//! more streams. In both cases, the client can withdraw the request and send it again, whatever its method.

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

/// The state of a request: waiting, taken by a connection, or withdrawn. The request and its body share this state.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<AtomicU8>);

impl Taken {
    /// Withdraws the request. Returns `false` if a connection has already taken the request. In that case, the server may process
    /// it.
    pub(crate) fn withdraw(&self) -> bool {
        self.change(WITHDRAWN)
    }

    /// Changes the state from waiting to `new`. Returns true if the state is then `new`, even if it was `new` before.
    fn change(&self, new: u8) -> bool {
        let changed = self
            .0
            .compare_exchange(WAITING, new, Ordering::AcqRel, Ordering::Acquire);
        changed.map_or_else(|state| state == new, |_| true)
    }

    /// Creates the body of the request. A connection asks the body whether it is empty at the moment when it takes the request,
    /// and not before.
    pub(super) fn body(&self, bytes: Option<Bytes>) -> reqwest::Body {
        reqwest::Body::wrap(Watched {
            bytes,
            taken: self.clone(),
        })
    }
}

/// The body of a request. It yields all its bytes at once, or is empty.
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
