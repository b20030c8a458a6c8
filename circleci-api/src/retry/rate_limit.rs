//! Reads the server's rate limit, and how long the server asks the client to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

/// The rate limit that a server announces in the headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`. The
/// names of these headers may also begin with `X-`. [`Response`](crate::Response) has an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The number of requests that are allowed in a window.
    pub limit: Option<u64>,
    /// The number of requests that are left in the current window.
    pub remaining: Option<u64>,
    /// The time until the next window begins.
    pub reset: Option<Duration>,
}

impl RateLimit {
    pub(crate) fn read(headers: &HeaderMap, utc: SystemTime) -> Self {
        Self {
            limit: figure(headers, ["ratelimit-limit", "x-ratelimit-limit"]),
            remaining: figure(headers, ["ratelimit-remaining", "x-ratelimit-remaining"]),
            reset: reset(headers, utc),
        }
    }
}

/// The longest window that a rate limit can have.
const LONGEST_WINDOW: Duration = Duration::from_secs(60 * 60);

/// Returns how long the server asks the client to wait. This is the time in `Retry-After`. For a 429 without a valid
/// `Retry-After`, it is the time until the window resets.
pub(crate) fn asked(status: StatusCode, headers: &HeaderMap, utc: SystemTime) -> Option<Duration> {
    let utc = server_time(headers).unwrap_or(utc);
    // A window of CircleCI is at most an hour long. A reset that is later is a mistake, so the usual wait applies.
    let plausible = |wait: &Duration| *wait <= LONGEST_WINDOW;
    let after = headers
        .get(RETRY_AFTER)
        .and_then(|value| seconds(value).or_else(|| date(value, utc)));
    if status == StatusCode::TOO_MANY_REQUESTS {
        after.or_else(|| reset(headers, utc).filter(plausible))
    } else {
        after
    }
}

/// Returns the server's current time, from the `Date` header. Other dates from the server are compared with this time, because
/// the clock of this machine may be wrong.
pub(crate) fn server_time(headers: &HeaderMap) -> Option<SystemTime> {
    let text = headers.get(DATE)?.to_str().ok()?;
    httpdate::parse_http_date(text.trim()).ok()
}

/// Returns the time until the window resets, from `RateLimit-Reset`. The header should hold a number of seconds from now, but
/// some servers send a point in time instead.
pub(crate) fn reset(headers: &HeaderMap, utc: SystemTime) -> Option<Duration> {
    let utc = server_time(headers).unwrap_or(utc);
    let value = headers
        .get("ratelimit-reset")
        .or_else(|| headers.get("x-ratelimit-reset"))?;
    let wait = seconds(value).or_else(|| date(value, utc))?;
    let now = utc.duration_since(UNIX_EPOCH).unwrap_or_default();
    // If the number is so large that it would mean a wait of more than 30 years, it is a Unix time in seconds. If it would mean a
    // wait of more than 3,000 years, it is a Unix time in milliseconds.
    Some(match wait.as_secs() {
        0..1_000_000_000 => wait,
        1_000_000_000..100_000_000_000 => wait.saturating_sub(now),
        _ => (wait / 1000).saturating_sub(now),
    })
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // The standard allows no fractions and no negative numbers, but some servers send them. A negative number means "now".
    let seconds: f64 = text.parse().ok()?;
    if seconds.is_nan() {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

fn date(value: &HeaderValue, utc: SystemTime) -> Option<Duration> {
    let moment = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    Some(moment.duration_since(utc).unwrap_or_default())
}

fn figure(headers: &HeaderMap, names: [&str; 2]) -> Option<u64> {
    let value = names.iter().find_map(|name| headers.get(*name))?;
    // Some servers send a value such as `100, 100;w=60`. Its first number is the current value.
    let text = value.to_str().ok()?.split([',', ';']).next()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_server_says_how_long_in_many_ways() {
        let utc = httpdate::parse_http_date("Sun, 01 Mar 2026 12:00:00 GMT").unwrap();
        let epoch = utc.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let in_ten = (epoch + 10).to_string();
        for (status, pairs, seconds) in [
            (429, &[("retry-after", "7")][..], Some(7.0)),
            (429, &[("retry-after", " 7 ")], Some(7.0)),
            (429, &[("retry-after", "1.5")], Some(1.5)),
            (429, &[("retry-after", "-1")], Some(0.0)),
            (
                429,
                &[("retry-after", "Sun, 01 Mar 2026 12:00:30 GMT")],
                Some(30.0),
            ),
            (
                429,
                &[("retry-after", "Sunday, 01-Mar-26 12:00:30 GMT")],
                Some(30.0),
            ),
            (
                429,
                &[("retry-after", "Sun, 01 Mar 2026 11:00:00 GMT")],
                Some(0.0),
            ),
            (429, &[("retry-after", "soon")], None),
            (429, &[("retry-after", "NaN")], None),
            (429, &[("retry-after", "")], None),
            (429, &[], None),
            (429, &[("ratelimit-reset", "12")], Some(12.0)),
            (429, &[("ratelimit-reset", "3601")], None),
            (429, &[("x-ratelimit-reset", "1795741583000")], None),
            (429, &[("retry-after", "86400")], Some(86400.0)),
            (429, &[("x-ratelimit-reset", &in_ten)], Some(10.0)),
            (
                429,
                &[("retry-after", "3"), ("ratelimit-reset", "12")],
                Some(3.0),
            ),
            (
                429,
                &[("retry-after", "soon"), ("ratelimit-reset", "12")],
                Some(12.0),
            ),
            (503, &[("retry-after", "7")], Some(7.0)),
            (503, &[("ratelimit-reset", "12")], None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                asked(status, &headers(pairs), utc).map(|wait| wait.as_secs_f64()),
                seconds,
                "{pairs:?}"
            );
        }
        // The clock of this machine is ten minutes slow.
        let slow = utc - Duration::from_secs(600);
        let date = ("date", "Sun, 01 Mar 2026 12:00:00 GMT");
        let millis = format!("{in_ten}000");
        for (pair, seconds) in [
            (("retry-after", "Sun, 01 Mar 2026 12:00:05 GMT"), 5),
            (("retry-after", "Sun, 01 Mar 2026 11:59:55 GMT"), 0),
            (("ratelimit-reset", "Sun, 01 Mar 2026 12:00:07 GMT"), 7),
            (("x-ratelimit-reset", &in_ten), 10),
            (("x-ratelimit-reset", &millis), 10),
        ] {
            let wait = asked(StatusCode::TOO_MANY_REQUESTS, &headers(&[date, pair]), slow);
            assert_eq!(wait, Some(Duration::from_secs(seconds)), "{pair:?}");
        }
        let forever = headers(&[("retry-after", "99999999999999999999999")]);
        assert_eq!(
            asked(StatusCode::TOO_MANY_REQUESTS, &forever, utc),
            Some(Duration::from_secs(u64::MAX))
        );
    }
}
