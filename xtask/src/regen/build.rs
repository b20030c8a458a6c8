//! The whole way from the document to the generated files, in memory.

use crate::{
    document::{
        self, fetch, fixups, order,
        overlay::{self, Applied},
    },
    emit::{
        self,
        model::{Files, Model},
        words::{self, Words},
    },
    lower::{
        hoist::{self, Named},
        names, oracle,
        precheck::{self, Problem},
    },
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What one run makes of a document.
pub struct Built {
    pub files: Files,
    /// The document after the overlay, the fixups and hoisting.
    pub effective: Value,
    pub report: Vec<Applied>,
    /// Every type with the places where it stands.
    pub types: Vec<Named>,
    /// Actions, fixups and rows of tables that do not fit this document. For the vendored document they are errors.
    pub warnings: Vec<String>,
}

/// Turns a document into files. `lenient` is for documents other than the vendored one.
pub fn build(mut document: Value, overlay: &str, lenient: bool) -> Result<Built> {
    if let Some(pointer) = document::too_deep(&document) {
        bail!(
            "{pointer}: is nested more than {} levels deep",
            document::DEEPEST
        );
    }
    // An Overlay cannot add to an object that is missing, and older documents have no components.
    if let Some(root) = document.as_object_mut() {
        let components = root.entry("components").or_insert_with(|| json!({}));
        components
            .as_object_mut()
            .map(|components| components.entry("schemas").or_insert_with(|| json!({})));
    }
    order::settle_alternatives(&mut document);
    let vendored = document.clone();
    let mut report = overlay::apply(&mut document, overlay, lenient)?;
    let mut warnings = unmatched("overlay action", &report);
    let fixed = fixups::apply(&mut document);
    warnings.extend(unmatched("fixup", &fixed));
    report.extend(fixed);
    warnings.extend(words::mend(&mut document));
    if lenient {
        warnings.extend(fixups::leave_out_headers(&mut document));
    }
    refuse(&precheck::check(&document))?;
    let hoisted = hoist::hoist(&document, lenient)?;
    warnings.extend(hoisted.warnings.iter().cloned());
    refuse(&precheck::check_names(&hoisted))?;
    let types = oracle::ask(&hoisted.document)?;
    let words = Words::default();
    let files = emit::emit(&Model::read(&hoisted, &types, &words)?, &vendored)?;
    warnings.extend(words.unused());
    warnings.extend(emit::replies::unused(&vendored)?);
    warnings.extend(names::unused_arguments(|name| {
        let types = &hoisted.document["components"]["schemas"];
        let required = types[name]["x-required"].as_array().into_iter().flatten();
        required
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }));
    Ok(Built {
        files,
        types: hoisted.types,
        effective: hoisted.document,
        report,
        warnings,
    })
}

/// A line for each overlay action or fixup that applied nowhere.
fn unmatched<'a>(kind: &'a str, report: &'a [Applied]) -> Vec<String> {
    let idle = report.iter().filter(|applied| applied.matches == 0);
    idle.map(|applied| format!("{kind} \"{}\" no longer matches anything", applied.name))
        .collect()
}

fn refuse(problems: &[Problem]) -> Result<()> {
    match problems {
        [] => Ok(()),
        problems => bail!("{}", precheck::one_line(problems)),
    }
}

/// The folders that the commands read and write.
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

/// Builds the files of the vendored document. An overlay action, fixup or row that no longer applies is an error.
pub fn build_vendored(places: &Places) -> Result<Built> {
    let (bytes, _) = fetch::vendored(&places.openapi)?;
    let built = build(
        document::parse(&bytes, "openapi/openapi.json")?,
        &places.overlay()?,
        false,
    )?;
    if !built.warnings.is_empty() {
        bail!("{}", built.warnings.join("\n"));
    }
    Ok(built)
}

/// Builds the files of another document.
pub fn build_other(places: &Places, spec: &Path) -> Result<Built> {
    build(document::read(spec)?, &places.overlay()?, true)
}
