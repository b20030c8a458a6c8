//! Uses the input as a slug, as an argument of a call, and as the git configuration of a checkout. If a text is accepted as a
//! slug, the slug must be equal after it is written and parsed again. An argument must not change any other part of the
//! request path.

use std::fs;

use circleci_api::{OrgSlug, ProjectSlug};
use tempfile::TempDir;

use super::stage::Stage;
use crate::server::answer;

thread_local! {
    static STAGE: (Stage, TempDir) = {
        let checkout = tempfile::tempdir().expect("a folder");
        fs::create_dir(checkout.path().join(".git")).expect("a folder");
        (Stage::new(), checkout)
    };
}

pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(slug) = text.parse::<ProjectSlug>() {
        assert_eq!(slug.to_string().parse().ok(), Some(slug.clone()));
        let parts = [slug.provider(), slug.organization(), slug.project()];
        assert_eq!(parts.join("/"), slug.as_str());
        assert!(slug.as_str().starts_with(slug.org_slug().as_str()));
    }
    if let Ok(slug) = text.parse::<OrgSlug>() {
        assert_eq!(slug.to_string().parse().ok(), Some(slug.clone()));
    }
    STAGE.with(|(stage, checkout)| {
        // The server answers with the path of the request as the body.
        stage.play(|seen| Some(answer(404, seen.target.as_bytes())));
        let sent = stage.client.get_env_var(text.to_string(), "NAME").send();
        let error = stage.run(sent).expect_err("nothing is there");
        super::assert_presentable(&error);
        if let Some(target) = error.body_excerpt().filter(|_| error.status().is_some()) {
            let slug = target
                .strip_prefix("/api/v2/project/")
                .and_then(|rest| rest.strip_suffix("/envvar/NAME"));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            assert!(
                target.len() >= 4096
                    || slug.is_some_and(|slug| slug.split('/').count() <= 3
                        && slug.bytes().all(|byte| plain(byte) || byte == b'/')),
                "{text:?} is sent as {target}"
            );
        }
        fs::write(checkout.path().join(".git/config"), bytes).expect("a file");
        if let Err(error) = ProjectSlug::of_checkout(checkout.path()) {
            drop(error.to_string());
        }
    });
}
