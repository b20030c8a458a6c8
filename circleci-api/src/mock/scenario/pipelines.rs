//! Pipelines: triggering, listing and continuing them.

use serde_json::{Map, Value, json};

use super::super::answer::Refusal;
use super::super::received::Received;
use super::records::Pipeline;
use super::reply::{list, not_found, ok, ok_page, order, page, say};
use super::run::Run;
use super::script::{Script, Workflow};
use super::world::{Handler, Outcome, World, date, text};
use crate::generated::types::WorkflowStatus;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("triggerPipeline", |world, request| {
        trigger(world, request, Reference::of(request, ""))
    }),
    ("triggerPipelineRun", |world, request| {
        trigger(world, request, Reference::of(request, "/checkout"))
    }),
    ("listPipelinesForProject", newest_first),
    ("listMyPipelines", newest_first),
    ("listPipelines", |world, request| {
        match request.query("org-slug") {
            Some(slug) if !world.is_my_organization(slug) => list(world, request, Vec::new(), true),
            _ => newest_first(world, request),
        }
    }),
    ("getPipelineById", |world, request| {
        with_pipeline(world, request, |world, it| it.json(world))
    }),
    ("getPipelineByNumber", |world, request| {
        let number = request.path("pipeline-number").unwrap_or_default();
        let found = world
            .pipelines
            .iter()
            .find(|it| it.number.to_string() == number);
        ok(found.ok_or_else(|| not_found("Pipeline"))?.json(world))
    }),
    ("getPipelineConfigById", |world, request| {
        with_pipeline(world, request, |_, it| it.config())
    }),
    ("getPipelineValuesById", |world, request| {
        with_pipeline(world, request, |world, it| it.values(world))
    }),
    ("listWorkflowsByPipelineId", workflows),
    ("continuePipeline", resume),
];

/// The branch or the tag that the trigger request asks to build.
#[derive(Default)]
struct Reference {
    branch: Option<String>,
    tag: Option<String>,
}

impl Reference {
    fn of(request: &Received, pointer: &str) -> Self {
        let body = request.json().and_then(|body| body.pointer(pointer));
        let word = |key: &str| body.and_then(|body| body[key].as_str()).map(str::to_owned);
        Self {
            branch: word("branch"),
            tag: word("tag"),
        }
    }
}

fn trigger(world: &mut World, request: &Received, reference: Reference) -> Outcome {
    if reference.branch.is_some() && reference.tag.is_some() {
        return Err(Refusal::new(400, "Branch and tag are mutually exclusive."));
    }
    let parameters = request
        .json()
        .and_then(|body| body["parameters"].as_object());
    let parameters = parameters.cloned().unwrap_or_default();
    let script = world.scripts.pop_front().unwrap_or_else(World::usual);
    let id = world.begin(script, reference.branch, reference.tag, parameters);
    let pipeline = world.pipelines.iter().find(|it| it.id == id);
    let pipeline = pipeline.ok_or_else(|| not_found("Pipeline"))?;
    let created = date(pipeline.created_at);
    let state = if pipeline.setup {
        "setup-pending"
    } else {
        "pending"
    };
    ok(json!({ "id": id, "state": state, "number": pipeline.number, "created_at": created }))
}

fn newest_first(world: &mut World, request: &Received) -> Outcome {
    let branch = request.query("branch");
    let mine = world
        .pipelines
        .iter()
        .filter(|it| branch.is_none_or(|branch| it.is_on(branch)));
    let numbers = mine.map(|it| it.number).collect();
    let (shown, token) = page(world, request, numbers, true, |number| order(number))?;
    let shown = shown.iter().filter_map(|number| {
        // The pipelines are sorted by number, so a binary search finds each of them.
        let at = world.pipelines.binary_search_by_key(number, |it| it.number);
        world.pipelines.get(at.ok()?)
    });
    let items: Vec<Value> = shown.map(|it| it.json(world)).collect();
    ok_page(items, token)
}

fn with_pipeline(
    world: &World,
    request: &Received,
    json: impl Fn(&World, &Pipeline) -> Value,
) -> Outcome {
    let id = request.path("pipeline-id").unwrap_or_default();
    let found = world.pipelines.iter().find(|it| it.id == id);
    let pipeline = found.ok_or_else(|| not_found("Pipeline"))?;
    ok(json(world, pipeline))
}

/// Lists the workflows of a pipeline. Listing a workflow moves it to its next state.
fn workflows(world: &mut World, request: &Received) -> Outcome {
    let id = request.path("pipeline-id").unwrap_or_default();
    let now = world.now();
    let found = world.pipelines.iter_mut().find(|it| it.id == id);
    let pipeline = found.ok_or_else(|| not_found("Pipeline"))?;
    if let Some(left) = pipeline.hidden.checked_sub(1) {
        pipeline.hidden = left;
        return list(world, request, Vec::new(), false);
    }
    pipeline.updated_at = now;
    let runs = pipeline.workflows.iter().enumerate();
    let runs = runs
        .map(|(index, run)| (order(index), run.id.clone()))
        .collect();
    let (shown, token) = page(world, request, runs, false, |(key, _)| key.clone())?;
    let items: Vec<Value> = shown.iter().filter_map(|(_, id)| world.look(id)).collect();
    ok_page(items, token)
}

fn resume(world: &mut World, request: &Received) -> Outcome {
    let key = text(request, "continuation-key")?;
    let configuration = text(request, "configuration")?;
    let waits = |it: &Pipeline| {
        it.continuation
            .as_ref()
            .is_some_and(|(known, _)| *known == key)
    };
    let Some(index) = world.pipelines.iter().position(waits) else {
        let message = "The continuation key is invalid or has already been used.";
        return Err(Refusal::new(400, message));
    };
    let Some(mut pipeline) = world.pipelines.remove(index) else {
        return Err(not_found("Pipeline"));
    };
    let (_, scripts) = pipeline.continuation.take().unwrap_or_default();
    let runs = scripts
        .into_iter()
        .map(|script| world.start(script, &pipeline));
    let runs: Vec<Run> = runs.collect();
    pipeline.workflows.extend(runs);
    pipeline.configuration = Some(configuration);
    pipeline.updated_at = world.now();
    world.pipelines.insert(index, pipeline);
    let ids: Vec<String> = world.pipelines[index]
        .workflows
        .iter()
        .map(|it| it.id.clone())
        .collect();
    ids.iter().for_each(|id| world.settle(id));
    say("Accepted.")
}

impl World {
    /// Starts a pipeline and returns its id.
    pub(super) fn begin(
        &mut self,
        script: Script,
        branch: Option<String>,
        tag: Option<String>,
        parameters: Map<String, Value>,
    ) -> String {
        self.number += 1;
        let branch = branch
            .or(script.branch)
            .unwrap_or_else(|| self.branch.clone());
        let created_at = self.now();
        let mut pipeline = Pipeline {
            id: self.id(),
            number: self.number,
            revision: format!("{:040x}", 0xc0ff_ee00_u64 + self.number as u64),
            branch,
            tag,
            parameters,
            created_at,
            updated_at: created_at,
            hidden: script.hidden.unwrap_or(1),
            workflows: Vec::new(),
            continuation: None,
            configuration: None,
            setup: script.setup,
        };
        let mut scripts = script.workflows;
        if script.setup {
            pipeline.continuation = Some((self.id(), scripts));
            scripts = setup_workflow();
        }
        let runs = scripts.into_iter().map(|it| self.start(it, &pipeline));
        let mut runs: Vec<Run> = runs.collect();
        for run in &mut runs {
            run.tag = pipeline.setup.then_some("setup");
            run.settle(run.created_at);
        }
        pipeline.workflows = runs;
        let id = pipeline.id.clone();
        self.pipelines.push_back(pipeline);
        while self.pipelines.len() > self.keep.max(1) {
            self.pipelines.pop_front();
        }
        id
    }

    /// Returns the key that continues a pipeline, or `None` if the pipeline does not wait for a key.
    pub(super) fn continuation_key(&self, pipeline: &str) -> Option<String> {
        let found = self.pipelines.iter().find(|it| it.id == pipeline)?;
        found.continuation.as_ref().map(|(key, _)| key.clone())
    }

    /// Moves a workflow to its next state and returns the workflow as JSON.
    pub(super) fn look(&mut self, id: &str) -> Option<Value> {
        let now = self.now();
        let mut runs = self.pipelines.iter_mut().flat_map(|it| &mut it.workflows);
        runs.find(|it| it.id == id)?.look(now);
        Some(self.runs().find(|it| it.id == id)?.json(self))
    }

    pub(super) fn is_my_organization(&self, slug: &str) -> bool {
        let mine = self.slug.org_slug();
        let asked: Result<crate::values::slug::OrgSlug, _> = slug.parse();
        asked.is_ok_and(|asked| asked == mine) || slug == self.org_id
    }

    /// Returns the name of the provider that hosts the project, and the URL of the project's repository.
    pub(super) fn repository(&self) -> (&'static str, String) {
        let (name, site) = match self.slug.provider() {
            "bb" => ("Bitbucket", "https://bitbucket.org"),
            "gh" => ("GitHub", "https://github.com"),
            _ => ("CircleCI", "//circleci.com"),
        };
        (
            name,
            format!(
                "{site}/{}/{}",
                self.slug.organization(),
                self.slug.project()
            ),
        )
    }
}

fn setup_workflow() -> Vec<Workflow> {
    let statuses = [WorkflowStatus::Running, WorkflowStatus::Success];
    Script::new().workflow("setup", statuses).workflows
}

impl Pipeline {
    fn is_on(&self, branch: &str) -> bool {
        self.tag.is_none() && self.branch == branch
    }

    fn state(&self) -> &'static str {
        match (&self.continuation, self.setup) {
            (Some(_), _) => "setup",
            (None, _) => "created",
        }
    }

    fn json(&self, world: &World) -> Value {
        let (provider, repository) = world.repository();
        let mut vcs = json!({
            "provider_name": provider,
            "origin_repository_url": repository,
            "target_repository_url": repository,
            "revision": self.revision,
            "commit": { "subject": format!("Change number {}", self.number), "body": null },
        });
        match &self.tag {
            Some(tag) => vcs["tag"] = json!(tag),
            None => vcs["branch"] = json!(self.branch),
        }
        let mut json = json!({
            "id": self.id,
            "errors": [],
            "warnings": [],
            "project_slug": world.slug,
            "updated_at": date(self.updated_at),
            "number": self.number,
            "state": self.state(),
            "created_at": date(self.created_at),
            "trigger": {
                "type": "api",
                "received_at": date(self.created_at),
                "actor": { "login": super::projects::LOGIN, "avatar_url": null },
            },
            "vcs": vcs,
        });
        if !self.parameters.is_empty() {
            json["trigger_parameters"] = json!(self.parameters);
        }
        json
    }

    fn config(&self) -> Value {
        let names = self.workflows.iter().map(|run| run.script.name.as_str());
        let workflows: String = names
            .map(|name| format!("  {name}:\n    jobs: [{name}]\n"))
            .collect();
        let source = format!("version: 2.1\nworkflows:\n{workflows}");
        let source = self.configuration.clone().unwrap_or(source);
        let setup = if self.setup {
            "version: 2.1\nsetup: true\n"
        } else {
            ""
        };
        json!({ "source": source, "compiled": source, "setup_config": setup, "compiled_setup_config": setup })
    }

    fn values(&self, world: &World) -> Value {
        let mut values = json!({
            "pipeline.id": self.id,
            "pipeline.number": self.number,
            "pipeline.project.slug": world.slug,
            "pipeline.git.branch": self.branch,
            "pipeline.git.revision": self.revision,
            "pipeline.trigger_source": "api",
        });
        for (name, value) in &self.parameters {
            values[format!("pipeline.parameters.{name}")] = value.clone();
        }
        values
    }
}
