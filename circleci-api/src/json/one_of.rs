//! Unions: values that have one of several shapes.

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

use crate::json::careful::Careful;
use crate::json::notes::{self, Mode};

/// Reads a value that has one of several shapes. The `attempts` are tried in order on the same JSON. If all attempts fail and
/// values may be mended, the attempts are repeated with mending.
pub(crate) fn deserialize<'de, T, D: Deserializer<'de>>(
    name: &'static str,
    attempts: &[fn(&Value) -> Option<T>],
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let strictly = || first(attempts, &value);
    let found = match notes::mode() {
        // An ordinary read keeps no notes.
        None => notes::take(Mode::Strict, strictly)
            .0
            .or_else(|| first(attempts, &value)),
        Some(Mode::Mend) => {
            notes::in_mode(Mode::Strict, strictly).or_else(|| first(attempts, &value))
        }
        Some(Mode::Strict) => first(attempts, &value),
        // A union never consists of only a message.
        Some(Mode::OnlyMessage) => None,
    };
    found.ok_or_else(|| {
        de::Error::custom(format_args!("the value has none of the shapes of {name}"))
    })
}

fn first<T>(attempts: &[fn(&Value) -> Option<T>], value: &Value) -> Option<T> {
    attempts.iter().find_map(|attempt| {
        let mark = notes::mark();
        let found = attempt(value);
        if found.is_none() {
            notes::forget(mark);
        }
        found
    })
}

/// Tries to read the value as `T`, which is one of the shapes.
pub(crate) fn attempt<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(Careful(value)).ok()
}

/// Defines an enum for a value that has one of several shapes. The shapes are tried in order.
macro_rules! one_of {
    ($(#[$meta:meta])* $name:ident { $(#[$first_meta:meta])* $first:ident($first_ty:ty), $($(#[$variant_meta:meta])* $variant:ident($ty:ty),)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[$first_meta])* $first($first_ty),
            $($(#[$variant_meta])* $variant($ty),)*
        }

        impl $crate::json::object::Blank for $name {
            fn blank() -> Self {
                Self::$first($crate::json::object::Blank::blank())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let attempts: &[fn(&::serde_json::Value) -> Option<Self>] = &[
                    |value| $crate::json::one_of::attempt(value).map(Self::$first),
                    $(|value| $crate::json::one_of::attempt(value).map(Self::$variant),)*
                ];
                $crate::json::one_of::deserialize(stringify!($name), attempts, deserializer)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$first(value) => ::serde::Serialize::serialize(value, serializer),
                    $(Self::$variant(value) => ::serde::Serialize::serialize(value, serializer),)*
                }
            }
        }

        impl From<$first_ty> for $name {
            fn from(value: $first_ty) -> Self {
                Self::$first(value)
            }
        }

        $(impl From<$ty> for $name {
            fn from(value: $ty) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

pub(crate) use one_of;
