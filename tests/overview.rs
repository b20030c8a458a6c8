//! Tests of pipeline overviews, of cancelling old pipelines, and of finding projects and contexts.

use circleci_api::overview::{CancelFilter, Cancellation, ProjectSource};
use circleci_api::{Client, RetryPolicy};
use serde_json::{Value, json};

use crate::server::{Act, Seen, Server, answer};

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Returns the number at the end of the id that the request target contains.
fn number(target: &str) -> usize {
    let at = target.find("-4000-8000-").unwrap() + "-4000-8000-".len();
    target[at..at + 12].parse().unwrap()
}

fn page(items: Vec<Value>, next: Option<String>) -> Act {
    answer(
        200,
        json!({ "items": items, "next_page_token": next }).to_string(),
    )
    .into()
}

fn pipeline(number: usize) -> Value {
    json!({ "id": id(number), "number": number, "project_slug": "gh/acme/web", "state": "created", "errors": [] })
}

/// Returns the answers for a project with the pipelines up to the number `newest`, in pages of 20. Each pipeline has 3
/// workflows, and each workflow has 4 jobs. The number in the id of a workflow or a job begins with the number of its
/// pipeline.
fn project(newest: usize) -> impl Fn(usize, &Seen) -> Act {
    move |_, request| match request.target.split('?').next().unwrap() {
        target if target.ends_with("/job") => {
            let workflow = number(target);
            let job = |at| json!({ "id": id(workflow * 10 + at), "name": format!("job {at}"), "job_number": workflow * 10 + at, "status": "success" });
            page((0..4).map(job).collect(), None)
        }
        target if target.contains("/pipeline/") && target.ends_with("/workflow") => {
            let pipeline = number(target);
            let workflow = |at| json!({ "id": id(pipeline * 10 + at), "name": format!("workflow {at}"), "status": "success", "stopped_at": "2026-03-01T10:00:00Z" });
            page((0..3).map(workflow).collect(), None)
        }
        target if target.contains("/project/") => {
            let before = request
                .query("page-token")
                .map_or(newest + 1, |token| token.parse().unwrap());
            let items: Vec<_> = (1..before).rev().take(20).collect();
            let next = items
                .last()
                .filter(|last| **last > 1)
                .map(ToString::to_string);
            page(items.into_iter().map(pipeline).collect(), next)
        }
        target => answer(200, pipeline(number(target)).to_string()).into(),
    }
}

#[tokio::test]
async fn a_project_is_a_tree_in_order() {
    for at_once in [1, 3, 8] {
        let server = Server::start_slow(project(1000)).await;
        let overviews = server
            .client()
            .project_overview("gh/acme/web", 10)
            .branch("main")
            .at_once(at_once);
        let overviews = overviews.send().await.unwrap();
        let numbers: Vec<_> = overviews.iter().map(|it| it.pipeline.number).collect();
        assert_eq!(numbers, (991..=1000).rev().collect::<Vec<_>>());
        for overview in &overviews {
            assert_eq!(overview.errors().count(), 0);
            let number = overview.pipeline.number;
            let jobs: Vec<_> = overview
                .jobs()
                .map(|(_, job)| job.job_number.unwrap())
                .collect();
            let expected: Vec<_> = (0..3)
                .flat_map(|w| (0..4).map(move |j| number * 100 + w * 10 + j))
                .collect();
            assert_eq!(jobs, expected);
        }
        assert_eq!(server.count(), 1 + 10 + 30);
        assert_eq!(server.most(), at_once, "never more at the same time");
        assert!(server.seen()[0].target.contains("branch=main"));
    }
}

#[tokio::test]
async fn one_pipeline_is_a_tree() {
    let server = Server::start_slow(project(7)).await;
    let overview = server
        .client()
        .pipeline_overview(id(7))
        .send()
        .await
        .unwrap();
    assert_eq!(overview.pipeline.number, 7);
    assert_eq!(overview.jobs().count(), 12);
    assert_eq!((server.count(), server.most()), (5, 3));
    let outcome = overview.outcome(&server.client()).unwrap();
    assert!(outcome.is_success());
    let text = overview.to_string();
    assert!(
        text.starts_with("#7 created\n  workflow 0 success\n    job 0 success\n"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_had_is_an_error_in_its_place() {
    let rest = project(3);
    let server = Server::start(move |index, request| match &request.target {
        target if target.ends_with("/workflow") && number(target) == 2 => {
            answer(403, r#"{"message":"no"}"#).into()
        }
        target if target.ends_with("/job") && number(target) == 31 => answer(404, "{}").into(),
        _ => rest(index, request),
    })
    .await;
    let overviews = server
        .client()
        .project_overview("gh/acme/web", 10)
        .send()
        .await
        .unwrap();
    assert_eq!(overviews.len(), 3);
    assert_eq!(overviews[0].errors().count(), 1);
    let workflows = overviews[0].workflows.as_ref().unwrap();
    assert!(workflows[0].jobs.is_ok() && workflows[2].jobs.is_ok());
    assert!(workflows[1].jobs.as_ref().unwrap_err().is_not_found());
    assert!(overviews[1].workflows.as_ref().unwrap_err().is_forbidden());
    assert!(overviews[1].outcome(&server.client()).is_none());
    assert_eq!(overviews[2].errors().count(), 0);

    let gone = Server::start(|_, _| answer(404, "{}").into()).await;
    assert!(
        gone.client()
            .project_overview("gh/acme/web", 3)
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert!(
        gone.client()
            .pipeline_overview(id(1))
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn a_429_in_the_middle_of_a_tree_is_waited_out() {
    let rest = project(5);
    let server = Server::start(move |index, request| match index {
        1 | 9 => answer(429, "Rate limited.").header("retry-after", 3).into(),
        _ => rest(index, request),
    })
    .await;
    let (builder, waits) = server.builder();
    let client = builder.build().unwrap();
    let overviews = client
        .project_overview("gh/acme/web", 5)
        .send()
        .await
        .unwrap();
    assert_eq!(overviews.iter().flat_map(|it| it.errors()).count(), 0);
    assert_eq!(server.count(), 1 + 5 + 15 + 2);
    assert_eq!(waits.all().len(), 2);
}

#[tokio::test]
async fn a_stream_of_a_thousand_reads_no_further_than_it_must() {
    let server = Server::start_quiet(project(5000)).await;
    let client = server.client();
    let mut overviews = client
        .project_overview("gh/acme/web", 1000)
        .at_once(4)
        .stream();
    assert_eq!(server.count(), 0);
    let mut seen = 0;
    let mut ahead = 0;
    while let Some(overview) = overviews.try_next().await.unwrap() {
        assert_eq!(overview.pipeline.number, 5000 - seen);
        seen += 1;
        // The test has needed four calls for each pipeline so far, and one for each page of 20 pipelines. The client made all
        // other calls ahead.
        let done = usize::try_from(seen).unwrap();
        ahead = ahead.max(server.count() - (4 * done + done / 20));
    }
    assert_eq!((seen, server.count()), (1000, 50 + 4000));
    assert!(
        ahead <= 4 * 16 + 2,
        "{ahead} calls ahead of what was asked for"
    );
}

#[tokio::test]
async fn dropping_a_tree_ends_its_calls() {
    let rest = project(20);
    let server = Server::start(
        move |index, request| match request.target.ends_with("/job") {
            true => Act::Stall,
            false => rest(index, request),
        },
    )
    .await;
    let client = server.client();
    let jobs = || {
        server
            .seen()
            .iter()
            .filter(|it| it.target.ends_with("/job"))
            .count()
    };
    tokio::select! {
        _ = client.project_overview("gh/acme/web", 20).at_once(3).send() => panic!("nobody answers"),
        () = async { while jobs() < 3 { tokio::task::yield_now().await } } => {}
    }
    let count = server.count();
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.count(), count);
}

#[tokio::test]
async fn a_page_that_fails_is_the_streams_last_item() {
    let rest = project(100);
    let server = Server::start(move |index, request| match request.query("page-token") {
        Some(_) => answer(400, r#"{"message":"invalid page token"}"#).into(),
        None => rest(index, request),
    })
    .await;
    let mut overviews = server
        .client()
        .project_overview("gh/acme/web", 100)
        .stream();
    let mut results = Vec::new();
    while let Some(result) = overviews.next().await {
        results.push(result.is_ok());
    }
    assert_eq!(results.len(), 21);
    assert!(results[..20].iter().all(|ok| *ok) && !results[20]);
}

/// Starts a server whose branch has the pipelines 1 to 5. `workflows` takes the number of a pipeline and returns its workflows.
/// `cancel` takes the number of a workflow and returns the answer to the request that cancels it.
async fn branch(workflows: fn(usize) -> Vec<Value>, cancel: fn(usize) -> Act) -> Server {
    Server::start_slow(
        move |_, request| match request.target.split('?').next().unwrap() {
            target if target.ends_with("/cancel") => cancel(number(target)),
            target if target.ends_with("/workflow") => match number(target) {
                3 => answer(500, "{}").into(),
                pipeline => page(workflows(pipeline), None),
            },
            target if target.contains("/project/") => {
                page((1..=5).rev().map(pipeline).collect(), None)
            }
            target => {
                let status = match number(target) % 10 {
                    2 => return answer(404, "{}").into(),
                    4 => "success",
                    _ => "running",
                };
                answer(
                    200,
                    json!({ "id": id(number(target)), "name": "w", "status": status }).to_string(),
                )
                .into()
            }
        },
    )
    .await
}

fn once(server: &Server) -> Client {
    server
        .builder()
        .0
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

#[tokio::test]
async fn older_pipelines_are_cancelled_and_each_workflow_has_its_result() {
    let server = branch(
        |pipeline| {
            let statuses = ["running", "success", "on_hold", "failing", "running", "running", "canceled", "running"];
            let workflow = |(at, status): (usize, &str)| json!({ "id": id(pipeline * 10 + at), "name": format!("w{at}"), "status": status });
            statuses.into_iter().enumerate().map(workflow).collect()
        },
        |workflow| match workflow % 10 {
            // Workflow 2 does not exist any more. Workflow 7 does, but the token may not cancel it.
            2 | 7 => answer(404, "{}").into(),
            // CircleCI refuses to cancel either workflow. Workflow 4 has already ended, but workflow 5 is still running.
            4 | 5 => answer(400, r#"{"message":"cannot be canceled"}"#).into(),
            _ => answer(202, r#"{"message":"Accepted."}"#).into(),
        },
    )
    .await;
    let filter = CancelFilter::branch("main").keep_newest(3);
    let canceled = once(&server)
        .cancel_pipelines("gh/acme/web", filter)
        .at_once(4)
        .send()
        .await
        .unwrap();
    let lines: Vec<_> = canceled.workflows.iter().map(ToString::to_string).collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.split(" (").next().unwrap())
        .collect();
    let of = |number| {
        [
            format!("#{number} w0: canceled"),
            format!("#{number} w2: no longer exists"),
            format!("#{number} w3: canceled"),
            format!("#{number} w4: already finished"),
            format!("#{number} w5: cancelWorkflow: 400 Bad Request: cannot be canceled"),
            format!("#{number} w7: cancelWorkflow: 404 Not Found"),
        ]
    };
    assert_eq!(lines, [of(2), of(1)].concat());
    assert!(canceled.failed.is_empty());
    assert_eq!(
        canceled.workflows[0].result.as_ref().ok(),
        Some(&Cancellation::Canceled)
    );
    assert!(canceled.into_result().is_err());
    assert_eq!(server.most(), 4);
    // Only workflows of older pipelines were cancelled.
    let seen = server.seen();
    let mut canceled = seen
        .iter()
        .filter(|it| it.target.ends_with("/cancel"))
        .map(|it| number(&it.target) / 10);
    assert!(canceled.all(|pipeline| pipeline < 3));
}

#[tokio::test]
async fn a_filter_says_which_pipelines_and_workflows() {
    let running = |pipeline: usize| {
        let workflow =
            |(at, name)| json!({ "id": id(pipeline * 10 + at), "name": name, "status": "running" });
        ["build", "deploy"]
            .into_iter()
            .enumerate()
            .map(workflow)
            .collect()
    };
    for (filter, expected) in [
        (
            CancelFilter::branch("main"),
            "4 build, 4 deploy, 2 build, 2 deploy, 1 build, 1 deploy",
        ),
        (
            CancelFilter::branch("main").before(4),
            "2 build, 2 deploy, 1 build, 1 deploy",
        ),
        (
            CancelFilter::branch("main").looking_back(2),
            "4 build, 4 deploy",
        ),
        (
            CancelFilter::branch("main")
                .keep_newest(0)
                .workflow("deploy"),
            "5 deploy, 4 deploy, 2 deploy, 1 deploy",
        ),
        (CancelFilter::branch("main").keep_newest(9), ""),
    ] {
        let server = branch(running, |_| answer(202, "{}").into()).await;
        let sees_3 = matches!(expected, "" | "4 build, 4 deploy");
        let canceled = once(&server)
            .cancel_pipelines("gh/acme/web", filter)
            .send()
            .await
            .unwrap();
        let names = canceled
            .workflows
            .iter()
            .map(|it| format!("{} {}", it.pipeline, it.workflow.name));
        assert_eq!(names.collect::<Vec<_>>().join(", "), expected);
        assert_eq!(canceled.failed.len(), usize::from(!sees_3), "{expected}");
        assert!(server.seen()[0].target.contains("branch=main"));
    }
}

const ORG: &str = "0f0f0f0f-0000-4000-8000-000000000001";

fn organization(request: &Seen, summary: Value, followed: Value) -> Act {
    let restriction = |kind: &str, project: &str, name: Option<&str>| json!({ "restriction_type": kind, "restriction_value": project, "name": name });
    match &*request.target {
        target if target.starts_with("/api/v1.1/projects") => {
            answer(200, followed.to_string()).into()
        }
        target if target.contains("/insights/") => answer(200, summary.to_string()).into(),
        target if target.contains("/restrictions") => match number(target) {
            1 => page(
                vec![
                    restriction("project", &id(501), Some("web")),
                    restriction("group", &id(9), None),
                ],
                None,
            ),
            _ => page(vec![restriction("project", &id(502), Some("infra"))], None),
        },
        target if target.contains("/context") => {
            let context = |at| json!({ "id": id(at), "name": format!("c{at}") });
            page(vec![context(1), context(2)], None)
        }
        _ => answer(404, "{}").into(),
    }
}

#[tokio::test]
async fn an_organizations_projects_come_from_all_that_is_known() {
    let server = Server::start_slow(|_, request| {
        if request.target.contains("/pipeline?") {
            assert!(request.target.contains("org-slug=gh%2Facme"), "{}", request.target);
            let of = |slug: &str| json!({ "id": id(1), "number": 1, "project_slug": slug });
            let next = request.query("page-token").is_none().then(|| "2".to_owned());
            return page(vec![of("gh/acme/web"), of("gh/acme/docs"), of("gh/acme/web")], next);
        }
        let summary = json!({ "all_projects": ["web", "quiet"], "org_project_data": [{ "project_name": "docs" }] });
        let followed = json!([
            { "vcs_type": "github", "username": "acme", "reponame": "web", "vcs_url": "https://github.com/acme/web" },
            { "vcs_type": "github", "username": "acme", "reponame": "old", "vcs_url": "https://github.com/acme/old" },
            { "vcs_type": "github", "username": "other", "reponame": "web" },
        ]);
        organization(request, summary, followed)
    })
    .await;
    let found = server
        .client()
        .organization_projects("github/acme")
        .at_once(4)
        .send()
        .await
        .unwrap();
    use ProjectSource::*;
    let projects: Vec<_> = found
        .projects
        .iter()
        .map(|it| {
            (
                it.slug.as_str(),
                it.id.map(|id| id.to_string()),
                it.sources.iter().copied().collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        projects,
        [
            ("gh/acme/docs", None, vec![Pipelines, Summary]),
            ("gh/acme/infra", Some(id(502)), vec![Restrictions]),
            ("gh/acme/old", None, vec![Followed]),
            ("gh/acme/quiet", None, vec![Summary]),
            (
                "gh/acme/web",
                Some(id(501)),
                vec![Pipelines, Summary, Restrictions, Followed]
            ),
        ]
    );
    assert!(
        found.unknown.is_empty() && found.failed.is_empty(),
        "{found:?}"
    );
    assert!(server.most() <= 4, "{}", server.most());
}

#[tokio::test]
async fn projects_of_an_organization_by_id_have_slugs_of_ids() {
    let by_id = |project: &str| format!("circleci/{ORG}/{project}");
    let server = Server::start(move |_, request| {
        if request.target.contains("/pipeline?") {
            let of = |project: &str| json!({ "id": id(1), "number": 1, "project_slug": by_id(project) });
            return page(vec![of(&id(501)), of(&id(503))], None);
        }
        if let Some((_, slug)) = request.target.split_once("/project/") {
            let name = if slug.contains(&id(503)) { "api" } else { "web" };
            return answer(200, json!({ "name": name, "slug": by_id(&id(503)), "id": id(503) }).to_string()).into();
        }
        let followed = json!([{ "vcs_type": "circleci", "username": "acme", "reponame": "x", "vcs_url": format!("//circleci.com/{ORG}/{}", id(504)) }]);
        organization(request, json!({ "all_projects": ["web", "api", "hidden"] }), followed)
    })
    .await;
    let found = server
        .client()
        .organization_projects(format!("circleci/{ORG}"))
        .send()
        .await
        .unwrap();
    let projects: Vec<_> = found
        .projects
        .iter()
        .map(|it| (it.slug.to_string(), it.name.as_deref()))
        .collect();
    assert_eq!(
        projects,
        [
            (by_id(&id(501)), Some("web")),
            (by_id(&id(502)), Some("infra")),
            (by_id(&id(503)), Some("api")),
            (by_id(&id(504)), Some("web")),
        ]
    );
    assert_eq!(found.unknown.len(), 1);
    assert!(
        found.unknown[0]
            .to_string()
            .starts_with("\"hidden\": CircleCI returns only the project's name")
    );
    assert!(found.projects[2].sources.contains(&ProjectSource::Summary));
}

/// A page of contexts and the name of a project cannot be read. What was read before is kept, and both errors are listed.
#[tokio::test]
async fn a_page_or_a_name_that_fails_costs_only_itself() {
    let server = Server::start(|_, request| match &*request.target {
        target if target.contains("/insights/") => answer(200, r#"{"all_projects":["web"]}"#).into(),
        target if target.contains("v1.1") => answer(200, "[]").into(),
        target if target.contains("/restrictions") => page(
            vec![json!({ "restriction_type": "project", "restriction_value": id(2), "project_id": id(2), "name": "api" })],
            None,
        ),
        target if target.contains("/context") => match request.query("page-token") {
            Some(_) => answer(403, "{}").into(),
            None => page(vec![json!({ "id": id(7), "name": "c" })], Some("2".into())),
        },
        target if target.contains("/pipeline") => page(
            vec![json!({ "id": id(1), "number": 1, "project_slug": format!("circleci/{ORG}/{}", id(3)) })],
            None,
        ),
        _ => answer(403, "{}").into(),
    })
    .await;
    let found = server
        .client()
        .organization_projects(format!("circleci/{ORG}"))
        .send()
        .await
        .unwrap();
    let failed: Vec<_> = found.failed.iter().map(|(source, _)| *source).collect();
    assert!(failed.contains(&ProjectSource::Restrictions), "{found:?}");
    assert!(failed.contains(&ProjectSource::Pipelines), "{found:?}");
    assert!(
        server
            .seen()
            .iter()
            .any(|it| it.target.contains("/restrictions"))
    );
}

#[tokio::test]
async fn a_source_that_fails_is_said_and_costs_only_itself() {
    let server = Server::start(|_, request| match &*request.target {
        target if target.contains("/insights/") => answer(403, "{}").into(),
        target if target.contains("v1.1") => answer(404, "{}").into(),
        target if target.contains("/context") => answer(401, "{}").into(),
        _ => page(
            vec![json!({ "id": id(1), "number": 1, "project_slug": "gh/acme/web" })],
            None,
        ),
    })
    .await;
    let found = server
        .client()
        .organization_projects("gh/acme")
        .send()
        .await
        .unwrap();
    assert_eq!(found.projects.len(), 1);
    let failed: Vec<_> = found.failed.iter().map(|(source, _)| *source).collect();
    assert_eq!(
        failed,
        [
            ProjectSource::Followed,
            ProjectSource::Restrictions,
            ProjectSource::Summary
        ]
    );

    let nothing = Server::start(|_, _| answer(401, "{}").into()).await;
    assert!(
        nothing
            .client()
            .organization_projects("gh/acme")
            .send()
            .await
            .unwrap_err()
            .is_unauthorized()
    );
    let error = nothing
        .client()
        .organization_projects("acme")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), circleci_api::ErrorKind::InvalidArgument);
    assert_eq!(
        nothing.count(),
        4,
        "nothing was sent for a slug that cannot be right"
    );
}

#[tokio::test]
async fn contexts_are_found_by_a_variable() {
    let server = Server::start_slow(|_, request| {
        let variable = |name: String| json!({ "variable": name });
        if !request.target.contains("/environment-variable") {
            let context = |at| json!({ "id": id(at), "name": format!("c{at}") });
            return page((0..30).map(context).collect(), None);
        }
        match (number(&request.target), request.query("page-token")) {
            (13, _) => answer(403, "{}").into(),
            (at, None) => page(
                (0..3).map(|v| variable(format!("V{at}_{v}"))).collect(),
                Some("2".into()),
            ),
            (at, Some(_)) if at % 5 == 0 => page(vec![variable("NPM_TOKEN".into())], None),
            _ => page(vec![variable("NPM_TOKEN_2".into())], None),
        }
    })
    .await;
    let found = server
        .client()
        .contexts_with_variable("gh/acme", "NPM_TOKEN")
        .at_once(4)
        .send()
        .await
        .unwrap();
    let names: Vec<_> = found.contexts.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["c0", "c5", "c10", "c15", "c20", "c25"]);
    assert_eq!(found.failed.len(), 1);
    assert_eq!(found.failed[0].0.name, "c13");
    assert!(found.into_result().unwrap_err().is_forbidden());
    assert_eq!((server.count(), server.most()), (1 + 30 + 29, 4));
    assert!(server.seen()[0].target.contains("owner-slug=gh%2Facme"));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_set_and_sets_nothing() {
    let server = Server::start(|_, request| {
        assert_eq!(request.method, "GET");
        let key = if request.target.contains("/context/") {
            "variable"
        } else {
            "name"
        };
        let variable = |name: &str| json!({ key: name, "value": "xxxx" });
        match request.query("page-token") {
            None => page(vec![variable("B"), variable("Z")], Some("2".into())),
            Some(_) => page(vec![variable("A"), variable("a")], None),
        }
    })
    .await;
    let client = server.client();
    let values = [("C", "1"), ("B", "2"), ("A", "3"), ("C", "4")];
    let context = client
        .set_context_variables(id(1), values)
        .dry_run()
        .await
        .unwrap();
    let project = client
        .set_project_variables("gh/acme/web", values)
        .dry_run()
        .await
        .unwrap();
    assert_eq!(context, project);
    assert_eq!(context.added, ["C"]);
    assert_eq!(context.replaced, ["B", "A"]);
    assert_eq!(context.left, ["Z", "a"]);
    assert_eq!(server.count(), 4);
}
