//! Checks that there are objects and lists wherever later steps expect them, and that paths are well formed.

use super::Check;
use crate::document::{METHODS, escape};
use serde_json::Value;
use std::collections::BTreeSet;

impl<'a> Check<'a> {
    /// Checks that there are objects and lists wherever later steps expect them.
    pub fn skeleton(&mut self) {
        for section in ["schemas", "responses", "parameters", "requestBodies"] {
            let Some(components) = self
                .optional_object("/components", self.document.get("components"))
                .and_then(|map| map.get(section))
            else {
                continue;
            };
            let at = format!("/components/{section}");
            for (name, component) in self.object(&at, components).into_iter().flatten() {
                if !name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
                {
                    self.report(
                        format!("{at}/{}", escape(name)),
                        "the name of a component may only hold letters, digits, `.`, `-` and `_`",
                    );
                }
                self.object(&format!("{at}/{}", escape(name)), component);
            }
        }
        for (path, item) in self
            .optional_object("/paths", self.document.get("paths"))
            .into_iter()
            .flatten()
        {
            let at = format!("/paths/{}", escape(path));
            let Some(item) = self.object(&at, item) else {
                continue;
            };
            if item.contains_key("$ref") {
                self.report(&at, "a path that refers to another place is not supported");
            }
            self.template(&at, path);
            self.parameter_list(format!("{at}/parameters"), item.get("parameters"));
            for (method, operation) in item
                .iter()
                .filter(|(method, _)| METHODS.contains(&method.as_str()))
            {
                let at = format!("{at}/{method}");
                let Some(operation) = self.object(&at, operation) else {
                    continue;
                };
                self.parameter_list(format!("{at}/parameters"), operation.get("parameters"));
                self.optional_object(&format!("{at}/requestBody"), operation.get("requestBody"));
                let at = format!("{at}/responses");
                for (status, response) in self
                    .optional_object(&at, operation.get("responses"))
                    .into_iter()
                    .flatten()
                {
                    self.object(&format!("{at}/{}", escape(status)), response);
                }
            }
        }
    }

    fn parameter_list(&mut self, pointer: String, list: Option<&'a Value>) {
        let Some(list) = list else { return };
        let Some(list) = list.as_array() else {
            return self.report(pointer, "is not a list");
        };
        for (index, parameter) in list.iter().enumerate() {
            self.object(&format!("{pointer}/{index}"), parameter);
        }
    }

    /// Checks that a path consists only of text and placeholders such as `{id}`.
    fn template(&mut self, at: &str, path: &str) {
        if !path.starts_with('/') {
            self.report(at, "a path must start with a slash");
        }
        if path.chars().any(char::is_control) {
            self.report(at, "holds a control character");
        }
        let mut open: Option<String> = None;
        let mut names = BTreeSet::new();
        for c in path.chars() {
            open = match (c, open) {
                ('{', None) => Some(String::new()),
                ('}', Some(name)) => {
                    if name.is_empty() || !names.insert(name.clone()) {
                        self.report(
                            at,
                            format!(
                                "the path names {{{name}}} twice, or a parameter without a name"
                            ),
                        );
                    }
                    None
                }
                ('{' | '/', Some(_)) | ('}', None) => {
                    return self.report(at, "the braces of the path do not match");
                }
                (c, Some(name)) => Some(format!("{name}{c}")),
                (_, None) => None,
            };
        }
        if open.is_some() {
            self.report(at, "the braces of the path do not match");
        }
    }
}
