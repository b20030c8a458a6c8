//! Functions that feed random bytes to the code. The targets in `fuzz/` call them with the fuzzer's bytes, and `replay.rs`
//! calls them with the inputs that are kept.
//!
//! No input may cause a panic or unlimited memory use. Each file says what else must be true.

mod answers;
mod artifacts;
pub mod docs;
mod downloads;
mod drift;
mod errors;
mod overlay;
mod printed;
mod regen;
mod slugs;
mod stage;
mod usage;
mod waits;
mod webhooks;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

/// A function that feeds bytes to the code.
pub type Run = fn(&[u8]);

/// The functions, with the names of their fuzz targets.
pub const TARGETS: &[(&str, Run)] = &[
    ("answers", answers::run),
    ("artifacts", artifacts::run),
    ("docs", docs::run),
    ("downloads", downloads::run),
    ("drift", drift::run),
    ("errors", errors::run),
    ("overlay", overlay::run),
    ("printed", printed::run),
    ("regen", regen::run),
    ("slugs", slugs::run),
    ("usage", usage::run),
    ("waits", waits::run),
    ("webhooks", webhooks::run),
];

/// Returns the first line, and the bytes after it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// Returns the bytes unchanged if `choice` is even, and compressed with gzip otherwise.
fn perhaps_packed(choice: u8, bytes: &[u8]) -> Vec<u8> {
    if choice.is_multiple_of(2) {
        return bytes.to_vec();
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

/// Returns the bytes as a valid header value, without line breaks and other control characters.
fn header(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|it| !it.is_control()).collect()
}

/// Checks the text of an error: it is a single line, its length is limited, and it does not contain the token.
fn assert_presentable(error: &circleci_api::Error) {
    let line = error.to_string();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert!(line.len() < 2048, "{} bytes: {line}", line.len());
    let debug = format!("{error:#?}");
    assert!(debug.len() < 64 * 1024, "{} bytes of Debug", debug.len());
    for shown in [line, debug] {
        assert!(!shown.contains(crate::server::TOKEN), "{shown}");
    }
}
