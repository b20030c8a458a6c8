//! Finds the operation of the document that a recorded response belongs to.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::recordings::Asked;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation of the document.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    pub id: &'a str,
    method: String,
    path: &'a str,
    responses: &'a Value,
}

/// Returns all operations of a document.
pub fn all(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let operation = &item[method];
            if let Some(id) = operation["operationId"].as_str() {
                operations.push(Operation {
                    id,
                    method: method.to_ascii_uppercase(),
                    path,
                    responses: &operation["responses"],
                });
            }
        }
    }
    operations
}

/// Returns the operation that a recording names or requests. Returns `None` if the document does not have it.
pub fn find<'o, 'a>(operations: &'o [Operation<'a>], asked: &Asked) -> Option<&'o Operation<'a>> {
    match asked {
        Asked::Operation(id) => operations.iter().find(|operation| operation.id == id),
        Asked::Request(method, url) => {
            let path = path_of(url)?;
            // Of several templates that match, the one with the fewest parameters is the most specific.
            operations
                .iter()
                .filter(|operation| operation.method == *method)
                .filter(|operation| fits(operation.path, &path))
                .min_by_key(|operation| operation.path.matches('{').count())
        }
    }
}

impl<'a> Operation<'a> {
    /// Returns the schema of the response with this status, and the place of the schema in the document. If the status is
    /// unknown or has no schema, returns the schema of the first success response that has one.
    pub fn schema(&self, status: Option<u16>) -> Option<(Vec<String>, &'a Value)> {
        let responses = self.responses.as_object()?;
        let wanted = status.map(|status| status.to_string());
        let exact = responses
            .iter()
            .find(|(name, _)| Some(*name) == wanted.as_ref());
        let successes = responses.iter().filter(|(name, _)| name.starts_with('2'));
        exact
            .into_iter()
            .chain(successes)
            .find_map(|(name, response)| {
                let schema = response.pointer("/content/application~1json/schema")?;
                let method = self.method.to_ascii_lowercase();
                let place = [
                    "paths",
                    self.path,
                    &method,
                    "responses",
                    name,
                    "content",
                    "application/json",
                    "schema",
                ];
                Some((place.map(str::to_owned).to_vec(), schema))
            })
    }
}

/// Returns the path segments after `/api/v2`, still percent-encoded. Returns `None` for a URL outside API v2.
fn path_of(url: &str) -> Option<Vec<&str>> {
    let bare = url.split(['?', '#']).next().unwrap_or(url);
    let (_, path) = bare.split_once("/api/v2/")?;
    Some(path.trim_end_matches('/').split('/').collect())
}

/// Checks whether a path matches a template. A project slug has three parts, and the slashes between them may be escaped.
fn fits(template: &str, path: &[&str]) -> bool {
    let segments: Vec<&str> = template.trim_matches('/').split('/').collect();
    matches(&segments, path)
}

fn matches(template: &[&str], path: &[&str]) -> bool {
    let Some((first, rest)) = template.split_first() else {
        return path.is_empty();
    };
    let Some((segment, left)) = path.split_first() else {
        return false;
    };
    if !first.starts_with('{') {
        let literal = percent_decode_str(segment).decode_utf8_lossy();
        return literal == *first && matches(rest, left);
    }
    if segment.is_empty() {
        return false;
    }
    let slug = first.contains("slug") && path.len() >= 3;
    matches(rest, left) || (slug && matches(rest, &path[3..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_template() {
        let slug = "/project/{project-slug}/pipeline";
        for path in [
            "project/gh/acme/web/pipeline",
            "project/gh%2Facme%2Fweb/pipeline",
        ] {
            let path: Vec<&str> = path.split('/').collect();
            assert!(fits(slug, &path));
            assert!(!fits("/project/{project-slug}", &path));
        }
        assert_eq!(
            path_of("https://circleci.com/api/v2/me?x=/y"),
            Some(vec!["me"])
        );
        assert_eq!(path_of("https://circleci.com/api/v1.1/me"), None);
    }
}
