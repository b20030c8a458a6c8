//! Tests of valid and invalid slugs of projects and organizations.

use std::collections::HashSet;

use circleci_api::{OrgSlug, ProjectSlug, serde_json};

#[test]
fn a_project_is_taken_in_every_spelling() {
    for (text, slug) in [
        ("gh/acme/web", "gh/acme/web"),
        ("github/acme/web", "gh/acme/web"),
        ("bb/acme/web", "bb/acme/web"),
        ("bitbucket/acme/web", "bb/acme/web"),
        (" gh/acme/web\n", "gh/acme/web"),
        (
            "circleci/9YytKzouJxzu4TjCRFqAoD/44n9wujWcTnVZ2b5S8Fnat",
            "circleci/9YytKzouJxzu4TjCRFqAoD/44n9wujWcTnVZ2b5S8Fnat",
        ),
        (
            "circleci/5034460f-c7c4-4c43-9457-de07e2029e7b/eb6a7b1e-8b1a-4d2e-9a39-6c0a4b1d2c3e",
            "circleci/5034460f-c7c4-4c43-9457-de07e2029e7b/eb6a7b1e-8b1a-4d2e-9a39-6c0a4b1d2c3e",
        ),
        ("gh/acme/web.git", "gh/acme/web.git"),
        ("gh/acme/a b?c#d%e", "gh/acme/a b?c#d%e"),
        // The following texts are URLs of git remotes.
        ("https://github.com/acme/web", "gh/acme/web"),
        ("https://github.com/acme/web.git", "gh/acme/web"),
        ("https://github.com/acme/web/", "gh/acme/web"),
        ("https://www.github.com/acme/web", "gh/acme/web"),
        ("https://GitHub.com/acme/Web.git", "gh/acme/Web"),
        ("https://user:secret@github.com/acme/web.git", "gh/acme/web"),
        ("https://bitbucket.org/acme/web.git", "bb/acme/web"),
        ("git@github.com:acme/web.git", "gh/acme/web"),
        ("git@github.com:acme/web", "gh/acme/web"),
        ("git@github.com:/acme/web.git", "gh/acme/web"),
        ("github.com:acme/web.git", "gh/acme/web"),
        ("git@bitbucket.org:acme/web.js.git", "bb/acme/web.js"),
        ("ssh://git@github.com/acme/web.git", "gh/acme/web"),
        ("ssh://git@ssh.github.com:443/acme/web.git", "gh/acme/web"),
        (
            "ssh://git@altssh.bitbucket.org:443/acme/web.git",
            "bb/acme/web",
        ),
        ("git://github.com/acme/web.git", "gh/acme/web"),
        ("git+ssh://git@github.com/acme/web.git", "gh/acme/web"),
    ] {
        let parsed: ProjectSlug = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed.to_string(), slug, "{text}");
        assert_eq!(
            format!(
                "{}/{}/{}",
                parsed.provider(),
                parsed.organization(),
                parsed.project()
            ),
            slug
        );
        assert_eq!(parsed, parsed.to_string().parse().unwrap());
    }
}

#[test]
fn a_remote_may_have_an_ssh_alias_for_a_host() {
    for (text, slug) in [
        ("git@github.com-work:acme/web.git", "gh/acme/web"),
        ("github.com-work:acme/web", "gh/acme/web"),
        ("git@GitHub.com-Work:acme/web.git", "gh/acme/web"),
        ("git@github.com_home:acme/web.git", "gh/acme/web"),
        ("git@bitbucket.org-work:acme/web.git", "bb/acme/web"),
        ("ssh://git@github.com-work/acme/web.git", "gh/acme/web"),
        ("ssh://git@github.com-work:22/acme/web.git", "gh/acme/web"),
        ("git+ssh://git@bitbucket.org-2/acme/web", "bb/acme/web"),
    ] {
        assert_eq!(
            text.parse::<ProjectSlug>().unwrap().as_str(),
            slug,
            "{text}"
        );
    }
    // Host aliases exist only for ssh. The other hosts in these URLs may belong to anyone.
    for text in [
        "https://github.com-work/acme/web.git",
        "git@github.com-work.example.com:acme/web.git",
        "git@github.common:acme/web.git",
        "git@github.com.example.com:acme/web.git",
        "git@my-github.com-work:acme/web.git",
        "git@gitlab.com-work:acme/web.git",
        "git@work:acme/web.git",
    ] {
        assert!(text.parse::<ProjectSlug>().is_err(), "{text}");
    }
}

#[test]
fn what_is_no_project_says_so_and_repeats_no_secret() {
    for text in [
        "",
        "gh",
        "gh/acme",
        "gh/acme/web/x",
        "gh//web",
        "gh/acme/",
        "/acme/web",
        "gh/../web",
        "gh/acme/..",
        "gh/acme/.",
        "gh/./web",
        "gh/acme/we\0b",
        "gh/acme/we\nb",
        "gh/ac\\me/web",
        "svn/acme/web",
        "acme/web/x",
        "https://github.com/acme",
        "https://github.com/acme/web/tree/main",
        "https://github.com/",
        "https://github.com/../web",
        "https://user:secret@gitlab.com/acme/web.git",
        "https://user:secret@github.com.example.com/acme/web",
        "https://github.com@secret.example.com/acme/web",
        "git@git.example.com:acme/web.git",
        "git@github.com:web.git",
        "git@github.com:",
        "://",
        ":",
    ] {
        let error = text.parse::<ProjectSlug>().expect_err(text);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn an_organization_is_two_parts() {
    for (text, slug) in [
        ("gh/acme", Some("gh/acme")),
        ("github/acme", Some("gh/acme")),
        ("bitbucket/acme", Some("bb/acme")),
        (
            "circleci/9YytKzouJxzu4TjCRFqAoD",
            Some("circleci/9YytKzouJxzu4TjCRFqAoD"),
        ),
        ("", None),
        ("acme", None),
        ("gh/", None),
        ("gh/..", None),
        ("gh/acme/web", None),
        ("xx/acme", None),
    ] {
        let parsed = text.parse::<OrgSlug>().ok();
        assert_eq!(
            parsed.map(|slug| slug.to_string()).as_deref(),
            slug,
            "{text}"
        );
    }
    let project: ProjectSlug = "github/acme/web".parse().unwrap();
    let organization = project.org_slug();
    assert_eq!(
        (organization.provider(), organization.organization()),
        ("gh", "acme")
    );
    assert_eq!(organization, "gh/acme".parse().unwrap());
}

#[test]
fn slugs_are_values() {
    let slug = ProjectSlug::new("github", "acme", "web").unwrap();
    assert_eq!(serde_json::to_string(&slug).unwrap(), r#""gh/acme/web""#);
    assert_eq!(
        serde_json::from_str::<ProjectSlug>(r#""github/acme/web""#).unwrap(),
        slug
    );
    assert!(serde_json::from_str::<ProjectSlug>(r#""acme""#).is_err());
    assert!(serde_json::from_str::<OrgSlug>("3").is_err());
    assert_eq!(format!("{slug:?}"), "ProjectSlug(gh/acme/web)");
    assert_eq!(format!("{slug:>13}|"), "  gh/acme/web|");
    assert_eq!(
        ProjectSlug::try_from("gh/acme/web").unwrap().as_str(),
        "gh/acme/web"
    );
    assert!(ProjectSlug::new("gh", "a/b", "c").is_err());
    assert!(OrgSlug::new("gh", "..").is_err());
    let set: HashSet<_> = ["gh/a/b", "github/a/b"]
        .map(|text| text.parse::<ProjectSlug>().unwrap())
        .into();
    assert_eq!(set.len(), 1);
}
