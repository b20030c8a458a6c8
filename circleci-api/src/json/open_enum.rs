//! Enums that accept new values: an enum value that CircleCI adds later is read as `Unknown` and is not an error.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserializer, de};

use crate::json::notes;
use crate::json::surprise::SurpriseKind;
use crate::values::argument::{PathValue, QueryValue};

/// The trait that all open enums of [`types`](crate::types) implement. The value of an open enum is a string, which this version
/// of the crate may or may not know.
///
/// An unknown value in a response is accepted. A program should reject an unknown value on its command line:
///
/// ```
/// use circleci_api::{OpenEnum, types::ReportingWindow};
///
/// fn strictly<E: OpenEnum>(word: &str) -> Result<E, String> {
///     E::from_known(word).ok_or_else(|| format!("{word} is not one of {}", E::WORDS.join(", ")))
/// }
///
/// let window: ReportingWindow = strictly("last-7-days")?;
/// assert_eq!((window.as_str(), window.is_unknown()), ("last-7-days", false));
/// assert!(strictly::<ReportingWindow>("last-8-days").is_err());
/// assert!(ReportingWindow::from("last-8-days").is_unknown());
/// # Ok::<(), String>(())
/// ```
pub trait OpenEnum: Sized + Clone {
    /// The enum values that this version of the crate knows.
    const WORDS: &'static [&'static str];

    /// Returns the enum value as it is sent.
    fn as_str(&self) -> &str;

    /// Returns the variant for an enum value, or `None` if this version of the crate does not know the value.
    fn from_known(word: &str) -> Option<Self>;

    #[doc(hidden)]
    fn from_unknown(word: String) -> Self;

    /// Returns `true` if this version of the crate does not know the enum value.
    fn is_unknown(&self) -> bool {
        !Self::WORDS.contains(&self.as_str())
    }
}

impl<E: OpenEnum> From<E> for QueryValue {
    fn from(value: E) -> Self {
        Self::from(value.as_str())
    }
}

impl<E: OpenEnum> From<E> for PathValue {
    fn from(value: E) -> Self {
        Self::from(value.as_str())
    }
}

/// Converts an enum value from a response as [`from_str`] does, and adds a finding if the value is unknown.
fn read<E: OpenEnum>(word: &str) -> E {
    E::from_known(word).unwrap_or_else(|| {
        notes::note(SurpriseKind::UnknownWord);
        E::from_unknown(word.to_owned())
    })
}

pub(crate) fn from_str<E: OpenEnum>(word: &str) -> E {
    E::from_known(word).unwrap_or_else(|| E::from_unknown(word.to_owned()))
}

pub(crate) fn from_string<E: OpenEnum>(word: String) -> E {
    E::from_known(&word).unwrap_or_else(|| E::from_unknown(word))
}

pub(crate) fn deserialize<'de, E: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<E, D::Error> {
    struct Word<E>(PhantomData<E>);

    impl<E: OpenEnum> de::Visitor<'_> for Word<E> {
        type Value = E;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<Err: de::Error>(self, word: &str) -> Result<E, Err> {
            Ok(read(word))
        }
    }

    deserializer.deserialize_str(Word(PhantomData))
}

/// Defines an open enum.
///
/// ```text
/// open_enum! {
///     /// docs
///     WorkflowStatus {
///         /// docs
///         Success = "success",
///         NotRun = "not_run",
///     }
/// }
/// ```
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal $(as $shown:literal)?),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* #[doc = $crate::json::open_enum::shown!($word $(, $shown)?)] $variant,)*
            /// An enum value that this version of the crate does not know. It is written back unchanged.
            Unknown(::std::string::String),
        }

        impl $name {
            /// The enum values that this version of the crate knows.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Returns the enum value as it is sent.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(word) => word,
                }
            }
        }

        impl $crate::json::open_enum::OpenEnum for $name {
            const WORDS: &'static [&'static str] = Self::WORDS;

            fn as_str(&self) -> &str {
                self.as_str()
            }

            fn from_known(word: &str) -> Option<Self> {
                Some(match word {
                    $($word => Self::$variant,)*
                    _ => return None,
                })
            }

            fn from_unknown(word: ::std::string::String) -> Self {
                Self::Unknown(word)
            }
        }

        impl $crate::json::object::Blank for $name {
            fn blank() -> Self {
                Self::Unknown(::std::string::String::new())
            }
        }

        // Each of these impls is one line that works on the string. Five derives for each of the 40 enums would take 7 MB of the
        // compiler's memory.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl ::std::hash::Hash for $name {
            fn hash<H: ::std::hash::Hasher>(&self, hasher: &mut H) {
                self.as_str().hash(hasher);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<::std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> ::std::cmp::Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(word: &str) -> Self {
                $crate::json::open_enum::from_str(word)
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(word: ::std::string::String) -> Self {
                $crate::json::open_enum::from_string(word)
            }
        }

        impl ::std::convert::From<&$name> for $crate::values::argument::QueryValue {
            fn from(word: &$name) -> Self {
                word.as_str().into()
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Ok($crate::json::open_enum::from_str(word))
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::json::open_enum::deserialize(deserializer)
            }
        }
    };
}

/// The docs of a variant: its enum value as code. A value that is not safe in docs has an escaped form.
macro_rules! shown {
    ($word:literal) => {
        concat!("`", $word, "`")
    };
    ($word:literal, $shown:literal) => {
        $shown
    };
}

pub(crate) use {open_enum, shown};

#[cfg(test)]
mod tests {
    open_enum! {
        /// Lights.
        Light {
            /// Stop.
            Red = "red",
            Green = "green-light",
            Odd = "`odd`" as "`'odd'`",
        }
    }

    #[test]
    fn a_word_goes_round_known_or_not() {
        for (word, light) in [
            ("red", Light::Red),
            ("green-light", Light::Green),
            ("`odd`", Light::Odd),
            ("blue", Light::Unknown("blue".into())),
            ("", Light::Unknown(String::new())),
        ] {
            assert_eq!(Light::from(word), light);
            assert_eq!(Light::from(word.to_owned()), light);
            assert_eq!(word.parse::<Light>().unwrap(), light);
            assert_eq!(light.to_string(), word);
            let json = serde_json::to_string(word).unwrap();
            assert_eq!(serde_json::to_string(&light).unwrap(), json);
            assert_eq!(serde_json::from_str::<Light>(&json).unwrap(), light);
            assert_eq!(
                crate::OpenEnum::is_unknown(&light),
                matches!(light, Light::Unknown(_))
            );
            assert_eq!(
                crate::values::argument::QueryValue::from(&light),
                crate::values::argument::QueryValue::from(word)
            );
        }
        assert_eq!(Light::WORDS, ["red", "green-light", "`odd`"]);
        // To read a string with an escape sequence, serde_json allocates, so this tests another code path.
        assert_eq!(
            serde_json::from_str::<Light>(r#""r\u0065d""#).unwrap(),
            Light::Red
        );
        assert!(serde_json::from_str::<Light>("3").is_err());
    }
}
