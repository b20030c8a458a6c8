//! How the types are read and written: keys in either spelling, what is new, missing or of the wrong form.

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
