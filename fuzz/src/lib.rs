//! Coverage-guided fuzzing of the client and its generator. The command is `fuzz/run SECONDS [TARGET…]`.
//!
//! The functions that feed the fuzzer's bytes to the code are in `tests/support/fuzzed/`. An ordinary test (`tests/replay.rs`)
//! calls the same functions with the inputs that are kept here: the start values in `seeds/`, and the findings in `found/`.
use circleci_api_tests::fuzzed;

#[doc(hidden)]
pub use libfuzzer_sys;

/// Runs the target called `name` with the fuzzer's bytes.
pub fn run(name: &str, bytes: &[u8]) {
    let target = fuzzed::TARGETS.iter().find(|(known, _)| *known == name);
    let (_, run) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    run(bytes);
}

/// Replaces the panic hook of libFuzzer with a hook that only prints the panic. The hook of libFuzzer ends the process at
/// every panic, even at the panics of progenitor, which the generator catches. A panic that is not caught still ends the
/// process.
pub fn print_panics() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}

/// Defines the fuzz target for a name.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(init: $crate::print_panics(), |bytes: &[u8]| $crate::run($name, bytes));
    };
}
