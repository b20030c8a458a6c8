//! The state of a mock: its configuration and the requests that it received.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::answer::{Answer, Body};
use super::received::{FILES, Received};
use super::request_shape;
use super::rule::Rule;

#[derive(Debug, Default)]
pub(super) struct State {
    inner: Mutex<Inner>,
    /// How many requests have arrived, including requests for files.
    requests: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) rules: Vec<Rule>,
    pub(super) received: VecDeque<Received>,
    /// The maximum number of received requests to keep, or `None` to keep all of them.
    pub(super) keep: Option<usize>,
    pub(super) strict: bool,
    scenarios: u16,
    /// The contents of each stored file, by the file's path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) log: Option<Log>,
}

/// A function that receives each request and the status of its answer. If the mock closed the connection, the status is 0.
#[derive(Clone)]
pub(super) struct Log(pub(super) Arc<LogLine>);

type LogLine = dyn Fn(&Received, u16) + Send + Sync;

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log(..)")
    }
}

impl State {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the request id of the next response. Every response of CircleCI has a request id.
    pub(super) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        format!("5a1c7e00-0000-4000-8000-{:012x}", number & 0xffff_ffff_ffff)
    }

    /// Records a request, and returns the answer to it.
    pub(super) fn answer(&self, request: Received, has_credential: bool) -> Answer {
        let mut inner = self.lock();
        if let Some(file) = request.plain_path().strip_prefix(FILES) {
            return inner.stored(file, &request);
        }
        let (answer, request) = inner.decide(request, has_credential);
        let answer = answer.filled(&request);
        let log = inner.log.clone();
        let logged = log.is_some().then(|| request.clone());
        inner.keep(request);
        drop(inner);
        if let (Some(Log(log)), Some(request)) = (log, logged) {
            let cut = matches!(answer.body, Body::Cut);
            log(&request, if cut { 0 } else { answer.status });
        }
        answer
    }
}

impl Inner {
    /// Assigns a number to a new scenario and returns the number.
    pub(super) fn place(&mut self) -> u16 {
        let place = self.scenarios;
        self.scenarios = (place + 1) % 0x4000;
        place
    }

    fn decide(&mut self, request: Received, has_credential: bool) -> (Answer, Received) {
        let matching = self.rules.iter_mut().filter_map(|rule| {
            let params = rule.matches(&request)?;
            Some((rule, params))
        });
        // If `knows` is equal for several rules, `max_by_key` returns the last one, which is the newest.
        let rule = matching.max_by_key(|(rule, _)| rule.knows(&request));
        let (rule, params) = rule.map_or((None, None), |(rule, params)| (Some(rule), params));
        let request = match params {
            Some(params) => request.with_params(&params),
            None => request,
        };
        if !has_credential {
            return (Answer::message(401, "You must log in first."), request);
        }
        if !rule.as_ref().is_some_and(|rule| rule.is_taught())
            && let Err(message) = request_shape::check(&request)
        {
            return (Answer::message(400, message), request);
        }
        let answer = match (request.operation, rule) {
            (_, Some(rule)) => rule.answer(&request),
            (None, None) => {
                let (method, target) = (&request.method, &request.target);
                Answer::message(
                    404,
                    format!("the API has no operation for {method} {target}"),
                )
            }
            (Some(_), None) if self.strict => {
                let message = format!("the strict mock has no answer for {request}");
                Answer::message(501, message)
            }
            (Some(operation), None) => Answer::example(operation),
        };
        (answer, request)
    }

    fn keep(&mut self, request: Received) {
        self.received.push_back(request);
        while self.keep.is_some_and(|keep| self.received.len() > keep) {
            self.received.pop_front();
        }
    }

    /// Answers with a stored file, or with a file that a scenario generates. If neither exists, answers with a file whose content
    /// is the requested path.
    fn stored(&mut self, path: &str, request: &Received) -> Answer {
        let name = percent_decode_str(path).decode_utf8_lossy();
        if let Some(contents) = self.files.get(&*name) {
            return Answer::new(200, Body::File(contents.clone()));
        }
        let mut rules = self.rules.iter_mut().rev();
        let made = rules.find(|rule| rule.makes_files(request));
        match made {
            Some(rule) => rule.answer(request),
            None => Answer::new(200, Body::File(name.as_bytes().to_vec())),
        }
    }
}

/// Returns the URL of a stored file on `server`.
pub(super) fn file_url(server: &str, path: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'.')
        .remove(b'-')
        .remove(b'_');
    format!("{server}{FILES}{}", utf8_percent_encode(path, ENCODED))
}
