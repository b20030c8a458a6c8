//! Validated slugs of projects and organizations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The slug of a project: provider, organization and project, as in `gh/acme/web` or `circleci/<org id>/<project id>`.
///
/// Parsing accepts a slug or the URL of a git remote, such as `https://github.com/acme/web.git`,
/// `git@bitbucket.org:acme/web.git` or `ssh://git@github.com/acme/web`. `github/acme/web` and `gh/acme/web` identify the
/// same project. The host of an SSH remote may be an alias such as `github.com-work`.
///
/// ```
/// use circleci_api::ProjectSlug;
///
/// let slug: ProjectSlug = "git@github.com:acme/web.git".parse()?;
/// assert_eq!(slug.to_string(), "gh/acme/web");
/// assert_eq!((slug.provider(), slug.organization(), slug.project()), ("gh", "acme", "web"));
/// assert_eq!(slug.org_slug().as_str(), "gh/acme");
/// assert_eq!(slug, ProjectSlug::new("github", "acme", "web")?);
/// # Ok::<(), circleci_api::SlugError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectSlug {
    text: String,
    organization: usize,
    project: usize,
}

/// The slug of an organization: provider and name, as in `gh/acme` or `circleci/<org id>`.
///
/// ```
/// use circleci_api::OrgSlug;
///
/// let slug: OrgSlug = "github/acme".parse()?;
/// assert_eq!(slug.as_str(), "gh/acme");
/// assert_eq!((slug.provider(), slug.organization()), ("gh", "acme"));
/// assert_eq!(slug, OrgSlug::new("gh", "acme")?);
/// # Ok::<(), circleci_api::SlugError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrgSlug {
    text: String,
    organization: usize,
}

/// The reason why a slug is invalid. It does not contain the invalid text, only the rule that the text breaks.
///
/// ```
/// let slug = "acme/web".parse::<circleci_api::ProjectSlug>();
/// assert!(slug.is_err_and(|error| error.to_string().contains("three parts, as in gh/acme/web")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlugError(&'static str);

impl fmt::Display for SlugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SlugError {}

const WANT_PROJECT: SlugError =
    SlugError("a project slug has three parts, as in gh/acme/web, or is the URL of a git remote");
const WANT_ORG: SlugError = SlugError("an organization slug has two parts, as in gh/acme");
const BAD_PART: SlugError = SlugError(
    "a part of the slug is empty, `.` or `..`, or contains a slash or a control character",
);
const BAD_PROVIDER: SlugError =
    SlugError("the slug's provider must be gh, github, bb, bitbucket, gitlab or circleci");
const BAD_REMOTE: SlugError = SlugError(
    "the git remote is neither on github.com nor on bitbucket.org; for other projects, use circleci/<org id>/<project id>",
);

impl ProjectSlug {
    /// Creates a slug from its parts. White space around a part is removed.
    ///
    /// # Errors
    ///
    /// Returns an error if the provider is unknown, or if a part is empty, is `.` or `..`, or contains a slash or a control
    /// character.
    pub fn new(provider: &str, organization: &str, project: &str) -> Result<Self, SlugError> {
        let provider = canonical(provider)?;
        let [organization, project] = [organization, project].map(str::trim);
        for part in [organization, project] {
            if !is_part(part) {
                return Err(BAD_PART);
            }
        }
        let text = format!("{provider}/{organization}/{project}");
        let organization = provider.len() + 1;
        let project = text.len() - project.len();
        Ok(Self {
            text,
            organization,
            project,
        })
    }

    /// Returns the provider: `gh`, `bb`, `gitlab` or `circleci`.
    pub fn provider(&self) -> &str {
        &self.text[..self.organization - 1]
    }

    /// Returns the organization's name, or its id if the provider is `circleci`.
    pub fn organization(&self) -> &str {
        &self.text[self.organization..self.project - 1]
    }

    /// Returns the project's name, or its id if the provider is `circleci`.
    pub fn project(&self) -> &str {
        &self.text[self.project..]
    }

    /// Returns the slug as text, such as `gh/acme/web`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the slug of the organization that owns the project.
    pub fn org_slug(&self) -> OrgSlug {
        OrgSlug {
            text: self.text[..self.project - 1].to_owned(),
            organization: self.organization,
        }
    }
}

impl OrgSlug {
    /// Creates a slug from its parts. White space around the organization is removed.
    ///
    /// # Errors
    ///
    /// Returns an error if the provider is unknown, or if the organization is empty, is `.` or `..`, or contains a slash or a
    /// control character.
    pub fn new(provider: &str, organization: &str) -> Result<Self, SlugError> {
        let (provider, organization) = (canonical(provider)?, organization.trim());
        if !is_part(organization) {
            return Err(BAD_PART);
        }
        Ok(Self {
            text: format!("{provider}/{organization}"),
            organization: provider.len() + 1,
        })
    }

    /// Returns the provider: `gh`, `bb`, `gitlab` or `circleci`.
    pub fn provider(&self) -> &str {
        &self.text[..self.organization - 1]
    }

    /// Returns the organization's name, or its id if the provider is `circleci`.
    pub fn organization(&self) -> &str {
        &self.text[self.organization..]
    }

    /// Returns the slug as text, such as `gh/acme`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ProjectSlug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let text = text.trim();
        if let Some(remote) = remote(text) {
            return from_remote(&remote);
        }
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [provider, organization, project] => Self::new(provider, organization, project),
            _ => Err(WANT_PROJECT),
        }
    }
}

impl FromStr for OrgSlug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let parts: Vec<&str> = text.trim().split('/').collect();
        match parts[..] {
            [provider, organization] => Self::new(provider, organization),
            _ => Err(WANT_ORG),
        }
    }
}

/// Returns the one name that slugs use for a provider, so that each project has exactly one slug.
fn canonical(provider: &str) -> Result<&'static str, SlugError> {
    Ok(match provider {
        "gh" | "github" => "gh",
        "bb" | "bitbucket" => "bb",
        "gl" | "gitlab" => "gitlab",
        "circleci" => "circleci",
        _ => return Err(BAD_PROVIDER),
    })
}

/// Checks whether a part of a slug is safe as a path segment.
pub(crate) fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && !part.contains(|c: char| c == '/' || c == '\\' || c.is_control())
}

/// The parts of a git remote's URL.
struct Remote<'t> {
    host: &'t str,
    path: &'t str,
    /// Whether the remote uses SSH. If it does, the host may be an alias from the SSH configuration.
    by_ssh: bool,
}

/// Splits the URL of a git remote: `scheme://[user@]host[:port]/path` or `[user@]host:path`.
fn remote(text: &str) -> Option<Remote<'_>> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let (authority, path) = rest.split_once('/')?;
        // Skip credentials in the URL.
        let host = authority.rsplit('@').next()?;
        return Some(Remote {
            host: host.split(':').next()?,
            path,
            by_ssh: scheme.to_ascii_lowercase().contains("ssh"),
        });
    }
    let (authority, path) = text.split_once(':')?;
    (!authority.contains('/')).then(|| Remote {
        host: authority.rsplit('@').next().unwrap_or(authority),
        path,
        by_ssh: true,
    })
}

/// Returns the host that an SSH alias such as `github.com-work` stands for, or `host` itself if it is not an alias.
/// People with several keys use one alias for each key. No top-level domain begins with `com-` or `org-`, so such an
/// alias cannot be the name of a real host.
fn without_alias(host: &str) -> &str {
    for known in ["github.com", "bitbucket.org"] {
        if let Some(rest) = host.strip_prefix(known)
            && rest.starts_with(['-', '_'])
            && !rest.contains('.')
        {
            return known;
        }
    }
    host
}

fn from_remote(remote: &Remote<'_>) -> Result<ProjectSlug, SlugError> {
    let mut host = &*remote.host.to_ascii_lowercase();
    if remote.by_ssh {
        host = without_alias(host);
    }
    let provider = match host {
        "github.com" | "www.github.com" | "ssh.github.com" => "gh",
        "bitbucket.org" | "www.bitbucket.org" | "altssh.bitbucket.org" => "bb",
        _ => return Err(BAD_REMOTE),
    };
    let path = remote.path;
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    match path.split_once('/') {
        Some((organization, project)) => ProjectSlug::new(provider, organization, project),
        None => Err(WANT_PROJECT),
    }
}

macro_rules! text_traits {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.text
            }
        }

        impl TryFrom<&str> for $name {
            type Error = SlugError;

            fn try_from(text: &str) -> Result<Self, SlugError> {
                text.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }
    };
}

text_traits!(ProjectSlug);
text_traits!(OrgSlug);
