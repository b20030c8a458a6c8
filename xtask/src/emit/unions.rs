//! Values that are one of several shapes: untagged enums, tried in order.

use super::{Model, docs};
use crate::lower::{names, schema::component_name};
use anyhow::{Result, anyhow};
use serde_json::Value;
use std::collections::BTreeSet;

pub fn emit(model: &Model<'_>, name: &str, schema: &Value) -> Result<String> {
    let mut body = String::new();
    for branch in schema["oneOf"].as_array().into_iter().flatten() {
        let (mut ty, kind) = branch_type(branch).ok_or_else(|| {
            anyhow!("{name}: an alternative is neither an object, a list nor a map")
        })?;
        let variant = names::union_variant(name, &kind);
        if branch["$ref"]
            .as_str()
            .and_then(component_name)
            .is_some_and(|component| holds(model, component, name))
        {
            // Or it would be as large as itself and more.
            ty = format!("Box<{ty}>");
        }
        let about = match (
            model.words.of_variant(name, &variant),
            branch["$ref"].as_str().and_then(component_name),
        ) {
            (Some(words), _) => words,
            (None, Some(component)) => model
                .described(component, model.schema(component)?)
                .swap_remove(0),
            (None, None) => format!("As `{ty}`."),
        };
        body += &format!("        /// {about}\n        {variant}({ty}),\n");
    }
    Ok(format!(
        "one_of! {{\n{}    {name} {{\n{body}    }}\n}}\n",
        docs::comment(&model.described(name, schema), "    ")
    ))
}

/// Whether a value of `component` has, with no list or map between, room for one of `union`.
fn holds(model: &Model<'_>, component: &str, union: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![component.to_owned()]);
    while let Some(name) = open.pop() {
        if name == union {
            return true;
        }
        let Ok(schema) = model.schema(&name) else {
            continue;
        };
        if seen.insert(name) {
            let properties = schema["properties"]
                .as_object()
                .into_iter()
                .flat_map(|properties| properties.values());
            let branches = schema["oneOf"].as_array().into_iter().flatten();
            open.extend(
                properties
                    .chain(branches)
                    .filter_map(|child| component_name(child["$ref"].as_str()?))
                    .map(str::to_owned),
            );
        }
    }
    false
}

/// The Rust type of an alternative, and a word for it.
fn branch_type(branch: &Value) -> Option<(String, String)> {
    if let Some(name) = branch["$ref"].as_str().and_then(component_name) {
        return Some((name.to_owned(), name.to_owned()));
    }
    match branch["type"].as_str()? {
        "array" => {
            let item = branch_type(&branch["items"])
                .map_or_else(|| "serde_json::Value".to_owned(), |(ty, _)| ty);
            Some((format!("Vec<{item}>"), "List".into()))
        }
        "object" => {
            let value = branch_type(&branch["additionalProperties"])
                .map_or_else(|| "serde_json::Value".to_owned(), |(ty, _)| ty);
            Some((format!("BTreeMap<String, {value}>"), "Map".into()))
        }
        "string" => Some(("String".into(), "Text".into())),
        "integer" => Some(("i64".into(), "Integer".into())),
        "number" => Some(("f64".into(), "Number".into())),
        "boolean" => Some(("bool".into(), "Boolean".into())),
        _ => None,
    }
}
