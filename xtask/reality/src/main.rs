//! Started by `cargo xtask reality`.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use circleci_api_reality::{recordings, report};
use clap::Parser;
use xtask::document::overlay;
use xtask::regen::Places;

/// Recorded answers, held against CircleCI's document with our overlay and against the types of the client. Prints each
/// contradiction with the overlay action that mends it.
///
/// A file is an HTTP archive (HAR), a cassette of VCR, VCR.py or go-vcr in YAML or JSON, or one JSON body that is named after its
/// operation: `listPipelines.json`, `listPipelines.2.json`, `listPipelines/2.json`.
///
/// Exit code: 0 if there is no contradiction, 4 if there are some, 1 if something cannot be read.
#[derive(Parser)]
#[command(name = "cargo xtask reality")]
struct Arguments {
    /// A recording, or a folder of them
    path: PathBuf,
}

/// There are contradictions.
const CONTRADICTED: u8 = 4;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let places = Places::of(&root);
    let document = std::fs::read(places.openapi.join("openapi.json"))
        .context("cannot read openapi/openapi.json")?;
    let mut document = serde_json::from_slice(&document)?;
    overlay::apply(&mut document, &places.overlay()?, false)?;
    let recordings = recordings::read(&arguments.path)?;
    let report = report::run(&document, &recordings).await?;
    report::print(&report, &mut std::io::stdout().lock())?;
    Ok(match report.contradictions.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(CONTRADICTED),
    })
}
