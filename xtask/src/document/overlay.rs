//! Applies the actions of `openapi/overlay.yaml` one by one, so that it can count the places that each action matches.

use anyhow::{Context, Result, ensure};
use roas_overlay::{
    apply::{Apply, ApplyError},
    v1_1::{Action, Overlay},
};
use serde_json::Value;
use serde_json_path::JsonPath;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The maximum number of values in a document. If an overlay makes a larger document, it has a mistake: for example, a few
/// actions that copy `$` would fill the memory. CircleCI's document has eleven thousand values.
const MOST_VALUES: usize = 250_000;
/// The maximum nesting depth. A deeper document could be written, but not read again.
const MOST_LEVELS: usize = 127;

/// An action or a fixup, and the number of places where it applied.
#[derive(Clone, Debug)]
pub struct Applied {
    pub name: String,
    pub matches: usize,
}

/// One action of an overlay, and overlays that contain only this action.
struct Single {
    name: String,
    action: Action,
    overlay: Overlay,
    /// The same update, for the value that the action matches.
    at_root: Overlay,
    /// The path of the action. `None` if it is invalid; in this case the error appears when the action is applied.
    path: Option<JsonPath>,
}

impl Single {
    /// Applies the action to the places that it matches, and returns how many places it changed. `None` stands for an invalid
    /// path.
    ///
    /// The library copies its target, so that an error changes nothing. For an update, its target is therefore only the value
    /// that the action matches: copies of the whole document would take most of the time of a build.
    fn apply(&self, document: &mut Value, places: Option<&[String]>) -> Result<usize, ApplyError> {
        let in_parts =
            self.action.update.is_some() && self.action.copy.is_none() && !self.action.is_remove();
        match places {
            Some([]) if self.action.copy.is_none() => Ok(0),
            Some(places)
                if in_parts
                    && are_separate(places)
                    && places.iter().all(|place| is_branch(document, place)) =>
            {
                for place in places {
                    if let Some(value) = document.pointer_mut(place) {
                        self.at_root.apply(value, Default::default())?;
                    }
                }
                Ok(places.len())
            }
            _ => {
                let report = self.overlay.apply(document, Default::default())?;
                Ok(report.actions.iter().map(|outcome| outcome.matched).sum())
            }
        }
    }
}

/// Returns whether no place is inside another one. The update of a place can change the values inside it.
fn are_separate(places: &[String]) -> bool {
    let all: HashSet<&str> = places.iter().map(String::as_str).collect();
    let inside = |place: &str| {
        place
            .match_indices('/')
            .any(|(at, _)| all.contains(&place[..at]))
    };
    !places.iter().any(|place| inside(place))
}

/// Returns whether the value at a place is an object or an array. An action cannot apply to other values.
fn is_branch(document: &Value, place: &str) -> bool {
    let value = document.pointer(place);
    value.is_some_and(|value| value.is_object() || value.is_array())
}

/// Returns the actions of an overlay. Caches the last result, because the tests and `update` use the same overlay repeatedly.
fn actions(text: &str) -> Result<Arc<Vec<Single>>> {
    static LAST: Mutex<Option<(String, Arc<Vec<Single>>)>> = Mutex::new(None);

    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, actions)) = &*last
        && of == text
    {
        return Ok(Arc::clone(actions));
    }
    let mut overlay: Overlay =
        serde_yaml_ng::from_str(text).context("overlay.yaml is not an Overlay document")?;
    let all = std::mem::take(&mut overlay.actions);
    let only = |action: Action| Overlay {
        actions: vec![action],
        ..overlay.clone()
    };
    let single = |(index, action): (usize, Action)| Single {
        name: name(action.description.as_deref(), index),
        overlay: only(action.clone()),
        at_root: only(Action {
            target: "$".to_owned(),
            ..action.clone()
        }),
        path: JsonPath::parse(&action.target).ok(),
        action,
    };
    let actions = Arc::new(all.into_iter().enumerate().map(single).collect());
    *last = Some((text.to_owned(), Arc::clone(&actions)));
    Ok(actions)
}

/// Applies every action of the overlay `text` to `document`, and returns how many places each action matched. If `lenient` is
/// true, an action that fails has no effect. Only the vendored document needs all actions to succeed: in another document, an
/// action may find a text where it expects an object.
pub fn apply(document: &mut Value, text: &str, lenient: bool) -> Result<Vec<Applied>> {
    let mut report = Vec::new();
    // After the first action, these are only upper bounds, because counting the values of a whole document takes time.
    let (mut values, mut levels) = size(document);
    for single in actions(text)?.iter() {
        let name = &single.name;
        let (found, (added, deeper)) = reach(single, document);
        if values.saturating_add(added) > MOST_VALUES {
            values = size(document).0;
        }
        ensure!(
            values.saturating_add(added) <= MOST_VALUES,
            "overlay action \"{name}\": it would make a document of more than {MOST_VALUES} values"
        );
        let matches = match single.apply(document, found.as_deref()) {
            Ok(matches) => matches,
            Err(_) if lenient => 0,
            Err(error) => return Err(error).with_context(|| format!("overlay action \"{name}\"")),
        };
        if matches > 0 {
            values += added;
            levels += deeper;
            if levels > MOST_LEVELS {
                (values, levels) = size(document);
            }
            ensure!(
                levels <= MOST_LEVELS,
                "overlay action \"{name}\": its result is nested more than {MOST_LEVELS} levels deep"
            );
        }
        let name = name.clone();
        report.push(Applied { name, matches });
    }
    Ok(report)
}

/// Applies the actions one after the other. Calls `visit` for each action that matches something, with the name of the action and
/// with the document before and after it.
pub fn stages(
    document: &Value,
    text: &str,
    mut visit: impl FnMut(&str, &Value, &Value),
) -> Result<()> {
    // Applying each action to two documents takes less time than copying the document after each action.
    let (mut before, mut after) = (document.clone(), document.clone());
    for single in actions(text)?.iter() {
        let (found, (added, _)) = reach(single, &before);
        if found.as_deref().is_some_and(<[_]>::is_empty) {
            continue;
        }
        ensure!(
            size(&before).0.saturating_add(added) <= MOST_VALUES,
            "it would make a document of more than {MOST_VALUES} values"
        );
        // An action that fails changes nothing, and is no stage.
        if single.apply(&mut after, found.as_deref()).is_ok() {
            visit(&single.name, &before, &after);
            single.apply(&mut before, found.as_deref())?;
        }
    }
    Ok(())
}

/// Returns the longest prefix of an action's path that matches something in `document`. Returns `None` if only the root matches.
pub fn reached(document: &Value, text: &str, index: usize) -> Option<String> {
    let actions = actions(text).ok()?;
    let target = &actions.get(index)?.action.target;
    let (mut depth, mut quote) = (0_usize, None);
    let mut ends = Vec::new();
    for (at, letter) in target.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '.' | '[') if depth == 0 => ends.push(at),
            _ => {}
        }
        match (quote, letter) {
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let beginnings = ends.iter().rev().map(|end| &target[..*end]);
    let mut beginnings = beginnings.filter(|path| path.len() > 1);
    let reached = beginnings
        .find(|path| JsonPath::parse(path).is_ok_and(|path| !path.query(document).is_empty()));
    reached.map(str::to_owned)
}

/// Returns the pointers to the places that an action matches, and upper bounds for the values and levels that it adds. The places
/// are `None` if the path is invalid.
fn reach(single: &Single, document: &Value) -> (Option<Vec<String>>, (usize, usize)) {
    let places = single.path.as_ref().map(|path| {
        let found = path.query_located(document);
        let pointers = found.locations().map(|place| place.to_json_pointer());
        pointers.collect::<Vec<_>>()
    });
    let source = |path: &String| {
        let path = JsonPath::parse(path).ok()?;
        path.query(document).first().map(size)
    };
    let action = &single.action;
    let (values, levels) = match (&action.copy, &action.update) {
        _ if action.is_remove() => None,
        (Some(path), _) => source(path),
        (None, update) => update.as_ref().map(size),
    }
    .unwrap_or_default();
    let targets = places.as_ref().map_or(0, Vec::len);
    (places, (targets.saturating_mul(values), levels))
}

/// Returns the number of values in a value (including itself) and the number of its levels.
fn size(value: &Value) -> (usize, usize) {
    let (mut values, mut levels) = (1, 0);
    let mut add = |inner: &Value| {
        let below = size(inner);
        values += below.0;
        levels = levels.max(below.1 + 1);
    };
    match value {
        Value::Array(list) if list.is_empty() => levels = 1,
        Value::Object(map) if map.is_empty() => levels = 1,
        Value::Array(list) => list.iter().for_each(&mut add),
        Value::Object(map) => map.values().for_each(&mut add),
        _ => {}
    }
    (values, levels)
}

/// Returns the name of an action, which is the first sentence of its description.
fn name(description: Option<&str>, index: usize) -> String {
    match description
        .and_then(|text| text.split(['.', ':']).next())
        .map(str::trim)
    {
        Some(first) if !first.is_empty() => first.to_owned(),
        _ => format!("number {} (which has no reason)", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Applies the same action repeatedly.
    fn error_of(action: &str, times: usize) -> String {
        let text = format!(
            "overlay: 1.1.0\ninfo: {{ title: T, version: '1' }}\nactions:\n{}",
            format!("  - {{ description: Again, {action} }}\n").repeat(times)
        );
        let mut document = json!({ "a": {}, "b": [{}] });
        match apply(&mut document, &text, true) {
            Ok(_) => format!("taken: {:?}", size(&document)),
            Err(error) => format!("{error:#}"),
        }
    }

    /// Applying an update to each matched value must have the same result as applying it to the whole document.
    #[test]
    fn an_update_in_parts_is_the_update_of_the_whole() {
        let document = json!({
            "a": { "a": { "b": 1 }, "c": [] }, "list": [1, { "a": {} }], "nested": { "a": { "a": [1] } }, "text": "x", "~/": {}
        });
        for action in [
            "target: $..a, update: { c: 1 }",
            "target: $..a, update: { a: { z: [] } }",
            "target: $..a, update: { a: 1 }",
            "target: $..a, update: { a: [1] }",
            "target: $.nested..a, update: { z: 1 }",
            "target: $.nested..a, update: { a: { z: 1 } }",
            "target: '$..[?@.a]', update: { a: { z: [] } }",
            "target: \"$['a','a']\", update: { c: [2] }",
            "target: $.list, update: 2",
            "target: $.list, update: [2, 3]",
            "target: $.a, update: null",
            "target: $.text, update: { a: 1 }",
            "target: $.*, update: { a: 1 }",
            "target: $, update: { d: 1 }",
            "target: \"$['~/']\", update: { d: 1 }",
            "target: $.none, update: { d: 1 }",
            "target: '$.a[', update: { d: 1 }",
            "target: $..a, remove: true",
            "target: '$.list[*]', remove: true",
            "target: $.a, copy: '$.list[1]'",
            "target: $.a, copy: $.none",
            "target: $.a",
        ] {
            let text = format!(
                "overlay: 1.1.0\ninfo: {{ title: T, version: '1' }}\nactions:\n  - {{ {action} }}\n"
            );
            let all = actions(&text).unwrap();
            let single = &all[0];
            let (mut parts, mut whole) = (document.clone(), document.clone());
            let places = reach(single, &parts).0;
            let one = single.apply(&mut parts, places.as_deref()).ok();
            let other = single.overlay.apply(&mut whole, Default::default()).ok();
            let other: Option<usize> =
                other.map(|report| report.actions.iter().map(|it| it.matched).sum());
            assert_eq!((one, parts), (other, whole), "{action}");
        }
    }

    #[test]
    fn a_document_stays_of_a_size_that_can_be_held_written_and_read() {
        let values =
            "overlay action \"Again\": it would make a document of more than 250000 values";
        let levels = "overlay action \"Again\": its result is nested more than 127 levels deep";
        for (action, times, expected) in [
            ("target: $.a, copy: $", 3, "taken"),
            ("target: $.a, copy: $", 40, values),
            ("target: $.*, copy: $", 2, "taken"),
            ("target: $.*, copy: $", 40, values),
            ("target: '$..*', update: { x: { y: {} } }", 3, "taken"),
            (
                "target: '$..*', update: { x: { y: {} }, z: {} }",
                400,
                values,
            ),
            (
                "target: '$..*[?length(@) == 0]', update: { x: {} }",
                200,
                levels,
            ),
        ] {
            let error = error_of(action, times);
            assert!(error.starts_with(expected), "{action} {times}: {error}");
        }
    }
}
