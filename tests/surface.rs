//! What users of the crate see, listed from the generated source: an upstream change is a readable diff of these snapshots.

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

/// Accept a change that is meant with `INSTA_UPDATE=always cargo test -p circleci-api-tests --test surface`.
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
        // A body is an argument, or a setter where it may be left out.
        assert_eq!(
            arguments.remove("body") || setters.remove("body"),
            documented.body.is_some(),
            "{}: the body",
            documented.id
        );
        // The three parameters that spell a project slug are one argument.
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
        // Nine paged operations take a page token that the document forgets.
        let mut documented_setters = required(false);
        if listed.paged.as_ref().is_some_and(|(_, by)| *by == "token") {
            documented_setters.insert("pagetoken".to_owned());
        }
        // The overlay adds one that CircleCI takes and the document does not have.
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

/// A parameter's name without what case conventions add to it.
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
    // Where a path takes a word it takes any text: a self-hosted server may have other providers.
    let provider = BTreeSet::from(["github", "gh", "bitbucket", "bb", "circleci"]);
    let organization = BTreeSet::from(["organization"]);
    let documented: BTreeSet<BTreeSet<&str>> = document
        .enums()
        .into_iter()
        .map(|words| words.into_iter().collect())
        .collect();
    let missing: Vec<&BTreeSet<&str>> = documented
        .iter()
        // The overlay makes one type of the owner's two lists of words.
        .filter(|words| !known.contains(*words) && **words != provider && **words != organization)
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
