//! Converts a serialized value of a type to the JSON that CircleCI sends. CircleCI's JSON has CircleCI's spelling of the keys,
//! and contains a required key even if its value is null.

use serde_json::{Map, Value};

use super::route;

/// Completes `value`. `pattern` is an answer of the same shape, with the keys as CircleCI spells them. `nulls` contains only the
/// required keys. A required key that may be null has the value null in `nulls`.
pub(super) fn complete(value: &mut Value, pattern: &Value, nulls: &Value) {
    match value {
        Value::Object(object) => complete_object(object, pattern, nulls),
        Value::Array(items) => {
            let (pattern, nulls) = (&pattern[0], &nulls[0]);
            items
                .iter_mut()
                .for_each(|item| complete(item, pattern, nulls));
        }
        _ => {}
    }
}

fn complete_object(object: &mut Map<String, Value>, pattern: &Value, nulls: &Value) {
    if let Some(known) = pattern.as_object() {
        let written = std::mem::take(object);
        let spelled = written
            .into_iter()
            .map(|(key, value)| (spelling(known, &key), value));
        object.extend(spelled);
    }
    for (key, below) in nulls.as_object().into_iter().flatten() {
        let leaf = below.is_null();
        match object.get_mut(key) {
            Some(value) => complete(value, &pattern[key], below),
            None if leaf => drop(object.insert(key.clone(), Value::Null)),
            None => {}
        }
    }
    let others = object
        .iter_mut()
        .filter(|(key, _)| nulls.get(key.as_str()).is_none());
    others.for_each(|(key, value)| complete(value, &pattern[key], &Value::Null));
}

/// Returns the spelling that `object` uses for `key`: `created-at` or `created_at`.
pub(super) fn spelling(object: &Map<String, Value>, key: &str) -> String {
    let is_same = |known: &&String| !object.contains_key(key) && route::is_name(known, key);
    let known = object.keys().find(is_same);
    known.map_or(key, String::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_spelled_as_on_the_wire_and_nulls_are_there() {
        let pattern = json!({ "items": [{ "created_at": "x", "at": { "a_b": 1 } }] });
        let nulls = json!({ "items": [{ "stopped_at": null, "at": { "c": null } }], "next": null });
        let mut value =
            json!({ "items": [{ "created-at": 1, "at": { "a-b": 2 } }, { "stopped_at": 3 }] });
        complete(&mut value, &pattern, &nulls);
        let expected = json!({
            "items": [
                { "created_at": 1, "at": { "a_b": 2, "c": null }, "stopped_at": null },
                { "stopped_at": 3 },
            ],
            "next": null,
        });
        assert_eq!(value, expected);
    }
}
