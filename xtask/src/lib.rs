//! The maintainer's tools of `circleci-api`. Each room uses only the rooms below it:
//!
//! - `update`: takes a newer document in
//! - `drift`: says what a newer document changes for users
//! - `surface`: lists what the generated code offers
//! - `regen`: runs the whole way from the document to the generated files
//! - `emit`: writes the files
//! - `lower`: turns the document into plain data: checks, names and types
//! - `document`: reads the document; fetches it; applies the overlay and the fixups
//!
//! `bench_peers`, `conformance` and `links` stand apart: they are commands of their own.

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
