//! Started by `cargo xtask conformance`.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use circleci_api_conformance::case;
use circleci_api_conformance::prism::{self, Prism};
use circleci_api_conformance::relay::Mode;
use circleci_api_conformance::suite::{self, Servers};
use clap::Parser;
use xtask::document::overlay;
use xtask::regen::Places;

/// Every operation of the client against Stoplight Prism, a server made from CircleCI's document. Needs Node 20 or later.
#[derive(Parser)]
#[command(name = "cargo xtask conformance")]
struct Arguments {
    /// How many times Prism makes up its answers, each time by another seed
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    seeds: u32,
    /// How many calls are made at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    workers: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let places = Places::of(&root);
    let folder = prism::folder(&root);
    let untouched = places.openapi.join("openapi.json");
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(&untouched).context("cannot read openapi/openapi.json")?)?;
    let mut mended = document.clone();
    overlay::apply(&mut mended, &places.overlay()?, false)?;
    let scratch = tempfile::tempdir()?;
    let overlaid = scratch.path().join("overlaid.json");
    fs::write(&overlaid, serde_json::to_vec(&mended)?)?;

    prism::install(&folder).await?;
    let (untouched, overlaid) = tokio::try_join!(
        Prism::start(&folder, &untouched, scratch.path()),
        Prism::start(&folder, &overlaid, scratch.path())
    )?;
    let modes: Vec<Mode> = std::iter::once(Mode::Static)
        .chain((1..=arguments.seeds).map(Mode::Dynamic))
        .collect();
    let servers = Servers {
        untouched: untouched.address,
        overlaid: overlaid.address,
    };
    let report = suite::run(&document, case::cases(), servers, &modes, arguments.workers).await?;
    report.write(&mut std::io::stdout().lock())?;
    Ok(report.is_good())
}
