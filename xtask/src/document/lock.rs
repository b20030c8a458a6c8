//! Lets only one command at a time change a folder. Two commands that replace the same files could leave files that do not
//! match.

use std::{fs::File, io, path::Path};

/// The lock on a folder, which is released when this value is dropped. The system also releases it when the process is
/// killed.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Locks the folder. Returns `None` if another process holds the lock.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let file = open(folder)?;
        Ok(lock(&file)?.then_some(Self(file)))
    }
}

#[cfg(unix)]
fn open(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

#[cfg(unix)]
fn lock(folder: &File) -> io::Result<bool> {
    use rustix::{fs::FlockOperation, io::Errno};

    match rustix::fs::flock(folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        // Some file systems, such as network shares, have no locks.
        Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// On this system, a folder cannot be opened. This function therefore opens a file in it that no other process may open at the
/// same time.
#[cfg(not(unix))]
fn open(folder: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
    options.open(folder.join(".lock"))
}

#[cfg(not(unix))]
fn lock(_: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn a_folder_is_held_until_the_lock_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = Lock::take(folder.path()).expect("a lock");
        assert!(held.is_some());
        assert!(Lock::take(folder.path()).expect("an answer").is_none());
        drop(held);
        assert!(Lock::take(folder.path()).expect("a lock").is_some());
        assert!(Lock::take(&folder.path().join("gone")).is_err());
    }
}
