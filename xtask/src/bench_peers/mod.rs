//! `cargo xtask bench-peers`: makes the same calls to the same server with this client and with alternative clients.
//!
//! `clients` writes one project for each client, in `target/peers/`. `measure` runs them against the server (`server`), and
//! `table` prints the figures.

mod clients;
mod measure;
mod server;
mod table;
mod tools;

use anyhow::{Context, Result};
use clap::ValueEnum;
use clients::CLIENTS;
use measure::Bench;
use std::{fs, io::Write, path::PathBuf};

pub use server::serve;

/// The text after the options in `bench-peers --help`.
pub const NEEDS: &str = "\
Needs a network the first time, Python 3 and Java 11 for openapi-generator, valgrind for the instructions, GNU time for
`check` and `build`, binutils for `size`. The lines below the table name what is missing. All files are in target/peers/.";

/// A part of the comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Part {
    /// CPU time and allocations of each call
    Calls,
    /// Instructions of each call, as valgrind counts them
    Instructions,
    /// `cargo check` of each client alone
    Check,
    /// A release build from scratch of a program that makes one call
    Build,
    /// The size of the program that makes one call
    Size,
}

#[derive(Debug)]
pub struct BenchPeers {
    pub root: PathBuf,
    /// The number of rounds. The times are measured once in each round.
    pub rounds: usize,
    /// The parts to measure. An empty list means all parts.
    pub only: Vec<Part>,
}

impl BenchPeers {
    /// Measures the parts. Writes the tables to `out`, and the current step to `progress`.
    pub fn run(&self, out: &mut dyn Write, progress: &mut dyn Write) -> Result<()> {
        let root = fs::canonicalize(&self.root).context("cannot find the repository")?;
        let peers = root.join("target/peers");
        let wanted = |part: &&Part| self.only.is_empty() || self.only.contains(part);
        let parts: Vec<Part> = Part::value_variants()
            .iter()
            .filter(wanted)
            .copied()
            .collect();
        let mut ready = Vec::new();
        for client in &CLIENTS {
            ready.push(match parts.iter().any(|part| client.is_in(*part)) {
                true => {
                    writeln!(progress, "building {} …", client.name)?;
                    client.prepare(&root, &peers)
                }
                false => Err("none of the chosen parts measures it".to_owned()),
            });
        }
        let mut bench = Bench {
            peers: &peers,
            ready,
            rounds: self.rounds,
            part: Part::Calls,
            progress,
        };
        for part in parts {
            bench.part = part;
            let (title, rows) = bench.measure()?;
            let columns: Vec<&str> = CLIENTS
                .iter()
                .filter(|client| client.is_in(part))
                .map(|client| client.name)
                .collect();
            write!(out, "{}", table::render(title, &columns, &rows))?;
            out.flush()?;
        }
        writeln!(out)?;
        for client in &CLIENTS {
            if let Some(version) = client.version_of(&peers, "reqwest") {
                writeln!(out, "{}: reqwest {version}", client.name)?;
            }
        }
        writeln!(out, "load average of the machine: {}", load())?;
        Ok(())
    }
}

/// Returns the load averages of the machine over the last 1, 5 and 15 minutes.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let figures: Vec<&str> = text.split(' ').take(3).collect();
    match figures[..] {
        [_, _, _] => figures.join(" "),
        _ => "unknown".to_owned(),
    }
}
