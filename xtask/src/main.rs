//! Contains `cargo xtask`, the command line of the maintainers' tools. This file only starts the commands.

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
    about = "Commands for the maintainers of circleci-api"
)]
struct Arguments {
    /// Use this root folder instead of the repository, for tests of the commands
    #[arg(long, value_name = "DIR", hide = true, global = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replace the vendored document with a newer one
    Fetch {
        /// Where to fetch the document from (default: CircleCI)
        #[arg(long, value_name = "URL|FILE")]
        from: Option<String>,
        /// The URL from which the file was saved; it is written to the document's record
        #[arg(long, value_name = "URL", requires = "from")]
        of: Option<String>,
    },
    /// Generate circleci-api/src/generated/ from the vendored document
    Regen(Regen),
    /// Compare this client with alternative clients that make the same calls to the same server; prints tables to stdout
    #[command(after_help = bench_peers::NEEDS)]
    BenchPeers {
        /// How many times to measure each duration
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=99))]
        rounds: u8,
        /// Measure only this part; can be given several times
        #[arg(long, value_enum)]
        only: Vec<Part>,
        /// Run the server until stdin ends
        #[arg(long, hide = true)]
        serve: bool,
    },
    /// Call every operation on Stoplight Prism, a server that simulates the API from the document; needs Node 20 or later
    #[command(disable_help_flag = true)]
    Conformance {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<String>,
    },
    /// Compare recorded responses with the document and the client's types; for each contradiction, print the overlay action that
    /// resolves it
    #[command(disable_help_flag = true)]
    Reality {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<String>,
    },
    /// Run CircleCI's MCP server and third-party clients against the mock; needs Node 20 and Python 3.10 or later
    #[command(disable_help_flag = true)]
    Strangers {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<String>,
    },
    /// Check every link in the docs of circleci-api, which `cargo doc` must build first; the exit code is 4 if a link is broken
    Links {
        /// The output folder of rustdoc
        #[arg(value_name = "DIR", default_value = "target/doc")]
        docs: PathBuf,
    },
    /// Print the public API of the generated code, in the format of the snapshots
    Surface {
        /// Print statistics instead of the API
        #[arg(long)]
        stats: bool,
    },
    /// Compare the vendored document with another one, and report what users notice of the change from the older one to the newer one;
    /// writes nothing
    #[command(after_help = drift::EXIT_CODES)]
    Drift(Comparison),
    /// Adopt a newer document: fetch it, generate the code, update the snapshots, run the tests and print a changelog entry;
    /// changes everything or nothing
    #[command(after_help = update::EXIT_CODES)]
    Update {
        /// Where to fetch the document from (default: CircleCI)
        #[arg(long, value_name = "URL|FILE")]
        from: Option<String>,
        /// The URL from which the file was saved; it is written to the document's record
        #[arg(long, value_name = "URL", requires = "from")]
        of: Option<String>,
        /// Continue even if the drift report contains lines that need a review
        #[arg(long)]
        reviewed: bool,
    },
}

#[derive(clap::Args)]
struct Comparison {
    /// The document to compare with (default: CircleCI's current document)
    #[arg(long, value_name = "URL|FILE|git:REV")]
    against: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Fail with exit code 5 if there is drift of this kind
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Swap the two documents, and report the changes from the newer one to the older one
    #[arg(long)]
    reverse: bool,
    /// Compare this file instead of the vendored document
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Report every change with all its places; without this option, the text report fits on one page
    #[arg(long)]
    all: bool,
    /// Compare only which operations exist (by method and path) and what they are called
    #[arg(long, conflicts_with_all = ["deny", "format", "all"])]
    by_path: bool,
    /// How long to wait for the server to send data
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

/// The failure of a command: the exit code, and one line that says why it failed.
struct Failure {
    code: u8,
    line: String,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // `{:#}` includes the causes of the error.
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
