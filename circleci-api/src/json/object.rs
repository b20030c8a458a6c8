//! Objects: structs that read and write JSON without a derive.
//!
//! serde's derive would spend more than half of this crate's compile time and memory on 160 structs. Here a struct only says
//! which field has which name (`object!`); reading and writing are written once, for all of them. What is read is no slower,
//! and more forgiving: of a key that comes twice, or in both of its spellings, the last one counts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use uuid::Uuid;

/// What `object!` says of a struct.
pub(crate) trait Object: Sized {
    /// Its name, for messages, and the keys without which there is no value; at most 64.
    const SHAPE: (&'static str, &'static [&'static str]);

    /// With nothing read yet.
    fn empty() -> Self;

    /// Reads the value of `key` into its field.
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        value: Reader<'_, A>,
    ) -> Result<(), A::Error>;

    /// Writes all fields that are there.
    fn write<M: SerializeMap>(&self, writer: &mut Writer<'_, M>);
}

/// What a field holds until it is read. Not `Default`, for no caller should get a request with blanks in it.
pub(crate) trait Blank {
    fn blank() -> Self;
}

impl<T: Object> Blank for T {
    fn blank() -> Self {
        T::empty()
    }
}

impl<T> Blank for Option<T> {
    fn blank() -> Self {
        None
    }
}

impl<T> Blank for Vec<T> {
    fn blank() -> Self {
        Self::new()
    }
}

impl<T> Blank for BTreeMap<String, T> {
    fn blank() -> Self {
        Self::new()
    }
}

macro_rules! blank_by_default {
    ($($ty:ty),* $(,)?) => {
        $(impl Blank for $ty {
            fn blank() -> Self {
                Self::default()
            }
        })*
    };
}

blank_by_default!(bool, i64, f64, String, DateTime<Utc>, Uuid, serde_json::Map<String, Value>, Value);

/// The value of the key at hand.
pub(crate) struct Reader<'a, A> {
    map: &'a mut A,
    seen: &'a mut u64,
}

impl<'de, A: MapAccess<'de>> Reader<'_, A> {
    /// A field that must be there; `bit` is its place among those.
    #[inline]
    pub(crate) fn required<T: Deserialize<'de>>(
        self,
        bit: u32,
        field: &mut T,
    ) -> Result<(), A::Error> {
        *field = self.map.next_value()?;
        *self.seen |= 1 << bit;
        Ok(())
    }

    /// A field that may be null or absent.
    #[inline]
    pub(crate) fn optional<T: Deserialize<'de>>(
        self,
        field: &mut Option<T>,
    ) -> Result<(), A::Error> {
        // A null under one spelling of a key does not undo a value under the other.
        if let Some(value) = self.map.next_value()? {
            *field = Some(value);
        }
        Ok(())
    }

    /// A required field that `Debug` does not show.
    pub(crate) fn secret(self, bit: u32, field: &mut String) -> Result<(), A::Error> {
        self.required(bit, field)
    }

    /// An optional field that `Debug` does not show.
    pub(crate) fn optional_secret<T: Deserialize<'de>>(
        self,
        field: &mut Option<T>,
    ) -> Result<(), A::Error> {
        self.optional(field)
    }

    /// A collection that is empty when it is null or absent.
    #[inline]
    pub(crate) fn list<T: Deserialize<'de> + Default>(self, field: &mut T) -> Result<(), A::Error> {
        *field = self.map.next_value::<Option<T>>()?.unwrap_or_default();
        Ok(())
    }

    /// A list or map whose values `Debug` does not show.
    #[allow(dead_code, reason = "depends on the document")]
    pub(crate) fn secret_list<T: Deserialize<'de> + Default>(
        self,
        field: &mut T,
    ) -> Result<(), A::Error> {
        self.list(field)
    }

    /// A field that comes in more than one shape, or may be null or absent.
    #[inline]
    pub(crate) fn with<T, S: DeserializeSeed<'de, Value = T>>(
        self,
        seed: S,
        field: &mut T,
    ) -> Result<(), A::Error> {
        *field = self.map.next_value_seed(seed)?;
        Ok(())
    }

    /// A key that this version of the crate does not know.
    #[inline]
    pub(crate) fn skip(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }
}

thread_local! {
    /// Whether what is written is for people's eyes: objects within objects must know it too, and have only serde between them.
    static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// Shows objects without their secrets until it is dropped.
struct Showing(bool);

impl Showing {
    fn begin() -> Self {
        Self(SHOWN.replace(true))
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        SHOWN.set(self.0);
    }
}

/// What a field may hold that `Debug` does not show.
pub(crate) trait Secret: Serialize {
    /// What `Debug` shows in its place.
    fn concealed(&self) -> Value;
}

impl Secret for String {
    fn concealed(&self) -> Value {
        "***".into()
    }
}

impl Secret for Vec<String> {
    fn concealed(&self) -> Value {
        self.iter().map(Secret::concealed).collect()
    }
}

/// The keys are names, and shown.
impl Secret for BTreeMap<String, String> {
    fn concealed(&self) -> Value {
        let values = self
            .iter()
            .map(|(key, value)| (key.clone(), value.concealed()));
        Value::Object(values.collect())
    }
}

/// Writes fields until one fails.
pub(crate) struct Writer<'a, M: SerializeMap> {
    map: &'a mut M,
    result: Result<(), M::Error>,
}

impl<M: SerializeMap> Writer<'_, M> {
    pub(crate) fn required<T: Serialize>(&mut self, key: &'static str, field: &T) {
        if self.result.is_ok() {
            self.result = self.map.serialize_entry(key, field);
        }
    }

    pub(crate) fn optional<T: Serialize>(&mut self, key: &'static str, field: &Option<T>) {
        if let Some(field) = field {
            self.required(key, field);
        }
    }

    pub(crate) fn list<T: Serialize>(&mut self, key: &'static str, field: &T) {
        self.required(key, field);
    }

    pub(crate) fn with<T: Serialize>(&mut self, key: &'static str, field: &Option<T>) {
        self.optional(key, field);
    }

    pub(crate) fn secret<T: Secret>(&mut self, key: &'static str, field: &T) {
        match SHOWN.get() {
            true => self.required(key, &field.concealed()),
            false => self.required(key, field),
        }
    }

    pub(crate) fn secret_list<T: Secret>(&mut self, key: &'static str, field: &T) {
        self.secret(key, field);
    }

    pub(crate) fn optional_secret<T: Secret>(&mut self, key: &'static str, field: &Option<T>) {
        if let Some(field) = field {
            self.secret(key, field);
        }
    }
}

/// Reads a key: as it stands in the input where that is possible, or else into the buffer.
struct Key<'a, T>(&'a mut String, PhantomData<T>);

impl<'de, T> DeserializeSeed<'de> for Key<'_, T> {
    type Value = Option<&'de str>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Option<&'de str>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, T> de::Visitor<'de> for Key<'_, T> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Option<&'de str>, E> {
        Ok(Some(key))
    }

    #[inline]
    fn visit_str<E>(self, key: &str) -> Result<Option<&'de str>, E> {
        key.clone_into(self.0);
        Ok(None)
    }
}

struct AnyObject<T>(PhantomData<T>);

impl<'de, T: Object> de::Visitor<'de> for AnyObject<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object ({})", T::SHAPE.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut object = T::empty();
        let mut seen = 0;
        let mut buffer = String::new();
        while let Some(key) = map.next_key_seed(Key::<T>(&mut buffer, PhantomData))? {
            object.read(
                key.unwrap_or(&buffer),
                Reader {
                    map: &mut map,
                    seen: &mut seen,
                },
            )?;
        }
        match (seen.trailing_ones() as usize) < T::SHAPE.1.len() {
            true => Err(de::Error::missing_field(
                T::SHAPE.1[seen.trailing_ones() as usize],
            )),
            false => Ok(object),
        }
    }
}

#[inline]
pub(crate) fn deserialize<'de, T: Object, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(AnyObject(PhantomData))
}

pub(crate) fn serialize<T: Object, S: Serializer>(
    object: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let mut writer = Writer {
        map: &mut map,
        result: Ok(()),
    };
    object.write(&mut writer);
    writer.result?;
    map.end()
}

/// As its JSON, which leaves out what is not there, without secrets.
pub(crate) fn debug<T: Object>(object: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = {
        let _showing = Showing::begin();
        serialize(object, serde_json::value::Serializer).map_err(|_| fmt::Error)?
    };
    if f.alternate() {
        write!(f, "{} {value:#}", T::SHAPE.0)
    } else {
        write!(f, "{} {value}", T::SHAPE.0)
    }
}

/// Whether two objects write the same JSON. Slower than comparing fields, and compared seldom.
pub(crate) fn equal<T: Object>(one: &T, other: &T) -> bool {
    let json = |object| serialize(object, serde_json::value::Serializer).ok();
    json(one).is_some_and(|one| Some(one) == json(other))
}

/// Reads one of several shapes: `attempts` are tried in order on the same JSON.
pub(crate) fn deserialize_one_of<'de, T, D: Deserializer<'de>>(
    name: &'static str,
    attempts: &[fn(&Value) -> Option<T>],
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let found = attempts.iter().find_map(|attempt| attempt(&value));
    found.ok_or_else(|| de::Error::custom(format_args!("none of the forms of {name}")))
}

/// Defines a struct that reads and writes an object. Each field says how it is read (a method of [`Reader`]) and by which
/// keys, of which the first is written. The required keys stand behind the name, and a required field gives its place there.
///
/// ```text
/// object! {
///     /// A checkout key.
///     CheckoutKey requires "fingerprint" {
///         /// Its fingerprint.
///         fingerprint: String = required(0) "fingerprint",
///         /// When it was made.
///         created_at: Option<DateTime<Utc>> = optional "created-at" | "created_at",
///         /// Empty if it is null or absent.
///         items: Vec<Item> = list "items",
///         /// Read by `decode::Text`.
///         prefix: Option<String> = with(Text) "prefix",
///     }
/// }
/// ```
macro_rules! object {
    ($(#[$meta:meta])* $name:ident $(requires $($required:literal),+)? {
        $($(#[$field_meta:meta])* $field:ident : $ty:ty = $kind:ident $(($argument:tt))? $key:literal $(| $alias:literal)*,)*
    }) => {
        $(#[$meta])*
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        #[allow(deprecated, reason = "what the document deprecates is still read and written")]
        impl $crate::json::object::Object for $name {
            const SHAPE: (&'static str, &'static [&'static str]) = (stringify!($name), &[$($($required),+)?]);

            fn empty() -> Self {
                Self { $($field: $crate::json::object::Blank::blank(),)* }
            }

            #[inline]
            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                value: $crate::json::object::Reader<'_, A>,
            ) -> Result<(), A::Error> {
                match key {
                    $($key $(| $alias)* => value.$kind($($argument,)? &mut self.$field),)*
                    _ => value.skip(),
                }
            }

            fn write<M: ::serde::ser::SerializeMap>(&self, writer: &mut $crate::json::object::Writer<'_, M>) {
                $(writer.$kind($key, &self.$field);)*
            }
        }

        // As the derive would, but for its `#[inline]`, for which the compiler would keep every body.
        #[allow(deprecated, reason = "what the document deprecates is still copied")]
        impl Clone for $name {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)* }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                $crate::json::object::equal(self, other)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::json::object::debug(self, f)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::json::object::deserialize(deserializer)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::json::object::serialize(self, serializer)
            }
        }
    };
}

/// Defines a value that is one of several shapes, which are tried in order.
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
                    |value| <$first_ty as ::serde::Deserialize>::deserialize(value).ok().map(Self::$first),
                    $(|value| <$ty as ::serde::Deserialize>::deserialize(value).ok().map(Self::$variant),)*
                ];
                $crate::json::object::deserialize_one_of(stringify!($name), attempts, deserializer)
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

pub(crate) use {object, one_of};

#[cfg(test)]
mod tests {
    use super::Uuid;
    use crate::generated::types::{
        ContinuePipelineRequest, CreateOtelExporterRequest, OtelExporter, OtelProtocol, Trigger,
        UsageExportJob, Webhook, WebhookList,
    };

    #[test]
    fn debug_shows_no_secret_however_deep() {
        let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        let hook =
            serde_json::json!({ "id": id, "name": "n", "url": "u", "signing_secret": "hush" });
        let list: WebhookList =
            serde_json::from_value(serde_json::json!({ "items": [hook] })).unwrap();
        let export = serde_json::json!({ "usage_export_job_id": id, "download_urls": ["hush"] });
        let export: UsageExportJob = serde_json::from_value(export).unwrap();
        let exporter = CreateOtelExporterRequest::new(Uuid::nil(), "e", OtelProtocol::Grpc)
            .header("authorization", "hush");
        let masked = serde_json::json!({ "id": id, "headers": { "authorization": "hush" } });
        let masked: OtelExporter = serde_json::from_value(masked).unwrap();
        let trigger = serde_json::json!({ "id": id, "event_source": { "webhook": { "url": "https://x?secret=hush" } } });
        let trigger: Trigger = serde_json::from_value(trigger).unwrap();
        let key = ContinuePipelineRequest::new("{}", "hush");
        for shown in [
            format!("{list:?}"),
            format!("{list:#?}"),
            format!("{export:?}"),
            format!("{exporter:?}"),
            format!("{masked:?}"),
            format!("{trigger:#?}"),
            format!("{key:?}"),
        ] {
            assert!(!shown.contains("hush") && shown.contains("***"), "{shown}");
        }
        // What is written to CircleCI, and compared, is the secret itself.
        assert!(serde_json::to_string(&list).unwrap().contains("hush"));
        let other: Webhook = serde_json::from_value(
            serde_json::json!({ "id": id, "name": "n", "url": "u", "signing_secret": "other" }),
        )
        .unwrap();
        assert_ne!(list.items[0], other);
    }
}
