//! Writes a file that appears under its final name only when it is complete.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::error::{Error, ErrorKind};

/// The number of bytes that are collected before they are written to the disk.
const BUFFER: usize = 256 * 1024;

/// A temporary file in the folder of its target. If the draft is dropped before [`keep`](Self::keep) has finished, the temporary
/// file is removed and the target stays unchanged.
pub(crate) struct Draft {
    /// Buffered, because each write to the file costs a switch to another thread.
    file: Option<BufWriter<fs::File>>,
    path: PathBuf,
    target: PathBuf,
}

/// Checks that the path is not a folder, and that its parent is one.
pub(crate) fn check(target: &Path) -> Result<(), Error> {
    let names_folder = target.as_os_str().as_encoded_bytes().ends_with(b"/");
    if names_folder || std::fs::symlink_metadata(target).is_ok_and(|it| it.is_dir()) {
        return Err(failed(target, "it is a folder"));
    }
    match target.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(()),
        Some(folder) => match std::fs::metadata(folder) {
            Ok(folder) if folder.is_dir() => Ok(()),
            Ok(_) => Err(failed(target, "its parent is not a folder")),
            Err(error) => Err(broken(target, error)),
        },
        None => Err(failed(target, "it has no parent folder")),
    }
}

impl Draft {
    pub(crate) fn begin(target: &Path) -> Result<Self, Error> {
        check(target)?;
        // The temporary file is in the target's folder because a rename is atomic only within a file system. The file is
        // hidden, and its name is random so that nobody can place a link at its path in advance. If there is such a link
        // nevertheless, `create_new` does not follow it.
        let name = format!(
            ".circleci-{:016x}.part",
            RandomState::new().hash_one(target)
        );
        let path = match target.parent() {
            Some(folder) => folder.join(name),
            None => return Err(failed(target, "it has no parent folder")),
        };
        // Open the file on this thread. Another thread could still create the file after the caller has dropped the
        // future, and then nothing would remove it.
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path);
        let file = file.map_err(|error| broken(target, error))?;
        let kept = keep_mode(&file, target);
        // From here on, a failure drops `draft`, which removes the file.
        let draft = Self {
            file: Some(BufWriter::with_capacity(BUFFER, fs::File::from_std(file))),
            path,
            target: target.to_owned(),
        };
        kept.map_err(|error| broken(target, error))?;
        Ok(draft)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(file) = &mut self.file else {
            return Err(failed(&self.target, "it is closed"));
        };
        file.write_all(bytes)
            .await
            .map_err(|error| broken(&self.target, error))
    }

    /// Renames the temporary file to the target's path. A reader of the target sees either the complete old content or the
    /// complete new content.
    pub(crate) async fn keep(mut self) -> Result<(), Error> {
        let written = match &mut self.file {
            None => Ok(()),
            // Sync first, because a rename may reach the disk before the content does.
            Some(file) => match file.flush().await {
                Ok(()) => file.get_ref().sync_all().await,
                Err(error) => Err(error),
            },
        };
        written.map_err(|error| broken(&self.target, error))?;
        if let Some(file) = self.file.take() {
            // Windows cannot rename an open file.
            drop(file.into_inner().into_std().await);
        }
        // Rename on this thread. Another thread could still rename the file after the caller has cancelled the download.
        let renamed = std::fs::rename(&self.path, &self.target);
        renamed.map_err(|error| broken(&self.target, error))?;
        self.path.clear();
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.file = None;
        if !self.path.as_os_str().is_empty() {
            // `drop` cannot report an error.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Gives the new file the mode of the file that it replaces, so that a private file stays private. If the target is a link, the
/// link itself is replaced. The new file then gets its mode from the umask, as if there were no old file.
#[cfg(unix)]
fn keep_mode(file: &std::fs::File, target: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    match std::fs::symlink_metadata(target) {
        Ok(old) if old.is_file() => {
            let mode = old.permissions().mode() & 0o777;
            file.set_permissions(std::fs::Permissions::from_mode(mode))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn keep_mode(_: &std::fs::File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns the path of the file whose path inside the folder `root` is `below`, and creates the missing folders. Returns an
/// error if a folder between `root` and the file is a symbolic link. Otherwise, a server could write outside of `root` through
/// an existing link. (A process that can write below `root` at the same time can still bypass this check.)
#[cfg(feature = "artifacts")]
pub(crate) async fn place(root: &Path, below: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(root)
        .await
        .map_err(|error| broken(root, error))?;
    let mut place = root.to_owned();
    for part in below.parent().into_iter().flat_map(Path::components) {
        place.push(part);
        match fs::create_dir(&place).await {
            Ok(()) => continue,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(broken(&place, error)),
        }
        // If `place` is a link, `symlink_metadata` describes the link and not its target.
        let found = fs::symlink_metadata(&place)
            .await
            .map_err(|error| broken(&place, error))?;
        if found.is_symlink() {
            return Err(failed(
                &place,
                "it is a symbolic link, which may lead outside the folder",
            ));
        }
        if !found.is_dir() {
            return Err(failed(&place, "it is not a folder"));
        }
    }
    Ok(root.join(below))
}

pub(crate) fn failed(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::File).with_message(format!("{}: {why}", path.display()))
}

fn broken(path: &Path, error: io::Error) -> Error {
    failed(path, &error.to_string()).with_source(error)
}
