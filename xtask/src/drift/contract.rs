//! How two documents differ as contracts: operations, parameters, bodies, statuses, media types, security, servers.

use super::{
    report::{Change, merge},
    schema::{Schemas, Way, is_docs, short},
    verdict::Class,
};
use crate::document::{self, METHODS, Operation, escape, is_success, located, operations};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every difference, the worst first.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut contract = Contract {
        old,
        new,
        schemas: Schemas::new(old, new),
        changes: Vec::new(),
    };
    contract.operations();
    contract.security_schemes();
    contract.requirements("", &old["security"], &new["security"], "every operation");
    contract.servers("", &old["servers"], &new["servers"], "every operation");
    contract.other_keys(
        "the document",
        "",
        old,
        new,
        &[
            "openapi",
            "info",
            "paths",
            "components",
            "security",
            "servers",
        ],
    );
    contract.components();
    contract.docs();
    let Contract {
        schemas,
        mut changes,
        ..
    } = contract;
    changes.extend(schemas.changes());
    if changes.is_empty() {
        changes.push(Change::new(Class::Docs, "layout: what was written out is referred to, or the other way round, or stands in another order"));
    }
    merge(changes)
}

/// What tells a parameter from its neighbours.
fn parameter_key(parameter: &Value) -> Option<String> {
    let text = |key: &str| parameter[key].as_str();
    text("$ref")
        .map(str::to_owned)
        .or_else(|| Some(format!("{} {}", text("in")?, text("name")?)))
}

/// A path with its parameters' names left out, and their names.
fn template(path: &str) -> (String, Vec<&str>) {
    let (mut shape, mut names, mut rest) = (String::new(), Vec::new(), path);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        shape.push_str(before);
        shape.push_str("{}");
        names.push(name);
        rest = after;
    }
    shape.push_str(rest);
    (shape, names)
}

/// `GET /thing/{id}`.
pub fn route(operation: &Operation<'_>) -> String {
    format!("{} {}", operation.method.to_uppercase(), operation.path)
}

/// The operationId, or the route of an operation that has none.
fn called(operation: &Operation<'_>) -> String {
    match operation.id() {
        "" => route(operation),
        id => id.to_owned(),
    }
}

type Matched<'a> = (Operation<'a>, Operation<'a>);

/// Which operation became which: by method and path, then by the path without its parameters' names, then by operationId.
fn match_up<'a>(
    old: Vec<Operation<'a>>,
    new: Vec<Operation<'a>>,
) -> (Vec<Matched<'a>>, Vec<Operation<'a>>, Vec<Operation<'a>>) {
    let (mut matched, mut gone, mut came) = (Vec::new(), old, new);
    let keys: [fn(&Operation<'_>) -> Option<String>; 3] = [
        |operation| Some(route(operation)),
        |operation| {
            Some(format!(
                "{} {}",
                operation.method,
                template(operation.path).0
            ))
        },
        |operation| Some(operation.id().to_owned()).filter(|id| !id.is_empty()),
    ];
    for key in keys {
        let mut left: BTreeMap<String, Operation<'a>> = BTreeMap::new();
        let mut others = Vec::new();
        for operation in came {
            match key(&operation) {
                Some(key) if !left.contains_key(&key) => drop(left.insert(key, operation)),
                _ => others.push(operation),
            }
        }
        gone.retain(
            |operation| match key(operation).and_then(|key| left.remove(&key)) {
                Some(partner) => {
                    matched.push((*operation, partner));
                    false
                }
                None => true,
            },
        );
        others.extend(left.into_values());
        came = others;
    }
    (matched, gone, came)
}

struct Contract<'a> {
    old: &'a Value,
    new: &'a Value,
    schemas: Schemas<'a>,
    changes: Vec<Change>,
}

impl<'a> Contract<'a> {
    fn note(&mut self, class: Class, text: String, pointer: impl Into<String>, touched: &str) {
        let mut change = Change::new(class, text);
        change.places.insert(pointer.into());
        change.touches.insert(touched.to_owned());
        self.changes.push(change);
    }

    /// Whatever else two objects hold: nobody here can say what it means.
    fn other_keys(&mut self, what: &str, pointer: &str, old: &Value, new: &Value, known: &[&str]) {
        let keys = |value: &'_ Value| {
            value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.clone())
                .collect::<Vec<_>>()
        };
        let keys: BTreeSet<String> = keys(old).into_iter().chain(keys(new)).collect();
        for key in keys
            .iter()
            .filter(|key| !known.contains(&key.as_str()) && !is_docs(key))
        {
            let (before, after) = (old.get(key), new.get(key));
            if before != after {
                self.note(
                    Class::Review,
                    format!("{what}: `{key}` is {}, was {}", said(after), said(before)),
                    format!("{pointer}/{}", escape(key)),
                    what,
                );
            }
        }
    }

    // ---- operations ------------------------------------------------------------------------------------------------

    fn operations(&mut self) {
        let (matched, gone, came) = match_up(operations(self.old), operations(self.new));
        for operation in gone {
            self.note(
                Class::Breaking,
                format!(
                    "operation {} ({}) is gone",
                    route(&operation),
                    called(&operation)
                ),
                operation.pointer(),
                &called(&operation),
            );
        }
        for operation in came {
            self.note(
                Class::Additive,
                format!(
                    "new operation {} ({})",
                    route(&operation),
                    called(&operation)
                ),
                operation.pointer(),
                &called(&operation),
            );
        }
        for (old, new) in matched {
            self.operation(&old, &new);
        }
        // What a path says for all its operations is looked at with each of them.
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
            self.note(
                Class::Breaking,
                format!(
                    "{}: operationId is {}, was {}",
                    route(new),
                    new.id(),
                    old.id()
                ),
                format!("{at}/operationId"),
                &name,
            );
        }
        let ((old_shape, old_names), (new_shape, new_names)) =
            (template(old.path), template(new.path));
        if old_shape != new_shape || old.method != new.method {
            self.note(
                Class::Breaking,
                format!("{name} is {}, was {}", route(new), route(old)),
                &at,
                &name,
            );
        } else if old_names != new_names {
            let swapped = old_names.iter().collect::<BTreeSet<_>>()
                == new_names.iter().collect::<BTreeSet<_>>();
            let class = if swapped {
                Class::Breaking
            } else {
                Class::Docs
            };
            let what = if swapped {
                "path parameters have changed places"
            } else {
                "path parameters have other names"
            };
            self.note(
                class,
                format!(
                    "{}: {what}: {}, were {}",
                    route(new),
                    new_names.join(", "),
                    old_names.join(", ")
                ),
                &at,
                &name,
            );
        }
        match (
            old.value["deprecated"] == true,
            new.value["deprecated"] == true,
        ) {
            (false, true) => self.note(
                Class::Additive,
                format!("{name} is deprecated"),
                format!("{at}/deprecated"),
                &name,
            ),
            (true, false) => self.note(
                Class::Additive,
                format!("{name} is deprecated no more"),
                format!("{at}/deprecated"),
                &name,
            ),
            _ => {}
        }
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

    // ---- parameters ------------------------------------------------------------------------------------------------

    fn parameters(
        &mut self,
        name: &str,
        old: &Operation<'a>,
        new: &Operation<'a>,
        renamed: &BTreeMap<&str, &str>,
    ) {
        let rename = |place: &str, parameter: &str| match place {
            "path" => renamed
                .get(parameter)
                .copied()
                .unwrap_or(parameter)
                .to_owned(),
            _ => parameter.to_owned(),
        };
        let before: BTreeMap<(String, String), (String, &Value)> = parameters(self.old, old)
            .into_iter()
            .map(|((place, parameter), at)| ((place.clone(), rename(&place, &parameter)), at))
            .collect();
        let after = parameters(self.new, new);
        for (key, (at, parameter)) in &after {
            let what = format!("{} parameter `{}`", key.0, key.1);
            let required = parameter["required"] == true;
            let Some((old_at, old_parameter)) = before.get(key) else {
                let (class, word) = if required {
                    (Class::Breaking, "new required")
                } else {
                    (Class::Additive, "new")
                };
                self.note(class, format!("{word} {what}"), at, name);
                continue;
            };
            match (old_parameter["required"] == true, required) {
                (false, true) => {
                    self.note(Class::Breaking, format!("{what} is required"), at, name)
                }
                (true, false) => self.note(
                    Class::Additive,
                    format!("{what} is no longer required"),
                    at,
                    name,
                ),
                _ => {}
            }
            match (
                old_parameter["deprecated"] == true,
                parameter["deprecated"] == true,
            ) {
                (false, true) => {
                    self.note(Class::Additive, format!("{what} is deprecated"), at, name)
                }
                (true, false) => self.note(
                    Class::Additive,
                    format!("{what} is deprecated no more"),
                    at,
                    name,
                ),
                _ => {}
            }
            match (
                old_parameter["allowEmptyValue"] == true,
                parameter["allowEmptyValue"] == true,
            ) {
                (false, true) => {
                    self.note(Class::Additive, format!("{what} may be empty"), at, name)
                }
                (true, false) => self.note(
                    Class::Breaking,
                    format!("{what} may not be empty any more"),
                    at,
                    name,
                ),
                _ => {}
            }
            for key in ["style", "explode", "allowReserved"] {
                if old_parameter[key] != parameter[key] {
                    let text = format!(
                        "{what} is written in another way: {key} is {}, was {}",
                        said(parameter.get(key)),
                        said(old_parameter.get(key))
                    );
                    self.note(Class::Breaking, text, at, name);
                }
            }
            match (old_parameter.get("schema"), parameter.get("schema")) {
                (Some(old), Some(new)) => self.schemas.compare(
                    name,
                    Way::Request,
                    (format!("{old_at}/schema"), old),
                    (format!("{at}/schema"), new),
                ),
                (old, new) if old != new => self.note(
                    Class::Review,
                    format!("{what} has a schema no more, or has one now"),
                    at,
                    name,
                ),
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
            self.other_keys(
                &format!("{name}, {what}"),
                at,
                old_parameter,
                parameter,
                &known,
            );
        }
        for (key, (at, _)) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            self.note(
                Class::Breaking,
                format!("{} parameter `{}` is gone", key.0, key.1),
                at,
                name,
            );
        }
    }

    // ---- bodies ----------------------------------------------------------------------------------------------------

    fn body(&mut self, name: &str, old: &Operation<'a>, new: &Operation<'a>) {
        let at = |operation: &Operation<'a>| format!("{}/requestBody", operation.pointer());
        match (old.value.get("requestBody"), new.value.get("requestBody")) {
            (Some(before), Some(after)) => {
                let (old_at, before) = located(self.old, at(old), before);
                let (new_at, after) = located(self.new, at(new), after);
                match (before["required"] == true, after["required"] == true) {
                    (false, true) => self.note(
                        Class::Breaking,
                        "the request body is required".into(),
                        &new_at,
                        name,
                    ),
                    (true, false) => self.note(
                        Class::Additive,
                        "the request body is no longer required".into(),
                        &new_at,
                        name,
                    ),
                    _ => {}
                }
                self.content(
                    name,
                    "request",
                    Way::Request,
                    (&old_at, before),
                    (&new_at, after),
                );
                self.other_keys(
                    &format!("{name}, request body"),
                    &new_at,
                    before,
                    after,
                    &["required", "content"],
                );
            }
            (None, Some(after)) => {
                let (new_at, after) = located(self.new, at(new), after);
                let (class, word) = if after["required"] == true {
                    (Class::Breaking, "required ")
                } else {
                    (Class::Additive, "")
                };
                self.note(
                    class,
                    format!("takes a {word}request body, took none"),
                    new_at,
                    name,
                );
            }
            (Some(_), None) => self.note(
                Class::Breaking,
                "takes no request body, took one".into(),
                at(old),
                name,
            ),
            (None, None) => {}
        }
    }

    fn responses(&mut self, name: &str, old: &Operation<'a>, new: &Operation<'a>) {
        let list = |operation: &Operation<'a>| {
            operation.value["responses"]
                .as_object()
                .into_iter()
                .flatten()
        };
        let named = |operation| {
            list(operation)
                .map(|(status, response)| (status.as_str(), response))
                .collect::<BTreeMap<&str, &'a Value>>()
        };
        let (before, after) = (named(old), named(new));
        let mut pairs: Vec<(&str, &str)> = before
            .keys()
            .filter(|status| after.contains_key(*status))
            .map(|status| (*status, *status))
            .collect();
        let mut gone: Vec<&str> = before
            .keys()
            .copied()
            .filter(|status| !after.contains_key(status))
            .collect();
        let mut came: Vec<&str> = after
            .keys()
            .copied()
            .filter(|status| !before.contains_key(status))
            .collect();
        // A success that only changed its number is still the same answer to us.
        let lone = |list: &[&'_ str]| list.iter().filter(|status| is_success(status)).count() == 1;
        if lone(&gone) && lone(&came) {
            let take = |list: &mut Vec<_>| {
                list.iter()
                    .position(|status: &&str| is_success(status))
                    .map(|index| list.remove(index))
            };
            if let (Some(one), Some(other)) = (take(&mut gone), take(&mut came)) {
                self.note(
                    Class::Additive,
                    format!("answers with {other}, was {one}"),
                    format!("{}/responses/{other}", new.pointer()),
                    name,
                );
                pairs.push((one, other));
            }
        }
        for status in gone {
            let class = if is_success(status) {
                Class::Breaking
            } else {
                Class::Additive
            };
            self.note(
                class,
                format!("status {status} is gone"),
                format!("{}/responses/{status}", old.pointer()),
                name,
            );
        }
        for status in came {
            // A second kind of success is one that today's code does not expect.
            let class = if is_success(status)
                && after[status]
                    .get("content")
                    .or(after[status].get("$ref"))
                    .is_some()
            {
                Class::Breaking
            } else {
                Class::Additive
            };
            self.note(
                class,
                format!("new status {status}"),
                format!("{}/responses/{status}", new.pointer()),
                name,
            );
        }
        for (one, other) in pairs {
            let way = if is_success(other) {
                Way::Answer
            } else {
                Way::Error
            };
            let (old_at, before) = located(
                self.old,
                format!("{}/responses/{one}", old.pointer()),
                before[one],
            );
            let (new_at, after) = located(
                self.new,
                format!("{}/responses/{other}", new.pointer()),
                after[other],
            );
            let kind = if way == Way::Answer {
                "answer"
            } else {
                "error"
            };
            self.content(name, kind, way, (&old_at, before), (&new_at, after));
            self.headers(name, &new_at, &before["headers"], &after["headers"]);
            self.other_keys(
                &format!("{name}, answer {other}"),
                &new_at,
                before,
                after,
                &["content", "headers"],
            );
        }
    }

    /// The crate reads a few headers by name, and none because the document says so.
    fn headers(&mut self, name: &str, at: &str, old: &Value, new: &Value) {
        let before = old
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .collect::<BTreeSet<_>>();
        let after = new
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .collect::<BTreeSet<_>>();
        for header in after.difference(&before) {
            self.note(
                Class::Additive,
                format!("answer has the new header `{header}`"),
                format!("{at}/headers/{}", escape(header)),
                name,
            );
        }
        for header in before.difference(&after) {
            self.note(
                Class::Additive,
                format!("answer has lost the header `{header}`"),
                format!("{at}/headers/{}", escape(header)),
                name,
            );
        }
    }

    fn content(
        &mut self,
        name: &str,
        what: &str,
        way: Way,
        (old_at, old): (&str, &'a Value),
        (new_at, new): (&str, &'a Value),
    ) {
        let media = |value: &'a Value| value["content"].as_object();
        let (before, after) = (media(old), media(new));
        let has = |list: Option<&Map<String, Value>>, kind: &str| {
            list.is_some_and(|list| list.contains_key(kind))
        };
        for (kind, media) in after.into_iter().flatten() {
            let at = format!("{new_at}/content/{}", escape(kind));
            let Some(old_media) = before.and_then(|list| list.get(kind)) else {
                let class = match (way, before.is_none_or(Map::is_empty)) {
                    // To something that had no body at all.
                    (Way::Request, true) => Class::Review,
                    _ => Class::Additive,
                };
                self.note(
                    class,
                    format!("{what} has the new media type {kind}"),
                    at,
                    name,
                );
                continue;
            };
            match (old_media.get("schema"), media.get("schema")) {
                (Some(old), Some(new)) => {
                    let old_pointer = format!("{old_at}/content/{}/schema", escape(kind));
                    self.schemas.compare(
                        name,
                        way,
                        (old_pointer, old),
                        (format!("{at}/schema"), new),
                    );
                }
                (old, new) if old != new => {
                    let class = if way == Way::Error {
                        Class::Additive
                    } else {
                        Class::Breaking
                    };
                    self.note(
                        class,
                        format!(
                            "{what} {} a schema",
                            if new.is_some() {
                                "now has"
                            } else {
                                "no longer has"
                            }
                        ),
                        &at,
                        name,
                    );
                }
                _ => {}
            }
            self.other_keys(
                &format!("{name}, {what}"),
                &at,
                old_media,
                media,
                &["schema"],
            );
        }
        for kind in before
            .into_iter()
            .flatten()
            .map(|(kind, _)| kind)
            .filter(|kind| !has(after, kind))
        {
            let class = if way == Way::Error {
                Class::Additive
            } else {
                Class::Breaking
            };
            self.note(
                class,
                format!("{what} has lost the media type {kind}"),
                format!("{old_at}/content/{}", escape(kind)),
                name,
            );
        }
    }

    // ---- security and servers --------------------------------------------------------------------------------------

    fn security_schemes(&mut self) {
        let at = "/components/securitySchemes";
        let empty = Map::new();
        let list = |document: &'a Value| document["components"]["securitySchemes"].as_object();
        let (before, after) = (
            list(self.old).unwrap_or(&empty),
            list(self.new).unwrap_or(&empty),
        );
        for (name, scheme) in after {
            let at = format!("{at}/{}", escape(name));
            let Some(old) = before.get(name) else {
                self.note(
                    Class::Additive,
                    format!("new security scheme `{name}`: {}", spell_scheme(scheme)),
                    at,
                    "every operation",
                );
                continue;
            };
            let bare = |scheme: &Value| {
                let said = scheme
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| !is_docs(key));
                said.map(|(key, value)| (key.clone(), value.clone()))
                    .collect::<BTreeMap<_, _>>()
            };
            if bare(old) != bare(scheme) {
                self.note(
                    Class::Breaking,
                    format!(
                        "security scheme `{name}` is {}, was {}",
                        spell_scheme(scheme),
                        spell_scheme(old)
                    ),
                    at,
                    "every operation",
                );
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.note(
                Class::Breaking,
                format!("security scheme `{name}` is gone"),
                format!("{at}/{}", escape(name)),
                "every operation",
            );
        }
    }

    fn requirements(&mut self, at: &str, old: &Value, new: &Value, name: &str) {
        // Each entry is one way to be let in; which comes first says nothing.
        let ways = |list: &Value| {
            list.as_array().map(|list| {
                list.iter()
                    .map(|way| document::sorted(way.clone()).to_string())
                    .collect::<BTreeSet<_>>()
            })
        };
        let at = format!("{at}/security");
        let (before, after) = match (ways(old), ways(new)) {
            (None, None) => return,
            (Some(before), Some(after)) => (before, after),
            (None, Some(after)) => {
                let list = if after.is_empty() {
                    "needs nothing".to_owned()
                } else {
                    after.into_iter().collect::<Vec<_>>().join(", ")
                };
                return self.note(
                    Class::Review,
                    format!("{name}: says by itself how to be let in: {list}"),
                    at,
                    name,
                );
            }
            (Some(_), None) => {
                return self.note(
                    Class::Review,
                    format!("{name}: no longer says by itself how to be let in"),
                    at,
                    name,
                );
            }
        };
        for way in after.difference(&before) {
            self.note(
                Class::Additive,
                format!("{name}: lets in with {way}"),
                at.clone(),
                name,
            );
        }
        for way in before.difference(&after) {
            self.note(
                Class::Breaking,
                format!("{name}: lets in with {way} no more"),
                at.clone(),
                name,
            );
        }
    }

    fn servers(&mut self, at: &str, old: &Value, new: &Value, name: &str) {
        let urls = |list: &Value| {
            list.as_array()
                .into_iter()
                .flatten()
                .filter_map(|server| server["url"].as_str())
                .map(str::to_owned)
                .collect::<BTreeSet<_>>()
        };
        let (before, after) = (urls(old), urls(new));
        for url in after.difference(&before) {
            self.note(
                Class::Additive,
                format!("{name}: new server {url}"),
                format!("{at}/servers"),
                name,
            );
        }
        for url in before.difference(&after) {
            self.note(
                Class::Breaking,
                format!("{name}: server {url} is gone"),
                format!("{at}/servers"),
                name,
            );
        }
    }

    // ---- the rest --------------------------------------------------------------------------------------------------

    /// Components by themselves are layout; what they hold is looked at wherever it is referred to.
    fn components(&mut self) {
        let (old, new) = (&self.old["components"], &self.new["components"]);
        let sections = [
            "schemas",
            "responses",
            "parameters",
            "requestBodies",
            "headers",
            "examples",
            "securitySchemes",
        ];
        for section in sections
            .into_iter()
            .filter(|section| *section != "securitySchemes")
        {
            let names = |value: &Value| {
                value[section]
                    .as_object()
                    .map(|map| map.keys().cloned().collect::<BTreeSet<_>>())
                    .unwrap_or_default()
            };
            let (before, after) = (names(old), names(new));
            for name in after.difference(&before) {
                self.layout(
                    format!("new component {section}/{name}"),
                    format!("/components/{section}/{}", escape(name)),
                );
            }
            for name in before.difference(&after) {
                self.layout(
                    format!("component {section}/{name} is gone"),
                    format!("/components/{section}/{}", escape(name)),
                );
            }
        }
        self.other_keys("the components", "/components", old, new, &sections);
    }

    fn layout(&mut self, text: String, pointer: String) {
        let mut change = Change::new(Class::Docs, text);
        change.places.insert(pointer);
        self.changes.push(change);
    }

    /// Words: counted by their kind, for there are many and none of them matters to a program.
    fn docs(&mut self) {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        words(self.old, self.new, "", false, &mut found);
        for (kind, places) in found {
            let text = format!(
                "{kind} changed in {} {}",
                places.len(),
                if places.len() == 1 { "place" } else { "places" }
            );
            let mut change = Change::new(Class::Docs, text);
            change.places = places;
            self.changes.push(change);
        }
    }
}

/// The parameters of an operation, its path's and its own, each with the place where it is described.
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

fn said(value: Option<&Value>) -> String {
    value.map_or_else(|| "not said".to_owned(), short)
}

fn spell_scheme(scheme: &Value) -> String {
    let said = ["type", "scheme", "in", "name"]
        .into_iter()
        .filter_map(|key| scheme[key].as_str());
    said.collect::<Vec<_>>().join(" ")
}

/// Collects the words that differ in places that both documents have. `names` says that keys here are names, not keywords.
fn words(
    old: &Value,
    new: &Value,
    pointer: &str,
    names: bool,
    found: &mut BTreeMap<String, BTreeSet<String>>,
) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let at = format!("{pointer}/{}", escape(key));
                let (one, other) = (before.get(key), after.get(key));
                let said = if pointer.is_empty() {
                    matches!(key.as_str(), "info" | "tags" | "openapi") || is_docs(key)
                } else {
                    !names && is_docs(key)
                };
                if said {
                    // Tags have no order that means anything.
                    if one.map(canonical_tags) != other.map(canonical_tags) {
                        found.entry(key.clone()).or_default().insert(at);
                    }
                } else if let (Some(one), Some(other)) = (one, other) {
                    let map_of_names = !names
                        && matches!(
                            key.as_str(),
                            "properties"
                                | "schemas"
                                | "paths"
                                | "responses"
                                | "content"
                                | "headers"
                                | "parameters"
                                | "requestBodies"
                                | "securitySchemes"
                        );
                    words(one, other, &at, map_of_names, found);
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, other) in after.iter().enumerate() {
                // Parameters are told by their names, whatever their order.
                let one = match parameter_key(other) {
                    Some(key) => before
                        .iter()
                        .find(|one| parameter_key(one).as_ref() == Some(&key)),
                    None => before.get(index),
                };
                if let Some(one) = one {
                    words(one, other, &format!("{pointer}/{index}"), false, found);
                }
            }
        }
        _ => {}
    }
}

fn canonical_tags(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
            texts.sort();
            json!(texts)
        }
        other => other.clone(),
    }
}
