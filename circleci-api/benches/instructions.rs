//! Counts the instructions per call and per decoded body with valgrind's callgrind. Unlike times, these figures are repeatable.
//!
//! This process runs the server. A case is a call or a body, and a side is one of the clients under comparison. Each side of each
//! case runs in its own process under callgrind, once with a number of iterations and once with twice as many. The difference
//! between the two counts is the cost of the iterations, without start-up and without the server.
//!
//! `--only <case>` counts only the cases whose names contain `<case>`. `--work <case> <side> <iterations> <server>` runs this
//! number of iterations of one side of a case, without counting instructions.

mod common;

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use circleci_api::types;
use common::calls::{ByHand, Floor, Ours};
use common::{bodies, plain};
use serde::de::DeserializeOwned;

/// The cases: the name of each, and the number of iterations of its shorter run.
const CASES: [(&str, u64); 5] = [
    ("call: a workflow", 1_000),
    ("call: a trigger", 1_000),
    ("call: 20 pipelines", 500),
    ("decode: 20 pipelines", 500),
    ("decode: 1,000 jobs", 20),
];
const SIDES: [&str; 4] = [
    "hyper-util",
    "by hand",
    "by hand, with timeouts",
    "circleci-api",
];
const FLOOR: &str = SIDES[0];
const TIMEOUTS: &str = SIDES[2];
const OURS: &str = SIDES[3];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--work", case, side, iterations, server] => {
            let (iterations, server) = (
                iterations.parse().expect("a number"),
                server.parse().expect("an address"),
            );
            work(case, side, iterations, server);
            ExitCode::SUCCESS
        }
        [] => table(""),
        ["--only", case] => table(case),
        _ => {
            eprintln!("instructions [--only <case>]");
            ExitCode::from(2)
        }
    }
}

fn table(only: &str) -> ExitCode {
    let server = common::server::of_calls();
    println!(
        "| instructions | {} | ratio to by hand |\n|---|---|---|---|---|---|",
        SIDES.join(" | ")
    );
    for (case, iterations) in CASES.into_iter().filter(|(case, _)| case.contains(only)) {
        let [floor, by_hand, timeouts, ours] = SIDES.map(|side| {
            // Decoding uses no network and no timeouts, so the sides `FLOOR` and `TIMEOUTS` have nothing to count.
            let counted = !(case.starts_with("decode") && [FLOOR, TIMEOUTS].contains(&side));
            let count = |iterations| count(case, side, iterations, server);
            counted.then(|| (count(2 * iterations) - count(iterations)) / iterations as f64)
        });
        let [by_hand, ours] = [by_hand, ours].map(Option::unwrap_or_default);
        let [floor, timeouts] = [floor, timeouts]
            .map(|count| count.map_or(String::new(), |count| format!("{count:.0}")));
        println!(
            "| {case} | {floor} | {by_hand:.0} | {timeouts} | {ours:.0} | {:.3} |",
            ours / by_hand
        );
    }
    ExitCode::SUCCESS
}

/// Runs one side of a case under callgrind, and returns the number of instructions of the whole run.
fn count(case: &str, side: &str, iterations: u64, server: SocketAddr) -> f64 {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args([
            "--work",
            case,
            side,
            &iterations.to_string(),
            &server.to_string(),
        ])
        .output()
        .expect("valgrind, which must be installed");
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    match collected {
        Some((_, count)) if output.status.success() => count.trim().parse().expect("a number"),
        _ => panic!("{case}, {side}: {said}"),
    }
}

fn work(case: &str, side: &str, iterations: u64, server: SocketAddr) {
    let ours = side == OURS;
    match case {
        "decode: 20 pipelines" if ours => {
            decode::<types::PipelineList>(&bodies::pipelines(), iterations)
        }
        "decode: 20 pipelines" => decode::<plain::PipelineList>(&bodies::pipelines(), iterations),
        "decode: 1,000 jobs" if ours => {
            decode::<types::WorkflowJobList>(&bodies::jobs(1_000), iterations)
        }
        "decode: 1,000 jobs" => decode::<plain::WorkflowJobList>(&bodies::jobs(1_000), iterations),
        _ if ours => call(case, iterations, Ours::new(server)),
        _ if side == FLOOR => call(case, iterations, Floor::new(server)),
        _ => call(case, iterations, ByHand::new(server, side == TIMEOUTS)),
    }
}

fn decode<T: DeserializeOwned>(body: &str, iterations: u64) {
    for _ in 0..iterations {
        let value: T =
            serde_json::from_slice(std::hint::black_box(body.as_bytes())).expect("a value");
        drop(std::hint::black_box(value));
    }
}

trait Calls {
    async fn call(&self, case: &str);
}

macro_rules! calls {
    ($side:ty) => {
        impl Calls for $side {
            async fn call(&self, case: &str) {
                match case {
                    "call: a workflow" => drop(std::hint::black_box(self.workflow().await)),
                    "call: a trigger" => drop(std::hint::black_box(self.trigger().await)),
                    "call: 20 pipelines" => drop(std::hint::black_box(self.pipelines().await)),
                    _ => panic!("there is no case {case}"),
                }
            }
        }
    };
}

calls!(Ours);
calls!(ByHand);
calls!(Floor);

fn call(case: &str, iterations: u64, side: impl Calls) {
    let runtime = common::runtime();
    for _ in 0..iterations {
        runtime.block_on(side.call(case));
    }
}
