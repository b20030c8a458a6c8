//! Converts references of OpenAPI 3.1 to references of 3.0, which can only name a component by its JSON pointer.
//!
//! Definitions inside a schema (`$defs`) become components. References to anchors and ids become references to JSON pointers. A
//! reference to a path item is replaced by a copy of the path item.

use super::{Note, escape, object_mut, schema::NAMED};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Keywords whose value is data and not part of the document's structure.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "value"];
/// Keywords whose value is an object that has names as its keys.
const BY_NAME: [&str; 15] = [
    "$defs",
    "callbacks",
    "content",
    "definitions",
    "encoding",
    "headers",
    "links",
    "mapping",
    "parameters",
    "pathItems",
    "paths",
    "requestBodies",
    "responses",
    "schemas",
    "webhooks",
];
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The pointer that a definition had in its schema, and the pointer of the component that it becomes.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) from: String,
    pub(super) to: String,
}

/// The places to which the references of a document can refer.
#[derive(Default)]
struct Targets {
    /// The original and the new pointer of each definition.
    moved: Vec<Moved>,
    anchors: BTreeMap<String, String>,
    ids: BTreeMap<String, String>,
}

/// Converts all references of a document. Returns the definitions that it moved, and a note for each reference without a
/// target.
pub(super) fn settle(document: &mut Value) -> (Vec<Moved>, Vec<Note>) {
    let mut notes = Vec::new();
    for section in ["paths", "webhooks"] {
        path_items(document, section, &mut notes);
    }
    let targets = targets(document);
    let whole = document.clone();
    rewrite(document, "", false, &mut |at, map| {
        reference(&whole, &targets, at, map, &mut notes);
    });
    let mut moved = targets.moved;
    // Inner definitions move first. Otherwise they would move together with the outer definition that contains them.
    moved.sort_by_key(|moved| std::cmp::Reverse(moved.from.len()));
    for Moved { from, to } in &moved {
        move_definition(document, from, to);
    }
    rewrite(document, "", false, &mut |_, map| {
        for key in DEFINITIONS {
            if map
                .get(key)
                .and_then(Value::as_object)
                .is_some_and(Map::is_empty)
            {
                map.remove(key);
            }
        }
    });
    (moved, notes)
}

/// Replaces each reference to a path item with the content of the path item. If a key is also beside the reference, the value
/// beside the reference is kept.
fn path_items(document: &mut Value, section: &str, notes: &mut Vec<Note>) {
    let whole = document.clone();
    for (path, item) in object_mut(document, &[section]).into_iter().flatten() {
        // A path item may itself refer to another path item.
        for _ in 0..16 {
            let Some(map) = item.as_object_mut() else {
                break;
            };
            let Some(Value::String(reference)) = map.get("$ref").cloned() else {
                break;
            };
            let target = pointer_of(&reference).and_then(|pointer| whole.pointer(&pointer));
            let Some(target) = target.and_then(Value::as_object) else {
                notes.push(Note {
                    pointer: format!("/{section}/{}/$ref", escape(path)),
                    what: format!("{reference} leads to no path of this document"),
                });
                break;
            };
            map.remove("$ref");
            for (key, value) in target {
                map.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
}

fn targets(document: &Value) -> Targets {
    let mut targets = Targets::default();
    let schemas = document["components"]["schemas"].as_object();
    let mut components: BTreeMap<String, Value> = schemas
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    let mut found = Vec::new();
    walk(document, "", false, &mut |at, map| {
        found.push((at.to_owned(), map))
    });
    for (at, map) in found {
        for key in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = map.get(key).and_then(Value::as_str) {
                targets
                    .anchors
                    .entry(anchor.to_owned())
                    .or_insert(at.clone());
            }
        }
        if let Some(id) = map.get("$id").and_then(Value::as_str) {
            let id = id.trim_end_matches('#').to_owned();
            targets.ids.entry(id).or_insert(at.clone());
        }
        for key in DEFINITIONS {
            let definitions = map.get(key).and_then(Value::as_object);
            for (name, schema) in definitions.into_iter().flatten() {
                let free = free_name(&at, name, schema, &mut components);
                targets.moved.push(Moved {
                    from: format!("{at}/{key}/{}", escape(name)),
                    to: format!("/components/schemas/{free}"),
                });
            }
        }
    }
    targets
}

/// Returns a free component name for a definition: its own name, or if that is taken, its owner's name followed by its own
/// name.
fn free_name(
    owner: &str,
    name: &str,
    schema: &Value,
    components: &mut BTreeMap<String, Value>,
) -> String {
    let plain = |text: &str| {
        text.replace(
            |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
            "_",
        )
    };
    let owner = owner
        .strip_prefix("/components/schemas/")
        .unwrap_or("inline");
    let owner = plain(owner.split('/').next().unwrap_or_default());
    let name = plain(name);
    let long = format!("{owner}_{name}");
    let numbered = (2..).map(|number| format!("{long}_{number}"));
    let mut names = [name, long.clone()].into_iter().chain(numbered);
    let free = names.find(|name| components.get(name).is_none_or(|known| known == schema));
    let free = free.unwrap_or(long);
    components.insert(free.clone(), schema.clone());
    free
}

/// Makes a reference point to the new place of its target.
fn reference(
    document: &Value,
    targets: &Targets,
    at: &str,
    map: &mut Map<String, Value>,
    notes: &mut Vec<Note>,
) {
    for key in ["$dynamicRef", "$recursiveRef"] {
        if let Some(dynamic) = map.remove(key) {
            map.entry("$ref").or_insert(dynamic);
        }
    }
    let Some(text) = map.get("$ref").and_then(Value::as_str) else {
        return;
    };
    match meant(document, targets, at, text) {
        Some(pointer) => {
            let pointer = targets.new_pointer(&pointer);
            map.insert("$ref".into(), json!(format!("#{pointer}")));
        }
        None => notes.push(Note {
            pointer: format!("{at}/$ref"),
            what: format!("{text} points to nothing in this document"),
        }),
    }
}

/// Returns the JSON pointer of the target of a reference. `at` is the place of the reference.
fn meant(document: &Value, targets: &Targets, at: &str, reference: &str) -> Option<String> {
    let (resource, fragment) = match reference.split_once('#') {
        Some((resource, fragment)) => (resource, decoded(fragment)),
        None => (reference, String::new()),
    };
    let base = match resource {
        "" => String::new(),
        resource => targets.ids.get(resource)?.clone(),
    };
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return targets.anchors.get(&fragment).cloned();
    }
    let pointer = format!("{base}{fragment}");
    if document.pointer(&pointer).is_some() && !pointer.is_empty() {
        return Some(pointer);
    }
    // A reference such as `#/$defs/x` may be relative to any schema around it that has the definitions.
    let mut around = Some(at);
    while let Some(place) = around {
        let pointer = format!("{place}{fragment}");
        if !fragment.is_empty() && document.pointer(&pointer).is_some() {
            return Some(pointer);
        }
        around = place.rsplit_once('/').map(|(parent, _)| parent);
    }
    None
}

impl Targets {
    /// Returns the pointer that a place has after the definitions have moved.
    fn new_pointer(&self, pointer: &str) -> String {
        let inside = self.moved.iter().filter_map(|moved| {
            let rest = pointer.strip_prefix(moved.from.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((moved, rest))
        });
        // If the place is inside several definitions, the innermost one counts.
        match inside.max_by_key(|(moved, _)| moved.from.len()) {
            Some((moved, rest)) => format!("{}{rest}", moved.to),
            None => pointer.to_owned(),
        }
    }
}

/// Returns the pointer that a place had before the definitions moved. This is the opposite of `Targets::new_pointer`.
pub(super) fn as_it_came(moved: &[Moved], pointer: &str) -> String {
    // A definition may have been inside another one that also moved.
    let mut pointer = pointer.to_owned();
    for _ in 0..=moved.len() {
        let old = moved.iter().find_map(|moved| {
            let rest = pointer.strip_prefix(moved.to.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", moved.from))
        });
        match old {
            Some(old) => pointer = old,
            None => break,
        }
    }
    pointer
}

fn move_definition(document: &mut Value, from: &str, to: &str) {
    let Some((parent, name)) = from.rsplit_once('/') else {
        return;
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut);
    let Some(schema) = parent.and_then(|map| map.remove(&name)) else {
        return;
    };
    if let Some(root) = document.as_object_mut() {
        let components = root.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut() {
            let schemas = components.entry("schemas").or_insert_with(|| json!({}));
            if let (Some(schemas), Some((_, name))) = (schemas.as_object_mut(), to.rsplit_once('/'))
            {
                schemas.insert(name.to_owned(), schema);
            }
        }
    }
}

/// Returns the JSON pointer in a reference, or `None` if the reference leads to another document.
fn pointer_of(reference: &str) -> Option<String> {
    reference.strip_prefix('#').map(decoded)
}

/// Decodes percent-encoding such as `%7B`, which a reference can contain because it is a URL.
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = fragment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let code = code.and_then(|two| u8::from_str_radix(two, 16).ok());
        match code.filter(|_| byte == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| fragment.to_owned())
}

/// Checks whether the value of `key` is an object with names as its keys.
fn holds_names(key: &str) -> bool {
    BY_NAME.contains(&key) || NAMED.contains(&key)
}

fn is_data(key: &str) -> bool {
    DATA.contains(&key) || key.starts_with("x-")
}

/// Calls `visit` for every object of the document, but not for data or for objects that have names as keys.
fn walk<'a>(
    value: &'a Value,
    at: &str,
    names: bool,
    visit: &mut impl FnMut(&str, &'a Map<String, Value>),
) {
    match value {
        Value::Object(map) => {
            if !names {
                visit(at, map);
            }
            for (key, child) in map.iter().filter(|(key, _)| names || !is_data(key)) {
                let at = format!("{at}/{}", escape(key));
                walk(child, &at, !names && holds_names(key), visit);
            }
        }
        Value::Array(list) => {
            for (index, child) in list.iter().enumerate() {
                walk(child, &format!("{at}/{index}"), false, visit);
            }
        }
        _ => {}
    }
}

/// Does the same as `walk`, but `change` can change each object.
fn rewrite(
    value: &mut Value,
    at: &str,
    names: bool,
    change: &mut impl FnMut(&str, &mut Map<String, Value>),
) {
    match value {
        Value::Object(map) => {
            if !names {
                change(at, map);
            }
            for (key, child) in map.iter_mut().filter(|(key, _)| names || !is_data(key)) {
                let at = format!("{at}/{}", escape(key));
                rewrite(child, &at, !names && holds_names(key), change);
            }
        }
        Value::Array(list) => {
            for (index, child) in list.iter_mut().enumerate() {
                rewrite(child, &format!("{at}/{index}"), false, change);
            }
        }
        _ => {}
    }
}
