//! The client that openapi-generator generates for the language `rust`. The token is its `api_key`, as the generator intends.
//! The client sends the key as a header and also in the query, because the document declares both.

use openapi::apis::configuration::{ApiKey, Configuration};
use openapi::apis::{pipeline_api, project_api};
use openapi::models::{PipelineCreation, Project, TriggerPipelineParameters, WorkflowListResponse};

use crate::Answer;

pub struct Peer(Configuration);

impl Peer {
    pub fn new(server: &str) -> Answer<Self> {
        let mut configuration = Configuration::new();
        configuration.base_path = format!("http://{server}/api/v2");
        configuration.api_key = Some(ApiKey {
            prefix: None,
            key: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        });
        Ok(Self(configuration))
    }

    pub async fn project(&self) -> Answer<Project> {
        Ok(project_api::get_project_by_slug(&self.0, "gh/acme/web").await?)
    }

    pub async fn trigger(&self) -> Answer<PipelineCreation> {
        let mut body = TriggerPipelineParameters::new();
        body.branch = Some("main".to_owned());
        Ok(pipeline_api::trigger_pipeline(&self.0, "gh/acme/web", Some(body)).await?)
    }

    pub async fn workflows(&self) -> Answer<WorkflowListResponse> {
        let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        Ok(pipeline_api::list_workflows_by_pipeline_id(&self.0, id, None).await?)
    }
}
