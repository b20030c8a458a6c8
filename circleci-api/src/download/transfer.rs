//! Downloads one file completely, over as many connections as needed.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, LOCATION, RANGE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::{Response, Url};

use crate::client::{Client, host};
use crate::download::flow;
use crate::download::hosts::TokenHosts;
use crate::error::{self, Error, ErrorKind};
use crate::operation::Operation;
use crate::retry::clock::Stopwatch;
use crate::retry::{Next, Retries, Rules};
use crate::transport::attempt::{REDIRECTS, is_redirect, too_many_redirects};
use crate::transport::refusal;
use crate::transport::reply::about;
use crate::transport::trace;
use crate::transport::wire::{chunk, execute, head, look_up};

/// A download of one file. If the connection breaks, another connection continues at the same place, provided that the server
/// supports ranges and sends the same strong `ETag`. Otherwise, the file is read again from its start, and its beginning is
/// compared with the bytes that were already returned.
///
/// The client's [`RetryPolicy`](crate::RetryPolicy) applies to the whole file: it limits the total number of attempts and the
/// total time of the waits between them. The whole download may take any time, but the time in which no data arrives is
/// limited.
pub(crate) struct Transfer {
    client: Client,
    operation: &'static Operation,
    url: Url,
    /// The hosts that receive the token. `None` means that no host receives it.
    token: Option<Arc<TokenHosts>>,
    limit: u64,
    response: Option<Response>,
    /// The number of bytes that were returned to the caller. `digest` is their digest.
    received: u64,
    digest: Digest,
    /// The size of the file, if it is known.
    length: Option<u64>,
    /// The strong `ETag` of the file from which all returned bytes come. Without it, no range is requested.
    validator: Option<HeaderValue>,
    /// The position in the file where the current response ends, if that response is a range.
    part_end: Option<u64>,
    /// Set while the file is read again from its start.
    skip: Option<Skip>,
    /// The number of the current attempt. If the server sends only a part of a range, the request for the rest does not count
    /// as a new attempt.
    attempts: u32,
    /// The number of responses that contained only a small piece of the requested range.
    small_parts: u32,
    time: Stopwatch,
    retries: Retries,
    done: bool,
}

/// The bytes of a new response that are skipped because they were already returned. Their digest is compared, because the file
/// may have changed.
struct Skip {
    left: u64,
    digest: Digest,
    /// The strong `ETag` of the response whose beginning is skipped. It becomes the download's `ETag` when the comparison
    /// succeeds.
    validator: Option<HeaderValue>,
}

/// A server may send a range in pieces. A download accepts at most `MOST_SMALL_PARTS` pieces that are smaller than `SMALL_PART`
/// bytes.
const SMALL_PART: u64 = 64 * 1024;
const MOST_SMALL_PARTS: u32 = 1000;

impl Transfer {
    /// Prepares the download of `url`, which comes from a response of CircleCI. At most `limit` bytes are read.
    pub(crate) fn new(
        client: &Client,
        operation: &'static Operation,
        url: &str,
        token: Option<Arc<TokenHosts>>,
        limit: u64,
    ) -> Result<Self, Error> {
        Ok(Self {
            url: safe_url(client, operation, url)?,
            client: client.clone(),
            operation,
            token,
            limit,
            response: None,
            received: 0,
            digest: Digest::default(),
            length: None,
            validator: None,
            part_end: None,
            skip: None,
            attempts: 1,
            small_parts: 0,
            time: Stopwatch::start(client.inner.clock.now(), None),
            retries: Retries::default(),
            done: false,
        })
    }

    /// Replaces an expired URL with a new URL of the same file.
    #[cfg(feature = "usage")]
    pub(crate) fn move_to(&mut self, url: &str) -> Result<(), Error> {
        self.url = safe_url(&self.client, self.operation, url)?;
        self.begin_answer(None);
        Ok(())
    }

    /// Returns the size of the file in bytes, if the server sent the size. It is known after [`opened`](Self::opened).
    #[cfg(feature = "artifacts")]
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    #[cfg(any(feature = "artifacts", feature = "usage"))]
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Requests the file, with retries, but does not read its content.
    pub(crate) async fn opened(&mut self) -> Result<(), Error> {
        while self.response.is_none() && !self.done {
            if let Err(failure) = self.open().await {
                self.again(failure).await?;
            }
        }
        Ok(())
    }

    /// Discards the state of the current response, and makes `response` the current one.
    fn begin_answer(&mut self, response: Option<Response>) {
        self.response = response;
        self.part_end = None;
        self.skip = None;
    }

    /// Waits before the next attempt, or returns the failure if no attempt is left.
    async fn again(&mut self, failure: Error) -> Result<(), Error> {
        self.begin_answer(None);
        let failure = failure
            .with_operation(self.operation)
            .with_attempts(self.attempts)
            .without(&self.client.inner.credential.secrets);
        // Only the waits count towards the policy's time, because a large file may take a long time.
        let rules = Rules {
            policy: &self.client.inner.retry,
            may_replay: true,
            limit: None,
        };
        match self.retries.next(&rules, failure, self.time.waited()) {
            Next::GiveUp(failure) => Err(failure),
            Next::Again { failure, wait } => {
                self.attempts += 1;
                trace::again(&failure, wait);
                self.time.sleep(&*self.client.inner.clock, wait).await;
                Ok(())
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        let mut url = self.url.clone();
        let mut at_home = true;
        for _ in 0..=REDIRECTS {
            // A redirect to another origin leads to a storage service, no matter whose host that is. After such a redirect, the
            // token is not sent again.
            at_home &= url.origin() == self.url.origin();
            let with_token = at_home
                && self
                    .token
                    .as_ref()
                    .is_some_and(|hosts| hosts.include(&url, &self.client));
            let mut request = reqwest::Request::new(Method::GET, url.clone());
            *request.headers_mut() = self.headers(with_token);
            let client = &self.client.inner;
            look_up().await;
            let sent = execute(client, request, None)?;
            let response = head(client, &self.time, sent).await?;
            let status = response.status();
            if status.is_success() {
                return self.accept(response);
            }
            match response.headers().get(LOCATION) {
                Some(location) if is_redirect(status) => url = self.follow(&response, location)?,
                // The server does not have the range. `take` removes the `ETag`, so the next attempt requests the whole file.
                _ if status == StatusCode::RANGE_NOT_SATISFIABLE
                    && self.validator.take().is_some() =>
                {
                    return Err(Error::new(ErrorKind::Transport)
                        .with_message("the server does not have the requested range of the file"));
                }
                _ => return Err(self.refused(response, with_token).await),
            }
        }
        Err(too_many_redirects())
    }

    fn headers(&self, with_token: bool) -> HeaderMap {
        let client = &*self.client.inner;
        let mut headers = HeaderMap::with_capacity(6);
        if let Some(agent) = client.headers.get(USER_AGENT) {
            headers.insert(USER_AGENT, agent.clone());
        }
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        // Ask for an uncompressed transfer, because ranges count the bytes of the file itself.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let (true, Some((name, value))) = (with_token, &client.credential.header) {
            headers.insert(name.clone(), value.clone());
        }
        if let (1.., Some(validator)) = (self.received, &self.validator) {
            headers.insert(IF_RANGE, validator.clone());
            if let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.received)) {
                headers.insert(RANGE, range);
            }
        }
        headers
    }

    fn follow(&self, response: &Response, location: &HeaderValue) -> Result<Url, Error> {
        let from = response.url();
        let refuse = |why: String| {
            let refused = Error::new(ErrorKind::Redirect).with_message(why);
            about(refused, response.status(), response.headers())
        };
        let Some(to) = host::join(from, location) else {
            return Err(refuse("the `Location` header is not a URL".to_owned()));
        };
        if to.scheme() != "https" && !(to.scheme() == "http" && from.scheme() == "http") {
            let (from, to) = (host::origin(from), host::origin(&to));
            return Err(refuse(format!(
                "the redirect leads from {from} to {to}, which is not https"
            )));
        }
        Ok(to)
    }

    /// Accepts a successful response that contains the whole file or the missing part of it.
    fn accept(&mut self, response: Response) -> Result<(), Error> {
        match response.status() {
            StatusCode::PARTIAL_CONTENT => self.accept_part(response),
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION | StatusCode::NO_CONTENT => {
                self.accept_whole(response)
            }
            // The response does not contain the file. A 202, for example, contains a message.
            status => {
                let refused = Error::new(ErrorKind::Status)
                    .with_message("the response does not contain the file");
                Err(about(refused, status, response.headers()))
            }
        }
    }

    /// Accepts a response that contains the rest of the file. Parts belong to the same file only if they have the same strong
    /// `ETag` (RFC 9110, 15.3.7.3). A part that may belong to another file is refused, and the next attempt requests the whole
    /// file.
    fn accept_part(&mut self, response: Response) -> Result<(), Error> {
        let refuse = |it: &mut Self, why: &str| {
            it.validator = None;
            Err(Error::new(ErrorKind::Transport).with_message(why))
        };
        let headers = response.headers();
        let (Some(validator), 1..) = (&self.validator, self.received) else {
            return refuse(self, "the server sent a range that was not requested");
        };
        if headers.get(ETAG) != Some(validator) {
            return refuse(
                self,
                "the server sent a range, but the file may have changed",
            );
        }
        let range = headers
            .get(CONTENT_RANGE)
            .and_then(|range| range.to_str().ok())
            .and_then(ContentRange::parse)
            .filter(|range| range.start == self.received);
        let total = range.as_ref().and_then(|range| range.total.or(self.length));
        let (Some(range), Some(total)) = (range, total) else {
            return refuse(self, "the server sent a different range than requested");
        };
        let announced = response.content_length();
        let size = range.end - range.start;
        if range.end > total
            || self.length.is_some_and(|length| length != total)
            || announced.is_some_and(|announced| announced != size)
        {
            return refuse(self, "the server sent an inconsistent range");
        }
        if total > self.limit {
            return Err(self.too_large());
        }
        if size < SMALL_PART && range.end < total {
            self.small_parts += 1;
            if self.small_parts > MOST_SMALL_PARTS {
                return refuse(self, "the server sends the file in too many pieces");
            }
        }
        self.begin_answer(Some(response));
        self.length = Some(total);
        self.part_end = Some(range.end);
        Ok(())
    }

    fn accept_whole(&mut self, response: Response) -> Result<(), Error> {
        let length = response.content_length();
        if length.is_some_and(|length| length > self.limit) {
            return Err(self.too_large());
        }
        let validator = response
            .headers()
            .get(ETAG)
            .filter(|tag| is_strong(tag))
            .cloned();
        self.begin_answer(Some(response));
        self.length = length;
        if self.received == 0 {
            self.validator = validator;
        } else {
            // Use no `ETag` until the bytes are compared, because this response may contain another file than the one that was
            // returned so far.
            self.validator = None;
            self.skip = Some(Skip {
                left: self.received,
                digest: Digest::default(),
                validator,
            });
        }
        Ok(())
    }

    /// Handles the end of a response. Returns an error if the response was too short. Sets `done` if the file is complete. If
    /// it is not, the next request asks for the rest.
    fn end(&mut self) -> Result<(), Error> {
        let (skipping, part_end) = (self.skip.is_some(), self.part_end);
        self.begin_answer(None);
        match part_end {
            _ if skipping => Err(self.changed()),
            Some(end) if self.received < end => {
                Err(broken("the server sent fewer bytes than it announced"))
            }
            // The server sent only the beginning of the requested range. The next request asks for the rest.
            Some(end) if self.length.is_none_or(|length| end < length) => Ok(()),
            _ => {
                self.done = true;
                Ok(())
            }
        }
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::TooLarge)
            .with_operation(self.operation)
            .with_message(format!("more than {} bytes", self.limit))
    }

    fn changed(&self) -> Error {
        let message = "the file changed after the connection broke";
        Error::new(ErrorKind::Transport)
            .with_operation(self.operation)
            .with_attempts(self.attempts)
            .with_message(message)
            .lasting()
    }

    /// Returns the part of `bytes` that was not returned to the caller before.
    fn take(&mut self, mut bytes: Bytes) -> Result<Bytes, Error> {
        if let Some(skip) = &mut self.skip {
            let left = usize::try_from(skip.left).unwrap_or(usize::MAX);
            let known = bytes.split_to(bytes.len().min(left));
            skip.digest.add(&known);
            skip.left -= known.len() as u64;
            if skip.left == 0 {
                let same = skip.digest == self.digest;
                self.validator = skip.validator.take();
                self.skip = None;
                if !same {
                    return Err(self.changed());
                }
            }
        }
        let room = self.limit - self.received;
        if room < bytes.len() as u64 {
            return Err(self.too_large());
        }
        let end = self.part_end.map(|end| end - self.received);
        if end.is_some_and(|end| end < bytes.len() as u64) {
            self.validator = None;
            return Err(broken("the server sent more bytes than it announced"));
        }
        self.digest.add(&bytes);
        self.received += bytes.len() as u64;
        Ok(bytes)
    }

    async fn refused(&self, mut response: Response, with_token: bool) -> Error {
        let client = &*self.client.inner;
        let (status, url) = (response.status(), response.url().clone());
        let (mut failure, body, _) = refusal::failure(client, &self.time, &mut response).await;
        // Keep no excerpt of the body, because storage services repeat parts of the URL's signature in the body.
        let mut message = message_of(&body, &url);
        if self.token.is_some() && !with_token && matches!(status.as_u16(), 401 | 403 | 404) {
            let note = format!(
                "the token was not sent to {}, see `TokenHosts`",
                host::origin(&url)
            );
            message = Some(message.map_or(note.clone(), |message| format!("{message} ({note})")));
        }
        if let Some(message) = message {
            failure = failure.with_message(message);
        }
        failure
    }
}

impl flow::Next for Transfer {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            self.opened().await?;
            let Some(response) = &mut self.response else {
                return Ok(None);
            };
            let failure = match chunk(&self.client.inner, &self.time, response).await {
                Ok(Some(chunk)) => match self.take(chunk) {
                    Ok(chunk) if chunk.is_empty() => continue,
                    Ok(chunk) => return Ok(Some(chunk)),
                    Err(failure) => failure,
                },
                Ok(None) => match self.end() {
                    Ok(()) => continue,
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            self.again(failure).await?;
        }
    }
}

/// Parses the URL of a file. Refuses a URL that is not https, unless it is http and so is the URL of the API. Removes a user name and password from the URL.
fn safe_url(client: &Client, operation: &'static Operation, url: &str) -> Result<Url, Error> {
    let wrong = |why: &str| Error::argument(operation, why);
    let mut url = Url::parse(url).map_err(|_| wrong("the file's URL is not valid"))?;
    // Plain http is allowed only if the client uses it for the API too.
    let plain = client.base_url().starts_with("http:");
    if url.scheme() != "https" && !(plain && url.scheme() == "http") {
        return Err(wrong("the file's URL is not https"));
    }
    host::remove_user(&mut url);
    Ok(url)
}

fn broken(why: &str) -> Error {
    Error::new(ErrorKind::Transport).with_message(why)
}

/// Checks whether an `ETag` is strong. A weak one (`W/"x"`) means only that two files are equivalent, not that they have the same
/// bytes.
fn is_strong(tag: &HeaderValue) -> bool {
    matches!(tag.as_bytes(), [b'"', .., b'"'])
}

/// The value of a `Content-Range` header, such as `bytes 100-199/200`, or `bytes 100-199/*` if the file's length is unknown.
struct ContentRange {
    start: u64,
    /// The position after the range's last byte.
    end: u64,
    total: Option<u64>,
}

impl ContentRange {
    /// Parses the header's value. Returns `None` if it is not a range of bytes, or if the range is empty.
    fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let (start, last) = (start.parse().ok()?, last.parse::<u64>().ok()?);
        let total = match total {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let end = last.checked_add(1)?;
        (unit.eq_ignore_ascii_case("bytes") && start < end).then_some(Self { start, end, total })
    }
}

/// Returns the message in the body of a failed response. The file's URL and its query are redacted, because they are secret.
fn message_of(body: &str, url: &Url) -> Option<String> {
    let body = body.trim();
    let element = |name: &str| {
        let from = body.find(&format!("<{name}>"))? + name.len() + 2;
        let to = from + body[from..].find('<')?;
        Some(body[from..to].trim().to_owned()).filter(|text| !text.is_empty())
    };
    // Storage services describe errors in XML: `<Error><Code>AccessDenied</Code><Message>Request has expired</Message>…`.
    let mut message = match (body.starts_with('<'), element("Code"), element("Message")) {
        (true, Some(code), Some(text)) => format!("{code}: {text}"),
        (true, Some(code), None) => code,
        _ => error::message_of(body)?,
    };
    for secret in [Some(url.as_str()), url.query()]
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
    {
        message = message.replace(secret, "[redacted]");
    }
    Some(message)
}

/// An FNV-1a hash. It detects accidental changes of a file, which is enough here.
#[derive(Clone, Copy, PartialEq)]
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_or_refused() {
        for (text, expected) in [
            ("bytes 4-9/10", Some((4, 10, Some(10)))),
            ("Bytes  4-9/*", Some((4, 10, None))),
            ("bytes 4-4/5", Some((4, 5, Some(5)))),
            ("bytes 9-4/10", None),
            ("bytes */10", None),
            ("bytes 4-9", None),
            ("bytes 4-9/ten", None),
            ("items 4-9/10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("", None),
        ] {
            let got = ContentRange::parse(text).map(|it| (it.start, it.end, it.total));
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn only_a_strong_tag_tells_bytes_apart() {
        for (tag, strong) in [
            ("\"v1\"", true),
            ("\"\"", true),
            ("W/\"v1\"", false),
            ("\"", false),
            ("v1", false),
        ] {
            assert_eq!(is_strong(&HeaderValue::from_static(tag)), strong, "{tag}");
        }
    }
}
