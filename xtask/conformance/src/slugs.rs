//! Joins the parts of a slug into one segment. The client sends each part as a path segment of its own, but Prism reads a
//! parameter from a single segment. The slashes in the slug must therefore be escaped.

use std::collections::BTreeSet;

use serde_json::Value;

/// The path templates of a document, split into segments.
#[derive(Clone, Debug, Default)]
pub struct Templates(Vec<Vec<String>>);

impl Templates {
    pub fn of(document: &Value) -> Self {
        let operations = xtask::document::operations(document);
        let paths: BTreeSet<&str> = operations.iter().map(|operation| operation.path).collect();
        let parts = |path: &str| path.split('/').map(str::to_owned).collect();
        Self(paths.into_iter().map(parts).collect())
    }

    /// Returns the path with every slug as one segment: `/project/gh/acme/web/pipeline` becomes
    /// `/project/gh%2Facme%2Fweb/pipeline`.
    pub fn joined(&self, path: &str) -> String {
        let sent: Vec<&str> = path.split('/').collect();
        // If several templates match, the one with the most segments is the most specific.
        let fitting = self.0.iter().filter_map(|template| {
            let segments = fitted(template, &sent)?;
            Some((template.len(), segments))
        });
        match fitting.max_by_key(|(length, _)| *length) {
            Some((_, segments)) => segments.join("/"),
            None => path.to_owned(),
        }
    }
}

/// Splits a path into the segments of the template. Returns `None` if the path does not match the template.
fn fitted(template: &[String], sent: &[&str]) -> Option<Vec<String>> {
    let Some((first, rest)) = template.split_first() else {
        return sent.is_empty().then(Vec::new);
    };
    let widths: &[usize] = match first.as_str() {
        "{project-slug}" => &[3, 1],
        "{org-slug}" => &[2],
        "{org-slug-or-id}" => &[2, 1],
        _ => &[1],
    };
    widths.iter().find_map(|width| {
        let (mine, others) = sent.split_at_checked(*width)?;
        if !first.starts_with('{') && mine != [first.as_str()] {
            return None;
        }
        let mut segments = vec![mine.join("%2F")];
        segments.extend(fitted(rest, others)?);
        Some(segments)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn slugs_are_joined_and_nothing_else() {
        let operation = |id: &str| json!({ "get": { "operationId": id, "responses": {} } });
        let document = json!({ "paths": {
            "/me": operation("a"),
            "/project/{project-slug}": operation("b"),
            "/project/{project-slug}/pipeline": operation("c"),
            "/project/{provider}/{organization}/{project}/pipeline/run": operation("d"),
            "/organization/{org-slug-or-id}/project": operation("e"),
        } });
        let templates = Templates::of(&document);
        for (sent, expected) in [
            ("/me", "/me"),
            ("/project/gh/a%20c/w", "/project/gh%2Fa%20c%2Fw"),
            (
                "/project/gh/acme/web/pipeline",
                "/project/gh%2Facme%2Fweb/pipeline",
            ),
            ("/project/7/pipeline", "/project/7/pipeline"),
            (
                "/project/gh/acme/web/pipeline/run",
                "/project/gh/acme/web/pipeline/run",
            ),
            (
                "/organization/gh/acme/project",
                "/organization/gh%2Facme/project",
            ),
            ("/organization/7/project", "/organization/7/project"),
            ("/unknown/gh/acme/web", "/unknown/gh/acme/web"),
        ] {
            assert_eq!(templates.joined(sent), expected);
        }
    }
}
