//! `cargo xtask conformance`: calls every operation of the client on Stoplight Prism, a server that is made from CircleCI's
//! document and shares no code with us.
//!
//! prism (the server) <- relay (records what it says) <- client; then judge -> report. `suite` makes the calls of `case`, which
//! are those of the tests.

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
