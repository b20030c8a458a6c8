//! Lists, which CircleCI answers page by page.

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
