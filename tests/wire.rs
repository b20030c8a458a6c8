//! Tests, over a real socket, that the requests of every operation conform to CircleCI's own document.

use std::collections::{BTreeMap, BTreeSet};

use crate::calls::Answer;
use crate::document::{Document, Maker, Operation, Style};
use crate::server::{Seen, Server, TOKEN, answer};
use crate::stage::Stage;
use circleci_api::Client;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// Query parameters that the document declares as objects. The client repeats the parameter for each value, like the document's
/// own examples (`?branches=main&branches=dev`).
const LISTS: [&str; 3] = ["branches", "workflow-names", "project-names"];

/// Query parameters that CircleCI accepts, although the document does not declare them.
const UNDECLARED: [(&str, &str); 1] = [("listComponents", "component-name")];

/// Query parameters that the document requires, although CircleCI's own client never sends them.
const OPTIONAL: [&str; 1] = ["page-size"];

/// Body keys that the document declares but CircleCI refuses. The client does not send them.
const REFUSED: [(&str, &str); 1] = [("patchProjectSettings", "oss")];

/// The set of parameters that a call passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// Only the required parameters.
    Least,
    /// All parameters.
    Most,
    /// The required parameters, and a page token that the document does not declare.
    Resumed,
}

struct Judge {
    document: Document,
    stage: Stage,
}

impl Judge {
    async fn new() -> Self {
        Self {
            document: Document::read(),
            stage: Stage::new().await,
        }
    }

    /// Makes a call, and checks the one request that it sends.
    async fn check(
        &self,
        operation: &Operation<'_>,
        call: fn(&Client) -> Answer,
        given: Given,
    ) -> Seen {
        let name = format!("{} ({given:?})", operation.id);
        let (status, schema) = operation.successes[0];
        let body = schema.map(|schema| {
            Maker::new(
                &self.document,
                Style {
                    least: true,
                    ..Style::default()
                },
            )
            .make(schema)
            .to_string()
        });
        self.stage.say(status, body.unwrap_or_default());
        let before = self.stage.server.count();
        let answered = call(&self.stage.client).await;
        let seen = self.stage.server.seen().split_off(before);
        assert!(answered.is_ok(), "{name}: {answered:?}");
        let [request] = &seen[..] else {
            panic!("{name}: {} requests instead of one", seen.len())
        };
        assert_eq!(request.method, operation.method, "{name}");
        self.path(&name, operation, request);
        self.query(&name, operation, request, given);
        headers(&name, request);
        self.body(&name, operation, request, given);
        request.clone()
    }

    fn path(&self, name: &str, operation: &Operation<'_>, request: &Seen) {
        let path = request.target.split('?').next().unwrap();
        let path = path
            .strip_prefix(&self.document.base)
            .unwrap_or_else(|| panic!("{name}: {path} is not below {}", self.document.base));
        let mut sent = path.split('/');
        let mut parameters: BTreeMap<&str, &Value> = operation
            .parameters("path")
            .map(|it| (it["name"].as_str().unwrap(), it))
            .collect();
        for part in operation.path.split('/') {
            let mut segment = || {
                sent.next()
                    .unwrap_or_else(|| panic!("{name}: {path} ends before {}", operation.path))
            };
            let first = segment();
            let Some(parameter) = part
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            else {
                assert_eq!(part, first, "{name}: {path}");
                continue;
            };
            let schema = &parameters
                .remove(parameter)
                .unwrap_or_else(|| panic!("{name}: {parameter} is not declared"))["schema"];
            // The client sends each part of a slug as a separate segment. The path therefore has no `%2F`, which a proxy could
            // reject.
            let more = match parameter {
                "project-slug" => 2,
                "org-slug" => 1,
                "org-slug-or-id" if first == decoded(first) && !first.contains('-') => 1,
                _ => 0,
            };
            let mut value = decoded(first);
            for _ in 0..more {
                value = format!("{value}/{}", decoded(segment()));
            }
            let expected = crate::values::path(parameter, schema);
            assert!(
                expected.contains(&value),
                "{name}: {parameter} is {value:?} instead of {expected:?}"
            );
            assert!(
                self.document.judge(schema).is_valid(&json!(value)),
                "{name}: {parameter} is {value:?}, against {schema}"
            );
        }
        assert_eq!(
            sent.next(),
            None,
            "{name}: {path} goes on after {}",
            operation.path
        );
        assert!(
            parameters.is_empty(),
            "{name}: not in the path: {parameters:?}"
        );
    }

    fn query(&self, name: &str, operation: &Operation<'_>, request: &Seen, given: Given) {
        let declared: BTreeMap<&str, &Value> = operation
            .parameters("query")
            .map(|it| (it["name"].as_str().unwrap(), it))
            .collect();
        let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (_, query) = request.target.split_once('?').unwrap_or_default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .unwrap_or_else(|| panic!("{name}: {pair} has no value"));
            sent.entry(decoded(key)).or_default().push(decoded(value));
        }
        for (parameter, given) in &sent {
            if parameter == "page-token" && !declared.contains_key("page-token") {
                assert_eq!(given, &[crate::values::text("page-token")], "{name}");
                continue;
            }
            if UNDECLARED.contains(&(operation.id, parameter)) {
                assert!(
                    !declared.contains_key(parameter.as_str()),
                    "{name}: {parameter} is declared by now"
                );
                assert_eq!(given, &[crate::values::text(parameter)], "{name}");
                continue;
            }
            let schema = &declared
                .get(parameter.as_str())
                .unwrap_or_else(|| panic!("{name}: {parameter} is not declared"))["schema"];
            let list = LISTS.contains(&parameter.as_str());
            assert!(
                !list || schema == &json!({ "type": "object" }),
                "{name}: {parameter} is no longer declared as an object"
            );
            assert!(
                list || given.len() == 1,
                "{name}: {parameter} came {} times",
                given.len()
            );
            for text in given {
                if list {
                    assert_eq!(*text, crate::values::text(parameter), "{name}");
                    continue;
                }
                let value = match schema["type"].as_str() {
                    Some("integer") => json!(
                        text.parse::<i64>()
                            .unwrap_or_else(|_| panic!("{name}: {parameter} is {text}"))
                    ),
                    Some("boolean") => json!(
                        text.parse::<bool>()
                            .unwrap_or_else(|_| panic!("{name}: {parameter} is {text}"))
                    ),
                    _ => json!(text),
                };
                assert!(
                    self.document.judge(schema).is_valid(&value),
                    "{name}: {parameter} is {text:?}, against {schema}"
                );
                check_value(name, parameter, schema, &value);
            }
        }
        let required = declared
            .iter()
            .filter(|(key, it)| it["required"] == json!(true) && !OPTIONAL.contains(*key))
            .map(|(key, _)| (*key).to_owned());
        let undeclared = UNDECLARED.iter().filter(|(id, _)| *id == operation.id);
        let mut expected: BTreeSet<String> = match given {
            Given::Most => declared
                .keys()
                .copied()
                .chain(undeclared.map(|(_, key)| *key))
                .map(str::to_owned)
                .collect(),
            Given::Least | Given::Resumed => required.collect(),
        };
        if given == Given::Resumed {
            assert!(
                expected.insert("page-token".to_owned()),
                "{name}: page-token is declared by now"
            );
        }
        assert_eq!(
            sent.into_keys().collect::<BTreeSet<_>>(),
            expected,
            "{name}: the parameters of the query"
        );
    }

    fn body(&self, name: &str, operation: &Operation<'_>, request: &Seen, given: Given) {
        let Some(schema) = operation.body else {
            assert!(
                request.body.is_empty(),
                "{name}: a body that the document does not have"
            );
            return;
        };
        let body: Value =
            serde_json::from_slice(&request.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let judge = self.document.judge(schema);
        let faults: Vec<String> = judge
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            faults.is_empty(),
            "{name}: {body} against the document: {faults:?}"
        );
        self.keys(name, schema, &body, "", given);
    }

    /// Checks that the body has exactly the keys that the call sets, spelled as in the document, and with the values of the
    /// call.
    fn keys(&self, name: &str, schema: &Value, value: &Value, key: &str, given: Given) {
        let flat = self.document.flat(schema);
        if let Some(branches) = flat
            .get("oneOf")
            .or_else(|| flat.get("anyOf"))
            .and_then(Value::as_array)
        {
            let fitting: Vec<&Value> = branches
                .iter()
                .filter(|branch| self.document.judge(branch).is_valid(value))
                .collect();
            assert!(!fitting.is_empty(), "{name}: {key} fits no branch");
            // A timetable with both weekdays and days of the month is valid in both branches of the union.
            fitting
                .into_iter()
                .for_each(|branch| self.keys(name, branch, value, key, given));
            return;
        }
        match value {
            Value::Object(object) => {
                let Some(properties) = flat.get("properties").and_then(Value::as_object) else {
                    assert!(!object.is_empty(), "{name}: the map {key} is empty");
                    return;
                };
                let mut required: BTreeSet<&str> = flat
                    .get("required")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                // The document makes the policies of a bundle optional. The overlay requires them, because a request without
                // policies would delete all policies of the bundle.
                if name.starts_with("CreatePolicyBundle") && key.is_empty() {
                    required.insert("policies");
                }
                let refused = |key: &str| {
                    REFUSED
                        .iter()
                        .any(|(id, it)| name.starts_with(id) && *it == key)
                };
                let all: BTreeSet<&str> = properties
                    .keys()
                    .map(String::as_str)
                    .filter(|key| !refused(key))
                    .collect();
                let sent: BTreeSet<&str> = object.keys().map(String::as_str).collect();
                assert_eq!(
                    sent,
                    if given == Given::Most { all } else { required },
                    "{name}: the keys of {key:?}"
                );
                object
                    .iter()
                    .for_each(|(key, value)| self.keys(name, &properties[key], value, key, given));
            }
            Value::Array(items) => {
                assert!(!items.is_empty(), "{name}: the list {key} is empty");
                items
                    .iter()
                    .for_each(|item| self.keys(name, &flat["items"], item, key, given));
            }
            _ => check_value(name, key, &Value::Object(flat), value),
        }
    }
}

/// Checks that a value is the one that `values` makes for this key. Values with an `enum` or a `pattern` are not checked.
fn check_value(name: &str, key: &str, schema: &Value, value: &Value) {
    let none = Map::new();
    let schema = schema.as_object().unwrap_or(&none);
    if schema.contains_key("enum") || schema.contains_key("pattern") {
        return;
    }
    let format = schema.get("format").and_then(Value::as_str);
    match (schema.get("type").and_then(Value::as_str), format) {
        (Some("string"), Some("uuid")) => {
            assert_eq!(*value, json!(crate::values::id(key)), "{name}: {key}")
        }
        (Some("string"), Some("date-time")) => {
            let date = chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
            assert_eq!(date, crate::values::date(key), "{name}: {key}");
        }
        (Some("string") | None, None) => {
            assert_eq!(*value, json!(crate::values::text(key)), "{name}: {key}")
        }
        // The numbers of a timetable have their own limits, so they are not compared.
        (Some("integer"), Some("integer")) | (Some("boolean"), None) => {}
        (Some("integer"), None) => {
            assert_eq!(*value, json!(crate::values::number(key)), "{name}: {key}")
        }
        other => panic!("{name}: {key} is of a type that this test does not know: {other:?}"),
    }
}

fn headers(name: &str, request: &Seen) {
    let sent: BTreeMap<String, &str> = request
        .headers
        .iter()
        .map(|(key, value)| (key.to_ascii_lowercase(), value.as_str()))
        .collect();
    assert_eq!(
        sent.len(),
        request.headers.len(),
        "{name}: a header twice: {:?}",
        request.headers
    );
    assert_eq!(sent.get("circle-token"), Some(&TOKEN), "{name}");
    assert_eq!(sent.get("accept"), Some(&"application/json"), "{name}");
    let agent = concat!("circleci-api/", env!("CARGO_PKG_VERSION"));
    assert_eq!(sent.get("user-agent"), Some(&agent), "{name}");
    assert_eq!(
        sent.get("content-type").copied(),
        (!request.body.is_empty()).then_some("application/json"),
        "{name}"
    );
    // The tests are built with the feature `gzip`.
    assert_eq!(sent.get("accept-encoding"), Some(&"gzip"), "{name}");
    let known = [
        "circle-token",
        "accept",
        "accept-encoding",
        "user-agent",
        "host",
        "content-type",
        "content-length",
    ];
    let unknown: Vec<&String> = sent
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "{name}: headers that nobody asked for: {unknown:?}"
    );
    assert!(
        !request.target.contains(TOKEN),
        "{name}: the token is in the URL"
    );
}

/// Decodes a percent-encoded text. Checks that all characters that are not encoded are unreserved (RFC 3986).
fn decoded(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
    assert!(
        text.chars().all(plain),
        "{text:?} is not encoded throughout"
    );
    percent_decode_str(text)
        .decode_utf8()
        .expect("UTF-8")
        .into_owned()
}

#[tokio::test]
async fn every_operation_is_sent_as_the_document_says() {
    let judge = Judge::new().await;
    let operations: BTreeMap<&str, Operation<'_>> = judge
        .document
        .operations()
        .into_iter()
        .map(|it| (it.id, it))
        .collect();
    let calls = crate::calls::documented();
    let called: BTreeSet<&str> = calls.iter().map(|call| call.id).collect();
    assert_eq!(
        called.len(),
        calls.len(),
        "an operation is called from two rows"
    );
    assert_eq!(
        called,
        operations.keys().copied().collect::<BTreeSet<_>>(),
        "the calls are not those of the document"
    );
    assert!(called.len() > 100, "{} calls", called.len());
    let mut requests = 0;
    for call in calls {
        let operation = &operations[call.id];
        judge.check(operation, call.least, Given::Least).await;
        judge.check(operation, call.most, Given::Most).await;
        requests += 2;
    }
    for (id, call) in crate::calls::other_branches() {
        judge.check(&operations[id], call, Given::Most).await;
        requests += 1;
    }
    println!("{} operations, {requests} requests", called.len());
}

#[tokio::test]
async fn a_page_token_goes_where_the_document_forgets_it() {
    let judge = Judge::new().await;
    let operations = judge.document.operations();
    let carries = |operation: &&Operation<'_>| {
        let schema = operation.successes[0]
            .1
            .map(|schema| judge.document.flat(schema))
            .unwrap_or_default();
        schema
            .get("properties")
            .is_some_and(|properties| properties.get("next_page_token").is_some())
    };
    let takes = |operation: &Operation<'_>| {
        operation
            .parameters("query")
            .any(|it| it["name"] == "page-token")
    };
    let carrying: Vec<&Operation<'_>> = operations.iter().filter(carries).collect();
    assert!(carrying.len() > 15, "{} operations", carrying.len());
    let forgotten: BTreeMap<&str, &Operation<'_>> = carrying
        .into_iter()
        .filter(|it| !takes(it))
        .map(|it| (it.id, it))
        .collect();
    let calls = crate::calls::token_only();
    assert_eq!(
        calls.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(),
        forgotten.keys().copied().collect::<BTreeSet<_>>()
    );
    for (id, call) in calls {
        judge.check(forgotten[id], call, Given::Resumed).await;
    }
}

/// Compares whole request lines. The test uses no helper functions, so a reader can understand it without the code above.
#[tokio::test]
async fn a_slug_a_branch_and_a_name_stay_what_they_are() {
    let server = Server::start(|_, _| {
        answer(200, r#"{"items":[],"next_page_token":null,"message":"ok"}"#).into()
    })
    .await;
    let client = server.client();
    client
        .list_pipelines_for_project("gh/acme co/wéb#1?")
        .branch("feature/ä&b=c d")
        .send()
        .await
        .unwrap();
    client
        .delete_env_var("gh/acme/web", "A/B?C#D%E F+ü")
        .send()
        .await
        .unwrap();
    let targets: Vec<String> = server
        .seen()
        .into_iter()
        .map(|seen| format!("{} {}", seen.method, seen.target))
        .collect();
    // The client sends a slug as three segments. Some proxies and the router of CircleCI Server reject a slug with `%2F`. The
    // endpoint `pipeline/run` returns 404 for it.
    assert_eq!(
        targets,
        [
            "GET /api/v2/project/gh/acme%20co/w%C3%A9b%231%3F/pipeline?branch=feature%2F%C3%A4%26b%3Dc%20d",
            "DELETE /api/v2/project/gh/acme/web/envvar/A%2FB%3FC%23D%25E%20F%2B%C3%BC",
        ]
    );
}
