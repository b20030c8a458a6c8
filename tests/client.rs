//! The client as its users see it. One target for all: each would link the whole stack once more.
#![allow(
    clippy::duplicate_mod,
    reason = "the examples that are tried here share a module"
)]

#[path = "support/calls.rs"]
mod calls;
#[path = "support/document.rs"]
mod document;
#[path = "../xtask/tests/common/mod.rs"]
mod documents;
mod fuzzed;
#[path = "support/stage.rs"]
mod stage;
mod support;
#[path = "support/values.rs"]
mod values;

mod artifacts;
mod checkouts;
mod contexts;
mod credentials;
mod decode;
mod examples_in_docs;
mod insights;
mod job_logs;
mod mock;
mod pacing;
mod paging;
mod parameters;
mod properties;
mod replay;
mod slugs;
mod tour;
mod transport;
mod usage;
mod waiting;
mod webhooks;
mod wire;
