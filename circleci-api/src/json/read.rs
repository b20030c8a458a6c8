//! Reads a value from bytes: strictly if possible, otherwise with mending.
//!
//! The first read is an ordinary one. Only if it fails, a second read mends the text, and a third, careful read mends
//! optional values of the wrong form.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::json::careful::Careful;
use crate::json::notes::{self, Finding, Mode};
use crate::json::surprise::SurpriseKind;
use crate::json::text;

/// Why JSON could not be read.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The error of the deserializer.
    pub(crate) error: serde_json::Error,
    /// The position in the JSON, such as `items[3].id`.
    pub(crate) path: Option<String>,
    /// What the body contains instead, if that is known.
    pub(crate) instead: Option<Instead>,
}

/// What the body contains instead of the expected JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// Nothing, or only white space.
    Empty,
    /// A known format, such as `an HTML page`.
    Named(&'static str),
    /// The beginning of a body.
    CutOff,
    /// The beginning of a body, followed by an error report.
    CutOffBy(String),
    /// Only a message.
    Message(String),
}

/// Reads a value, with mending if needed.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(json).or_else(|error| mended(json, error, &mut Vec::new()))
}

/// Reads a value from parsed JSON, with mending if needed.
#[cfg(feature = "webhooks")]
pub(crate) fn from_value<T: DeserializeOwned>(json: &Value) -> Result<T, Fault> {
    carefully(json, Mode::Mend, &mut Vec::new()).map_err(|(error, path)| Fault {
        error,
        path,
        instead: None,
    })
}

/// Reads a value again after a failed read, and adds differences to `findings`. `error` is the error of the failed read.
#[cold]
#[inline(never)]
pub(crate) fn mended<T: DeserializeOwned>(
    json: &[u8],
    error: serde_json::Error,
    findings: &mut Vec<Finding>,
) -> Result<T, Fault> {
    let text = text::mended(json);
    if text.is_some() {
        findings.push(Finding {
            kind: SurpriseKind::MendedText,
            path: String::new(),
        });
    }
    let (mended, error) = match &text {
        Some(text) => match serde_json::from_str(text) {
            Ok(value) => {
                survey::<T>(text.as_bytes(), findings);
                return Ok(value);
            }
            Err(error) => (text.as_bytes(), error),
        },
        None => (json, error),
    };
    let value: Value = match serde_json::from_slice(mended) {
        Ok(value) => value,
        Err(syntax) => {
            let instead = compressed(json)
                .map(Instead::Named)
                .or_else(|| not_json(mended, &syntax));
            let (path, error) = locate::<T>(mended, error);
            return Err(Fault {
                error,
                path: path.filter(|_| instead.is_none()),
                instead,
            });
        }
    };
    carefully(&value, Mode::Mend, findings).map_err(|(careful, place)| {
        let (path, error) = locate::<T>(mended, error);
        // The careful read has skipped what it could mend, and reports what it could not.
        let (path, error) = match place {
            Some(place) if path.as_ref() != Some(&place) => (Some(place), careful),
            _ => (path, error),
        };
        let instead = message_only(&value).map(Instead::Message);
        Fault {
            error,
            path,
            instead,
        }
    })
}

/// Adds to `findings` all differences from the type, in JSON that was already read as that type.
#[cold]
#[inline(never)]
pub(crate) fn survey<T: DeserializeOwned>(json: &[u8], findings: &mut Vec<Finding>) {
    if let Ok(value) = serde_json::from_slice(json) {
        // The result does not matter: the value was already read.
        let _ = carefully::<T>(&value, Mode::Mend, findings);
    }
}

/// The message of a body that contains nothing else, if the type does not expect one.
#[cold]
#[inline(never)]
pub(crate) fn unexpected_message<T: DeserializeOwned>(json: &[u8]) -> Option<String> {
    let value = serde_json::from_slice(json).ok()?;
    let message = message_only(&value)?;
    let mut findings = Vec::new();
    let _ = carefully::<T>(&value, Mode::Strict, &mut findings);
    let known = findings.iter().all(|finding| {
        finding.kind != SurpriseKind::UnknownKey
            || !["message", "error"].contains(&finding.path.as_str())
    });
    (!known).then_some(message)
}

/// Whether an object begins with a key of an error message.
pub(crate) fn begins_like_a_message(json: &[u8]) -> bool {
    let Some(rest) = json.trim_ascii_start().strip_prefix(b"{") else {
        return false;
    };
    let rest = rest.trim_ascii_start();
    MESSAGE_KEYS.iter().any(|key| {
        rest.strip_prefix(b"\"")
            .and_then(|rest| rest.strip_prefix(key.as_bytes()))
            .is_some_and(|rest| rest.starts_with(b"\""))
    })
}

/// A value of a type that has only a message, instead of an empty body.
#[cold]
#[inline(never)]
pub(crate) fn empty_message<T: DeserializeOwned>() -> Option<T> {
    let empty = Value::Object(Map::new());
    let (value, noted) = notes::take(Mode::OnlyMessage, || T::deserialize(Careful(&empty)));
    value.ok().filter(|_| noted.only_message)
}

fn carefully<T: DeserializeOwned>(
    value: &Value,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> Result<T, (serde_json::Error, Option<String>)> {
    let (result, noted) = notes::take(mode, || T::deserialize(Careful(value)));
    let mut known: BTreeSet<(SurpriseKind, String)> = BTreeSet::new();
    findings.extend(
        noted
            .findings
            .into_iter()
            .filter(|finding| known.insert((finding.kind, finding.path.clone()))),
    );
    result.map_err(|error| (error, noted.fault))
}

/// Decodes again, with the path. It is used only after a failure, because it takes several times as long.
#[cold]
pub(crate) fn locate<T: DeserializeOwned>(
    json: &[u8],
    error: serde_json::Error,
) -> (Option<String>, serde_json::Error) {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // The error was in the data after the document.
        Ok(_) => (None, error),
        Err(located) => {
            let path = located.path().to_string();
            let path = (path != "." && path != "?").then_some(path);
            (path, located.into_inner())
        }
    }
}

/// The formats, by their first bytes.
fn compressed(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x1f, 0x8b, ..] => Some("compressed with gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("compressed with zstd"),
        _ => None,
    }
}

/// The format of a body that is not JSON.
fn not_json(body: &[u8], syntax: &serde_json::Error) -> Option<Instead> {
    let text = body.trim_ascii_start();
    match text {
        [] => return Some(Instead::Empty),
        [b'<', ..] if begins_with(text, b"<?xml") => {
            return Some(Instead::Named("an XML document"));
        }
        [b'<', ..] => return Some(Instead::Named("an HTML page")),
        [b'{' | b'[', ..] => {}
        _ => return None,
    }
    match appended(text) {
        Some(report) => Some(Instead::CutOffBy(report)),
        None if syntax.is_eof() => Some(Instead::CutOff),
        None => None,
    }
}

fn begins_with(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The largest distance of a report from the end of a body.
const REPORT: usize = 8 * 1024;
/// The number of positions that are tried as its start.
const PLACES: usize = 64;

/// The error report after an incomplete body: an object with only a message, or an HTML page.
fn appended(text: &[u8]) -> Option<String> {
    let tail = text.len().saturating_sub(REPORT).max(1);
    let places = (tail..text.len()).rev();
    let braces = places.filter(|at| text[*at] == b'{').take(PLACES);
    let report = braces
        .filter_map(|at| serde_json::from_slice(&text[at..]).ok())
        .find_map(|value: Value| message_only(&value));
    report.or_else(|| {
        let is_page = |at: usize| {
            begins_with(&text[at..], b"<html") || begins_with(&text[at..], b"<!doctype html")
        };
        (tail..text.len())
            .any(is_page)
            .then(|| "an HTML page".to_owned())
    })
}

/// The keys of a body that is only a message: `{message}`, and `{error, context?}` of the policy service.
const MESSAGE_KEYS: [&str; 3] = ["message", "error", "context"];

fn message_only(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    if !fields
        .keys()
        .all(|key| MESSAGE_KEYS.contains(&key.as_str()))
    {
        return None;
    }
    let text = |key| fields.get(key)?.as_str().map(str::trim);
    let message = text("message").or_else(|| text("error"))?;
    Some(match text("context") {
        Some(context) => format!("{message} ({context})"),
        None => message.to_owned(),
    })
}
