//! The requests that a mock received.

use std::fmt;

use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::route::{self, Params, is_name};
use crate::operation::Operation;
use crate::values::slug::ProjectSlug;

/// The path prefix of the files that the mock stores. A request for a file is not an API request and needs no token.
pub(super) const FILES: &str = "/files/";

/// The project that default answers contain if the request names no project.
const DEFAULT_PROJECT: &str = "gh/CircleCI-Public/api-preview-docs";

/// The maximum number of characters that the message of a failed assertion shows of a request body.
const SHOWN: usize = 300;

/// A request that a mock received, without its credentials.
///
/// ```
/// # use circleci_api::{mock::Mock, serde_json::json, types::CreateEnvVarRequest};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// circleci.list_contexts().owner_slug("gh/acme").send().await?;
/// circleci.create_env_var("gh/acme/web", CreateEnvVarRequest::new("NEW", "1")).send().await?;
/// circleci.get_env_var("gh/acme/web", "NEW").send().await?;
///
/// let received = server.received();
/// assert_eq!(received[0].query("owner-slug"), Some("gh/acme"));
/// assert_eq!(received[0].to_string(), "listContexts: GET /api/v2/context?owner-slug=gh%2Facme");
/// assert_eq!(received[1].json(), Some(&json!({ "name": "NEW", "value": "1" })));
/// assert_eq!(received[2].project().as_deref(), Some("gh/acme/web"));
/// assert_eq!(received[2].path("name"), Some("NEW"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// The operation that matches the method and the path, or `None` if the API has no such operation.
    pub operation: Option<&'static Operation>,
    /// The HTTP method.
    pub method: Method,
    /// The path and the query, exactly as they were sent.
    pub target: String,
    /// The names and the decoded values of the query parameters, in the order in which they were sent.
    pub query: Vec<(String, String)>,
    /// The headers, without credentials.
    pub headers: HeaderMap,
    /// The body, exactly as it was sent.
    pub body: Vec<u8>,
    pub(super) params: Params,
    pub(super) json: Option<Value>,
    /// The value of the `Host` header: the address under which the client reached the server.
    pub(super) host: String,
}

impl Received {
    /// Creates the record of a request. `target` is the path and the query, exactly as they were sent.
    pub(super) fn new(
        method: Method,
        target: String,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Self {
        for secret in [
            "circle-token",
            "authorization",
            "proxy-authorization",
            "cookie",
        ] {
            headers.remove(secret);
        }
        let host = headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.to_owned();
        let target = without_credential(&target);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let found = route::find(&method, path);
        let (operation, params) = found.map_or((None, Params::new()), |(operation, params)| {
            (Some(operation), params)
        });
        Self {
            operation,
            query: query_pairs(query),
            method,
            params,
            json: serde_json::from_slice(&body).ok(),
            body,
            headers,
            host,
            target,
        }
    }

    /// Returns the path without the query.
    pub(super) fn plain_path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns a copy of the request with `params` as its path parameters, which come from another path template.
    pub(super) fn with_params(&self, params: &Params) -> Self {
        Self {
            params: params.clone(),
            ..self.clone()
        }
    }

    /// Returns the decoded value of a path parameter. `name` is the parameter's name in the [path template](Operation::path). A
    /// slug always has the form `gh/acme/web`, no matter how the client escaped it.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| is_name(known, name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the project slug. The path contains the slug as one parameter, or as three (provider, organization and project).
    pub fn project(&self) -> Option<String> {
        let parts = || {
            Some(format!(
                "{}/{}/{}",
                self.path("provider")?,
                self.path("organization")?,
                self.path("project")?
            ))
        };
        self.path("project-slug").map(str::to_owned).or_else(parts)
    }

    /// Returns the value that replaces the placeholder `name` in a default answer.
    pub(super) fn value_of(&self, name: &str) -> Option<String> {
        if let Some(key) = name.strip_prefix("body.") {
            let value = self.json()?.get(key)?;
            return value.as_str().map(str::to_owned);
        }
        let project = || {
            let slug = self.project().filter(|slug| slug.contains('/'));
            slug.unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
        };
        let part = |index: usize| project().split('/').nth(index).map(str::to_owned);
        let (hosting, site) = match part(0).as_deref() {
            Some("bb" | "bitbucket") => ("Bitbucket", "https://bitbucket.org"),
            Some("circleci" | "gitlab") => ("CircleCI", "//circleci.com"),
            _ => ("GitHub", "https://github.com"),
        };
        match name {
            "project-slug" => Some(project()),
            "org-slug" => Some(self.organization().unwrap_or_else(|| {
                let project = project();
                project
                    .rsplit_once('/')
                    .map_or(project.clone(), |(it, _)| it.to_owned())
            })),
            "organization" => part(1),
            "project" => part(2),
            "provider-name" => Some(hosting.to_owned()),
            "repository" => Some(format!("{site}/{}/{}", part(1)?, part(2)?)),
            "branch" => Some(self.query("branch").unwrap_or("main").to_owned()),
            "files" if self.host.is_empty() => Some("https://example.com/".to_owned()),
            "files" => Some(format!("http://{}{FILES}", self.host)),
            name => self.path(name).map(str::to_owned),
        }
    }

    /// Returns the slug of the organization that the path or the query names.
    fn organization(&self) -> Option<String> {
        let named = ["org-slug", "org-slug-or-id"]
            .iter()
            .find_map(|it| self.path(it));
        let asked = || {
            ["org-slug", "owner-slug"]
                .iter()
                .find_map(|it| self.query(it))
        };
        let slug = named.filter(|slug| slug.contains('/')).or_else(asked);
        slug.map(str::to_owned)
    }

    /// Checks whether the request is about this project. The slug in the request may have any valid form.
    pub(super) fn is_of(&self, project: &ProjectSlug) -> bool {
        let slug = self.project().and_then(|slug| slug.parse().ok());
        slug.is_some_and(|slug: ProjectSlug| slug == *project)
    }

    /// Returns the decoded value of a query parameter. If the parameter occurs several times, returns its first value.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| is_name(known, name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the body as JSON, or `None` if it is not valid JSON.
    pub fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }
}

/// Writes the request's operation, method and target, such as `listContexts: GET /api/v2/context?owner-slug=gh%2Facme`, and then
/// the start of the body.
impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self
            .operation
            .map_or("no operation", |operation| operation.id);
        write!(f, "{operation}: {} {}", self.method, self.target)?;
        if !self.body.is_empty() {
            let body: String = String::from_utf8_lossy(&self.body)
                .chars()
                .take(SHOWN)
                .collect();
            write!(f, " {body}")?;
        }
        Ok(())
    }
}

/// Lists the received requests for the message of a failed assertion.
pub(super) fn list(received: &[Received]) -> String {
    if received.is_empty() {
        return "no requests arrived".to_owned();
    }
    let lines = received
        .iter()
        .enumerate()
        .map(|(index, it)| format!("\n  {}. {it}", index + 1));
    format!("all requests:{}", lines.collect::<String>())
}

pub(super) fn requests(count: usize) -> String {
    match count {
        0 => "no request".to_owned(),
        1 => "1 request".to_owned(),
        _ => format!("{count} requests"),
    }
}

/// Returns the parameters of a query, decoded as `application/x-www-form-urlencoded`.
fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Removes the deprecated credential `circle-token` from the query.
fn without_credential(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let is_credential = |pair: &&str| pair.split('=').next() == Some("circle-token");
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !is_credential(pair))
        .collect();
    match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    }
}
