//! Simulates a process that is killed at a rename: runs a test of this program in a child process, which ends at the rename.

use std::{
    io,
    path::Path,
    process::{Command, Output},
};
use xtask::document::fetch::{Disk, Store};

/// A store that ends the process instead of doing the n-th rename, as if the process were killed.
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

/// Runs the test `test` in a child process, passes `words` to it, and kills it at the n-th rename.
pub fn start(test: &str, renames: usize, words: &[&str]) -> Output {
    let child = format!("{renames}|{}", words.join("|"));
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, child)
        .output()
        .expect("run")
}

/// Returns the store and the arguments in a child process that [`start`] runs. Returns `None` in any other process, in which the
/// test should do nothing.
pub fn child() -> Option<(Killed, Vec<String>)> {
    let child = std::env::var(CHILD).ok()?;
    let mut parts = child.split('|').map(str::to_owned);
    let renames = parts.next()?.parse().expect("a number");
    Some((Killed { renames }, parts.collect()))
}
