//! The client sends the parts of a slug as segments of the path. Prism takes a parameter of the document as one segment, so that
//! the slashes within a slug are escaped for it.

use std::collections::BTreeSet;

use serde_json::Value;

/// The path templates of a document, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Templates(Vec<Vec<String>>);

impl Templates {
    pub fn of(document: &Value) -> Self {
        let operations = xtask::document::operations(document);
        let paths: BTreeSet<&str> = operations.iter().map(|operation| operation.path).collect();
        let parts = |path: &str| path.split('/').map(str::to_owned).collect();
        Self(paths.into_iter().map(parts).collect())
    }

    /// The path as the document has it: `/project/gh%2Facme%2Fweb/pipeline` for `/project/gh/acme/web/pipeline`.
    pub fn joined(&self, path: &str) -> String {
        let sent: Vec<&str> = path.split('/').collect();
        // Where several templates fit, the one with the most segments spells out the most.
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

/// The segments of a path by the template's own, or `None` if it is another path.
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
