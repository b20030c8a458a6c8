//! Fields that CircleCI sends in more than one shape.

use serde_json::Value;

/// How a field of several shapes is read.
pub(crate) trait Lenient {
    /// What the field holds.
    type Value;

    /// The value, `None` for null, or what came if it has none of the shapes.
    fn read(value: Value) -> Result<Option<Self::Value>, Value>;
}

/// A field to which the document gives no type: text as it is, anything else as its JSON.
pub(crate) struct Text;

impl Lenient for Text {
    type Value = String;

    fn read(value: Value) -> Result<Option<String>, Value> {
        Ok(match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        })
    }
}

/// A number that also comes as a string, such as a test's `run_time`.
pub(crate) struct NumberOrString;

impl Lenient for NumberOrString {
    type Value = f64;

    fn read(value: Value) -> Result<Option<f64>, Value> {
        let number = match &value {
            Value::Null => return Ok(None),
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number.filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(value),
        }
    }
}
