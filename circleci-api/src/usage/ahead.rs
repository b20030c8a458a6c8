//! Reads the parts of all exports, several at a time, in order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::desk::Desk;
use super::exports::{Exports, Finished};
use super::orders::EXPORT;
use super::renewal;
use crate::download::flow::{Flow, Next};
use crate::download::transfer::Transfer;
use crate::error::Error;
use crate::lists::many::{AT_ONCE, Many};

/// The number of bytes of a part that are read before its turn.
const BYTES_AHEAD: usize = 1 << 20;

pub(super) type Parts = Many<'static, Result<Part, Error>>;

/// The parts, in order. At most 8 are open at the same time, and at most 18 are started, each with at most a little more
/// than [`BYTES_AHEAD`] bytes.
pub(super) fn parts(desk: Desk, exports: Exports) -> Parts {
    let places = Places {
        exports: Flow::Idle(exports),
        current: None,
    };
    let open = Arc::new(Semaphore::new(AT_ONCE));
    let read = move |place: Result<Place, Error>| {
        let (desk, open) = (desk.clone(), Arc::clone(&open));
        async move {
            let place = place?;
            // It is never closed. Permits are given in the order of the parts, so the current part has one.
            let permit = open.acquire_owned().await.ok();
            Part::begin(&desk, place, permit).await
        }
    };
    // One more than may be open, so that the next export is requested while the parts of the current one are read.
    Many::of(places, read).at_once(AT_ONCE + 1)
}

/// The position of a part.
struct Place {
    export: Arc<Finished>,
    index: usize,
}

/// The positions of the parts of each export.
struct Places {
    exports: Flow<Exports>,
    current: Option<Place>,
}

impl Stream for Places {
    type Item = Result<Place, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(next) = &mut self.current
                && next.index < next.export.parts
            {
                next.index += 1;
                let (export, index) = (Arc::clone(&next.export), next.index - 1);
                return Poll::Ready(Some(Ok(Place { export, index })));
            }
            match ready!(self.exports.poll(cx)) {
                Some(Ok(export)) => {
                    self.current = Some(Place {
                        export: Arc::new(export),
                        index: 0,
                    });
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// A part that is being read.
pub(super) struct Part {
    place: Place,
    /// How often the URLs had been renewed when this part got its URL.
    renewed: usize,
    transfer: Transfer,
    /// The beginning, read before its turn, and the error that ended it.
    received: VecDeque<Bytes>,
    failure: Option<Error>,
    /// The number of bytes that were received when new URLs were last requested for this part.
    expired: Option<u64>,
    /// Held until the part was received.
    open: Option<OwnedSemaphorePermit>,
}

impl Part {
    async fn begin(
        desk: &Desk,
        place: Place,
        open: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, Error> {
        let urls = place.export.urls();
        let url = urls.urls.get(place.index).map_or("", String::as_str);
        let (client, limit) = (&desk.order.client, desk.order.max_bytes);
        let mut part = Self {
            transfer: Transfer::new(client, &EXPORT, url, None, limit)?,
            renewed: urls.renewed,
            place,
            received: VecDeque::new(),
            failure: None,
            expired: None,
            open,
        };
        let mut bytes = 0;
        while bytes < BYTES_AHEAD {
            match part.transfer.next().await {
                Ok(Some(piece)) => {
                    bytes += piece.len();
                    part.received.push_back(piece);
                }
                Ok(None) => {
                    part.open = None;
                    break;
                }
                // It counts when the turn of this part comes.
                Err(error) => {
                    part.failure = Some(error);
                    break;
                }
            }
        }
        Ok(part)
    }

    /// The next bytes. If the URLs have expired, requests new ones.
    pub(super) async fn next(&mut self, desk: &Desk) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(piece) = self.received.pop_front() {
                return Ok(Some(piece));
            }
            let next = match self.failure.take() {
                Some(failure) => Err(failure),
                None => self.transfer.next().await,
            };
            match next {
                Err(error) if renewal::is_expired(&error) => self.renew(desk, error).await?,
                Ok(None) => {
                    self.open = None;
                    return Ok(None);
                }
                next => return next,
            }
        }
    }

    /// Moves to a new URL. Requests new URLs only if another part has not done so. Returns `error` if the new URL was
    /// refused at the same place.
    async fn renew(&mut self, desk: &Desk, error: Error) -> Result<(), Error> {
        let export = &self.place.export;
        let mut urls = export.urls();
        if urls.renewed == self.renewed {
            let here = Some(self.transfer.received());
            if self.expired == here {
                return Err(error);
            }
            self.expired = here;
            let new = desk.look(export.job).await?.download_urls;
            let Some(new) = renewal::in_the_same_order(&urls.urls, new) else {
                return Err(error);
            };
            urls = export.renew(new);
        }
        self.renewed = urls.renewed;
        match urls.urls.get(self.place.index) {
            Some(url) => self.transfer.move_to(url),
            None => Err(error),
        }
    }
}
