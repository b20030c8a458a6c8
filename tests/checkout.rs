//! Tests of finding the project that a git checkout belongs to.

use std::fs;
use std::path::Path;

use circleci_api::{CheckoutError, ProjectSlug};

fn checkout(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join(".git/config"), config).unwrap();
    folder
}

fn of(path: &Path) -> Result<String, CheckoutError> {
    ProjectSlug::of_checkout(path).map(|slug| slug.to_string())
}

const ORIGIN: &str = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@github.com:acme/web.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n";

#[test]
fn the_origin_or_the_only_remote() {
    for (config, slug) in [
        (ORIGIN, "gh/acme/web"),
        // If there are several remotes, the client uses `origin`, wherever it is in the file.
        (
            "[remote \"upstream\"]\nurl = https://github.com/other/web\n[remote \"origin\"]\nurl = https://github.com/acme/web.git\n",
            "gh/acme/web",
        ),
        (
            "[remote \"bitbucket\"]\n  url = https://jo@bitbucket.org/acme/web.git\n",
            "bb/acme/web",
        ),
        // The host is an ssh alias. Users with several ssh keys define such aliases.
        (
            "[remote \"origin\"]\n\turl = git@github.com-work:acme/web.git\n",
            "gh/acme/web",
        ),
        // git accepts upper case, a section and a key in one line, and comments.
        (
            "[REMOTE \"origin\"] URL=\"https://github.com/acme/web.git\" ; comment\n# url = x\n",
            "gh/acme/web",
        ),
        // git fetches only from the first URL of a remote.
        (
            "[remote \"origin\"]\nurl = https://github.com/acme/web # first\nurl = https://github.com/acme/mirror\npushurl = https://github.com/acme/third\r\n",
            "gh/acme/web",
        ),
        (
            "[url \"git@github.com:\"]\ninsteadOf = x\n[remote \"a \\\"b\"]\nurl = ssh://git@github.com/acme/web\n",
            "gh/acme/web",
        ),
    ] {
        let folder = checkout(config);
        assert_eq!(of(folder.path()).unwrap(), slug, "{config}");
    }
}

#[test]
fn a_folder_within_is_in_it() {
    let folder = checkout(ORIGIN);
    let within = folder.path().join("src/deep");
    fs::create_dir_all(&within).unwrap();
    assert_eq!(of(&within).unwrap(), "gh/acme/web");
}

#[test]
fn worktrees_and_submodules_say_where_they_belong() {
    let main = checkout(ORIGIN);
    let git = main.path().join(".git");

    let tree = tempfile::tempdir().unwrap();
    let link = git.join("worktrees/feature");
    fs::create_dir_all(&link).unwrap();
    fs::write(link.join("commondir"), "../..\n").unwrap();
    let gitdir = format!("gitdir: {}\n", link.display());
    fs::write(tree.path().join(".git"), gitdir).unwrap();
    assert_eq!(of(tree.path()).unwrap(), "gh/acme/web");

    let module = main.path().join("vendor/lib");
    fs::create_dir_all(&module).unwrap();
    fs::create_dir_all(git.join("modules/lib")).unwrap();
    fs::write(module.join(".git"), "gitdir: ../../.git/modules/lib\n").unwrap();
    let config = "[remote \"origin\"]\nurl = https://github.com/acme/lib\n";
    fs::write(git.join("modules/lib/config"), config).unwrap();
    assert_eq!(of(&module).unwrap(), "gh/acme/lib");
}

#[test]
fn what_leads_nowhere_says_why() {
    for (config, expected) in [
        ("", "the checkout has no remote"),
        (
            "[remote \"origin\"]\nfetch = x\n",
            "the checkout has no remote",
        ),
        (
            "[remote \"a\"]\nurl = https://github.com/a/a\n[remote \"b\"]\nurl = https://github.com/b/b\n",
            "the checkout has several remotes (a, b) and no origin",
        ),
    ] {
        let folder = checkout(config);
        assert_eq!(of(folder.path()).unwrap_err().to_string(), expected);
    }

    let folder =
        checkout("[remote \"origin\"]\nurl = https://jo:s3cr3t@git.example.com/acme/web\n");
    let error = of(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with("remote origin: "), "{error}");
    assert!(
        !format!("{error} {error:?}").contains("s3cr3t"),
        "{error:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let error = of(&missing).unwrap_err();
    assert!(
        matches!(&error, CheckoutError::Unreadable { path, .. } if *path == missing),
        "{error:?}"
    );
    fs::write(folder.path().join(".git"), "not git's").unwrap();
    let error = of(folder.path()).unwrap_err();
    assert!(matches!(error, CheckoutError::NotACheckout(_)), "{error:?}");
    // The checkout is a worktree of a repository that does not exist.
    fs::write(folder.path().join(".git"), "gitdir: /nowhere/at/all").unwrap();
    let error = of(folder.path()).unwrap_err();
    assert!(
        matches!(error, CheckoutError::Unreadable { .. }),
        "{error:?}"
    );
}
