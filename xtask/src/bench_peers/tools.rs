//! Runs other programs and reads their output.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Runs a program until it ends. An error is a single line.
pub fn run(command: &mut Command) -> Result<(), String> {
    output(command).map(drop)
}

/// Runs a program until it ends, and returns its stdout and stderr. An error is a single line.
pub fn output(command: &mut Command) -> Result<(String, String), String> {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().map_or_else(
        || "a program".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok((stdout, stderr));
    }
    Err(match complaint(&stderr) {
        Some(line) => line.to_owned(),
        None => format!("{program} ended with {}", output.status),
    })
}

/// Returns the line that describes the error best: the first line that starts with `error`, or otherwise the last line.
fn complaint(stderr: &str) -> Option<&str> {
    // valgrind starts each of its own lines with `==`.
    let mut lines = stderr
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("=="));
    let error = lines
        .clone()
        .find(|line| line.trim_start().to_ascii_lowercase().starts_with("error"));
    error.or_else(|| lines.next_back()).map(str::trim)
}

/// Returns a cargo command that builds a project in the given target folder.
pub fn cargo(project: &Path, target: &Path, arguments: &[&str]) -> Command {
    within(Command::new(program()), project, target, arguments)
}

/// Returns a cargo command that runs under `time`. `time` reports the CPU time and the peak memory of the command.
pub fn timed_cargo(project: &Path, target: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("time");
    command.args(["-f", "%U %S %M"]).arg(program());
    within(command, project, target, arguments)
}

fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

fn within(mut command: Command, project: &Path, target: &Path, arguments: &[&str]) -> Command {
    command
        .args(arguments)
        .current_dir(project)
        .env("CARGO_TARGET_DIR", target);
    // With these variables, the builds would differ from those of a user.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL"] {
        command.env_remove(name);
    }
    let profiles = std::env::vars_os().map(|(name, _)| name);
    for name in profiles.filter(|name| name.to_string_lossy().starts_with("CARGO_PROFILE_")) {
        command.env_remove(name);
    }
    command
}

/// Returns the user seconds, the system seconds and the peak memory in kB. `time` prints them in the last line.
pub fn timed(stderr: &str) -> Option<(f64, f64, f64)> {
    let mut figures = stderr
        .lines()
        .next_back()?
        .split(' ')
        .map(str::parse::<f64>);
    match (
        figures.next(),
        figures.next(),
        figures.next(),
        figures.next(),
    ) {
        (Some(Ok(user)), Some(Ok(system)), Some(Ok(memory)), None) => Some((user, system, memory)),
        _ => None,
    }
}

/// Returns the number of instructions that callgrind reports for a run.
pub fn instructions(stderr: &str) -> Option<f64> {
    let (_, count) = stderr
        .lines()
        .find_map(|line| line.split_once("Collected : "))?;
    count.trim().parse().ok()
}

/// Returns the number after `name=` in the line that a measured program prints.
pub fn field(line: &str, name: &str) -> Option<f64> {
    line.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(known, _)| *known == name)
        .and_then(|(_, figure)| figure.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_programs_print() {
        let line = "calls=500 user_us=21000 system_us=9000 allocations=0 bytes=0\n";
        assert_eq!(field(line, "calls"), Some(500.0));
        assert_eq!(field(line, "system_us"), Some(9000.0));
        assert_eq!(field(line, "us"), None);
        assert_eq!(
            timed("   Checking openapi\n1.87 0.31 309555\n"),
            Some((1.87, 0.31, 309_555.0))
        );
        assert_eq!(timed("error: no such command\n"), None);
        assert_eq!(timed(""), None);
        assert_eq!(
            instructions("==1== \n==1== Collected : 92384\n==1== \n"),
            Some(92_384.0)
        );
        assert_eq!(instructions("valgrind: cannot execute\n"), None);
    }

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(
            complaint("   Compiling x\nerror[E0432]: unresolved import\n --> a.rs\n"),
            Some("error[E0432]: unresolved import")
        );
        assert_eq!(
            complaint("circulo has no such operation\n\n"),
            Some("circulo has no such operation")
        );
        assert_eq!(
            complaint("circulo has no such operation\n==7699== \n==7699== I   refs: 643,881\n"),
            Some("circulo has no such operation")
        );
        assert_eq!(complaint(""), None);
        let missing = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(
            missing.starts_with("cannot run no-such-program-anywhere: "),
            "{missing}"
        );
    }
}
