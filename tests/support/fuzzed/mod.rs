//! Tries random bytes: for the targets of `fuzz/`, and in `replay.rs` for the inputs that are kept.
//!
//! No input causes a panic or unlimited memory use. Each file says what else must hold.

mod answers;
mod artifacts;
mod docs;
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

/// A function that tries bytes.
pub type Run = fn(&[u8]);

/// The functions by the names of their fuzz targets.
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

/// Returns the first line, and the rest.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// Returns the bytes unchanged or compressed with gzip.
fn perhaps_packed(choice: u8, bytes: &[u8]) -> Vec<u8> {
    if choice.is_multiple_of(2) {
        return bytes.to_vec();
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

/// Returns the bytes as the value of a header, without line breaks and other control characters.
fn header(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|it| !it.is_control()).collect()
}

/// Checks the text of an error: one line of bounded length, without the token.
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
