//! Lists what a maintainer has to write by hand after a change: rows of tables, and files that use removed items.

use super::{change::Change, verdict::Class};
use crate::{
    document::{self, operations},
    lower::{hoist::Named, names},
    surface::{Operation, Surface, Type},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

// ---- rows of tests/support/calls.rs --------------------------------------------------------------------------------

/// The rows that `tests/support/calls.rs` needs for new operations, one per line, ready to paste.
pub fn rows(old: &Surface, new: &Surface, document: &Value) -> Vec<String> {
    let known: BTreeSet<&str> = old.operations.iter().map(|it| it.id.as_str()).collect();
    let came = new
        .operations
        .iter()
        .filter(|it| !known.contains(it.id.as_str()));
    let (mut calls, mut bodies) = (Vec::new(), Vec::new());
    for operation in came {
        let row = Row::of(operation, new, document);
        calls.push(row.call());
        let mut taken = operation.arguments.iter().chain(&operation.setters);
        if let Some((_, ty)) = taken.find(|(name, _)| name == "body") {
            bodies.push(format!("\"{}\": {ty},", operation.id));
        }
    }
    calls.extend(bodies);
    calls
}

struct Row<'a> {
    operation: &'a Operation,
    surface: &'a Surface,
    /// The parameters by argument name.
    parameters: BTreeMap<String, &'a Value>,
}

impl<'a> Row<'a> {
    fn of(operation: &'a Operation, surface: &'a Surface, document: &'a Value) -> Self {
        let mut parameters = BTreeMap::new();
        for source in operations(document)
            .iter()
            .filter(|it| it.id() == operation.id)
        {
            for parameter in document::parameters(document, source) {
                let wire = parameter["name"].as_str().unwrap_or_default();
                parameters.insert(names::argument(&names::snake(wire)), parameter);
            }
        }
        Self {
            operation,
            surface,
            parameters,
        }
    }

    fn call(&self) -> String {
        let Operation {
            id,
            method,
            arguments,
            setters,
            ..
        } = self.operation;
        let arguments = arguments.iter().map(|(name, ty)| self.value(name, ty, 0));
        let least = format!("c.{method}({})", arguments.collect::<Vec<_>>().join(", "));
        let setters = setters
            .iter()
            .map(|(name, ty)| format!(".{name}({})", self.value(name, ty, 0)));
        let setters: String = setters.collect();
        match setters.is_empty() {
            true => format!("\"{id}\" |c| {least};"),
            false => format!("\"{id}\" |c| {least} => {least}{setters};"),
        }
    }

    /// An expression for a value of this type, which names its parameter or field.
    fn value(&self, name: &str, ty: &str, depth: usize) -> String {
        let parameter = self.parameters.get(name);
        let wire = parameter.and_then(|it| it["name"].as_str()).unwrap_or(name);
        let inner =
            |ty: &str, start: &str| Some(ty.strip_prefix(start)?.strip_suffix('>')?.to_owned());
        if let Some(item) = ty.strip_prefix('[').and_then(|ty| ty.strip_suffix(']')) {
            return format!("[{}]", self.value(name, item, depth));
        }
        if let Some(item) = inner(ty, "Vec<") {
            return format!("[{}]", self.value(name, &item, depth));
        }
        if let Some(item) = inner(ty, "Option<").or(inner(ty, "Box<")) {
            return self.value(name, &item, depth);
        }
        match ty {
            "PathValue" | "QueryValue" => self.text(name, wire),
            "Uuid" => format!("id({wire:?})"),
            "String" => format!("t({wire:?})"),
            "i64" => format!("number({wire:?})"),
            "f64" => "1.5".to_owned(),
            "bool" => "true".to_owned(),
            "DateTime<Utc>" => format!("date({wire:?})"),
            _ if ty.starts_with("BTreeMap<") => "parameters()".to_owned(),
            _ => self.made(ty, depth),
        }
    }

    fn text(&self, name: &str, wire: &str) -> String {
        let schema = self
            .parameters
            .get(name)
            .map_or(&Value::Null, |it| &it["schema"]);
        match wire {
            "project-slug" => "slug()".to_owned(),
            "org-slug" | "org-slug-or-id" => "org()".to_owned(),
            _ if name == "project_slug" => "slug_in_parts()".to_owned(),
            "job-number" | "pipeline-number" => format!("number({wire:?})"),
            _ if schema["format"] == "uuid" => format!("id({wire:?})"),
            _ => format!("t({wire:?})"),
        }
    }

    /// A value of one of the crate's own types.
    fn made(&self, ty: &str, depth: usize) -> String {
        // A type may contain itself.
        if depth > 4 {
            return format!("todo!(\"a {ty}\")");
        }
        match self.surface.types.get(ty) {
            Some(Type::Struct {
                new: Some(arguments),
                ..
            }) => {
                let values = arguments
                    .iter()
                    .map(|(name, ty)| self.value(name, ty, depth + 1));
                format!("{ty}::new({})", values.collect::<Vec<_>>().join(", "))
            }
            Some(Type::Enum(words)) if !words.is_empty() => format!("{ty}::{}", words[0].0),
            Some(Type::Union(variants)) if !variants.is_empty() => {
                self.value("value", &variants[0].1, depth + 1)
            }
            _ => format!("todo!(\"a {ty}\")"),
        }
    }
}

// ---- causes ------------------------------------------------------------------------------------------------------

/// Adds the cause to each breaking change in Rust that has no cause in the contract, and to each renamed type the row of the
/// naming table that keeps the old name.
pub fn causes(rust: &mut [Change], contract: &[Change], old: &[Named], new: &[Named]) {
    for change in rust
        .iter_mut()
        .filter(|change| change.class == Class::Breaking)
    {
        let named = quoted(&change.text);
        let (Some(first), second) = (named.first(), named.get(1)) else {
            continue;
        };
        let type_name = first.split("::").next().unwrap_or(first);
        let find = |types: &[Named], name: &str| types.iter().find(|it| it.name == name).cloned();
        let renamed = change
            .text
            .starts_with("type `")
            .then_some(second)
            .flatten();
        let before = find(old, renamed.map_or(type_name, String::as_str));
        let after = find(new, type_name);
        let pointers: Vec<&str> = before
            .iter()
            .chain(&after)
            .map(|it| it.pointer.as_str())
            .collect();
        if pointers.is_empty() {
            continue;
        }
        let field = first
            .split("::")
            .nth(1)
            .and_then(|it| it.split([':', '(']).next());
        let mut said = Vec::new();
        // The places do not show the cause for a variant, or for a type that is gone.
        let is_told = field.is_some() || renamed.is_some();
        let layout = contract
            .iter()
            .any(|change| change.text.starts_with("layout: "));
        if is_told
            && !layout
            && !change.text.starts_with("variant ")
            && !has_cause(contract, &pointers, field.filter(|it| *it != "new"))
        {
            said.push("from our overlay or tables, not from the contract".to_owned());
        }
        if let (Some(name), Some(after)) = (renamed, &after) {
            let place = after.places.first().map_or("", String::as_str);
            said.push(format!(
                "kept by the row (\"{place}\", \"{name}\") in names.rs"
            ));
        }
        change.cause = (!said.is_empty()).then(|| said.join("; "));
    }
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn has_cause(contract: &[Change], pointers: &[&str], field: Option<&str>) -> bool {
    let about_field = |place: &str| {
        field.is_some_and(|field| {
            let mut steps = place.split('/');
            steps.any(|step| names::snake(step) == field.trim_end_matches('_'))
        })
    };
    let places = contract.iter().flat_map(|change| &change.places);
    let mut places = places.filter(|place| {
        let related = |pointer: &&str| {
            let below = |outer: &str, inner: &str| {
                inner
                    .strip_prefix(outer)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            below(pointer, place) || below(place, pointer)
        };
        about_field(place) || pointers.iter().any(related)
    });
    places.next().is_some()
}

/// Descriptions of the types that breaking changes name, if they are new or changed their kind. Users need them to adapt a program.
pub fn glossary(old: &Surface, new: &Surface, rust: &[Change]) -> Vec<String> {
    let breaking = rust.iter().filter(|change| change.class == Class::Breaking);
    let texts: Vec<&str> = breaking.map(|change| change.text.as_str()).collect();
    // A renamed type is not new.
    let renamed: BTreeSet<String> = texts
        .iter()
        .filter(|text| text.starts_with("type `"))
        .filter_map(|text| quoted(text).into_iter().next())
        .collect();
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.map(str::to_owned).collect()
    };
    let is_new = |name: &String| {
        let other_kind =
            |new: &Type, old: &Type| std::mem::discriminant(old) != std::mem::discriminant(new);
        new.types.get(name).is_some_and(|ty| {
            !renamed.contains(name) && old.types.get(name).is_none_or(|old| other_kind(ty, old))
        })
    };
    // What is new in a line about a new type needs a line as well.
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Vec<String> = texts.iter().flat_map(|text| words(text)).collect();
    while let Some(name) = open.pop() {
        if is_new(&name) && !lines.contains_key(&name) {
            let line = describe(&name, &new.types[&name]);
            open.extend(words(&line));
            lines.insert(name, line);
        }
    }
    lines.into_values().collect()
}

/// What a type is, in one line.
fn describe(name: &str, ty: &Type) -> String {
    match ty {
        Type::Struct {
            new: Some(arguments),
            ..
        } => {
            let arguments = arguments.iter().map(|(name, ty)| format!("{name}: {ty}"));
            format!(
                "`{name}` is made by `new({})`",
                arguments.collect::<Vec<_>>().join(", ")
            )
        }
        Type::Struct { fields, .. } => {
            let fields = fields
                .iter()
                .map(|field| format!("`{}: {}`", field.name, field.ty));
            format!("`{name}` has {}", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Enum(words) => {
            let words = words.iter().map(|(variant, _)| format!("`{variant}`"));
            format!(
                "`{name}` is one of {}",
                words.collect::<Vec<_>>().join(", ")
            )
        }
        Type::Union(variants) => {
            let variants = variants
                .iter()
                .map(|(variant, ty)| format!("`{variant}({ty})`"));
            format!(
                "`{name}` is one of {}",
                variants.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

// ---- handwritten files -------------------------------------------------------------------------------------------

/// The handwritten files of the crate that use a removed type or method.
pub fn handwritten(root: &Path, rust: &[Change]) -> Vec<String> {
    let mut gone: BTreeMap<String, String> = BTreeMap::new();
    for change in rust.iter().filter(|change| change.class == Class::Breaking) {
        let named = quoted(&change.text);
        let name = match (named.as_slice(), change.text.starts_with("type `")) {
            ([name], true) => Some(name.clone()),
            // The second name is the old one.
            ([_, name], true) => Some(name.clone()),
            ([name, ..], false) if change.text.ends_with("is gone") => {
                let (owner, member) = name.split_once("::").unwrap_or((name, ""));
                (owner == "Client").then(|| member.split('(').next().unwrap_or(member).to_owned())
            }
            _ => None,
        };
        if let Some(name) = name {
            gone.insert(name, change.text.clone());
        }
    }
    let mut found = Vec::new();
    for (path, text) in sources(root) {
        let words: BTreeSet<&str> = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        let used: Vec<String> = gone
            .keys()
            .filter(|name| words.contains(name.as_str()))
            .map(|name| format!("`{name}`"))
            .collect();
        if !used.is_empty() {
            found.push(format!(
                "{path} uses {}, which the new code does not have",
                used.join(", ")
            ));
        }
    }
    found
}

/// The handwritten sources below the crate, its examples and the tests of its users.
fn sources(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<String> = ["circleci-api/src", "circleci-api/examples", "tests"]
        .map(str::to_owned)
        .to_vec();
    while let Some(folder) = open.pop() {
        // Skip unreadable files: the tests of these commands have roots without sources.
        for entry in fs::read_dir(root.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if path.is_dir() && !name.ends_with("/generated") {
                open.push(name);
            } else if name.ends_with(".rs") {
                found.extend(fs::read_to_string(&path).ok().map(|text| (name, text)));
            }
        }
    }
    found.sort();
    found
}
