//! Dates in any of the formats that CircleCI sends.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A date, kept as the text that CircleCI sent. Most dates are in the format of RFC 3339. Text in any other format is accepted
/// too, so that an unusual date does not make the event unreadable.
///
/// ```
/// use circleci_api::webhook::Timestamp;
///
/// let date = Timestamp::from("2026-03-01 12:00:05 +0100 CET");
/// assert_eq!(date.utc().map(|date| date.to_rfc3339()).as_deref(), Some("2026-03-01T11:00:05+00:00"));
///
/// let date = Timestamp::from("yesterday");
/// assert_eq!((date.utc(), date.as_str()), (None, "yesterday"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Timestamp(String);

/// The formats with an offset that [`Timestamp::utc`] reads in addition to RFC 3339 and RFC 2822.
const WITH_OFFSET: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z"];
/// The formats without an offset. A date in one of these formats is read as UTC.
const WITHOUT: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

impl Timestamp {
    /// Returns the text as CircleCI sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the date. Returns `None` if the format is unknown.
    ///
    /// The known formats are RFC 3339, RFC 2822, and `2026-03-01 12:00:05 +0100` with or without the name of a time zone at
    /// the end. A date without an offset is read as UTC. If a date has no offset, but the name of a time zone other than UTC or
    /// GMT, the result is `None`.
    pub fn utc(&self) -> Option<DateTime<Utc>> {
        let text = self.0.trim();
        // In `… +0100 CET`, the offset is enough, so the name of the time zone is ignored.
        let named = text.rsplit_once(' ').filter(|(_, zone)| {
            !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_uppercase())
        });
        let texts = [Some(text), named.map(|(date, _)| date)];
        for text in texts.into_iter().flatten() {
            let date = DateTime::parse_from_rfc3339(text)
                .or_else(|_| DateTime::parse_from_rfc2822(text))
                .ok();
            let mut forms = WITH_OFFSET.iter();
            let date =
                date.or_else(|| forms.find_map(|form| DateTime::parse_from_str(text, form).ok()));
            if let Some(date) = date {
                return Some(date.to_utc());
            }
        }
        let text = match named {
            Some((date, "UTC" | "GMT")) => date,
            _ => text,
        };
        let mut forms = WITHOUT.iter();
        let date = forms.find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        date.map(|date| date.and_utc())
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({:?})", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A value that is not a string, such as a number of seconds, is kept as its JSON text.
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_forms() {
        for (text, utc) in [
            ("2026-03-01T12:00:05Z", Some("2026-03-01T12:00:05+00:00")),
            (
                "2026-03-01T12:00:05.123456Z",
                Some("2026-03-01T12:00:05.123456+00:00"),
            ),
            (
                "2026-03-01T12:00:05+01:00",
                Some("2026-03-01T11:00:05+00:00"),
            ),
            (
                "2026-03-01T12:00:05+0100",
                Some("2026-03-01T11:00:05+00:00"),
            ),
            (
                "2026-03-01 12:00:05 +0000 UTC",
                Some("2026-03-01T12:00:05+00:00"),
            ),
            (
                "2026-03-01 12:00:05.5 -0230",
                Some("2026-03-01T14:30:05.500+00:00"),
            ),
            ("2026-03-01 12:00:05 UTC", Some("2026-03-01T12:00:05+00:00")),
            ("2026-03-01 12:00:05 CET", None),
            (
                "Sun, 01 Mar 2026 12:00:05 GMT",
                Some("2026-03-01T12:00:05+00:00"),
            ),
            (
                "1 Mar 2026 13:00:05 +0100",
                Some("2026-03-01T12:00:05+00:00"),
            ),
            ("2026-03-01 12:00:05", Some("2026-03-01T12:00:05+00:00")),
            ("2026-03-01T12:00:05", Some("2026-03-01T12:00:05+00:00")),
            (
                "Sun, 01 Mar 2026 12:00:05 +0000",
                Some("2026-03-01T12:00:05+00:00"),
            ),
            ("1772366405", None),
            ("", None),
            ("2026-02-30T12:00:05Z", None),
        ] {
            let found = Timestamp::from(text).utc().map(|date| date.to_rfc3339());
            assert_eq!(found.as_deref(), utc, "{text}");
        }
    }
}
