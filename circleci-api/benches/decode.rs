//! Compares decoding into our types with decoding into plain structs. The plain structs have the same fields and use serde's
//! derive.
//! Our types accept more JSON and keep unknown enum values. The plain structs have closed enums.

mod common;

use std::hint::black_box;

use circleci_api::types;
use common::{bodies, plain};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::DeserializeOwned;

fn decode(criterion: &mut Criterion) {
    both::<types::PipelineList, plain::PipelineList>(
        criterion,
        "decode/20 pipelines",
        &bodies::pipelines(),
    );
    both::<types::WorkflowJobList, plain::WorkflowJobList>(
        criterion,
        "decode/1,000 jobs",
        &bodies::jobs(1_000),
    );
}

fn both<Ours: DeserializeOwned, Plain: DeserializeOwned>(
    criterion: &mut Criterion,
    name: &str,
    body: &str,
) {
    let body = body.as_bytes();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("plain serde_json", |b| {
        b.iter(|| serde_json::from_slice::<Plain>(black_box(body)).unwrap())
    });
    group.bench_function("circleci-api", |b| {
        b.iter(|| serde_json::from_slice::<Ours>(black_box(body)).unwrap())
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
