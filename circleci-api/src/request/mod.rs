//! Requests for the API's operations, and the macro that defines an operation.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::Error;
use crate::operation::Operation;
use crate::transport::call::{Call, CallOptions};
use crate::transport::decode;
use crate::transport::reply::Reply;
use crate::transport::response::Response;
use crate::values::argument::{PathValue, QueryValue};

mod cursor;
mod raw;
mod sending;

pub use cursor::Cursor;
pub use raw::RawRequest;
pub use sending::Sending;

mod sealed {
    /// The trait of all types that stand for an operation. It gives the operation's description and the type of the operation's
    /// answer. Use this trait as a bound in code that works with any operation. The trait is sealed: the operations of this crate
    /// implement it, and no other type can.
    ///
    #[doc = mock_example!()]
    /// use circleci_api::{Error, Kind, Request};
    ///
    /// async fn timed<O: Kind>(request: Request<O>) -> Result<O::Output, Error> {
    ///     let began = std::time::Instant::now();
    ///     let answer = request.send().await;
    ///     println!("{} {}: {:?}", O::OPERATION.method, O::OPERATION.path, began.elapsed());
    ///     answer
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// # let server = circleci_api::mock::Mock::start().await;
    /// # let circleci = server.client();
    ///
    /// let project = timed(circleci.get_project_by_slug("gh/acme/web")).await?;
    /// assert_eq!(project.name, "web"); // the mock's example is the project that is asked for
    /// # Ok(()) }
    /// ```
    pub trait Kind: 'static {
        /// The description of the operation, which comes from CircleCI's document.
        const OPERATION: &'static crate::operation::Operation;
        /// The type of the operation's answer.
        type Output: 'static;
        #[doc(hidden)]
        const DECODE: super::Decode<Self::Output>;
        #[doc(hidden)]
        const RESPOND: super::Decode<crate::transport::response::Response<Self::Output>>;
    }
}

pub use sealed::Kind;

/// Converts an answer into a value.
#[doc(hidden)]
pub type Decode<T> = fn(&mut Reply) -> Result<T, Error>;

/// A request for an operation, before it is sent.
///
/// The methods of [`Client`](crate::Client) create a request from the required arguments. Optional arguments have setters, which
/// differ from operation to operation. The page of each operation lists them. For example, the page of
/// [`ListPipelines`](crate::operations::ListPipelines) lists the setters of `Request<ListPipelines>`. See
/// [`operations`](crate::operations) for all operations.
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{CallOptions, mock::Mock, serde_json};
/// # use std::time::Duration;
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let pipelines = circleci
///     .list_pipelines_for_project("gh/acme/web")
///     .branch("main")
///     .options(CallOptions::new().timeout(Duration::from_secs(10)));
/// assert_eq!(pipelines.operation().id, "listPipelinesForProject");
///
/// let page = pipelines.clone().send().await?; // the first page; `items()` reads all of them
/// let response = pipelines.clone().send_for_response().await?;
/// let json: serde_json::Value = pipelines.send_as().await?;
///
/// assert_eq!(response.body(), &page);
/// assert_eq!(json["items"].as_array().map(Vec::len), Some(page.items.len()));
/// # assert!(server.received().iter().all(|it| it.query("branch") == Some("main")));
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct Request<O> {
    call: Call,
    operation: PhantomData<fn() -> O>,
}

impl<O> Clone for Request<O> {
    fn clone(&self) -> Self {
        Self {
            call: self.call.clone(),
            operation: PhantomData,
        }
    }
}

impl<O> fmt::Debug for Request<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

impl<O: Kind> Request<O> {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            call: Call::new(client, O::OPERATION),
            operation: PhantomData,
        }
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the call fails. The methods of [`Error`] tell what went wrong.
    pub fn send(self) -> Sending<O::Output> {
        Sending::new(self.call, O::DECODE)
    }

    /// Sets options for this call only, such as its retry policy, replay and timeout.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.call.set_options(options);
        self
    }

    /// Sends the request. Returns the body together with the status, the headers, the request id and the rate limit figures.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`send`](Self::send).
    pub fn send_for_response(self) -> Sending<Response<O::Output>> {
        Sending::new(self.call, O::RESPOND)
    }

    /// Sends the request, and decodes the answer into a type of your choice, such as [`Tolerant`](crate::Tolerant),
    /// [`serde_json::Value`], or a struct with the fields that you need.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`send`](Self::send).
    pub fn send_as<T: DeserializeOwned>(self) -> Sending<T> {
        Sending::new(self.call, decode::json)
    }

    /// Returns the description of the operation, which comes from CircleCI's document.
    pub fn operation(&self) -> &'static Operation {
        O::OPERATION
    }

    pub(crate) fn into_call(self) -> Call {
        self.call
    }

    // Generated code uses the following methods to fill in a request. Their names begin with `with_`, so they cannot clash with
    // the setter of a parameter.

    /// Sets the value of the next path parameter, in the order of the template.
    pub(crate) fn with_path(mut self, value: impl Into<PathValue>) -> Self {
        self.call.push_path(value.into());
        self
    }

    /// Sets the three path parameters that together form a project slug.
    #[allow(dead_code, reason = "depends on the document")]
    pub(crate) fn with_project(mut self, slug: impl Into<PathValue>) -> Self {
        self.call.push_project(slug.into());
        self
    }

    /// Sets a query parameter, and replaces any earlier value.
    pub(crate) fn with_query(mut self, name: &'static str, value: impl Into<QueryValue>) -> Self {
        self.call.set_query(name, value.into());
        self
    }

    /// Adds a query parameter once for each of `values`, and removes any earlier values.
    #[allow(dead_code, reason = "depends on the document")]
    pub(crate) fn with_query_each<V: Into<QueryValue>>(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.call.clear_query(name);
        for value in values {
            self.call.push_query(name, value.into());
        }
        self
    }

    /// Sets the JSON body.
    pub(crate) fn with_json<B: Serialize + ?Sized>(mut self, body: &B) -> Self {
        self.call.set_json(body);
        self
    }

    /// Sets an empty JSON object as the body of an operation whose body is optional.
    #[allow(dead_code, reason = "depends on the document")]
    pub(crate) fn with_empty_object(mut self) -> Self {
        self.call.set_empty_object();
        self
    }
}

/// Defines an operation: its output, id, method, path template, path parameters and replay class.
///
/// ```text
/// operation! {
///     /// Asked for by [`Client::list_workflow_jobs`].
///     ListWorkflowJobs -> types::JobList;
///     "listWorkflowJobs" GET "/workflow/{id}/job" ("id": Uuid) Safe
/// }
/// ```
///
/// If the output is `()`, the body of the answer is not read. To select another root of the API, add `below` and the root after
/// the replay class, such as `below "/api/v1.1"`.
macro_rules! operation {
    ($(#[$meta:meta])* $name:ident -> (); $($rest:tt)*) => {
        $crate::request::operation! { @with (nothing nothing_with_response) ($(#[$meta])*) $name (()) $($rest)* }
    };
    (@with ($decode:ident $respond:ident) ($(#[$meta:meta])*) $name:ident ($output:ty)
        $id:literal $method:ident $path:literal ($($param:literal : $kind:ident),* $(,)?) $replay:ident $(below $root:literal)?) => {
        $(#[$meta])*
        #[non_exhaustive]
        pub struct $name;

        impl $name {
            /// The description of this operation, which comes from CircleCI's document.
            pub const OPERATION: &'static $crate::operation::Operation = &$crate::operation::Operation::new(
                $id,
                ::http::Method::$method,
                $path,
                &[$($crate::operation::Param { name: $param, kind: $crate::operation::ParamKind::$kind }),*],
                $crate::operation::Replay::$replay,
            )$(.below($root))?;
        }

        impl $crate::request::Kind for $name {
            const OPERATION: &'static $crate::operation::Operation = Self::OPERATION;
            type Output = $output;
            const DECODE: $crate::request::Decode<$output> = $crate::transport::decode::$decode;
            const RESPOND: $crate::request::Decode<$crate::transport::response::Response<$output>> = $crate::transport::decode::$respond;
        }
    };
    ($(#[$meta:meta])* $name:ident -> $output:ty; $($rest:tt)*) => {
        $crate::request::operation! { @with (json json_with_response) ($(#[$meta])*) $name ($output) $($rest)* }
    };
}

pub(crate) use operation;
