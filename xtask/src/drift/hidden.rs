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
    // The stages take time, so they are built only if there are places to check.
    if places.is_empty() {
        return Vec::new();
    }
    let mut by_action: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in [old, new] {
        let mut open = places.clone();
        open.retain(|place| document.pointer(place).is_some());
        let stage = |action: &str, before: &Value, after: &Value| {
            open.retain(|place| {
                let is_hidden = after.pointer(place).is_none() || replaced(before, after, place);
                if is_hidden {
                    // The action "One timetable, continued" belongs to the action "One timetable", so only this part of the name
                    // is used.
                    let action = action.split(',').next().unwrap_or(action).to_owned();
                    let hidden = by_action.entry(action).or_default();
                    hidden.insert((*place).to_owned());
                }
                !is_hidden
            });
        };
        // If the overlay does not fit a document, another check reports it.
        let _ = overlay::stages(document, overlay, stage);
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
