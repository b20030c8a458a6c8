//! `cargo xtask regen`: from the document to `circleci-api/src/generated/`.

mod build;
mod command;
mod files;

pub use build::{Built, Places, build, build_other, build_vendored};
pub use command::Regen;
pub use files::{COMMAND, differences, write};
