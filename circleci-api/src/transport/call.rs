//! A call that is being built. It holds every part of a request that does not depend on the operation's types.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::utf8_percent_encode;
use reqwest::Url;
use serde::Serialize;

use crate::client::Client;
use crate::error::Error;
use crate::error::redact::Secrets;
#[cfg(feature = "tracing")]
use crate::operation::ParamKind;
use crate::operation::{Identity, Param};
use crate::retry::{RetryPolicy, Rules};
use crate::transport::adjust;
use crate::values::argument::{ENCODED, PROJECT_SLUG, PathValue, QueryValue};

/// Options for one call, which take precedence over the client's options.
///
#[doc = mock_example!()]
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
    headers: HeaderMap,
    /// Secrets of this call, which its errors must not show.
    secrets: Secrets,
    /// The reason why a header is invalid, or `None`. A call with an invalid header fails before anything is sent.
    fault: Option<String>,
}

/// Headers that a caller must not set: headers with a credential, and headers that describe the message itself.
const REFUSED: [&str; 17] = [
    "authorization",
    "circle-token",
    "cookie",
    "proxy-authorization",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl CallOptions {
    /// Creates options that do not change the client's options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets secrets that the call's errors and spans must not show.
    #[cfg(feature = "contexts")]
    pub(crate) fn hiding(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// Sets a retry policy for this call, which replaces the client's retry policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Sets whether the call may be retried although it may already have taken effect (see [`Replay`](crate::Replay)). For
    /// example, if a call that triggers a pipeline has `replay(true)`, it may start two pipelines.
    pub fn replay(mut self, harmless: bool) -> Self {
        self.replay = Some(harmless);
        self
    }

    /// Sets the maximum total time of the call, including all attempts and the waits between them.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.timeout = Some(total);
        self
    }

    /// Sets a header of this call. If the client sends a header of the same name, this one replaces it. The `Debug` output does
    /// not show the value.
    ///
    /// If the name or the value is invalid in HTTP, the call fails with an [`InvalidArgument`](crate::ErrorKind::InvalidArgument)
    /// error, and nothing is sent. The call also fails in this way if the header carries a credential (`Circle-Token`,
    /// `Authorization`, `Proxy-Authorization`, `Cookie`) or describes the message itself (`Host`, `Content-Type`,
    /// `Content-Length`, `Connection`, …).
    ///
    #[doc = mock_example!()]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = circleci_api::mock::Mock::start().await;
    /// # let circleci = server.client();
    /// use circleci_api::{CallOptions, ErrorKind};
    ///
    /// let traced = CallOptions::new().header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    /// circleci.get_current_user().options(traced).send().await?;
    ///
    /// let refused = CallOptions::new().header("Circle-Token", "another");
    /// let error = circleci.get_current_user().options(refused).send().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    /// # Ok(()) }
    /// ```
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
        self
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Ok(name) = HeaderName::try_from(name) else {
        return Err(format!("{name:?} is not a valid header name"));
    };
    if REFUSED.contains(&name.as_str()) {
        return Err(format!("the client sets the header {name} itself"));
    }
    let Ok(mut value) = HeaderValue::try_from(value) else {
        return Err(format!("the value of the header {name} is not valid"));
    };
    value.set_sensitive(true);
    Ok((name, value))
}

/// The maximum length of a path and its query together. hyper rejects a URL that exceeds it.
const LONGEST: usize = u16::MAX as usize - 1;

/// A call: the client, the operation and the arguments.
#[derive(Clone)]
#[doc(hidden)]
pub struct Call {
    pub(crate) client: Client,
    pub(crate) operation: Identity,
    path: Vec<PathValue>,
    query: Vec<(Cow<'static, str>, QueryValue)>,
    /// The JSON body. It is empty if the call has no body. If the body could not be serialized, the error says why, and is
    /// reported when the call is sent.
    body: Result<Bytes, Box<str>>,
    options: Option<Box<CallOptions>>,
}

impl Call {
    pub(crate) fn new(client: &Client, operation: impl Into<Identity>) -> Self {
        let operation = operation.into();
        Self {
            client: client.clone(),
            path: Vec::with_capacity(operation.params()),
            operation,
            query: Vec::new(),
            body: Ok(Bytes::new()),
            options: None,
        }
    }

    pub(crate) fn push_path(&mut self, value: PathValue) {
        self.path.push(value);
    }

    /// Adds a project slug to a template that has one parameter for each part of the slug. A slug that does not have three parts
    /// is added as one value. The call then fails, because the other path parameters are missing.
    pub(crate) fn push_project(&mut self, slug: PathValue) {
        match slug.parts() {
            Some(parts) => self.path.extend(parts),
            None => self.path.push(slug),
        }
    }

    pub(crate) fn set_query(&mut self, name: impl Into<Cow<'static, str>>, value: QueryValue) {
        let name = name.into();
        match self.query.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.query.push((name, value)),
        }
    }

    pub(crate) fn clear_query(&mut self, name: &str) {
        self.query.retain(|(known, _)| *known != name);
    }

    pub(crate) fn push_query(&mut self, name: impl Into<Cow<'static, str>>, value: QueryValue) {
        self.query.push((name.into(), value));
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query_value(name).map(QueryValue::as_str)
    }

    fn query_value(&self, name: &str) -> Option<&QueryValue> {
        let (_, value) = self.query.iter().find(|(known, _)| *known == name)?;
        Some(value)
    }

    pub(crate) fn set_json<B: Serialize + ?Sized>(&mut self, body: &B) {
        let written = match adjust::of_body(self.operation.id()) {
            None => {
                // Most bodies are short, so this capacity is usually enough.
                let mut json = Vec::with_capacity(64);
                let written = serde_json::to_writer(&mut json, body);
                written.map(|()| json).map_err(|error| error.to_string())
            }
            Some(adjust) => adjusted(body, adjust),
        };
        self.body = written.map(Bytes::from).map_err(Box::from);
    }

    pub(crate) fn set_empty_object(&mut self) {
        self.body = Ok(Bytes::from_static(b"{}"));
    }

    pub(crate) fn set_options(&mut self, options: CallOptions) {
        self.options = Some(Box::new(options));
    }

    /// Removes the client's credential and the secrets of this call from an error.
    pub(crate) fn hide_secrets(&self, error: Error) -> Error {
        let error = error.without(&self.client.inner.credential.secrets);
        match self.options.as_deref() {
            Some(options) => error.without(&options.secrets),
            None => error,
        }
    }

    /// Returns the headers that were set for this call only.
    pub(crate) fn headers(&self) -> Option<&HeaderMap> {
        let options = self.options.as_deref()?;
        (!options.headers.is_empty()).then_some(&options.headers)
    }

    /// Checks the call for errors that can be found before its URL and body are written. Returns the first one.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let options = self.options.as_deref().and_then(|it| it.fault.as_deref());
        let query = || adjust::refusal(self.operation.id(), |name| self.query_value(name));
        match self.operation.fault().or(options).or_else(query) {
            Some(fault) => Err(Error::argument(&self.operation, fault)),
            None => Ok(()),
        }
    }

    /// Returns the values that the span of the call shows: the project, the organization, and the other path values.
    #[cfg(feature = "tracing")]
    pub(crate) fn about(&self) -> [Option<String>; 3] {
        let [mut project, mut org, mut other] = [const { Vec::new() }; 3];
        // If the project slug takes up three path parameters, the first one is named `provider` or `vcs`.
        let parts = match self.operation.param(0) {
            Some(("provider" | "vcs", _)) if self.path.len() >= 3 => 3,
            _ => 0,
        };
        for (place, value) in self.path.iter().enumerate() {
            let list = match self.operation.param(place) {
                _ if place < parts => &mut project,
                Some((_, ParamKind::ProjectSlug)) => &mut project,
                Some((_, ParamKind::OrgSlug | ParamKind::OrgSlugOrId)) => &mut org,
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
            Ok(json) if json.is_empty() => Ok(None),
            Ok(json) => Ok(Some(json.clone())),
            Err(why) => Err(Error::argument(
                &self.operation,
                format!("the body cannot be serialized: {why}"),
            )),
        }
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        let options = self.options.as_deref();
        Rules {
            policy: options
                .and_then(|options| options.retry.as_ref())
                .unwrap_or(&self.client.inner.retry),
            may_replay: self.may_replay(),
            limit: self.timeout(),
        }
    }

    pub(crate) fn may_replay(&self) -> bool {
        self.options
            .as_ref()
            .and_then(|options| options.replay)
            .unwrap_or(self.operation.replay().is_harmless())
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.options
            .as_ref()
            .and_then(|options| options.timeout)
            .or(self.client.inner.timeout)
    }

    /// Builds the URL from the host, the path template with its values, and the query. The host was parsed earlier and is not
    /// parsed again.
    pub(crate) fn url(&self) -> Result<Url, Error> {
        let operation = &self.operation;
        if operation.param(self.path.len()).is_some() {
            return Err(Error::argument(
                operation,
                format!("project-slug {PROJECT_SLUG}"),
            ));
        }
        let host = &self.client.inner.host;
        let mut rest = operation.path();
        let mut length = host.prefix().len() + operation.root().len() + rest.len();
        for (at, value) in self.path.iter().enumerate() {
            // The value takes the place of the parameter's name and its two braces.
            length += value.as_str().len();
            length -= operation
                .param(at)
                .map_or(0, |(name, _)| name.len() + 2)
                .min(length);
        }
        let mut path = String::with_capacity(length);
        path.push_str(host.prefix());
        path.push_str(operation.root());
        let mut values = self.path.iter().enumerate();
        while let Some((literal, after)) = rest.split_once('{') {
            path.push_str(literal);
            let Some((at, value)) = values.next() else {
                break;
            };
            if let Some((name, kind)) = operation.param(at) {
                value
                    .write(&Param { name: "", kind }, &mut path)
                    .map_err(|wanted| Error::argument(operation, format!("{name} {wanted}")))?;
            }
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        path.push_str(rest);
        let query = self.written_query();
        if path.len() + query.as_ref().map_or(0, String::len) > LONGEST {
            let long = format!("the path and the query together have more than {LONGEST} bytes");
            return Err(Error::argument(operation, long));
        }
        let mut url = host.base.clone();
        url.set_path(&path);
        url.set_query(query.as_deref());
        Ok(url)
    }

    fn written_query(&self) -> Option<String> {
        if self.query.is_empty() {
            return None;
        }
        let length =
            |(name, value): &(Cow<'static, str>, QueryValue)| name.len() + value.as_str().len() + 2;
        let mut text = String::with_capacity(self.query.iter().map(length).sum());
        for (name, value) in &self.query {
            if !text.is_empty() {
                text.push('&');
            }
            match name {
                Cow::Borrowed(name) => text.push_str(name),
                Cow::Owned(name) => text.extend(utf8_percent_encode(name, ENCODED)),
            }
            text.push('=');
            value.write(&mut text);
        }
        Some(text)
    }
}

/// Serializes a body after `adjust` has changed it to the form that the operation accepts.
fn adjusted<B: Serialize + ?Sized>(body: &B, adjust: adjust::Adjust) -> Result<Vec<u8>, String> {
    let mut json = serde_json::to_value(body).map_err(|error| error.to_string())?;
    if let serde_json::Value::Object(body) = &mut json {
        adjust(body)?;
    }
    serde_json::to_vec(&json).map_err(|error| error.to_string())
}

// A body may contain the value of an environment variable, so `Debug` shows only the body's size.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut call = f.debug_struct("Call");
        call.field("operation", &self.operation)
            .field("path", &self.path)
            .field("query", &self.query);
        if let Ok(bytes) = &self.body
            && !bytes.is_empty()
        {
            call.field("body", &format_args!("{} bytes of JSON", bytes.len()));
        }
        call.finish_non_exhaustive()
    }
}
