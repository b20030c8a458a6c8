//! Writes search aliases: other words by which rustdoc's search finds an operation.

use super::model::Operation;

/// Returns the `#[doc(alias)]` attributes for an operation.
pub fn attributes(operation: &Operation<'_>, indent: &str) -> String {
    let id = operation.source.id().to_lowercase();
    let path = operation.source.path;
    let found = ALIASES
        .iter()
        .filter(|(part, _)| id.contains(part) || path.contains(part));
    let mut words: Vec<&str> = found.flat_map(|(_, words)| words.iter().copied()).collect();
    words.sort_unstable();
    words.dedup();
    words
        .iter()
        .map(|word| format!("{indent}#[doc(alias = {word:?})]\n"))
        .collect()
}

/// The aliases for operations. Each row contains a part of the operationId (in lower case) or of the path, and the aliases for
/// the operations that contain this part.
const ALIASES: [(&str, &[&str]); 19] = [
    ("artifact", &["artifacts", "download"]),
    ("rerun", &["rerun", "retry", "restart"]),
    ("envvar", &["env var", "environment variable", "secret"]),
    (
        "environmentvariable",
        &["env var", "environment variable", "secret"],
    ),
    ("/insights/", &["insights", "metrics"]),
    (
        "metrics",
        &["p95", "p50", "duration", "success rate", "credits"],
    ),
    ("flaky", &["flaky"]),
    ("jobtests", &["junit", "test results"]),
    ("testmetrics", &["junit", "test results"]),
    ("approve", &["approval", "hold"]),
    ("cancel", &["abort", "stop"]),
    ("triggerpipeline", &["start", "run", "build"]),
    ("unapprove", &["approval", "hold"]),
    ("checkoutkey", &["deploy key", "ssh key"]),
    ("usage", &["cost", "credits", "billing"]),
    ("schedule", &["cron", "nightly"]),
    ("otel", &["opentelemetry"]),
    ("getcurrentuser", &["me", "whoami"]),
    ("claims", &["oidc"]),
];
