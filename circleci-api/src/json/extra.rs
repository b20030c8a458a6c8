//! The keys and values of a JSON object that the fields of its type cannot hold.

use std::sync::OnceLock;

use serde_json::{Map, Value};

/// The keys of an object that are not fields of its type, and the values that do not fit their field.
///
/// An `Extra` takes eight bytes, and does not allocate while it is empty.
#[derive(Clone, Default)]
pub(crate) struct Extra(Option<Box<Map<String, Value>>>);

impl Extra {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn map(&self) -> &Map<String, Value> {
        static EMPTY: OnceLock<Map<String, Value>> = OnceLock::new();
        match &self.0 {
            Some(map) => map,
            None => EMPTY.get_or_init(Map::new),
        }
    }

    pub(crate) fn map_mut(&mut self) -> &mut Map<String, Value> {
        self.0.get_or_insert_default()
    }

    /// Returns the map, or `None` if it is empty.
    pub(crate) fn some(&self) -> Option<&Map<String, Value>> {
        self.0.as_deref().filter(|map| !map.is_empty())
    }

    #[cold]
    pub(crate) fn insert(&mut self, key: &str, value: Value) {
        self.map_mut().insert(key.to_owned(), value);
    }
}

/// The text that `Debug` shows instead of a secret.
pub(crate) const HIDDEN: &str = "***";

/// The words that mark a secret. If a name contains one of them, its value is likely to be a secret. The name is compared in
/// lower case, without `-` and `_`.
const SECRET_NAMES: [&str; 10] = [
    "secret",
    "token",
    "password",
    "passphrase",
    "privatekey",
    "apikey",
    "credential",
    "authorization",
    "signature",
    "cookie",
];

fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_NAMES.iter().any(|secret| plain.contains(secret))
}

/// Returns what `Debug` shows as the value of an unknown key. A value is hidden if its key looks like the name
/// of a secret.
pub(crate) fn shown(key: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        _ if is_secret_name(key) => HIDDEN.into(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), shown(key, value)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| shown("", item)).collect(),
        _ => value.clone(),
    }
}

/// Defines the methods for the extra keys. On a type that is only sent, `extra` is a setter. On all other types, it is a getter.
macro_rules! extra_methods {
    (request $name:ident) => {
        $crate::json::extra::extra_methods! { $name sets extra }

        impl $name {
            /// Returns the extra keys, which are sent in addition to the fields.
            pub fn extras(&self) -> &::serde_json::Map<::std::string::String, ::serde_json::Value> {
                self.__extra.map()
            }
        }
    };
    (both $name:ident) => {
        $crate::json::extra::extra_methods! { $name }
        $crate::json::extra::extra_methods! { $name sets with_extra }
    };
    ($name:ident sets $setter:ident) => {
        impl $name {
            /// Adds an extra key to send, for example a key that is newer than this version of the crate. If there already is an
            /// extra key of the same name, its value is replaced. If a field of the same name is set, the field is sent and the
            /// extra key is not.
            pub fn $setter(
                mut self,
                name: impl ::std::convert::Into<::std::string::String>,
                value: impl ::std::convert::Into<::serde_json::Value>,
            ) -> Self {
                self.__extra.map_mut().insert(name.into(), value.into());
                self
            }
        }
    };
    ($name:ident) => {
        #[allow(dead_code, reason = "not every object is public")]
        impl $name {
            /// Returns the keys that this version of the crate does not know, and the values that do not fit their field. When
            /// the object is serialized, these keys and values are written back unchanged.
            pub fn extra(&self) -> &::serde_json::Map<::std::string::String, ::serde_json::Value> {
                self.__extra.map()
            }

            /// Returns the map of [`extra`](Self::extra) as a mutable reference. Your changes are written when the object is
            /// serialized.
            pub fn extra_mut(
                &mut self,
            ) -> &mut ::serde_json::Map<::std::string::String, ::serde_json::Value> {
                self.__extra.map_mut()
            }
        }
    };
}

pub(crate) use extra_methods;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_takes_eight_bytes_and_allocates_nothing_while_empty() {
        assert_eq!(size_of::<Extra>(), 8);
        assert!(Extra::NONE.0.is_none() && Extra::NONE.map().is_empty());
    }

    #[test]
    fn names_of_secrets_hide_their_values_however_deep() {
        let value = json!({ "list": [{ "Api-Key": "hush", "fine": "seen" }], "client_secret": { "a": "hush" } });
        let shown = shown("new", &value).to_string();
        assert!(!shown.contains("hush") && shown.contains("seen"), "{shown}");
        assert_eq!(super::shown("accessToken", &json!(5)), json!("***"));
        assert_eq!(super::shown("has_token", &json!(true)), json!(true));
    }
}
