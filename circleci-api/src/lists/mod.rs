//! Lists, which CircleCI returns in pages.

pub(crate) mod items;
pub(crate) mod list_page;
pub(crate) mod many;
pub(crate) mod page;
pub(crate) mod pages;
mod seen;
pub(crate) mod tolerant;

use crate::request::Request;
use crate::transport::decode;
use items::Items;
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
