//! Measures how long it takes to read a list of 25 pages, with and without reading ahead. The consumer is as slow as the network.

mod common;

use std::time::Duration;

use circleci_api::Client;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::Value;

const PAGES: usize = 25;
/// The time that the network needs for a page. The consumer needs the same time.
const PAGE: Duration = Duration::from_millis(20);

fn stream(criterion: &mut Criterion) {
    let page = serde_json::from_str::<Value>(&common::bodies::pipelines()).expect("a page");
    let server = common::server::start(PAGE, move |line| {
        let token = line
            .split_once("page-token=")
            .and_then(|(_, rest)| rest.split([' ', '&']).next());
        let next = 1 + token.map_or(0, |token| token.parse::<usize>().expect("a token of ours"));
        let mut page = page.clone();
        page["next_page_token"] = if next < PAGES {
            next.to_string().into()
        } else {
            Value::Null
        };
        common::server::respond(page.to_string())
    });
    let runtime = common::runtime();
    let client = Client::builder()
        .host(format!("http://{server}"))
        .token("t")
        .build()
        .expect("a client");

    let mut group = criterion.benchmark_group("stream/25 pages of 20 pipelines");
    group.sample_size(10);
    for (name, read_ahead) in [("one after the other", false), ("read ahead", true)] {
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(read(&client, read_ahead)))
        });
    }
    group.finish();
}

async fn read(client: &Client, read_ahead: bool) {
    let mut pages = client.list_pipelines().pages();
    if read_ahead {
        pages = pages.read_ahead();
    }
    let mut count = 0;
    while let Some(page) = pages.try_next().await.expect("a page") {
        count += page.items.len();
        tokio::time::sleep(PAGE).await;
    }
    assert_eq!(count, PAGES * 20);
}

criterion_group!(benches, stream);
criterion_main!(benches);
