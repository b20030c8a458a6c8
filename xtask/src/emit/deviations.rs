//! Writes the guide that lists where the client deviates from CircleCI's document, and why. The entries come from the overlay and
//! the fixups, because these cause the deviations.

use crate::document::fixups::FIXUPS;
use anyhow::{Context, Result, bail};
use roas_overlay::v1_1::Overlay;
use std::{fs, path::Path};

/// The path of the guide, relative to the root of the repository.
pub const PAGE: &str = "circleci-api/src/guide/deviations.md";
const GUIDE: &str = "circleci-api/src/guide";

/// The heading above the fixups.
const FIXUP: &str = "what an Overlay cannot express";

/// One deviation from CircleCI's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The heading of the deviation's group in the guide. For an overlay action, it is the heading above the action in the
    /// overlay.
    pub kind: String,
    pub name: String,
    pub reason: String,
    /// The place in the document, as a JSONPath. For a fixup, it is `None`, because a fixup finds its places itself.
    pub target: Option<String>,
}

/// Returns all deviations in the order in which they are applied.
pub fn of(overlay: &str) -> Result<Vec<Deviation>> {
    let read: Overlay =
        serde_yaml_ng::from_str(overlay).context("overlay.yaml is not an Overlay document")?;
    let kinds = kinds(overlay);
    if kinds.len() != read.actions.len() {
        bail!(
            "overlay.yaml has {} actions, but only {} start with a line `  - description:`",
            read.actions.len(),
            kinds.len()
        );
    }
    let actions = read.actions.iter().zip(kinds);
    let mut deviations: Vec<Deviation> = actions
        .map(|(action, kind)| {
            let (name, reason) = parts(action.description.as_deref().unwrap_or_default());
            Deviation {
                kind,
                name: name.trim_end_matches('.').to_owned(),
                reason: sentence(reason),
                target: Some(action.target.to_string()),
            }
        })
        .collect();
    deviations.extend(FIXUPS.iter().map(|fixup| Deviation {
        kind: FIXUP.to_owned(),
        name: sentence_case(fixup.name),
        reason: sentence(fixup.reason),
        target: None,
    }));
    match deviations.iter().find(|one| one.reason.is_empty()) {
        Some(one) => bail!("\"{}\" has no reason: first say what, then why", one.name),
        None => Ok(deviations),
    }
}

/// Splits a description after the first full stop or colon that is outside brackets and code.
fn parts(description: &str) -> (&str, &str) {
    let description = description.trim();
    let (mut code, mut depth) = (false, 0_usize);
    for (at, c) in description.char_indices() {
        match c {
            '`' => code = !code,
            '(' if !code => depth += 1,
            ')' if !code => depth = depth.saturating_sub(1),
            '.' | ':' if !code && depth == 0 => {
                if let Some(rest) = description[at + 1..].strip_prefix(' ') {
                    return (&description[..at], rest);
                }
            }
            _ => {}
        }
    }
    (description, "")
}

/// Returns the heading above each action. Reads the text of the overlay, because headings are comments, which a YAML parser
/// discards.
fn kinds(overlay: &str) -> Vec<String> {
    let mut kind = String::new();
    let mut kinds = Vec::new();
    for line in overlay.lines() {
        if let Some(heading) = line.trim_start().strip_prefix("# ----") {
            kind = heading.trim_matches([' ', '-']).to_owned();
        } else if line.starts_with("  - description:") {
            kinds.push(kind.clone());
        }
    }
    kinds
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

fn sentence(text: &str) -> String {
    let words = sentence_case(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match words.chars().last() {
        None | Some('.') => words,
        _ => words + ".",
    }
}

/// Groups the deviations by kind. Keeps the order in which the kinds first appear.
fn by_kind(deviations: &[Deviation]) -> Vec<(&str, Vec<&Deviation>)> {
    let mut kinds: Vec<(&str, Vec<&Deviation>)> = Vec::new();
    for one in deviations {
        match kinds.iter_mut().find(|(kind, _)| *kind == one.kind) {
            Some((_, list)) => list.push(one),
            None => kinds.push((&one.kind, vec![one])),
        }
    }
    kinds
}

/// Escapes each `|`, which would end a table cell even inside code.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Returns the text of the guide.
pub fn page(deviations: &[Deviation]) -> String {
    let mut page = format!(
        "This page lists the {} deviations of this client from CircleCI's document, and the reason for each.\n\n\
         The repository keeps the document byte for byte as CircleCI serves it. Before the generator reads a copy of it, an Overlay (in the \
         format of the OpenAPI Overlay Specification) and a few fixups change the copy. Each action of the Overlay and each fixup must change at least one place. Otherwise, the generator fails and names the action or fixup. So a deviation must be removed as soon as CircleCI has corrected the document.\n\n\
         Two more rules hold for every response. Only the fields that identify a thing are required; any other field may be missing or null. \
         The client reads both spellings of a key: `created-at` and `created_at`.\n",
        deviations.len()
    );
    for (kind, list) in by_kind(deviations) {
        page += &format!("\n# {}\n\n", sentence_case(kind));
        let targeted = list.iter().any(|one| one.target.is_some());
        page += match targeted {
            true => "| what | why | where |\n|---|---|---|\n",
            false => "| what | why |\n|---|---|\n",
        };
        for one in list {
            page += &format!("| {} | {} |", cell(&one.name), cell(&one.reason));
            if let Some(target) = &one.target {
                page += &format!(" `{}` |", cell(target));
            }
            page.push('\n');
        }
    }
    page + "\n<!-- Written by `cargo xtask regen` from openapi/overlay.yaml and xtask/src/document/fixups.rs; do not edit. -->\n"
}

/// A page that is generated together with the code.
pub struct Page {
    /// The path, relative to the root of the repository.
    pub path: &'static str,
    /// The text that the page should have.
    pub text: String,
    /// The text that the page has now, or `None` if the file cannot be read.
    pub old: Option<String>,
}

impl Page {
    pub fn is_stale(&self) -> bool {
        self.old.as_ref() != Some(&self.text)
    }
}

/// Returns the guide with its current and its expected text. Returns `None` if the repository has no folder for guides.
pub fn written(root: &Path, overlay: &str) -> Result<Option<Page>> {
    if !root.join(GUIDE).is_dir() {
        return Ok(None);
    }
    Ok(Some(Page {
        path: PAGE,
        text: page(&of(overlay)?),
        old: fs::read_to_string(root.join(PAGE)).ok(),
    }))
}
