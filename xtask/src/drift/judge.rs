//! The second judge: the crate `drift`. It knows nothing of Rust, of `x-nullable` or of operationIds, but what it finds
//! worse than a word and we have not seen at all is for a person to look at.

use super::{
    report::{Change, merge},
    schema::is_docs,
    verdict::Class,
};
use drift::{ChangeClass, ChangeInfo, ChangePath};
use serde_json::Value;
use std::{cell::Cell, panic, sync::Once};

/// What the crate `drift` reports, and `ours` does not.
pub fn review(old: &Value, new: &Value, ours: &[Change]) -> Vec<Change> {
    if [old, new].into_iter().any(has_endless_reference) {
        return vec![Change::new(
            Class::Review,
            "the crate `drift` cannot compare these documents: a reference leads back to itself",
        )];
    }
    let (old, new) = (ordered(old), ordered(new));
    let found = match quietly(|| drift::compare(&old, &new)) {
        Some(Ok(found)) => found,
        Some(Err(error)) => {
            return vec![Change::new(
                Class::Review,
                format!("the crate `drift` cannot compare these documents: {error:#}"),
            )];
        }
        None => {
            return vec![Change::new(
                Class::Review,
                "the crate `drift` cannot compare these documents: it panicked",
            )];
        }
    };
    let mut changes = Vec::new();
    for change in &found {
        for info in change
            .changes
            .iter()
            .filter(|info| !matches!(info.class, ChangeClass::Trivial))
        {
            let places: Vec<String> = change
                .paths
                .iter()
                .flat_map(|path| places(path, info))
                .collect();
            if !places
                .iter()
                .any(|place| ours.iter().any(|change| covers(change, info, place)))
            {
                let mut review = Change::new(
                    Class::Review,
                    format!(
                        "the crate `drift` says \"{}\" ({:?}), and nothing here explains it",
                        info.message, info.class
                    ),
                );
                review.places.extend(
                    change
                        .paths
                        .iter()
                        .filter_map(|path| places_of(path, info).pop()),
                );
                review.touches.extend(
                    change
                        .paths
                        .iter()
                        .filter_map(|path| path.new.endpoint_base())
                        .map(|at| at.trim_start_matches('#').to_owned()),
                );
                changes.push(review);
            }
        }
    }
    merge(changes)
}

/// The document with its lists of words in order and without descriptions: in an `anyOf`, each is a change to `drift`.
fn ordered(document: &Value) -> Value {
    let mut ordered = document.clone();
    let mut open = vec![&mut ordered];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                for (key, child) in map.iter_mut() {
                    match child {
                        Value::Array(words) if key == "enum" || key == "required" => {
                            words.sort_by_key(Value::to_string)
                        }
                        Value::String(text)
                            if matches!(key.as_str(), "description" | "summary" | "title") =>
                        {
                            text.clear()
                        }
                        child => open.push(child),
                    }
                }
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    ordered
}

fn places_of(path: &ChangePath, info: &ChangeInfo) -> Vec<String> {
    places(path, info).collect()
}

/// Where a change is, in the old document and in the new one.
fn places(path: &ChangePath, info: &ChangeInfo) -> impl Iterator<Item = String> {
    let place = |base: &str, subpath: &str| {
        let base = base.trim_start_matches('#');
        // Its own name for it.
        let subpath = subpath.replace("request_body", "requestBody");
        if subpath.is_empty() {
            base.to_owned()
        } else {
            format!("{base}/{subpath}")
        }
    };
    let (old, new) = (path.old.base_and_subpath().0, path.new.base_and_subpath().0);
    [place(old, &info.old_subpath), place(new, &info.new_subpath)].into_iter()
}

/// Whether we report something in that place, or right below or above it; words do not explain anything but words.
fn covers(ours: &Change, info: &ChangeInfo, place: &str) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // What it cannot judge (`Unhandled`) may well be a bound of an answer, which we know to be without effect.
    let told = |at: &str| {
        ours.class > Class::Docs
            || (info.class == ChangeClass::Unhandled && !at.rsplit('/').next().is_some_and(is_docs))
    };
    ours.places
        .iter()
        .any(|at| told(at) && (inside(place, at) || inside(at, place)))
}

/// A `$ref` that leads to itself, or nowhere, along which `drift` would go on for ever.
fn has_endless_reference(document: &Value) -> bool {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        // A reference that is still one after following it.
        let reference = |value: &Value| value.get("$ref").is_some_and(Value::is_string);
        if reference(value) && reference(crate::document::resolve(document, value)) {
            return true;
        }
        match value {
            Value::Object(map) => open.extend(map.values()),
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    false
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs what may panic on a document, without its words: a panic there is one line of the report, and no backtrace.
pub fn quietly<T>(run: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(run));
    QUIET.set(false);
    result.ok()
}
