//! What is delivered.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Timestamp, WebhookError};
use crate::json::lenient::Text;
use crate::json::object::object;
use crate::json::open_enum::open_enum;
use crate::json::read::{self, Fault};
use crate::values::slug::{ProjectSlug, SlugError};

/// A delivery.
///
/// CircleCI's events are open: fields come and go. What is typed here is what its documentation names, nearly all of it
/// optional; the rest is in [`json`](Self::json).
///
/// ```
/// use circleci_api::webhook::{Event, EventType};
///
/// # let body = br#"{"id":"3888f21b","type":"job-completed","webhook":{"id":"cf8c4fdd","name":"to the dashboard"},
/// #     "job":{"id":"8bd71c28-4969-3677-8940-3e3a61c46660","name":"test","number":1843,"status":"failed"},
/// #     "project":{"slug":"github/acme/web"},
/// #     "pipeline":{"id":"1285fe1d-d3a6-44fc-8886-8979558254c4","number":130,"vcs":{"branch":"main"}}}"#;
/// let event = Event::from_slice(body)?;
/// assert_eq!(event.type_(), EventType::JobCompleted);
///
/// let webhook = event.webhook.as_ref().and_then(|webhook| webhook.name.as_deref());
/// assert_eq!(webhook, Some("to the dashboard"));
/// let slug = event.project().ok_or("no project")?.project_slug()?;
/// assert_eq!(slug.to_string(), "gh/acme/web"); // sent as `github/acme/web`
/// let branch = event.pipeline().and_then(|pipeline| pipeline.branch());
/// assert_eq!(branch, Some("main"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The same for every delivery of one event; see [`Deliveries`](super::Deliveries).
    pub id: String,
    /// When it happened.
    pub happened_at: Option<Timestamp>,
    /// The webhook that it was sent for.
    pub webhook: Option<Sender>,
    /// What happened.
    pub payload: Payload,
    json: Value,
}

/// What happened.
///
/// ```
/// use circleci_api::webhook::{Event, Payload};
///
/// fn line(event: &Event) -> String {
///     match &event.payload {
///         Payload::WorkflowCompleted(done) => format!("{}: {:?}", done.workflow.name, done.workflow.status),
///         // Its workflow may go on.
///         Payload::JobCompleted(done) => format!("{} ({:?}): {:?}", done.job.name, done.job.number, done.job.status),
///         Payload::Ping => "somebody tries it".to_owned(),
///         _ => format!("{}: nothing that we know", event.type_()),
///     }
/// }
/// # let read = |json: &str| Event::from_slice(json.as_bytes()).map(|event| line(&event));
/// # let build = read(r#"{"id":"1","type":"workflow-completed",
/// #     "workflow":{"id":"fda08377-fe7e-46b1-8992-3a7aaecac9c3","name":"build","status":"success"}}"#)?;
/// # assert_eq!(build, "build: Some(Success)");
/// # let test = read(r#"{"id":"2","type":"job-completed",
/// #     "job":{"id":"8bd71c28-4969-3677-8940-3e3a61c46660","name":"test","number":1843,"status":"failed"}}"#)?;
/// # assert_eq!(test, "test (Some(1843)): Some(Failed)");
/// # assert_eq!(read(r#"{"id":"3","type":"ping"}"#)?, "somebody tries it");
/// # assert_eq!(read(r#"{"id":"4","type":"step-completed"}"#)?, "step-completed: nothing that we know");
/// # Ok::<(), circleci_api::webhook::WebhookError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Payload {
    /// `workflow-completed`: a workflow is done, for better or worse.
    WorkflowCompleted(Box<WorkflowCompleted>),
    /// `job-completed`: a job is done, for better or worse.
    JobCompleted(Box<JobCompleted>),
    /// `ping`: someone pressed "Test Ping Event". Nothing happened.
    Ping,
    /// A type that this version of the crate does not know; its content is in [`Event::json`].
    Unknown(String),
}

impl Event {
    /// Reads a delivery whose signature has been [verified](super::Verifier::verify).
    ///
    /// # Errors
    ///
    /// [`WebhookError::Body`]: no JSON, no `id` or `type`, or a `workflow-completed` without a workflow and the like.
    pub fn from_slice(body: &[u8]) -> Result<Self, WebhookError> {
        let json: Value = read::from_slice(body).map_err(unreadable)?;
        let head: Head = typed(&json)?;
        let payload = match head.type_ {
            EventType::WorkflowCompleted => Payload::WorkflowCompleted(typed(&json)?),
            EventType::JobCompleted => Payload::JobCompleted(typed(&json)?),
            EventType::Ping => Payload::Ping,
            EventType::Unknown(word) => Payload::Unknown(word),
        };
        Ok(Self {
            id: head.id,
            happened_at: head.happened_at,
            webhook: head.webhook,
            payload,
            json,
        })
    }

    /// What type of event it is. That of a [`Payload::Unknown`] is the word as it was sent.
    pub fn type_(&self) -> EventType {
        match &self.payload {
            Payload::WorkflowCompleted(_) => EventType::WorkflowCompleted,
            Payload::JobCompleted(_) => EventType::JobCompleted,
            Payload::Ping => EventType::Ping,
            Payload::Unknown(word) => EventType::Unknown(word.clone()),
        }
    }

    /// All of it as it came, with what this version of the crate does not know.
    ///
    /// ```
    /// use circleci_api::webhook::Event;
    ///
    /// let event = Event::from_slice(br#"{ "id": "1", "type": "ping", "new": { "thing": 5 } }"#)?;
    /// assert_eq!(event.json()["new"]["thing"], 5);
    /// # Ok::<(), circleci_api::webhook::WebhookError>(())
    /// ```
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The project that it happened in.
    pub fn project(&self) -> Option<&Project> {
        match &self.payload {
            Payload::WorkflowCompleted(event) => event.project.as_ref(),
            Payload::JobCompleted(event) => event.project.as_ref(),
            _ => None,
        }
    }

    /// The pipeline that it happened in.
    pub fn pipeline(&self) -> Option<&Pipeline> {
        match &self.payload {
            Payload::WorkflowCompleted(event) => event.pipeline.as_ref(),
            Payload::JobCompleted(event) => event.pipeline.as_ref(),
            _ => None,
        }
    }
}

/// A part of the delivery as a type, or where it is not one.
fn typed<T: DeserializeOwned>(json: &Value) -> Result<T, WebhookError> {
    read::from_value(json).map_err(unreadable)
}

fn unreadable(fault: Fault) -> WebhookError {
    WebhookError::Body {
        path: fault.path,
        source: fault.error,
    }
}

open_enum! {
    /// The types of events.
    ///
    /// ```
    /// use circleci_api::webhook::EventType;
    ///
    /// assert_eq!(EventType::JobCompleted.as_str(), "job-completed");
    /// assert!(EventType::WORDS.contains(&"workflow-completed"));
    /// assert_eq!(EventType::from("step-completed"), EventType::Unknown("step-completed".to_owned()));
    /// ```
    EventType {
        WorkflowCompleted = "workflow-completed",
        JobCompleted = "job-completed",
        Ping = "ping",
    }
}

open_enum! {
    /// How a workflow or a job ended.
    ///
    /// ```
    /// use circleci_api::webhook::Outcome;
    ///
    /// let words: Vec<_> = Outcome::WORDS.iter().filter(|word| **word != Outcome::Success.as_str()).collect();
    /// assert_eq!(words, [&"failed", &"error", &"canceled", &"unauthorized"]);
    /// ```
    Outcome {
        Success = "success",
        Failed = "failed",
        Error = "error",
        Canceled = "canceled",
        Unauthorized = "unauthorized",
    }
}

object! {
    /// What every event has.
    Head requires "id", "type" {
        /// The event's id.
        id: String = required(0) "id",
        /// What happened.
        type_: EventType = required(1) "type",
        /// When.
        happened_at: Option<Timestamp> = optional "happened_at",
        /// For which webhook.
        webhook: Option<Sender> = optional "webhook",
    }
}

object! {
    /// A workflow is done. See the example of [`Payload`].
    WorkflowCompleted requires "workflow" {
        /// The workflow, with its status.
        workflow: Workflow = required(0) "workflow",
        /// The pipeline that it is part of.
        pipeline: Option<Pipeline> = optional "pipeline",
        /// The project.
        project: Option<Project> = optional "project",
        /// The organization that the project belongs to.
        organization: Option<Organization> = optional "organization",
    }
}

object! {
    /// A job is done. See the example of [`Payload`].
    JobCompleted requires "job" {
        /// The job.
        job: Job = required(0) "job",
        /// The workflow that it is part of. It may go on, and has no status here.
        workflow: Option<Workflow> = optional "workflow",
        /// The pipeline that it is part of.
        pipeline: Option<Pipeline> = optional "pipeline",
        /// The project.
        project: Option<Project> = optional "project",
        /// The organization that the project belongs to.
        organization: Option<Organization> = optional "organization",
    }
}

object! {
    /// The webhook that an event was sent for. See the example of [`Event`].
    Sender {
        /// Its id.
        id: Option<String> = with(Text) "id",
        /// Its name.
        name: Option<String> = with(Text) "name",
    }
}

object! {
    /// A project. See the example of [`Event`].
    Project {
        /// Its id.
        id: Option<String> = with(Text) "id",
        /// Its name.
        name: Option<String> = with(Text) "name",
        /// Its slug as it was sent, in the long form `github/acme/web`; see [`project_slug`](Self::project_slug).
        slug: Option<String> = with(Text) "slug",
    }
}

impl Project {
    /// The slug as operations take it: `gh/acme/web`. See the example of [`Event`].
    ///
    /// # Errors
    ///
    /// There is none, or its provider is one that this version of the crate does not know.
    pub fn project_slug(&self) -> Result<ProjectSlug, SlugError> {
        self.slug.as_deref().unwrap_or_default().parse()
    }
}

object! {
    /// An organization. No example: it is a name and an id.
    Organization {
        /// Its id.
        id: Option<String> = with(Text) "id",
        /// Its name.
        name: Option<String> = with(Text) "name",
    }
}

object! {
    /// A workflow. See the example of [`Payload`].
    Workflow requires "id", "name" {
        /// Its id, for the operations on workflows.
        id: Uuid = required(0) "id",
        /// Its name in the configuration.
        name: String = required(1) "name",
        /// How it ended; not there in `job-completed`.
        status: Option<Outcome> = optional "status",
        /// When it was created.
        created_at: Option<Timestamp> = optional "created_at",
        /// When it ended.
        stopped_at: Option<Timestamp> = optional "stopped_at",
        /// Where people see it.
        url: Option<String> = with(Text) "url",
    }
}

object! {
    /// A job. See the example of [`Payload`].
    Job requires "id", "name" {
        /// Its id.
        id: Uuid = required(0) "id",
        /// Its name in the configuration.
        name: String = required(1) "name",
        /// Its number in the project, for the operations on jobs.
        number: Option<i64> = optional "number",
        /// How it ended.
        status: Option<Outcome> = optional "status",
        /// When it began.
        started_at: Option<Timestamp> = optional "started_at",
        /// When it ended.
        stopped_at: Option<Timestamp> = optional "stopped_at",
    }
}

object! {
    /// A pipeline.
    ///
    /// What was built is in [`vcs`](Self::vcs) or in [`trigger_parameters`](Self::trigger_parameters), which depends on
    /// how the project is connected; [`branch`](Self::branch), [`tag`](Self::tag) and [`revision`](Self::revision) look
    /// in both.
    ///
    /// ```
    /// # use circleci_api::{serde_json::{from_value, json}, webhook::Pipeline};
    /// # let read = |json| from_value::<Pipeline>(json);
    /// # let (of_vcs, of_parameters) = (
    /// #     json!({ "id": "1285fe1d-d3a6-44fc-8886-8979558254c4", "trigger": { "type": "webhook" }, "vcs": {
    /// #         "branch": "main", "revision": "1dc6aa6", "commit": { "author": { "name": "Jo" } } } }),
    /// #     json!({ "id": "2285fe1d-d3a6-44fc-8886-8979558254c4", "trigger_parameters": {
    /// #         "git": { "tag": "v1.2", "branch": "", "checkout_sha": "1dc6aa6" } } }),
    /// # );
    /// let oauth: Pipeline = read(of_vcs)?;
    /// assert_eq!((oauth.branch(), oauth.tag(), oauth.revision()), (Some("main"), None, Some("1dc6aa6")));
    /// let commit = oauth.vcs.as_ref().and_then(|vcs| vcs.commit.as_ref());
    /// let author = commit.and_then(|commit| commit.author.as_ref());
    /// assert_eq!(author.and_then(|person| person.name.as_deref()), Some("Jo"));
    /// assert_eq!(oauth.trigger.and_then(|trigger| trigger.type_).as_deref(), Some("webhook"));
    ///
    /// let gitlab: Pipeline = read(of_parameters)?;
    /// assert_eq!((gitlab.branch(), gitlab.tag(), gitlab.revision()), (None, Some("v1.2"), Some("1dc6aa6")));
    /// # Ok::<(), circleci_api::serde_json::Error>(())
    /// ```
    Pipeline requires "id" {
        /// Its id, for the operations on pipelines.
        id: Uuid = required(0) "id",
        /// Its number in the project.
        number: Option<i64> = optional "number",
        /// When it was created.
        created_at: Option<Timestamp> = optional "created_at",
        /// What it was created by.
        trigger: Option<Trigger> = optional "trigger",
        /// What was built, of a GitHub OAuth or Bitbucket project.
        vcs: Option<Vcs> = optional "vcs",
        /// What was built, of any other project: maps such as `circleci`, `git`, `gitlab`, `github_app`.
        trigger_parameters: Option<Map<String, Value>> = optional "trigger_parameters",
    }
}

impl Pipeline {
    /// The branch, if it was one that was built.
    pub fn branch(&self) -> Option<&str> {
        self.built(|vcs| vcs.branch.as_deref(), &["branch"])
    }

    /// The tag, if it was one that was built.
    pub fn tag(&self) -> Option<&str> {
        self.built(|vcs| vcs.tag.as_deref(), &["tag"])
    }

    /// The commit, as its hash.
    pub fn revision(&self) -> Option<&str> {
        self.built(
            |vcs| vcs.revision.as_deref(),
            &["checkout_sha", "commit_sha"],
        )
    }

    fn built<'a>(
        &'a self,
        in_vcs: impl Fn(&'a Vcs) -> Option<&'a str>,
        in_parameters: &[&str],
    ) -> Option<&'a str> {
        let vcs = self.vcs.as_ref().and_then(in_vcs);
        let parameters = self.trigger_parameters.iter().flat_map(|groups| {
            // `git` is common to all providers; then the provider's own.
            let git = groups.get("git").into_iter();
            git.chain(
                groups
                    .iter()
                    .filter(|(name, _)| *name != "git")
                    .map(|(_, group)| group),
            )
        });
        let found = parameters.flat_map(|group| {
            in_parameters
                .iter()
                .filter_map(|name| group.get(name).and_then(Value::as_str))
        });
        // What does not apply is empty there.
        vcs.into_iter().chain(found).find(|text| !text.is_empty())
    }
}

object! {
    /// What a pipeline was created by. See the example of [`Pipeline`].
    Trigger {
        /// Such as `webhook`, `api`, `schedule`, `gitlab`.
        type_: Option<String> = with(Text) "type",
    }
}

object! {
    /// What was built, of a GitHub OAuth or Bitbucket project. See the example of [`Pipeline`].
    Vcs {
        /// `github` or `bitbucket`.
        provider_name: Option<String> = with(Text) "provider_name",
        /// The repository that was built.
        target_repository_url: Option<String> = with(Text) "target_repository_url",
        /// The repository that the commit is in: another one for a pull request from a fork.
        origin_repository_url: Option<String> = with(Text) "origin_repository_url",
        /// The commit, as its hash.
        revision: Option<String> = with(Text) "revision",
        /// The commit.
        commit: Option<Commit> = optional "commit",
        /// The branch, unless it was a tag.
        branch: Option<String> = with(Text) "branch",
        /// The tag, unless it was a branch.
        tag: Option<String> = with(Text) "tag",
    }
}

object! {
    /// A commit. See the example of [`Pipeline`].
    Commit {
        /// The first line of its message, perhaps cut off.
        subject: Option<String> = with(Text) "subject",
        /// The other lines, perhaps cut off.
        body: Option<String> = with(Text) "body",
        /// Who wrote it.
        author: Option<Person> = optional "author",
        /// When it was written.
        authored_at: Option<Timestamp> = optional "authored_at",
        /// Who committed it.
        committer: Option<Person> = optional "committer",
        /// When it was committed.
        committed_at: Option<Timestamp> = optional "committed_at",
    }
}

object! {
    /// Someone who writes commits. See the example of [`Pipeline`].
    Person {
        /// The name.
        name: Option<String> = with(Text) "name",
        /// The email address.
        email: Option<String> = with(Text) "email",
    }
}
