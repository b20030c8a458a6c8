//! One file, from the first byte to the last, over as many connections as that takes.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, LOCATION, RANGE,
    USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::{Response, Url};

use crate::client::{Client, host};
use crate::download::flow;
use crate::download::hosts::TokenHosts;
use crate::error::{self, Error, ErrorKind};
use crate::operation::Operation;
use crate::retry::clock::Stopwatch;
use crate::retry::{Next, Retries};
use crate::transport::attempt::{REDIRECTS, is_redirect, too_many_redirects};
use crate::transport::refusal;
use crate::transport::trace;
use crate::transport::wire::within;

/// A download. A broken connection is followed by another that goes on where it broke, if the server has ranges; from a server
/// that has none the file is read again, compared with what came before, and handed out from there.
///
/// Attempts and waits are those of the client's [`RetryPolicy`](crate::RetryPolicy), counted over the whole file. There is no
/// limit to its time, only to the silence in it.
pub(crate) struct Transfer {
    client: Client,
    operation: &'static Operation,
    url: Url,
    /// Who gets the token; `None` is nobody.
    token: Option<Arc<TokenHosts>>,
    limit: u64,
    response: Option<Response>,
    /// What was handed out, and a digest of it.
    received: u64,
    digest: Digest,
    length: Option<u64>,
    /// The file's strong `ETag`, with which a range of it can be asked for.
    validator: Option<HeaderValue>,
    /// What is left to be skipped of a file that is read again, and the digest of what was skipped.
    skip: Option<(u64, Digest)>,
    attempts: u32,
    time: Stopwatch,
    retries: Retries,
    done: bool,
}

impl Transfer {
    /// `url` comes from an answer of CircleCI's. At most `limit` bytes are read.
    pub(crate) fn new(
        client: &Client,
        operation: &'static Operation,
        url: &str,
        token: Option<Arc<TokenHosts>>,
        limit: u64,
    ) -> Result<Self, Error> {
        let wrong = |why: &str| Error::argument(operation, why);
        let mut url = Url::parse(url).map_err(|_| wrong("the file's URL is none"))?;
        // Over plain http only where the API itself is.
        let plain = client.base_url().starts_with("http:");
        if url.scheme() != "https" && !(plain && url.scheme() == "http") {
            return Err(wrong("the file's URL is not https"));
        }
        host::remove_user(&mut url);
        Ok(Self {
            client: client.clone(),
            operation,
            url,
            token,
            limit,
            response: None,
            received: 0,
            digest: Digest::default(),
            length: None,
            validator: None,
            skip: None,
            attempts: 0,
            time: Stopwatch::start(client.inner.clock.now(), None),
            retries: Retries::new(&client.inner.retry, true, None),
            done: false,
        })
    }

    /// How many bytes the file has, where the server said so. Known once it was [`opened`](Self::opened).
    #[cfg(feature = "artifacts")]
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    #[cfg(feature = "artifacts")]
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Asks for the file, again if need be, without reading it.
    pub(crate) async fn opened(&mut self) -> Result<(), Error> {
        while self.response.is_none() && !self.done {
            if let Err(failure) = self.open().await {
                self.again(failure).await?;
            }
        }
        Ok(())
    }

    /// Waits before another attempt, if there is one.
    async fn again(&mut self, failure: Error) -> Result<(), Error> {
        self.response = None;
        let failure = failure
            .with_operation(self.operation)
            .with_attempts(self.attempts);
        // Only the waits count: a large file may take its time.
        match self.retries.next(failure, self.time.waited()) {
            Next::GiveUp(failure) => Err(failure),
            Next::Again { failure, wait } => {
                trace::again(&failure, wait);
                self.time.sleep(&*self.client.inner.clock, wait).await;
                Ok(())
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        self.attempts += 1;
        let mut url = self.url.clone();
        let mut at_home = true;
        for _ in 0..=REDIRECTS {
            // What is redirected to is storage, whoever runs it; and from there on there is no way back.
            at_home &= url.origin() == self.url.origin();
            let with_token = at_home
                && self
                    .token
                    .as_ref()
                    .is_some_and(|hosts| hosts.include(&url, &self.client));
            let mut request = reqwest::Request::new(Method::GET, url.clone());
            *request.headers_mut() = self.headers(with_token);
            let sent = self.client.inner.http.execute(request);
            let response = within(&self.client.inner, &self.time, sent).await?;
            let status = response.status();
            if status.is_success() {
                return self.accept(response);
            }
            match response.headers().get(LOCATION) {
                Some(location) if is_redirect(status) => url = self.follow(&response, location)?,
                // A range that is not to be had: the whole file, then.
                _ if status == StatusCode::RANGE_NOT_SATISFIABLE
                    && self.validator.take().is_some() =>
                {
                    return Err(Error::new(ErrorKind::Transport)
                        .with_message("the server has no such range of the file"));
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
        // Ranges count the bytes of the file, not of what it was packed into for the way.
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
            Error::new(ErrorKind::Redirect)
                .with_status(response.status())
                .with_message(why)
        };
        let Some(to) = host::join(from, location) else {
            return Err(refuse("its location is not a URL".to_owned()));
        };
        if to.scheme() != "https" && !(to.scheme() == "http" && from.scheme() == "http") {
            let (from, to) = (host::origin(from), host::origin(&to));
            return Err(refuse(format!(
                "it leads from {from} to {to}, which is not https"
            )));
        }
        Ok(to)
    }

    /// An answer with the file in it, or with what of it is missing.
    fn accept(&mut self, response: Response) -> Result<(), Error> {
        let headers = response.headers();
        let announced = response.content_length();
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let range = headers
                .get(CONTENT_RANGE)
                .and_then(|range| range.to_str().ok())
                .and_then(start_and_length);
            let fits = range.is_some_and(|(start, length)| {
                start == self.received
                    && (length.is_none() || self.length.is_none() || length == self.length)
            });
            if self.received == 0 || self.validator.is_none() || !fits {
                self.validator = None;
                return Err(Error::new(ErrorKind::Transport)
                    .with_message("the server sent another range than was asked for"));
            }
        } else {
            if announced.is_some_and(|length| length > self.limit) {
                return Err(self.too_large());
            }
            if self.received > 0 {
                self.skip = Some((self.received, Digest::default()));
            }
            self.length = announced;
            let tag = headers
                .get(ETAG)
                .filter(|tag| tag.as_bytes().starts_with(b"\""));
            let as_it_is = announced.is_some() && !headers.contains_key(CONTENT_ENCODING);
            self.validator = tag.filter(|_| as_it_is).cloned();
        }
        self.response = Some(response);
        Ok(())
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::TooLarge)
            .with_operation(self.operation)
            .with_message(format!("more than {} bytes", self.limit))
    }

    fn changed(&self) -> Error {
        let message = "it is another file than before the connection broke";
        Error::new(ErrorKind::Transport)
            .with_operation(self.operation)
            .with_attempts(self.attempts)
            .with_message(message)
            .lasting()
    }

    /// What of `bytes` was not handed out yet.
    fn take(&mut self, mut bytes: Bytes) -> Result<Bytes, Error> {
        if let Some((left, digest)) = &mut self.skip {
            let known = bytes
                .len()
                .min(usize::try_from(*left).unwrap_or(usize::MAX));
            digest.add(&bytes[..known]);
            bytes.advance(known);
            *left -= known as u64;
            if *left == 0 {
                let same = *digest == self.digest;
                self.skip = None;
                if !same {
                    return Err(self.changed());
                }
            }
        }
        if self.limit - self.received < bytes.len() as u64 {
            return Err(self.too_large());
        }
        self.digest.add(&bytes);
        self.received += bytes.len() as u64;
        Ok(bytes)
    }

    async fn refused(&self, response: Response, with_token: bool) -> Error {
        let client = &*self.client.inner;
        let (status, url) = (response.status(), response.url().clone());
        let (mut failure, body) = refusal::failure(client, &self.time, response).await;
        // No excerpt: storage repeats in it what makes up a signature.
        let mut message = message_of(&body, &url);
        if self.token.is_some() && !with_token && matches!(status.as_u16(), 401 | 403 | 404) {
            let note = format!(
                "the token was not sent to {}, see `TokenHosts`",
                host::origin(&url)
            );
            message = Some(message.map_or(note.clone(), |message| format!("{message} ({note})")));
        }
        if let Some(message) = message {
            failure = failure.with_message(client.credential.redact(&message));
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
            match within(&self.client.inner, &self.time, response.chunk()).await {
                Ok(Some(chunk)) => {
                    let chunk = self.take(chunk)?;
                    if !chunk.is_empty() {
                        return Ok(Some(chunk));
                    }
                }
                Ok(None) if self.skip.is_some() => return Err(self.changed()),
                Ok(None) => {
                    self.done = true;
                    self.response = None;
                    return Ok(None);
                }
                Err(failure) => self.again(failure).await?,
            }
        }
    }
}

/// `bytes 100-199/200`, or `/*` where the length is not known.
fn start_and_length(range: &str) -> Option<(u64, Option<u64>)> {
    let (range, length) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.parse().ok()?, length.parse().ok()))
}

/// What a failed answer says, without what makes its URL worth having.
fn message_of(body: &str, url: &Url) -> Option<String> {
    let body = body.trim();
    let element = |name: &str| {
        let from = body.find(&format!("<{name}>"))? + name.len() + 2;
        let to = from + body[from..].find('<')?;
        Some(body[from..to].trim().to_owned()).filter(|text| !text.is_empty())
    };
    // Storage answers in XML: `<Error><Code>AccessDenied</Code><Message>Request has expired</Message>…`.
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

/// FNV-1a: enough to see that a file has changed, which nobody does on purpose.
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
