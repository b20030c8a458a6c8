//! What the tests of `circleci-api` share with each other and with `fuzz/`.

pub mod calls;
pub mod document;
#[path = "../../xtask/tests/common/mod.rs"]
pub mod documents;
pub mod fuzzed;
pub mod raw;
pub mod server;
pub mod stage;
pub mod values;

/// The README's snippets run as tests; those that would need CircleCI are only compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
