//! Checks `.circleci/config.yml` without a network. The file must follow CircleCI's rules for configurations and refer only to
//! existing files, and the result of a pushed commit must not depend on the live document.

use crate::common;

use serde_json::{Map, Value};
use std::{collections::BTreeSet, fs};

fn config() -> Value {
    let text =
        fs::read_to_string(common::root().join(".circleci/config.yml")).expect("the configuration");
    serde_yaml_ng::from_str(&text).expect("YAML")
}

fn object<'a>(value: &'a Value, what: &str) -> &'a Map<String, Value> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("{what} is no map: {value}"))
}

fn list<'a>(value: &'a Value, what: &str) -> &'a [Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{what} is no list: {value}"))
}

fn only(map: &Map<String, Value>, allowed: &[&str], what: &str) {
    let unknown: Vec<&String> = map
        .keys()
        .filter(|key| !allowed.contains(&key.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{what} holds {unknown:?}");
}

/// Returns the name and the parameters of a step, or of a job in a workflow.
fn named<'a>(value: &'a Value, what: &str) -> (&'a str, &'a Value) {
    match value {
        Value::String(name) => (name, &Value::Null),
        value => {
            let map = object(value, what);
            assert_eq!(map.len(), 1, "{what}: {value}");
            map.iter()
                .next()
                .map(|(name, given)| (name.as_str(), given))
                .expect("one")
        }
    }
}

fn steps(steps: &Value, commands: &BTreeSet<&str>, what: &str) {
    let steps = list(steps, what);
    assert!(!steps.is_empty(), "{what} is empty");
    for step in steps {
        let (name, given) = named(step, what);
        let needs = |key: &str| assert!(given[key].is_string(), "{what}: {name} has no {key}");
        match name {
            "checkout" => assert!(given.is_null()),
            "run" if given.is_string() => {}
            "run" => {
                needs("command");
                only(
                    object(given, what),
                    &[
                        "name",
                        "command",
                        "environment",
                        "working_directory",
                        "no_output_timeout",
                        "when",
                        "shell",
                    ],
                    name,
                );
            }
            "restore_cache" => assert!(
                given["key"].is_string() != given["keys"].is_array(),
                "{what}: {name} has one of key and keys"
            ),
            "save_cache" => {
                needs("key");
                assert!(!list(&given["paths"], name).is_empty());
            }
            "store_artifacts" => {
                needs("path");
                only(object(given, what), &["path", "destination", "name"], name);
            }
            command => assert!(
                commands.contains(command),
                "{what}: nothing is called {command}"
            ),
        }
    }
}

#[test]
fn everything_it_refers_to_is_there() {
    let config = config();
    let root = object(&config, "the configuration");
    only(
        root,
        &["version", "executors", "commands", "jobs", "workflows"],
        "the configuration",
    );
    assert_eq!(config["version"], 2.1);
    for (name, executor) in object(&config["executors"], "executors") {
        only(
            object(executor, name),
            &[
                "docker",
                "resource_class",
                "environment",
                "working_directory",
                "shell",
            ],
            name,
        );
        assert!(
            list(&executor["docker"], name)
                .iter()
                .all(|image| image["image"].is_string()),
            "{name}"
        );
        // YAML reads some unquoted texts as numbers or booleans, but CircleCI requires text.
        assert!(
            object(&executor["environment"], name)
                .values()
                .all(Value::is_string),
            "{name}: a variable that is no text"
        );
    }
    let commands: BTreeSet<&str> = object(&config["commands"], "commands")
        .keys()
        .map(String::as_str)
        .collect();
    for (name, command) in object(&config["commands"], "commands") {
        only(
            object(command, name),
            &["description", "parameters", "steps"],
            name,
        );
        steps(&command["steps"], &commands, name);
    }
    for (name, job) in object(&config["jobs"], "jobs") {
        only(
            object(job, name),
            &[
                "executor",
                "steps",
                "parameters",
                "environment",
                "parallelism",
            ],
            name,
        );
        let executor = job["executor"].as_str().expect("an executor by name");
        assert!(
            config["executors"].get(executor).is_some(),
            "{name} runs on {executor}"
        );
        steps(&job["steps"], &commands, name);
    }
    let mut used = BTreeSet::new();
    for (name, workflow) in object(&config["workflows"], "workflows") {
        only(
            object(workflow, name),
            &["triggers", "jobs", "when", "unless"],
            name,
        );
        let jobs: Vec<(&str, &Value)> = list(&workflow["jobs"], name)
            .iter()
            .map(|job| named(job, name))
            .collect();
        for (job, given) in &jobs {
            assert!(
                config["jobs"].get(*job).is_some(),
                "{name}: no job is called {job}"
            );
            for required in given["requires"].as_array().into_iter().flatten() {
                assert!(
                    jobs.iter().any(|(other, _)| required == other),
                    "{name}: {job} requires {required}"
                );
            }
            used.insert(*job);
        }
        for trigger in workflow["triggers"].as_array().into_iter().flatten() {
            let schedule = &trigger["schedule"];
            assert_eq!(
                schedule["cron"]
                    .as_str()
                    .expect("a cron")
                    .split(' ')
                    .count(),
                5,
                "{name}"
            );
            assert!(
                !list(&schedule["filters"]["branches"]["only"], name).is_empty(),
                "{name}: a schedule needs its branches"
            );
        }
    }
    let jobs: BTreeSet<&str> = object(&config["jobs"], "jobs")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(used, jobs, "a job that no workflow runs");
}

/// Returns the commands of all steps of a job as one text.
fn commands_of(config: &Value, job: &str) -> String {
    list(&config["jobs"][job]["steps"], job)
        .iter()
        .filter_map(|step| step["run"]["command"].as_str().or(step["run"].as_str()))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn no_push_depends_on_the_live_document() {
    let config = config();
    let mut scheduled = Vec::new();
    for (name, workflow) in object(&config["workflows"], "workflows") {
        let runs: Vec<String> = list(&workflow["jobs"], name)
            .iter()
            .map(|job| commands_of(&config, named(job, name).0))
            .collect();
        let asks = runs.iter().any(|run| {
            [
                "xtask drift",
                "xtask fetch",
                "xtask update",
                "curl",
                "https://",
            ]
            .iter()
            .any(|word| run.contains(word))
        });
        match workflow.get("triggers") {
            Some(_) => scheduled.push(asks),
            None => assert!(!asks, "{name} runs on every push, and asks the network"),
        }
    }
    assert_eq!(scheduled, [true], "one scheduled workflow, which asks");
    assert!(commands_of(&config, "check").contains(".ci/run"));
    let run = fs::read_to_string(common::root().join(".ci/run")).expect("the script");
    assert!(
        !run.contains("xtask drift")
            && !run.contains("xtask fetch")
            && !run.contains("xtask update")
    );
}

#[test]
fn the_morning_fails_on_what_breaks_and_keeps_the_report() {
    let config = config();
    let run = commands_of(&config, "drift");
    assert!(
        run.contains(
            "cargo xtask drift --deny breaking --format markdown > /tmp/drift/drift.md || code=$?"
        ),
        "{run}"
    );
    let codes = format!("{} | {}) ;;", xtask::drift::NONE, xtask::drift::WITHIN);
    assert!(
        run.contains(&codes),
        "only no drift and allowed drift pass: {run}"
    );
    let steps = list(&config["jobs"]["drift"]["steps"], "steps");
    let at = |wanted: &dyn Fn(&Value) -> bool| steps.iter().position(wanted).expect("a step");
    let kept = at(&|step| step["store_artifacts"]["path"] == "/tmp/drift");
    let fails = at(&|step| {
        step["run"]["command"]
            .as_str()
            .is_some_and(|command| command.contains("exit \"$code\""))
    });
    assert!(kept < fails, "a job that has failed may keep nothing");
}

#[test]
fn every_script_it_runs_is_there() {
    let config = config();
    let run = fs::read_to_string(common::root().join(".ci/run")).expect("the script");
    let mut commands: Vec<String> = object(&config["jobs"], "jobs")
        .keys()
        .map(|job| commands_of(&config, job))
        .collect();
    commands.push(run);
    let scripts: BTreeSet<&str> = commands
        .iter()
        .flat_map(|command| command.split_whitespace())
        .filter(|word| word.starts_with(".ci/"))
        .collect();
    assert!(
        scripts.is_superset(&BTreeSet::from([
            ".ci/run",
            ".ci/package",
            ".ci/hostile",
            ".ci/environments",
            ".ci/oldest-dependencies"
        ])),
        "{scripts:?}"
    );
    for script in scripts {
        assert!(common::root().join(script).is_file(), "{script}");
    }
}

/// The number of operations changes with the document. Only the changelog may mention this number, because each entry of the
/// changelog is about one release.
#[test]
fn only_the_changelog_says_how_many_operations_there_are() {
    let paths = common::vendored()["paths"].take();
    let count: usize = object(&paths, "paths")
        .values()
        .filter_map(Value::as_object)
        .map(|item| {
            item.values()
                .filter(|it| it["operationId"].is_string())
                .count()
        })
        .sum();
    let said = format!("{count} operations");
    let mut pages = 0;
    let folders = [".", "docs", "circleci-api", "circleci-api/src/guide"];
    for folder in folders.map(|folder| common::root().join(folder)) {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            let is_page = path.extension().is_some_and(|it| it == "md");
            if is_page && !path.ends_with("CHANGELOG.md") {
                let text = fs::read_to_string(&path).expect("read");
                assert!(!text.contains(&said), "{}", path.display());
                pages += 1;
            }
        }
    }
    assert!(pages > 5, "{pages} pages");
}

#[test]
fn the_morning_looks_at_the_dependencies_too() {
    let config = config();
    let morning = list(&config["workflows"]["every-morning"]["jobs"], "jobs");
    assert!(morning.iter().any(|job| job == "supply-chain"));
    assert!(commands_of(&config, "supply-chain").contains("cargo-deny check"));
    assert!(common::root().join("deny.toml").is_file());
}

#[test]
fn a_release_is_compared_with_the_one_before() {
    let config = config();
    let jobs = list(&config["workflows"]["release"]["jobs"], "release");
    let names: BTreeSet<&str> = jobs.iter().map(|job| named(job, "release").0).collect();
    assert_eq!(names, BTreeSet::from(["check", "semver"]));
    for job in jobs {
        let (name, given) = named(job, "release");
        assert_eq!(given["filters"]["tags"]["only"], "/^v.*/", "{name}");
        assert_eq!(given["filters"]["branches"]["ignore"], "/.*/", "{name}");
    }
    assert!(
        commands_of(&config, "semver")
            .contains("cargo +stable semver-checks --package circleci-api")
    );
}
