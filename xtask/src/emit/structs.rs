//! Writes objects as structs with public fields. A struct that callers send also gets a constructor and setters.

use super::{
    docs,
    imports::{self, Imports},
    model::{Model, text},
    words,
};
use crate::lower::{
    hoist::Named,
    names,
    rust::{Field, Rust},
};
use anyhow::{Context, Result};
use serde_json::Value;

/// A field of a struct, with its schema and its docs.
struct Member<'a> {
    field: &'a Field,
    schema: &'a Value,
    docs: Vec<String>,
    /// The position among the properties that are required in a request, or `None` if the field is optional.
    required: Option<usize>,
}

impl Member<'_> {
    /// Returns whether the constructor's argument for this field is an `Option`. A caller must then pass `None` to omit the
    /// field.
    fn is_explicit(&self) -> bool {
        self.schema["x-explicit"] == true
    }
}

pub fn emit(
    model: &Model<'_>,
    named: &Named,
    schema: &Value,
    uses: &mut Imports,
) -> Result<String> {
    let name = &named.name;
    let members = members(model, name, schema)?;
    uses.add(imports::OBJECT);
    let constructible = named.usage.request;
    let default = constructible && members.iter().all(|member| member.field.optional);
    let mut required = Vec::new();
    let mut declared = String::new();
    for member in &members {
        uses.add_type(&member.field.ty);
        declared += &docs::comment(&member.docs, "        ");
        declared += &declaration(member, &mut required, uses);
    }
    let requires = if required.is_empty() {
        String::new()
    } else {
        format!("requires {} ", required.join(", "))
    };
    let derive = if default {
        "    #[derive(Default)]\n"
    } else {
        ""
    };
    let role = match (constructible, named.usage.response) {
        (true, false) => "as request ",
        (true, true) => "as both ",
        (false, _) => "",
    };
    let promises = promises(schema, &required);
    let mut text = format!(
        "object! {{\n{}{derive}    {name} {role}{requires}{promises}{{\n{declared}    }}\n}}\n",
        docs::comment(&model.described(name, schema), "    ")
    );
    if constructible {
        text.push('\n');
        text += &formatted(&constructor(name, &members))?;
    }
    Ok(text)
}

/// Returns the `promises` clause. It lists the keys that the document requires in a response but the Rust type does not require.
fn promises(schema: &Value, required: &[String]) -> String {
    let promised: Vec<String> = schema["x-promised"]
        .as_array()
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .filter(|key| !required.contains(key))
        .collect();
    match promised.is_empty() {
        true => String::new(),
        false => format!("promises {} ", promised.join(", ")),
    }
}

/// Formats Rust code.
fn formatted(code: &str) -> Result<String> {
    let file = syn::parse_file(code).context("the generator's output is not valid Rust")?;
    Ok(prettyplease::unparse(&file))
}

/// Returns the properties that are required in a request, in the order of the constructor's arguments.
pub fn required_in_order<'a>(owner: &str, schema: &'a Value) -> Vec<&'a str> {
    let required = schema["x-required"].as_array().into_iter().flatten();
    let mut required: Vec<&str> = required.filter_map(Value::as_str).collect();
    required.sort_by_key(|wire| (names::argument_place(owner, wire), *wire));
    required
}

fn members<'a>(model: &'a Model<'_>, owner: &str, schema: &'a Value) -> Result<Vec<Member<'a>>> {
    let required = required_in_order(owner, schema);
    let fields = model.rust.fields(owner)?.iter();
    let members = fields.map(|field| {
        let wire = &field.wire;
        let property = schema["properties"]
            .get(wire)
            .with_context(|| format!("{owner}: no property {wire}"))?;
        Ok(Member {
            field,
            schema: property,
            docs: field_docs(model, owner, wire, property),
            required: required.iter().position(|name| name == wire),
        })
    });
    members.collect()
}

/// Returns the declaration of a field, such as `public_key: Option<String> = optional "public-key" | "public_key",`.
fn declaration(member: &Member<'_>, required: &mut Vec<String>, uses: &mut Imports) -> String {
    let (field, schema) = (member.field, member.schema);
    let (wire, ident, optional) = (&field.wire, &field.ident, field.optional);
    let secret = schema["x-secret"] == true;
    // Only an optional field has a decoder: a decoder returns an `Option`, and required fields of a request are never decoded.
    let kind = match schema["x-decode"].as_str().filter(|_| optional) {
        Some(decoder) => {
            uses.add(match decoder {
                "text" => imports::TEXT,
                _ => imports::NUMBER_OR_STRING,
            });
            format!("with({})", names::pascal(decoder))
        }
        None if schema["x-or-default"] == true && secret => "secret_list".into(),
        None if secret && optional => "optional_secret".into(),
        None if secret => {
            required.push(format!("{wire:?}"));
            format!("secret({})", required.len() - 1)
        }
        None if optional => "optional".into(),
        // `items` is required, unlike other lists, because a response without `items` is not a page of a list.
        None if schema["x-or-default"] == true && wire == "items" => {
            required.push(format!("{wire:?}"));
            format!("items({})", required.len() - 1)
        }
        None if schema["x-or-default"] == true => "list".into(),
        None => {
            required.push(format!("{wire:?}"));
            format!("required({})", required.len() - 1)
        }
    };
    // CircleCI sends snake_case keys where its document has kebab-case keys. The generated code reads the key in both spellings
    // and writes it in kebab-case.
    let alias = if wire.contains('-') {
        format!(" | {:?}", wire.replace('-', "_"))
    } else {
        String::new()
    };
    let deprecated = if schema["deprecated"] == true {
        format!("        {DEPRECATED}\n")
    } else {
        String::new()
    };
    format!("{deprecated}        {ident}: {field} = {kind} {wire:?}{alias},\n")
}

const DEPRECATED: &str = "#[deprecated = \"CircleCI's document marks this field as deprecated\"]";
const USES_DEPRECATED: &str = "#[allow(deprecated)]\n";

fn field_docs(model: &Model<'_>, owner: &str, wire: &str, schema: &Value) -> Vec<String> {
    let described = text(schema, "description");
    let mut lines = docs::lines(&model.words.of_field(owner, wire, described));
    if let Some(unit) =
        words::unit(owner, wire).filter(|unit| !lines.join(" ").to_lowercase().contains(unit.0))
    {
        lines.push(String::new());
        lines.push(unit.1.to_owned());
    }
    lines
}

/// Writes the constructor `new` for the required fields, and a setter for each optional field. With setters, a new optional field
/// breaks no caller.
fn constructor(name: &str, members: &[Member<'_>]) -> String {
    let (mut required, optional): (Vec<_>, Vec<_>) =
        members.iter().partition(|member| member.required.is_some());
    // The naming table determines the order, for example `start` before `end`.
    required.sort_by_key(|member| member.required);
    let arguments: Vec<String> = required
        .iter()
        .map(|member| match member.is_explicit() {
            true => format!("{}: {}", member.field.ident, member.field),
            false => format!("{}: {}", member.field.ident, taken(&member.field.present())),
        })
        .collect();
    let values: String = members.iter().map(value).collect();
    let about = match (required.len(), optional.len()) {
        (0, _) => "/// Creates a value with no field set. All fields are optional.\n",
        (_, 0) => "/// Creates a value. All fields are required.\n",
        _ => "/// Creates a value with the required fields. The setters add the optional ones.\n",
    };
    let mut attributes = String::new();
    if required.len() > 7 {
        attributes += "#[allow(clippy::too_many_arguments)]\n";
    }
    if required.is_empty() {
        attributes += "#[allow(clippy::new_without_default)]\n";
    }
    if members
        .iter()
        .any(|member| member.schema["deprecated"] == true)
    {
        attributes += USES_DEPRECATED;
    }
    let setters: String = optional.iter().map(|member| setter(member)).collect();
    let entries: String = members
        .iter()
        .filter_map(|member| entry_setter(member.field))
        .collect();
    format!(
        "impl {name} {{\n{about}{attributes}pub fn new({}) -> Self {{ Self {{ {values} __extra: Default::default() }} }}\n{setters}{entries}}}",
        arguments.join(", ")
    )
}

/// Returns the initializer of a field in `new`.
fn value(member: &Member<'_>) -> String {
    let (field, ident) = (member.field, &member.field.ident);
    let given = given(&field.present(), ident);
    match (member.required, field.optional) {
        (None, _) => format!("{ident}: None, "),
        _ if member.is_explicit() => format!("{ident}, "),
        (Some(_), true) => format!("{ident}: Some({given}), "),
        (Some(_), false) if given == *ident => format!("{ident}, "),
        (Some(_), false) => format!("{ident}: {given}, "),
    }
}

fn setter(member: &Member<'_>) -> String {
    let ident = &member.field.ident;
    // `new` is already the constructor, and `extra` already sets extra keys, so a setter with one of these names gets an
    // underscore.
    let setter = match ident.as_str() {
        "new" | "extra" => format!("{ident}_"),
        _ => ident.clone(),
    };
    let (taken, given) = (
        taken(&member.field.present()),
        given(&member.field.present(), ident),
    );
    let docs = docs::comment(&member.docs, "");
    let deprecated = if member.schema["deprecated"] == true {
        format!("{DEPRECATED}\n{USES_DEPRECATED}")
    } else {
        String::new()
    };
    format!(
        "{docs}{deprecated}pub fn {setter}(mut self, {ident}: {taken}) -> Self {{ self.{ident} = Some({given}); self }}\n"
    )
}

/// Returns a second setter for a map, which adds one entry. By calling it several times, a caller can add entries of different
/// types.
fn entry_setter(field: &Field) -> Option<String> {
    let Rust::Map(value) = &field.ty else {
        return None;
    };
    let (ident, setter) = (&field.ident, names::singular(&field.ident));
    let map = if field.optional {
        format!("self.{ident}.get_or_insert_default()")
    } else {
        format!("self.{ident}")
    };
    let (taken, given) = (taken(value), given(value, "value"));
    (setter != *ident).then(|| {
        format!(
            "/// Adds one entry to `{ident}`.\npub fn {setter}(mut self, name: impl Into<String>, value: {taken}) -> Self {{ {map}.insert(name.into(), {given}); self }}\n"
        )
    })
}

/// Returns the type of the argument that sets a field.
fn taken(ty: &Rust) -> String {
    match ty {
        Rust::List(item) if item.is_plain() => format!("impl IntoIterator<Item = {item}>"),
        Rust::List(item) => format!("impl IntoIterator<Item = impl Into<{item}>>"),
        Rust::Map(value) => {
            format!("impl IntoIterator<Item = (impl Into<String>, impl Into<{value}>)>")
        }
        ty if ty.is_plain() => ty.to_string(),
        ty => format!("impl Into<{ty}>"),
    }
}

/// Returns the expression that converts the argument into the value of the field.
fn given(ty: &Rust, ident: &str) -> String {
    match ty {
        Rust::List(item) if item.is_plain() => format!("{ident}.into_iter().collect()"),
        Rust::List(_) => format!("{ident}.into_iter().map(Into::into).collect()"),
        Rust::Map(_) => {
            format!("{ident}.into_iter().map(|(key, value)| (key.into(), value.into())).collect()")
        }
        ty if ty.is_plain() => ident.to_owned(),
        _ => format!("{ident}.into()"),
    }
}
