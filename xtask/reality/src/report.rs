//! Compares all recordings with the document and with the types of the client, and writes the contradictions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anyhow::Result;
use circleci_api::SurpriseKind;
use serde_json::Value;
use xtask::emit::escape::one_line;

use crate::judge::{Contradiction, Kind, judge};
use crate::operations;
use crate::recordings::{Asked, Recording};
use crate::types::{Reading, Types};

/// The result of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub recordings: usize,
    /// The number of skipped recordings: those whose response is not a success, or has no JSON body in the document.
    pub passed_over: usize,
    pub contradictions: Vec<Found>,
    /// The calls that the document does not have. Each key is a call, and its value is the set of recordings that contain the
    /// call.
    pub unknown_calls: BTreeMap<String, BTreeSet<String>>,
}

/// A contradiction, with all recordings that show it.
#[derive(Clone, Debug)]
pub struct Found {
    pub operation: String,
    pub contradiction: Contradiction,
    /// How the client's types read the value.
    pub types: String,
    pub sources: BTreeSet<String>,
}

/// Compares recordings with a document and with the types of the client.
///
/// # Errors
///
/// Fails if the local server cannot be started.
pub async fn run(document: &Value, recordings: &[Recording]) -> Result<Report> {
    let operations = operations::all(document);
    let types = Types::start().await?;
    let mut report = Report {
        recordings: recordings.len(),
        ..Report::default()
    };
    for recording in recordings {
        let success = recording
            .status
            .is_none_or(|status| (200..300).contains(&status));
        let Some(operation) = operations::find(&operations, &recording.asked) else {
            let call = match &recording.asked {
                Asked::Operation(id) => id.clone(),
                Asked::Request(method, url) => {
                    format!("{method} {}", url.split(['?', '#']).next().unwrap_or(url))
                }
            };
            let sources = report.unknown_calls.entry(call).or_default();
            sources.insert(recording.source.clone());
            continue;
        };
        let Some(schema) = operation.schema(recording.status).filter(|_| success) else {
            report.passed_over += 1;
            continue;
        };
        let status = recording.status.unwrap_or(200);
        let reading = types.read(operation.id, status, &recording.body).await;
        let found = match serde_json::from_slice(&recording.body) {
            Ok(body) => judge(document, operation.id, schema, &body),
            Err(_) => vec![Contradiction {
                kind: Kind::NotJson,
                path: String::new(),
                actions: Vec::new(),
            }],
        };
        report.take(operation.id, recording, found, reading.unwrap_or_default());
    }
    Ok(report)
}

impl Report {
    fn take(
        &mut self,
        operation: &str,
        recording: &Recording,
        mut found: Vec<Contradiction>,
        reading: Reading,
    ) {
        // Adds the values that the document allows but the types reject.
        for (path, kind) in &reading.surprises {
            let known = found
                .iter()
                .any(|it| holds(path, &it.path) || it.kind == Kind::NotJson);
            if !known && *kind != SurpriseKind::MissingField {
                found.push(Contradiction {
                    kind: Kind::Types,
                    path: path.clone(),
                    actions: Vec::new(),
                });
            }
        }
        if found.is_empty() && reading.error.is_some() {
            found.push(Contradiction {
                kind: Kind::Types,
                path: String::new(),
                actions: Vec::new(),
            });
        }
        for contradiction in found {
            let types = taken(&contradiction, &reading);
            self.add(operation, contradiction, types, &recording.source);
        }
    }

    /// Adds a contradiction. Contradictions that need the same correction in the same place are reported only once.
    fn add(&mut self, operation: &str, contradiction: Contradiction, types: String, source: &str) {
        let place = |it: &Contradiction| match it.actions.as_slice() {
            [] => (
                it.kind,
                format!("{operation} {}", anywhere(&it.path)),
                Value::Null,
            ),
            actions => {
                let targets = actions.iter().map(|action| action["target"].to_string());
                let update = actions.last().map(|action| action["update"].clone());
                (it.kind, targets.collect(), update.unwrap_or_default())
            }
        };
        let known = self
            .contradictions
            .iter_mut()
            .find(|found| place(&found.contradiction) == place(&contradiction));
        match known {
            Some(found) => {
                found.sources.insert(source.to_owned());
            }
            None => self.contradictions.push(Found {
                operation: operation.to_owned(),
                contradiction,
                types,
                sources: [source.to_owned()].into_iter().collect(),
            }),
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// Fails if writing to `page` fails.
    pub fn write(&self, page: &mut dyn Write) -> Result<()> {
        for found in &self.contradictions {
            let Contradiction {
                kind,
                path,
                actions,
            } = &found.contradiction;
            let path = if path.is_empty() { "the body" } else { path };
            writeln!(page, "{}: {}: {kind}", found.operation, one_line(path))?;
            writeln!(page, "    the client: {}", one_line(&found.types))?;
            writeln!(page, "    seen in {}", listed(&found.sources))?;
            match actions.is_empty() {
                true => writeln!(page, "    no overlay action resolves it")?,
                false => write_actions(actions, page)?,
            }
            writeln!(page)?;
        }
        for (call, sources) in &self.unknown_calls {
            writeln!(
                page,
                "{}: not in the document (seen in {})",
                one_line(call),
                listed(sources)
            )?;
        }
        writeln!(
            page,
            "{} recordings, {} of them skipped (no success, or no body); {} contradictions; {} calls that are not in the document",
            self.recordings,
            self.passed_over,
            self.contradictions.len(),
            self.unknown_calls.len()
        )?;
        Ok(())
    }
}

/// Writes the actions in the format of `openapi/overlay.yaml`.
fn write_actions(actions: &[Value], page: &mut dyn Write) -> Result<()> {
    for line in serde_yaml_ng::to_string(actions)?.lines() {
        writeln!(page, "  {line}")?;
    }
    Ok(())
}

fn listed(sources: &BTreeSet<String>) -> String {
    let mut names: Vec<&str> = sources.iter().take(3).map(String::as_str).collect();
    let more = format!("{} more", sources.len().saturating_sub(names.len()));
    if sources.len() > names.len() {
        names.push(&more);
    }
    one_line(&names.join(", "))
}

/// Returns a path without its list indexes: `items[0].id` becomes `items[].id`.
fn anywhere(path: &str) -> String {
    let mut plain = String::new();
    for (index, part) in path.split('[').enumerate() {
        match part.split_once(']').filter(|_| index > 0) {
            Some((_, rest)) => {
                plain.push_str("[]");
                plain.push_str(rest);
            }
            None => plain.push_str(part),
        }
    }
    plain
}

/// Checks whether `outer` is `inner` or contains it. The client may drop a whole object because of one invalid value in it.
fn holds(outer: &str, inner: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn taken(contradiction: &Contradiction, reading: &Reading) -> String {
    let met = reading
        .surprises
        .iter()
        .find(|(path, _)| holds(path, &contradiction.path));
    match (met, &reading.error) {
        (_, Some(error)) => format!("cannot read the response ({error})"),
        (Some((_, SurpriseKind::UnknownKey)), _) => "keeps it in `extra()`".to_owned(),
        (Some((_, SurpriseKind::UnknownWord)), _) => "reads it as `Unknown`".to_owned(),
        (Some((_, SurpriseKind::MendedValue)), _) => {
            "reads it as absent, and keeps it in `extra()`".to_owned()
        }
        (Some((_, SurpriseKind::MissingField)), _) => "reads it as absent".to_owned(),
        (Some((_, kind)), _) => kind.to_string(),
        (None, None) => "reads it".to_owned(),
    }
}

/// Writes the report to a stream that the reader may close early, such as a pipe into `head`.
///
/// # Errors
///
/// Fails if writing fails for any reason other than a closed pipe.
pub fn print(report: &Report, out: &mut dyn Write) -> Result<()> {
    match report.write(out) {
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        result => result,
    }
}
