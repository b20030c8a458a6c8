//! Detects expired URLs of parts, and brings new URLs into the order of the old ones.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind};

/// Checks whether the error means that a signed URL has expired.
pub(super) fn is_expired(error: &Error) -> bool {
    let said = error.message().unwrap_or_default();
    error.is_unauthorized()
        || error.is_forbidden()
        || (error.kind() == ErrorKind::Status && said.starts_with("ExpiredToken"))
}

/// Brings the new URLs into the order of the old ones. The URLs are matched by their paths. If the paths are not unique,
/// or differ from the old paths, the new URLs are returned unchanged. Returns `None` if the number of parts has changed.
pub(super) fn in_the_same_order(old: &[String], new: Vec<String>) -> Option<Vec<String>> {
    let path = |url: &str| url.split(['?', '#']).next().unwrap_or_default().to_owned();
    if old.len() != new.len() {
        return None;
    }
    let mut by_path: BTreeMap<String, String> =
        new.iter().map(|url| (path(url), url.clone())).collect();
    if by_path.len() == new.len() && old.iter().all(|url| by_path.contains_key(&path(url))) {
        return old.iter().map(|url| by_path.remove(&path(url))).collect();
    }
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_urls_stand_where_the_old_ones_stood() {
        let urls = |urls: &[&str]| urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>();
        let old = urls(&["https://s/a?x=1", "https://s/b?x=1"]);
        for (new, expected) in [
            (
                ["https://s/b?x=2", "https://s/a?x=2"],
                ["https://s/a?x=2", "https://s/b?x=2"],
            ),
            (
                ["https://t/c", "https://t/d"],
                ["https://t/c", "https://t/d"],
            ),
        ] {
            assert_eq!(in_the_same_order(&old, urls(&new)), Some(urls(&expected)));
        }
        // All parts have the same path, so only their order is known.
        let old = urls(&["https://s/p?n=1&x=1", "https://s/p?n=2&x=1"]);
        let new = urls(&["https://s/p?n=1&x=2", "https://s/p?n=2&x=2"]);
        assert_eq!(in_the_same_order(&old, new.clone()), Some(new.clone()));
        assert_eq!(in_the_same_order(&old, urls(&["https://s/p?n=1"])), None);
    }
}
