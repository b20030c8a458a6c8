//! Makes every call in every mode.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use circleci_api::{Client, Error};
use circleci_api_tests::calls::Answer;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::case::{Case, Given, is_overlaid};
use crate::judge::{self, Fault, Finding, Outcome};
use crate::relay::{Mode, Relay};
use crate::report::Report;
use crate::slugs::Templates;

/// The two servers of a run: one serves the vendored document, and one serves the document with the overlay applied.
#[derive(Clone, Copy)]
pub struct Servers {
    pub untouched: SocketAddr,
    pub overlaid: SocketAddr,
}

/// Makes every call once in every mode, with `workers` calls at the same time. `document` lists the operations that the calls
/// must cover.
pub async fn run(
    document: &Value,
    cases: Vec<Case>,
    servers: Servers,
    modes: &[Mode],
    workers: usize,
) -> Result<Report> {
    let mut report = Report::new(modes);
    account(document, &cases, &mut report);
    let cases = Arc::new(cases);
    let templates = Arc::new(Templates::of(document));

    let jobs: Arc<Vec<(Case, Mode)>> = Arc::new(
        modes
            .iter()
            .flat_map(|mode| cases.iter().map(|case| (*case, *mode)))
            .collect(),
    );
    let next = Arc::new(AtomicUsize::new(0));
    let mut running = JoinSet::new();
    for _ in 0..workers.max(1) {
        let (jobs, next) = (jobs.clone(), next.clone());
        let (untouched, overlaid) = (
            Line::to(servers.untouched, templates.clone()).await?,
            Line::to(servers.overlaid, templates.clone()).await?,
        );
        running.spawn(async move {
            let mut done = Vec::new();
            while let Some((case, mode)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let line = if is_overlaid(case.id) {
                    &overlaid
                } else {
                    &untouched
                };
                done.push((*case, *mode, line.call(case.call, *mode).await));
            }
            done
        });
    }
    while let Some(done) = running.join_next().await {
        for (case, mode, finding) in done.context("a worker failed")? {
            report.add(case, mode, finding);
        }
    }
    let untouched = Line::to(servers.untouched, templates).await?;
    prove_overlaid(&cases, &untouched, &mut report).await?;
    Ok(report)
}

/// Checks that every operation of the document has a call with `Given::Least` and one with `Given::Most`, and that every call has
/// an operation in the document.
fn account(document: &Value, cases: &[Case], report: &mut Report) {
    let mut given: BTreeMap<&str, BTreeSet<Given>> = BTreeMap::new();
    for case in cases {
        given.entry(case.id).or_default().insert(case.given);
    }
    for operation in xtask::document::operations(document) {
        let ways = given.remove(operation.id()).unwrap_or_default();
        if !(ways.contains(&Given::Least) && ways.contains(&Given::Most)) {
            report.amiss(format!(
                "no row calls {}: add one to tests/support/calls.rs",
                operation.id()
            ));
        }
        report.expect(operation.id());
    }
    for id in given.keys() {
        report.amiss(format!(
            "a row calls {id}, but the document has no such operation"
        ));
    }
}

/// Checks that every operation in `OVERLAID` still fails on the vendored document.
async fn prove_overlaid(cases: &[Case], line: &Line, report: &mut Report) -> Result<()> {
    for case in cases.iter().filter(|case| is_overlaid(case.id)) {
        let finding = line.call(case.call, Mode::Static).await;
        if finding.is_none_or(|finding| finding.fault != Fault::Request) {
            report.amiss(format!(
                "{} ({}) no longer fails without the overlay: remove it from `OVERLAID`",
                case.id, case.given
            ));
        }
    }
    Ok(())
}

/// A client and its relay.
pub struct Line {
    relay: Relay,
    client: Client,
}

impl Line {
    pub async fn to(server: SocketAddr, templates: Arc<Templates>) -> Result<Self> {
        let relay = Relay::to(server, templates).await?;
        let client = Client::builder()
            .host(relay.url())
            .token("CCIPAT_conformance")
            .no_retries()
            .build()?;
        Ok(Self { relay, client })
    }

    /// Makes one call. Returns why it failed, or `None` if it succeeded.
    pub async fn call(&self, call: fn(&Client) -> Answer, mode: Mode) -> Option<Finding> {
        self.relay.set(mode);
        self.relay.take();
        // The call runs in its own task, because it panics if a value does not survive a round trip.
        let answer: Answer = call(&self.client);
        let outcome = match tokio::spawn(answer).await {
            Ok(ended) => outcome(ended),
            Err(broken) => Outcome::Panicked(message(broken)),
        };
        judge::judge(&self.relay.take(), &outcome)
    }
}

fn outcome(ended: Result<Value, Error>) -> Outcome {
    match ended {
        Ok(_) => Outcome::Answered,
        Err(error) => Outcome::Failed(error),
    }
}

fn message(broken: tokio::task::JoinError) -> String {
    let Ok(panic) = broken.try_into_panic() else {
        return "the call was cancelled".to_owned();
    };
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the call panicked").to_owned()
}
