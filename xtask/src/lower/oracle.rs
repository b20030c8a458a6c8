//! Runs progenitor. No other module runs it. progenitor decides exactly four things:
//!
//! - the Rust type of a schema that has no name (`Uuid`, `Vec<Thing>`),
//! - whether a field is an `Option`,
//! - the identifier of each field and parameter, with an underscore after a keyword,
//! - which fields are boxed, because a recursive type has no size without a box.
//!
//! progenitor sees only schemas. To let it decide the same four things for unions and operations, this module describes them as
//! objects: a union has one property for each alternative, and an operation has one for each parameter. progenitor's syntax tree
//! does not leave this module. The later steps use [`Rust`] and [`Field`].

use super::rust::{Field, Rust};
use crate::document::{self, operations, parameters};
use anyhow::{Context, Result, anyhow, bail};
use progenitor_impl::{GenerationSettings, Generator, TypeImpl};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, panic};

/// The decisions of progenitor.
#[derive(Debug, Default)]
pub struct Types {
    /// The fields of each object and the alternatives of each union, by the name of the type.
    fields: BTreeMap<String, Vec<Field>>,
    /// The arguments of each operation, by operationId.
    operations: BTreeMap<String, Arguments>,
}

/// The decisions of progenitor about an operation.
#[derive(Debug)]
pub struct Arguments {
    /// The type of the success response. It is `()` if the response has no body.
    pub output: Rust,
    /// One field for each parameter. Only the identifier, the name and the type of the field are meaningful.
    pub parameters: Vec<Field>,
}

impl Types {
    /// Returns the fields of an object, or the alternatives of a union in the order of the document.
    pub fn fields(&self, name: &str) -> Result<&[Field]> {
        let fields = self.fields.get(name).map(Vec::as_slice);
        fields.with_context(|| format!("progenitor made no struct of {name}"))
    }

    pub fn operation(&self, id: &str) -> Result<&Arguments> {
        let operation = self.operations.get(id);
        operation.with_context(|| format!("progenitor was not asked about {id}"))
    }

    /// Returns whether any field contains this type in a `Box`.
    pub fn is_boxed(&self, name: &str) -> bool {
        let named = |ty: &Rust| matches!(ty, Rust::Named(other) if other == name);
        let in_box = |ty: &Rust| matches!(ty, Rust::Boxed(inner) if named(inner));
        let mut fields = self.fields.values().flatten();
        fields.any(|field| field.present().any(&in_box))
    }
}

/// Runs progenitor on the effective document, in which every shape has a name.
pub fn ask(document: &Value) -> Result<Types> {
    let names = Names::free_in(document);
    let is_union = |name: &str| {
        let types = &document["components"]["schemas"];
        types[name].get("oneOf").is_some()
    };
    let file = generate(&essentials(document, &names), &is_union)?;
    let mut fields = structs(&file)?;
    // If an object has no properties, progenitor generates no struct for it.
    let mut taken = |name: &str| fields.remove(name).unwrap_or_default();
    let answers = taken(&names.answers()).into_iter();
    let mut answers: BTreeMap<String, Rust> = answers
        .map(|field| match field.optional {
            true => (field.wire, Rust::Option(Box::new(field.ty))),
            false => (field.wire, field.ty),
        })
        .collect();
    let mut decided = BTreeMap::new();
    for (index, operation) in operations(document).iter().enumerate() {
        let arguments = Arguments {
            output: answers.remove(operation.id()).unwrap_or(Rust::Unit),
            parameters: taken(&names.parameters(index)),
        };
        decided.insert(operation.id().to_owned(), arguments);
    }
    for (_, alternatives) in fields.iter_mut().filter(|(name, _)| is_union(name)) {
        // progenitor sorts the alternatives by their numbers as text, so that 10 comes before 2.
        alternatives.sort_by_key(|field| field.wire.parse::<usize>().ok());
        for field in alternatives {
            field.ty = widened(std::mem::replace(&mut field.ty, Rust::Unit));
        }
    }
    Ok(Types {
        fields,
        operations: decided,
    })
}

/// Returns the type of an alternative. Only the JSON type of a value decides which alternative the value matches. Therefore a
/// string loses its format here, and the values of a JSON object may have any type.
fn widened(ty: Rust) -> Rust {
    let inside = |inner: Box<Rust>| Box::new(widened(*inner));
    match ty {
        Rust::Uuid | Rust::DateTime => Rust::String,
        Rust::JsonObject => Rust::Map(Box::new(Rust::Json)),
        Rust::List(item) => Rust::List(inside(item)),
        Rust::Map(value) => Rust::Map(inside(value)),
        ty => ty,
    }
}

/// The prefix for the names of the objects that stand for operations in progenitor's input.
struct Names(String);

impl Names {
    /// Finds a prefix with which no type in the document begins.
    fn free_in(document: &Value) -> Self {
        let types = &document["components"]["schemas"];
        let mut prefix = "Asked".to_owned();
        while types
            .as_object()
            .is_some_and(|types| types.keys().any(|name| name.starts_with(&prefix)))
        {
            prefix.push_str("Asked");
        }
        Self(prefix)
    }

    fn answers(&self) -> String {
        format!("{}Answers", self.0)
    }

    fn parameters(&self, index: usize) -> String {
        format!("{}{index}", self.0)
    }
}

/// Runs progenitor and parses its output. In a cycle of types, the order of the types determines where progenitor puts the box.
/// The types for which `last` is true come last, so that the box is in one of them.
fn generate(told: &Value, last: &dyn Fn(&str) -> bool) -> Result<syn::File> {
    let mut spec: openapiv3::OpenAPI = serde_path_to_error::deserialize(told).map_err(|error| {
        let pointer = error.path().to_string().replace('.', "/");
        anyhow!(
            "/{pointer}: the effective document is not OpenAPI 3.0: {}",
            error.inner()
        )
    })?;
    if let Some(components) = &mut spec.components {
        components
            .schemas
            .sort_by_cached_key(|name, _| (last(name), name.clone()));
    }
    let mut settings = GenerationSettings::default();
    settings
        .with_map_type("::std::collections::BTreeMap")
        .with_replacement(
            "ParameterValue",
            "crate::ParameterValue",
            std::iter::empty::<TypeImpl>(),
        );
    // The precheck finds the known causes of a panic in progenitor. A panic from an unknown cause becomes an error.
    let generated = panic::catch_unwind(|| Generator::new(&settings).generate_tokens(&spec));
    let tokens = generated
        .map_err(|_| anyhow!("progenitor panicked on the effective document"))?
        .map_err(|error| anyhow!("progenitor: {error}"))?;
    syn::parse2(tokens).context("progenitor's output is not Rust")
}

// ---- what progenitor is told -----------------------------------------------------------------------------------

/// Returns the input for progenitor: the types and operations of the document, reduced to what affects a name or a type.
fn essentials(document: &Value, names: &Names) -> Value {
    let types = document["components"]["schemas"].as_object();
    let mut told: Map<String, Value> = types
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), component(value)))
        .collect();
    let mut answers = Map::new();
    for (index, operation) in operations(document).iter().enumerate() {
        let asked = parameters(document, operation)
            .into_iter()
            .map(|parameter| {
                // Path parameters are always text.
                let schema = match parameter["in"] == "path" {
                    true => json!({ "type": "string" }),
                    false => schema(&parameter["schema"]),
                };
                (
                    parameter["name"].as_str().unwrap_or_default().to_owned(),
                    schema,
                )
            });
        told.insert(names.parameters(index), object(asked.collect()));
        if let Some(answer) = document::success_schema(document, operation) {
            answers.insert(operation.id().to_owned(), schema(answer));
        }
    }
    told.insert(names.answers(), object(answers));
    let info = json!({ "title": "CircleCI", "version": "2" });
    json!({ "openapi": "3.0.3", "info": info, "paths": {}, "components": { "schemas": told } })
}

/// Returns an object schema that requires all its properties.
fn object(properties: Map<String, Value>) -> Value {
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// Returns the reduced schema of a component. An enum has one placeholder value, because the emitter reads the values from the
/// document.
fn component(value: &Value) -> Value {
    if value.get("enum").is_some() {
        return json!({ "type": "string", "enum": ["placeholder"] });
    }
    match value["oneOf"].as_array() {
        Some(branches) => object(
            branches
                .iter()
                .enumerate()
                .map(|(index, branch)| (index.to_string(), schema(branch)))
                .collect(),
        ),
        None => schema(value),
    }
}

fn schema(value: &Value) -> Value {
    if let Some(reference) = value.get("$ref") {
        return json!({ "$ref": reference });
    }
    // A schema without a type allows any value, including null.
    let Some(kind) = value["type"].as_str() else {
        return json!({});
    };
    let mut told = Map::from_iter([("type".to_owned(), json!(kind))]);
    if value["nullable"] == true {
        told.insert("nullable".into(), json!(true));
    }
    match (kind, value["format"].as_str()) {
        // Only these two formats have their own Rust type. Strings with other formats (such as `ipv4` or `date`) are plain text.
        ("string", Some(format @ ("uuid" | "date-time"))) => {
            drop(told.insert("format".into(), json!(format)))
        }
        ("integer", _) => drop(told.insert("format".into(), json!("int64"))),
        _ => {}
    }
    match value
        .get("properties")
        .and_then(Value::as_object)
        .filter(|properties| kind == "object" && !properties.is_empty())
    {
        Some(properties) => {
            told.insert(
                "properties".into(),
                properties
                    .iter()
                    .map(|(name, property)| (name.clone(), schema(property)))
                    .collect(),
            );
            if let Some(required) = value.get("required") {
                told.insert("required".into(), required.clone());
            }
        }
        None if kind == "object" => {
            let values = value
                .get("additionalProperties")
                .filter(|values| values.is_object())
                .map_or(json!(true), schema);
            told.insert("additionalProperties".into(), values);
        }
        None => {}
    }
    if let Some(items) = value.get("items").filter(|_| kind == "array") {
        told.insert("items".into(), schema(items));
    }
    Value::Object(told)
}

// ---- what progenitor answers -----------------------------------------------------------------------------------

/// Returns the fields of each struct in progenitor's module `types`, keyed by the name of the struct.
fn structs(file: &syn::File) -> Result<BTreeMap<String, Vec<Field>>> {
    let types = file.items.iter().find_map(|item| match item {
        syn::Item::Mod(module) if module.ident == "types" => module.content.as_ref(),
        _ => None,
    });
    let (_, types) = types.context("progenitor's output has no module `types`")?;
    let mut structs = BTreeMap::new();
    for item in types {
        if let syn::Item::Struct(item) = item
            && let syn::Fields::Named(fields) = &item.fields
        {
            let name = item.ident.to_string();
            let fields: Result<Vec<Field>> = fields.named.iter().map(field).collect();
            let fields = fields.with_context(|| name.clone())?;
            structs.insert(name, fields);
        }
    }
    Ok(structs)
}

fn field(field: &syn::Field) -> Result<Field> {
    let ident = field.ident.as_ref().context("a field without a name")?;
    let ident = ident.to_string();
    let (mut ty, mut optional, mut boxed) = (rust(&field.ty)?, false, false);
    // progenitor writes either `Option<Box<T>>` or `Box<Option<T>>`. Both mean the same.
    loop {
        ty = match ty {
            Rust::Option(inner) if !optional => {
                optional = true;
                *inner
            }
            Rust::Boxed(inner) if !boxed => {
                boxed = true;
                *inner
            }
            ty => {
                return Ok(Field {
                    wire: renamed(field).unwrap_or_else(|| ident.clone()),
                    ident,
                    ty,
                    optional,
                    boxed,
                });
            }
        }
    }
}

/// Returns the name of a field in JSON if it differs from the identifier.
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

/// Converts a type in progenitor's output to a [`Rust`].
fn rust(ty: &syn::Type) -> Result<Rust> {
    let syn::Type::Path(syn::TypePath { path, .. }) = ty else {
        bail!("progenitor uses a type that is not a path");
    };
    let steps: Vec<String> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    // Reads the last type argument, which is the item of a list or the value of a map.
    let inner = || -> Result<Box<Rust>> {
        let arguments = path.segments.last().map(|segment| &segment.arguments);
        match arguments {
            Some(syn::PathArguments::AngleBracketed(arguments)) => match arguments.args.last() {
                Some(syn::GenericArgument::Type(ty)) => Ok(Box::new(rust(ty)?)),
                _ => bail!("progenitor's `{}` holds no type", steps.join("::")),
            },
            _ => bail!("progenitor's `{}` holds nothing", steps.join("::")),
        }
    };
    Ok(match steps.as_slice() {
        ["bool"] => Rust::Bool,
        ["i64"] => Rust::I64,
        ["f64"] => Rust::F64,
        ["std", "string", "String"] => Rust::String,
        ["uuid", "Uuid"] => Rust::Uuid,
        ["chrono", "DateTime"] => Rust::DateTime,
        ["serde_json", "Value"] => Rust::Json,
        ["serde_json", "Map"] => Rust::JsonObject,
        ["crate", "ParameterValue"] => Rust::ParameterValue,
        ["std", "option", "Option"] => Rust::Option(inner()?),
        ["std", "vec", "Vec"] => Rust::List(inner()?),
        ["std", "collections", "BTreeMap"] => Rust::Map(inner()?),
        ["std", "boxed", "Box"] => Rust::Boxed(inner()?),
        [name] => Rust::Named((*name).to_owned()),
        steps => bail!(
            "progenitor uses `{}`, which this generator does not know",
            steps.join("::")
        ),
    })
}
