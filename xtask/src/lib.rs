//! The maintainer's tools of `circleci-api`. Each module uses only the modules below it:
//!
//! - `update`: adopts a newer document
//! - `drift`: reports what a newer document changes for users
//! - `surface`: lists the public API of the generated code
//! - `regen`: runs all steps from the document to the generated files
//! - `emit`: writes the files
//! - `lower`: converts the document to plain data: checks, names and types
//! - `document`: reads the document; fetches it; applies the overlay and the fixups
//!
//! `bench_peers`, `conformance` and `links` are separate commands.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used
)]

pub mod bench_peers;
pub mod conformance;
pub mod document;
pub mod drift;
pub mod emit;
pub mod links;
pub mod lower;
pub mod regen;
pub mod surface;
pub mod update;
