//! Compares operations: reports those that are new or gone, and compares those that both documents have.

use super::{
    Contract, DEPRECATED,
    matching::{called, match_up, route, template},
};
use crate::{
    document::{METHODS, Operation, escape, operations},
    drift::verdict::Class,
};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Contract<'a> {
    pub fn operations(&mut self) {
        let (matched, gone, came) = match_up(operations(self.old), operations(self.new));
        for (operations, class, new, end) in [
            (gone, Class::Breaking, "", " is gone"),
            (came, Class::Additive, "new ", ""),
        ] {
            for operation in operations {
                let (route, name) = (route(&operation), called(&operation));
                let text = format!("{new}operation {route} ({name}){end}");
                self.note(class, text, operation.pointer(), &name);
            }
        }
        for (old, new) in matched {
            self.operation(&old, &new);
        }
        // This compares the other keys of the path items. The parameters of a path item apply to all its operations, and are
        // compared with them.
        for (path, item) in self.new["paths"].as_object().into_iter().flatten() {
            let at = format!("/paths/{}", escape(path));
            if let Some(before) = self.old["paths"].get(path) {
                let known: Vec<&str> = METHODS.into_iter().chain(["parameters"]).collect();
                self.other_keys(path, &at, before, item, &known);
            }
        }
    }

    fn operation(&mut self, old: &Operation<'a>, new: &Operation<'a>) {
        let (name, at) = (called(new), new.pointer());
        if old.id() != new.id() {
            let (old, id) = (old.id(), new.id());
            let text = format!("{}: operationId is {id}, was {old}", route(new));
            self.note(Class::Breaking, text, format!("{at}/operationId"), &name);
        }
        self.path(&name, old, new);
        self.flags(
            &[DEPRECATED],
            &name,
            (old.value, new.value),
            &format!("{at}/deprecated"),
            &name,
        );
        let ((old_shape, old_names), (new_shape, new_names)) =
            (template(old.path), template(new.path));
        let renamed: BTreeMap<&str, &str> = match old_shape == new_shape {
            true => old_names.into_iter().zip(new_names).collect(),
            false => BTreeMap::new(),
        };
        self.parameters(&name, old, new, &renamed);
        self.body(&name, old, new);
        self.responses(&name, old, new);
        self.requirements(&at, &old.value["security"], &new.value["security"], &name);
        self.servers(&at, &old.value["servers"], &new.value["servers"], &name);
        let known = [
            "operationId",
            "deprecated",
            "parameters",
            "requestBody",
            "responses",
            "security",
            "servers",
        ];
        self.other_keys(&name, &at, old.value, new.value, &known);
    }

    /// Compares the method, the path, and the names of the parameters in the path.
    fn path(&mut self, name: &str, old: &Operation<'a>, new: &Operation<'a>) {
        let ((old_shape, old_names), (new_shape, new_names)) =
            (template(old.path), template(new.path));
        if old_shape != new_shape || old.method != new.method {
            let text = format!("{name} is {}, was {}", route(new), route(old));
            return self.note(Class::Breaking, text, new.pointer(), name);
        }
        if old_names == new_names {
            return;
        }
        let swapped =
            old_names.iter().collect::<BTreeSet<_>>() == new_names.iter().collect::<BTreeSet<_>>();
        let (class, what) = match swapped {
            true => (Class::Breaking, "have changed places"),
            false => (Class::Docs, "have other names"),
        };
        let (before, after) = (old_names.join(", "), new_names.join(", "));
        let text = format!(
            "{}: path parameters {what}: {after}, were {before}",
            route(new)
        );
        self.note(class, text, new.pointer(), name);
    }
}
