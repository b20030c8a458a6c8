//! Compares calls with this crate and the same calls written by hand with reqwest and serde_json, against the same server.

mod common;

use std::hint::black_box;

use common::calls::{ByHand, Ours};
use criterion::{Criterion, criterion_group, criterion_main};

fn call(criterion: &mut Criterion) {
    let server = common::server::of_calls();
    let runtime = common::runtime();
    let ours = Ours::new(server);
    let by_hand = ByHand::new(server, false);

    let mut group = criterion.benchmark_group("call/a workflow");
    group.bench_function("by hand", |b| {
        b.iter(|| black_box(runtime.block_on(by_hand.workflow())))
    });
    group.bench_function("circleci-api", |b| {
        b.iter(|| black_box(runtime.block_on(ours.workflow())))
    });
    group.finish();

    let mut group = criterion.benchmark_group("call/a trigger");
    group.bench_function("by hand", |b| {
        b.iter(|| black_box(runtime.block_on(by_hand.trigger())))
    });
    group.bench_function("circleci-api", |b| {
        b.iter(|| black_box(runtime.block_on(ours.trigger())))
    });
    group.finish();

    let mut group = criterion.benchmark_group("call/20 pipelines");
    group.bench_function("by hand", |b| {
        b.iter(|| black_box(runtime.block_on(by_hand.pipelines())))
    });
    group.bench_function("circleci-api", |b| {
        b.iter(|| black_box(runtime.block_on(ours.pipelines())))
    });
    group.finish();
}

criterion_group!(benches, call);
criterion_main!(benches);
