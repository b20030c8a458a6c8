//! `cargo xtask regen`: from the document to `circleci-api/src/generated/`.

mod advice;
mod build;
mod command;
mod files;
mod idle;

pub use advice::actions;
pub use build::{Built, Places, build, build_other, build_vendored};
pub use command::Regen;
pub use files::{COMMAND, differences, write};
