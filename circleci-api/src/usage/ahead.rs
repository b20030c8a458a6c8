//! Reads the parts of all exports. Several parts are read at the same time, and they are returned in order.

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

/// The number of bytes that are read from a part before the turn of that part.
const BYTES_AHEAD: usize = 1 << 20;

pub(super) type Parts = Many<'static, Result<Part, Error>>;

/// Returns the parts in order. At most 8 parts are open at the same time. At most 18 parts are started before their turn,
/// and each of them keeps at most a little more than [`BYTES_AHEAD`] bytes.
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
            // The semaphore is never closed, so `acquire_owned` never fails. Permits are given in the order of the parts,
            // so the current part always gets a permit.
            let permit = open.acquire_owned().await.ok();
            Part::begin(&desk, place, permit).await
        }
    };
    // One more part is started than may be open, so that the next export is requested while the parts of the current one
    // are read.
    Many::of(places, read).at_once(AT_ONCE + 1)
}

/// The position of a part: its export, and its index in that export.
struct Place {
    export: Arc<Finished>,
    index: usize,
}

/// A stream of the positions of all parts, export by export.
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
    /// How many times the URLs had been renewed when this part got its URL.
    renewed: usize,
    transfer: Transfer,
    /// The bytes that were read before the turn of this part.
    received: VecDeque<Bytes>,
    /// The error that ended the reading before the turn of this part.
    failure: Option<Error>,
    /// The number of bytes that this part had received when it last requested new URLs.
    expired: Option<u64>,
    /// The permit that allows the part to be open. The part keeps the permit until all its bytes are received.
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
                // The error is handled only when the turn of this part comes.
                Err(error) => {
                    part.failure = Some(error);
                    break;
                }
            }
        }
        Ok(part)
    }

    /// Returns the next bytes, or `None` at the end of the part. If the URL of the part has expired, continues with a new
    /// URL.
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

    /// Continues with a new URL. Requests new URLs, unless another part has already done so. Returns `error` if the part
    /// has already requested new URLs at the same position.
    async fn renew(&mut self, desk: &Desk, error: Error) -> Result<(), Error> {
        let export = &self.place.export;
        let mut urls = export.urls();
        if urls.renewed == self.renewed {
            let here = Some(self.transfer.received());
            if self.expired == here {
                return Err(error);
            }
            self.expired = here;
            let new = desk.look_patiently(export.job).await?.download_urls;
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
