//! `cargo xtask fetch`: replaces the vendored document and its record at the same time.
//!
//! Other commands use parts of this module: [`download`], [`check_document`] and [`Source`].

use super::dialect;
use super::text::{self, Unreadable};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::blocking::{Client, Response};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{StatusCode, Url, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use super::lock::Lock;

/// The addresses where CircleCI serves its document. The first one is current. The second one is older and may disappear.
pub const ADDRESSES: [&str; 2] = [
    "https://circleci.com/docs/api/v2/openapi.json",
    "https://circleci.com/api/v2/openapi.json",
];
/// The name of the vendored document in the openapi folder.
pub const DOCUMENT: &str = "openapi.json";
/// The name of the record in the openapi folder.
pub const RECORD: &str = "source.json";

/// The suffix of a file before it is renamed to its final name.
const TEMPORARY: &str = ".tmp";

/// The limits of a download: size, redirects and time.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum size of the document after decompression. It also applies if `Content-Length` declares a smaller size.
    pub max_bytes: u64,
    pub max_redirects: usize,
    pub connect_timeout: Duration,
    /// The maximum time without data. It applies to the time until the response starts (including redirects), and to each later
    /// pause.
    pub stall_timeout: Duration,
    /// The deadline of the whole download. The code checks it after each chunk, so a download may exceed it by one
    /// `stall_timeout`.
    pub total_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024 * 1024,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_secs(120),
        }
    }
}

/// The kind of an error, for callers that treat some kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The URL or the file name in `from` cannot be used.
    From,
    /// The connection could not be opened, or it broke.
    Network,
    /// The server did not respond, or the download stalled or exceeded the deadline.
    Timeout,
    /// The status is not `200 OK`.
    Status(u16),
    /// The server sent too many redirects, or a redirect from https to another scheme.
    Redirect,
    TooLarge,
    /// The response is not a document of OpenAPI 3.0 or 3.1.
    Document,
    /// The vendored files could not be read or replaced, or the record does not belong to the document.
    Store,
}

/// The reason why a fetch failed, as one line.
#[derive(Debug)]
pub struct FetchError {
    kind: ErrorKind,
    line: String,
}

impl FetchError {
    fn new(kind: ErrorKind, line: impl AsRef<str>) -> Self {
        Self {
            kind,
            line: one_line(line.as_ref()),
        }
    }

    fn document(line: impl AsRef<str>) -> Self {
        Self::new(ErrorKind::Document, line)
    }

    fn store(doing: &str, path: &Path, error: &io::Error) -> Self {
        let line = format!("cannot {doing} {}: {error}", path.display());
        Self::new(ErrorKind::Store, line)
    }

    fn about(self, subject: &str) -> Self {
        Self::new(self.kind, format!("{subject}: {}", self.line))
    }

    /// Joins the lines of two errors. The result has the kind of the first one.
    pub fn and(&self, other: &Self) -> Self {
        Self::new(self.kind, format!("{}; {}", self.line, other.line))
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for FetchError {}

/// Puts a text on one line. A text from a server or a document may contain any characters.
fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The record of where the vendored document came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The URL that was requested, or `file:NAME`.
    pub url: String,
    /// The date of the download, in UTC.
    pub fetched: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub sha256: String,
    pub size: u64,
    /// The ETag that the server sent with the document. With it, `drift` can ask whether there is a newer document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Source {
    /// Returns a record that says that `bytes` were downloaded from `url` today.
    pub fn of(url: &str, bytes: &[u8]) -> Self {
        let now = chrono::DateTime::<chrono::Utc>::from(SystemTime::now());
        Self {
            url: url.to_owned(),
            fetched: now.date_naive().to_string(),
            note: None,
            sha256: sha256(bytes),
            size: bytes.len() as u64,
            etag: None,
        }
    }

    /// Reads `source.json` in `openapi_dir`.
    pub fn read(openapi_dir: &Path) -> Result<Self, FetchError> {
        let path = openapi_dir.join(RECORD);
        let text = fs::read(&path).map_err(|e| FetchError::store("read", &path, &e))?;
        serde_json::from_slice(&text).map_err(|e| {
            let line = format!("{} is not a record of a fetch: {e}", path.display());
            FetchError::new(ErrorKind::Store, line)
        })
    }

    /// Replaces `source.json` in `openapi_dir` atomically.
    pub fn write(&self, openapi_dir: &Path) -> Result<(), FetchError> {
        let path = openapi_dir.join(RECORD);
        let new = stage(&mut Disk, &path, &self.to_json()?)?;
        put(&mut Disk, &new, &path)
    }

    /// Checks that `bytes` have the size and the checksum of the record.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), FetchError> {
        let (size, sha256) = (bytes.len() as u64, sha256(bytes));
        if size == self.size && sha256.eq_ignore_ascii_case(&self.sha256) {
            return Ok(());
        }
        let line = format!(
            "{DOCUMENT} is not the document that {RECORD} records: {size} bytes with sha256 {sha256}, \
             recorded {} bytes with sha256 {}; `cargo xtask fetch` replaces both",
            self.size, self.sha256
        );
        Err(FetchError::new(ErrorKind::Store, line))
    }

    fn to_json(&self) -> Result<Vec<u8>, FetchError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| {
            FetchError::new(ErrorKind::Store, format!("cannot write {RECORD}: {e}"))
        })?;
        json.push(b'\n');
        Ok(json)
    }
}

/// Returns the vendored document and its record, if they belong together.
pub fn vendored(openapi_dir: &Path) -> Result<(Vec<u8>, Source), FetchError> {
    let path = openapi_dir.join(DOCUMENT);
    let bytes = fs::read(&path).map_err(|e| FetchError::store("read", &path, &e))?;
    let source = Source::read(openapi_dir)?;
    source.verify(&bytes)?;
    Ok((bytes, source))
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The result of [`download`].
#[derive(Debug)]
pub struct Downloaded {
    pub bytes: Vec<u8>,
    /// The URL that was requested, or `file:NAME`. The record contains it.
    pub url: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// The result of [`download_unless`].
#[derive(Debug)]
pub enum Answer {
    Document(Downloaded),
    /// The server says that the document still has the ETag of the request.
    NotModified,
}

/// Reads the document from a URL (http or https) or a file. This function blocks, so an async runtime must not call it.
pub fn download(from: &str, limits: &Limits) -> Result<Downloaded, FetchError> {
    match download_unless(from, None, limits)? {
        Answer::Document(downloaded) => Ok(downloaded),
        // The request contains no ETag, so 304 is not a valid answer.
        Answer::NotModified => Err(bad_status(StatusCode::NOT_MODIFIED).about(from)),
    }
}

/// Downloads the document from the first address that has it. If an address returns anything else, the next address is tried,
/// even if the status is 200: the body may be a page that says that the document has moved.
pub fn download_first(
    addresses: &[&str],
    limits: &Limits,
) -> Result<(Downloaded, Value), FetchError> {
    let mut failed: Option<FetchError> = None;
    for address in addresses {
        match download_checked(address, limits) {
            Ok(found) => return Ok(found),
            Err(error) => {
                failed = Some(match failed {
                    Some(first) => first.and(&error),
                    None => error,
                });
            }
        }
    }
    let nothing = || FetchError::new(ErrorKind::From, "there is no URL to fetch from");
    Err(failed.unwrap_or_else(nothing))
}

fn download_checked(from: &str, limits: &Limits) -> Result<(Downloaded, Value), FetchError> {
    let new = download(from, limits)?;
    let document = check_document(&new.bytes).map_err(|e| e.about(&new.url))?;
    Ok((new, document))
}

/// Downloads the document, unless the server says that the document still has this ETag.
pub fn download_unless(
    from: &str,
    etag: Option<&str>,
    limits: &Limits,
) -> Result<Answer, FetchError> {
    match from.split_once("://").map(|(scheme, _)| scheme) {
        Some(scheme) if is_http(scheme) => download_url(&parse_url(from)?, etag, limits),
        Some(scheme) if is_scheme(scheme) => Err(FetchError::new(
            ErrorKind::From,
            format!("{scheme}:// is not supported: pass an https URL or a file name"),
        )),
        _ => read_file(Path::new(from), limits).map(Answer::Document),
    }
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn parse_url(from: &str) -> Result<Url, FetchError> {
    // The error must not quote the URL, because the URL may contain a password.
    let mut url = Url::parse(from).map_err(|e| {
        FetchError::new(
            ErrorKind::From,
            format!("the URL to fetch from is not valid: {e}"),
        )
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        let line = format!("{RECORD} would record the URL: remove the user name and the password");
        return Err(FetchError::new(ErrorKind::From, line));
    }
    url.set_fragment(None);
    Ok(url)
}

fn read_file(path: &Path, limits: &Limits) -> Result<Downloaded, FetchError> {
    let failed = |e: io::Error| {
        FetchError::new(
            ErrorKind::From,
            format!("cannot read {}: {e}", path.display()),
        )
    };
    // Reading a pipe or a device may never end, and even opening it may hang.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        let line = format!("{} is not a file", path.display());
        return Err(FetchError::new(ErrorKind::From, line));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let mut file = file.take(limits.max_bytes.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check_size(bytes.len() as u64, limits).map_err(|e| e.about(&path.display().to_string()))?;
    Ok(Downloaded {
        bytes,
        // The record must not contain the path of a folder on this machine.
        url: format!("file:{name}"),
        etag: None,
        last_modified: None,
    })
}

fn check_size(size: u64, limits: &Limits) -> Result<(), FetchError> {
    if size <= limits.max_bytes {
        return Ok(());
    }
    let line = format!("the document is larger than {} bytes", limits.max_bytes);
    Err(FetchError::new(ErrorKind::TooLarge, line))
}

fn download_url(url: &Url, etag: Option<&str>, limits: &Limits) -> Result<Answer, FetchError> {
    let get = || {
        let started = Instant::now();
        let mut response = request(url, etag, limits)?;
        if etag.is_some() && response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Answer::NotModified);
        }
        if response.status() != StatusCode::OK {
            return Err(bad_status(response.status()));
        }
        check_size(response.content_length().unwrap_or(0), limits)?;
        let bytes = read_body(&mut response, limits, started)?;
        let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        Ok(Answer::Document(Downloaded {
            bytes,
            url: url.to_string(),
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
        }))
    };
    get().map_err(|e: FetchError| e.about(url.as_str()))
}

fn request(url: &Url, etag: Option<&str>, limits: &Limits) -> Result<Response, FetchError> {
    // An error only means that a TLS provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let max = limits.max_redirects;
    let mut client = Client::builder()
        .user_agent(concat!("circleci-api-xtask/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::custom(move |attempt| follow(attempt, max)))
        .referer(false)
        .connect_timeout(limits.connect_timeout)
        .timeout(limits.stall_timeout.min(limits.total_timeout));
    if is_loopback(url) {
        // A proxy would connect to its own `localhost`, and not to the one of this machine.
        client = client.no_proxy();
        if url.scheme() == "http" {
            // An http server needs no certificates, and this machine may have none.
            client = client.tls_certs_only([]);
        }
    }
    let sent = client.build().and_then(|client| {
        let request = client.get(url.clone());
        let request = request.header(header::ACCEPT, "application/json");
        match etag {
            Some(etag) => request.header(header::IF_NONE_MATCH, etag).send(),
            None => request.send(),
        }
    });
    sent.map_err(|e| no_answer(e, limits))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn follow(attempt: Attempt<'_>, max: usize) -> reqwest::redirect::Action {
    match redirect_refusal(attempt.previous(), attempt.url(), max) {
        Some(reason) => attempt.error(reason),
        None => attempt.follow(),
    }
}

fn redirect_refusal(previous: &[Url], next: &Url, max: usize) -> Option<String> {
    if previous.len() > max {
        return Some(format!("more than {max} redirects"));
    }
    let was_secure = previous.iter().any(|url| url.scheme() == "https");
    (was_secure && next.scheme() != "https")
        .then(|| format!("refused a redirect from https to {}", next.scheme()))
}

fn no_answer(error: reqwest::Error, limits: &Limits) -> FetchError {
    let reason = innermost(&error);
    if error.is_redirect() {
        FetchError::new(ErrorKind::Redirect, reason)
    } else if error.is_builder() {
        // The client cannot be built on a machine without CA certificates.
        let line = format!(
            "cannot trust any https server: install the package ca-certificates, or set SSL_CERT_FILE to a file of \
             certificates ({reason})"
        );
        FetchError::new(ErrorKind::Network, line)
    } else if error.is_timeout() && error.is_connect() {
        let line = format!("no connection within {:?}", limits.connect_timeout);
        FetchError::new(ErrorKind::Timeout, line)
    } else if error.is_timeout() {
        let waited = limits.stall_timeout.min(limits.total_timeout);
        FetchError::new(ErrorKind::Timeout, format!("no response within {waited:?}"))
    } else if error.is_connect() {
        FetchError::new(ErrorKind::Network, format!("cannot connect: {reason}"))
    } else {
        FetchError::new(ErrorKind::Network, format!("no response: {reason}"))
    }
}

/// Returns the innermost cause of an error, because the outer errors only repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn bad_status(status: StatusCode) -> FetchError {
    let line = format!("the server answered {status}");
    FetchError::new(ErrorKind::Status(status.as_u16()), line)
}

fn read_body(
    response: &mut Response,
    limits: &Limits,
    started: Instant,
) -> Result<Vec<u8>, FetchError> {
    let bar = progress(response.content_length());
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    let read = loop {
        match response.read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => break Err(broken_off(&e, bytes.len(), limits)),
        }
        bar.set_position(bytes.len() as u64);
        if let Err(e) = check_size(bytes.len() as u64, limits) {
            break Err(e);
        }
        if started.elapsed() > limits.total_timeout {
            break Err(too_slow(bytes.len(), limits));
        }
    };
    bar.finish_and_clear();
    read.map(|()| bytes)
}

fn too_slow(got: usize, limits: &Limits) -> FetchError {
    let line = format!(
        "not complete within {:?}, {got} bytes came",
        limits.total_timeout
    );
    FetchError::new(ErrorKind::Timeout, line)
}

fn broken_off(error: &io::Error, got: usize, limits: &Limits) -> FetchError {
    let cause = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<reqwest::Error>());
    if cause.is_some_and(reqwest::Error::is_timeout) {
        let waited = limits.stall_timeout.min(limits.total_timeout);
        let line = format!("the download stalled: no data for {waited:?} after {got} bytes");
        return FetchError::new(ErrorKind::Timeout, line);
    }
    let reason = cause.map_or_else(|| error.to_string(), innermost);
    let line = format!("the connection broke after {got} bytes: {reason}");
    FetchError::new(ErrorKind::Network, line)
}

/// Creates a progress bar, which is visible only in a terminal.
fn progress(length: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {bytes} {bytes_per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Checks that `bytes` are an OpenAPI 3.0 or 3.1 document in JSON or YAML that has at least one path.
pub fn check_document(bytes: &[u8]) -> Result<Value, FetchError> {
    let document = parse_document(bytes)?;
    check_version(&document)?;
    check_info(&document)?;
    if count_paths(&document) == 0 {
        return Err(FetchError::document("the document has no path"));
    }
    Ok(document)
}

fn parse_document(bytes: &[u8]) -> Result<Value, FetchError> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        FetchError::document(format!(
            "the document is not UTF-8 text: byte {at} is invalid"
        ))
    })?;
    if text.trim().is_empty() {
        return Err(FetchError::document("the document is empty"));
    }
    if text.starts_with('\u{feff}') {
        return Err(FetchError::document(
            "the document starts with a byte order mark",
        ));
    }
    if text.trim_start().starts_with('<') {
        let line = format!("the document is {}, not JSON or YAML", markup(text));
        return Err(FetchError::document(line));
    }
    text::read(text).map_err(|error| {
        FetchError::document(match error {
            Unreadable::CutOff => {
                let length = text.len();
                format!("the document {error}, after {length} bytes")
            }
            error => format!("the document {error}"),
        })
    })
}

fn markup(text: &str) -> &'static str {
    let head: String = text.chars().take(1024).collect();
    let head = head.to_ascii_lowercase();
    if head.contains("<html") || head.contains("<!doctype html") || head.contains("<head") {
        "an HTML page"
    } else {
        "XML or HTML"
    }
}

fn check_version(document: &Value) -> Result<(), FetchError> {
    let Some(fields) = document.as_object() else {
        return Err(FetchError::document(
            "the document is JSON, but not an object",
        ));
    };
    if let Some(version) = fields.get("swagger") {
        let line = format!(
            "the document is Swagger {}, not OpenAPI 3.0 or 3.1",
            quoted(version)
        );
        return Err(FetchError::document(line));
    }
    let line = match fields.get("openapi") {
        Some(Value::String(version)) if dialect::is_3_0(version) || dialect::is_3_1(version) => {
            return Ok(());
        }
        Some(version) => format!(
            "the document's `openapi` is {}, not 3.0.x or 3.1.x",
            quoted(version)
        ),
        None => "the document is not OpenAPI: it has no `openapi`".to_owned(),
    };
    Err(FetchError::document(line))
}

/// Returns a value from the document as text. A long text is cut off.
fn quoted(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn check_info(document: &Value) -> Result<(), FetchError> {
    let Some(info) = document.get("info").and_then(Value::as_object) else {
        return Err(FetchError::document("the document has no `info` object"));
    };
    for field in ["title", "version"] {
        let text = info.get(field).and_then(Value::as_str);
        if text.is_none_or(|text| text.trim().is_empty()) {
            let line = format!("the document's `info` has no {field}");
            return Err(FetchError::document(line));
        }
    }
    Ok(())
}

fn count_paths(document: &Value) -> usize {
    let paths = document.get("paths").and_then(Value::as_object);
    let is_path = |(name, item): &(&String, &Value)| name.starts_with('/') && item.is_object();
    paths.map_or(0, |paths| paths.iter().filter(is_path).count())
}

/// The file operations that can fail in the middle of a replacement. Tests make them fail one at a time.
pub trait Store {
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
}

/// The file operations of the real file system.
#[derive(Debug)]
pub struct Disk;

impl Store for Disk {}

/// The arguments of `cargo xtask fetch`.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The URL or the file to read. `None` means the first of CircleCI's [`ADDRESSES`] that has the document.
    pub from: Option<String>,
    /// The URL that the file in `from` was saved from. The record contains it.
    pub of: Option<String>,
    pub openapi_dir: PathBuf,
    pub limits: Limits,
}

/// The result of [`Fetch::run`].
#[derive(Debug)]
pub struct Fetched {
    pub source: Source,
    /// Whether the document differs from the one that it replaced.
    pub changed: bool,
    pub paths: usize,
    /// The parts of the document that OpenAPI 3.0 cannot express.
    pub notes: Vec<dialect::Note>,
}

impl Fetch {
    /// Replaces both the document and its record, or neither of them. Writes the result to `out`.
    pub fn run(&self, out: &mut dyn Write) -> Result<Fetched, FetchError> {
        self.run_in(&mut Disk, out)
    }

    /// Does the same as [`Fetch::run`], but with the given file operations.
    pub fn run_in(
        &self,
        store: &mut dyn Store,
        out: &mut dyn Write,
    ) -> Result<Fetched, FetchError> {
        let _lock = self.lock()?;
        clear(&self.openapi_dir);
        let (new, document) = match &self.from {
            Some(from) => download_checked(from, &self.limits)?,
            None => download_first(&ADDRESSES, &self.limits)?,
        };
        let url = match &self.of {
            Some(of) => parse_url(of)?.to_string(),
            None => new.url.clone(),
        };
        let mut source = Source::of(&url, &new.bytes);
        source.etag = new.etag;
        let fetched = Fetched {
            source,
            changed: fs::read(self.openapi_dir.join(DOCUMENT)).ok().as_ref() != Some(&new.bytes),
            paths: count_paths(&document),
            notes: dialect::lower(&mut document.clone()),
        };
        replace(
            store,
            &self.openapi_dir,
            &new.bytes,
            &fetched.source.to_json()?,
        )?;
        // Both files are already replaced, so an error while writing to `out` is ignored.
        let _ = report(&document, &fetched, out);
        Ok(fetched)
    }
}

impl Fetch {
    /// Locks the folder, so that no other process replaces the files. Returns `None` if the folder does not exist.
    fn lock(&self) -> Result<Option<Lock>, FetchError> {
        let dir = &self.openapi_dir;
        match Lock::take(dir) {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(FetchError::new(
                ErrorKind::Store,
                "another `cargo xtask fetch`, `regen` or `update` is running here; wait until it ends",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FetchError::store("lock", dir, &error)),
        }
    }
}

/// Removes the temporary files of a fetch that was killed. The caller must hold the lock on the folder.
fn clear(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = [DOCUMENT, RECORD]
            .iter()
            .any(|target| name.starts_with(target) && name.ends_with(TEMPORARY));
        if ours {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn report(document: &Value, fetched: &Fetched, out: &mut dyn Write) -> io::Result<()> {
    let Fetched {
        source,
        changed,
        paths,
        ..
    } = fetched;
    let title = quoted(&document["info"]["title"]);
    let openapi = quoted(&document["openapi"]);
    let line = format!(
        "{title}: OpenAPI {openapi}, {paths} paths, {} bytes",
        source.size
    );
    writeln!(out, "fetched {}", one_line(&source.url))?;
    writeln!(out, "{}", one_line(&line))?;
    writeln!(out, "sha256 {}", source.sha256)?;
    match changed {
        true => writeln!(out, "the document has changed: run `cargo xtask regen`"),
        false => writeln!(out, "the document is the same as before"),
    }
}

/// Replaces both files by renaming new files to their names. After a crash between the two renames, [`Source::verify`] rejects
/// the files.
fn replace(
    store: &mut dyn Store,
    dir: &Path,
    document: &[u8],
    record: &[u8],
) -> Result<(), FetchError> {
    let (document_path, record_path) = (dir.join(DOCUMENT), dir.join(RECORD));
    let new_document = stage(store, &document_path, document)?;
    let new_record = stage(store, &record_path, record)?;
    let old_document = keep_old(store, &document_path)?;
    put(store, &new_document, &document_path)?;
    if let Err(error) = put(store, &new_record, &record_path) {
        return Err(put_back(store, old_document, &document_path, error));
    }
    sync_dir(dir);
    Ok(())
}

/// Writes a temporary file beside `target` and flushes it to the disk. The file is deleted when the returned value is dropped.
fn stage(store: &mut dyn Store, target: &Path, bytes: &[u8]) -> Result<TempPath, FetchError> {
    let mut staged = || -> io::Result<TempPath> {
        let mut file = temporary(target).tempfile_in(folder(target))?;
        store.write(file.as_file_mut(), bytes)?;
        store.sync(file.as_file())?;
        Ok(file.into_temp_path())
    };
    staged().map_err(|e| FetchError::store("write beside", target, &e))
}

fn temporary(target: &Path) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(target.file_name().unwrap_or_default());
    builder.suffix(TEMPORARY);
    // Temporary files are private by default, but this one becomes a file that is committed.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    builder
}

fn folder(target: &Path) -> &Path {
    let parent = target.parent().unwrap_or(Path::new(""));
    if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    }
}

/// Gives the old document a second name (a hard link), so that restoring it needs no disk space.
fn keep_old(store: &mut dyn Store, path: &Path) -> Result<Option<TempPath>, FetchError> {
    let linked = temporary(path).make_in(folder(path), |name| store.link(path, name));
    match linked {
        Ok(linked) => Ok(Some(linked.into_temp_path())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        // Some file systems have no hard links.
        Err(_) => {
            let old = fs::read(path).map_err(|e| FetchError::store("keep", path, &e))?;
            stage(store, path, &old).map(Some)
        }
    }
}

fn put(store: &mut dyn Store, new: &TempPath, path: &Path) -> Result<(), FetchError> {
    let renamed = store.rename(new, path);
    renamed.map_err(|e| FetchError::store("replace", path, &e))
}

/// Restores the old document after the record could not be replaced. Returns the error to report.
fn put_back(
    store: &mut dyn Store,
    old: Option<TempPath>,
    path: &Path,
    error: FetchError,
) -> FetchError {
    let Some(old) = old else {
        return match fs::remove_file(path) {
            Ok(()) => error,
            Err(e) => error.about(&format!("{} has no record now ({e})", path.display())),
        };
    };
    match store.rename(&old, path) {
        Ok(()) => error,
        // The temporary file is kept, because it is the only copy of the old document.
        Err(e) => match old.keep() {
            Ok(kept) => error.about(&format!("the old document is now {} ({e})", kept.display())),
            Err(_) => error.about(&format!("the old document is lost ({e})")),
        },
    }
}

/// Flushes the renames to the disk. Both files are complete even if the system cannot do this.
fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::{Url, redirect_refusal};

    fn refusal(previous: &[&str], next: &str) -> Option<String> {
        let parse = |text: &str| Url::parse(text).expect("a URL");
        let previous: Vec<_> = previous.iter().map(|url| parse(url)).collect();
        redirect_refusal(&previous, &parse(next), 2)
    }

    #[test]
    fn no_redirect_leaves_https() {
        assert_eq!(refusal(&["https://a/"], "https://b/"), None);
        assert_eq!(refusal(&["http://a/"], "https://b/"), None);
        assert_eq!(refusal(&["http://a/"], "http://b/"), None);
        let reason = "refused a redirect from https to http";
        assert_eq!(
            refusal(&["https://a/"], "http://a/").as_deref(),
            Some(reason)
        );
        assert_eq!(
            refusal(&["http://a/", "https://a/"], "http://a/").as_deref(),
            Some(reason)
        );
    }

    #[test]
    fn only_a_few_redirects_are_followed() {
        assert_eq!(refusal(&["http://a/1", "http://a/2"], "http://a/3"), None);
        let refused = refusal(&["http://a/1", "http://a/2", "http://a/3"], "http://a/4");
        assert_eq!(refused.as_deref(), Some("more than 2 redirects"));
    }
}
