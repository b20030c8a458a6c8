//! `cargo xtask`: the maintainer's commands. This file only dispatches.

#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use xtask::{
    bench_peers::{self, BenchPeers, Part},
    conformance,
    document::fetch::{ErrorKind, Fetch, FetchError, Limits},
    drift::{self, Deny, Drift, Format},
    emit::deviations,
    regen,
    surface::{self, Surface},
    update::Update,
};

/// Code that is stale, as opposed to a command that failed.
const STALE: u8 = 4;

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
    },
    /// Turn the vendored document into circleci-api/src/generated/
    Regen {
        /// Write nothing; fail if the generated code or the document's record is stale (exit code 4)
        #[arg(long)]
        check: bool,
        /// Another document to generate from; overlay actions that do not apply to it are warnings
        #[arg(long, value_name = "FILE", requires = "out")]
        spec: Option<PathBuf>,
        /// Another folder to generate into
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Say how often each overlay action and fixup applied
        #[arg(long)]
        report: bool,
    },
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
    /// Print the listing of the generated surface that the snapshots hold
    Surface {
        /// Print its figures instead
        #[arg(long)]
        stats: bool,
    },
    /// Say what differs between the vendored document and another one, and what that means for users; writes nothing
    #[command(after_help = drift::EXIT_CODES)]
    Drift {
        /// What to compare with: CircleCI's own document unless said otherwise
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
        /// The longest silence of a server
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout: Option<u64>,
    },
    /// Take a newer document in: fetch, regen, snapshots, tests, and a changelog entry; all of it or nothing
    #[command(after_help = xtask::update::EXIT_CODES)]
    Update {
        /// Where to take it from instead of CircleCI
        #[arg(long, value_name = "URL|FILE")]
        from: Option<String>,
        /// Go on though lines of the drift report are left to review
        #[arg(long)]
        reviewed: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            // One line, with its causes.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let root = arguments.root.unwrap_or_else(root);
    let places = regen::Places::of(&root);
    let mut out = std::io::stdout().lock();
    match arguments.command {
        Command::Fetch { from } => {
            Fetch {
                from,
                openapi_dir: places.openapi,
                limits: Limits::default(),
            }
            .run(&mut out)?;
        }
        Command::Regen {
            check,
            spec,
            out: dir,
            report,
        } => {
            let built = match &spec {
                Some(spec) => regen::build_other(&places, spec)?,
                None => match regen::build_vendored(&places) {
                    // The document is not the one on record: as stale as code that was not made from it.
                    Err(error) if check && is_stale(&error) => {
                        eprintln!("error: {error:#}");
                        return Ok(ExitCode::from(STALE));
                    }
                    built => built?,
                },
            };
            built
                .stale
                .iter()
                .for_each(|warning| eprintln!("warning: {warning}"));
            if report {
                built.report.iter().try_for_each(|applied| {
                    writeln!(out, "{:5}  {}", applied.matches, applied.name)
                })?;
            }
            // The pages about the vendored document, which is not the one at hand otherwise.
            let pages = match spec.is_none() && dir.is_none() {
                true => deviations::pages(&root, &places.overlay()?)?,
                false => Vec::new(),
            };
            let dir = dir.unwrap_or(places.generated);
            let mut differences = regen::differences(&built.files, &dir)?;
            let stale_code = !differences.is_empty();
            let stale_pages = pages
                .iter()
                .filter(|(_, text, old)| old.as_ref() != Some(text));
            let stale_pages: Vec<_> = stale_pages.collect();
            differences.extend(
                stale_pages
                    .iter()
                    .map(|(path, ..)| format!("changed: {path}")),
            );
            if check && !differences.is_empty() {
                differences
                    .iter()
                    .for_each(|difference| eprintln!("{difference}"));
                eprintln!(
                    "error: the generated code is stale; run `{}` and commit the result",
                    regen::COMMAND
                );
                return Ok(ExitCode::from(STALE));
            }
            if !check && stale_code {
                regen::write(&built.files, &dir)?;
            }
            if !check {
                for (path, text, _) in &stale_pages {
                    fs::write(root.join(path), text)
                        .with_context(|| format!("cannot write {path}"))?;
                }
            }
            writeln!(
                out,
                "{} files, {} of them {}",
                built.files.len() + pages.len(),
                differences.len(),
                if check { "stale" } else { "written anew" }
            )?;
        }
        Command::BenchPeers { serve: true, .. } => bench_peers::serve(&mut out)?,
        Command::BenchPeers { rounds, only, .. } => {
            let rounds = rounds.into();
            BenchPeers { root, rounds, only }.run(&mut out, &mut std::io::stderr())?;
        }
        Command::Conformance { arguments } => return conformance::run(&root, &arguments),
        Command::Surface { stats } => {
            let surface = Surface::of(&surface::read_files(&places.generated)?)?;
            match stats {
                true => writeln!(out, "{}", surface.stats())?,
                false => writeln!(
                    out,
                    "{}\n{}",
                    surface.list_operations(),
                    surface.list_types()
                )?,
            }
        }
        Command::Drift {
            against,
            format,
            deny,
            reverse,
            timeout,
        } => {
            let mut limits = Limits::default();
            if let Some(seconds) = timeout {
                limits.stall_timeout = Duration::from_secs(seconds);
            }
            let drift = Drift {
                against,
                format,
                deny,
                reverse,
                root,
                limits,
            };
            return Ok(ExitCode::from(drift.run(&mut out).unwrap_or_else(
                |error| {
                    eprintln!("error: {error}");
                    drift::CANNOT
                },
            )));
        }
        Command::Update { from, reviewed } => {
            let update = Update {
                from,
                reviewed,
                root,
                limits: Limits::default(),
            };
            return Ok(ExitCode::from(update.run(&mut out).unwrap_or_else(
                |stopped| {
                    eprintln!("error: {stopped}");
                    stopped.exit_code()
                },
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn is_stale(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<FetchError>()
        .is_some_and(|error| error.kind() == ErrorKind::Store)
}

/// The root of the repository, which is where this package was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
