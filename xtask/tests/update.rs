//! Tests `cargo xtask update` in a copy of this repository, with a fake cargo. The tests show which changes it adopts and where
//! it stops, and that the tree is unchanged whenever it stops.

use crate::common::{self, killed};

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use xtask::{
    document::{fetch::Disk, lock::Lock},
    update::swap,
};

/// Folders of the fuzzer. They can contain gigabytes, so `update` must not copy them.
const NOT_COPIED: [&str; 4] = [
    "fuzz/target",
    "fuzz/corpus",
    "fuzz/artifacts",
    "fuzz/found/node_modules",
];

/// A folder with copies of the files that `update` reads and writes.
struct Tree {
    folder: tempfile::TempDir,
    /// The folder with the log of the fake cargo, which has one line per call. The folder is outside the tree.
    calls: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self {
            folder: tempfile::tempdir().expect("a folder"),
            calls: tempfile::tempdir().expect("a folder"),
        };
        for part in [
            "openapi",
            "circleci-api/src/generated",
            "tests/snapshots",
            "tests/support",
        ] {
            copy(&common::root().join(part), &tree.root().join(part));
        }
        fs::create_dir(tree.root().join("target")).expect("made");
        fs::write(tree.root().join("target/large"), "not copied").expect("written");
        for folder in NOT_COPIED {
            fs::create_dir_all(tree.root().join(folder)).expect("made");
        }
        tree
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `update` with a fake cargo. Whenever `update` calls the fake cargo, the fake cargo runs `script` in the current
    /// folder.
    fn update(&self, document: &Value, arguments: &[&str], script: &str) -> (i32, String, String) {
        let new = self.calls.path().join("new.json");
        fs::write(&new, serde_json::to_vec_pretty(document).expect("JSON")).expect("written");
        let cargo = self.calls.path().join("cargo");
        let log = self.calls.path().join("log");
        fs::write(
            &cargo,
            format!(
                "#!/bin/sh\necho \"$INSTA_UPDATE $*\" >>'{}'\n{script}\n",
                log.display()
            ),
        )
        .expect("written");
        #[cfg(unix)]
        fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("made executable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["update", "--from"])
            .arg(&new)
            .args(arguments)
            .arg("--root")
            .arg(self.root())
            .env("CARGO", &cargo);
        let output = command.output().expect("run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().expect("a code"),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.calls.path().join("log")).unwrap_or_default()
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.root().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("listed") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(files.insert(path.clone(), fs::read(&path).expect("read"))),
                }
            }
        }
        files
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// Returns the vendored document with one more enum value. `regen` accepts this value without further changes.
fn with_a_word() -> Value {
    let mut document = common::vendored();
    let words = document
        .pointer_mut("/components/schemas/trigger_event_preset/enum")
        .and_then(Value::as_array_mut);
    words.expect("an enum").push(json!("all-green"));
    document
}

const REFRESH: &str = r#"[ ! -e fuzz/target ] && [ ! -e fuzz/corpus ] && [ ! -e fuzz/artifacts ] && [ -e fuzz/found ] || exit 9; case "$*" in *surface*) echo refreshed >tests/snapshots/surface_types.snap;; esac"#;

#[test]
fn a_newer_document_is_taken_in_whole() {
    let tree = Tree::new();
    let (code, out, error) = tree.update(&with_a_word(), &[], REFRESH);
    assert_eq!(code, 0, "{out}\n{error}");
    assert_eq!(
        tree.calls(),
        "always test --quiet --locked -p circleci-api-tests --test surface\nno test --quiet --locked --workspace\n"
    );
    // The duration is printed to stderr and is not part of the changelog entry.
    for step in ["refreshing the snapshots", "running the tests"] {
        assert!(error.contains(&format!("{step} took ")), "{error}");
    }
    assert!(
        out.starts_with("## ") && out.contains("new variant `EventPreset::AllGreen` (`all-green`)"),
        "{out}"
    );
    let read = |path: &str| fs::read_to_string(tree.root().join(path)).expect("read");
    assert!(read("openapi/openapi.json").contains("all-green"));
    xtask::document::fetch::vendored(&tree.root().join("openapi"))
        .expect("the record belongs to the document");
    assert_eq!(read("tests/snapshots/surface_types.snap"), "refreshed\n");
    let places = xtask::regen::Places::of(tree.root());
    let built = xtask::regen::build_vendored(&places).expect("built");
    assert_eq!(
        xtask::regen::differences(&built.files, &places.generated).expect("compared"),
        Vec::<String>::new()
    );
    assert!(
        tree.files()
            .keys()
            .all(|path| !path.display().to_string().contains("target/update")),
        "the copy is gone"
    );

    // A second run must find nothing new.
    let before = tree.files();
    let (code, out, error) = tree.update(&with_a_word(), &[], "exit 1");
    assert_eq!(
        (code, out.as_str()),
        (0, "nothing new: file:new.json is the vendored document\n"),
        "{error}"
    );
    assert!(tree.files() == before);
}

#[test]
fn the_tree_is_as_it_was_when_it_stops() {
    let tree = Tree::new();
    let before = tree.files();
    let mut overlay_stale = common::vendored();
    overlay_stale["paths"]
        .as_object_mut()
        .expect("paths")
        .remove("/project/{provider}/{organization}/{project}/pipeline/run");
    let mut to_review = with_a_word();
    to_review["x-webhooks"] = json!({});
    let no_document = json!({ "openapi": "3.2.0" });
    let refresh_then_fail = format!("{REFRESH}\ncase \"$*\" in *workspace*) exit 101;; esac");
    for (document, script, code, why) in [
        (
            &no_document,
            "",
            6,
            "error: cannot compare: file:new.json: the document's `openapi` is 3.2.0",
        ),
        (
            &overlay_stale,
            "",
            5,
            "error: a person must decide: the overlay, the fixups or the tables do not fit",
        ),
        (
            &to_review,
            "",
            5,
            "error: a person must decide: review 1 line of the report",
        ),
        (
            &with_a_word(),
            "exit 101",
            1,
            "error: `cargo test --quiet --locked -p circleci-api-tests --test surface` failed",
        ),
        (
            &with_a_word(),
            refresh_then_fail.as_str(),
            1,
            "error: `cargo test --quiet --locked --workspace` failed",
        ),
    ] {
        let (got, out, error) = tree.update(document, &[], script);
        assert_eq!(got, code, "{out}\n{error}");
        assert!(
            error
                .lines()
                .last()
                .is_some_and(|line| line.starts_with(why)),
            "{error}"
        );
        assert!(tree.files() == before, "after {why}");
        // If a maintainer must decide, the output contains the report.
        assert_eq!(out.contains("\nverdict: "), code == 5, "{out}");
    }
    let (code, out, error) = tree.update(&to_review, &["--reviewed"], REFRESH);
    assert_eq!(code, 0, "{out}\n{error}");
    assert!(out.contains("### To review"), "{out}");
}

/// Returns the vendored document with one more operation.
fn with_an_operation() -> Value {
    let mut document = common::vendored();
    let paths = document["paths"].as_object_mut().expect("paths");
    let mut get = paths["/workflow/{id}"]["get"].clone();
    get["operationId"] = json!("getWorkflowCost");
    paths.insert("/workflow/{id}/cost".to_owned(), json!({ "get": get }));
    document
}

#[test]
fn an_operation_comes_in_with_its_row() {
    let tree = Tree::new();
    let before = tree.files();
    let (code, out, error) = tree.update(&with_an_operation(), &[], "exit 101");
    assert_eq!((code, out.as_str()), (5, ""), "{error}");
    assert_eq!(
        error.lines().last(),
        Some(
            "error: a person must decide: tests/support/calls.rs has no row for getWorkflowCost (`get_workflow_cost(id: PathValue)`); \
             change the file, then run this command again; nothing was changed"
        )
    );
    assert!(tree.files() == before && tree.calls().is_empty());

    // The row may be added before the document has the operation.
    let calls = tree.root().join("tests/support/calls.rs");
    let row = r#""getWorkflowById" |c| c.get_workflow_by_id(id("id"));"#;
    let text = fs::read_to_string(&calls).expect("read");
    assert!(text.contains(row));
    let more = r#""getWorkflowCost" |c| c.get_workflow_cost(id("id"));"#;
    fs::write(&calls, text.replace(row, &format!("{row}\n        {more}"))).expect("written");
    let (code, out, error) = tree.update(&with_an_operation(), &[], REFRESH);
    assert_eq!(code, 0, "{out}\n{error}");
    assert!(
        out.contains("new operation GET /workflow/{id}/cost"),
        "{out}"
    );

    // If an operation is removed, its row must be removed too.
    let before = tree.files();
    let (code, _, error) = tree.update(&common::vendored(), &[], "exit 101");
    assert_eq!(code, 5, "{error}");
    assert!(
        error.contains("has a row for getWorkflowCost, which the document no longer has;"),
        "{error}"
    );
    assert!(tree.files() == before);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_replaced_is_put_back() {
    let tree = Tree::new();
    let before = tree.files();
    // The fake test run removes the snapshots from the copy, so one of the four items is missing when `update` replaces the real
    // ones.
    let (code, out, error) = tree.update(
        &with_a_word(),
        &[],
        "case \"$*\" in *workspace*) rm -r tests/snapshots;; esac",
    );
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    assert!(
        error.lines().last().is_some_and(|line| line
            .starts_with("error: cannot replace tests/snapshots: ")
            && line.ends_with("; the tree is unchanged")),
        "{error}"
    );
    assert!(tree.files() == before);
}

/// Runs in the child process that [`kill`] starts and kills. In any other run, it returns at once.
#[test]
fn killed_child() {
    let Some((mut store, words)) = killed::child() else {
        return;
    };
    let (copy, root) = (Path::new(&words[1]), Path::new(&words[2]));
    match words[0].as_str() {
        "swap" => swap::swap(&mut store, copy, root).expect("moved"),
        _ => swap::recover(&mut store, copy, root).expect("recovered"),
    }
}

/// Replaces or restores the items in a process that is killed at the n-th rename. Returns true if the process finished before it
/// reached this rename.
fn kill(what: &str, renames: usize, copy: &Path, root: &Path) -> bool {
    let (copy, root) = (copy.display().to_string(), root.display().to_string());
    let output = killed::start("update::killed_child", renames, &[what, &copy, &root]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    output.status.success()
}

/// Returns a tree with a small file in each place, and a copy of the tree with different files. The item `missing` is only in the
/// copy.
fn small(missing: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("target/update");
    for (root, text) in [(folder.path(), "old"), (copy.as_path(), "new")] {
        for taken in swap::TAKEN {
            let place = root.join(taken);
            fs::create_dir_all(place.parent().expect("a parent")).expect("made");
            match place.extension() {
                Some(_) => fs::write(&place, text).expect("written"),
                None => {
                    fs::create_dir_all(&place).expect("made");
                    fs::write(place.join(text), text).expect("written");
                }
            }
        }
    }
    if let Some(missing) = missing {
        fs::remove_dir_all(folder.path().join(missing)).expect("removed");
    }
    (folder, copy)
}

/// Returns the files of the tree, except for those in its `target` folder.
fn outside_target(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below it").to_owned();
            match path.is_dir() {
                true if name == Path::new("target") => {}
                true => folders.push(path),
                false => drop(files.insert(name, fs::read(&path).expect("read"))),
            }
        }
    }
    files
}

/// Kills the replacement at each of its renames. After each of these kills, also kills the restoration at each of its renames.
#[test]
fn a_move_that_is_killed_is_undone_even_if_that_is_killed_too() {
    for missing in [None, Some("tests/snapshots")] {
        let (folder, copy) = small(missing);
        let old = outside_target(folder.path());
        swap::swap(&mut Disk, &copy, folder.path()).expect("moved");
        let new = outside_target(folder.path());
        assert_ne!(old, new);
        let (mut kills, mut done) = (0, false);
        while !done {
            let mut back = 0;
            loop {
                let (folder, copy) = small(missing);
                done = kill("swap", kills, &copy, folder.path());
                let whole = done || kill("recover", back, &copy, folder.path());
                swap::recover(&mut Disk, &copy, folder.path()).expect("recovered");
                let expected = if done { &new } else { &old };
                assert_eq!(
                    &outside_target(folder.path()),
                    expected,
                    "killed at {kills}, then at {back}"
                );
                back += 1;
                if whole {
                    break;
                }
            }
            kills += 1;
        }
        // A run renames each item twice (or only once, if there is no old one), and finally renames the folder of the old items.
        // The last run is not killed.
        assert_eq!(kills, 10 - usize::from(missing.is_some()));
    }
}

/// Kills the move at each of its renames, and then runs the whole command.
#[test]
fn the_next_update_begins_by_bringing_back_what_a_killed_one_left() {
    let mut kills = 0;
    loop {
        let tree = Tree::new();
        let copied = tree.root().join("target/update");
        for taken in swap::TAKEN {
            let (from, to) = (tree.root().join(taken), copied.join(taken));
            match from.is_dir() {
                true => {
                    copy(&from, &to);
                    fs::write(to.join("new"), "").expect("written");
                }
                false => {
                    let text = fs::read_to_string(&from).expect("read");
                    fs::create_dir_all(to.parent().expect("a parent")).expect("made");
                    fs::write(to, text + "\n").expect("written");
                }
            }
        }
        let old = outside_target(tree.root());
        if kill("swap", kills, &copied, tree.root()) {
            assert_ne!(outside_target(tree.root()), old);
            break;
        }
        // After the last rename of an item, all items are new, but the move is not complete.
        let all_are_new = kills == 2 * swap::TAKEN.len();
        if all_are_new {
            let (code, out, error) = tree.update(&with_a_word(), &[], REFRESH);
            assert_eq!(code, 0, "{error}");
            assert!(out.contains("all-green"), "{out}");
        } else {
            let (code, _, error) = tree.update(&json!({ "openapi": "3.1.0" }), &[], "exit 1");
            assert_eq!(code, 6, "{error}");
            assert!(outside_target(tree.root()) == old, "killed at {kills}");
        }
        kills += 1;
    }
    assert_eq!(kills, 2 * swap::TAKEN.len() + 1);
}

#[test]
fn two_at_once_do_not_meet() {
    let tree = Tree::new();
    let held = Lock::take(&tree.root().join("openapi")).expect("a lock");
    assert!(held.is_some());
    let (code, out, error) = tree.update(&with_a_word(), &[], "exit 1");
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    assert!(
        error.contains("another `cargo xtask update`, `fetch` or `regen` is running in this tree"),
        "{error}"
    );
    assert_eq!(tree.calls(), "", "no test was run");
    drop(held);
}

#[cfg(unix)]
#[test]
fn a_target_on_another_file_system_is_found_before_the_tests_run() {
    use std::os::unix::fs::MetadataExt;

    let tree = Tree::new();
    let device = |path: &Path| fs::metadata(path).map(|it| it.dev()).ok();
    let elsewhere = tempfile::tempdir_in("/dev/shm");
    let Some(elsewhere) = elsewhere
        .ok()
        .filter(|it| device(it.path()) != device(tree.root()))
    else {
        println!("skipped: there is no other file system");
        return;
    };
    fs::remove_dir_all(tree.root().join("target")).expect("removed");
    std::os::unix::fs::symlink(elsewhere.path(), tree.root().join("target")).expect("linked");
    let (code, _, error) = tree.update(&with_a_word(), &[], REFRESH);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("is on another file system"), "{error}");
    assert_eq!(tree.calls(), "", "no test was run");
}
