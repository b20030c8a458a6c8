//! Tests of every helper that makes many calls: the order, the concurrency limit, cancellation, a 429 in the middle, and a single
//! failed call.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use circleci_api::overview::CancelFilter;
use circleci_api::wait::Outcome;
use circleci_api::{Client, Clock};
use serde_json::{Value, json};

use crate::server::{Act, Seen, Server, TOKEN, answer};

/// The number of calls that each helper can run at the same time: one call for each workflow, job, context, variable, file or
/// part, depending on the helper.
const ALL: usize = 12;
/// The number of the call that fails or gets a 429.
const ODD: usize = 5;

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn page(items: impl Iterator<Item = Value>) -> Act {
    let items: Vec<_> = items.collect();
    answer(
        200,
        json!({ "items": items, "next_page_token": null }).to_string(),
    )
    .into()
}

fn one(body: Value) -> Act {
    answer(200, body.to_string()).into()
}

/// Returns the number in an id, modulo 100.
fn of_id(target: &str) -> Option<usize> {
    let digits = target.split("-4000-8000-").nth(1)?.get(..12)?;
    digits.parse::<usize>().ok().map(|number| number % 100)
}

/// Returns the number that follows `before` in the request target.
fn after(target: &str, before: &str) -> Option<usize> {
    let rest = target.split_once(before)?.1;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Returns the answer to a request. Pipeline 1 has twelve workflows. The pipelines of `gh/acme/web` (numbered from 20)
/// and of `gh/acme/api` (numbered from 40) have one workflow each. Each workflow has one job, but workflow 800 has twelve
/// jobs. Each job has one file and one failed test, but job 800 has twelve files.
fn world(base: &str, request: &Seen) -> Act {
    let target = request.target.split('?').next().unwrap();
    let all = 0..ALL;
    let workflow = |at: usize, status: &str| json!({ "id": id(at), "name": format!("w{at}"), "status": status, "project_slug": "gh/acme/web", "stopped_at": null });
    let job = |at: usize| json!({ "id": id(600 + at), "name": format!("j{at}"), "job_number": at, "status": "failed", "project_slug": "gh/acme/web" });
    let pipeline = |at: usize| json!({ "id": id(at), "number": at, "project_slug": "gh/acme/web", "state": "created", "errors": [] });
    let exact = |number: usize| target.contains(&id(number));
    let last = target.rsplit('/').next().unwrap();
    match last {
        "artifacts" if target.contains("/800/") => page(all.map(|at| json!({ "path": format!("f{at:02}"), "node_index": 0, "url": format!("{base}/file/{at}") }))),
        "artifacts" => {
            let at = after(target, "/web/").unwrap();
            page([json!({ "path": "f", "node_index": 0, "url": format!("{base}/file/{at}") })].into_iter())
        }
        "tests" => page([json!({ "name": format!("t{}", after(target, "/web/").unwrap()), "result": "failure" })].into_iter()),
        "job" if exact(800) => page(all.map(job)),
        "job" => page([job(of_id(target).unwrap())].into_iter()),
        "workflow" if exact(1) => page(all.map(|at| workflow(100 + at, "failed"))),
        "workflow" => match of_id(target).unwrap() {
            at @ 40.. => page([workflow(200 + at - 40, "running")].into_iter()),
            at => page([workflow(100 + at - 20, "failed")].into_iter()),
        },
        "cancel" => answer(202, "{}").into(),
        "pipeline" if target.contains("/web/") => page(all.map(|at| pipeline(20 + at))),
        "pipeline" if target.contains("/api/") && target.contains("/project/") => page(all.map(|at| pipeline(40 + at))),
        "pipeline" | "projects" => match last {
            "projects" => one(json!([])),
            _ => page([].into_iter()),
        },
        "summary" => one(json!({ "all_projects": [], "org_project_data": [] })),
        "restrictions" => {
            let name = format!("p{:02}", of_id(target).unwrap());
            page([json!({ "restriction_type": "project", "restriction_value": id(700), "name": name })].into_iter())
        }
        "context" => page(all.map(|at| json!({ "id": id(300 + at), "name": at.to_string() }))),
        "environment-variable" => page([json!({ "variable": "TOKEN" })].into_iter()),
        "envvar" => one(json!({ "name": "V", "value": "xxxx" })),
        "usage_export_job" => one(json!({ "usage_export_job_id": id(1), "state": "created" })),
        _ if target.contains("/usage_export_job/") => {
            let urls: Vec<_> = all.map(|at| format!("{base}/part/{at}")).collect();
            one(json!({ "usage_export_job_id": id(1), "state": "completed", "download_urls": urls }))
        }
        part if target.starts_with("/part/") => answer(200, format!("c\n{part}\n")).into(),
        file if target.starts_with("/file/") => answer(200, file.to_owned()).into(),
        _ if target.contains("/environment-variable/") => one(json!({ "variable": "V" })),
        _ => one(pipeline(of_id(target).unwrap())),
    }
}

/// The numbers of the calls that succeeded, and of the calls whose failure the helper reports.
#[derive(Debug, PartialEq)]
struct Found {
    good: Vec<usize>,
    failed: Vec<usize>,
}

fn digits(text: &str) -> usize {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<usize>().unwrap() % 100
}

type Run = Pin<Box<dyn Future<Output = Found> + Send>>;

struct Case {
    name: &'static str,
    /// Returns the number of a request. Returns `None` if the request cannot run at the same time as others.
    of: fn(&Seen) -> Option<usize>,
    run: fn(Client, usize, PathBuf) -> Run,
    /// The concurrency limit of a helper whose callers cannot set the limit.
    fixed: Option<usize>,
    /// True if the first error ends the helper, as it does for a helper whose output is one stream.
    ends: bool,
}

const fn case(
    name: &'static str,
    of: fn(&Seen) -> Option<usize>,
    run: fn(Client, usize, PathBuf) -> Run,
) -> Case {
    Case {
        name,
        of,
        run,
        fixed: None,
        ends: false,
    }
}

fn ends(seen: &Seen, word: &str) -> Option<usize> {
    let target = seen.target.split('?').next().unwrap();
    target.ends_with(word).then(|| of_id(target)).flatten()
}

const CASES: [Case; 12] = [
    Case {
        fixed: Some(8),
        ..case(
            "pipeline_outcome",
            |seen| ends(seen, "/job"),
            |client, _, _| Box::pin(outcome(client)),
        )
    },
    case(
        "pipeline_overview",
        |seen| ends(seen, "/job"),
        |client, n, _| Box::pin(pipeline_overview(client, n)),
    ),
    case(
        "project_overview",
        |seen| ends(seen, "/job"),
        |client, n, _| Box::pin(project_overview(client, n)),
    ),
    case(
        "download_pipeline_artifacts",
        |seen| after(&seen.target, "/file/"),
        |client, n, out| Box::pin(pipeline_artifacts(client, n, out)),
    ),
    case(
        "download_artifacts",
        |seen| after(&seen.target, "/file/"),
        |client, n, out| Box::pin(artifacts(client, n, out)),
    ),
    case(
        "failed_tests",
        |seen| {
            seen.target
                .ends_with("/tests")
                .then(|| after(&seen.target, "/web/"))
                .flatten()
        },
        |client, n, _| Box::pin(failed_tests(client, n)),
    ),
    case(
        "organization_projects",
        |seen| ends(seen, "/restrictions"),
        |client, n, _| Box::pin(projects(client, n)),
    ),
    case(
        "contexts_with_variable",
        |seen| ends(seen, "/environment-variable"),
        |client, n, _| Box::pin(contexts(client, n)),
    ),
    case(
        "set_context_variables",
        |seen| after(&seen.target, "/environment-variable/V"),
        |client, n, _| Box::pin(context_variables(client, n)),
    ),
    case(
        "set_project_variables",
        |seen| after(&String::from_utf8_lossy(&seen.body), "\"V"),
        |client, n, _| Box::pin(project_variables(client, n)),
    ),
    case(
        "cancel_pipelines",
        |seen| ends(seen, "/cancel"),
        |client, n, _| Box::pin(cancel(client, n)),
    ),
    Case {
        fixed: Some(8),
        ends: true,
        ..case(
            "usage_export",
            |seen| after(&seen.target, "/part/"),
            |client, _, _| Box::pin(export(client)),
        )
    },
];

async fn outcome(client: Client) -> Found {
    let outcome: Outcome = client.pipeline_outcome(id(1)).await.unwrap();
    let by = |with_job: bool| {
        let failures = outcome.failures.iter();
        let failures = failures.filter(|failure| failure.job.is_some() == with_job);
        failures.map(|failure| digits(&failure.workflow)).collect()
    };
    Found {
        good: by(true),
        failed: by(false),
    }
}

async fn pipeline_overview(client: Client, at_once: usize) -> Found {
    let overview = client.pipeline_overview(id(1)).at_once(at_once);
    let workflows = overview.send().await.unwrap().workflows.unwrap();
    let by = |good: bool| {
        let workflows = workflows.iter().filter(|it| it.jobs.is_ok() == good);
        workflows.map(|it| digits(&it.workflow.name)).collect()
    };
    Found {
        good: by(true),
        failed: by(false),
    }
}

async fn project_overview(client: Client, at_once: usize) -> Found {
    let overview = client.project_overview("gh/acme/web", ALL).at_once(at_once);
    let overviews = overview.send().await.unwrap();
    let by = |good: bool| {
        let overviews = overviews.iter();
        let overviews = overviews.filter(|it| it.errors().next().is_none() == good);
        overviews
            .map(|it| it.pipeline.number as usize - 20)
            .collect()
    };
    Found {
        good: by(true),
        failed: by(false),
    }
}

async fn pipeline_artifacts(client: Client, at_once: usize, out: PathBuf) -> Found {
    let download = client.download_pipeline_artifacts(id(1)).at_once(at_once);
    let done = download.into_folder(out).await.unwrap();
    Found {
        good: done.files.iter().map(|it| digits(&it.workflow)).collect(),
        failed: done.failed.iter().map(|it| digits(&it.workflow)).collect(),
    }
}

async fn artifacts(client: Client, at_once: usize, out: PathBuf) -> Found {
    let download = client
        .download_artifacts("gh/acme/web", 800)
        .at_once(at_once);
    let done = download.into_folder(&out).await.unwrap();
    let name = |file: &PathBuf| digits(file.file_name().unwrap().to_str().unwrap());
    Found {
        good: done.files().map(|it| name(&it.path)).collect(),
        failed: done.failed().map(|it| digits(&it.artifact.path)).collect(),
    }
}

async fn failed_tests(client: Client, at_once: usize) -> Found {
    let found = client
        .failed_tests(id(800))
        .at_once(at_once)
        .send()
        .await
        .unwrap();
    Found {
        good: found.iter().map(|it| digits(&it.test.name)).collect(),
        failed: found
            .unread()
            .iter()
            .map(|it| digits(&it.job.name))
            .collect(),
    }
}

async fn projects(client: Client, at_once: usize) -> Found {
    let found = client
        .organization_projects("gh/acme")
        .at_once(at_once)
        .send()
        .await
        .unwrap();
    Found {
        good: found
            .projects
            .iter()
            .map(|it| digits(it.slug.as_str()))
            .collect(),
        // A failure contains the name of a source, but not the number of the call.
        failed: found.failed.iter().map(|_| ODD).collect(),
    }
}

async fn contexts(client: Client, at_once: usize) -> Found {
    let search = client
        .contexts_with_variable("gh/acme", "TOKEN")
        .at_once(at_once);
    let found = search.send().await.unwrap();
    Found {
        good: found.contexts.iter().map(|it| digits(&it.name)).collect(),
        failed: found
            .failed
            .iter()
            .map(|(it, _)| digits(&it.name))
            .collect(),
    }
}

fn variables() -> impl Iterator<Item = (String, &'static str)> {
    (0..ALL).map(|at| (format!("V{at}"), "x"))
}

async fn context_variables(client: Client, at_once: usize) -> Found {
    let done = client
        .set_context_variables(id(300), variables())
        .at_once(at_once)
        .send()
        .await;
    Found {
        good: done.set().map(digits).collect(),
        failed: done.failed().map(|(name, _)| digits(name)).collect(),
    }
}

async fn project_variables(client: Client, at_once: usize) -> Found {
    let done = client
        .set_project_variables("gh/acme/web", variables())
        .at_once(at_once)
        .send()
        .await;
    Found {
        good: done.set().map(digits).collect(),
        failed: done.failed().map(|(name, _)| digits(name)).collect(),
    }
}

async fn cancel(client: Client, at_once: usize) -> Found {
    let filter = CancelFilter::branch("main").keep_newest(0);
    let canceled = client
        .cancel_pipelines("gh/acme/api", filter)
        .at_once(at_once)
        .send()
        .await
        .unwrap();
    let by = |good: bool| {
        let workflows = canceled
            .workflows
            .iter()
            .filter(|it| it.result.is_ok() == good);
        workflows.map(|it| digits(&it.workflow.name)).collect()
    };
    Found {
        good: by(true),
        failed: by(false),
    }
}

async fn export(client: Client) -> Found {
    let mut rows = client
        .resume_usage_export(id(9), [id(1).parse().unwrap()])
        .rows()
        .unwrap();
    let mut good = Vec::new();
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => good.push(row.get("c").unwrap().parse().unwrap()),
            Ok(None) => {
                break Found {
                    good,
                    failed: Vec::new(),
                };
            }
            Err(_) => {
                break Found {
                    failed: vec![good.len()],
                    good,
                };
            }
        }
    }
}

impl Case {
    fn bound(&self, wanted: usize) -> usize {
        self.fixed.unwrap_or(wanted)
    }

    /// Starts a server. For each request that can run at the same time as others, `odd` may return an answer that replaces
    /// the usual answer.
    async fn server(&self, odd: impl Fn(usize) -> Option<Act> + Send + Sync + 'static) -> Server {
        let base = Arc::new(OnceLock::<String>::new());
        let (known, of) = (Arc::clone(&base), self.of);
        let server = Server::start_slow(move |_, request| {
            let other = of(request).and_then(&odd);
            other.unwrap_or_else(|| world(known.get().unwrap(), request))
        })
        .await;
        base.set(server.url()).unwrap();
        server
    }

    async fn run(&self, client: Client, at_once: usize) -> Found {
        let out = tempfile::tempdir().unwrap();
        (self.run)(client, at_once, out.path().to_owned()).await
    }
}

fn all() -> Found {
    Found {
        good: (0..ALL).collect(),
        failed: Vec::new(),
    }
}

#[tokio::test]
async fn results_are_in_order_and_never_more_calls_run_than_allowed() {
    for case in CASES {
        for at_once in [1, 3] {
            let server = case.server(|_| None).await;
            let found = case.run(server.client(), at_once).await;
            assert_eq!(found, all(), "{}", case.name);
            assert_eq!(server.most(), case.bound(at_once), "{}", case.name);
        }
    }
}

#[tokio::test]
async fn a_429_in_the_middle_costs_one_call_and_nothing_else() {
    for case in CASES {
        let server = case.server(|_| None).await;
        case.run(server.client(), 3).await;
        let calls = server.count();

        let refused = AtomicBool::new(false);
        let server = case
            .server(move |at| {
                let first = at == ODD && !refused.swap(true, Ordering::SeqCst);
                first.then(|| answer(429, "Rate limited.").header("retry-after", 7).into())
            })
            .await;
        let (builder, waits) = server.builder();
        let found = case.run(builder.build().unwrap(), 3).await;
        assert_eq!(found, all(), "{}", case.name);
        assert_eq!(server.count(), calls + 1, "{}", case.name);
        let waits = waits.all();
        assert!(
            waits.iter().any(|wait| wait.as_secs() == 7),
            "{}: {waits:?}",
            case.name
        );
    }
}

#[tokio::test]
async fn a_call_that_fails_is_told_in_its_place() {
    for case in CASES {
        let server = case
            .server(|at| (at == ODD).then(|| answer(403, "{}").into()))
            .await;
        let found = case.run(server.client(), 3).await;
        let good = 0..if case.ends { ODD } else { ALL };
        let expected = Found {
            good: good.filter(|at| *at != ODD).collect(),
            failed: vec![ODD],
        };
        assert_eq!(found, expected, "{}", case.name);
    }
}

/// A value that every client holds. The test counts these values, and so the clients that still exist.
struct Held(#[allow(dead_code, reason = "it is only counted")] Arc<()>);

impl Clock for Held {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::task::yield_now())
    }
}

#[tokio::test]
async fn dropping_it_ends_its_calls_and_leaves_nothing_running() {
    for case in CASES {
        let begun = Arc::new(Mutex::new(0));
        let count = Arc::clone(&begun);
        let server = case
            .server(move |_| {
                *count.lock().unwrap() += 1;
                Some(Act::Stall)
            })
            .await;
        let held = Arc::new(());
        let client = Client::builder()
            .host(server.url())
            .token(TOKEN)
            .clock(Held(Arc::clone(&held)));
        let run = case.run(client.build().unwrap(), 3);
        tokio::select! {
            found = run => panic!("{}: nobody answers, and it found {found:?}", case.name),
            () = async { while *begun.lock().unwrap() < case.bound(3) { tokio::task::yield_now().await } } => {}
        }
        let calls = server.count();
        for _ in 0..600 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.count(), calls, "{}", case.name);
        assert_eq!(
            Arc::strong_count(&held),
            1,
            "{}: a client is left",
            case.name
        );
    }
}
