//! What the calls are made with: the values of the tests, but where Prism checks a format that they do not have.
#![allow(unused_imports, reason = "the table of calls takes what it needs")]

#[path = "../../../tests/support/values.rs"]
mod hard;

pub use hard::{date, id, number, org_slug, project_slug, slug_in_parts, text};
