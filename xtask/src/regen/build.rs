//! The whole way from the document to the generated files, in memory.

use super::{advice, idle};
use crate::{
    document::{
        self,
        dialect::Note,
        fetch, fixups, order,
        overlay::{self, Applied},
        revision,
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
    /// Actions, fixups and rows of tables that apply nowhere in this document. For the vendored document they are errors.
    pub unused: Vec<String>,
    /// Places of this document that need an action or a row. For the vendored document they are errors.
    pub unsettled: Vec<String>,
    /// The document after the overlay alone.
    pub overlaid: Value,
    /// What the document says in OpenAPI 3.1 that 3.0 cannot express.
    pub notes: Vec<Note>,
    /// Texts of several lines that a maintainer may paste.
    pub advice: Vec<String>,
}

/// Turns a document into files. `lenient` is for documents other than the vendored one.
pub fn build(mut document: Value, overlay: &str, lenient: bool) -> Result<Built> {
    if let Some(pointer) = document::too_deep(&document) {
        bail!(
            "{pointer}: is nested more than {} levels deep",
            document::DEEPEST
        );
    }
    document = prepared(document);
    let vendored = document.clone();
    let mut report = overlay::apply(&mut document, overlay, lenient)?;
    let overlaid = document.clone();
    let mut unused = idle("overlay action", &report);
    let fixed = fixups::apply(&mut document);
    unused.extend(idle("fixup", &fixed));
    report.extend(fixed);
    unused.extend(words::mend(&mut document));
    let left_out = match lenient {
        true => fixups::leave_out_headers(&mut document),
        false => Vec::new(),
    };
    refuse(&precheck::check(&document))?;
    let hoisted = hoist::hoist(&document);
    unused.extend(hoisted.findings.unused.iter().cloned());
    refuse(&precheck::check_names(&hoisted))?;
    let types = oracle::ask(&hoisted.document)?;
    let words = Words::default();
    let files = emit::emit(&Model::read(&hoisted, &types, &words)?, &vendored)?;
    unused.extend(words.unused());
    unused.extend(emit::replies::unused(&vendored)?);
    unused.extend(names::unused_arguments(|name| {
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
        unused,
        unsettled: [left_out, hoisted.findings.unsettled].concat(),
        overlaid,
        notes: Vec::new(),
        advice: Vec::new(),
    })
}

impl Built {
    /// What does not fit together, one line each. For the vendored document these are errors.
    pub fn warnings(&self) -> Vec<String> {
        [self.unsettled.as_slice(), &self.unused].concat()
    }

    /// Adds to the lines about idle actions what they did in an older document, and returns what may be pasted to keep the types
    /// of that document.
    fn compared(&mut self, base: &Value, name: &str, overlay: &str) -> Vec<String> {
        idle::explain(self, base, name, overlay);
        match build(base.clone(), overlay, true) {
            Ok(before) => advice::actions(&before, self),
            Err(_) => Vec::new(),
        }
    }
}

/// The document of the last commit, if the tree is in a repository that has one.
fn committed(places: &Places) -> Option<Value> {
    let root = places.openapi.parent()?;
    let (_, bytes) = revision::document_at(root, "HEAD").ok()?;
    document::parse(&bytes, fetch::DOCUMENT).ok()
}

/// The document as the overlay finds it.
pub fn prepared(mut document: Value) -> Value {
    // An Overlay cannot add to an object that is missing, and older documents have no components.
    if let Some(root) = document.as_object_mut() {
        let components = root.entry("components").or_insert_with(|| json!({}));
        components
            .as_object_mut()
            .map(|components| components.entry("schemas").or_insert_with(|| json!({})));
    }
    order::settle_alternatives(&mut document);
    document
}

/// A line for each overlay action or fixup that applied nowhere.
fn idle(kind: &str, report: &[Applied]) -> Vec<String> {
    let idle = report.iter().filter(|applied| applied.matches == 0);
    idle.map(|applied| unmatched(kind, &applied.name)).collect()
}

pub fn unmatched(kind: &str, name: &str) -> String {
    format!("{kind} \"{name}\" matches nothing")
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

/// Builds the files of the vendored document. An overlay action, fixup or row that applies nowhere, or that is missing, is an
/// error, which says what the last commit's document has in its place.
pub fn build_vendored(places: &Places) -> Result<Built> {
    let (bytes, _) = fetch::vendored(&places.openapi)?;
    let (document, notes) = document::parse_noted(&bytes, "openapi/openapi.json")?;
    let overlay = places.overlay()?;
    let mut built = build(document, &overlay, false)?;
    if !built.warnings().is_empty() {
        let advice = match committed(places) {
            Some(base) => built.compared(&base, "the document of the last commit", &overlay),
            None => Vec::new(),
        };
        bail!("{}", [built.warnings(), advice].concat().join("\n"));
    }
    Ok(Built { notes, ..built })
}

/// Builds the files of another document.
pub fn build_other(places: &Places, spec: &Path) -> Result<Built> {
    let (document, notes) = document::read_noted(spec)?;
    let overlay = places.overlay()?;
    let mut built = build(document, &overlay, true)?;
    // The tree may have no document yet.
    let vendored = document::read(&places.openapi.join(fetch::DOCUMENT));
    built.advice = match vendored {
        Ok(base) => built.compared(&base, "openapi/openapi.json", &overlay),
        Err(_) => Vec::new(),
    };
    Ok(Built { notes, ..built })
}
