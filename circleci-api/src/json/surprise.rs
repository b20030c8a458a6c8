//! Where an answer is not what this crate knows.

use std::fmt;

/// One place of an answer that is not what CircleCI's document or this version of the crate says: the operation, where in the
/// JSON, and what kind of difference. It never holds a value.
///
/// They are reported to a listener. See the example of [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surprise {
    operation: String,
    path: String,
    kind: SurpriseKind,
}

/// The kinds of [`Surprise`].
///
/// ```
/// use circleci_api::SurpriseKind;
///
/// assert_eq!(SurpriseKind::UnknownKey.as_str(), "unknown key");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SurpriseKind {
    /// A key that the type does not have. Its value is in `extra()`.
    UnknownKey,
    /// A word that the enum does not have. It reads as `Unknown`.
    UnknownWord,
    /// A field that the document requires and that is absent.
    MissingField,
    /// A value of the wrong form, such as `""` for a date. It reads as absent, and is in `extra()`.
    MendedValue,
    /// A byte order mark, bytes that are not UTF-8, half a surrogate pair or a bare control character in the body.
    MendedText,
}

impl SurpriseKind {
    /// The kind in words, such as `unknown key`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown key",
            Self::UnknownWord => "unknown word",
            Self::MissingField => "missing field",
            Self::MendedValue => "value of the wrong form",
            Self::MendedText => "text that is not valid JSON",
        }
    }
}

impl fmt::Display for SurpriseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Surprise {
    pub(crate) fn new(operation: &str, path: String, kind: SurpriseKind) -> Self {
        Self {
            operation: operation.to_owned(),
            path,
            kind,
        }
    }

    /// The id of the operation, such as `listPipelines`. See the example of
    /// [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise).
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Where in the body, such as `items[3].trigger.type`. Empty if it is the whole body. See the example of
    /// [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What kind of difference it is. See the example of
    /// [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise).
    pub fn kind(&self) -> SurpriseKind {
        self.kind
    }
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}: {}", self.operation, self.kind),
            path => write!(f, "{}: {path}: {}", self.operation, self.kind),
        }
    }
}
