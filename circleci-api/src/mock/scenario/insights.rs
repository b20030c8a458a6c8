//! Insights, which are computed from the workflows that ran.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::super::received::Received;
use super::reply::{list, list_in_order, ok};
use super::run::Run;
use super::world::{Handler, Outcome, World, date, optional_date};

/// How many credits one minute on the resource class `medium` costs.
const CREDITS: i64 = 10;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("getProjectWorkflowMetrics", |world, request| {
        grouped(world, request, true)
    }),
    ("getProjectWorkflowJobMetrics", |world, request| {
        grouped(world, request, false)
    }),
    ("getProjectWorkflowRuns", runs),
    ("getWorkflowSummary", summary),
    ("getAllInsightsBranches", branches),
    ("getFlakyTests", flaky),
    ("getProjectWorkflowTestMetrics", test_metrics),
    ("getJobTimeseries", time_series),
    ("getProjectWorkflowsPageData", project_page),
    ("getOrgSummaryData", organization_page),
];

impl Run {
    /// Returns the duration in seconds, or `None` if the run has not stopped.
    fn seconds(&self) -> Option<i64> {
        let stopped = self.stopped_at?;
        Some((stopped - self.created_at).num_seconds())
    }

    /// Returns the credits that the job used. Every started minute counts as a whole minute.
    pub(super) fn credits(&self) -> i64 {
        self.seconds()
            .map_or(0, |seconds| (seconds / 60 + 1) * CREDITS)
    }

    fn succeeded(&self) -> bool {
        self.status().as_str() == "success"
    }

    fn failed(&self) -> bool {
        matches!(self.status().as_str(), "failed" | "error")
    }
}

/// Returns the runs that have ended. They are filtered by the workflow that the request names, if any, and by the requested
/// branch or else the default branch. If `anywhere` is true or the request asks for all branches, they are not filtered by
/// branch.
fn ended<'a>(world: &'a World, request: &Received, anywhere: bool) -> Vec<&'a Run> {
    let everywhere = anywhere || request.query("all-branches") == Some("true");
    let branch = request.query("branch").unwrap_or(&world.branch);
    let workflow = request
        .path("workflow-name")
        .or(request.query("workflow-name"));
    let runs = world.runs().filter(|run| run.stopped_at.is_some());
    runs.filter(|run| everywhere || run.branch == branch)
        .filter(|run| workflow.is_none_or(|name| run.script.name == name))
        .collect()
}

fn rate(part: usize, all: usize) -> f64 {
    if all == 0 {
        0.0
    } else {
        part as f64 / all as f64
    }
}

/// Returns a JSON number. It is written as an integer if the value is whole.
fn number(value: f64) -> Value {
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => json!(value as i64),
        false => json!(value),
    }
}

/// Returns a percentile of sorted values. `share` is between 0 and 1: 0.95 is the 95th percentile.
fn percentile(sorted: &[i64], share: f64) -> Value {
    let last = sorted.len().saturating_sub(1) as f64;
    let found = sorted.get((last * share).ceil() as usize);
    found.map_or(Value::Null, |value| json!(value))
}

fn durations(runs: &[&Run]) -> Value {
    let mut sorted: Vec<i64> = runs.iter().filter_map(|run| run.seconds()).collect();
    sorted.sort_unstable();
    let count = sorted.len().max(1) as f64;
    let mean = sorted.iter().sum::<i64>() as f64 / count;
    let spread = sorted
        .iter()
        .map(|it| (*it as f64 - mean).powi(2))
        .sum::<f64>()
        / count;
    let known = |value: Value| {
        if sorted.is_empty() {
            Value::Null
        } else {
            value
        }
    };
    json!({
        "min": percentile(&sorted, 0.0),
        "mean": known(json!(mean.round() as i64)),
        "median": percentile(&sorted, 0.5),
        "p95": percentile(&sorted, 0.95),
        "max": percentile(&sorted, 1.0),
        "standard_deviation": known(number(spread.sqrt())),
    })
}

/// Returns the time range from the start of the first run to the end of the last one.
fn window(world: &World, runs: &[&Run]) -> (String, String) {
    let start = runs.iter().map(|run| run.created_at).min();
    let end = runs.iter().filter_map(|run| run.stopped_at).max();
    let now = world.last_time();
    (date(start.unwrap_or(now)), date(end.unwrap_or(now)))
}

/// Returns the fields that all kinds of metrics have.
fn figures(runs: &[&Run]) -> Map<String, Value> {
    let failed = runs.iter().filter(|run| run.failed()).count();
    let successful = runs.iter().filter(|run| run.succeeded()).count();
    let credits: i64 = runs.iter().map(|run| run.credits()).sum();
    let json = json!({
        "total_runs": runs.len(),
        "successful_runs": successful,
        "failed_runs": failed,
        "success_rate": number(rate(successful, successful + failed)),
        "total_credits_used": credits,
        "throughput": number(runs.len() as f64),
        "duration_metrics": durations(runs),
    });
    json.as_object().cloned().unwrap_or_default()
}

/// Returns the mean time from a failure to the next success, in seconds, and how many times a success followed a failure.
fn recovery(runs: &[&Run]) -> (i64, usize) {
    let mut broken = None;
    let mut times: Vec<i64> = Vec::new();
    for run in runs {
        match (broken, run.failed(), run.succeeded()) {
            (None, true, _) => broken = run.stopped_at,
            (Some(since), _, true) => {
                let stopped = run.stopped_at.unwrap_or(since);
                times.push((stopped - since).num_seconds());
                broken = None;
            }
            _ => {}
        }
    }
    let count = times.len();
    (times.iter().sum::<i64>() / count.max(1) as i64, count)
}

fn names(runs: &[&Run]) -> Vec<String> {
    let mut names: Vec<String> = runs.iter().map(|run| run.script.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn named<'a>(runs: &[&'a Run], name: &str) -> Vec<&'a Run> {
    let runs = runs.iter().copied();
    runs.filter(|run| run.script.name == name).collect()
}

/// Returns the metrics of each workflow if `workflows` is true, and of each job otherwise. In a scenario, every workflow has
/// exactly one job, and the job has the workflow's name.
fn grouped(world: &mut World, request: &Received, workflows: bool) -> Outcome {
    let runs = ended(world, request, false);
    let asked = request.query("job-name");
    let wanted = names(&runs).into_iter();
    let wanted = wanted.filter(|name| workflows || asked.is_none_or(|asked| name == asked));
    let items = wanted.map(|name| {
        let runs = named(&runs, &name);
        let mut metrics = figures(&runs);
        let (start, end) = window(world, &runs);
        let mut json = json!({ "name": name, "window_start": start, "window_end": end });
        if workflows {
            let (mttr, recoveries) = recovery(&runs);
            metrics.insert("mttr".to_owned(), json!(mttr));
            metrics.insert("total_recoveries".to_owned(), json!(recoveries));
            json["project_id"] = json!(world.project_id);
        }
        json["metrics"] = metrics.into();
        (name, json)
    });
    let items = items.collect();
    list(world, request, items, false)
}

fn runs(world: &mut World, request: &Received) -> Outcome {
    let runs = ended(world, request, false).into_iter();
    let items = runs.map(|run| {
        json!({
            "id": run.id,
            "branch": run.branch,
            "duration": run.seconds(),
            "created_at": date(run.created_at),
            "stopped_at": optional_date(run.stopped_at),
            "credits_used": run.credits(),
            "status": run.status(),
            "is_approval": run.approved_at.is_some(),
        })
    });
    let items = items.collect();
    list_in_order(world, request, items, true)
}

fn summary(world: &mut World, request: &Received) -> Outcome {
    let runs = ended(world, request, false);
    let (start, end) = window(world, &runs);
    let mut metrics = figures(&runs);
    metrics.insert("mttr".to_owned(), json!(recovery(&runs).0));
    metrics.insert("completed_runs".to_owned(), json!(runs.len()));
    metrics.insert("window_start".to_owned(), json!(start));
    metrics.insert("window_end".to_owned(), json!(end));
    let trends = json!({
        "total_runs": 1, "failed_runs": 1, "success_rate": 1, "p95_duration_secs": 1,
        "median_duration_secs": 1, "total_credits_used": 1, "mttr": 1, "throughput": 1,
    });
    let all = ended(world, &request.with_params(&Vec::new()), true);
    let json = json!({ "metrics": metrics, "trends": trends, "workflow_names": names(&all) });
    ok(json)
}

fn branches(world: &mut World, request: &Received) -> Outcome {
    let mut branches: Vec<&String> = ended(world, request, true)
        .iter()
        .map(|run| &run.branch)
        .collect();
    branches.sort();
    branches.dedup();
    ok(json!({ "org_id": world.org_id, "project_id": world.project_id, "branches": branches }))
}

/// Lists the tests that have both passed and failed.
fn flaky(world: &mut World, request: &Received) -> Outcome {
    let runs: Vec<&Run> = ended(world, request, true);
    let mut found: Vec<Value> = Vec::new();
    for run in &runs {
        for case in run
            .script
            .tests
            .iter()
            .filter(|case| case.result == "failure")
        {
            let others = runs.iter().flat_map(|run| &run.script.tests);
            let same = others.filter(|other| other.name == case.name);
            if !same.clone().any(|other| other.result == "success") {
                continue;
            }
            if found
                .iter()
                .any(|known| known["test_name"] == case.name.as_str())
            {
                continue;
            }
            let times = same.filter(|other| other.result == "failure").count();
            found.push(json!({
                "time_wasted": run.seconds(),
                "workflow_created_at": date(run.created_at),
                "workflow_id": run.id,
                "classname": "tests.test_all",
                "pipeline_number": run.pipeline_number,
                "workflow_name": run.script.name,
                "test_name": case.name,
                "job_name": run.script.name,
                "job_number": run.job_number,
                "times_flaked": times,
                "source": "unknown",
                "file": "tests/test_all.py",
            }));
        }
    }
    ok(json!({ "flaky_tests": found, "total_flaky_tests": found.len() }))
}

fn test_metrics(world: &mut World, request: &Received) -> Outcome {
    let runs = ended(world, request, false);
    let total: usize = runs.iter().map(|run| run.script.tests.len()).sum();
    let test_runs = runs.iter().map(|run| {
        let count = |word: &str| {
            run.script
                .tests
                .iter()
                .filter(|it| it.result == word)
                .count()
        };
        let (success, all) = (count("success"), run.script.tests.len());
        json!({
            "pipeline_number": run.pipeline_number,
            "workflow_id": run.id,
            "success_rate": number(rate(success, all)),
            "test_counts": {
                "error": count("error"), "failure": count("failure"), "skipped": count("skipped"),
                "success": success, "total": all,
            },
        })
    });
    let test_runs: Vec<Value> = test_runs.collect();
    let mut failures: Vec<Value> = Vec::new();
    for run in &runs {
        for case in run.script.tests.iter().filter(|it| it.result == "failure") {
            let all = runs
                .iter()
                .flat_map(|run| &run.script.tests)
                .filter(|it| it.name == case.name);
            if failures
                .iter()
                .any(|known| known["test_name"] == case.name.as_str())
            {
                continue;
            }
            failures.push(json!({
                "p95_duration": 0.25,
                "total_runs": all.clone().count(),
                "classname": "tests.test_all",
                "failed_runs": all.filter(|it| it.result == "failure").count(),
                "flaky": false,
                "source": "unknown",
                "file": "tests/test_all.py",
                "job_name": run.script.name,
                "test_name": case.name,
            }));
        }
    }
    let json = json!({
        "average_test_count": total / runs.len().max(1),
        "most_failed_tests": failures,
        "most_failed_tests_extra": 0,
        "slowest_tests": [],
        "slowest_tests_extra": 0,
        "total_test_runs": runs.len(),
        "test_runs": test_runs,
    });
    ok(json)
}

/// Returns the time series of all jobs in one list. The list has one item for each job and each hour in which the job started, or
/// each day if the request does not ask for hours.
fn time_series(world: &mut World, request: &Received) -> Outcome {
    let step = match request.query("granularity") {
        Some("hourly") => TimeDelta::hours(1),
        _ => TimeDelta::days(1),
    };
    let runs = ended(world, request, false);
    let slot = |run: &Run| run.created_at.timestamp() / step.num_seconds();
    let mut slots: Vec<(String, i64)> = runs
        .iter()
        .map(|run| (run.script.name.clone(), slot(run)))
        .collect();
    slots.sort();
    slots.dedup();
    let items = slots.into_iter().map(|(name, at)| {
        let mut runs = named(&runs, &name);
        runs.retain(|run| slot(run) == at);
        let mut metrics = figures(&runs);
        let mut lengths = durations(&runs);
        let total: i64 = runs.iter().filter_map(|run| run.seconds()).sum();
        if let Some(lengths) = lengths.as_object_mut() {
            lengths.remove("mean");
            lengths.remove("standard_deviation");
            lengths.insert("total".to_owned(), json!(total));
        }
        metrics.insert("duration_metrics".to_owned(), lengths);
        metrics.remove("success_rate");
        let credits = runs.iter().map(|run| run.credits()).max();
        metrics.insert(
            "median_credits_used".to_owned(),
            json!(credits.unwrap_or(0)),
        );
        let (start, end) = window(world, &runs);
        let timestamp = chrono::DateTime::from_timestamp(at * step.num_seconds(), 0);
        json!({
            "name": name, "min_started_at": start, "max_ended_at": end,
            "timestamp": optional_date(timestamp), "metrics": metrics,
        })
    });
    let items = items.collect();
    list_in_order(world, request, items, false)
}

/// Returns the metrics and the trends for a summary page. `keys` are the names of the metrics.
fn page_figures(runs: &[&Run], keys: &[&str]) -> (Value, Value) {
    let all = figures(runs);
    let seconds: i64 = runs.iter().filter_map(|run| run.seconds()).sum();
    let value = |key: &str| match key {
        "total_duration_secs" => json!(seconds),
        "p95_duration_secs" => all["duration_metrics"]["p95"].clone(),
        key => all[key].clone(),
    };
    let metrics: Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), value(key)))
        .collect();
    let trended = keys.iter().map(|key| ((*key).to_owned(), json!(1)));
    (metrics.into(), Value::Object(trended.collect()))
}

const TOTALS: [&str; 5] = [
    "total_runs",
    "total_duration_secs",
    "total_credits_used",
    "success_rate",
    "throughput",
];
const WORKFLOW: [&str; 4] = [
    "total_credits_used",
    "p95_duration_secs",
    "total_runs",
    "success_rate",
];

fn project_page(world: &mut World, request: &Received) -> Outcome {
    let runs = ended(world, request, true);
    let (metrics, trends) = page_figures(&runs, &TOTALS);
    let mut branches: Vec<&String> = runs.iter().map(|run| &run.branch).collect();
    branches.sort();
    branches.dedup();
    let workflows = names(&runs);
    let of_workflow = workflows.iter().map(|name| {
        let (metrics, trends) = page_figures(&named(&runs, name), &WORKFLOW);
        json!({ "workflow_name": name, "metrics": metrics, "trends": trends })
    });
    let of_workflow: Vec<Value> = of_workflow.collect();
    let mut of_branch: Vec<Value> = Vec::new();
    for name in &workflows {
        for branch in &branches {
            let mut runs = named(&runs, name);
            runs.retain(|run| run.branch == **branch);
            if !runs.is_empty() {
                let (metrics, trends) = page_figures(&runs, &WORKFLOW);
                of_branch.push(json!({ "workflow_name": name, "branch": branch, "metrics": metrics, "trends": trends }));
            }
        }
    }
    let json = json!({
        "org_id": world.org_id,
        "project_id": world.project_id,
        "project_data": { "metrics": metrics, "trends": trends },
        "project_workflow_data": of_workflow,
        "project_workflow_branch_data": of_branch,
        "all_branches": branches,
        "all_workflows": workflows,
    });
    ok(json)
}

fn organization_page(world: &mut World, request: &Received) -> Outcome {
    let runs = ended(world, request, true);
    let (metrics, trends) = page_figures(&runs, &TOTALS);
    let (of_project, its_trends) = page_figures(&runs, &TOTALS[..4]);
    let name = world.slug.project();
    let json = json!({
        "org_data": { "metrics": metrics, "trends": trends },
        "org_project_data": [{ "project_name": name, "metrics": of_project, "trends": its_trends }],
        "all_projects": [name],
    });
    ok(json)
}
