//! What fuzzing has found, and what it starts from, as ordinary tests: see `fuzz/`.

use std::fs;
use std::path::Path;

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

/// The crate in `fuzz/` is compiled only where there is a fuzzer.
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
