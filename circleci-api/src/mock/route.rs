//! Which operation a request is for.

use http::Method;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::generated::replies::REPLIES;
use crate::operation::{Example, Operation, ParamKind};

/// The path's parameters by name.
type Params = Vec<(&'static str, String)>;

#[cfg(feature = "v1")]
const OTHERS: &[Example] = &[Example {
    operation: crate::v1::GetJobSteps::OPERATION,
    status: 200,
    queries: &[],
    body: r#"{"build_num":1,"status":"success","parallel":1,"steps":[{"name":"Checkout code","actions":[{"index":0,"step":1,"name":"Checkout code","type":"checkout","status":"success","exit_code":0,"has_output":false}]}]}"#,
}];
#[cfg(not(feature = "v1"))]
const OTHERS: &[Example] = &[];

/// The example of an operation.
pub(super) fn reply(operation: &Operation) -> Option<&'static Example> {
    let mut known = REPLIES.iter().chain(OTHERS);
    known.find(|reply| reply.operation.id == operation.id)
}

/// The operation of a method and a path, with its parameters decoded. Where several would do, the one that spells out more of
/// the path: `/user/me` before `/user/{id}`.
pub(super) fn find(method: &Method, path: &str) -> Option<(&'static Operation, Params)> {
    let segments: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let known = REPLIES.iter().chain(OTHERS).map(|reply| reply.operation);
    let known = known.filter(|operation| operation.method == *method);
    let matching = known.filter_map(|operation| {
        let template: Vec<&'static str> = match operation.path.strip_prefix("/../") {
            Some(beside) => beside.split('/').collect(),
            None => std::iter::once("v2")
                .chain(operation.path.trim_start_matches('/').split('/'))
                .collect(),
        };
        let mut params = Params::new();
        matches(operation, &template, &segments, &mut params).then_some((operation, params))
    });
    matching.max_by_key(|(operation, params)| {
        (
            operation.path.split('/').count() - params.len(),
            std::cmp::Reverse(params.len()),
        )
    })
}

fn matches(
    operation: &'static Operation,
    template: &[&'static str],
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
        return segments.first() == Some(first) && matches(operation, rest, &segments[1..], params);
    };
    let kind = operation
        .params
        .iter()
        .find(|param| param.name == name)
        .map_or(ParamKind::Text, |param| param.kind);
    // A slug that nobody has escaped takes as many segments as it has parts.
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
        params.push((name, value));
        let fits = admits(kind, &params[known].1) && matches(operation, rest, others, params);
        if !fits {
            params.truncate(known);
        }
        fits
    })
}

fn admits(kind: ParamKind, value: &str) -> bool {
    let parts = value.split('/').count();
    match kind {
        ParamKind::ProjectSlug => parts == 3,
        ParamKind::OrgSlug => parts == 2,
        ParamKind::OrgSlugOrId => parts == 2 || Uuid::try_parse(value).is_ok(),
        ParamKind::Uuid => Uuid::try_parse(value).is_ok(),
        ParamKind::Integer => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()),
        ParamKind::Text => !value.is_empty(),
    }
}

/// Whether a parameter is meant: `owner_slug` is as good as `owner-slug`.
pub(super) fn is_name(known: &str, name: &str) -> bool {
    let plain = |c: char| if c == '_' { '-' } else { c };
    known.chars().map(plain).eq(name.chars().map(plain))
}
