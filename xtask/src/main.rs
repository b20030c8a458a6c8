//! `cargo xtask`: the maintainer's commands. This file only dispatches.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use clap::{Parser, Subcommand};
use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};
use xtask::{
    bench_peers::{self, BenchPeers, Part},
    conformance::{Conformance, Program, Reality, Strangers, repository},
    document::{
        dialect,
        fetch::{Fetch, FetchError, Limits},
    },
    drift::{self, CannotCompare, Deny, Drift, Format},
    links,
    regen::{Places, Regen},
    surface,
    update::{self, Stopped, Update},
};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The maintainer's commands of circleci-api"
)]
struct Arguments {
    /// Another root than this repository's, for the tests of these commands
    #[arg(long, value_name = "DIR", hide = true, global = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replace the vendored document by a newer one
    Fetch {
        /// Where to take it from instead of CircleCI
        #[arg(long, value_name = "URL|FILE")]
        from: Option<String>,
        /// The URL that a file was saved from, for the record
        #[arg(long, value_name = "URL", requires = "from")]
        of: Option<String>,
    },
    /// Turn the vendored document into circleci-api/src/generated/
    Regen(Regen),
    /// Compare our client with what a user would pick instead, by the same calls on the same server; the tables go to stdout
    #[command(after_help = bench_peers::NEEDS)]
    BenchPeers {
        /// How often each time is taken, all clients in turn
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=99))]
        rounds: u8,
        /// Only this part; may be given several times
        #[arg(long, value_enum)]
        only: Vec<Part>,
        /// Be the server, until stdin ends
        #[arg(long, hide = true)]
        serve: bool,
    },
    /// Call every operation on Stoplight Prism, a server made from the document; needs Node 20 or later
    #[command(disable_help_flag = true)]
    Conformance {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<String>,
    },
    /// Hold recorded answers against the document and the types of the client; print the overlay action that mends each
    /// contradiction
    #[command(disable_help_flag = true)]
    Reality {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<String>,
    },
    /// Run CircleCI's MCP server and other people's clients against the mock; needs Node 20 and Python 3.10 or later
    #[command(disable_help_flag = true)]
    Strangers {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<String>,
    },
    /// Check that every link in the docs of circleci-api leads somewhere; run `cargo doc` first. Exit code 4: a link is broken
    Links {
        /// The folder that rustdoc wrote into
        #[arg(value_name = "DIR", default_value = "target/doc")]
        docs: PathBuf,
    },
    /// Print the listing of the generated surface that the snapshots hold
    Surface {
        /// Print its figures instead
        #[arg(long)]
        stats: bool,
    },
    /// Say what differs between the vendored document and another one, and what that means for users; writes nothing
    #[command(after_help = drift::EXIT_CODES)]
    Drift(Comparison),
    /// Take a newer document in: fetch, regen, snapshots, tests, and a changelog entry; all of it or nothing
    #[command(after_help = update::EXIT_CODES)]
    Update {
        /// Where to take it from instead of CircleCI
        #[arg(long, value_name = "URL|FILE")]
        from: Option<String>,
        /// The URL that a file was saved from, for the record
        #[arg(long, value_name = "URL", requires = "from")]
        of: Option<String>,
        /// Go on though lines of the drift report are left to review
        #[arg(long)]
        reviewed: bool,
    },
}

#[derive(clap::Args)]
struct Comparison {
    /// What to compare with. Default: CircleCI's own document
    #[arg(long, value_name = "URL|FILE|git:REV")]
    against: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Fail (exit code 5) on such drift
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Read from the newer document to the older one
    #[arg(long)]
    reverse: bool,
    /// A file to compare in place of the vendored document
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Every change with all its places, not only one page
    #[arg(long)]
    all: bool,
    /// Compare only which operations there are, by method and path, and what each document calls them
    #[arg(long, conflicts_with_all = ["deny", "format", "all"])]
    by_path: bool,
    /// The longest silence of a server
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
}

impl Comparison {
    fn run(self, root: PathBuf, limits: Limits, out: &mut dyn Write) -> Result<u8, CannotCompare> {
        let stall_timeout = self
            .timeout
            .map_or(limits.stall_timeout, Duration::from_secs);
        let drift = Drift {
            against: self.against,
            format: self.format,
            deny: self.deny,
            reverse: self.reverse,
            base: self.base,
            all: self.all,
            root,
            limits: Limits {
                stall_timeout,
                ..limits
            },
        };
        match self.by_path {
            true => drift.by_path(out),
            false => drift.run(out),
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, line }) => {
            eprintln!("error: {line}");
            ExitCode::from(code)
        }
    }
}

/// Runs a command and returns its exit code.
fn run(Arguments { root, command }: Arguments) -> Result<u8, Failure> {
    let root = root.unwrap_or_else(repository);
    let limits = Limits::default();
    let mut out = std::io::stdout().lock();
    let mut errors = std::io::stderr();
    Ok(match command {
        Command::Fetch { from, of } => {
            let openapi_dir = Places::of(&root).openapi;
            let fetch = Fetch {
                from,
                of,
                openapi_dir,
                limits,
            };
            let fetched = fetch.run(&mut out)?;
            let _ = dialect::tell(&fetched.source.url, &fetched.notes, &mut errors);
            0
        }
        Command::Regen(regen) => regen.run(&root, &mut out, &mut errors)?,
        Command::BenchPeers { serve: true, .. } => bench_peers::serve(&mut out).map(|()| 0)?,
        Command::BenchPeers { rounds, only, .. } => {
            let rounds = rounds.into();
            let peers = BenchPeers { root, rounds, only };
            peers.run(&mut out, &mut errors).map(|()| 0)?
        }
        Command::Conformance { arguments } => Conformance::start(&root, &arguments)?,
        Command::Reality { arguments } => Reality::start(&root, &arguments)?,
        Command::Strangers { arguments } => Strangers::start(&root, &arguments)?,
        Command::Links { docs } => links::run(&root.join(docs), "circleci_api", &mut out)?,
        Command::Surface { stats } => surface::run(&Places::of(&root).generated, stats, &mut out)?,
        Command::Drift(comparison) => comparison.run(root, limits, &mut out)?,
        Command::Update { from, of, reviewed } => {
            let update = Update {
                from,
                of,
                reviewed,
                root,
                limits,
            };
            update.run(&mut out)?
        }
    })
}

/// A command that failed: its exit code, and one line that says why.
struct Failure {
    code: u8,
    line: String,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // With its causes.
        let line = format!("{error:#}");
        Self { code: 1, line }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let line = error.to_string();
        Self { code: 1, line }
    }
}

impl From<CannotCompare> for Failure {
    fn from(error: CannotCompare) -> Self {
        let line = error.to_string();
        let code = drift::CANNOT;
        Self { code, line }
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        let line = stopped.to_string();
        let code = stopped.exit_code();
        Self { code, line }
    }
}
