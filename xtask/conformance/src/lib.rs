//! `cargo xtask conformance`: calls every operation of the client against Stoplight Prism. Prism is a mock server that reads
//! CircleCI's document and shares no code with this crate.
//!
//! The client sends its requests to a `relay`, which forwards them to the server (`prism`) and records the violations that the
//! server reports. `suite` makes the calls that `case` lists. The tests of the client use the same calls. `judge` decides
//! whether each call succeeded, and `report` prints the results.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used
)]

pub mod case;
pub mod judge;
pub mod prism;
pub mod relay;
pub mod report;
pub mod slugs;
pub mod strangers;
pub mod suite;
