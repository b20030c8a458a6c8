//! Builds the generated files from the vendored document or from another one.

use super::{
    advice,
    build::{Built, build},
    idle,
};
use crate::document::{self, fetch, revision};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folders that the commands read from and write to.
pub struct Places {
    pub openapi: PathBuf,
    pub generated: PathBuf,
}

impl Places {
    pub fn of(root: &Path) -> Self {
        Self {
            openapi: root.join("openapi"),
            generated: root.join("circleci-api/src/generated"),
        }
    }

    pub fn overlay(&self) -> Result<String> {
        fs::read_to_string(self.openapi.join("overlay.yaml"))
            .context("cannot read openapi/overlay.yaml")
    }
}

/// Builds the generated files from the vendored document. Fails if an overlay action, a fixup or a table row matches nothing, or
/// if a necessary one is missing. If an overlay action matches nothing, the error also says how often it matches in the document
/// of the last commit.
pub fn build_vendored(places: &Places) -> Result<Built> {
    let (bytes, _) = fetch::vendored(&places.openapi)?;
    let (document, notes) = document::parse_noted(&bytes, "openapi/openapi.json")?;
    let overlay = places.overlay()?;
    let mut built = build(document, &overlay, false)?;
    if !built.warnings().is_empty() {
        let advice = match committed(places) {
            Some(base) => compared(
                &mut built,
                &base,
                "the document of the last commit",
                &overlay,
            ),
            None => Vec::new(),
        };
        bail!("{}", [built.warnings(), advice].concat().join("\n"));
    }
    Ok(Built { notes, ..built })
}

/// Builds the generated files from a document other than the vendored one.
pub fn build_other(places: &Places, spec: &Path) -> Result<Built> {
    let (document, notes) = document::read_noted(spec)?;
    let overlay = places.overlay()?;
    let mut built = build(document, &overlay, true)?;
    // There may be no vendored document in the tree yet.
    let vendored = document::read(&places.openapi.join(fetch::DOCUMENT));
    built.advice = match vendored {
        Ok(base) => compared(&mut built, &base, "openapi/openapi.json", &overlay),
        Err(_) => Vec::new(),
    };
    Ok(Built { notes, ..built })
}

/// For each overlay action that matches nothing, adds to its line how often the action matches in an older document. Returns
/// texts to paste that keep the types of the older document.
fn compared(built: &mut Built, base: &Value, name: &str, overlay: &str) -> Vec<String> {
    idle::explain(built, base, name, overlay);
    match build(base.clone(), overlay, true) {
        Ok(before) => advice::actions(&before, built),
        Err(_) => Vec::new(),
    }
}

/// Returns the document of the last commit, or `None` if there is no commit or the commit has no document.
fn committed(places: &Places) -> Option<Value> {
    let root = places.openapi.parent()?;
    let (_, bytes) = revision::document_at(root, "HEAD").ok()?;
    document::parse(&bytes, fetch::DOCUMENT).ok()
}
