//! Coverage-guided fuzzing of the client and its generator: `fuzz/run SECONDS [TARGET…]`.
//!
//! The functions that try the bytes are in `tests/support/fuzzed/`. An ordinary test runs them with the inputs that are kept here: the
//! start values in `seeds/`, and the findings in `found/`.
use circleci_api_tests::fuzzed;

#[doc(hidden)]
pub use libfuzzer_sys;

/// Runs a target by its name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = fuzzed::TARGETS.iter().find(|(known, _)| *known == name);
    let (_, run) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    run(bytes);
}

/// libFuzzer's hook ends the process at every panic, and the generator catches those of progenitor. What is not caught still
/// ends it.
pub fn print_panics() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}

/// A target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(init: $crate::print_panics(), |bytes: &[u8]| $crate::run($name, bytes));
    };
}
