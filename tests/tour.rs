//! Tests of the tour, the first program that users run, and of the README, which names it.

use std::collections::BTreeSet;

use circleci_api::Client;

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/tour/main.rs"]
mod program;

const README: &str = include_str!("../README.md");

#[tokio::test]
async fn the_tour_ends_well_and_reads_as_it_always_did() {
    let mut out = Vec::new();
    program::small(&mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    insta::assert_snapshot!(out);
    // The guide shows the same output.
    let guide = include_str!("../circleci-api/src/guide/programs.md");
    assert!(guide.contains(&format!("```text\n{out}```\n")), "{out}");
}

/// The commands that run against CircleCI itself must only read.
#[tokio::test]
async fn looking_around_only_reads() {
    let server = program::server::SmallCircleCi::start().await.unwrap();
    let circleci = Client::builder()
        .host(server.url())
        .token(program::server::TOKEN)
        .build()
        .unwrap();
    let project = program::server::PROJECT.parse().unwrap();
    let mut out = Vec::new();
    program::look_around(&circleci, &project, &mut program::screen::Screen(&mut out))
        .await
        .unwrap();
    let requests = server.received();
    assert!(requests.len() > 8, "{}", requests.len());
    assert!(
        requests
            .iter()
            .all(|request| request.method == "GET" && request.body.is_empty())
    );
}

#[tokio::test]
async fn another_token_is_told_to_log_in() {
    let server = program::server::SmallCircleCi::start().await.unwrap();
    let circleci = Client::builder()
        .host(server.url())
        .token("another")
        .build()
        .unwrap();
    let project = program::server::PROJECT.parse().unwrap();
    let mut out = Vec::new();
    let error = program::look_around(&circleci, &project, &mut program::screen::Screen(&mut out))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("getCurrentUser: 401 Unauthorized: You must log in first."),
        "{error}"
    );
}

#[test]
fn the_readme_begins_with_the_two_commands_and_names_only_those_that_exist() {
    // The two commands come directly after the sentence that describes the crate, because a visitor needs them first.
    let top: Vec<_> = README.lines().take(12).collect();
    assert!(README.lines().count() <= 160);
    assert!(
        top.iter()
            .any(|line| line.starts_with("cargo run --example tour"))
    );
    assert!(
        top.iter()
            .any(|line| line.starts_with("cargo test --workspace"))
    );

    // The maintainers' commands are in CONTRIBUTING.
    let pages = [README, include_str!("../CONTRIBUTING.md")].concat();
    let named: BTreeSet<_> = pages
        .split("cargo xtask ")
        .skip(1)
        .filter_map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .next()
        })
        .collect();
    let xtask = include_str!("../xtask/src/main.rs");
    assert!(named.len() >= 6, "{named:?}");
    for command in named {
        let words = command
            .split('-')
            .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
        let variant: String = words.collect();
        assert!(
            ["(", " {"]
                .iter()
                .any(|begin| xtask.contains(&format!("    {variant}{begin}"))),
            "{command}"
        );
    }
}
