//! `cargo xtask conformance`: calls every operation of the client on Stoplight Prism, a server that reads CircleCI's
//! document and shares no code with this crate.
//!
//! prism (the server) <- relay (records its violations) <- client; then judge -> report. `suite` makes the calls of `case`, which
//! are the calls of the tests.

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
