//! Objects: plain structs with public fields; those that a caller sends get a constructor and setters.

use super::words;
use super::{Model, argument_of, docs, plain_type, type_name, unparse};
use crate::lower::{hoist::Named, names};
use anyhow::{Context, Result};
use quote::{format_ident, quote};
use serde_json::Value;
use std::collections::BTreeMap;

/// progenitor's structs by name.
pub type Structs<'a> = BTreeMap<String, &'a syn::ItemStruct>;

pub fn find<'a>(model: &'a Model<'_>) -> Result<Structs<'a>> {
    let structs = model.module("types")?.iter().filter_map(|item| match item {
        syn::Item::Struct(item) => Some((item.ident.to_string(), item)),
        _ => None,
    });
    Ok(structs.collect())
}

/// One field as we write it.
struct Field<'a> {
    ident: syn::Ident,
    wire: String,
    ty: syn::Type,
    schema: &'a Value,
    docs: Vec<String>,
    /// The place among what the document requires of a request.
    required: Option<usize>,
}

pub fn emit(
    model: &Model<'_>,
    named: &Named,
    schema: &Value,
    structs: &Structs<'_>,
) -> Result<String> {
    let raw = structs
        .get(&named.name)
        .with_context(|| format!("progenitor made no struct of {}", named.name))?;
    let fields = fields(model, raw, schema)?;
    let name = format_ident!("{}", named.name);
    let described = model.described(&named.name, schema);
    let constructible = named.usage.request;
    let default = constructible
        && fields
            .iter()
            .all(|field| argument_of(&field.ty, "Option").is_some());
    let mut required = Vec::new();
    let mut declared = String::new();
    for field in &fields {
        declared += &docs::comment(&field.docs, "        ");
        declared += &declaration(field, &mut required);
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
    let mut text = format!(
        "object! {{\n{}{derive}    {name} {requires}{{\n{declared}    }}\n}}\n",
        docs::comment(&described, "    ")
    );
    if constructible {
        text.push('\n');
        text += &unparse(constructor(&name, &fields)?);
    }
    Ok(text)
}

fn doc_attribute(line: &str) -> proc_macro2::TokenStream {
    let line = if line.is_empty() {
        String::new()
    } else {
        format!(" {line}")
    };
    quote!(#[doc = #line])
}

fn fields<'a>(
    model: &Model<'_>,
    raw: &syn::ItemStruct,
    schema: &'a Value,
) -> Result<Vec<Field<'a>>> {
    let required: Vec<&str> = schema["x-required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    raw.fields
        .iter()
        .map(|field| {
            let ident = field
                .ident
                .clone()
                .with_context(|| format!("{}: a field without a name", raw.ident))?;
            let wire = renamed(field).unwrap_or_else(|| ident.to_string());
            let property = schema["properties"]
                .get(&wire)
                .with_context(|| format!("{}: no property {wire}", raw.ident))?;
            let required = required.iter().position(|name| *name == wire);
            let docs = field_docs(model, &raw.ident.to_string(), &wire, property);
            Ok(Field {
                ident,
                ty: plain_type(&field.ty),
                schema: property,
                docs,
                required,
                wire,
            })
        })
        .collect()
}

/// The name that progenitor gives a field on the wire, where it differs from the Rust one.
fn renamed(field: &syn::Field) -> Option<String> {
    let mut name = None;
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                name = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
    }
    name
}

/// `public_key: Option<String> = optional "public-key" | "public_key",`
fn declaration(field: &Field<'_>, required: &mut Vec<String>) -> String {
    let Field {
        ident,
        wire,
        ty,
        schema,
        ..
    } = field;
    let optional = argument_of(ty, "Option").is_some();
    // A decoder answers an `Option`; what a caller must send is only ever written.
    let kind = match schema["x-decode"].as_str().filter(|_| optional) {
        Some(decoder) => format!("with({})", names::pascal(decoder)),
        None if schema["x-or-default"] == true && schema["x-secret"] == true => {
            "secret_list".into()
        }
        None if schema["x-secret"] == true && optional => "optional_secret".into(),
        None if schema["x-secret"] == true => {
            required.push(format!("{wire:?}"));
            format!("secret({})", required.len() - 1)
        }
        None if optional => "optional".into(),
        None if schema["x-or-default"] == true => "list".into(),
        None => {
            required.push(format!("{wire:?}"));
            format!("required({})", required.len() - 1)
        }
    };
    // CircleCI answers in snake case where its document says kebab case; both are read, the document's is written.
    let alias = if wire.contains('-') {
        format!(" | {:?}", wire.replace('-', "_"))
    } else {
        String::new()
    };
    let deprecated = if schema["deprecated"] == true {
        "        #[deprecated = \"CircleCI's document marks this field as deprecated\"]\n"
    } else {
        ""
    };
    format!(
        "{deprecated}        {ident}: {} = {kind} {wire:?}{alias},\n",
        super::operations::spell(ty)
    )
}

fn field_docs(model: &Model<'_>, owner: &str, wire: &str, schema: &Value) -> Vec<String> {
    let mut lines = docs::lines(&model.words.of_field(
        owner,
        wire,
        schema["description"].as_str().unwrap_or_default(),
    ));
    if let Some(unit) =
        words::unit(owner, wire).filter(|unit| !lines.join(" ").to_lowercase().contains(unit.0))
    {
        lines.push(String::new());
        lines.push(unit.1.to_owned());
    }
    lines
}

/// `new(what is required)` and a setter for each of the rest, so that an optional field more breaks no caller.
fn constructor(name: &syn::Ident, fields: &[Field<'_>]) -> Result<syn::Item> {
    let (mut required, optional): (Vec<_>, Vec<_>) =
        fields.iter().partition(|field| field.required.is_some());
    // In the document's order, in which `start` comes before `end`.
    required.sort_by_key(|field| field.required);
    let arguments = required.iter().map(|field| {
        let ident = &field.ident;
        let taken = taken(inner(&field.ty));
        quote!(#ident: #taken)
    });
    let values = fields.iter().map(|field| {
        let ident = &field.ident;
        let wrapped = argument_of(&field.ty, "Option").is_some();
        let given = given(inner(&field.ty), ident);
        match (field.required, wrapped) {
            (None, _) => quote!(#ident: None),
            (Some(_), true) => quote!(#ident: Some(#given)),
            (Some(_), false) if is_plain(inner(&field.ty)) => quote!(#ident),
            (Some(_), false) => quote!(#ident: #given),
        }
    });
    let entries = fields.iter().filter_map(entry_setter);
    let setters = optional.iter().map(|field| {
        let ident = &field.ident;
        // The constructor has that name.
        let setter = if ident == "new" {
            format_ident!("new_")
        } else {
            ident.clone()
        };
        let (taken, given) = (taken(inner(&field.ty)), given(inner(&field.ty), ident));
        let doc = field.docs.iter().map(|line| doc_attribute(line));
        let deprecated = (field.schema["deprecated"] == true)
            .then(|| quote!(#[deprecated = "CircleCI's document marks this field as deprecated"]));
        let deprecated_use = deprecated.is_some().then(|| quote!(#[allow(deprecated)]));
        quote! {
            #(#doc)*
            #deprecated
            #deprecated_use
            pub fn #setter(mut self, #ident: #taken) -> Self {
                self.#ident = Some(#given);
                self
            }
        }
    });
    let about = match (required.len(), optional.len()) {
        (0, _) => " With nothing set; all of it is optional.",
        (_, 0) => " With all there is; nothing is optional.",
        _ => " With what is required; the rest is optional.",
    };
    let too_many = (required.len() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let deprecated_use = fields
        .iter()
        .any(|field| field.schema["deprecated"] == true)
        .then(|| quote!(#[allow(deprecated)]));
    let no_default = required
        .is_empty()
        .then(|| quote!(#[allow(clippy::new_without_default)]));
    Ok(syn::parse2(quote! {
        impl #name {
            #[doc = #about]
            #too_many
            #no_default
            #deprecated_use
            pub fn new(#(#arguments),*) -> Self {
                Self { #(#values),* }
            }
            #(#setters)*
            #(#entries)*
        }
    })?)
}

/// For a map, a setter of one entry beside that of all, so that entries of several types can be given.
fn entry_setter(field: &Field<'_>) -> Option<proc_macro2::TokenStream> {
    let value = argument_of(inner(&field.ty), "BTreeMap")?;
    let (ident, setter) = (
        &field.ident,
        format_ident!("{}", names::singular(&field.ident.to_string())),
    );
    let taken = taken(value);
    let given = given(value, &format_ident!("value"));
    let map = if argument_of(&field.ty, "Option").is_some() {
        quote!(self.#ident.get_or_insert_default())
    } else {
        quote!(self.#ident)
    };
    let doc = doc_attribute(&format!("Adds one entry to `{ident}`."));
    (setter != *ident).then(|| {
        quote! {
            #doc
            pub fn #setter(mut self, name: impl Into<String>, value: #taken) -> Self {
                #map.insert(name.into(), #given);
                self
            }
        }
    })
}

fn inner(ty: &syn::Type) -> &syn::Type {
    argument_of(ty, "Option").unwrap_or(ty)
}

/// What a caller may pass for a field: what people have in hand.
pub fn taken(ty: &syn::Type) -> proc_macro2::TokenStream {
    if let Some(item) = argument_of(ty, "Vec") {
        return if is_plain(item) {
            quote!(impl IntoIterator<Item = #item>)
        } else {
            quote!(impl IntoIterator<Item = impl Into<#item>>)
        };
    }
    if let Some(value) = argument_of(ty, "BTreeMap") {
        return quote!(impl IntoIterator<Item = (impl Into<String>, impl Into<#value>)>);
    }
    if is_plain(ty) {
        quote!(#ty)
    } else {
        quote!(impl Into<#ty>)
    }
}

/// The expression that makes the field of what was passed.
pub fn given(ty: &syn::Type, ident: &syn::Ident) -> proc_macro2::TokenStream {
    if let Some(item) = argument_of(ty, "Vec") {
        return if is_plain(item) {
            quote!(#ident.into_iter().collect())
        } else {
            quote!(#ident.into_iter().map(Into::into).collect())
        };
    }
    if argument_of(ty, "BTreeMap").is_some() {
        return quote!(#ident.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
    }
    if is_plain(ty) {
        quote!(#ident)
    } else {
        quote!(#ident.into())
    }
}

/// Types that convert from nothing a caller would have in hand.
fn is_plain(ty: &syn::Type) -> bool {
    matches!(
        type_name(ty).as_deref(),
        Some("bool" | "i64" | "f64" | "Uuid" | "DateTime" | "Value" | "Map")
    )
}
