//! `cargo xtask reality`: compares recorded responses with CircleCI's document and with the types of the client.
//!
//! `recordings` reads files, archives and cassettes. `operations` finds the operation that each response belongs to. `judge`
//! compares the response with the document, and `types` compares it with the client. `report` prints the contradictions, each
//! with the overlay actions that correct the document.

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
