//! Writes the `use` lines of generated files.

use crate::lower::rust::Rust;
use std::collections::BTreeSet;

pub const NUMBER_OR_STRING: &str = "crate::json::lenient::NumberOrString";
pub const TEXT: &str = "crate::json::lenient::Text";
pub const OBJECT: &str = "crate::json::object::object";
pub const ONE_OF: &str = "crate::json::one_of::one_of";
pub const OPEN_ENUM: &str = "crate::json::open_enum::open_enum";
pub const PATH_VALUE: &str = "crate::values::argument::PathValue";
pub const QUERY_VALUE: &str = "crate::values::argument::QueryValue";
pub const CLIENT: &str = "crate::client::Client";
pub const TYPES: &str = "crate::generated::types";
pub const REQUEST: &str = "crate::request::{Request, operation}";
pub const BORROW: &str = "std::borrow::Borrow";
/// The import of the generated types in the other files of `types/`.
pub const OTHER_TYPES: &str = "super::*";
const PARAMETER_VALUE: &str = "crate::values::parameters::ParameterValue";
const DATE_TIME: &str = "chrono::{DateTime, Utc}";
const MAP: &str = "std::collections::BTreeMap";
const UUID: &str = "uuid::Uuid";

/// The order of the `use` lines in a file.
const ORDER: [&str; 16] = [
    NUMBER_OR_STRING,
    TEXT,
    OBJECT,
    ONE_OF,
    OPEN_ENUM,
    PATH_VALUE,
    QUERY_VALUE,
    CLIENT,
    TYPES,
    REQUEST,
    PARAMETER_VALUE,
    OTHER_TYPES,
    DATE_TIME,
    BORROW,
    MAP,
    UUID,
];

/// The imports of one file.
#[derive(Clone, Debug, Default)]
pub struct Imports(BTreeSet<&'static str>);

impl Imports {
    pub fn add(&mut self, path: &'static str) {
        self.0.insert(path);
    }

    /// Adds the imports that a type needs. Generated types need none.
    pub fn add_type(&mut self, ty: &Rust) {
        match ty {
            Rust::Option(inner) | Rust::List(inner) | Rust::Boxed(inner) => self.add_type(inner),
            Rust::Map(value) => {
                self.add(MAP);
                self.add_type(value);
            }
            Rust::ParameterValue => self.add(PARAMETER_VALUE),
            Rust::DateTime => self.add(DATE_TIME),
            Rust::Uuid => self.add(UUID),
            _ => {}
        }
    }

    /// Adds the imports that a type needs in a file outside `types/`. Such a file refers to a generated type as `types::X`.
    pub fn add_type_outside(&mut self, ty: &Rust) {
        self.add_type(ty);
        if ty.any(&|ty| matches!(ty, Rust::Named(_))) {
            self.add(TYPES);
        }
    }

    pub fn lines(&self) -> String {
        let used = ORDER.iter().filter(|path| self.0.contains(*path));
        used.map(|path| match *path {
            OTHER_TYPES => format!("#[allow(unused_imports)]\nuse {path};\n"),
            path => format!("use {path};\n"),
        })
        .collect()
    }
}
