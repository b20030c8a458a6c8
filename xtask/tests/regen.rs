//! Tests `cargo xtask regen` on copies of the repository's documents. It must always write the same bytes, detect every kind of
//! stale code, report everything that no longer applies, and lose no file when a step fails.

use crate::common;

use common::{build, check_files, overlay, put, root, vendored, works};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;
use tempfile::TempDir;
use xtask::document::fixups::FIXUPS;
use xtask::emit::deviations;
use xtask::emit::model::Files;
use xtask::regen::{self, Places};

/// Returns the files for the vendored document. Builds them only once, because building takes a long time.
fn generated() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        regen::build_vendored(&Places::of(&root()))
            .expect("the vendored document")
            .files
    })
}

/// A root folder with copies of this repository's documents and generated code.
struct Copy {
    root: TempDir,
}

impl Copy {
    fn new() -> Self {
        let copy = Self {
            root: TempDir::new().expect("a folder"),
        };
        fs::create_dir_all(copy.openapi("")).expect("a folder");
        for name in ["openapi.json", "source.json", "overlay.yaml"] {
            // Copies only the contents and not the permissions, because the original may be read-only and the test changes the
            // copy.
            let bytes = fs::read(root().join("openapi").join(name)).expect("a file");
            fs::write(copy.openapi(name), bytes).expect("a copy");
        }
        copy
    }

    fn with_code() -> Self {
        let copy = Self::new();
        regen::write(generated(), &copy.places().generated).expect("the code");
        copy
    }

    fn places(&self) -> Places {
        Places::of(self.root.path())
    }

    fn openapi(&self, name: &str) -> PathBuf {
        self.root.path().join("openapi").join(name)
    }

    fn code(&self, name: &str) -> PathBuf {
        self.places().generated.join(name)
    }

    fn edit(&self, path: &Path, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(path).expect("a file");
        let changed = change(text.clone());
        assert_ne!(text, changed, "the edit did nothing");
        fs::write(path, changed).expect("a change");
    }

    /// Replaces the document, and changes its record accordingly.
    fn replace_document(&self, document: &Value) {
        let bytes = serde_json::to_vec(document).expect("JSON");
        let mut record: Value =
            serde_json::from_slice(&fs::read(self.openapi("source.json")).expect("a file"))
                .expect("JSON");
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        record["sha256"] = json!(digest);
        record["size"] = json!(bytes.len());
        fs::write(self.openapi("openapi.json"), bytes).expect("a document");
        fs::write(self.openapi("source.json"), record.to_string()).expect("a record");
    }

    fn build(&self) -> Result<Files, String> {
        regen::build_vendored(&self.places())
            .map(|built| built.files)
            .map_err(|error| format!("{error:#}"))
    }

    fn xtask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .arg("--root")
            .arg(self.root.path())
            .args(arguments)
            .output()
            .expect("a run")
    }

    /// Returns all files below the root, each with its modification time and its contents.
    fn state(&self) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
        state(self.root.path())
    }
}

fn state(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let entry = entry.expect("an entry");
        let modified = entry
            .metadata()
            .and_then(|data| data.modified())
            .expect("a time");
        match entry.path() {
            path if path.is_dir() => {
                found.extend(state(&path));
                found.insert(path, (modified, Vec::new()));
            }
            path => drop(found.insert(path.clone(), (modified, fs::read(&path).expect("a file")))),
        }
    }
    found
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

// ---- the same bytes -----------------------------------------------------------------------------------------------------

#[test]
fn the_code_in_the_tree_is_up_to_date() {
    let stale = regen::differences(generated(), &Places::of(&root()).generated).expect("the tree");
    assert!(
        stale.is_empty(),
        "run `{}` and commit the result: {stale:#?}",
        regen::COMMAND
    );
    check_files(generated()).expect("code in order");
}

#[test]
fn the_index_has_every_operation_of_the_document_once() {
    let document = vendored();
    let paths = document["paths"].as_object().expect("paths");
    let mut expected: Vec<String> = paths
        .values()
        .flat_map(|item| item.as_object().expect("operations").values())
        .filter_map(|operation| operation["operationId"].as_str())
        .map(str::to_owned)
        .collect();
    let index = &generated()["index.rs"];
    let rows = index
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`"));
    let mut listed: Vec<String> = Vec::new();
    for row in rows {
        let (id, rest) = row.split_once("`](").expect("a link");
        let (address, rest) = rest.split_once(") | [`").expect("a method");
        let (method, link) = rest.split_once("`](").expect("a link");
        assert!(
            address.starts_with("https://circleci.com/docs/api/v2/index.html#tag/")
                && address.ends_with(&format!("/operation/{id}")),
            "{row}"
        );
        assert!(
            link.starts_with(&format!("crate::Client::{method}) | [`")),
            "{row}"
        );
        // The third column links to the page of the operation, which contains the setters and an example.
        let (builder, rest) = link
            .split_once(") | [`")
            .and_then(|(_, rest)| rest.split_once("`]("))
            .expect("a page");
        assert!(
            rest.starts_with(&format!("crate::operations::{builder}) | `")),
            "{row}"
        );
        let defined = generated()
            .values()
            .filter(|text| text.contains(&format!("    {builder} -> ")))
            .count();
        assert_eq!(defined, 1, "{builder}");
        let function = format!("    pub fn {method}(&self");
        let defined = generated()
            .values()
            .filter(|text| text.contains(&function))
            .count();
        assert_eq!(defined, 1, "{method}");
        listed.push(id.to_owned());
    }
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
    assert!(listed.len() > 100, "{} operations", listed.len());
}

#[test]
fn the_guide_about_deviations_is_up_to_date() {
    let page = deviations::written(&root(), &overlay()).expect("the guide");
    let deviations::Page { path, text, old } = page.expect("a folder of guides");
    assert!(
        old.as_ref() == Some(&text),
        "{path}: run `{}` and commit the result",
        regen::COMMAND
    );
}

/// Only the guide lists the deviations, so the README contains nothing that is generated.
#[test]
fn the_readme_has_no_generated_part() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(
        !readme.contains("written by `cargo xtask regen`"),
        "{readme}"
    );
}

#[test]
fn the_page_names_every_action_and_every_fixup_with_its_reason() {
    let text = overlay();
    let page = deviations::page(&deviations::of(&text).expect("deviations"));
    // The page contains the whole text of the overlay. Only the format of table cells, capitals and full stops differ.
    let gist = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.collect::<String>().to_lowercase()
    };
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<String> = rows
        .filter(|line| !line.starts_with("| what | why |"))
        .map(gist)
        .collect();
    let actions: Value = serde_yaml_ng::from_str(&text).expect("the overlay");
    let actions = actions["actions"].as_array().expect("actions");
    let mut expected: Vec<String> = actions
        .iter()
        .map(|action| {
            let said = |key: &str| gist(action[key].as_str().expect("a text"));
            said("description") + &said("target")
        })
        .collect();
    expected.extend(FIXUPS.iter().map(|it| gist(it.name) + &gist(it.reason)));
    assert_eq!(rows, expected);
}

#[test]
fn the_guide_about_deviations_follows_the_overlay() {
    let copy = Copy::with_code();
    let page = copy.root.path().join(deviations::PAGE);
    fs::create_dir_all(page.parent().expect("a folder")).expect("a folder");
    fs::copy(root().join(deviations::PAGE), &page).expect("a copy");
    assert_eq!(copy.xtask(&["regen", "--check"]).status.code(), Some(0));

    copy.edit(&copy.openapi("overlay.yaml"), |text| {
        text.replacen("Doubles. Rates", "Long numbers. Rates", 1)
    });
    let before = copy.state();
    let output = copy.xtask(&["regen", "--check"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    // The guide is the only stale file, because the README has no generated part.
    assert!(
        said(&output).contains(&format!("changed: {}\n", deviations::PAGE)),
        "{}",
        said(&output)
    );
    assert!(copy.state() == before, "something was written");
    assert_eq!(copy.xtask(&["regen"]).status.code(), Some(0));
    assert_eq!(copy.xtask(&["regen", "--check"]).status.code(), Some(0));
    let page = fs::read_to_string(page).expect("the page");
    assert!(page.contains("| Long numbers | Rates and trends"), "{page}");

    // If the guide is missing, it counts as stale, and `regen` writes it.
    let page = copy.root.path().join(deviations::PAGE);
    fs::remove_file(&page).expect("a page to remove");
    assert_eq!(copy.xtask(&["regen", "--check"]).status.code(), Some(4));
    assert_eq!(copy.xtask(&["regen"]).status.code(), Some(0));
    assert!(page.is_file());
}

#[test]
fn two_runs_and_two_spellings_of_a_document_give_the_same_bytes() {
    assert!(
        Copy::new().build().as_ref() == Ok(generated()),
        "a second run differs"
    );
    // This is the same document with indentation, and with the keys of every object in reverse order.
    let text = reversed(&vendored(), 0);
    assert_eq!(
        serde_json::from_str::<Value>(&text).expect("JSON"),
        vendored()
    );
    let document = xtask::document::parse(text.as_bytes(), "x").expect("a document");
    let built = regen::build(document, &overlay(), false).expect("the same document");
    assert!(built.files == *generated(), "the order of keys shows");
}

/// Writes JSON with the keys of every object in reverse order.
fn reversed(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| b.0.cmp(a.0));
            let entries = entries.iter().map(|(key, value)| {
                format!(
                    "\n{:indent$}{}: {}",
                    "",
                    json!(key),
                    reversed(value, indent + 1)
                )
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!(
            "[{}]",
            items
                .iter()
                .map(|item| reversed(item, indent))
                .collect::<Vec<_>>()
                .join(" , ")
        ),
        scalar => scalar.to_string(),
    }
}

// ---- --check ----------------------------------------------------------------------------------------------------------------

#[test]
fn check_accepts_what_is_up_to_date_and_writes_nothing() {
    let copy = Copy::with_code();
    let before = copy.state();
    let output = copy.xtask(&["regen", "--check"]);
    assert_eq!(
        (output.status.code(), said(&output)),
        (
            Some(0),
            format!(
                "{} files, 0 of them out of date in {}\n",
                generated().len(),
                copy.root
                    .path()
                    .join("circleci-api/src/generated")
                    .display()
            )
        )
    );
    assert!(copy.state() == before, "something was written");
    // Without `--check`, a run must not rewrite files that are up to date.
    assert_eq!(copy.xtask(&["regen"]).status.code(), Some(0));
    assert!(copy.state() == before, "something was written");
}

#[test]
fn check_finds_what_is_stale_and_writes_nothing() {
    type Spoil = fn(&Copy);
    let cases: [(&str, Spoil); 6] = [
        ("changed: types/job.rs", |copy| {
            copy.edit(&copy.code("types/job.rs"), |text| {
                text.replacen("pub", "pUb", 1)
                    .replacen("object!", "obJect!", 1)
            })
        }),
        ("changed: mod.rs", |copy| {
            copy.edit(&copy.code("mod.rs"), |text| text + " ")
        }),
        ("missing: paging.rs", |copy| {
            fs::remove_file(copy.code("paging.rs")).expect("a file")
        }),
        ("orphaned: types/extra.rs", |copy| {
            fs::write(copy.code("types/extra.rs"), "").expect("a file")
        }),
        ("orphaned: deep/er/notes.txt", |copy| {
            fs::create_dir_all(copy.code("deep/er")).expect("a folder");
            fs::write(copy.code("deep/er/notes.txt"), "").expect("a file");
        }),
        ("missing: types/mod.rs", |copy| {
            fs::remove_dir_all(copy.code("types")).expect("a folder")
        }),
    ];
    for (line, spoil) in cases {
        let copy = Copy::with_code();
        spoil(&copy);
        let before = copy.state();
        let output = copy.xtask(&["regen", "--check"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(4), "{line}: {text}");
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
        assert!(
            text.contains("run `cargo xtask regen` and commit the result"),
            "{text}"
        );
        assert!(copy.state() == before, "{line}: something was written");
    }
    // If the folder of the generated code is missing, the code counts as stale.
    let copy = Copy::new();
    let output = copy.xtask(&["regen", "--check"]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(
        said(&output).matches("missing: ").count(),
        generated().len()
    );
    assert!(!copy.places().generated.exists());
    // The error names a command. This command must repair the failure.
    assert_eq!(copy.xtask(&["regen"]).status.code(), Some(0));
    assert_eq!(copy.xtask(&["regen", "--check"]).status.code(), Some(0));
}

#[test]
fn check_finds_a_changed_document() {
    let copy = Copy::with_code();
    copy.edit(&copy.openapi("openapi.json"), |text| {
        text.replacen("CircleCI", "CircleCi", 1)
    });
    let before = copy.state();
    for (arguments, code) in [
        (["regen", "--check"].as_slice(), 4),
        (["regen"].as_slice(), 1),
    ] {
        let output = copy.xtask(arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(
            text.contains("sha256")
                && text.contains("`cargo xtask fetch`")
                && text.trim_end().lines().count() == 1,
            "{text}"
        );
        assert!(copy.state() == before, "something was written");
    }
    let copy = Copy::with_code();
    copy.edit(&copy.openapi("source.json"), |text| {
        text.replace("\"size\": 6", "\"size\": 7")
    });
    assert_eq!(copy.xtask(&["regen", "--check"]).status.code(), Some(4));
    let copy = Copy::with_code();
    fs::remove_file(copy.openapi("source.json")).expect("a file");
    let output = copy.xtask(&["regen", "--check"]);
    assert!(
        output.status.code() != Some(0) && said(&output).contains("source.json"),
        "{}",
        said(&output)
    );
}

// ---- what no longer applies ---------------------------------------------------------------------------------------------------

#[test]
fn an_overlay_action_that_matches_nothing_fails_by_name() {
    let copy = Copy::with_code();
    let action = "  - description: >-\n      Gone since May. Nothing has this key any more.\n    target: $..[?@['x-gone'] == true]\n    update: { nullable: true }\n";
    copy.edit(&copy.openapi("overlay.yaml"), |text| text + action);
    assert_eq!(
        copy.build(),
        Err("overlay action \"Gone since May\" matches nothing".to_owned())
    );
    let before = copy.state();
    let output = copy.xtask(&["regen"]);
    assert_eq!(
        (output.status.code(), said(&output)),
        (
            Some(1),
            "error: overlay action \"Gone since May\" matches nothing\n".to_owned()
        )
    );
    assert!(copy.state() == before, "something was written");
    // For all other documents, this line is only a warning.
    let out = copy.root.path().join("out");
    let (spec, out) = (
        copy.openapi("openapi.json"),
        out.to_string_lossy().into_owned(),
    );
    let output = copy.xtask(&["regen", "--spec", &spec.to_string_lossy(), "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output)
            .contains("warning: overlay action \"Gone since May\" matches nothing, nor in openapi/openapi.json: correct its target\n")
    );
    assert!(
        regen::differences(generated(), Path::new(&out))
            .expect("a folder")
            .is_empty()
    );
}

#[test]
fn a_regen_waits_for_no_update_and_removes_what_a_killed_one_left() {
    let copy = Copy::with_code();
    copy.edit(&copy.code("mod.rs"), |text| text + "\n");
    let left = copy.places().generated.with_file_name(".regen-killed");
    fs::create_dir_all(left.join("old")).expect("a folder");
    let held = xtask::document::lock::Lock::take(&copy.places().openapi).expect("a lock");
    assert!(held.is_some());
    let before = copy.state();
    let output = copy.xtask(&["regen"]);
    assert!(
        said(&output).contains("another `cargo xtask` command is running in this tree"),
        "{}",
        said(&output)
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(copy.state() == before);
    drop(held);
    let output = copy.xtask(&["regen"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!left.exists());
}

#[test]
fn an_action_that_never_matched_is_told_from_one_that_matches_no_more() {
    let copy = Copy::with_code();
    let git = |arguments: &[&str]| common::git(copy.root.path(), arguments);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let action = "  - description: Never there.\n    target: $.components.schemas['component'].propertys\n    update: { a: {} }\n";
    copy.edit(&copy.openapi("overlay.yaml"), |text| text + action);
    let never = "overlay action \"Never there\" matches nothing, nor in the document of the last commit: correct its target, \
                 of which only $.components.schemas['component'] is there";
    assert_eq!(copy.build(), Err(never.to_owned()));
    let mut document = vendored();
    let page_size = &mut document["components"]["parameters"];
    let taken = page_size
        .as_object_mut()
        .and_then(|map| map.remove("page_size"));
    // All references to the parameter get its new name, so that none of them is broken.
    page_size["size_of_page"] = taken.expect("a parameter");
    let text = document.to_string();
    let text = text.replace(
        "#/components/parameters/page_size",
        "#/components/parameters/size_of_page",
    );
    copy.replace_document(&serde_json::from_str(&text).expect("JSON"));
    let no_more = "overlay action \"Page sizes\" matches nothing any more (1 place in the document of the last commit): \
                   delete it if CircleCI has fixed the cause, or else correct its target, of which only $.components.parameters is there";
    let error = copy.build().expect_err("two idle actions");
    let lines: Vec<&str> = error.lines().collect();
    assert!(
        lines.contains(&never) && lines.contains(&no_more),
        "{error}"
    );
}

#[test]
fn new_types_are_named_by_the_rows_that_rename_them() {
    let copy = Copy::with_code();
    let mut document = vendored();
    let at = "/components/schemas/component/properties";
    let limits = json!({ "type": "object", "properties": { "cpu": { "type": "integer" } } });
    put(&mut document, &format!("{at}/limits"), limits);
    let (spec, out) = (
        copy.root.path().join("new.json"),
        copy.root.path().join("out"),
    );
    fs::write(&spec, document.to_string()).expect("a file");
    let [spec, out] = [spec, out].map(|it| it.to_string_lossy().into_owned());
    let run = || copy.xtask(&["regen", "--spec", &spec, "--out", &out]);
    let text = said(&run());
    let line = "paste the row into xtask/src/lower/names.rs:\n    (\"#component.limits\", \"ComponentLimits\"),\n";
    assert!(text.contains(line), "{text}");
    assert_eq!(text.matches("    (\"").count(), 1, "{text}");
    // The output contains the full path of the folder.
    assert!(text.contains(&format!(" rewritten in {out}\n")), "{text}");
    copy.replace_document(&document);
    let text = said(&copy.xtask(&["regen"]));
    assert!(text.contains(line), "{text}");
    assert!(
        !said(&copy.xtask(&["regen"])).contains(line),
        "it is not new any more"
    );
}

#[test]
fn an_overlay_that_cannot_be_read_or_applied_fails_in_one_line() {
    for (overlay, expected) in [
        ("overlay: [", "overlay.yaml is not an Overlay document: "),
        ("", "overlay.yaml is not an Overlay document: "),
        (
            "overlay: 1.1.0\ninfo: { title: T, version: '1' }\nactions:\n  - { description: Bad path. , target: '$..[', remove: true }\n",
            "overlay action \"Bad path\": ",
        ),
        (
            "overlay: 1.1.0\ninfo: { title: T, version: '1' }\nactions:\n  - { description: A title., target: $.info.title, update: { a: 1 } }\n",
            "overlay action \"A title\": ",
        ),
    ] {
        let error = regen::build(vendored(), overlay, false)
            .map(drop)
            .map_err(|error| format!("{error:#}"));
        let error = error.expect_err("a problem");
        assert!(
            error.starts_with(expected) && error.lines().count() == 1,
            "{error}"
        );
    }
}

#[test]
fn a_fixup_that_matches_nothing_fails_by_name() {
    let copy = Copy::with_code();
    // The document changes as if CircleCI had corrected the faults that make the fixup "no defaults" necessary.
    let mut document = vendored();
    let mended = mend(&mut document);
    assert!(mended > 0, "the document has changed: choose another fixup");
    copy.replace_document(&document);
    assert_eq!(
        copy.build(),
        Err("fixup \"no defaults\" matches nothing".to_owned())
    );
    // For all other documents, this line is only a warning.
    let built = build(document).expect("a warning");
    assert!(
        built
            .unused
            .contains(&"fixup \"no defaults\" matches nothing".to_owned())
    );
}

/// Removes every `default` that is a keyword of a schema. A `default` is such a keyword if it is next to another keyword, such as
/// `type`. Returns how many it removed.
fn mend(value: &mut Value) -> usize {
    let mut mended = 0;
    match value {
        Value::Object(map) => {
            let schema = ["type", "enum", "$ref", "oneOf", "anyOf", "description"]
                .iter()
                .any(|key| map.contains_key(*key));
            if schema && !map.contains_key("responses") && map.remove("default").is_some() {
                mended += 1;
            }
            mended += map
                .iter_mut()
                .filter(|(key, _)| *key != "example")
                .map(|(_, child)| mend(child))
                .sum::<usize>();
        }
        Value::Array(list) => mended += list.iter_mut().map(mend).sum::<usize>(),
        _ => {}
    }
    mended
}

#[test]
fn a_row_of_the_naming_table_without_a_place_fails_by_name() {
    let copy = Copy::with_code();
    let mut document = vendored();
    // Removes the operations whose responses refer to `#version`, so that the table row for `#version` matches nothing.
    document["paths"]
        .as_object_mut()
        .expect("paths")
        .retain(|path, _| !path.starts_with("/deploy/components/{component_id}/versions"));
    copy.replace_document(&document);
    let error = copy.build().expect_err("a row too many");
    assert!(error.lines().any(|line| line == "naming table: the row of ComponentVersion matches nothing, because the document has no #version"), "{error}");
    let built = build(document).expect("a warning");
    assert!(
        built
            .unused
            .iter()
            .any(|line| line.starts_with("naming table: the row of ComponentVersion "))
    );
}

#[test]
fn a_curated_answer_without_an_operation_fails_by_name() {
    let copy = Copy::with_code();
    let mut document = vendored();
    let paths = document["paths"].as_object_mut().expect("paths");
    paths
        .remove("/me")
        .expect("an operation with a curated answer");
    copy.replace_document(&document);
    let line = "openapi/examples.yaml: the document has no operation getCurrentUser";
    let error = copy.build().expect_err("an answer too many");
    assert!(error.lines().any(|it| it == line), "{error}");
    let built = build(document).expect("a warning");
    assert!(built.unused.iter().any(|it| it == line));
}

#[test]
fn problems_of_the_document_are_one_line_each() {
    let copy = Copy::with_code();
    let mut document = vendored();
    put(
        &mut document,
        "/paths/~1me/get/operationId",
        json!("listContexts"),
    );
    put(
        &mut document,
        "/components/schemas/Broken",
        json!({ "type": "string", "enum": [] }),
    );
    copy.replace_document(&document);
    let before = copy.state();
    let output = copy.xtask(&["regen"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "error: /components/schemas/Broken: an enum without values: no value is valid\n\
         /paths/~1me/get/operationId: is the same as /paths/~1context/get/operationId\n"
    );
    assert!(copy.state() == before, "something was written");
}

#[test]
fn other_files_than_documents_are_refused_in_one_line() {
    let copy = Copy::new();
    let out = copy.root.path().join("out").to_string_lossy().into_owned();
    for (text, expected) in [
        (
            "<html>",
            "error: spec.json is neither JSON nor YAML: it is a single value, not an object or a list\n",
        ),
        (
            "{\"swagger\": \"2.0\"}",
            "error: spec.json: /swagger: Swagger 2.0 is not supported, only OpenAPI 3.0.x and 3.1.x\n",
        ),
        (
            "{\"openapi\": \"3.2.0\"}",
            "error: spec.json: /openapi: version 3.2.0 is not supported, only 3.0.x and 3.1.x\n",
        ),
        (
            "[]",
            "error: spec.json: /openapi: is missing, so this is not an OpenAPI document\n",
        ),
    ] {
        let spec = copy.root.path().join("spec.json");
        fs::write(&spec, text).expect("a file");
        let output = copy.xtask(&["regen", "--spec", &spec.to_string_lossy(), "--out", &out]);
        assert_eq!(
            (output.status.code(), said(&output)),
            (Some(1), expected.to_owned())
        );
        assert!(!Path::new(&out).exists());
    }
    let output = copy.xtask(&["regen", "--spec", "nowhere.json", "--out", &out]);
    assert!(
        said(&output).starts_with("error: cannot read nowhere.json: "),
        "{}",
        said(&output)
    );
    // `--spec` requires `--out`. Otherwise, code for another document would replace the code of this repository.
    assert_eq!(
        copy.xtask(&["regen", "--spec", "nowhere.json"])
            .status
            .code(),
        Some(2)
    );
}

// ---- writing ----------------------------------------------------------------------------------------------------------------

fn files(list: &[(&str, &str)]) -> Files {
    list.iter()
        .map(|(path, text)| {
            (
                (*path).to_owned(),
                format!("// Generated by `cargo xtask regen` from x; do not edit.\n{text}"),
            )
        })
        .collect()
}

#[test]
fn writing_replaces_the_whole_set() {
    let root = TempDir::new().expect("a folder");
    let dir = root.path().join("a/b/generated");
    let one = files(&[
        ("mod.rs", "1"),
        ("types/job.rs", "1"),
        ("types/gone.rs", "1"),
    ]);
    regen::write(&one, &dir).expect("a first set");
    assert!(regen::differences(&one, &dir).expect("a folder").is_empty());
    let two = files(&[
        ("mod.rs", "2"),
        ("types/job.rs", "1"),
        ("operations/mod.rs", "2"),
    ]);
    assert_eq!(
        regen::differences(&two, &dir).expect("a folder"),
        [
            "changed: mod.rs",
            "missing: operations/mod.rs",
            "orphaned: types/gone.rs"
        ]
    );
    regen::write(&two, &dir).expect("a second set");
    assert!(regen::differences(&two, &dir).expect("a folder").is_empty());
    // There must be no temporary file left.
    assert_eq!(
        fs::read_dir(root.path().join("a/b"))
            .expect("a folder")
            .count(),
        1
    );
}

#[test]
fn foreign_files_are_left_alone() {
    let root = TempDir::new().expect("a folder");
    let dir = root.path().join("src");
    fs::create_dir_all(dir.join("deep")).expect("a folder");
    fs::write(dir.join("deep/mine.rs"), "fn mine() {}").expect("a file");
    fs::write(dir.join("image.bin"), [0xff, 0xfe]).expect("a file");
    let before = state(&dir);
    let error = regen::write(&files(&[("mod.rs", "")]), &dir)
        .expect_err("foreign files")
        .to_string();
    assert_eq!(
        error,
        "deep/mine.rs in the output folder was not generated by `cargo xtask regen`; name an empty folder, or remove the file"
    );
    assert!(state(&dir) == before, "something was written");
    fs::remove_dir_all(dir.join("deep")).expect("a folder");
    let error = regen::write(&files(&[("mod.rs", "")]), &dir)
        .expect_err("a foreign file")
        .to_string();
    assert!(
        error.starts_with("image.bin in the output folder"),
        "{error}"
    );
    // Here, the output path is a file and not a folder.
    let file = root.path().join("file");
    fs::write(&file, "x").expect("a file");
    assert!(regen::write(&files(&[("mod.rs", "")]), &file).is_err());
    assert_eq!(fs::read_to_string(&file).expect("a file"), "x");
}

#[test]
fn a_failure_leaves_the_old_files() {
    let root = TempDir::new().expect("a folder");
    let dir = root.path().join("generated");
    let old = files(&[("mod.rs", "1"), ("types/job.rs", "1")]);
    regen::write(&old, &dir).expect("a first set");
    // `a` cannot be both a file and a folder, so the write fails for every user.
    let broken = files(&[("a", "2"), ("a/b.rs", "2"), ("mod.rs", "2")]);
    let error = format!(
        "{:#}",
        regen::write(&broken, &dir).expect_err("no such set")
    );
    assert!(error.starts_with("cannot write a/b.rs: "), "{error}");
    assert!(regen::differences(&old, &dir).expect("a folder").is_empty());
    assert_eq!(
        fs::read_dir(root.path()).expect("a folder").count(),
        1,
        "something is left beside it"
    );
}

// ---- documents of other years -----------------------------------------------------------------------------------------------

/// Returns small documents with the constructs that CircleCI's documents of 2023 and 2025 contain and the vendored one does not.
fn older() -> [(&'static str, Value); 4] {
    let response = |schema: Value| json!({ "description": "", "content": { "application/json": { "schema": schema } } });
    let slug = || json!({ "name": "project-slug", "in": "path", "required": true, "schema": { "type": "string" }, "allowReserved": true });
    let error = || json!({ "description": "", "content": { "application/json": { "schema": { "type": "object", "properties": { "message": { "type": "string" } } } } } });
    let start = |paths: Value| json!({ "openapi": "3.0.3", "info": { "title": "CircleCI API", "version": "v2" }, "paths": paths });
    // This document has inline schemas, no components, errors under `default`, `x-nullable`, and parameters with `anyOf`.
    let inline = start(json!({ "/project/{project-slug}/pipeline": {
        "get": {
            "operationId": "listPipelinesForProject",
            "summary": "Get all pipelines",
            "tags": ["Pipeline"],
            "parameters": [slug(), { "name": "page-token", "in": "query", "required": false, "schema": { "type": "string" } }],
            "responses": { "200": response(json!({
                "title": "PipelineListResponse",
                "type": "object",
                "required": ["items", "next_page_token"],
                "properties": {
                    "items": { "type": "array", "items": { "title": "Pipeline", "type": "object", "required": ["id", "number"], "properties": {
                        "id": { "type": "string", "format": "uuid" }, "number": { "type": "integer", "format": "int64" },
                        "state": { "type": "string", "enum": ["created", "errored", "setup-pending"] },
                        "trigger_parameters": { "type": "object", "additionalProperties": { "anyOf": [{ "type": "string" }, { "type": "integer" }, { "type": "boolean" }, { "type": "object", "additionalProperties": true }] } }
                    } } },
                    "next_page_token": { "type": "string", "x-nullable": true }
                },
                "additionalProperties": false
            })), "default": error() }
        },
        "post": {
            "operationId": "triggerPipeline",
            "tags": ["Pipeline"],
            "parameters": [slug()],
            "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": {
                "branch": { "type": "string" }, "parameters": { "type": "object", "additionalProperties": { "anyOf": [{ "type": "integer" }, { "type": "string" }, { "type": "boolean" }] } }
            } } } } },
            "responses": { "201": response(json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "string" }, "state": { "type": "string", "enum": ["created", "errored", "setup-pending"] } } })), "default": error() }
        }
    } }));
    // This document has a timetable with two alternatives, timestamps without a type, kebab-case keys, and a number whose `allOf`
    // has two equal parts.
    let schedules = start(json!({ "/schedule/{schedule-id}": { "patch": {
        "operationId": "updateSchedule",
        "tags": ["Schedule"],
        "parameters": [{ "name": "schedule-id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }],
        "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": {
            "name": { "type": "string" },
            "timetable": { "type": "object", "properties": {
                "per-hour": { "allOf": [{ "type": "integer" }, { "type": "integer", "minimum": 1 }] }, "hours-of-day": { "type": "array", "items": { "type": "integer", "format": "integer" } }
            } }
        } } } } },
        "responses": { "200": response(json!({ "type": "object", "required": ["id", "created-at", "timetable"], "properties": {
            "id": { "type": "string", "format": "uuid" }, "created-at": {}, "updated-at": { "description": "When." },
            "timetable": { "anyOf": [
                { "type": "object", "required": ["per-hour"], "properties": { "per-hour": { "type": "integer" }, "hours-of-day": { "type": "array", "items": { "type": "integer" } }, "days-of-week": { "type": "array", "items": { "type": "string", "enum": ["TUE", "SAT"] } } } },
                { "type": "object", "required": ["per-hour"], "properties": { "per-hour": { "type": "integer" }, "hours-of-day": { "type": "array", "items": { "type": "integer" } }, "days-of-month": { "type": "array", "items": { "type": "integer" } } } }
            ] }
        } })), "default": error() }
    } } }));
    // This document has a few components, several error responses with different bodies, a list with an `offset`, and maps of
    // lists.
    let mut policies = start(
        json!({ "/owner/{ownerID}/context/{context}/decision": { "get": {
        "operationId": "GetDecisionLogs",
        "tags": ["Policy Management"],
        "parameters": [
            { "name": "ownerID", "in": "path", "required": true, "schema": { "type": "string" } },
            { "name": "context", "in": "path", "required": true, "schema": { "type": "string", "default": "config" } },
            { "name": "after", "in": "query", "schema": { "type": "string", "format": "date-time" } },
            { "name": "offset", "in": "query", "schema": { "type": "integer" } }
        ],
        "responses": {
            "200": response(json!({ "type": "array", "items": { "$ref": "#/components/schemas/DecisionLog" } })),
            "400": response(json!({ "$ref": "#/components/schemas/Error" })), "500": error()
        }
    } } }),
    );
    policies["components"] = json!({ "schemas": {
        "Error": { "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } } },
        "DecisionLog": { "type": "object", "properties": { "created_at": { "type": "string", "format": "date-time" }, "policies": { "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } } } } }
    } });
    // This document has an empty `components` object, a response without a body, rates in the format `float`, and objects in the
    // query.
    let mut insights = start(json!({ "/insights/{project-slug}/summary": {
        "get": {
            "operationId": "getSummary",
            "tags": ["Insights"],
            "parameters": [slug(), { "name": "branches", "in": "query", "schema": { "type": "object" }, "example": "?branches=main&branches=dev" }],
            "responses": { "200": response(json!({ "type": "object", "properties": { "success_rate": { "type": "number", "format": "float" }, "trends": { "type": "object", "additionalProperties": { "type": "number", "format": "float" } } } })), "default": error() }
        },
        "delete": { "operationId": "forgetSummary", "parameters": [slug()], "responses": { "204": { "description": "" }, "default": error() } }
    } }));
    insights["components"] = json!({});
    [
        ("inline", inline),
        ("schedules", schedules),
        ("policies", policies),
        ("insights", insights),
    ]
}

#[test]
fn older_documents_generate_with_warnings() {
    for (name, document) in older() {
        let copy = Copy::new();
        let (spec, out) = (
            copy.root.path().join("spec.json"),
            copy.root.path().join("out"),
        );
        fs::write(&spec, document.to_string()).expect("a file");
        let output = copy.xtask(&[
            "regen",
            "--spec",
            &spec.to_string_lossy(),
            "--out",
            &out.to_string_lossy(),
        ]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        assert!(
            said(&output)
                .lines()
                .any(|line| line.starts_with("warning: overlay action ")),
            "{name}: {}",
            said(&output)
        );
        let (files, _) = works(document);
        assert!(
            regen::differences(&files, &out)
                .expect("a folder")
                .is_empty(),
            "{name}"
        );
        assert!(
            !copy.places().generated.exists(),
            "{name}: the code in the tree is none of its business"
        );
    }
}

#[test]
fn older_documents_mean_what_they_meant() {
    let [inline, schedules, policies, insights] = older().map(|(_, document)| works(document).1);
    let lines = [&inline, &schedules, &policies, &insights]
        .map(|surface| surface.list_operations() + &surface.list_types());
    for (text, expected) in [
        (
            &lines[0],
            [
                "paged by token: Pipeline",
                "branch: Option<String>",
                "BTreeMap<String, ParameterValue>",
            ],
        ),
        (
            &lines[1],
            [
                "created-at | created_at",
                "per-hour | per_hour",
                "days-of-month | days_of_month",
            ],
        ),
        (
            &lines[2],
            [
                "paged by offset: DecisionLog",
                "after?: DateTime<Utc>",
                "policies: Option<DecisionPolicies>",
            ],
        ),
        (
            &lines[3],
            [
                "branches?: [QueryValue]",
                "success_rate: Option<f64>",
                "-> ()",
            ],
        ),
    ] {
        for word in expected {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
