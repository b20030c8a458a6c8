//! Tests of downloading all artifacts of a pipeline.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use circleci_api::RetryPolicy;
use circleci_api::artifacts::TokenHosts;
use serde_json::{Value, json};

use crate::server::{Act, Seen, Server, answer};

const PIPELINE: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

fn id(number: u8) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn page(items: Value) -> Act {
    answer(
        200,
        json!({ "items": items, "next_page_token": null }).to_string(),
    )
    .into()
}

/// Answers the requests for a pipeline. Its workflow `build` ran twice, the second time with only the job `test`. The
/// requests for the jobs of the workflow `a/b` and for the artifacts of job 30 fail. The first run has two approvals, one of
/// them with a number.
fn api(storage: &str, request: &Seen) -> Act {
    let job = |number: u8, name: &str| json!({ "id": id(number), "name": name, "job_number": number, "project_slug": "gh/acme/web" });
    let target = request.target.as_str();
    if target.ends_with("/workflow") {
        let workflow = |number: u8, name: &str| json!({ "id": id(number), "name": name, "project_slug": "gh/acme/web" });
        return page(json!([
            workflow(1, "build"),
            workflow(2, "build"),
            workflow(3, "a/b"),
            workflow(4, "docs")
        ]));
    }
    if target.ends_with("/job") {
        return match target.rsplit('/').nth(1).unwrap() {
            at if at == id(1) => page(json!([
                job(10, "lint"),
                job(11, "test"),
                { "id": id(8), "name": "hold", "type": "approval" },
                { "id": id(9), "name": "confirm", "type": "approval", "job_number": 9 }
            ])),
            at if at == id(2) => page(json!([job(10, "lint"), job(20, "test")])),
            at if at == id(3) => answer(404, r#"{"message":"no"}"#).into(),
            _ => page(
                json!([job(30, "deploy/site"), { "id": id(40), "name": "pages", "job_number": 40 }]),
            ),
        };
    }
    let Some((before, _)) = target.split_once("/artifacts") else {
        return answer(404, "{}").into();
    };
    let number: u8 = before.rsplit('/').next().unwrap().parse().unwrap();
    let file = |name: &str, run: u8| json!({ "path": name, "node_index": run, "url": format!("{storage}/{number}/{run}/{name}") });
    match number {
        9 => answer(404, "{}").into(),
        30 => answer(403, "{}").into(),
        11 => page(json!([
            file("junit/a.xml", 0),
            file("junit/a.xml", 1),
            file("../evil", 0)
        ])),
        20 => page(json!([file("junit/a.xml", 0), file("gone", 0)])),
        _ => page(json!([file("log.txt", 0)])),
    }
}

fn tree(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, files);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}

#[tokio::test]
async fn each_job_has_a_folder_and_what_failed_is_listed() {
    let storage = Server::start_slow(|_, request| match request.target.ends_with("/gone") {
        true => answer(404, "gone").into(),
        false => answer(200, format!("content of {}", request.target)).into(),
    })
    .await;
    let url = storage.url();
    let server = Server::start_slow(move |_, request| api(&url, request)).await;
    let client = server
        .builder()
        .0
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let out = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let artifacts = client
        .download_pipeline_artifacts(PIPELINE)
        .token_hosts(TokenHosts::none())
        .at_once(3)
        .on_progress(move |all| {
            tell.lock()
                .unwrap()
                .push((all.finished, all.count, all.received, all.job.name.clone()))
        })
        .into_folder(out.path())
        .await
        .unwrap();

    let files = tree(out.path());
    let expected = [
        ("build/lint-10/log.txt", "/10/0/log.txt"),
        ("build/test-11/0/junit/a.xml", "/11/0/junit/a.xml"),
        ("build/test-11/1/junit/a.xml", "/11/1/junit/a.xml"),
        ("build/test-20/junit/a.xml", "/20/0/junit/a.xml"),
        ("docs/pages-40/log.txt", "/40/0/log.txt"),
    ]
    .map(|(path, of)| (path.to_owned(), format!("content of {of}")));
    assert_eq!(files, BTreeMap::from(expected));
    let written: Vec<_> = artifacts
        .files
        .iter()
        .map(|it| format!("{} {} {}", it.workflow, it.job.name, it.file.bytes))
        .collect();
    assert_eq!(
        written,
        [
            "build lint 24",
            "build test 28",
            "build test 28",
            "build test 28",
            "docs pages 24"
        ]
    );
    assert_eq!(artifacts.bytes(), 132);
    let failed: Vec<_> = artifacts
        .failed
        .iter()
        .map(|it| {
            it.to_string()
                .split(": ")
                .take(2)
                .collect::<Vec<_>>()
                .join(": ")
        })
        .collect();
    assert_eq!(
        failed,
        [
            "a/b: listWorkflowJobs",
            "docs / deploy/site (30): getJobArtifacts",
            "build / test (11): \"../evil\"",
            "build / test (20): \"gone\""
        ]
    );
    // Each progress report counts the files of all jobs together.
    let told = told.lock().unwrap();
    assert_eq!(told.last().map(|it| (it.0, it.1, it.2)), Some((5, 7, 132)));
    assert!(
        told.windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].2 <= pair[1].2),
        "{told:?}"
    );
    assert!(
        server.most() <= 3 && storage.most() <= 3,
        "{} {}",
        server.most(),
        storage.most()
    );
}

#[tokio::test]
async fn a_filter_knows_the_job() {
    let storage = Server::start(|_, _| answer(200, "x").into()).await;
    let url = storage.url();
    let server = Server::start(move |_, request| api(&url, request)).await;
    let out = tempfile::tempdir().unwrap();
    let artifacts = server
        .client()
        .download_pipeline_artifacts(PIPELINE)
        .filter(|job, artifact| {
            job.name == "test" && artifact.path.ends_with(".xml") && artifact.node_index == Some(0)
        })
        .into_folder(out.path())
        .await
        .unwrap();
    assert_eq!(artifacts.files.len(), 2);
    assert_eq!(
        tree(out.path()).into_keys().collect::<Vec<_>>(),
        ["build/test-11/junit/a.xml", "build/test-20/junit/a.xml"]
    );
}

#[tokio::test]
async fn a_429_is_waited_out_and_dropping_it_ends_all_of_it() {
    let storage = Server::start(|index, _| match index {
        0 => answer(429, "Rate limited.").header("retry-after", 2).into(),
        1 | 2 => answer(200, "x").into(),
        _ => Act::Stall,
    })
    .await;
    let url = storage.url();
    let server = Server::start(move |_, request| api(&url, request)).await;
    let out = tempfile::tempdir().unwrap();
    let client = server.client();
    let download = client
        .download_pipeline_artifacts(PIPELINE)
        .at_once(2)
        .into_folder(out.path());
    tokio::select! {
        _ = download => panic!("nobody answers"),
        () = async { while storage.count() < 5 { tokio::task::yield_now().await } } => {}
    }
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
    assert_eq!(storage.count(), 5);
    let files = tree(out.path());
    assert!(
        files.len() <= 2 && files.values().all(|content| content == "x"),
        "{files:?}"
    );

    let gone = Server::start(|_, _| answer(404, "{}").into()).await;
    let error = gone
        .client()
        .download_pipeline_artifacts(PIPELINE)
        .into_folder(out.path())
        .await
        .unwrap_err();
    assert!(error.is_not_found());
}
