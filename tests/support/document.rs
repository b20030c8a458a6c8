//! CircleCI's vendored document, with which the tests compare the client. If the document is not OpenAPI 3.0 in JSON, the
//! first step of the generator converts it.

use serde_json::{Map, Value, json};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The places where the document contradicts itself, so that no value is valid. Each entry has a pointer to the place, and the
/// change that removes the contradiction.
const CONTRADICTIONS: [(&str, &str); 2] = [
    (
        "/components/schemas/context_created/properties/owner",
        "`additionalProperties: false` beside `oneOf` forbids the keys that the branches require, so the tests remove it",
    ),
    (
        "/components/schemas/update_env_var",
        "`additionalProperties: false` beside `anyOf` forbids the keys that the branches require, so the tests remove it",
    ),
];

pub struct Document {
    pub root: Value,
    /// The components as JSON Schema.
    components: Value,
    /// The path in the URL of the server, such as `/api/v2`.
    pub base: String,
}

pub struct Operation<'a> {
    pub id: &'a str,
    pub method: String,
    pub path: &'a str,
    pub parameters: Vec<&'a Value>,
    /// The schema of the request body.
    pub body: Option<&'a Value>,
    /// The successful responses. Each has its status, and the schema of its body if it has a body.
    pub successes: Vec<(u16, Option<&'a Value>)>,
}

impl Operation<'_> {
    pub fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        self.parameters
            .iter()
            .copied()
            .filter(move |parameter| parameter["in"] == place)
    }
}

impl Document {
    pub fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/openapi.json");
        let mut root = as_3_0(&std::fs::read(path).expect("the vendored document"));
        for (pointer, reason) in CONTRADICTIONS {
            let schema = root
                .pointer_mut(pointer)
                .and_then(Value::as_object_mut)
                .unwrap_or_else(|| panic!("{pointer} is gone ({reason})"));
            let forbids = schema.remove("additionalProperties");
            assert_eq!(forbids, Some(json!(false)), "{pointer} is mended: {reason}");
        }
        Self::of(root)
    }

    /// Creates the value from the JSON of an OpenAPI 3.0 document.
    pub fn of(root: Value) -> Self {
        let mut components = root["components"].clone();
        as_json_schema(&mut components);
        let server = root["servers"][0]["url"].as_str().expect("a server");
        let (_, rest) = server.split_once("://").expect("a URL");
        let base = rest[rest.find('/').expect("a path")..].to_owned();
        Self {
            root,
            components,
            base,
        }
    }

    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in self.root["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("a path item") {
                if !METHODS.contains(&method.as_str()) {
                    continue;
                }
                let mut parameters = list_of(self, &operation["parameters"]);
                let own: Vec<(Value, Value)> = parameters
                    .iter()
                    .map(|it| (it["name"].clone(), it["in"].clone()))
                    .collect();
                parameters.extend(
                    list_of(self, &item["parameters"])
                        .into_iter()
                        .filter(|it| !own.contains(&(it["name"].clone(), it["in"].clone()))),
                );
                let kinds = |holder: &Value| {
                    holder["content"]
                        .as_object()
                        .map(|map| map.keys().cloned().collect::<Vec<_>>())
                };
                let body = operation.get("requestBody").map(|body| self.resolve(body));
                assert!(
                    body.is_none_or(
                        |body| kinds(body).is_some_and(|all| all == ["application/json"])
                    ),
                    "{path}: a body of another kind"
                );
                let successes = operation["responses"]
                    .as_object()
                    .expect("responses")
                    .iter();
                let successes = successes.filter(|(status, _)| status.starts_with('2')).map(
                    |(status, response)| {
                        let schema = self
                            .resolve(response)
                            .pointer("/content/application~1json/schema");
                        (status.parse().expect("a status"), schema)
                    },
                );
                operations.push(Operation {
                    id: operation["operationId"].as_str().expect("an operationId"),
                    method: method.to_uppercase(),
                    path,
                    parameters,
                    body: body.map(|body| &body["content"]["application/json"]["schema"]),
                    successes: successes.collect(),
                });
            }
        }
        operations
    }

    pub fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            value = self
                .root
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{reference} leads nowhere"));
        }
        value
    }

    /// Returns a JSON Schema validator for the schema. The validator is from a library that is independent of this client.
    pub fn judge(&self, schema: &Value) -> jsonschema::Validator {
        let mut schema = schema.clone();
        as_json_schema(&mut schema);
        let schema = json!({ "allOf": [schema], "components": self.components });
        let options = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true);
        options.build(&schema).expect("a schema")
    }

    /// Returns the schema without a reference at its top, and with the parts of `allOf` merged into it.
    pub fn flat(&self, schema: &Value) -> Map<String, Value> {
        let mut flat = self
            .resolve(schema)
            .as_object()
            .cloned()
            .unwrap_or_default();
        if let Some(Value::Array(parts)) = flat.remove("allOf") {
            for part in &parts {
                for (key, value) in self.flat(part) {
                    match (flat.get_mut(&key), value) {
                        (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                        (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
                        (_, value) => drop(flat.insert(key, value)),
                    }
                }
            }
        }
        flat
    }

    /// Returns the values of every string enum in the document.
    pub fn enums(&self) -> Vec<Vec<&str>> {
        fn walk<'a>(value: &'a Value, found: &mut Vec<Vec<&'a str>>) {
            match value {
                Value::Object(map) => {
                    if let (Some(Value::Array(words)), Some("string")) =
                        (map.get("enum"), map.get("type").and_then(Value::as_str))
                    {
                        found.push(words.iter().filter_map(Value::as_str).collect());
                    }
                    map.values().for_each(|value| walk(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        walk(&self.root, &mut found);
        found
    }
}

/// Returns a document as OpenAPI 3.0 in JSON. If the document already is OpenAPI 3.0 in JSON, it is returned unchanged.
/// Otherwise, the generator converts it.
pub fn as_3_0(bytes: &[u8]) -> Value {
    let plain: Option<Value> = serde_json::from_slice(bytes).ok();
    let is_3_0 = |root: &Value| {
        let version = root["openapi"].as_str();
        version.is_some_and(|version| version.starts_with("3.0."))
    };
    plain.filter(is_3_0).unwrap_or_else(|| {
        xtask::document::parse(bytes, "openapi/openapi.json").expect("OpenAPI 3.0 or 3.1")
    })
}

fn list_of<'a>(document: &'a Document, value: &'a Value) -> Vec<&'a Value> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| document.resolve(it))
        .collect()
}

/// Replaces `nullable` (from OpenAPI 3.0) and `x-nullable` (from CircleCI) with the type `null` of JSON Schema.
fn as_json_schema(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let nullable = ["nullable", "x-nullable"]
                .iter()
                .any(|key| map.get(*key) == Some(&json!(true)));
            if nullable {
                if let Some(kind @ Value::String(_)) = map.get_mut("type") {
                    *kind = json!([kind.clone(), "null"]);
                }
                if let Some(Value::Array(words)) = map.get_mut("enum") {
                    words.push(Value::Null);
                }
            }
            map.values_mut().for_each(as_json_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}

/// How to make a value from a schema of the document: which alternatives to choose, what to omit, and how to spell the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// The index of the enum value, the branch or the type to use. The index wraps around at the number of choices.
    pub pick: usize,
    /// Every nullable value is null.
    pub nulls: bool,
    /// Every optional key is absent.
    pub least: bool,
    /// Every object with listed properties also has unlisted properties.
    pub unknown_keys: bool,
    /// Every enum value is one that the document does not list.
    pub unknown_words: bool,
    /// All keys are in snake_case, even where the document spells them differently.
    pub snake: bool,
    /// Dates have a fraction of a second and an offset.
    pub fractions: bool,
    /// Lists and maps are empty.
    pub empty: bool,
    /// All values except the identifying properties are null or absent, even where the document does not allow this.
    pub bare: Option<Bare>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    Null,
    Absent,
}

/// The identifying properties. A response that has only these properties must decode.
const IDENTITIES: [&str; 9] = [
    "id",
    "name",
    "slug",
    "number",
    "fingerprint",
    "variable",
    "path",
    "url",
    "usage_export_job_id",
];

/// A key that the document does not contain.
pub const UNKNOWN_KEY: &str = "x_added_tomorrow";

/// An enum value that the document does not contain.
pub const UNKNOWN_WORD: &str = "added/tomorrow Ü";

/// Bytes that choose a style for each place in a value. Each choice takes two bytes. After the last byte, every place has the
/// default style.
#[derive(Clone, Copy, Debug)]
pub struct Chance<'a> {
    pub bytes: &'a [u8],
    /// True to also make values that CircleCI may send although the document does not allow them.
    pub beyond: bool,
}

impl Chance<'_> {
    fn style(&mut self) -> Style {
        let Some(([pick, how], rest)) = self.bytes.split_first_chunk() else {
            return Style::default();
        };
        self.bytes = rest;
        let bit = |bit: u8| how & 1 << bit != 0;
        let beyond = |bits: u8| self.beyond && how & bits == bits;
        Style {
            pick: usize::from(*pick),
            nulls: bit(0),
            least: bit(1),
            fractions: bit(2),
            empty: bit(0) && bit(3),
            unknown_keys: beyond(1 << 4),
            unknown_words: beyond(1 << 5),
            snake: beyond(1 << 6),
            bare: match (beyond(1 << 7 | 1), beyond(1 << 7 | 1 << 1)) {
                (true, _) => Some(Bare::Null),
                (_, true) => Some(Bare::Absent),
                _ => None,
            },
        }
    }
}

/// Makes values from the schemas of the document.
pub struct Maker<'a> {
    pub document: &'a Document,
    pub style: Style,
    chance: Option<Chance<'a>>,
    /// A key and a value that are added to every object with listed properties.
    pub unknown: Option<(String, Value)>,
    /// The largest number of enum values in one choice so far. `branches` is the largest number of branches or types.
    pub words: usize,
    pub branches: usize,
}

impl<'a> Maker<'a> {
    pub fn new(document: &'a Document, style: Style) -> Self {
        Self {
            document,
            style,
            chance: None,
            unknown: None,
            words: 1,
            branches: 1,
        }
    }

    pub fn by_chance(document: &'a Document, chance: Chance<'a>) -> Self {
        Self {
            chance: Some(chance),
            ..Self::new(document, Style::default())
        }
    }

    /// Chooses the style for the next place in the value, if the choices are random.
    fn here(&mut self) {
        if let Some(chance) = &mut self.chance {
            self.style = chance.style();
        }
    }

    pub fn make(&mut self, schema: &Value) -> Value {
        self.value(schema, "answer")
    }

    fn branch<T>(&mut self, choices: &[T]) -> usize {
        self.branches = self.branches.max(choices.len());
        self.style.pick % choices.len()
    }

    fn word<T>(&mut self, choices: &[T]) -> usize {
        self.words = self.words.max(choices.len());
        // The index of the enum value advances at a different rate than the branch, so that each branch gets each enum value.
        self.style.pick / 4 % choices.len()
    }

    fn value(&mut self, schema: &Value, name: &str) -> Value {
        self.here();
        let schema = self.document.flat(schema);
        if self.style.nulls
            && ["nullable", "x-nullable"]
                .iter()
                .any(|key| schema.get(*key) == Some(&json!(true)))
        {
            return Value::Null;
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(branches) = schema.get(key).and_then(Value::as_array) {
                let branch = self.branch(branches);
                return self.value(&branches[branch], name);
            }
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let word = self.word(words);
            return if self.style.unknown_words {
                json!(UNKNOWN_WORD)
            } else {
                words[word].clone()
            };
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => json!(self.string(&schema, name)),
            Some("integer") => {
                let least = schema.get("minimum").and_then(Value::as_i64).unwrap_or(0);
                json!(
                    [crate::values::number(name), least, i64::MAX][self.style.pick % 3].max(least)
                )
            }
            Some("number") => {
                json!([-0.125 - crate::values::number(name) as f64, 0.5, 3.0][self.style.pick % 3])
            }
            Some("boolean") => json!(self.style.pick.is_multiple_of(2)),
            Some("array") => self.list(&schema, name),
            Some("object") => self.object(&schema),
            None if schema.contains_key("properties") => self.object(&schema),
            None if schema.contains_key("items") => self.list(&schema, name),
            // A schema without a type allows any value. The client sends text for such a schema.
            None if self.chance.is_some_and(|chance| !chance.beyond) => {
                json!(crate::values::text(name))
            }
            None => {
                let choices = [
                    json!(crate::values::text(name)),
                    json!(crate::values::number(name)),
                    json!({ "key": [1, "two", null] }),
                    json!(true),
                ];
                choices[self.branch(&choices)].clone()
            }
            Some(other) => panic!("{name}: a schema of type {other}"),
        }
    }

    fn string(&self, schema: &Map<String, Value>, name: &str) -> String {
        let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0) as usize;
        match (
            schema.get("format").and_then(Value::as_str),
            schema.get("pattern"),
        ) {
            (Some("uuid"), _) => crate::values::id(name).to_string(),
            (Some("date-time"), _) => {
                let date = crate::values::date(name);
                if self.style.fractions {
                    date.format("%Y-%m-%dT%H:%M:%S.123456+00:00").to_string()
                } else {
                    date.format("%Y-%m-%dT%H:%M:%SZ").to_string()
                }
            }
            (Some("uri"), _) => format!("https://example.com/{name}?a=b%2Fc"),
            (Some(other), _) => panic!("{name}: a text of format {other}"),
            (None, Some(pattern)) => {
                assert_eq!(
                    pattern, r"^([0-9]+(ms|s|m|h|d|w)){1,7}$",
                    "{name}: another pattern"
                );
                "1w2d3h4m5s6ms".to_owned()
            }
            (None, None) if least > 0 => "a1".repeat(least / 2),
            (None, None) => crate::values::text(name),
        }
    }

    fn list(&mut self, schema: &Map<String, Value>, name: &str) -> Value {
        if self.style.empty {
            return json!([]);
        }
        let pick = self.style.pick;
        let first = self.value(&schema["items"], name);
        self.style.pick = pick + 1;
        let second = self.value(&schema["items"], name);
        self.style.pick = pick;
        json!([first, second])
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Value {
        let mut object = Map::new();
        let none = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (key, property) in properties {
            let must = required.contains(&key.as_str());
            let identity = must && IDENTITIES.contains(&key.as_str());
            self.here();
            let snake = self.style.snake;
            // `items` is never absent. The client rejects a list without `items`, because otherwise a message would look like
            // an empty list.
            let is_list = key == "items";
            if self.style.least && !must && !is_list {
                continue;
            }
            let value = match self.style.bare {
                Some(Bare::Absent) if !identity && !is_list => continue,
                Some(Bare::Null) if !identity => Value::Null,
                _ => self.value(property, key),
            };
            object.insert(
                if snake {
                    key.replace('-', "_")
                } else {
                    key.clone()
                },
                value,
            );
        }
        if properties.is_empty() {
            let keys = if self.style.empty {
                &[][..]
            } else {
                &["first-key", "second_key", "third key/ü"]
            };
            let pick = self.style.pick;
            for (index, key) in keys.iter().enumerate() {
                self.style.pick = pick + index;
                let value = match schema.get("additionalProperties") {
                    Some(inner @ Value::Object(_)) => self.value(inner, key),
                    _ => json!({ "deep": [1, null, { "er": false }] }),
                };
                object.insert((*key).to_owned(), value);
            }
            self.style.pick = pick;
        } else if self.style.unknown_keys {
            object.insert(
                UNKNOWN_KEY.to_owned(),
                [json!("text"), json!(null), json!({ "a": [1] }), json!([{}])][self.style.pick % 4]
                    .clone(),
            );
            object.insert(format!("{UNKNOWN_KEY}-too"), json!(7));
            object.insert(
                format!("{UNKNOWN_KEY} Ü\n\"/"),
                json!({ "-1.5e300": [-1.5e300, u64::MAX, "", false] }),
            );
        }
        if let Some((key, value)) = &self.unknown
            && !properties.is_empty()
        {
            object.insert(format!("{UNKNOWN_KEY}{key}"), value.clone());
        }
        Value::Object(object)
    }
}
