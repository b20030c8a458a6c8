//! The failed tests of a workflow.

use tokio::task::JoinSet;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::generated::operations::{GetWorkflowById, ListWorkflowJobs};
use crate::generated::types::{Test, WorkflowJob};
use crate::request::Request;
use crate::values::argument::PathValue;

impl Client {
    /// The tests that failed in a workflow, in all of its jobs and their parallel runs. With the feature `artifacts`.
    ///
    #[cfg_attr(feature = "mock", doc = "```")]
    #[cfg_attr(not(feature = "mock"), doc = "```text")]
    /// # use circleci_api::{mock::Mock, operations::GetTests};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// for failed in circleci.failed_tests("fda08377-fe7e-46b1-8992-3a7aaecac9c3").send().await? {
    ///     println!("{}: {:?}", failed.job.name, failed.test.name);
    /// }
    /// # server.assert_count::<GetTests>(1);
    /// # Ok(()) }
    /// ```
    pub fn failed_tests(&self, workflow_id: impl Into<PathValue>) -> FailedTests {
        let id = workflow_id.into();
        FailedTests {
            client: self.clone(),
            workflow: self.get_workflow_by_id(id.clone()),
            jobs: self.list_workflow_jobs(id),
            at_once: 4,
        }
    }
}

/// A question that was asked by [`Client::failed_tests`].
///
#[cfg_attr(feature = "mock", doc = "```")]
#[cfg_attr(not(feature = "mock"), doc = "```text")]
/// # use circleci_api::{mock::Mock, operations::{GetTests, ListWorkflowJobs}, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let jobs = json!([{ "name": "unit", "job_number": 1843, "project_slug": "gh/acme/web" }]);
/// # server.on::<ListWorkflowJobs>().reply_json(json!({ "items": jobs }));
/// # let tests = json!([{ "name": "adds", "result": "success" }, { "name": "divides", "result": "failure" }]);
/// # server.on::<GetTests>().reply_json(json!({ "items": tests }));
/// # let circleci = server.client();
/// let failed = circleci.failed_tests("fda08377-fe7e-46b1-8992-3a7aaecac9c3").at_once(8).send().await?;
/// let names: Vec<_> = failed.iter().map(|it| (it.job.name.as_str(), it.test.name.as_str())).collect();
/// assert_eq!(names, [("unit", "divides")]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct FailedTests {
    client: Client,
    workflow: Request<GetWorkflowById>,
    jobs: Request<ListWorkflowJobs>,
    at_once: usize,
}

/// A test that failed, and where. See the example of [`FailedTests`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FailedTest {
    /// The job; all its parallel runs together, for CircleCI does not say which of them ran a test.
    pub job: WorkflowJob,
    /// The test, with the message of its failure.
    pub test: Test,
}

impl FailedTests {
    /// How many jobs are asked about at once; 4 unless said otherwise. 0 counts as 1.
    pub fn at_once(mut self, jobs: usize) -> Self {
        self.at_once = jobs.max(1);
        self
    }

    /// Lists the workflow's jobs and the tests of each that has run, whatever became of it: a job may pass over a failed
    /// test. Failed are tests whose result is `failure`, `failed` or `error`. They come in the order of the jobs; a test that failed in two
    /// runs comes twice.
    ///
    /// # Errors
    ///
    /// The jobs, or the tests of one of them, cannot be had.
    pub async fn send(self) -> Result<Vec<FailedTest>, Error> {
        let jobs = self.jobs.items().into_vec().await?;
        let mut slug = None;
        let mut found: Vec<Vec<FailedTest>> = jobs.iter().map(|_| Vec::new()).collect();
        let mut running = JoinSet::new();
        let mut waiting = jobs.into_iter().enumerate();
        loop {
            while running.len() < self.at_once
                && let Some((index, job)) = waiting.next()
            {
                // Approvals, and jobs that did not run.
                let Some(number) = job.job_number else {
                    continue;
                };
                let project = match (&job.project_slug, &slug) {
                    (Some(project), _) | (None, Some(project)) => project.clone(),
                    (None, None) => {
                        let workflow = self.workflow.clone().send().await?;
                        let project = workflow.project_slug.ok_or_else(|| {
                            Error::new(ErrorKind::Decode)
                                .with_operation(GetWorkflowById::OPERATION)
                                .with_message(
                                    "neither it nor its jobs say of which project they are",
                                )
                        })?;
                        slug = Some(project.clone());
                        project
                    }
                };
                let mut tests = self.client.get_tests(project, number).items();
                running.spawn(async move {
                    let mut failed = Vec::new();
                    while let Some(test) = tests.try_next().await? {
                        if test.result.as_deref().is_some_and(is_failure) {
                            failed.push(FailedTest {
                                job: job.clone(),
                                test,
                            });
                        }
                    }
                    Ok::<_, Error>((index, failed))
                });
            }
            match running.join_next().await {
                None => break,
                Some(Ok(tests)) => {
                    let (index, failed) = tests?;
                    found[index] = failed;
                }
                Some(Err(stopped)) => {
                    return Err(Error::new(ErrorKind::Transport).with_source(stopped));
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

fn is_failure(result: &str) -> bool {
    matches!(result, "failure" | "failed" | "error")
}
