//! `cargo xtask reality`: compares recorded responses with CircleCI's document and with the types of the client.
//!
//! recordings (files, archives, cassettes) -> operations (which one answered) -> judge (the document) and types (the client)
//! -> report, with the overlay action that mends each contradiction.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used
)]

pub mod action;
pub mod judge;
pub mod operations;
pub mod recordings;
pub mod report;
pub mod types;
