//! Started by `cargo xtask reality`.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::process::ExitCode;

use anyhow::Result;
use circleci_api_reality::{recordings, report};
use clap::Parser;
use xtask::conformance::{Documents, Reality, end, repository};
use xtask::regen::Places;

/// There are contradictions.
const CONTRADICTED: u8 = 4;

#[tokio::main]
async fn main() -> ExitCode {
    end(run(Reality::parse()).await)
}

async fn run(arguments: Reality) -> Result<ExitCode> {
    let documents = Documents::read(&Places::of(&repository()))?;
    let recordings = recordings::read(&arguments.path)?;
    let report = report::run(&documents.overlaid, &recordings).await?;
    report::print(&report, &mut std::io::stdout().lock())?;
    Ok(match report.contradictions.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(CONTRADICTED),
    })
}
