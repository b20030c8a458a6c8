//! The values of pipeline parameters.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The value of a pipeline parameter.
///
/// CircleCI's parameters are booleans, integers and strings. The value of an enum parameter is a string.
/// [`Other`](Self::Other) keeps any other value of a response.
///
/// ```
/// # use std::collections::BTreeMap;
/// use circleci_api::{ParameterValue, serde_json};
///
/// let json = r#"{ "deploy": true, "retries": 2, "environment": "staging", "odd": [] }"#;
/// let parameters: BTreeMap<String, ParameterValue> = serde_json::from_str(json)?;
///
/// assert_eq!(parameters["deploy"].as_bool(), Some(true));
/// assert_eq!(parameters["retries"].as_i64(), Some(2));
/// assert_eq!(parameters["environment"].as_str(), Some("staging"));
/// assert!(matches!(parameters["odd"], ParameterValue::Other(_)));
/// assert_eq!(parameters["environment"], "staging".into());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ParameterValue {
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A string, or the value of an enum parameter.
    String(String),
    /// Any other value: a fraction, a list, an object or null.
    Other(serde_json::Value),
}

impl ParameterValue {
    /// Returns the value if it is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value if it is an integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }
}

/// Writes a string without quotes, and any other value as JSON.
impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::String(value) => f.pad(value),
            Self::Other(value) => value.fmt(f),
        }
    }
}

impl Serialize for ParameterValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ParameterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> de::Visitor<'de> for Any {
            type Value = ParameterValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<ParameterValue, E> {
                Ok(match i64::try_from(value) {
                    Ok(value) => ParameterValue::Integer(value),
                    Err(_) => ParameterValue::Other(value.into()),
                })
            }

            fn visit_f64<E>(self, value: f64) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Other(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<ParameterValue, E> {
                Ok(ParameterValue::String(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<ParameterValue, E> {
                Ok(ParameterValue::String(value))
            }

            fn visit_unit<E>(self) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Other(serde_json::Value::Null))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                items: A,
            ) -> Result<ParameterValue, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(items))
                    .map(ParameterValue::Other)
            }

            fn visit_map<A: de::MapAccess<'de>>(
                self,
                entries: A,
            ) -> Result<ParameterValue, A::Error> {
                Deserialize::deserialize(de::value::MapAccessDeserializer::new(entries))
                    .map(ParameterValue::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for ParameterValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from!(bool => Boolean, i64 => Integer, i32 => Integer, u32 => Integer, &str => String, String => String);

/// Converts a JSON value to the most specific variant.
impl From<serde_json::Value> for ParameterValue {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Bool(value) => Self::Boolean(value),
            serde_json::Value::String(value) => Self::String(value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(value) => Self::Integer(value),
                None => Self::Other(number.into()),
            },
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ParameterValue as V;

    #[test]
    fn nothing_is_lost() {
        for (json, value) in [
            ("true", V::Boolean(true)),
            ("-3", V::Integer(-3)),
            ("9223372036854775807", V::Integer(i64::MAX)),
            ("18446744073709551615", V::Other(u64::MAX.into())),
            ("1.5", V::Other(1.5.into())),
            (r#""true""#, V::String("true".into())),
            ("null", V::Other(serde_json::Value::Null)),
            (
                r#"[1,{"a":null}]"#,
                V::Other(serde_json::json!([1, { "a": null }])),
            ),
            (
                r#"{"a":[1.5]}"#,
                V::Other(serde_json::json!({ "a": [1.5] })),
            ),
        ] {
            assert_eq!(serde_json::from_str::<V>(json).unwrap(), value);
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(
                V::from(serde_json::from_str::<serde_json::Value>(json).unwrap()),
                value
            );
        }
    }
}
