//! This crate, as it comes.

use crate::Answer;
use circleci_api::Client;
use circleci_api::types::{PipelineCreation, Project, TriggerPipelineRequest, WorkflowList};

pub struct Peer(Client);

impl Peer {
    pub fn new(server: &str) -> Answer<Self> {
        let client = Client::builder()
            .host(format!("http://{server}"))
            .token("0123456789abcdef0123456789abcdef01234567");
        Ok(Self(client.build()?))
    }

    pub async fn project(&self) -> Answer<Project> {
        Ok(self.0.get_project_by_slug("gh/acme/web").send().await?)
    }

    pub async fn trigger(&self) -> Answer<PipelineCreation> {
        let body = TriggerPipelineRequest::new().branch("main");
        Ok(self
            .0
            .trigger_pipeline("gh/acme/web")
            .body(body)
            .send()
            .await?)
    }

    pub async fn workflows(&self) -> Answer<WorkflowList> {
        let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        Ok(self.0.list_workflows_by_pipeline_id(id).send().await?)
    }
}
