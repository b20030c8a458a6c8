//! A typed client for the whole CircleCI API v2.
//!
//! ```no_run
//! # async fn run() -> Result<(), circleci_api::Error> {
//! use circleci_api::Client;
//!
//! let circleci = Client::from_env()?;
//! let mut pipelines = circleci.list_pipelines().items();
//! while let Some(pipeline) = pipelines.try_next().await? {
//!     println!("{pipeline:?}");
//! }
//! # Ok(()) }
//! ```
//!
//! Every operation is a method of [`Client`] that takes what the operation needs and returns a builder
//! from [`operations`]; the builder's methods set what is optional, and `send` sends it.
//! What is answered is a struct from [`types`].
//!
//! Calls are retried where that is harmless ([`RetryPolicy`]), lists are followed page by page ([`Paged`]),
//! the token goes to the configured host and nowhere else, and whatever goes wrong is an [`Error`] with
//! questions to ask of it.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rustls` | yes | TLS without a system library |
//! | `native-tls` | no | TLS by the platform's own library |
//! | `http2` | no | many calls over one connection |
//! | `gzip` | no | compressed answers |
//! | `pacing` | no | `Pacing`: stay below a rate, slow down before a 429 |
//! | `tracing` | no | a span per call |
//! | `mock` | no | [`mock`]: a CircleCI in the process of your tests |
//! | `contexts` | no | `Client::set_context_variables`, `set_project_variables`, `copy_context_restrictions` |
//! | `insights` | no | `Client::insights`: success rates, durations, credits, trends, flaky tests |
//! | `webhooks` | no | `webhook`: signatures and events |
//! | `wait` | no | wait for pipelines, workflows, jobs, approvals and usage exports; `params!`; the project of a checkout |
//! | `artifacts` | no | `artifacts`: downloads, and the failed tests of a workflow |
//! | `usage` | no | `usage`: exports as one CSV, or as rows |
//! | `v1` | no | `v1`: a job's steps and their output, by version 1.1 of the API |

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
mod host;
#[cfg(feature = "insights")]
mod insights;
mod lenient;
#[cfg(feature = "mock")]
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
