//! Compares two schemas, place by place. Ignores descriptions.

use super::{
    canonical::{is_docs, shape},
    change::{Change, short},
    verdict::Class,
};
use crate::document::{alternatives, dialect, escape, located};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The use of a schema: in a request, in a successful response or in an error response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Request,
    Answer,
    /// The body of an error response. The handwritten code accepts any body, so a change to it never breaks a program.
    Error,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Error => "error",
        }
    }
}

/// The kind of a change in one place of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A new property, and whether it is required.
    Added {
        required: bool,
    },
    Removed,
    Required,
    Optional,
    Nullable,
    NotNullable,
    /// The type or a format changed, and the Rust type changes with it.
    Retyped,
    /// A format changed, but the Rust type stays the same.
    Reformatted,
    WordAdded,
    WordRemoved,
    /// A string that could have any value became an enum. `AnyWord` is the reverse change.
    WordsOnly,
    AnyWord,
    Narrowed,
    Widened,
    /// A constraint changed in a way that may allow fewer values, more values or other values.
    Constrained,
    Default,
    /// The schema starts or stops forbidding unknown keys.
    Openness,
    AlternativeAdded,
    AlternativeRemoved,
    Deprecated,
    /// The schema refers to another component than before.
    Moved,
    Unknown,
}

impl Kind {
    /// Returns the effect of the change on programs. If a value becomes optional in a response, programs break only if the Rust
    /// type changes, and the comparison of the Rust surfaces reports that.
    fn class(self, way: Way) -> Class {
        let request = way == Way::Request;
        let worst = match self {
            Self::Added { required: true } | Self::Required if request => Class::Breaking,
            Self::NotNullable | Self::WordsOnly | Self::Narrowed if request => Class::Breaking,
            Self::AlternativeAdded if !request => Class::Breaking,
            Self::Constrained | Self::Default if request => Class::Review,
            Self::Narrowed
            | Self::Widened
            | Self::Constrained
            | Self::Default
            | Self::Reformatted => match request {
                true => Class::Additive,
                false => Class::Docs,
            },
            Self::Removed | Self::Retyped | Self::WordRemoved | Self::AlternativeRemoved => {
                Class::Breaking
            }
            Self::Unknown => Class::Review,
            Self::Moved => Class::Docs,
            Self::Added { .. }
            | Self::Required
            | Self::Optional
            | Self::Nullable
            | Self::NotNullable
            | Self::WordAdded
            | Self::WordsOnly => Class::Additive,
            Self::AnyWord | Self::Openness | Self::AlternativeAdded | Self::Deprecated => {
                Class::Additive
            }
        };
        match way {
            Way::Error => worst.min(Class::Additive),
            _ => worst,
        }
    }
}

/// A change, its text for the report, and its place.
#[derive(Clone, Debug)]
struct Found {
    kind: Kind,
    text: String,
    pointer: String,
}

type Pair = (String, String);

/// The differences between two compared places, and the pairs of places below them.
#[derive(Default)]
struct Node {
    found: Vec<Found>,
    below: Vec<Pair>,
}

/// Compares each pair of schemas only once, and records which operations each difference affects.
pub struct Schemas<'a> {
    old: &'a Value,
    new: &'a Value,
    nodes: BTreeMap<Pair, Node>,
    roots: Vec<(Pair, String, Way)>,
}

impl<'a> Schemas<'a> {
    pub fn new(old: &'a Value, new: &'a Value) -> Self {
        Self {
            old,
            new,
            nodes: BTreeMap::new(),
            roots: Vec::new(),
        }
    }

    /// Compares the old and the new version of a schema that `operation` uses. Includes all schemas below it.
    pub fn compare(
        &mut self,
        operation: &str,
        way: Way,
        old: (String, &'a Value),
        new: (String, &'a Value),
    ) {
        let mut open = Vec::new();
        let pair = self.enter(old, new, &mut open);
        // A loop is used here, because recursion could overflow the stack: references can make schemas nest deeper than the
        // document itself.
        while let Some((pair, old, new)) = open.pop() {
            let (found, below) = self.difference(&pair.0, old, &pair.1, new);
            let below = below
                .into_iter()
                .map(|(old, new)| self.enter(old, new, &mut open))
                .collect();
            self.nodes.insert(pair, Node { found, below });
        }
        self.roots.push((pair, operation.to_owned(), way));
    }

    /// Returns the name of a place. If an inline schema became a reference, this is the name of its old place.
    fn name(&self, old: &str, new: &str) -> String {
        let is_component = |pointer: &str| component(pointer).is_some();
        match is_component(new) && !is_component(old) {
            true => spoken(self.old, old),
            false => spoken(self.new, new),
        }
    }

    fn enter(
        &mut self,
        old: (String, &'a Value),
        new: (String, &'a Value),
        open: &mut Vec<(Pair, View<'a>, View<'a>)>,
    ) -> Pair {
        let (old_pointer, old_value) = located(self.old, old.0, old.1);
        let (new_pointer, new_value) = located(self.new, new.0, new.1);
        let pair = (old_pointer, new_pointer);
        if !self.nodes.contains_key(&pair) {
            self.nodes.insert(pair.clone(), Node::default());
            let views = (
                View::of(self.old, &pair.0, old_value),
                View::of(self.new, &pair.1, new_value),
            );
            open.push((pair.clone(), views.0, views.1));
        }
        pair
    }

    /// Returns all differences. Each one lists the operations that it affects.
    pub fn changes(self) -> Vec<Change> {
        let mut touched: BTreeMap<&Pair, BTreeSet<(&str, Way)>> = BTreeMap::new();
        for (root, operation, way) in &self.roots {
            let (mut open, mut seen) = (vec![root], BTreeSet::from([root]));
            while let Some(pair) = open.pop() {
                let Some(node) = self.nodes.get(pair) else {
                    continue;
                };
                if !node.found.is_empty() {
                    touched.entry(pair).or_default().insert((operation, *way));
                }
                open.extend(node.below.iter().filter(|below| seen.insert(*below)));
            }
        }
        let mut changes = Vec::new();
        for (pair, users) in touched {
            for found in &self.nodes[pair].found {
                let class = users
                    .iter()
                    .map(|(_, way)| found.kind.class(*way))
                    .max()
                    .unwrap_or(Class::Docs);
                let mut change = Change::new(class, &found.text);
                change.places.insert(found.pointer.clone());
                change.touches.extend(
                    users
                        .iter()
                        .map(|(operation, way)| format!("{operation} ({})", way.word())),
                );
                changes.push(change);
            }
        }
        changes
    }

    #[allow(
        clippy::type_complexity,
        reason = "two places, each with what stands there"
    )]
    fn difference(
        &self,
        old_pointer: &str,
        old: View<'a>,
        pointer: &str,
        new: View<'a>,
    ) -> (Vec<Found>, Vec<((String, &'a Value), (String, &'a Value))>) {
        let mut difference = Difference {
            name: self.name(old_pointer, pointer),
            pointer,
            found: Vec::new(),
        };
        difference.types(&old, &new);
        difference.flags(&old, &new);
        difference.moved(old_pointer, pointer);
        difference.words(&old, &new);
        difference.constraints(&old, &new);
        let mut below = Vec::new();
        difference.properties(&old, &new, &mut below);
        difference.items(&old, &new, &mut below);
        difference.alternatives(&old, &new, &mut below);
        (difference.found, below)
    }
}

/// A schema whose `allOf` parts are merged.
struct View<'a> {
    properties: BTreeMap<&'a str, (String, &'a Value)>,
    required: BTreeSet<&'a str>,
    /// All other keywords, each with its JSON pointer and its value.
    keys: BTreeMap<&'a str, (String, &'a Value)>,
    nullable: bool,
    /// The place of a part of `allOf` that contradicts another part.
    contradicting: Option<String>,
}

impl<'a> View<'a> {
    fn of(document: &'a Value, pointer: &str, schema: &'a Value) -> Self {
        let mut view = Self {
            properties: BTreeMap::new(),
            required: BTreeSet::new(),
            keys: BTreeMap::new(),
            nullable: false,
            contradicting: None,
        };
        let mut seen = BTreeSet::new();
        view.add(document, pointer.to_owned(), schema, true, &mut seen);
        view
    }

    fn add(
        &mut self,
        document: &'a Value,
        pointer: String,
        schema: &'a Value,
        own: bool,
        seen: &mut BTreeSet<String>,
    ) {
        // The parts may refer back to the whole schema, so each pointer is visited only once.
        if !seen.insert(pointer.clone()) {
            return;
        }
        let parts = schema["allOf"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for (key, value) in schema.as_object().into_iter().flatten() {
            let at = format!("{pointer}/{}", escape(key));
            match key.as_str() {
                "properties" => {
                    for (name, property) in value.as_object().into_iter().flatten() {
                        self.properties
                            .insert(name, (format!("{at}/{}", escape(name)), property));
                    }
                }
                "required" => self.required.extend(
                    value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str),
                ),
                "nullable" | "x-nullable" => self.nullable |= own && value == &Value::Bool(true),
                "allOf" => {}
                key if is_docs(key) => {}
                _ => {
                    let before = self.keys.insert(key, (at.clone(), value));
                    if before.is_some_and(|(_, before)| before != value) {
                        self.contradicting = Some(at);
                    }
                }
            }
        }
        for (index, part) in parts.iter().enumerate() {
            let (at, part) = located(document, format!("{pointer}/allOf/{index}"), part);
            self.add(document, at, part, own && parts.len() == 1, seen);
        }
        // `null` among the enum values means the same as `nullable`.
        self.nullable |= own
            && schema["enum"]
                .as_array()
                .is_some_and(|words| words.contains(&Value::Null));
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.keys.get(key).map(|(_, value)| *value)
    }

    fn is_true(&self, key: &str) -> bool {
        self.get(key) == Some(&Value::Bool(true))
    }

    /// Returns the type in words (such as `string`, `array`, `one of several` or `anything`) and the format.
    fn kind(&self) -> (String, Option<&'a str>) {
        let said = self.get("type").and_then(Value::as_str);
        let kind = match said {
            // A type next to `oneOf` or `anyOf` only repeats the type of the alternatives.
            _ if self.keys.contains_key("oneOf") || self.keys.contains_key("anyOf") => {
                "one of several"
            }
            Some(kind) => kind,
            None if !self.properties.is_empty()
                || self.keys.contains_key("additionalProperties") =>
            {
                "object"
            }
            None if self.keys.contains_key("items") => "array",
            None if self.keys.contains_key("enum") => "string",
            None => "anything",
        };
        (kind.to_owned(), self.get("format").and_then(Value::as_str))
    }

    fn words(&self) -> Option<BTreeSet<String>> {
        let words = self.get("enum")?.as_array()?;
        let word = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        Some(
            words
                .iter()
                .filter(|value| !value.is_null())
                .map(word)
                .collect(),
        )
    }
}

/// Returns the name of the component if the pointer refers to a whole component.
fn component(pointer: &str) -> Option<&str> {
    pointer
        .strip_prefix("/components/schemas/")
        .filter(|name| !name.contains('/'))
}

/// Returns the format of a string if the format has its own Rust type. Strings with other formats are plain text in Rust.
fn seen_by_rust(kind: &str, format: Option<&str>) -> &'static str {
    match (kind, format) {
        ("string", Some("date-time")) => "date-time",
        ("string", Some("uuid")) => "uuid",
        _ => "",
    }
}

fn typed(kind: &str, format: Option<&str>) -> String {
    format.map_or_else(|| kind.to_owned(), |format| format!("{kind} ({format})"))
}

/// The keywords that are either `true` or absent. Each row is a keyword, its kind of change, and the texts for its removal and
/// for its addition.
const FLAGS: [(&str, Kind, &str, &str); 3] = [
    (
        "deprecated",
        Kind::Deprecated,
        "is no longer deprecated",
        "is deprecated",
    ),
    (
        "readOnly",
        Kind::Unknown,
        "is no longer read-only",
        "is read-only",
    ),
    (
        "writeOnly",
        Kind::Unknown,
        "is no longer write-only",
        "is write-only",
    ),
];

/// Collects the differences between two schemas.
struct Difference<'p> {
    /// The name of the place for the report, such as `Thing.owner`.
    name: String,
    pointer: &'p str,
    found: Vec<Found>,
}

type Below<'a> = Vec<((String, &'a Value), (String, &'a Value))>;

impl Difference<'_> {
    fn note(&mut self, kind: Kind, pointer: &str, text: String) {
        self.found.push(Found {
            kind,
            text,
            pointer: pointer.to_owned(),
        });
    }

    fn here(&mut self, kind: Kind, text: &str) {
        let text = format!("`{}` {text}", self.name);
        self.note(kind, self.pointer, text);
    }

    fn types(&mut self, old: &View<'_>, new: &View<'_>) {
        let ((old_kind, old_format), (new_kind, new_format)) = (old.kind(), new.kind());
        let as_said = format!(
            "is {}, was {}",
            typed(&new_kind, new_format),
            typed(&old_kind, old_format)
        );
        if self.is_text_to_users((&old_kind, old_format), (&new_kind, new_format)) {
            self.here(Kind::Reformatted, &as_said);
        } else if old_kind != new_kind
            || seen_by_rust(&old_kind, old_format) != seen_by_rust(&new_kind, new_format)
        {
            let (before, after) = (typed(&old_kind, old_format), typed(&new_kind, new_format));
            self.here(Kind::Retyped, &format!("is {after}, was {before}"));
        } else if old_format != new_format {
            let [before, after] = [old_format, new_format].map(|format| format.unwrap_or("none"));
            let text = format!("has format {after}, was {before}");
            self.here(Kind::Reformatted, &text);
        }
        let (before, after) = (old.get("type"), new.get("type"));
        if old_kind == "one of several" && new_kind == old_kind && before != after {
            let kind = if before.is_some() && after.is_some() {
                Kind::Retyped
            } else {
                Kind::Reformatted
            };
            let [before, after] =
                [before, after].map(|value| value.map_or_else(|| "none".to_owned(), short));
            let text = format!("has type {after} beside its alternatives, was {before}");
            self.here(kind, &text);
        }
    }

    /// Compares the flags of a schema.
    fn flags(&mut self, old: &View<'_>, new: &View<'_>) {
        match (old.nullable, new.nullable) {
            (false, true) => self.here(Kind::Nullable, "may be null"),
            (true, false) => self.here(Kind::NotNullable, "can no longer be null"),
            _ => {}
        }
        for (key, kind, gone, came) in FLAGS {
            match (old.is_true(key), new.is_true(key)) {
                (true, false) => self.here(kind, gone),
                (false, true) => self.here(kind, came),
                _ => {}
            }
        }
        if old.contradicting.is_some() != new.contradicting.is_some() {
            let at = new.contradicting.as_ref().or(old.contradicting.as_ref());
            let text = format!(
                "`{}` is put together from parts (`allOf`) that contradict each other, or no longer is",
                self.name
            );
            self.note(Kind::Unknown, at.map_or("", String::as_str), text);
        }
    }

    /// Returns whether users pass or receive plain text both before and after the change. An untyped property is plain text. A
    /// path parameter with the format `uuid` is text that is checked, and no program breaks when the check is removed.
    fn is_text_to_users(
        &self,
        (old, old_format): (&str, Option<&str>),
        (new, new_format): (&str, Option<&str>),
    ) -> bool {
        let plain = |kind: &str, format| kind == "string" && seen_by_rust(kind, format).is_empty();
        let property = self.pointer.rsplit('/').nth(1) == Some("properties");
        let untyped = |kind: &str| kind == "anything";
        let typed_now =
            untyped(old) && plain(new, new_format) || plain(old, old_format) && untyped(new);
        let in_path = self.name.starts_with("path parameter ");
        let unchecked = old == "string" && old_format == Some("uuid") && plain(new, new_format);
        property && typed_now || in_path && (unchecked || typed_now)
    }

    /// Reports that a reference now refers to another component, even if the two components are equal.
    fn moved(&mut self, old: &str, new: &str) {
        if let (Some(old), Some(new)) = (component(old), component(new))
            && old != new
        {
            self.here(Kind::Moved, &format!("replaces `{old}`"));
        }
    }

    fn words(&mut self, old: &View<'_>, new: &View<'_>) {
        match (old.words(), new.words()) {
            (Some(old), Some(new)) => {
                new.difference(&old).for_each(|word| {
                    self.here(Kind::WordAdded, &format!("has the new enum value `{word}`"))
                });
                old.difference(&new).for_each(|word| {
                    self.here(
                        Kind::WordRemoved,
                        &format!("has lost the enum value `{word}`"),
                    )
                });
            }
            (None, Some(words)) => self.here(
                Kind::WordsOnly,
                &format!("is one of {}, was any value", quoted(&words)),
            ),
            (Some(words), None) => self.here(
                Kind::AnyWord,
                &format!("is any value, was one of {}", quoted(&words)),
            ),
            (None, None) => {}
        }
    }

    fn constraints(&mut self, old: &View<'_>, new: &View<'_>) {
        let keys: BTreeSet<&str> = old.keys.keys().chain(new.keys.keys()).copied().collect();
        for key in keys {
            let (before, after) = (old.get(key), new.get(key));
            let handled = matches!(
                key,
                "type"
                    | "format"
                    | "enum"
                    | "items"
                    | "additionalProperties"
                    | "oneOf"
                    | "anyOf"
                    | "deprecated"
                    | "readOnly"
                    | "writeOnly"
            );
            if before == after || handled {
                continue;
            }
            let kind = constraint(key, before, after);
            let at = new
                .keys
                .get(key)
                .or(old.keys.get(key))
                .map(|(at, _)| at.clone())
                .unwrap_or_default();
            let name = &self.name;
            let text = match (before.map(short), after.map(short)) {
                (None, after) => format!("`{name}` has {key} {}", after.unwrap_or_default()),
                (Some(before), None) => format!("`{name}` has no {key} now, was {before}"),
                (Some(before), Some(after)) => {
                    format!("`{name}` has {key} {after}, was {before}")
                }
            };
            self.note(kind, &at, text);
        }
    }

    fn properties<'a>(&mut self, old: &View<'a>, new: &View<'a>, below: &mut Below<'a>) {
        for (name, (at, value)) in &new.properties {
            let inside = self.inside(name);
            let required = new.required.contains(name);
            match old.properties.get(name) {
                Some((old_at, old_value)) => {
                    below.push(((old_at.clone(), old_value), (at.clone(), value)));
                    let (kind, text) = match required {
                        true => (Kind::Required, format!("`{inside}` is required")),
                        false => (Kind::Optional, format!("`{inside}` is no longer required")),
                    };
                    if old.required.contains(name) != required {
                        self.note(kind, at, text);
                    }
                }
                None => {
                    let word = if required { "required " } else { "" };
                    let text = format!("new {word}property `{inside}`");
                    self.note(Kind::Added { required }, at, text);
                }
            }
        }
        for (name, (at, _)) in &old.properties {
            if !new.properties.contains_key(name) {
                let text = format!("property `{}` is gone", self.inside(name));
                self.note(Kind::Removed, at, text);
            }
        }
        // `required` may list a name that has no schema in `properties`.
        for name in new.required.symmetric_difference(&old.required) {
            if old.properties.contains_key(name) || new.properties.contains_key(name) {
                continue;
            }
            let (kind, text) = match new.required.contains(name) {
                true => (
                    Kind::Required,
                    "is required, though the document does not describe it",
                ),
                false => (
                    Kind::Optional,
                    "is no longer required, and the document does not describe it",
                ),
            };
            let text = format!("`{}` {text}", self.inside(name));
            self.note(kind, self.pointer, text);
        }
    }

    /// Returns the name of a property for the report, such as `Thing.owner`. If the place has no type name (such as `the
    /// answer`), this is only the name of the property.
    fn inside(&self, property: &str) -> String {
        match self.name.contains(' ') {
            true => property.to_owned(),
            false => format!("{}.{property}", self.name),
        }
    }

    fn items<'a>(&mut self, old: &View<'a>, new: &View<'a>, below: &mut Below<'a>) {
        let at = |view: &View<'a>, key: &str| view.keys.get(key).cloned();
        match (at(old, "items"), at(new, "items")) {
            (Some(old), Some(new)) => below.push((old, new)),
            // The change of the type has already been reported.
            _ if old.kind().0 != new.kind().0 => return,
            (None, Some((_, items))) => self.here(
                Kind::Retyped,
                &format!(
                    "now has items of a known shape (before, items could be anything): {}",
                    short(items)
                ),
            ),
            (Some(_), None) => self.here(
                Kind::Retyped,
                "now has items of any shape (before, the shape was known)",
            ),
            (None, None) => {}
        }
        let (before, after) = (
            at(old, "additionalProperties"),
            at(new, "additionalProperties"),
        );
        let closed = |value: &Option<(String, &Value)>| {
            value
                .as_ref()
                .is_some_and(|(_, value)| **value == Value::Bool(false))
        };
        // `true`, `{}` and a missing keyword all mean that any value is allowed.
        let shaped = |value: Option<(String, &'a Value)>| {
            value.filter(|(_, value)| value.as_object().is_some_and(|map| !map.is_empty()))
        };
        match (closed(&before), closed(&after)) {
            (false, true) => self.here(Kind::Openness, "forbids unknown keys"),
            (true, false) => self.here(Kind::Openness, "allows unknown keys"),
            _ => {}
        }
        match (shaped(before), shaped(after)) {
            (Some(old), Some(new)) => below.push((old, new)),
            (None, Some((_, values))) => self.here(
                Kind::Retyped,
                &format!(
                    "now has values of a known shape (before, values could be anything): {}",
                    short(values)
                ),
            ),
            (Some(_), None) => self.here(
                Kind::Retyped,
                "now has values of any shape (before, the shape was known)",
            ),
            (None, None) => {}
        }
    }

    fn alternatives<'a>(&mut self, old: &View<'a>, new: &View<'a>, below: &mut Below<'a>) {
        let (mut before, mut after) = (branches(old), branches(new));
        if before.is_empty() != after.is_empty() {
            // The change of the type has already been reported.
            if old.kind().0 == new.kind().0 {
                self.here(
                    Kind::Retyped,
                    if after.is_empty() {
                        "is one shape, was one of several"
                    } else {
                        "is one of several shapes, was one"
                    },
                );
            }
            return;
        }
        let (old_words, new_words) = (words_of(&before), words_of(&after));
        let alike = |_: bool, _: &str, branch: &Value| Some(shape(branch).to_string());
        let named = |_: bool, _: &str, branch: &Value| name_of(branch);
        let told = |is_new: bool, at: &str, _: &Value| {
            let words = if is_new { &new_words } else { &old_words };
            words.get(at).cloned()
        };
        pair_up(&mut before, &mut after, below, alike);
        pair_up(&mut before, &mut after, below, named);
        pair_up(&mut before, &mut after, below, told);
        // Pairs the remaining alternatives in sorted order, until one of the two lists is empty.
        for list in [&mut before, &mut after] {
            list.sort_by_cached_key(|(_, branch)| shape(branch).to_string());
        }
        let both = before.len().min(after.len());
        below.extend(before.drain(..both).zip(after.drain(..both)));
        for (at, branch) in after {
            let text = format!(
                "`{}` has the new alternative {}",
                self.name,
                name_of(branch).unwrap_or_else(|| short(branch))
            );
            self.note(Kind::AlternativeAdded, &at, text);
        }
        for (at, branch) in before {
            let text = format!(
                "`{}` has lost the alternative {}",
                self.name,
                name_of(branch).unwrap_or_else(|| short(branch))
            );
            self.note(Kind::AlternativeRemoved, &at, text);
        }
    }
}

/// Returns the alternatives of a schema with their places. Treats `oneOf` and `anyOf` alike, because `regen` generates the same
/// code for both.
fn branches<'a>(view: &View<'a>) -> Vec<(String, &'a Value)> {
    let lists = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|key| view.keys.get(key));
    lists
        .flat_map(|(at, list)| {
            let branches = list.as_array().into_iter().flatten().enumerate();
            branches.map(move |(index, branch)| (format!("{at}/{index}"), branch))
        })
        .collect()
}

/// Pairs the alternatives of both lists for which `key` returns the same text, and moves the pairs to `below`.
fn pair_up<'a>(
    before: &mut Vec<(String, &'a Value)>,
    after: &mut Vec<(String, &'a Value)>,
    below: &mut Below<'a>,
    key: impl Fn(bool, &str, &Value) -> Option<String>,
) {
    before.retain(|(old_at, old)| {
        let Some(wanted) = key(false, old_at, old) else {
            return true;
        };
        match after
            .iter()
            .position(|(at, new)| key(true, at, new).as_ref() == Some(&wanted))
        {
            Some(index) => {
                let new = after.remove(index);
                below.push(((old_at.clone(), *old), new));
                false
            }
            None => true,
        }
    });
}

/// Maps the pointer of each alternative to the word that distinguishes it from the others. Leaves out alternatives without such a
/// word.
fn words_of(branches: &[(String, &Value)]) -> BTreeMap<String, String> {
    let values: Vec<Value> = branches.iter().map(|(_, it)| (*it).clone()).collect();
    let words = alternatives::words(&values).into_iter();
    let pointers = branches.iter().map(|(at, _)| at.clone());
    // A number is only a position, so it does not identify an alternative in another document.
    let words = words.map(|word| word.parse::<usize>().map_or(word, |_| String::new()));
    pointers
        .zip(words)
        .filter(|(_, word)| !word.is_empty())
        .collect()
}

/// Returns the name of an alternative in the document: its component or its title.
fn name_of(branch: &Value) -> Option<String> {
    let name = branch["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next())
        .or(branch["title"].as_str())?;
    Some(format!("`{name}`"))
}

/// Returns the kind of a change to a keyword that limits the allowed values.
fn constraint(key: &str, before: Option<&Value>, after: Option<&Value>) -> Kind {
    match key {
        "default" => Kind::Default,
        "minimum" | "minLength" | "minItems" | "minProperties" => bound(before, after, true),
        "maximum" | "maxLength" | "maxItems" | "maxProperties" => bound(before, after, false),
        "exclusiveMinimum" | "exclusiveMaximum" | "uniqueItems" => {
            match after == Some(&Value::Bool(true)) {
                true => Kind::Narrowed,
                false => Kind::Widened,
            }
        }
        "pattern" | "multipleOf" if before.is_none() => Kind::Narrowed,
        "pattern" | "multipleOf" if after.is_none() => Kind::Widened,
        "pattern" | "multipleOf" => Kind::Constrained,
        key if dialect::is_rule(key) => Kind::Constrained,
        // The keyword is `not`, `discriminator` or unknown.
        _ => Kind::Unknown,
    }
}

fn bound(before: Option<&Value>, after: Option<&Value>, lower: bool) -> Kind {
    match (before.map(Value::as_f64), after.map(Value::as_f64)) {
        (None, Some(Some(_))) => Kind::Narrowed,
        (Some(Some(_)), None) => Kind::Widened,
        (Some(Some(before)), Some(Some(after))) if (after > before) == lower => Kind::Narrowed,
        (Some(Some(_)), Some(Some(_))) => Kind::Widened,
        // A bound is not a number.
        _ => Kind::Unknown,
    }
}

fn quoted(words: &BTreeSet<String>) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns the name of a place for the report. For example, `/components/schemas/Thing/properties/owner/items` becomes
/// `Thing.owner[]`, and a property `owner` inside a response body becomes `owner`. The response body itself is `the answer`, and
/// a parameter is for example `query parameter limit`.
pub fn spoken(document: &Value, pointer: &str) -> String {
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    let (mut name, rest) = match steps.as_slice() {
        ["components", "schemas", name, rest @ ..] => (unescape(name), rest),
        steps => match steps.iter().position(|step| *step == "schema") {
            Some(index) => (String::new(), &steps[index + 1..]),
            None => (String::new(), &[][..]),
        },
    };
    let mut rest = rest.iter();
    while let Some(step) = rest.next() {
        match *step {
            "properties" => {
                let property = rest
                    .next()
                    .map(|property| unescape(property))
                    .unwrap_or_default();
                name = if name.is_empty() {
                    property
                } else {
                    format!("{name}.{property}")
                };
            }
            "items" => name.push_str("[]"),
            "additionalProperties" => name.push_str("{}"),
            "oneOf" | "anyOf" | "allOf" => {
                let index = rest.next().copied().unwrap_or_default();
                name = format!("{name}|{index}");
            }
            _ => {}
        }
    }
    let whole = pointer
        .split_once("/schema")
        .map_or(pointer, |(whole, _)| whole);
    let parameter = document
        .pointer(whole)
        .filter(|_| whole.contains("/parameters/"));
    let owner = match parameter.map(|parameter| {
        (
            parameter["in"].as_str().unwrap_or_default(),
            parameter["name"].as_str().unwrap_or_default(),
        )
    }) {
        Some((place, parameter)) => format!("{place} parameter {parameter}"),
        None if whole.contains("/requestBody") || whole.contains("/requestBodies/") => {
            "the request body".to_owned()
        }
        None => "the answer".to_owned(),
    };
    // Inside a body, the name of the property is enough. Inside a parameter, the name of the parameter comes first.
    if name.is_empty() {
        owner
    } else if parameter.is_some() && !pointer.starts_with("/components/schemas/") {
        format!("{owner}{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::spoken;
    use serde_json::json;

    #[test]
    fn places_read_like_names() {
        let document =
            json!({ "components": { "parameters": { "p": { "in": "query", "name": "limit" } } } });
        let spoken = |pointer| spoken(&document, pointer);
        assert_eq!(spoken("/components/schemas/Thing"), "Thing");
        assert_eq!(
            spoken("/components/schemas/Thing/properties/owner/oneOf/0"),
            "Thing.owner|0"
        );
        assert_eq!(
            spoken("/components/parameters/p/schema"),
            "query parameter limit"
        );
        assert_eq!(
            spoken("/components/parameters/p/schema/items"),
            "query parameter limit[]"
        );
        assert_eq!(
            spoken("/paths/~1a/get/responses/200/content/application~1json/schema"),
            "the answer"
        );
        assert_eq!(
            spoken(
                "/paths/~1a/get/responses/200/content/application~1json/schema/properties/a~1b/items/properties/c"
            ),
            "a/b[].c"
        );
        assert_eq!(
            spoken(
                "/paths/~1a/post/requestBody/content/application~1json/schema/additionalProperties"
            ),
            "{}"
        );
        assert_eq!(
            spoken("/paths/~1a/post/requestBody/content/application~1json/schema"),
            "the request body"
        );
    }
}
