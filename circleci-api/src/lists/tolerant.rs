//! Decodes a list item by item, so that an invalid item does not affect the other items.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::error::redact;
use crate::json::read;
use crate::lists::list_page::ListPage;
use crate::lists::page::Page;
use crate::transport::decode;
use crate::transport::reply::Reply;

/// A list in which each item is either decoded or kept as the server sent it.
///
/// `P` is the type that the operation usually returns: a page such as [`types::PipelineList`](crate::types), or a `Vec`.
/// [`Request::tolerant_pages`](crate::Request::tolerant_pages) returns a stream of `Tolerant` pages. For any operation that
/// returns a list, `send_as` can return a `Tolerant`:
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::Mock, operations::ListContexts};
/// # let server = Mock::start().await;
/// # server.on::<ListContexts>().raw(200, r#"{ "items": [
/// #     { "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "name": "build" },
/// #     { "id": 7, "name": "odd" }
/// # ], "next_page_token": null }"#);
/// # let circleci = server.client();
/// use circleci_api::{Tolerant, types};
///
/// let page: Tolerant<types::ContextList> = circleci.list_contexts().owner_slug("gh/acme").send_as().await?;
/// for item in &page.items {
///     match item {
///         Ok(context) => println!("{}", context.name),
///         Err(bad) => eprintln!("passed over: {bad}: {}", bad.json()),
///     }
/// }
/// assert_eq!(page.items.iter().filter(|item| item.is_ok()).count(), 1);
///
/// // The same of all pages:
/// let items = circleci.list_contexts().owner_slug("gh/acme").tolerant_items().into_vec().await?;
/// assert_eq!(items.len(), 2);
/// # Ok(()) }
/// ```
pub struct Tolerant<P: Page> {
    /// The items in order.
    pub items: Vec<Result<P::Item, ItemError>>,
    /// The token of the next page, if there is a next page.
    pub next_page_token: Option<String>,
}

/// The error for an item that does not have the expected form. It contains the item's JSON.
///
/// ```
/// use circleci_api::{Tolerant, serde_json, types::ContextList};
///
/// let json = r#"{ "items": [{ "id": 7, "name": "odd" }] }"#;
/// let page: Tolerant<ContextList> = serde_json::from_str(json)?;
/// assert!(page.items[0].as_ref().is_err_and(|bad| {
///     (bad.index(), bad.path(), bad.json()) == (0, Some("id"), r#"{ "id": 7, "name": "odd" }"#)
/// }));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct ItemError {
    index: usize,
    json: String,
    path: Option<String>,
    source: serde_json::Error,
}

// The item may contain a secret, such as a token that the server sent back. Therefore only `json` returns the item, and `Debug`
// does not show it.
impl fmt::Debug for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemError")
            .field("index", &self.index)
            .field("path", &self.path)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl ItemError {
    /// Returns the position of the item in its page, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the item as the server sent it.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Returns the place in the item that is wrong, such as `trigger.type`, or `None` if the whole item is wrong.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "items[{}]", self.index)?;
        if let Some(path) = &self.path {
            write!(f, ".{path}")?;
        }
        write!(f, ": {}", self.source)
    }
}

impl std::error::Error for ItemError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl<P: Page> Page for Tolerant<P> {
    type Item = Result<P::Item, ItemError>;

    fn items(&self) -> &[Self::Item] {
        &self.items
    }

    fn into_items(self) -> Vec<Self::Item> {
        self.items
    }

    fn next_page_token(&self) -> Option<&str> {
        self.next_page_token.as_deref()
    }
}

impl<P: Page> fmt::Debug for Tolerant<P>
where
    P::Item: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tolerant")
            .field("items", &self.items)
            .field("next_page_token", &self.next_page_token)
            .finish()
    }
}

/// Decodes a page. A valid page is decoded in one pass, and only an invalid page is decoded item by item.
pub(crate) fn page<P>(reply: &mut Reply) -> Result<Tolerant<P>, Error>
where
    P: Page + DeserializeOwned,
    P::Item: DeserializeOwned,
{
    let error = match decode::json::<P>(reply) {
        Ok(page) => {
            let next_page_token = page.next_page_token().map(str::to_owned);
            let items = page.into_items().into_iter().map(Ok).collect();
            return Ok(Tolerant {
                items,
                next_page_token,
            });
        }
        Err(error) => error,
    };
    // If the body is not even a list, this second read fails too. The function then returns the error of the first read.
    read::from_slice(&reply.answer.body).map_err(|_| error)
}

fn item<T: DeserializeOwned>(index: usize, raw: &RawValue) -> Result<T, ItemError> {
    let json = raw.get();
    let read = serde_json::from_str(json)
        .or_else(|error| read::mended(json.as_bytes(), error, &mut Vec::new()));
    read.map_err(|fault| ItemError {
        index,
        json: json.to_owned(),
        path: fault
            .path
            .map(|path| redact::hide_current(&path).into_owned()),
        source: match redact::hide_current(&fault.error.to_string()) {
            Cow::Borrowed(_) => fault.error,
            Cow::Owned(said) => de::Error::custom(said),
        },
    })
}

impl<'de, P> Deserialize<'de> for Tolerant<P>
where
    P: Page,
    P::Item: DeserializeOwned,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = ListPage::<Box<RawValue>>::deserialize(deserializer)?;
        let items = list.items.iter().enumerate();
        Ok(Self {
            items: items.map(|(index, raw)| item(index, raw)).collect(),
            next_page_token: list.next_page_token,
        })
    }
}
