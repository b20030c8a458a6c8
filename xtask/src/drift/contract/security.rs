//! Compares security and servers.

use super::{Contract, entries};
use crate::{
    document::{self, escape},
    drift::{canonical::is_docs, verdict::Class},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Contract<'a> {
    pub fn security_schemes(&mut self) {
        let at = "/components/securitySchemes";
        let schemes = |document: &'a Value| entries(&document["components"]["securitySchemes"]);
        let (before, after) = (schemes(self.old), schemes(self.new));
        for (name, scheme) in &after {
            let at = format!("{at}/{}", escape(name));
            let Some(old) = before.get(name) else {
                self.note(
                    Class::Additive,
                    format!("new security scheme `{name}`: {}", spell_scheme(scheme)),
                    at,
                    "every operation",
                );
                continue;
            };
            let bare = |scheme: &'a Value| {
                let mut said = entries(scheme);
                said.retain(|key, _| !is_docs(key));
                said
            };
            if bare(old) != bare(scheme) {
                self.note(
                    Class::Breaking,
                    format!(
                        "security scheme `{name}` is {}, was {}",
                        spell_scheme(scheme),
                        spell_scheme(old)
                    ),
                    at,
                    "every operation",
                );
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.note(
                Class::Breaking,
                format!("security scheme `{name}` is gone"),
                format!("{at}/{}", escape(name)),
                "every operation",
            );
        }
    }

    pub fn requirements(&mut self, at: &str, old: &Value, new: &Value, name: &str) {
        // Each entry of the list is one way to authenticate. The order of the entries has no meaning.
        let ways = |list: &Value| {
            list.as_array().map(|list| {
                list.iter()
                    .map(|way| document::sorted(way.clone()).to_string())
                    .collect::<BTreeSet<_>>()
            })
        };
        let at = format!("{at}/security");
        let (before, after) = match (ways(old), ways(new)) {
            (None, None) => return,
            (Some(before), Some(after)) => (before, after),
            (None, Some(after)) => {
                let list = if after.is_empty() {
                    "needs nothing".to_owned()
                } else {
                    after.into_iter().collect::<Vec<_>>().join(", ")
                };
                return self.note(
                    Class::Review,
                    format!("{name}: has its own security requirement: {list}"),
                    at,
                    name,
                );
            }
            (Some(_), None) => {
                return self.note(
                    Class::Review,
                    format!("{name}: no longer has its own security requirement"),
                    at,
                    name,
                );
            }
        };
        for way in after.difference(&before) {
            let text = format!("{name}: accepts {way}");
            self.note(Class::Additive, text, &at, name);
        }
        for way in before.difference(&after) {
            let text = format!("{name}: no longer accepts {way}");
            self.note(Class::Breaking, text, &at, name);
        }
    }

    /// Compares the servers of the whole document (`at` is empty) or of one operation. The crate calls the same server for all
    /// operations, so a maintainer must review changes to the servers of a single operation.
    pub fn servers(&mut self, at: &str, old: &Value, new: &Value, name: &str) {
        let (before, after) = (by_url(old), by_url(new));
        let own = !at.is_empty();
        let (came, gone) = match own {
            true => (Class::Review, Class::Review),
            false => (Class::Additive, Class::Breaking),
        };
        let at = format!("{at}/servers");
        for (url, (index, server)) in &after {
            let at = format!("{at}/{index}");
            let Some((_, old)) = before.get(url) else {
                self.note(came, format!("{name}: new server {url}"), at, name);
                continue;
            };
            let known = self.changes.len();
            self.other_keys(&format!("{name}: server {url}"), &at, old, server, &["url"]);
            for change in &mut self.changes[known..] {
                change.touches = [name.to_owned()].into();
            }
        }
        let gone_servers = before.iter().filter(|(url, _)| !after.contains_key(*url));
        for (url, (index, _)) in gone_servers {
            let text = format!("{name}: server {url} is gone");
            self.note(gone, text, format!("{at}/{index}"), name);
        }
    }
}

/// Returns the servers by URL, each with its index. Skips servers without a URL.
fn by_url(list: &Value) -> BTreeMap<&str, (usize, &Value)> {
    let servers = list.as_array().into_iter().flatten().enumerate();
    let servers = servers.filter_map(|it| Some((it.1["url"].as_str()?, it)));
    servers.collect()
}

fn spell_scheme(scheme: &Value) -> String {
    let said = ["type", "scheme", "in", "name"]
        .into_iter()
        .filter_map(|key| scheme[key].as_str());
    said.collect::<Vec<_>>().join(" ")
}
