//! Contains the maintainers' tools for `circleci-api`. Each module uses only the modules below it in this list:
//!
//! - `update`: adopts a newer document
//! - `drift`: reports how a newer document changes the crate for users
//! - `surface`: lists the public API of the generated code
//! - `regen`: runs all steps that turn the document into the generated files
//! - `emit`: writes the generated files
//! - `lower`: checks the document, and decides the names and types of the generated code
//! - `document`: fetches and reads the document, and applies the overlay and the fixups to it
//!
//! `bench_peers`, `conformance` and `links` are separate commands and not part of this order.

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
