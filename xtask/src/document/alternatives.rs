//! Gives each alternative of a schema a word that identifies it. An index would not identify it, because the order of the
//! alternatives has no meaning.

use serde_json::Value;
use std::collections::BTreeSet;

/// The key under which an alternative stores its word.
pub const WORD: &str = "x-alternative";

/// Returns a unique word for each alternative: its name, one of its required properties, one of its properties, one of its enum
/// values, or its type. The first of these that no other alternative has is used. If there is none, the word is the
/// alternative's index.
///
/// A word that is already stored under [`WORD`] is kept, because later steps remove what the word was made from.
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

/// Returns the first word that `way` finds in this alternative and in no other alternative.
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

/// Returns a set with the name that the document gives to an alternative. The set is empty if there is no name.
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

/// Returns the enum values that an alternative allows.
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
