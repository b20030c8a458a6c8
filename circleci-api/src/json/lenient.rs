//! Fields that CircleCI sends in more than one shape.

use serde_json::Value;

/// A way to read a field that CircleCI sends in several shapes.
pub(crate) trait Lenient {
    /// The type of the field.
    type Value;

    /// Returns the value, or `None` for null. If the JSON has none of the expected shapes, returns the JSON as the error.
    fn read(value: Value) -> Result<Option<Self::Value>, Value>;
}

/// A field that has no type in the document. A string is kept as it is, and any other value becomes its JSON text.
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

/// A number that may also be sent as a string, such as a test's `run_time`.
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
