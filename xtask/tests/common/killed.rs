//! A process that is killed in place of a rename: a test of this program, started again as a child.

use std::{
    io,
    path::Path,
    process::{Command, Output},
};
use xtask::document::fetch::{Disk, Store};

/// Ends the process in place of the n-th rename, as a kill would.
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

/// Starts the test `test` as a child that is killed at the n-th rename, with these words for what it does.
pub fn start(test: &str, renames: usize, words: &[&str]) -> Output {
    let child = format!("{renames}|{}", words.join("|"));
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, child)
        .output()
        .expect("run")
}

/// In a child: what to rename with, and the words. Elsewhere the test has nothing to do.
pub fn child() -> Option<(Killed, Vec<String>)> {
    let child = std::env::var(CHILD).ok()?;
    let mut parts = child.split('|').map(str::to_owned);
    let renames = parts.next()?.parse().expect("a number");
    Some((Killed { renames }, parts.collect()))
}
