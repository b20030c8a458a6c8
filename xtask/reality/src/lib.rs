//! `cargo xtask reality`: recorded answers, held against CircleCI's document and against the types of the client.
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

// The table of calls that the tests judge.
#[allow(
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "it is a test's"
)]
#[path = "../../../tests/support/calls.rs"]
mod calls;
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "they are a test's"
)]
#[path = "../../../tests/support/values.rs"]
mod values;

pub mod action;
pub mod judge;
pub mod operations;
pub mod recordings;
pub mod report;
pub mod types;
