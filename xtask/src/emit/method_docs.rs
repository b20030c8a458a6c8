//! The docs of a method of `Client`: CircleCI's description, then the arguments, the setters and the errors.

use super::{
    docs, escape,
    model::{Operation, text},
};
use crate::document;

pub fn method_docs(operation: &Operation<'_>) -> Vec<String> {
    let source = &operation.source;
    let mut lines = operation.summary.clone();
    add(&mut lines, described(operation));
    add(&mut lines, vec![sent(source)]);
    if operation.paging.is_some() {
        add(&mut lines, vec!["Paged: [`send`](Request::send) answers with one page, [`items`](Request::items) and [`pages`](Request::pages) follow to the last one.".into()]);
    }
    add(&mut lines, under("# Arguments", arguments(operation)));
    add(&mut lines, setters(operation));
    add(&mut lines, under("# Errors", errors(source)));
    lines
}

/// The request, and CircleCI's own page about it where there is one.
fn sent(source: &document::Operation<'_>) -> String {
    let request = escape::code(&format!("{} {}", source.method.to_uppercase(), source.path));
    if docs::is_undocumented(source) {
        return format!("{request}, which is **not in CircleCI's document**.");
    }
    let (id, address) = (escape::code(source.id()), docs::address(source));
    format!("{request}, CircleCI's [{id}]({address}).")
}

/// Adds lines after an empty line. Adds nothing if there are none.
fn add(lines: &mut Vec<String>, more: Vec<String>) {
    if !more.is_empty() {
        lines.push(String::new());
        lines.extend(more);
    }
}

/// Lines under a heading. Without lines there is no heading either.
fn under(heading: &str, mut lines: Vec<String>) -> Vec<String> {
    if !lines.is_empty() {
        lines.insert(0, heading.to_owned());
    }
    lines
}

/// CircleCI's description, without a first sentence that repeats the summary.
fn described(operation: &Operation<'_>) -> Vec<String> {
    let description = text(operation.source.value, "description");
    let said = docs::lines(description);
    match (said.first(), operation.summary.first()) {
        (Some(first), Some(summary)) if docs::same(first, summary) => {
            let rest = said.into_iter().skip(1);
            rest.skip_while(String::is_empty).collect()
        }
        _ => docs::paragraphs(description),
    }
}

fn arguments(operation: &Operation<'_>) -> Vec<String> {
    let path = operation.in_path().into_iter();
    let path = path.map(|argument| (argument.ident, argument.description));
    let query = operation.query.iter().filter(|query| query.required);
    let query = query.map(|query| (query.ident.as_str(), query.description.as_str()));
    let body = operation.body.iter().filter(|body| body.required);
    let body = body.map(|body| ("body", body.description.as_str()));
    path.chain(query)
        .chain(body)
        .map(|(ident, description)| {
            format!("- `{ident}`: {}", docs::paragraphs(description).join(" "))
        })
        .collect()
}

/// The names of the setters, because rustdoc shows the setters themselves on the page of `Request`.
fn setters(operation: &Operation<'_>) -> Vec<String> {
    let query = operation.query.iter().filter(|query| !query.required);
    let query = query.map(|query| query.ident.as_str());
    let body = operation.body.iter().filter(|body| !body.required);
    let setters: Vec<String> = query
        .chain(body.map(|_| "body"))
        .map(|ident| format!("`{ident}`"))
        .collect();
    if setters.is_empty() {
        return setters;
    }
    vec![format!(
        "Optional, as setters of the [`Request<{}>`](Request): {}.",
        operation.builder,
        setters.join(", ")
    )]
}

/// The statuses that the document names, in one line.
fn errors(operation: &document::Operation<'_>) -> Vec<String> {
    let statuses = operation.value["x-errors"]
        .as_object()
        .into_iter()
        .flat_map(|errors| errors.keys())
        .filter(|status| *status != "default");
    let statuses: Vec<String> = statuses
        .map(|status| format!("{} ({})", escape::text(status), reason(status)))
        .collect();
    let mut lines = Vec::new();
    if !statuses.is_empty() {
        lines.push(format!(
            "CircleCI's document names {}.",
            statuses.join(", ")
        ));
    }
    let absent = ABSENT
        .iter()
        .filter(|(path, _)| operation.path.starts_with(path));
    lines.extend(
        absent.map(|(_, what)| format!("CircleCI answers 403 if the {what} does not exist.")),
    );
    lines
}

/// Below these paths CircleCI answers 403 to what is not there.
const ABSENT: [(&str, &str); 2] = [
    ("/context/{context_id}", "context"),
    ("/organizations/{org_id}/groups/{group_id}", "group"),
];

fn reason(status: &str) -> &'static str {
    match status {
        "400" => "bad request",
        "401" => "no valid token, or an expired one",
        "403" => "not permitted: the token lacks a scope, or the user a role",
        "404" => "not found, or not visible to the token",
        "405" => "not allowed",
        "409" => "conflict",
        "413" => "too large",
        "429" => "rate limited",
        _ => "the server failed",
    }
}
