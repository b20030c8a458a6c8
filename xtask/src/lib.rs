//! The maintainer's tools of `circleci-api`, one step a file:
//! document -> overlay -> fixups -> hoist -> precheck -> progenitor -> emit -> files.

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
pub mod deviations;
pub mod document;
pub mod drift;
pub mod emit;
pub mod fetch;
pub mod fixups;
pub mod generate;
pub mod hoist;
pub mod names;
pub mod overlay;
pub mod precheck;
pub mod regen;
pub mod surface;
pub mod tolerate;
pub mod update;
pub mod words;
