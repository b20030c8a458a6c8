//! What tells the alternatives of a schema apart, in a word for each: not their order, which says nothing.

use serde_json::Value;
use std::collections::BTreeSet;

/// Where an alternative keeps its word.
pub const WORD: &str = "x-alternative";

/// A word for each alternative, no two of them the same: the name that it has, else a property that only it has, else a word that only it
/// allows, else its type. Where nothing of that helps, its number.
///
/// A word that [`WORD`] holds already stays: later steps take away what it was found by.
pub fn words(branches: &[Value]) -> Vec<String> {
    let ways: [fn(&Value) -> BTreeSet<String>; 5] = [name, required, properties, allowed, kind];
    let alone = |index: usize| {
        let mut found = ways.iter().map(|way| only(branches, index, *way));
        found.find_map(|word| word)
    };
    let mut words: Vec<String> = Vec::new();
    for (index, branch) in branches.iter().enumerate() {
        let known = branch[WORD].as_str().map(str::to_owned);
        let word = known.or_else(|| alone(index));
        let word = word.unwrap_or_else(|| index.to_string());
        let taken = words.contains(&word);
        words.push(if taken { index.to_string() } else { word });
    }
    words
}

/// The first of an alternative's words that no other one has.
fn only(branches: &[Value], index: usize, way: fn(&Value) -> BTreeSet<String>) -> Option<String> {
    let others = branches
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index);
    let others: BTreeSet<String> = others.flat_map(|(_, branch)| way(branch)).collect();
    way(&branches[index])
        .into_iter()
        .find(|word| !others.contains(word))
}

/// What the document calls it.
fn name(branch: &Value) -> BTreeSet<String> {
    let named = ["x-component", "title"]
        .into_iter()
        .find_map(|key| branch[key].as_str());
    let reference = branch["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    named.or(reference).map(str::to_owned).into_iter().collect()
}

fn required(branch: &Value) -> BTreeSet<String> {
    let names = branch["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn properties(branch: &Value) -> BTreeSet<String> {
    let properties = branch["properties"].as_object().into_iter().flatten();
    properties.map(|(name, _)| name.clone()).collect()
}

/// The words of its enums.
fn allowed(branch: &Value) -> BTreeSet<String> {
    let properties = branch["properties"].as_object().into_iter().flatten();
    let enums = properties
        .map(|(_, property)| &property["enum"])
        .chain([&branch["enum"]]);
    let words = enums
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

fn kind(branch: &Value) -> BTreeSet<String> {
    branch["type"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .collect()
}
