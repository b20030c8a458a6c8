//! The operations of the API, as data.

use std::fmt;
use std::sync::Arc;

use http::Method;

pub(crate) mod deprecation;

/// The root of API v2. The path of every endpoint of API v2 begins with it.
pub(crate) const V2: &str = "/api/v2";

/// An operation of the API, as CircleCI's document describes it.
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
    /// The operation's id, such as `listPipelines`.
    pub id: &'static str,
    /// The HTTP method, such as `GET`.
    pub method: Method,
    /// The path template, such as `/workflow/{id}/job`.
    pub path: &'static str,
    /// The path parameters, in the order in which they occur in the template.
    pub params: &'static [Param],
    /// The replay class. It says whether a failed call may be sent again without the caller's permission.
    pub replay: Replay,
    /// The part of the URL between the client's host and the path template. It is `/api/v2`, unless the operation belongs to
    /// another version of the API.
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

    /// Returns a copy of the operation with another root.
    #[cfg(any(feature = "v1", feature = "overview"))]
    pub(crate) const fn below(mut self, root: &'static str) -> Self {
        self.root = root;
        self
    }
}

/// An operation that the caller describes with [`Client::request`](crate::Client::request).
#[derive(Clone, Debug)]
pub(crate) struct RawOperation {
    /// The operation's name in errors and spans, such as `GET /api/v3/brand-new`. The name leaves out the root if it is
    /// `/api/v2`.
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) root: String,
    pub(crate) path: String,
    /// The path parameters, in the order in which they occur in the template.
    pub(crate) params: Vec<(String, ParamKind)>,
    pub(crate) replay: Replay,
    /// The reason why the operation is invalid, or `None` if it is valid. The call of an invalid operation fails before anything
    /// is sent.
    pub(crate) fault: Option<String>,
}

/// The operation of a call: one of the crate's own operations, or one that the caller describes.
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

    /// Returns the path template, preceded by the root if the root is not `/api/v2`.
    #[cfg(feature = "tracing")]
    pub(crate) fn full_path(&self) -> std::borrow::Cow<'_, str> {
        match self.root() {
            V2 => self.path().into(),
            root => format!("{root}{}", self.path()).into(),
        }
    }

    /// Returns the name and the kind of the path parameter at this position in the template.
    pub(crate) fn param(&self, at: usize) -> Option<(&str, ParamKind)> {
        match self {
            Self::Known(operation) => operation.params.get(at).map(|it| (it.name, it.kind)),
            Self::Raw(operation) => operation
                .params
                .get(at)
                .map(|(name, kind)| (&**name, *kind)),
        }
    }

    /// Returns the number of path parameters.
    pub(crate) fn params(&self) -> usize {
        match self {
            Self::Known(operation) => operation.params.len(),
            Self::Raw(operation) => operation.params.len(),
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

/// The mock's default answer to an operation, and the form of the requests that the mock accepts. `regen` generates these
/// examples from CircleCI's document.
#[cfg(feature = "mock")]
pub(crate) struct Example {
    pub(crate) operation: &'static Operation,
    pub(crate) status: u16,
    /// The keys that the body may have with each success status. Empty if the operation has only one success status.
    pub(crate) statuses: &'static [(u16, &'static [&'static str])],
    /// The query parameters, each with the enum values that the document allows.
    pub(crate) queries: &'static [(&'static str, &'static [&'static str])],
    /// The body as JSON, or `null` if there is no body. Keys are spelled as CircleCI sends them. The placeholder `⟦name=default⟧`
    /// stands for a value from the request, or for the default if the request has no such value.
    pub(crate) body: &'static str,
    /// The body reduced to its required keys. Each key that may be null is null here.
    pub(crate) nulls: &'static str,
    /// The schema of the request body, or `null` if the operation takes no body.
    pub(crate) request: &'static str,
}

/// A path parameter. [`Operation`] has an example.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The parameter's name in the template.
    pub name: &'static str,
    /// The format of the parameter's value.
    pub kind: ParamKind,
}

/// The format of a path parameter, which is checked before a call is sent. [`Operation`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamKind {
    /// A slug of three parts (such as `gh/acme/web`), or the project's UUID.
    ProjectSlug,
    /// A slug of two parts (such as `gh/acme`).
    OrgSlug,
    /// A slug of two parts (such as `gh/acme`), or the organization's UUID.
    OrgSlugOrId,
    /// A UUID.
    Uuid,
    /// A sequence of digits.
    Integer,
    /// Any text that can be one segment of a path.
    Text,
}

/// The replay class of an operation. It says whether sending the operation twice has the same effect as sending it once.
///
/// CircleCI has no idempotency keys, so sending a POST again after its answer was lost may repeat its effect. A call of any class
/// is retried if it was rate limited (429), never left this machine, or was not processed by the server. [`Operation`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replay {
    /// `GET`, `HEAD`, `PUT` and `DELETE`. These calls are retried after a failure.
    Safe,
    /// A `POST` that only cancels something. The call is retried after a failure.
    Cancel,
    /// Every other `POST` and `PATCH`. The call is retried after a failure only if the caller [allows
    /// it](crate::CallOptions::replay).
    Never,
}

impl Replay {
    /// Returns true if sending the operation twice is harmless. [`Operation`] has an example.
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Safe | Self::Cancel)
    }
}
