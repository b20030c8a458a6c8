//! An operation of the API, as data.

use http::Method;

/// One operation of the API, as its document describes it.
///
/// ```
/// use circleci_api::{ParamKind, Replay, operations::{ListWorkflowJobs, RerunWorkflow}};
///
/// let jobs = ListWorkflowJobs::OPERATION;
/// assert_eq!((jobs.id, jobs.method.as_str(), jobs.path), ("listWorkflowJobs", "GET", "/workflow/{id}/job"));
/// assert_eq!((jobs.params[0].name, jobs.params[0].kind), ("id", ParamKind::Uuid));
/// assert!(jobs.replay.is_harmless());
/// assert_eq!(RerunWorkflow::OPERATION.replay, Replay::Never);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Operation {
    /// `listPipelines`.
    pub id: &'static str,
    /// `GET`.
    pub method: Method,
    /// The path template, `/workflow/{id}/job`.
    pub path: &'static str,
    /// The path's parameters, in the order of the template.
    pub params: &'static [Param],
    /// Whether it may be sent again without the caller's word.
    pub replay: Replay,
}

impl Operation {
    #[doc(hidden)]
    pub const fn new(
        id: &'static str,
        method: Method,
        path: &'static str,
        params: &'static [Param],
        replay: Replay,
    ) -> Self {
        Self {
            id,
            method,
            path,
            params,
            replay,
        }
    }
}

/// An example of what an operation answers, as `regen` makes it from the document.
#[cfg(feature = "mock")]
pub(crate) struct Example {
    pub(crate) operation: &'static Operation,
    pub(crate) status: u16,
    /// The names of the query's parameters.
    pub(crate) queries: &'static [&'static str],
    /// JSON; `null` where there is no body.
    pub(crate) body: &'static str,
}

/// A path parameter. See the example of [`Operation`].
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name in the template.
    pub name: &'static str,
    /// What it has to look like.
    pub kind: ParamKind,
}

/// What a path parameter has to look like before a call is sent. See the example of [`Operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamKind {
    /// Three parts: `gh/acme/web`.
    ProjectSlug,
    /// Two parts: `gh/acme`.
    OrgSlug,
    /// Two parts, or a UUID.
    OrgSlugOrId,
    /// A UUID.
    Uuid,
    /// Digits.
    Integer,
    /// Anything that can be one segment of a path.
    Text,
}

/// Whether sending an operation twice does what sending it once does.
///
/// CircleCI has no idempotency keys, so that a POST whose answer was lost may have happened.
/// A rate-limited call (429) and one that never left this machine are sent again whatever the class. See the example of
/// [`Operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replay {
    /// `GET`, `HEAD`, `PUT` and `DELETE`: sent again after a failure.
    Safe,
    /// A `POST` that merely cancels: sent again after a failure.
    Cancel,
    /// Every other `POST` and `PATCH`: sent again only if the caller
    /// [says so](crate::CallOptions::replay) for that call.
    Never,
}

impl Replay {
    /// Whether a second sending is harmless. See the example of [`Operation`].
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Safe | Self::Cancel)
    }
}
