//! Compares only the methods and paths of two documents. Lists the operations that are in both, and their names in each
//! document.

use super::{
    NONE, WITHIN,
    contract::matching::{route, template},
    source::Document,
};
use crate::document::{Operation, operations};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// The result of a comparison by method and path.
pub struct ByPath {
    from: String,
    to: String,
    /// Operations that have the same name in both documents.
    same: Vec<String>,
    /// The route, the old name and the new name of each renamed operation.
    renamed: Vec<[String; 3]>,
    gone: Vec<String>,
    came: Vec<String>,
}

impl ByPath {
    pub fn of(old: &Document, new: &Document) -> Self {
        let mut found = Self {
            from: old.name.clone(),
            to: new.name.clone(),
            same: Vec::new(),
            renamed: Vec::new(),
            gone: Vec::new(),
            came: Vec::new(),
        };
        // Two paths are equal even if their parameters have different names.
        let key = |operation: &Operation<'_>| {
            let path = operation.path.trim_end_matches('/');
            (template(path).0, operation.method.to_owned())
        };
        let mut before: BTreeMap<_, _> = operations(&old.value)
            .into_iter()
            .map(|it| (key(&it), it))
            .collect();
        for operation in operations(&new.value) {
            let called = format!("{} ({})", route(&operation), operation.id());
            match before.remove(&key(&operation)) {
                None => found.came.push(called),
                Some(old) if old.id() == operation.id() => found.same.push(called),
                Some(old) => found.renamed.push([
                    route(&old),
                    old.id().to_owned(),
                    operation.id().to_owned(),
                ]),
            }
        }
        let gone = before
            .into_values()
            .map(|it| format!("{} ({})", route(&it), it.id()));
        found.gone.extend(gone);
        found
    }

    /// Returns `NONE` if both documents have the same operations with the same names, and `WITHIN` otherwise.
    pub fn exit_code(&self) -> u8 {
        match self.renamed.is_empty() && self.gone.is_empty() && self.came.is_empty() {
            true => NONE,
            false => WITHIN,
        }
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "from {} to {}, by method and path",
            line(&self.from),
            line(&self.to)
        )?;
        let both = self.same.len() + self.renamed.len();
        writeln!(
            out,
            "{both} operations in both ({} under another name), {} only in the first, {} only in the second",
            self.renamed.len(),
            self.gone.len(),
            self.came.len()
        )?;
        if !self.renamed.is_empty() {
            writeln!(out, "\nUnder another name")?;
        }
        for [route, old, new] in &self.renamed {
            writeln!(out, "  {}: {}, was {}", line(route), line(new), line(old))?;
        }
        for (title, list) in [
            ("Under the same name", &self.same),
            ("Only in the second", &self.came),
            ("Only in the first", &self.gone),
        ] {
            if !list.is_empty() {
                writeln!(out, "\n{title}")?;
            }
            list.iter()
                .try_for_each(|it| writeln!(out, "  {}", line(it)))?;
        }
        Ok(())
    }
}

/// Puts a path or a name on one line, because a document may contain any characters.
fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
