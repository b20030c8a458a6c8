//! `cargo xtask strangers`: runs third-party clients against the mock server of this crate (the feature `mock`).
//!
//! `scene` starts the mock server. `client` installs and runs the clients. `sent` compares their requests with those of
//! this crate.

pub mod client;
pub mod scene;
pub mod sent;

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use client::{Call, Client, Finding, Outcome};

/// The clients that are run. All their calls must succeed, except those that [`EXCUSED`] lists.
const CLIENTS: [Client; 3] = [Client::Mcp, Client::PyCircleCi, Client::Tap];

/// Calls that cannot succeed because of the client itself, with the reason. An entry for a call that succeeds is an error.
const EXCUSED: [(Client, &str, &str); 1] = [(
    Client::Mcp,
    "download_usage_api_data",
    "the tool refuses every host but https://circleci.com before it sends anything",
)];

/// Runs all clients and prints the results. Returns `Ok(false)` if a call fails without an entry in `EXCUSED`, or if a difference
/// between the requests has no explanation.
pub async fn run(root: &Path, all: bool, out: &mut impl Write) -> Result<bool> {
    let folder = root.join("xtask/strangers");
    let mut good = true;
    let mut sent = sent::Sent::default();
    let mut skipped = false;
    for client in CLIENTS {
        let scene = scene::Scene::start(root).await?;
        let outcome = client::run(client, &folder, &scene).await?;
        sent.add(client, &scene.received());
        skipped |= matches!(outcome, Outcome::Skipped(_));
        good &= report(out, client, &outcome, all)?;
    }
    let explained = sent.compare(&sent::ours().await?).write(out)?;
    // A skipped client shows no differences, so an explanation that only this client needs would appear unused.
    Ok(good && (explained || skipped))
}

fn report(out: &mut impl Write, client: Client, outcome: &Outcome, all: bool) -> Result<bool> {
    let calls = match outcome {
        Outcome::Skipped(why) => {
            writeln!(out, "{:<28} skipped: {why}", client.name())?;
            return Ok(!all);
        }
        Outcome::Ran(calls) => calls,
    };
    let findings: Vec<Finding<'_>> = calls.iter().map(|call| judge(client, call)).collect();
    let worked = calls.iter().filter(|call| call.worked).count();
    writeln!(
        out,
        "{:<28} {worked} of {} calls worked",
        client.name(),
        calls.len()
    )?;
    for finding in &findings {
        match finding {
            Finding::Good => {}
            Finding::Excused(call, why) => writeln!(out, "    {}: {why}", call.name)?,
            Finding::Bad(call) => writeln!(out, "    {}: FAILED: {}", call.name, call.why)?,
            Finding::Stale(call) => writeln!(out, "    {}: works: remove its excuse", call.name)?,
        }
    }
    let bad = |finding: &Finding<'_>| matches!(finding, Finding::Bad(_) | Finding::Stale(_));
    Ok(!calls.is_empty() && !findings.iter().any(bad))
}

fn judge(client: Client, call: &Call) -> Finding<'_> {
    let mut excuses = EXCUSED.iter();
    let excuse = excuses.find(|(of, name, _)| *of == client && *name == call.name);
    match (call.worked, excuse) {
        (true, None) => Finding::Good,
        (true, Some(_)) => Finding::Stale(call),
        (false, Some((_, _, why))) => Finding::Excused(call, why),
        (false, None) => Finding::Bad(call),
    }
}
