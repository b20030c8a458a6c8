//! Gives each shape one type. Schemas with the same structure have the same shape, wherever they are in the document. This module
//! gives each shape a name. It turns 329 inline objects into about 130 named ones, before progenitor sees the document.
//!
//! Only the structure of a schema determines its shape: schemas that differ in a property, a type, an enum value or a required
//! key have different shapes, except for the schemas that `unite` makes equal.
//!
//! The name of a shape comes from the naming table (`names.rs`). If the table has no row, the name comes from the document (the
//! name of a component, or a title). If the document has no name either, the name comes from the place of the shape: `errors` in
//! `Pipeline` becomes `PipelineError`.

use super::{
    findings::Findings,
    names,
    naming::{self, Names, Place, Shape, Shapes, own_name},
    schema::{
        HANDWRITTEN, Step, children, children_mut, expand, expand_inside, is_named,
        kept_components, key, reachable,
    },
    tolerate::{self, Usage},
    unite,
};
use crate::document::{
    self, Operation, alternatives, body_at, escape, object_mut, operations, order, parameters,
    parameters_at, resolve, success_at,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A type with a name, and where it is used.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub usage: Usage,
    /// The tags of the operations that use the type.
    pub tags: BTreeSet<String>,
    /// The places of the type in the document, in the notation of the naming table.
    pub places: Vec<String>,
    /// The same places as JSON pointers.
    pub pointers: Vec<String>,
}

impl Named {
    /// Returns the first place of the type as a JSON pointer.
    pub fn pointer(&self) -> &str {
        self.pointers.first().map_or("", String::as_str)
    }
}

/// The document in which each shape is one component, and the list of the resulting types.
#[derive(Debug)]
pub struct Hoisted {
    pub document: Value,
    pub types: Vec<Named>,
    pub findings: Findings,
}

/// A schema from which the search for shapes starts, with its place and its usage. The schema is either that of a request body, a
/// response or a parameter, or a component that is kept as a `$ref`.
struct Root {
    place: String,
    pointer: String,
    suggestion: String,
    usage: Usage,
    tag: String,
    schema: Value,
}

/// Gives each shape in the document a name, and makes it a component.
pub fn hoist(document: &Value) -> Hoisted {
    let kept = kept_components(document);
    let mut roots = roots(document, &kept);
    let mut pairs: Vec<_> = roots
        .iter_mut()
        .map(|root| (root.place.as_str(), &mut root.schema))
        .collect();
    let mut findings = Findings::default();
    unite::unite(&mut pairs, &mut findings);
    tolerate_roots(&mut roots);
    let mut shapes = BTreeMap::new();
    for root in &roots {
        let place = Place {
            place: root.place.clone(),
            pointer: root.pointer.clone(),
            suggestion: Some(root.suggestion.clone()),
            parent: None,
        };
        collect(&root.schema, place, 0, root, &mut shapes);
    }
    let names = naming::name(&shapes, &mut findings);
    let document = rebuild(document, &roots, &shapes, &names, &kept);
    let mut types: Vec<Named> = shapes
        .iter()
        .map(|(key, shape)| Named {
            name: names[key].clone(),
            usage: shape.usage,
            tags: shape.tags.clone(),
            places: shape
                .places
                .iter()
                .map(|place| place.place.clone())
                .collect(),
            pointers: shape
                .places
                .iter()
                .map(|place| place.pointer.clone())
                .collect(),
        })
        .collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    Hoisted {
        document,
        types,
        findings,
    }
}

fn component_pointer(name: &str) -> String {
    format!("/components/schemas/{name}")
}

fn roots(document: &Value, kept: &BTreeSet<String>) -> Vec<Root> {
    let mut roots = Vec::new();
    for operation in operations(document) {
        roots.extend(roots_of(document, &operation, kept));
    }
    roots.extend(kept_roots(document, &roots, kept));
    roots
}

/// Returns the roots of one operation, in the order in which `rebuild` replaces their schemas: body, success response,
/// parameters.
fn roots_of(document: &Value, operation: &Operation<'_>, kept: &BTreeSet<String>) -> Vec<Root> {
    let pascal = names::pascal(operation.id());
    let mut found = Vec::new();
    if let Some(schema) = body_at(document, operation) {
        let suggestion = format!("{pascal}Request");
        found.push(("request".to_owned(), suggestion, Usage::REQUEST, schema));
    }
    if let Some(schema) = success_at(document, operation) {
        let suggestion = format!("{pascal}Response");
        found.push(("response".to_owned(), suggestion, Usage::RESPONSE, schema));
    }
    for (at, parameter) in parameters_at(document, operation) {
        // A path parameter is always text, so that the crate needs no new release when CircleCI accepts a new value.
        if parameter["in"] != "path" {
            let name = parameter["name"].as_str().unwrap_or_default();
            let suggestion = format!("{pascal}{}", names::pascal(name));
            let schema = (format!("{at}/schema"), &parameter["schema"]);
            found.push((format!("query.{name}"), suggestion, Usage::REQUEST, schema));
        }
    }
    let root = |(kind, suggestion, usage, (at, schema)): (String, String, Usage, (_, &Value))| {
        let (schema, from) = expand(document, schema, kept);
        let (place, pointer) = match from {
            Some(component) => (format!("#{component}"), component_pointer(&component)),
            None => (format!("{}.{kind}", operation.id()), at),
        };
        Root {
            place,
            pointer,
            suggestion,
            usage,
            tag: operation.tag().to_owned(),
            schema,
        }
    };
    found.into_iter().map(root).collect()
}

/// Returns the roots for the components that are kept as `$ref`s. Each component has one root for each tag whose operations use
/// it. The usage of this root combines the usages of all roots with this tag that refer to the component.
fn kept_roots(document: &Value, roots: &[Root], kept: &BTreeSet<String>) -> Vec<Root> {
    let mut users: BTreeMap<(&str, &str), Usage> = BTreeMap::new();
    for root in roots {
        for name in reachable(document, &root.schema) {
            let usage = users.entry((name, &root.tag)).or_default();
            *usage = usage.with(root.usage);
        }
    }
    let users = users
        .into_iter()
        .filter(|((name, _), _)| kept.contains(*name) && !HANDWRITTEN.contains(name));
    let root = |((name, tag), usage): ((&str, &str), Usage)| {
        let (schema, _) = expand_inside(document, &document["components"]["schemas"][name], kept);
        Root {
            place: format!("#{name}"),
            pointer: component_pointer(name),
            suggestion: own_name(&json!({ "x-component": name }))
                .unwrap_or_else(|| "Component".to_owned()),
            usage,
            tag: tag.to_owned(),
            schema,
        }
    };
    users.map(root).collect()
}

// ---- tolerance ---------------------------------------------------------------------------------------------------

/// Decides which properties the Rust types require. First collects the usage of each object, because an object that is in both
/// requests and responses becomes one type.
fn tolerate_roots(roots: &mut [Root]) {
    // A request body is named after its operation, so it is not merged with a response of the same shape. If the body and a
    // response are the same component, they do share a type.
    let answered: BTreeSet<String> = roots
        .iter()
        .filter(|root| root.usage.response)
        .map(|root| root.place.clone())
        .collect();
    for root in roots
        .iter_mut()
        .filter(|root| root.usage.request && !answered.contains(&root.place))
    {
        if root.schema.get("properties").is_some() {
            root.schema["x-body"] = json!(true);
        }
    }
    let mut usages: BTreeMap<String, Usage> = BTreeMap::new();
    for root in roots.iter() {
        each_object(&root.schema, &mut |object| {
            let usage = usages.entry(key(object)).or_default();
            *usage = usage.with(root.usage);
        });
    }
    for root in roots.iter_mut() {
        tolerate_below(&mut root.schema, &usages);
    }
}

fn each_object<'a>(schema: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    if schema.get("properties").is_some() {
        visit(schema);
    }
    children(schema, &mut |_, child| each_object(child, visit));
}

fn tolerate_below(schema: &mut Value, usages: &BTreeMap<String, Usage>) {
    let usage = schema
        .get("properties")
        .and_then(|_| usages.get(&key(schema)).copied());
    children_mut(schema, &mut |child| tolerate_below(child, usages));
    if let (Some(usage), Some(map)) = (usage, schema.as_object_mut()) {
        tolerate::object(map, usage);
    }
}

// ---- shapes ------------------------------------------------------------------------------------------------------

/// Collects the shape of the schema at `place`, and the shapes of all schemas below it.
fn collect(schema: &Value, place: Place, depth: usize, root: &Root, shapes: &mut Shapes) {
    let own = is_named(schema).then(|| key(schema));
    let (here, at) = (place.place.clone(), place.pointer.clone());
    if let Some(own) = &own {
        add(own, schema, place, depth, root, shapes);
    }
    children(schema, &mut |step, child| {
        let component = child.get("x-component").and_then(Value::as_str);
        let (place, pointer) = match component {
            Some(name) => (format!("#{name}"), component_pointer(name)),
            None => (
                format!("{here}{step}"),
                format!("{at}{}", step_pointer(step, child)),
            ),
        };
        let property = step.word();
        let parent = own.clone().map(|own| (own, property));
        // The items of a list and the values of a map are named after the property that contains the list or map: each item of
        // `errors` is an error.
        let inherited = own.is_none().then(|| inherited_parent(&here, shapes));
        let parent = parent.or(inherited.flatten());
        let suggestion = parent
            .is_none()
            .then(|| root_suggestion(root, depth, &here))
            .flatten();
        let place = Place {
            place,
            pointer,
            suggestion,
            parent,
        };
        collect(child, place, depth + 1, root, shapes);
    });
}

/// Adds a place to the shape that has this key.
fn add(
    key: &str,
    schema: &Value,
    mut place: Place,
    depth: usize,
    root: &Root,
    shapes: &mut Shapes,
) {
    let shape = shapes.entry(key.to_owned()).or_insert_with(|| Shape {
        schema: schema.clone(),
        depth,
        places: Vec::new(),
        usage: Usage::default(),
        tags: BTreeSet::new(),
    });
    borrow_words(&mut shape.schema, schema);
    shape.usage = shape.usage.with(root.usage);
    shape.tags.insert(root.tag.clone());
    if schema.get("x-body").is_none() {
        place.suggestion = own_name(schema).or(place.suggestion);
    }
    let known = shape.places.iter().any(|other| other.place == place.place);
    if depth < shape.depth {
        shape.depth = depth;
        shape.places.insert(0, place);
    } else if !known {
        shape.places.push(place);
    }
}

/// Copies the descriptions of properties from `other`, another place of the shape, if `shape` has none.
fn borrow_words(shape: &mut Value, other: &Value) {
    for (name, property) in shape
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        if let (Some(property), Some(words)) = (
            property.as_object_mut(),
            other["properties"][name].get("description"),
        ) {
            property
                .entry("description")
                .or_insert_with(|| words.clone());
        }
    }
}

/// Converts a step in the notation of the naming table into a step of a JSON pointer.
fn step_pointer(step: &Step<'_>, child: &Value) -> String {
    match step {
        Step::Items => "/items".to_owned(),
        Step::Values => "/additionalProperties".to_owned(),
        Step::Alternative(index, _) => format!("/oneOf/{}", order::index_of(child, *index)),
        Step::Property(name) => format!("/properties/{}", escape(name)),
    }
}

fn root_suggestion(root: &Root, depth: usize, here: &str) -> Option<String> {
    (depth == 0 && here == root.place).then(|| root.suggestion.clone())
}

/// Finds the shape that contains the list or map at `here`. Returns the key of the shape, and the name of the property with the
/// list or map.
fn inherited_parent(here: &str, shapes: &Shapes) -> Option<(String, String)> {
    let trimmed = here.trim_end_matches(['[', ']', '{', '}']);
    let (parent, property) = trimmed.rsplit_once('.')?;
    shapes
        .iter()
        .find(|(_, shape)| shape.places.iter().any(|place| place.place == parent))
        .map(|(key, _)| (key.clone(), property.to_owned()))
}

// ---- rebuilding --------------------------------------------------------------------------------------------------

fn rebuild(
    document: &Value,
    roots: &[Root],
    shapes: &Shapes,
    names: &Names,
    kept: &BTreeSet<String>,
) -> Value {
    let mut rebuilt = document.clone();
    let mut components = Map::new();
    let names = &with_kept(shapes, names, kept);
    for (key, shape) in shapes {
        components.insert(names[key].clone(), inside(&shape.schema, names));
    }
    for name in HANDWRITTEN {
        if let Some(schema) = document["components"]["schemas"].get(name) {
            components.entry(name).or_insert_with(|| schema.clone());
        }
    }
    let mut by_place = roots.iter();
    let mut replace = |schema: &mut Value| {
        if let Some(root) = by_place.next() {
            *schema = outside(&root.schema, names);
        }
    };
    // The order must be that of `roots`: the body, the success response and the parameters of each operation.
    for operation in operations(document) {
        let own: Vec<Value> = parameters(document, &operation)
            .into_iter()
            .cloned()
            .collect();
        rewrite_operation(document, &mut rebuilt, &operation, own, &mut replace);
    }
    for item in object_mut(&mut rebuilt, &["paths"])
        .into_iter()
        .flat_map(Map::values_mut)
    {
        if let Some(item) = item.as_object_mut() {
            item.remove("parameters");
        }
    }
    rebuilt["components"] = json!({ "schemas": components });
    document::sorted(rebuilt)
}

/// Returns `names` with an additional key for each component that is kept as a `$ref`: the key of the `$ref`, with the name of
/// the component's shape.
fn with_kept(shapes: &Shapes, names: &Names, kept: &BTreeSet<String>) -> Names {
    let mut all = names.clone();
    for (shape, place) in shapes
        .iter()
        .flat_map(|(shape, at)| at.places.iter().map(move |place| (shape, &place.place)))
    {
        if let Some(component) = place
            .strip_prefix('#')
            .filter(|component| kept.contains(*component))
        {
            all.insert(
                key(&json!({ "$ref": format!("#/components/schemas/{component}") })),
                names[shape].clone(),
            );
        }
    }
    all
}

/// Replaces an operation's references to parameters, request bodies and responses with their targets, so that the remaining
/// references lead only to schemas.
fn rewrite_operation(
    document: &Value,
    rebuilt: &mut Value,
    operation: &Operation<'_>,
    own: Vec<Value>,
    replace: &mut dyn FnMut(&mut Value),
) {
    let Some(target) = object_mut(rebuilt, &["paths", operation.path, operation.method]) else {
        return;
    };
    if let Some(body) = operation.value.get("requestBody") {
        let mut body = resolve(document, body).clone();
        if let Some(schema) = body.pointer_mut("/content/application~1json/schema") {
            replace(schema);
        }
        target.insert("requestBody".into(), body);
    }
    if operation.value["responses"].is_object() {
        let mut responses = Map::new();
        let mut replaced: Option<Value> = None;
        for (status, response) in operation.value["responses"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let mut response = resolve(document, response).clone();
            if let Some(schema) = response.pointer_mut("/content/application~1json/schema") {
                match &replaced {
                    // The precheck ensures that all success statuses have the same body.
                    Some(same) => *schema = same.clone(),
                    None => {
                        replace(schema);
                        replaced = Some(schema.clone());
                    }
                }
            }
            responses.insert(status.clone(), response);
        }
        target.insert("responses".into(), Value::Object(responses));
    }
    let mut list = own;
    for parameter in &mut list {
        let mut schema = parameter
            .get("schema")
            .cloned()
            .unwrap_or_else(|| json!({}));
        match parameter["in"] == "path" {
            true => schema = resolve(document, &schema).clone(),
            false => replace(&mut schema),
        }
        parameter["schema"] = schema;
    }
    if !list.is_empty() {
        target.insert("parameters".into(), Value::Array(list));
    }
}

/// Returns what to write at a place that uses the schema: a reference if the schema has a name, otherwise the definition.
fn outside(schema: &Value, names: &Names) -> Value {
    match (is_named(schema) || schema.get("$ref").is_some())
        .then(|| names.get(&key(schema)))
        .flatten()
    {
        Some(name) => {
            let mut reference = json!({ "$ref": format!("#/components/schemas/{name}") });
            // The later steps of the generator read these keys next to the reference. progenitor does not read them.
            for word in [
                "description",
                "deprecated",
                "x-decode",
                "x-or-default",
                order::INDEX,
            ] {
                if let Some(value) = schema.get(word) {
                    reference[word] = value.clone();
                }
            }
            reference
        }
        None => inside(schema, names),
    }
}

/// Returns the definition of a schema. Named schemas below it become references.
fn inside(schema: &Value, names: &Names) -> Value {
    let mut copy = schema.clone();
    children_mut(&mut copy, &mut |child| *child = outside(child, names));
    if let Some(map) = copy.as_object_mut() {
        // progenitor would name the type after the title instead of the key of the component.
        for word in [
            "title",
            "x-component",
            "x-body",
            order::INDEX,
            alternatives::WORD,
        ] {
            map.remove(word);
        }
        // `nullable` belongs to the place where the type is used. In the definition, it would create a wrapper type.
        if map.contains_key("enum") || map.contains_key("oneOf") || map.contains_key("properties") {
            map.remove("nullable");
        }
    }
    copy
}
