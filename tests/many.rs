//! Tests of `Many`: the order, the concurrency limit, errors, cancellation, retries in the middle, and constant memory use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use circleci_api::{Error, Many};
use serde_json::json;
use tokio::sync::oneshot;

use crate::server::{Act, Server, answer};

fn project(slug: &str) -> Act {
    answer(200, json!({ "name": slug, "slug": slug }).to_string()).into()
}

fn slug(number: usize) -> String {
    format!("gh/acme/p{number:04}")
}

fn named(target: &str) -> String {
    let name = target.rsplit(['/', 'F']).next().unwrap();
    format!("gh/acme/{name}")
}

#[tokio::test]
async fn results_come_in_order_and_never_more_than_allowed_run() {
    for at_once in [1, 3, 8] {
        let server = Server::start_slow(|_, request| project(&named(&request.target))).await;
        let client = server.client();
        let calls = (0..20).map(|number| client.get_project_by_slug(slug(number)).send());
        let projects = Many::new(calls)
            .at_once(at_once)
            .try_into_vec()
            .await
            .unwrap();
        let slugs: Vec<_> = projects.into_iter().map(|project| project.slug).collect();
        assert_eq!(slugs, (0..20).map(slug).collect::<Vec<_>>());
        assert_eq!(server.most(), at_once);
        assert_eq!(server.count(), 20);
    }
}

#[tokio::test]
async fn the_first_error_ends_all_or_none() {
    let server = Server::start_slow(|_, request| match named(&request.target) {
        slug if slug == "gh/acme/p0002" => answer(404, "{}").into(),
        slug => project(&slug),
    })
    .await;
    let client = server.client();
    let calls = || (0..100).map(|number| client.get_project_by_slug(slug(number)).send());
    let error = Many::new(calls())
        .at_once(4)
        .try_into_vec()
        .await
        .unwrap_err();
    assert!(error.is_not_found());
    assert!(server.count() < 20, "{}", server.count());

    let all = Many::new(calls()).into_vec().await;
    assert_eq!(all.len(), 100);
    let failed: Vec<_> = (0..100).filter(|place| all[*place].is_err()).collect();
    assert_eq!(failed, [2]);
}

#[tokio::test]
async fn a_slow_one_holds_back_a_bounded_number_of_results() {
    let (release, slow) = oneshot::channel::<()>();
    let (made, mut slow) = (Arc::new(AtomicUsize::new(0)), Some(slow));
    let counted = Arc::clone(&made);
    let futures = (0..1000).map(move |number| {
        counted.fetch_add(1, Ordering::SeqCst);
        let slow = slow.take();
        async move {
            if let Some(slow) = slow {
                slow.await.unwrap();
            }
            number
        }
    });
    let mut many = Many::new(futures).at_once(5);
    tokio::select! {
        biased;
        _ = many.next() => panic!("the first one is not there"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(made.load(Ordering::SeqCst), 10);
    release.send(()).unwrap();
    let mut next = 0;
    while let Some(number) = many.next().await {
        assert_eq!(number, next);
        next += 1;
    }
    assert_eq!(next, 1000);
}

#[tokio::test]
async fn unordered_they_come_as_they_are_ready() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
    let futures = receivers
        .into_iter()
        .map(|told| async { told.await.unwrap() });
    let mut many = Many::new(futures).unordered();
    let mut senders: Vec<_> = senders.into_iter().map(Some).collect();
    for place in [2, 0, 1] {
        senders[place].take().unwrap().send(place).unwrap();
        assert_eq!(many.next().await, Some(place));
    }
    assert_eq!(many.next().await, None);
    assert_eq!(many.next().await, None);
}

/// `Many` polls a future again only after the future was woken, no matter how many futures there are.
#[tokio::test]
async fn what_was_not_woken_is_left_alone() {
    let polls = Arc::new(AtomicUsize::new(0));
    let futures = (0..100).map(|number| {
        let polls = Arc::clone(&polls);
        let mut left = 10;
        std::future::poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            if number > 0 {
                return std::task::Poll::Pending;
            }
            left -= 1;
            cx.waker().wake_by_ref();
            match left {
                0 => std::task::Poll::Ready(()),
                _ => std::task::Poll::Pending,
            }
        })
    });
    let mut many = Many::new(futures.collect::<Vec<_>>())
        .at_once(100)
        .unordered();
    assert_eq!(many.next().await, Some(()));
    assert_eq!(polls.load(Ordering::SeqCst), 99 + 10);
}

#[tokio::test]
async fn dropping_it_ends_its_calls() {
    let server = Server::start(|_, _| Act::Stall).await;
    let client = server.client();
    let calls = (0..9).map(|number| client.get_project_by_slug(slug(number)).send());
    let all = Many::new(calls).at_once(3).into_vec();
    tokio::select! {
        _ = all => panic!("nobody answers"),
        () = async { while server.count() < 3 { tokio::task::yield_now().await } } => {}
    }
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_429_in_the_middle_is_waited_out() {
    let server = Server::start(|index, request| match index {
        3 => answer(429, "Rate limited.").header("retry-after", 7).into(),
        _ => project(&named(&request.target)),
    })
    .await;
    let (builder, waits) = server.builder();
    let client = builder.build().unwrap();
    let calls = (0..10).map(|number| client.get_project_by_slug(slug(number)).send());
    let projects = Many::new(calls).at_once(2).try_into_vec().await.unwrap();
    let slugs: Vec<_> = projects.into_iter().map(|project| project.slug).collect();
    assert_eq!(slugs, (0..10).map(slug).collect::<Vec<_>>());
    assert_eq!(server.count(), 11);
    assert_eq!(waits.all()[0].as_secs(), 7);
}

#[tokio::test]
async fn the_items_of_a_list_are_read_as_they_are_needed() {
    let page = |items: Vec<usize>, next: Option<usize>| {
        let items: Vec<_> = items
            .into_iter()
            .map(|it| json!({ "id": format!("00000000-0000-4000-8000-{it:012}"), "number": it }))
            .collect();
        let token = next.map(|next| next.to_string());
        answer(
            200,
            json!({ "items": items, "next_page_token": token }).to_string(),
        )
    };
    // The server has 50 pages of 20 pipelines. No pipeline has a workflow.
    let server = Server::start_quiet(move |_, request| {
        if request.target.contains("/workflow") {
            return page(Vec::new(), None).into();
        }
        let at = request
            .query("page-token")
            .map_or(0, |token| token.parse().unwrap());
        page(
            (at * 20..at * 20 + 20).collect(),
            (at < 49).then_some(at + 1),
        )
        .into()
    })
    .await;
    let client = server.client();
    let pipelines = client.list_pipelines_for_project("gh/acme/web").items();
    let mut workflows = Many::of(pipelines, |pipeline| async {
        let pipeline = pipeline?;
        let list = client.list_workflows_by_pipeline_id(pipeline.id).items();
        Ok::<_, Error>((pipeline.number, list.into_vec().await?.len()))
    })
    .at_once(4);
    assert_eq!(server.count(), 0, "nothing is sent before it is polled");
    assert_eq!(workflows.try_next().await.unwrap(), Some((0, 0)));
    assert!(server.count() <= 1 + 8, "{}", server.count());
    let mut number = 1;
    while let Some((next, _)) = workflows.try_next().await.unwrap() {
        assert_eq!(next, number);
        number += 1;
    }
    assert_eq!((number, server.count()), (1000, 1050));
}
