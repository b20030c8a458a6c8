//! Where a browser shows it.

use reqwest::Url;
use uuid::Uuid;

use crate::client::Client;
use crate::values::slug::ProjectSlug;

/// `https://app.circleci.com/pipelines/github/acme/web/512/workflows/<id>/jobs/1843`; of another host the same path.
pub(super) fn url(
    client: &Client,
    slug: Option<&str>,
    pipeline: Option<i64>,
    workflow: Option<Uuid>,
    job: Option<i64>,
) -> Option<String> {
    let slug: ProjectSlug = slug?.parse().ok()?;
    let base = client.base_url().trim_end_matches("/api/v2");
    let base = match base {
        "https://circleci.com" => "https://app.circleci.com",
        other => other,
    };
    let mut url = Url::parse(base).ok()?;
    let provider = match slug.provider() {
        "gh" => "github",
        "bb" => "bitbucket",
        other => other,
    };
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty();
    path.extend(["pipelines", provider, slug.organization(), slug.project()]);
    path.extend([
        &*pipeline?.to_string(),
        "workflows",
        &*workflow?.to_string(),
    ]);
    if let Some(job) = job {
        path.extend(["jobs", &*job.to_string()]);
    }
    drop(path);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spelled_as_the_web_app_spells_it() {
        let client = |host: &str| Client::builder().token("t").host(host).build().unwrap();
        let id = Uuid::nil();
        let cloud = client("circleci.com");
        let circleci = "circleci/9Yyt/44n9";
        for (client, slug, job, expected) in [
            (
                &cloud,
                "gh/acme/web",
                Some(1843),
                "https://app.circleci.com/pipelines/github/acme/web/512/workflows/00000000-0000-0000-0000-000000000000/jobs/1843",
            ),
            (
                &cloud,
                circleci,
                None,
                "https://app.circleci.com/pipelines/circleci/9Yyt/44n9/512/workflows/00000000-0000-0000-0000-000000000000",
            ),
            (
                &client("https://ci.example.com/api/v2"),
                "bb/acme/a b",
                None,
                "https://ci.example.com/pipelines/bitbucket/acme/a%20b/512/workflows/00000000-0000-0000-0000-000000000000",
            ),
        ] {
            let url = url(client, Some(slug), Some(512), Some(id), job);
            assert_eq!(url.as_deref(), Some(expected));
        }
        assert_eq!(url(&cloud, None, Some(512), Some(id), None), None);
        assert_eq!(url(&cloud, Some("web"), Some(512), Some(id), None), None);
        assert_eq!(url(&cloud, Some("gh/acme/web"), None, Some(id), None), None);
    }
}
