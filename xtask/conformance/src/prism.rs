//! Installs the version of Stoplight Prism that `package-lock.json` names, and starts it on a free port.

use std::fs;
use std::io::Seek;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const SCRIPT: &str = "node_modules/@stoplight/prism-cli/dist/index.js";
/// The time limit for Prism to start. It needs some seconds to read the document.
const START: Duration = Duration::from_secs(90);

/// A running Prism process. It ends when this value is dropped.
pub struct Prism {
    pub address: SocketAddr,
    // Dropping this value kills the process.
    _child: Child,
}

/// Returns the folder that contains `package.json` and its lock file.
pub fn folder(root: &Path) -> PathBuf {
    root.join("xtask/conformance")
}

/// Installs the packages that the lock file names, unless they are already installed.
pub async fn install(folder: &Path) -> Result<()> {
    let changed = |file: &str| {
        fs::metadata(folder.join(file))
            .and_then(|it| it.modified())
            .ok()
    };
    let (locked, installed) = (
        changed("package-lock.json"),
        changed("node_modules/.package-lock.json"),
    );
    if installed.is_some() && installed >= locked && folder.join(SCRIPT).is_file() {
        return Ok(());
    }
    let status = Command::new("npm")
        .args(["ci", "--no-progress", "--loglevel=error"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`npm ci` in xtask/conformance: {status}"),
        Err(error) => Err(error).context("cannot run npm: install Node 20 or later"),
    }
}

impl Prism {
    /// Starts Prism with `document`, which must be an OpenAPI 3.0 document. Writes the document and Prism's log to `scratch`.
    pub async fn start(folder: &Path, document: &Value, scratch: &Path) -> Result<Self> {
        // Prism rejects port 0, so this function looks for a free port. Another process may take the port before Prism
        // starts.
        let address =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr())?;
        let port = address.port();
        let file = scratch.join(format!("prism-{port}.json"));
        fs::write(&file, serde_json::to_vec(document)?)?;
        let mut log = fs::File::options()
            .create(true)
            .read(true)
            .append(true)
            .open(scratch.join(format!("prism-{port}.log")))?;
        let mut child = Command::new("node")
            .arg(folder.join(SCRIPT))
            .args([
                "mock",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--verboseLevel",
                "error",
            ])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .kill_on_drop(true)
            .spawn()
            .context("cannot run node: install Node 20 or later")?;
        let end = Instant::now() + START;
        loop {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Self {
                    address,
                    _child: child,
                });
            }
            let ended = child.try_wait()?;
            if ended.is_some() || Instant::now() > end {
                log.rewind()?;
                let said = std::io::read_to_string(&mut log).unwrap_or_default();
                let how = ended.map_or_else(
                    || format!("did not start within {} s", START.as_secs()),
                    |status| format!("ended: {status}"),
                );
                bail!(
                    "Prism {how}\n{}",
                    said.lines().rev().take(5).collect::<Vec<_>>().join("\n")
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}
