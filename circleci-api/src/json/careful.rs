//! A deserializer that knows its position in the JSON. Its input is a [`Value`], so it is slower than a deserializer
//! that reads from bytes.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value, map};

use crate::json::notes;
use crate::json::surprise::SurpriseKind;

/// The size hint of a map that is read carefully. No other map has this size hint. A map that is read from bytes has no size
/// hint at all, so an ordinary read does not pay for the check.
const CAREFUL: usize = usize::MAX;

/// Checks whether a map is read carefully. A careful read takes [`notes`], and can read the last value of the map again.
#[inline]
pub(super) fn is_careful<'de, A: MapAccess<'de>>(map: &A) -> bool {
    map.size_hint() == Some(CAREFUL)
}

/// Checks whether a map is read from a parsed [`Value`]. A map that is read from bytes does not know its size.
#[inline]
pub(super) fn is_tree<'de, A: MapAccess<'de>>(map: &A) -> bool {
    map.size_hint().is_some()
}

#[derive(Clone, Copy)]
pub(super) struct Careful<'a>(pub(super) &'a Value);

impl<'de> Deserializer<'de> for Careful<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items {
                items: items.iter(),
                index: 0,
            }),
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // The type `RawValue` of serde_json works only with the deserializers of serde_json.
        match name.starts_with("$serde_json") {
            true => self.0.deserialize_newtype_struct(name, visitor),
            false => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    /// Records an unknown key, because a type ignores a value only if it does not know the value's key.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        notes::note(SurpriseKind::UnknownKey);
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit seq tuple tuple_struct map
        struct identifier
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        notes::enter_index(self.index);
        self.index += 1;
        let result = seed.deserialize(Careful(item));
        notes::leave(result.is_err());
        result.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Fields<'a> {
    fields: map::Iter<'a>,
    /// The current key and its value, which are kept so that the value can be read again.
    current: Option<(&'a str, &'a Value)>,
    careful: bool,
}

impl<'a> Fields<'a> {
    fn new(fields: &'a Map<String, Value>) -> Self {
        Self {
            fields: fields.iter(),
            current: None,
            careful: notes::mode().is_some(),
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.fields.next().map(|(key, value)| (key.as_str(), value));
        let Some((key, _)) = self.current else {
            return Ok(None);
        };
        seed.deserialize(BorrowedStrDeserializer::new(key))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, value)) = self.current else {
            return Err(serde::de::Error::custom("a value before its key"));
        };
        notes::enter_key(key);
        let result = seed.deserialize(Careful(value));
        notes::leave(result.is_err());
        result
    }

    fn size_hint(&self) -> Option<usize> {
        match self.careful {
            true => Some(CAREFUL),
            false => Some(self.fields.len()),
        }
    }
}
