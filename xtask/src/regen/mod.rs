//! `cargo xtask regen`: generates `circleci-api/src/generated/` from the document.

mod advice;
mod build;
mod command;
mod files;
mod idle;
mod vendored;

pub use advice::actions;
pub use build::{Built, build};
pub use command::Regen;
pub use files::{COMMAND, differences, write};
pub use vendored::{Places, build_other, build_vendored};
