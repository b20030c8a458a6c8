//! Tracks how far a request has come.
//!
//! A request that is handed to a connection at the moment when the connection closes can be lost (hyper, issue 4122): it is never
//! sent, and neither an answer nor an error arrives. On an HTTP/2 connection, a request also waits while the server allows no
//! more streams, and fails if the server then closes the connection. In these cases, the client can send the request again,
//! whatever its method.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// No connection has taken the request.
const WAITING: u8 = 0;
/// A connection has taken the request, but has not asked for its body. The server cannot have the end of the request.
const WITHOUT_BODY: u8 = 1;
/// A connection has taken the whole request.
const TAKEN: u8 = 2;
const WITHDRAWN: u8 = 3;

/// The state of a request. The request and its body share this state.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<AtomicU8>);

impl Taken {
    /// Withdraws the request. Returns `false` if a connection has already taken all of it. In that case, the server may process
    /// it.
    pub(crate) fn withdraw(&self) -> bool {
        let withdrawn = |state| matches!(state, WAITING | WITHOUT_BODY).then_some(WITHDRAWN);
        self.change(withdrawn) || self.get() == WITHDRAWN
    }

    /// Returns true if a connection has taken the request, but not its body. The server cannot have processed it.
    pub(super) fn lacks_body(&self) -> bool {
        self.get() == WITHOUT_BODY
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Changes the state, unless `to` returns `None` for the current state. Returns whether the state has changed.
    fn change(&self, to: impl FnMut(u8) -> Option<u8>) -> bool {
        let changed = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, to);
        changed.is_ok()
    }

    /// Creates the body of the request.
    ///
    /// `None` and empty bytes both mean an empty body. With `None`, an HTTP/2 connection ends the request with its headers. With
    /// empty bytes, it ends the request separately. hyper can report that the server did not process a request although the
    /// request's headers were sent. The separate end shows whether this is true.
    pub(super) fn body(&self, bytes: Option<Bytes>) -> reqwest::Body {
        reqwest::Body::wrap(Watched {
            bytes,
            taken: self.clone(),
        })
    }
}

/// The body of a request. It yields all its bytes at once, or is empty.
///
/// A connection asks whether the body is at its end at the moment when it takes the request, and not before. An HTTP/1.1
/// connection asks for the size immediately afterwards. An HTTP/2 connection asks for the bytes when a stream is open.
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
        let taken = |state| (state != WITHDRAWN).then_some(TAKEN);
        if !self.taken.change(taken) {
            return Poll::Ready(Some(Err(io::Error::other("the request was withdrawn"))));
        }
        let bytes = self.bytes.take().filter(|bytes| !bytes.is_empty());
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        let first = match self.bytes {
            None => TAKEN,
            Some(_) => WITHOUT_BODY,
        };
        self.taken
            .change(|state| (state == WAITING).then_some(first));
        self.bytes.is_none() && self.taken.get() == TAKEN
    }

    fn size_hint(&self) -> SizeHint {
        self.taken
            .change(|state| (state == WITHOUT_BODY).then_some(TAKEN));
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
