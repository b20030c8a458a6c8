//! The client that is written by hand with reqwest and serde. It has structs only for the responses of the measured calls, no
//! timeout and no retries. It neither checks nor escapes anything.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Answer;

#[derive(Deserialize)]
pub struct Project {
    pub slug: String,
    pub name: String,
    pub id: Uuid,
    pub organization_name: String,
    pub organization_slug: String,
    pub organization_id: Uuid,
    pub vcs_info: VcsInfo,
}

#[derive(Deserialize)]
pub struct VcsInfo {
    pub vcs_url: String,
    pub provider: Provider,
    pub default_branch: String,
}

#[derive(Deserialize)]
pub enum Provider {
    Bitbucket,
    CircleCI,
    GitHub,
}

#[derive(Serialize)]
pub struct TriggerPipeline {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
pub struct PipelineCreation {
    pub id: Uuid,
    pub state: PipelineState,
    pub number: i64,
    pub created_at: DateTime<Utc>,
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
pub struct WorkflowList {
    pub items: Vec<Workflow>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct Workflow {
    pub pipeline_id: Uuid,
    pub canceled_by: Option<Uuid>,
    pub id: Uuid,
    pub auto_rerun_number: Option<i64>,
    pub name: String,
    pub project_slug: String,
    pub errored_by: Option<Uuid>,
    pub tag: Option<WorkflowTag>,
    pub status: WorkflowStatus,
    pub started_by: Uuid,
    pub max_auto_reruns: Option<i64>,
    pub pipeline_number: i64,
    pub created_at: DateTime<Utc>,
    pub stopped_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowTag {
    Setup,
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

pub struct Peer {
    http: reqwest::Client,
    base: String,
}

impl Peer {
    pub fn new(server: &str) -> Answer<Self> {
        // An error only means that a TLS provider is already installed.
        #[cfg(feature = "ring")]
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut token = HeaderValue::from_static("0123456789abcdef0123456789abcdef01234567");
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("circle-token"), token)]);
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .build()?;
        Ok(Self {
            http,
            base: format!("http://{server}/api/v2"),
        })
    }

    pub async fn project(&self) -> Answer<Project> {
        let url = format!("{}/project/{}", self.base, "gh/acme/web");
        let response = self.http.get(url).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    pub async fn trigger(&self) -> Answer<PipelineCreation> {
        let url = format!("{}/project/{}/pipeline", self.base, "gh/acme/web");
        let body = TriggerPipeline {
            branch: Some("main".to_owned()),
            tag: None,
            parameters: None,
        };
        let request = self.http.post(url).json(&body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    pub async fn workflows(&self) -> Answer<WorkflowList> {
        let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        let url = format!("{}/pipeline/{id}/workflow", self.base);
        let response = self.http.get(url).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }
}
