//! Lists the failed tests of a workflow.

use std::fmt;
use std::ops::Deref;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::generated::operations::{GetTests, GetWorkflowById, ListWorkflowJobs};
use crate::generated::types::{Test, WorkflowJob};
use crate::lists::many::{AT_ONCE, Many};
use crate::request::Request;
use crate::values::argument::PathValue;

impl Client {
    /// Lists the failed tests of a workflow, from all its jobs and their parallel runs. Requires the feature `artifacts`.
    ///
    #[doc = mock_example!()]
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
            at_once: AT_ONCE,
        }
    }
}

/// A request from [`Client::failed_tests`] to list the failed tests of a workflow.
///
#[doc = mock_example!()]
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

/// A failed test and its job. [`FailedTests`] has an example.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FailedTest {
    /// The job of the test. CircleCI does not say in which of the job's parallel runs the test ran.
    pub job: WorkflowJob,
    /// The test, with the message of its failure.
    pub test: Test,
}

/// A job whose tests could not all be read. [`FoundTests`] has an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnreadTests {
    /// The job whose tests could not be read.
    pub job: WorkflowJob,
    /// The reason why the tests could not be read.
    pub error: Error,
}

impl fmt::Display for UnreadTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.job.name, self.error)
    }
}

impl std::error::Error for UnreadTests {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The failed tests of a workflow, and the jobs whose tests could not be read. Use it like a slice of [`FailedTest`].
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::Mock, operations::{GetTests, ListWorkflowJobs}, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let job = |name, number| json!({ "name": name, "job_number": number, "project_slug": "gh/acme/web" });
/// # server.on::<ListWorkflowJobs>().reply_json(json!({ "items": [job("unit", 1), job("e2e", 2)] }));
/// # let tests = json!({ "items": [{ "name": "divides", "result": "failure" }] });
/// # server.on::<GetTests>().reply_json(tests).status(403, "Forbidden");
/// # let circleci = server.client();
/// let found = circleci.failed_tests("fda08377-fe7e-46b1-8992-3a7aaecac9c3").at_once(1).send().await?;
///
/// assert_eq!(found[0].test.name, "divides");
/// for unread in found.unread() {
///     println!("{unread}"); // "e2e": getTests: 403 Forbidden: Forbidden
/// }
/// # assert_eq!(found.unread().len(), 1);
/// assert!(found.into_result().is_err_and(|error| error.is_forbidden())); // if one failure is too many
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "the tests of some jobs may be unread"]
pub struct FoundTests {
    failed: Vec<FailedTest>,
    unread: Vec<UnreadTests>,
}

impl FoundTests {
    /// Returns the jobs whose tests could not be read, in the order of the workflow's jobs.
    pub fn unread(&self) -> &[UnreadTests] {
        &self.unread
    }

    /// Returns the failed tests, if the tests of all jobs could be read.
    ///
    /// # Errors
    ///
    /// The call fails with the error of the first job whose tests could not be read.
    pub fn into_result(self) -> Result<Vec<FailedTest>, Error> {
        match self.unread.into_iter().next() {
            Some(unread) => Err(unread.error),
            None => Ok(self.failed),
        }
    }
}

impl Deref for FoundTests {
    type Target = [FailedTest];

    fn deref(&self) -> &[FailedTest] {
        &self.failed
    }
}

impl IntoIterator for FoundTests {
    type Item = FailedTest;
    type IntoIter = std::vec::IntoIter<FailedTest>;

    fn into_iter(self) -> Self::IntoIter {
        self.failed.into_iter()
    }
}

impl<'a> IntoIterator for &'a FoundTests {
    type Item = &'a FailedTest;
    type IntoIter = std::slice::Iter<'a, FailedTest>;

    fn into_iter(self) -> Self::IntoIter {
        self.failed.iter()
    }
}

/// The failed tests of a job, and an error if some of the job's tests could not be read.
type OfJob = (Vec<FailedTest>, Option<UnreadTests>);

impl FailedTests {
    /// Sets the number of jobs whose tests are read at the same time. Default: 8. 0 counts as 1.
    pub fn at_once(mut self, jobs: usize) -> Self {
        self.at_once = jobs.max(1);
        self
    }

    /// Lists the workflow's jobs, then reads the tests of each job that has run, and returns the failed tests.
    ///
    /// - A test has failed if its result is `failure`, `failed` or `error`.
    /// - Jobs that succeeded are included, because a job may succeed although a test failed. Approvals are skipped.
    /// - The tests are in the order of the jobs. A test that failed in two parallel runs is listed twice.
    /// - If CircleCI answers 404 for the tests of a job, the job counts as a job without tests.
    ///
    /// # Errors
    ///
    /// The call fails if the jobs cannot be listed, or if neither a job nor the workflow names the project. If the tests of a
    /// single job cannot be read, the error is [in the result](FoundTests::unread).
    pub async fn send(self) -> Result<FoundTests, Error> {
        let mut jobs = self.jobs.clone().items().into_vec().await?;
        let of_another = jobs.iter().find_map(|job| job.project_slug.clone());
        jobs.retain(super::has_run);
        let of_workflow = match jobs.iter().all(|job| job.project_slug.is_some()) {
            true => None,
            false => Some(self.project(of_another).await?),
        };
        let tests = jobs.into_iter().filter_map(|job| {
            let slug = job.project_slug.as_ref().or(of_workflow.as_ref())?;
            let tests = self.client.get_tests(slug, job.job_number?);
            Some(failed(job, tests))
        });
        let (mut failed, mut unread) = (Vec::new(), Vec::new());
        for (tests, error) in Many::new(tests).at_once(self.at_once).into_vec().await {
            failed.extend(tests);
            unread.extend(error);
        }
        Ok(FoundTests { failed, unread })
    }

    /// Returns the project of the workflow, which is used for jobs that do not name a project. If the workflow's project is
    /// unknown, returns `of_another`, which is the project of another job.
    async fn project(&self, of_another: Option<String>) -> Result<String, Error> {
        let workflow = self.workflow.clone().send().await;
        let slug = workflow.and_then(|workflow| {
            workflow.project_slug.ok_or_else(|| {
                Error::new(ErrorKind::Decode)
                    .with_operation(GetWorkflowById::OPERATION)
                    .with_message(
                        "neither the workflow nor its jobs say which project they belong to",
                    )
            })
        });
        slug.or_else(|error| of_another.ok_or(error))
    }
}

async fn failed(job: WorkflowJob, tests: Request<GetTests>) -> OfJob {
    let mut tests = tests.items();
    let (mut failed, mut any) = (Vec::new(), false);
    let error = loop {
        match tests.try_next().await {
            Ok(Some(test)) => {
                any = true;
                if test.result.as_deref().is_some_and(is_failure) {
                    let job = job.clone();
                    failed.push(FailedTest { job, test });
                }
            }
            Ok(None) => break None,
            // CircleCI answers 404 if a job has no tests.
            Err(error) if error.is_not_found() && !any => break None,
            Err(error) => break Some(UnreadTests { job, error }),
        }
    };
    (failed, error)
}

fn is_failure(result: &str) -> bool {
    matches!(result, "failure" | "failed" | "error")
}
