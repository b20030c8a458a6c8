//! Defines the types and fields of the generated code as plain data.

use std::fmt;

/// A type of the generated code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rust {
    Unit,
    Bool,
    I64,
    F64,
    String,
    Uuid,
    DateTime,
    /// Any JSON value.
    Json,
    /// A JSON object whose values may be anything.
    JsonObject,
    /// The handwritten type `ParameterValue`.
    ParameterValue,
    /// A generated type.
    Named(String),
    Option(Box<Self>),
    List(Box<Self>),
    /// A map whose keys are text and whose values have this type.
    Map(Box<Self>),
    Boxed(Box<Self>),
}

/// `{}` writes a generated type by its name. `{:#}` writes `types::` before the name.
impl fmt::Display for Rust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut around = |outer: &str, inner: &Self| {
            f.write_str(outer)?;
            inner.fmt(f)?;
            f.write_str(">")
        };
        match self {
            Self::Option(inner) => around("Option<", inner),
            Self::List(item) => around("Vec<", item),
            Self::Map(value) => around("BTreeMap<String, ", value),
            Self::Boxed(inner) => around("Box<", inner),
            Self::Named(name) if f.alternate() => write!(f, "types::{name}"),
            Self::Named(name) => f.write_str(name),
            Self::Unit => f.write_str("()"),
            Self::Bool => f.write_str("bool"),
            Self::I64 => f.write_str("i64"),
            Self::F64 => f.write_str("f64"),
            Self::String => f.write_str("String"),
            Self::Uuid => f.write_str("Uuid"),
            Self::DateTime => f.write_str("DateTime<Utc>"),
            Self::Json => f.write_str("serde_json::Value"),
            Self::JsonObject => f.write_str("serde_json::Map<String, serde_json::Value>"),
            Self::ParameterValue => f.write_str("ParameterValue"),
        }
    }
}

impl Rust {
    /// Returns true if a setter takes this type itself. For any other type `T`, a setter takes `impl Into<T>`.
    pub fn is_plain(&self) -> bool {
        matches!(
            self,
            Self::Bool
                | Self::I64
                | Self::F64
                | Self::Uuid
                | Self::DateTime
                | Self::Json
                | Self::JsonObject
        )
    }

    /// Returns whether `is_it` is true for this type or for a type inside it.
    pub fn any(&self, is_it: &dyn Fn(&Self) -> bool) -> bool {
        let inside = match self {
            Self::Option(inner) | Self::List(inner) | Self::Map(inner) | Self::Boxed(inner) => {
                inner.any(is_it)
            }
            _ => false,
        };
        inside || is_it(self)
    }
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub ident: String,
    /// The name in JSON.
    pub wire: String,
    /// The type of the value, without the `Option` and the `Box` around it.
    pub ty: Rust,
    pub optional: bool,
    /// Whether the value is in a `Box`. Without a `Box`, a recursive type would have no size.
    pub boxed: bool,
}

impl Field {
    /// Returns the type of the value if it is present: with its `Box`, but without the `Option`.
    pub fn present(&self) -> Rust {
        match self.boxed {
            true => Rust::Boxed(Box::new(self.ty.clone())),
            false => self.ty.clone(),
        }
    }
}

/// Writes the complete type, such as `Option<Box<Thing>>`.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.optional {
            true => Rust::Option(Box::new(self.present())).fmt(f),
            false => self.present().fmt(f),
        }
    }
}
