//! Adds hints for the maintainer to the report: the test rows to write by hand, the causes of breaking changes, and descriptions
//! of new types.

use super::{change::Change, verdict::Class};
use crate::{
    document::{self, operations},
    lower::{hoist::Named, names},
    surface::{Operation, Surface, Type},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

// ---- rows of tests/support/calls.rs --------------------------------------------------------------------------------

/// Returns the rows that must be added to `tests/support/calls.rs` for new operations. Each row is a line that can be pasted.
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
    /// The parameters, keyed by the name of the Rust argument.
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

    /// Returns a Rust expression for a value of the type `ty`. Most values are derived from the name of the parameter or field.
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

    /// Returns a Rust expression for a value of a generated type.
    fn made(&self, ty: &str, depth: usize) -> String {
        // Limits the depth, because a type may contain itself.
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

/// Sets the causes of the breaking changes in the Rust code. If no change of the contract explains a breaking change, its cause
/// is our overlay or tables. For a renamed type, the cause also contains the row of the naming table that keeps the old name.
/// `types` contains the types of the old document and those of the new document.
pub fn causes(
    rust: &mut [Change],
    contract: &[Change],
    types: [&[Named]; 2],
    methods: &BTreeMap<String, String>,
) {
    // A change whose text begins with `layout: ` has no places, so it may be the cause of any breaking change.
    let layout = contract
        .iter()
        .any(|change| change.text.starts_with("layout: "));
    for change in rust
        .iter_mut()
        .filter(|change| change.class == Class::Breaking)
    {
        let named = quoted(&change.text);
        let Some(first) = named.first() else { continue };
        let told = match first.strip_prefix("Client::") {
            Some(method) => Some(is_told_of_method(contract, method, methods)),
            None => is_told_of_type(contract, &change.text, &named, types),
        };
        let mut said = Vec::new();
        if told == Some(false) && !layout {
            said.push("from our overlay or tables, not from the contract".to_owned());
        }
        said.extend(row_that_keeps(&change.text, &named, types[1]));
        change.cause = (!said.is_empty()).then(|| said.join("; "));
    }
}

/// Returns a map from the name of each method to the id of its operation.
pub fn methods(surfaces: [&Surface; 2]) -> BTreeMap<String, String> {
    let operations = surfaces.into_iter().flat_map(|it| &it.operations);
    operations
        .map(|it| (it.method.clone(), it.id.clone()))
        .collect()
}

/// Returns whether a change of the contract concerns the operation that `method` calls.
fn is_told_of_method(
    contract: &[Change],
    method: &str,
    methods: &BTreeMap<String, String>,
) -> bool {
    let method = method.split('(').next().unwrap_or(method);
    let Some(id) = methods.get(method) else {
        return true;
    };
    contract.iter().any(|change| {
        let mut touched = change.touches.iter();
        touched.any(|it| it.split(" (").next() == Some(id)) || change.text.contains(id.as_str())
    })
}

/// Returns whether a change of the contract concerns the type that a breaking change is about. `text` describes the breaking
/// change. Returns `None` for variants and removed types, because for them the places of the contract's changes cannot answer
/// this question.
fn is_told_of_type(
    contract: &[Change],
    text: &str,
    named: &[String],
    [old, new]: [&[Named]; 2],
) -> Option<bool> {
    let first = named.first()?;
    let (owner, member) = match first.split_once("::") {
        Some((owner, member)) => (owner, Some(member)),
        None => (first.as_str(), None),
    };
    let renamed = text.starts_with("type `").then_some(named.get(1)).flatten();
    if text.starts_with("variant ") || (member.is_none() && renamed.is_none()) {
        return None;
    }
    let find = |types: &[Named], name: &str| types.iter().find(|it| it.name == name).cloned();
    let before = find(old, renamed.map_or(owner, String::as_str));
    let pointers: Vec<String> = before
        .into_iter()
        .chain(find(new, owner))
        .map(|it| it.pointer().to_owned())
        .collect();
    let field = member
        .and_then(|it| it.split([':', '(']).next())
        .filter(|it| *it != "new");
    (!pointers.is_empty()).then(|| has_cause(contract, &pointers, field))
}

/// Returns the naming-table row that keeps the old name of a renamed type.
fn row_that_keeps(text: &str, named: &[String], new: &[Named]) -> Option<String> {
    let [now, before] = named else { return None };
    let renamed = text.starts_with("type `").then_some(now)?;
    let place = new.iter().find(|it| it.name == *renamed)?.places.first()?;
    Some(format!(
        "kept by the row (\"{place}\", \"{before}\") in names.rs"
    ))
}

/// Returns the parts of a text that are between backticks.
pub fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Returns whether a change of the contract is at one of `pointers` or above it. If `field` is `None`, a change below one of
/// `pointers` also counts. If `field` is a name, a change at a place that contains this name also counts, but a change that
/// affects only documentation or unknown keys does not count.
fn has_cause(contract: &[Change], pointers: &[String], field: Option<&str>) -> bool {
    let is_below = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_cause = |change: &&Change| {
        field.is_none() || (change.class > Class::Docs && !change.text.ends_with("unknown keys"))
    };
    let mut places = contract.iter().filter(is_cause).flat_map(|it| &it.places);
    places.any(|place| {
        let around = pointers.iter().any(|it| is_below(place, it));
        let about = match field {
            Some(field) => place
                .split('/')
                .any(|step| names::snake(step) == field.trim_end_matches('_')),
            None => pointers.iter().any(|it| is_below(it, place)),
        };
        around || about
    })
}

/// Describes each type that a breaking change mentions, if the type is new or is now of another kind (such as an enum instead of
/// a struct). Users need the descriptions to adapt their programs.
pub fn glossary(old: &Surface, new: &Surface, rust: &[Change]) -> Vec<String> {
    let breaking = rust.iter().filter(|change| change.class == Class::Breaking);
    let texts: Vec<&str> = breaking.map(|change| change.text.as_str()).collect();
    // A type that was only renamed is not new.
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
    // The description of a new type may name other new types. They need a description as well.
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

/// Describes a type in one line.
fn describe(name: &str, ty: &Type) -> String {
    match ty {
        Type::Struct {
            new: Some(arguments),
            fields,
            ..
        } => {
            let set = fields
                .iter()
                .filter(|field| arguments.iter().all(|(name, _)| *name != field.name))
                .map(|field| format!("`{}`", field.name));
            let set = set.collect::<Vec<_>>().join(", ");
            let arguments = arguments.iter().map(|(name, ty)| format!("{name}: {ty}"));
            let arguments = arguments.collect::<Vec<_>>().join(", ");
            match set.is_empty() {
                true => format!("`{name}` is made by `new({arguments})`"),
                false => {
                    format!("`{name}` is made by `new({arguments})`, and has the setters {set}")
                }
            }
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
