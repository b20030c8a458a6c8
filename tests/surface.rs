//! Compares the public API with snapshots. The snapshots list the API as the generated source defines it, so that an upstream
//! change causes a readable diff.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use circleci_api_tests::calls;
use circleci_api_tests::document::{self, Document};
use serde_json::Value;
use xtask::surface::{Surface, Type, read_files};

fn surface() -> Surface {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../circleci-api/src/generated");
    Surface::of(&read_files(&folder).unwrap()).unwrap()
}

/// To accept an intended change, run `INSTA_UPDATE=always cargo test -p circleci-api-tests --test surface`.
#[test]
fn the_surface_is_as_it_was() {
    let surface = surface();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("surface_operations", surface.list_operations());
        insta::assert_snapshot!("surface_types", surface.list_types());
    });
}

#[test]
fn it_has_what_the_document_has() {
    let (document, surface) = (Document::read(), surface());
    let documented = document.operations();
    let routes: BTreeMap<&str, String> = documented
        .iter()
        .map(|it| (it.id, format!("{} {}", it.method, it.path)))
        .collect();
    let listed: BTreeMap<&str, String> = surface
        .operations
        .iter()
        .filter(|it| !calls::UNDOCUMENTED.contains(&it.id.as_str()))
        .map(|it| (it.id.as_str(), it.route.clone()))
        .collect();
    assert_eq!(
        listed.len() + calls::UNDOCUMENTED.len(),
        surface.operations.len(),
        "listed twice"
    );
    assert_eq!(listed, routes);
    assert!(routes.len() > 100, "{} operations", routes.len());

    let carries_token = |it: &&document::Operation<'_>| {
        let schema = it.successes[0]
            .1
            .map(|schema| document.flat(schema))
            .unwrap_or_default();
        schema
            .get("properties")
            .is_some_and(|properties| properties.get("next_page_token").is_some())
    };
    let by_token: BTreeSet<&str> = documented
        .iter()
        .filter(carries_token)
        .map(|it| it.id)
        .collect();
    assert!(by_token.len() > 15, "{by_token:?}");
    let paged = |by: &str| {
        surface
            .operations
            .iter()
            .filter(|it| it.paged.as_ref().is_some_and(|(_, how)| *how == by))
            .map(|it| it.id.as_str())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(paged("token"), by_token);
    assert_eq!(paged("offset"), BTreeSet::from(["GetDecisionLogs"]));
}

#[test]
fn every_parameter_of_the_document_can_be_given() {
    let (document, surface) = (Document::read(), surface());
    for documented in document.operations() {
        let listed = surface
            .operations
            .iter()
            .find(|it| it.id == documented.id)
            .unwrap();
        let named = |list: &[(String, String)]| {
            list.iter()
                .map(|(name, _)| flat(name))
                .collect::<BTreeSet<_>>()
        };
        // CircleCI's own client never sends `page-size`, which the document requires.
        let needed = |it: &Value| {
            it["in"] == "path" || (it["required"] == true && it["name"] != "page-size")
        };
        let required = |wanted: bool| {
            let parameters = documented
                .parameters
                .iter()
                .filter(move |it| needed(it) == wanted);
            parameters
                .map(|it| flat(it["name"].as_str().unwrap()))
                .collect::<BTreeSet<_>>()
        };
        let mut arguments = named(&listed.arguments);
        let mut setters = named(&listed.setters);
        // A required body is an argument, and an optional body is a setter.
        assert_eq!(
            arguments.remove("body") || setters.remove("body"),
            documented.body.is_some(),
            "{}: the body",
            documented.id
        );
        // The document spells a project slug as three parameters. The client takes it as one argument.
        let slug = BTreeSet::from(["provider", "organization", "project"].map(str::to_owned));
        let mut documented_arguments = required(true);
        if slug.is_subset(&documented_arguments) {
            documented_arguments.retain(|name| !slug.contains(name));
            documented_arguments.insert("projectslug".to_owned());
        }
        assert_eq!(
            arguments, documented_arguments,
            "{}: the arguments",
            documented.id
        );
        // Nine paged operations accept a page token that the document does not declare.
        let mut documented_setters = required(false);
        if listed.paged.as_ref().is_some_and(|(_, by)| *by == "token") {
            documented_setters.insert("pagetoken".to_owned());
        }
        // The overlay adds a parameter that CircleCI accepts and the document does not declare.
        if documented.id == "listComponents" {
            assert!(documented_setters.insert("componentname".to_owned()));
        }
        assert_eq!(
            setters, documented_setters,
            "{}: the setters",
            documented.id
        );
    }
}

/// Returns the name of a parameter in lower case, without separators.
fn flat(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

#[test]
fn every_word_of_the_document_has_its_variant() {
    let (document, surface) = (Document::read(), surface());
    let known: BTreeSet<BTreeSet<&str>> = surface
        .types
        .values()
        .filter_map(|ty| match ty {
            Type::Enum(words) => Some(words.iter().map(|(_, word)| word.as_str()).collect()),
            _ => None,
        })
        .collect();
    // The client takes the provider in a path as any text and not as an enum, because a self-hosted server may have other
    // providers.
    let provider = BTreeSet::from(["github", "gh", "bitbucket", "bb", "circleci"]);
    let organization = BTreeSet::from(["organization"]);
    let documented: BTreeSet<BTreeSet<&str>> = document
        .enums()
        .into_iter()
        .map(|words| words.into_iter().collect())
        .collect();
    let missing: Vec<&BTreeSet<&str>> = documented
        .iter()
        // The document has two enums for the type of an owner. The overlay merges them, so the client has no separate enum for
        // `organization`.
        .filter(|words| !known.contains(*words) && **words != provider && **words != organization)
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Reads two kinds of docs from the generated source: the docs of each operation, and the docs of its method of `Client`.
fn docs_of(folder: &Path) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut pages, mut methods) = (BTreeMap::new(), BTreeMap::new());
    for (path, text) in read_files(folder).expect("the generated files") {
        if !path.starts_with("operations/") {
            continue;
        }
        let mut docs = String::new();
        let mut in_operation = false;
        for line in text.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("///") {
                docs += &format!("{}\n", rest.trim());
            } else if line == "operation! {" {
                in_operation = true;
                docs.clear();
            } else if line.starts_with("#[") {
            } else {
                let docs = std::mem::take(&mut docs);
                if let Some(rest) = line.strip_prefix("pub fn ") {
                    let (name, _) = rest.split_once(['(', '<']).expect("arguments");
                    // A method of the client takes `&self`. A setter of a request takes `self`.
                    if rest.contains("(&self") {
                        methods.insert(name.to_owned(), docs);
                    }
                } else if let Some((name, _)) = line.split_once(" -> ").filter(|_| in_operation) {
                    pages.insert(name.to_owned(), docs);
                    in_operation = false;
                }
            }
        }
    }
    (pages, methods)
}

/// Returns the lines between a heading and the next one.
fn under<'a>(docs: &'a str, heading: &str) -> Vec<&'a str> {
    docs.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with("# "))
        .collect()
}

/// Returns the names in a list such as ``- `branch` (text): The branch.``. Each name must have a type and a description.
fn described(lines: &[&str]) -> BTreeSet<String> {
    let items = lines.iter().filter(|line| line.starts_with("- `"));
    items
        .map(|line| {
            let (name, rest) = line[3..].split_once("` (").expect("a name and a type");
            let (ty, description) = rest.split_once("): ").unwrap_or((rest, ""));
            assert!(!ty.is_empty(), "{line}: no type");
            assert!(description.len() > 5, "{line}: no description");
            name.to_owned()
        })
        .collect()
}

#[test]
fn the_page_of_every_operation_shows_its_arguments_its_setters_and_an_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../circleci-api/src/generated");
    let (pages, methods) = docs_of(&folder);
    let surface = surface();
    assert_eq!(pages.len(), surface.operations.len());
    let builder_of = |method: &str| {
        let link = format!("[`Client::{method}`]");
        let mut found = pages.iter().filter(|(_, page)| page.contains(&link));
        found.next().expect("a page that names the method")
    };
    let (mut arguments, mut setters) = (0, 0);
    for operation in &surface.operations {
        let names = |list: &[(String, String)]| -> BTreeSet<String> {
            list.iter().map(|(name, _)| name.clone()).collect()
        };
        let (builder, page) = builder_of(&operation.method);
        let method = &methods[&operation.method];
        let (required, optional) = (names(&operation.arguments), names(&operation.setters));
        for (docs, heading, expected) in [
            (page, "# Required arguments", &required),
            (page, "# Optional setters", &optional),
            (method, "# Arguments", &required),
            (method, "# Optional", &optional),
        ] {
            assert_eq!(
                &described(&under(docs, heading)),
                expected,
                "{builder}: {heading}"
            );
        }
        assert!(
            method.contains(&format!("(crate::operations::{builder})")),
            "{builder}: its method does not lead to its page"
        );
        // Everything after the heading is the example. The function `under` would stop at a hidden line of the example, because
        // such a line starts with `#` like a heading.
        let (_, example) = page.split_once("# Example\n").expect("an example");
        assert!(example.contains("```no_run"), "{builder}: {example}");
        assert!(
            example.contains(&format!("{}(", operation.method)),
            "{builder}: {example}"
        );
        assert!(!example.contains("\"example\""), "{builder}: {example}");
        arguments += required.len();
        setters += optional.len();
    }
    // The test `every_parameter_of_the_document_can_be_given` compares the parameters with the document.
    assert!(arguments > 100 && setters > 60, "{arguments} {setters}");
    println!(
        "{} pages, {arguments} arguments, {setters} setters",
        pages.len()
    );
}

/// Each search term must find its operation, although neither the name of the operation nor that of its method contains the
/// term.
#[test]
fn operations_are_found_by_the_words_that_people_look_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../circleci-api/src/generated");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in read_files(&folder).expect("the generated files") {
        let mut aliases = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(alias) = line
                .strip_prefix("#[doc(alias = \"")
                .and_then(|rest| rest.strip_suffix("\")]"))
            {
                aliases.push(alias.to_owned());
            } else if !line.starts_with("#[") {
                let name = line.strip_prefix("pub fn ").unwrap_or(line);
                let name = name.split(['(', ' ']).next().unwrap_or_default().to_owned();
                for alias in aliases.drain(..) {
                    assert!(path.starts_with("operations/"), "{path}: {alias}");
                    found.entry(alias).or_default().insert(name.clone());
                }
            }
        }
    }
    for (word, name) in [
        ("artifacts", "get_job_artifacts"),
        ("download", "GetJobArtifacts"),
        ("rerun", "rerun_workflow"),
        ("retry", "RerunWorkflow"),
        ("env var", "create_env_var"),
        ("env var", "add_environment_variable_to_context"),
        ("environment variable", "ListEnvVars"),
        ("p95", "get_project_workflow_metrics"),
        ("p95", "GetProjectWorkflowMetrics"),
    ] {
        let names = found.get(word);
        assert!(
            names.is_some_and(|names| names.contains(name)),
            "{word}: {names:?}"
        );
    }
}

/// The README must contain the introduction and every section of the docs' front page. Each section starts with a heading.
#[test]
fn the_front_page_of_the_docs_repeats_the_readme() {
    let readme = include_str!("../README.md");
    let front = include_str!("../circleci-api/src/guide/front.md");
    let mut sections = 0;
    let (front, _links) = front.split_once("\n\n[operations]: ").unwrap();
    for section in front.split("\n## ").skip(1) {
        assert!(
            readme.contains(&format!("\n## {}", section.trim_end())),
            "{section}"
        );
        sections += 1;
    }
    assert!(sections >= 3, "{front}");
    let intro = front.split("\n## ").next().unwrap_or_default();
    assert!(readme.starts_with(intro.trim_end()), "{intro}");
}

/// In the README, the links to guides lead to docs.rs. In the docs, they must lead to pages of the same build. `lib.rs` therefore
/// defines each of these links before it includes the README.
#[test]
fn every_link_of_the_readme_has_a_page_in_the_docs_at_hand() {
    let library = include_str!("../circleci-api/src/lib.rs");
    let guides = include_str!("../circleci-api/src/guide/mod.rs");
    let definitions: Vec<(&str, &str)> = include_str!("../README.md")
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .collect();
    assert!(definitions.len() > 15, "{definitions:?}");
    for (name, address) in definitions {
        let guide = address
            .strip_prefix("https://docs.rs/circleci-api/latest/circleci_api/guide/")
            .and_then(|rest| rest.strip_suffix("/index.html"));
        let Some(guide) = guide else {
            assert!(
                !address.contains("docs.rs/circleci-api"),
                "{name}: {address} is no guide: define it in lib.rs, and extend this test"
            );
            continue;
        };
        let before = library.split("include_str!").next().unwrap_or_default();
        assert!(
            before.contains(&format!("\"[{name}]: crate::guide::{guide}\"")),
            "{name}: lib.rs does not define it before the README"
        );
        let page = format!("pub mod {guide} {{}}");
        assert!(
            guides.contains(&page) || guides.contains(&format!(" as {guide};")),
            "{name}: no such guide"
        );
    }
}
