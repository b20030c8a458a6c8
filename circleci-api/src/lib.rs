// The documentation of this crate shows parts of the README. The README's own link definitions lead to docs.rs, so that the links
// work wherever the README is shown. The definitions below lead to the guides of the same build. If a link is defined twice, the
// first definition counts, so these definitions must come before the README.
#![doc = "[first call]: crate::guide::first_call"]
#![doc = "[paging]: crate::guide::paging"]
#![doc = "[errors]: crate::guide::errors"]
#![doc = "[triggering]: crate::guide::triggering"]
#![doc = "[everyday]: crate::guide::everyday"]
#![doc = "[overview]: crate::guide::overview"]
#![doc = "[webhooks]: crate::guide::webhooks"]
#![doc = "[testing]: crate::guide::testing"]
#![doc = "[self_hosted]: crate::guide::self_hosted"]
#![doc = "[blocking]: crate::guide::blocking"]
#![doc = "[from_curl]: crate::guide::from_curl"]
#![doc = "[from_cli]: crate::guide::from_cli"]
#![doc = "[from_circulo]: crate::guide::from_circulo"]
#![doc = "[undocumented]: crate::guide::undocumented"]
#![doc = "[tracing]: crate::guide::tracing"]
#![doc = "[daemons]: crate::guide::daemons"]
#![doc = "[containers]: crate::guide::containers"]
#![doc = "[statuses]: crate::guide::statuses"]
#![doc = "[tls]: crate::guide::tls"]
#![doc = "[programs]: crate::guide::programs"]
#![doc = "[deviations]: crate::guide::deviations"]
#![doc = "[operations]: crate::guide::operations"]
#![doc = ""]
// Doc tests leave out this page, because the tests of the workspace already run the README's snippets.
#![cfg_attr(all(doc, not(doctest)), doc = include_str!("guide/front.md"))]
#![cfg_attr(
    any(not(doc), doctest),
    doc = "A typed client for the whole CircleCI API v2."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// These lints apply only to the library. Examples, benches and tests may do what the lints forbid.
#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used
)]

/// Begins a doc example that needs the mock. Without the feature `mock`, the example is shown but not run.
#[cfg(feature = "mock")]
macro_rules! mock_example {
    () => {
        "```"
    };
}
#[cfg(not(feature = "mock"))]
macro_rules! mock_example {
    () => {
        "```text"
    };
}

// rustdoc shows the `impl` blocks of a type in the order of the modules that contain them. `client` and `request` come first, so
// that the pages of `Client` and `Request` begin with the methods that every client and every request has.
mod client;

mod request;

#[cfg(feature = "artifacts")]
pub mod artifacts;
#[cfg(feature = "contexts")]
mod contexts;
#[cfg(any(feature = "artifacts", feature = "usage", feature = "v1"))]
mod download;
mod error;
#[rustfmt::skip]
mod generated;
#[cfg(any(doc, doctest))]
pub mod guide;
#[cfg(feature = "insights")]
mod insights;
mod json;
mod lists;
#[cfg(feature = "mock")]
#[allow(clippy::panic, reason = "a test that misuses the mock must fail")]
pub mod mock;
mod operation;
#[cfg(feature = "overview")]
pub mod overview;
mod retry;
mod transport;
#[cfg(feature = "usage")]
pub mod usage;
#[cfg(feature = "v1")]
pub mod v1;
mod values;
#[cfg(feature = "wait")]
pub mod wait;
#[cfg(feature = "webhooks")]
pub mod webhook;

pub use client::auth::{Scheme, Token};
pub use client::environment::Environment;
pub use client::{Client, ClientBuilder};
#[cfg(feature = "contexts")]
pub use contexts::{
    ContextsWithVariable, Copied, CopiedRestriction, FindContexts, SetVariables, VariablesPlan,
    VariablesSet,
};
pub use error::{Error, ErrorKind};
pub use generated::{operations, types};
#[cfg(feature = "insights")]
pub use insights::{Insights, Period, Trend, WorkflowFigures};
pub use json::open_enum::OpenEnum;
pub use json::surprise::{Surprise, SurpriseKind};
pub use lists::items::Items;
pub use lists::list_page::ListPage;
pub use lists::many::Many;
pub use lists::page::{Page, Paged};
pub use lists::pages::Pages;
pub use lists::tolerant::{ItemError, Tolerant};
pub use operation::deprecation::Deprecation;
pub use operation::{Operation, Param, ParamKind, Replay};
pub use request::{Kind, RawRequest, Request, Sending};
pub use retry::RetryPolicy;
pub use retry::clock::Clock;
#[cfg(feature = "pacing")]
pub use retry::pacing::Pacing;
pub use retry::rate_limit::RateLimit;
pub use transport::call::CallOptions;
pub use transport::response::Response;
pub use values::argument::{PathValue, QueryValue};
#[cfg(feature = "wait")]
pub use values::checkout::CheckoutError;
pub use values::parameters::ParameterValue;
#[cfg(feature = "wait")]
pub use values::pipeline_parameters::{ParameterError, PipelineParameters};
pub use values::slug::{OrgSlug, ProjectSlug, SlugError};

// The crates whose types appear in this crate's signatures. With these exports, a caller always gets matching versions.
pub use {bytes, chrono, http, reqwest, secrecy, serde_json, uuid};
