//! The events that webhooks deliver.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Timestamp, WebhookError};
use crate::json::lenient::Text;
use crate::json::object::object;
use crate::json::open_enum::open_enum;
use crate::json::read::{self, Fault};
use crate::values::slug::{ProjectSlug, SlugError};

/// A webhook event.
///
/// CircleCI adds and removes fields of events. This type has the fields that CircleCI documents, and most of them are
/// optional. [`json`](Self::json) returns the whole event, with all its fields.
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
    /// The id of the event. Repeated deliveries of one event have the same id; see [`Deliveries`](super::Deliveries).
    pub id: String,
    /// When the event happened.
    pub happened_at: Option<Timestamp>,
    /// The webhook that sent the event.
    pub webhook: Option<Sender>,
    /// The content of the event. It depends on the type of the event.
    pub payload: Payload,
    json: Value,
}

/// The content of an [`Event`].
///
/// ```
/// use circleci_api::webhook::{Event, Payload};
///
/// fn line(event: &Event) -> String {
///     match &event.payload {
///         Payload::WorkflowCompleted(done) => format!("{}: {:?}", done.workflow.name, done.workflow.status),
///         // The workflow of the job may still be running.
///         Payload::JobCompleted(done) => format!("{} ({:?}): {:?}", done.job.name, done.job.number, done.job.status),
///         Payload::Ping => "a test".to_owned(),
///         _ => format!("{}: unknown type", event.type_()),
///     }
/// }
/// # let read = |json: &str| Event::from_slice(json.as_bytes()).map(|event| line(&event));
/// # let build = read(r#"{"id":"1","type":"workflow-completed",
/// #     "workflow":{"id":"fda08377-fe7e-46b1-8992-3a7aaecac9c3","name":"build","status":"success"}}"#)?;
/// # assert_eq!(build, "build: Some(Success)");
/// # let test = read(r#"{"id":"2","type":"job-completed",
/// #     "job":{"id":"8bd71c28-4969-3677-8940-3e3a61c46660","name":"test","number":1843,"status":"failed"}}"#)?;
/// # assert_eq!(test, "test (Some(1843)): Some(Failed)");
/// # assert_eq!(read(r#"{"id":"3","type":"ping"}"#)?, "a test");
/// # assert_eq!(read(r#"{"id":"4","type":"step-completed"}"#)?, "step-completed: unknown type");
/// # Ok::<(), circleci_api::webhook::WebhookError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Payload {
    /// `workflow-completed`: a workflow has ended, successfully or not.
    WorkflowCompleted(Box<WorkflowCompleted>),
    /// `job-completed`: a job has ended, successfully or not.
    JobCompleted(Box<JobCompleted>),
    /// `ping`: someone pressed "Test Ping Event" in the web app.
    Ping,
    /// The name of an event type that this version of the crate does not know. [`Event::json`] returns the content of the event.
    Unknown(String),
}

impl Event {
    /// Parses the body of a delivery. [Verify](super::Verifier::verify) the signature of the delivery first.
    ///
    /// # Errors
    ///
    /// Returns [`WebhookError::Body`] if the body is not valid JSON, or if it lacks a required field, such as `id`, `type`, or
    /// the workflow of a `workflow-completed` event.
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

    /// Returns the type of the event. If the payload is [`Payload::Unknown`], the result contains the type as CircleCI sent it.
    pub fn type_(&self) -> EventType {
        match &self.payload {
            Payload::WorkflowCompleted(_) => EventType::WorkflowCompleted,
            Payload::JobCompleted(_) => EventType::JobCompleted,
            Payload::Ping => EventType::Ping,
            Payload::Unknown(word) => EventType::Unknown(word.clone()),
        }
    }

    /// Returns the whole event as JSON, including fields that this version of the crate does not know.
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

    /// Returns the project of the event, if the event has one.
    pub fn project(&self) -> Option<&Project> {
        match &self.payload {
            Payload::WorkflowCompleted(event) => event.project.as_ref(),
            Payload::JobCompleted(event) => event.project.as_ref(),
            _ => None,
        }
    }

    /// Returns the pipeline of the event, if the event has one.
    pub fn pipeline(&self) -> Option<&Pipeline> {
        match &self.payload {
            Payload::WorkflowCompleted(event) => event.pipeline.as_ref(),
            Payload::JobCompleted(event) => event.pipeline.as_ref(),
            _ => None,
        }
    }
}

/// Decodes the JSON of a delivery as a `T`. An error contains the path of the invalid value.
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
    /// The fields that all events have.
    Head requires "id", "type" {
        /// The id of the event.
        id: String = required(0) "id",
        /// The type of the event.
        type_: EventType = required(1) "type",
        /// When the event happened.
        happened_at: Option<Timestamp> = optional "happened_at",
        /// The webhook that sent the event.
        webhook: Option<Sender> = optional "webhook",
    }
}

object! {
    /// The content of a `workflow-completed` event. [`Payload`] has an example.
    WorkflowCompleted requires "workflow" {
        /// The workflow, with its status.
        workflow: Workflow = required(0) "workflow",
        /// The pipeline that the workflow is part of.
        pipeline: Option<Pipeline> = optional "pipeline",
        /// The project of the pipeline.
        project: Option<Project> = optional "project",
        /// The organization that the project belongs to.
        organization: Option<Organization> = optional "organization",
    }
}

object! {
    /// The content of a `job-completed` event. [`Payload`] has an example.
    JobCompleted requires "job" {
        /// The job.
        job: Job = required(0) "job",
        /// The workflow of the job. The workflow may still be running, and its `status` is `None` here.
        workflow: Option<Workflow> = optional "workflow",
        /// The pipeline that the job is part of.
        pipeline: Option<Pipeline> = optional "pipeline",
        /// The project of the pipeline.
        project: Option<Project> = optional "project",
        /// The organization that the project belongs to.
        organization: Option<Organization> = optional "organization",
    }
}

object! {
    /// The webhook that sent an event. [`Event`] has an example.
    Sender {
        /// The id of the webhook.
        id: Option<String> = with(Text) "id",
        /// The name of the webhook.
        name: Option<String> = with(Text) "name",
    }
}

object! {
    /// A project. [`Event`] has an example.
    Project {
        /// The id of the project.
        id: Option<String> = with(Text) "id",
        /// The name of the project.
        name: Option<String> = with(Text) "name",
        /// The slug as CircleCI sent it, in the long form, such as `github/acme/web`.
        /// [`project_slug`](Self::project_slug) returns the short form.
        slug: Option<String> = with(Text) "slug",
    }
}

impl Project {
    /// Returns the slug in the form that operations accept, such as `gh/acme/web`. [`Event`] has an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the event has no slug, or if this version of the crate does not know the provider in the slug.
    pub fn project_slug(&self) -> Result<ProjectSlug, SlugError> {
        self.slug.as_deref().unwrap_or_default().parse()
    }
}

object! {
    /// An organization. No example: it has only a name and an id.
    Organization {
        /// The id of the organization.
        id: Option<String> = with(Text) "id",
        /// The name of the organization.
        name: Option<String> = with(Text) "name",
    }
}

object! {
    /// A workflow. [`Payload`] has an example.
    Workflow requires "id", "name" {
        /// The id of the workflow. The operations on workflows accept it.
        id: Uuid = required(0) "id",
        /// The name of the workflow in the configuration.
        name: String = required(1) "name",
        /// How the workflow ended. It is `None` in `job-completed` events.
        status: Option<Outcome> = optional "status",
        /// When the workflow was created.
        created_at: Option<Timestamp> = optional "created_at",
        /// When the workflow ended.
        stopped_at: Option<Timestamp> = optional "stopped_at",
        /// The URL of the workflow in the web app.
        url: Option<String> = with(Text) "url",
    }
}

object! {
    /// A job. [`Payload`] has an example.
    Job requires "id", "name" {
        /// The id of the job.
        id: Uuid = required(0) "id",
        /// The name of the job in the configuration.
        name: String = required(1) "name",
        /// The number of the job in its project. The operations on jobs accept it.
        number: Option<i64> = optional "number",
        /// How the job ended.
        status: Option<Outcome> = optional "status",
        /// When the job started.
        started_at: Option<Timestamp> = optional "started_at",
        /// When the job ended.
        stopped_at: Option<Timestamp> = optional "stopped_at",
    }
}

object! {
    /// A pipeline.
    ///
    /// Depending on how the project is connected to CircleCI, the built commit is in [`vcs`](Self::vcs) or in
    /// [`trigger_parameters`](Self::trigger_parameters). [`branch`](Self::branch), [`tag`](Self::tag) and
    /// [`revision`](Self::revision) look in both fields.
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
        /// The id of the pipeline. The operations on pipelines accept it.
        id: Uuid = required(0) "id",
        /// The number of the pipeline in its project.
        number: Option<i64> = optional "number",
        /// When the pipeline was created.
        created_at: Option<Timestamp> = optional "created_at",
        /// The trigger that created the pipeline.
        trigger: Option<Trigger> = optional "trigger",
        /// The built commit, for GitHub OAuth and Bitbucket projects.
        vcs: Option<Vcs> = optional "vcs",
        /// The built commit, for projects that are not connected by GitHub OAuth or Bitbucket. Each key is a name such as
        /// `circleci`, `git`, `gitlab` or `github_app`, and each value is a map.
        trigger_parameters: Option<Map<String, Value>> = optional "trigger_parameters",
    }
}

impl Pipeline {
    /// Returns the branch, if the pipeline built a branch.
    pub fn branch(&self) -> Option<&str> {
        self.built(|vcs| vcs.branch.as_deref(), &["branch"])
    }

    /// Returns the tag, if the pipeline built a tag.
    pub fn tag(&self) -> Option<&str> {
        self.built(|vcs| vcs.tag.as_deref(), &["tag"])
    }

    /// Returns the hash of the built commit.
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
            // All providers use the map `git`, so it is searched before the maps of single providers.
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
        // CircleCI sends an empty string for a field that does not apply.
        vcs.into_iter().chain(found).find(|text| !text.is_empty())
    }
}

object! {
    /// The trigger that created a pipeline. [`Pipeline`] has an example.
    Trigger {
        /// The type of the trigger, such as `webhook`, `api`, `schedule` or `gitlab`.
        type_: Option<String> = with(Text) "type",
    }
}

object! {
    /// The built commit of a GitHub OAuth or Bitbucket project. [`Pipeline`] has an example.
    Vcs {
        /// The name of the provider: `github` or `bitbucket`.
        provider_name: Option<String> = with(Text) "provider_name",
        /// The URL of the repository that was built.
        target_repository_url: Option<String> = with(Text) "target_repository_url",
        /// The URL of the repository that contains the commit. For a pull request from a fork, it differs from
        /// `target_repository_url`.
        origin_repository_url: Option<String> = with(Text) "origin_repository_url",
        /// The hash of the commit.
        revision: Option<String> = with(Text) "revision",
        /// The commit.
        commit: Option<Commit> = optional "commit",
        /// The branch, if the pipeline built a branch.
        branch: Option<String> = with(Text) "branch",
        /// The tag, if the pipeline built a tag.
        tag: Option<String> = with(Text) "tag",
    }
}

object! {
    /// A commit. [`Pipeline`] has an example.
    Commit {
        /// The first line of the commit message. It may be truncated.
        subject: Option<String> = with(Text) "subject",
        /// The remaining lines of the commit message. They may be truncated.
        body: Option<String> = with(Text) "body",
        /// The author of the commit.
        author: Option<Person> = optional "author",
        /// When the author wrote the commit.
        authored_at: Option<Timestamp> = optional "authored_at",
        /// The committer of the commit.
        committer: Option<Person> = optional "committer",
        /// When the committer created the commit.
        committed_at: Option<Timestamp> = optional "committed_at",
    }
}

object! {
    /// The author or the committer of a commit. [`Pipeline`] has an example.
    Person {
        /// The name of the person.
        name: Option<String> = with(Text) "name",
        /// The email address of the person.
        email: Option<String> = with(Text) "email",
    }
}
