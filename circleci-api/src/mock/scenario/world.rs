//! The state of a scenario, and the functions that its handlers share.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::super::answer::{Body, Refusal};
use super::super::received::Received;
use super::records::{Context, Export, Pipeline, Store, settings};
use super::run::Run;
use super::script::{Script, Workflow};
use crate::generated::types::WorkflowStatus;
use crate::values::slug::ProjectSlug;

/// The result of a handler: the body of a successful answer, or a refusal. A successful answer has the operation's own status.
pub(super) type Outcome = Result<Body, Refusal>;

/// A function that answers the requests for one operation.
pub(super) type Handler = fn(&mut World, &Received) -> Outcome;

/// How many objects of each kind a world keeps by default.
const KEPT: usize = 10_000;
/// The default number of items per page. CircleCI's lists of pipelines have the same page size.
const PAGE: usize = 20;

#[derive(Debug)]
pub(super) struct World {
    pub(super) slug: ProjectSlug,
    /// The number of this scenario in the mock. Ids contain this number, so two scenarios never create the same id.
    place: u16,
    ids: u64,
    time: DateTime<Utc>,
    /// Whether the world uses the system clock. If not, each call of `now` advances the time by one second.
    pub(super) real_time: bool,
    pub(super) page_size: usize,
    pub(super) keep: usize,
    /// The number of requests that pass before one is rejected, and the number that have passed since the last rejection.
    pub(super) rate_limit: Option<(usize, usize)>,
    pub(super) scripts: VecDeque<Script>,
    pub(super) pipelines: VecDeque<Pipeline>,
    /// The number of the newest pipeline.
    pub(super) number: usize,
    pub(super) branch: String,
    pub(super) variables: BTreeMap<String, (String, String)>,
    pub(super) contexts: Vec<Context>,
    pub(super) keys: Store,
    pub(super) webhooks: Store,
    pub(super) schedules: Store,
    pub(super) exports: VecDeque<Export>,
    pub(super) settings: Map<String, Value>,
    pub(super) project_id: String,
    pub(super) org_id: String,
    pub(super) user_id: String,
}

impl World {
    pub(super) fn new(slug: ProjectSlug, place: u16) -> Self {
        let mut world = Self {
            slug,
            place,
            ids: 0,
            time: "2026-01-02T03:04:05Z".parse().unwrap_or_default(),
            real_time: false,
            page_size: PAGE,
            keep: KEPT,
            rate_limit: None,
            scripts: VecDeque::new(),
            pipelines: VecDeque::new(),
            number: 0,
            branch: "main".to_owned(),
            variables: BTreeMap::new(),
            contexts: Vec::new(),
            keys: Store::new("Checkout key", "fingerprint"),
            webhooks: Store::new("Webhook", "webhook-id"),
            schedules: Store::new("Schedule", "schedule-id"),
            exports: VecDeque::new(),
            settings: settings(),
            project_id: String::new(),
            org_id: String::new(),
            user_id: String::new(),
        };
        let is_id = |part: &str| uuid::Uuid::try_parse(part).is_ok();
        // A slug of the provider `circleci` contains the ids of the organization and the project.
        let (organization, project) = (
            world.slug.organization().to_owned(),
            world.slug.project().to_owned(),
        );
        world.org_id = if is_id(&organization) {
            organization
        } else {
            world.fixed_id(1)
        };
        world.project_id = if is_id(&project) {
            project
        } else {
            world.fixed_id(2)
        };
        world.user_id = world.fixed_id(3);
        world
    }

    /// Returns a constant id. It never equals an id that the method `id` returns.
    fn fixed_id(&self, number: u64) -> String {
        format!(
            "00000000-0000-4000-{:04x}-{number:012x}",
            0xbfff - self.place
        )
    }

    pub(super) fn id(&mut self) -> String {
        self.ids += 1;
        format!(
            "00000000-0000-4000-{:04x}-{:012x}",
            0x8000 + self.place,
            self.ids
        )
    }

    /// Advances the time and returns the new time.
    pub(super) fn now(&mut self) -> DateTime<Utc> {
        let next = self.time + TimeDelta::seconds(1);
        self.time = match self.real_time {
            true => DateTime::from(SystemTime::now()).max(self.time + TimeDelta::milliseconds(1)),
            false => next,
        };
        self.time
    }

    /// Returns the time without advancing it.
    pub(super) fn last_time(&self) -> DateTime<Utc> {
        self.time
    }

    /// Counts a request. Returns false if the request exceeds the rate limit.
    pub(super) fn passes(&mut self) -> bool {
        match &mut self.rate_limit {
            Some((limit, passed)) if *passed >= *limit => {
                *passed = 0;
                false
            }
            Some((_, passed)) => {
                *passed += 1;
                true
            }
            None => true,
        }
    }

    /// Removes the oldest objects of each kind if there are more than `keep` of them, so that memory use stays bounded.
    pub(super) fn trim(&mut self) {
        let keep = self.keep.max(1);
        fn newest<T>(list: &mut Vec<T>, keep: usize) {
            list.drain(..list.len().saturating_sub(keep));
        }
        newest(&mut self.contexts, keep);
        for store in [&mut self.keys, &mut self.webhooks, &mut self.schedules] {
            newest(&mut store.objects, keep);
        }
        self.contexts.iter_mut().for_each(|context| {
            newest(&mut context.restrictions, keep);
            first(&mut context.variables, keep);
        });
        first(&mut self.variables, keep);
        let pipelines = self.pipelines.iter_mut();
        pipelines.for_each(|pipeline| newest(&mut pipeline.workflows, keep));
    }

    /// Checks whether the request names this world's project (by slug or id), or names no project at all.
    pub(super) fn is_mine(&self, request: &Received) -> bool {
        match request.project() {
            Some(project) if project == self.project_id => true,
            Some(_) => request.is_of(&self.slug),
            None => true,
        }
    }

    /// Checks whether the request is about an object of this world. A mock with several scenarios has several worlds.
    pub(super) fn knows(&self, request: &Received) -> bool {
        fn has<'a>(id: &str, mut ids: impl Iterator<Item = &'a String>) -> bool {
            ids.any(|it| it == id)
        }
        let id = |name| request.path(name);
        if request.project().is_some() {
            self.is_mine(request)
        } else if let Some(id) = id("pipeline-id") {
            has(id, self.pipelines.iter().map(|it| &it.id))
        } else if let Some(id) = id("context_id") {
            has(id, self.contexts.iter().map(|it| &it.id))
        } else if let Some(id) = id("job-id") {
            has(id, self.runs().map(|run| &run.job))
        } else if let Some(id) = id("webhook-id") {
            self.webhooks.has(id)
        } else if let Some(id) = id("schedule-id") {
            self.schedules.has(id)
        } else if let Some(id) = id("project_id") {
            id == self.project_id
        } else if let Some(id) = id("usage_export_job_id") {
            has(id, self.exports.iter().map(|it| &it.id))
        } else if let Some(slug) = id("org-slug").or(id("org-slug-or-id")) {
            slug == self.org_id || slug == self.slug.org_slug().as_str()
        } else if let Some(id) = id("org_id") {
            id == self.org_id
        } else if let Some(id) = id("id") {
            id == self.user_id || has(id, self.runs().map(|run| &run.id))
        } else if let Some(scope) = request.query("scope-id") {
            scope == self.project_id
        } else {
            true
        }
    }

    /// Returns the workflows of all pipelines, oldest first.
    pub(super) fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.pipelines.iter().flat_map(|it| &it.workflows)
    }

    pub(super) fn start(&mut self, script: Workflow, pipeline: &Pipeline) -> Run {
        Run {
            script,
            pipeline: pipeline.id.clone(),
            pipeline_number: pipeline.number,
            branch: pipeline.branch.clone(),
            id: self.id(),
            approval: self.id(),
            job: self.id(),
            job_number: self.ids,
            at: 0,
            seen: false,
            tag: None,
            created_at: self.now(),
            started_at: None,
            stopped_at: None,
            approved_at: None,
            canceled_by: None,
        }
    }

    /// Updates the start time and the stop time of a workflow whose state may have changed.
    pub(super) fn settle(&mut self, run: &str) {
        let now = self.now();
        let runs = self.pipelines.iter_mut().flat_map(|it| &mut it.workflows);
        if let Some(run) = runs.into_iter().find(|it| it.id == run) {
            run.settle(now);
        }
    }

    pub(super) fn usual() -> Script {
        Script::new().workflow(
            "build-and-test",
            [WorkflowStatus::Running, WorkflowStatus::Success],
        )
    }
}

/// Keeps the first `keep` entries of a map, in the order of their names, and removes the others.
fn first<V>(map: &mut BTreeMap<String, V>, keep: usize) {
    while map.len() > keep {
        map.pop_last();
    }
}

/// Writes a date in CircleCI's format.
pub(super) fn date(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn optional_date(time: Option<DateTime<Utc>>) -> Value {
    time.map_or(Value::Null, |time| json!(date(time)))
}

/// Masks a value as CircleCI does: `xxxx`, followed by the last four characters of the value.
pub(super) fn masked(value: &str) -> String {
    let hidden = value.chars().count().saturating_sub(4);
    format!("xxxx{}", value.chars().skip(hidden).collect::<String>())
}

/// Returns a required string field of the request body. If the field is missing, returns a refusal with the status 400.
pub(super) fn text(request: &Received, key: &str) -> Result<String, Refusal> {
    let text = request.json().and_then(|body| body[key].as_str());
    text.map(str::to_owned)
        .ok_or_else(|| Refusal::new(400, format!("{key} must be provided.")))
}
