//! Finds the projects of an organization by combining all sources that the API offers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use uuid::Uuid;

use super::gate::Gate;
use crate::client::Client;
use crate::error::Error;
use crate::generated::operations::ListPipelines;
use crate::generated::types::{Context, ContextRestriction, Project, RestrictionType};
use crate::json::object::object;
use crate::lists::many::{AT_ONCE, Many, both};
use crate::request::operation;
use crate::values::slug::{OrgSlug, ProjectSlug};

/// The default number of pages of pipelines that are read. Together, these pages hold the 200 newest pipelines of the
/// organization.
const PAGES: usize = 10;

impl Client {
    /// Finds the projects of an organization. Requires the feature `overview`.
    ///
    /// API v2 cannot list the projects of an organization. This method combines the sources that are available:
    ///
    /// | source | what it lists | `gh/…`, `bb/…` | `circleci/<id>` |
    /// |---|---|---|---|
    /// | [`Pipelines`](ProjectSource::Pipelines) | projects that have one of the organization's newest pipelines (200 by default, see [`pages`](FindProjects::pages)) | slugs | slugs |
    /// | [`Summary`](ProjectSource::Summary) | projects with runs in the last 90 days (Insights) | names, which are enough for slugs | names, which are not enough for slugs |
    /// | [`Restrictions`](ProjectSource::Restrictions) | projects to which a context is restricted | ids and names | ids, which are enough for slugs |
    /// | [`Followed`](ProjectSource::Followed) | projects that the token's user follows (API v1.1) | slugs | slugs |
    ///
    /// If a project never ran, is in no restriction and is not followed, none of these sources lists it, and it is missing from
    /// the result. In a `circleci/<id>` organization, a project that is known only by its name is in
    /// [`unknown`](OrganizationProjects::unknown).
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::ListPipelines, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # server.on::<ListPipelines>().reply_json(json!({ "items": [{ "project_slug": "gh/acme/web" }] }));
    /// # let circleci = server.client();
    /// let found = circleci.organization_projects("gh/acme").send().await?;
    /// for project in &found.projects {
    ///     println!("{} {:?}", project.slug, project.sources);
    /// }
    /// for unknown in &found.unknown {
    ///     println!("{unknown}");
    /// }
    /// for (source, error) in &found.failed {
    ///     println!("{source:?} could not be asked: {error}");
    /// }
    /// # assert!(found.projects.iter().any(|it| it.slug.as_str() == "gh/acme/web"), "{found:?}");
    /// # Ok(()) }
    /// ```
    pub fn organization_projects(&self, org_slug: impl AsRef<str>) -> FindProjects {
        FindProjects {
            client: self.clone(),
            org: org_slug.as_ref().to_owned(),
            pages: PAGES,
            at_once: AT_ONCE,
        }
    }
}

/// A search for projects. Created by [`Client::organization_projects`].
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// let search = circleci.organization_projects("gh/acme").pages(50).at_once(4); // 1 000 pipelines
/// let found = search.send().await?;
/// println!("{} projects", found.projects.len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct FindProjects {
    client: Client,
    org: String,
    pages: usize,
    at_once: usize,
}

/// The projects of an organization that were found. [`Client::organization_projects`] has an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct OrganizationProjects {
    /// The projects, ordered by slug.
    pub projects: Vec<FoundProject>,
    /// The projects whose slug is not known.
    pub unknown: Vec<UnknownProject>,
    /// The sources that could not be read completely, each with its error.
    pub failed: Vec<(ProjectSource, Error)>,
}

/// A project of an organization. [`Client::organization_projects`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundProject {
    /// The project's slug, in the form that every operation accepts.
    pub slug: ProjectSlug,
    /// The project's name, if a source gives it.
    pub name: Option<String>,
    /// The project's id, if a source gives it.
    pub id: Option<Uuid>,
    /// All sources that list the project.
    pub sources: BTreeSet<ProjectSource>,
}

/// A project whose slug is not known. Its `Display` output is one line. [`Client::organization_projects`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownProject {
    /// The project's name.
    pub name: String,
    /// A source that lists the project.
    pub source: ProjectSource,
    /// The reason why the slug is not known.
    pub reason: &'static str,
}

impl fmt::Display for UnknownProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.name, self.reason)
    }
}

/// A place in the API that names projects. [`Client::organization_projects`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProjectSource {
    /// The newest pipelines of the organization.
    Pipelines,
    /// The Insights summary of the organization.
    Summary,
    /// The restrictions of the organization's contexts.
    Restrictions,
    /// The list of the projects that the token's user follows, from version 1.1 of the API.
    Followed,
}

operation! {
    #[doc(hidden)]
    /// Lists the projects that the token's user follows, from version 1.1 of the API.
    ListFollowedProjects -> Vec<FollowedProject>;
    "listFollowedProjects" GET "/projects" () Safe below "/api/v1.1"
}

object! {
    #[doc(hidden)]
    /// A project in version 1.1 of the API.
    FollowedProject {
        /// The provider: `github`, `bitbucket` or `circleci`.
        vcs_type: Option<String> = optional "vcs_type",
        /// The name of the organization.
        username: Option<String> = optional "username",
        /// The name of the project.
        reponame: Option<String> = optional "reponame",
        /// The URL: `https://github.com/acme/web`, or `//circleci.com/<org id>/<project id>`.
        vcs_url: Option<String> = optional "vcs_url",
    }
}

impl FollowedProject {
    fn slug(&self) -> Option<ProjectSlug> {
        // In a `circleci` organization, slugs contain ids in place of names, and the URL holds these ids.
        if let Some((_, ids)) = self
            .vcs_url
            .as_deref()
            .and_then(|it| it.split_once("//circleci.com/"))
        {
            return format!("circleci/{ids}").parse().ok();
        }
        let (provider, org) = (self.vcs_type.as_deref()?, self.username.as_deref()?);
        ProjectSlug::new(provider, org, self.reponame.as_deref()?).ok()
    }
}

impl FindProjects {
    /// Sets how many pages of the organization's pipelines are read. Each page has 20 pipelines. The default is 10 pages.
    pub fn pages(mut self, pages: usize) -> Self {
        self.pages = pages;
        self
    }

    /// Sets how many calls run at the same time. 0 counts as 1. The default is 8.
    pub fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls.max(1);
        self
    }

    /// Reads all sources at the same time, and combines what they list.
    ///
    /// # Errors
    ///
    /// Returns an error if the organization's slug is invalid, or if no source could be read. If only some sources fail, their
    /// errors are in [`failed`](OrganizationProjects::failed).
    pub async fn send(self) -> Result<OrganizationProjects, Error> {
        let org: OrgSlug = self.org.parse().map_err(|error| {
            Error::argument(ListPipelines::OPERATION, format!("org_slug: {error}"))
        })?;
        let (client, gate) = (&self.client, &Gate::new(self.at_once));
        let pipelines = by_pipelines(client, gate, &org, self.pages);
        let summary = by_summary(client, gate, &org);
        let restrictions = by_restrictions(client, gate, &org, self.at_once);
        let followed = by_followed(client, gate, &org);
        let ((pipelines, summary), (restrictions, followed)) =
            both(both(pipelines, summary), both(restrictions, followed)).await;

        let mut found = Found::new(org);
        found.add_all(ProjectSource::Pipelines, pipelines);
        found.add_all(ProjectSource::Followed, followed);
        found.add_all(ProjectSource::Restrictions, restrictions);
        found.add_all(ProjectSource::Summary, summary);
        if found.is_by_id() && !found.names.is_empty() {
            found.ask_names(client, gate, self.at_once).await;
        }
        found.finish()
    }
}

/// The projects that were found in one source, and the first error, if the source could not be read completely.
type Finding = (Vec<Known>, Option<Error>);

/// What a source says about a project: its slug, its name, or its id.
enum Known {
    Slug(ProjectSlug),
    Name(String),
    Id(Uuid, Option<String>),
}

async fn by_pipelines(client: &Client, gate: &Gate, org: &OrgSlug, most: usize) -> Finding {
    let mut pages = client.list_pipelines().org_slug(org.as_str()).pages();
    let mut slugs = BTreeSet::new();
    let mut failed = None;
    for _ in 0..most {
        match gate.pass(pages.try_next()).await {
            Ok(Some(page)) => {
                let each = page.items.into_iter().filter_map(|it| it.project_slug);
                slugs.extend(each.filter_map(|slug| slug.parse::<ProjectSlug>().ok()));
            }
            Ok(None) => break,
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    (slugs.into_iter().map(Known::Slug).collect(), failed)
}

async fn by_summary(client: &Client, gate: &Gate, org: &OrgSlug) -> Finding {
    match gate
        .pass(client.get_org_summary_data(org.as_str()).send())
        .await
    {
        Ok(summary) => {
            let mut names: BTreeSet<String> = summary.all_projects.into_iter().collect();
            let with_figures = summary.org_project_data.into_iter();
            names.extend(with_figures.filter_map(|project| project.project_name));
            (names.into_iter().map(Known::Name).collect(), None)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

async fn by_restrictions(client: &Client, gate: &Gate, org: &OrgSlug, at_once: usize) -> Finding {
    let mut pages = client.list_contexts().owner_slug(org.as_str()).pages();
    let (mut contexts, mut failed) = (Vec::new(), None);
    loop {
        match gate.pass(pages.try_next()).await {
            Ok(Some(page)) => contexts.extend(page.items),
            Ok(None) => break,
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let calls = contexts.into_iter().map(|context: Context| async move {
        let list = client.get_context_restrictions(context.id);
        gate.pass(list.items().into_vec()).await
    });
    let mut known = Vec::new();
    for restrictions in Many::new(calls).at_once(at_once).into_vec().await {
        match restrictions {
            Ok(restrictions) => known.extend(restrictions.into_iter().filter_map(of_restriction)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (known, failed)
}

fn of_restriction(restriction: ContextRestriction) -> Option<Known> {
    if restriction.restriction_type != Some(RestrictionType::Project) {
        return None;
    }
    let id = restriction.restriction_value?.parse().ok()?;
    Some(Known::Id(id, restriction.name))
}

async fn by_followed(client: &Client, gate: &Gate, org: &OrgSlug) -> Finding {
    let call = crate::request::Request::<ListFollowedProjects>::new(client).send();
    match gate.pass(call).await {
        Ok(projects) => {
            let slugs = projects.iter().filter_map(FollowedProject::slug);
            let ours = slugs.filter(|slug| slug.org_slug() == *org);
            (ours.map(Known::Slug).collect(), None)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// The projects that were found so far, and the errors of the sources.
struct Found {
    org: OrgSlug,
    projects: BTreeMap<ProjectSlug, FoundProject>,
    /// The names of projects whose slug is not known.
    names: BTreeMap<String, ProjectSource>,
    failed: Vec<(ProjectSource, Error)>,
}

impl Found {
    fn new(org: OrgSlug) -> Self {
        Self {
            org,
            projects: BTreeMap::new(),
            names: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Checks whether the organization's project slugs contain ids in place of names.
    fn is_by_id(&self) -> bool {
        self.org.provider() == "circleci"
    }

    fn add_all(&mut self, source: ProjectSource, (known, failed): Finding) {
        for known in known {
            self.add(source, known);
        }
        self.failed.extend(failed.map(|error| (source, error)));
    }

    fn add(&mut self, source: ProjectSource, known: Known) {
        let (part, name, id) = match known {
            Known::Slug(slug) => {
                // Ignore projects of other organizations.
                if slug.org_slug() != self.org {
                    return;
                }
                let name = (!self.is_by_id()).then(|| slug.project().to_owned());
                self.insert(source, slug, name, None);
                return;
            }
            Known::Id(id, name) if self.is_by_id() => (Some(id.to_string()), name, Some(id)),
            Known::Id(id, Some(name)) => (Some(name.clone()), Some(name), Some(id)),
            // This organization's slugs contain names, so an id alone does not give a slug.
            Known::Id(_, None) => return,
            Known::Name(name) if self.is_by_id() => (None, Some(name), None),
            Known::Name(name) => (Some(name.clone()), Some(name), None),
        };
        // In a restriction, the name may be the full name of the repository, such as `acme/web`.
        let part = part.map(|part| part.rsplit('/').next().unwrap_or_default().to_owned());
        let slug = part.and_then(|part| {
            ProjectSlug::new(self.org.provider(), self.org.organization(), &part).ok()
        });
        match (slug, name) {
            (Some(slug), name) => self.insert(source, slug, name, id),
            (None, Some(name)) => {
                let mut named = self.projects.values_mut();
                match named.find(|it| it.name.as_ref() == Some(&name)) {
                    Some(project) => drop(project.sources.insert(source)),
                    None => drop(self.names.insert(name, source)),
                }
            }
            (None, None) => {}
        }
    }

    fn insert(
        &mut self,
        source: ProjectSource,
        slug: ProjectSlug,
        name: Option<String>,
        id: Option<Uuid>,
    ) {
        let project = self.projects.entry(slug.clone());
        let project = project.or_insert_with(|| FoundProject {
            slug,
            name: None,
            id: None,
            sources: BTreeSet::new(),
        });
        project.name = project.name.take().or(name);
        project.id = project.id.or(id);
        project.sources.insert(source);
    }

    /// Requests each project whose name is not known yet, and adds the name. A project that another source knows only by this
    /// name is then merged with it.
    async fn ask_names(&mut self, client: &Client, gate: &Gate, at_once: usize) {
        let nameless = self
            .projects
            .values()
            .filter(|project| project.name.is_none());
        let calls: Vec<_> = nameless
            .map(|project| {
                let slug = project.slug.clone();
                let call = client.get_project_by_slug(slug.clone());
                async move { (slug, gate.pass(call.send()).await) }
            })
            .collect();
        for (slug, answer) in Many::new(calls).at_once(at_once).into_vec().await {
            let Project { name, id, .. } = match answer {
                Ok(project) => project,
                // The project does not exist any more, or the token may not read it.
                Err(error) if error.is_not_found() => continue,
                Err(error) => {
                    let source = self.projects.get(&slug).and_then(|it| it.sources.first());
                    self.failed.extend(source.map(|source| (*source, error)));
                    continue;
                }
            };
            if let Some(project) = self.projects.get_mut(&slug) {
                if let Some(source) = self.names.remove(&name) {
                    project.sources.insert(source);
                }
                project.name = Some(name);
                project.id = project.id.or(id);
            }
        }
    }

    fn finish(mut self) -> Result<OrganizationProjects, Error> {
        let empty = self.projects.is_empty() && self.names.is_empty();
        if empty && self.failed.len() == 4 {
            let (_, error) = self.failed.swap_remove(0);
            return Err(error);
        }
        let unknown = self.names.into_iter().map(|(name, source)| UnknownProject {
            name,
            source,
            reason: "CircleCI returns only the project's name, but a slug in this organization needs the project's id",
        });
        Ok(OrganizationProjects {
            projects: self.projects.into_values().collect(),
            unknown: unknown.collect(),
            failed: self.failed,
        })
    }
}
