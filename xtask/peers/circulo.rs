//! The client circulo, which reads the server's URL and the token from the environment. It cannot trigger a pipeline.

use circulo::{
    ApiToken, Client, Pipeline, Project, ProjectGetRequest, ProjectGetResponse, Provider,
    WorkflowListRequest, WorkflowListResponse,
};

use crate::Answer;

pub struct Peer(Client);

impl Peer {
    pub fn new(_: &str) -> Answer<Self> {
        Ok(Self(Client::new(&ApiToken::from_env()?)?))
    }

    pub async fn project(&self) -> Answer<ProjectGetResponse> {
        let slug = ProjectGetRequest {
            provider: Provider::Github,
            org_name: "acme".to_owned(),
            repo_name: "web".to_owned(),
        };
        Ok(self.0.get_project(slug).await?)
    }

    pub async fn trigger(&self) -> Answer<()> {
        Err("circulo has no such operation".into())
    }

    pub async fn workflows(&self) -> Answer<WorkflowListResponse> {
        let request = WorkflowListRequest {
            pipeline_id: "5034460f-c7c4-4c43-9457-de07e2029e7b".to_owned(),
            page_token: None,
        };
        Ok(self.0.list_workflows_by_pipeline_id(request).await?)
    }
}
