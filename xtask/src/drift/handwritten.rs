//! Finds handwritten code that uses generated items which are missing in the new generated code. Searches the crate, the examples
//! and the tests.

use super::{change::Change, todo::quoted, verdict::Class};
use heck::ToUpperCamelCase;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A file, and the missing items that it uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    pub path: String,
    /// The feature that enables the file. `None` means that the file is always compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    pub names: Vec<String>,
}

/// Returns the files that use items which a breaking change of the Rust surface removes or renames.
pub fn users(root: &Path, rust: &[Change]) -> Vec<User> {
    let breaking = rust.iter().filter(|change| change.class == Class::Breaking);
    let gone: BTreeSet<Gone> = breaking.filter_map(Gone::of).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let sources = sources(root);
    let features = features(&sources);
    let mut users = Vec::new();
    for (path, text) in &sources {
        let uses = Uses::of(text);
        let names: BTreeSet<String> = gone
            .iter()
            .filter(|it| it.is_in(&uses))
            .map(Gone::name)
            .collect();
        if !names.is_empty() {
            users.push(User {
                path: path.clone(),
                feature: feature(path, &features),
                names: names.into_iter().collect(),
            });
        }
    }
    users
}

/// A generated item that is missing in the new code.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Gone {
    Type(String),
    Method(String),
    /// The method of the operation, and the setter.
    Setter(String, String),
    /// The type and the field.
    Field(String, String),
    /// The type and the variant.
    Variant(String, String),
}

impl Gone {
    fn of(change: &Change) -> Option<Self> {
        let (text, named) = (change.text.as_str(), quoted(&change.text));
        let (first, last) = (named.first()?, named.last()?);
        let is_gone = text.contains("` is gone") || text.contains(") is gone");
        if text.starts_with("type `") {
            // The text is "type `New` was `Old`" or "type `Old` is gone".
            return Some(Self::Type(last.clone()));
        }
        let (owner, member) = first.split_once("::")?;
        // Cuts off the type, the enum value or the arguments after the name.
        let word = |text: &str| text.split([':', '(', ' ']).next().map(str::to_owned);
        if text.starts_with("setter `") && is_gone {
            let (method, setter) = member.split_once("().")?;
            return Some(Self::Setter(method.to_owned(), word(setter)?));
        }
        if text.starts_with("variant `") {
            let old = if is_gone { word(member)? } else { last.clone() };
            let is_renamed = text.contains("` was `");
            return (is_gone || is_renamed).then_some(Self::Variant(owner.to_owned(), old));
        }
        if owner == "Client" {
            // The text is "`Client::new` was `Client::old`" or "`Client::old` is gone".
            let old = if is_gone {
                Some(member)
            } else {
                last.strip_prefix("Client::")
            };
            return word(old?).map(Self::Method);
        }
        let is_constructor = word(member)? == "new";
        (is_gone && !is_constructor).then_some(Self::Field(owner.to_owned(), word(member)?))
    }

    /// Checks whether a file uses this item.
    fn is_in(&self, uses: &Uses<'_>) -> bool {
        match self {
            Self::Type(name) => uses.names(name),
            // The type of an operation has the same name as its method, but in upper camel case.
            Self::Method(method) => {
                uses.reached.contains(method.as_str()) || uses.names(&method.to_upper_camel_case())
            }
            Self::Setter(method, member) => {
                let reached = |name: &String| uses.reached.contains(name.as_str());
                reached(method) && reached(member)
            }
            Self::Field(owner, member) | Self::Variant(owner, member) => {
                uses.names(owner) && uses.reached.contains(member.as_str())
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Type(name) | Self::Method(name) => format!("`{name}`"),
            Self::Setter(method, setter) => format!("`{method}().{setter}`"),
            Self::Field(owner, member) | Self::Variant(owner, member) => {
                format!("`{owner}::{member}`")
            }
        }
    }
}

/// The identifiers in a file that can be names of generated items.
struct Uses<'t> {
    /// The names that the file imports from the generated modules.
    imported: BTreeSet<&'t str>,
    /// All identifiers of the file if it imports all generated types, and otherwise none.
    all: BTreeSet<&'t str>,
    /// The identifiers after a dot or `::`: fields, methods and variants.
    reached: BTreeSet<&'t str>,
}

impl<'t> Uses<'t> {
    fn of(text: &'t str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let words = |text: &'t str| text.split(move |c| !is_word(c)).filter(|it| !it.is_empty());
        let (mut imported, mut imports_all) = (BTreeSet::new(), false);
        for module in ["types::", "operations::"] {
            for (at, _) in text.match_indices(module) {
                let rest = &text[at + module.len()..];
                match rest.chars().next() {
                    Some('*') => imports_all = true,
                    Some('{') => imported.extend(words(braced(rest))),
                    _ => imported.extend(words(rest).next()),
                }
            }
        }
        let reached = text
            .split(['.', ':'])
            .skip(1)
            .filter_map(|rest| rest.split(|c| !is_word(c)).next());
        Self {
            imported,
            all: if imports_all {
                words(text).collect()
            } else {
                BTreeSet::new()
            },
            reached: reached.collect(),
        }
    }

    fn names(&self, name: &str) -> bool {
        self.imported.contains(name) || self.all.contains(name)
    }
}

/// Returns the text from its opening brace up to the matching closing brace.
fn braced(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[..at],
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text
}

// ---- files and features --------------------------------------------------------------------------------------------

const CRATE: &str = "circleci-api/src/";

/// Returns the modules that need a feature. Each key is the beginning of a module's path, and its value is the feature.
fn features(sources: &[(String, String)]) -> BTreeMap<String, String> {
    let mut features = BTreeMap::new();
    for (path, text) in sources {
        let Some(folder) = path
            .strip_suffix("lib.rs")
            .or(path.strip_suffix("mod.rs"))
            .filter(|folder| folder.starts_with(CRATE))
        else {
            continue;
        };
        let mut feature = None;
        for line in text.lines() {
            let line = line.trim();
            if let Some(name) = line.strip_prefix("#[cfg(feature = \"") {
                feature = name.split('"').next();
            } else if let Some(name) = line
                .strip_suffix(';')
                .and_then(|it| it.strip_prefix("pub mod ").or(it.strip_prefix("mod ")))
            {
                if let Some(feature) = feature.take() {
                    features.insert(format!("{folder}{name}"), feature.to_owned());
                }
            } else if !line.starts_with("#[") {
                feature = None;
            }
        }
    }
    features
}

fn feature(path: &str, features: &BTreeMap<String, String>) -> Option<String> {
    let gates = features.iter().filter(|(module, _)| {
        path.strip_prefix(module.as_str())
            .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    });
    gates.map(|(_, feature)| feature.clone()).next()
}

/// Returns the paths and texts of the handwritten sources of the crate, its examples and the integration tests.
fn sources(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<String> = ["circleci-api/src", "circleci-api/examples", "tests"]
        .map(str::to_owned)
        .to_vec();
    while let Some(folder) = open.pop() {
        // Folders that cannot be read are skipped, because the tests of these commands use folders without sources.
        for entry in fs::read_dir(root.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if path.is_dir() && !name.ends_with("/generated") {
                open.push(name);
            } else if name.ends_with(".rs") {
                found.extend(fs::read_to_string(&path).ok().map(|text| (name, text)));
            }
        }
    }
    found.sort();
    found
}
