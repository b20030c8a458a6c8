//! The deprecation of an operation, which CircleCI announces in the headers of an answer.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use http::{HeaderMap, HeaderValue};

/// The `Deprecation` and `Sunset` headers of an answer. They announce that CircleCI will withdraw the operation, and when.
///
/// With the feature `tracing`, a client logs one warning for each deprecated operation.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
/// # let server = MockServer::start().await;
/// # let answer = ResponseTemplate::new(200)
/// #     .insert_header("deprecation", "@1788220800")
/// #     .insert_header("sunset", "Mon, 01 Feb 2027 00:00:00 GMT")
/// #     .set_body_raw("{}", "application/json");
/// # Mock::given(any()).respond_with(answer).mount(&server).await;
/// # let circleci = circleci_api::Client::builder().host(server.uri()).token("abc").build()?;
/// use circleci_api::{http::Method, serde_json::Value};
///
/// let request = circleci.request(Method::GET, "/me").root("/api/v1.1");
/// let response = request.send_for_response_as::<Value>().await?;
/// let deprecation = response.deprecation().expect("both headers came");
/// assert_eq!(deprecation.to_string(), "deprecated since 2026-09-01, ends on 2027-02-01");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deprecation {
    /// The date on which the deprecation began or will begin, or `None` if the answer gives no date.
    pub since: Option<DateTime<Utc>>,
    /// The date on which the operation stops working, or `None` if the answer gives no date.
    pub sunset: Option<DateTime<Utc>>,
}

impl Deprecation {
    /// Reads the headers of an answer. Returns `None` if `Sunset` is absent and `Deprecation` is absent or `false`.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let (deprecation, sunset) = (headers.get("deprecation"), headers.get("sunset"));
        let denied = deprecation.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"false"));
        let said = sunset.is_some() || (deprecation.is_some() && !denied);
        said.then(|| Self {
            since: deprecation.and_then(date),
            sunset: sunset.and_then(date),
        })
    }
}

impl fmt::Display for Deprecation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deprecated")?;
        if let Some(since) = self.since {
            write!(f, " since {}", since.format("%Y-%m-%d"))?;
        }
        if let Some(sunset) = self.sunset {
            write!(f, ", ends on {}", sunset.format("%Y-%m-%d"))?;
        }
        Ok(())
    }
}

/// Parses a date in one of three formats: that of RFC 9745 (`@1688169599`), that of HTTP, or that of RFC 3339. In RFC 3339
/// format, the time of day may be missing.
fn date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    let text = value.to_str().ok()?.trim().trim_matches('"');
    if let Some(seconds) = text.strip_prefix('@') {
        return DateTime::from_timestamp(seconds.parse().ok()?, 0);
    }
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Some(date.into());
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.to_utc());
    }
    let day: NaiveDate = text.parse().ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(deprecation: &str, sunset: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in [("deprecation", deprecation), ("sunset", sunset)] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        Deprecation::read(&headers).map(|it| it.to_string())
    }

    #[test]
    fn both_headers_are_read_however_they_are_written() {
        for (deprecation, sunset, expected) in [
            ("", "", None),
            ("false", "", None),
            ("true", "", Some("deprecated")),
            ("@1788220800", "", Some("deprecated since 2026-09-01")),
            ("@99999999999999999999", "", Some("deprecated")),
            ("@-9223372036854775808", "", Some("deprecated")),
            (
                "Tue, 01 Sep 2026 00:00:00 GMT",
                "Mon, 01 Feb 2027 00:00:00 GMT",
                Some("deprecated since 2026-09-01, ends on 2027-02-01"),
            ),
            (
                "\"2026-09-01T00:00:00Z\"",
                "2027-02-01",
                Some("deprecated since 2026-09-01, ends on 2027-02-01"),
            ),
            ("", "2027-02-01", Some("deprecated, ends on 2027-02-01")),
            (
                "false",
                "2027-02-01",
                Some("deprecated, ends on 2027-02-01"),
            ),
            ("", "soon", Some("deprecated")),
        ] {
            assert_eq!(
                read(deprecation, sunset).as_deref(),
                expected,
                "{deprecation} {sunset}"
            );
        }
    }
}
