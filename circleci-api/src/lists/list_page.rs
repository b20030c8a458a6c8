//! Lists that the crate has no type for.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny};

use crate::lists::page::Page;

/// A page of a list that this crate has no type for. The JSON of a page is an object with `items` and, except on the last page,
/// `next_page_token`. An array is also accepted, as a list with only one page. See
/// [`RawRequest::pages_as`](crate::RawRequest::pages_as).
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
    /// The token of the next page. On the last page, the token is `None` or empty.
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
