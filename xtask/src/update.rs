//! Contains `cargo xtask update`, which adopts a newer document with one command.
//!
//! All work happens in a copy of the tree. After the tests have passed in the copy, the document, its record, the generated code
//! and the snapshots are moved from the copy to the real tree, either all or none. Until then, the real tree does not change. If
//! a run is killed during the move, the next run undoes the move.

pub mod swap;

use crate::{
    document::{
        dialect,
        fetch::{Disk, Fetch, Limits},
        lock::Lock,
    },
    drift::{self, CannotCompare, report::Report, source},
    emit::model::Files,
    regen::{self, Places},
    surface::Surface,
};
use anyhow::{Context, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// The exit code if a maintainer must first decide something.
pub const DECIDE: u8 = 5;

/// The text at the end of `update --help`.
pub const EXIT_CODES: &str = "\
This command runs all tests with the new document, which takes minutes, and reports the progress on stderr. If the exit code is not 0,
the tree is unchanged.

Exit codes:
  0  document adopted, or nothing new; the changelog entry is on stdout
  5  a person must decide: `regen` fails, the drift report has lines to review, or tests/support/calls.rs
     lacks a row for a new operation or has a row for a removed one
  6  cannot compare: no response or no document
  1  any other failure, such as a test that fails; 2  invalid arguments";

/// The file whose tests call every operation, so that the requests can be checked against the document.
const CALLS: &str = "tests/support/calls.rs";

#[derive(Clone, Debug)]
pub struct Update {
    /// The URL or the file of the document. The default is CircleCI's URL.
    pub from: Option<String>,
    /// The URL from which the file was saved. It is written to the document's record.
    pub of: Option<String>,
    /// Whether a maintainer has reviewed the changes that need a review.
    pub reviewed: bool,
    pub root: PathBuf,
    pub limits: Limits,
}

/// The reason why the document was not adopted.
#[derive(Debug)]
pub enum Stopped {
    Cannot(CannotCompare),
    Decide(String),
    Failed(anyhow::Error),
}

impl Stopped {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Cannot(_) => drift::CANNOT,
            Self::Decide(_) => DECIDE,
            Self::Failed(_) => 1,
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cannot(error) => write!(f, "{error}"),
            Self::Decide(line) => write!(f, "{line}"),
            Self::Failed(error) => write!(f, "{error:#}; the tree is unchanged"),
        }
    }
}

impl From<CannotCompare> for Stopped {
    fn from(error: CannotCompare) -> Self {
        Self::Cannot(error)
    }
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Update {
    /// Adopts the document and writes the changelog entry to `out`. If this is not possible, returns the reason.
    pub fn run(&self, out: &mut dyn Write) -> Result<u8, Stopped> {
        let here = Places::of(&self.root);
        let _lock = self.begin(&here)?;
        let (old, _) = source::vendored(&here.openapi)?;
        let overlay = here.overlay()?;
        let copied = Copy::make(&self.root)?;
        let copy = copied.0.as_path();
        swap::check(copy, &self.root)?;
        copy_tree(&self.root, copy).context("cannot copy the tree")?;
        let there = Places::of(copy);
        let fetch = Fetch {
            from: self.from.clone(),
            of: self.of.clone(),
            openapi_dir: there.openapi.clone(),
            limits: self.limits.clone(),
        };
        let fetched = fetch
            .run(&mut std::io::sink())
            .map_err(CannotCompare::from)?;
        let _ = dialect::tell(&fetched.source.url, &fetched.notes, &mut std::io::stderr());
        let (mut new, _) = source::vendored(&there.openapi)?;
        if !fetched.changed {
            writeln!(
                out,
                "nothing new: {} is the vendored document",
                fetched.source.url
            )
            .context("cannot write")?;
            return Ok(0);
        }
        new.name = format!("{} (as of {})", fetched.source.url, fetched.source.fetched);
        let report = drift::compare(&old, &new, &overlay, env!("CARGO_PKG_VERSION"));
        self.decided(&report, out)?;
        let built = regen::build_vendored(&there)
            .map_err(|error| Stopped::Decide(format!("a person must decide: {error:#}")))?;
        rows(copy, &built.files)?;
        regen::write(&built.files, &there.generated)?;
        let surface = [
            "test",
            "--quiet",
            "--locked",
            "-p",
            "circleci-api-tests",
            "--test",
            "surface",
        ];
        step("refreshing the snapshots", || {
            self.cargo(copy, &surface, Some(("INSTA_UPDATE", "always")))
        })?;
        step("running the tests", || {
            self.cargo(copy, &["test", "--quiet", "--locked", "--workspace"], None)
        })?;
        swap::swap(&mut Disk, copy, &self.root)?;
        // The document is already adopted, so it is not a failure if nobody reads stdout any more.
        let _ = report.changelog(out);
        Ok(0)
    }

    /// Locks the tree for this run. If an earlier run was interrupted, undoes its changes.
    fn begin(&self, here: &Places) -> Result<Lock> {
        let lock = Lock::take(&here.openapi)
            .with_context(|| format!("cannot lock {}", here.openapi.display()))?
            .context(
                "another `cargo xtask update`, `fetch` or `regen` is running in this tree; wait until it ends",
            )?;
        swap::recover(&mut Disk, &Copy::folder(&self.root), &self.root)
            .context("cannot undo an update that was interrupted")?;
        Ok(lock)
    }

    /// Fails if a maintainer must decide something. In this case, first prints the report, which the maintainer needs for the
    /// decision.
    fn decided(&self, report: &Report, out: &mut dyn Write) -> Result<(), Stopped> {
        let stops = report.applicability.stops();
        if !stops && (report.to_review == 0 || self.reviewed) {
            return Ok(());
        }
        report
            .write(drift::Format::Text, true, out)
            .context("cannot write")?;
        Err(Stopped::Decide(match stops {
            true => "a person must decide: the overlay, the fixups or the tables do not fit the new document; nothing was changed".to_owned(),
            false => format!("a person must decide: review {} of the report, then run `cargo xtask update --reviewed`; nothing was changed", lines(report.to_review)),
        }))
    }

    /// Runs cargo in the copy of the tree, but with the target folder of the real tree.
    fn cargo(&self, copy: &Path, arguments: &[&str], variable: Option<(&str, &str)>) -> Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), PathBuf::from);
        let target = std::path::absolute(target).context("cannot name the target folder")?;
        let mut command = Command::new(cargo);
        command
            .args(arguments)
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", target);
        // `cargo run` sets variables that describe this package and not the one in the copy, so they are removed. Cargo's output
        // goes to stderr, where a maintainer can see which test fails. Stdout is only for the changelog entry.
        command
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("INSTA_WORKSPACE_ROOT")
            .stdin(Stdio::null())
            .stdout(std::io::stderr());
        command.env("INSTA_UPDATE", "no").envs(variable);
        let status = command.status().context("cannot run cargo")?;
        if !status.success() {
            bail!(
                "`cargo {}` failed with the new document",
                arguments.join(" ")
            );
        }
        Ok(())
    }
}

/// Fails unless the tables of calls and bodies have rows for exactly the operations of the new document. A person must add and
/// remove these rows. They can already be added before the document is adopted, because only the copy is built, and the copy
/// contains both the rows and the new document.
fn rows(copy: &Path, files: &Files) -> Result<(), Stopped> {
    let table =
        fs::read_to_string(copy.join(CALLS)).with_context(|| format!("cannot read {CALLS}"))?;
    let surface = Surface::of(files)?;
    let calls = surface.operations.iter().map(|it| {
        let arguments = it.arguments.iter();
        let arguments: Vec<String> = arguments
            .map(|(name, ty)| format!("{name}: {ty}"))
            .collect();
        let call = format!("{}({})", it.method, arguments.join(", "));
        (it.id.as_str(), call)
    });
    let bodies = surface.operations.iter().filter_map(|it| {
        let mut taken = it.arguments.iter().chain(&it.setters);
        let (_, ty) = taken.find(|(name, _)| name == "body")?;
        Some((it.id.as_str(), format!("body: {ty}")))
    });
    let mut lines = Vec::new();
    for (table, operations) in [
        (rows_of(&table, "\" |"), calls.collect::<BTreeMap<_, _>>()),
        (rows_of(&table, "\": "), bodies.collect()),
    ] {
        let missing = operations.iter().filter(|(id, _)| !table.contains(*id));
        lines.extend(missing.map(|(id, what)| format!("no row for {id} (`{what}`)")));
        let gone = table.iter().filter(|id| !operations.contains_key(*id));
        lines.extend(gone.map(|id| format!("a row for {id}, which the document no longer has")));
    }
    if lines.is_empty() {
        return Ok(());
    }
    Err(Stopped::Decide(format!(
        "a person must decide: {CALLS} has {}; change the file, then run this command again; nothing was changed",
        lines.join(", ")
    )))
}

/// Returns the operationIds with which the rows of one table begin. `then` is the text after the operationId, which is different
/// in the two tables.
fn rows_of<'t>(table: &'t str, then: &str) -> BTreeSet<&'t str> {
    let rows = table
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('"'));
    rows.filter_map(|row| Some(row.split_once(then)?.0))
        .collect()
}

/// The interval at which a long step reports that it is still running.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Runs one step of the update. Prints its name and duration to stderr, because stdout is only for the changelog entry.
#[allow(clippy::print_stderr, reason = "it takes minutes")]
fn step(doing: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let started = Instant::now();
    eprintln!("{doing} …");
    let (working, done) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            // The channel closes when the work ends, which ends this loop.
            while done.recv_timeout(SIGN_OF_LIFE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{doing} … {} s", started.elapsed().as_secs());
            }
        });
        let result = work();
        drop(working);
        result
    });
    eprintln!("{doing} took {} s", started.elapsed().as_secs());
    result
}

fn lines(count: usize) -> String {
    format!("{count} {}", if count == 1 { "line" } else { "lines" })
}

/// The folder that contains the copy. It is always the same one, so that cargo builds only what has changed. It is deleted at the
/// end of the run. If a run was killed, the next run deletes it.
struct Copy(PathBuf);

impl Copy {
    fn folder(root: &Path) -> PathBuf {
        root.join("target/update")
    }

    fn make(root: &Path) -> Result<Self> {
        let copy = Self(Self::folder(root));
        copy.remove()
            .context("cannot remove what an earlier update left in target/update")?;
        fs::create_dir_all(&copy.0).context("cannot make target/update")?;
        Ok(copy)
    }

    fn remove(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // After an interrupted move, the folder still contains files that must be restored, so it is kept.
        if !swap::is_interrupted(&self.0) {
            let _ = self.remove();
        }
    }
}

/// Paths that are not copied: the git folder, and the files that a fuzzer creates.
const LEFT_OUT: [&str; 3] = [".git", "fuzz/artifacts", "fuzz/corpus"];

/// Copies everything that may be in the repository. Leaves out the target folder (which contains the copy itself), `node_modules`
/// and [`LEFT_OUT`].
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(from.join(&folder))
            .with_context(|| format!("cannot list {}", folder.display()))?
        {
            let entry = entry?;
            let name = entry.file_name();
            let (kind, path) = (entry.file_type()?, folder.join(&name));
            if name == "target"
                || name == "node_modules"
                || LEFT_OUT.iter().any(|it| path == Path::new(it))
            {
                continue;
            }
            if kind.is_dir() {
                fs::create_dir(to.join(&path))
                    .with_context(|| format!("cannot make {}", path.display()))?;
                folders.push(path);
            } else if entry.path().is_file() {
                fs::copy(entry.path(), to.join(&path))
                    .with_context(|| format!("cannot copy {}", path.display()))?;
            }
        }
    }
    Ok(())
}
