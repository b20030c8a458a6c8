//! Writes the index of operations. For each operation, it lists CircleCI's name, the method that makes the request, and
//! CircleCI's page about the operation.

use super::{
    docs, escape,
    model::{HEADER, Model},
};
use std::collections::BTreeMap;

/// Returns the text of the index, a module that contains only documentation.
pub fn emit(model: &Model<'_>) -> String {
    let mut by_tag: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for operation in &model.operations {
        let source = &operation.source;
        let id = escape::code_in_table(source.id());
        let theirs = match docs::is_undocumented(source) {
            true => format!("{id}, not in the document"),
            false => format!("[{id}]({})", docs::address(source)),
        };
        let row = format!(
            "| {theirs} | [`{method}`](crate::Client::{method}) | [`{builder}`](crate::operations::{builder}) | {request} |",
            builder = operation.builder,
            method = operation.method,
            request =
                escape::code_in_table(&format!("{} {}", source.method.to_uppercase(), source.path)),
        );
        let rows = by_tag.entry(source.tag()).or_default();
        rows.push((source.id(), row));
    }
    let mut lines = vec![
        format!(
            "The index of operations: all {} of CircleCI's API v2, each with CircleCI's own page about it, the method of",
            model.operations.len()
        ),
        "[`Client`](crate::Client) that makes a request for it, and a page with its arguments, its optional setters and an example.".to_owned(),
    ];
    for (tag, mut rows) in by_tag {
        rows.sort();
        lines.extend([
            String::new(),
            format!("# {}", escape::text(tag)),
            String::new(),
            "| CircleCI's | method | example | request |".to_owned(),
            "|---|---|---|---|".to_owned(),
        ]);
        lines.extend(rows.into_iter().map(|(_, row)| row));
    }
    let comment: String = docs::comment(&lines, "")
        .lines()
        .map(|line| format!("//!{}\n", line.trim_start_matches("///")))
        .collect();
    format!("{HEADER}\n{comment}")
}
