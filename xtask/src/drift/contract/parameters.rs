//! Compares the parameters of operations.

use super::{ALLOW_EMPTY, Contract, DEPRECATED, REQUIRED, said};
use crate::{
    document::{Operation, escape, located},
    drift::{schema::Way, verdict::Class},
};
use serde_json::Value;
use std::collections::BTreeMap;

impl<'a> Contract<'a> {
    pub fn parameters(
        &mut self,
        name: &str,
        old: &Operation<'a>,
        new: &Operation<'a>,
        renamed: &BTreeMap<&str, &str>,
    ) {
        let rename = |(place, parameter): (String, String)| {
            let new = renamed.get(parameter.as_str()).filter(|_| place == "path");
            let parameter = new.map_or(parameter.clone(), |new| (*new).to_owned());
            (place, parameter)
        };
        let before: BTreeMap<(String, String), (String, &Value)> = parameters(self.old, old)
            .into_iter()
            .map(|(key, at)| (rename(key), at))
            .collect();
        let after = parameters(self.new, new);
        for (key, (at, parameter)) in &after {
            let what = format!("{} parameter `{}`", key.0, key.1);
            match before.get(key) {
                Some((old_at, old)) => {
                    self.parameter(name, &what, (old_at, old), (at, parameter));
                }
                None if parameter["required"] == true => {
                    self.note(Class::Breaking, format!("new required {what}"), at, name)
                }
                None => self.note(Class::Additive, format!("new {what}"), at, name),
            }
        }
        for (key, (at, _)) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            let text = format!("{} parameter `{}` is gone", key.0, key.1);
            self.note(Class::Breaking, text, at, name);
        }
    }

    fn parameter(
        &mut self,
        name: &str,
        what: &str,
        (old_at, old): (&str, &'a Value),
        (at, new): (&str, &'a Value),
    ) {
        let flags = [REQUIRED, DEPRECATED, ALLOW_EMPTY];
        self.flags(&flags, what, (old, new), at, name);
        for key in ["style", "explode", "allowReserved"] {
            if old[key] != new[key] {
                let (before, after) = (said(old.get(key)), said(new.get(key)));
                let text =
                    format!("{what} is written in another way: {key} is {after}, was {before}");
                self.note(Class::Breaking, text, at, name);
            }
        }
        match (old.get("schema"), new.get("schema")) {
            (Some(old), Some(new)) => self.schemas.compare(
                name,
                Way::Request,
                (format!("{old_at}/schema"), old),
                (format!("{at}/schema"), new),
            ),
            (old, new) if old != new => {
                let text = format!("{what} gained or lost a schema");
                self.note(Class::Review, text, at, name);
            }
            _ => {}
        }
        let known = [
            "name",
            "in",
            "required",
            "deprecated",
            "style",
            "explode",
            "allowReserved",
            "allowEmptyValue",
            "schema",
        ];
        self.other_keys(&format!("{name}, {what}"), at, old, new, &known);
    }
}

/// Returns the parameters of an operation and of its path. The key is (`in`, `name`), and the value is the parameter with its
/// JSON pointer.
fn parameters<'a>(
    document: &'a Value,
    operation: &Operation<'a>,
) -> BTreeMap<(String, String), (String, &'a Value)> {
    let mut found = BTreeMap::new();
    let item = format!("/paths/{}", escape(operation.path));
    for (at, list) in [
        (item, &document["paths"][operation.path]["parameters"]),
        (operation.pointer(), &operation.value["parameters"]),
    ] {
        for (index, parameter) in list.as_array().into_iter().flatten().enumerate() {
            let (at, parameter) = located(document, format!("{at}/parameters/{index}"), parameter);
            let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
            found.insert((text("in"), text("name")), (at, parameter));
        }
    }
    found
}
