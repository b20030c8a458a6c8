//! Finds the operation that a request calls.

use http::Method;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::generated::replies::REPLIES;
use crate::operation::{Example, Operation, ParamKind};

/// The names and the values of path parameters.
pub(super) type Params = Vec<(String, String)>;

#[cfg(feature = "v1")]
const OTHERS: &[Example] = &[Example {
    operation: crate::v1::GetJobSteps::OPERATION,
    status: 200,
    statuses: &[],
    queries: &[],
    body: BUILD,
    nulls: "null",
    request: "null",
}];

/// An example of a build in API version 1.1. The example includes what clients read: the job's name, and whether each action
/// failed.
#[cfg(feature = "v1")]
const BUILD: &str = r#"{"build_num":"⟦build_num=1⟧","build_url":"https://circleci.com/⟦project-slug⟧/⟦build_num=1⟧","status":"success","lifecycle":"finished","outcome":"success","branch":"main","parallel":1,"workflows":{"job_name":"build","workflow_name":"build-and-test"},"steps":[{"name":"Checkout code","actions":[{"index":0,"step":101,"name":"Checkout code","type":"checkout","status":"success","failed":null,"exit_code":0,"start_time":"2026-01-02T03:04:11.700Z","end_time":"2026-01-02T03:04:12.900Z","run_time_millis":1200,"background":false,"has_output":false,"truncated":false,"canceled":null,"timedout":null}]}]}"#;
#[cfg(not(feature = "v1"))]
const OTHERS: &[Example] = &[];

/// Returns the operation's example, from which the mock makes its default answers.
pub(super) fn reply(operation: &Operation) -> Option<&'static Example> {
    let mut known = REPLIES.iter().chain(OTHERS);
    known.find(|reply| reply.operation.id == operation.id)
}

/// Returns the operation that matches a method and a path, and the decoded path parameters. If several operations match, the one
/// with the most literal segments wins: for example, `/user/me` wins over `/user/{id}`.
pub(super) fn find(method: &Method, path: &str) -> Option<(&'static Operation, Params)> {
    let segments: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let known = REPLIES.iter().chain(OTHERS).map(|reply| reply.operation);
    // Most operations are ruled out by their first segment or by the number of segments, without splitting their path.
    let known = known.filter(|operation| {
        let mut parts = operation.path.split('/').skip(1);
        let first = parts.next().filter(|first| !first.starts_with('{'));
        operation.method == *method
            && (first.is_none() || first == segments.get(1).copied())
            && segments.len() >= parts.count() + 2
    });
    let matching = known.filter_map(|operation| {
        let root = operation.root.trim_start_matches("/api/");
        let template: Vec<&'static str> = std::iter::once(root)
            .chain(operation.path.trim_start_matches('/').split('/'))
            .collect();
        let mut params = Params::new();
        let kind = |name: &str| {
            let param = operation.params.iter().find(|param| param.name == name);
            param.map_or(ParamKind::Text, |param| param.kind)
        };
        matches(&kind, &template, &segments, &mut params).then_some((operation, params))
    });
    matching.max_by_key(|(operation, params)| {
        (
            operation.path.split('/').count() - params.len(),
            std::cmp::Reverse(params.len()),
        )
    })
}

/// Matches a path against a template and returns the path parameters. The template is relative to `/api/v2`, unless it begins
/// with `/api/`. `{project-slug}` matches one segment or three, and `{org-slug}` matches one or two.
pub(super) fn params(template: &str, path: &str) -> Option<Params> {
    let template = match template.strip_prefix("/api/") {
        Some(rest) => rest.to_owned(),
        None => format!("v2/{}", template.trim_start_matches('/')),
    };
    let template: Vec<&str> = template.split('/').collect();
    let segments: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let kind = |name: &str| match name.replace('_', "-").as_str() {
        "project-slug" => ParamKind::ProjectSlug,
        "org-slug" => ParamKind::OrgSlug,
        "org-slug-or-id" => ParamKind::OrgSlugOrId,
        _ => ParamKind::Text,
    };
    let mut params = Params::new();
    matches(&kind, &template, &segments, &mut params).then_some(params)
}

/// Returns the names of the parameters in a template.
pub(super) fn names(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn matches(
    kind_of: &dyn Fn(&str) -> ParamKind,
    template: &[&str],
    segments: &[&str],
    params: &mut Params,
) -> bool {
    let Some((first, rest)) = template.split_first() else {
        return segments.is_empty();
    };
    let Some(name) = first
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
    else {
        return segments.first() == Some(first) && matches(kind_of, rest, &segments[1..], params);
    };
    let kind = kind_of(name);
    // A slug whose slashes are not escaped takes up one path segment for each of its parts.
    let widths: &[usize] = match kind {
        ParamKind::ProjectSlug => &[1, 3],
        ParamKind::OrgSlug | ParamKind::OrgSlugOrId => &[1, 2],
        _ => &[1],
    };
    widths.iter().any(|width| {
        let Some((mine, others)) = segments.split_at_checked(*width) else {
            return false;
        };
        let value = mine
            .iter()
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
            .collect::<Vec<_>>()
            .join("/");
        let known = params.len();
        let fits = admits(kind, &value);
        params.push((name.to_owned(), value));
        let fits = fits && matches(kind_of, rest, others, params);
        if !fits {
            params.truncate(known);
        }
        fits
    })
}

fn admits(kind: ParamKind, value: &str) -> bool {
    let parts = value.split('/').count();
    match kind {
        // CircleCI also accepts the project's id in place of its slug.
        ParamKind::ProjectSlug => parts == 3 || Uuid::try_parse(value).is_ok(),
        ParamKind::OrgSlug => parts == 2,
        ParamKind::OrgSlugOrId => parts == 2 || Uuid::try_parse(value).is_ok(),
        ParamKind::Uuid => Uuid::try_parse(value).is_ok(),
        ParamKind::Integer => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()),
        ParamKind::Text => !value.is_empty(),
    }
}

/// Checks whether two parameter names are equal. `-` and `_` count as the same character.
pub(super) fn is_name(known: &str, name: &str) -> bool {
    let plain = |c: char| if c == '_' { '-' } else { c };
    known.chars().map(plain).eq(name.chars().map(plain))
}
