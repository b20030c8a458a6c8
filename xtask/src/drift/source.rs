//! Reads the two documents to compare: the vendored document, and the document that `--against` names.

use crate::document::{
    self, dialect,
    fetch::{self, Answer, FetchError, Limits},
    revision,
};
use serde_json::Value;
use std::{fmt, path::Path};

/// A document, with the name that the report uses for it.
#[derive(Clone, Debug)]
pub struct Document {
    pub name: String,
    pub value: Value,
    /// Notes about parts of the document that OpenAPI 3.0 cannot express.
    pub notes: Vec<dialect::Note>,
}

impl Document {
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Self {
            name: name.into(),
            value,
            notes: Vec::new(),
        }
    }
}

/// The reason why the documents cannot be compared, as one line.
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

/// The document that `--against` names, or `Unchanged` if the server says that the vendored document is still the current one.
#[derive(Debug)]
pub enum Other {
    Document {
        document: Document,
        /// Whether the document is older than the vendored one. This is true for a git revision, and false for a URL or a file.
        older: bool,
    },
    /// The server answered that its document still has the ETag in `source.json`.
    Unchanged { name: String },
}

/// Checks the vendored document against its record `source.json`, and returns both.
pub fn vendored(openapi: &Path) -> Result<(Document, fetch::Source), CannotCompare> {
    let (bytes, source) = fetch::vendored(openapi)?;
    let mut document = parse(&bytes, "openapi/openapi.json".to_owned())?;
    document.name = format!("openapi/openapi.json (vendored, as of {})", source.fetched);
    Ok((document, source))
}

/// Reads the file that is compared instead of the vendored document (option `--base`). The returned `Source` has neither a URL
/// nor an ETag.
pub fn base(path: &Path) -> Result<(Document, fetch::Source), CannotCompare> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| CannotCompare::new(format!("cannot read {name}: {error}")))?;
    let document = parse(&bytes, name)?;
    Ok((document, fetch::Source::of("", &bytes)))
}

/// Reads the document at `against`, which is a URL, a file or `git:REV`.
pub fn other(
    root: &Path,
    against: &str,
    vendored: &fetch::Source,
    limits: &Limits,
) -> Result<Other, CannotCompare> {
    if let Some(revision) = against.strip_prefix("git:") {
        let (commit, bytes) = revision::document_at(root, revision)
            .map_err(|why| CannotCompare::new(format!("git:{revision}: {why}")))?;
        let name = format!("git:{revision} ({commit})");
        return Ok(Other::Document {
            document: parse(&bytes, name)?,
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
            Ok(Other::Document {
                document: parse(&downloaded.bytes, name)?,
                older: false,
            })
        }
    }
}

/// Returns the document that CircleCI publishes. Tries the known addresses in order until one of them works.
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

/// Parses a document. Rejects a document that has no operations or is nested too deeply.
fn parse(bytes: &[u8], name: String) -> Result<Document, CannotCompare> {
    fetch::check_document(bytes).map_err(|error| CannotCompare::new(format!("{name}: {error}")))?;
    let (value, notes) = document::parse_noted(bytes, &name)
        .map_err(|error| CannotCompare::new(format!("{error:#}")))?;
    match document::too_deep(&value) {
        Some(_) => Err(CannotCompare::new(format!(
            "{name}: is nested more than {} levels deep",
            document::DEEPEST
        ))),
        None => Ok(Document { name, value, notes }),
    }
}
