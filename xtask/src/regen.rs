//! `cargo xtask regen`: the whole way from the document to `circleci-api/src/generated/`.

use crate::{
    document::{
        self, fetch, fixups,
        overlay::{self, Applied},
    },
    emit::{
        self,
        model::{Files, Model},
        words::{self, Words},
    },
    lower::{hoist, oracle, precheck},
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The command that mends stale code; failures name it.
pub const COMMAND: &str = "cargo xtask regen";

/// What one run makes of a document.
pub struct Built {
    pub files: Files,
    /// The document as progenitor saw it.
    pub effective: Value,
    pub report: Vec<Applied>,
    /// What is wrong with the overlay, the fixups, the naming table or the tables of words for this document: fatal for the vendored one.
    pub stale: Vec<String>,
}

/// Turns a document into files, in memory. `lenient` is for documents other than the vendored one.
pub fn build(mut document: Value, overlay: &str, lenient: bool) -> Result<Built> {
    if let Some(pointer) = document::too_deep(&document) {
        bail!(
            "{pointer}: is nested more than {} levels deep",
            document::DEEPEST
        );
    }
    // An Overlay cannot add to what is not there, and documents of an older dialect have no components.
    if let Some(root) = document.as_object_mut() {
        let components = root.entry("components").or_insert_with(|| json!({}));
        components
            .as_object_mut()
            .map(|components| components.entry("schemas").or_insert_with(|| json!({})));
    }
    let mut report = overlay::apply(&mut document, overlay, lenient)?;
    let actions = report.len();
    report.extend(fixups::apply(&mut document));
    let mut stale: Vec<String> = Vec::new();
    for (index, applied) in report
        .iter()
        .enumerate()
        .filter(|(_, applied)| applied.matches == 0)
    {
        let kind = if index < actions {
            "overlay action"
        } else {
            "fixup"
        };
        stale.push(format!(
            "{kind} \"{}\" matches nothing any more",
            applied.name
        ));
    }
    stale.extend(words::mend(&mut document));
    let problems = precheck::check(&document);
    if !problems.is_empty() {
        bail!("{}", precheck::one_line(&problems));
    }
    let hoisted = hoist::hoist(&document, lenient)?;
    stale.extend(hoisted.warnings.iter().cloned());
    let problems = precheck::check_names(&hoisted);
    if !problems.is_empty() {
        bail!("{}", precheck::one_line(&problems));
    }
    let types = oracle::ask(&hoisted.document)?;
    let words = Words::default();
    let files = emit::emit(&Model::read(&hoisted, &types, &words)?)?;
    stale.extend(words.unused());
    Ok(Built {
        files,
        effective: hoisted.document,
        report,
        stale,
    })
}

/// Where things are, below the root of the repository.
pub struct Places {
    pub openapi: PathBuf,
    pub generated: PathBuf,
}

impl Places {
    pub fn of(root: &Path) -> Self {
        Self {
            openapi: root.join("openapi"),
            generated: root.join("circleci-api/src/generated"),
        }
    }

    pub fn overlay(&self) -> Result<String> {
        fs::read_to_string(self.openapi.join("overlay.yaml"))
            .context("cannot read openapi/overlay.yaml")
    }
}

/// The files of the vendored document; an overlay action, fixup or name that no longer applies is an error.
pub fn build_vendored(places: &Places) -> Result<Built> {
    let (bytes, _) = fetch::vendored(&places.openapi)?;
    let built = build(
        document::parse(&bytes, "openapi/openapi.json")?,
        &places.overlay()?,
        false,
    )?;
    if !built.stale.is_empty() {
        bail!("{}", built.stale.join("\n"));
    }
    Ok(built)
}

/// The files of any other document.
pub fn build_other(places: &Places, spec: &Path) -> Result<Built> {
    build(document::read(spec)?, &places.overlay()?, true)
}

/// How the files on disk differ from those that the document makes: `changed: types/job.rs` and the like.
pub fn differences(files: &Files, dir: &Path) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let on_disk = present(dir)?;
    for (path, text) in files {
        match fs::read(dir.join(path)) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(_) => differences.push(format!("changed: {path}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                differences.push(format!("missing: {path}"))
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read generated/{path}"));
            }
        }
    }
    differences.extend(
        on_disk
            .iter()
            .filter(|path| !files.contains_key(*path))
            .map(|path| format!("orphaned: {path}")),
    );
    Ok(differences)
}

/// Every file below `dir`, with `/` between its steps.
fn present(dir: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![(dir.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot list generated/{prefix}"));
            }
        };
        for entry in entries {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Replaces what is in `dir` by `files`: writes them beside it and swaps the folders, so that a failure leaves the old ones.
pub fn write(files: &Files, dir: &Path) -> Result<()> {
    refuse_foreign(dir)?;
    let parent = dir
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let staged = tempfile::Builder::new()
        .prefix(".regen-")
        .tempdir_in(parent)
        .context("cannot make a temporary folder")?;
    let new = staged.path().join("new");
    for (path, text) in files {
        let target = new.join(path);
        fs::create_dir_all(target.parent().unwrap_or(&new))
            .and_then(|()| fs::write(&target, text))
            .with_context(|| format!("cannot write {path}"))?;
    }
    let old = staged.path().join("old");
    let had_old = dir.exists();
    if had_old {
        fs::rename(dir, &old).context("cannot move the old files away")?;
    }
    if let Err(error) = fs::rename(&new, dir) {
        if had_old {
            fs::rename(&old, dir).context("cannot move the old files back")?;
        }
        return Err(error).context("cannot move the new files in place");
    }
    Ok(())
}

/// A folder that holds anything we did not generate is not ours to replace.
fn refuse_foreign(dir: &Path) -> Result<()> {
    for path in present(dir)? {
        let generated = fs::read_to_string(dir.join(&path))
            .is_ok_and(|text| text.starts_with("// Generated by `cargo xtask regen`"));
        if !generated {
            bail!(
                "{path} in the output folder was not generated by `{COMMAND}`; name an empty folder, or remove it"
            );
        }
    }
    Ok(())
}
