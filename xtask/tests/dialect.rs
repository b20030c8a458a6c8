//! Tests that the generated code and the comparison do not depend on whether a document is in OpenAPI 3.0 or 3.1, or on whether
//! it is in JSON or YAML.

use crate::common;

use common::{base, overlay};
use serde::Deserialize;
use serde_json::{Value, json};
use xtask::{
    document::{
        self,
        dialect::{self, Note},
    },
    drift::{compare, source::Document, verdict::Verdict},
};

const PROBE: &str = "/components/schemas/Thing/properties/probe";

/// One construct, written in both OpenAPI versions.
#[derive(Deserialize)]
struct Pair {
    construct: String,
    schema: Option<Both>,
    document: Option<Both>,
    #[serde(default)]
    lossy: bool,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Both {
    #[serde(rename = "3.0")]
    old: Value,
    #[serde(rename = "3.1")]
    new: Value,
}

impl Pair {
    fn all() -> Vec<Self> {
        serde_yaml_ng::from_str(include_str!("dialect/pairs.yaml")).expect("pairs")
    }

    /// Returns a document with the construct in OpenAPI 3.0, the same document in OpenAPI 3.1, and the pointer to the construct.
    fn documents(&self) -> (Value, Value, &'static str) {
        let with = |version: &str, schema: Option<&Value>, edits: Option<&Value>| {
            let mut document = base();
            document["openapi"] = json!(version);
            if let Some(schema) = schema {
                common::put(&mut document, PROBE, schema.clone());
            }
            if let Some(edits) = edits {
                json_patch::merge(&mut document, edits);
            }
            document
        };
        let (schema, edits) = (self.schema.as_ref(), self.document.as_ref());
        (
            with("3.0.3", schema.map(|it| &it.old), edits.map(|it| &it.old)),
            with("3.1.0", schema.map(|it| &it.new), edits.map(|it| &it.new)),
            if schema.is_some() { PROBE } else { "" },
        )
    }
}

fn parsed(document: &Value) -> (Value, Vec<Note>) {
    let text = document.to_string();
    document::parse_noted(text.as_bytes(), "it").unwrap_or_else(|error| panic!("{error:#}: {text}"))
}

fn named(name: &str, value: &Value) -> Document {
    Document::new(name, value.clone())
}

#[test]
fn every_construct_has_a_pair() {
    let pairs = Pair::all();
    let said = pairs.iter().map(|pair| {
        let both = pair.schema.as_ref().or(pair.document.as_ref());
        both.expect("a pair").new.to_string()
    });
    let said: String = said.collect();
    for keyword in [
        r#""type":["#,
        "const",
        "examples",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "$ref",
        "$defs",
        "$anchor",
        "$dynamicRef",
        "$id",
        "prefixItems",
        "contentMediaType",
        "contentEncoding",
        "webhooks",
        "pathItems",
        "jsonSchemaDialect",
        "patternProperties",
        "unevaluatedProperties",
    ] {
        assert!(said.contains(keyword), "no pair for {keyword}");
    }
}

#[test]
fn the_same_document_in_both_dialects_is_one_document() {
    for pair in Pair::all() {
        let (old, new, at) = pair.documents();
        let ((old, none), (new, notes)) = (parsed(&old), parsed(&new));
        assert_eq!(none, [], "{}: 3.0 needs no translation", pair.construct);
        assert!(
            new == old,
            "{}\n3.1 became {:#}\n3.0 is     {:#}",
            pair.construct,
            new.pointer(at).expect("there"),
            old.pointer(at).expect("there")
        );
        let pointers: Vec<&str> = notes
            .iter()
            .filter_map(|note| note.pointer.strip_prefix(at))
            .collect();
        let mut expected = pair.notes.clone();
        expected.sort();
        assert_eq!(pointers, expected, "{}: {notes:?}", pair.construct);
    }
}

#[test]
fn commands_say_what_they_cannot_bring_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new.json");
    let mut document = base();
    document["openapi"] = json!("3.1.0");
    let probe = json!({ "type": "object", "patternProperties": { "^x": { "type": "string" } } });
    common::put(&mut document, PROBE, probe);
    std::fs::write(&path, document.to_string()).expect("written");
    let openapi = folder.path().join("openapi");
    std::fs::create_dir(&openapi).expect("a folder");
    std::fs::write(openapi.join("overlay.yaml"), common::overlay()).expect("written");
    let (root, out) = (folder.path(), folder.path().join("out"));
    let [root, path, out] = [root, &path, &out].map(|it| it.to_string_lossy().into_owned());
    for arguments in [
        ["drift", "--base", &path, "--against", &path].as_slice(),
        &["drift", "--by-path", "--base", &path, "--against", &path],
        &["regen", "--spec", &path, "--out", &out],
        &["fetch", "--from", &path],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["--root", &root])
            .args(arguments)
            .output()
            .expect("run");
        let errors = String::from_utf8_lossy(&output.stderr);
        let notes = errors.lines().filter(|line| line.starts_with("note: "));
        let notes: Vec<&str> = notes.collect();
        assert!(
            notes.len() == 1
                && notes[0].contains(&format!("new.json: {PROBE}/patternProperties: ")),
            "{arguments:?}: {errors}"
        );
    }
}

#[test]
fn notes_are_a_page_at_most() {
    let note = |pointer: usize, what: usize| Note {
        pointer: format!("/{pointer}"),
        what: format!("a keyword {what:02} is not read"),
    };
    let told = |notes: &[Note]| {
        let mut out = Vec::new();
        dialect::tell("new\n.json", notes, &mut out).expect("written");
        String::from_utf8(out).expect("text")
    };
    assert_eq!(told(&[]), "");
    assert_eq!(
        told(&[note(1, 0), note(2, 0), note(1, 0), note(3, 1)]),
        "note: new .json: /1: a keyword 00 is not read (here and in 1 more)\n\
         note: new .json: /3: a keyword 01 is not read\n"
    );
    let many: Vec<Note> = (0..1000).map(|index| note(index, index / 10)).collect();
    let text = told(&many);
    assert_eq!(text.lines().count(), 21);
    assert!(
        text.ends_with("note: new .json: and 80 more notes\n"),
        "{text}"
    );
}

/// The generator accepts constructs that OpenAPI 3.0 cannot express. They do not affect the Rust code.
#[test]
fn every_construct_can_be_generated_from() {
    for pair in Pair::all() {
        let (old, new, _) = pair.documents();
        let build = |document: &Value| {
            common::build(parsed(document).0)
                .unwrap_or_else(|error| panic!("{}: {error}", pair.construct))
                .files
        };
        let (old, new) = (build(&old), build(&new));
        assert!(old == new, "{}", pair.construct);
        common::check_files(&new).unwrap_or_else(|error| panic!("{}: {error}", pair.construct));
    }
}

#[test]
fn a_change_of_dialect_is_no_drift() {
    for pair in Pair::all() {
        let (old, new, _) = pair.documents();
        let (old, new) = (parsed(&old).0, parsed(&new).0);
        let report = compare(
            &named("3.0", &old),
            &named("3.1", &new),
            &overlay(),
            "0.1.0",
        );
        assert_eq!(report.verdict, Verdict::None, "{}", pair.construct);
    }
}

/// The comparison also reports the removal of keywords that OpenAPI 3.0 cannot express.
#[test]
fn what_is_set_aside_is_compared() {
    let mut seen = 0;
    for pair in Pair::all().iter().filter(|pair| pair.lossy) {
        let (_, new, _) = pair.documents();
        let with = parsed(&new).0;
        let mut without = with.clone();
        let probe = without.pointer_mut(PROBE).and_then(Value::as_object_mut);
        let probe = probe.expect("a schema");
        let before = probe.len();
        probe.retain(|key, _| !dialect::is_rule(key));
        if probe.len() == before {
            continue;
        }
        seen += 1;
        let report = compare(
            &named("with", &with),
            &named("without", &without),
            &overlay(),
            "0.1.0",
        );
        assert_ne!(report.verdict, Verdict::None, "{}", pair.construct);
        assert_eq!(report.to_review, 0, "{}", pair.construct);
        assert!(
            report
                .contract
                .iter()
                .any(|change| change.text.contains("`Thing.probe`")),
            "{}: {:?}",
            pair.construct,
            report.contract
        );
    }
    assert!(seen >= 6, "{seen} rules");
}

// ---- text --------------------------------------------------------------------------------------------------------

/// Writes a value as YAML in block style.
fn yaml(value: &Value) -> String {
    serde_yaml_ng::to_string(value).expect("YAML")
}

#[test]
fn json_and_yaml_are_told_by_content() {
    let vendored = common::vendored();
    let name = "openapi.json";
    let parse = |text: &str| document::parse(text.as_bytes(), name).expect("a document");
    let json = parse(&vendored.to_string());
    assert!(json == parse(&yaml(&vendored)), "block style");
    let small = base();
    // YAML in flow style without quotes begins with `{`, as JSON does.
    let flow = "{openapi: 3.0.3, info: {title: T, version: 1.0}, paths: {/a: {get: {operationId: a, responses: {200: {description: ''}}}}}}";
    let flow = parse(flow);
    assert_eq!(flow["info"]["version"], "1.0");
    assert!(flow["paths"]["/a"]["get"]["responses"]["200"].is_object());
    let with_comment = format!("# A document.\n---\n{}", yaml(&small));
    assert!(parse(&with_comment) == parse(&small.to_string()));
}

#[test]
fn yaml_as_people_write_it() {
    let text = "\
openapi: 3.1
info: { title: T, version: 2.0 }
x-schemas:
  text: &text { type: string }
  base: &base { type: object, properties: { a: *text } }
paths:
  /thing:
    get:
      operationId: getThing
      tags: [Thing]
      responses:
        200:
          description: >-
            Two
            lines
          content:
            application/json:
              schema: { <<: *base, description: Merged. }
        default: { description: no }
";
    let document = document::parse(text.as_bytes(), "it").expect("a document");
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(document["info"]["version"], "2.0");
    let answer = &document["paths"]["/thing"]["get"]["responses"]["200"];
    assert_eq!(answer["description"], "Two lines");
    assert_eq!(
        answer["content"]["application/json"]["schema"],
        json!({ "type": "object", "properties": { "a": { "type": "string" } }, "description": "Merged." })
    );
    let answer = &document["paths"]["/thing"]["get"]["responses"]["default"];
    assert_eq!(
        answer["description"], "no",
        "YAML 1.2 has no other booleans"
    );
}

#[test]
fn what_is_neither_is_told_as_what_it_looks_like() {
    for (text, why) in [
        (
            "{\"openapi\": \"3.0.3\", \"paths\": {",
            "it is incomplete: its JSON ends too early",
        ),
        ("{\"openapi\": }}", "it is not JSON: "),
        (
            "Not found",
            "it is neither JSON nor YAML: it is a single value, not an object or a list",
        ),
        ("openapi: [3.0.3\n", "it is neither JSON nor YAML: "),
        (
            "openapi: 3.0.3\nopenapi: 3.0.3\n",
            "it is neither JSON nor YAML: duplicate entry",
        ),
        (
            "openapi: .nan\n",
            "it is neither JSON nor YAML: /openapi: .nan is a number that JSON does not have",
        ),
        (
            "? [a]\n: b\n",
            "it is neither JSON nor YAML: : has a key that is not text",
        ),
        ("- a\n- b\n", "it: /openapi: is missing"),
        (
            "openapi: 3.2.0\npaths: {}\n",
            "it: /openapi: version 3.2.0 is not supported, only 3.0.x and 3.1.x",
        ),
        (
            "openapi: 3.1.0\npaths: {}\n",
            "it: /paths: has no operation",
        ),
    ] {
        let error = document::parse(text.as_bytes(), "it").expect_err(text);
        let error = format!("{error:#}");
        assert!(error.starts_with(why), "{text:?}: {error}");
    }
}

/// Nested aliases must not be able to fill the memory.
#[test]
fn aliases_of_aliases_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        text += &format!(
            "a{level}: &a{level} [{}]\n",
            vec![format!("*a{before}"); 9].join(", ")
        );
    }
    let error = document::parse(text.as_bytes(), "it").expect_err("refused");
    assert!(
        format!("{error:#}").contains("repetition limit"),
        "{error:#}"
    );
}

/// The parser returns a document or an error for unusual OpenAPI 3.1 documents. It never panics.
#[test]
fn odd_schemas_do_not_panic() {
    let odd = [
        json!(null),
        json!(7),
        json!("text"),
        json!([]),
        json!({ "type": [] }),
        json!({ "type": [7, {}] }),
        json!({ "type": { "a": 1 } }),
        json!({ "enum": "a", "type": ["string", "integer"] }),
        json!({ "const": { "a": [] } }),
        json!({ "anyOf": "text" }),
        json!({ "anyOf": [{ "type": "null" }] }),
        json!({ "anyOf": [{ "type": "null" }, 7] }),
        json!({ "oneOf": [{ "type": "null" }, { "type": "null" }] }),
        json!({ "allOf": "x", "$ref": "#/components/schemas/Person" }),
        json!({ "$ref": 7, "description": "" }),
        json!({ "$ref": "#" }),
        json!({ "$ref": "#/$defs/nowhere", "$defs": 7 }),
        json!({ "$ref": "#%ff%%4" }),
        json!({ "$defs": { "a/b~": { "$ref": "#/$defs/a~1b~0" } } }),
        json!({ "prefixItems": 7 }),
        json!({ "prefixItems": [false, 7], "items": false }),
        json!({ "examples": [] }),
        json!({ "exclusiveMinimum": "5", "minimum": "4" }),
        json!({ "exclusiveMinimum": 5, "minimum": "4" }),
        json!({ "patternProperties": [] }),
        json!({ "contentEncoding": 7, "contentMediaType": [], "type": "string" }),
    ];
    for schema in odd {
        let mut document = base();
        document["openapi"] = json!("3.1.0");
        common::put(&mut document, PROBE, schema.clone());
        let (document, notes) = parsed(&document);
        let at = |note: &Note| note.pointer.starts_with('/');
        assert!(notes.iter().all(at), "{schema}: {notes:?}");
        let built = std::panic::catch_unwind(|| common::build(document));
        assert!(built.is_ok(), "{schema}");
    }
}
