//! Objects: structs that read and write JSON without serde's derive.
//!
//! For 160 structs, the code that serde derives would take more than half of the time and memory that compiling this crate needs.
//! In this module, a struct only declares the keys of its fields with `object!`, and all structs share the code that reads and
//! writes. The shared code is as fast as the derived code, and more tolerant: if a key occurs twice in an object, or once in
//! snake_case and once in kebab-case, the last value counts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::json::careful::{Careful, is_careful, is_tree};
use crate::json::extra::{self, Extra, HIDDEN};
use crate::json::lenient::Lenient;
use crate::json::notes::{self, Mode};
use crate::json::surprise::SurpriseKind;

/// The name and the keys of a struct. They are one constant, because each constant of a type takes time to check.
pub(crate) struct Shape {
    /// The name of the struct, for messages.
    pub(crate) name: &'static str,
    /// The required keys (at most 64).
    pub(crate) required: &'static [&'static str],
    /// The keys that the document requires in a response, but that may be missing. The required keys are not repeated here.
    pub(crate) promised: &'static [&'static str],
    /// The keys of all fields, in the spelling that is used for writing.
    pub(crate) keys: &'static [&'static str],
}

/// The declarations that `object!` makes about a struct.
pub(crate) trait Object: Sized {
    const SHAPE: Shape;

    /// Creates the object, before anything is read into it.
    fn empty() -> Self;

    /// Returns the keys and values that the object's fields cannot hold.
    fn beyond(&self) -> &Extra;

    /// Reads the value of `key` into its field.
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        value: Reader<'_, A>,
    ) -> Result<(), A::Error>;

    /// Writes all fields that are set.
    fn write<M: SerializeMap>(&self, writer: &mut Writer<'_, M>);
}

/// The value that a field has until it is read. This trait is separate from `Default`, because `Default` would let a caller
/// create a request with blank fields.
pub(crate) trait Blank {
    fn blank() -> Self;
}

impl<T: Object> Blank for T {
    fn blank() -> Self {
        T::empty()
    }
}

macro_rules! blank_by_default {
    ($([$($item:ident)?] $ty:ty),* $(,)?) => {
        $(impl<$($item)?> Blank for $ty {
            fn blank() -> Self {
                Self::default()
            }
        })*
    };
}

blank_by_default!([] bool, [] i64, [] f64, [] String, [] DateTime<Utc>, [] Uuid, [] Map<String, Value>, [] Value);
blank_by_default!([T] Option<T>, [T] Vec<T>, [T] BTreeMap<String, T>);

/// A collection that is written even if it is empty.
pub(crate) trait Collection {
    fn is_blank(&self) -> bool;
}

macro_rules! collections {
    ($([$($item:ident)?] $ty:ty),*) => {
        $(impl<$($item)?> Collection for $ty {
            fn is_blank(&self) -> bool {
                self.is_empty()
            }
        })*
    };
}

collections!([T] Vec<T>, [T] BTreeMap<String, T>, [] Map<String, Value>, [] String);

/// The place for a value that does not fit its field: under `key` in `extra`.
pub(crate) struct Place<'a> {
    pub(crate) key: &'static str,
    pub(crate) extra: &'a mut Extra,
}

/// A reader for the value of the current key.
pub(crate) struct Reader<'a, A> {
    map: &'a mut A,
    seen: &'a mut u64,
}

impl<'de, A: MapAccess<'de>> Reader<'_, A> {
    /// Reads a required field. `bit` is the position of the field's key among the required keys.
    #[inline]
    pub(crate) fn required<T: Deserialize<'de>>(
        self,
        bit: u32,
        field: &mut T,
        _: Place<'_>,
    ) -> Result<(), A::Error> {
        *field = self.map.next_value()?;
        *self.seen |= 1 << bit;
        Ok(())
    }

    /// Reads a field that may be null or absent.
    #[inline]
    pub(crate) fn optional<T: DeserializeOwned>(
        self,
        field: &mut Option<T>,
        place: Place<'_>,
    ) -> Result<(), A::Error> {
        let value = match is_tree(self.map) {
            true => self.mendable(place)?.flatten(),
            false => self.map.next_value()?,
        };
        // If an object has a key in snake_case and in kebab-case, a null under one of them does not replace a value under the
        // other.
        if value.is_some() {
            *field = value;
        }
        Ok(())
    }

    /// Reads a required field that `Debug` does not show.
    pub(crate) fn secret<T: Deserialize<'de>>(
        self,
        bit: u32,
        field: &mut T,
        place: Place<'_>,
    ) -> Result<(), A::Error> {
        self.required(bit, field, place)
    }

    /// Reads an optional field that `Debug` does not show.
    pub(crate) fn optional_secret<T: DeserializeOwned>(
        self,
        field: &mut Option<T>,
        place: Place<'_>,
    ) -> Result<(), A::Error> {
        self.optional(field, place)
    }

    /// Reads a collection that is empty if the key is null or absent.
    #[inline]
    pub(crate) fn list<T: DeserializeOwned + Default>(
        self,
        field: &mut T,
        place: Place<'_>,
    ) -> Result<(), A::Error> {
        let value: Option<T> = match is_tree(self.map) {
            true => self.mendable(place)?.flatten(),
            false => self.map.next_value()?,
        };
        *field = value.unwrap_or_default();
        Ok(())
    }

    /// Reads the items of a list. A missing key is an error, and null is an empty list. An item that cannot be read is an error,
    /// because a list without the item would suggest that the item does not exist.
    #[inline]
    pub(crate) fn items<T: Deserialize<'de> + Default>(
        self,
        bit: u32,
        field: &mut T,
        _: Place<'_>,
    ) -> Result<(), A::Error> {
        *field = self.map.next_value::<Option<T>>()?.unwrap_or_default();
        *self.seen |= 1 << bit;
        Ok(())
    }

    /// Reads a list or map whose values `Debug` does not show.
    #[allow(dead_code, reason = "depends on the document")]
    pub(crate) fn secret_list<T: DeserializeOwned + Default>(
        self,
        field: &mut T,
        place: Place<'_>,
    ) -> Result<(), A::Error> {
        self.list(field, place)
    }

    /// Reads a field that CircleCI sends in several shapes, and that may be null or absent. A value of any other shape is kept
    /// unchanged as an extra key.
    #[inline]
    pub(crate) fn with<L: Lenient>(
        self,
        _: L,
        field: &mut Option<L::Value>,
        place: Place<'_>,
    ) -> Result<(), A::Error> {
        match L::read(self.map.next_value()?) {
            Ok(value) => *field = value.or(field.take()),
            Err(odd) => {
                if is_careful(self.map) {
                    notes::note_key(SurpriseKind::MendedValue, place.key);
                }
                place.extra.insert(place.key, odd);
            }
        }
        Ok(())
    }

    /// Keeps the value of a key that this version of the crate does not know.
    #[cold]
    pub(crate) fn keep(self, key: &str, extra: &mut Extra) -> Result<(), A::Error> {
        let value = self.map.next_value()?;
        if is_careful(self.map) {
            notes::note_key(SurpriseKind::UnknownKey, key);
        }
        extra.insert(key, value);
        Ok(())
    }

    /// Reads a value that may have the wrong form. A value of the wrong form is read as `None`, and the original is kept as an
    /// extra key. A map that is read from bytes cannot be mended, because a value that was partly read cannot be read again.
    #[cold]
    #[inline(never)]
    fn mendable<T: DeserializeOwned>(self, place: Place<'_>) -> Result<Option<T>, A::Error> {
        if !is_careful(self.map) {
            let value: Value = self.map.next_value()?;
            return Ok(match T::deserialize(Careful(&value)) {
                Ok(value) => Some(value),
                Err(_) => {
                    place.extra.insert(place.key, value);
                    None
                }
            });
        }
        match self.map.next_value() {
            Ok(value) => Ok(Some(value)),
            Err(_) if notes::mode() == Some(Mode::Mend) => {
                notes::forget_within(place.key);
                notes::note_key(SurpriseKind::MendedValue, place.key);
                // In a careful read, `next_value` returns the same value again.
                place.extra.insert(place.key, self.map.next_value()?);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

thread_local! {
    /// True while `Debug` formats an object, so that its secrets are hidden. The setting is a thread-local variable, because
    /// serde offers no other way to pass it to nested objects.
    static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// A guard that hides the secrets of all objects until it is dropped.
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

/// A writer for the fields of an object. After the first error, it writes nothing more.
pub(crate) struct Writer<'a, M: SerializeMap> {
    map: &'a mut M,
    result: Result<(), M::Error>,
    extra: Option<&'a Map<String, Value>>,
    /// The keys that were written, which are recorded only if there are extra keys.
    written: Vec<&'static str>,
    /// True if one of the fields is a secret.
    secretive: bool,
}

impl<M: SerializeMap> Writer<'_, M> {
    pub(crate) fn required<T: Serialize>(&mut self, key: &'static str, field: &T) {
        if self.result.is_ok() {
            self.result = self.map.serialize_entry(key, field);
        }
        if self.extra.is_some() {
            self.written.push(key);
        }
    }

    pub(crate) fn optional<T: Serialize>(&mut self, key: &'static str, field: &Option<T>) {
        if let Some(field) = field {
            self.required(key, field);
        }
    }

    pub(crate) fn list<T: Serialize + Collection>(&mut self, key: &'static str, field: &T) {
        // If CircleCI sent another value instead of a list, that value is written back, unless the list now has items.
        if field.is_blank() && self.extra.is_some_and(|extra| extra.contains_key(key)) {
            return;
        }
        self.required(key, field);
    }

    pub(crate) fn items<T: Serialize>(&mut self, key: &'static str, field: &T) {
        self.required(key, field);
    }

    pub(crate) fn with<T: Serialize>(&mut self, key: &'static str, field: &Option<T>) {
        self.optional(key, field);
    }

    pub(crate) fn secret<T: Serialize + Secret>(&mut self, key: &'static str, field: &T) {
        self.secretive = true;
        match SHOWN.get() {
            true => self.required(key, &field.hidden()),
            false => self.required(key, field),
        }
    }

    pub(crate) fn secret_list<T>(&mut self, key: &'static str, field: &T)
    where
        T: Serialize + Secret<Hidden: Collection> + Collection,
    {
        self.secretive = true;
        match SHOWN.get() {
            true => self.list(key, &field.hidden()),
            false => self.list(key, field),
        }
    }

    pub(crate) fn optional_secret<T: Serialize + Secret>(
        &mut self,
        key: &'static str,
        field: &Option<T>,
    ) {
        self.secretive = true;
        if let Some(field) = field {
            self.secret(key, field);
        }
    }

    /// Writes the extra keys. If the object has a secret field, `Debug` hides the values of the extra keys, because these may be
    /// secrets too.
    fn finish(mut self) -> Result<(), M::Error> {
        for (key, value) in self.extra.into_iter().flatten() {
            if self.result.is_err() {
                break;
            }
            if self.written.contains(&key.as_str()) {
                continue;
            }
            self.result = match SHOWN.get() {
                true if self.secretive => self.map.serialize_entry(key, HIDDEN),
                true => self.map.serialize_entry(key, &extra::shown(key, value)),
                false => self.map.serialize_entry(key, value),
            };
        }
        self.result
    }
}

/// A secret value. `Debug` shows the result of `hidden` in its place.
pub(crate) trait Secret {
    type Hidden: Serialize;

    fn hidden(&self) -> Self::Hidden;
}

impl Secret for String {
    type Hidden = &'static str;

    fn hidden(&self) -> &'static str {
        HIDDEN
    }
}

impl Secret for Vec<String> {
    type Hidden = Vec<&'static str>;

    fn hidden(&self) -> Self::Hidden {
        vec![HIDDEN; self.len()]
    }
}

/// The keys of a map are not secret, but its values are.
impl<T> Secret for BTreeMap<String, T> {
    type Hidden = BTreeMap<String, &'static str>;

    fn hidden(&self) -> Self::Hidden {
        self.keys().map(|key| (key.clone(), HIDDEN)).collect()
    }
}

/// Reads a key. The key is borrowed from the input if possible, and is otherwise copied into the buffer.
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
        write!(f, "an object ({})", T::SHAPE.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        // The compiler knows the result of this check, unless the map is read from a `Value`.
        let careful = is_careful(&map);
        if careful && notes::mode() == Some(Mode::OnlyMessage) {
            return only_message();
        }
        let mut object = T::empty();
        let mut seen = 0;
        let mut buffer = String::new();
        let mut keys = Vec::new();
        while let Some(key) = map.next_key_seed(Key::<T>(&mut buffer, PhantomData))? {
            let key = key.unwrap_or(&buffer);
            if careful {
                keys.push(key.to_owned());
            }
            object.read(
                key,
                Reader {
                    map: &mut map,
                    seen: &mut seen,
                },
            )?;
        }
        if careful {
            note_missing(&keys, T::SHAPE.required);
            note_missing(&keys, T::SHAPE.promised);
        }
        match T::SHAPE.required.get(seen.trailing_ones() as usize) {
            Some(missing) => Err(de::Error::missing_field(missing)),
            None => Ok(object),
        }
    }
}

/// Records whether `message` is the only field of the type, and returns a blank object.
#[cold]
fn only_message<T: Object, E: de::Error>() -> Result<T, E> {
    if T::SHAPE.keys == ["message"] {
        notes::confirm_only_message();
    }
    Ok(T::empty())
}

#[cold]
fn note_missing(keys: &[String], expected: &[&'static str]) {
    for name in expected {
        let is_it = |key: &String| key == name || *key == name.replace('-', "_");
        if !keys.iter().any(is_it) {
            notes::note_key(SurpriseKind::MissingField, name);
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
        extra: object.beyond().some(),
        written: Vec::new(),
        secretive: false,
    };
    object.write(&mut writer);
    writer.finish()?;
    map.end()
}

/// Formats an object as JSON, without absent values and with hidden secrets.
pub(crate) fn debug<T: Object>(object: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = {
        let _showing = Showing::begin();
        serialize(object, serde_json::value::Serializer).map_err(|_| fmt::Error)?
    };
    if f.alternate() {
        write!(f, "{} {value:#}", T::SHAPE.name)
    } else {
        write!(f, "{} {value}", T::SHAPE.name)
    }
}

/// Checks whether two objects write the same JSON. Comparing JSON is slower than comparing fields, but comparisons are rare.
pub(crate) fn equal<T: Object>(one: &T, other: &T) -> bool {
    let json = |object| serialize(object, serde_json::value::Serializer).ok();
    json(one).is_some_and(|one| Some(one) == json(other))
}

/// Defines a struct that is read from and written as a JSON object.
///
/// - Each field declares the method of [`Reader`] that reads the field, and the keys that it has in JSON. The first key is used
///   for writing.
/// - `requires` lists the required keys. A required field gives its position in this list.
/// - `promises` lists the keys that the document requires, but that may be missing.
/// - `as request` marks a type that is only sent. `as both` marks a type that is sent and received.
///
/// ```text
/// object! {
///     /// A checkout key.
///     CheckoutKey requires "fingerprint" promises "created-at" {
///         /// Its fingerprint.
///         fingerprint: String = required(0) "fingerprint",
///         /// When it was made.
///         created_at: Option<DateTime<Utc>> = optional "created-at" | "created_at",
///         /// Empty if it is null or absent.
///         items: Vec<Item> = list "items",
///         /// Read by `lenient::Text`.
///         prefix: Option<String> = with(Text) "prefix",
///     }
/// }
/// ```
macro_rules! object {
    ($(#[$meta:meta])* $name:ident $(as $role:ident)? $(requires $($required:literal),+)? $(promises $($promised:literal),+)? {
        $($(#[$field_meta:meta])* $field:ident : $ty:ty = $kind:ident $(($argument:tt))? $key:literal $(| $alias:literal)*,)*
    }) => {
        $(#[$meta])*
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
            __extra: $crate::json::extra::Extra,
        }

        $crate::json::extra::extra_methods! { $($role)? $name }

        #[allow(deprecated, reason = "what the document deprecates is still read and written")]
        impl $crate::json::object::Object for $name {
            const SHAPE: $crate::json::object::Shape = $crate::json::object::Shape {
                name: stringify!($name),
                required: &[$($($required),+)?],
                promised: &[$($($promised),+)?],
                keys: &[$($key),*],
            };

            fn empty() -> Self {
                Self { $($field: $crate::json::object::Blank::blank(),)* __extra: $crate::json::extra::Extra::NONE }
            }

            fn beyond(&self) -> &$crate::json::extra::Extra {
                &self.__extra
            }

            #[inline]
            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                value: $crate::json::object::Reader<'_, A>,
            ) -> Result<(), A::Error> {
                match key {
                    $($key $(| $alias)* => value.$kind(
                        $($argument,)?
                        &mut self.$field,
                        $crate::json::object::Place { key: $key, extra: &mut self.__extra },
                    ),)*
                    _ => value.keep(key, &mut self.__extra),
                }
            }

            fn write<M: ::serde::ser::SerializeMap>(&self, writer: &mut $crate::json::object::Writer<'_, M>) {
                $(writer.$kind($key, &self.$field);)*
            }
        }

        // This code equals the derived code, except that it has no `#[inline]`. With that attribute, the compiler would keep the
        // body of every `clone`.
        #[allow(deprecated, reason = "what the document deprecates is still copied")]
        impl Clone for $name {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)* __extra: self.__extra.clone() }
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

pub(crate) use object;

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
        let key = ContinuePipelineRequest::new("hush", "{}");
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
        // CircleCI still gets the secret itself, and comparisons use it.
        assert!(serde_json::to_string(&list).unwrap().contains("hush"));
        let other: Webhook = serde_json::from_value(
            serde_json::json!({ "id": id, "name": "n", "url": "u", "signing_secret": "other" }),
        )
        .unwrap();
        assert_ne!(list.items[0], other);
    }
}
