//! Finds the problems that can only be found after every shape has a name.

use super::{Check, Problem};
use crate::{
    document::{self, operations, order},
    lower::{hoist::Hoisted, names, schema::component_name},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Returns the problems that can only be found after every shape has a name.
pub fn check_names(hoisted: &Hoisted) -> Vec<Problem> {
    let mut check = Check::of(&hoisted.document);
    for named in &hoisted.types {
        let schema = &hoisted.document["components"]["schemas"][&named.name];
        let mut variants = BTreeMap::new();
        for (index, branch) in schema["oneOf"].as_array().into_iter().flatten().enumerate() {
            let Some(name) = branch["$ref"].as_str().and_then(component_name) else {
                continue;
            };
            let variant = names::union_variant(&named.name, name);
            if let Some(other) = variants.insert(variant.clone(), index) {
                check.report(
                    format!(
                        "{}/oneOf/{}",
                        named.pointer(),
                        order::index_of(branch, index)
                    ),
                    format!("would be the same variant, {variant}, as alternative {other}"),
                );
            }
        }
        let properties = &schema["properties"];
        if properties["items"]["type"] == "array"
            && properties.get("next_page_token").is_some()
            && !is_item(&properties["items"]["items"])
        {
            check.report(
                format!("{}/properties/items", named.pointer()),
                UNNAMED_ITEMS,
            );
        }
    }
    for operation in operations(&hoisted.document) {
        let Some((at, schema)) = document::success_at(&hoisted.document, &operation) else {
            continue;
        };
        let by_offset = document::parameters(&hoisted.document, &operation)
            .iter()
            .any(|parameter| parameter["name"] == "offset");
        if by_offset && schema["type"] == "array" && !is_item(&schema["items"]) {
            check.report(at, UNNAMED_ITEMS);
        }
    }
    check.problems.into_iter().collect()
}

const UNNAMED_ITEMS: &str =
    "is a page whose items do not have a named type, so the client cannot page through it";

/// Returns whether the type of a page's items can be written as a single identifier.
fn is_item(schema: &Value) -> bool {
    let plain = schema["nullable"] != true
        && matches!(
            schema["type"].as_str(),
            Some("string" | "integer" | "number" | "boolean")
        );
    schema.get("$ref").is_some()
        || (plain && schema.get("format").is_none_or(|format| format == "int64"))
}
