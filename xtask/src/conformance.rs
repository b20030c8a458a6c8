//! `cargo xtask conformance`: starts the package in `xtask/conformance/`, which is one of its own because it needs the
//! client: `cargo xtask regen` must work while the client does not compile.

use anyhow::{Context, Result};
use std::{
    ffi::OsString,
    path::Path,
    process::{Command, ExitCode},
};

pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args([
            "run",
            "--quiet",
            "--package",
            "circleci-api-conformance",
            "--",
        ])
        .args(arguments)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
