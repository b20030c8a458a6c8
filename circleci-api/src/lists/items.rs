//! A stream of the items on all pages of a list.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::Stream;

use crate::error::Error;
use crate::lists::page::Page;
use crate::lists::pages::Pages;

/// A stream of the items on all pages of a list. See [`Paged`](crate::Paged).
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::{self, Mock}, operations::ListPipelines};
/// # let server = Mock::start().await;
/// # let pipeline = |number| mock::item::<ListPipelines>(|pipeline| pipeline.number = number);
/// # server.on::<ListPipelines>().pages([[pipeline(4), pipeline(3)], [pipeline(2), pipeline(1)]]);
/// # let circleci = server.client();
/// let list = circleci.list_pipelines().org_slug("gh/acme");
///
/// let mut some = list.clone().items();
/// for _ in 0..3 {
///     println!("{:?}", some.try_next().await?);
/// }
/// assert!(!some.is_finished());
/// let kept = some.continuation().unwrap_or_default().to_owned(); // the page that is not done with
///
/// let rest = list.items().resume_from(kept).read_ahead().into_vec().await?;
/// assert_eq!(rest.len(), 2); // of which the first was seen before
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until the stream is polled"]
pub struct Items<P: Page> {
    pages: Pages<P>,
    current: vec::IntoIter<P::Item>,
}

impl<P: Page> Items<P> {
    pub(super) fn new(pages: Pages<P>) -> Self {
        Self {
            pages,
            current: Vec::new().into_iter(),
        }
    }

    /// Makes the stream start at the page that a saved [`continuation`](Self::continuation) names, instead of at the first page.
    /// Call this method before the first poll.
    pub fn resume_from(mut self, continuation: impl Into<String>) -> Self {
        self.pages = self.pages.resume_from(continuation);
        self
    }

    /// Requests the next page while the current page is being processed. Requires a running tokio runtime.
    pub fn read_ahead(mut self) -> Self {
        self.pages = self.pages.read_ahead();
        self
    }

    /// Returns the token from which to resume without skipping an item: the token of the first page that still has items to
    /// return. Returns `None` on the first page, and when the stream is [finished](Self::is_finished). A resumed stream begins
    /// with the first item of the page that the token names, so some items may come a second time.
    pub fn continuation(&self) -> Option<&str> {
        if self.current.len() > 0 {
            self.pages.handed_out.as_deref()
        } else {
            self.pages.continuation()
        }
    }

    /// Returns `true` after the stream has returned its last item or an error.
    pub fn is_finished(&self) -> bool {
        self.current.len() == 0 && self.pages.is_finished()
    }

    /// Returns the next item, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// Returns an error if a page could not be read. The stream is then finished.
    pub async fn try_next(&mut self) -> Result<Option<P::Item>, Error> {
        poll_fn(|cx| self.poll(cx)).await.transpose()
    }

    /// Reads all items of all pages.
    ///
    /// # Errors
    ///
    /// Returns an error if a page could not be read. The items that were already read are then lost. To keep these
    /// items, use [`try_next`](Self::try_next).
    pub async fn into_vec(mut self) -> Result<Vec<P::Item>, Error> {
        let mut items = Vec::new();
        while let Some(item) = self.try_next().await? {
            items.push(item);
        }
        Ok(items)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<P::Item, Error>>> {
        loop {
            if let Some(item) = self.current.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.pages.poll(cx)) {
                Some(Ok(page)) => self.current = page.into_items().into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<P: Page> Stream for Items<P> {
    type Item = Result<P::Item, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.current.len(), None)
    }
}

// The only pinned fields are boxes, which may move.
impl<P: Page> Unpin for Items<P> {}

impl<P: Page> fmt::Debug for Items<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .field("left_of_page", &self.current.len())
            .finish_non_exhaustive()
    }
}
