//! `cargo xtask conformance`, `cargo xtask strangers` and `cargo xtask reality`. Each command starts a program of the package in
//! `xtask/conformance/` or in `xtask/reality/`. These packages are separate because they need the client, and `cargo xtask regen`
//! must also work while the client does not compile.
//!
//! This module contains what xtask and the programs share: the definitions of the arguments, and the code that finds the
//! document. The arguments are defined here so that `--help` compiles nothing.

use crate::{
    document::{self, overlay},
    regen::Places,
};
use anyhow::{Context, Result};
use clap::Parser;
use serde_json::Value;
use std::{
    ffi::OsString,
    iter,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Calls every operation of the client against Stoplight Prism, a mock server that reads CircleCI's document. Needs Node 20 or
/// later.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask conformance")]
pub struct Conformance {
    /// The number of runs with responses that Prism generates; each run has a different seed
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub seeds: u32,
    /// The number of calls that run at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    pub workers: usize,
}

/// Compares recorded responses with two things: CircleCI's document with our overlay, and the types of the client. Prints each
/// contradiction with the overlay actions that resolve it.
///
/// A recording is an HTTP archive (HAR), a cassette of VCR, VCR.py or go-vcr in YAML or JSON, or a file with one JSON body. A
/// file with one body is named after its operation: `listPipelines.json`, `listPipelines.2.json`, `listPipelines/2.json`.
///
/// Exit code: 0 if there are no contradictions, 4 if there are some, 1 if something cannot be read.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask reality")]
pub struct Reality {
    /// A recording, or a folder of recordings
    pub path: PathBuf,
}

/// Runs third-party clients against the mock: CircleCI's own MCP server (npm), pycircleci and the Singer tap (PyPI). Prints
/// which calls worked, and how the requests differ from those of this crate. Needs Node 20 and Python 3.10 or later. If one of
/// them is missing, skips the clients that need it.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask strangers")]
pub struct Strangers {
    /// Fail if a client is skipped
    #[arg(long)]
    pub all: bool,
}

/// A program in another package. The type that implements this trait has the program's command-line arguments.
pub trait Program: Parser {
    const PACKAGE: &str;
    const NAME: &str;

    /// Compiles and runs the program, and returns its exit code. Invalid arguments and `--help` end this process before
    /// anything is compiled.
    fn start(root: &Path, arguments: &[String]) -> Result<u8> {
        let name = Self::command().get_name().to_owned();
        Self::parse_from(iter::once(name).chain(arguments.iter().cloned()));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let status = Command::new(cargo)
            .args(["run", "--quiet", "--manifest-path"])
            // Names the manifest instead of changing the current folder, because the paths in the arguments are relative to the
            // current folder.
            .arg(root.join("Cargo.toml"))
            .args(["--package", Self::PACKAGE, "--bin", Self::NAME, "--"])
            .args(arguments)
            .status()
            .context("cannot run cargo")?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.unwrap_or(1))
    }
}

impl Program for Conformance {
    const PACKAGE: &str = "circleci-api-conformance";
    const NAME: &str = Self::PACKAGE;
}

impl Program for Reality {
    const PACKAGE: &str = "circleci-api-reality";
    const NAME: &str = Self::PACKAGE;
}

impl Program for Strangers {
    const PACKAGE: &str = "circleci-api-conformance";
    const NAME: &str = "strangers";
}

// ---- for the programs ----------------------------------------------------------------------------------------------

/// Returns the root of the repository in which this package was built.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The vendored document without and with our overlay. Both are OpenAPI 3.0, even if CircleCI serves 3.1.
pub struct Documents {
    pub untouched: Value,
    pub overlaid: Value,
}

impl Documents {
    pub fn read(places: &Places) -> Result<Self> {
        let untouched = document::read(&places.openapi.join(document::fetch::DOCUMENT))?;
        let mut overlaid = untouched.clone();
        overlay::apply(&mut overlaid, &places.overlay()?, false)?;
        Ok(Self {
            untouched,
            overlaid,
        })
    }
}

/// Turns the result of a program into its exit code. Prints an error as one line on stderr.
#[allow(clippy::print_stderr, reason = "it is the end of a program")]
pub fn end(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
