//! Writes the docs of an operation, both for its method on `Client` and for its own page.

use super::{
    docs, escape, examples,
    model::{Model, Operation, text},
};
use crate::{document, lower::rust::Rust};
use anyhow::Result;

/// Returns the docs of the method: CircleCI's description, and then the arguments, the setters and the errors.
pub fn method_docs(operation: &Operation<'_>) -> Vec<String> {
    let source = &operation.source;
    let mut lines = operation.summary.clone();
    add(&mut lines, described(operation));
    add(&mut lines, vec![sent(operation)]);
    if operation.paging.is_some() {
        add(&mut lines, vec!["This operation has pages. [`send`](Request::send) returns one page; [`items`](Request::items) and [`pages`](Request::pages) read all pages.".into()]);
    }
    add(&mut lines, under("# Arguments", arguments(operation)));
    add(&mut lines, under("# Optional", setters(operation)));
    add(&mut lines, under("# Errors", errors(source)));
    lines
}

/// Returns the docs of the operation's type: its arguments, its optional setters and an example.
pub fn page(model: &Model<'_>, operation: &Operation<'_>) -> Result<Vec<String>> {
    let Operation {
        method,
        builder,
        source,
        ..
    } = operation;
    let first = operation.summary.first().cloned();
    let mut lines: Vec<String> = first.into_iter().collect();
    let request = request(source);
    add(
        &mut lines,
        vec![format!(
            "[`Client::{method}`] describes the operation and makes a [`Request<{builder}>`](Request) for {request}."
        )],
    );
    let none = |lines: Vec<String>| match lines.is_empty() {
        true => vec!["None.".to_owned()],
        false => lines,
    };
    add(
        &mut lines,
        under("# Required arguments", none(arguments(operation))),
    );
    add(
        &mut lines,
        under("# Optional setters", none(setters(operation))),
    );
    let example = examples::example(model, operation)?;
    add(&mut lines, under("# Example", example));
    Ok(lines)
}

/// Returns a line that names the request and links to the page with the example. If CircleCI has a page about the request, the
/// line links to it too.
fn sent(operation: &Operation<'_>) -> String {
    let source = &operation.source;
    let request = request(source);
    let example = format!(
        "Example: [`{0}`](crate::operations::{0}).",
        operation.builder
    );
    if docs::is_undocumented(source) {
        return format!("{request}, which is **not in CircleCI's document**. {example}");
    }
    let (id, address) = (escape::code(source.id()), docs::address(source));
    format!("{request}, CircleCI's [{id}]({address}). {example}")
}

/// Returns the request as code, such as `GET /pipeline`.
fn request(source: &document::Operation<'_>) -> String {
    escape::code(&format!("{} {}", source.method.to_uppercase(), source.path))
}

/// Adds an empty line and then `more`. Adds nothing if `more` is empty.
fn add(lines: &mut Vec<String>, more: Vec<String>) {
    if !more.is_empty() {
        lines.push(String::new());
        lines.extend(more);
    }
}

/// Puts a heading above the lines. Returns nothing if there are no lines.
fn under(heading: &str, mut lines: Vec<String>) -> Vec<String> {
    if !lines.is_empty() {
        lines.insert(0, heading.to_owned());
    }
    lines
}

/// Returns CircleCI's description. Omits its first sentence if the sentence repeats the summary.
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
    let kind = |ident: &str| {
        let parameter = operation.path.iter().find(|one| one.ident == ident);
        parameter.map_or("text", |parameter| match parameter.kind {
            "Uuid" => "UUID",
            "Integer" => "integer",
            _ => "text",
        })
    };
    let path = operation.in_path();
    let path = path
        .iter()
        .map(|it| item(it.ident, kind(it.ident), it.description));
    path.chain(queries(operation, true))
        .chain(body(operation, true))
        .collect()
}

/// Returns a line for each optional setter of the request.
fn setters(operation: &Operation<'_>) -> Vec<String> {
    queries(operation, false)
        .chain(body(operation, false))
        .collect()
}

fn queries(operation: &Operation<'_>, required: bool) -> impl Iterator<Item = String> {
    let chosen = operation
        .query
        .iter()
        .filter(move |query| query.required == required);
    chosen.map(|query| item(&query.ident, &kind(&query.ty), &query.description))
}

fn body(operation: &Operation<'_>, required: bool) -> Option<String> {
    let body = operation.body.as_ref()?;
    let ty = kind(&Rust::Named(body.ty.clone()));
    (body.required == required).then(|| item("body", &ty, &body.description))
}

/// Returns the line about an argument or a setter: its name, its type and its description.
fn item(ident: &str, ty: &str, description: &str) -> String {
    let described = docs::paragraphs(description).join(" ");
    match described.trim() {
        "" => format!("- `{ident}` ({ty})"),
        described => format!("- `{ident}` ({ty}): {described}"),
    }
}

/// Returns the words that stand for a type in a list of arguments.
fn kind(ty: &Rust) -> String {
    match ty {
        Rust::String => "text".to_owned(),
        Rust::Uuid => "UUID".to_owned(),
        Rust::I64 => "integer".to_owned(),
        Rust::F64 => "number".to_owned(),
        Rust::DateTime => "date and time".to_owned(),
        Rust::List(inner) => format!("list of {}", kind(inner)),
        Rust::Option(inner) | Rust::Boxed(inner) => kind(inner),
        Rust::Named(name) => format!("[`{name}`](crate::types::{name})"),
        ty => format!("`{ty}`"),
    }
}

/// Returns the lines about errors: the statuses that CircleCI's document names, and the cases in which 403 means "not found".
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

/// The beginnings of paths for which CircleCI answers 403 if the object in the path does not exist, each with the name of the
/// object.
const ABSENT: [(&str, &str); 2] = [
    ("/context/{context_id}", "context"),
    ("/organizations/{org_id}/groups/{group_id}", "group"),
];

fn reason(status: &str) -> &'static str {
    match status {
        "400" => "bad request",
        "401" => "the token is missing, invalid or expired",
        "403" => "not permitted: the token lacks a scope, or the user lacks a role",
        "404" => "not found, or not visible to the token",
        "405" => "not allowed",
        "409" => "conflict",
        "413" => "too large",
        "429" => "rate limited",
        _ => "the server failed",
    }
}
