//! Tests the precheck. It must report each unsupported construct in one line with its JSON pointer, before progenitor runs.
//! Unusual but supported constructs must work. Each case is a small valid document after one edit.

use crate::common;

use common::*;
use serde_json::{Value, json};
use xtask::{document, regen};

/// Returns the base document with each of these values at its pointer.
fn with(edits: &[(&str, Value)]) -> Value {
    let mut document = base();
    for (pointer, value) in edits {
        put(&mut document, pointer, value.clone());
    }
    document
}

/// Returns the base document with one more property in `Thing`.
fn property(name: &str, schema: Value) -> Value {
    with(&[(&format!("{PROPERTIES}/{name}"), schema)])
}

/// Returns the base document with one more component.
fn component(name: &str, schema: Value) -> Value {
    with(&[(&format!("/components/schemas/{name}"), schema)])
}

fn refers(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn answers(schema: Value) -> Value {
    json!({ "description": "", "content": { "application/json": { "schema": schema } } })
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

/// Checks that the generator rejects the document, and that the error consists of exactly these lines.
#[track_caller]
fn refused(document: Value, lines: &[&str]) {
    match build(document) {
        Ok(_) => panic!("accepted, but expected\n{}", lines.join("\n")),
        Err(error) => assert_eq!(error.lines().collect::<Vec<_>>(), lines),
    }
}

/// Returns the operation that is called `getThing` in the base document. In the document under test, it may have another name.
fn get(surface: &xtask::surface::Surface) -> &xtask::surface::Operation {
    surface
        .operations
        .iter()
        .find(|operation| operation.route.starts_with("GET"))
        .expect("an operation")
}

/// Returns the field with the JSON name `wire` of the struct `ty`.
#[track_caller]
fn field(surface: &xtask::surface::Surface, ty: &str, wire: &str) -> xtask::surface::Field {
    let Some(xtask::surface::Type::Struct { fields, .. }) = surface.types.get(ty) else {
        panic!("no struct {ty}")
    };
    fields
        .iter()
        .find(|field| field.wire[0] == wire)
        .unwrap_or_else(|| panic!("{ty} has no {wire}: {fields:?}"))
        .clone()
}

#[test]
fn the_base_works() {
    let (files, surface) = works(base());
    assert_eq!(surface.operations.len(), 2);
    assert!(
        files.contains_key("operations/thing.rs"),
        "{:?}",
        files.keys()
    );
    assert_eq!(
        surface.types.keys().collect::<Vec<_>>(),
        [
            "CreateThingRequest",
            "Person",
            "Thing",
            "ThingOwner",
            "ThingStatus"
        ]
    );
}

// ---- what is no OpenAPI 3.0 ----------------------------------------------------------------------------------------------

#[test]
fn other_dialects() {
    let parse = |text: &str| {
        document::parse(text.as_bytes(), "x.json")
            .map(drop)
            .map_err(|error| format!("{error:#}"))
    };
    // The generator also reads OpenAPI 3.1 and YAML, so only other versions and formats are errors.
    let cases = [
        (
            r#"{"openapi":"3.2.0","paths":{}}"#,
            "x.json: /openapi: version 3.2.0 is not supported, only 3.0.x and 3.1.x",
        ),
        (
            r#"{"openapi":"3.0"}"#,
            "x.json: /openapi: version 3.0 is not supported, only 3.0.x and 3.1.x",
        ),
        (
            r#"{"swagger":"2.0","paths":{}}"#,
            "x.json: /swagger: Swagger 2.0 is not supported, only OpenAPI 3.0.x and 3.1.x",
        ),
        (
            r#"{"openapi":3.0}"#,
            "x.json: /openapi: is missing, so this is not an OpenAPI document",
        ),
        (
            "{}",
            "x.json: /openapi: is missing, so this is not an OpenAPI document",
        ),
        (
            "[]",
            "x.json: /openapi: is missing, so this is not an OpenAPI document",
        ),
        (
            "null",
            "x.json: /openapi: is missing, so this is not an OpenAPI document",
        ),
        (
            "\"3.0.3\"",
            "x.json: /openapi: is missing, so this is not an OpenAPI document",
        ),
        (
            "12",
            "x.json: /openapi: is missing, so this is not an OpenAPI document",
        ),
        (r#"{"openapi":"3.0.3"}"#, "x.json: /paths: has no operation"),
        (
            r#"{"openapi":"3.0.3","paths":[]}"#,
            "x.json: /paths: has no operation",
        ),
        (
            r#"{"openapi":"3.0.3","paths":{"/a":{"x-get":{}}}}"#,
            "x.json: /paths: has no operation",
        ),
        (
            "",
            "x.json is neither JSON nor YAML: it is a single value, not an object or a list",
        ),
        (
            "<html>",
            "x.json is neither JSON nor YAML: it is a single value, not an object or a list",
        ),
        (
            r#"{"openapi":"#,
            "x.json is incomplete: its JSON ends too early",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text), Err(message.to_owned()), "{text}");
    }
    let nested = "[".repeat(5000);
    assert_eq!(
        parse(&nested),
        Err("x.json is not JSON: recursion limit exceeded at line 1 column 128".to_owned())
    );
    let not_text = document::parse(b"{\"a\": \"\xff\"}", "x.json")
        .map(drop)
        .map_err(|error| format!("{error:#}"));
    assert!(not_text.is_err_and(|error| error.starts_with("x.json is not UTF-8: ")));
}

#[test]
fn nested_too_deep() {
    let mut schema = json!({ "type": "string" });
    for _ in 0..70 {
        schema = json!({ "type": "array", "items": schema });
    }
    let error = build(component("Deep", schema))
        .map(drop)
        .expect_err("too deep");
    assert!(
        error.starts_with("/components/schemas/Deep/items/items/"),
        "{error}"
    );
    assert!(
        error.ends_with(": is nested more than 64 levels deep") && error.lines().count() == 1,
        "{error}"
    );
    // The maximum depth also applies after all references are followed.
    let mut document = base();
    for n in 0..80 {
        put(
            &mut document,
            &format!("/components/schemas/L{n}"),
            json!({ "type": "array", "items": refers(&format!("L{}", n + 1)) }),
        );
    }
    put(
        &mut document,
        "/components/schemas/L80",
        json!({ "type": "string" }),
    );
    let error = build(document).map(drop).expect_err("too deep");
    let expected =
        "/components/schemas/L0: is too large, or too deep, once all its references are followed";
    assert_eq!(error.lines().next(), Some(expected), "{error}");
}

#[test]
fn grows_too_large() {
    // Each component refers to the next one twice. After all references are followed, there would be 2^30 schemas.
    let mut document = base();
    for n in 0..30 {
        let next = refers(&format!("L{}", n + 1));
        put(
            &mut document,
            &format!("/components/schemas/L{n}"),
            object(json!({ "a": next, "b": next })),
        );
    }
    put(
        &mut document,
        "/components/schemas/L30",
        json!({ "type": "string" }),
    );
    let error = build(document).map(drop).expect_err("too large");
    assert!(error.starts_with("/components/schemas/L0: is too large, or too deep, once all its references are followed"), "{error}");
}

#[test]
fn several_types_of_openapi_31() {
    refused(
        property("x", json!({ "type": ["string", "null"] })),
        &[
            "/components/schemas/Thing/properties/x: has a list of types, which only OpenAPI 3.1 allows",
        ],
    );
    refused(
        property("x", json!({ "type": "null" })),
        &["/components/schemas/Thing/properties/x: the type \"null\" does not exist"],
    );
    refused(
        property("x", json!({ "type": "strnig" })),
        &["/components/schemas/Thing/properties/x: the type \"strnig\" does not exist"],
    );
    refused(
        property("x", json!({ "type": 1 })),
        &["/components/schemas/Thing/properties/x: `type` is not text"],
    );
    refused(
        property("x", json!(true)),
        &["/components/schemas/Thing/properties/x: is not a schema object"],
    );
    refused(
        property("x", json!({ "type": "string", "nullable": "yes" })),
        &["/components/schemas/Thing/properties/x: `nullable` is not a boolean"],
    );
    refused(
        with(&[(&format!("{THING}/required"), json!(true))]),
        &["/components/schemas/Thing: `required` is not a list of names"],
    );
    refused(
        with(&[(&format!("{THING}/properties"), json!([]))]),
        &["/components/schemas/Thing: `properties` is not an object"],
    );
}

#[test]
fn the_skeleton() {
    refused(
        with(&[("/components", json!("x"))]),
        &[
            "/components: is not an object",
            "/paths/~1thing/post/responses/201/content/application~1json/schema: refers to #/components/schemas/Thing, which does not exist",
            "/paths/~1thing~1{id}/get/responses/200/content/application~1json/schema: refers to #/components/schemas/Thing, which does not exist",
        ],
    );
    refused(
        with(&[("/components/schemas/X", json!(null))]),
        &["/components/schemas/X: is not an object"],
    );
    refused(
        component("a b", json!({})),
        &[
            "/components/schemas/a b: the name of a component may only hold letters, digits, `.`, `-` and `_`",
        ],
    );
    refused(
        with(&[("/paths/~1x", json!([]))]),
        &["/paths/~1x: is not an object"],
    );
    refused(
        with(&[("/paths/~1x", json!({ "$ref": "#/paths/~1thing" }))]),
        &[
            "/paths/~1x: a path that refers to another place is not supported",
            "/paths/~1x: refers to #/paths/~1thing; only references to a component are supported",
        ],
    );
    refused(
        with(&[(GET, json!("x"))]),
        &["/paths/~1thing~1{id}/get: is not an object"],
    );
    refused(
        with(&[(PARAMETERS, json!({}))]),
        &["/paths/~1thing~1{id}/get/parameters: is not a list"],
    );
    refused(
        with(&[(&format!("{PARAMETERS}/1"), json!("limit"))]),
        &["/paths/~1thing~1{id}/get/parameters/1: is not an object"],
    );
    refused(
        with(&[(GET_RESPONSES, json!([]))]),
        &["/paths/~1thing~1{id}/get/responses: is not an object"],
    );
    refused(
        with(&[(&format!("{GET_RESPONSES}/200"), json!("ok"))]),
        &["/paths/~1thing~1{id}/get/responses/200: is not an object"],
    );
    refused(
        with(&[(&format!("{GET_RESPONSES}/200/content"), json!(1))]),
        &["/paths/~1thing~1{id}/get/responses/200/content: is not an object"],
    );
    refused(
        with(&[(&format!("{POST}/requestBody"), json!(1))]),
        &["/paths/~1thing/post/requestBody: is not an object"],
    );
}

// ---- operations -----------------------------------------------------------------------------------------------------------

#[test]
fn several_successes() {
    let document = with(&[(&format!("{GET_RESPONSES}/202"), answers(refers("Person")))]);
    refused(
        document,
        &[
            "/paths/~1thing~1{id}/get/responses: has success responses with different types (statuses 200 and 202); add an overlay action that gives them the same type",
        ],
    );
    let document = with(&[(
        &format!("{GET_RESPONSES}/204"),
        json!({ "description": "" }),
    )]);
    refused(
        document,
        &[
            "/paths/~1thing~1{id}/get/responses: has success responses with different types (statuses 200 and 204); add an overlay action that gives them the same type",
        ],
    );
    // If two responses have the same schema, the operation has one output type.
    let (_, surface) = works(with(&[(
        &format!("{GET_RESPONSES}/202"),
        answers(refers("Thing")),
    )]));
    assert_eq!(get(&surface).output, "Thing");
    // If two responses have different schemas, an overlay action can make a union of them.
    let document = with(&[
        (&format!("{GET_RESPONSES}/202"), answers(refers("Person"))),
        (&format!("{GET}/x-successes"), json!("ThingOrPerson")),
    ]);
    let (_, surface) = works(document);
    assert!(
        matches!(&surface.types["ThingOrPerson"], xtask::surface::Type::Union(variants) if variants.len() == 2)
    );
}

#[test]
fn no_success() {
    let mut document = base();
    remove(&mut document, GET_RESPONSES);
    refused(
        document,
        &["/paths/~1thing~1{id}/get/responses: contains no success response"],
    );
    refused(
        with(&[(GET_RESPONSES, json!({ "default": { "description": "" } }))]),
        &["/paths/~1thing~1{id}/get/responses: contains no success response"],
    );
    refused(
        with(&[(&format!("{GET_RESPONSES}/2000"), answers(refers("Thing")))]),
        &["/paths/~1thing~1{id}/get/responses/2000: \"2000\" is not a status"],
    );
    let (_, surface) = works(with(&[(
        GET_RESPONSES,
        json!({ "2XX": answers(refers("Thing")) }),
    )]));
    assert_eq!(get(&surface).output, "Thing");
    let (_, surface) = works(with(&[(
        GET_RESPONSES,
        json!({ "204": { "description": "" } }),
    )]));
    assert_eq!(get(&surface).output, "()");
}

#[test]
fn several_errors_are_set_aside() {
    let errors = [
        ("400", object(json!({ "message": { "type": "string" } }))),
        ("404", object(json!({ "error": { "type": "string" } }))),
        ("4XX", json!({ "type": "string" })),
        ("default", refers("Person")),
    ];
    let mut document = base();
    for (status, schema) in errors {
        put(
            &mut document,
            &format!("{GET_RESPONSES}/{status}"),
            answers(schema),
        );
    }
    put(
        &mut document,
        &format!("{GET_RESPONSES}/500"),
        json!({ "description": "", "content": { "text/plain": {} } }),
    );
    let (files, _) = works(document);
    assert!(files["operations/thing.rs"].contains("400 (bad request)"));
}

#[test]
fn operation_ids() {
    let mut document = base();
    remove(&mut document, &format!("{GET}/operationId"));
    refused(
        document,
        &["/paths/~1thing~1{id}/get/operationId: is missing; the name of the method comes from it"],
    );
    refused(
        with(&[(&format!("{GET}/operationId"), json!(7))]),
        &["/paths/~1thing~1{id}/get/operationId: is missing; the name of the method comes from it"],
    );
    let same = |id: &str| with(&[(&format!("{GET}/operationId"), json!(id))]);
    refused(
        same("createThing"),
        &["/paths/~1thing~1{id}/get/operationId: is the same as /paths/~1thing/post/operationId"],
    );
    for id in [
        "create_thing",
        "CreateThing",
        "CREATE-THING",
        "create thing",
    ] {
        refused(
            same(id),
            &[&format!(
                "/paths/~1thing~1{{id}}/get/operationId: {id} would be the same method as createThing, /paths/~1thing/post/operationId"
            )],
        );
    }
    for id in ["1st", "日本", "…", "naïve", "it's"] {
        refused(
            same(id),
            &[&format!(
                "/paths/~1thing~1{{id}}/get/operationId: {id:?} cannot become the name of a method"
            )],
        );
    }
    for (id, uses) in [
        ("Client", "Client"),
        ("into", "Into"),
        ("option", "Option"),
        ("waitForPipeline", "`Client::wait_for_pipeline`"),
    ] {
        refused(
            same(id),
            &[&format!(
                "/paths/~1thing~1{{id}}/get/operationId: {id:?} is taken: the generated code uses {uses}"
            )],
        );
    }
    // The operationIds `a_1` and `a1` give different methods, but their builders would have the same name.
    let document = with(&[
        (&format!("{GET}/operationId"), json!("a1")),
        (&format!("{POST}/operationId"), json!("a_1")),
    ]);
    refused(
        document,
        &[
            "/paths/~1thing~1{id}/get/operationId: a1 would be the same method as a_1, /paths/~1thing/post/operationId",
        ],
    );
}

#[test]
fn operation_ids_that_are_taken() {
    for (id, method, builder) in [
        ("type", "type_", "Type"),
        ("match", "match_", "Match"),
        ("self", "self_", "Self_"),
        ("async", "async_", "Async"),
        ("crate", "crate_", "Crate"),
        ("builder", "builder_", "Builder"),
        ("from-env", "from_env_", "FromEnv"),
        ("a\nb \"c\"", "a_b_c", "ABC"),
    ] {
        let (files, surface) = works(with(&[(&format!("{GET}/operationId"), json!(id))]));
        assert_eq!(
            (get(&surface).method.as_str(), get(&surface).id.as_str()),
            (method, id)
        );
        assert!(
            files["operations/thing.rs"].contains(&format!("    {builder} -> types::Thing;")),
            "{id}: {}",
            files["operations/thing.rs"]
        );
    }
}

#[test]
fn methods() {
    let move_to = |method: &str| {
        let mut document = base();
        let operation = document.pointer(GET).cloned().expect("an operation");
        remove(&mut document, GET);
        put(
            &mut document,
            &format!("/paths/~1thing~1{{id}}/{method}"),
            operation,
        );
        document
    };
    refused(
        move_to("trace"),
        &["/paths/~1thing~1{id}/trace: the method TRACE is not supported"],
    );
    refused(
        move_to("options"),
        &["/paths/~1thing~1{id}/options: the method OPTIONS is not supported"],
    );
    works(move_to("head"));
}

#[test]
fn tags() {
    for (tag, file) in [
        ("", "tag_"),
        ("mod", "tag_mod"),
        ("Self", "tag_self"),
        ("1st", "tag_1st"),
        ("日本", "tag___"),
        ("A b/c", "a_b_c"),
        ("a\n\"b\"", "a__b_"),
    ] {
        let document = with(&[
            (&format!("{GET}/tags"), json!([tag])),
            (
                &format!("{GET_RESPONSES}/200"),
                answers(object(json!({ "a": { "type": "string" } }))),
            ),
        ]);
        let (files, surface) = works(document);
        assert!(
            files.contains_key(&format!("operations/{file}.rs"))
                && files.contains_key(&format!("types/{file}.rs")),
            "{tag:?}: {:?}",
            files.keys()
        );
        assert_eq!(surface.operations.len(), 2, "{tag:?}");
    }
    for tags in [json!([]), json!("Thing"), json!([1]), json!(null)] {
        works(with(&[(&format!("{GET}/tags"), tags)]));
    }
}

#[test]
fn parameters() {
    let query =
        |name: &str, schema: Value| json!({ "name": name, "in": "query", "schema": schema });
    let add = |parameter: Value| with(&[(&format!("{PARAMETERS}/-"), parameter)]);
    let text = || json!({ "type": "string" });
    let at = "/paths/~1thing~1{id}/get/parameters/2";
    // A lenient build ignores parameters in headers and cookies and reports them. A strict build fails.
    for location in ["header", "cookie"] {
        let parameter = json!({ "name": "x", "in": location, "schema": text() });
        let line =
            format!("{at}: a parameter in {location:?} is not supported, only path and query");
        let strict = xtask::regen::build(add(parameter.clone()), &common::overlay(), false);
        let error = strict.map(drop).expect_err("refused");
        assert!(format!("{error:#}").contains(&line), "{error:#}");
        let built = common::build(add(parameter)).expect("built");
        let left_out = format!("{at}: the {location} parameter x is ignored");
        assert!(
            built
                .unsettled
                .iter()
                .any(|line| line.starts_with(&left_out))
        );
    }
    for location in ["body", ""] {
        let parameter = json!({ "name": "x", "in": location, "schema": text() });
        refused(
            add(parameter),
            &[&format!(
                "{at}: a parameter in {location:?} is not supported, only path and query"
            )],
        );
    }
    for style in ["deepObject", "spaceDelimited", "pipeDelimited", "simple"] {
        let parameter = json!({ "name": "x", "in": "query", "style": style, "schema": text() });
        refused(
            add(parameter),
            &[&format!(
                "{at}: the style {style:?} is not supported, only form"
            )],
        );
    }
    for style in ["matrix", "label", "form"] {
        let document = with(&[(&format!("{PARAMETERS}/0/style"), json!(style))]);
        refused(
            document,
            &[&format!(
                "/paths/~1thing~1{{id}}/get/parameters/0: the style {style:?} is not supported, only simple"
            )],
        );
    }
    let list = json!({ "type": "array", "items": text() });
    let joined = json!({ "name": "x", "in": "query", "explode": false, "schema": list });
    refused(
        add(joined),
        &[&format!(
            "{at}: a list that is not repeated (`explode: false`) is not supported"
        )],
    );
    refused(
        add(query("x", object(json!({ "a": text() })))),
        &[&format!(
            "{at}/schema: a parameter of type object is not supported in a query"
        )],
    );
    refused(
        add(query("x", json!({}))),
        &[&format!(
            "{at}/schema: a parameter without a type is not supported"
        )],
    );
    let nested = json!({ "type": "array", "items": list });
    refused(
        add(query("x", nested)),
        &[&format!(
            "{at}/schema: a list of anything but text, numbers and booleans is not supported"
        )],
    );
    refused(
        add(json!({ "name": "x", "in": "query", "content": {} })),
        &[&format!("{at}: has no schema")],
    );
    refused(
        add(json!({ "in": "query", "schema": text() })),
        &[&format!("{at}: \"\" cannot become the name of an argument")],
    );
    refused(
        add(query("1st", text())),
        &[&format!(
            "{at}: \"1st\" cannot become the name of an argument"
        )],
    );
    refused(
        // Parameters are read in the order of their names and not in the order of the document, so `limit` is the second one.
        add(query("Limit", text())),
        &[&format!(
            "{PARAMETERS}/1: limit would be the same argument as the parameter Limit"
        )],
    );
    let twice = [
        (&*format!("{PARAMETERS}/-"), query("created-at", text())),
        (&*format!("{PARAMETERS}/-"), query("createdAt", text())),
    ];
    refused(
        with(&twice),
        &[
            "/paths/~1thing~1{id}/get/parameters/3: createdAt would be the same argument as the parameter created-at",
        ],
    );
    let document = with(&[(
        &format!("{POST}/parameters"),
        json!([query("body", text())]),
    )]);
    refused(
        document,
        &["/paths/~1thing/post/parameters/0: body would be the same argument as the body"],
    );
    // If a parameter occurs twice, the second one replaces the first. In the same way, a parameter of an operation replaces the
    // same parameter of the operation's path.
    let (_, surface) = works(add(query("limit", json!({ "type": "boolean" }))));
    assert_eq!(
        get(&surface).setters,
        [("limit".to_owned(), "bool".to_owned())]
    );
}

#[test]
fn parameters_that_work() {
    let schemas = [
        json!({ "type": "string", "format": "date-time" }),
        json!({ "type": "string", "format": "uuid" }),
        json!({ "type": "string", "format": "ipv4" }),
        json!({ "type": "string", "enum": ["a", "b"] }),
        json!({ "enum": ["a", "b"] }),
        json!({ "type": "string", "enum": ["a", null], "nullable": true }),
        json!({ "type": "number" }),
        json!({ "type": "integer", "format": "uint8" }),
        json!({ "type": "boolean", "nullable": true }),
        json!({ "type": "array", "items": { "type": "string", "enum": ["c"] } }),
        json!({ "type": "array", "items": refers("Color") }),
        refers("Color"),
    ];
    for schema in schemas {
        for required in [true, false] {
            let mut document = component("Color", json!({ "type": "string", "enum": ["red"] }));
            let parameter =
                json!({ "name": "x", "in": "query", "required": required, "schema": schema });
            put(&mut document, &format!("{PARAMETERS}/-"), parameter);
            works(document);
        }
    }
    for (wire, argument) in [
        ("type", "type_"),
        ("self", "self_"),
        ("match", "match_"),
        ("send", "send_"),
        ("new", "new_"),
        ("items", "items_"),
        ("options", "options_"),
        ("$x", "x"),
        ("filter[name]", "filter_name"),
        ("body", "body"),
        ("client", "client"),
        ("value", "value"),
    ] {
        for required in [true, false] {
            let parameter = json!({ "name": wire, "in": "query", "required": required, "schema": { "type": "string" } });
            let (_, surface) = works(with(&[(&format!("{PARAMETERS}/-"), parameter)]));
            let operation = get(&surface);
            let names: Vec<&str> = operation
                .arguments
                .iter()
                .chain(&operation.setters)
                .map(|(name, _)| name.as_str())
                .collect();
            assert!(names.contains(&argument), "{wire}: {names:?}");
        }
    }
}

#[test]
fn paths() {
    let rename = |path: &str| {
        let mut document = base();
        let item = document["paths"]["/thing/{id}"].take();
        remove(&mut document, "/paths/~1thing~1{id}");
        document["paths"][path] = item;
        document
    };
    refused(
        rename("/thing/{id}/{other}"),
        &[
            "/paths/~1thing~1{id}~1{other}/get: the path names {other}, but there is no such parameter",
        ],
    );
    refused(
        rename("/things"),
        &["/paths/~1things/get: the parameter id is not in the path"],
    );
    refused(
        rename("thing/{id}"),
        &["/paths/thing~1{id}: a path must start with a slash"],
    );
    refused(
        rename("/thing/{id"),
        &["/paths/~1thing~1{id: the braces of the path do not match"],
    );
    refused(
        rename("/thing/id}"),
        &["/paths/~1thing~1id}: the braces of the path do not match"],
    );
    refused(
        rename("/thing/{{id}}"),
        &["/paths/~1thing~1{{id}}: the braces of the path do not match"],
    );
    refused(
        rename("/{id}/{id}"),
        &["/paths/~1{id}~1{id}: the path names {id} twice, or a parameter without a name"],
    );
    refused(
        rename("/{id}/\n"),
        &["/paths/~1{id}~1 : holds a control character"],
    );
    let mut document = base();
    remove(&mut document, &format!("{PARAMETERS}/0").replace("/0", ""));
    put(
        &mut document,
        PARAMETERS,
        json!([{ "name": "id", "in": "path", "schema": { "type": "string" } }]),
    );
    refused(
        document,
        &["/paths/~1thing~1{id}/get/parameters/0: a parameter in the path must be required"],
    );
    for path in [
        "/thing/{id}:cancel",
        "/thing//{id}",
        "/thing/{id}\"`\\",
        "/日本/{id}",
    ] {
        works(rename(path));
    }
    for schema in [
        refers("Id"),
        json!({ "type": "integer" }),
        json!({ "type": "string", "enum": ["a", "b"] }),
        json!({ "enum": ["a"] }),
    ] {
        let mut document = component("Id", json!({ "type": "string", "format": "uuid" }));
        put(&mut document, &format!("{PARAMETERS}/0/schema"), schema);
        works(document);
    }
}

#[test]
fn media_types() {
    let response = |media: &str| {
        with(&[(
            &format!("{GET_RESPONSES}/200/content"),
            json!({ media: { "schema": { "type": "string" } } }),
        )])
    };
    let body = |media: &str| {
        with(&[(
            &format!("{POST}/requestBody/content"),
            json!({ media: { "schema": object(json!({ "a": { "type": "string" } })) } }),
        )])
    };
    for media in [
        "text/plain",
        "application/octet-stream",
        "application/xml",
        "*/*",
        "application/json; charset=utf-8",
    ] {
        let at = media.replace('/', "~1");
        refused(
            response(media),
            &[&format!(
                "/paths/~1thing~1{{id}}/get/responses/200/content/{at}: the media type {media} is not supported, only application/json"
            )],
        );
        refused(
            body(media),
            &[&format!(
                "/paths/~1thing/post/requestBody/content/{at}: the media type {media} is not supported, only application/json"
            )],
        );
    }
    refused(
        with(&[(&format!("{GET_RESPONSES}/200/content/text~1csv"), json!({}))]),
        &[
            "/paths/~1thing~1{id}/get/responses/200/content/text~1csv: the media type text/csv is not supported, only application/json",
        ],
    );
    refused(
        with(&[(
            &format!("{GET_RESPONSES}/200/content/application~1json"),
            json!({}),
        )]),
        &[
            "/paths/~1thing~1{id}/get/responses/200/content/application~1json: the response has no schema",
        ],
    );
    refused(
        with(&[(
            &format!("{POST}/requestBody/content/application~1json"),
            json!({}),
        )]),
        &["/paths/~1thing/post/requestBody/content/application~1json: the body has no schema"],
    );
    refused(
        with(&[(&format!("{POST}/requestBody"), json!({}))]),
        &["/paths/~1thing/post/requestBody: the body has no content"],
    );
    let schema = |schema: Value| {
        with(&[(
            &format!("{POST}/requestBody/content/application~1json/schema"),
            schema,
        )])
    };
    for odd in [
        json!({ "type": "string" }),
        json!({}),
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": {} }),
        json!({ "type": "array", "items": {} }),
    ] {
        refused(
            schema(odd),
            &[
                "/paths/~1thing/post/requestBody/content/application~1json/schema: a body that is not an object with properties is not supported",
            ],
        );
    }
    // Encodings and websockets do not affect the types, so they must work although progenitor alone would panic.
    works(with(&[
        (
            &format!("{GET_RESPONSES}/200/content/application~1json/encoding"),
            json!({ "a": { "contentType": "text/plain" } }),
        ),
        (&format!("{GET}/x-dropshot-websocket"), json!({})),
        (
            &format!("{GET}/x-dropshot-pagination"),
            json!({ "required": [] }),
        ),
    ]));
}

#[test]
fn references() {
    let document = || property("x", refers("Missing"));
    refused(
        document(),
        &[
            "/components/schemas/Thing/properties/x: refers to #/components/schemas/Missing, which does not exist",
        ],
    );
    refused(
        property("x", json!({ "$ref": "other.json#/X" })),
        &[
            "/components/schemas/Thing/properties/x: refers to another document (other.json#/X); only references within the document are supported",
        ],
    );
    refused(
        property("x", json!({ "$ref": "https://example.com/a.json" })),
        &[
            "/components/schemas/Thing/properties/x: refers to another document (https://example.com/a.json); only references within the document are supported",
        ],
    );
    refused(
        property(
            "x",
            json!({ "$ref": "#/components/schemas/Thing/properties/id" }),
        ),
        &[
            "/components/schemas/Thing/properties/x: refers to #/components/schemas/Thing/properties/id; only references to a component are supported",
        ],
    );
    refused(
        property("x", json!({ "$ref": "#" })),
        &[
            "/components/schemas/Thing/properties/x: refers to #; only references to a component are supported",
        ],
    );
    refused(
        property("x", json!({ "$ref": 1 })),
        &["/components/schemas/Thing/properties/x: `$ref` is not text"],
    );
    let mut document = property("x", json!({ "$ref": "#/components/responses/R" }));
    put(
        &mut document,
        "/components/responses",
        json!({ "R": answers(json!({ "type": "string" })) }),
    );
    refused(
        document,
        &[
            "/components/schemas/Thing/properties/x: refers to #/components/responses/R, but only something under /components/schemas can stand here",
        ],
    );
    refused(
        with(&[(&format!("{GET_RESPONSES}/200"), refers("Thing"))]),
        &[
            "/paths/~1thing~1{id}/get/responses/200: refers to #/components/schemas/Thing, but only something under /components/responses can stand here",
        ],
    );
    refused(
        with(&[(&format!("{PARAMETERS}/1"), refers("Thing"))]),
        &[
            "/paths/~1thing~1{id}/get/parameters/1: refers to #/components/schemas/Thing, but only something under /components/parameters can stand here",
        ],
    );
    // A property may have the name `$ref`.
    let (_, surface) = works(property("$ref", json!({ "type": "string" })));
    assert_eq!(field(&surface, "Thing", "$ref").name, "ref_");
    // References inside examples are not checked.
    works(property(
        "x",
        json!({ "type": "string", "example": { "$ref": "nowhere" } }),
    ));
}

#[test]
fn shared_parameters_bodies_and_responses() {
    let document = with(&[
        (
            "/components/parameters",
            json!({
                "Id": { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                "Limit": { "$ref": "#/components/parameters/Real" },
                "Real": { "name": "limit", "in": "query", "schema": { "type": "string", "enum": ["few", "many"] } }
            }),
        ),
        (
            "/components/responses",
            json!({ "Thing": answers(refers("Thing")), "None": { "description": "" } }),
        ),
        (
            "/components/requestBodies",
            json!({ "Thing": { "required": true, "content": { "application/json": { "schema": refers("Person") } } } }),
        ),
        (
            PARAMETERS,
            json!([{ "$ref": "#/components/parameters/Id" }, { "$ref": "#/components/parameters/Limit" }]),
        ),
        (
            &format!("{GET_RESPONSES}/200"),
            json!({ "$ref": "#/components/responses/Thing" }),
        ),
        (
            &format!("{POST}/requestBody"),
            json!({ "$ref": "#/components/requestBodies/Thing" }),
        ),
        (
            &format!("{POST}/responses"),
            json!({ "204": { "$ref": "#/components/responses/None" } }),
        ),
    ]);
    let (_, surface) = works(document);
    let [get, create] = surface.operations.as_slice() else {
        panic!("two operations")
    };
    assert_eq!(
        (create.output.as_str(), get.output.as_str()),
        ("()", "Thing")
    );
    assert_eq!(
        create.arguments,
        [("body".to_owned(), "CreateThingRequest".to_owned())]
    );
    assert_eq!(get.setters.len(), 1);
}

#[test]
fn reference_circles() {
    let circle = |section: &str, edits: &[(&str, Value)]| {
        let to = |name: &str| json!({ "$ref": format!("#/components/{section}/{name}") });
        let mut document = with(&[(
            &format!("/components/{section}"),
            json!({ "A": to("B"), "B": to("A"), "C": to("C") }),
        )]);
        edits
            .iter()
            .for_each(|(pointer, value)| put(&mut document, pointer, value.clone()));
        document
    };
    for section in ["parameters", "responses", "requestBodies"] {
        let lines = ["A", "B", "C"].map(|name| {
            format!("/components/{section}/{name}: is a reference that leads only back to itself")
        });
        refused(circle(section, &[]), &lines.each_ref().map(String::as_str));
    }
    let document = with(&[
        ("/components/schemas/A", refers("B")),
        ("/components/schemas/B", refers("A")),
        (&format!("{PROPERTIES}/x"), refers("A")),
    ]);
    refused(
        document,
        &[
            "/components/schemas/A: is a reference that leads only back to itself",
            "/components/schemas/B: is a reference that leads only back to itself",
        ],
    );
    let document = component("A", json!({ "allOf": [refers("A")] }));
    refused(
        document,
        &["/components/schemas/A: is a reference that leads only back to itself"],
    );
    // A long chain of references is not a cycle.
    let mut document = property("x", refers("C0"));
    (0..12).for_each(|n| {
        put(
            &mut document,
            &format!("/components/schemas/C{n}"),
            refers(&format!("C{}", n + 1)),
        )
    });
    put(
        &mut document,
        "/components/schemas/C12",
        json!({ "type": "integer" }),
    );
    let (_, surface) = works(document);
    assert_eq!(field(&surface, "Thing", "x").ty, "Option<i64>");
}

// ---- schemas ----------------------------------------------------------------------------------------------------------------

#[test]
fn what_no_value_satisfies() {
    let at = "/components/schemas/Thing/properties/x";
    let cases = [
        (
            json!({ "type": "string", "enum": [] }),
            "an enum without values: no value is valid",
        ),
        (
            json!({ "type": "string", "enum": [null], "nullable": true }),
            "an enum without values: no value is valid",
        ),
        (
            json!({ "oneOf": [] }),
            "`oneOf` without alternatives: no value is valid",
        ),
        (
            json!({ "anyOf": [] }),
            "`oneOf` without alternatives: no value is valid",
        ),
        (
            json!({ "type": "string", "properties": { "a": {} } }),
            "is of type string, but has properties: no value matches both",
        ),
        (
            json!({ "type": "string", "items": { "type": "string" } }),
            "is of type string, but has items: no value matches both",
        ),
        (json!({ "type": "array" }), "is a list without items"),
        (
            json!({ "items": { "type": "string" } }),
            "has items, but does not say that it is a list",
        ),
        (json!({ "not": {} }), "`not` is not supported"),
        (
            json!({ "type": "integer", "enum": [1, 2] }),
            "only enums of strings are supported",
        ),
        (
            json!({ "type": "string", "enum": ["a", 1] }),
            "only enums of strings are supported",
        ),
        (
            json!({ "type": "string", "enum": ["a", null] }),
            "only enums of strings are supported",
        ),
        (
            json!({ "type": "boolean", "enum": ["true"] }),
            "only enums of strings are supported",
        ),
        (
            json!({ "type": "string", "enum": "a" }),
            "`enum` is not a list",
        ),
        (
            json!({ "oneOf": [{ "type": "string" }], "properties": { "a": { "type": "string" } }, "type": "object" }),
            "has alternatives beside properties, which is not supported",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": { "type": "string" } }),
            "has both named properties and typed additional properties, which is not supported",
        ),
        (
            json!({ "type": "string", "x-decode": "surprise" }),
            "`x-decode` is not a known decoder",
        ),
    ];
    for (schema, message) in cases {
        let error = build(property("x", schema.clone()))
            .map(drop)
            .expect_err("a problem");
        let problem = format!("{at}: {message}");
        assert!(
            error.lines().any(|line| line == problem),
            "{schema}: {error}"
        );
    }
    refused(
        property(
            "x",
            json!({ "type": "integer", "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
        ),
        &[
            "/components/schemas/Thing/properties/x/oneOf/0: is of type string, but is in a schema of type integer: no value matches both",
        ],
    );
    refused(
        property(
            "x",
            json!({ "oneOf": [{ "type": "string" }, { "type": "string", "format": "uuid" }] }),
        ),
        &[
            "/components/schemas/Thing/properties/x/oneOf/1: is of type string, like alternative 0, so the two cannot be told apart",
        ],
    );
    refused(
        property("x", json!({ "oneOf": [{ "type": "string" }, {}] })),
        &[
            "/components/schemas/Thing/properties/x/oneOf/1: an alternative without a type is not supported",
        ],
    );
    refused(
        with(&[(&format!("{THING}/required"), json!(["id", "nothing"]))]),
        &["/components/schemas/Thing/required: nothing is required, but there is no such property"],
    );
}

#[test]
fn parts_of_a_whole() {
    let message = "the parts of `allOf` cannot be merged: no value matches all of them, or their types differ";
    let of = |parts: Value| property("x", json!({ "allOf": parts }));
    let text = |words: Value| json!({ "type": "string", "enum": words });
    let contradictions = [
        json!([]),
        json!([{ "type": "string" }, { "type": "integer" }]),
        json!([text(json!(["a"])), text(json!(["b"]))]),
        json!([
            object(json!({ "a": { "type": "string" } })),
            object(json!({ "a": { "type": "integer" } }))
        ]),
        json!([
            object(json!({ "a": text(json!(["x"])) })),
            object(json!({ "a": text(json!(["y"])) }))
        ]),
        json!([object(json!({ "a": { "type": "string" } })), { "type": "string" }]),
        json!([refers("Person"), { "type": "integer" }]),
        json!([{ "not": {} }, { "type": "integer" }]),
    ];
    for parts in contradictions {
        refused(
            of(parts),
            &[&format!(
                "/components/schemas/Thing/properties/x: {message}"
            )],
        );
    }
    // Objects are merged, even through several levels of references.
    let document = with(&[
        (
            "/components/schemas/A",
            json!({ "allOf": [refers("B"), object(json!({ "a": { "type": "string" } }))] }),
        ),
        (
            "/components/schemas/B",
            json!({ "allOf": [refers("C"), object(json!({ "b": { "type": "string" } }))] }),
        ),
        (
            "/components/schemas/C",
            json!({ "allOf": [refers("Person"), object(json!({ "c": { "type": "string" } }))] }),
        ),
        (&format!("{PROPERTIES}/x"), refers("A")),
        // If `allOf` contains only one reference, other keywords may be next to it.
        (
            &format!("{PROPERTIES}/y"),
            json!({ "nullable": true, "description": "A person.", "allOf": [refers("Person")] }),
        ),
        (
            &format!("{PROPERTIES}/z"),
            json!({ "allOf": [refers("Color")] }),
        ),
        ("/components/schemas/Color", text(json!(["red"]))),
        (
            &format!("{BODY}/person"),
            json!({ "nullable": true, "allOf": [refers("Person")] }),
        ),
        (
            &format!("{POST}/requestBody/content/application~1json/schema/required"),
            json!(["name", "person"]),
        ),
    ]);
    let (_, surface) = works(document);
    for wire in ["a", "b", "c", "first-name"] {
        field(&surface, "A", wire);
    }
    assert_eq!(field(&surface, "Thing", "y").ty, "Option<Person>");
    assert_eq!(field(&surface, "Thing", "z").ty, "Option<Color>");
    assert_eq!(
        field(&surface, "CreateThingRequest", "person").ty,
        "Option<Person>"
    );
    // If a part of `allOf` contains itself, the parts cannot be merged.
    let document = component(
        "Loop",
        object(
            json!({ "next": { "allOf": [refers("Loop"), object(json!({ "a": { "type": "string" } }))] } }),
        ),
    );
    assert!(build(document).is_err());
}

#[test]
fn circles_that_no_value_ends() {
    let needs = |name: &str, property: &str| json!({ "type": "object", "required": [property], "properties": { property: refers(name) } });
    let message = |name: &str| {
        format!("/components/schemas/{name}: requires itself, so no value of it can exist")
    };
    refused(component("A", needs("A", "a")), &[&message("A")]);
    let document = with(&[
        ("/components/schemas/A", needs("B", "b")),
        ("/components/schemas/B", needs("C", "c")),
        ("/components/schemas/C", needs("A", "a")),
    ]);
    refused(
        document,
        &["A", "B", "C"].map(message).each_ref().map(String::as_str),
    );
    refused(
        component("A", json!({ "oneOf": [needs("A", "a"), needs("A", "b")] })),
        &[&message("A")],
    );
    // A type is finite if one of its alternatives is.
    works(with(&[
        (
            "/components/schemas/A",
            json!({ "oneOf": [needs("A", "a"), { "type": "string" }] }),
        ),
        (&format!("{PROPERTIES}/x"), refers("A")),
    ]));
    let mut nullable = needs("A", "a");
    nullable["properties"]["a"] = json!({ "nullable": true, "allOf": [refers("A")] });
    works(with(&[
        ("/components/schemas/A", nullable),
        (&format!("{PROPERTIES}/x"), refers("A")),
    ]));
    // If a list or map contains itself without an object in between, it has no finite Rust type.
    let message = |name: &str| {
        format!(
            "/components/schemas/{name}: is a list or a map that contains itself without an object in between, so the Rust type would have no size"
        )
    };
    refused(
        component("A", json!({ "type": "array", "items": refers("A") })),
        &[&message("A")],
    );
    let document = with(&[
        (
            "/components/schemas/A",
            json!({ "type": "array", "items": refers("B") }),
        ),
        (
            "/components/schemas/B",
            json!({ "type": "object", "additionalProperties": refers("A") }),
        ),
    ]);
    refused(document, &[&message("A"), &message("B")]);
}

#[test]
fn circles_that_end() {
    let document = with(&[
        (
            "/components/schemas/tree-node",
            json!({ "type": "object", "required": ["id"], "properties": {
            "id": { "type": "string" },
            "parent": refers("tree-node"),
            "children": refers("Forest"),
            "by_name": { "type": "object", "additionalProperties": refers("tree-node") },
            "value": refers("Either")
        } }),
        ),
        (
            "/components/schemas/Forest",
            json!({ "type": "array", "items": refers("tree-node") }),
        ),
        (
            "/components/schemas/Either",
            json!({ "oneOf": [refers("tree-node"), { "type": "array", "items": refers("Either") }, { "type": "string" }] }),
        ),
        (
            "/components/schemas/Unused",
            object(json!({ "again": refers("Unused") })),
        ),
        (&format!("{PROPERTIES}/tree"), refers("tree-node")),
        (&format!("{BODY}/tree"), refers("tree-node")),
    ]);
    let (files, surface) = works(document);
    assert_eq!(
        field(&surface, "TreeNode", "parent").ty,
        "Option<Box<TreeNode>>"
    );
    assert_eq!(field(&surface, "Thing", "tree").ty, "Option<TreeNode>");
    assert!(
        !surface.types.contains_key("Unused"),
        "nothing refers to it"
    );
    // The type is in the file for the tag of the types that refer to it.
    assert!(files["types/thing.rs"].contains("TreeNode"));
    for (name, ty) in [
        ("children", "Vec<TreeNode>"),
        ("by_name", "BTreeMap<String, TreeNode>"),
    ] {
        assert!(
            field(&surface, "TreeNode", name).ty.contains(ty),
            "{name}: {}",
            field(&surface, "TreeNode", name).ty
        );
    }
    let xtask::surface::Type::Union(variants) = &surface.types["Either"] else {
        panic!("no union")
    };
    assert_eq!(
        variants
            .iter()
            .map(|(variant, ty)| format!("{variant}({ty})"))
            .collect::<Vec<_>>(),
        [
            "TreeNode(Box<TreeNode>)",
            "List(Vec<Either>)",
            "Text(String)"
        ]
    );
}

/// Every recursive type contains a box, whatever the cycle looks like and wherever it is entered. `works` finds types that have
/// no size.
#[test]
fn circles_through_unions_have_a_box() {
    for entry in ["First", "Second", "Either", "Other", "Zoo"] {
        let document = with(&[
            (
                "/components/schemas/First",
                json!({ "type": "object", "required": ["id", "either"], "properties": {
                    "id": { "type": "string" }, "either": refers("Either"), "other": refers("Other")
                } }),
            ),
            (
                "/components/schemas/Second",
                object(json!({ "other": refers("Other") })),
            ),
            (
                "/components/schemas/Either",
                json!({ "oneOf": [refers("First"), { "type": "string" }] }),
            ),
            (
                "/components/schemas/Other",
                json!({ "oneOf": [refers("Either"), refers("Second"), refers("Zoo")] }),
            ),
            (
                "/components/schemas/Zoo",
                object(json!({ "first": refers("First"), "zoo": refers("Zoo") })),
            ),
            (&format!("{PROPERTIES}/entry"), refers(entry)),
            (&format!("{BODY}/entry"), refers(entry)),
        ]);
        let (_, surface) = works(document);
        assert_eq!(
            field(&surface, "Zoo", "zoo").ty,
            "Option<Box<Zoo>>",
            "{entry}"
        );
    }
}

#[test]
fn alternatives_are_as_wide_as_their_json_types() {
    let of = |schema: Value| json!({ "type": "array", "items": schema });
    let date = json!({ "type": "string", "format": "date-time" });
    let (_, surface) = works(property(
        "any",
        json!({ "oneOf": [
            { "type": "string", "format": "uuid" }, { "type": "integer" }, { "type": "number" }, { "type": "boolean" },
            of(date.clone()), { "type": "object" }, refers("Person")
        ] }),
    ));
    let xtask::surface::Type::Union(variants) = &surface.types["ThingAny"] else {
        panic!("no union")
    };
    let variants: Vec<String> = variants
        .iter()
        .map(|(name, ty)| format!("{name}({ty})"))
        .collect();
    // In the order of the document, the map would come before `Person` and match every person. The union has a different order.
    assert_eq!(
        variants,
        [
            "Person(Person)",
            "List(Vec<String>)",
            "Boolean(bool)",
            "Integer(i64)",
            "Number(f64)",
            "Map(BTreeMap<String, serde_json::Value>)",
            "Text(String)"
        ]
    );
    // Outside a union, the format determines the type.
    let (_, surface) = works(property("dates", of(date)));
    assert_eq!(field(&surface, "Thing", "dates").ty, "Vec<DateTime<Utc>>");
}

#[test]
fn answers_without_a_name() {
    for (schema, output) in [
        (
            json!({ "type": "array", "items": { "type": "string", "format": "uuid" } }),
            "Vec<Uuid>",
        ),
        (
            json!({ "type": "array", "nullable": true, "items": refers("Person") }),
            "Option<Vec<Person>>",
        ),
        (
            json!({ "type": "object", "additionalProperties": { "type": "string", "format": "date-time" } }),
            "BTreeMap<String, DateTime<Utc>>",
        ),
        (
            json!({ "type": "object" }),
            "serde_json::Map<String, serde_json::Value>",
        ),
        (json!({ "type": "string", "format": "uuid" }), "Uuid"),
        (json!({ "type": "integer" }), "i64"),
        (json!({}), "serde_json::Value"),
    ] {
        let document = with(&[(&format!("{GET_RESPONSES}/200"), answers(schema))]);
        let (_, surface) = works(document);
        assert_eq!(get(&surface).output, output);
    }
    let nothing = json!({ "description": "" });
    let (_, surface) = works(with(&[(&format!("{GET_RESPONSES}/200"), nothing)]));
    assert_eq!(get(&surface).output, "()");
}

/// The names of the objects that stand for operations in progenitor's input do not conflict with names in the document.
#[test]
fn types_called_as_operations_are_told() {
    let document = with(&[
        (
            "/components/schemas/Asked0",
            object(json!({ "a": { "type": "string" } })),
        ),
        (
            "/components/schemas/AskedAnswers",
            object(json!({ "b": { "type": "integer" } })),
        ),
        (&format!("{PROPERTIES}/one"), refers("Asked0")),
        (&format!("{PROPERTIES}/other"), refers("AskedAnswers")),
    ]);
    let (_, surface) = works(document);
    assert_eq!(field(&surface, "Asked0", "a").ty, "Option<String>");
    assert_eq!(field(&surface, "AskedAnswers", "b").ty, "Option<i64>");
    assert_eq!(get(&surface).output, "Thing");
    let limit = ("limit".to_owned(), "i64".to_owned());
    assert_eq!(get(&surface).setters, [limit]);
}

// ---- names ------------------------------------------------------------------------------------------------------------------

#[test]
fn fields_that_collide() {
    for (one, other) in [
        ("createdAt", "created_at"),
        ("created-at", "created_at"),
        ("a", "A"),
        ("type", "type_"),
        ("x y", "x.y"),
    ] {
        let (first, second) = if one < other {
            (one, other)
        } else {
            (other, one)
        };
        let document = with(&[
            (&format!("{PROPERTIES}/{one}"), json!({ "type": "string" })),
            (
                &format!("{PROPERTIES}/{other}"),
                json!({ "type": "string" }),
            ),
        ]);
        refused(
            document,
            &[&format!(
                "/components/schemas/Thing/properties/{second}: would be the same field as {first}"
            )],
        );
    }
    for name in ["", "1st", "…", "naïve", "日本", "it's", "-1", "_"] {
        refused(
            property(name, json!({ "type": "string" })),
            &[&format!(
                "/components/schemas/Thing/properties/{name}: {name:?} cannot become the name of a field"
            )],
        );
    }
}

#[test]
fn fields_that_are_keywords() {
    for (wire, name) in [
        ("type", "type_"),
        ("self", "self_"),
        ("Self", "self_"),
        ("match", "match_"),
        ("async", "async_"),
        ("crate", "crate_"),
        ("super", "super_"),
        ("gen", "gen_"),
        ("try", "try_"),
        ("$x", "x"),
        ("@type", "type_"),
        ("x.y", "x_y"),
        ("enum", "enum_"),
        ("required", "required"),
        ("properties", "properties"),
        ("items", "items"),
        ("default", "default"),
        ("pattern", "pattern"),
        ("example", "example"),
        ("schema", "schema"),
        ("nullable", "nullable"),
        ("oneOf", "one_of"),
        ("value", "value"),
    ] {
        for schema in [
            json!({ "type": "string" }),
            refers("Person"),
            json!({ "type": "string", "enum": ["a"] }),
        ] {
            let document = with(&[
                (&format!("{PROPERTIES}/{wire}"), schema.clone()),
                (&format!("{BODY}/{wire}"), schema),
            ]);
            let (_, surface) = works(document);
            assert_eq!(field(&surface, "Thing", wire).name, name);
            assert_eq!(field(&surface, "CreateThingRequest", wire).name, name);
        }
    }
    // `new` is the constructor, so there must be no setter of this name.
    let (files, surface) = works(with(&[(
        &format!("{BODY}/new"),
        json!({ "type": "string" }),
    )]));
    assert_eq!(field(&surface, "CreateThingRequest", "new").name, "new");
    assert_eq!(
        files["types/thing.rs"].matches("pub fn new(").count(),
        1,
        "{}",
        files["types/thing.rs"]
    );
}

#[test]
fn variants() {
    let at = "/components/schemas/Thing/properties/x";
    let words = |words: Value| property("x", json!({ "type": "string", "enum": words }));
    refused(
        words(json!(["a", "a"])),
        &[&format!("{at}: the word \"a\" stands twice in the enum")],
    );
    refused(
        words(json!(["not_run", "not-run"])),
        &[&format!(
            "{at}: the words \"not_run\" and \"not-run\" would be the same variant"
        )],
    );
    refused(
        words(json!(["+1", "-1"])),
        &[&format!(
            "{at}: the words \"+1\" and \"-1\" would be the same variant"
        )],
    );
    refused(
        words(json!(["unknown"])),
        &[&format!(
            "{at}: the word \"unknown\" cannot become the name of a variant"
        )],
    );
    refused(
        words(json!(["日本"])),
        &[&format!(
            "{at}: the word \"日本\" cannot become the name of a variant"
        )],
    );
    for word in [
        "", "+1", "-1", "1", "self", "Self", "type", "a b", "a/b", "\"", "\\", "a\nb", "🚀", "'",
        "{}", "/// x",
    ] {
        if word == "self" || word == "Self" {
            refused(
                words(json!([word])),
                &[&format!(
                    "{at}: the word {word:?} cannot become the name of a variant"
                )],
            );
            continue;
        }
        let (_, surface) = works(words(json!([word])));
        let xtask::surface::Type::Enum(variants) = &surface.types["ThingX"] else {
            panic!("no enum")
        };
        assert_eq!(variants[0].1, word);
    }
    // `null` in an enum means the same as `nullable`.
    let (_, surface) = works(property(
        "x",
        json!({ "type": "string", "nullable": true, "enum": ["a", null] }),
    ));
    assert!(
        matches!(&surface.types["ThingX"], xtask::surface::Type::Enum(words) if words.len() == 1)
    );
}

#[test]
fn types_that_collide() {
    // Two components would have the same name in Rust.
    let other = object(json!({ "other": { "type": "string" } }));
    let document = || {
        with(&[
            ("/components/schemas/paginatedPersonResponse", other.clone()),
            (
                &format!("{PROPERTIES}/x"),
                refers("paginatedPersonResponse"),
            ),
        ])
    };
    // These lines are errors for the vendored document and warnings for all other documents.
    let unsettled = |document| {
        let built = regen::build(document, &overlay(), false).expect("a longer name");
        built.unsettled
    };
    // The line contains both places, and the row for the naming table that solves the conflict.
    assert_eq!(
        unsettled(document()),
        [
            "/components/schemas/Person: is called Person2, because the name Person is taken by /components/schemas/paginatedPersonResponse; \
          to choose another name, add a row to xtask/src/lower/names.rs: (\"#Person\", \"Person2\"),"
        ]
    );
    works(document());
    // An inline schema and a component would have the same name.
    let document = with(&[
        ("/components/schemas/ThingExtra", other.clone()),
        (
            &format!("{PROPERTIES}/extra"),
            object(json!({ "a": { "type": "string" } })),
        ),
        (&format!("{PROPERTIES}/y"), refers("ThingExtra")),
    ]);
    let lines = unsettled(document);
    assert!(
        lines.len() == 1
            && lines[0].contains("/components/schemas/Thing/properties/extra")
            && lines[0].contains("/components/schemas/ThingExtra")
            && lines[0].lines().count() == 1,
        "{lines:?}"
    );
    // Rust itself already uses these names.
    for name in [
        "String",
        "Option",
        "Vec",
        "Box",
        "Self",
        "Uuid",
        "DateTime",
        "Client",
        "ParameterValue2",
        "result",
        "some",
    ] {
        works(with(&[
            (&format!("/components/schemas/{name}"), other.clone()),
            (&format!("{PROPERTIES}/x"), refers(name)),
        ]));
    }
    let document = with(&[
        ("/components/schemas/string", other.clone()),
        (&format!("{PROPERTIES}/x"), refers("string")),
    ]);
    assert_eq!(
        unsettled(document),
        [
            "/components/schemas/string: is called String2, because the name String is taken by Rust or the code around the types; \
          to choose another name, add a row to xtask/src/lower/names.rs: (\"#string\", \"String2\"),"
        ]
    );
    // Schemas of the same shape become one type, whatever their names are.
    let (_, surface) = works(with(&[
        (
            "/components/schemas/Human",
            object(json!({ "first-name": { "type": "string" } })),
        ),
        (&format!("{PROPERTIES}/x"), refers("Human")),
    ]));
    assert!(surface.types.contains_key("Human") != surface.types.contains_key("Person"));
}

#[test]
fn odd_titles_and_components() {
    for name in [
        "Response",
        "PaginatedResponse",
        "1st",
        "_",
        "a.b",
        "URLOrb",
        "x-Y_z",
        "Thing2",
    ] {
        works(with(&[
            (
                &format!("/components/schemas/{name}"),
                object(json!({ "other": { "type": "string" } })),
            ),
            (&format!("{PROPERTIES}/x"), refers(name)),
        ]));
        works(with(&[
            (
                &format!("/components/schemas/{name}"),
                object(json!({ "again": refers(name) })),
            ),
            (&format!("{PROPERTIES}/x"), refers(name)),
        ]));
    }
    for title in [
        "",
        "Response",
        "1st thing",
        "日本",
        "Self",
        "String",
        "Thing",
        "a\nb",
        "VcsA",
    ] {
        let shape = json!({ "title": title, "type": "object", "properties": { "b": object(json!({ "c": { "type": "string" } })) } });
        works(property("x", shape));
    }
}

#[test]
fn alternatives() {
    let document = with(&[
        (
            "/components/schemas/Shape",
            json!({ "oneOf": [refers("ShapeSelf"), refers("Shapeself"), refers("Color"), { "type": "integer" }, { "type": "number" }, { "type": "boolean" }, { "type": "object", "additionalProperties": { "type": "string" } }, { "type": "array", "items": {} }] }),
        ),
        (
            "/components/schemas/ShapeSelf",
            object(json!({ "a": { "type": "string" } })),
        ),
        (
            "/components/schemas/Shapeself",
            object(json!({ "b": { "type": "string" } })),
        ),
        (
            "/components/schemas/Color",
            json!({ "type": "string", "enum": ["red"] }),
        ),
        (&format!("{PROPERTIES}/x"), refers("Shape")),
        (&format!("{BODY}/x"), refers("Shape")),
    ]);
    let (_, surface) = works(document);
    assert!(
        matches!(&surface.types["Shape"], xtask::surface::Type::Union(variants) if variants.len() == 8)
    );
    let document = with(&[
        (
            "/components/schemas/Shape",
            json!({ "oneOf": [refers("ShapeKind"), refers("Kind")] }),
        ),
        (
            "/components/schemas/ShapeKind",
            object(json!({ "a": { "type": "string" } })),
        ),
        (
            "/components/schemas/Kind",
            object(json!({ "b": { "type": "string" } })),
        ),
        (&format!("{PROPERTIES}/x"), refers("Shape")),
    ]);
    refused(
        document,
        &["/components/schemas/Shape/oneOf/1: would be the same variant, Kind, as alternative 0"],
    );
    let document = property(
        "x",
        json!({ "oneOf": [refers("Person"), object(json!({ "first-name": { "type": "string" } }))] }),
    );
    refused(
        document,
        &[
            "/components/schemas/Thing/properties/x/oneOf/1: would be the same variant, Person, as alternative 0",
        ],
    );
}

#[test]
fn pages() {
    let message =
        "is a page whose items do not have a named type, so the client cannot page through it";
    let nameless = [
        json!({}),
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        json!({ "type": "string", "format": "date-time" }),
        json!({ "type": "string", "nullable": true }),
    ];
    let page = |items: &Value| {
        let page = object(
            json!({ "items": { "type": "array", "items": items }, "next_page_token": { "type": "string", "nullable": true } }),
        );
        with(&[(&format!("{GET_RESPONSES}/200"), answers(page))])
    };
    let list = |items: &Value| {
        let offset = json!({ "name": "offset", "in": "query", "schema": { "type": "integer" } });
        with(&[
            (
                &format!("{GET_RESPONSES}/200"),
                answers(json!({ "type": "array", "items": items })),
            ),
            (&format!("{PARAMETERS}/-"), offset),
        ])
    };
    for (items, item) in [
        (refers("Person"), "Person"),
        (json!({ "type": "string" }), "String"),
        (json!({ "type": "integer" }), "i64"),
    ] {
        assert_eq!(
            get(&works(page(&items)).1).paged,
            Some((item.to_owned(), "token"))
        );
        assert_eq!(
            get(&works(list(&items)).1).paged,
            Some((item.to_owned(), "offset"))
        );
    }
    let schema = "/paths/~1thing~1{id}/get/responses/200/content/application~1json/schema";
    for items in nameless {
        refused(
            page(&items),
            &[&format!("{schema}/properties/items: {message}")],
        );
        refused(list(&items), &[&format!("{schema}: {message}")]);
    }
    // A list is not paged if there is no `offset` parameter.
    let (_, surface) = works(with(&[(
        &format!("{GET_RESPONSES}/200"),
        answers(json!({ "type": "array", "items": {} })),
    )]));
    assert_eq!(get(&surface).paged, None);
}

#[test]
fn words_that_break_comments() {
    let words = "a */ b \r c\u{2028} \\ \" /// #[doc] {} `x\n```\nunclosed";
    for text in [
        words, "", " ", "\n", "`", "```", "https://", "[a](b", "<a", "|", "- ", "1. ", ".",
        "\u{0}", "…",
    ] {
        works(with(&[
            (&format!("{GET}/description"), json!(text)),
            (&format!("{GET}/summary"), json!(text)),
            (&format!("{PARAMETERS}/0/description"), json!(text)),
            (&format!("{PARAMETERS}/1/description"), json!(text)),
            (&format!("{THING}/description"), json!(text)),
            (&format!("{PROPERTIES}/id/description"), json!(text)),
            (&format!("{PROPERTIES}/owner/description"), json!(text)),
            (&format!("{PROPERTIES}/status/description"), json!(text)),
            (&format!("{BODY}/name/description"), json!(text)),
            ("/components/schemas/Person/description", json!(text)),
            ("/info/description", json!(text)),
            ("/tags", json!([{ "name": "Thing", "description": text }])),
        ]));
    }
}

#[test]
fn what_does_not_matter_may_be_anything() {
    for odd in [
        json!(null),
        json!(1),
        json!("x"),
        json!([]),
        json!({ "a": [1] }),
    ] {
        works(with(&[
            ("/info", odd.clone()),
            ("/servers", odd.clone()),
            ("/security", odd.clone()),
            ("/tags", odd.clone()),
            ("/components/securitySchemes", odd.clone()),
            ("/components/headers", odd.clone()),
            (&format!("{GET}/description"), odd.clone()),
            (&format!("{GET}/summary"), odd.clone()),
            (&format!("{GET}/deprecated"), odd.clone()),
            (&format!("{GET}/externalDocs"), odd.clone()),
            (&format!("{GET}/callbacks"), odd.clone()),
            (&format!("{GET_RESPONSES}/200/headers"), odd.clone()),
            (&format!("{GET_RESPONSES}/200/description"), odd.clone()),
            (&format!("{GET_RESPONSES}/404"), odd.clone()),
            (&format!("{PARAMETERS}/1/example"), odd.clone()),
            (&format!("{PARAMETERS}/1/required"), odd.clone()),
            (&format!("{PROPERTIES}/id/default"), odd.clone()),
            (&format!("{PROPERTIES}/id/pattern"), odd.clone()),
            (&format!("{PROPERTIES}/id/maxLength"), odd.clone()),
            (&format!("{PROPERTIES}/id/title"), odd.clone()),
            (&format!("{PROPERTIES}/id/readOnly"), odd.clone()),
            (&format!("{PROPERTIES}/owner/discriminator"), odd.clone()),
            (&format!("{PROPERTIES}/tags/minItems"), odd),
        ]));
    }
}

/// `METHODS` must contain every handwritten method. If an operation had the same name as a handwritten method, the generated code
/// would not compile.
#[test]
fn the_methods_of_the_client_are_known_to_the_precheck() {
    let mut folders = vec![root().join("circleci-api/src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("generated") {
                    folders.push(path);
                }
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("read");
            let Ok(file) = syn::parse_file(&text) else {
                continue;
            };
            for item in file.items {
                let syn::Item::Impl(item) = item else {
                    continue;
                };
                let of = &item.self_ty;
                if item.trait_.is_some() || quote::quote!(#of).to_string() != "Client" {
                    continue;
                }
                for method in item.items {
                    let syn::ImplItem::Fn(method) = method else {
                        continue;
                    };
                    if !matches!(method.vis, syn::Visibility::Public(_)) {
                        continue;
                    }
                    let name = method.sig.ident.to_string();
                    found += 1;
                    // An operation with this name gets an underscore, so the name need not be in `METHODS`.
                    let renamed = xtask::lower::names::method(&name) != name;
                    assert!(
                        renamed || xtask::lower::precheck::METHODS.contains(&name.as_str()),
                        "{}: add {name} to METHODS in xtask/src/lower/precheck/operations.rs",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(found > 10, "{found} methods");
}

#[test]
fn an_enum_value_is_never_code_or_html_in_the_docs() {
    let mut document = base();
    let word = "a`\n\n```\npanic!()\n```\n<script>";
    put(
        &mut document,
        &format!("{PROPERTIES}/status/enum"),
        json!(["plain", word]),
    );
    let (files, _) = works(document);
    let text: String = files.values().map(String::as_str).collect();
    let shown = xtask::emit::escape::code(word);
    assert!(!shown[1..shown.len() - 1].contains('`') && !shown.contains('\n'));
    assert!(text.contains(&format!(" as {shown:?},")), "{text}");
    assert!(text.contains("Plain = \"plain\","), "{text}");
}
