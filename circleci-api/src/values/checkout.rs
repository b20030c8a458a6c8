//! Finds the project of a git checkout from its remote, without running git.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::values::slug::{ProjectSlug, SlugError};

/// The reason why no project was found for a checkout. The error does not contain the URL of a remote, because a URL may
/// contain a password. [`ProjectSlug::of_checkout`] has an example.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckoutError {
    /// Neither this directory nor any of its parents is a git checkout.
    NotACheckout(PathBuf),
    /// A file of the git repository could not be read.
    #[non_exhaustive]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The reason why the file could not be read.
        error: io::Error,
    },
    /// The checkout has no remote.
    NoRemote,
    /// The checkout has several remotes, and none of them is `origin`. The value contains the names of the remotes.
    SeveralRemotes(Vec<String>),
    /// The URL of the remote does not identify a CircleCI project.
    #[non_exhaustive]
    NoProject {
        /// The name of the remote.
        remote: String,
        /// The reason why the URL does not identify a project.
        error: SlugError,
    },
}

impl ProjectSlug {
    /// Returns the project of the git checkout that contains `path`. The URL of the remote `origin` identifies the
    /// project. If the checkout has only one remote, that remote may have any name. Requires the feature `wait`.
    ///
    /// This also works in worktrees and submodules. Only the configuration file of the repository is read. Included files
    /// and replacements such as `insteadOf` are ignored.
    ///
    /// ```
    /// # let checkout = std::env::temp_dir().join(format!("of_checkout-{}", std::process::id()));
    /// # let config = "[remote \"fork\"]\nurl = git@github.com:me/web.git\n[remote \"mine\"]\nurl = git@github.com:acme/web.git\n";
    /// # std::fs::create_dir_all(checkout.join(".git")).unwrap();
    /// # std::fs::write(checkout.join(".git/config"), config).unwrap();
    /// use circleci_api::{CheckoutError, ProjectSlug};
    ///
    /// let project = match ProjectSlug::of_checkout(&checkout) { // or "."
    ///     Ok(project) => project.to_string(),
    ///     Err(CheckoutError::SeveralRemotes(names)) => format!("one of {}?", names.join(", ")),
    ///     Err(error) => return Err(error),
    /// };
    /// # std::fs::remove_dir_all(&checkout).unwrap();
    /// assert_eq!(project, "one of fork, mine?");
    /// # Ok::<(), circleci_api::CheckoutError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if `path` is not in a checkout, if the checkout has no remote, or if it has several remotes and
    /// none of them is `origin`. The remote must be on github.com or bitbucket.org, because the slugs of other providers
    /// cannot be derived from a remote.
    pub fn of_checkout(path: impl AsRef<Path>) -> Result<Self, CheckoutError> {
        let path = path.as_ref();
        let config = common_dir(path)?.join("config");
        let mut remotes = remotes(&read(&config)?);
        let origin = remotes.iter().position(|(name, _)| name == "origin");
        let (name, url) = match (origin, remotes.len()) {
            (Some(origin), _) => remotes.swap_remove(origin),
            (None, 0) => return Err(CheckoutError::NoRemote),
            (None, 1) => remotes.swap_remove(0),
            (None, _) => {
                let names = remotes.into_iter().map(|(name, _)| name).collect();
                return Err(CheckoutError::SeveralRemotes(names));
            }
        };
        url.parse().map_err(|error| CheckoutError::NoProject {
            remote: name,
            error,
        })
    }
}

/// Returns the directory that contains the configuration of the repository.
fn common_dir(path: &Path) -> Result<PathBuf, CheckoutError> {
    // A path such as `.` does not contain the names of its parents.
    let full = path
        .canonicalize()
        .map_err(|error| unreadable(path, error))?;
    let found = full.ancestors().map(|folder| folder.join(".git"));
    let Some(git) = found.into_iter().find(|git| git.exists()) else {
        return Err(CheckoutError::NotACheckout(path.to_owned()));
    };
    if git.is_dir() {
        return Ok(git);
    }
    // In a worktree or a submodule, `.git` is a file that contains the path of the git directory.
    let text = read(&git)?;
    let Some(folder) = text.strip_prefix("gitdir:") else {
        return Err(CheckoutError::NotACheckout(path.to_owned()));
    };
    let folder = git.with_file_name("").join(folder.trim());
    // The git directory of a worktree contains a file with the path of the repository's git directory.
    match fs::read_to_string(folder.join("commondir")) {
        Ok(common) => Ok(folder.join(common.trim())),
        Err(_) => Ok(folder),
    }
}

fn read(path: &Path) -> Result<String, CheckoutError> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(path: &Path, error: io::Error) -> CheckoutError {
    CheckoutError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

/// Returns the names and URLs of the remotes, in the order of the file. If a remote has several URLs, the first one is
/// returned, because git fetches from it.
fn remotes(config: &str) -> Vec<(String, String)> {
    let mut remotes: Vec<(String, String)> = Vec::new();
    let mut remote = None;
    for line in config.lines() {
        let mut line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let Some((header, rest)) = section.rsplit_once(']') else {
                continue;
            };
            remote = header
                .split_once(char::is_whitespace)
                .and_then(|(kind, name)| {
                    let name = name.trim().strip_prefix('"')?.strip_suffix('"')?;
                    kind.eq_ignore_ascii_case("remote").then(|| unescape(name))
                });
            line = rest.trim();
        }
        if let (Some(name), Some((key, value))) = (&remote, line.split_once('='))
            && key.trim().eq_ignore_ascii_case("url")
            && !remotes.iter().any(|(known, _)| known == name)
        {
            remotes.push((name.clone(), plain(value.trim())));
        }
    }
    remotes
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

/// Removes the quotes and the trailing comment of a value.
fn plain(value: &str) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => plain.extend(chars.next()),
            '#' | ';' if !quoted => break,
            c => plain.push(c),
        }
    }
    plain.trim().to_owned()
}

impl fmt::Display for CheckoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACheckout(path) => write!(f, "{} is not in a git checkout", path.display()),
            Self::Unreadable { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NoRemote => f.write_str("the checkout has no remote"),
            Self::SeveralRemotes(names) => {
                let names = names.join(", ");
                write!(
                    f,
                    "the checkout has several remotes ({names}) and no origin"
                )
            }
            Self::NoProject { remote, error } => write!(f, "remote {remote}: {error}"),
        }
    }
}

impl std::error::Error for CheckoutError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::NoProject { error, .. } => Some(error),
            _ => None,
        }
    }
}
