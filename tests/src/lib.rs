//! Tests of `circleci-api` as its users see it.

/// The README's snippets run as tests; those that would need CircleCI are only compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
