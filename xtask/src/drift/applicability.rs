//! Predicts whether `regen` would stop: checks whether the overlay, the fixups and the tables still fit the new document.

use super::{change::plain, source::Document};
use crate::{
    document::{
        self, fixups, is_success, is_typed, operations,
        overlay::{self, Applied},
        parameters, resolve,
    },
    regen::{self, Built},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Applicability {
    /// The reasons why `regen` would stop, except those in `unnecessary`.
    pub refusals: Vec<String>,
    /// The overlay actions, fixups and table rows that match nothing in the new document. Each of them would make `regen` stop.
    pub unnecessary: Vec<String>,
    /// Overlay actions that a maintainer can paste. Each action keeps a type from being split into several types.
    pub paste: Vec<String>,
    /// The overlay actions and fixups that match more or fewer places in the new document than in the old one.
    pub counts: Vec<Count>,
    /// The new places that need an overlay action, a fixup or a pass of the generator.
    pub needs: Vec<Need>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Count {
    pub name: String,
    pub before: usize,
    pub after: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Need {
    pub kind: &'static str,
    /// The overlay action, fixup or pass that handles the places. If it is `None`, a maintainer must write an overlay action.
    pub taken_by: Option<String>,
    pub places: BTreeSet<String>,
}

/// The kinds of places that need something, each with the action, fixup or pass that should handle it.
const KINDS: [(&str, &str); 7] = [
    (NULLABLE, "Nullable"),
    (CLOSED, "Open objects"),
    (FLOAT, "Doubles"),
    (
        TOKEN_ONLY,
        "the paging pass: every answer with `next_page_token` is followed",
    ),
    (SEVERAL, "several successes"),
    (UNTYPED, "untyped text"),
    (ANY_OF, "one of"),
];
const NULLABLE: &str = "`x-nullable`";
const CLOSED: &str = "closed object";
const FLOAT: &str = "32-bit float";
const TOKEN_ONLY: &str = "answer with `next_page_token` whose operation declares no `page-token`";
const SEVERAL: &str = "operation with several success bodies";
const UNTYPED: &str = "property without a type";
const ANY_OF: &str = "`anyOf`";

impl Applicability {
    pub fn of(
        old: &Document,
        new: &Document,
        overlay: &str,
        before: Option<&Built>,
        after: Result<&Built, &String>,
    ) -> Self {
        // A problem that the old document already had is not a change. If the old document cannot be built, its problems are
        // unknown, so no problem can be called new.
        let both = before.zip(after.ok());
        let came = |lines: fn(&Built) -> &[String]| -> Vec<String> {
            let Some((before, after)) = both else {
                return Vec::new();
            };
            let new = lines(after).iter();
            new.filter(|line| !lines(before).contains(line))
                .cloned()
                .collect()
        };
        let unnecessary = came(|built| &built.unused);
        let mut refusals = came(|built| &built.unsettled);
        refusals.extend(
            after
                .err()
                .into_iter()
                .flat_map(|text| text.lines())
                .map(str::to_owned),
        );
        let counts = both
            .map(|(before, after)| counts(&before.report, &after.report))
            .unwrap_or_default();
        let applied = after.map_or_else(
            |_| applied(&new.value, overlay),
            |built| built.report.clone(),
        );
        Self {
            refusals,
            unnecessary,
            paste: both
                .map(|(before, after)| regen::actions(before, after))
                .unwrap_or_default(),
            counts,
            needs: needs(&old.value, &new.value, &applied),
        }
    }

    /// Returns whether `regen` would stop.
    pub fn stops(&self) -> bool {
        !self.refusals.is_empty() || !self.unnecessary.is_empty()
    }

    fn is_empty(&self) -> bool {
        !self.stops() && self.counts.is_empty() && self.needs.is_empty()
    }

    fn headline(&self) -> &'static str {
        match self.stops() {
            true => "`cargo xtask regen` would stop",
            false => "all still apply, so `cargo xtask regen` would succeed",
        }
    }

    pub fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nOur overlay, fixups and tables: {}", self.headline())?;
        for line in &self.refusals {
            writeln!(out, "  stops     {line}")?;
        }
        for line in &self.unnecessary {
            writeln!(out, "  unneeded  {line}")?;
        }
        for text in &self.paste {
            writeln!(out, "  paste     {}", text.replace('\n', "\n            "))?;
        }
        for need in &self.needs {
            writeln!(
                out,
                "  new place {} {}; {}",
                need.places.len(),
                need.kind,
                need.answer()
            )?;
            need.places
                .iter()
                .try_for_each(|place| writeln!(out, "              {place}"))?;
        }
        for count in &self.counts {
            writeln!(
                out,
                "  applies   \"{}\" to {}, was {}",
                count.name,
                places(count.after),
                count.before
            )?;
        }
        Ok(())
    }

    pub fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "\n## Our overlay, fixups and tables\n\n{}.\n",
            self.headline()
        )?;
        for line in &self.refusals {
            writeln!(out, "- stops: {}", plain(line))?;
        }
        for line in &self.unnecessary {
            writeln!(out, "- unneeded: {}", plain(line))?;
        }
        for text in &self.paste {
            writeln!(out, "\n```text\n{text}\n```")?;
        }
        for need in &self.needs {
            let places = need
                .places
                .iter()
                .map(|place| format!("`{}`", place.replace('`', "'")))
                .collect::<Vec<_>>()
                .join(", ");
            writeln!(
                out,
                "- {} new: {}; {}: {places}",
                need.places.len(),
                need.kind,
                plain(&need.answer())
            )?;
        }
        for count in &self.counts {
            writeln!(
                out,
                "- \"{}\" applies to {}, was {}",
                plain(&count.name),
                places(count.after),
                count.before
            )?;
        }
        if self.is_empty() {
            writeln!(out, "Nothing changes for them.")?;
        }
        Ok(())
    }
}

fn places(count: usize) -> String {
    format!("{count} {}", if count == 1 { "place" } else { "places" })
}

impl Need {
    fn answer(&self) -> String {
        match &self.taken_by {
            Some(name) => format!("handled by {name}"),
            None => "nothing handles it: write an overlay action".to_owned(),
        }
    }
}

/// Returns how often each overlay action and fixup applies to a document that `regen` cannot build.
fn applied(document: &Value, overlay: &str) -> Vec<Applied> {
    let mut document = document.clone();
    let mut applied = overlay::apply(&mut document, overlay, true).unwrap_or_default();
    applied.extend(fixups::apply(&mut document));
    applied
}

fn counts(before: &[Applied], after: &[Applied]) -> Vec<Count> {
    let before: BTreeMap<&str, usize> = before
        .iter()
        .map(|applied| (applied.name.as_str(), applied.matches))
        .collect();
    let changed = after.iter().filter_map(|applied| {
        let before = before.get(applied.name.as_str()).copied()?;
        (before != applied.matches).then(|| Count {
            name: applied.name.clone(),
            before,
            after: applied.matches,
        })
    });
    changed.collect()
}

/// Returns the places of the new document that need an action, a fixup or a pass, and that needed none in the old document.
fn needs(old: &Value, new: &Value, applied: &[Applied]) -> Vec<Need> {
    let (before, after) = (of_kinds(old), of_kinds(new));
    let mut needs = Vec::new();
    for (kind, taker) in KINDS {
        let empty = BTreeSet::new();
        let places: BTreeSet<String> = after
            .get(kind)
            .unwrap_or(&empty)
            .difference(before.get(kind).unwrap_or(&empty))
            .cloned()
            .collect();
        if places.is_empty() {
            continue;
        }
        let applies = applied
            .iter()
            .any(|applied| applied.name == taker && applied.matches > 0);
        let taken_by = match kind {
            TOKEN_ONLY => Some(taker.to_owned()),
            // The fixup applies only to operations that the overlay marks, so it does not handle a new operation.
            SEVERAL => None,
            _ => applies.then(|| format!("\"{taker}\"")),
        };
        needs.push(Need {
            kind,
            taken_by,
            places,
        });
    }
    needs
}

type Found = BTreeMap<&'static str, BTreeSet<String>>;

fn of_kinds(document: &Value) -> Found {
    let mut found = Found::new();
    document::visit(document, "", &mut |pointer, value| {
        let property = pointer.rsplit('/').nth(1) == Some("properties");
        let untyped = value.as_object().is_some_and(|schema| !is_typed(schema));
        for (kind, is_it) in [
            (NULLABLE, value["x-nullable"] == true),
            (CLOSED, value["additionalProperties"] == false),
            (FLOAT, value["format"] == "float"),
            (ANY_OF, value["anyOf"].is_array()),
            (
                UNTYPED,
                property && untyped && !pointer.contains("/example"),
            ),
        ] {
            if is_it {
                found.entry(kind).or_default().insert(pointer.to_owned());
            }
        }
    });
    for operation in operations(document) {
        let pointer = operation.pointer();
        let bodies = success_bodies(document, &operation);
        if bodies.len() > 1 {
            let statuses = bodies.into_iter().collect::<Vec<_>>().join(", ");
            let place = format!("{pointer}/responses ({statuses})");
            found.entry(SEVERAL).or_default().insert(place);
        }
        let pages = document::success_schema(document, &operation).is_some_and(|schema| {
            let properties = &resolve(document, schema)["properties"];
            properties.get("next_page_token").is_some()
        });
        let mut parameters = parameters(document, &operation).into_iter();
        if pages && !parameters.any(|parameter| parameter["name"] == "page-token") {
            found.entry(TOKEN_ONLY).or_default().insert(pointer);
        }
    }
    found
}

/// Returns the statuses of an operation's success responses that have a body.
fn success_bodies(document: &Value, operation: &document::Operation<'_>) -> BTreeSet<String> {
    let responses = operation.value["responses"]
        .as_object()
        .into_iter()
        .flatten();
    let successes = responses.filter(|(status, _)| is_success(status));
    successes
        .filter(|(_, response)| resolve(document, response).get("content").is_some())
        .map(|(status, _)| status.clone())
        .collect()
}
