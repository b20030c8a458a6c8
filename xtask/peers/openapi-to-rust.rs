//! The client that openapi-to-rust generates, with its default settings: a tracing layer, and a limit on the size of
//! bodies.

use openapi_to_rust_client::{
    GetProjectBySlugResponse, HttpClient, ListWorkflowsByPipelineIdResponse,
    TriggerPipelineRequest2, TriggerPipelineResponse201,
};

use crate::Answer;

pub struct Peer(HttpClient);

impl Peer {
    pub fn new(server: &str) -> Answer<Self> {
        let client = HttpClient::new()
            .with_base_url(format!("http://{server}/api/v2"))
            .with_api_key("0123456789abcdef0123456789abcdef01234567");
        Ok(Self(client))
    }

    pub async fn project(&self) -> Answer<GetProjectBySlugResponse> {
        Ok(self.0.get_project_by_slug("gh/acme/web").await?)
    }

    pub async fn trigger(&self) -> Answer<TriggerPipelineResponse201> {
        let body = TriggerPipelineRequest2 {
            branch: Some("main".to_owned()),
            ..Default::default()
        };
        Ok(self.0.trigger_pipeline("gh/acme/web", Some(body)).await?)
    }

    pub async fn workflows(&self) -> Answer<ListWorkflowsByPipelineIdResponse> {
        let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        let page_token: Option<&str> = None;
        Ok(self.0.list_workflows_by_pipeline_id(id, page_token).await?)
    }
}
