//! The measured calls in three versions: with this crate, written by hand with reqwest, and with the HTTP client on which reqwest
//! is built.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use circleci_api::Client;
use circleci_api::types::{Pipeline, PipelineCreation, TriggerPipelineRequest, Workflow};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client as HyperClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::plain;

pub const WORKFLOW: Uuid = Uuid::from_u128(0x5034_460f_0002_4c43_9457_0000_0000_0001);

/// Our client with its default settings.
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

/// A client that is written by hand with reqwest and serde_json. It encodes arguments but does not check them, and panics when a
/// call fails. It has no retries and no limit on the size of a body. It has the same two timeouts as our client, or none.
pub struct ByHand {
    http: reqwest::Client,
    base: String,
}

impl ByHand {
    pub fn new(server: SocketAddr, timeouts: bool) -> Self {
        // An error means that a TLS provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .user_agent("bench/0.1.0")
            .default_headers(headers())
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
        let body = trigger_body();
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

/// The HTTP client on which reqwest is built. It sends the same headers, URLs and bodies as `ByHand`. It has no redirects and no
/// proxies, and parses a URL only as a `Uri`. Its cost is the least that a call can cost with this HTTP stack.
pub struct Floor {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    headers: HeaderMap,
    base: String,
}

impl Floor {
    pub fn new(server: SocketAddr) -> Self {
        let mut headers = headers();
        headers.insert(USER_AGENT, HeaderValue::from_static("bench/0.1.0"));
        Self {
            http: HyperClient::builder(TokioExecutor::new()).build_http(),
            headers,
            base: format!("http://{server}/api/v2"),
        }
    }

    pub async fn workflow(&self) -> plain::Workflow {
        let url = format!("{}/workflow/{WORKFLOW}", self.base);
        self.call(Method::GET, url, Bytes::new()).await
    }

    pub async fn trigger(&self) -> plain::PipelineCreation {
        let slug = encode("gh/acme/web");
        let url = format!("{}/project/{slug}/pipeline", self.base);
        self.call(Method::POST, url, trigger_body().into()).await
    }

    pub async fn pipelines(&self) -> Vec<plain::Pipeline> {
        let slug = encode("gh/acme/web");
        let url = format!("{}/project/{slug}/pipeline?branch={}", self.base, "main");
        let list: plain::PipelineList = self.call(Method::GET, url, Bytes::new()).await;
        list.items
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, url: String, body: Bytes) -> T {
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().expect("a URL");
        *request.headers_mut() = self.headers.clone();
        if request.method() == Method::POST {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        let response = self.http.request(request).await.expect("an answer");
        assert!(response.status().is_success());
        let body = response.into_body().collect().await.expect("a body");
        serde_json::from_slice(&body.to_bytes()).expect("a value")
    }
}

/// Returns the headers of each call, except those that the HTTP client adds by itself.
fn headers() -> HeaderMap {
    let mut token = HeaderValue::from_static("0123456789abcdef0123456789abcdef01234567");
    token.set_sensitive(true);
    HeaderMap::from_iter([
        (HeaderName::from_static("circle-token"), token),
        (ACCEPT, HeaderValue::from_static("application/json")),
    ])
}

fn trigger_body() -> Vec<u8> {
    let body = plain::TriggerPipelineRequest {
        branch: Some("main".to_owned()),
        parameters: Some([("deploy".to_owned(), Value::Bool(true))].into()),
        tag: None,
    };
    serde_json::to_vec(&body).expect("a body")
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
