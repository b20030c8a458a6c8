//! The index of operations: CircleCI's name for each, the method that sends it, and CircleCI's own page about it.

use super::{HEADER, Model, docs};
use crate::{document, lower::names};
use std::collections::BTreeMap;

/// A module of nothing but documentation.
pub fn emit(model: &Model<'_>) -> String {
    let mut by_tag: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    let operations = document::operations(model.document);
    for operation in &operations {
        let row = format!(
            "| [`{id}`]({address}) | [`{method}`](crate::Client::{method}) | `{verb} {path}` |",
            id = operation.id(),
            address = docs::address(operation),
            method = names::method(operation.id()),
            verb = operation.method.to_uppercase(),
            path = operation.path.replace('|', "\\|"),
        );
        let rows = by_tag.entry(operation.tag()).or_default();
        rows.push((operation.id(), row));
    }
    let mut lines = vec![
        format!(
            "The index of operations: all {} of CircleCI's API v2, each with CircleCI's own page about it and the method of",
            operations.len()
        ),
        "[`Client`](crate::Client) that sends it.".to_owned(),
    ];
    for (tag, mut rows) in by_tag {
        rows.sort();
        lines.extend([
            String::new(),
            format!("# {tag}"),
            String::new(),
            "| CircleCI's | method | request |".to_owned(),
            "|---|---|---|".to_owned(),
        ]);
        lines.extend(rows.into_iter().map(|(_, row)| row));
    }
    let comment: String = docs::comment(&lines, "")
        .lines()
        .map(|line| format!("//!{}\n", line.trim_start_matches("///")))
        .collect();
    format!("{HEADER}\n{comment}")
}
