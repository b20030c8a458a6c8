//! `cargo xtask conformance`, `cargo xtask strangers` and `cargo xtask reality`: start a program of the package in
//! `xtask/conformance/` or `xtask/reality/`. They are packages of their own because they need the client: `cargo xtask regen` must
//! work while the client does not compile.

use anyhow::{Context, Result};
use std::{ffi::OsString, path::Path, process::Command};

/// Runs the program of `cargo xtask conformance` and returns its exit code.
pub fn run(root: &Path, arguments: &[String]) -> Result<u8> {
    let name = "circleci-api-conformance";
    program(root, name, name, arguments)
}

/// Runs the program of `cargo xtask strangers` and returns its exit code.
pub fn strangers(root: &Path, arguments: &[String]) -> Result<u8> {
    program(root, "circleci-api-conformance", "strangers", arguments)
}

/// Runs the program of `cargo xtask reality` and returns its exit code.
pub fn reality(root: &Path, arguments: &[String]) -> Result<u8> {
    let name = "circleci-api-reality";
    program(root, name, name, arguments)
}

fn program(root: &Path, package: &str, program: &str, arguments: &[String]) -> Result<u8> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--manifest-path"])
        // Not the current folder, to which the paths of the arguments are relative.
        .arg(root.join("Cargo.toml"))
        .args(["--package", package, "--bin", program, "--"])
        .args(arguments)
        .status()
        .context("cannot run cargo")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(1))
}
