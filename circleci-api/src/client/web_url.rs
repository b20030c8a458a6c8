//! URLs of CircleCI's web pages.

use reqwest::Url;
use uuid::Uuid;

use crate::client::Client;
use crate::generated::types::{Pipeline, Workflow, WorkflowJob};
use crate::values::slug::ProjectSlug;

impl Pipeline {
    /// Returns the URL of the pipeline's web page, such as `https://app.circleci.com/pipelines/github/acme/web/512`. If the
    /// client's host is not `circleci.com` (for example, because it is a self-hosted CircleCI Server), the URL has the same
    /// path on the client's host.
    ///
    /// Returns `None` if the pipeline has no project slug.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let json = r#"{ "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "number": 512, "project_slug": "gh/acme/web" }"#;
    /// # let pipeline: circleci_api::types::Pipeline = circleci_api::serde_json::from_str(json)?;
    /// let circleci = circleci_api::Client::builder().token("abc").build()?;
    /// let url = pipeline.web_url(&circleci);
    /// assert_eq!(url.as_deref(), Some("https://app.circleci.com/pipelines/github/acme/web/512"));
    /// # Ok(()) }
    /// ```
    pub fn web_url(&self, client: &Client) -> Option<String> {
        let slug = self.project_slug.as_deref()?;
        url(client, "pipelines", slug, &[&self.number.to_string()])
    }
}

impl Workflow {
    /// Returns the URL of the workflow's web page, such as
    /// `https://app.circleci.com/pipelines/github/acme/web/512/workflows/<id>`. If the client's host is not `circleci.com`, the
    /// URL has the same path on the client's host.
    ///
    /// Returns `None` if the workflow lacks its project slug, its pipeline's number or its id.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let json = r#"{ "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "name": "build", "pipeline_number": 512, "project_slug": "gh/acme/web" }"#;
    /// # let workflow: circleci_api::types::Workflow = circleci_api::serde_json::from_str(json)?;
    /// let circleci = circleci_api::Client::builder().token("abc").host("ci.example.com").build()?;
    /// let url = workflow.web_url(&circleci).unwrap_or_default();
    /// assert!(url.starts_with("https://ci.example.com/pipelines/github/acme/web/512/workflows/5034460f-"));
    /// # Ok(()) }
    /// ```
    pub fn web_url(&self, client: &Client) -> Option<String> {
        of_workflow(client, self, None)
    }
}

impl WorkflowJob {
    /// Returns the URL of the job's web page, such as `https://app.circleci.com/jobs/github/acme/web/1843`. If the client's
    /// host is not `circleci.com`, the URL has the same path on the client's host.
    ///
    /// Returns `None` if the job lacks its project slug or its number. Approval jobs and jobs that have not started have no
    /// number.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let json = r#"{ "id": "5034460f-c7c4-4c43-9457-de07e2029e7b", "name": "test", "job_number": 1843, "project_slug": "gh/acme/web" }"#;
    /// # let job: circleci_api::types::WorkflowJob = circleci_api::serde_json::from_str(json)?;
    /// let circleci = circleci_api::Client::builder().token("abc").build()?;
    /// let url = job.web_url(&circleci);
    /// assert_eq!(url.as_deref(), Some("https://app.circleci.com/jobs/github/acme/web/1843"));
    /// # Ok(()) }
    /// ```
    pub fn web_url(&self, client: &Client) -> Option<String> {
        let slug = self.project_slug.as_deref()?;
        url(client, "jobs", slug, &[&self.job_number?.to_string()])
    }
}

/// Returns the URL of a workflow's page. If `job` is given, returns the URL of that job's page within the workflow:
/// `https://app.circleci.com/pipelines/github/acme/web/512/workflows/<id>/jobs/1843`.
pub(crate) fn of_workflow(
    client: &Client,
    workflow: &Workflow,
    job: Option<i64>,
) -> Option<String> {
    let pipeline = workflow.pipeline_number?.to_string();
    #[allow(clippy::useless_conversion, reason = "older documents require it")]
    let id: Option<Uuid> = workflow.id.into();
    let (id, job) = (id?.to_string(), job.map(|job| job.to_string()));
    let mut path = vec![&*pipeline, "workflows", &id];
    if let Some(job) = &job {
        path.extend(["jobs", job]);
    }
    let slug = workflow.project_slug.as_deref()?;
    url(client, "pipelines", slug, &path)
}

fn url(client: &Client, kind: &str, slug: &str, path: &[&str]) -> Option<String> {
    let slug: ProjectSlug = slug.parse().ok()?;
    let base = client.base_url().trim_end_matches("/api/v2");
    let base = match base {
        "https://circleci.com" => "https://app.circleci.com",
        other => other,
    };
    let mut url = Url::parse(base).ok()?;
    let provider = match slug.provider() {
        "gh" => "github",
        "bb" => "bitbucket",
        other => other,
    };
    let mut segments = url.path_segments_mut().ok()?;
    segments.pop_if_empty();
    segments.extend([kind, provider, slug.organization(), slug.project()]);
    segments.extend(path);
    drop(segments);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-000000000000";

    fn client(host: &str) -> Client {
        Client::builder().token("t").host(host).build().unwrap()
    }

    fn workflow(slug: Option<&str>, pipeline: Option<i64>) -> Workflow {
        let json = serde_json::json!({
            "name": "build", "id": ID, "project_slug": slug, "pipeline_number": pipeline,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn it_is_spelled_as_the_web_app_spells_it() {
        let cloud = client("circleci.com");
        let circleci = "circleci/9Yyt/44n9";
        for (client, slug, job, expected) in [
            (
                &cloud,
                "gh/acme/web",
                Some(1843),
                "https://app.circleci.com/pipelines/github/acme/web/512/workflows/00000000-0000-0000-0000-000000000000/jobs/1843",
            ),
            (
                &cloud,
                circleci,
                None,
                "https://app.circleci.com/pipelines/circleci/9Yyt/44n9/512/workflows/00000000-0000-0000-0000-000000000000",
            ),
            (
                &client("https://ci.example.com/api/v2"),
                "bb/acme/a b",
                None,
                "https://ci.example.com/pipelines/bitbucket/acme/a%20b/512/workflows/00000000-0000-0000-0000-000000000000",
            ),
        ] {
            let url = of_workflow(client, &workflow(Some(slug), Some(512)), job);
            assert_eq!(url.as_deref(), Some(expected));
        }
        assert_eq!(workflow(None, Some(512)).web_url(&cloud), None);
        assert_eq!(workflow(Some("web"), Some(512)).web_url(&cloud), None);
        assert_eq!(workflow(Some("gh/acme/web"), None).web_url(&cloud), None);
    }

    #[test]
    fn pipelines_and_jobs_have_one_of_every_kind_of_slug_and_host() {
        let cloud = client("circleci.com");
        let server = client("https://ci.example.com:8443/api/v2/");
        for (client, slug, part) in [
            (&cloud, "gh/acme/web", "github/acme/web"),
            (&cloud, "github/acme/web", "github/acme/web"),
            (&cloud, "bb/acme/a?b#c", "bitbucket/acme/a%3Fb%23c"),
            (&cloud, "gl/acme/web", "gitlab/acme/web"),
            (&cloud, "circleci/9Yyt/44n9", "circleci/9Yyt/44n9"),
            (&server, "gh/acme/web", "github/acme/web"),
        ] {
            let base = match std::ptr::eq(client, &server) {
                true => "https://ci.example.com:8443",
                false => "https://app.circleci.com",
            };
            let json = serde_json::json!({ "id": ID, "number": 7, "project_slug": slug });
            let pipeline: Pipeline = serde_json::from_value(json).unwrap();
            let expected = format!("{base}/pipelines/{part}/7");
            assert_eq!(pipeline.web_url(client), Some(expected));
            let json = serde_json::json!({
                "id": ID, "name": "test", "project_slug": slug, "job_number": 9,
            });
            let mut job: WorkflowJob = serde_json::from_value(json).unwrap();
            assert_eq!(job.web_url(client), Some(format!("{base}/jobs/{part}/9")));
            job.job_number = None;
            assert_eq!(job.web_url(client), None);
        }
    }
}
