//! The operations: a method of `Client` for each, with what it cannot do without as arguments, and a builder with a setter
//! for each of the rest.
//!
//! progenitor's builders say what is optional only at run time (`Result<T, String>` fields, "was not initialized"); these say
//! it in the method's signature. Names and types are progenitor's, read from its syntax tree.

use super::{Files, HEADER, Model, argument_of, docs, paging, plain_type, structs, type_name};
use crate::{
    document::{self, parameters},
    lower::names,
};
use anyhow::{Context, Result, anyhow, bail};
use quote::{ToTokens, format_ident};
use serde_json::Value;
use std::collections::BTreeMap;

/// One operation, ready to be written.
pub struct Operation {
    pub builder: String,
    pub output: syn::Type,
    pub query: Vec<Query>,
    text: Text,
    tag: String,
    file: String,
}

pub struct Query {
    pub wire: String,
    ident: String,
    ty: syn::Type,
    required: bool,
    description: String,
    deprecated: bool,
}

struct Path {
    wire: String,
    ident: String,
    kind: &'static str,
    description: String,
}

struct Body {
    ty: String,
    required: bool,
    description: String,
}

pub fn emit(model: &Model<'_>, files: &mut Files) -> Result<Vec<Operation>> {
    let (builders, structs) = (builders(model)?, structs::find(model)?);
    let mut operations = Vec::new();
    for operation in document::operations(model.document) {
        operations.push(read(model, &operation, &builders, &structs)?);
    }
    operations.sort_by(|a, b| a.builder.cmp(&b.builder));
    let mut by_file: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in &operations {
        by_file.entry(&operation.file).or_default().push(operation);
    }
    let mut index =
        format!("{HEADER}\n//! A builder for each operation, one file per CircleCI tag.\n\n");
    for file in by_file.keys() {
        index += &format!("mod {file};\n");
    }
    index.push('\n');
    for (file, operations) in by_file {
        index += &format!("pub use {file}::*;\n");
        let list = |text: fn(&Operation) -> &str| {
            operations
                .iter()
                .map(|operation| text(operation))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (methods, builders) = (
            list(|operation| &operation.text.method),
            list(|operation| &operation.text.builder),
        );
        let tag = &operations[0].tag;
        let body = format!(
            "{}impl Client {{\n{methods}}}\n\n{builders}",
            docs::comment(&heading(model, tag), "")
        );
        files.insert(
            format!("operations/{file}.rs"),
            format!("{HEADER}\n//! {tag}.\n\n{}\n{body}", imports(&body)),
        );
    }
    files.insert("operations/mod.rs".into(), index);
    Ok(operations)
}

/// What stands above the operations of a tag on the client's page: the tag and what CircleCI says of it, without its tables.
fn heading(model: &Model<'_>, tag: &str) -> Vec<String> {
    let tags = model.document["tags"].as_array().into_iter().flatten();
    let described = tags
        .filter(|found| found["name"] == tag)
        .find_map(|found| found["description"].as_str())
        .unwrap_or_default();
    let first = docs::paragraphs(described).into_iter().next();
    let heading = [format!("# {tag}")].into_iter();
    heading
        .chain(first.into_iter().flat_map(|first| [String::new(), first]))
        .collect()
}

fn imports(body: &str) -> String {
    let known = [
        ("PathValue", "crate::values::argument::PathValue"),
        ("QueryValue", "crate::values::argument::QueryValue"),
        ("Client", "crate::client::Client"),
        ("types::", "crate::generated::types"),
        ("operation!", "crate::request::{Request, operation}"),
        (
            "ParameterValue",
            "crate::values::parameters::ParameterValue",
        ),
        ("DateTime<Utc>", "chrono::{DateTime, Utc}"),
        ("Borrow<", "std::borrow::Borrow"),
        ("BTreeMap<", "std::collections::BTreeMap"),
    ];
    known
        .iter()
        .filter(|(word, _)| body.contains(word))
        .map(|(_, path)| format!("use {path};\n"))
        .collect()
}

/// progenitor's builder structs, with the type of each field and of what `send` answers.
struct Builder<'a> {
    fields: BTreeMap<String, &'a syn::Type>,
    output: Option<&'a syn::Type>,
}

fn builders<'a>(model: &'a Model<'_>) -> Result<BTreeMap<String, Builder<'a>>> {
    let mut builders: BTreeMap<String, Builder<'a>> = BTreeMap::new();
    for item in model.module("builder")? {
        match item {
            syn::Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| {
                    Some((field.ident.as_ref()?.to_string(), ok_type(&field.ty)?))
                });
                builders.insert(
                    item.ident.to_string(),
                    Builder {
                        fields: fields.collect(),
                        output: None,
                    },
                );
            }
            syn::Item::Impl(item) => {
                let output = item.items.iter().find_map(sent);
                if let (Some(name), Some(output)) = (type_name(&item.self_ty), output) {
                    builders
                        .entry(name)
                        .and_modify(|builder| builder.output = Some(output));
                }
            }
            _ => {}
        }
    }
    Ok(builders)
}

/// The `T` of `Result<T, E>`.
fn ok_type(ty: &syn::Type) -> Option<&syn::Type> {
    let syn::Type::Path(path) = ty else {
        return None;
    };
    let last = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == "Result")?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(ty)) => Some(ty),
        _ => None,
    }
}

/// What `send` answers, out of `Result<ResponseValue<T>, …>`.
fn sent(item: &syn::ImplItem) -> Option<&syn::Type> {
    let syn::ImplItem::Fn(function) = item else {
        return None;
    };
    let syn::ReturnType::Type(_, ty) = &function.sig.output else {
        return None;
    };
    (function.sig.ident == "send")
        .then(|| argument_of(ok_type(ty)?, "ResponseValue"))
        .flatten()
}

fn read(
    model: &Model<'_>,
    operation: &document::Operation<'_>,
    builders: &BTreeMap<String, Builder<'_>>,
    structs: &structs::Structs<'_>,
) -> Result<Operation> {
    let name = names::builder(operation.id());
    let builder = builders
        .get(&name)
        .with_context(|| format!("progenitor made no builder {name}"))?;
    let output = builder
        .output
        .with_context(|| format!("progenitor's builder {name} cannot send"))?;
    let output = qualified(&plain_type(output));
    let (mut path, mut query) = (Vec::new(), Vec::new());
    for parameter in parameters(model.document, operation) {
        let wire = parameter["name"].as_str().unwrap_or_default().to_owned();
        let ident = names::snake(&wire);
        let ty = builder
            .fields
            .get(&ident)
            .or_else(|| builder.fields.get(&format!("{ident}_")));
        let ty = ty.with_context(|| format!("progenitor's builder {name} has no field {ident}"))?;
        let ident = names::argument(&wire);
        let description = model.words.of_field(
            &name,
            &wire,
            parameter["description"].as_str().unwrap_or_default(),
        );
        match parameter["in"].as_str() {
            Some("path") => path.push(Path {
                kind: kind(&wire, &parameter["schema"]),
                ident,
                wire,
                description,
            }),
            Some("query") => {
                let ty = qualified(&plain_type(argument_of(ty, "Option").unwrap_or(ty)));
                let deprecated = parameter["deprecated"] == true;
                query.push(Query {
                    required: parameter["required"] == true,
                    ident,
                    wire,
                    ty,
                    description,
                    deprecated,
                });
            }
            other => bail!(
                "{}: parameter {wire} stands in {other:?}, which progenitor does not take",
                operation.pointer()
            ),
        }
    }
    path.sort_by_key(|parameter| operation.path.find(&format!("{{{}}}", parameter.wire)));
    // A query parameter may be called `body` too.
    let sent = operation
        .value
        .get("requestBody")
        .and_then(|_| builder.fields.get("body"));
    let body = sent.map(|ty| body(model, operation, ty)).transpose()?;
    let summary = docs::lines(&model.words.of_operation(
        &name,
        operation.value["summary"].as_str().unwrap_or_default(),
    ));
    let paged = paging::is_paged(&output, &query, structs);
    let text = write(
        operation,
        &Parts {
            name: &name,
            summary,
            path: &path,
            query: &query,
            body: body.as_ref(),
            output: &output,
            paged,
        },
    );
    Ok(Operation {
        builder: name,
        output,
        query,
        text,
        tag: operation.tag().replace(|c: char| c.is_control(), " "),
        file: names::file(operation.tag()),
    })
}

/// How a path parameter is checked before it is sent.
fn kind(wire: &str, schema: &Value) -> &'static str {
    match (wire, schema["type"].as_str(), schema["format"].as_str()) {
        ("project-slug", ..) => "ProjectSlug",
        ("org-slug", ..) => "OrgSlug",
        ("org-slug-or-id", ..) => "OrgSlugOrId",
        (_, _, Some("uuid")) => "Uuid",
        (_, Some("integer"), _) => "Integer",
        _ => "Text",
    }
}

/// What a method takes for its path.
struct InPath<'a> {
    ident: &'a str,
    call: &'static str,
    description: &'a str,
}

/// The arguments for a path: one for each parameter, but a project slug for the three that spell one.
fn in_path(path: &[Path]) -> Vec<InPath<'_>> {
    let spells_slug = |at: usize| {
        path[at..]
            .iter()
            .map(|parameter| parameter.wire.as_str())
            .take(3)
            .eq(["provider", "organization", "project"])
    };
    let mut arguments = Vec::new();
    let mut at = 0;
    while let Some(parameter) = path.get(at) {
        if spells_slug(at) {
            let description = "The project's slug, as in `gh/acme/web` or `circleci/<organization id>/<project id>`.";
            arguments.push(InPath {
                ident: "project_slug",
                call: "with_project",
                description,
            });
            at += 3;
        } else {
            arguments.push(InPath {
                ident: &parameter.ident,
                call: "with_path",
                description: &parameter.description,
            });
            at += 1;
        }
    }
    arguments
}

fn body(model: &Model<'_>, operation: &document::Operation<'_>, ty: &syn::Type) -> Result<Body> {
    let name =
        type_name(ty).ok_or_else(|| anyhow!("{}: a body without a type", operation.pointer()))?;
    let schema = model.schema(&name)?;
    let some_required = schema["x-required"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    let said = operation.value["requestBody"]["required"] == true;
    // An update that changes nothing is no use; only a POST that needs nothing may go without a body.
    let required = said || some_required || operation.method != "post";
    let description = model
        .words
        .of_type(&name, schema["description"].as_str().unwrap_or_default());
    Ok(Body {
        ty: name,
        required,
        description,
    })
}

/// The same type with the crate's own types named from their module.
fn qualified(ty: &syn::Type) -> syn::Type {
    use syn::visit_mut::{VisitMut, visit_path_mut};
    struct InTypes;
    impl VisitMut for InTypes {
        fn visit_path_mut(&mut self, path: &mut syn::Path) {
            visit_path_mut(self, path);
            let std = [
                "Option",
                "String",
                "Vec",
                "BTreeMap",
                "Uuid",
                "DateTime",
                "Utc",
                "bool",
                "i64",
                "i32",
                "f64",
                "ParameterValue",
                "ByteStream",
            ];
            if let (Some(segment), true) = (
                path.get_ident().cloned().or_else(|| only(path)),
                path.segments.len() == 1,
            ) && !std.iter().any(|name| segment == name)
            {
                path.segments
                    .insert(0, syn::PathSegment::from(format_ident!("types")));
            }
        }
    }
    fn only(path: &syn::Path) -> Option<syn::Ident> {
        path.segments.first().map(|segment| segment.ident.clone())
    }
    let mut ty = ty.clone();
    InTypes.visit_type_mut(&mut ty);
    ty
}

pub fn spell(ty: &syn::Type) -> String {
    ty.to_token_stream()
        .to_string()
        .replace(" :: ", "::")
        .replace(" < ", "<")
        .replace(" >", ">")
        .replace("< ", "<")
        .replace(" ,", ",")
}

/// Which failures may be answered by sending the request again.
fn replay(operation: &document::Operation<'_>) -> &'static str {
    match operation.method {
        "get" | "head" | "put" | "delete" => "Safe",
        "post" if operation.path.ends_with("/cancel") => "Cancel",
        _ => "Never",
    }
}

// ---- writing -------------------------------------------------------------------------------------------------------

/// What there is to write of an operation.
struct Parts<'a> {
    name: &'a str,
    summary: Vec<String>,
    path: &'a [Path],
    query: &'a [Query],
    body: Option<&'a Body>,
    output: &'a syn::Type,
    paged: bool,
}

/// The method of the client, and the builder.
struct Text {
    method: String,
    builder: String,
}

fn write(operation: &document::Operation<'_>, parts: &Parts<'_>) -> Text {
    let Parts {
        name,
        summary,
        path,
        query,
        body,
        output,
        ..
    } = parts;
    let body = *body;
    let method = names::method(operation.id());
    let in_path = in_path(path);
    let mut arguments: Vec<String> = in_path
        .iter()
        .map(|argument| format!("{}: impl Into<PathValue>", argument.ident))
        .collect();
    let mut chain: String = in_path
        .iter()
        .map(|argument| format!(".{}({})", argument.call, argument.ident))
        .collect();
    for parameter in query.iter().filter(|parameter| parameter.required) {
        let (taken, call) = query_value(parameter);
        arguments.push(format!("{}: {taken}", parameter.ident));
        chain += &call;
    }
    if let Some(body) = body.filter(|body| body.required) {
        arguments.push(format!("body: impl Borrow<types::{}>", body.ty));
        chain += ".with_json(body.borrow())";
    }
    let arguments: String = arguments
        .iter()
        .map(|argument| format!(", {argument}"))
        .collect();
    let deprecated = if operation.value["deprecated"] == true {
        "    #[deprecated = \"CircleCI's document marks this operation as deprecated\"]\n"
    } else {
        ""
    };
    let docs = docs::comment(&method_docs(operation, parts), "    ");
    let output = spell(output);
    let kinds = path
        .iter()
        .map(|parameter| format!("{:?}: {}", parameter.wire, parameter.kind))
        .collect::<Vec<_>>()
        .join(", ");
    let summary = &summary[0];
    let start = if body.is_some_and(|body| !body.required) {
        "Request::new(self).with_empty_object()"
    } else {
        "Request::new(self)"
    };
    let client = format!(
        "{docs}{deprecated}    pub fn {method}(&self{arguments}) -> Request<{name}> {{\n        {start}{chain}\n    }}\n"
    );
    let mut text = format!(
        "operation! {{\n    /// {summary}\n    ///\n    /// Asked for by [`Client::{method}`].\n    {name} -> {output};\n    {:?} {} {:?} ({kinds}) {}\n}}\n",
        operation.id(),
        operation.method.to_uppercase(),
        operation.path,
        replay(operation),
    );
    let mut setters = String::new();
    for parameter in query.iter().filter(|parameter| !parameter.required) {
        let (taken, call) = query_value(parameter);
        let lines = docs::lines(&parameter.description);
        let deprecated = if parameter.deprecated {
            "    #[deprecated = \"CircleCI's document marks this parameter as deprecated\"]\n"
        } else {
            ""
        };
        setters += &format!(
            "{}{deprecated}    pub fn {}(self, {}: {taken}) -> Self {{\n        self{call}\n    }}\n\n",
            docs::comment(&lines, "    "),
            parameter.ident,
            parameter.ident,
        );
    }
    if let Some(body) = body.filter(|body| !body.required) {
        setters += &format!(
            "{}    pub fn body(self, body: impl Borrow<types::{}>) -> Self {{\n        self.with_json(body.borrow())\n    }}\n\n",
            docs::comment(&docs::lines(&body.description), "    "),
            body.ty
        );
    }
    if !setters.is_empty() {
        text += &format!(
            "\nimpl Request<{name}> {{\n{}\n}}\n",
            setters.trim_end_matches('\n')
        );
    }
    Text {
        method: client,
        builder: text,
    }
}

/// What a setter takes, and the call that sets it.
fn query_value(parameter: &Query) -> (String, String) {
    let Query {
        wire, ident, ty, ..
    } = parameter;
    if argument_of(ty, "Vec").is_some() {
        return (
            "impl IntoIterator<Item = impl Into<QueryValue>>".into(),
            format!(".with_query_each({wire:?}, {ident})"),
        );
    }
    match type_name(ty).as_deref() {
        Some("bool" | "i64" | "DateTime") => (spell(ty), format!(".with_query({wire:?}, {ident})")),
        Some("f64") => (
            spell(ty),
            format!(".with_query({wire:?}, {ident}.to_string())"),
        ),
        // Ids and text are what people have in hand.
        Some("String" | "Uuid") => (
            "impl Into<QueryValue>".into(),
            format!(".with_query({wire:?}, {ident})"),
        ),
        _ => (
            format!("impl Into<{}>", spell(ty)),
            format!(".with_query({wire:?}, {ident}.into())"),
        ),
    }
}

fn method_docs(operation: &document::Operation<'_>, parts: &Parts<'_>) -> Vec<String> {
    let Parts {
        name,
        summary,
        path,
        query,
        body,
        paged,
        ..
    } = parts;
    let mut lines = summary.clone();
    let description = operation.value["description"].as_str().unwrap_or_default();
    let described = match docs::lines(description) {
        // What the summary says need not be said again.
        said if said
            .first()
            .is_some_and(|first| docs::same(first, &summary[0])) =>
        {
            said.into_iter()
                .skip(1)
                .skip_while(String::is_empty)
                .collect()
        }
        _ => docs::paragraphs(description),
    };
    if !described.is_empty() {
        lines.push(String::new());
        lines.extend(described);
    }
    lines.extend([
        String::new(),
        format!(
            "`{} {}`, CircleCI's [`{}`]({}).",
            operation.method.to_uppercase(),
            operation.path,
            operation.id(),
            docs::address(operation)
        ),
    ]);
    if *paged {
        lines.extend([
            String::new(),
            "Paged: [`send`](Request::send) answers with one page, [`items`](Request::items) and [`pages`](Request::pages) follow to the last one.".into(),
        ]);
    }
    let mut arguments: Vec<String> = Vec::new();
    let mut argument = |ident: &str, description: &str| {
        let description = docs::paragraphs(description).join(" ");
        arguments.push(format!("- `{ident}`: {description}"));
    };
    in_path(path)
        .iter()
        .for_each(|parameter| argument(parameter.ident, parameter.description));
    query
        .iter()
        .filter(|parameter| parameter.required)
        .for_each(|parameter| argument(&parameter.ident, &parameter.description));
    if let Some(body) = body.filter(|body| body.required) {
        argument("body", &body.description);
    }
    if !arguments.is_empty() {
        lines.extend([String::new(), "# Arguments".into()]);
        lines.extend(arguments);
    }
    // The setters stand with `Request`; whoever reads the client's page learns here which there are.
    let mut setters: Vec<String> = query
        .iter()
        .filter(|parameter| !parameter.required)
        .map(|parameter| format!("`{}`", parameter.ident))
        .collect();
    setters.extend(
        body.filter(|body| !body.required)
            .map(|_| "`body`".to_owned()),
    );
    if !setters.is_empty() {
        lines.extend([
            String::new(),
            format!(
                "Optional, as setters of the [`Request<{name}>`](Request): {}.",
                setters.join(", ")
            ),
        ]);
    }
    let errors = errors(operation);
    if !errors.is_empty() {
        lines.extend([String::new(), "# Errors".into(), errors]);
    }
    lines
}

/// The statuses that the document names, in one line.
fn errors(operation: &document::Operation<'_>) -> String {
    let statuses = operation.value["x-errors"]
        .as_object()
        .into_iter()
        .flat_map(|errors| errors.keys())
        .filter(|status| *status != "default");
    let statuses: Vec<String> = statuses
        .map(|status| format!("{status} ({})", reason(status)))
        .collect();
    if statuses.is_empty() {
        String::new()
    } else {
        format!("CircleCI's document names {}.", statuses.join(", "))
    }
}

fn reason(status: &str) -> &'static str {
    match status {
        "400" => "bad request",
        "401" => "no valid token",
        "403" => "not permitted",
        "404" => "not found, or not visible to the token",
        "405" => "not allowed",
        "409" => "conflict",
        "413" => "too large",
        "429" => "rate limited",
        _ => "the server failed",
    }
}
