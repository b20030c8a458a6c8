//! What came.

use std::fmt;

use http::Method;
use serde_json::Value;

use super::route::is_name;
use crate::operation::Operation;
use crate::values::slug::ProjectSlug;

/// How much of a body a failed assertion shows.
const SHOWN: usize = 300;

/// A request as it came, taken apart. Its credential is not kept.
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
    /// Which operation it is for; `None` if the API has no such.
    pub operation: Option<&'static Operation>,
    /// `GET`.
    pub method: Method,
    /// Path and query as they were sent.
    pub target: String,
    /// The query's parameters by name, decoded, in the order in which they were sent.
    pub query: Vec<(String, String)>,
    /// The body, as it was sent.
    pub body: Vec<u8>,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) json: Option<Value>,
}

impl Received {
    /// A parameter of the path by its name in the [template](Operation::path), decoded: `gh/acme/web`, however it was escaped.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| is_name(known, name))
            .map(|(_, value)| value.as_str())
    }

    /// The slug of the project, whether it is one parameter of the path or three.
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

    /// Whether it is about this project, in whichever form its slug came.
    pub(super) fn is_of(&self, project: &ProjectSlug) -> bool {
        let slug = self.project().and_then(|slug| slug.parse().ok());
        slug.is_some_and(|slug: ProjectSlug| slug == *project)
    }

    /// The first value of a parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| is_name(known, name))
            .map(|(_, value)| value.as_str())
    }

    /// The body, where it is JSON.
    pub fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }
}

/// `listContexts: GET /api/v2/context?owner-slug=gh%2Facme`, and the body behind it.
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

/// For the message of an assertion.
pub(super) fn list(received: &[Received]) -> String {
    if received.is_empty() {
        return "nothing came".to_owned();
    }
    let lines = received
        .iter()
        .enumerate()
        .map(|(index, it)| format!("\n  {}. {it}", index + 1));
    format!("what came:{}", lines.collect::<String>())
}

pub(super) fn times(count: usize) -> String {
    if count == 1 {
        "1 request".to_owned()
    } else {
        format!("{count} requests")
    }
}

pub(super) fn were(count: usize) -> String {
    match count {
        0 => "was none".to_owned(),
        1 => "was 1".to_owned(),
        _ => format!("were {count}"),
    }
}
