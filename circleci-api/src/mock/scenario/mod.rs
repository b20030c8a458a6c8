//! A stateful simulation of CircleCI. Pipelines advance while clients poll them, workflows wait for approvals, and clients can
//! read and write the data of a project.
//!
//! ```
//! use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
//! use circleci_api::types::WorkflowStatus::{OnHold, Running, Success};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
//! let circleci = Mock::start().await;
//! let web = Scenario::start(&circleci, "gh/acme/web");
//! web.next(Script::new().workflow("build", [Running, Success]).workflow("deploy", [OnHold, Running, Success]));
//!
//! let client = circleci.client();
//! let pipeline = client.trigger_pipeline("gh/acme/web").send().await?;
//! let statuses = || async {
//!     let workflows = client.list_workflows_by_pipeline_id(pipeline.id).items().into_vec().await?;
//!     Ok::<_, circleci_api::Error>(workflows.into_iter().filter_map(|it| it.status).collect::<Vec<_>>())
//! };
//! assert_eq!(statuses().await?, []); // CircleCI creates the workflows a little later, too
//! assert_eq!(statuses().await?, [Running, OnHold]);
//! assert_eq!(statuses().await?, [Success, OnHold]); // waits for an approval
//! web.approve("deploy");
//! assert_eq!(statuses().await?, [Success, Running]);
//! assert_eq!(statuses().await?, [Success, Success]);
//! # Ok(()) }
//! ```

mod contexts;
mod file;
mod insights;
mod jobs;
mod keys;
mod pipelines;
mod projects;
mod records;
mod reply;
mod run;
mod schedules;
mod script;
mod store;
mod usage;
mod variables;
mod webhooks;
mod workflows;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::{Map, Value};

use super::answer::{Answer, Body, Refusal, Responder};
use super::received::FILES;
use super::rule::{Predicate, Rule, Target};
use super::{Mock, Received, route};
use crate::values::slug::ProjectSlug;
use world::{Handler, World, date};

pub use file::ScenarioError;
pub use script::Script;

/// A simulated project of a [`Mock`], with its data and the contexts of its organization. Clones share the same project.
///
/// A scenario answers the operations on:
///
/// - the project, its organization and its user
/// - pipelines, workflows, jobs, artifacts and tests
/// - approvals, cancellations, reruns and the continuation of setup workflows
/// - variables, contexts with variables and restrictions, checkout keys, webhooks, schedules and settings
/// - usage exports
/// - insights, which it computes from the workflows that ran
/// - builds in API version 1.1, with their output
///
/// The mock answers all other operations as it does without a scenario. If a request body lacks a required field, the mock
/// answers 400.
///
/// ```
/// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
/// # use circleci_api::types::{CreateEnvVarRequest, WorkflowStatus::{OnHold, Running, Success}};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let web = Scenario::start(&server, "gh/acme/web");
///
/// circleci.create_env_var("gh/acme/web", CreateEnvVarRequest::new("GREETING", "hello")).send().await?;
/// let variable = circleci.get_env_var("gh/acme/web", "GREETING").send().await?;
/// assert_eq!(variable.value.as_deref(), Some("xxxxello")); // as CircleCI masks it
///
/// web.next(Script::new().workflow("deploy", [OnHold, Running, Success]));
/// circleci.trigger_pipeline("gh/acme/web").send().await?;
/// assert!(web.approve("deploy")); // as a person does in the web app
/// assert!(!web.approve("deploy")); // nothing is on hold now
/// # Ok(()) }
/// ```
///
/// A scenario can start with data, and with pipelines that have already run:
///
/// ```
/// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
/// # use circleci_api::types::WorkflowStatus::{Failed, Success};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let web = Scenario::start(&server, "gh/acme/web");
/// web.page_size(1);
/// web.keep(100); // of each kind
/// web.variable("REGION", "eu");
/// let deploy = web.context("deploy", ["NPM_TOKEN"]);
/// web.ran(Script::new().workflow("build", [Failed]));
/// let newest = web.ran(Script::new().workflow("build", [Success]));
///
/// assert!(circleci.get_env_var("gh/acme/web", "REGION").send().await.is_ok());
/// let variables = circleci.list_environment_variables_from_context(deploy).items().into_vec().await?;
/// assert_eq!(variables.len(), 1);
/// let page = circleci.list_pipelines_for_project("gh/acme/web").send().await?;
/// assert_eq!(page.items.len(), 1);
/// assert_eq!(page.items[0].id.to_string(), newest);
///
/// let project = circleci.get_project_by_slug("gh/acme/web").send().await?;
/// assert_eq!(project.id.map(|id| id.to_string()), Some(web.project_id()));
/// assert_eq!(project.organization_id.map(|id| id.to_string()), Some(web.organization_id()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Scenario(Arc<Mutex<World>>);

impl Scenario {
    /// Adds a project to the mock. Scenarios that were started earlier keep working. Some requests name no project: lists
    /// (`listPipelines`, `listContexts`), and requests that create something outside a project. The newest scenario answers them.
    /// Stubs that are configured later with [`Mock::on`] take precedence over the scenario.
    ///
    /// # Panics
    ///
    /// Panics if the project slug is invalid.
    #[track_caller]
    pub fn start(mock: &Mock, project: impl AsRef<str>) -> Self {
        let project = project.as_ref();
        match project.parse() {
            Ok(slug) => Self::serve(mock, slug),
            Err(error) => panic!("{project:?}: {error}"),
        }
    }

    /// Starts a scenario from JSON. The file `circleci-api/examples/mock/scenario.json` shows the format.
    ///
    /// ```
    /// # use circleci_api::{mock::{Mock, scenario::Scenario}, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let circleci = Mock::start().await;
    /// Scenario::load(&circleci, &json!({
    ///     "project": "gh/acme/web",
    ///     "variables": { "REGION": "eu" },
    ///     "pipelines": [{ "branch": "main", "workflows": [{ "name": "build", "statuses": ["success"] }] }],
    /// }))?;
    /// let pipelines = circleci.client().list_pipelines_for_project("gh/acme/web").items().into_vec().await?;
    /// assert_eq!(pipelines.len(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a key is unknown or a value is invalid for its key.
    pub fn load(mock: &Mock, json: &Value) -> Result<Self, ScenarioError> {
        let scene = file::read(json)?;
        let slug = scene.project.parse();
        let slug = slug.map_err(|error| file::wrong("project", error))?;
        let scenario = Self::serve(mock, slug);
        let mut world = scenario.lock();
        world.branch = scene.branch.unwrap_or_else(|| "main".to_owned());
        if let Some(size) = scene.page_size {
            world.page_size = size;
        }
        world.rate_limit = scene.rate_limit.map(|limit| (limit, 0));
        drop(world);
        for (name, value) in scene.variables {
            scenario.variable(name, value);
        }
        for (name, variables) in scene.contexts {
            scenario.context(name, variables);
        }
        for script in scene.pipelines {
            scenario.ran(script);
        }
        scene
            .next
            .into_iter()
            .for_each(|script| scenario.next(script));
        for (path, contents) in scene.files {
            mock.file(path, contents);
        }
        Ok(scenario)
    }

    fn serve(mock: &Mock, slug: ProjectSlug) -> Self {
        let mut state = mock.state.lock();
        let place = state.place();
        let scenario = Self(Arc::new(Mutex::new(World::new(slug, place))));
        let (same, answering) = (scenario.clone(), scenario.clone());
        let mut rule = Rule::new(Target::Scenario {
            serves: Predicate(Arc::new(serves)),
            knows: Predicate(Arc::new(move |request| same.lock().has(request))),
        });
        let respond = move |request: &Received| answering.lock().answer(request);
        let body = Body::Responder(Responder(Arc::new(respond)));
        rule.answers.push(Answer::new(200, body));
        state.rules.push(rule);
        scenario
    }

    /// Sets the script of the next pipeline that a client triggers. Each further call sets the script of the pipeline that is
    /// triggered after that one. A pipeline without a script runs the workflow `build-and-test`, which succeeds.
    pub fn next(&self, script: Script) {
        self.lock().scripts.push_back(script);
    }

    /// Adds a pipeline that has already run, and returns its id. Each workflow of the pipeline has reached its last state, or is
    /// on hold.
    pub fn ran(&self, script: Script) -> String {
        let mut world = self.lock();
        let id = world.begin(script.hidden_for(0), None, None, Map::new());
        let pipeline = world.pipelines.iter().find(|it| it.id == id);
        let runs = pipeline.into_iter().flat_map(|it| &it.workflows);
        let looks: Vec<(String, usize)> = runs
            .map(|run| (run.id.clone(), run.script.statuses.len()))
            .collect();
        for (run, times) in looks {
            (0..times).for_each(|_| drop(world.look(&run)));
        }
        id
    }

    /// Adds an environment variable to the project.
    pub fn variable(&self, name: impl Into<String>, value: impl Into<String>) {
        self.lock().set_variable(name.into(), value.into());
    }

    /// Adds a context to the organization, and returns the context's id. `variables` are the names of the context's variables. No
    /// values are needed, because CircleCI never returns the values of a context's variables.
    pub fn context<V: AsRef<str>>(
        &self,
        name: impl Into<String>,
        variables: impl IntoIterator<Item = V>,
    ) -> String {
        let mut world = self.lock();
        let now = date(world.now());
        let context = world.add_context(name.into(), None);
        for variable in variables {
            context.set_variable(variable.as_ref(), now.clone());
        }
        context.id.clone()
    }

    /// Approves the newest workflow that has this name and is on hold. Returns false if there is no such workflow.
    pub fn approve(&self, workflow: &str) -> bool {
        self.lock().approve_newest(workflow)
    }

    /// Returns the continuation key of a pipeline that waits after its [setup workflow](Script::setup), or `None` if the
    /// pipeline does not wait to be continued. [`Script::setup`] has an example.
    pub fn continuation_key(&self, pipeline: &str) -> Option<String> {
        self.lock().continuation_key(pipeline)
    }

    /// Returns the id of the project.
    pub fn project_id(&self) -> String {
        self.lock().project_id.clone()
    }

    /// Returns the id of the organization.
    pub fn organization_id(&self) -> String {
        self.lock().org_id.clone()
    }

    /// Sets the number of items per page. 0 counts as 1. The default is 20.
    pub fn page_size(&self, items: usize) {
        self.lock().page_size = items.max(1);
    }

    /// Sets how many requests pass before one is answered with 429. After the 429, the count starts again at 0.
    ///
    /// ```
    /// # use circleci_api::{mock::{Mock, scenario::Scenario}, operations::GetProjectBySlug};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// let web = Scenario::start(&server, "gh/acme/web");
    /// web.rate_limit(1);
    ///
    /// circleci.get_project_by_slug("gh/acme/web").send().await?;
    /// circleci.get_project_by_slug("gh/acme/web").send().await?; // 429, and then a retry
    /// server.assert_count::<GetProjectBySlug>(3);
    /// # Ok(()) }
    /// ```
    pub fn rate_limit(&self, requests: usize) {
        self.lock().rate_limit = Some((requests, 0));
    }

    /// Limits how many objects of each kind (such as pipelines, contexts or webhooks) the scenario keeps. When there are more
    /// objects of a kind, the scenario removes the oldest ones (of variables, the last ones by name). The default is 10,000.
    pub fn keep(&self, count: usize) {
        self.lock().keep = count;
    }

    /// Makes the scenario use the system clock. By default, the scenario has its own clock. This clock starts on 2 January 2026
    /// and advances by one second each time that the scenario needs the current time.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use circleci_api::{chrono::{DateTime, TimeDelta}, mock::{Mock, scenario::Scenario}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// let web = Scenario::start(&server, "gh/acme/web");
    /// web.real_time();
    ///
    /// let pipeline = circleci.trigger_pipeline("gh/acme/web").send().await?;
    /// let now = DateTime::from(SystemTime::now());
    /// assert!(pipeline.created_at.is_some_and(|created| (now - created).abs() < TimeDelta::minutes(5)));
    /// # Ok(()) }
    /// ```
    pub fn real_time(&self) {
        self.lock().real_time = true;
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operations that a scenario answers, and their handlers.
const ROOMS: [&[(&str, Handler)]; 11] = [
    pipelines::HANDLERS,
    workflows::HANDLERS,
    jobs::HANDLERS,
    variables::HANDLERS,
    contexts::HANDLERS,
    keys::HANDLERS,
    webhooks::HANDLERS,
    schedules::HANDLERS,
    projects::HANDLERS,
    usage::HANDLERS,
    insights::HANDLERS,
];

fn handler(request: &Received) -> Option<Handler> {
    let id = request.operation?.id;
    let mut handlers = ROOMS.into_iter().flatten();
    handlers
        .find(|(known, _)| *known == id)
        .map(|(_, handler)| *handler)
}

/// Returns the endpoints that a scenario serves although they are not operations in CircleCI's document.
fn templates() -> impl Iterator<Item = (Method, &'static str, Handler)> {
    jobs::TEMPLATES.into_iter().chain(projects::TEMPLATES)
}

/// Returns the path parameters and the handler for a request that matches one of the `templates`, or `None` for other requests.
fn beside(request: &Received) -> Option<(route::Params, Handler)> {
    templates().find_map(|(method, template, handler)| {
        let same = method == request.method;
        let params = same.then(|| route::params(template, request.plain_path()));
        Some((params??, handler))
    })
}

/// Checks whether scenarios have a handler for the request.
fn serves(request: &Received) -> bool {
    handler(request).is_some() || beside(request).is_some()
}

impl World {
    /// Checks whether this world contains the object that a request is about, or generates the requested file.
    fn has(&self, request: &Received) -> bool {
        match stored(request) {
            Some((project, ..)) => project == self.project_id,
            None if request.plain_path().starts_with(FILES) => false,
            None => self.knows(request),
        }
    }

    fn answer(&mut self, request: &Received) -> Answer {
        if let Some((_, kind, id)) = stored(request) {
            let body = match kind {
                "output" => jobs::stored_output(self, id),
                "usage" => usage::stored_export(self, id),
                _ => None,
            };
            let found = body.map(|body| Answer::new(200, body));
            return found.unwrap_or_else(|| Answer::message(404, "Not found"));
        }
        if !self.passes() {
            return Answer::rate_limited(Duration::from_secs(1));
        }
        if !self.is_mine(request) {
            return Answer::message(404, "Project not found");
        }
        let outcome = if let Some((params, handler)) = beside(request) {
            handler(self, &request.with_params(&params))
        } else if let Some(handler) = handler(request) {
            handler(self, request)
        } else {
            Err(Refusal::new(404, "Not found"))
        };
        if request.method != Method::GET {
            self.trim();
        }
        let reply = request.operation.and_then(route::reply);
        let status = reply.map_or(200, |reply| reply.status);
        outcome.map_or_else(Answer::from, |body| Answer::new(status, body))
    }
}

/// Splits the path of a file that a scenario generates into the project's id, the kind of file and the file's id. Returns `None`
/// for other paths.
fn stored(request: &Received) -> Option<(&str, &str, &str)> {
    let path = request.plain_path().strip_prefix(FILES)?;
    let mut parts = path.strip_prefix("ci/")?.split('/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}
