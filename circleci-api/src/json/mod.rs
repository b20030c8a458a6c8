//! How the types are read and written: keys in either spelling, words that are new, values that are missing.

pub(crate) mod lenient;
pub(crate) mod object;
pub(crate) mod open_enum;
