//! Tracks how far a request has come.
//!
//! A request that is handed to a connection at the moment when the connection closes can be lost (hyper, issue 4122): it is never
//! sent, and neither an answer nor an error arrives. On an HTTP/2 connection, a request also waits while the server allows no
//! more streams, and fails if the server then closes the connection. In these cases, the client can withdraw the request and send
//! it again, whatever its method. A request without a body cannot be withdrawn after a connection has taken it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// No connection has taken the request.
const WAITING: u8 = 0;
/// A connection has taken the headers, but not the body, which is not empty. The server cannot process the request.
const WITHOUT_BODY: u8 = 1;
/// A connection has taken the request. The server may process it.
const TAKEN: u8 = 2;
const WITHDRAWN: u8 = 3;

/// The state of a request. The request and its body share this state.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<AtomicU8>);

impl Taken {
    /// Withdraws the request: no connection can send all of it any more. Returns `false` if a connection has already taken all of
    /// it. In that case, the server may process it.
    pub(super) fn withdraw(&self) -> bool {
        let withdrawn = |state| (state != TAKEN).then_some(WITHDRAWN);
        self.change(withdrawn)
    }

    /// Changes the state, unless `to` returns `None` for the current state. Returns whether `to` returned a new state.
    fn change(&self, to: impl Fn(u8) -> Option<u8>) -> bool {
        let mut state = self.0.load(Ordering::Acquire);
        loop {
            match to(state) {
                None => return false,
                Some(next) if next == state => return true,
                Some(next) => {
                    let (new, old) = (Ordering::AcqRel, Ordering::Acquire);
                    match self.0.compare_exchange_weak(state, next, new, old) {
                        Ok(_) => return true,
                        Err(now) => state = now,
                    }
                }
            }
        }
    }

    /// Creates the body of the request.
    ///
    /// `None` and empty bytes both mean an empty body. On an HTTP/2 connection, `None` ends the request with its headers, and
    /// empty bytes end it separately. hyper sometimes reports that the server did not process a request when the headers are
    /// already on their way. Most servers do not process a request before its separate end arrives.
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
        // Some servers act on the headers of a request whose body is empty.
        let next = match self.bytes.as_deref() {
            None | Some([]) => TAKEN,
            Some(_) => WITHOUT_BODY,
        };
        let taken = |state| match state {
            WAITING => Some(next),
            WITHDRAWN => None,
            same => Some(same),
        };
        self.taken.change(taken) && self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        if length > 0 {
            self.taken
                .change(|state| (state == WITHOUT_BODY).then_some(TAKEN));
        }
        SizeHint::with_exact(length as u64)
    }
}
