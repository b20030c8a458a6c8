//! Lists everything in the responses that this crate does not know, by operation, path and kind.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use circleci_api::{ClientBuilder, Surprise, SurpriseKind};

/// How often each finding occurred. A finding is an operation, a path and a kind.
type Counts = BTreeMap<(String, String, &'static str), usize>;

/// The surprises that a client has reported.
#[derive(Clone, Default)]
pub struct Findings(Arc<Mutex<Counts>>);

impl Findings {
    /// Makes the builder record the surprises of the client that it builds.
    pub fn listen(&self, builder: ClientBuilder) -> ClientBuilder {
        let findings = self.clone();
        builder.on_surprise(move |surprise| findings.note(surprise))
    }

    fn note(&self, surprise: &Surprise) {
        // On the last page of a list, CircleCI often omits this key and often sends null. This crate reads both forms.
        if surprise.kind() == SurpriseKind::MissingField && surprise.path() == "next_page_token" {
            return;
        }
        let place = place(surprise.path());
        let finding = (
            surprise.operation().to_owned(),
            place,
            surprise.kind().as_str(),
        );
        if let Ok(mut counts) = self.0.lock() {
            *counts.entry(finding).or_default() += 1;
        }
    }

    /// Writes the findings. Returns `true` if there are none.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<bool> {
        let Ok(counts) = self.0.lock() else {
            return Ok(false);
        };
        writeln!(out)?;
        if counts.is_empty() {
            writeln!(out, "This crate knows everything in the responses.")?;
            return Ok(true);
        }
        writeln!(
            out,
            "This crate does not know the following. Please report it:"
        )?;
        for ((operation, place, kind), count) in counts.iter() {
            let place = if place.is_empty() {
                "the whole response"
            } else {
                place
            };
            let often = if *count > 1 {
                format!(" ({count} times)")
            } else {
                String::new()
            };
            writeln!(out, "  {operation}: {place}: {kind}{often}")?;
        }
        Ok(false)
    }
}

/// Removes the parts of a path that may be private values: the indexes of items, and keys that are ids or names.
fn place(path: &str) -> String {
    let parts = path.split('.').map(|part| {
        let (key, rest) = part.split_once('[').unwrap_or((part, ""));
        let depth = rest.matches('[').count() + usize::from(part.contains('['));
        let plain = key.len() <= 40
            && key
                .chars()
                .all(|c| c.is_ascii_lowercase() || "_-".contains(c));
        let key = if plain { key } else { "<key>" };
        format!("{key}{}", "[]".repeat(depth))
    });
    parts.collect::<Vec<_>>().join(".")
}
