//! A stream of the pages of a list.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind};
use crate::lists::page::Page;
use crate::lists::seen::Seen;
use crate::request::{Cursor, Sending};
use crate::transport::call::Call;
use crate::transport::reply::Reply;
use crate::values::argument::QueryValue;

/// A stream of the pages of a list. See [`Paged`](crate::Paged).
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::{self, Mock}, operations::ListPipelines};
/// # let server = Mock::start().await;
/// # let pipeline = |number| mock::item::<ListPipelines>(|pipeline| pipeline.number = number);
/// # server.on::<ListPipelines>().pages([[pipeline(3)], [pipeline(2)], [pipeline(1)]]);
/// # let circleci = server.client();
/// let list = circleci.list_pipelines().org_slug("gh/acme");
///
/// let mut pages = list.clone().pages();
/// let newest = pages.try_next().await?;
/// let kept = pages.continuation().unwrap_or_default().to_owned(); // for the next run of this program
///
/// let mut pages = list.pages().resume_from(kept).read_ahead();
/// while let Some(page) = pages.try_next().await? {
///     println!("{} more, {}", page.items.len(), if pages.is_finished() { "the last" } else { "and counting" });
/// }
/// # assert_eq!(newest.unwrap().items[0].number, 3);
/// # server.assert_count::<ListPipelines>(3);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until the stream is polled"]
pub struct Pages<P> {
    call: Call,
    cursor: Cursor,
    decode: fn(&mut Reply) -> Result<P, Error>,
    /// The token of the next page.
    token: Option<String>,
    /// The token of the page that was returned last.
    pub(super) handed_out: Option<String>,
    seen: Seen,
    fetch: Option<Fetch<P>>,
    read_ahead: bool,
    finished: bool,
}

impl<P: Page> Pages<P> {
    pub(super) fn new(
        call: Call,
        cursor: Cursor,
        decode: fn(&mut Reply) -> Result<P, Error>,
    ) -> Self {
        let token = call.query(cursor.name()).map(str::to_owned);
        let mut seen = Seen::default();
        if let Some(token) = &token {
            seen.note(token);
        }
        Self {
            call,
            cursor,
            decode,
            token,
            handed_out: None,
            seen,
            fetch: None,
            read_ahead: false,
            finished: false,
        }
    }

    /// Makes the stream start at the page that a saved [`continuation`](Self::continuation) names, instead of at the first page.
    /// An empty token is ignored. Call this method before the first poll.
    pub fn resume_from(mut self, continuation: impl Into<String>) -> Self {
        let token = continuation.into();
        if !token.is_empty() {
            self.seen = Seen::default();
            self.seen.note(&token);
            self.token = Some(token);
        }
        self
    }

    /// Requests the next page while the current page is being processed. Requires a running tokio runtime.
    pub fn read_ahead(mut self) -> Self {
        self.read_ahead = true;
        self
    }

    /// Returns the token from which to resume, which is the token of the next page. Returns `None` before the first page and
    /// after the last page. After an error, returns the token of the page that could not be read.
    pub fn continuation(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Returns `true` after the stream has returned its last page or an error. If the pages are requested by offset, the stream
    /// recognizes its end only after it has requested one more page.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns the next page, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// Returns an error if the page could not be read. The stream is then finished.
    pub async fn try_next(&mut self) -> Result<Option<P>, Error> {
        poll_fn(|cx| self.poll(cx)).await.transpose()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<P, Error>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        if self.fetch.is_none() {
            // A token that was already used would lead to an endless loop.
            if self.seen.repeated {
                self.finished = true;
                let error = Error::new(ErrorKind::RepeatedPage)
                    .with_operation(&self.call.operation)
                    .with_message("the next page token was already used, so the list would repeat an earlier page");
                return Poll::Ready(Some(Err(error)));
            }
            self.fetch = Some(Fetch::Inline(self.request()));
        }
        let Some(fetch) = &mut self.fetch else {
            return Poll::Ready(None);
        };
        let result = ready!(fetch.poll(cx));
        self.fetch = None;
        let page = match result {
            Ok(page) => page,
            Err(error) => {
                self.finished = true;
                return Poll::Ready(Some(Err(error)));
            }
        };
        let next = self.next_after(&page);
        self.handed_out = std::mem::replace(&mut self.token, next);
        match &self.token {
            Some(token) => {
                self.seen.note(token);
                if self.read_ahead && !self.seen.repeated {
                    self.fetch = Some(Fetch::ahead(self.request()));
                }
            }
            None => {
                self.finished = true;
                // A list that is read by offset ends with an empty page, which is not returned.
                if matches!(self.cursor, Cursor::Offset(_)) {
                    return Poll::Ready(None);
                }
            }
        }
        Poll::Ready(Some(Ok(page)))
    }

    fn request(&self) -> Sending<P> {
        let mut call = self.call.clone();
        if let Some(token) = &self.token {
            call.set_query(self.cursor.name(), QueryValue::from(token.as_str()));
        }
        Sending::new(call, self.decode)
    }

    fn next_after(&self, page: &P) -> Option<String> {
        match self.cursor {
            Cursor::Token(_) => page
                .next_page_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned),
            Cursor::Offset(_) => {
                let read = page.items().len() as u64;
                let offset: u64 = self
                    .token
                    .as_deref()
                    .and_then(|offset| offset.parse().ok())
                    .unwrap_or(0);
                (read > 0).then(|| offset.saturating_add(read).to_string())
            }
        }
    }
}

impl<P: Page> Stream for Pages<P> {
    type Item = Result<P, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

// The only pinned fields are boxes, which may move.
impl<P> Unpin for Pages<P> {}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("call", &self.call)
            .field("continuation", &self.token)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

/// A page that is being read.
enum Fetch<P> {
    Inline(Sending<P>),
    /// A task on the runtime, which makes progress even while the stream is not polled.
    Ahead(JoinHandle<Result<P, Error>>),
}

impl<P: Send + 'static> Fetch<P> {
    fn ahead(sending: Sending<P>) -> Self {
        match Handle::try_current() {
            Ok(runtime) => Self::Ahead(runtime.spawn(sending)),
            Err(_) => Self::Inline(sending),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<P, Error>> {
        match self {
            Self::Inline(sending) => Pin::new(sending).poll(cx),
            Self::Ahead(task) => Poll::Ready(match ready!(Pin::new(task).poll(cx)) {
                Ok(result) => result,
                Err(gone) => match gone.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is shutting down.
                    Err(gone) => Err(Error::new(ErrorKind::Transport).with_source(gone)),
                },
            }),
        }
    }
}

impl<P> Drop for Fetch<P> {
    fn drop(&mut self) {
        // If the task were not aborted, it would outlive its stream.
        if let Self::Ahead(task) = self {
            task.abort();
        }
    }
}
