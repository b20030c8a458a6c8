//! A file that appears only when it is complete.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::error::{Error, ErrorKind};

/// The number of bytes that are written at once.
const BUFFER: usize = 256 * 1024;

/// A temporary file beside its target. If it is dropped before [`keep`](Self::keep) has finished, it is removed, and the target is
/// unchanged.
pub(crate) struct Draft {
    /// The buffer saves a switch to another thread for each piece.
    file: Option<BufWriter<fs::File>>,
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    pub(crate) fn begin(target: &Path) -> Result<Self, Error> {
        // The file is in the same folder because a rename is atomic only within a file system. It is hidden and has a
        // random name, so that nobody can place a link there in advance. `create_new` would not follow a link.
        let name = format!(
            ".circleci-{:016x}.part",
            RandomState::new().hash_one(target)
        );
        let path = match target.parent() {
            Some(folder) => folder.join(name),
            None => return Err(failed(target, "it has no parent folder")),
        };
        // Do not use another thread: it would create the file even after the caller has dropped the future, and nothing
        // would remove it.
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path);
        let file = file.map_err(|error| broken(target, error))?;
        let kept = keep_mode(&file, target);
        // From here on, a failure removes the file.
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

    /// Moves the file to the target's path. A reader sees either the old content or the new content.
    pub(crate) async fn keep(mut self) -> Result<(), Error> {
        let written = match &mut self.file {
            None => Ok(()),
            // A rename may reach the disk before the content does.
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
        // Do not use another thread: it would rename the file even after the caller has cancelled the download.
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
            // The error cannot be reported to anyone.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Gives the new file the mode of the file that it replaces, so that a private file stays private. A link is replaced and
/// not followed: the umask decides, as if there were no old file.
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

/// The path of a file below `root`. Missing folders are created. No folder may be a link: otherwise a server that can name
/// two files could write outside of `root` through a link that already exists. (A process that can write there at the same
/// time can still bypass this check.)
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
        // Checks the name itself, not the target of a link.
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
