//! `cargo xtask conformance` and `cargo xtask strangers`: start the package in `xtask/conformance/`, which is one of its own because it needs the
//! client: `cargo xtask regen` must work while the client does not compile.

use anyhow::{Context, Result};
use std::{ffi::OsString, path::Path, process::Command};

/// Runs a program of the package with these arguments and returns the exit code.
pub fn run(root: &Path, program: &str, arguments: &[String]) -> Result<u8> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let package = [
        "run",
        "--quiet",
        "--package",
        "circleci-api-conformance",
        "--bin",
        program,
        "--",
    ];
    let status = Command::new(cargo)
        .args(package)
        .args(arguments)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    Ok(u8::from(!status.success()))
}
