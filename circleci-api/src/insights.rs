//! Summaries of CircleCI's Insights: the success rates, durations, costs and trends of workflows, and the flaky tests.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use crate::client::Client;
use crate::error::Error;
use crate::generated::operations::GetProjectWorkflowRuns;
use crate::generated::types::{
    FlakyTest, ReportingWindow, WorkflowInsights, WorkflowRun, WorkflowRunStatus,
};
use crate::values::argument::PathValue;

/// # Summaries of Insights
impl Client {
    /// Creates a query for the metrics of a project's workflows and tests. By default, the query covers the last 30 days and all
    /// branches. Requires the feature `insights`.
    ///
    /// CircleCI refreshes Insights once a day, so the last 24 hours may be missing. The credit figures come from Insights,
    /// and differ from those on the bill.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::{GetProjectWorkflowMetrics, GetProjectWorkflowRuns}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// use circleci_api::types::ReportingWindow;
    ///
    /// let insights = circleci.insights("gh/acme/web").window(ReportingWindow::Last7Days).branch("main");
    /// for workflow in insights.workflows().await? {
    ///     let green = workflow.success_rate.map_or("?".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
    ///     println!("{}: {green} green, p95 {:?}, {:?} credits", workflow.name, workflow.p95, workflow.credits);
    /// }
    /// let trend = insights.trend("deploy").await?;
    /// if trend.p95().is_some_and(|change| change > 0.2) {
    ///     println!("deploy takes a fifth longer than the week before");
    /// }
    /// # server.assert_order([GetProjectWorkflowMetrics::OPERATION, GetProjectWorkflowRuns::OPERATION]);
    /// # Ok(()) }
    /// ```
    pub fn insights(&self, project_slug: impl Into<PathValue>) -> Insights {
        Insights {
            client: self.clone(),
            project: project_slug.into(),
            window: ReportingWindow::Last30Days,
            branch: None,
        }
    }
}

/// Queries about a project's workflows and tests, created by [`Client::insights`]. Requires the feature `insights`.
///
#[doc = mock_example!()]
/// # use std::time::Duration;
/// # use circleci_api::{mock::Mock, operations::GetProjectWorkflowMetrics, serde_json::json, types::ReportingWindow};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let mut metrics = json!({ "total_runs": 40, "success_rate": 0.9, "total_credits_used": 1000 });
/// # metrics["duration_metrics"] = json!({ "p95": 310 });
/// # server.on::<GetProjectWorkflowMetrics>().reply_json(json!({ "items": [{ "name": "deploy", "metrics": metrics }] }));
/// # let circleci = server.client();
/// let insights = circleci.insights("gh/acme/web").window(ReportingWindow::Last7Days).branch("main");
/// let workflows = insights.workflows().await?;
/// let deploy = &workflows[0];
/// assert_eq!((deploy.name.as_str(), deploy.runs, deploy.success_rate), ("deploy", Some(40), Some(0.9)));
/// assert_eq!(deploy.p95, Some(Duration::from_secs(310)));
/// assert_eq!(deploy.credits_per_run(), Some(25.0));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until a query such as `workflows` is called and awaited"]
pub struct Insights {
    client: Client,
    project: PathValue,
    window: ReportingWindow,
    branch: Option<String>,
}

impl Insights {
    /// Sets the time window. Default: the last 30 days.
    pub fn window(mut self, window: impl Into<ReportingWindow>) -> Self {
        self.window = window.into();
        self
    }

    /// Selects one branch. Default: all branches.
    pub fn branch(mut self, name: impl Into<String>) -> Self {
        self.branch = Some(name.into());
        self
    }

    /// Returns CircleCI's metrics for each workflow that ran in the window. Sends one request for each page of workflows.
    ///
    /// # Errors
    ///
    /// Returns an error if a page could not be read.
    pub async fn workflows(&self) -> Result<Vec<WorkflowFigures>, Error> {
        let request = self
            .client
            .get_project_workflow_metrics(self.project.clone());
        let request = match &self.branch {
            Some(name) => request.branch(name),
            None => request.all_branches(true),
        };
        let workflows = request
            .reporting_window(self.window.clone())
            .items()
            .into_vec()
            .await?;
        Ok(workflows.into_iter().map(WorkflowFigures::from).collect())
    }

    /// Returns the metrics of a workflow for each day (UTC), from the first day of the window until today. Days without runs are
    /// included.
    ///
    /// This method computes the metrics from the individual runs, which CircleCI keeps for 90 days. It sends one request for each
    /// page of runs.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetProjectWorkflowRuns};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// for day in circleci.insights("gh/acme/web").daily("deploy").await? {
    ///     println!("{}: {} runs, {} credits", day.from.date_naive(), day.runs, day.credits);
    /// }
    /// # server.assert_count::<GetProjectWorkflowRuns>(1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a page could not be read, or if this version of the crate does not know the window.
    pub async fn daily(&self, workflow: impl Into<PathValue>) -> Result<Vec<Period>, Error> {
        let now = self.now();
        let begin = now - self.span()?;
        let runs = self.runs(workflow, begin, now).await?;
        let mut days = Vec::new();
        let mut from = begin;
        while from < now {
            // UTC has exactly one midnight each day.
            let midnight = (from.date_naive() + TimeDelta::days(1))
                .and_time(NaiveTime::MIN)
                .and_utc();
            let to = midnight.min(now);
            days.push(Period::of(&runs, from, to));
            from = to;
        }
        Ok(days)
    }

    /// Compares the metrics of a workflow in the window with the metrics in the period of the same length before the window.
    ///
    /// CircleCI also sends trends, but does not document what they mean. This method computes its own trends from the
    /// individual runs, and sends one request for each page of runs. CircleCI keeps runs for 90 days, so there are no trends for
    /// windows of 60 or 90 days.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetProjectWorkflowRuns};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// let trend = circleci.insights("gh/acme/web").branch("main").trend("deploy").await?;
    /// println!("{} runs, {} the month before", trend.now.runs, trend.before.runs);
    /// println!("success rate: {:+.2}", trend.success_rate().unwrap_or_default());
    /// # server.assert_count::<GetProjectWorkflowRuns>(1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a page could not be read, if the window is 60 or 90 days long, or if this version of the crate does
    /// not know the window.
    pub async fn trend(&self, workflow: impl Into<PathValue>) -> Result<Trend, Error> {
        let span = self.span()?;
        if span * 2 > TimeDelta::days(KEPT_DAYS) {
            return Err(Error::argument(
                GetProjectWorkflowRuns::OPERATION,
                format!(
                    "no trend for {}: CircleCI keeps runs for only {KEPT_DAYS} days",
                    self.window
                ),
            ));
        }
        let now = self.now();
        let (middle, begin) = (now - span, now - span * 2);
        let runs = self.runs(workflow, begin, now).await?;
        Ok(Trend {
            before: Period::of(&runs, begin, middle),
            now: Period::of(&runs, middle, now),
        })
    }

    /// Returns the project's flaky tests. The tests that flaked most often come first. Tests that flaked equally often are sorted
    /// by the time that they wasted, with the longest time first.
    ///
    /// CircleCI lists tests that passed and failed on the same commit within the last two weeks. The window and the branch of
    /// this query have no effect. If CircleCI lists a test several times for the same job of the same workflow, the result
    /// contains the test once, with the highest count. Sends one request.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetFlakyTests};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// for test in circleci.insights("gh/acme/web").flakiest_tests().await?.iter().take(10) {
    ///     println!("{:?} flaked {:?} times", test.test_name, test.times_flaked);
    /// }
    /// # server.assert_count::<GetFlakyTests>(1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the list could not be read.
    pub async fn flakiest_tests(&self) -> Result<Vec<FlakyTest>, Error> {
        let found = self
            .client
            .get_flaky_tests(self.project.clone())
            .send()
            .await?;
        let mut tests: BTreeMap<_, FlakyTest> = BTreeMap::new();
        for test in found.flaky_tests {
            let id = [
                &test.test_name,
                &test.classname,
                &test.file,
                &test.source,
                &test.job_name,
                &test.workflow_name,
            ];
            let id = id.map(Clone::clone);
            match tests.get(&id) {
                Some(known) if rank(known) >= rank(&test) => {}
                _ => {
                    tests.insert(id, test);
                }
            }
        }
        let mut tests: Vec<_> = tests.into_values().collect();
        // The sort is stable, so equal tests stay ordered by name.
        tests.sort_by_key(|test| std::cmp::Reverse(rank(test)));
        Ok(tests)
    }

    async fn runs(
        &self,
        workflow: impl Into<PathValue>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<WorkflowRun>, Error> {
        let request = self
            .client
            .get_project_workflow_runs(self.project.clone(), workflow);
        let request = match &self.branch {
            Some(name) => request.branch(name),
            None => request.all_branches(true),
        };
        request
            .start_date(from)
            .end_date(to)
            .items()
            .into_vec()
            .await
    }

    fn now(&self) -> DateTime<Utc> {
        self.client.inner.clock.utc().into()
    }

    fn span(&self) -> Result<TimeDelta, Error> {
        Ok(match self.window {
            ReportingWindow::Last24Hours => TimeDelta::hours(24),
            ReportingWindow::Last7Days => TimeDelta::days(7),
            ReportingWindow::Last30Days => TimeDelta::days(30),
            ReportingWindow::Last60Days => TimeDelta::days(60),
            ReportingWindow::Last90Days => TimeDelta::days(90),
            ReportingWindow::Unknown(ref word) => {
                return Err(Error::argument(
                    GetProjectWorkflowRuns::OPERATION,
                    format!("the length of the window {word:?} is unknown"),
                ));
            }
        })
    }
}

/// The number of days for which CircleCI keeps runs.
const KEPT_DAYS: i64 = 90;

fn rank(test: &FlakyTest) -> (i64, i64) {
    (
        test.times_flaked.unwrap_or(0),
        test.time_wasted.unwrap_or(0),
    )
}

/// CircleCI's metrics for a workflow, returned by [`Insights::workflows`]. A metric is `None` if CircleCI does not send it.
/// Requires the feature `insights`. [`Insights`] has an example.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkflowFigures {
    /// The name of the workflow.
    pub name: String,
    /// The number of runs, including those that are on hold or running.
    pub runs: Option<u64>,
    /// The fraction of runs that succeeded, from 0 to 1. `None` if there were no runs.
    pub success_rate: Option<f64>,
    /// The median duration of the runs.
    pub median: Option<Duration>,
    /// The 95th percentile of the durations of the runs.
    pub p95: Option<Duration>,
    /// The mean time from a failure to the next success.
    pub recovery: Option<Duration>,
    /// The number of credits that all runs used.
    pub credits: Option<u64>,
    /// The average number of runs per day.
    pub runs_per_day: Option<f64>,
}

impl WorkflowFigures {
    /// Returns the average number of credits per run. [`Insights`] has an example.
    pub fn credits_per_run(&self) -> Option<f64> {
        per(self.credits?, self.runs?)
    }
}

impl From<WorkflowInsights> for WorkflowFigures {
    fn from(workflow: WorkflowInsights) -> Self {
        let metrics = workflow.metrics.as_ref();
        let duration = metrics.and_then(|metrics| metrics.duration_metrics.as_ref());
        let runs = metrics.and_then(|metrics| natural(metrics.total_runs?));
        Self {
            runs,
            // If there were no runs, CircleCI sends a rate of 0.
            success_rate: metrics
                .and_then(|metrics| metrics.success_rate)
                .filter(|rate| rate.is_finite() && runs != Some(0)),
            median: duration.and_then(|duration| seconds(duration.median?)),
            p95: duration.and_then(|duration| seconds(duration.p95?)),
            recovery: metrics.and_then(|metrics| seconds(metrics.mttr?)),
            credits: metrics.and_then(|metrics| natural(metrics.total_credits_used?)),
            runs_per_day: metrics.and_then(|metrics| metrics.throughput),
            name: workflow.name,
        }
    }
}

/// The metrics of a workflow in a time range, computed from its runs. Requires the feature `insights`.
/// [`Period::of`] has an example.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Period {
    /// The start of the range, inclusive.
    pub from: DateTime<Utc>,
    /// The end of the range, exclusive.
    pub to: DateTime<Utc>,
    /// The number of runs that were created in the range.
    pub runs: u64,
    /// The number of runs that succeeded.
    pub succeeded: u64,
    /// The number of runs with the status `failed` or `error`. The runs that neither succeeded nor failed were canceled or
    /// unauthorized, or have a status that this version of the crate does not know.
    pub failed: u64,
    /// The median duration of the runs that succeeded or failed.
    pub median: Option<Duration>,
    /// The 95th percentile of the durations of the runs that succeeded or failed.
    pub p95: Option<Duration>,
    /// The number of credits that all runs used.
    pub credits: u64,
}

impl Period {
    /// Computes the metrics of the runs that were created in the range from `from` (inclusive) to `to` (exclusive).
    ///
    /// ```
    /// use circleci_api::{Period, types::WorkflowRun};
    ///
    /// let run = |status: &str| -> serde_json::Result<WorkflowRun> {
    ///     serde_json::from_value(serde_json::json!({
    ///         "id": "fda08377-fe7e-46b1-8992-3a7aaecac9c3", "status": status,
    ///         "created_at": "2026-03-01T12:00:00Z", "duration": 60, "credits_used": 25,
    ///     }))
    /// };
    /// # use circleci_api::serde_json;
    /// let runs = [run("success")?, run("failed")?, run("canceled")?];
    /// let day = Period::of(&runs, "2026-03-01T00:00:00Z".parse()?, "2026-03-02T00:00:00Z".parse()?);
    /// assert_eq!((day.runs, day.success_rate(), day.credits), (3, Some(0.5), 75));
    /// assert_eq!(day.credits_per_run(), Some(25.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(runs: &[WorkflowRun], from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let mut period = Self {
            from,
            to,
            runs: 0,
            succeeded: 0,
            failed: 0,
            median: None,
            p95: None,
            credits: 0,
        };
        let mut durations = Vec::new();
        for run in runs {
            if !run
                .created_at
                .is_some_and(|created| from <= created && created < to)
            {
                continue;
            }
            period.runs += 1;
            period.credits = period
                .credits
                .saturating_add(run.credits_used.and_then(natural).unwrap_or(0));
            match run.status {
                Some(WorkflowRunStatus::Success) => period.succeeded += 1,
                Some(WorkflowRunStatus::Failed | WorkflowRunStatus::Error) => period.failed += 1,
                // The duration of a canceled run says nothing about the duration of the workflow.
                _ => continue,
            }
            durations.extend(run.duration.and_then(seconds));
        }
        durations.sort_unstable();
        period.median = percentile(&durations, 50);
        period.p95 = percentile(&durations, 95);
        period
    }

    /// Returns the share of successful runs among all runs that succeeded or failed, from 0 to 1.
    pub fn success_rate(&self) -> Option<f64> {
        per(self.succeeded, self.succeeded + self.failed)
    }

    /// Returns the average number of credits per run.
    pub fn credits_per_run(&self) -> Option<f64> {
        per(self.credits, self.runs)
    }
}

/// The metrics of a window and of the preceding period of the same length, returned by [`Insights::trend`]. Requires the feature
/// `insights`.
///
/// Each method returns the change of a metric from the preceding period to the window, or `None` if one of the two periods lacks
/// the metric. A relative change is also `None` if the earlier value is zero.
///
#[doc = mock_example!()]
/// # use std::time::{Duration, SystemTime};
/// # use circleci_api::{chrono::{DateTime, Utc}, mock::Mock, operations::GetProjectWorkflowRuns};
/// # use circleci_api::{serde_json::json, types::ReportingWindow};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let run = |days_ago: u64, duration, status| {
/// #     let at = DateTime::<Utc>::from(SystemTime::now() - Duration::from_secs(days_ago * 24 * 3600));
/// #     json!({ "status": status, "created_at": at, "duration": duration, "credits_used": duration })
/// # };
/// # let runs = [run(3, 120, "success"), run(4, 120, "success"), run(10, 100, "success"), run(11, 100, "failed")];
/// # server.on::<GetProjectWorkflowRuns>().reply_json(json!({ "items": runs }));
/// # let circleci = server.client();
/// let trend = circleci.insights("gh/acme/web").window(ReportingWindow::Last7Days).trend("deploy").await?;
/// assert_eq!((trend.now.runs, trend.before.runs, trend.runs()), (2, 2, Some(0.0)));
/// assert_eq!(trend.success_rate(), Some(0.5)); // from 0.5 to 1
/// for change in [trend.median(), trend.p95(), trend.credits()].into_iter().flatten() {
///     println!("{:+.0} %", change * 100.0); // +20 %
/// #   assert!((change - 0.2).abs() < 1e-9);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// The metrics of the preceding period, which is as long as the window.
    pub before: Period,
    /// The metrics of the window.
    pub now: Period,
}

impl Trend {
    /// Returns the change of the [success rate](Period::success_rate) as a difference (0.05 for a change from 0.90 to 0.95).
    pub fn success_rate(&self) -> Option<f64> {
        Some(self.now.success_rate()? - self.before.success_rate()?)
    }

    /// Returns the relative change of the p95 duration (0.2 for a change from 100 s to 120 s).
    pub fn p95(&self) -> Option<f64> {
        change(self.before.p95?.as_secs_f64(), self.now.p95?.as_secs_f64())
    }

    /// Returns the relative change of the median duration.
    pub fn median(&self) -> Option<f64> {
        change(
            self.before.median?.as_secs_f64(),
            self.now.median?.as_secs_f64(),
        )
    }

    /// Returns the relative change of the number of credits.
    pub fn credits(&self) -> Option<f64> {
        change(self.before.credits as f64, self.now.credits as f64)
    }

    /// Returns the relative change of the number of runs.
    pub fn runs(&self) -> Option<f64> {
        change(self.before.runs as f64, self.now.runs as f64)
    }
}

fn change(before: f64, now: f64) -> Option<f64> {
    (before > 0.0).then(|| now / before - 1.0)
}

fn per(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn natural(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

fn seconds(number: i64) -> Option<Duration> {
    natural(number).map(Duration::from_secs)
}

/// Returns a percentile by the nearest-rank method, so the result is always the duration of one of the runs.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let seconds: Vec<_> = (1..=100).map(Duration::from_secs).collect();
        for (count, percent, found) in [
            (0, 95, None),
            (1, 50, Some(1)),
            (1, 95, Some(1)),
            (2, 50, Some(1)),
            (3, 50, Some(2)),
            (20, 95, Some(19)),
            (21, 95, Some(20)),
            (100, 95, Some(95)),
        ] {
            let found = found.map(Duration::from_secs);
            assert_eq!(
                percentile(&seconds[..count], percent),
                found,
                "{count} {percent}"
            );
        }
    }
}
