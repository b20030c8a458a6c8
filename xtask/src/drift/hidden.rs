//! Finds changes that have no effect on the generated code, because an overlay action replaces the place where they are.

use super::{change::Change, verdict::Class};
use crate::document::overlay;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Returns a change to review for each overlay action that hides changes of the contract.
pub fn hidden(old: &Value, new: &Value, overlay: &str, contract: &[Change]) -> Vec<Change> {
    let places: BTreeSet<&str> = contract
        .iter()
        .filter(|change| change.class > Class::Docs)
        .flat_map(|change| &change.places)
        .map(String::as_str)
        .collect();
    // Each stage is a copy of the whole document. The stages are built only if there are places to check.
    if places.is_empty() {
        return Vec::new();
    }
    let mut by_action: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in [old, new] {
        // If the overlay does not fit a document, another check reports it.
        let Ok(stages) = overlay::stages(document, overlay) else {
            continue;
        };
        for place in &places {
            if let Some(action) = hidden_by(document, &stages, place) {
                by_action
                    .entry(action)
                    .or_default()
                    .insert((*place).to_owned());
            }
        }
    }
    let change = |(action, places): (String, BTreeSet<String>)| {
        let mut change = Change::new(
            Class::Review,
            format!("hidden by the overlay action \"{action}\": extend it"),
        );
        let touched = contract.iter().filter(|it| !it.places.is_disjoint(&places));
        change.touches = touched.flat_map(|it| it.touches.clone()).collect();
        change.places = places;
        change
    };
    by_action.into_iter().map(change).collect()
}

/// Returns the name of the first action that removes a place from the document or makes the place ineffective.
fn hidden_by(document: &Value, stages: &[(String, Value)], place: &str) -> Option<String> {
    let mut before = document;
    before.pointer(place)?;
    for (action, after) in stages {
        if after.pointer(place).is_none() || replaced(before, after, place) {
            // The action "One timetable, continued" belongs to the action "One timetable", so only this part of the name is
            // returned.
            return Some(action.split(',').next().unwrap_or(action).to_owned());
        }
        before = after;
    }
    None
}

/// Checks whether a value that contains the place has become a reference or has changed its type.
fn replaced(before: &Value, after: &Value, place: &str) -> bool {
    let mut above = place;
    while let Some((parent, _)) = above.rsplit_once('/') {
        above = parent;
        let (Some(before), Some(after)) = (before.pointer(above), after.pointer(above)) else {
            return true;
        };
        let gained = |key: &str| {
            before.get(key) != after.get(key) && after.get(key).is_some_and(Value::is_string)
        };
        if gained("$ref") || (before.get("type").is_some() && gained("type")) {
            return true;
        }
    }
    false
}
