//! The values of path and query parameters. They are validated, and encoded so that a value cannot change the route.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use crate::operation::{Param, ParamKind};
use crate::values::slug::{OrgSlug, ProjectSlug, is_part};

/// The characters that are encoded: all except the unreserved ones of RFC 3986.
pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The characters that are encoded in a slug. The slash is not one of them, because it separates the parts of the slug.
const ENCODED_SLUG: &AsciiSet = &ENCODED.remove(b'/');

/// The value of a path parameter.
///
/// Strings, integers, [`Uuid`]s and slugs convert into a `PathValue`. When the client sends the call, it validates the
/// value, and encodes it so that the request cannot reach another route. A slug becomes one path segment for each of its
/// parts, and any other value becomes a single segment.
///
/// An `Option` of an id, a number or a slug also converts into a `PathValue`, because responses may lack these values. If
/// the value is `None`, the client returns an error and sends nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// use circleci_api::{Client, ErrorKind, uuid::Uuid};
///
/// let circleci = Client::builder().token("abc").build()?;
/// let id: Option<Uuid> = None; // from a workflow without an id
/// let error = circleci.list_workflow_jobs(id).send().await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidArgument);
/// assert_eq!(error.to_string(), "listWorkflowJobs: invalid argument: id is missing: it is `None` or empty");
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PathValue(Cow<'static, str>);

/// The value of a query parameter. Strings, booleans, integers, [`Uuid`]s, dates and the values of open enums convert
/// into a `QueryValue`.
///
/// The client encodes special characters, so that the value cannot affect other parameters. It sends dates in UTC.
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use circleci_api::{mock::Mock, operations::GetProjectWorkflowRuns};
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let runs = circleci.get_project_workflow_runs("gh/acme/web", "deploy").branch("fix/a&b=c");
/// runs.send().await?;
///
/// assert_eq!(server.received()[0].query("branch"), Some("fix/a&b=c"));
/// # assert!(server.received()[0].target.ends_with("?branch=fix%2Fa%26b%3Dc"));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct QueryValue(Cow<'static, str>);

impl fmt::Debug for PathValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for QueryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl QueryValue {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn write(&self, url: &mut String) {
        url.extend(utf8_percent_encode(&self.0, ENCODED));
    }
}

/// The message for an invalid project slug. In the error, it follows the name of the parameter.
pub(crate) const PROJECT_SLUG: &str =
    "must be a project slug of three parts, as in gh/acme/web, or the project's UUID";

impl PathValue {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the three parts of a project slug, or `None` if the value is not a project slug.
    pub(crate) fn parts(&self) -> Option<[Self; 3]> {
        let mut parts = self
            .0
            .split('/')
            .map(|part| Self(Cow::Owned(part.to_owned())));
        let three = [parts.next()?, parts.next()?, parts.next()?];
        has_parts(&self.0, 3).then_some(three)
    }

    /// Appends the value to the path. A slug becomes one segment for each part, and any other value becomes a single
    /// segment. The error says what the value must be.
    pub(crate) fn write(&self, param: &Param, url: &mut String) -> Result<(), &'static str> {
        let text: &str = &self.0;
        if text.is_empty() {
            return Err("is missing: it is `None` or empty");
        }
        let may_be_id = matches!(
            param.kind,
            ParamKind::Uuid | ParamKind::ProjectSlug | ParamKind::OrgSlugOrId
        );
        if may_be_id && let Ok(id) = Uuid::try_parse(text) {
            url.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            return Ok(());
        }
        let wanted = match param.kind {
            ParamKind::Uuid => Err("must be a UUID"),
            ParamKind::Integer if !text.bytes().all(|b| b.is_ascii_digit()) => {
                Err("must be an integer")
            }
            ParamKind::ProjectSlug if !has_parts(text, 3) => Err(PROJECT_SLUG),
            ParamKind::OrgSlug if !has_parts(text, 2) => {
                Err("must be an organization slug of two parts, as in gh/acme")
            }
            ParamKind::OrgSlugOrId if !has_parts(text, 2) => Err(
                "must be an organization slug of two parts, as in gh/acme, or the organization's UUID",
            ),
            ParamKind::Text if text.is_empty() => Err("must not be empty"),
            ParamKind::Text if text.contains('\0') => Err("must not contain a NUL character"),
            // A proxy that decodes `%2F` before it routes the request would resolve the segments `.` and `..`.
            ParamKind::Text
                if text
                    .split(['/', '\\'])
                    .any(|part| matches!(part, "." | "..")) =>
            {
                Err("must not contain the path segments `.` and `..`")
            }
            _ => Ok(()),
        };
        wanted?;
        match param.kind {
            // Slashes are not encoded, because some proxies and the router of CircleCI Server reject `%2F`. The checks
            // above make sure that each part is one segment.
            ParamKind::ProjectSlug | ParamKind::OrgSlug | ParamKind::OrgSlugOrId => {
                url.extend(utf8_percent_encode(text, ENCODED_SLUG));
            }
            _ => url.extend(utf8_percent_encode(text, ENCODED)),
        }
        Ok(())
    }
}

fn has_parts(text: &str, count: usize) -> bool {
    let mut parts = 0;
    // For a text as short as a slug, splitting at a set of characters is faster than splitting at one character.
    text.split(['/']).all(|part| {
        parts += 1;
        is_part(part)
    }) && parts == count
}

macro_rules! from_display {
    ($value:ident: $($from:ty),*) => {
        $(impl From<$from> for $value {
            fn from(value: $from) -> Self {
                Self(Cow::Owned(value.to_string()))
            }
        })*
    };
}

from_display!(PathValue: &str, &String, u16, u32, u64, i32, i64, usize, Uuid, &Uuid, ProjectSlug, &ProjectSlug, OrgSlug, &OrgSlug);
from_display!(QueryValue: &str, &String, u16, u32, u64, i32, i64, usize, Uuid, &Uuid, ProjectSlug, &ProjectSlug, OrgSlug, &OrgSlug);

impl From<String> for PathValue {
    fn from(value: String) -> Self {
        Self(Cow::Owned(value))
    }
}

// Responses may lack values of these types. A missing value becomes an empty text, which `write` rejects for all kinds of
// parameters.
macro_rules! from_option {
    ($($from:ty),*) => {
        $(impl From<Option<$from>> for PathValue {
            fn from(value: Option<$from>) -> Self {
                value.map_or(Self(Cow::Borrowed("")), Self::from)
            }
        })*
    };
}

from_option!(Uuid, i64, String, &str);

impl From<String> for QueryValue {
    fn from(value: String) -> Self {
        Self(Cow::Owned(value))
    }
}

impl From<bool> for QueryValue {
    fn from(value: bool) -> Self {
        Self(Cow::Borrowed(if value { "true" } else { "false" }))
    }
}

impl<Tz: TimeZone> From<DateTime<Tz>> for QueryValue {
    fn from(value: DateTime<Tz>) -> Self {
        Self::from(&value)
    }
}

impl<Tz: TimeZone> From<&DateTime<Tz>> for QueryValue {
    fn from(value: &DateTime<Tz>) -> Self {
        let utc = value.with_timezone(&Utc);
        Self(Cow::Owned(utc.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: ParamKind, text: &str) -> Option<String> {
        let mut url = String::new();
        let param = Param { name: "p", kind };
        PathValue::from(text)
            .write(&param, &mut url)
            .ok()
            .map(|()| url)
    }

    #[test]
    fn a_path_value_is_one_segment_or_an_error() {
        use ParamKind::{Integer, OrgSlug, OrgSlugOrId, ProjectSlug, Text, Uuid};
        let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        // An earlier version wrote a slug as one segment with `%2F`, which some proxies and the router of CircleCI Server
        // reject.
        for (kind, text, expected) in [
            (ProjectSlug, id, Some(id)),
            (ProjectSlug, "5034460FC7C44C439457DE07E2029E7B", Some(id)),
            (ProjectSlug, "gh/acme/web", Some("gh/acme/web")),
            (
                ProjectSlug,
                "gh/acme/a?b#c%d é",
                Some("gh/acme/a%3Fb%23c%25d%20%C3%A9"),
            ),
            (ProjectSlug, "gh/acme", None),
            (ProjectSlug, "gh/acme/web/x", None),
            (ProjectSlug, "gh/acme/..", None),
            (ProjectSlug, "gh//web", None),
            (ProjectSlug, "", None),
            (ProjectSlug, "..", None),
            (ProjectSlug, "gh/acme/\0", None),
            (OrgSlug, "gh/acme", Some("gh/acme")),
            (OrgSlug, id, None),
            (OrgSlugOrId, id, Some(id)),
            (OrgSlugOrId, "gh/acme", Some("gh/acme")),
            (OrgSlugOrId, "acme", None),
            (Uuid, id, Some(id)),
            (Uuid, "5034460FC7C44C439457DE07E2029E7B", Some(id)),
            (Uuid, "me", None),
            (Uuid, "", None),
            (Integer, "42", Some("42")),
            (Integer, "-1", None),
            (Integer, "4 2", None),
            (Integer, "", None),
            (Text, "deploy prod", Some("deploy%20prod")),
            (Text, "feature/x", Some("feature%2Fx")),
            (Text, "a.b-c_d~e", Some("a.b-c_d~e")),
            (Text, "%2e%2e", Some("%252e%252e")),
            (Text, "...", Some("...")),
            (Text, "", None),
            (Text, ".", None),
            (Text, "..", None),
            (Text, "a/../b", None),
            (Text, "..\\b", None),
            (Text, "a\0b", None),
        ] {
            assert_eq!(
                written(kind, text).as_deref(),
                expected,
                "{kind:?} {text:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_refused_whatever_was_wanted() {
        use ParamKind::{Integer, OrgSlug, OrgSlugOrId, ProjectSlug, Text, Uuid};
        for kind in [ProjectSlug, OrgSlug, OrgSlugOrId, Uuid, Integer, Text] {
            let param = Param { name: "p", kind };
            for missing in [
                PathValue::from(None::<uuid::Uuid>),
                PathValue::from(None::<i64>),
                PathValue::from(None::<String>),
            ] {
                let mut url = String::new();
                assert!(missing.write(&param, &mut url).is_err(), "{kind:?}");
                assert_eq!(url, "");
            }
        }
        assert_eq!(PathValue::from(Some(7)), PathValue::from("7"));
    }

    #[test]
    fn no_text_leaves_its_segment() {
        // Each ASCII character is tested alone, between letters, and next to dots. The URL parser must see exactly one
        // segment.
        for c in (1..=127u8).map(char::from) {
            for text in [
                format!("{c}"),
                format!("a{c}b"),
                format!("..{c}"),
                format!("{c}.."),
            ] {
                let Some(segment) = written(ParamKind::Text, &text) else {
                    continue;
                };
                let url = reqwest::Url::parse(&format!("http://h/api/{segment}/end")).unwrap();
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                assert_eq!(segments.len(), 3, "{text:?}");
                assert_eq!((segments[0], segments[2]), ("api", "end"), "{text:?}");
                assert_eq!((url.query(), url.fragment()), (None, None), "{text:?}");
            }
        }
    }

    #[test]
    fn query_values_are_written_as_the_api_reads_them() {
        let date = DateTime::parse_from_rfc3339("2026-03-01T12:00:00+02:00").unwrap();
        for (value, text) in [
            (
                QueryValue::from("a&b=c d+e/ü"),
                "a%26b%3Dc%20d%2Be%2F%C3%BC",
            ),
            (QueryValue::from(true), "true"),
            (QueryValue::from(-3_i64), "-3"),
            (QueryValue::from(date), "2026-03-01T10%3A00%3A00Z"),
        ] {
            let mut url = String::new();
            value.write(&mut url);
            assert_eq!(url, text);
        }
    }
}
