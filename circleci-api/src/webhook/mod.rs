//! Webhooks: the events that CircleCI sends when a workflow or a job ends. Requires the feature `webhooks`.
//!
//! This module works with any HTTP server. A receiver handles a delivery in three steps: it checks the raw bytes of the body
//! with a [`Verifier`], parses these bytes as an [`Event`], and detects repeated deliveries with [`Deliveries`].
//!
//! ```
//! use circleci_api::webhook::{Deliveries, Outcome, Payload, Verifier};
//!
//! let verifier = Verifier::new("the webhook's signing secret");
//! let deliveries = Deliveries::new(10_000);
//!
//! // From the HTTP server: the value of the header `circleci-signature`, and the raw bytes of the body.
//! # let body = br#"{"id":"3888f21b","type":"workflow-completed","happened_at":"2026-03-01T12:00:00.317Z",
//! #     "workflow":{"id":"fda08377-fe7e-46b1-8992-3a7aaecac9c3","name":"build","status":"failed"},
//! #     "project":{"slug":"github/acme/web"},
//! #     "pipeline":{"id":"1285fe1d-d3a6-44fc-8886-8979558254c4","number":130,"vcs":{"branch":"main"}}}"#;
//! # let signature = verifier.sign(body)?;
//! let event = verifier.read(signature, body)?;
//! if deliveries.is_new(&event.id) {
//!     match &event.payload {
//!         Payload::WorkflowCompleted(done) if done.workflow.status == Some(Outcome::Failed) => {
//!             let branch = done.pipeline.as_ref().and_then(|pipeline| pipeline.branch());
//!             println!("{} failed on {}", done.workflow.name, branch.unwrap_or("no branch"));
//!         }
//!         _ => {}
//!     }
//! }
//! # assert!(!deliveries.is_new(&event.id));
//! # Ok::<(), circleci_api::webhook::WebhookError>(())
//! ```

mod deliveries;
mod error;
mod event;
mod signature;
mod timestamp;

pub use deliveries::Deliveries;
pub use error::WebhookError;
pub use event::{
    Commit, Event, EventType, Job, JobCompleted, Organization, Outcome, Payload, Person, Pipeline,
    Project, Sender, Trigger, Vcs, Workflow, WorkflowCompleted,
};
pub use signature::{SIGNATURE_HEADER, Verifier};
pub use timestamp::Timestamp;
