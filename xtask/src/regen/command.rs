//! Contains the command `regen`. It builds the generated files and the guide about deviations, and then compares or writes them.

use super::{
    advice,
    build::Built,
    files::{COMMAND, clear, differences, write},
    vendored::{Places, build_other, build_vendored},
};
use crate::{
    document::{
        dialect,
        fetch::{ErrorKind, FetchError},
        lock::Lock,
    },
    emit::{
        deviations::{self, Page},
        model::Files,
    },
    surface::{self, Surface},
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Locks the tree, and removes what a killed run left in it.
fn locked(places: &Places) -> Result<Lock> {
    match Lock::take(&places.openapi) {
        Ok(Some(lock)) => {
            places.generated.parent().into_iter().for_each(clear);
            Ok(lock)
        }
        Ok(None) => {
            bail!("another `cargo xtask` command is running in this tree; wait until it ends")
        }
        Err(error) => Err(error).context("cannot lock the folder of the document"),
    }
}

/// Writes the files and the guide, if they are stale.
fn store(root: &Path, dir: &Path, files: Option<&Files>, guide: Option<&Page>) -> Result<()> {
    if let Some(files) = files {
        write(files, dir)?;
    }
    if let Some(Page { path, text, .. }) = guide {
        fs::write(root.join(path), text).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

/// The exit code of `regen --check` if the generated code is stale.
const STALE: u8 = 4;

#[derive(Debug, clap::Args)]
pub struct Regen {
    /// Write nothing; fail with exit code 4 if the generated code or the document's record is stale
    #[arg(long)]
    check: bool,
    /// Generate from this document; overlay actions that match nothing in it only cause warnings
    #[arg(long, value_name = "FILE", requires = "out")]
    spec: Option<PathBuf>,
    /// Generate into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print how often each overlay action and each fixup was applied
    #[arg(long)]
    report: bool,
}

impl Regen {
    /// Runs the command in the repository at `root` and returns its exit code.
    pub fn run(self, root: &Path, out: &mut dyn Write, errors: &mut dyn Write) -> Result<u8> {
        let places = Places::of(root);
        // `update` and `fetch` replace the document under the same lock.
        let _lock = match !self.check && self.out.is_none() {
            true => Some(locked(&places)?),
            false => None,
        };
        let built = match self.build(&places) {
            // The code also counts as stale if the document does not match its record.
            Err(error) if self.check && is_stale(&error) => {
                writeln!(errors, "error: {error:#}")?;
                return Ok(STALE);
            }
            built => built?,
        };
        self.tell(&built, out, errors)?;
        // The guide describes only the vendored document.
        let guide = match self.spec.is_none() && self.out.is_none() {
            true => deviations::written(root, &places.overlay()?)?,
            false => None,
        };
        let generated = &places.generated;
        let dir = std::path::absolute(self.out.as_deref().unwrap_or(generated))?;
        let mut stale = differences(&built.files, &dir)?;
        let stale_code = !stale.is_empty();
        if stale_code {
            new_types(&built, generated, errors)?;
        }
        let stale_guide = guide.as_ref().filter(|page| page.is_stale());
        stale.extend(stale_guide.map(|page| format!("changed: {}", page.path)));
        if self.check && !stale.is_empty() {
            for difference in &stale {
                writeln!(errors, "{difference}")?;
            }
            writeln!(
                errors,
                "error: the generated code is out of date; run `{COMMAND}` and commit the result"
            )?;
            return Ok(STALE);
        }
        if !stale.is_empty() {
            let files = stale_code.then_some(&built.files);
            store(root, &dir, files, stale_guide)?;
        }
        writeln!(
            out,
            "{} files, {} of them {} in {}",
            built.files.len() + usize::from(guide.is_some()),
            stale.len(),
            if self.check {
                "out of date"
            } else {
                "rewritten"
            },
            dir.display()
        )?;
        Ok(0)
    }

    /// Prints the notes, the warnings and the advice about the document for the maintainer.
    fn tell(&self, built: &Built, out: &mut dyn Write, errors: &mut dyn Write) -> Result<()> {
        dialect::tell(&self.name(), &built.notes, errors)?;
        for warning in built.warnings() {
            writeln!(errors, "warning: {warning}")?;
        }
        for advice in &built.advice {
            writeln!(errors, "{advice}")?;
        }
        if self.report {
            built
                .report
                .iter()
                .try_for_each(|applied| writeln!(out, "{:5}  {}", applied.matches, applied.name))?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        let spec = self.spec.as_deref();
        spec.map_or_else(
            || "openapi/openapi.json".to_owned(),
            |spec| spec.display().to_string(),
        )
    }

    fn build(&self, places: &Places) -> Result<Built> {
        match &self.spec {
            Some(spec) => build_other(places, spec),
            None => build_vendored(places),
        }
    }
}

/// Prints the types that the existing code does not have. Each line is a row of the naming table that a maintainer may change.
fn new_types(built: &Built, generated: &Path, errors: &mut dyn Write) -> Result<()> {
    // An empty tree has no generated code to compare with.
    let Ok(surface) = surface::read_files(generated).and_then(|files| Surface::of(&files)) else {
        return Ok(());
    };
    let rows = advice::rows(built, &surface.types.into_keys().collect());
    if !rows.is_empty() {
        writeln!(
            errors,
            "new types; to give one a different name, change the name in its row and paste the row into xtask/src/lower/names.rs:"
        )?;
    }
    for row in rows {
        writeln!(errors, "    {row}")?;
    }
    Ok(())
}

fn is_stale(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<FetchError>()
        .is_some_and(|error| error.kind() == ErrorKind::Store)
}
