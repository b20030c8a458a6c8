// The README is the page of this crate. Its snippets are run once, with the tests of the workspace.
#![cfg_attr(all(doc, not(doctest)), doc = include_str!("../README.md"))]
#![cfg_attr(
    any(not(doc), doctest),
    doc = "A typed client for the whole CircleCI API v2."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// What only the library must not do, and examples, benches and tests may.
#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod argument;
#[cfg(feature = "artifacts")]
pub mod artifacts;
mod auth;
mod call;
#[cfg(feature = "wait")]
mod checkout;
mod client;
mod clock;
#[cfg(feature = "contexts")]
mod contexts;
mod decode;
#[cfg(any(feature = "artifacts", feature = "usage", feature = "v1"))]
mod download;
mod environment;
mod error;
#[rustfmt::skip]
mod generated;
#[cfg(any(doc, doctest))]
pub mod guide;
mod host;
#[cfg(feature = "insights")]
mod insights;
mod lenient;
#[cfg(feature = "mock")]
#[allow(clippy::panic, reason = "a test that misuses it is to fail")]
pub mod mock;
mod object;
mod open_enum;
mod operation;
#[cfg(feature = "pacing")]
mod pacing;
mod paging;
mod parameters;
#[cfg(feature = "wait")]
mod pipeline_parameters;
mod response;
mod retry;
mod slug;
mod status;
mod timetable;
mod tolerant;
mod trace;
mod transport;
#[cfg(feature = "usage")]
pub mod usage;
#[cfg(feature = "v1")]
pub mod v1;
#[cfg(feature = "wait")]
pub mod wait;
#[cfg(feature = "webhooks")]
pub mod webhook;

pub use argument::{PathValue, QueryValue};
pub use auth::{Scheme, Token};
pub use call::{CallOptions, Sending};
#[cfg(feature = "wait")]
pub use checkout::CheckoutError;
pub use client::{Client, ClientBuilder};
pub use clock::Clock;
#[cfg(feature = "contexts")]
pub use contexts::{Copied, CopiedRestriction, SetVariables, VariablesSet};
pub use environment::Environment;
pub use error::{Error, ErrorKind};
pub use generated::{operations, types};
#[cfg(feature = "insights")]
pub use insights::{Insights, Period, Trend, WorkflowFigures};
pub use open_enum::OpenEnum;
pub use operation::{Kind, Operation, Param, ParamKind, Replay, Request};
#[cfg(feature = "pacing")]
pub use pacing::Pacing;
pub use paging::{Items, Page, Paged, Pages};
pub use parameters::ParameterValue;
#[cfg(feature = "wait")]
pub use pipeline_parameters::{ParameterError, PipelineParameters};
pub use response::{RateLimit, Response};
pub use retry::RetryPolicy;
pub use slug::{OrgSlug, ProjectSlug, SlugError};
pub use tolerant::{ItemError, Tolerant};

// What appears in this crate's signatures, so that a caller need not guess the versions.
pub use {bytes, chrono, http, reqwest, secrecy, serde_json, uuid};
