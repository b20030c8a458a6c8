//! Property tests with random values that the document allows, and with random answers that it does not allow. If a test
//! fails, it reports the smallest value that fails. The variable `PROPTEST_CASES=1000` makes the tests try more values.

use std::collections::BTreeSet;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::decode::differences;
use crate::document::{Chance, Document, Maker};
use crate::stage::Stage;

/// Calls `fault` with many values that are made from a schema. The values are the same in each run. Returns the fault of the
/// smallest value that fails.
fn values(
    document: &Document,
    schema: &Value,
    beyond: bool,
    fault: impl Fn(&Value) -> Option<String>,
) -> Option<String> {
    let mut runner = runner();
    let tried = runner.run(&vec(any::<u8>(), 0..160), |bytes| {
        let chance = Chance {
            bytes: &bytes,
            beyond,
        };
        judged(&Maker::by_chance(document, chance).make(schema), &fault)
    });
    tried.err().map(|error| error.to_string())
}

fn judged(
    value: &Value,
    fault: impl Fn(&Value) -> Option<String>,
) -> Result<(), proptest::test_runner::TestCaseError> {
    match fault(value) {
        None => Ok(()),
        Some(fault) => Err(proptest::test_runner::TestCaseError::fail(format!(
            "{fault}\n    {value}"
        ))),
    }
}

/// Generates any JSON value.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn runner() -> TestRunner {
    let many = Config::default();
    let config = Config {
        failure_persistence: None,
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => many.cases,
            None => 48,
        },
        ..many
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, random)
}

fn different(one: &Value, other: &Value) -> Option<String> {
    let mut faults = Vec::new();
    differences(one, other, "", &mut |fault| faults.push(fault));
    (!faults.is_empty()).then(|| faults.join(", "))
}

#[test]
fn every_body_that_the_document_allows_is_written_as_it_is_read() {
    let document = Document::read();
    let operations = document.operations();
    let with_body = operations.iter().filter(|it| it.body.is_some());
    let mut left: BTreeSet<&str> = with_body.map(|it| it.id).collect();
    let mut faults = Vec::new();
    for (id, round) in crate::calls::bodies() {
        assert!(left.remove(id), "{id} has no body, or stands here twice");
        let operation = operations.iter().find(|it| it.id == id);
        let schema = operation.and_then(|it| it.body).expect("a body");
        let judge = document.judge(schema);
        let fault = values(&document, schema, false, |body| {
            assert!(
                judge.is_valid(body),
                "{id}: not what the document allows: {body}"
            );
            // The test skips `null`, because `null` means that there is no body. It also skips policy bundles without policies,
            // because the client rejects such bundles (see the overlay).
            let sent =
                !body.is_null() && (id != "CreatePolicyBundle" || body.get("policies").is_some());
            match round(body) {
                _ if !sent => None,
                Err(fault) => Some(fault),
                Ok(written) => different(body, &written),
            }
        });
        faults.extend(fault.map(|fault| format!("{id}: {fault}")));
    }
    assert!(left.is_empty(), "without a row: {left:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_answer_that_the_document_allows_is_read_and_many_more() {
    let document = Document::read();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stage = runtime.block_on(Stage::new());
    let calls = crate::calls::all();
    let mut faults = Vec::new();
    for operation in document.operations() {
        let call = calls.iter().find(|call| call.id == operation.id);
        let call = call.expect("a call of every operation");
        for (status, schema) in &operation.successes {
            let Some(schema) = schema else { continue };
            let judge = document.judge(schema);
            for beyond in [false, true] {
                let fault = values(&document, schema, beyond, |body| {
                    assert!(
                        beyond || judge.is_valid(body),
                        "{}: not what the document allows: {body}",
                        operation.id
                    );
                    // According to the overlay, a body without an id or a number is a message, so the test skips it.
                    let told = ["id", "number"]
                        .iter()
                        .all(|key| body.get(key).is_some_and(|it| !it.is_null()));
                    if (operation.id, *status) == ("triggerPipelineRun", 201) && !told {
                        return None;
                    }
                    stage.say(*status, body.to_string());
                    // The call also checks that its result is equal after it is serialized and read again.
                    match runtime.block_on((call.least)(&stage.client)) {
                        Err(error) => Some(error.to_string()),
                        Ok(Value::Null) if crate::calls::UNREAD.contains(&call.id) => None,
                        Ok(read) => different(body, &read),
                    }
                });
                faults.extend(fault.map(|fault| format!("{} {status}: {fault}", operation.id)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_unknown_key_in_every_object_of_every_answer_is_given_back() {
    let document = Document::read();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stage = runtime.block_on(Stage::new());
    let calls = crate::calls::all();
    let mut faults = Vec::new();
    let mut tried = 0;
    for operation in document.operations() {
        let call = calls.iter().find(|call| call.id == operation.id);
        let call = call.expect("a call of every operation");
        for (status, schema) in &operation.successes {
            tried += 1;
            let Some(schema) = schema else { continue };
            let what = (vec(any::<u8>(), 0..96), any::<String>(), json());
            let result = runner().run(&what, |(bytes, key, value)| {
                let chance = Chance {
                    bytes: &bytes,
                    beyond: false,
                };
                let mut maker = Maker::by_chance(&document, chance);
                maker.unknown = Some((key, value));
                judged(&maker.make(schema), |body| {
                    stage.say(*status, body.to_string());
                    match runtime.block_on((call.least)(&stage.client)) {
                        Err(error) => Some(error.to_string()),
                        Ok(Value::Null) if crate::calls::UNREAD.contains(&call.id) => None,
                        Ok(read) => different(body, &read),
                    }
                })
            });
            let fault = result.err();
            faults.extend(fault.map(|fault| format!("{} {status}: {fault}", operation.id)));
        }
    }
    assert!(tried >= calls.len(), "{tried} of {}", calls.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Puts pieces of Markdown in random order, and uses them as the texts of a hostile document.
#[test]
fn no_words_of_the_document_run_or_lead_astray() {
    const PIECES: &[&str] = &[
        "`",
        "``",
        "```",
        "~~~",
        "~",
        "\\",
        "<script>",
        "<img src=x>",
        "<!--",
        "-->",
        "[",
        "]",
        "(",
        ")",
        "[a](",
        "javascript:x)",
        "https://e.com",
        "https://e.com)",
        "http://e.com",
        "![",
        "]: ",
        "#",
        "- ",
        "* ",
        "1. ",
        "> ",
        "|",
        "\n",
        "\n\n",
        "\r",
        "\t",
        "    ",
        " ",
        ". ",
        "a",
        "word",
        "\u{202e}",
        "\u{200b}",
        "&lt;",
        "&#60;",
        "_",
        "**",
        "<",
        ">",
        "{",
        "\"",
        "'",
        "!",
        "rust\n",
        "---\n",
        "===\n",
        "[^1]",
        "$$",
        "</",
        "@",
        "www.e.com",
        "\\http://x ",
        "<https://x!",
        "[a](https://e.com/i.png)",
    ];
    let pieces = proptest::sample::select(PIECES);
    let tried = runner().run(&vec(pieces, 0..24), |pieces| {
        crate::fuzzed::docs::run(pieces.concat().as_bytes());
        Ok(())
    });
    assert!(tried.is_ok(), "{tried:?}");
}

/// Checks whether code contains this name outside comments and strings.
fn has_name(code: proc_macro2::TokenStream, name: &str) -> bool {
    code.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Group(group) => has_name(group.stream(), name),
        proc_macro2::TokenTree::Ident(ident) => ident == name,
        _ => false,
    })
}

/// The generator must reject a word of a document, or write it so that it is neither code nor HTML in the docs of any file.
#[test]
fn no_word_of_a_document_is_code_or_html_in_any_generated_file() {
    use circleci_api_tests::documents::{self, BODY, GET, PARAMETERS, PROPERTIES, THING};

    let (mut written, mut rejected) = (0, 0);
    let mut judge = |document: Value| match documents::build(document) {
        Ok(built) => {
            written += 1;
            for file in built.files.values() {
                crate::fuzzed::docs::judge_file(file, "MARK");
                let code: proc_macro2::TokenStream = file.parse().unwrap();
                assert!(!has_name(code, "MARK"), "{file}");
            }
        }
        Err(error) => {
            rejected += 1;
            assert!(!error.contains('\n'), "{error}");
        }
    };
    for word in [
        "<script>alert(1)</script>",
        "a\n\n```\nMARK!()\n```\n~~~\nMARK!()",
        "\\http://x `<img src=x onerror=alert(1)>` [a](javascript:alert(1))",
        "*/ MARK!(); //\n\n    MARK!();\n\u{202e}<b>",
        "[`x`](crate::Client) <https://x!![a](https://e.com/i.png)|</td>",
        "\"]; fn MARK() {} #[doc = \"",
    ] {
        // Text that the generator always takes.
        let mut document = documents::base();
        for place in [
            "/info/title".to_owned(),
            "/info/description".to_owned(),
            format!("{GET}/summary"),
            format!("{GET}/description"),
            format!("{GET}/responses/200/description"),
            format!("{PARAMETERS}/0/description"),
            format!("{PARAMETERS}/1/schema/description"),
            format!("{THING}/title"),
            format!("{THING}/description"),
            format!("{PROPERTIES}/id/description"),
            format!("{PROPERTIES}/owner/oneOf/1/title"),
            format!("{PROPERTIES}/status/description"),
            format!("{BODY}/note/example"),
            format!("{BODY}/note/default"),
        ] {
            documents::put(&mut document, &place, json!(word));
        }
        let tag = json!({ "name": word, "description": word, "externalDocs": { "url": word, "description": word } });
        documents::put(&mut document, "/tags", json!([tag]));
        documents::put(&mut document, &format!("{GET}/tags"), json!([word]));
        judge(document);
        // Words from which the generator makes names, values and paths.
        for (place, value) in [
            (format!("{GET}/operationId"), json!(word)),
            (format!("{PARAMETERS}/1/name"), json!(word)),
            (format!("{PROPERTIES}/status/enum"), json!(["a", word])),
            (
                format!("{PROPERTIES}/{}", word.replace('/', "~1")),
                json!({ "type": "string" }),
            ),
            (
                format!("/components/schemas/{}", word.replace('/', "~1")),
                json!({ "type": "object" }),
            ),
            (
                format!("/paths/~1{}", word.replace('/', "~1")),
                json!({ "get": { "operationId": "odd", "responses": { "204": { "description": "" } } } }),
            ),
            ("/servers".to_owned(), json!([{ "url": word }])),
        ] {
            let mut document = documents::base();
            documents::put(&mut document, &place, value);
            judge(document);
        }
    }
    assert!(written > 20 && rejected > 0, "{written} {rejected}");
}
