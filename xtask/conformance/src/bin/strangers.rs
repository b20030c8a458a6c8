//! Started by `cargo xtask strangers`.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use circleci_api_conformance::strangers;
use clap::Parser;

/// Clients that other people wrote, against the double: CircleCI's own MCP server (npm), pycircleci and the Singer tap (PyPI). Prints
/// which calls worked, and how what they send differs from what this crate sends. Needs Node 20 and Python 3.10 or later; a client whose language
/// is missing is skipped.
#[derive(Parser)]
#[command(name = "cargo xtask strangers")]
struct Arguments {
    /// Fail where a client is skipped
    #[arg(long)]
    all: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    match strangers::run(&root, arguments.all, &mut std::io::stdout().lock()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
