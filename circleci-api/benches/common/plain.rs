//! Structs as one would write them by hand: they have the same fields as our types, use serde's derive, and have closed enums.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

#[derive(Deserialize)]
pub struct Workflow {
    pub auto_rerun_number: Option<i64>,
    pub canceled_by: Option<Uuid>,
    pub created_at: Option<DateTime<Utc>>,
    pub errored_by: Option<Uuid>,
    pub id: Option<Uuid>,
    pub max_auto_reruns: Option<i64>,
    pub name: String,
    pub pipeline_id: Option<Uuid>,
    pub pipeline_number: Option<i64>,
    pub project_slug: Option<String>,
    pub started_by: Option<Uuid>,
    pub status: Option<WorkflowStatus>,
    pub stopped_at: Option<DateTime<Utc>>,
    pub tag: Option<WorkflowTag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowStatus {
    Success,
    Running,
    NotRun,
    Failed,
    Error,
    Failing,
    OnHold,
    Canceled,
    Unauthorized,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowTag {
    Setup,
}

#[derive(Serialize)]
pub struct TriggerPipelineRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

#[derive(Deserialize)]
pub struct PipelineCreation {
    pub created_at: Option<DateTime<Utc>>,
    pub id: Uuid,
    pub number: i64,
    pub state: Option<PipelineState>,
}

#[derive(Deserialize)]
pub struct PipelineList {
    pub items: Vec<Pipeline>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct Pipeline {
    pub created_at: Option<DateTime<Utc>>,
    pub errors: Vec<PipelineError>,
    pub id: Uuid,
    pub number: i64,
    pub project_slug: Option<String>,
    pub state: Option<PipelineState>,
    pub trigger: Option<PipelineTrigger>,
    pub trigger_parameters: BTreeMap<String, Value>,
    pub updated_at: Option<DateTime<Utc>>,
    pub vcs: Option<PipelineVcs>,
}

#[derive(Deserialize)]
pub struct PipelineError {
    pub message: Option<String>,
    #[serde(rename = "type")]
    pub type_: Option<PipelineErrorType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineErrorType {
    Config,
    InvalidTriggerSetup,
    ConfigFetch,
    Timeout,
    Permission,
    Other,
    TriggerRule,
    Plan,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineState {
    Created,
    Errored,
    SetupPending,
    Setup,
    Pending,
}

#[derive(Deserialize)]
pub struct PipelineTrigger {
    pub actor: Option<Actor>,
    pub received_at: Option<DateTime<Utc>>,
    #[serde(rename = "type")]
    pub type_: Option<PipelineTriggerType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelineTriggerType {
    ScheduledPipeline,
    Explicit,
    Api,
    Webhook,
}

#[derive(Deserialize)]
pub struct Actor {
    pub avatar_url: Option<String>,
    pub login: Option<String>,
}

#[derive(Deserialize)]
pub struct PipelineVcs {
    pub branch: Option<String>,
    pub commit: Option<Commit>,
    pub origin_repository_url: Option<String>,
    pub provider_name: Option<String>,
    pub review_id: Option<String>,
    pub review_url: Option<String>,
    pub revision: Option<String>,
    pub tag: Option<String>,
    pub target_repository_url: Option<String>,
}

#[derive(Deserialize)]
pub struct Commit {
    pub body: Option<String>,
    pub subject: Option<String>,
}

#[derive(Deserialize)]
pub struct WorkflowJobList {
    pub items: Vec<WorkflowJob>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct WorkflowJob {
    pub approval_request_id: Option<Uuid>,
    pub approved_by: Option<Uuid>,
    pub canceled_by: Option<Uuid>,
    pub dependencies: Vec<Uuid>,
    pub id: Uuid,
    pub job_number: Option<i64>,
    pub name: String,
    pub project_slug: Option<String>,
    pub requires: BTreeMap<String, Vec<RequiredStatus>>,
    pub started_at: Option<DateTime<Utc>>,
    pub status: Option<JobStatus>,
    pub stopped_at: Option<DateTime<Utc>>,
    #[serde(rename = "type")]
    pub type_: Option<JobType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredStatus {
    Success,
    NotRun,
    Failed,
    Canceled,
    Unauthorized,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Success,
    Running,
    NotRun,
    Failed,
    Retried,
    Queued,
    NotRunning,
    InfrastructureFail,
    Timedout,
    OnHold,
    #[serde(rename = "terminated-unknown")]
    TerminatedUnknown,
    Blocked,
    Canceled,
    Unauthorized,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobType {
    Build,
    Approval,
}
