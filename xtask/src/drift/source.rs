//! The two documents to compare: the vendored one, and the one that `--against` names.

use crate::document::{
    self,
    fetch::{self, Answer, FetchError, Limits},
};
use serde_json::Value;
use std::{fmt, path::Path, process::Command};

/// A document and its name in the report.
#[derive(Clone, Debug)]
pub struct Document {
    pub name: String,
    pub value: Value,
}

/// Why there is nothing to report, as one line.
#[derive(Debug)]
pub struct CannotCompare(String);

impl CannotCompare {
    pub fn new(line: impl AsRef<str>) -> Self {
        let visible = line.as_ref().replace(char::is_control, " ");
        Self(visible.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for CannotCompare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot compare: {}", self.0)
    }
}

impl std::error::Error for CannotCompare {}

impl From<FetchError> for CannotCompare {
    fn from(error: FetchError) -> Self {
        Self::new(error.to_string())
    }
}

/// The result of reading `--against`.
#[derive(Debug)]
pub enum Other {
    Document {
        document: Document,
        /// A revision is older than the vendored document, and a URL or a file is newer.
        older: bool,
    },
    /// The server says that the document still has the ETag in `source.json`.
    Unchanged { name: String },
}

/// The vendored document, after checking it against its record.
pub fn vendored(openapi: &Path) -> Result<(Document, fetch::Source), CannotCompare> {
    let (bytes, source) = fetch::vendored(openapi)?;
    let value = parse(&bytes, "openapi/openapi.json")?;
    Ok((
        Document {
            name: format!("openapi/openapi.json (vendored, as of {})", source.fetched),
            value,
        },
        source,
    ))
}

/// A file instead of the vendored document. Its record has neither a URL nor an ETag.
pub fn base(path: &Path) -> Result<(Document, fetch::Source), CannotCompare> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| CannotCompare::new(format!("cannot read {name}: {error}")))?;
    let value = parse(&bytes, &name)?;
    let source = fetch::Source::of("", &bytes);
    Ok((Document { name, value }, source))
}

/// The document at `against` (a URL, a file or `git:REV`).
pub fn other(
    root: &Path,
    against: &str,
    vendored: &fetch::Source,
    limits: &Limits,
) -> Result<Other, CannotCompare> {
    if let Some(revision) = against.strip_prefix("git:") {
        let (commit, bytes) = at_revision(root, revision)?;
        let name = format!("git:{revision} ({commit})");
        let value = parse(&bytes, &name)?;
        return Ok(Other::Document {
            document: Document { name, value },
            older: true,
        });
    }
    // An ETag is only valid for the URL that sent it.
    let etag = vendored.etag.as_deref().filter(|_| vendored.url == against);
    match fetch::download_unless(against, etag, limits)? {
        Answer::NotModified => Ok(Other::Unchanged {
            name: against.to_owned(),
        }),
        Answer::Document(downloaded) => {
            let name = downloaded
                .url
                .strip_prefix("file:")
                .map_or(downloaded.url.clone(), |_| against.to_owned());
            let value = parse(&downloaded.bytes, &name)?;
            Ok(Other::Document {
                document: Document { name, value },
                older: false,
            })
        }
    }
}

/// The document that CircleCI publishes, from the first of its addresses that has it.
pub fn published(
    root: &Path,
    vendored: &fetch::Source,
    limits: &Limits,
) -> Result<Other, CannotCompare> {
    let mut failed = Vec::new();
    for address in fetch::ADDRESSES {
        match other(root, address, vendored, limits) {
            Ok(found) => return Ok(found),
            Err(error) => failed.push(error.to_string()),
        }
    }
    Err(CannotCompare::new(failed.join("; ")))
}

/// A document that the other steps can walk: JSON, OpenAPI 3.0, with operations, and not nested too deep.
fn parse(bytes: &[u8], name: &str) -> Result<Value, CannotCompare> {
    fetch::check_document(bytes).map_err(|error| CannotCompare::new(format!("{name}: {error}")))?;
    let value =
        document::parse(bytes, name).map_err(|error| CannotCompare::new(format!("{error:#}")))?;
    match document::too_deep(&value) {
        Some(_) => Err(CannotCompare::new(format!(
            "{name}: is nested more than {} levels deep",
            document::DEEPEST
        ))),
        None => Ok(value),
    }
}

/// The document at a revision, and the commit of that revision.
fn at_revision(root: &Path, revision: &str) -> Result<(String, Vec<u8>), CannotCompare> {
    let failed = |why: &str| CannotCompare::new(format!("git:{revision}: {why}"));
    // A missing repository and a missing revision get different errors.
    git(root, &["rev-parse", "--git-dir"]).map_err(|why| failed(&why))?;
    // git must read the argument as a revision, even if it looks like an option.
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--short",
        "--end-of-options",
        &format!("{revision}^{{commit}}"),
    ];
    let commit = git(root, &arguments).map_err(|why| {
        let unknown = "is not a revision of this repository (a shallow clone has only the newest)";
        failed(match why.as_str() {
            SILENT => unknown,
            why => why,
        })
    })?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let document = format!("{commit}:./openapi/openapi.json");
    let bytes = git(root, &["cat-file", "blob", &document])
        .map_err(|why| failed(&format!("has no openapi/openapi.json ({why})")))?;
    Ok((commit, bytes))
}

/// The error of [`git`] if git fails without a message.
const SILENT: &str = "git failed and did not say why";

/// The output of git, or the first line of its message if it fails. The caller's variables and configuration must not decide
/// which repository is read, or make git run other programs.
fn git(root: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_CEILING_DIRECTORIES",
        "GIT_EXTERNAL_DIFF",
        "GIT_TRACE",
    ] {
        command.env_remove(variable);
    }
    let output = command
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.abbrev=auto",
        ])
        .args(["--no-pager", "--no-replace-objects", "-C"])
        .arg(root)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty());
    Err(first.map_or_else(
        || SILENT.to_owned(),
        |line| format!("git says: {}", line.trim()),
    ))
}
