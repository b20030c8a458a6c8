//! The trait for a page, and the trait for an operation that returns pages.

use serde::de::DeserializeOwned;

use crate::request::{Cursor, Kind};

/// One page of a list.
///
#[doc = mock_example!()]
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
    /// The type of the items.
    type Item: Send + 'static;

    /// Returns the items of this page.
    fn items(&self) -> &[Self::Item];

    /// Returns the items of this page by value.
    fn into_items(self) -> Vec<Self::Item>;

    /// Returns the token of the next page. On the last page, the token is `None` or empty.
    fn next_page_token(&self) -> Option<&str>;
}

/// A list without page tokens. Such a list has only one page, or its pages are requested by offset.
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

/// An operation that returns a list in pages.
///
/// [`Request::items`](crate::Request::items) returns a stream of the items, and [`Request::pages`](crate::Request::pages) returns
/// a stream of the pages. A stream sends nothing before it is polled, and stops when it is dropped. Each request for a page
/// contains the operation's filters. A stream continues after an empty page. If a page token is repeated, the stream returns an
/// error. After any error, the stream is finished.
///
/// [`Items`](crate::Items) and [`Pages`](crate::Pages) implement [`Stream`](futures_core::Stream), so you can use them with the
/// `futures` crate. Without the `futures` crate, use `try_next`:
///
#[doc = mock_example!()]
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
    message = "`{Self}` does not return its result in pages",
    note = "`.send()` returns the complete result"
)]
pub trait Paged: Kind<Output: Page<Item: DeserializeOwned> + DeserializeOwned> {
    #[doc(hidden)]
    const CURSOR: Cursor;
}

/// Declares that a type of the document is a page: its struct has `items` and `next_page_token`.
///
/// ```text
/// page! { PipelineList of Pipeline }
/// ```
macro_rules! page {
    ($page:ident of $item:ident) => {
        impl $crate::lists::page::Page for $page {
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

/// Declares that an operation returns a page.
///
/// ```text
/// paged! { ListPipelines: PipelineList by Token "page-token" }
/// paged! { GetDecisionLogs: Vec<DecisionLog> by Offset "offset" }
/// ```
macro_rules! paged {
    ($operation:ident : $page:ident $(<$item:ident>)? by $cursor:ident $parameter:literal) => {
        impl $crate::lists::page::Paged for $operation {
            const CURSOR: $crate::request::Cursor = $crate::request::Cursor::$cursor($parameter);
        }
    };
}

pub(crate) use {page, paged};
