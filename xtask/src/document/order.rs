//! Sorts alternatives. Their order has no meaning in a document, but it matters in an untagged Rust enum, which tries its
//! variants in order.

use super::{alternatives, resolve};
use serde_json::{Value, json};
use std::cmp::Reverse;

/// The key under which an alternative that moved stores its original index.
pub const INDEX: &str = "x-index";

/// Sorts the alternatives of every schema, so that the same alternatives in another order give the same code. Alternatives with
/// more required properties come first, because they match fewer values. Among those with equally many, the ones with more
/// properties come first.
pub fn settle_alternatives(document: &mut Value) {
    let whole = document.clone();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                for (key, child) in map.iter_mut().filter(|(key, _)| !is_data(key)) {
                    if let (Value::Array(branches), "oneOf" | "anyOf") = (&mut *child, key.as_str())
                    {
                        sort(&whole, branches);
                    }
                    open.push(child);
                }
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
}

/// Returns the index that an alternative had in the original document.
pub fn index_of(branch: &Value, index: usize) -> usize {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    let index = branch[INDEX].as_u64().unwrap_or(index);
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn is_data(key: &str) -> bool {
    matches!(key, "default" | "enum" | "example" | "examples")
}

fn sort(document: &Value, branches: &mut [Value]) {
    let mut order: Vec<usize> = (0..branches.len()).collect();
    order.sort_by_cached_key(|index| {
        let branch = &branches[*index];
        let schema = resolve(document, branch);
        let required = schema["required"].as_array().map_or(0, Vec::len);
        let properties = schema["properties"].as_object();
        let properties: Vec<String> = properties
            .into_iter()
            .flatten()
            .map(|it| it.0.clone())
            .collect();
        let shape = [&branch["$ref"], &schema["type"], &schema["enum"]].map(Value::to_string);
        (
            Reverse(required),
            Reverse(properties.len()),
            properties,
            shape,
            branch.to_string(),
        )
    });
    let words = alternatives::words(branches);
    for (branch, word) in branches.iter_mut().zip(words) {
        if let Some(branch) = branch.as_object_mut().filter(|it| !it.contains_key("$ref")) {
            branch.insert(alternatives::WORD.into(), json!(word));
        }
    }
    if order.is_sorted() {
        return;
    }
    let sorted: Vec<Value> = order
        .into_iter()
        .map(|index| {
            let mut branch = branches[index].clone();
            if let Some(branch) = branch.as_object_mut() {
                branch.insert(INDEX.into(), json!(index));
            }
            branch
        })
        .collect();
    branches.clone_from_slice(&sorted);
}
