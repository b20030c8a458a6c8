//! Reads and writes the types of CircleCI's document. Accepts keys in snake_case and in kebab-case, unknown keys, and
//! missing or invalid values.

mod careful;
pub(crate) mod extra;
pub(crate) mod lenient;
pub(crate) mod notes;
pub(crate) mod object;
pub(crate) mod one_of;
pub(crate) mod open_enum;
pub(crate) mod read;
pub(crate) mod surprise;
mod text;
