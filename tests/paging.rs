//! Tests that the client reads a list up to its end, and sends no request after the end.

use std::pin::pin;

use crate::server::{Act, Seen, Server, answer};
use circleci_api::{ErrorKind, Paged, Request, Tolerant, serde_json, types};
use futures_util::{StreamExt, TryStreamExt};

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

/// Returns a page of pipelines with these numbers, as the API sends it.
fn page(numbers: impl IntoIterator<Item = u64>, token: Option<&str>) -> Act {
    let items: Vec<String> = numbers.into_iter().map(item).collect();
    let token = serde_json::to_string(&token).unwrap();
    answer(
        200,
        format!(
            r#"{{"items":[{}],"next_page_token":{token}}}"#,
            items.join(",")
        ),
    )
    .into()
}

fn item(number: u64) -> String {
    format!(
        r#"{{"id":"00000000-0000-4000-8000-{number:012}","number":{number},"errors":[],"project_slug":"gh/acme/web",
            "state":"created","trigger":{{"type":"api"}},"created_at":"2026-03-01T12:00:00Z"}}"#
    )
}

fn tokens(server: &Server) -> Vec<Option<String>> {
    let seen = server.seen();
    seen.iter()
        .map(|seen| seen.query("page-token").map(str::to_owned))
        .collect()
}

/// Returns the answer to a request for a page of a list. The list has three pages, and the second page is empty.
fn three(_: usize, seen: &Seen) -> Act {
    match seen.query("page-token") {
        None => page(0..3, Some("a")),
        Some("a") => page([], Some("b")),
        Some("b") => page(3..5, None),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn items_of_all_pages_come_in_order_with_the_filters_on_each() {
    let server = Server::start(three).await;
    let mut items = server
        .client()
        .list_pipelines()
        .org_slug("gh/acme")
        .mine(true)
        .items();
    tokio::task::yield_now().await;
    assert_eq!(server.count(), 0, "nothing is sent before it is polled");
    let mut numbers = vec![];
    while let Some(pipeline) = items.try_next().await.unwrap() {
        numbers.push(pipeline.number);
    }
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    assert!(items.is_finished());
    assert!(
        items.try_next().await.unwrap().is_none(),
        "it stays finished"
    );
    assert_eq!(tokens(&server), [None, Some("a".into()), Some("b".into())]);
    for seen in server.seen() {
        assert_eq!(seen.query("org-slug"), Some("gh%2Facme"));
        assert_eq!(seen.query("mine"), Some("true"));
    }
}

#[tokio::test]
async fn streams_work_with_the_futures_crate_and_on_other_tasks() {
    let server = Server::start(three).await;
    let client = server.client();
    let numbers: Vec<_> = tokio::spawn(
        client
            .list_pipelines()
            .items()
            .map_ok(|pipeline| pipeline.number)
            .try_collect::<Vec<_>>(),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    let sizes: Vec<_> = client
        .list_pipelines()
        .pages()
        .map(|page| page.unwrap().items.len())
        .collect()
        .await;
    assert_eq!(sizes, [3, 0, 2]);
    // Code that is generic over operations can use the trait `Paged`.
    async fn count<O: Paged>(request: Request<O>) -> usize {
        pin!(request.items()).count().await
    }
    assert_eq!(count(client.list_pipelines()).await, 5);
}

#[tokio::test]
async fn null_absent_and_empty_tokens_end_a_list() {
    for end in [r#","next_page_token":null"#, "", r#","next_page_token":"""#] {
        let body = format!(r#"{{"items":[{}]{end}}}"#, item(1));
        let server = Server::script([answer(200, body).into()]).await;
        let all: Vec<_> = server
            .client()
            .list_pipelines()
            .items()
            .try_collect()
            .await
            .unwrap();
        assert_eq!((all.len(), server.count()), (1, 1), "{end}");
    }
}

#[tokio::test]
async fn a_repeated_token_is_an_error_after_what_was_good() {
    // Each row has three columns: the tokens in the pages, the token of the first request, and the number of items before the
    // error.
    let table: [(&[&str], Option<&str>, usize); 4] = [
        (&["a", "a"], None, 2),
        (&["a", "b", "a"], None, 3),
        (&["a", "b", "c", "b"], None, 4),
        (&["start"], Some("start"), 1),
    ];
    for (script, start, items) in table {
        let server = Server::start(move |index, _| page([1], script.get(index).copied())).await;
        let mut call = server.client().list_pipelines();
        if let Some(token) = start {
            call = call.page_token(token);
        }
        let mut stream = call.items();
        for _ in 0..items {
            stream.try_next().await.unwrap().unwrap();
        }
        let error = stream.try_next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RepeatedPage);
        assert_eq!(error.operation(), Some("listPipelines"));
        assert!(stream.is_finished());
        assert!(stream.try_next().await.unwrap().is_none());
        assert_eq!(server.count(), items, "{script:?}");
    }
}

#[tokio::test]
async fn an_error_ends_a_stream_and_says_where_to_resume() {
    let server = Server::start(|index, seen| match (index, seen.query("page-token")) {
        (1, _) => answer(404, r#"{"message":"gone"}"#).into(),
        (_, None) => page(0..3, Some("a")),
        (_, Some("a")) => page(3..5, None),
        other => panic!("{other:?}"),
    })
    .await;
    let client = server.client();
    let mut items = client.list_pipelines().items();
    for _ in 0..3 {
        items.try_next().await.unwrap().unwrap();
    }
    let error = items.try_next().await.unwrap_err();
    assert!(error.is_not_found());
    assert!(items.try_next().await.unwrap().is_none());
    let continuation = items.continuation().unwrap().to_owned();
    assert_eq!(continuation, "a");
    let rest: Vec<_> = client
        .list_pipelines()
        .items()
        .resume_from(continuation)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rest.len(), 2);
}

#[tokio::test]
async fn a_continuation_goes_before_a_page_token_and_an_empty_one_is_none() {
    for (continuation, expected) in [
        ("b", "?page-token=b"),
        ("a", "?page-token=a"),
        ("", "?page-token=a"),
    ] {
        let server = Server::start(|_, _| page([1], None)).await;
        let list = server.client().list_pipelines().page_token("a");
        let rest = list.items().resume_from(continuation).into_vec().await;
        assert_eq!(rest.unwrap().len(), 1);
        let target = server.seen().remove(0).target;
        assert_eq!(target, format!("/api/v2/pipeline{expected}"));
    }
    let server = Server::start(|_, _| page([1], None)).await;
    let pages = server.client().list_pipelines().pages().resume_from("");
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    assert_eq!(
        (pages.len(), server.seen()[0].target.as_str()),
        (1, "/api/v2/pipeline")
    );
}

#[tokio::test]
async fn a_continuation_never_skips_an_item() {
    for ahead in [false, true] {
        let server = Server::start(three).await;
        let client = server.client();
        for stop in 0..=5 {
            let mut items = client.list_pipelines().items();
            if ahead {
                items = items.read_ahead();
            }
            let mut numbers = std::collections::BTreeSet::new();
            for _ in 0..stop {
                numbers.insert(items.try_next().await.unwrap().unwrap().number);
            }
            let expected = match stop {
                0..=2 => None,
                3 => Some("a"),
                4 => Some("b"),
                _ => None,
            };
            assert_eq!(items.continuation(), expected, "after {stop}");
            if items.is_finished() {
                continue;
            }
            let mut resumed = client.list_pipelines().items();
            if let Some(token) = items.continuation() {
                resumed = resumed.resume_from(token);
            }
            while let Some(pipeline) = resumed.try_next().await.unwrap() {
                numbers.insert(pipeline.number);
            }
            assert_eq!(numbers.len(), 5, "after {stop}");
        }
        let mut pages = client.list_pipelines().pages();
        let mut seen = vec![];
        loop {
            seen.push(pages.continuation().map(str::to_owned));
            if pages.try_next().await.unwrap().is_none() {
                break;
            }
        }
        assert_eq!(
            seen,
            [None, Some("a".to_owned()), Some("b".to_owned()), None]
        );
    }
}

#[tokio::test]
async fn dropping_a_stream_stops_it() {
    let server = Server::start(|index, _| page([1], Some(&format!("t{index}")))).await;
    let client = server.client();
    let some: Vec<_> = client
        .list_pipelines()
        .items()
        .take(3)
        .try_collect()
        .await
        .unwrap();
    assert_eq!((some.len(), server.count()), (3, 3));
    assert_eq!(pages_after_a_round_trip(&server).await, 3);
}

/// Returns the number of pages that were requested. First makes another call, so that all pending requests reach the server.
async fn pages_after_a_round_trip(server: &Server) -> usize {
    let _whatever = server.client().get_current_user().send().await;
    let is_page = |seen: &&Seen| seen.target.starts_with("/api/v2/pipeline");
    server.seen().iter().filter(is_page).count()
}

#[tokio::test]
async fn an_operation_that_declares_no_token_is_followed_too() {
    let job = |name: &str| {
        format!(
            r#"{{"id":"{ID}","name":"{name}","status":"success","type":"build","project_slug":"gh/a/b","dependencies":[]}}"#
        )
    };
    let server = Server::start(move |_, seen| {
        assert_eq!(
            seen.target.split('?').next(),
            Some(format!("/api/v2/workflow/{ID}/job").as_str())
        );
        let (name, token) = match seen.query("page-token") {
            None => ("a", r#""x y""#),
            Some("x%20y") => ("b", "null"),
            other => panic!("{other:?}"),
        };
        answer(
            200,
            format!(r#"{{"items":[{}],"next_page_token":{token}}}"#, job(name)),
        )
        .into()
    })
    .await;
    let jobs: Vec<_> = server
        .client()
        .list_workflow_jobs(ID)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!((jobs.len(), server.count()), (2, 2));
}

#[tokio::test]
async fn an_offset_counts_what_was_received_and_ends_on_an_empty_page() {
    let server = Server::start(|_, seen| {
        let offset: usize = seen
            .query("offset")
            .map_or(0, |offset| offset.parse().unwrap());
        let left = 45_usize.saturating_sub(offset).min(20);
        answer(200, format!("[{}]", vec!["{}"; left].join(","))).into()
    })
    .await;
    let client = server.client();
    let all: Vec<_> = client
        .get_decision_logs("owner", "config")
        .branch("main")
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all.len(), 45);
    let offsets: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.query("offset").map(str::to_owned))
        .collect();
    assert_eq!(
        offsets,
        [
            None,
            Some("20".into()),
            Some("40".into()),
            Some("45".into())
        ]
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.query("branch") == Some("main"))
    );
    // A caller can start a list at an offset, or resume a list.
    let mut items = client
        .get_decision_logs("owner", "config")
        .offset(30)
        .items();
    items.try_next().await.unwrap().unwrap();
    assert_eq!(items.continuation(), Some("30"));
    let rest: Vec<_> = client
        .get_decision_logs("owner", "config")
        .items()
        .resume_from("40")
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rest.len(), 5);
}

#[tokio::test]
async fn each_page_is_tried_again_on_its_own() {
    let server = Server::start(|index, seen| match index {
        0 | 2 => answer(503, "").into(),
        _ => three(index, seen),
    })
    .await;
    let all: Vec<_> = server
        .client()
        .list_pipelines()
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!((all.len(), server.count()), (5, 5));
}

#[tokio::test]
async fn a_bad_item_does_not_cost_the_others() {
    let bad = r#"{"id":"not-a-uuid","number":7}"#;
    let body = move |token: &str| {
        format!(
            r#"{{"items":[{},{bad},{}],"next_page_token":{token}}}"#,
            item(1),
            item(2)
        )
    };
    let server = Server::start(move |_, seen| match seen.query("page-token") {
        None => answer(200, body(r#""a""#)).into(),
        Some(_) => page(3..5, None),
    })
    .await;
    let client = server.client();
    let mut items = client.list_pipelines().tolerant_items();
    let (mut numbers, mut errors) = (vec![], vec![]);
    while let Some(item) = items.try_next().await.unwrap() {
        match item {
            Ok(pipeline) => numbers.push(pipeline.number),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(numbers, [1, 2, 3, 4]);
    let [error] = &errors[..] else {
        panic!("{errors:?}")
    };
    assert_eq!(
        (error.index(), error.json(), error.path()),
        (1, bad, Some("id"))
    );
    assert!(
        error
            .to_string()
            .starts_with("items[1].id: UUID parsing failed"),
        "{error}"
    );
    assert_eq!(server.count(), 2);

    // `send_as` can read one page of any list as a tolerant page.
    let page: Tolerant<types::PipelineList> = client.list_pipelines().send_as().await.unwrap();
    assert_eq!(
        (page.items.len(), page.next_page_token.as_deref()),
        (3, Some("a"))
    );
    // Without tolerance, the call returns an error for the whole page. The error has the path of the invalid field.
    let error = client.list_pipelines().send().await.unwrap_err();
    assert_eq!(error.path(), Some("items[1].id"));
}

#[tokio::test]
async fn tolerance_does_not_make_a_list_of_what_is_none() {
    for (body, expected) in [
        (r#"{"items":[]}"#, Some(0)),
        (r#"{"items":null}"#, Some(0)),
        (r#"[{"id":1},3]"#, Some(2)),
        ("{}", None),
        ("3", None),
        (r#"{"items":{}}"#, None),
        ("", None),
    ] {
        let server = Server::script([answer(200, body).into()]).await;
        let result = server
            .client()
            .list_pipelines()
            .send_as::<Tolerant<types::PipelineList>>()
            .await;
        assert_eq!(result.ok().map(|page| page.items.len()), expected, "{body}");
    }
}

#[tokio::test]
async fn reading_ahead_is_one_page_ahead_and_stops_with_the_stream() {
    let server = Server::start(|index, _| page([1], Some(&format!("t{index}")))).await;
    let mut pages = server.client().list_pipelines().pages().read_ahead();
    assert_eq!(server.count(), 0);
    for read in 1..4 {
        pages.try_next().await.unwrap().unwrap();
        // Even if the stream is not polled, it requests the next page, but no page after that.
        while pages_after_a_round_trip(&server).await <= read {}
        assert_eq!(pages_after_a_round_trip(&server).await, read + 1);
    }
    drop(pages);
    assert_eq!(pages_after_a_round_trip(&server).await, 4);
}
