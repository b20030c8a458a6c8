//! Writes the example for an operation's page: a call with plausible values. The doctests compile each example.

use super::{
    model::{Body, Model, Operation, Query},
    structs, unions,
};
use crate::lower::{
    names,
    rust::{Field, Rust},
};
use anyhow::Result;

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

/// The maximum width of a chain of calls on one line. In a longer chain, each call gets its own line.
const WIDTH: usize = 90;

/// The maximum depth of nested values in an example.
const DEEPEST: usize = 4;

/// The maximum number of optional setters that an example calls.
const SHOWN: usize = 2;

/// Returns the lines of the example, with the fences around it.
pub fn example(model: &Model<'_>, operation: &Operation<'_>) -> Result<Vec<String>> {
    let mut arguments: Vec<String> = operation
        .in_path()
        .iter()
        .map(|argument| path_value(operation, argument.ident))
        .collect();
    for query in operation.query.iter().filter(|query| query.required) {
        arguments.push(query_value(model, query)?.unwrap_or_else(|| quoted(ID)));
    }
    let mut lines = Vec::new();
    let mut parameter = String::new();
    let mut calls = Vec::new();
    if let Some(body) = &operation.body {
        let given = match struct_value(model, &body.ty, 0)? {
            Some(value) => {
                format!("let body = {value};")
            }
            None => {
                parameter = format!(", body: circleci_api::types::{}", body.ty);
                format!("// `body` is a `types::{}`.", body.ty)
            }
        };
        lines.push(signature(&parameter));
        lines.push(given);
        match body {
            Body { required: true, .. } => arguments.push("body".to_owned()),
            _ => calls.push("body(body)".to_owned()),
        }
    } else {
        lines.push(signature(""));
    }
    calls.insert(0, format!("{}({})", operation.method, arguments.join(", ")));
    calls.extend(setters(model, operation)?);
    lines.extend(sent(operation, &calls));
    lines.push("# Ok(()) }".to_owned());
    lines.push("```".to_owned());
    let mut before = vec!["```no_run"];
    if lines.iter().any(|line| line.contains("types::")) {
        before.extend(["use circleci_api::types;", ""]);
    }
    if operation.source.value["deprecated"] == true {
        before.push("# #[allow(deprecated)]");
    }
    lines.splice(0..0, before.into_iter().map(str::to_owned));
    Ok(lines)
}

fn signature(parameter: &str) -> String {
    format!(
        "# async fn example(circleci: &circleci_api::Client{parameter}) -> Result<(), Box<dyn std::error::Error>> {{"
    )
}

const SEND: &str = ".send().await?;";

/// Returns the statements that send the request and print the response.
fn sent(operation: &Operation<'_>, calls: &[String]) -> Vec<String> {
    let (start, end, after) = match (&operation.paging, &operation.output) {
        (Some(_), _) => (
            "let mut items = ",
            ".items();",
            &[
                "while let Some(item) = items.try_next().await? {",
                "    println!(\"{item:?}\");",
                "}",
            ][..],
        ),
        (None, Rust::Unit) => ("", SEND, &[][..]),
        (None, _) => ("let answer = ", SEND, &["println!(\"{answer:?}\");"][..]),
    };
    let line = format!("{start}circleci.{}{end}", calls.join("."));
    let end = end.replace(".await", "\n    .await");
    let mut lines = vec![line];
    if lines[0].chars().count() > WIDTH {
        lines = vec![format!("{start}circleci")];
        lines.extend(calls.iter().map(|call| format!("    .{call}")));
        lines.extend(format!("    {end}").lines().map(str::to_owned));
    }
    lines.extend(after.iter().map(|line| (*line).to_owned()));
    lines
}

/// Returns calls of the first optional setters whose values are simple. Omits the page token, because the request for the first
/// page has none.
fn setters(model: &Model<'_>, operation: &Operation<'_>) -> Result<Vec<String>> {
    let mut calls = Vec::new();
    let optional = operation.query.iter().filter(|query| {
        !query.required && !query.deprecated && query.wire != "page-token" && query.wire != "offset"
    });
    for query in optional {
        if let Some(value) = query_value(model, query)?.filter(|_| calls.len() < SHOWN) {
            calls.push(format!("{}({value})", query.ident));
        }
    }
    Ok(calls)
}

fn path_value(operation: &Operation<'_>, ident: &str) -> String {
    let parameter = operation
        .path
        .iter()
        .find(|parameter| parameter.ident == ident);
    match parameter.map(|parameter| parameter.kind) {
        Some("Integer") => "1843".to_owned(),
        Some("Uuid") => quoted(ID),
        _ => text(ident),
    }
}

fn query_value(model: &Model<'_>, query: &Query) -> Result<Option<String>> {
    Ok(match &query.ty {
        Rust::List(_) => Some(format!("[{}]", text(&query.ident))),
        Rust::Uuid => Some(quoted(ID)),
        ty => value(model, ty, &query.ident, 0)?,
    })
}

/// Returns an expression for an argument of a setter or a constructor. Returns `None` if there is no short expression for it.
fn value(model: &Model<'_>, ty: &Rust, name: &str, depth: usize) -> Result<Option<String>> {
    Ok(match ty {
        _ if depth > DEEPEST => None,
        Rust::Bool => Some("true".into()),
        Rust::I64 => Some(integer(name).into()),
        Rust::F64 => Some("0.5".into()),
        Rust::String => Some(text(name)),
        Rust::Uuid => Some(format!("{}.parse()?", quoted(ID))),
        Rust::DateTime => {
            let month = if name.contains("end") { "08" } else { "07" };
            Some(format!("\"2026-{month}-01T00:00:00Z\".parse()?"))
        }
        Rust::ParameterValue => Some(text(name)),
        Rust::Json => Some("circleci_api::serde_json::json!({})".into()),
        Rust::JsonObject => Some("circleci_api::serde_json::Map::new()".into()),
        Rust::Named(named) => named_value(model, named, depth)?,
        Rust::Boxed(inner) => value(model, inner, name, depth)?,
        Rust::Option(inner) => value(model, inner, name, depth)?.map(|it| format!("Some({it})")),
        Rust::List(item) => {
            value(model, item, &names::singular(name), depth + 1)?.map(|it| format!("[{it}]"))
        }
        Rust::Map(item) => {
            let name = names::singular(name);
            value(model, item, &name, depth + 1)?.map(|it| format!("[({:?}, {it})]", name))
        }
        Rust::Unit => None,
    })
}

fn named_value(model: &Model<'_>, name: &str, depth: usize) -> Result<Option<String>> {
    let schema = model.schema(name)?;
    if let Some(word) = schema["enum"][0].as_str() {
        return Ok(Some(format!("types::{name}::{}", names::variant(word))));
    }
    if schema.get("properties").is_some() {
        return struct_value(model, name, depth + 1);
    }
    // For a union, the example uses the value of the first alternative if the type of this alternative is generated.
    let Ok([first, ..]) = model.rust.fields(name) else {
        return Ok(None);
    };
    let Rust::Named(inner) = &first.ty else {
        return Ok(None);
    };
    let variant = names::union_variant(name, unions::word(&first.ty));
    let inner = named_value(model, inner, depth + 1)?.filter(|_| !first.boxed);
    Ok(inner.map(|inner| format!("types::{name}::{variant}({inner})")))
}

/// Returns a call of `types::X::new(…)` with the required fields. If no field is required, the call also sets one optional field.
fn struct_value(model: &Model<'_>, name: &str, depth: usize) -> Result<Option<String>> {
    let schema = model.schema(name)?;
    let named = model.types.iter().find(|named| named.name == name);
    if schema.get("properties").is_none() || !named.is_some_and(|named| named.usage.request) {
        return Ok(None);
    }
    let fields = model.rust.fields(name)?;
    let mut arguments = Vec::new();
    for wire in structs::required_in_order(name, schema) {
        let Some(field) = fields.iter().find(|field| wire == field.wire) else {
            return Ok(None);
        };
        let Some(given) = field_value(model, field, name, schema, depth)? else {
            return Ok(None);
        };
        arguments.push(given);
    }
    let new = format!("types::{name}::new({})", arguments.join(", "));
    if !arguments.is_empty() || depth > 0 {
        return Ok(Some(new));
    }
    let simple = fields.iter().find(|field| {
        matches!(field.ty, Rust::String | Rust::Bool | Rust::I64)
            && schema["properties"][&field.wire]["deprecated"] != true
    });
    let Some(field) = simple else {
        return Ok(Some(new));
    };
    let given = value(model, &field.ty, &field.ident, depth)?;
    Ok(given.map(|given| format!("{new}.{}({given})", field.ident)))
}

fn field_value(
    model: &Model<'_>,
    field: &Field,
    owner: &str,
    schema: &serde_json::Value,
    depth: usize,
) -> Result<Option<String>> {
    let given = match (&field.ty, field.ident.as_str()) {
        (Rust::String, "name") if !owner.contains("EnvVar") => Some(quoted("release")),
        (ty, ident) => value(model, ty, ident, depth)?,
    };
    // If the constructor's argument is an `Option`, the example omits the field by passing `None`.
    let explicit = schema["properties"][&field.wire]["x-explicit"] == true;
    Ok(match explicit {
        true => Some("None".to_owned()),
        false => given,
    })
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn integer(name: &str) -> &'static str {
    match name {
        "per_hour" => "1",
        _ if name.contains("hour") => "4",
        _ => "20",
    }
}

/// Returns a string literal with a text that suits the name.
fn text(name: &str) -> String {
    let found = TEXTS.iter().find(|(known, _)| *known == name);
    let ends = || ENDS.iter().find(|(end, _)| name.ends_with(end));
    quoted(found.or_else(ends).map_or("example", |(_, text)| *text))
}

const TEXTS: &[(&str, &str)] = &[
    ("project_slug", "gh/acme/web"),
    ("org_slug", "gh/acme"),
    ("org_slug_or_id", "gh/acme"),
    ("branch", "main"),
    ("branches", "main"),
    ("owner_slug", "gh/acme"),
    ("tag", "v1.2.0"),
    ("name", "GREETING"),
    ("env_var_name", "GREETING"),
    ("value", "hello"),
    ("workflow_name", "build"),
    ("workflow_names", "build"),
    ("job_name", "test"),
    ("project_name", "web"),
    ("project_names", "web"),
    ("configuration", "version: 2.1"),
    ("input", "version: 2.1"),
    ("description", "Deploys the site"),
    ("url", "https://example.com/hook"),
    ("endpoint", "https://example.com:4317"),
    ("environment_name", "production"),
    ("component_name", "web"),
    ("target_version", "1.2.0"),
    ("current_version", "1.2.1"),
    ("parameter", "deploy"),
    ("signing_secret", "a long random text"),
    ("continuation_key", "the key of the setup job"),
    ("context", "config"),
    ("policy_name", "runner_allowed"),
    ("policy", "package org"),
    ("status", "HARD_FAIL"),
    ("provider", "github_app"),
    (
        "fingerprint",
        "c9:0b:1c:4f:d5:65:56:b9:ad:88:f9:81:2b:37:74:2f",
    ),
    ("prefix", "https://example.com/orbs/"),
    ("claims", "audience"),
    ("ttl", "1h"),
    ("file_path", ".circleci/config.yml"),
    ("checkout_ref", "main"),
    ("config_ref", "main"),
    ("external_id", "123456789"),
    ("restriction_value", "5034460f-c7c4-4c43-9457-de07e2029e7b"),
];

const ENDS: [(&str, &str); 2] = [("_id", ID), ("id", ID)];
