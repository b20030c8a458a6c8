//! Checks the links in the docs that rustdoc wrote. Every link must lead to a file and, if it names an anchor, to an anchor in
//! that file. A link to this crate's pages on docs.rs must lead to a page that the local docs have, because docs.rs builds the
//! same pages.
//!
//! Two kinds of links are not checked: links to other sites, and links such as `futures_core::Stream`, which lead to the docs of
//! another crate. `cargo doc --no-deps` does not build those docs. rustdoc itself reports a name that does not exist.

use anyhow::{Context, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Component, Path, PathBuf},
};

/// The URL under which docs.rs shows the crate.
const DOCS_RS: &str = "https://docs.rs/circleci-api/";

/// The beginning of a link that rustdoc copies from the docs of `tracing` to the pages of our types. Such a link is not checked.
const FOREIGN: &str = "dispatcher#";

/// The exit code if the command works but finds a broken link.
const BROKEN: u8 = 4;

/// Prints each broken link in the pages of the crate `krate`, which are below `docs`. Returns the exit code.
pub fn run(docs: &Path, krate: &str, out: &mut dyn io::Write) -> Result<u8> {
    let mut pages = Vec::new();
    html(&docs.join(krate), &mut pages)?;
    if pages.is_empty() {
        bail!(
            "no pages of {krate} in {}; run `cargo doc` first",
            docs.display()
        );
    }
    let mut known = Known::default();
    let (mut links, mut broken) = (0_usize, 0_usize);
    for page in &pages {
        let text = read(page)?;
        for link in attributes(&text, "href") {
            links += 1;
            if let Some(why) = known.broken(docs, page, &link)? {
                broken += 1;
                let page = page.strip_prefix(docs).unwrap_or(page);
                writeln!(out, "{}: {link}: {why}", page.display())?;
            }
        }
    }
    writeln!(out, "{} pages, {links} links, {broken} broken", pages.len())?;
    Ok(if broken > 0 { BROKEN } else { 0 })
}

/// The anchors of each page that was read, by the path of the page. The value is `None` if the page does not exist.
#[derive(Default)]
struct Known(BTreeMap<PathBuf, Option<BTreeSet<String>>>);

impl Known {
    /// Returns the reason why a link is broken. Returns `None` if the link works or is not checked.
    fn broken(&mut self, docs: &Path, page: &Path, link: &str) -> Result<Option<&'static str>> {
        let (path, place) = link.split_once('#').unwrap_or((link, ""));
        let target = if let Some(rest) = path.strip_prefix(DOCS_RS) {
            // The part of `rest` before the first `/` is the crate's version.
            match rest.split_once('/') {
                Some((_, rest)) if !rest.is_empty() => docs.join(rest),
                _ => return Ok(None),
            }
        } else if path.contains("://") || path.contains("::") || link.starts_with(FOREIGN) {
            return Ok(None);
        } else if path.is_empty() {
            page.to_owned()
        } else {
            page.parent().unwrap_or(docs).join(path)
        };
        let mut target = flat(&target);
        if path.ends_with('/') {
            target.push("index.html");
        }
        if !self.0.contains_key(&target) {
            let places = match target.is_file() {
                false => None,
                // The anchors in a page of source code are line numbers, which a script creates.
                true if target.starts_with(docs.join("src")) => Some(BTreeSet::new()),
                true if target.extension().is_some_and(|it| it == "html") => {
                    Some(attributes(&read(&target)?, "id").into_iter().collect())
                }
                true => Some(BTreeSet::new()),
            };
            self.0.insert(target.clone(), places);
        }
        Ok(match self.0.get(&target) {
            None | Some(None) => Some("no such page"),
            _ if place.is_empty() || target.starts_with(docs.join("src")) => None,
            // Like a browser, accepts an anchor as it is written, and otherwise decodes it.
            Some(Some(places)) if places.contains(place) || places.contains(&decoded(place)) => {
                None
            }
            _ => Some("no such anchor on the page"),
        })
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Finds all pages in a folder and its subfolders.
fn html(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            html(&path, found)?;
        } else if path.extension().is_some_and(|it| it == "html") {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Removes `..` from a path.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                flat.pop();
            }
            Component::CurDir => {}
            part => flat.push(part),
        }
    }
    flat
}

/// Returns the values of an attribute. rustdoc writes them in double quotes.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    let values = html.split(&start).skip(1);
    values
        .filter_map(|rest| rest.split('"').next())
        .map(|value| {
            value
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&")
        })
        .collect()
}

/// Decodes percent-encoded characters, such as `%3C`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                decoded.push(code);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_named_and_a_good_one_is_not() {
        let docs = tempfile::tempdir().expect("a folder");
        let page = |path: &str, text: &str| {
            let path = docs.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a page");
        };
        page("src/x/lib.rs.html", "");
        page("x/guide/index.html", r#"<h1 id="a&lt;b">A</h1>"#);
        let good = r##"<a href="guide/index.html#a%3Cb"></a> <a href="../src/x/lib.rs.html#3-4"></a> <i id="b"></i> <a href="#b"></a>
            <a href="https://docs.rs/circleci-api/latest/x/guide/index.html"></a> <a href="guide/"></a> <a href="https://example.com/no"></a>
            <a href="futures_core::Stream"></a>"##;
        page("x/index.html", good);
        let mut said = Vec::new();
        assert_eq!(run(docs.path(), "x", &mut said).expect("a run"), 0);
        assert_eq!(
            String::from_utf8_lossy(&said),
            "2 pages, 7 links, 0 broken\n"
        );

        page(
            "x/bad.html",
            r##"<a href="gone.html"></a> <a href="#gone"></a> <a href="https://docs.rs/circleci-api/latest/x/gone/index.html"></a>
            <a href="guide/index.html#gone"></a>"##,
        );
        let mut said = Vec::new();
        assert_eq!(run(docs.path(), "x", &mut said).expect("a run"), BROKEN);
        assert_eq!(
            String::from_utf8_lossy(&said),
            "x/bad.html: gone.html: no such page\n\
             x/bad.html: #gone: no such anchor on the page\n\
             x/bad.html: https://docs.rs/circleci-api/latest/x/gone/index.html: no such page\n\
             x/bad.html: guide/index.html#gone: no such anchor on the page\n\
             3 pages, 11 links, 4 broken\n"
        );
        assert!(run(docs.path(), "y", &mut Vec::new()).is_err(), "no docs");
    }
}
