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
    /// The items of all pages. [`Paged`] has an example.
    pub fn items(self) -> Items<O::Output> {
        Items::new(self.pages())
    }

    /// The pages. [`Paged`] has an example.
    pub fn pages(self) -> Pages<O::Output> {
        Pages::new(self.into_call(), O::CURSOR, decode::json)
    }

    /// The items of all pages, with an [`ItemError`](crate::ItemError) instead of an invalid item.
    /// [`Tolerant`] has an example.
    pub fn tolerant_items(self) -> Items<Tolerant<O::Output>> {
        Items::new(self.tolerant_pages())
    }

    /// The pages, with an [`ItemError`](crate::ItemError) instead of an invalid item. Read them as in the example of
    /// [`Pages`].
    pub fn tolerant_pages(self) -> Pages<Tolerant<O::Output>> {
        Pages::new(self.into_call(), O::CURSOR, tolerant::page)
    }
}

impl RawRequest {
    /// The pages of a list of `T`, which is one of [`types`](crate::types) or a type of your own. The token of each page is
    /// sent as `page-token` for the next page, as in every list of API v2. For another list, see
    /// [`pages_by_token`](Self::pages_by_token) and [`pages_by_offset`](Self::pages_by_offset). Read them as in the example of
    /// [`Pages`].
    pub fn pages_as<T: DeserializeOwned + Send + 'static>(self) -> Pages<ListPage<T>> {
        let cursor = self.cursor();
        Pages::new(self.into_call(), cursor, decode::json)
    }

    /// The items of all pages of a list of `T`. [`RawRequest`] has an example.
    pub fn items_as<T: DeserializeOwned + Send + 'static>(self) -> Items<ListPage<T>> {
        Items::new(self.pages_as())
    }

    /// The items of all pages of a list of `T`, with an [`ItemError`](crate::ItemError) instead of an invalid item.
    /// [`Tolerant`] has an example.
    pub fn tolerant_items_as<T: DeserializeOwned + Send + 'static>(
        self,
    ) -> Items<Tolerant<ListPage<T>>> {
        let cursor = self.cursor();
        Items::new(Pages::new(self.into_call(), cursor, tolerant::page))
    }
}
