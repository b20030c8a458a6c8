//! Unions: values that have one of several shapes.

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

use crate::json::careful::Careful;
use crate::json::notes::{self, Mode};
use crate::json::surprise::SurpriseKind;

/// Reads one of several shapes: `attempts` are tried in order on the same JSON. If none fits and values may be mended, they
/// are tried again with mending. A value of yet another shape is `unknown`.
pub(crate) fn deserialize<'de, T, D: Deserializer<'de>>(
    name: &'static str,
    attempts: &[fn(&Value) -> Option<T>],
    unknown: fn(Value) -> T,
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let strictly = || first(attempts, &value);
    let found = match notes::mode() {
        // An ordinary read, which keeps no notes.
        None => notes::take(Mode::Strict, strictly)
            .0
            .or_else(|| first(attempts, &value)),
        Some(Mode::Mend) => {
            notes::in_mode(Mode::Strict, strictly).or_else(|| first(attempts, &value))
        }
        Some(Mode::Strict) => first(attempts, &value),
        // A union has more than a message.
        Some(Mode::OnlyMessage) => None,
    };
    match (found, notes::mode()) {
        (Some(found), _) => Ok(found),
        (None, None | Some(Mode::Mend)) => {
            notes::note(SurpriseKind::MendedValue);
            Ok(unknown(value))
        }
        (None, Some(Mode::Strict | Mode::OnlyMessage)) => Err(de::Error::custom(format_args!(
            "none of the forms of {name}"
        ))),
    }
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

/// Tries one shape.
pub(crate) fn attempt<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(Careful(value)).ok()
}

/// Defines a value that is one of several shapes, which are tried in order.
macro_rules! one_of {
    ($(#[$meta:meta])* $name:ident { $(#[$first_meta:meta])* $first:ident($first_ty:ty), $($(#[$variant_meta:meta])* $variant:ident($ty:ty),)* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[$first_meta])* $first($first_ty),
            $($(#[$variant_meta])* $variant($ty),)*
            /// A value that has none of these forms, unchanged.
            Unknown(::serde_json::Value),
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    Self::$first(value) => f.debug_tuple(stringify!($first)).field(value).finish(),
                    $(Self::$variant(value) => f.debug_tuple(stringify!($variant)).field(value).finish(),)*
                    Self::Unknown(value) => {
                        f.debug_tuple("Unknown").field(&$crate::json::extra::shown("", value)).finish()
                    }
                }
            }
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
                $crate::json::one_of::deserialize(stringify!($name), attempts, Self::Unknown, deserializer)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$first(value) => ::serde::Serialize::serialize(value, serializer),
                    $(Self::$variant(value) => ::serde::Serialize::serialize(value, serializer),)*
                    Self::Unknown(value) => ::serde::Serialize::serialize(value, serializer),
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
