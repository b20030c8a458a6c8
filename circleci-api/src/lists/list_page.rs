//! Lists that the crate has no type for.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny};

use crate::lists::items::Items;
use crate::lists::page::Page;
use crate::lists::pages::Pages;
use crate::lists::tolerant::{self, Tolerant};
use crate::request::RawRequest;
use crate::transport::decode;

/// A page of a list that this crate has no type for: an object with `items` and, except on the last page,
/// `next_page_token`. A bare array is accepted as the only page. See [`RawRequest::pages_as`].
///
/// ```
/// use circleci_api::{ListPage, serde_json};
///
/// let page: ListPage<String> = serde_json::from_str(r#"{ "items": ["a", "b"], "next_page_token": "t" }"#)?;
/// assert_eq!((page.items.len(), page.next_page_token.as_deref()), (2, Some("t")));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListPage<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The token of the next page; `None` or empty on the last page.
    pub next_page_token: Option<String>,
}

impl<T: Send + 'static> Page for ListPage<T> {
    type Item = T;

    fn items(&self) -> &[T] {
        &self.items
    }

    fn into_items(self) -> Vec<T> {
        self.items
    }

    fn next_page_token(&self) -> Option<&str> {
        self.next_page_token.as_deref()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ListPage<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyList(PhantomData))
    }
}

struct AnyList<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for AnyList<T> {
    type Value = ListPage<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or an object with `items`")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<ListPage<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(ListPage {
            items,
            next_page_token: None,
        })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut page: A) -> Result<ListPage<T>, A::Error> {
        let mut items: Option<Option<Vec<T>>> = None;
        let mut next_page_token = None;
        while let Some(key) = page.next_key::<String>()? {
            match key.as_str() {
                "items" => items = Some(page.next_value()?),
                "next_page_token" | "next-page-token" => next_page_token = page.next_value()?,
                _ => {
                    page.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(ListPage {
            items: items
                .ok_or_else(|| de::Error::missing_field("items"))?
                .unwrap_or_default(),
            next_page_token,
        })
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
