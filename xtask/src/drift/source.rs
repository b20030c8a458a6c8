//! The two documents to compare: the vendored one, and the one that `--against` names.

use crate::document::{
    self,
    fetch::{self, Answer, FetchError, Limits},
};
use serde_json::Value;
use std::{fmt, path::Path, process::Command};

/// A document and what to call it in the report.
#[derive(Clone, Debug)]
pub struct Document {
    pub name: String,
    pub value: Value,
}

/// Why there is nothing to report, in one line.
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

/// What `--against` brought.
#[derive(Debug)]
pub enum Other {
    Document {
        document: Document,
        /// A revision lies behind us, a URL or a file ahead.
        older: bool,
    },
    /// The server says that the document is the one whose ETag `source.json` holds.
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

/// A file in place of the vendored document. Its record is of no URL and has no ETag.
pub fn base(path: &Path) -> Result<(Document, fetch::Source), CannotCompare> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| CannotCompare::new(format!("cannot read {name}: {error}")))?;
    let value = parse(&bytes, &name)?;
    let source = fetch::Source::of("", &bytes);
    Ok((Document { name, value }, source))
}

/// What `against` (a URL, a file or `git:REV`) holds.
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
    // An ETag tells of the URL that gave it, and of no other.
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

/// What CircleCI publishes, from the first of its addresses that has the document.
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

/// A document that the other steps can walk: JSON, OpenAPI 3.0, with operations, not too deep.
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

/// The document as it was at a revision, and the commit that this is.
fn at_revision(root: &Path, revision: &str) -> Result<(String, Vec<u8>), CannotCompare> {
    let failed = |why: &str| CannotCompare::new(format!("git:{revision}: {why}"));
    // Whether there is a repository is another question than whether it has the revision.
    git(root, &["rev-parse", "--git-dir"]).map_err(|why| failed(&why))?;
    // Whatever it looks like, it is a revision and no option.
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--short",
        "--end-of-options",
        &format!("{revision}^{{commit}}"),
    ];
    let commit = git(root, &arguments).map_err(|why| {
        let unknown = "is no revision of this repository (a shallow clone has only the newest)";
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

/// What [`git`] returns when git failed without a word.
const SILENT: &str = "git failed and did not say why";

/// What git prints, or the first line of what it says when it fails. Neither the caller's variables nor its configuration decide
/// which repository that is or what else runs.
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
