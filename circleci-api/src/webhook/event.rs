//! What is delivered.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Timestamp, WebhookError};
use crate::lenient::Text;
use crate::object::object;
use crate::open_enum::open_enum;
use crate::slug::{ProjectSlug, SlugError};

/// A delivery.
///
/// CircleCI's events are open: fields come and go. What is typed here is what its documentation names, nearly all of it
/// optional; the rest is in [`json`](Self::json).
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
        let json: Value = serde_json::from_slice(body)
            .map_err(|source| WebhookError::Body { path: None, source })?;
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

    /// What type of event it is.
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
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = Some(error.path().to_string()).filter(|path| path != ".");
        WebhookError::Body {
            path,
            source: error.into_inner(),
        }
    })
}

open_enum! {
    /// The types of events.
    EventType {
        WorkflowCompleted = "workflow-completed",
        JobCompleted = "job-completed",
        Ping = "ping",
    }
}

open_enum! {
    /// How a workflow or a job ended.
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
    /// A workflow is done.
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
    /// A job is done.
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
    /// The webhook that an event was sent for.
    Sender {
        /// Its id.
        id: Option<String> = with(Text) "id",
        /// Its name.
        name: Option<String> = with(Text) "name",
    }
}

object! {
    /// A project.
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
    /// The slug as operations take it: `gh/acme/web`.
    ///
    /// # Errors
    ///
    /// There is none, or its provider is one that this version of the crate does not know.
    pub fn project_slug(&self) -> Result<ProjectSlug, SlugError> {
        self.slug.as_deref().unwrap_or_default().parse()
    }
}

object! {
    /// An organization.
    Organization {
        /// Its id.
        id: Option<String> = with(Text) "id",
        /// Its name.
        name: Option<String> = with(Text) "name",
    }
}

object! {
    /// A workflow.
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
    /// A job.
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
    /// What a pipeline was created by.
    Trigger {
        /// Such as `webhook`, `api`, `schedule`, `gitlab`.
        type_: Option<String> = with(Text) "type",
    }
}

object! {
    /// What was built, of a GitHub OAuth or Bitbucket project.
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
    /// A commit.
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
    /// Someone who writes commits.
    Person {
        /// The name.
        name: Option<String> = with(Text) "name",
        /// The email address.
        email: Option<String> = with(Text) "email",
    }
}
