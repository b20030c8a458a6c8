//! Simulates a process that is killed at a rename: runs a test of this program in a child process.

use std::{
    io,
    path::Path,
    process::{Command, Output},
};
use xtask::document::fetch::{Disk, Store};

/// Ends the process instead of the n-th rename, like a kill.
pub struct Killed {
    renames: usize,
}

impl Store for Killed {
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        if self.renames == 0 {
            std::process::abort();
        }
        self.renames -= 1;
        Disk.rename(from, to)
    }
}

const CHILD: &str = "XTASK_TEST_KILLED";

/// Runs the test `test` in a child process that is killed at the n-th rename, with these arguments.
pub fn start(test: &str, renames: usize, words: &[&str]) -> Output {
    let child = format!("{renames}|{}", words.join("|"));
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, child)
        .output()
        .expect("run")
}

/// Returns the store and the arguments in a child process. In any other process, the test does nothing.
pub fn child() -> Option<(Killed, Vec<String>)> {
    let child = std::env::var(CHILD).ok()?;
    let mut parts = child.split('|').map(str::to_owned);
    let renames = parts.next()?.parse().expect("a number");
    Some((Killed { renames }, parts.collect()))
}
