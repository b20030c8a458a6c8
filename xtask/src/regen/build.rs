//! Builds the generated files of a document in memory.

use crate::{
    document::{
        self,
        dialect::Note,
        fixups, order,
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
use anyhow::{Result, bail};
use serde_json::{Value, json};

/// The files that were built from a document, and what a maintainer should know about the document.
pub struct Built {
    pub files: Files,
    /// The document after the overlay and the fixups, with one component for each shape.
    pub effective: Value,
    pub report: Vec<Applied>,
    /// All types, with their places in the document.
    pub types: Vec<Named>,
    /// Overlay actions, fixups and table rows that match nothing in this document. They are errors if the document is the
    /// vendored one.
    pub unused: Vec<String>,
    /// Places of this document that need an overlay action or a table row. They are errors if the document is the vendored one.
    pub unsettled: Vec<String>,
    /// The document after the overlay, but without the fixups.
    pub overlaid: Value,
    /// Notes about parts of the document that OpenAPI 3.0 cannot express.
    pub notes: Vec<Note>,
    /// Texts for a maintainer to paste. A text may have several lines.
    pub advice: Vec<String>,
}

/// Builds the generated files from a document. `lenient` is true for documents other than the vendored one.
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
    /// Returns the mismatches of the document, each as one line of text. They are errors if the document is the vendored one.
    pub fn warnings(&self) -> Vec<String> {
        [self.unsettled.as_slice(), &self.unused].concat()
    }
}

/// Prepares a document so that the overlay can be applied to it.
pub fn prepared(mut document: Value) -> Value {
    // An overlay action cannot add to an object that does not exist, and older documents have no `components`.
    if let Some(root) = document.as_object_mut() {
        let components = root.entry("components").or_insert_with(|| json!({}));
        components
            .as_object_mut()
            .map(|components| components.entry("schemas").or_insert_with(|| json!({})));
    }
    order::settle_alternatives(&mut document);
    document
}

/// Returns a line for each overlay action or fixup that matched nothing.
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
