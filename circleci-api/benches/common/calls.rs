//! The same calls, with this crate and by hand.

use std::net::SocketAddr;
use std::time::Duration;

use circleci_api::Client;
use circleci_api::types::{Pipeline, PipelineCreation, TriggerPipelineRequest, Workflow};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::plain;

pub const WORKFLOW: Uuid = Uuid::from_u128(0x5034_460f_0002_4c43_9457_0000_0000_0001);

/// Our client, as it comes.
pub struct Ours(Client);

impl Ours {
    pub fn new(server: SocketAddr) -> Self {
        let client = Client::builder()
            .host(format!("http://{server}"))
            .token("0123456789abcdef0123456789abcdef01234567");
        Self(client.build().expect("a client"))
    }

    pub async fn workflow(&self) -> Workflow {
        self.0
            .get_workflow_by_id(WORKFLOW)
            .send()
            .await
            .expect("a workflow")
    }

    pub async fn trigger(&self) -> PipelineCreation {
        let body = TriggerPipelineRequest::new()
            .branch("main")
            .parameters([("deploy", true)]);
        self.0
            .trigger_pipeline("gh/acme/web")
            .body(body)
            .send()
            .await
            .expect("a pipeline")
    }

    pub async fn pipelines(&self) -> Vec<Pipeline> {
        let page = self
            .0
            .list_pipelines_for_project("gh/acme/web")
            .branch("main")
            .send()
            .await;
        page.expect("a page").items
    }
}

/// reqwest and serde_json, written by hand: arguments are encoded and not checked, a failure is a panic. Without retries and
/// without a bound on bodies; with the two timeouts that our client has, or as bare as it can be.
pub struct ByHand {
    http: reqwest::Client,
    base: String,
}

impl ByHand {
    pub fn new(server: SocketAddr, timeouts: bool) -> Self {
        let mut token = HeaderValue::from_static("0123456789abcdef0123456789abcdef01234567");
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (HeaderName::from_static("circle-token"), token),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        // An error means that there is a provider of TLS already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .user_agent("bench/0.1.0")
            .default_headers(headers)
            .no_proxy();
        if timeouts {
            http = http
                .timeout(Duration::from_secs(120))
                .read_timeout(Duration::from_secs(30));
        }
        Self {
            http: http.build().expect("a client"),
            base: format!("http://{server}/api/v2"),
        }
    }

    pub async fn workflow(&self) -> plain::Workflow {
        read(self.http.get(format!("{}/workflow/{WORKFLOW}", self.base))).await
    }

    pub async fn trigger(&self) -> plain::PipelineCreation {
        let body = plain::TriggerPipelineRequest {
            branch: Some("main".to_owned()),
            parameters: Some([("deploy".to_owned(), Value::Bool(true))].into()),
            tag: None,
        };
        let body = serde_json::to_vec(&body).expect("a body");
        let request = self.http.post(format!(
            "{}/project/{}/pipeline",
            self.base,
            encode("gh/acme/web")
        ));
        read(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    pub async fn pipelines(&self) -> Vec<plain::Pipeline> {
        let url = format!(
            "{}/project/{}/pipeline?branch={}",
            self.base,
            encode("gh/acme/web"),
            "main"
        );
        read::<plain::PipelineList>(self.http.get(url)).await.items
    }
}

fn encode(slug: &str) -> PercentEncode<'_> {
    utf8_percent_encode(slug, NON_ALPHANUMERIC)
}

async fn read<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> T {
    let response = request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .expect("an answer");
    let body = response.bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("a value")
}
