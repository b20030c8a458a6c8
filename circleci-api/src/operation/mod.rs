//! An operation of the API, as data.

use std::fmt;
use std::sync::Arc;

use http::Method;

pub(crate) mod deprecation;

/// The root of the API v2 on its host.
pub(crate) const V2: &str = "/api/v2";

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
    /// The root below which the path lies on the host: `/api/v2`, except for an operation of another version of the API.
    pub root: &'static str,
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
            root: V2,
        }
    }

    /// The same operation below another root.
    #[cfg(any(feature = "v1", feature = "overview"))]
    pub(crate) const fn below(mut self, root: &'static str) -> Self {
        self.root = root;
        self
    }
}

/// An operation that the caller describes: [`Client::request`](crate::Client::request).
#[derive(Clone, Debug)]
pub(crate) struct RawOperation {
    /// What errors and spans call it: `GET /api/v3/brand-new`, without the root where that is `/api/v2`.
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) root: String,
    pub(crate) path: String,
    /// The parameters of the path, in the order of the template.
    pub(crate) params: Vec<(String, ParamKind)>,
    pub(crate) replay: Replay,
    /// Why it cannot be sent. The call reports it before anything is sent.
    pub(crate) fault: Option<String>,
}

/// The operation of a call: one of the crate's own, or one that the caller describes.
#[derive(Clone)]
pub(crate) enum Identity {
    Known(&'static Operation),
    Raw(Arc<RawOperation>),
}

impl Identity {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Known(operation) => operation.id,
            Self::Raw(operation) => &operation.id,
        }
    }

    pub(crate) fn method(&self) -> &Method {
        match self {
            Self::Known(operation) => &operation.method,
            Self::Raw(operation) => &operation.method,
        }
    }

    pub(crate) fn root(&self) -> &str {
        match self {
            Self::Known(operation) => operation.root,
            Self::Raw(operation) => &operation.root,
        }
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Known(operation) => operation.path,
            Self::Raw(operation) => &operation.path,
        }
    }

    /// The path template with the root where that is not `/api/v2`.
    #[cfg(feature = "tracing")]
    pub(crate) fn full_path(&self) -> std::borrow::Cow<'_, str> {
        match self.root() {
            V2 => self.path().into(),
            root => format!("{root}{}", self.path()).into(),
        }
    }

    /// The name and kind of a parameter, by its place in the template.
    pub(crate) fn param(&self, at: usize) -> Option<(&str, ParamKind)> {
        match self {
            Self::Known(operation) => operation.params.get(at).map(|it| (it.name, it.kind)),
            Self::Raw(operation) => operation
                .params
                .get(at)
                .map(|(name, kind)| (&**name, *kind)),
        }
    }

    pub(crate) fn replay(&self) -> Replay {
        match self {
            Self::Known(operation) => operation.replay,
            Self::Raw(operation) => operation.replay,
        }
    }

    pub(crate) fn fault(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Raw(operation) => operation.fault.as_deref(),
        }
    }
}

impl From<&'static Operation> for Identity {
    fn from(operation: &'static Operation) -> Self {
        Self::Known(operation)
    }
}

impl From<&Self> for Identity {
    fn from(operation: &Self) -> Self {
        operation.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What the double answers to an operation by default, as `regen` makes it from the document.
#[cfg(feature = "mock")]
pub(crate) struct Example {
    pub(crate) operation: &'static Operation,
    pub(crate) status: u16,
    /// The keys that the body of each success status may have, where an operation has several.
    pub(crate) statuses: &'static [(u16, &'static [&'static str])],
    /// The query parameters, with the enum values that the document allows.
    pub(crate) queries: &'static [(&'static str, &'static [&'static str])],
    /// JSON, keys as on the wire; `null` where there is no body. `⟦name=default⟧` stands for a value of the request.
    pub(crate) body: &'static str,
    /// The same shape as `body`, with only the required keys that may be null.
    pub(crate) nulls: &'static str,
    /// The schema of the request body; `null` where the operation takes none.
    pub(crate) request: &'static str,
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
    /// Three parts, as in `gh/acme/web`, or the project's UUID.
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
