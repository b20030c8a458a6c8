//! Differences between a response and what this crate knows.

use std::fmt;

/// A place where a response differs from CircleCI's document or from this version of the crate. A surprise consists of the
/// operation, the position in the JSON, and the kind of difference. A surprise never contains a value from the
/// response.
///
/// The closure that you pass to [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise) receives all surprises. That
/// method has an example.
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
    /// An unknown enum value. It is read as `Unknown`.
    UnknownWord,
    /// An absent field that the document requires.
    MissingField,
    /// An invalid value, such as `""` for a date. It is read as absent, and is kept in `extra()`.
    MendedValue,
    /// Invalid text in the body: a byte order mark, bytes that are not UTF-8, half a surrogate pair, or a control character that
    /// is not escaped.
    MendedText,
}

impl SurpriseKind {
    /// Returns the kind in words, such as `unknown key`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown key",
            Self::UnknownWord => "unknown enum value",
            Self::MissingField => "missing field",
            Self::MendedValue => "invalid value",
            Self::MendedText => "invalid JSON text",
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

    /// Returns the id of the operation, such as `listPipelines`.
    /// [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise) has an example.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Returns the position in the body, such as `items[3].trigger.type`. The position is empty if the whole body differs.
    /// [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise) has an example.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the kind of difference.
    /// [`ClientBuilder::on_surprise`](crate::ClientBuilder::on_surprise) has an example.
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
