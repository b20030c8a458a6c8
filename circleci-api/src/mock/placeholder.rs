//! Placeholders in the mock's default answers. Each placeholder stands for a value of the request: `⟦job-number=42⟧` is replaced
//! with the path parameter `job-number`, or with the default, 42, if the request has no such parameter.

use serde_json::Value;
use uuid::Uuid;

const OPEN: char = '⟦';
const CLOSE: char = '⟧';

/// Replaces the placeholders in all strings of `json`. `value_of` returns the value for a placeholder's name, or `None` if the
/// default applies.
pub(super) fn fill(json: &mut Value, value_of: &dyn Fn(&str) -> Option<String>) {
    match json {
        Value::String(text) if text.contains(OPEN) => *json = filled(text, value_of),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, value_of)),
        Value::Object(map) => map.values_mut().for_each(|value| fill(value, value_of)),
        _ => {}
    }
}

/// Returns the text with its placeholders replaced. The result is a JSON number if the text is a single placeholder and both its
/// default and its value are integers.
fn filled(text: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut written = String::new();
    let mut rest = text;
    let mut whole = None;
    while let Some((before, name, default, after)) = next(rest) {
        let value = value_of(name).filter(|value| fits(value, default));
        let value = value.unwrap_or_else(|| default.to_owned());
        if before.is_empty() && after.is_empty() && written.is_empty() {
            whole = default.parse::<i64>().ok().and(value.parse::<i64>().ok());
        }
        written += before;
        written += &value;
        rest = after;
    }
    written += rest;
    whole.map_or(Value::String(written), Value::from)
}

/// Checks whether a value may replace the default. A default that is a UUID can only be replaced by another UUID.
fn fits(value: &str, default: &str) -> bool {
    Uuid::try_parse(default).is_err() || Uuid::try_parse(value).is_ok()
}

/// Returns the text before the first placeholder, the placeholder's name, its default, and the text after it.
fn next(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (inner, after) = rest.split_once(CLOSE)?;
    let (name, default) = inner.split_once('=').unwrap_or((inner, ""));
    Some((before, name, default, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_replaced_and_numbers_stay_numbers() {
        let known = |name: &str| (name == "n").then(|| "7".to_owned());
        let mut json = json!([
            "⟦n=1⟧",
            "⟦n=x⟧",
            "a ⟦n=1⟧ ⟦m=b⟧ c",
            "⟦m=2⟧",
            "⟦open",
            "plain"
        ]);
        fill(&mut json, &known);
        assert_eq!(json, json!([7, "7", "a 7 b c", 2, "⟦open", "plain"]));
    }
}
