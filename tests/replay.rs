//! Tests that run the fuzz targets with their seeds and with the inputs that fuzzing found. The inputs are in `fuzz/`.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fuzzed::TARGETS;

#[test]
fn nothing_that_was_found_comes_back() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, run) in TARGETS {
        let mut inputs = 0;
        for folder in ["seeds", "found"] {
            let folder = fuzz.join(folder).join(name);
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                let done = std::panic::catch_unwind(|| run(&bytes));
                assert!(done.is_ok(), "{}", path.display());
                inputs += 1;
            }
        }
        assert!(inputs > 0, "{name} starts from nothing");
    }
}

/// Runs the target `downloads` with a few random inputs, because every byte of its input has a meaning. If the variable
/// `FUZZ_SECONDS` is set, the test runs for that many seconds. The variable `FUZZ_TARGETS` selects other targets, separated
/// by spaces.
#[test]
fn random_bytes_hold_too() {
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|text| text.parse().expect("FUZZ_SECONDS is a number"));
    let wanted = std::env::var("FUZZ_TARGETS").unwrap_or_else(|_| "downloads".to_owned());
    // The inputs are the same in each run unless `FUZZ_SECONDS` is set.
    let mut random = match seconds {
        None => 0x9e37_79b9_7f4a_7c15,
        Some(_) => RandomState::new().hash_one(0),
    };
    for name in wanted.split_whitespace() {
        let (_, run) = TARGETS
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a target");
        let (began, mut inputs) = (Instant::now(), 0_u64);
        while match seconds {
            None => inputs < 300,
            Some(seconds) => began.elapsed() < Duration::from_secs(seconds),
        } {
            let mut next = || {
                // This is the generator xorshift64.
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random >> 32) as u8
            };
            let length = usize::from(next()) % 96;
            let bytes: Vec<u8> = (0..length).map(|_| next()).collect();
            let done = std::panic::catch_unwind(|| run(&bytes));
            assert!(done.is_ok(), "{name}: {bytes:?}");
            inputs += 1;
        }
        println!("{name}: {inputs} inputs in {:?}", began.elapsed());
    }
}

/// Checks that each function has a fuzz target. The test compares only names, because the crate in `fuzz/` compiles only with
/// a fuzzer.
#[test]
fn each_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let mut targets: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    targets.sort();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets, names);
}
