//! Applies `openapi/overlay.yaml`, action by action, so that each one is held to account.

use anyhow::{Context, Result, ensure};
use roas_overlay::{
    apply::Apply,
    v1_1::{Action, Overlay},
};
use serde_json::Value;
use serde_json_path::JsonPath;

/// More values than this are no document but a mistake in the overlay: a handful of actions that copy `$` would fill any
/// memory. CircleCI's document has eleven thousand.
const MOST_VALUES: usize = 250_000;
/// What is nested deeper can be written and not read again.
const MOST_LEVELS: usize = 127;

/// How often one action or fixup applied.
#[derive(Clone, Debug)]
pub struct Applied {
    pub name: String,
    pub matches: usize,
}

/// Applies every action of the overlay `text` to `document` and says how many places each one matched. In a document other
/// than the vendored one (`lenient`) an action may find text where it expects an object; then it applies nowhere.
pub fn apply(document: &mut Value, text: &str, lenient: bool) -> Result<Vec<Applied>> {
    let overlay: Overlay =
        serde_yaml_ng::from_str(text).context("overlay.yaml is not an Overlay document")?;
    let mut report = Vec::new();
    for (index, action) in overlay.actions.iter().enumerate() {
        let name = name(action.description.as_deref(), index);
        ensure!(
            size(document).0.saturating_add(added(action, document)) <= MOST_VALUES,
            "overlay action \"{name}\": it would make a document of more than {MOST_VALUES} values"
        );
        let mut single = overlay.clone();
        single.actions = vec![action.clone()];
        let matches = match single.apply(document, Default::default()) {
            Ok(applied) => applied.actions.iter().map(|outcome| outcome.matched).sum(),
            Err(_) if lenient => 0,
            Err(error) => return Err(error).with_context(|| format!("overlay action \"{name}\"")),
        };
        ensure!(
            size(document).1 <= MOST_LEVELS,
            "overlay action \"{name}\": it makes a document of more than {MOST_LEVELS} levels"
        );
        report.push(Applied { name, matches });
    }
    Ok(report)
}

/// The document after each action, with the action's name.
pub fn stages(document: &Value, text: &str) -> Result<Vec<(String, Value)>> {
    let overlay: Overlay =
        serde_yaml_ng::from_str(text).context("overlay.yaml is not an Overlay document")?;
    let mut stages: Vec<(String, Value)> = Vec::new();
    for (index, action) in overlay.actions.iter().enumerate() {
        let mut document = stages.last().map_or(document, |(_, last)| last).clone();
        let mut single = overlay.clone();
        single.actions = vec![action.clone()];
        ensure!(
            size(&document).0.saturating_add(added(action, &document)) <= MOST_VALUES,
            "it would make a document of more than {MOST_VALUES} values"
        );
        // An action that does not fit changes nothing.
        if single.apply(&mut document, Default::default()).is_ok() {
            stages.push((name(action.description.as_deref(), index), document));
        }
    }
    Ok(stages)
}

/// How many values an action adds to the document at most. What is wrong with its paths, applying it tells.
fn added(action: &Action, document: &Value) -> usize {
    let found = |path: &str| match JsonPath::parse(path) {
        Ok(path) => path.query(document).all(),
        Err(_) => Vec::new(),
    };
    let source = match (&action.copy, &action.update) {
        _ if action.is_remove() => return 0,
        (Some(path), _) => found(path).first().map_or(0, |source| size(source).0),
        (None, update) => update.as_ref().map_or(0, |update| size(update).0),
    };
    found(&action.target).len().saturating_mul(source)
}

/// How many values there are in one, itself included, and how many levels.
fn size(value: &Value) -> (usize, usize) {
    let inner = match value {
        Value::Array(list) => Box::new(list.iter()) as Box<dyn Iterator<Item = &Value>>,
        Value::Object(map) => Box::new(map.values()),
        _ => return (1, 0),
    };
    inner.map(size).fold((1, 1), |(values, levels), below| {
        (values + below.0, levels.max(below.1 + 1))
    })
}

/// An action is called by the first sentence of its reason.
fn name(description: Option<&str>, index: usize) -> String {
    match description
        .and_then(|text| text.split(['.', ':']).next())
        .map(str::trim)
    {
        Some(first) if !first.is_empty() => first.to_owned(),
        _ => format!("number {} (which gives no reason)", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The same action so many times.
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

    #[test]
    fn a_document_stays_of_a_size_that_can_be_held_written_and_read() {
        let values =
            "overlay action \"Again\": it would make a document of more than 250000 values";
        let levels = "overlay action \"Again\": it makes a document of more than 127 levels";
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
