//! Writes the files of `circleci-api/src/generated/`. The input is the document, and the Rust types that progenitor chose for its
//! schemas.

mod aliases;
pub mod deviations;
pub mod docs;
mod enums;
pub mod escape;
mod examples;
mod imports;
mod index;
mod method_docs;
pub mod model;
mod operations;
mod paging;
pub mod replies;
mod structs;
mod types;
mod unions;
pub mod words;

use anyhow::Result;
use model::{Files, HEADER, Model};
use serde_json::Value;

/// Returns all generated files. `vendored` is the document before the overlay is applied.
pub fn emit(model: &Model<'_>, vendored: &Value) -> Result<Files> {
    let mut files = Files::new();
    types::emit(model, &mut files)?;
    operations::emit(model, &mut files)?;
    files.insert("paging.rs".into(), paging::emit(model));
    files.insert("replies.rs".into(), replies::emit(model, vendored)?);
    files.insert("index.rs".into(), index::emit(model));
    let root = format!(
        "{HEADER}\n//! The operations and types of CircleCI's API v2.\n\n#[cfg(any(doc, doctest))]\npub mod index;\npub mod operations;\nmod paging;\n\
         #[cfg(feature = \"mock\")]\npub(crate) mod replies;\npub mod types;\n"
    );
    files.insert("mod.rs".into(), root);
    Ok(files)
}
