//! Waits for one job.

use super::Wait;
use super::change::Change;
use super::changes::sealed::Watch;
use super::changes::{Next, View};
use super::policy::CountAs;
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::{JobDetails, JobStatus};
use crate::values::argument::PathValue;

/// A wait for a job. [`Client::wait_for_job`] has an example.
pub struct JobWait {
    project: PathValue,
    number: PathValue,
    not_run: CountAs,
    unknown: CountAs,
    status: Option<JobStatus>,
}

/// The outcome of a job. [`Client::wait_for_job`] has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobOutcome {
    /// The job at the last look, with its `status` and its `web_url`.
    pub job: JobDetails,
    success: bool,
}

impl JobOutcome {
    /// Checks whether the job succeeded. [`Client::wait_for_job`] has an example.
    pub fn is_success(&self) -> bool {
        self.success
    }
}

impl Client {
    /// Waits for one job. An approval job has no number, so use [`wait_for_approval`](Self::wait_for_approval) for it.
    /// Requires the feature `wait`.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetJobDetails, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # server.on::<GetJobDetails>().reply_json(json!({ "status": "running" })).reply_json(json!({ "status": "timedout" }));
    /// # let circleci = server.client();
    /// let outcome = circleci.wait_for_job("gh/acme/web", 1843).finish().await?;
    /// if !outcome.is_success() {
    ///     println!("{:?}, {:?}", outcome.job.status, outcome.job.web_url);
    /// }
    /// # assert_eq!(outcome.job.status, Some("timedout".into()));
    /// # assert!(!outcome.is_success());
    /// # Ok(()) }
    /// ```
    pub fn wait_for_job(
        &self,
        project_slug: impl Into<PathValue>,
        job_number: impl Into<PathValue>,
    ) -> Wait<JobWait> {
        let watch = JobWait {
            project: project_slug.into(),
            number: job_number.into(),
            not_run: CountAs::Success,
            unknown: CountAs::Unfinished,
            status: None,
        };
        Wait::new(self, watch)
    }
}

impl Wait<JobWait> {
    /// Sets how to count a job with the status `not_run` or `skipped`. Default: [`CountAs::Success`].
    pub fn not_run(mut self, count: CountAs) -> Self {
        self.watch.not_run = count;
        self
    }

    /// Sets how to count a job with a status that this version of the crate does not know. Default:
    /// [`CountAs::Unfinished`]. With this value, such a job counts as a failure once it has a `stopped_at`.
    pub fn unknown(mut self, count: CountAs) -> Self {
        self.watch.unknown = count;
        self
    }
}

impl JobWait {
    fn count(&self, job: &JobDetails) -> CountAs {
        match &job.status {
            Some(status) if status.is_success() => CountAs::Success,
            // A job that was retried did not succeed, and another job replaces it.
            Some(status) if status.is_failure() || *status == JobStatus::Retried => {
                CountAs::Failure
            }
            Some(status) if status.is_finished() => self.not_run,
            Some(JobStatus::Unknown(_)) | None => match self.unknown {
                CountAs::Unfinished if job.stopped_at.is_some() => CountAs::Failure,
                count => count,
            },
            Some(_) => CountAs::Unfinished,
        }
    }
}

impl Watch for JobWait {
    type Outcome = JobOutcome;

    async fn look(&mut self, view: &mut View) -> Result<Next<JobOutcome>, Error> {
        let request = view
            .client
            .get_job_details(self.project.clone(), self.number.clone());
        let job = request.options(view.options()).send().await?;
        if let Some(status) = &job.status
            && self.status.as_ref() != Some(status)
        {
            view.news.push(Change::Job {
                workflow: job.latest_workflow.as_ref().map(|it| it.name.clone()),
                name: job.name.clone(),
                number: Some(job.number),
                status: status.clone(),
                before: self.status.replace(status.clone()),
            });
        }
        let success = match self.count(&job) {
            CountAs::Unfinished => return Ok(Next::Again),
            CountAs::Success => true,
            CountAs::Failure => false,
        };
        Ok(Next::Over(JobOutcome { job, success }))
    }

    fn seen(&self) -> String {
        let status = self.status.as_ref();
        status.map_or("no answer yet", JobStatus::as_str).to_owned()
    }
}
