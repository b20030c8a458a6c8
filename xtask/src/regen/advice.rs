//! Creates texts for a maintainer to paste: overlay actions that prevent one type from becoming several, and rows of the naming
//! table.

use super::build::Built;
use crate::{
    document::located,
    lower::{hoist::Named, names, schema::shape_of},
};
use serde_json::{Map, Value, json};
use serde_json_path::JsonPath;
use std::collections::{BTreeMap, BTreeSet};

/// Returns an overlay action for each type of `before` that is several types in `after`, because CircleCI added a field to only
/// some of its places. The action adds the field to the other places too.
pub fn actions(before: &Built, after: &Built) -> Vec<String> {
    let mut now: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for ty in &after.types {
        let places = ty.places.iter().zip(&ty.pointers);
        now.extend(
            places.map(|(place, pointer)| (place.as_str(), (ty.name.as_str(), pointer.as_str()))),
        );
    }
    let split = before.types.iter().filter_map(|ty| {
        let found = ty.places.iter().filter_map(|place| now.get(place.as_str()));
        let (names, pointers): (BTreeSet<&str>, BTreeSet<&str>) = found.copied().unzip();
        (names.len() > 1).then_some((ty, pointers))
    });
    split
        .filter_map(|(ty, pointers)| action(ty, &pointers, &after.overlaid))
        .collect()
}

fn action(ty: &Named, pointers: &BTreeSet<&str>, document: &Value) -> Option<String> {
    let mut all: BTreeMap<&str, (&Value, usize)> = BTreeMap::new();
    let mut places = BTreeSet::new();
    for pointer in pointers {
        let schema = document.pointer(pointer)?;
        let (pointer, schema) = located(document, (*pointer).to_owned(), schema);
        if !places.insert(format!("{pointer}/properties")) {
            continue;
        }
        for (name, property) in schema["properties"].as_object()? {
            let (known, count) = all.entry(name).or_insert((property, 0));
            // If a field has different types in two places, an action that adds fields cannot help.
            if shape_of(document, known) != shape_of(document, property) {
                return None;
            }
            *count += 1;
        }
    }
    let is_everywhere = |count: usize| count == places.len();
    let mut fields = Map::new();
    for (name, (property, count)) in &all {
        if !is_everywhere(*count) {
            fields.insert((*name).to_owned(), (*property).clone());
        }
    }
    if fields.is_empty() {
        return None;
    }
    let names: Vec<String> = fields.keys().map(|name| format!("`{name}`")).collect();
    let common = all.iter().filter(|(_, (_, count))| is_everywhere(*count));
    let targets = targets(document, &places, common.map(|(name, _)| *name).collect());
    let actions = targets.iter().enumerate().map(|(index, target)| {
        let more = if index == 0 { "" } else { ", continued" };
        json!({
            "description": format!("{} in all places{more}. CircleCI has {} only in some of them.", ty.name, names.join(", ")),
            "target": target,
            "update": fields,
        })
    });
    let yaml = serde_yaml_ng::to_string(&actions.collect::<Vec<_>>()).ok()?;
    let indented: String = yaml.lines().map(|line| format!("\n  {line}")).collect();
    let mut advice = format!(
        "{} has become several types; to keep a single type, paste this into openapi/overlay.yaml:{indented}",
        ty.name
    );
    // A response may have a field that a request does not accept, so there is no advice about `ONE_TYPE` for a type that is used
    // in requests.
    if !ty.usage.request {
        let places: BTreeSet<&String> = ty.places.iter().collect();
        let row = format!("({:?}, &{:?}),", ty.name, Vec::from_iter(places));
        advice.push_str(&format!(
            "\nor this into `ONE_TYPE` in xtask/src/lower/names.rs:\n    {row}"
        ));
    }
    Some(advice)
}

/// Returns JSONPath targets that together match exactly these places: one target that selects all places by their common fields
/// or, if that is not possible, one target for each place.
fn targets(document: &Value, places: &BTreeSet<String>, mut common: Vec<&str>) -> Vec<String> {
    let by_fields = |fields: &[&str]| {
        let tests: Vec<String> = fields
            .iter()
            .map(|it| format!("@.properties{}", step(it)))
            .collect();
        format!("$..[?{}].properties", tests.join(" && "))
    };
    let fits = |fields: &[&str]| {
        let path = JsonPath::parse(&by_fields(fields)).ok();
        path.is_some_and(|path| {
            let found = path.query_located(document);
            let found: BTreeSet<String> =
                found.locations().map(|it| it.to_json_pointer()).collect();
            found == *places
        })
    };
    if common.is_empty() || !fits(&common) {
        return places.iter().map(|pointer| path_of(pointer)).collect();
    }
    // Removes each field that is not needed to distinguish the places from all other schemas.
    for index in (0..common.len()).rev() {
        let field = common.remove(index);
        if common.is_empty() || !fits(&common) {
            common.insert(index, field);
        }
    }
    vec![by_fields(&common)]
}

/// Converts a JSON pointer to a JSONPath.
fn path_of(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1);
    let steps: String = steps
        .map(|it| match it.parse::<usize>() {
            // A number with three digits is an HTTP status, which is a key and not an index.
            Ok(index) if it.len() < 3 => format!("[{index}]"),
            _ => step(&it.replace("~1", "/").replace("~0", "~")),
        })
        .collect();
    format!("${steps}")
}

/// Returns the JSONPath step to a key: `.key`, or `['a key']` if the key is not a plain word.
fn step(key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(is_plain)
    {
        true => format!(".{key}"),
        false => format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

/// The maximum number of rows that [`rows`] returns. If there are more, a line with their number follows.
const MOST_ROWS: usize = 40;

/// Returns a naming-table row for each type that is not in `known` and has no row yet. The row contains the current name of the
/// type.
pub fn rows(built: &Built, known: &BTreeSet<String>) -> Vec<String> {
    let table = names::table();
    let has_row = |ty: &Named| {
        ty.places
            .iter()
            .any(|place| table.contains_key(place.as_str()))
    };
    let new: Vec<&Named> = built
        .types
        .iter()
        .filter(|ty| !known.contains(&ty.name) && !has_row(ty))
        .collect();
    let rows = new
        .iter()
        .take(MOST_ROWS)
        .filter_map(|ty| Some(names::row(ty.places.first()?, &ty.name)));
    let mut rows: Vec<String> = rows.collect();
    if new.len() > MOST_ROWS {
        rows.push(format!("// and {} more", new.len() - MOST_ROWS));
    }
    rows
}
