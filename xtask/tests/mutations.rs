//! Tests that no document makes the generator panic, and that each error names a place. The inputs are thousands of small
//! documents and dozens of large ones. Each is a valid document after a few pseudorandom changes with a fixed seed.

use crate::common;

use common::mutate::{Choose, judge, mutate, recursive};
use common::{base, vendored, works};
use serde_json::Value;
use std::{panic, thread};
use xtask::document;

/// A generator of pseudorandom numbers (xorshift64*). It returns the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

impl Choose for Random {
    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }
}

/// Makes changes to copies of `documents`. Returns how many documents the generator accepted, and a description of each fault
/// with the changes that caused it.
fn run(documents: &[Value], seed: u64, rounds: usize) -> (usize, Vec<String>) {
    let (mut accepted, mut faults) = (0, Vec::new());
    for round in 0..rounds {
        let mut random = Random(seed.wrapping_mul(round as u64 + 1) | 1);
        random.next();
        let original = &documents[round % documents.len()];
        let mut document = original.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut document, &mut random);
        }
        match judge(&document) {
            Err(fault) => {
                let fault: String = fault.chars().take(300).collect();
                faults.push(format!(
                    "round {round}: {fault}\n{}",
                    changed(original, &document)
                ));
            }
            Ok(taken) => accepted += usize::from(taken),
        }
    }
    (accepted, faults)
}

/// Lists the places where two documents differ.
fn changed(one: &Value, other: &Value) -> String {
    fn below(one: &Value, other: &Value, pointer: &str, found: &mut Vec<String>) {
        match (one, other) {
            (Value::Object(a), Value::Object(b)) => {
                for (key, value) in b {
                    let pointer = format!("{pointer}/{}", document::escape(key));
                    match a.get(key) {
                        Some(before) => below(before, value, &pointer, found),
                        None => found.push(format!("  + {pointer} = {value}")),
                    }
                }
                found.extend(
                    a.keys()
                        .filter(|key| !b.contains_key(*key))
                        .map(|key| format!("  - {pointer}/{key}")),
                );
            }
            (a, b) if a == b => {}
            (_, b) => found.push(format!("  ~ {pointer} = {b}")),
        }
    }
    let mut found = Vec::new();
    below(one, other, "", &mut found);
    found.join("\n").chars().take(1500).collect()
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(usual)
}

#[test]
fn schemas_that_hold_themselves_make_little_code() {
    let (files, _) = works(recursive());
    let size: usize = files.values().map(String::len).sum();
    assert!(size < 100_000, "{size} bytes");
}

#[test]
fn small_documents() {
    // The command `ROUNDS=20000 SEED=7 cargo test -p xtask --test all mutations::small` runs more rounds.
    let rounds = setting("ROUNDS", 1500) as usize;
    let seed = setting("SEED", 0x9E37_79B9_7F4A_7C15);
    // Panics are expected in this thread only, so their messages are hidden. The other tests of this program must still print
    // where they fail.
    let (here, usual) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |panic| {
        if thread::current().id() != here {
            usual(panic);
        }
    }));
    let (accepted, faults) = run(&[base(), recursive()], seed, rounds);
    // The test is useful only if the generator accepts many documents and rejects many others.
    assert!(
        accepted > rounds / 10 && accepted < rounds / 2,
        "accepted {accepted} of {rounds}"
    );
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults
            .iter()
            .take(25)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n\n")
    );
}

#[test]
fn the_vendored_document() {
    let (_, faults) = run(
        &[vendored()],
        0xD1B5_4A32_D192_ED03,
        setting("ROUNDS_BIG", 30) as usize,
    );
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}
