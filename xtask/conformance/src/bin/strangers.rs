//! The program that `cargo xtask strangers` starts.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::process::ExitCode;

use anyhow::Result;
use circleci_api_conformance::strangers;
use clap::Parser;
use xtask::conformance::{Strangers, end, repository};

#[tokio::main]
async fn main() -> ExitCode {
    end(run(Strangers::parse()).await)
}

async fn run(arguments: Strangers) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    Ok(
        match strangers::run(&repository(), arguments.all, &mut out).await? {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    )
}
