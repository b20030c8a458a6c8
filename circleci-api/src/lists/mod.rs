//! Lists, which CircleCI returns in pages.

pub(crate) mod items;
pub(crate) mod list_page;
pub(crate) mod many;
pub(crate) mod page;
pub(crate) mod pages;
mod seen;
pub(crate) mod tolerant;

use serde::de::DeserializeOwned;

use crate::request::{RawRequest, Request};
use crate::transport::decode;
use items::Items;
use list_page::ListPage;
use page::Paged;
use pages::Pages;
use tolerant::Tolerant;

impl<O: Paged> Request<O> {
    /// Returns a stream of the items on all pages. [`Paged`] has an example.
    pub fn items(self) -> Items<O::Output> {
        Items::new(self.pages())
    }

    /// Returns a stream of the pages. [`Paged`] has an example.
    pub fn pages(self) -> Pages<O::Output> {
        Pages::new(self.into_call(), O::CURSOR, decode::json)
    }

    /// Returns a stream of the items on all pages. An invalid item is returned as an [`ItemError`](crate::ItemError), and the
    /// stream continues. [`Tolerant`] has an example.
    pub fn tolerant_items(self) -> Items<Tolerant<O::Output>> {
        Items::new(self.tolerant_pages())
    }

    /// Returns a stream of the pages. On these pages, an [`ItemError`](crate::ItemError) takes the place of each invalid item.
    /// Read the pages as in the example of [`Pages`].
    pub fn tolerant_pages(self) -> Pages<Tolerant<O::Output>> {
        Pages::new(self.into_call(), O::CURSOR, tolerant::page)
    }
}

impl RawRequest {
    /// Returns a stream of the pages of a list. The type `T` of its items is one of [`types`](crate::types), or your own type.
    /// Each request after the first one contains the page token in the parameter `page-token`, which most lists of API v2 use. If
    /// a list uses another parameter, first call [`pages_by_token`](Self::pages_by_token) or
    /// [`pages_by_offset`](Self::pages_by_offset).
    /// Read the pages as in the example of [`Pages`].
    pub fn pages_as<T: DeserializeOwned + Send + 'static>(self) -> Pages<ListPage<T>> {
        let cursor = self.cursor();
        Pages::new(self.into_call(), cursor, decode::json)
    }

    /// Returns a stream of the items on all pages of a list. `T` is the type of an item. [`RawRequest`] has an example.
    pub fn items_as<T: DeserializeOwned + Send + 'static>(self) -> Items<ListPage<T>> {
        Items::new(self.pages_as())
    }

    /// Returns a stream of the items on all pages of a list. `T` is the type of an item. An invalid item is returned as an
    /// [`ItemError`](crate::ItemError), and the stream continues. [`Tolerant`] has an example.
    pub fn tolerant_items_as<T: DeserializeOwned + Send + 'static>(
        self,
    ) -> Items<Tolerant<ListPage<T>>> {
        let cursor = self.cursor();
        Items::new(Pages::new(self.into_call(), cursor, tolerant::page))
    }
}
