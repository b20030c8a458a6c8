//! Following a list from page to page.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::argument::QueryValue;
use crate::call::{Call, Sending};
use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::operation::{Kind, Request};
use crate::tolerant::{self, Tolerant};
use crate::transport::Reply;

/// One page of a list.
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// use circleci_api::Page;
///
/// fn last<P: Page>(page: P) -> Option<P::Item> {
///     println!("{} items; the next page is {:?}", page.items().len(), page.next_page_token());
///     page.into_items().pop()
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::{self, Mock}, operations::ListContexts};
/// # let server = Mock::start().await;
/// # let named = |name: &str| mock::item::<ListContexts>(|context| context.name = name.to_owned());
/// # server.on::<ListContexts>().pages([vec![named("build"), named("deploy")], vec![named("sign")]]);
/// # let circleci = server.client();
///
/// let page = circleci.list_contexts().owner_slug("gh/acme").send().await?;
/// # assert!(page.next_page_token().is_some());
/// assert!(last(page).is_some_and(|context| context.name == "deploy"));
/// # Ok(()) }
/// ```
pub trait Page: Send + Sized + 'static {
    /// What the list is of.
    type Item: Send + 'static;

    /// The items of this page.
    fn items(&self) -> &[Self::Item];

    /// The items of this page, by value.
    fn into_items(self) -> Vec<Self::Item>;

    /// Where the next page is; `None` or empty on the last one.
    fn next_page_token(&self) -> Option<&str>;
}

/// A list without tokens: one page, or one that is followed by offset.
impl<T: Send + 'static> Page for Vec<T> {
    type Item = T;

    fn items(&self) -> &[T] {
        self
    }

    fn into_items(self) -> Vec<T> {
        self
    }

    fn next_page_token(&self) -> Option<&str> {
        None
    }
}

/// How the next page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Cursor {
    /// By the token of the last answer, in this query parameter.
    Token(&'static str),
    /// By the number of items so far, in this query parameter.
    Offset(&'static str),
}

impl Cursor {
    fn name(self) -> &'static str {
        match self {
            Self::Token(name) | Self::Offset(name) => name,
        }
    }
}

/// An operation whose answer is a list in pages.
///
/// The streams send nothing before they are polled and stop when they are dropped. Every page is asked for with the
/// operation's own filters. An empty page in the middle is followed, a repeated token is an error, and after an error
/// a stream is finished.
///
/// They implement [`Stream`], for those who use the `futures` crate, and have `try_next` for those who do not:
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::{self, Mock}, operations::ListPipelines};
/// # let server = Mock::start().await;
/// # let pipeline = |number| mock::item::<ListPipelines>(|pipeline| pipeline.number = number);
/// # server.on::<ListPipelines>().query("mine", true).pages([vec![pipeline(3)], vec![], vec![pipeline(2), pipeline(1)]]);
/// # let circleci = server.client();
/// # let mut numbers = Vec::new();
/// let list = circleci.list_pipelines().org_slug("gh/acme").mine(true);
///
/// let mut pipelines = list.clone().items();
/// while let Some(pipeline) = pipelines.try_next().await? {
///     println!("#{}", pipeline.number);
/// #   numbers.push(pipeline.number);
/// }
/// # assert_eq!(numbers, [3, 2, 1]);
///
/// let mut pages = list.pages();
/// let first = pages.try_next().await?;
/// assert!(first.is_some_and(|page| page.items.len() == 1));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer in pages",
    note = "`.send()` gives all there is"
)]
pub trait Paged: Kind<Output: Page<Item: DeserializeOwned> + DeserializeOwned> {
    #[doc(hidden)]
    const CURSOR: Cursor;
}

impl<O: Paged> Request<O> {
    /// The items of all pages. See the example of [`Paged`].
    pub fn items(self) -> Items<O::Output> {
        Items::new(self.pages())
    }

    /// The pages themselves. See the example of [`Paged`].
    pub fn pages(self) -> Pages<O::Output> {
        Pages::new(self.into_call(), O::CURSOR, decode::json)
    }

    /// The items of all pages, a bad one as an [`ItemError`](crate::ItemError) in its place. See the example of [`Tolerant`].
    pub fn tolerant_items(self) -> Items<Tolerant<O::Output>> {
        Items::new(self.tolerant_pages())
    }

    /// The pages, a bad item as an [`ItemError`](crate::ItemError) in its place. They are read as in the example of [`Pages`].
    pub fn tolerant_pages(self) -> Pages<Tolerant<O::Output>> {
        Pages::new(self.into_call(), O::CURSOR, tolerant::page)
    }
}

/// A stream of pages. See [`Paged`].
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
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
#[must_use = "nothing is sent until it is polled"]
pub struct Pages<P> {
    call: Call,
    cursor: Cursor,
    decode: fn(Reply) -> Result<P, Error>,
    /// The token of the page that comes next.
    token: Option<String>,
    /// The token of the page that was handed out last.
    handed_out: Option<String>,
    seen: Seen,
    fetch: Option<Fetch<P>>,
    read_ahead: bool,
    finished: bool,
}

impl<P: Page> Pages<P> {
    fn new(call: Call, cursor: Cursor, decode: fn(Reply) -> Result<P, Error>) -> Self {
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

    /// Starts at a page whose [`continuation`](Self::continuation) was kept, instead of the first one; an empty one is none.
    /// To be called before the first poll.
    pub fn resume_from(mut self, continuation: impl Into<String>) -> Self {
        let token = continuation.into();
        if !token.is_empty() {
            self.seen = Seen::default();
            self.seen.note(&token);
            self.token = Some(token);
        }
        self
    }

    /// Asks for the next page while this one is being worked on. Needs a tokio runtime that is running.
    pub fn read_ahead(mut self) -> Self {
        self.read_ahead = true;
        self
    }

    /// Where to resume: the token of the page that comes next. `None` before the first page, and when it is
    /// [finished](Self::is_finished). After an error it is the token of the page that failed.
    pub fn continuation(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether the last page was handed out, or an error. A list by offset only knows when it is asked for one more.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next page, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// The page could not be had; the stream is then finished.
    pub async fn try_next(&mut self) -> Result<Option<P>, Error> {
        poll_fn(|cx| self.poll(cx)).await.transpose()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<P, Error>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        if self.fetch.is_none() {
            // A token that was already followed leads round and round.
            if self.seen.repeated {
                self.finished = true;
                let error = Error::new(ErrorKind::RepeatedPage)
                    .with_operation(self.call.operation)
                    .with_message("a page leads back to one that was read before");
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
                // An empty list by offset has only now said that it is at its end.
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
        call.send(self.decode)
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

/// A stream of the items of all pages. See [`Paged`].
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
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
#[must_use = "nothing is sent until it is polled"]
pub struct Items<P: Page> {
    pages: Pages<P>,
    current: vec::IntoIter<P::Item>,
}

impl<P: Page> Items<P> {
    fn new(pages: Pages<P>) -> Self {
        Self {
            pages,
            current: Vec::new().into_iter(),
        }
    }

    /// Starts at a page whose [`continuation`](Self::continuation) was kept, instead of the first one.
    /// To be called before the first poll.
    pub fn resume_from(mut self, continuation: impl Into<String>) -> Self {
        self.pages = self.pages.resume_from(continuation);
        self
    }

    /// Asks for the next page while this one is being worked on. Needs a tokio runtime that is running.
    pub fn read_ahead(mut self) -> Self {
        self.pages = self.pages.read_ahead();
        self
    }

    /// Where to resume without skipping an item: the token of the page whose items are not yet all handed out.
    /// `None` on the first page, and when it is [finished](Self::is_finished). Items of that page that were already
    /// handed out come again.
    pub fn continuation(&self) -> Option<&str> {
        if self.current.len() > 0 {
            self.pages.handed_out.as_deref()
        } else {
            self.pages.continuation()
        }
    }

    /// Whether the last item was handed out, or an error.
    pub fn is_finished(&self) -> bool {
        self.current.len() == 0 && self.pages.is_finished()
    }

    /// The next item, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// A page could not be had; the stream is then finished.
    pub async fn try_next(&mut self) -> Result<Option<P::Item>, Error> {
        poll_fn(|cx| self.poll(cx)).await.transpose()
    }

    /// All items, of as many pages as there are.
    ///
    /// # Errors
    ///
    /// A page could not be had; the items before it are lost, which [`try_next`](Self::try_next) hands out.
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

// Nothing in them is pinned but boxes.
impl<P> Unpin for Pages<P> {}
impl<P: Page> Unpin for Items<P> {}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("call", &self.call)
            .field("continuation", &self.token)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

impl<P: Page> fmt::Debug for Items<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .field("left_of_page", &self.current.len())
            .finish_non_exhaustive()
    }
}

/// A page on its way.
enum Fetch<P> {
    Inline(Sending<P>),
    /// On the runtime, so that it makes way while the stream is not polled.
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
        // A task would outlive the stream that wanted it.
        if let Self::Ahead(task) = self {
            task.abort();
        }
    }
}

/// The tokens that were followed, in bounded memory: the latest ones by hash, and of the older ones a marker that
/// jumps ahead in powers of two and so catches a loop of any length (Brent).
#[derive(Default)]
struct Seen {
    latest: VecDeque<u64>,
    marker: u64,
    steps: u64,
    repeated: bool,
}

impl Seen {
    const LATEST: usize = 256;

    fn note(&mut self, token: &str) {
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        let hash = hasher.finish();
        self.repeated |= self.latest.contains(&hash) || (self.steps > 0 && self.marker == hash);
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.marker = hash;
        }
        if self.latest.len() == Self::LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(hash);
    }
}

/// Says that a type of the document is a page: its struct has `items` and `next_page_token`.
///
/// ```text
/// page! { PipelineList of Pipeline }
/// ```
macro_rules! page {
    ($page:ident of $item:ident) => {
        impl $crate::paging::Page for $page {
            type Item = $item;

            fn items(&self) -> &[$item] {
                &self.items
            }

            fn into_items(self) -> ::std::vec::Vec<$item> {
                self.items
            }

            fn next_page_token(&self) -> Option<&str> {
                self.next_page_token.as_deref()
            }
        }
    };
}

/// Says that an operation answers with a page.
///
/// ```text
/// paged! { ListPipelines: PipelineList by Token "page-token" }
/// paged! { GetDecisionLogs: Vec<DecisionLog> by Offset "offset" }
/// ```
macro_rules! paged {
    ($operation:ident : $page:ident $(<$item:ident>)? by $cursor:ident $parameter:literal) => {
        impl $crate::paging::Paged for $operation {
            const CURSOR: $crate::paging::Cursor = $crate::paging::Cursor::$cursor($parameter);
        }
    };
}

pub(crate) use {page, paged};

#[cfg(test)]
mod tests {
    use super::Seen;

    fn repeats_at(tokens: impl IntoIterator<Item = usize>) -> Option<usize> {
        let mut seen = Seen::default();
        tokens.into_iter().position(|token| {
            seen.note(&token.to_string());
            seen.repeated
        })
    }

    #[test]
    fn a_loop_is_found_however_long() {
        assert_eq!(repeats_at(0..10_000), None);
        assert_eq!(repeats_at([0, 0]), Some(1));
        assert_eq!(repeats_at([0, 1, 0]), Some(2));
        assert_eq!(repeats_at((0..200).chain(100..200)), Some(200));
        let long = repeats_at((0..1000).cycle().take(10_000));
        assert!(long.is_some_and(|at| at < 4_000), "{long:?}");
    }
}
