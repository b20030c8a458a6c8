//! Tests `cargo xtask fetch` with real sockets on loopback and in real folders. The tests show which documents it accepts, which
//! ones it rejects and for what reason, and that both vendored files stay unchanged if any step fails.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::{self, killed};
use tempfile::TempDir;
use xtask::document::fetch::{
    DOCUMENT, Disk, ErrorKind, Fetch, FetchError, Fetched, Limits, RECORD, Source, Store,
    check_document, download, download_first, vendored,
};

const NEW: &str = r#"{"openapi":"3.0.3","info":{"title":"T","version":"1"},"paths":{"/a":{}}}"#;
const OLD: &str = "the old document";

// ---- a small server ----

/// A server that calls `handler(path, head, stream)` for one request per connection. It stops when it is dropped.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(handler: impl Fn(&str, &str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = common::listen("127.0.0.1");
        let address = listener.local_addr().expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let head = read_head(&mut stream);
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                handler(&path, &head, &mut stream);
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// Starts a server that responds to every request with these bytes.
    fn sending(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_, _, stream| send(stream, &bytes))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The thread waits in `accept`. It notices that it must stop only when a connection arrives.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the server panicked"
            );
        }
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    // A TLS handshake starts with the byte 22. Unlike an HTTP head, it does not end with an empty line.
    while !head.ends_with(b"\r\n\r\n")
        && head.first() != Some(&22)
        && matches!(stream.read(&mut byte), Ok(1))
    {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Sends the bytes, and ignores errors, because the client may close the connection early.
fn send(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
}

/// Sends nothing more, and waits until the client closes the connection.
fn hold(stream: &mut TcpStream) {
    let _ = io::copy(stream, &mut io::sink());
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn ok(body: &str) -> Vec<u8> {
    response("200 OK", "", body.as_bytes())
}

fn redirect(to: &str) -> Vec<u8> {
    response("302 Found", &format!("Location: {to}\r\n"), b"")
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).into_owned());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).expect("hex"))
        .collect()
}

// ---- a folder with an old pair ----

struct Vendored(TempDir);

impl Vendored {
    fn old() -> Self {
        let dir = TempDir::new().expect("a folder");
        fs::write(dir.path().join(DOCUMENT), OLD).expect("written");
        let source = Source::of("https://old.example/openapi.json", OLD.as_bytes());
        source.write(dir.path()).expect("written");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns all files with their contents. A test compares them to find what a fetch changed or left behind.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let read = fs::read_dir(self.path()).expect("listed");
        let mut files: Vec<_> = read
            .map(|entry| {
                let entry = entry.expect("listed");
                let name = entry.file_name().to_string_lossy().into_owned();
                // If the entry is a folder, it has no contents.
                (name, fs::read(entry.path()).unwrap_or_default())
            })
            .collect();
        files.sort();
        files
    }

    fn fetch(&self, from: &str) -> Fetch {
        Fetch {
            from: Some(from.to_owned()),
            of: None,
            openapi_dir: self.path().to_owned(),
            limits: Limits::default(),
        }
    }
}

fn run(fetch: &Fetch) -> (Result<Fetched, FetchError>, String) {
    let mut out = Vec::new();
    let result = fetch.run(&mut out);
    (result, String::from_utf8(out).expect("UTF-8"))
}

/// Runs a fetch that must fail with an error of one line. The fetch must change nothing and leave no new file behind.
fn refused(vendored: &Vendored, fetch: &Fetch) -> FetchError {
    let before = vendored.files();
    let (result, out) = run(fetch);
    let error = result.expect_err("must fail");
    assert_eq!(vendored.files(), before, "{error}");
    assert_eq!(out, "", "nothing was fetched: {error}");
    one_line(&error);
    error
}

fn one_line(error: &FetchError) {
    let line = error.to_string();
    assert!(
        !line.is_empty() && !line.contains(char::is_control),
        "{line:?}"
    );
}

#[track_caller]
fn says(error: &FetchError, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(
        error.to_string().contains(words),
        "{error:?} does not say {words:?}"
    );
}

fn refused_from(url: &str) -> FetchError {
    let vendored = Vendored::old();
    refused(&vendored, &vendored.fetch(url))
}

fn refused_answer(bytes: impl Into<Vec<u8>>) -> FetchError {
    let server = Server::sending(bytes);
    refused_from(&server.url("/openapi.json"))
}

// ---- what comes ----

/// Returns today's date according to the clock of this machine, which may be wrong.
fn today() -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    now.format("%Y-%m-%d").to_string()
}

#[test]
fn a_url_replaces_the_document_and_its_record() {
    let server = Server::sending(ok(NEW));
    let vendored_files = Vendored::old();
    let url = server.url("/openapi.json?v=2#part");
    let before = today();
    let (fetched, out) = run(&vendored_files.fetch(&url));
    let fetched = fetched.expect("fetched");

    assert_eq!((fetched.changed, fetched.paths), (true, 1));
    let names: Vec<_> = vendored_files
        .files()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [DOCUMENT, RECORD]);
    let (bytes, source) = vendored(vendored_files.path()).expect("a pair that belongs together");
    assert_eq!(bytes, NEW.as_bytes());
    assert_eq!(source, fetched.source);
    assert_eq!(source.url, server.url("/openapi.json?v=2"));
    assert_eq!(source.size, NEW.len() as u64);
    assert_eq!(source.note, None);
    assert!(
        [before, today()].contains(&source.fetched),
        "{}",
        source.fetched
    );
    assert!(out.contains("T: OpenAPI 3.0.3, 1 paths, 72 bytes"), "{out}");
    assert!(
        out.contains("the document has changed: run `cargo xtask regen`"),
        "{out}"
    );
}

#[test]
fn the_same_document_again_is_told_so() {
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let fetch = vendored.fetch(&server.url("/"));
    run(&fetch).0.expect("fetched");
    let (fetched, out) = run(&fetch);
    assert!(!fetched.expect("fetched").changed);
    assert!(out.contains("the same as before"), "{out}");
}

#[test]
fn the_first_fetch_needs_no_old_files() {
    let server = Server::sending(ok(NEW));
    let dir = TempDir::new().expect("a folder");
    let fetch = Fetch {
        from: Some(server.url("/")),
        of: None,
        openapi_dir: dir.path().to_owned(),
        limits: Limits::default(),
    };
    run(&fetch).0.expect("fetched");
    vendored(dir.path()).expect("a pair that belongs together");
}

#[test]
fn a_closed_output_is_no_failure_once_both_files_are_there() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let server = Server::sending(ok(NEW));
    let vendored_files = Vendored::old();
    vendored_files
        .fetch(&server.url("/"))
        .run(&mut Closed)
        .expect("fetched");
    vendored(vendored_files.path()).expect("a pair that belongs together");
}

#[cfg(unix)]
#[test]
fn the_new_files_are_readable_for_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let plain = vendored.path().join("plain");
    fs::write(&plain, "").expect("written");
    run(&vendored.fetch(&server.url("/"))).0.expect("fetched");
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    // The umask of the process applies to both files.
    let plain = mode(plain) & 0o644;
    assert_eq!(mode(vendored.path().join(DOCUMENT)), plain);
    assert_eq!(mode(vendored.path().join(RECORD)), plain);
}

#[test]
fn a_file_is_recorded_by_its_name_alone() {
    let elsewhere = TempDir::new().expect("a folder");
    let file = elsewhere.path().join("older.json");
    fs::write(&file, NEW).expect("written");
    let vendored_files = Vendored::old();
    run(&vendored_files.fetch(&file.to_string_lossy()))
        .0
        .expect("fetched");
    let (bytes, source) = vendored(vendored_files.path()).expect("a pair");
    assert_eq!(
        (bytes.as_slice(), source.url.as_str()),
        (NEW.as_bytes(), "file:older.json")
    );
}

#[test]
fn download_tells_the_headers_and_introduces_itself() {
    let headers = "ETag: \"abc\"\r\nLast-Modified: Thu, 07 May 2026 00:00:00 GMT\r\n";
    let answer = response("200 OK", headers, NEW.as_bytes());
    let server = Server::start(move |path, head, stream| {
        let head = head.to_ascii_lowercase();
        assert_eq!(path, "/openapi.json");
        assert!(head.contains("accept: application/json\r\n"), "{head}");
        assert!(head.contains("user-agent: circleci-api-xtask/"), "{head}");
        send(stream, &answer);
    });
    let got = download(&server.url("/openapi.json"), &Limits::default()).expect("downloaded");
    assert_eq!(got.bytes, NEW.as_bytes());
    assert_eq!(got.etag.as_deref(), Some("\"abc\""));
    assert_eq!(
        got.last_modified.as_deref(),
        Some("Thu, 07 May 2026 00:00:00 GMT")
    );
}

#[test]
fn a_compressed_answer_is_stored_as_it_was_before() {
    let body = hex(GZIP_NEW);
    let server = Server::sending(response("200 OK", "Content-Encoding: gzip\r\n", &body));
    let got = download(&server.url("/"), &Limits::default()).expect("downloaded");
    assert_eq!(got.bytes, NEW.as_bytes());
}

#[test]
fn an_answer_without_a_length_comes_whole() {
    let server = Server::sending(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{NEW}"));
    let got = download(&server.url("/"), &Limits::default()).expect("downloaded");
    assert_eq!(got.bytes, NEW.as_bytes());
}

// ---- redirects ----

/// Starts a server that redirects `/3` to `/2`, `/2` to `/1` and `/1` to `/0`, where the document is.
fn countdown() -> Server {
    Server::start(|path, _, stream| {
        let left: usize = path.trim_start_matches('/').parse().expect("a number");
        match left {
            0 => send(stream, &ok(NEW)),
            _ => send(stream, &redirect(&format!("/{}", left - 1))),
        }
    })
}

#[test]
fn a_few_redirects_are_followed_and_the_asked_url_is_recorded() {
    let server = countdown();
    let limits = Limits::default();
    let got = download(&server.url(&format!("/{}", limits.max_redirects)), &limits);
    let got = got.expect("downloaded");
    assert_eq!(got.bytes, NEW.as_bytes());
    assert_eq!(got.url, server.url("/5"));
}

#[test]
fn one_redirect_too_many_is_refused() {
    let server = countdown();
    let error = refused_from(&server.url("/6"));
    says(&error, ErrorKind::Redirect, "more than 5 redirects");
}

#[test]
fn a_redirect_loop_ends() {
    let error = refused_answer(redirect("/openapi.json"));
    says(&error, ErrorKind::Redirect, "more than 5 redirects");
}

#[test]
fn a_redirect_to_another_scheme_is_not_followed() {
    for to in ["file:///etc/hostname", "ftp://127.0.0.1/openapi.json"] {
        one_line(&refused_answer(redirect(to)));
    }
}

#[test]
fn a_redirect_to_nowhere_is_a_status() {
    let error = refused_answer(response("302 Found", "", b""));
    says(
        &error,
        ErrorKind::Status(302),
        "the server answered 302 Found",
    );
}

// ---- no document ----

#[test]
fn no_server_is_said_so() {
    let listener = common::listen("127.0.0.1");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = refused_from(&format!("http://{address}/openapi.json"));
    says(&error, ErrorKind::Network, "cannot connect: ");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_server_that_does_not_speak_tls_is_no_server() {
    let server = Server::sending(ok(NEW));
    let error = refused_from(&server.url("/").replace("http:", "https:"));
    // On a machine without CA certificates, the client fails before it opens a connection.
    let words = match error.to_string().contains("ca-certificates") {
        true => "cannot trust any https server: ",
        false => "cannot connect: ",
    };
    says(&error, ErrorKind::Network, words);
}

#[test]
fn a_server_that_does_not_speak_http_is_no_server() {
    let error = refused_answer("220 mail.example ESMTP\r\n");
    says(&error, ErrorKind::Network, "no response: ");
}

#[test]
fn a_server_that_hangs_up_is_no_server() {
    let error = refused_answer("");
    says(&error, ErrorKind::Network, "no response: ");
}

#[test]
fn an_http_error_is_named_even_with_a_fine_body() {
    for (status, code) in [
        ("404 Not Found", 404),
        ("503 Service Unavailable", 503),
        ("403 Forbidden", 403),
        ("204 No Content", 204),
        ("206 Partial Content", 206),
    ] {
        let body = if code == 204 { "" } else { NEW };
        let error = refused_answer(response(status, "", body.as_bytes()));
        says(
            &error,
            ErrorKind::Status(code),
            &format!("the server answered {status}"),
        );
    }
}

#[test]
fn other_places_to_read_from_are_refused() {
    let error = refused_from("ftp://127.0.0.1/openapi.json");
    says(&error, ErrorKind::From, "ftp:// is not supported");
    let error = refused_from("https://");
    says(&error, ErrorKind::From, "not valid");
    let error = refused_from("no-such-file.json");
    says(&error, ErrorKind::From, "cannot read no-such-file.json: ");
    let error = refused_from("");
    says(&error, ErrorKind::From, "cannot read");
    let folder = TempDir::new().expect("a folder");
    let error = refused_from(&folder.path().to_string_lossy());
    says(&error, ErrorKind::From, "is not a file");
}

#[test]
fn a_password_is_neither_sent_nor_recorded_nor_shown() {
    for url in [
        "http://me:s3cret@127.0.0.1:9/",
        "http://s3cret@127.0.0.1:9/",
        "http://a:s3cret@:x/",
    ] {
        let error = refused_from(url);
        assert_eq!(error.kind(), ErrorKind::From);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

// ---- too much ----

fn small() -> Limits {
    Limits {
        max_bytes: 8 * 1024,
        ..Limits::default()
    }
}

fn refused_within(limits: Limits, handler: impl Fn(&mut TcpStream) + Send + 'static) -> FetchError {
    let server = Server::start(move |_, _, stream| handler(stream));
    let vendored = Vendored::old();
    let mut fetch = vendored.fetch(&server.url("/openapi.json"));
    fetch.limits = limits;
    refused(&vendored, &fetch)
}

#[test]
fn a_promised_size_over_the_limit_is_not_waited_for() {
    let error = refused_within(small(), |stream| {
        send(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 8193\r\n\r\n");
        hold(stream);
    });
    says(&error, ErrorKind::TooLarge, "larger than 8192 bytes");
}

#[test]
fn an_endless_answer_ends_at_the_limit() {
    let error = refused_within(small(), |stream| {
        send(stream, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[b' '; 1024]).is_ok() {}
    });
    says(&error, ErrorKind::TooLarge, "larger than 8192 bytes");
}

#[test]
fn an_endless_chunked_answer_ends_at_the_limit() {
    let error = refused_within(small(), |stream| {
        send(
            stream,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        while stream.write_all(b"4\r\n    \r\n").is_ok() {}
    });
    says(&error, ErrorKind::TooLarge, "larger than 8192 bytes");
}

#[test]
fn a_small_answer_that_unpacks_to_a_large_one_ends_at_the_limit() {
    let body = hex(GZIP_64_KIB_OF_SPACES);
    assert!(body.len() < 200);
    let answer = response("200 OK", "Content-Encoding: gzip\r\n", &body);
    let error = refused_within(small(), move |stream| send(stream, &answer));
    says(&error, ErrorKind::TooLarge, "larger than 8192 bytes");
}

#[test]
fn a_document_of_exactly_the_limit_is_fine_and_one_byte_more_is_not() {
    let server = Server::sending(ok(NEW));
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("a.json");
    fs::write(&file, NEW).expect("written");
    for from in [server.url("/"), file.to_string_lossy().into_owned()] {
        let limits = |max_bytes| Limits {
            max_bytes,
            ..Limits::default()
        };
        download(&from, &limits(NEW.len() as u64)).expect("fits");
        let error = download(&from, &limits(NEW.len() as u64 - 1)).expect_err("too large");
        says(&error, ErrorKind::TooLarge, "larger than 71 bytes");
    }
}

// ---- too slow ----

fn impatient() -> Limits {
    Limits {
        stall_timeout: Duration::from_millis(80),
        ..Limits::default()
    }
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let error = refused_within(impatient(), hold);
    says(&error, ErrorKind::Timeout, "no response within 80ms");
}

#[test]
fn a_head_that_drips_is_given_up() {
    let error = refused_within(impatient(), |stream| {
        send(stream, b"HTTP/1.1 200 OK\r\nX-Slow: ");
        drip(stream);
    });
    says(&error, ErrorKind::Timeout, "no response within 80ms");
}

/// Fetches with a short limit. If the head of the response does not arrive within that limit, because the machine is busy, fetches
/// again with a long limit.
fn refused_after_head(
    limits: impl Fn(Duration) -> Limits,
    handler: impl Fn(&mut TcpStream) + Clone + Send + 'static,
) -> (FetchError, Duration) {
    let (short, long) = (Duration::from_millis(400), Duration::from_secs(20));
    let error = refused_within(limits(short), handler.clone());
    match error.to_string().contains("no response within") {
        true => (refused_within(limits(long), handler), long),
        false => (error, short),
    }
}

#[test]
fn a_stall_in_the_middle_is_given_up() {
    let limits = |limit| Limits {
        stall_timeout: limit,
        ..Limits::default()
    };
    let (error, limit) = refused_after_head(limits, |stream| {
        send(
            stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"openapi\"",
        );
        hold(stream);
    });
    let words = format!("the download stalled: no data for {limit:?} after 10 bytes");
    says(&error, ErrorKind::Timeout, &words);
}

#[test]
fn an_answer_that_drips_is_given_up_in_the_end() {
    let limits = |limit| Limits {
        stall_timeout: Duration::from_secs(60),
        total_timeout: limit,
        ..Limits::default()
    };
    let (error, limit) = refused_after_head(limits, |stream| {
        send(
            stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        );
        drip(stream);
    });
    let words = format!("not complete within {limit:?}");
    says(&error, ErrorKind::Timeout, &words);
}

/// Sends one byte every few milliseconds, until the client closes the connection.
fn drip(stream: &mut TcpStream) {
    let pause = Some(Duration::from_millis(5));
    stream.set_read_timeout(pause).expect("set");
    let mut byte = [0];
    // The read makes the pause between two bytes, because it waits until its timeout. If it returns zero bytes, the client has
    // closed the connection.
    while stream.write_all(b"x").is_ok() && !matches!(stream.read(&mut byte), Ok(0)) {}
}

// ---- cut off, or something else ----

#[test]
fn a_connection_lost_in_the_middle_is_said_so() {
    let (half, _) = NEW.split_at(NEW.len() / 2);
    let error = refused_answer(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 72\r\n\r\n{half}"
    ));
    says(
        &error,
        ErrorKind::Network,
        "the connection broke after 36 bytes: ",
    );
    let chunk = format!("{:x}\r\n{half}\r\n", half.len());
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let error = refused_answer(format!("{head}{chunk}"));
    says(
        &error,
        ErrorKind::Network,
        "the connection broke after 36 bytes: ",
    );
}

#[test]
fn json_cut_off_by_a_server_that_calls_it_complete_is_named() {
    let (half, _) = NEW.split_at(NEW.len() / 2);
    let words = "the document is incomplete: its JSON ends too early, after 36 bytes";
    says(&refused_answer(ok(half)), ErrorKind::Document, words);
    // The server announces a length that is shorter than the document.
    let error = refused_answer(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{NEW}"
    ));
    says(&error, ErrorKind::Document, words);
    let error = refused_answer(format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{half}"
    ));
    says(&error, ErrorKind::Document, words);
}

#[test]
fn what_is_no_openapi_3_0_document_is_named() {
    let cases: &[(&str, &str)] = &[
        ("", "the document is empty"),
        (" \n ", "the document is empty"),
        (
            "<!DOCTYPE html><title>Sign in</title>",
            "is an HTML page, not JSON",
        ),
        ("\n<html><body>Just a moment…", "is an HTML page, not JSON"),
        ("<?xml version='1.0'?><Error/>", "is XML or HTML, not JSON"),
        ("\u{feff}{}", "starts with a byte order mark"),
        // This text is valid YAML.
        ("openapi: 3.0.3\n", "no `info` object"),
        ("openapi: 3.0.3\n  info: x\n", "is neither JSON nor YAML: "),
        ("Not found", "is neither JSON nor YAML: "),
        ("{\"openapi\":\"3.0.3\"} trailing", "is not JSON: "),
        ("[]", "is JSON, but not an object"),
        ("null", "is JSON, but not an object"),
        ("{}", "not OpenAPI: it has no `openapi`"),
        (
            "{\"message\":\"Not found\"}",
            "not OpenAPI: it has no `openapi`",
        ),
        (
            "{\"swagger\":\"2.0\",\"paths\":{}}",
            "is Swagger 2.0, not OpenAPI 3.0",
        ),
        ("{\"openapi\":\"3.1.0\"}", "no `info` object"),
        ("{\"openapi\":\"3.1\"}", "no `info` object"),
        (
            "{\"openapi\":\"3.2.0\"}",
            "`openapi` is 3.2.0, not 3.0.x or 3.1.x",
        ),
        ("{\"openapi\":\"4.0.0\"}", "`openapi` is 4.0.0, not 3.0.x"),
        ("{\"openapi\":\"3.0.\"}", "`openapi` is 3.0., not 3.0.x"),
        ("{\"openapi\":\"3.0.x\"}", "`openapi` is 3.0.x, not 3.0.x"),
        ("{\"openapi\":3.0}", "`openapi` is 3.0, not 3.0.x"),
        ("{\"openapi\":\"3.0.0\"}", "no `info` object"),
        ("{\"openapi\":\"3.0.0\",\"info\":[]}", "no `info` object"),
        (
            "{\"openapi\":\"3.0.0\",\"info\":{\"version\":\"1\"}}",
            "`info` has no title",
        ),
        (
            "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\" \",\"version\":\"1\"}}",
            "`info` has no title",
        ),
        (
            "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"T\"}}",
            "`info` has no version",
        ),
        (
            "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"T\",\"version\":2}}",
            "`info` has no version",
        ),
        (
            "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"T\",\"version\":\"1\"}}",
            "has no path",
        ),
    ];
    for (body, words) in cases {
        let error = check_document(body.as_bytes()).expect_err(body);
        says(&error, ErrorKind::Document, words);
        one_line(&error);
    }
    for paths in ["{}", "[]", "null", "{\"x-note\":{}}", "{\"/a\":null}"] {
        let body = NEW.replace("{\"/a\":{}}", paths);
        let error = check_document(body.as_bytes()).expect_err(paths);
        says(&error, ErrorKind::Document, "the document has no path");
    }
    let error = check_document(b"{\"openapi\":\"3.0.3\xff").expect_err("not UTF-8");
    says(&error, ErrorKind::Document, "is not UTF-8 text: byte 17");
}

#[test]
fn a_refused_document_replaces_nothing_and_names_where_it_came_from() {
    for body in [
        "",
        "<html>",
        "{\"swagger\":\"2.0\"}",
        "{\"openapi\":\"3.1.0\"}",
        "{}",
    ] {
        let error = refused_answer(ok(body));
        says(&error, ErrorKind::Document, "/openapi.json: the document ");
    }
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("cut.json");
    fs::write(&file, &NEW[..20]).expect("written");
    let error = refused_from(&file.to_string_lossy());
    says(
        &error,
        ErrorKind::Document,
        "file:cut.json: the document is incomplete",
    );
}

#[test]
fn foreign_text_stays_on_one_short_line() {
    let body = format!("{{\"openapi\":\"3.\\n\\u001b[2J{}\"}}", "é".repeat(5000));
    let error = check_document(body.as_bytes()).expect_err("refused");
    one_line(&error);
    assert!(error.to_string().chars().count() < 120, "{error}");
    // A parser that recurses into this document would overflow the stack. The check must reject it without a crash.
    let deep = "[".repeat(1_000_000);
    one_line(&check_document(deep.as_bytes()).expect_err("refused"));
}

// ---- a failing disk ----

/// The real file system with a fault: the operation with the number `fails_at` fails. If `for_good` is true, all later operations
/// fail too.
struct Failing {
    fails_at: usize,
    for_good: bool,
    done: Vec<&'static str>,
}

impl Failing {
    fn at(fails_at: usize) -> Self {
        Self {
            fails_at,
            for_good: false,
            done: Vec::new(),
        }
    }

    fn next(&mut self, operation: &'static str) -> io::Result<()> {
        let number = self.done.len();
        self.done.push(operation);
        match number == self.fails_at || (self.for_good && number > self.fails_at) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl Store for Failing {
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if let Err(full) = self.next("write") {
            // Simulates a full disk: writes only the part that still fits.
            Disk.write(file, &bytes[..bytes.len() / 2])?;
            return Err(full);
        }
        Disk.write(file, bytes)
    }
    fn sync(&mut self, file: &File) -> io::Result<()> {
        self.next("sync")?;
        Disk.sync(file)
    }
    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.next("link")?;
        Disk.link(from, to)
    }
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.next("rename")?;
        Disk.rename(from, to)
    }
}

/// The file operations of a successful fetch, in their order.
const OPERATIONS: [&str; 7] = ["write", "sync", "write", "sync", "link", "rename", "rename"];

#[test]
fn a_failure_of_any_operation_leaves_both_old_files() {
    let server = Server::sending(ok(NEW));
    for (number, operation) in OPERATIONS.into_iter().enumerate() {
        let vendored_files = Vendored::old();
        let before = vendored_files.files();
        let mut store = Failing::at(number);
        let fetch = vendored_files.fetch(&server.url("/"));
        let result = fetch.run_in(&mut store, &mut io::sink());
        assert_eq!(store.done[number], operation);
        if operation == "link" {
            // If the file system has no hard links, `fetch` copies the old document instead.
            result.expect("fetched");
            vendored(vendored_files.path()).expect("a pair");
            assert_eq!(vendored_files.files().len(), 2);
            continue;
        }
        let error = result.expect_err("must fail");
        one_line(&error);
        assert_eq!(error.kind(), ErrorKind::Store, "{error}");
        assert_eq!(
            vendored_files.files(),
            before,
            "{operation} {number}: {error}"
        );
    }
    let mut store = Failing::at(usize::MAX);
    let vendored = Vendored::old();
    let fetch = vendored.fetch(&server.url("/"));
    fetch.run_in(&mut store, &mut io::sink()).expect("fetched");
    assert_eq!(store.done, OPERATIONS, "the loop above has seen them all");
}

#[test]
fn a_full_disk_is_named() {
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let before = vendored.files();
    let mut store = Failing::at(0);
    store.for_good = true;
    let fetch = vendored.fetch(&server.url("/"));
    let error = fetch
        .run_in(&mut store, &mut io::sink())
        .expect_err("must fail");
    says(&error, ErrorKind::Store, "cannot write beside ");
    let full = io::Error::from(io::ErrorKind::StorageFull).to_string();
    assert!(error.to_string().ends_with(&full), "{error}");
    assert_eq!(vendored.files(), before);
}

#[test]
fn without_links_a_failed_second_rename_still_brings_the_old_document_back() {
    struct NoLinks {
        renames: usize,
    }
    impl Store for NoLinks {
        fn link(&mut self, _: &Path, _: &Path) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
            self.renames += 1;
            match self.renames {
                2 => Err(io::ErrorKind::PermissionDenied.into()),
                _ => Disk.rename(from, to),
            }
        }
    }
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let before = vendored.files();
    let fetch = vendored.fetch(&server.url("/"));
    let mut store = NoLinks { renames: 0 };
    let error = fetch
        .run_in(&mut store, &mut io::sink())
        .expect_err("must fail");
    says(&error, ErrorKind::Store, "cannot replace ");
    assert_eq!(store.renames, 3);
    assert_eq!(vendored.files(), before);
}

#[test]
fn if_even_the_way_back_fails_the_old_document_is_kept_and_named() {
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let mut store = Failing::at(OPERATIONS.len() - 1);
    store.for_good = true;
    let fetch = vendored.fetch(&server.url("/"));
    let error = fetch
        .run_in(&mut store, &mut io::sink())
        .expect_err("must fail");
    one_line(&error);
    says(&error, ErrorKind::Store, "the old document is now ");
    let files = vendored.files();
    let (kept, _) = files
        .iter()
        .find(|(_, bytes)| bytes == OLD.as_bytes())
        .expect("kept");
    assert!(error.to_string().contains(kept.as_str()), "{error}");
}

#[test]
fn a_record_that_cannot_be_replaced_brings_the_old_document_back() {
    // The record cannot be replaced if a folder has its name.
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    fs::remove_file(vendored.path().join(RECORD)).expect("removed");
    fs::create_dir(vendored.path().join(RECORD)).expect("made");
    let error = refused(&vendored, &vendored.fetch(&server.url("/")));
    says(&error, ErrorKind::Store, "cannot replace ");

    // If there was no old document, the failed fetch must leave no document behind.
    fs::remove_file(vendored.path().join(DOCUMENT)).expect("removed");
    let error = refused(&vendored, &vendored.fetch(&server.url("/")));
    says(&error, ErrorKind::Store, "cannot replace ");
}

#[test]
fn a_document_that_cannot_be_replaced_leaves_the_record() {
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    fs::remove_file(vendored.path().join(DOCUMENT)).expect("removed");
    fs::create_dir(vendored.path().join(DOCUMENT)).expect("made");
    let error = refused(&vendored, &vendored.fetch(&server.url("/")));
    one_line(&error);
    assert_eq!(error.kind(), ErrorKind::Store);
}

#[test]
fn a_missing_folder_is_said_so() {
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let mut fetch = vendored.fetch(&server.url("/"));
    fetch.openapi_dir = vendored.path().join("none");
    let error = refused(&vendored, &fetch);
    says(&error, ErrorKind::Store, "cannot write beside ");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_said_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let set = |mode| fs::set_permissions(vendored.path(), fs::Permissions::from_mode(mode));
    set(0o555).expect("set");
    // Root may write to any folder, so the test is skipped for root.
    if File::create(vendored.path().join("probe")).is_err() {
        let error = refused(&vendored, &vendored.fetch(&server.url("/")));
        says(&error, ErrorKind::Store, "cannot write beside ");
    }
    set(0o755).expect("set");
}

// ---- the record ----

#[test]
fn a_record_reads_as_it_was_written_and_tells_a_changed_document() {
    let vendored_files = Vendored::old();
    let source = Source::read(vendored_files.path()).expect("read");
    assert_eq!(
        source,
        Source::of("https://old.example/openapi.json", OLD.as_bytes())
    );
    source.verify(OLD.as_bytes()).expect("the same bytes");

    let same_size = OLD.replace("old", "new");
    for changed in [same_size.as_str(), "", "the old document\n"] {
        let error = source.verify(changed.as_bytes()).expect_err("other bytes");
        says(
            &error,
            ErrorKind::Store,
            "`cargo xtask fetch` replaces both",
        );
        one_line(&error);
        fs::write(vendored_files.path().join(DOCUMENT), changed).expect("written");
        vendored(vendored_files.path()).expect_err("no pair");
    }
    let mut wrong_size = source.clone();
    wrong_size.size += 1;
    wrong_size.verify(OLD.as_bytes()).expect_err("another size");
}

#[test]
fn a_record_that_is_none_is_said_so() {
    let dir = TempDir::new().expect("a folder");
    let error = Source::read(dir.path()).expect_err("missing");
    says(&error, ErrorKind::Store, "cannot read ");
    for text in ["", "{", "{\"url\":\"u\"}", "[]"] {
        fs::write(dir.path().join(RECORD), text).expect("written");
        let error = Source::read(dir.path()).expect_err(text);
        says(&error, ErrorKind::Store, "is not a record of a fetch: ");
        one_line(&error);
    }
}

#[test]
fn the_vendored_document_is_the_recorded_one_and_would_be_accepted() {
    let openapi = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi");
    let (bytes, _) = vendored(&openapi).expect("a pair that belongs together");
    let document = check_document(&bytes).expect("accepted");
    assert!(
        document["paths"]
            .as_object()
            .is_some_and(|paths| !paths.is_empty())
    );
}

const GZIP_NEW: &str = "\
    1f8b0800000000000203ab56ca2f48cd4b2cc854b25232d633d03356d251cacc4bcb57b2aa562ac9 \
    2cc949058a8700c5ca528b8a33f3f3803c43a55a1da582c4928c62901afd4420595b5b0b008bef15 \
    3348000000";

const GZIP_64_KIB_OF_SPACES: &str = "\
    1f8b0800000000000203edc18100000000802095fd2917a90a000000000000000000000000000000 \
    00000000000000000000000000000000000000000000000000000000000000000000000000000000 \
    00000000000000006a94192cb400000100";

#[test]
fn the_first_address_that_has_the_document_is_used() {
    let limits = Limits::default();
    let server = Server::start(|path, _, stream| match path {
        "/new" | "/old" => send(stream, &ok(NEW)),
        "/page" => send(stream, &ok("<html>it has moved</html>")),
        _ => send(stream, &response("404 Not Found", "", b"")),
    });
    let from = |paths: &[&str]| {
        let urls: Vec<String> = paths.iter().map(|path| server.url(path)).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        download_first(&urls, &limits)
    };
    for (paths, answered) in [
        (["/new", "/old"], "/new"),
        (["/gone", "/old"], "/old"),
        // An HTML page is not a document, even if its status is 200.
        (["/page", "/old"], "/old"),
    ] {
        let (new, document) = from(&paths).unwrap();
        assert_eq!(new.url, server.url(answered), "{paths:?}");
        assert_eq!(document["openapi"], "3.0.3");
    }
    let error = from(&["/gone", "/page"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status(404));
    for part in ["/gone: the server answered 404", "/page: "] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!error.to_string().contains('\n'));
    assert_eq!(from(&[]).unwrap_err().kind(), ErrorKind::From);
}

#[test]
fn two_fetches_at_once_do_not_meet() {
    let server = Server::sending(ok(NEW));
    let vendored = Vendored::old();
    let before = vendored.files();
    let fetch = vendored.fetch(&server.url("/"));
    let held = xtask::document::lock::Lock::take(&fetch.openapi_dir).expect("a lock");
    assert!(held.is_some());
    let error = fetch.run(&mut io::sink()).expect_err("must fail");
    says(&error, ErrorKind::Store, "another `cargo xtask fetch`");
    assert_eq!(vendored.files(), before);
    drop(held);
    fetch.run(&mut io::sink()).expect("fetched");
}

/// Runs in the child process that another test starts and kills. In any other run, it returns at once.
#[test]
fn killed_child() {
    let Some((mut store, words)) = killed::child() else {
        return;
    };
    let fetch = Fetch {
        from: Some(words[1].clone()),
        of: None,
        openapi_dir: (&words[0]).into(),
        limits: Limits::default(),
    };
    fetch.run_in(&mut store, &mut io::sink()).expect("fetched");
}

#[test]
fn a_fetch_that_is_killed_leaves_nothing_that_the_next_one_does_not_mend() {
    for renames in 0..3 {
        let vendored = Vendored::old();
        let dir = vendored.fetch("").openapi_dir;
        let elsewhere = tempfile::tempdir().expect("a folder");
        let new = elsewhere.path().join("new.json");
        std::fs::write(&new, NEW).expect("written");
        let (folder, document) = (dir.display().to_string(), new.display().to_string());
        let output = killed::start("fetch::killed_child", renames, &[&folder, &document]);
        assert_eq!(output.status.success(), renames == 2);
        let fetch = Fetch {
            from: Some(new.display().to_string()),
            of: None,
            openapi_dir: dir.clone(),
            limits: Limits::default(),
        };
        fetch.run(&mut io::sink()).expect("fetched");
        let (bytes, _) = xtask::document::fetch::vendored(&dir).expect("a pair");
        assert_eq!(bytes, NEW.as_bytes());
        let left: Vec<_> = std::fs::read_dir(&dir)
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name.to_string_lossy().ends_with(".tmp"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
