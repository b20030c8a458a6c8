//! The program that `cargo xtask conformance` starts.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::process::ExitCode;

use anyhow::Result;
use circleci_api_conformance::case;
use circleci_api_conformance::prism::{self, Prism};
use circleci_api_conformance::relay::Mode;
use circleci_api_conformance::suite::{self, Servers};
use clap::Parser;
use xtask::conformance::{Conformance, Documents, end, repository};
use xtask::regen::Places;

#[tokio::main]
async fn main() -> ExitCode {
    end(run(Conformance::parse()).await)
}

async fn run(arguments: Conformance) -> Result<ExitCode> {
    let root = repository();
    let places = Places::of(&root);
    let folder = prism::folder(&root);
    let documents = Documents::read(&places)?;
    let scratch = tempfile::tempdir()?;

    prism::install(&folder).await?;
    let (untouched, overlaid) = tokio::try_join!(
        Prism::start(&folder, &documents.untouched, scratch.path()),
        Prism::start(&folder, &documents.overlaid, scratch.path())
    )?;
    let modes: Vec<Mode> = std::iter::once(Mode::Static)
        .chain((1..=arguments.seeds).map(Mode::Dynamic))
        .collect();
    let servers = Servers {
        untouched: untouched.address,
        overlaid: overlaid.address,
    };
    let report = suite::run(
        &documents.untouched,
        case::cases(),
        servers,
        &modes,
        arguments.workers,
    )
    .await?;
    report.write(&mut std::io::stdout().lock())?;
    Ok(match report.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
