//! Makes the schemas at all places of one type equal. If CircleCI adds a field to only one of the places, the other places get it
//! as an optional field.

use super::{
    findings::Findings,
    names,
    schema::{Step, children, children_mut, key},
    tolerate,
};
use serde_json::{Map, Value, json};

/// For each row of `names::one_type`, makes the schemas at the row's places equal. Each root consists of a place, in the notation
/// of the naming table, and of the schema at this place.
pub fn unite(roots: &mut [(&str, &mut Value)], findings: &mut Findings) {
    for (name, places) in names::one_type() {
        let mut found = vec![None; places.len()];
        for (place, schema) in &*roots {
            collect(schema, place, places, &mut found);
        }
        let missing = places
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none());
        findings.unused.extend(missing.map(|(place, _)| {
            format!("one type: the row of {name} lists {place}, which is not in the document")
        }));
        let mut schemas = found.into_iter().flatten();
        let Some(first) = schemas.next() else {
            continue;
        };
        match schemas.try_fold(first, |united, schema| both(&united, &schema)) {
            Some(united) => {
                for (place, schema) in &mut *roots {
                    replace(schema, place, places, &united);
                }
            }
            None => findings.unsettled.push(format!(
                "one type: the places of {name} contradict each other, so they are separate types"
            )),
        }
    }
}

/// Finds the schemas at `places`. Searches `schema`, which is at `here`, and the schemas below it.
fn collect(schema: &Value, here: &str, places: &[&str], found: &mut [Option<Value>]) {
    if !leads_to(here, places) {
        return;
    }
    if let Some(index) = places.iter().position(|place| *place == here) {
        found[index].get_or_insert_with(|| schema.clone());
    }
    children(schema, &mut |step, child| {
        collect(child, &below(here, step, child), places, found);
    });
}

/// Writes `united` to `places`. At each place, keeps the keywords that belong to the place and not to the type, such as
/// `description` and `nullable`.
fn replace(schema: &mut Value, here: &str, places: &[&str], united: &Value) {
    if !leads_to(here, places) {
        return;
    }
    if places.contains(&here) {
        let own = schema.clone();
        schema.clone_from(united);
        for word in OF_THE_PLACE {
            match (own.get(word), schema.as_object_mut()) {
                (Some(value), Some(map)) => drop(map.insert(word.to_owned(), value.clone())),
                (None, Some(map)) => drop(map.remove(word)),
                (_, None) => {}
            }
        }
        return;
    }
    let mut names = Vec::new();
    children(schema, &mut |step, child| {
        names.push(below(here, step, child));
    });
    let mut names = names.into_iter();
    children_mut(schema, &mut |child| {
        if let Some(here) = names.next() {
            replace(child, &here, places, united);
        }
    });
}

/// Returns whether one of `places` can be at `here` or below it. The result is always true if one of `places` is in a component,
/// because a component can be anywhere.
fn leads_to(here: &str, places: &[&str]) -> bool {
    let leads = |place: &&str| place.starts_with('#') || place.starts_with(here);
    places.iter().any(leads)
}

fn below(here: &str, step: &Step<'_>, child: &Value) -> String {
    match child.get("x-component").and_then(Value::as_str) {
        Some(name) => format!("#{name}"),
        None => format!("{here}{step}"),
    }
}

/// The keywords that belong to the place of a schema and not to its type. They stay as they are.
const OF_THE_PLACE: [&str; 5] = ["x-component", "title", "description", "nullable", "default"];

/// Returns a schema that accepts the values of both schemas, or `None` if there is no such schema.
fn both(one: &Value, other: &Value) -> Option<Value> {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return (one == other).then(|| one.clone());
    };
    let mut united = Map::new();
    for word in one.keys().chain(other.keys()) {
        let (mine, theirs) = (one.get(word), other.get(word));
        let value = match (word.as_str(), mine, theirs) {
            ("properties", Some(mine), Some(theirs)) => properties(mine, theirs)?,
            ("items" | "additionalProperties", Some(mine), Some(theirs)) => both(mine, theirs)?,
            ("enum", Some(mine), Some(theirs)) => words(mine, theirs),
            ("required", Some(_), _) => required(one, other),
            ("required", None, _) => continue,
            // If a value may be null in one place, it may be null in both.
            ("nullable", mine, theirs) => {
                json!(mine == Some(&json!(true)) || theirs == Some(&json!(true)))
            }
            // Only these two formats have their own Rust type.
            ("format", mine, theirs) if mine != theirs => {
                let seen = |format: Option<&Value>| {
                    matches!(format.and_then(Value::as_str), Some("date-time" | "uuid"))
                };
                if seen(mine) || seen(theirs) {
                    return None;
                }
                continue;
            }
            ("type" | "oneOf" | "anyOf" | "allOf" | "$ref", mine, theirs)
                if key_of(word, mine) != key_of(word, theirs) =>
            {
                return None;
            }
            (_, mine, theirs) => mine.or(theirs)?.clone(),
        };
        united.insert(word.clone(), value);
    }
    Some(Value::Object(united))
}

/// Returns the key of a schema that contains only this keyword.
fn key_of(word: &str, value: Option<&Value>) -> String {
    key(&json!({ word: value }))
}

fn properties(mine: &Value, theirs: &Value) -> Option<Value> {
    let (mine, theirs) = (mine.as_object()?, theirs.as_object()?);
    let mut united = mine.clone();
    for (name, schema) in theirs {
        let schema = match mine.get(name) {
            Some(known) => both(known, schema)?,
            None => schema.clone(),
        };
        united.insert(name.clone(), schema);
    }
    Some(Value::Object(united))
}

/// Returns the properties of `one` that stay required. An identifying property stays required only if `other` requires it too.
/// Any other property only needs to exist in `other`, because a response may lack it anyway.
fn required(one: &Map<String, Value>, other: &Map<String, Value>) -> Value {
    let is_required = |schema: &Map<String, Value>, name: &Value| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.contains(name))
    };
    let mut names = one["required"].as_array().cloned().unwrap_or_default();
    names.retain(|name| {
        let text = name.as_str().unwrap_or_default();
        let known = other.get("properties").and_then(|list| list.get(text));
        known.is_some() && (is_required(other, name) || !tolerate::identifies(text))
    });
    Value::Array(names)
}

/// Returns the enum values of both lists, without duplicates.
fn words(mine: &Value, theirs: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut words = list(mine);
    let new = list(theirs)
        .into_iter()
        .filter(|word| !list(mine).contains(word));
    words.extend(new);
    Value::Array(words)
}
