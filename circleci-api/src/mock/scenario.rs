//! A small CircleCI that moves: pipelines that go through their states as they are polled, approvals, and variables that
//! keep what is written.
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
//! assert_eq!(statuses().await?, []); // not there yet, as with CircleCI
//! assert_eq!(statuses().await?, [Running, OnHold]);
//! assert_eq!(statuses().await?, [Success, OnHold]); // it waits for a person
//! web.approve("deploy");
//! assert_eq!(statuses().await?, [Success, Running]);
//! assert_eq!(statuses().await?, [Success, Success]);
//! # Ok(()) }
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::server::file_url;
use super::{Mock, Received, Refusal, example, stub};
use crate::generated::operations::*;
use crate::generated::types::WorkflowStatus;
use crate::request::Kind;
use crate::values::slug::ProjectSlug;

/// What the next pipeline does.
///
/// ```
/// # use circleci_api::mock::{Mock, scenario::{Scenario, Script}};
/// # use circleci_api::types::WorkflowStatus::{Running, Success};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Mock::start().await;
/// # let web = Scenario::start(&server, "gh/acme/web");
/// # let circleci = server.client();
/// let script = Script::new()
///     .workflow("build", [Running, Success])
///     .rerun([Running]) // when it is rerun: it never ends
///     .artifact("dist/app.tar.gz")
///     .hidden_for(0); // its workflows are there at once
/// web.next(script);
///
/// let pipeline = circleci.trigger_pipeline("gh/acme/web").send().await?;
/// let workflows = circleci.list_workflows_by_pipeline_id(pipeline.id).items().into_vec().await?;
/// assert_eq!(workflows[0].status, Some(Running));
/// let jobs = circleci.list_workflow_jobs(workflows[0].id).items().into_vec().await?;
/// let number = jobs[0].job_number.ok_or("no number")?;
/// let artifacts = circleci.get_job_artifacts("gh/acme/web", number).items().into_vec().await?;
/// assert_eq!(artifacts[0].path, "dist/app.tar.gz");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is for `Scenario::next`"]
pub struct Script {
    workflows: Vec<Workflow>,
    hidden: Option<usize>,
}

#[derive(Clone, Debug)]
struct Workflow {
    name: String,
    statuses: Vec<WorkflowStatus>,
    /// Of a rerun, where they are others.
    rerun: Option<Vec<WorkflowStatus>>,
    artifacts: Vec<String>,
}

impl Script {
    /// A pipeline without workflows.
    pub fn new() -> Self {
        Self::default()
    }

    /// A workflow that goes through these states, one each time that it is looked at, and stays in the last one. At
    /// [`OnHold`](WorkflowStatus::OnHold) it stays until it is approved. It has one job, of its own name.
    ///
    /// # Panics
    ///
    /// There is no state.
    #[track_caller]
    pub fn workflow(
        mut self,
        name: impl Into<String>,
        statuses: impl IntoIterator<Item = WorkflowStatus>,
    ) -> Self {
        let (name, statuses) = (name.into(), Vec::from_iter(statuses));
        assert!(!statuses.is_empty(), "the workflow {name:?} has no state");
        self.workflows.push(Workflow {
            name,
            statuses,
            rerun: None,
            artifacts: Vec::new(),
        });
        self
    }

    /// What the workflow before this one goes through when it is rerun; the same again unless said otherwise.
    ///
    /// # Panics
    ///
    /// There is no workflow before this, or no state.
    #[track_caller]
    pub fn rerun(mut self, statuses: impl IntoIterator<Item = WorkflowStatus>) -> Self {
        let statuses = Vec::from_iter(statuses);
        assert!(!statuses.is_empty(), "the rerun has no state");
        self.last("rerun").rerun = Some(statuses);
        self
    }

    /// The job of the workflow before this one leaves such a file behind. What it holds, [`Mock::file`] says.
    ///
    /// # Panics
    ///
    /// There is no workflow before this.
    #[track_caller]
    pub fn artifact(mut self, path: impl Into<String>) -> Self {
        self.last("artifact").artifacts.push(path.into());
        self
    }

    #[track_caller]
    fn last(&mut self, what: &str) -> &mut Workflow {
        match self.workflows.last_mut() {
            Some(workflow) => workflow,
            None => panic!("`{what}` is said of the workflow before it, and there is none"),
        }
    }

    /// How often the workflows are asked for before they appear: once unless said otherwise.
    pub fn hidden_for(mut self, polls: usize) -> Self {
        self.hidden = Some(polls);
        self
    }
}

/// One project of a [`Mock`], with its pipelines, its variables and its organization's contexts. Clones are the same one.
///
/// Pipelines are triggered and listed, workflows looked at, approved, cancelled and rerun, jobs and their artifacts looked at;
/// variables and contexts are listed, written and deleted. Other operations are answered as the mock does without it.
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
/// assert!(web.approve("deploy")); // somebody in the web app
/// assert!(!web.approve("deploy")); // nothing is on hold any more
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Scenario(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    slug: ProjectSlug,
    /// Where the mock is, and its files.
    server: String,
    /// How many scenarios of the mock were there before: each has ids of its own.
    place: u16,
    ids: u64,
    scripts: VecDeque<Script>,
    pipelines: Vec<Pipeline>,
    variables: BTreeMap<String, String>,
    contexts: Vec<Context>,
}

#[derive(Debug)]
struct Pipeline {
    id: String,
    number: usize,
    hidden: usize,
    workflows: Vec<Run>,
}

/// A workflow on its way.
#[derive(Debug)]
struct Run {
    script: Workflow,
    id: String,
    approval: String,
    job: String,
    job_number: u64,
    at: usize,
    canceled: bool,
}

#[derive(Debug)]
struct Context {
    id: String,
    name: String,
    variables: BTreeMap<String, String>,
}

type Answer = Result<Value, Refusal>;

impl Scenario {
    /// Lets the mock answer for this project, beside others that were started before; lists that are not of one project
    /// (`listPipelines`, `listContexts`) and what is created for none are the last one's. What is said with [`Mock::on`] afterwards
    /// comes before it.
    ///
    /// # Panics
    ///
    /// The project's slug is none.
    #[track_caller]
    pub fn start(mock: &Mock, project: impl AsRef<str>) -> Self {
        let world = World {
            slug: stub::project(project.as_ref()),
            server: mock.url(),
            place: mock.state.lock().place(),
            ids: 0,
            scripts: VecDeque::new(),
            pipelines: Vec::new(),
            variables: BTreeMap::new(),
            contexts: Vec::new(),
        };
        let scenario = Self(Arc::new(Mutex::new(world)));
        scenario.serve_pipelines(mock);
        scenario.serve_variables(mock);
        scenario.serve_contexts(mock);
        scenario
    }

    /// What the next pipeline does that is triggered; of several, one after the other. Without any, it runs a workflow
    /// `build-and-test` that succeeds.
    pub fn next(&self, script: Script) {
        self.lock().scripts.push_back(script);
    }

    /// Approves the newest workflow of this name that is on hold, as a person would. Says whether there was one.
    pub fn approve(&self, workflow: &str) -> bool {
        let mut world = self.lock();
        let mut runs = world
            .pipelines
            .iter_mut()
            .rev()
            .flat_map(|pipeline| pipeline.workflows.iter_mut().rev());
        runs.find(|run| run.script.name == workflow && run.is_on_hold())
            .map(Run::approve)
            .is_some()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers an operation from the world as it is then.
    fn serve<O>(&self, mock: &Mock, answer: fn(&mut World, &Received) -> Answer)
    where
        O: Kind<Output: Serialize + DeserializeOwned>,
    {
        let (scenario, same) = (self.clone(), self.clone());
        let stub = mock.on::<O>();
        let stub = stub.known_by(move |request| same.lock().knows(request));
        stub.reply_by(move |request| {
            let mut world = scenario.lock();
            if request.project().is_some() && !request.is_of(&world.slug) {
                return Err(Refusal::new(404, "Project not found"));
            }
            answer(&mut world, request).map(|json| example::changed::<O>(&json))
        });
    }

    fn serve_pipelines(&self, mock: &Mock) {
        self.serve::<TriggerPipeline>(mock, |world, _| Ok(world.trigger()));
        self.serve::<TriggerPipelineRun>(mock, |world, _| Ok(world.trigger()));
        self.serve::<GetPipelineById>(mock, |world, request| {
            let slug = world.slug.clone();
            world.pipeline(request).map(|pipeline| pipeline.json(&slug))
        });
        self.serve::<ListPipelinesForProject>(mock, |world, _| Ok(world.newest_first()));
        self.serve::<ListPipelines>(mock, |world, _| Ok(world.newest_first()));
        self.serve::<ListWorkflowsByPipelineId>(mock, |world, request| {
            let slug = world.slug.clone();
            let pipeline = world.pipeline(request)?;
            if let Some(left) = pipeline.hidden.checked_sub(1) {
                pipeline.hidden = left;
                return Ok(list([]));
            }
            let (id, number) = (pipeline.id.clone(), pipeline.number);
            Ok(list(
                pipeline
                    .workflows
                    .iter_mut()
                    .map(|run| run.look(&id, number, &slug)),
            ))
        });
        self.serve::<GetWorkflowById>(mock, |world, request| {
            let slug = world.slug.clone();
            let (id, number, run) = world.run(request)?;
            Ok(run.look(&id, number, &slug))
        });
        self.serve::<ListWorkflowJobs>(mock, |world, request| {
            let slug = world.slug.clone();
            world.run(request).map(|(_, _, run)| list(run.jobs(&slug)))
        });
        self.serve::<ApprovePendingApprovalJobById>(mock, |world, request| {
            let (_, _, run) = world.run(request)?;
            if !run.is_on_hold() || request.path("approval_request_id") != Some(&run.approval) {
                return Err(Refusal::new(404, "Approval request not found"));
            }
            run.approve();
            Ok(json!({ "message": "Accepted." }))
        });
        self.serve::<CancelWorkflow>(mock, |world, request| {
            let (_, _, run) = world.run(request)?;
            run.canceled = true;
            Ok(json!({ "message": "Accepted." }))
        });
        self.serve::<RerunWorkflow>(mock, |world, request| {
            let (pipeline, _, run) = world.run(request)?;
            let mut script = run.script.clone();
            if let Some(statuses) = script.rerun.clone() {
                script.statuses = statuses;
            }
            let run = world.start(script);
            let answer = json!({ "workflow_id": run.id });
            let mut pipelines = world.pipelines.iter_mut();
            if let Some(pipeline) = pipelines.find(|it| it.id == pipeline) {
                pipeline.workflows.push(run);
            }
            Ok(answer)
        });
        self.serve::<GetJobDetails>(mock, |world, request| {
            let slug = world.slug.clone();
            world.job(request).map(|run| run.details(&slug))
        });
        self.serve::<GetJobArtifacts>(mock, |world, request| {
            let server = world.server.clone();
            let run = world.job(request)?;
            Ok(list(run.script.artifacts.iter().map(|path| {
                let url = file_url(&server, path);
                json!({ "path": path, "node_index": 0, "url": url })
            })))
        });
    }

    fn serve_variables(&self, mock: &Mock) {
        fn variable(name: &str, value: &str) -> Value {
            json!({ "name": name, "value": masked(value) })
        }
        fn missing() -> Refusal {
            Refusal::new(404, "Environment variable not found.")
        }
        self.serve::<ListEnvVars>(mock, |world, _| {
            Ok(list(
                world
                    .variables
                    .iter()
                    .map(|(name, value)| variable(name, value)),
            ))
        });
        self.serve::<GetEnvVar>(mock, |world, request| {
            let name = request.path("name").unwrap_or_default();
            world
                .variables
                .get(name)
                .map(|value| variable(name, value))
                .ok_or_else(missing)
        });
        self.serve::<CreateEnvVar>(mock, |world, request| {
            let (name, value) = (text(request, "name")?, text(request, "value")?);
            let answer = variable(&name, &value);
            world.variables.insert(name, value);
            Ok(answer)
        });
        self.serve::<DeleteEnvVar>(mock, |world, request| {
            let gone = world
                .variables
                .remove(request.path("name").unwrap_or_default());
            gone.map(|_| json!({ "message": "Environment variable deleted." }))
                .ok_or_else(missing)
        });
    }

    fn serve_contexts(&self, mock: &Mock) {
        fn json_of(context: &Context) -> Value {
            json!({ "id": context.id, "name": context.name })
        }
        fn variable(context: &Context, name: &str) -> Value {
            json!({ "context_id": context.id, "variable": name })
        }
        self.serve::<ListContexts>(mock, |world, _| {
            Ok(list(world.contexts.iter().map(json_of)))
        });
        self.serve::<CreateContext>(mock, |world, request| {
            let context = Context {
                id: world.id(),
                name: text(request, "name")?,
                variables: BTreeMap::new(),
            };
            let answer = json_of(&context);
            world.contexts.push(context);
            Ok(answer)
        });
        self.serve::<GetContext>(mock, |world, request| {
            world.context(request).map(|context| json_of(context))
        });
        self.serve::<DeleteContext>(mock, |world, request| {
            let id = world.context(request)?.id.clone();
            world.contexts.retain(|context| context.id != id);
            Ok(json!({ "message": "Context deleted." }))
        });
        self.serve::<ListEnvironmentVariablesFromContext>(mock, |world, request| {
            let context = world.context(request)?;
            Ok(list(
                context.variables.keys().map(|name| variable(context, name)),
            ))
        });
        self.serve::<AddEnvironmentVariableToContext>(mock, |world, request| {
            let value = text(request, "value")?;
            let context = world.context(request)?;
            let name = request.path("env_var_name").unwrap_or_default();
            context.variables.insert(name.to_owned(), value);
            Ok(variable(context, name))
        });
        self.serve::<DeleteEnvironmentVariableFromContext>(mock, |world, request| {
            let context = world.context(request)?;
            // CircleCI says so whether there was one or not.
            context
                .variables
                .remove(request.path("env_var_name").unwrap_or_default());
            Ok(json!({ "message": "Environment variable deleted." }))
        });
    }
}

impl World {
    fn id(&mut self) -> String {
        self.ids += 1;
        format!(
            "00000000-0000-4000-{:04x}-{:012x}",
            0x8000 + self.place,
            self.ids
        )
    }

    fn trigger(&mut self) -> Value {
        let usual = || {
            Script::new().workflow(
                "build-and-test",
                [WorkflowStatus::Running, WorkflowStatus::Success],
            )
        };
        let script = self.scripts.pop_front().unwrap_or_else(usual);
        let hidden = script.hidden.unwrap_or(1);
        let (id, number) = (self.id(), self.pipelines.len() + 1);
        let workflows = script.workflows.into_iter();
        let workflows = workflows.map(|script| self.start(script)).collect();
        let answer = json!({ "id": id, "number": number, "state": "pending" });
        self.pipelines.push(Pipeline {
            id,
            number,
            hidden,
            workflows,
        });
        answer
    }

    /// Whether this is the world that a request is about: several may be there.
    fn knows(&self, request: &Received) -> bool {
        let mut runs = self.pipelines.iter().flat_map(|it| &it.workflows);
        if request.project().is_some() {
            request.is_of(&self.slug)
        } else if let Some(id) = request.path("pipeline-id") {
            self.pipelines.iter().any(|it| it.id == id)
        } else if let Some(id) = request.path("context_id") {
            self.contexts.iter().any(|it| it.id == id)
        } else if let Some(id) = request.path("id") {
            runs.any(|it| it.id == id)
        } else {
            true
        }
    }

    fn start(&mut self, script: Workflow) -> Run {
        Run {
            script,
            id: self.id(),
            approval: self.id(),
            job: self.id(),
            job_number: self.ids,
            at: 0,
            canceled: false,
        }
    }

    fn newest_first(&self) -> Value {
        let pipelines = self.pipelines.iter().rev();
        list(pipelines.map(|pipeline| pipeline.json(&self.slug)))
    }

    /// The workflow whose job has the number that is asked for; one that waits has none yet.
    fn job(&mut self, request: &Received) -> Result<&mut Run, Refusal> {
        let number = request.path("job-number").unwrap_or_default();
        let mut runs = self.pipelines.iter_mut().flat_map(|it| &mut it.workflows);
        runs.find(|run| !run.is_on_hold() && run.job_number.to_string() == number)
            .ok_or_else(|| Refusal::new(404, "Job not found"))
    }

    fn pipeline(&mut self, request: &Received) -> Result<&mut Pipeline, Refusal> {
        let id = request.path("pipeline-id").unwrap_or_default();
        self.pipelines
            .iter_mut()
            .find(|pipeline| pipeline.id == id)
            .ok_or_else(|| Refusal::new(404, "Pipeline not found"))
    }

    /// A workflow, with the id and number of its pipeline.
    fn run(&mut self, request: &Received) -> Result<(String, usize, &mut Run), Refusal> {
        let id = request.path("id").unwrap_or_default();
        let mut runs = self.pipelines.iter_mut().flat_map(|pipeline| {
            let (id, number) = (&pipeline.id, pipeline.number);
            pipeline
                .workflows
                .iter_mut()
                .map(move |run| (id.clone(), number, run))
        });
        runs.find(|(_, _, run)| run.id == id)
            .ok_or_else(|| Refusal::new(404, "Workflow not found"))
    }

    /// CircleCI answers 403 for a context that is not there.
    fn context(&mut self, request: &Received) -> Result<&mut Context, Refusal> {
        let id = request.path("context_id").unwrap_or_default();
        self.contexts
            .iter_mut()
            .find(|context| context.id == id)
            .ok_or_else(|| Refusal::new(403, "Forbidden"))
    }
}

impl Pipeline {
    fn json(&self, slug: &ProjectSlug) -> Value {
        json!({ "id": self.id, "number": self.number, "project_slug": slug, "state": "created", "errors": [] })
    }
}

impl Run {
    fn status(&self) -> WorkflowStatus {
        if self.canceled {
            return WorkflowStatus::Canceled;
        }
        self.script
            .statuses
            .get(self.at)
            .cloned()
            .unwrap_or(WorkflowStatus::Success)
    }

    fn is_on_hold(&self) -> bool {
        self.status() == WorkflowStatus::OnHold
    }

    fn is_over(&self) -> bool {
        self.canceled || (self.at + 1 >= self.script.statuses.len() && !self.is_on_hold())
    }

    fn approve(&mut self) {
        self.at += 1;
    }

    /// The workflow as it is now; the next look finds it one state on.
    fn look(&mut self, pipeline: &str, number: usize, slug: &ProjectSlug) -> Value {
        let answer = json!({
            "id": self.id, "name": self.script.name, "status": self.status(), "pipeline_id": pipeline,
            "pipeline_number": number, "project_slug": slug, "stopped_at": self.stopped_at(), "tag": null,
            "canceled_by": null, "errored_by": null, "auto_rerun_number": null, "max_auto_reruns": null,
        });
        self.go_on();
        answer
    }

    fn go_on(&mut self) {
        if !self.is_over() && !self.is_on_hold() {
            self.at += 1;
        }
    }

    fn stopped_at(&self) -> Value {
        match self.is_over() {
            true => json!("2026-01-02T03:09:05Z"),
            false => Value::Null,
        }
    }

    /// Its job, which is as far as the workflow is; the next look finds it one state on.
    fn details(&mut self, slug: &ProjectSlug) -> Value {
        let answer = json!({
            "number": self.job_number, "name": self.script.name, "status": self.status(), "stopped_at": self.stopped_at(),
            "project": { "slug": slug }, "latest_workflow": { "id": self.id, "name": self.script.name },
        });
        self.go_on();
        answer
    }

    fn jobs(&self, slug: &ProjectSlug) -> Vec<Value> {
        let hold = self
            .script
            .statuses
            .iter()
            .position(|status| *status == WorkflowStatus::OnHold);
        let approval = hold.map(|hold| {
            json!({
                "id": self.approval, "approval_request_id": self.approval, "name": "hold", "type": "approval",
                "status": if self.at > hold { "success" } else { "on_hold" }, "project_slug": slug,
                "job_number": null, "started_at": null, "stopped_at": null, "dependencies": [], "canceled_by": null,
                "approved_by": if self.at > hold { json!("00000000-0000-4000-8000-000000000000") } else { Value::Null },
            })
        });
        let status = self.status();
        // A job that waits has no number yet.
        let (word, number) = match &status {
            WorkflowStatus::OnHold => ("blocked", Value::Null),
            status => (status.as_str(), json!(self.job_number)),
        };
        let job = json!({
            "id": self.job, "name": self.script.name, "type": "build", "status": word, "job_number": number,
            "project_slug": slug, "dependencies": hold.map(|_| json!([self.approval])).unwrap_or(json!([])),
            "approval_request_id": null, "approved_by": null, "canceled_by": null,
        });
        approval.into_iter().chain([job]).collect()
    }
}

/// The only page, which is the last one.
fn list(items: impl IntoIterator<Item = Value>) -> Value {
    json!({ "items": items.into_iter().collect::<Vec<_>>(), "next_page_token": null })
}

/// CircleCI shows the last four characters, and never the value.
fn masked(value: &str) -> String {
    let hidden = value.chars().count().saturating_sub(4);
    format!("xxxx{}", value.chars().skip(hidden).collect::<String>())
}

/// A text of the request's body.
fn text(request: &Received, key: &str) -> Result<String, Refusal> {
    let text = request.json().and_then(|body| body[key].as_str());
    text.map(str::to_owned)
        .ok_or_else(|| Refusal::new(400, format!("{key} is required")))
}
