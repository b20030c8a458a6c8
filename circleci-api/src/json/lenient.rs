//! Fields that CircleCI sends in more than one shape.

use serde::de::{Deserialize, DeserializeSeed, Deserializer};
use serde_json::Value;

/// A field to which the document gives no type: text as it is, anything else as its JSON.
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        })
    }
}

/// A number that also comes as a string, such as a test's `run_time`. What is neither reads as absent: losing a page over it
/// would help nobody.
pub(crate) struct NumberOrString;

impl<'de> DeserializeSeed<'de> for NumberOrString {
    type Value = Option<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite()),
            _ => None,
        })
    }
}
