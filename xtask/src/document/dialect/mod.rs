//! Translates a document from OpenAPI 3.1 to 3.0, which is the version that all later steps read.
//!
//! If CircleCI only converts its document from 3.0 to 3.1, the translation has the same meaning as the 3.0 document. A change
//! of the version alone is therefore not drift. A keyword that 3.0 cannot express stays in its schema, with the prefix `x-`.
//! The generator ignores such a keyword, but the comparison reads it. The translation also returns a list of these keywords
//! with their JSON pointers.

mod references;
mod schema;

pub use schema::is_rule;

use super::{METHODS, escape, object_mut};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

/// The version that [`lower`] writes into a document, whatever version it had before.
pub const VERSION: &str = "3.0.3";

/// Something that OpenAPI 3.0 cannot express.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The JSON pointer to the keyword in the original document.
    pub pointer: String,
    pub what: String,
}

/// The maximum number of kinds of notes that [`tell`] writes.
const MOST_LINES: usize = 20;

/// Writes one line for each kind of note about the document `name`. The line contains the first place that has this kind of
/// note. Writes at most `MOST_LINES` of these lines.
pub fn tell(name: &str, notes: &[Note], out: &mut dyn Write) -> io::Result<()> {
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for note in notes {
        places.entry(&note.what).or_default().insert(&note.pointer);
    }
    // The text may come from a server and contain control characters.
    let plain = |text: &str| text.replace(char::is_control, " ");
    let name = plain(name);
    for (what, at) in places.iter().take(MOST_LINES) {
        let first = at.first().copied().unwrap_or_default();
        let more = match at.len() {
            0 | 1 => String::new(),
            all => format!(" (here and in {} more)", all - 1),
        };
        writeln!(out, "note: {name}: {}: {}{more}", plain(first), plain(what))?;
    }
    match places.len().checked_sub(MOST_LINES) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "note: {name}: and {more} more notes"),
    }
}

/// Returns whether [`lower`] translates this version.
pub fn is_3_1(version: &str) -> bool {
    version == "3.1" || version.starts_with("3.1.")
}

/// Returns whether this version needs no translation.
pub fn is_3_0(version: &str) -> bool {
    let patch = version.strip_prefix("3.0.");
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// Translates an OpenAPI 3.1 document in place. Returns what 3.0 cannot express. Does not translate a document of another
/// version.
pub fn lower(document: &mut Value) -> Vec<Note> {
    let version = document["openapi"].as_str().unwrap_or_default();
    if is_3_0(version) {
        // All patch versions of 3.0 mean the same.
        document["openapi"] = json!(VERSION);
    }
    if !is_3_1(document["openapi"].as_str().unwrap_or_default()) {
        return Vec::new();
    }
    let (moved, notes) = references::settle(document);
    let mut lowering = Lowering { notes, media: None };
    lowering.document(document);
    document["openapi"] = json!(VERSION);
    let mut notes = lowering.notes;
    for note in &mut notes {
        note.pointer = references::as_it_came(&moved, &note.pointer);
    }
    notes.sort();
    notes.dedup();
    notes
}

struct Lowering {
    notes: Vec<Note>,
    /// The media type of the body that is being translated.
    media: Option<String>,
}

impl Lowering {
    fn note(&mut self, pointer: impl Into<String>, what: impl Into<String>) {
        self.notes.push(Note {
            pointer: pointer.into(),
            what: what.into(),
        });
    }

    fn document(&mut self, document: &mut Value) {
        let Some(root) = document.as_object_mut() else {
            return;
        };
        self.schema_dialect(root);
        // In 3.0 documents, webhooks are written under `x-webhooks`.
        if let Some(webhooks) = root.remove("webhooks") {
            root.insert("x-webhooks".into(), webhooks);
        }
        for section in ["paths", "x-webhooks"] {
            self.each(
                root.get_mut(section),
                &format!("/{section}"),
                Self::path_item,
            );
        }
        let components = root.get_mut("components").and_then(Value::as_object_mut);
        let Some(components) = components else { return };
        type Section = (&'static str, fn(&mut Lowering, &str, &mut Value));
        let sections: [Section; 7] = [
            ("schemas", Self::schema),
            ("parameters", Self::parameter),
            ("headers", Self::parameter),
            ("requestBodies", Self::body),
            ("responses", Self::response),
            ("callbacks", Self::callback),
            ("pathItems", Self::path_item),
        ];
        for (section, translate) in sections {
            let at = format!("/components/{section}");
            self.each(components.get_mut(section), &at, translate);
        }
        // Every path item has already been copied to the places that refer to it.
        components.remove("pathItems");
    }

    fn schema_dialect(&mut self, root: &mut Map<String, Value>) {
        const KNOWN: [&str; 2] = [
            "https://spec.openapis.org/oas/3.1/dialect/",
            "https://json-schema.org/draft/2020-12/schema",
        ];
        let Some(dialect) = root.remove("jsonSchemaDialect") else {
            return;
        };
        let dialect = dialect.as_str().unwrap_or_default();
        if !KNOWN.iter().any(|known| dialect.starts_with(known)) {
            self.note(
                "/jsonSchemaDialect",
                format!("the schemas are read as JSON Schema 2020-12, not as {dialect:?}"),
            );
        }
    }

    /// Calls `translate` for every value of a map.
    fn each(
        &mut self,
        map: Option<&mut Value>,
        at: &str,
        translate: fn(&mut Self, &str, &mut Value),
    ) {
        for (name, value) in map.and_then(Value::as_object_mut).into_iter().flatten() {
            translate(self, &format!("{at}/{}", escape(name)), value);
        }
    }

    fn parameters(&mut self, list: Option<&mut Value>, at: &str) {
        let list = list.and_then(Value::as_array_mut).into_iter().flatten();
        for (index, parameter) in list.enumerate() {
            self.parameter(&format!("{at}/{index}"), parameter);
        }
    }

    fn path_item(&mut self, at: &str, item: &mut Value) {
        self.parameters(item.get_mut("parameters"), &format!("{at}/parameters"));
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                self.operation(&format!("{at}/{method}"), operation);
            }
        }
    }

    fn operation(&mut self, at: &str, operation: &mut Value) {
        self.parameters(operation.get_mut("parameters"), &format!("{at}/parameters"));
        if let Some(body) = operation.get_mut("requestBody") {
            self.body(&format!("{at}/requestBody"), body);
        }
        self.each(
            operation.get_mut("responses"),
            &format!("{at}/responses"),
            Self::response,
        );
        self.each(
            operation.get_mut("callbacks"),
            &format!("{at}/callbacks"),
            Self::callback,
        );
        if let Some(operation) = operation.as_object_mut() {
            // In 3.0, `responses` is required.
            operation.entry("responses").or_insert_with(|| json!({}));
        }
    }

    fn callback(&mut self, at: &str, callback: &mut Value) {
        self.reference(at, callback);
        self.each(Some(callback), at, Self::path_item);
    }

    /// Translates a parameter or a header.
    fn parameter(&mut self, at: &str, parameter: &mut Value) {
        self.reference(at, parameter);
        if let Some(schema) = parameter.get_mut("schema") {
            self.schema(&format!("{at}/schema"), schema);
        }
        self.content(at, parameter);
        one_example(parameter);
    }

    fn body(&mut self, at: &str, body: &mut Value) {
        self.reference(at, body);
        self.content(at, body);
    }

    fn response(&mut self, at: &str, response: &mut Value) {
        self.reference(at, response);
        self.each(
            response.get_mut("headers"),
            &format!("{at}/headers"),
            Self::parameter,
        );
        self.content(at, response);
    }

    fn content(&mut self, at: &str, holder: &mut Value) {
        let content = holder.get_mut("content").and_then(Value::as_object_mut);
        for (media, body) in content.into_iter().flatten() {
            let at = format!("{at}/content/{}", escape(media));
            // In 3.1, a body that is raw bytes has no schema.
            if media == "application/octet-stream"
                && let Some(body) = object_mut(body, &[])
            {
                body.entry("schema")
                    .or_insert_with(|| json!({ "type": "string", "format": "binary" }));
            }
            let outer = self.media.replace(media.clone());
            if let Some(schema) = body.get_mut("schema") {
                self.schema(&format!("{at}/schema"), schema);
            }
            self.media = outer;
            let encodings = body.get_mut("encoding").and_then(Value::as_object_mut);
            for (name, encoding) in encodings.into_iter().flatten() {
                let at = format!("{at}/encoding/{}/headers", escape(name));
                self.each(encoding.get_mut("headers"), &at, Self::parameter);
            }
            one_example(body);
        }
    }

    /// Records a note for a summary or a description beside a reference. In 3.1, a reference may have both, unless it refers to
    /// a schema. 3.0 ignores both.
    fn reference(&mut self, at: &str, value: &Value) {
        if !value["$ref"].is_string() {
            return;
        }
        for key in ["summary", "description"] {
            if value.get(key).is_some() {
                let what = format!("a {key} beside a reference is not read");
                self.note(format!("{at}/{key}"), what);
            }
        }
    }
}

/// Replaces `examples` with `example` if the only named example is called `default` and has only a `value`.
fn one_example(holder: &mut Value) {
    let Some(map) = holder.as_object_mut() else {
        return;
    };
    let examples = map.get("examples").and_then(Value::as_object);
    let Some(only) = examples.filter(|examples| examples.len() == 1) else {
        return;
    };
    let Some(only) = only.get("default").and_then(Value::as_object) else {
        return;
    };
    if let (1, Some(value)) = (only.len(), only.get("value").cloned()) {
        map.remove("examples");
        map.entry("example").or_insert(value);
    }
}
