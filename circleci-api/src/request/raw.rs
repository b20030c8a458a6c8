//! Calls to endpoints for which the crate has no method. The caller gives the HTTP method and the path.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;
use crate::operation::{Identity, ParamKind, RawOperation, Replay, V2};
use crate::request::{Cursor, Sending};
use crate::transport::call::{Call, CallOptions};
use crate::transport::decode;
use crate::transport::reply::Reply;
use crate::transport::response::Response;
use crate::values::argument::{PathValue, QueryValue};

impl Client {
    /// Creates a request for an endpoint for which this crate has no method, such as a new endpoint or one that CircleCI's
    /// document does not describe. The caller gives the HTTP method and the path template. See [the
    /// guide](crate::guide::undocumented). [`RawRequest`] has an example.
    ///
    /// The template begins with a slash. It is relative to `/api/v2`, or to another [`root`](RawRequest::root) on the same host.
    /// A segment in braces is a parameter, and [`path`](RawRequest::path) sets its value. The template must not contain a query,
    /// a percent-encoded character (such as `%2F`), or a `.` or `..` segment. The template is checked when the call is sent.
    pub fn request(&self, method: Method, template: impl Into<String>) -> RawRequest {
        RawRequest::new(self, method, template.into())
    }
}

/// A request that the caller describes. Created by [`Client::request`].
///
/// The request is handled like every other request, with the same token, host, escaping, retries, pacing, timeouts, errors and
/// spans. Errors and spans name it by its HTTP method and its path. If any part of the request is invalid, the call fails with an
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) error, and nothing is sent.
///
/// A failed `GET`, `HEAD`, `OPTIONS`, `PUT` or `DELETE` is retried. A request with any other method is retried only after a 429,
/// or if it never left this machine or was not processed by the server. To change whether the request is retried, use [`replay`](Self::replay).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};
/// # let server = MockServer::start().await;
/// # let answer = |json: &str| ResponseTemplate::new(200).set_body_raw(json, "application/json");
/// # Mock::given(method("POST")).respond_with(answer(r#"{"id":7}"#)).mount(&server).await;
/// # Mock::given(method("GET")).respond_with(answer(r#"{"items":["a","b"]}"#)).mount(&server).await;
/// # let circleci = circleci_api::Client::builder().host(server.uri()).token("abc").build()?;
/// use std::time::Duration;
/// use circleci_api::{CallOptions, Replay, http::Method, serde_json::{Value, json}};
///
/// let create = circleci
///     .request(Method::POST, "/project/{project-slug}/brand-new")
///     .root("/api/v3") // default: `/api/v2`
///     .path("project-slug", "gh/acme/web")
///     .query("dry-run", true)
///     .query_each("label", ["nightly", "linux"])
///     .json(&json!({ "name": "nightly" }))
///     .replay(Replay::Safe) // default for a POST: `Never`
///     .options(CallOptions::new().timeout(Duration::from_secs(10)));
/// let created = create.clone().send().await?;
/// assert_eq!(created["id"], 7);
///
/// let response = create.clone().send_for_response_as::<Value>().await?;
/// assert_eq!((response.status().as_u16(), response.deprecation()), (200, None));
/// let bytes = create.clone().send_for_bytes().await?.into_body();
/// assert_eq!(bytes, r#"{"id":7}"#);
///
/// let list = circleci.request(Method::GET, "/brand-new");
/// let first: Value = list.clone().send_as().await?;
/// assert_eq!(first["items"][0], "a");
/// let mut names = list.items_as::<String>();
/// while let Some(name) = names.try_next().await? {
///     println!("{name}");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct RawRequest {
    call: Call,
    operation: RawOperation,
    /// The values of the path parameters, in the order of the template.
    values: Vec<Option<PathValue>>,
    cursor: Cursor,
}

impl RawRequest {
    fn new(client: &Client, method: Method, template: String) -> Self {
        let mut operation = RawOperation {
            id: String::new(),
            replay: match method {
                Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE => {
                    Replay::Safe
                }
                _ => Replay::Never,
            },
            fault: None,
            params: Vec::new(),
            root: V2.to_owned(),
            path: template,
            method,
        };
        if matches!(operation.method, Method::CONNECT | Method::TRACE) {
            // If a server supports TRACE, its answer repeats the request's headers, and with them the token.
            operation.fault = Some(format!("the method {} is not allowed", operation.method));
        }
        match params(&operation.path) {
            Ok(params) => operation.params = params,
            Err(fault) => {
                operation.fault.get_or_insert(fault);
                // The invalid path may contain a secret.
                operation.path = "(invalid path)".to_owned();
            }
        }
        let mut request = Self {
            // Later setters change `operation`, so `into_call` replaces this copy with the final operation.
            call: Call::new(client, Identity::Raw(Arc::new(operation.clone()))),
            values: vec![None; operation.params.len()],
            cursor: Cursor::V2,
            operation,
        };
        request.name();
        request
    }

    /// Sets the name that errors and spans use for the call.
    fn name(&mut self) {
        let RawOperation {
            method, root, path, ..
        } = &self.operation;
        self.operation.id = match root.as_str() {
            V2 => format!("{method} {path}"),
            root => format!("{method} {root}{path}"),
        };
    }

    /// Records why the request is invalid. If there are several reasons, the first one is kept.
    fn fault(&mut self, fault: impl Into<String>) {
        self.operation.fault.get_or_insert(fault.into());
    }

    /// Sets another root on the same host, such as `/api/v1.1`, `/api/v3` or `/api/private`. The default is `/api/v2`.
    /// [`RawRequest`] has an example.
    pub fn root(mut self, root: impl Into<String>) -> Self {
        let root = root.into();
        let root = root.trim_end_matches('/');
        match params(root) {
            Ok(params) if params.is_empty() => {
                self.operation.root = root.to_owned();
                self.name();
            }
            Ok(_) => {
                self.fault("the root must not have parameters: put the parameters in the path")
            }
            Err(fault) => self.fault(fault.replacen("path", "root", 1)),
        }
        self
    }

    /// Sets the value of a path parameter, and replaces any earlier value. Slashes in the value are escaped, unless the parameter
    /// is named `project-slug`, `org-slug` or `org-slug-or-id`. The value of such a parameter is checked as a slug, and keeps the
    /// slashes between its parts.
    pub fn path(mut self, name: &str, value: impl Into<PathValue>) -> Self {
        match self.operation.params.iter().position(|(it, _)| it == name) {
            Some(at) => self.values[at] = Some(value.into()),
            None => {
                let known: Vec<&str> = self.operation.params.iter().map(|(it, _)| &**it).collect();
                self.fault(match known[..] {
                    [] => format!("the path has no parameter {name:?}"),
                    _ => format!(
                        "the path has no parameter {name:?}; it has {}",
                        known.join(", ")
                    ),
                });
            }
        }
        self
    }

    /// Sets a query parameter, and replaces any earlier value of the parameter. The name and the value are escaped.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<QueryValue>) -> Self {
        if let Some(name) = self.query_name(name.into()) {
            self.call.set_query(name, value.into());
        }
        self
    }

    /// Adds a query parameter once for each of `values`, and replaces any earlier values of the parameter. [`RawRequest`] has an
    /// example.
    pub fn query_each<V: Into<QueryValue>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        if let Some(name) = self.query_name(name.into()) {
            self.call.clear_query(&name);
            for value in values {
                self.call.push_query(name.clone(), value.into());
            }
        }
        self
    }

    fn query_name(&mut self, name: String) -> Option<String> {
        if name.is_empty() {
            self.fault("a query parameter has no name");
        } else if name.eq_ignore_ascii_case("circle-token") {
            self.fault("the token must not be in the query, because queries end up in logs");
        } else {
            return Some(name);
        }
        None
    }

    /// Sets the name of the query parameter that carries the page token in requests for the next page of a list. The default is
    /// `page-token`, which is the name in API v2.
    ///
    /// The name may contain only letters, digits, `-` and `_`. The methods [`pages_as`](Self::pages_as),
    /// [`items_as`](Self::items_as) and [`tolerant_items_as`](Self::tolerant_items_as) use it. For a similar call, see the example
    /// of [`pages_by_offset`](Self::pages_by_offset).
    pub fn pages_by_token(self, parameter: &'static str) -> Self {
        self.by(Cursor::Token(parameter))
    }

    /// Makes lists request their next page by offset, as API v1.1 requires. `parameter` is the name of the query parameter that
    /// carries the number of items received so far. A list ends at the first empty page. To set the page size, set the API's own
    /// parameter, such as `limit`, with [`query`](Self::query).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::{path, query_param}};
    /// # let server = MockServer::start().await;
    /// # let answer = |json: &str| ResponseTemplate::new(200).set_body_raw(json, "application/json");
    /// # Mock::given(path("/api/v1.1/recent-builds")).and(query_param("offset", "2")).respond_with(answer("[]")).mount(&server).await;
    /// # Mock::given(path("/api/v1.1/recent-builds")).respond_with(answer(r#"[{"build_num":8},{"build_num":7}]"#)).mount(&server).await;
    /// # let circleci = circleci_api::Client::builder().host(server.uri()).token("abc").build()?;
    /// use circleci_api::{http::Method, serde_json::Value};
    ///
    /// let builds = circleci.request(Method::GET, "/recent-builds").root("/api/v1.1").query("limit", 2);
    /// let mut builds = builds.pages_by_offset("offset").items_as::<Value>();
    /// # let mut count = 0;
    /// while let Some(build) = builds.try_next().await? {
    ///     println!("{}", build["build_num"]);
    /// #   count += 1;
    /// }
    /// # assert_eq!(count, 2);
    /// # Ok(()) }
    /// ```
    pub fn pages_by_offset(self, parameter: &'static str) -> Self {
        self.by(Cursor::Offset(parameter))
    }

    fn by(mut self, cursor: Cursor) -> Self {
        let name = cursor.name();
        if !is_name(name) {
            self.fault("the name of the page parameter may have only letters, digits, `-` and `_`");
        } else if self.query_name(name.to_owned()).is_some() {
            self.cursor = cursor;
        }
        self
    }

    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Sets the JSON body.
    pub fn json<B: Serialize + ?Sized>(mut self, body: &B) -> Self {
        self.call.set_json(body);
        self
    }

    /// Sets whether sending the request twice has the same effect as sending it once. [`RawRequest`] describes the default and
    /// has an example.
    pub fn replay(mut self, class: Replay) -> Self {
        self.operation.replay = class;
        self
    }

    /// Sets options for this call only: its retry policy, replay, timeout and headers. [`RawRequest`] has an example.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.call.set_options(options);
        self
    }

    /// Sends the request. If the answer has an empty body, the result is [`Value::Null`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Request::send`](crate::Request::send).
    pub fn send(self) -> Sending<Value> {
        self.send_as()
    }

    /// Sends the request, and decodes the answer into a type of your choice, such as one of [`types`](crate::types). An empty
    /// body is read as `null`. Use `send_as::<Option<T>>()` or `send_as::<()>()` to accept it. [`RawRequest`] has an example.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Request::send`](crate::Request::send).
    pub fn send_as<T: DeserializeOwned>(self) -> Sending<T> {
        Sending::new(self.into_call(), body)
    }

    /// Sends the request and decodes the answer like [`send_as`](Self::send_as). Returns the body together with the status, the
    /// headers, the request id and the rate limit figures. [`RawRequest`] has an example.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Request::send`](crate::Request::send).
    pub fn send_for_response_as<T: DeserializeOwned>(self) -> Sending<Response<T>> {
        Sending::new(self.into_call(), |reply| {
            let body = body(reply)?;
            Ok(decode::with_response(reply, body))
        })
    }

    /// Sends the request, and returns the body unchanged, whatever its format.
    /// [`RawRequest`] has an example.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Request::send`](crate::Request::send), except for decoding errors.
    pub fn send_for_bytes(self) -> Sending<Response<Bytes>> {
        Sending::new(self.into_call(), |reply| {
            let body = std::mem::take(&mut reply.answer.body);
            Ok(decode::with_response(reply, body))
        })
    }

    pub(crate) fn into_call(mut self) -> Call {
        for (value, (name, _)) in self.values.iter_mut().zip(&self.operation.params) {
            match value.take() {
                Some(value) => self.call.push_path(value),
                None => {
                    let fault = format!("the path parameter {name} is missing");
                    self.operation.fault.get_or_insert(fault);
                }
            }
        }
        self.call.operation = Identity::Raw(Arc::new(self.operation));
        self.call
    }
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clone().into_call().fmt(f)
    }
}

/// Decodes the body of the answer. An empty body is decoded as `null` if the type accepts `null`.
fn body<T: DeserializeOwned>(reply: &mut Reply) -> Result<T, Error> {
    if reply.answer.body.iter().all(u8::is_ascii_whitespace)
        && let Ok(nothing) = serde_json::from_slice(b"null")
    {
        return Ok(nothing);
    }
    decode::json(reply)
}

/// Returns the names and kinds of a template's parameters, or the reason why the template is invalid.
fn params(template: &str) -> Result<Vec<(String, ParamKind)>, String> {
    let say = |why: &str| Err(format!("the path {why}"));
    if template.contains("://") {
        return say(
            "must be a path below the client's host, not a URL: start it with a slash, as in /project/{project-slug}",
        );
    }
    let Some(rest) = template.strip_prefix('/') else {
        return say("must start with a slash, as in /project/{project-slug}");
    };
    if template.contains('?') {
        return say("must not have a query: pass query parameters with `query`");
    }
    if template.contains('%') {
        return say(
            "must not have percent-encoding: write a parameter in braces and pass its value with `path`",
        );
    }
    let mut params: Vec<(String, ParamKind)> = Vec::new();
    // Some routes end with a slash, so one slash at the end is allowed.
    for segment in rest.strip_suffix('/').unwrap_or(rest).split('/') {
        if segment.contains(['{', '}']) {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            let Some(name) = name.filter(|it| is_name(it)) else {
                return say(
                    "has an invalid parameter: a parameter must be a whole segment in braces, and its name may have only letters, digits, `-` and `_`",
                );
            };
            if params.iter().any(|(known, _)| known == name) {
                return say("has two parameters with the same name");
            }
            params.push((name.to_owned(), kind(name)));
        } else if matches!(segment, "." | "..") {
            return say("must not have the segments `.` and `..`");
        } else if segment.is_empty() && !rest.is_empty() {
            return say("must not have empty segments");
        } else if !segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$'()*+,;=:@".contains(&b))
        {
            return say(
                "has a character that must be escaped: put a parameter in braces there, and pass its value with `path`",
            );
        }
    }
    Ok(params)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Returns the kind that a parameter of this name has in the crate's own operations. Only the kinds that keep slashes matter
/// here, so every other parameter is `Text`.
fn kind(name: &str) -> ParamKind {
    match name {
        "project-slug" => ParamKind::ProjectSlug,
        "org-slug" => ParamKind::OrgSlug,
        "org-slug-or-id" => ParamKind::OrgSlugOrId,
        _ => ParamKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_a_path_and_nothing_else() {
        for (template, expected) in [
            ("/me", Ok("")),
            ("/", Ok("")),
            ("/me/", Ok("")),
            ("/insights/v1.1/a~b:c@d", Ok("")),
            (
                "/project/{project-slug}/x/{a_B-9}",
                Ok("project-slug a_B-9"),
            ),
            ("", Err("start with a slash")),
            ("me", Err("start with a slash")),
            ("../me", Err("start with a slash")),
            ("https://evil.example/x", Err("not a URL")),
            ("//evil.example/x", Err("empty segments")),
            ("/a//b", Err("empty segments")),
            ("/a/b//", Err("empty segments")),
            ("/\\evil.example/x", Err("must be escaped")),
            ("/@evil.example", Ok("")),
            ("/../v1.1/me", Err("`.` and `..`")),
            ("/a/./b", Err("`.` and `..`")),
            ("/a/..", Err("`.` and `..`")),
            ("/a/%2e%2e/b", Err("percent-encoding")),
            ("/project/gh%2Facme%2Fweb", Err("percent-encoding")),
            ("/me?x=1", Err("query")),
            ("/me?circle-token=hush", Err("query")),
            ("/me#x", Err("must be escaped")),
            ("/a b", Err("must be escaped")),
            ("/ä", Err("must be escaped")),
            ("/a\r\nb", Err("must be escaped")),
            ("/a\0", Err("must be escaped")),
            ("/{", Err("whole segment")),
            ("/}", Err("whole segment")),
            ("/{}", Err("whole segment")),
            ("/{a}{b}", Err("whole segment")),
            ("/{a}.json", Err("whole segment")),
            ("/x{a}", Err("whole segment")),
            ("/{a b}", Err("whole segment")),
            ("/{{a}}", Err("whole segment")),
            ("/{a}/{a}", Err("same name")),
        ] {
            let names = params(template).map(|params| {
                let names: Vec<String> = params.into_iter().map(|(name, _)| name).collect();
                names.join(" ")
            });
            match (&names, expected) {
                (Ok(names), Ok(expected)) => assert_eq!(names, expected, "{template:?}"),
                (Err(why), Err(expected)) => {
                    assert!(why.contains(expected), "{template:?}: {why}");
                    assert!(!why.contains("hush"), "{why}");
                }
                _ => panic!("{template:?}: {names:?}"),
            }
        }
    }

    #[test]
    fn no_template_leaves_its_root() {
        // Tries every ASCII character in a template. If the template is accepted, the URL must have exactly this path below the
        // root, and no query.
        for c in (0..=127u8).map(char::from) {
            for template in [
                format!("/{c}"),
                format!("/a{c}b"),
                format!("/{c}/b"),
                format!("/..{c}/b"),
            ] {
                if !params(&template).is_ok_and(|params| params.is_empty()) {
                    continue;
                }
                let url = reqwest::Url::parse(&format!("http://h/api/v2{template}")).unwrap();
                assert_eq!(url.path(), format!("/api/v2{template}"));
                assert_eq!((url.query(), url.fragment()), (None, None), "{template:?}");
                assert_eq!(url.host_str(), Some("h"));
            }
        }
    }
}
