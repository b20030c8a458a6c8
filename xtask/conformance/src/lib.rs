//! `cargo xtask conformance`: every operation of the client against Stoplight Prism, a server that is made from CircleCI's
//! document and shares no code with us.
//!
//! prism (the server) <- relay (notes what it says) <- client; then judge -> report. `suite` goes through the calls of `case`.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used
)]

// The same table of calls that `tests/wire.rs` judges, with values that Prism accepts.
#[allow(clippy::expect_used, reason = "it is a test's")]
#[path = "../../../tests/support/calls.rs"]
mod calls;
mod values;

pub mod case;
pub mod judge;
pub mod prism;
pub mod relay;
pub mod report;
pub mod slugs;
pub mod suite;
