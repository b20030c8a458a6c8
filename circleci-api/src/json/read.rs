//! Reads a value from bytes, and mends the JSON only if needed.
//!
//! The first read is an ordinary one. If it fails, the second read mends the text. If that read fails too, the third read is
//! a careful one, which mends optional values of the wrong form.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::json::careful::Careful;
use crate::json::notes::{self, Finding, Mode};
use crate::json::surprise::SurpriseKind;
use crate::json::text;

/// The reason why JSON could not be read.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The error of the deserializer.
    pub(crate) error: serde_json::Error,
    /// The position in the JSON, such as `items[3].id`.
    pub(crate) path: Option<String>,
    /// What the body contains instead of the expected JSON, if that is known.
    pub(crate) instead: Option<Instead>,
}

/// What the body contains instead of the expected JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// Nothing, or only white space.
    Empty,
    /// A known format, such as `an HTML page`.
    Named(&'static str),
    /// The beginning of a JSON text that was cut off.
    CutOff,
    /// The beginning of a JSON text, followed by this error report.
    CutOffBy(String),
    /// An object that contains only this message.
    Message(String),
}

/// Reads a value from bytes, and mends the JSON if needed.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(json).or_else(|error| mended(json, error, &mut Vec::new()))
}

/// Reads a value from parsed JSON, and mends the JSON if needed.
#[cfg(feature = "webhooks")]
pub(crate) fn from_value<T: DeserializeOwned>(json: &Value) -> Result<T, Fault> {
    carefully(json, Mode::Mend, &mut Vec::new()).map_err(|(error, path)| Fault {
        error,
        path,
        instead: None,
    })
}

/// Reads a value again after a failed read, and adds each difference from the document to `findings`. `error` is the error of the
/// failed read.
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
        // The careful read mended what it could. `place` is the first position that it could not mend.
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

/// Adds each difference between the JSON and the type to `findings`. The JSON was already read as that type.
#[cold]
#[inline(never)]
pub(crate) fn survey<T: DeserializeOwned>(json: &[u8], findings: &mut Vec<Finding>) {
    if let Ok(value) = serde_json::from_slice(json) {
        // The result does not matter: the value was already read.
        let _ = carefully::<T>(&value, Mode::Mend, findings);
    }
}

/// Returns the message of a body that contains only a message, unless the type expects a message.
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

/// Checks whether the JSON is an object whose first key is one of [`MESSAGE_KEYS`].
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

/// Returns the value to use for an empty body, if `message` is the type's only field.
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

/// Decodes the JSON again to find the path of the error. Call this function only after a failure, because it takes several
/// times as long as an ordinary read.
#[cold]
pub(crate) fn locate<T: DeserializeOwned>(
    json: &[u8],
    error: serde_json::Error,
) -> (Option<String>, serde_json::Error) {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // The error was in the data after the JSON value.
        Ok(_) => (None, error),
        Err(located) => {
            let path = located.path().to_string();
            let path = (path != "." && path != "?").then_some(path);
            (path, located.into_inner())
        }
    }
}

/// Recognizes a compressed body by its first bytes, and returns a description of its format.
fn compressed(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x1f, 0x8b, ..] => Some("compressed with gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("compressed with zstd"),
        _ => None,
    }
}

/// Finds out what a body that is not valid JSON contains instead.
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

/// The maximum length, in bytes, of an error report at the end of a body.
const REPORT: usize = 8 * 1024;
/// The maximum number of positions that are tried as the start of an error report.
const PLACES: usize = 64;

/// Returns the error report that follows an incomplete body. The report is an object with only a message, or an HTML page.
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

/// The keys of a body that contains only a message. The usual form is `{message}`, and the policy service sends
/// `{error, context?}`.
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
