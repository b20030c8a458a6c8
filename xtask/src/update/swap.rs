//! Replaces items in the tree with those from a copy of the tree. Replaces all or none, even if the process is killed.
//!
//! Each old item is moved to a folder before the new item takes its place. While this folder exists, the tree is between two
//! states, and [`recover`] can restore the old state. The last step renames the folder. After that, the tree is in the new state.

use crate::document::fetch::Store;
use anyhow::{Context, Result, bail};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The items that are replaced. The document is the last one, so that the tree does not seem to be up to date before everything
/// is replaced.
pub const TAKEN: [&str; 4] = [
    "tests/snapshots",
    "circleci-api/src/generated",
    "openapi/source.json",
    "openapi/openapi.json",
];

/// The name of the folder for the old items while the tree is between two states.
const OLD: &str = ".old";
/// The name of the folder for the old items after the tree has reached the new state.
const DONE: &str = ".done";

/// An item of the tree, and the paths that it has before, during and after the move.
struct Thing {
    name: &'static str,
    place: PathBuf,
    new: PathBuf,
    old: PathBuf,
    /// The path of a marker file. The file exists if there was no old item.
    nothing: PathBuf,
    /// The path to which the new item is moved when the move is undone.
    undone: PathBuf,
}

fn things(copy: &Path, root: &Path) -> impl DoubleEndedIterator<Item = Thing> {
    let (copy, root) = (copy.to_owned(), root.to_owned());
    TAKEN.iter().enumerate().map(move |(index, name)| Thing {
        name,
        place: root.join(name),
        new: copy.join(name),
        old: copy.join(OLD).join(index.to_string()),
        nothing: copy.join(OLD).join(format!("{index}.nothing")),
        undone: copy.join(format!(".undone-{index}")),
    })
}

/// Replaces all items. If an item cannot be replaced, restores all old items.
pub fn swap(store: &mut dyn Store, copy: &Path, root: &Path) -> Result<()> {
    let old = copy.join(OLD);
    fs::create_dir(&old).context("cannot make a folder for the old files")?;
    for thing in things(copy, root) {
        if let Err(error) = thing.replace(store) {
            recover(store, copy, root)?;
            return Err(error).with_context(|| format!("cannot replace {}", thing.name));
        }
    }
    store
        .rename(&old, &copy.join(DONE))
        .context("cannot finish the move")
}

/// Returns whether the tree is between the old and the new state.
pub fn is_interrupted(copy: &Path) -> bool {
    copy.join(OLD).exists()
}

/// Restores the old state of a tree that is between two states. Does nothing to other trees.
pub fn recover(store: &mut dyn Store, copy: &Path, root: &Path) -> Result<()> {
    if !is_interrupted(copy) {
        return Ok(());
    }
    for thing in things(copy, root).rev() {
        let back = thing.put_back(store);
        back.with_context(|| format!("cannot put {} back", thing.place.display()))?;
    }
    fs::remove_dir_all(copy.join(OLD)).context("cannot remove the folder of the old files")
}

impl Thing {
    fn replace(&self, store: &mut dyn Store) -> io::Result<()> {
        if self.place.exists() {
            store.rename(&self.place, &self.old)?;
        } else {
            fs::write(&self.nothing, "")?;
        }
        store.rename(&self.new, &self.place)
    }

    fn put_back(&self, store: &mut dyn Store) -> io::Result<()> {
        let was_there = self.old.exists();
        if !was_there && !self.nothing.exists() {
            return Ok(());
        }
        if self.place.exists() {
            store.rename(&self.place, &self.undone)?;
        }
        if was_there {
            store.rename(&self.old, &self.place)?;
        }
        Ok(())
    }
}

/// Fails if an item cannot be moved from the copy to its place because the copy and the place are on different file systems.
pub fn check(copy: &Path, root: &Path) -> Result<()> {
    for name in TAKEN {
        let place = root.join(name);
        let folder = place.parent().unwrap_or(root);
        if !is_same_file_system(copy, folder).context("cannot look at the folders")? {
            bail!(
                "{} is on another file system than {}, so that files cannot be moved between them; `target` must be a real folder in this tree (to put cargo's output elsewhere, set CARGO_TARGET_DIR)",
                copy.display(),
                folder.display()
            );
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_same_file_system(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    Ok(fs::metadata(one)?.dev() == fs::metadata(other)?.dev())
}

#[cfg(not(unix))]
fn is_same_file_system(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fetch::{DOCUMENT, Disk, RECORD};

    #[test]
    fn the_pair_is_taken_whole_and_the_document_last() {
        assert!(TAKEN.contains(&format!("openapi/{RECORD}").as_str()));
        assert_eq!(TAKEN.last(), Some(&format!("openapi/{DOCUMENT}").as_str()));
    }

    #[test]
    fn nothing_is_done_to_a_tree_that_is_whole() {
        let (copy, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        recover(&mut Disk, copy.path(), root.path()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
