//! Defines the content of the report and its formats. The report is written to any writer, so that tests can read it.

use super::{
    applicability::Applicability,
    change::{Change, plain},
    handwritten::User,
    verdict::{Class, Verdict},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

/// The exit code when nothing has changed.
pub const NONE: u8 = 0;
/// The exit code for drift that `--deny` allows. It equals the exit code of `regen --check` for stale code, because drift
/// means that the vendored document is stale.
pub const WITHIN: u8 = 4;
/// The exit code for drift that `--deny` forbids.
pub const BEYOND: u8 = 5;

/// The changes that the option `--deny` forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Deny {
    /// Changes that break users, and changes that need a review
    Breaking,
    /// Every change, even of a single word in a description
    Any,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Markdown,
    Json,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub from: String,
    pub to: String,
    pub verdict: Verdict,
    /// The number of lines that a maintainer must review.
    pub to_review: usize,
    /// The current version of the crate. `next_version` is the version that the verdict requires.
    pub version: String,
    pub next_version: Option<String>,
    pub contract: Vec<Change>,
    pub rust: Vec<Change>,
    pub applicability: Applicability,
    /// The rows that must be added to `tests/support/calls.rs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// Descriptions of new types that the texts of breaking changes mention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub glossary: Vec<String>,
    /// The number of operations in the new document.
    #[serde(skip)]
    pub operations: usize,
    /// The handwritten files that use items which are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handwritten: Vec<User>,
}

impl Report {
    pub fn new(from: &str, to: &str, version: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            verdict: Verdict::None,
            to_review: 0,
            version: version.to_owned(),
            next_version: None,
            contract: Vec::new(),
            rust: Vec::new(),
            applicability: Applicability::default(),
            rows: Vec::new(),
            glossary: Vec::new(),
            operations: 0,
            handwritten: Vec::new(),
        }
    }

    /// Returns the report that says that nothing has changed. It is used if the server says that its document is unchanged.
    pub fn unchanged(from: &str, to: &str) -> Self {
        Self::new(
            from,
            &format!("{to} (304 Not Modified)"),
            env!("CARGO_PKG_VERSION"),
        )
    }

    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.contract.iter().chain(&self.rust)
    }

    /// Computes the verdict, the number of lines to review, and the next version from the changes.
    pub fn finish(&mut self) {
        self.verdict = Verdict::of(self.changes().map(|change| change.class));
        self.to_review = self
            .changes()
            .filter(|change| change.class == Class::Review)
            .count();
        self.next_version = self.verdict.bump(&self.version);
    }

    pub fn exit_code(&self, deny: Option<Deny>) -> u8 {
        let denied = match deny {
            None => false,
            Some(Deny::Any) => true,
            Some(Deny::Breaking) => {
                self.verdict == Verdict::Breaking
                    || self.to_review > 0
                    || self.applicability.stops()
            }
        };
        match (self.verdict, denied) {
            (Verdict::None, _) => NONE,
            (_, false) => WITHIN,
            (_, true) => BEYOND,
        }
    }

    /// Returns the verdict, the required version, and the number of lines to review.
    pub(super) fn conclusion(&self) -> String {
        let mut text = self.verdict.to_string();
        if self.to_review > 0 {
            text.push_str(&format!(", with {} to review", lines(self.to_review)));
        }
        if let Some(next) = &self.next_version {
            let at_least = if self.to_review > 0 && self.verdict != Verdict::Breaking {
                "at least "
            } else {
                ""
            };
            let later = match self.verdict {
                Verdict::Breaking => "at 1.0 or later: the next major version",
                _ => "at 1.0 or later: the next minor version",
            };
            text.push_str(&format!(
                "; asks for {at_least}{next} after {} ({later})",
                self.version
            ));
        } else if self.verdict == Verdict::DocsOnly {
            text.push_str("; asks for no new version");
        }
        text
    }

    /// Returns the next steps for a maintainer.
    pub(super) fn advice(&self) -> Vec<String> {
        if self.verdict == Verdict::None {
            return Vec::new();
        }
        let mut steps = Vec::new();
        if self.applicability.stops() {
            steps.push("correct openapi/overlay.yaml, the fixups or the tables for each line that stops `cargo xtask regen`".to_owned());
        }
        if self.to_review > 0 {
            steps.push(format!(
                "for the {} to review, decide whether users are affected",
                lines(self.to_review)
            ));
        }
        steps.push("vendor the new document with `cargo xtask update`".to_owned());
        steps.push(match self.verdict {
            Verdict::Breaking => {
                "release it as a breaking version, and say in its notes what users must change"
                    .to_owned()
            }
            Verdict::Additive if self.to_review > 0 => {
                "release it as the kind of version that the review decides".to_owned()
            }
            Verdict::Additive => {
                "release it whenever it suits: nobody has to change anything".to_owned()
            }
            _ => "no release needed: only words have changed".to_owned(),
        });
        steps
    }

    // ---- text --------------------------------------------------------------------------------------------------------

    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "from {} to {}", self.from, self.to)?;
        writeln!(out, "verdict: {}", self.conclusion())?;
        for (title, changes) in self.sections() {
            writeln!(out, "\n{title}: {}", counts(changes))?;
            for change in changes {
                writeln!(out, "  {:9} {}", change.class.word(), change.text)?;
                if let Some(cause) = &change.cause {
                    writeln!(out, "            {cause}")?;
                }
                text_list(out, "at", &change.places, change.class)?;
                text_list(out, "in", &change.touches, change.class)?;
            }
        }
        if self.verdict != Verdict::None {
            self.applicability.text(out)?;
        }
        self.by_hand(out)?;
        for (index, step) in self.advice().iter().enumerate() {
            if index == 0 {
                writeln!(out, "\nWhat to do")?;
            }
            writeln!(out, "  {}. {step}", index + 1)?;
        }
        Ok(())
    }

    fn sections(&self) -> impl Iterator<Item = (&'static str, &[Change])> {
        let sections = [
            ("What CircleCI changed", self.contract.as_slice()),
            (
                "How this affects users of circleci-api",
                self.rust.as_slice(),
            ),
        ];
        let some = self.verdict != Verdict::None;
        sections.into_iter().filter(move |_| some)
    }

    // ---- markdown ----------------------------------------------------------------------------------------------------

    pub(super) fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "# Drift\n\nFrom {} to {}.\n\n**Verdict: {}**",
            plain(&self.from),
            plain(&self.to),
            self.conclusion()
        )?;
        for (title, changes) in self.sections() {
            writeln!(out, "\n## {title}\n")?;
            self.markdown_changes(changes, out)?;
        }
        if self.verdict != Verdict::None {
            self.applicability.markdown(out)?;
        }
        for (index, step) in self.advice().iter().enumerate() {
            if index == 0 {
                writeln!(out, "\n## What to do\n")?;
            }
            writeln!(out, "{}. {step}", index + 1)?;
        }
        Ok(())
    }

    fn markdown_changes(&self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        if changes.is_empty() {
            writeln!(out, "Nothing.")?;
        }
        for class in [Class::Breaking, Class::Review, Class::Additive, Class::Docs] {
            let of_class: Vec<&Change> = changes
                .iter()
                .filter(|change| change.class == class)
                .collect();
            if !of_class.is_empty() {
                writeln!(out, "### {} ({})\n", class.word(), of_class.len())?;
            }
            for change in &of_class {
                write!(out, "- {}", plain(&change.text))?;
                if !change.touches.is_empty() {
                    write!(out, " — {}", plain(&list(&change.touches)))?;
                }
                if !change.places.is_empty() {
                    let places = shown(&change.places, change.class)
                        .map(|place| format!("`{}`", place.replace('`', "'")))
                        .collect::<Vec<_>>();
                    write!(
                        out,
                        "  \n  at {}{}",
                        places.join(", "),
                        more(&change.places, change.class)
                    )?;
                }
                writeln!(out)?;
            }
            if !of_class.is_empty() {
                writeln!(out)?;
            }
        }
        Ok(())
    }

    /// Writes the report as an entry for `CHANGELOG.md`. The beginning of `CHANGELOG.md` describes the format.
    pub fn changelog(&self, out: &mut dyn Write) -> io::Result<()> {
        // If `to` is "file:x (as of 2026-05-07)", the entry names the document by this date.
        let day = self
            .to
            .rsplit_once("as of ")
            .map(|(_, day)| day.trim_end_matches(')'));
        let document = day.map_or_else(|| plain(&self.to), str::to_owned);
        let count = match self.operations {
            0 => String::new(),
            count => format!(": {count} operations"),
        };
        writeln!(
            out,
            "## [Unreleased]\n\n### CircleCI\n\n- The document of {document}{count}."
        )?;
        let mut sections: BTreeMap<Heading, Vec<String>> = BTreeMap::new();
        for (change, heading) in self.rust.iter().map(|it| (it, Heading::of_rust(it))).chain(
            self.contract
                .iter()
                .map(|it| (it, Heading::of_contract(it))),
        ) {
            let Some(heading) = heading else { continue };
            let touched = match change.touches.is_empty() {
                true => String::new(),
                false => format!(" — {}", plain(&list(&change.touches))),
            };
            let line = format!("- {}{touched} (CircleCI)", plain(&change.text));
            sections.entry(heading).or_default().push(line);
        }
        for (heading, lines) in sections {
            writeln!(out, "\n### {}\n", heading.title())?;
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(())
    }
}

/// A heading in an entry of the changelog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Heading {
    Review,
    Added,
    Changed,
    Deprecated,
    Removed,
}

impl Heading {
    fn title(self) -> &'static str {
        match self {
            Self::Review => "To review",
            Self::Added => "Added",
            Self::Changed => "Changed",
            Self::Deprecated => "Deprecated",
            Self::Removed => "Removed",
        }
    }

    fn of_rust(change: &Change) -> Option<Self> {
        let text = &change.text;
        Some(match change.class {
            Class::Docs => return None,
            Class::Review => Self::Review,
            _ if text.starts_with("new ") => Self::Added,
            _ if text.ends_with(" is deprecated") => Self::Deprecated,
            _ if text.contains(" is gone") => Self::Removed,
            _ => Self::Changed,
        })
    }

    /// Returns the heading for a change of the contract. Most additive changes have none, because the changes of the
    /// Rust surface show what they add.
    fn of_contract(change: &Change) -> Option<Self> {
        let text = &change.text;
        match change.class {
            Class::Review => Some(Self::Review),
            Class::Breaking if text.contains(" is gone") => Some(Self::Removed),
            Class::Breaking => Some(Self::Changed),
            Class::Additive if text.starts_with("new operation ") => Some(Self::Added),
            _ => None,
        }
    }
}

fn lines(count: usize) -> String {
    format!("{count} {}", if count == 1 { "line" } else { "lines" })
}

fn counts(changes: &[Change]) -> String {
    let count = |class: Class| {
        changes
            .iter()
            .filter(|change| change.class == class)
            .count()
    };
    let classes = [Class::Breaking, Class::Review, Class::Additive, Class::Docs];
    let some: Vec<String> = classes
        .into_iter()
        .filter(|class| count(*class) > 0)
        .map(|class| format!("{} {}", count(class), class.word()))
        .collect();
    if some.is_empty() {
        "nothing".to_owned()
    } else {
        some.join(", ")
    }
}

/// Returns the items to show. A changed description may be in hundreds of places, so only the first three are shown. For all
/// other changes, all items are shown.
fn shown(items: &BTreeSet<String>, class: Class) -> impl Iterator<Item = &str> {
    let most = if class == Class::Docs { 3 } else { usize::MAX };
    items.iter().take(most).map(String::as_str)
}

fn more(items: &BTreeSet<String>, class: Class) -> String {
    match items.len() - shown(items, class).count() {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    }
}

fn text_list(
    out: &mut dyn Write,
    word: &str,
    items: &BTreeSet<String>,
    class: Class,
) -> io::Result<()> {
    let mut words = shown(items, class).map(str::to_owned).collect::<Vec<_>>();
    let Some(last) = words.last_mut() else {
        return Ok(());
    };
    last.push_str(&more(items, class));
    let mut line = format!("            {word}");
    let count = words.len();
    for (index, item) in words.iter().enumerate() {
        let comma = if index + 1 < count { "," } else { "" };
        // An item is never split, even if it is wider than the line, because a reader could not search for a pointer that is
        // split.
        if line.len() + item.len() > 130 && index > 0 {
            writeln!(out, "{line}")?;
            line = "              ".to_owned();
        }
        line.push_str(&format!(" {item}{comma}"));
    }
    writeln!(out, "{line}")
}

fn list(items: &BTreeSet<String>) -> String {
    items
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
