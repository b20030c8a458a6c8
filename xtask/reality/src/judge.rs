//! Compares a body with the schema that the document gives for it.

use serde_json::{Map, Value, json};

use crate::action;

/// A place in a body that contradicts the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    pub kind: Kind,
    /// The place in the body, such as `items[0].vcs.branch`.
    pub path: String,
    /// The overlay actions that correct the document. The list is empty if no overlay action can correct it.
    pub actions: Vec<Value>,
}

/// The way in which a place contradicts the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    UnknownKey,
    UnknownWord,
    Missing,
    Null,
    WrongForm,
    NotJson,
    /// The document allows the value, but the types of the client do not.
    Types,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UnknownKey => "a key that is not in the document",
            Self::UnknownWord => "an enum value that the document does not have",
            Self::Missing => "absent, but the document requires it",
            Self::Null => "null, but the document does not allow it",
            Self::WrongForm => "of another type than in the document",
            Self::NotJson => "not JSON",
            Self::Types => "allowed by the document, but not by the types of the client",
        })
    }
}

/// The maximum number of references and `allOf` members that are followed from one schema.
const MOST_STEPS: usize = 64;

/// A schema, and its place in the document.
#[derive(Clone)]
struct Schema<'a> {
    place: Vec<String>,
    value: &'a Value,
}

pub struct Judge<'a> {
    document: &'a Value,
    operation: &'a str,
    found: Vec<Contradiction>,
}

/// Returns every place of the body that contradicts the schema.
pub fn judge(
    document: &Value,
    operation: &str,
    (place, schema): (Vec<String>, &Value),
    body: &Value,
) -> Vec<Contradiction> {
    let mut judge = Judge {
        document,
        operation,
        found: Vec::new(),
    };
    let schema = Schema {
        place,
        value: schema,
    };
    judge.value(&schema, body, "");
    judge.found
}

impl<'a> Judge<'a> {
    fn value(&mut self, schema: &Schema<'a>, value: &Value, at: &str) {
        let parts = self.parts(schema);
        let says = |key: &str| parts.iter().find(|part| part.value.get(key).is_some());
        let is = |key: &str| parts.iter().any(|part| part.value[key] == true);
        // The overlay already defines how the client reads this value.
        if says("x-decode").is_some() {
            return;
        }
        if value.is_null() {
            if !is("nullable") && !is("x-nullable") && says("type").is_some() {
                let place = parts.first().map_or(&schema.place, |part| &part.place);
                self.report(Kind::Null, at, |why| {
                    vec![action::update(why, place, json!({ "nullable": true }))]
                });
            }
            return;
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(union) = says(key) {
                return self.union(union, key, value, at);
            }
        }
        if let (Some(part), Value::String(word)) = (says("enum"), value) {
            let words = part.value["enum"].as_array();
            if !words.is_some_and(|words| words.contains(value)) {
                self.report(Kind::UnknownWord, at, |why| {
                    vec![action::update(why, &part.place, json!({ "enum": [word] }))]
                });
            }
            return;
        }
        let declared = says("type").and_then(|part| part.value["type"].as_str());
        let declared = declared.or_else(|| says("properties").map(|_| "object"));
        match (declared, value) {
            (None, _) => {}
            (Some("object"), Value::Object(fields)) => self.object(schema, &parts, fields, at),
            (Some("array"), Value::Array(items)) => {
                for part in parts
                    .iter()
                    .filter(|part| part.value.get("items").is_some())
                {
                    let inner = child(part, &["items"]);
                    for (index, item) in items.iter().enumerate() {
                        self.value(&inner, item, &format!("{at}[{index}]"));
                    }
                }
            }
            (Some(kind), _) => {
                let format = says("format").and_then(|part| part.value["format"].as_str());
                if !fits(kind, format, value) {
                    self.wrong_form(schema, at);
                }
            }
        }
    }

    fn object(
        &mut self,
        schema: &Schema<'a>,
        parts: &[Schema<'a>],
        fields: &Map<String, Value>,
        at: &str,
    ) {
        let named: Vec<&Schema<'a>> = parts
            .iter()
            .filter(|part| part.value["properties"].is_object())
            .collect();
        for (key, value) in fields {
            let at = join(at, key);
            let property = named.iter().find_map(|part| {
                // Some keys are in snake case in CircleCI's responses, but in kebab case in the document.
                let properties = part.value["properties"].as_object()?;
                let spelled = properties
                    .keys()
                    .find(|known| *known == key || known.replace('-', "_") == *key)?;
                Some(child(part, &["properties", spelled]))
            });
            let entry = || {
                let part = parts
                    .iter()
                    .find(|part| part.value["additionalProperties"].is_object())?;
                Some(child(part, &["additionalProperties"]))
            };
            match property.or_else(entry) {
                Some(property) => self.value(&property, value, &at),
                None => {
                    if let Some(part) = named.first() {
                        self.report(Kind::UnknownKey, &at, |why| {
                            let properties = json!({ key: action::schema_of(value) });
                            let update = json!({ "properties": properties });
                            vec![action::update(why, &part.place, update)]
                        });
                    }
                }
            }
        }
        self.missing(schema, parts, fields, at);
    }

    /// Reports the keys that the document requires but the body does not have.
    fn missing(
        &mut self,
        schema: &Schema<'a>,
        parts: &[Schema<'a>],
        fields: &Map<String, Value>,
        at: &str,
    ) {
        let required = parts
            .iter()
            .filter_map(|part| part.value["required"].as_array());
        for name in required.flatten().filter_map(Value::as_str) {
            if fields.contains_key(name) || fields.contains_key(&name.replace('-', "_")) {
                continue;
            }
            let part = parts
                .iter()
                .find(|part| part.value["properties"].get(name).is_some());
            let property = part.map(|part| child(part, &["properties", name]));
            // An overlay cannot remove a name from `required`, so it makes the property nullable. A nullable property may
            // also be absent.
            let may_be_absent = property.as_ref().is_some_and(|property| {
                let parts = self.parts(property);
                ["nullable", "x-nullable"]
                    .iter()
                    .any(|key| parts.iter().any(|part| part.value[*key] == true))
            });
            if may_be_absent {
                continue;
            }
            let place = property.map_or_else(|| schema.place.clone(), |property| property.place);
            self.report(Kind::Missing, &join(at, name), |why| {
                vec![action::update(why, &place, json!({ "nullable": true }))]
            });
        }
    }

    /// Compares the value with every branch of a union. Reports only the contradictions with the branch that fits best.
    fn union(&mut self, union: &Schema<'a>, key: &str, value: &Value, at: &str) {
        let branches = union.value[key].as_array().map_or(0, Vec::len);
        let mut best: Option<Vec<Contradiction>> = None;
        for index in 0..branches {
            let branch = child(union, &[key, &index.to_string()]);
            let mut judge = Judge {
                document: self.document,
                operation: self.operation,
                found: Vec::new(),
            };
            judge.value(&branch, value, at);
            if best
                .as_ref()
                .is_none_or(|best| judge.found.len() < best.len())
            {
                best = Some(judge.found);
            }
        }
        self.found.extend(best.into_iter().flatten());
    }

    fn wrong_form(&mut self, schema: &Schema<'a>, at: &str) {
        // If the place is a property, the actions replace it with a property that has no type. In any other place, a person
        // must decide what to do.
        let replaced = match schema.place.as_slice() {
            [parent @ .., properties, key] if properties == "properties" => Some((parent, key)),
            _ => None,
        };
        self.report(Kind::WrongForm, at, |why| {
            let Some((parent, key)) = replaced else {
                return Vec::new();
            };
            // The client reads a property without a type as text, whatever value it has.
            let properties =
                json!({ key.as_str(): { "description": "CircleCI sends this value with different types." } });
            vec![
                action::remove(why, &schema.place),
                action::update(why, parent, json!({ "properties": properties })),
            ]
        });
    }

    fn report(&mut self, kind: Kind, path: &str, actions: impl FnOnce(&str) -> Vec<Value>) {
        let why = format!(
            "{}. Seen in a response of {}: {kind}.",
            titled(path),
            self.operation
        );
        self.found.push(Contradiction {
            kind,
            path: path.to_owned(),
            actions: actions(&why),
        });
    }

    /// Returns all schemas that apply at the same time, with references resolved and `allOf` split into its members.
    fn parts(&self, schema: &Schema<'a>) -> Vec<Schema<'a>> {
        let (mut parts, mut open) = (Vec::new(), vec![schema.clone()]);
        while let Some(schema) = open.pop() {
            if parts.len() + open.len() > MOST_STEPS {
                break;
            }
            let reference = schema.value["$ref"].as_str();
            let target = reference
                .and_then(|reference| reference.strip_prefix('#'))
                .and_then(|pointer| Some((pointer, self.document.pointer(pointer)?)));
            if let Some((pointer, value)) = target {
                let names = pointer.split('/').skip(1);
                let place = names.map(|name| name.replace("~1", "/").replace("~0", "~"));
                open.push(Schema {
                    place: place.collect(),
                    value,
                });
                // This stops at a cycle of references.
                if parts.len() + open.len() > MOST_STEPS || value["$ref"] == schema.value["$ref"] {
                    break;
                }
                continue;
            }
            for index in 0..schema.value["allOf"].as_array().map_or(0, Vec::len) {
                open.push(child(&schema, &["allOf", &index.to_string()]));
            }
            parts.push(schema);
        }
        parts
    }
}

fn child<'a>(schema: &Schema<'a>, names: &[&str]) -> Schema<'a> {
    let (mut place, mut value) = (schema.place.clone(), schema.value);
    for name in names {
        place.push((*name).to_owned());
        value = match name.parse::<usize>() {
            Ok(index) if value.is_array() => &value[index],
            _ => &value[*name],
        };
    }
    Schema { place, value }
}

/// Checks whether a value has this type and this format.
fn fits(kind: &str, format: Option<&str>, value: &Value) -> bool {
    match (kind, value) {
        ("string", Value::String(text)) => match format {
            Some("uuid") => uuid::Uuid::try_parse(text).is_ok(),
            Some("date-time") => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
            _ => true,
        },
        ("integer", Value::Number(number)) => !number.is_f64(),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => true,
        ("object", Value::Object(_)) | ("array", Value::Array(_)) => true,
        ("string" | "integer" | "number" | "boolean" | "object" | "array", _) => false,
        _ => true,
    }
}

fn join(at: &str, key: &str) -> String {
    match at {
        "" => key.to_owned(),
        at => format!("{at}.{key}"),
    }
}

/// Returns the last key of a path as a title. `cargo xtask regen` uses it as the name of the action.
fn titled(path: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or_default();
    match key.split('[').next() {
        Some("") | None => "The answer".to_owned(),
        Some(key) => format!("The key `{key}`"),
    }
}
