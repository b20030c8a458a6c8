//! Tests of the Insights helpers: the figures that they return, and the requests that they send.
#![allow(clippy::duplicate_mod, reason = "two examples share a server")]

use std::time::Duration;

use circleci_api::ErrorKind;
use circleci_api::chrono::{DateTime, Utc};
use circleci_api::types::ReportingWindow;
use serde_json::{Value, json};

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/deploy_dashboard.rs"]
mod deploy_dashboard;
#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/flaky_tests.rs"]
mod flaky_tests;
use crate::server::{Act, Server, answer};

fn page(items: Value, next: Option<&str>) -> Act {
    answer(
        200,
        json!({ "items": items, "next_page_token": next }).to_string(),
    )
    .into()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_figures_of_all_workflows() {
    let server = Server::script([
        page(
            json!([{
                "name": "build", "project_id": null, "window_start": null, "window_end": null,
                "metrics": {
                    "total_runs": 400, "successful_runs": 380, "failed_runs": 20, "success_rate": 0.95,
                    "throughput": 13.3, "mttr": 5400, "total_credits_used": 48_000, "total_recoveries": null,
                    "duration_metrics": { "min": 61, "mean": 290, "median": 284, "p95": 431, "max": 1204 },
                },
            }]),
            Some("two"),
        ),
        page(
            json!([
                { "name": "never", "metrics": { "total_runs": 0, "success_rate": 0.0, "total_credits_used": 0 } },
                { "name": "unknown", "metrics": null },
            ]),
            None,
        ),
    ])
    .await;
    let figures = server
        .client()
        .insights("gh/acme/web")
        .workflows()
        .await
        .unwrap();

    let requests = server.seen();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert!(
            request
                .target
                .starts_with("/api/v2/insights/gh/acme/web/workflows?"),
            "{request:?}"
        );
        assert_eq!(request.query("all-branches"), Some("true"));
        assert_eq!(request.query("branch"), None);
        assert_eq!(request.query("reporting-window"), Some("last-30-days"));
    }
    assert_eq!(requests[1].query("page-token"), Some("two"));

    let [build, never, unknown] = &figures[..] else {
        panic!("{figures:?}")
    };
    assert_eq!(
        (build.runs, build.success_rate, build.credits),
        (Some(400), Some(0.95), Some(48_000))
    );
    assert_eq!(build.p95, Some(Duration::from_secs(431)));
    assert_eq!(build.median, Some(Duration::from_secs(284)));
    assert_eq!(build.recovery, Some(Duration::from_secs(5400)));
    assert_eq!(build.credits_per_run(), Some(120.0));
    // If there were no runs, there is no success rate, although CircleCI sends the rate 0.
    assert_eq!(
        (never.runs, never.success_rate, never.credits_per_run()),
        (Some(0), None, None)
    );
    assert_eq!((unknown.runs, unknown.p95), (None, None));
}

#[tokio::test]
async fn one_branch_and_another_window() {
    let server = Server::script([page(json!([]), None)]).await;
    let insights = server
        .client()
        .insights("gh/acme/web")
        .branch("fix/it")
        .window(ReportingWindow::Last7Days);
    assert!(insights.workflows().await.unwrap().is_empty());
    let request = &server.seen()[0];
    assert_eq!(request.query("branch"), Some("fix%2Fit"));
    assert_eq!(request.query("all-branches"), None);
    assert_eq!(request.query("reporting-window"), Some("last-7-days"));
}

fn run(created: &str, status: &str, duration: Value, credits: Value) -> Value {
    json!({
        "id": "90000000-4d2a-4f00-9e11-000000000001", "branch": null, "created_at": created, "stopped_at": null,
        "status": status, "duration": duration, "credits_used": credits, "is_approval": null,
    })
}

#[tokio::test]
async fn a_trend_is_two_windows_of_runs() {
    // The time by the test clock is Sunday, 1 March 2026, 12:00 UTC.
    let server = Server::script([
        page(
            json!([
                run("2026-03-01T11:59:59Z", "success", json!(100), json!(10)),
                run("2026-02-22T12:00:00Z", "success", json!(120), json!(20)),
                run("2026-02-28T12:00:00Z", "error", json!(140), json!(0)),
                run("2026-02-28T12:00:00Z", "success", json!(110), json!(null)),
                // The numbers of runs and of credits include these two runs. No other figure counts them.
                run("2026-02-27T12:00:00Z", "canceled", json!(9999), json!(5)),
                run("2026-02-27T12:00:00Z", "imploded", json!(9999), json!(5)),
            ]),
            Some("older"),
        ),
        page(
            json!([
                run("2026-02-22T11:59:59.999Z", "success", json!(70), json!(30)),
                run("2026-02-15T12:00:00.000Z", "failed", json!(null), json!(10)),
                // These two runs are outside of both windows, so no figure counts them.
                run("2026-02-15T11:59:59Z", "success", json!(1), json!(1000)),
                run("2026-03-01T12:00:00Z", "success", json!(1), json!(1000)),
            ]),
            None,
        ),
    ])
    .await;
    let insights = server
        .client()
        .insights("gh/acme/web")
        .window(ReportingWindow::Last7Days);
    let trend = insights.trend("build & test").await.unwrap();

    let requests = server.seen();
    assert_eq!(requests.len(), 2);
    let path = "/api/v2/insights/gh/acme/web/workflows/build%20%26%20test?";
    assert!(
        requests[0].target.starts_with(path),
        "{}",
        requests[0].target
    );
    assert_eq!(
        requests[0].query("start-date"),
        Some("2026-02-15T12%3A00%3A00Z")
    );
    assert_eq!(
        requests[0].query("end-date"),
        Some("2026-03-01T12%3A00%3A00Z")
    );
    assert_eq!(requests[0].query("all-branches"), Some("true"));
    assert_eq!(requests[1].query("page-token"), Some("older"));

    let (before, now) = (&trend.before, &trend.now);
    assert_eq!(
        (before.from, before.to),
        (at("2026-02-15T12:00:00Z"), at("2026-02-22T12:00:00Z"))
    );
    assert_eq!((now.from, now.to), (before.to, at("2026-03-01T12:00:00Z")));
    assert_eq!(
        (before.runs, before.succeeded, before.failed, before.credits),
        (2, 1, 1, 40)
    );
    assert_eq!(
        (now.runs, now.succeeded, now.failed, now.credits),
        (6, 3, 1, 40)
    );
    assert_eq!(now.success_rate(), Some(0.75));
    assert_eq!(
        (now.median, now.p95),
        (
            Some(Duration::from_secs(110)),
            Some(Duration::from_secs(140))
        )
    );
    assert_eq!(before.p95, Some(Duration::from_secs(70)));
    assert_eq!(trend.success_rate(), Some(0.25));
    assert_eq!(trend.p95(), Some(1.0));
    assert_eq!(trend.credits(), Some(0.0));
    assert_eq!(trend.runs(), Some(2.0));
    assert!(
        trend
            .median()
            .is_some_and(|change| (change - 40.0 / 70.0).abs() < 1e-9)
    );
}

#[tokio::test]
async fn no_trend_grows_from_nothing() {
    let server = Server::script([page(
        json!([run("2026-03-01T11:00:00Z", "success", json!(9), json!(9))]),
        None,
    )])
    .await;
    let trend = server
        .client()
        .insights("gh/acme/web")
        .trend("build")
        .await
        .unwrap();
    assert_eq!(trend.now.runs, 1);
    assert_eq!(trend.now.success_rate(), Some(1.0));
    assert_eq!(
        (
            trend.success_rate(),
            trend.p95(),
            trend.median(),
            trend.credits(),
            trend.runs()
        ),
        (None, None, None, None, None)
    );
}

#[tokio::test]
async fn a_window_without_a_time_before_it_is_refused() {
    let server = Server::script([]).await;
    for (window, said) in [
        (
            ReportingWindow::Last60Days,
            "no trend for last-60-days: CircleCI keeps runs for only 90 days",
        ),
        (
            ReportingWindow::Last90Days,
            "no trend for last-90-days: CircleCI keeps runs for only 90 days",
        ),
        (
            "last-blue-moon".into(),
            "the length of the window \"last-blue-moon\" is unknown",
        ),
    ] {
        let insights = server.client().insights("gh/acme/web").window(window);
        let error = insights.trend("build").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::InvalidArgument, Some(said))
        );
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn day_by_day() {
    let server = Server::script([page(
        json!([
            run("2026-03-01T00:00:00Z", "success", json!(10), json!(1)),
            run("2026-02-28T23:59:59.999Z", "failed", json!(20), json!(2)),
            run("2026-02-22T12:00:00Z", "success", json!(30), json!(4)),
        ]),
        None,
    )])
    .await;
    let insights = server
        .client()
        .insights("gh/acme/web")
        .window(ReportingWindow::Last7Days)
        .branch("main");
    let days = insights.daily("build").await.unwrap();
    assert_eq!(server.count(), 1);
    assert_eq!(server.seen()[0].query("branch"), Some("main"));
    let from: Vec<_> = days
        .iter()
        .map(|day| day.from.to_rfc3339()[5..16].to_owned())
        .collect();
    assert_eq!(
        from,
        [
            "02-22T12:00",
            "02-23T00:00",
            "02-24T00:00",
            "02-25T00:00",
            "02-26T00:00",
            "02-27T00:00",
            "02-28T00:00",
            "03-01T00:00"
        ]
    );
    assert!(days.windows(2).all(|two| two[0].to == two[1].from));
    assert_eq!(days[7].to, at("2026-03-01T12:00:00Z"));
    let credits: Vec<_> = days.iter().map(|day| day.credits).collect();
    assert_eq!(credits, [4, 0, 0, 0, 0, 0, 2, 1]);
    assert_eq!(
        (days[1].runs, days[1].success_rate(), days[1].p95),
        (0, None, None)
    );
    assert_eq!(days[6].success_rate(), Some(0.0));
}

#[tokio::test]
async fn the_flakiest_tests_first_and_each_once() {
    let test = |name: &str, job: &str, flaked: Value, wasted: Value, pipeline: u32| {
        json!({
            "test_name": name, "classname": null, "file": null, "source": null, "job_name": job,
            "workflow_name": "build", "times_flaked": flaked, "time_wasted": wasted, "pipeline_number": pipeline,
        })
    };
    let server = Server::script([answer(
        200,
        json!({
            "flaky_tests": [
                test("b", "unit", json!(2), json!(10), 1),
                test("a", "unit", json!(2), json!(10), 2),
                test("slow", "unit", json!(2), json!(900), 3),
                test("often", "unit", json!(3), json!(1), 4),
                test("often", "unit", json!(9), json!(5), 5),
                test("often", "unit", json!(4), json!(7), 6),
                test("often", "e2e", json!(1), json!(7), 7),
                test("silent", "unit", json!(null), json!(null), 8),
            ],
            "total_flaky_tests": 5,
        })
        .to_string(),
    )
    .into()])
    .await;
    let tests = server
        .client()
        .insights("gh/acme/web")
        .flakiest_tests()
        .await
        .unwrap();
    assert_eq!(server.count(), 1);
    let ranked: Vec<_> = tests
        .iter()
        .map(|test| {
            (
                test.test_name.as_deref().unwrap(),
                test.pipeline_number.unwrap(),
            )
        })
        .collect();
    assert_eq!(
        ranked,
        [
            ("often", 5),
            ("slow", 3),
            ("a", 2),
            ("b", 1),
            ("often", 7),
            ("silent", 8)
        ]
    );
}

#[tokio::test]
async fn the_flaky_tests_are_a_table() {
    let mut out = Vec::new();
    flaky_tests::small(&mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "gh/acme/web: 4 flaky tests in two weeks",
            "",
            "#  flaked  job        test                              where",
            "1     11x  test 1811  checkout::adds_tax_at_midnight    tests/checkout.rs",
            "2      4x  e2e 1802   uploads a large file              e2e/upload.spec.ts",
            "3      4x  test 1797  socket::reconnects_after_timeout  tests/socket.rs",
            "4      2x  test 1790  cache::evicts_the_oldest          tests/cache.rs",
        ]
    );
}

#[tokio::test]
async fn the_dashboard_has_three_charts_for_each_workflow_and_takes_no_markup() {
    let server = Server::start(|_, request| {
        let is_run_list = request.target.contains("/workflows/");
        match is_run_list {
            true => page(
                json!([run("2026-02-28T11:00:00Z", "success", json!(90), json!(7))]),
                None,
            ),
            false => page(
                json!([{ "name": "<script>&" }, { "name": "deploy", "metrics": null }]),
                None,
            ),
        }
    })
    .await;
    let project = "gh/acme/<web>".parse().unwrap();
    let html = deploy_dashboard::page(&server.client(), &project)
        .await
        .unwrap();
    // The client sends one request for the list of workflows. For each workflow, it sends one for the month and one for the
    // two weeks.
    assert_eq!(server.count(), 5);
    assert_eq!(html.matches("<svg aria-label=").count(), 6);
    assert_eq!(html.matches("</svg>").count(), 6);
    // The first chart shows numbers of runs, because a percentage would drop to zero on a day whose only run failed.
    for label in ["Runs a day", "Minutes a run", "Credits a day"] {
        assert_eq!(html.matches(label).count(), 2, "{label}");
    }
    assert_eq!(html.matches("Day (UTC)").count(), 6);
    // The charts use only colors that the page defines, because the page has a light and a dark theme.
    assert!(
        !html.contains("#010101") && !html.contains("fill=\"#"),
        "a chart uses a color that the page does not define"
    );
    assert!(
        html.contains("<h1>gh/acme/&lt;web&gt;</h1>")
            && html.contains("<h2>&lt;script&gt;&amp;</h2>")
    );
    assert!(!html.contains("<script"));
}
