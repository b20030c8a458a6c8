//! Starts the mock server that the clients call, and collects the names and ids that the calls need.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use circleci_api::mock::scenario::{Scenario, Script};
use circleci_api::mock::{Mock, Received};
use circleci_api::operations::{ListComponents, ListEnvironments};
use circleci_api::types::WorkflowStatus;
use serde_json::{Value, json};

/// The page size is small, so that a client has to follow pages.
const PAGE: usize = 2;
const BRANCH: &str = "feature/report";

/// A mock server with the default scenario and some pipelines. It stops when this value is dropped.
pub struct Scene {
    mock: Mock,
    /// The names and ids that the scripts of the clients read.
    pub facts: Value,
    /// The number of requests that the server received before the client started.
    before: usize,
}

impl Scene {
    pub async fn start(root: &Path) -> Result<Self> {
        let file = root.join("circleci-api/examples/mock/scenario.json");
        let text = fs::read_to_string(&file).context("cannot read the default scenario")?;
        let mock = Mock::start_on((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let scenario = Scenario::load(&mock, &serde_json::from_str(&text)?)?;
        scenario.page_size(PAGE);
        let setup = scenario.ran(
            Script::new()
                .setup()
                .workflow("build", [WorkflowStatus::Success]),
        );
        let held = scenario.ran(
            Script::new().workflow("deploy", [WorkflowStatus::OnHold, WorkflowStatus::Success]),
        );
        let failed = scenario.ran(
            Script::new()
                .branch(BRANCH)
                .workflow("build-and-test", [WorkflowStatus::Failed])
                .rerun([WorkflowStatus::Success])
                .artifact("reports/junit.xml")
                .test(
                    "test_clock_does_not_jump",
                    "failure",
                    "the clock jumped by 1 hour",
                )
                .output("1 failed\n"),
        );
        let continuation = scenario
            .continuation_key(&setup)
            .context("the setup waits")?;
        let facts = facts(&mock, &scenario, &held, &failed, &continuation).await?;
        let before = mock.received().len();
        Ok(Self {
            mock,
            facts,
            before,
        })
    }

    /// Returns the address, such as `http://127.0.0.1:49152`.
    pub fn url(&self) -> String {
        self.mock.url()
    }

    /// Returns the requests that the server received from the client.
    pub fn received(&self) -> Vec<Received> {
        self.mock.received().split_off(self.before)
    }
}

async fn facts(
    mock: &Mock,
    scenario: &Scenario,
    held: &str,
    failed: &str,
    continuation: &str,
) -> Result<Value> {
    let client = mock.client();
    let user = client.get_current_user().send().await?;
    let of = |pipeline: &str| {
        client
            .list_workflows_by_pipeline_id(pipeline.to_owned())
            .send()
    };
    let held = of(held)
        .await?
        .items
        .into_iter()
        .next()
        .and_then(|it| it.id);
    let held = held.context("a workflow on hold")?;
    let approval = client
        .list_workflow_jobs(held)
        .send()
        .await?
        .items
        .into_iter()
        .next();
    let approval = approval
        .and_then(|job| job.approval_request_id)
        .context("an approval")?;
    let pipeline = client.get_pipeline_by_id(failed.to_owned()).send().await?;
    let workflow = of(failed)
        .await?
        .items
        .into_iter()
        .next()
        .and_then(|it| it.id);
    let workflow = workflow.context("a failed workflow")?;
    let jobs = client.list_workflow_jobs(workflow).send().await?.items;
    let job = jobs
        .into_iter()
        .find_map(|job| job.job_number)
        .context("a failed job")?;
    Ok(json!({
        "project": "gh/acme/web",
        "branch": BRANCH,
        "user": user.id,
        "organizationId": scenario.organization_id(),
        "pipeline": failed,
        "failedPipeline": pipeline.number,
        "failedWorkflow": workflow,
        "failedJob": job,
        "heldWorkflow": held,
        "approval": approval,
        "continuationKey": continuation,
        "component": circleci_api::mock::item::<ListComponents>(|_| ()).id,
        "environment": circleci_api::mock::item::<ListEnvironments>(|_| ()).id,
    }))
}
