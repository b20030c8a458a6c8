//! Tests of the public API of the client. They are all in one program, because every additional program would link all
//! dependencies again.
#![allow(
    clippy::duplicate_mod,
    reason = "the examples that are tried here share a module"
)]

use circleci_api_tests::{calls, document, fuzzed, raw, server, stage, values};

mod artifacts;
mod beyond;
mod checkout;
mod compression;
mod contexts;
mod credentials;
mod decode;
mod doctor;
mod double;
mod examples_in_docs;
mod fan_out;
mod insights;
mod live_api;
mod many;
mod mock;
mod network;
mod outcome;
mod overview;
mod pacing;
mod paging;
mod parameters;
mod pipeline_artifacts;
mod programs;
mod properties;
mod replay;
mod slugs;
mod tour;
mod transport;
mod undocumented;
mod usage;
mod v1;
mod wait;
mod webhook;
mod wire;
