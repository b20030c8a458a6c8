//! A call in the making: everything about it that does not depend on the operation's types.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use serde::Serialize;

use crate::client::Client;
use crate::error::Error;
use crate::operation::Operation;
#[cfg(feature = "tracing")]
use crate::operation::ParamKind;
use crate::retry::RetryPolicy;
use crate::values::argument::{PROJECT_SLUG, PathValue, QueryValue};

/// What one call does differently from its client.
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::Mock, operations::{GetCurrentUser, RerunWorkflow}};
/// # let server = Mock::start().await;
/// # server.on::<GetCurrentUser>().status(502, "Bad gateway").reply_with(|_| ());
/// # server.on::<RerunWorkflow>().status(502, "Bad gateway").reply_with(|_| ());
/// # let circleci = server.client();
/// # let workflow = "fda08377-fe7e-46b1-8992-3a7aaecac9c3";
/// use std::time::Duration;
/// use circleci_api::{CallOptions, RetryPolicy};
///
/// // Both are answered 502 at first.
/// let once = CallOptions::new().retry(RetryPolicy::none()).timeout(Duration::from_secs(5));
/// assert!(circleci.get_current_user().options(once).send().await.is_err());
///
/// let twice_is_better_than_never = CallOptions::new().replay(true);
/// circleci.rerun_workflow(workflow).options(twice_is_better_than_never).send().await?;
/// # server.assert_count::<GetCurrentUser>(1);
/// # server.assert_count::<RerunWorkflow>(2);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CallOptions {
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) replay: Option<bool>,
    pub(crate) timeout: Option<Duration>,
}

impl CallOptions {
    /// Nothing different.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another policy of retries.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Whether the call may be sent again although it may have happened already; see [`Replay`](crate::Replay).
    /// `true` on a trigger means: better two pipelines than none.
    pub fn replay(mut self, harmless: bool) -> Self {
        self.replay = Some(harmless);
        self
    }

    /// The total time of the call, with all attempts and the waits between them.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.timeout = Some(total);
        self
    }
}

/// Client, operation and arguments.
#[derive(Clone)]
#[doc(hidden)]
pub struct Call {
    pub(crate) client: Client,
    pub(crate) operation: &'static Operation,
    path: Vec<PathValue>,
    query: Vec<(&'static str, QueryValue)>,
    body: Body,
    options: Option<Box<CallOptions>>,
}

#[derive(Clone)]
enum Body {
    None,
    Json(Bytes),
    /// Why it could not be written; said when the call is sent.
    Broken(String),
}

impl Call {
    pub(crate) fn new(client: &Client, operation: &'static Operation) -> Self {
        Self {
            client: client.clone(),
            operation,
            path: Vec::new(),
            query: Vec::new(),
            body: Body::None,
            options: None,
        }
    }

    pub(crate) fn push_path(&mut self, value: PathValue) {
        self.path.push(value);
    }

    /// A project slug where the template has a parameter for each of its parts. One that does not have three stays
    /// whole, and is refused for the parts that are missing.
    pub(crate) fn push_project(&mut self, slug: PathValue) {
        match slug.parts() {
            Some(parts) => self.path.extend(parts),
            None => self.path.push(slug),
        }
    }

    pub(crate) fn set_query(&mut self, name: &'static str, value: QueryValue) {
        match self.query.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.query.push((name, value)),
        }
    }

    pub(crate) fn clear_query(&mut self, name: &str) {
        self.query.retain(|(known, _)| *known != name);
    }

    pub(crate) fn push_query(&mut self, name: &'static str, value: QueryValue) {
        self.query.push((name, value));
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(known, _)| *known == name)?;
        Some(value.as_str())
    }

    pub(crate) fn set_json<B: Serialize + ?Sized>(&mut self, body: &B) {
        self.body = match serde_json::to_vec(body) {
            Ok(bytes) => Body::Json(bytes.into()),
            Err(error) => Body::Broken(error.to_string()),
        };
    }

    pub(crate) fn set_empty_object(&mut self) {
        self.body = Body::Json(Bytes::from_static(b"{}"));
    }

    pub(crate) fn set_options(&mut self, options: CallOptions) {
        self.options = Some(Box::new(options));
    }

    /// What the call is about, for its span: the project, the organization, and the other values of the path.
    #[cfg(feature = "tracing")]
    pub(crate) fn about(&self) -> [Option<String>; 3] {
        let params = self.operation.params;
        let [mut project, mut org, mut other] = [const { Vec::new() }; 3];
        // A slug has one parameter or three of these names.
        let parts = match params.first().map(|param| param.name) {
            Some("provider" | "vcs") if params.len() >= 3 && self.path.len() >= 3 => 3,
            _ => 0,
        };
        for (place, (value, param)) in self.path.iter().zip(params).enumerate() {
            let list = match param.kind {
                _ if place < parts => &mut project,
                ParamKind::ProjectSlug => &mut project,
                ParamKind::OrgSlug | ParamKind::OrgSlugOrId => &mut org,
                _ => &mut other,
            };
            list.push(value.as_str());
        }
        if org.is_empty() {
            org.extend(self.query("org-slug").or(self.query("owner-slug")));
        }
        [project, org, other].map(|values| {
            let text = values.join("/");
            let text = self.client.inner.credential.redact(&text);
            (!text.is_empty()).then(|| text.into())
        })
    }

    pub(crate) fn body(&self) -> Result<Option<Bytes>, Error> {
        match &self.body {
            Body::None => Ok(None),
            Body::Json(bytes) => Ok(Some(bytes.clone())),
            Body::Broken(why) => Err(Error::argument(
                self.operation,
                format!("the body cannot be written: {why}"),
            )),
        }
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        self.options
            .as_ref()
            .and_then(|options| options.retry.as_ref())
            .unwrap_or(&self.client.inner.retry)
    }

    pub(crate) fn may_replay(&self) -> bool {
        self.options
            .as_ref()
            .and_then(|options| options.replay)
            .unwrap_or(self.operation.replay.is_harmless())
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.options
            .as_ref()
            .and_then(|options| options.timeout)
            .or(self.client.inner.timeout)
    }

    /// The URL, written once: base, template with its values, query.
    pub(crate) fn url(&self) -> Result<Url, Error> {
        if self.path.len() < self.operation.params.len() {
            return Err(Error::argument(
                self.operation,
                format!("project-slug {PROJECT_SLUG}"),
            ));
        }
        let base = &self.client.inner.host.base;
        let mut url = String::with_capacity(
            base.len() + self.operation.path.len() + 48 * (self.path.len() + self.query.len()),
        );
        url.push_str(base);
        let mut rest = self.operation.path;
        let mut values = self.path.iter().zip(self.operation.params);
        while let Some((literal, after)) = rest.split_once('{') {
            url.push_str(literal);
            let Some((value, param)) = values.next() else {
                break;
            };
            value.write(param, &mut url).map_err(|wanted| {
                Error::argument(self.operation, format!("{} {wanted}", param.name))
            })?;
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        url.push_str(rest);
        for (index, (name, value)) in self.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            value.write(&mut url);
        }
        Url::parse(&url).map_err(|error| Error::argument(self.operation, error.to_string()))
    }
}

// A body may hold the value of an environment variable, so that only its size is shown.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut call = f.debug_struct("Call");
        call.field("operation", &self.operation.id)
            .field("path", &self.path)
            .field("query", &self.query);
        if let Body::Json(bytes) = &self.body {
            call.field("body", &format_args!("{} bytes of JSON", bytes.len()));
        }
        call.finish_non_exhaustive()
    }
}
