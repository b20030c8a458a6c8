//! Sends a dozen harmless GET requests, and reports the result of each without showing what the response contains.

use std::io::{self, Write};
use std::time::{Instant, SystemTime};

use chrono::{DateTime, Utc};
use circleci_api::{Client, Error, ErrorKind, ProjectSlug, Response, Sending};

/// The largest harmless difference between this machine's clock and the server's clock, in seconds. A larger difference makes
/// tokens and signatures fail.
const SKEW: i64 = 30;

/// The base URL on CircleCI's own host. Every other host is a self-hosted server.
const CLOUD: &str = "https://circleci.com/api/v2";

/// An examination that is in progress.
pub struct Examination<'w> {
    client: Client,
    out: &'w mut dyn Write,
    aside: &'w mut dyn Write,
    /// The number of failed calls, plus one if the clock is wrong.
    failed: usize,
    /// True if the server refused the token. In that case, no other call is made.
    refused: bool,
}

impl<'w> Examination<'w> {
    pub fn new(client: Client, out: &'w mut dyn Write, aside: &'w mut dyn Write) -> Self {
        Self {
            client,
            out,
            aside,
            failed: 0,
            refused: false,
        }
    }

    /// Reports the facts that need no request.
    pub fn setup(&mut self, project: &ProjectSlug) -> io::Result<()> {
        let base = self.client.base_url();
        let host = match base {
            CLOUD => "circleci.com".to_owned(),
            other if other.starts_with("http:") => "another host, over plain http".to_owned(),
            _ => "another host".to_owned(),
        };
        writeln!(self.aside, "Private, not in the report: the host is {base}")?;
        writeln!(self.out, "host          {host}")?;
        let slug = project.to_string();
        let vcs = slug.split('/').next().unwrap_or_default();
        writeln!(self.out, "project       {vcs}/…/…")
    }

    /// Makes all calls. Returns `true` if all of them succeeded and the clock is right.
    pub async fn calls(&mut self, project: &ProjectSlug) -> io::Result<bool> {
        let client = self.client.clone();
        self.who(&client).await?;
        if self.refused {
            writeln!(self.out)?;
            writeln!(
                self.out,
                "The server refused the token: it is wrong, revoked or expired, or belongs to another host. The doctor stopped here."
            )?;
            return Ok(false);
        }
        self.call(
            "getCollaborations",
            client.get_collaborations().send_for_response(),
        )
        .await?;
        let found = self
            .call(
                "getProjectBySlug",
                client.get_project_by_slug(project).send_for_response(),
            )
            .await?;
        self.project(&client, project).await?;
        if let Some(found) = found {
            let owner = client.list_contexts().owner_slug(organization(project));
            self.call("listContexts", owner.send_for_response()).await?;
            if let Some(id) = found.id {
                let hooks = client.get_webhooks(id, circleci_api::types::WebhookScopeType::Project);
                self.call("getWebhooks", hooks.send_for_response()).await?;
            }
        }
        self.newest(&client, project).await?;
        Ok(self.failed == 0)
    }

    /// Reports who owns the token, how the local clock differs from the server's, and what the rate limit is.
    async fn who(&mut self, client: &Client) -> io::Result<()> {
        let sent = Instant::now();
        let answer = client.get_current_user().send_for_response().await;
        let took = sent.elapsed();
        let now = DateTime::<Utc>::from(SystemTime::now());
        match answer {
            Ok(answer) => {
                let limit = answer.rate_limit();
                let login = answer
                    .body()
                    .login
                    .as_deref()
                    .unwrap_or("somebody without a login");
                writeln!(
                    self.aside,
                    "Private, not in the report: the token belongs to {login}"
                )?;
                writeln!(self.out, "owner         a user (see stderr)")?;
                self.clock(&answer, now)?;
                let figure = |it: Option<u64>| it.map_or("unknown".to_owned(), |it| it.to_string());
                writeln!(
                    self.out,
                    "rate limit    {} allowed, {} left, reset {}",
                    figure(limit.limit),
                    figure(limit.remaining),
                    limit
                        .reset
                        .map_or("unknown".to_owned(), |it| format!("in {} s", it.as_secs()))
                )?;
                writeln!(self.out)?;
                self.line(
                    "getCurrentUser",
                    &format!("{} in {} ms", answer.status().as_u16(), took.as_millis()),
                )
            }
            Err(error) => {
                self.failed += 1;
                self.refused = error.is_unauthorized();
                writeln!(self.out, "owner         unknown: the call below failed")?;
                writeln!(self.out)?;
                self.line("getCurrentUser", &told(&error))
            }
        }
    }

    fn clock<T>(&mut self, answer: &Response<T>, now: DateTime<Utc>) -> io::Result<()> {
        let date = answer
            .headers()
            .get("date")
            .and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        match date.map(|date| (now - date.to_utc()).num_seconds()) {
            None => writeln!(self.out, "clock         unknown: the response has no date"),
            Some(off) if off.abs() <= SKEW => writeln!(self.out, "clock         right"),
            Some(off) => {
                self.failed += 1;
                let way = if off > 0 { "ahead of" } else { "behind" };
                writeln!(
                    self.out,
                    "clock         wrong: {} s {way} the server's",
                    off.abs()
                )
            }
        }
    }

    async fn project(&mut self, client: &Client, project: &ProjectSlug) -> io::Result<()> {
        self.call(
            "getProjectSettings",
            client.get_project_settings(project).send_for_response(),
        )
        .await?;
        self.call(
            "listEnvVars",
            client.list_env_vars(project).send_for_response(),
        )
        .await?;
        self.call(
            "listSchedulesForProject",
            client
                .list_schedules_for_project(project)
                .send_for_response(),
        )
        .await?;
        self.call(
            "getProjectWorkflowMetrics",
            client
                .get_project_workflow_metrics(project)
                .send_for_response(),
        )
        .await?;
        self.call(
            "getFlakyTests",
            client.get_flaky_tests(project).send_for_response(),
        )
        .await?;
        Ok(())
    }

    /// Reads the newest pipeline, its first workflow, and that workflow's job with the highest number.
    async fn newest(&mut self, client: &Client, project: &ProjectSlug) -> io::Result<()> {
        let pipelines = client
            .list_pipelines_for_project(project)
            .send_for_response();
        let page = self.call("listPipelinesForProject", pipelines).await?;
        let Some(pipeline) = page.and_then(|page| page.items.into_iter().next()) else {
            return Ok(());
        };
        self.call(
            "getPipelineById",
            client.get_pipeline_by_id(pipeline.id).send_for_response(),
        )
        .await?;
        let workflows = client
            .list_workflows_by_pipeline_id(pipeline.id)
            .send_for_response();
        let page = self.call("listWorkflowsByPipelineId", workflows).await?;
        let Some(workflow) = page.and_then(|page| page.items.into_iter().next()) else {
            return Ok(());
        };
        let page = self
            .call(
                "listWorkflowJobs",
                client.list_workflow_jobs(workflow.id).send_for_response(),
            )
            .await?;
        let numbers = page
            .into_iter()
            .flat_map(|page| page.items)
            .filter_map(|job| job.job_number);
        if let Some(number) = numbers.max() {
            self.call(
                "getJobDetails",
                client.get_job_details(project, number).send_for_response(),
            )
            .await?;
            self.call(
                "getTests",
                client.get_tests(project, number).send_for_response(),
            )
            .await?;
        }
        Ok(())
    }

    /// Waits for a call and writes a line about it to the report. Returns the body, or `None` if the call failed.
    async fn call<T>(
        &mut self,
        name: &str,
        sending: Sending<Response<T>>,
    ) -> io::Result<Option<T>> {
        let sent = Instant::now();
        match sending.await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let mut text = format!("{status} in {} ms", sent.elapsed().as_millis());
                if let Some(deprecation) = answer.deprecation() {
                    text += &format!(", {deprecation}");
                }
                self.line(name, &text)?;
                Ok(Some(answer.into_body()))
            }
            Err(error) => {
                self.failed += 1;
                self.line(name, &told(&error))?;
                Ok(None)
            }
        }
    }

    fn line(&mut self, name: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {name:<27} {text}")
    }
}

/// Describes an error without the server's message, which may contain private names.
fn told(error: &Error) -> String {
    let mut text = match (error.kind(), error.status()) {
        (ErrorKind::Decode, _) => "success, but the body could not be decoded".to_owned(),
        (_, Some(status)) => status.to_string(),
        (ErrorKind::Connect, None) => {
            "no connection: check the host, the proxy and the certificates".to_owned()
        }
        (ErrorKind::Timeout, None) => "no response in time".to_owned(),
        (kind, None) => format!("failed: {kind:?}"),
    };
    if error.attempts() > 1 {
        text += &format!(", {} attempts", error.attempts());
    }
    if let Some(id) = error.request_id() {
        text += &format!(", request {id}");
    }
    text
}

/// Returns the slug of the project's organization: `gh/acme` for `gh/acme/web`.
fn organization(project: &ProjectSlug) -> String {
    let slug = project.to_string();
    slug.rsplit_once('/')
        .map_or(slug.clone(), |(organization, _)| organization.to_owned())
}
