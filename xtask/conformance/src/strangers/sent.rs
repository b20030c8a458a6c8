//! Compares the requests of other clients with the requests that this crate sends for the same operations.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::Result;
use circleci_api::mock::{Mock, Received};
use circleci_api_tests::calls;

use super::client::Client;

/// Known differences, with the reason for each. A difference that no longer occurs is an error.
const EXPLAINED: [(&str, &str); 4] = [
    (
        "they send `content-length: 0` without a body",
        "a DELETE has no body, and HTTP asks for a length only for methods that usually have a body; this crate sends it for POST, PUT and PATCH",
    ),
    (
        "they send the key config.content in the body",
        "`PipelineRunConfig` supports this key, but the calls of this crate in this comparison name a branch",
    ),
    (
        "they send `content-type: application/json` without a body",
        "the header describes a body, but the request has none",
    ),
    (
        "they send the key owner.slug in the body",
        "an owner is named by its id or its slug; the calls of this crate in this comparison use the id, but `ContextOwner` supports both",
    ),
];

/// Headers that describe the client, its connection or its formats. They do not affect the operation.
const OF_THE_CLIENT: [&str; 12] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "content-type",
    "host",
    "sec-fetch-mode",
    "traceparent",
    "user-agent",
    "transfer-encoding",
    "priority",
];

/// The parts of all requests for one operation, merged into sets.
#[derive(Debug, Default)]
struct Shape {
    queries: BTreeSet<String>,
    keys: BTreeSet<String>,
    headers: BTreeSet<String>,
    /// The values of `content-length` and `content-type` of requests without a body.
    without_body: BTreeSet<String>,
    slug: BTreeSet<Slug>,
}

/// The ways to write a project in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slug {
    Literal,
    Escaped,
    Id,
}

/// The merged requests of each operation.
#[derive(Debug, Default)]
pub struct Requests(BTreeMap<&'static str, Shape>);

/// The merged requests of each client.
#[derive(Debug, Default)]
pub struct Sent {
    clients: BTreeMap<Client, Requests>,
    /// The method and path of each request outside API v2.
    beside: BTreeSet<String>,
}

/// The differences between the requests, each with the operations and the clients that show it.
pub struct Differences {
    lines: BTreeMap<String, BTreeSet<String>>,
    beside: BTreeSet<String>,
    operations: usize,
}

impl Requests {
    fn add(&mut self, request: &Received) {
        let Some(operation) = request.operation else {
            return;
        };
        let shape = self.0.entry(operation.id).or_default();
        shape
            .queries
            .extend(request.query.iter().map(|(name, _)| name.clone()));
        let body = request.json().and_then(|body| body.as_object());
        for (key, value) in body.into_iter().flatten() {
            shape.keys.insert(key.clone());
            let below = value.as_object().into_iter().flatten();
            // The keys inside these objects are not compared, because the caller chooses them.
            if key != "parameters" && key != "policies" && key != "headers" && key != "metadata" {
                shape
                    .keys
                    .extend(below.map(|(name, _)| format!("{key}.{name}")));
            }
        }
        let names = request.headers.keys().map(|name| name.as_str());
        let names = names.filter(|name| !OF_THE_CLIENT.contains(name));
        shape.headers.extend(names.map(str::to_owned));
        if request.body.is_empty() {
            for name in ["content-length", "content-type"] {
                if let Some(value) = request.headers.get(name).and_then(|it| it.to_str().ok()) {
                    shape.without_body.insert(format!("{name}: {value}"));
                }
            }
        }
        shape.slug.extend(slug(request));
    }
}

fn slug(request: &Received) -> Option<Slug> {
    let project = request.path("project-slug")?;
    if !project.contains('/') {
        return Some(Slug::Id);
    }
    // A `%2F` in the target may belong to another parameter. The check therefore looks for the provider, which is a path
    // segment of its own only if the slug is not escaped.
    let provider = project.split('/').next();
    let literal = request.target.split('/').any(|part| Some(part) == provider);
    Some(if literal {
        Slug::Literal
    } else {
        Slug::Escaped
    })
}

/// Returns the requests of this crate. Each operation is called with only the required values, and then with all values.
pub async fn ours() -> Result<Requests> {
    let mock = Mock::start_on((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let client = mock.client_builder().no_retries().build()?;
    for call in calls::all() {
        for function in [call.least, call.most] {
            // Only the request matters here, and not the response.
            drop(function(&client).await);
        }
    }
    for (_, function) in calls::token_only() {
        drop(function(&client).await);
    }
    let mut requests = Requests::default();
    mock.received()
        .iter()
        .for_each(|request| requests.add(request));
    Ok(requests)
}

impl Sent {
    pub fn add(&mut self, client: Client, received: &[Received]) {
        let requests = self.clients.entry(client).or_default();
        for request in received {
            requests.add(request);
            if request.operation.is_none() {
                let path = request.target.split('?').next().unwrap_or_default();
                let parts = path.split('/').map(|part| {
                    match part.bytes().any(|byte| byte.is_ascii_digit()) && part.len() > 4
                        || part.parse::<u64>().is_ok()
                    {
                        true => "{id}",
                        false => part,
                    }
                });
                self.beside.insert(format!(
                    "{} {}",
                    request.method,
                    parts.collect::<Vec<_>>().join("/")
                ));
            }
        }
    }

    /// Compares the requests of the other clients with those of this crate.
    pub fn compare(&self, ours: &Requests) -> Differences {
        let mut lines: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut operations = BTreeSet::new();
        for (client, requests) in &self.clients {
            for (id, theirs) in &requests.0 {
                operations.insert(*id);
                let empty = Shape::default();
                let ours = ours.0.get(id).unwrap_or(&empty);
                for difference in differences(theirs, ours) {
                    let seen = format!("{id} ({})", client.name());
                    lines.entry(difference).or_default().insert(seen);
                }
            }
        }
        Differences {
            lines,
            beside: self.beside.clone(),
            operations: operations.len(),
        }
    }
}

fn differences(theirs: &Shape, ours: &Shape) -> Vec<String> {
    let mut found = Vec::new();
    let more = |theirs: &BTreeSet<String>, ours: &BTreeSet<String>| -> Vec<String> {
        theirs.difference(ours).cloned().collect()
    };
    found.extend(
        more(&theirs.queries, &ours.queries)
            .into_iter()
            .map(|name| format!("they send the query parameter {name}")),
    );
    found.extend(
        more(&theirs.keys, &ours.keys)
            .into_iter()
            .map(|key| format!("they send the key {key} in the body")),
    );
    found.extend(
        more(&theirs.headers, &ours.headers)
            .into_iter()
            .map(|name| format!("they send the header {name}")),
    );
    found.extend(
        more(&theirs.without_body, &ours.without_body)
            .into_iter()
            .map(|line| format!("they send `{line}` without a body")),
    );
    found.extend(
        more(&ours.without_body, &theirs.without_body)
            .into_iter()
            .map(|line| format!("we send `{line}` without a body")),
    );
    found.extend(theirs.slug.difference(&ours.slug).map(|slug| match slug {
        Slug::Literal => "they write the slashes of a project's slug as they are".to_owned(),
        Slug::Escaped => "they escape the slashes of a project's slug".to_owned(),
        Slug::Id => "they name a project by its id".to_owned(),
    }));
    found
}

impl Differences {
    /// Returns the differences.
    pub fn lines(&self) -> Vec<&str> {
        self.lines.keys().map(String::as_str).collect()
    }

    /// Prints the differences. Returns `true` if every difference has an explanation and every explanation belongs to a
    /// difference.
    pub fn write(&self, out: &mut impl Write) -> Result<bool> {
        writeln!(
            out,
            "\ndifferences between their requests and this crate's, for {} operations:",
            self.operations
        )?;
        let mut good = true;
        for (line, seen) in &self.lines {
            let known = EXPLAINED.iter().find(|(known, _)| known == line);
            let why = known.map_or("NOT EXPLAINED", |(_, why)| why);
            good &= known.is_some();
            let first: Vec<&str> = seen.iter().take(3).map(String::as_str).collect();
            writeln!(
                out,
                "  {line}: {why}\n      {} times, as in {}",
                seen.len(),
                first.join(", ")
            )?;
        }
        if self.lines.is_empty() {
            writeln!(out, "  no difference")?;
        }
        let needed = |known: &str| self.lines.contains_key(known);
        for (line, _) in EXPLAINED.iter().filter(|(line, _)| !needed(line)) {
            writeln!(out, "  {line}: no longer true: remove its explanation")?;
            good = false;
        }
        writeln!(out, "requests outside API v2:")?;
        for line in &self.beside {
            writeln!(out, "  {line}")?;
        }
        Ok(good)
    }
}
