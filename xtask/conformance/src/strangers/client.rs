//! Installs the third-party clients from their lock files, runs them, and reads their output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use super::scene::Scene;

/// The time limit for a client.
const LONGEST: Duration = Duration::from_secs(300);
/// The oldest Node and Python versions that the clients support.
const NODE: (u32, u32) = (20, 0);
const PYTHON: (u32, u32) = (3, 10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    Mcp,
    PyCircleCi,
    Tap,
}

/// The result of running a client.
pub enum Outcome {
    /// The machine lacks the client's language, or has only an older version. The text is the reason.
    Skipped(String),
    Ran(Vec<Call>),
}

/// A call that a client made.
#[derive(Debug)]
pub struct Call {
    pub name: String,
    pub worked: bool,
    pub why: String,
}

/// The verdict on a call.
pub enum Finding<'a> {
    Good,
    Excused(&'a Call, &'a str),
    Bad(&'a Call),
    Stale(&'a Call),
}

impl Client {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcp => "mcp-server-circleci (npm)",
            Self::PyCircleCi => "pycircleci (PyPI)",
            Self::Tap => "meltano-tap-circle-ci (PyPI)",
        }
    }

    fn is_node(self) -> bool {
        self == Self::Mcp
    }
}

/// Installs the client unless it is already installed, and runs its calls.
pub async fn run(client: Client, folder: &Path, scene: &Scene) -> Result<Outcome> {
    let installed = match client.is_node() {
        true => install_node(folder).await?,
        false => install_python(folder).await?,
    };
    let program = match installed {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    // The prefix has no leading dot, because the MCP server ignores files in hidden folders.
    let scratch = tempfile::Builder::new().prefix("strangers-").tempdir()?;
    let facts = scene.facts.to_string();
    let mut command = Command::new(program);
    match client {
        Client::Mcp => command.arg("mcp.mjs").arg(scratch.path()).arg(&facts),
        Client::PyCircleCi => command.arg("pycircleci_calls.py").arg(&facts),
        Client::Tap => command.arg("tap.py").arg("gh/acme"),
    };
    command
        .current_dir(folder)
        .env("CIRCLECI_BASE_URL", scene.url())
        .env("CIRCLECI_TOKEN", "any")
        .env("CIRCLE_API_URL", format!("{}/api", scene.url()))
        .env("CIRCLE_TOKEN", "any")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output()).await;
    let output = output.with_context(|| format!("{} did not end", client.name()))?;
    let output = output.with_context(|| format!("cannot run {}", client.name()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        bail!("{}: {}\n{}", client.name(), output.status, last.join("\n"));
    }
    let calls = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(read)
        .collect::<Result<_>>()?;
    Ok(Outcome::Ran(calls))
}

fn read(line: &str) -> Result<Call> {
    let json: Value = serde_json::from_str(line).with_context(|| format!("not a call: {line}"))?;
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    Ok(Call {
        name: text("call"),
        worked: json["worked"] == true,
        why: text("why"),
    })
}

/// Checks that the installed version of a program is at least `least`. If it is not, returns a text that says what is missing.
async fn version(program: &str, least: (u32, u32), name: &str) -> Result<(), String> {
    let wanted = format!(
        "{name} {}.{} or later is not on this machine",
        least.0, least.1
    );
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await;
    let Ok(output) = output else {
        return Err(wanted);
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let digits = said.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits
        .trim()
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found >= least { Ok(()) } else { Err(wanted) }
}

/// Checks whether the installation is at least as new as the lock file.
fn is_installed(lock: &Path, mark: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    time(mark).is_some() && time(mark) >= time(lock)
}

async fn install_node(folder: &Path) -> Result<Result<PathBuf, String>> {
    if let Err(why) = version("node", NODE, "Node").await {
        return Ok(Err(why));
    }
    let mark = folder.join("node_modules/.package-lock.json");
    if !is_installed(&folder.join("package-lock.json"), &mark) {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-progress", "--loglevel=error"]);
        quiet(npm.current_dir(folder), "npm ci").await?;
    }
    Ok(Ok(PathBuf::from("node")))
}

async fn install_python(folder: &Path) -> Result<Result<PathBuf, String>> {
    if let Err(why) = version("python3", PYTHON, "Python").await {
        return Ok(Err(why));
    }
    let (home, mark) = (folder.join(".venv"), folder.join(".venv/installed"));
    let bin = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = home.join(bin).join("python");
    let lock = folder.join("requirements.txt");
    if !is_installed(&lock, &mark) {
        let mut venv = Command::new("python3");
        quiet(venv.args(["-m", "venv"]).arg(&home), "python3 -m venv").await?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
        ]);
        quiet(pip.arg(&lock), "pip install").await?;
        fs::write(&mark, "")?;
    }
    Ok(Ok(python))
}

async fn quiet(command: &mut Command, name: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.with_context(|| format!("cannot run `{name}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().next_back().unwrap_or_default();
        bail!("`{name}` in xtask/strangers: {}: {last}", output.status);
    }
    Ok(())
}
