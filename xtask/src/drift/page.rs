//! Writes the report on one page. It lists the effects on users first, then the tasks for a maintainer, and then the contract by
//! operation. Changes that only follow from other changes are counted and not listed (`--all` lists them).

use super::{
    change::Change,
    report::{Format, Report},
    verdict::{Class, Verdict},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

/// The maximum width of a line that lists several items.
const WIDTH: usize = 140;

impl Report {
    /// Writes the report. The text format is one page unless `all` is true. The other formats are for programs and are always
    /// complete.
    pub fn write(&self, format: Format, all: bool, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Text if !all => write(self, out),
            Format::Text => self.text(out),
            Format::Markdown => self.markdown(out),
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            }
        }
    }

    /// Writes the handwritten files and the table rows that a maintainer must edit.
    pub(super) fn by_hand(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.handwritten.is_empty() {
            writeln!(
                out,
                "  handwritten files that use items which the new code does not have:"
            )?;
        }
        for user in &self.handwritten {
            let feature = user.feature.as_ref();
            let feature = feature.map_or_else(String::new, |name| format!(" (feature `{name}`)"));
            wrapped(out, &format!("    {}{feature}:", user.path), &user.names)?;
        }
        if !self.rows.is_empty() {
            writeln!(out, "  rows for tests/support/calls.rs:")?;
        }
        self.rows
            .iter()
            .try_for_each(|row| writeln!(out, "        {row}"))
    }
}

/// Writes the page.
fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "from {} to {}", report.from, report.to)?;
    writeln!(out, "verdict: {}", report.conclusion())?;
    if report.verdict == Verdict::None {
        return Ok(());
    }
    breaks(report, out)?;
    news(report, out)?;
    todo(report, out)?;
    contract(report, out)?;
    Ok(())
}

fn of_class(changes: &[Change], class: Class) -> impl Iterator<Item = &Change> {
    changes.iter().filter(move |change| change.class == class)
}

// ---- users -------------------------------------------------------------------------------------------------------

fn breaks(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let breaking: Vec<&Change> = of_class(&report.rust, Class::Breaking).collect();
    let review: Vec<&Change> = of_class(&report.rust, Class::Review).collect();
    let count = breaking.len();
    writeln!(out, "\nWhat breaks for users: {}", some(count, "change"))?;
    for change in &breaking {
        writeln!(out, "  {}{}", change.text, cause(change))?;
    }
    for line in &report.glossary {
        writeln!(out, "  where {line}")?;
    }
    if !review.is_empty() {
        writeln!(out, "\nTo review: {}", some(review.len(), "change"))?;
        for change in review {
            writeln!(out, "  {}", change.text)?;
        }
    }
    Ok(())
}

fn cause(change: &Change) -> String {
    match &change.cause {
        Some(cause) => format!(" ({cause})"),
        None => String::new(),
    }
}

fn news(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (mut types, mut whole) = (0, Vec::new());
    let mut members: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for change in of_class(&report.rust, Class::Additive) {
        let text = change.text.as_str();
        match member(text) {
            _ if text.starts_with("new type ") => types += 1,
            Some((owner, member)) => members.entry(owner).or_default().push(member),
            None => whole.push(text),
        }
    }
    let grouped: usize = members.values().map(Vec::len).sum();
    let all = whole.len() + grouped + types;
    writeln!(out, "\nWhat is new for users: {}", some(all, "change"))?;
    for text in whole {
        writeln!(out, "  {text}")?;
    }
    for (owner, members) in &members {
        wrapped(out, &format!("  `{owner}` has"), members)?;
    }
    if types > 0 {
        writeln!(out, "  and {} that these use", some(types, "new type"))?;
    }
    Ok(())
}

/// Returns the owner and the name of a new field, variant or setter. Returns `None` for any other text.
fn member(text: &str) -> Option<(&str, String)> {
    let rest = text.strip_prefix("new ")?;
    let rest = rest.strip_prefix("variant ").unwrap_or(rest);
    let rest = rest.strip_prefix("setter ").unwrap_or(rest);
    let inner = rest.strip_prefix('`')?.split('`').next()?;
    if let Some((method, setter)) = inner.split_once("().") {
        return Some((method, format!("`{}`", setter.split('(').next()?)));
    }
    let (owner, member) = inner.split_once("::")?;
    let is_new_method = owner == "Client" || member.starts_with("new(");
    (!is_new_method).then(|| (owner, format!("`{member}`")))
}

// ---- here --------------------------------------------------------------------------------------------------------

fn todo(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nWhat to do here")?;
    for (index, step) in report.advice().iter().enumerate() {
        writeln!(out, "  {}. {step}", index + 1)?;
    }
    let applicability = &report.applicability;
    for line in &applicability.refusals {
        writeln!(out, "  stops: {line}")?;
    }
    for text in &applicability.paste {
        writeln!(out, "  {}", text.replace('\n', "\n  "))?;
    }
    let (mut open, mut taken) = (Vec::new(), 0);
    for need in &applicability.needs {
        match &need.taken_by {
            Some(_) => taken += need.places.len(),
            None => open.push(need),
        }
    }
    for need in open {
        let places: Vec<String> = need.places.iter().cloned().collect();
        wrapped(
            out,
            &format!("  write an overlay action for {}:", need.kind),
            &places,
        )?;
    }
    let (rows, actions): (Vec<&String>, Vec<&String>) = applicability
        .unnecessary
        .iter()
        .partition(|line| is_row(line));
    for line in actions {
        writeln!(out, "  no longer needed: {line}")?;
    }
    if let Some(first) = rows.first() {
        let count = some(rows.len(), "row of our tables");
        writeln!(out, "  no longer needed: {count}, such as: {first}")?;
    }
    if taken > 0 || !applicability.counts.is_empty() {
        writeln!(
            out,
            "  nothing: {} that the overlay and the fixups take, {} that {} to more or fewer places",
            some(taken, "new place"),
            some(applicability.counts.len(), "action"),
            plural(applicability.counts.len(), "applies", "apply"),
        )?;
    }
    report.by_hand(out)
}

/// Checks whether a line is about a table row and not about an overlay action. The page only counts rows, because there are many.
fn is_row(line: &str) -> bool {
    ["words:", "naming table:", "one type:", "arguments:"]
        .iter()
        .any(|start| line.starts_with(start))
}

// ---- the contract ------------------------------------------------------------------------------------------------

/// The numbers of changes that the page only counts and does not list.
#[derive(Default)]
struct Counted {
    new_operations: usize,
    words: usize,
    openness: usize,
    children: usize,
}

fn contract(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut counted = Counted::default();
    let tops = tops(&report.contract);
    let mut by_operation: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
    for change in &report.contract {
        let place = change.places.iter().next().map_or("", String::as_str);
        match change.class {
            Class::Docs => counted.words += 1,
            Class::Additive if change.text.starts_with("new operation ") => {
                counted.new_operations += 1;
            }
            Class::Additive if change.text.ends_with("unknown keys") => counted.openness += 1,
            _ if tops.iter().any(|top| is_below(place, top)) => counted.children += 1,
            _ => by_operation
                .entry(operations(change))
                .or_default()
                .push(change),
        }
    }
    let listed: usize = by_operation.values().map(Vec::len).sum();
    writeln!(
        out,
        "\nThe contract, by operation: {}",
        some(listed, "change")
    )?;
    for (operations, changes) in &by_operation {
        writeln!(out, "  {operations}")?;
        for class in [Class::Breaking, Class::Review] {
            for change in of(changes, class) {
                writeln!(
                    out,
                    "    {:9} {}{}",
                    class.word(),
                    change.text,
                    side(change)
                )?;
            }
        }
        let rest = grouped(of(changes, Class::Additive));
        wrapped(out, "    additive ", &rest)?;
    }
    let parts = [
        some_of(counted.new_operations, "new operation"),
        some_of(counted.words, "kind of words or layout").replace("layouts", "layout"),
        some_of(
            counted.openness,
            "object that forbids or allows unknown keys",
        ),
        some_of(counted.children, "part of what is listed"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if !parts.is_empty() {
        writeln!(
            out,
            "  counted only: {} (`--all` lists them)",
            parts.join(", ")
        )?;
    }
    Ok(())
}

fn of<'c>(changes: &'c [&'c Change], class: Class) -> impl Iterator<Item = &'c Change> {
    changes
        .iter()
        .copied()
        .filter(move |change| change.class == class)
}

/// Returns the names of the operations that a change affects, without `(request)`, `(answer)` or `(error)`.
fn operations(change: &Change) -> String {
    let names = change
        .touches
        .iter()
        .map(|touched| touched.split(" (").next().unwrap_or(touched));
    let names: BTreeSet<&str> = names.collect();
    match names.len() {
        0 => "the document".to_owned(),
        _ => names.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// Returns ` (request)`, ` (answer)` or ` (error)` if a change affects only this side. The text of the change does not say
/// this.
fn side(change: &Change) -> String {
    let sides = change
        .touches
        .iter()
        .filter_map(|touched| touched.split_once(" ("));
    let sides: BTreeSet<&str> = sides.map(|(_, side)| side.trim_end_matches(')')).collect();
    match sides.len() {
        1 => format!(" ({})", sides.into_iter().collect::<String>()),
        _ => String::new(),
    }
}

/// Returns the texts of changes. Merges three kinds of texts: new enum values of the same schema, new properties, and new
/// statuses.
fn grouped<'c>(changes: impl Iterator<Item = &'c Change>) -> Vec<String> {
    // The key is the owner, and the words after it for one item and for several.
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    let mut rest = Vec::new();
    for change in changes {
        let text = change.text.as_str();
        let (key, item) = if let Some((owner, word)) = text.split_once(" has the new enum value ") {
            let words = (owner, "has the new enum value", "has the new enum values");
            (words, word)
        } else if let Some(name) = text.strip_prefix("new property ") {
            (("new", "property", "properties"), name)
        } else if let Some(status) = text.strip_prefix("new status ") {
            (("new", "status", "statuses"), status)
        } else {
            rest.push(text.to_owned());
            continue;
        };
        groups.entry(key).or_default().push(item);
    }
    let text = |((owner, one, several), items): ((&str, &str, &str), Vec<&str>)| {
        let words = if items.len() == 1 { one } else { several };
        format!("{owner} {words} {}", items.join(" "))
    };
    groups.into_iter().map(text).chain(rest).collect()
}

/// Returns the places that are gone, and the places that became or were one of several types. Changes inside these places are
/// only counted. A removed component is not returned, because its content may be in another place of the document.
fn tops(changes: &[Change]) -> Vec<String> {
    let is_top = |change: &&Change| {
        let text = &change.text;
        change.class > Class::Docs
            && (text.contains(" is gone")
                || text.contains(" is one of several, was ")
                || text.contains(", was one of several"))
    };
    let places = changes
        .iter()
        .filter(is_top)
        .flat_map(|change| &change.places);
    places.cloned().collect()
}

fn is_below(place: &str, top: &str) -> bool {
    place
        .strip_prefix(top)
        .is_some_and(|rest| rest.starts_with('/'))
}

// ---- words -------------------------------------------------------------------------------------------------------

fn plural<'w>(count: usize, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

/// Returns a count with its noun, such as `3 changes`, `1 change` or `nothing`.
fn some(count: usize, what: &str) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => format!("1 {what}"),
        _ => format!("{count} {}", many(what)),
    }
}

fn some_of(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        count => some(count, what),
    }
}

/// Returns the plural of a noun phrase. If its first word is a known noun, this word gets the `s`. Otherwise the last
/// word gets it.
fn many(what: &str) -> String {
    match what.split_once(' ') {
        Some((noun @ ("kind" | "object" | "part" | "row"), rest)) => {
            let rest = rest.replacen("forbids or allows", "forbid or allow", 1);
            format!("{noun}s {}", rest.replacen("or action", "or actions", 1))
        }
        _ => format!("{what}s"),
    }
}

/// Writes a list of items, on as many lines as it needs.
fn wrapped(out: &mut dyn Write, start: &str, items: &[String]) -> io::Result<()> {
    let Some(last) = items.len().checked_sub(1) else {
        return Ok(());
    };
    let mut line = start.to_owned();
    let indent = " ".repeat(start.len() - start.trim_start().len() + 4);
    let mut fresh = true;
    for (index, item) in items.iter().enumerate() {
        let end = if index < last { "," } else { "" };
        if !fresh && line.len() + item.len() > WIDTH {
            writeln!(out, "{line}")?;
            line.clone_from(&indent);
            line.push_str(item);
        } else {
            line.push(' ');
            line.push_str(item);
        }
        line.push_str(end);
        fresh = false;
    }
    writeln!(out, "{line}")
}
