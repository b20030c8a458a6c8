//! Writes the operations. Each operation gets a method of `Client`, which takes the required parameters, and a builder, which has
//! a setter for each optional parameter.

use super::{
    aliases, docs, escape,
    imports::{self, Imports},
    method_docs::{method_docs, page},
    model::{Body, Files, HEADER, InPath, Model, Operation, Query},
};
use crate::{document, lower::rust::Rust};
use anyhow::Result;
use std::collections::BTreeMap;

pub fn emit(model: &Model<'_>, files: &mut Files) -> Result<()> {
    let mut by_file: BTreeMap<String, Vec<&Operation<'_>>> = BTreeMap::new();
    for operation in &model.operations {
        by_file.entry(operation.file()).or_default().push(operation);
    }
    let mut index = format!(
        "{HEADER}\n//! The operations as types. Each has a page with its arguments, its optional setters and an example.\n//!\n\
         //! The methods of [`Client`](crate::Client) make a request of an operation. The types stand for the operations in\n\
         //! [`Request<O>`](crate::Request) and in the calls of the mock.\n\n"
    );
    for file in by_file.keys() {
        index += &format!("mod {file};\n");
    }
    index.push('\n');
    for (file, operations) in by_file {
        index += &format!("pub use {file}::*;\n");
        let path = format!("operations/{file}.rs");
        files.insert(path, of_tag(model, &operations)?);
    }
    files.insert("operations/mod.rs".into(), index);
    Ok(())
}

/// Returns the file for the operations of one tag.
fn of_tag(model: &Model<'_>, operations: &[&Operation<'_>]) -> Result<String> {
    let mut uses = Imports::default();
    uses.add(imports::CLIENT);
    uses.add(imports::REQUEST);
    let (mut methods, mut builders) = (Vec::new(), Vec::new());
    for operation in operations {
        add_imports(operation, &mut uses);
        methods.push(method(operation));
        builders.push(builder(model, operation)?);
    }
    let tag = operations
        .first()
        .map_or("Other", |operation| operation.source.tag());
    let named = escape::text(tag);
    Ok(format!(
        "{HEADER}\n//! {named}.\n\n{}\n{}impl Client {{\n{}}}\n\n{}",
        uses.lines(),
        docs::comment(&heading(model, tag), ""),
        methods.join("\n"),
        builders.join("\n")
    ))
}

/// Returns the section heading for a tag on the page of `Client`: the tag, and the first paragraph of its description.
fn heading(model: &Model<'_>, tag: &str) -> Vec<String> {
    let tags = model.document["tags"].as_array().into_iter().flatten();
    let described = tags
        .filter(|found| found["name"] == tag)
        .find_map(|found| found["description"].as_str())
        .unwrap_or_default();
    let first = docs::paragraphs(described).into_iter().next();
    let heading = [format!("# {}", escape::text(tag))].into_iter();
    heading
        .chain(first.into_iter().flat_map(|first| [String::new(), first]))
        .collect()
}

fn add_imports(operation: &Operation<'_>, uses: &mut Imports) {
    uses.add_type_outside(&operation.output);
    if !operation.path.is_empty() {
        uses.add(imports::PATH_VALUE);
    }
    if operation.body.is_some() {
        uses.add(imports::BORROW);
        uses.add(imports::TYPES);
    }
    for query in &operation.query {
        match taken(&query.ty) {
            Taken::Each | Taken::Text => uses.add(imports::QUERY_VALUE),
            Taken::Plain | Taken::Number | Taken::Into => uses.add_type_outside(&query.ty),
        }
    }
}

/// Returns the variant of `Replay`, which says when a failed request may be sent again.
fn replay(operation: &document::Operation<'_>) -> &'static str {
    match operation.method {
        "get" | "head" | "put" | "delete" => "Safe",
        "post" if operation.path.ends_with("/cancel") => "Cancel",
        _ => "Never",
    }
}

/// Returns the method of `Client` for an operation.
fn method(operation: &Operation<'_>) -> String {
    let (mut arguments, mut chain) = (String::new(), String::new());
    for InPath { ident, call, .. } in operation.in_path() {
        arguments += &format!(", {ident}: impl Into<PathValue>");
        chain += &format!(".{call}({ident})");
    }
    for parameter in operation.query.iter().filter(|query| query.required) {
        let (taken, call) = query_value(parameter);
        arguments += &format!(", {}: {taken}", parameter.ident);
        chain += &call;
    }
    let start = match &operation.body {
        Some(Body {
            required: true, ty, ..
        }) => {
            arguments += &format!(", body: impl Borrow<types::{ty}>");
            chain += ".with_json(body.borrow())";
            "Request::new(self)"
        }
        Some(_) => "Request::new(self).with_empty_object()",
        None => "Request::new(self)",
    };
    let deprecated = if operation.source.value["deprecated"] == true {
        "    #[deprecated = \"CircleCI's document marks this operation as deprecated\"]\n"
    } else {
        ""
    };
    format!(
        "{}{}{deprecated}    pub fn {}(&self{arguments}) -> Request<{}> {{\n        {start}{chain}\n    }}\n",
        docs::comment(&method_docs(operation), "    "),
        aliases::attributes(operation, "    "),
        operation.method,
        operation.builder,
    )
}

/// Returns the type for an operation, and the setters of its requests.
fn builder(model: &Model<'_>, operation: &Operation<'_>) -> Result<String> {
    let (source, builder) = (&operation.source, &operation.builder);
    let kinds: Vec<String> = operation
        .path
        .iter()
        .map(|parameter| format!("{:?}: {}", parameter.wire, parameter.kind))
        .collect();
    let mut text = format!(
        "operation! {{\n{}{}    {builder} -> {:#};\n    {:?} {} {:?} ({}) {}\n}}\n",
        docs::comment(&page(model, operation)?, "    "),
        aliases::attributes(operation, "    "),
        operation.output,
        source.id(),
        source.method.to_uppercase(),
        source.path,
        kinds.join(", "),
        replay(source),
    );
    let optional = operation.query.iter().filter(|query| !query.required);
    let mut setters: Vec<String> = optional.map(setter).collect();
    if let Some(body) = operation.body.as_ref().filter(|body| !body.required) {
        setters.push(format!(
            "{}    pub fn body(self, body: impl Borrow<types::{}>) -> Self {{\n        self.with_json(body.borrow())\n    }}\n",
            docs::comment(&docs::lines(&body.description), "    "),
            body.ty
        ));
    }
    if !setters.is_empty() {
        text += &format!(
            "\n{SETTERS_ATTRIBUTE}impl Request<{builder}> {{\n{}}}\n",
            setters.join("\n")
        );
    }
    Ok(text)
}

/// Hides the setters from rustdoc. Otherwise, the page of `Request` would contain about thirty `impl` blocks and be unreadable.
/// The page of each operation describes its setters instead. `#[doc(hidden)]` is not used, because IDEs do not complete hidden
/// items. This `cfg` does not hide the setters from IDEs, because they read the code without `cfg(doc)`. Tools that compare the
/// public API by rustdoc's JSON set `all_setters` to see the setters.
const SETTERS_ATTRIBUTE: &str = "#[cfg(any(not(doc), all_setters))]\n";

fn setter(parameter: &Query) -> String {
    let (taken, call) = query_value(parameter);
    let ident = &parameter.ident;
    let deprecated = if parameter.deprecated {
        "    #[deprecated = \"CircleCI's document marks this parameter as deprecated\"]\n"
    } else {
        ""
    };
    format!(
        "{}{deprecated}    pub fn {ident}(self, {ident}: {taken}) -> Self {{\n        self{call}\n    }}\n",
        docs::comment(&docs::lines(&parameter.description), "    "),
    )
}

/// The way in which a setter takes the value of a query parameter.
enum Taken {
    /// Takes a list, and adds one query parameter for each item.
    Each,
    /// Takes the parameter's type itself.
    Plain,
    /// Takes the parameter's type itself, and converts the value to text.
    Number,
    /// Takes any type that converts into a query value. This is used for IDs and text.
    Text,
    /// Takes any type that converts into the parameter's type.
    Into,
}

fn taken(ty: &Rust) -> Taken {
    match ty {
        Rust::List(_) => Taken::Each,
        Rust::Bool | Rust::I64 | Rust::DateTime => Taken::Plain,
        Rust::F64 => Taken::Number,
        Rust::String | Rust::Uuid => Taken::Text,
        _ => Taken::Into,
    }
}

/// Returns the type that a setter takes, and the call that sets the value.
fn query_value(parameter: &Query) -> (String, String) {
    let Query {
        wire, ident, ty, ..
    } = parameter;
    let (taken, call, value) = match taken(ty) {
        Taken::Each => (
            "impl IntoIterator<Item = impl Into<QueryValue>>".into(),
            "with_query_each",
            ident.clone(),
        ),
        Taken::Plain => (format!("{ty:#}"), "with_query", ident.clone()),
        Taken::Number => (
            format!("{ty:#}"),
            "with_query",
            format!("{ident}.to_string()"),
        ),
        Taken::Text => ("impl Into<QueryValue>".into(), "with_query", ident.clone()),
        Taken::Into => (
            format!("impl Into<{ty:#}>"),
            "with_query",
            format!("{ident}.into()"),
        ),
    };
    (taken, format!(".{call}({wire:?}, {value})"))
}
