//! One shape, one type: finds equal schemas wherever they stand and gives each a name, so that 329 inline objects become
//! some 130 named ones before progenitor sees them.
//!
//! Merging is by structure alone: what differs in a property, a type, a word or in being required stays apart. A name comes
//! from the naming table (`names.rs`), else from the document (a component's name or a title), else from where the shape
//! stands (`Pipeline` + `errors` gives `PipelineError`).

use super::{
    names,
    tolerate::{self, Usage},
};
use crate::document::{
    Operation, body_at, escape, object_mut, operations, parameters, parameters_at, resolve,
    success_at,
};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One named type and what is known of it.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub usage: Usage,
    /// The CircleCI tags of the operations that reach it.
    pub tags: BTreeSet<String>,
    /// Where it stands in the document, in this module's notation.
    pub places: Vec<String>,
    /// The first of these places as a JSON pointer.
    pub pointer: String,
}

/// The document with one component per shape, and the list of them.
#[derive(Debug)]
pub struct Hoisted {
    pub document: Value,
    pub types: Vec<Named>,
    /// What `--spec` forgives: rows of the naming table without a place, and clashes settled by a longer name.
    pub warnings: Vec<String>,
}

/// A schema that becomes a type by itself: where it stands and how it is used.
struct Root {
    place: String,
    pointer: String,
    suggestion: String,
    usage: Usage,
    tag: String,
    schema: Value,
}

/// A shape on its way to a name.
struct Shape {
    schema: Value,
    depth: usize,
    /// (place, name suggested there, parent's shape and the name of the property there)
    places: Vec<Place>,
    usage: Usage,
    tags: BTreeSet<String>,
}

struct Place {
    place: String,
    pointer: String,
    suggestion: Option<String>,
    parent: Option<(String, String)>,
}

/// Components that are referred to by name and never merged: those that contain themselves, and `ParameterValue`, which is handwritten.
const HANDWRITTEN: [&str; 1] = ["ParameterValue"];

pub fn hoist(document: &Value, lenient: bool) -> Result<Hoisted> {
    let kept = kept_components(document);
    let mut roots = roots(document, &kept)?;
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
    let mut warnings = Vec::new();
    let names = name(&shapes, lenient, &mut warnings)?;
    let document = rebuild(document, &roots, &shapes, &names, &kept)?;
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
            pointer: shape.places[0].pointer.clone(),
        })
        .collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Hoisted {
        document,
        types,
        warnings,
    })
}

// ---- finding ---------------------------------------------------------------------------------------------------

/// The components that stay behind their `$ref`: those that contain themselves. A list or a map has no name of its own to
/// stay behind; the precheck has seen to it that some object or union stands in every circle.
pub fn kept_components(document: &Value) -> BTreeSet<String> {
    let mut kept: BTreeSet<String> = HANDWRITTEN.iter().map(|name| (*name).to_owned()).collect();
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        if is_named(schema) && reachable(document, schema).contains(name.as_str()) {
            kept.insert(name.clone());
        }
    }
    kept
}

/// The components that a schema refers to, and those that they refer to.
pub fn reachable<'a>(document: &'a Value, schema: &'a Value) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![schema]);
    while let Some(schema) = open.pop() {
        match schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(component_name)
        {
            Some(next) if found.insert(next) => open.push(&document["components"]["schemas"][next]),
            Some(_) => {}
            None => children(schema, &mut |_, child| open.push(child)),
        }
    }
    found
}

fn component_pointer(name: &str) -> String {
    format!("/components/schemas/{name}")
}

pub fn component_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

fn roots(document: &Value, kept: &BTreeSet<String>) -> Result<Vec<Root>> {
    let mut roots = Vec::new();
    for operation in operations(document) {
        let pascal = names::pascal(operation.id());
        let mut add =
            |kind: &str, suggestion: String, usage: Usage, (at, schema): (String, &Value)| {
                let (schema, from) = expand(document, schema, kept);
                let (place, pointer) = match from {
                    Some(component) => (format!("#{component}"), component_pointer(&component)),
                    None => (format!("{}.{kind}", operation.id()), at),
                };
                roots.push(Root {
                    place,
                    pointer,
                    suggestion,
                    usage,
                    tag: operation.tag().to_owned(),
                    schema,
                });
            };
        if let Some(schema) = body_at(document, &operation) {
            let suggestion = format!("{pascal}Request");
            add(
                "request",
                suggestion,
                Usage {
                    request: true,
                    response: false,
                },
                schema,
            );
        }
        if let Some(schema) = success_at(document, &operation) {
            add(
                "response",
                format!("{pascal}Response"),
                Usage {
                    request: false,
                    response: true,
                },
                schema,
            );
        }
        for (at, parameter) in parameters_at(document, &operation) {
            // What stands in a path is taken as text, so that an alias CircleCI accepts needs no new release.
            if parameter["in"] == "path" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap_or_default();
            let suggestion = format!("{pascal}{}", names::pascal(name));
            add(
                &format!("query.{name}"),
                suggestion,
                Usage {
                    request: true,
                    response: false,
                },
                (format!("{at}/schema"), &parameter["schema"]),
            );
        }
    }
    // A component that stays behind its reference goes wherever those go that refer to it.
    let mut users: BTreeMap<(&str, &str), Usage> = BTreeMap::new();
    for root in &roots {
        for name in reachable(document, &root.schema) {
            let usage = users.entry((name, &root.tag)).or_default();
            *usage = usage.with(root.usage);
        }
    }
    let users: Vec<(String, String, Usage)> = users
        .into_iter()
        .map(|((name, tag), usage)| (name.to_owned(), tag.to_owned(), usage))
        .collect();
    for (name, tag, usage) in users
        .into_iter()
        .filter(|user| kept.contains(&user.0) && !HANDWRITTEN.contains(&user.0.as_str()))
    {
        let (schema, _) = expand_inside(document, &document["components"]["schemas"][&name], kept);
        let suggestion =
            own_name(&json!({ "x-component": name })).unwrap_or_else(|| "Component".to_owned());
        roots.push(Root {
            place: format!("#{name}"),
            pointer: component_pointer(&name),
            suggestion,
            usage,
            tag,
            schema,
        });
    }
    Ok(roots)
}

/// A schema with its references replaced by what they refer to, and the component it came from.
fn expand<'a>(
    document: &'a Value,
    schema: &'a Value,
    kept: &BTreeSet<String>,
) -> (Value, Option<String>) {
    let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(component_name)
    else {
        return expand_inside(document, schema, kept);
    };
    let (mut expanded, component) = match kept.contains(name) {
        true => (json!({ "$ref": schema["$ref"] }), None),
        false => {
            let (mut expanded, deeper) =
                expand(document, &document["components"]["schemas"][name], kept);
            if let Some(map) = expanded.as_object_mut() {
                map.entry("x-component").or_insert_with(|| json!(name));
            }
            (expanded, Some(deeper.unwrap_or_else(|| name.to_owned())))
        }
    };
    // The one word beside a reference that counts, put there by the fixup "all of one".
    if schema["nullable"] == true {
        expanded["nullable"] = json!(true);
    }
    (expanded, component)
}

fn expand_inside<'a>(
    document: &'a Value,
    schema: &'a Value,
    kept: &BTreeSet<String>,
) -> (Value, Option<String>) {
    let expanded = match schema {
        Value::Object(map) => {
            let expand_entry = |(key, value): (&String, &'a Value)| {
                let value = match key.as_str() {
                    "items" | "additionalProperties" => expand(document, value, kept).0,
                    "oneOf" | "anyOf" | "allOf" => Value::Array(
                        value
                            .as_array()
                            .into_iter()
                            .flatten()
                            .map(|branch| expand(document, branch, kept).0)
                            .collect(),
                    ),
                    "properties" => Value::Object(
                        value
                            .as_object()
                            .into_iter()
                            .flatten()
                            .map(|(name, property)| {
                                (name.clone(), expand(document, property, kept).0)
                            })
                            .collect(),
                    ),
                    // `null` among the words says what `nullable` says.
                    "enum" => value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter(|word| !word.is_null())
                        .cloned()
                        .collect(),
                    _ => value.clone(),
                };
                (key.clone(), value)
            };
            // An object whose list of properties is empty is a map of anything.
            let said = |(key, value): &(&String, &Value)| {
                *key != "properties"
                    || value
                        .as_object()
                        .is_some_and(|properties| !properties.is_empty())
            };
            Value::Object(map.iter().filter(said).map(expand_entry).collect())
        }
        other => other.clone(),
    };
    (expanded, None)
}

// ---- tolerance ---------------------------------------------------------------------------------------------------

/// An object that goes both ways is one type, so its usage must be known before its properties are judged.
fn tolerate_roots(roots: &mut [Root]) {
    // A body is called after its operation, and is no response that happens to look alike, unless the document says so by sharing a component.
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

// ---- shapes --------------------------------------------------------------------------------------------------------

/// What a schema is, without the words about it: equal keys, equal types.
fn key(schema: &Value) -> String {
    canonical(schema).to_string()
}

/// The shape of a schema with all its references followed, for comparing two of them.
pub fn shape_of(document: &Value, schema: &Value) -> String {
    key(&expand(document, schema, &kept_components(document)).0)
}

fn canonical(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else {
        return schema.clone();
    };
    if let Some(reference) = map.get("$ref") {
        return json!({ "$ref": reference });
    }
    let mut shape = Map::new();
    for (name, value) in map {
        let value = match name.as_str() {
            "type" | "format" | "nullable" | "x-decode" | "x-or-default" | "x-body"
            | "x-secret" => value.clone(),
            "enum" => sorted_words(value),
            "required" | "x-required" => sorted_words(value),
            "items" | "additionalProperties" => canonical(value),
            "oneOf" | "anyOf" | "allOf" => value
                .as_array()
                .into_iter()
                .flatten()
                .map(canonical)
                .collect(),
            "properties" => Value::Object(
                value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, property)| (name.clone(), canonical(property)))
                    .collect(),
            ),
            _ => continue,
        };
        shape.insert(name.clone(), value);
    }
    crate::document::sorted(Value::Object(shape))
}

fn sorted_words(list: &Value) -> Value {
    let mut words: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect();
    words.sort();
    json!(words)
}

/// Whether progenitor should see this schema under a name of its own.
pub fn is_named(schema: &Value) -> bool {
    schema["properties"]
        .as_object()
        .is_some_and(|properties| !properties.is_empty())
        || schema.get("enum").is_some()
        || schema.get("oneOf").is_some()
}

fn collect(
    schema: &Value,
    place: Place,
    depth: usize,
    root: &Root,
    shapes: &mut BTreeMap<String, Shape>,
) {
    let own = is_named(schema).then(|| key(schema));
    let (here, at) = (place.place.clone(), place.pointer.clone());
    if let Some(own) = &own {
        let shape = shapes.entry(own.clone()).or_insert_with(|| Shape {
            schema: schema.clone(),
            depth,
            places: Vec::new(),
            usage: Usage::default(),
            tags: BTreeSet::new(),
        });
        borrow_words(&mut shape.schema, schema);
        shape.usage = shape.usage.with(root.usage);
        shape.tags.insert(root.tag.clone());
        let suggestion = own_name(schema).or(place.suggestion.clone());
        let suggestion = if schema.get("x-body").is_some() {
            place.suggestion.clone()
        } else {
            suggestion
        };
        let known = shape.places.iter().any(|other| other.place == place.place);
        if depth < shape.depth {
            shape.depth = depth;
            shape.places.insert(
                0,
                Place {
                    suggestion,
                    ..place
                },
            );
        } else if !known {
            shape.places.push(Place {
                suggestion,
                ..place
            });
        }
    }
    children(schema, &mut |step, child| {
        let component = child.get("x-component").and_then(Value::as_str);
        let (place, pointer) = match component {
            Some(name) => (format!("#{name}"), component_pointer(name)),
            None => (
                format!("{here}{step}"),
                format!("{at}{}", step_pointer(step)),
            ),
        };
        // A list or map passes its own suggestion on: the items of `errors` are each an error.
        let (suggestion, parent) = match &own {
            Some(own) => (
                None,
                Some((own.clone(), step.trim_start_matches(['.', '|']).to_owned())),
            ),
            None => (root_suggestion(root, depth, &here), None),
        };
        let place = Place {
            place,
            pointer,
            suggestion,
            parent,
        };
        let inherited = own
            .is_none()
            .then(|| inherited_parent(&here, shapes))
            .flatten();
        let place = match inherited {
            Some(parent) => Place {
                suggestion: None,
                parent: Some(parent),
                ..place
            },
            None => place,
        };
        collect(child, place, depth + 1, root, shapes);
    });
}

/// What the document says of a property in one place, it means in another.
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

/// A step of this module's notation as one of a JSON pointer.
fn step_pointer(step: &str) -> String {
    match (step, step.strip_prefix('|'), step.strip_prefix('.')) {
        ("[]", ..) => "/items".to_owned(),
        ("{}", ..) => "/additionalProperties".to_owned(),
        (_, Some(index), _) => format!("/oneOf/{index}"),
        (_, _, name) => format!("/properties/{}", escape(name.unwrap_or(step))),
    }
}

fn root_suggestion(root: &Root, depth: usize, here: &str) -> Option<String> {
    (depth == 0 && here == root.place).then(|| root.suggestion.clone())
}

/// The shape that holds the list or map at `here`, found by its place.
fn inherited_parent(here: &str, shapes: &BTreeMap<String, Shape>) -> Option<(String, String)> {
    let trimmed = here.trim_end_matches(['[', ']', '{', '}']);
    let (parent, property) = trimmed.rsplit_once('.')?;
    shapes
        .iter()
        .find(|(_, shape)| shape.places.iter().any(|place| place.place == parent))
        .map(|(key, _)| (key.clone(), property.to_owned()))
}

/// The name that the document itself gives a schema.
fn own_name(schema: &Value) -> Option<String> {
    let name = schema
        .get("x-component")
        .or_else(|| schema.get("title"))?
        .as_str()?;
    let name = names::pascal(&names::of_schema(name));
    // A title may be anything, and what is left of `Response` is nothing.
    names::is_rust(&name).then_some(name)
}

pub fn children<'a>(schema: &'a Value, visit: &mut dyn FnMut(&str, &'a Value)) {
    if let Some(items) = schema.get("items") {
        visit("[]", items);
    }
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|values| values.is_object())
    {
        visit("{}", values);
    }
    for branches in ["oneOf", "anyOf", "allOf"]
        .iter()
        .filter_map(|key| schema.get(*key)?.as_array())
    {
        for (index, branch) in branches.iter().enumerate() {
            visit(&format!("|{index}"), branch);
        }
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        visit(&format!(".{name}"), property);
    }
}

fn children_mut(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    for key in ["items", "additionalProperties"] {
        map.get_mut(key).into_iter().for_each(&mut *visit);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        map.get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .for_each(&mut *visit);
    }
    map.get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(&mut *visit);
}

// ---- names -----------------------------------------------------------------------------------------------------------

fn name(
    shapes: &BTreeMap<String, Shape>,
    lenient: bool,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, String>> {
    let table = names::table();
    let mut used_rows = BTreeSet::new();
    let mut taken: BTreeMap<String, &Shape> = BTreeMap::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    // Parents before children, so that a child can be called after its parent.
    let mut order: Vec<(&String, &Shape)> = shapes.iter().collect();
    order.sort_by(|a, b| (a.1.depth, &a.1.places[0].place).cmp(&(b.1.depth, &b.1.places[0].place)));
    // Names from the table are given first: no derived name may take one of them.
    let mut from_table = BTreeMap::new();
    for (key, shape) in &order {
        let mut rows: Vec<(&str, &str)> = Vec::new();
        for place in &shape.places {
            if let Some(name) = table.get(place.place.as_str()) {
                used_rows.insert(place.place.clone());
                rows.push((place.place.as_str(), name));
            }
        }
        if let Some(other) = rows.iter().find(|row| row.1 != rows[0].1) {
            let both = format!(
                "naming table: one shape is called both {} (at {}) and {} (at {})",
                rows[0].1, rows[0].0, other.1, other.0
            );
            if !lenient {
                bail!("{both}");
            }
            warnings.push(both);
        }
        if let Some((_, name)) = rows.first() {
            from_table.insert((*key).clone(), (*name).to_owned());
        }
    }
    let reserved: BTreeSet<String> = from_table.values().cloned().collect();
    for (key, shape) in order {
        let wanted = from_table
            .get(key)
            .cloned()
            .unwrap_or_else(|| derived(shape, &names));
        let place = &shape.places[0];
        let clash = taken
            .get(&wanted)
            .map(|other| other.places[0].pointer.as_str());
        let clash = clash
            .or_else(|| names::is_taken(&wanted).then_some("Rust, or the code around the types,"));
        let clash = clash.or_else(|| {
            (!from_table.contains_key(key) && reserved.contains(&wanted))
                .then_some("the naming table")
        });
        let name = match clash {
            None => wanted,
            Some(other) if !lenient => bail!(
                "{}: would be called {wanted}, but {other} has that name; give {} another one in xtask/src/lower/names.rs",
                place.pointer,
                place.place
            ),
            Some(other) => {
                let free = |name: &String| !taken.contains_key(name) && !reserved.contains(name);
                let longer = (2..)
                    .map(|n| format!("{wanted}{n}"))
                    .find(free)
                    .unwrap_or_default();
                warnings.push(format!(
                    "{}: is called {longer}, for {other} has the name {wanted}",
                    place.pointer
                ));
                longer
            }
        };
        taken.insert(name.clone(), shape);
        names.insert(key.clone(), name);
    }
    for (place, name) in table
        .iter()
        .filter(|(place, _)| !used_rows.contains(**place))
    {
        warnings.push(format!(
            "naming table: {name} stands for {place}, where the document has nothing"
        ));
    }
    Ok(names)
}

fn derived(shape: &Shape, names: &BTreeMap<String, String>) -> String {
    let place = &shape.places[0];
    if let Some(own) = &place.suggestion {
        return own.clone();
    }
    if let Some((parent, property)) = &place.parent {
        let parent = names.get(parent).cloned().unwrap_or_default();
        let one_of_many = place.place.ends_with("[]") || place.place.ends_with("{}");
        let property = if one_of_many {
            names::singular(property)
        } else {
            property.clone()
        };
        // An alternative has only its number; the naming table should know better.
        let property = if property.starts_with(|first: char| first.is_ascii_digit()) {
            format!("form_{property}")
        } else {
            property
        };
        // As progenitor will spell it: `VcsA` and `B` are `VcsAb`.
        return names::pascal(&format!("{parent}{}", names::pascal(&property)));
    }
    names::pascal(
        &place
            .place
            .replace(['[', ']', '{', '}', '.', '|', '#'], " "),
    )
}

// ---- rebuilding --------------------------------------------------------------------------------------------------------

fn rebuild(
    document: &Value,
    roots: &[Root],
    shapes: &BTreeMap<String, Shape>,
    names: &BTreeMap<String, String>,
    kept: &BTreeSet<String>,
) -> Result<Value> {
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
    // The same order as in `roots`: body, success, parameters of each operation.
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
    Ok(crate::document::sorted(rebuilt))
}

/// The names of the shapes, and those of the components that stayed behind their references.
fn with_kept(
    shapes: &BTreeMap<String, Shape>,
    names: &BTreeMap<String, String>,
    kept: &BTreeSet<String>,
) -> BTreeMap<String, String> {
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

/// Writes the operation with its parameters and bodies in place, so that nothing but schemas is left to refer to.
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
                    // A second success status carries the same body; the precheck has seen to that.
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

/// A schema as it stands where it is used: a reference, if it has a name.
fn outside(schema: &Value, names: &BTreeMap<String, String>) -> Value {
    match (is_named(schema) || schema.get("$ref").is_some())
        .then(|| names.get(&key(schema)))
        .flatten()
    {
        Some(name) => {
            let mut reference = json!({ "$ref": format!("#/components/schemas/{name}") });
            // Not read by progenitor, but by our own passes.
            for word in ["description", "deprecated", "x-decode", "x-or-default"] {
                if let Some(value) = schema.get(word) {
                    reference[word] = value.clone();
                }
            }
            reference
        }
        None => inside(schema, names),
    }
}

/// A schema's own definition, with references to the named ones below it.
fn inside(schema: &Value, names: &BTreeMap<String, String>) -> Value {
    let mut copy = schema.clone();
    children_mut(&mut copy, &mut |child| *child = outside(child, names));
    if let Some(map) = copy.as_object_mut() {
        // A title would rename the type that the component's key names.
        for word in ["title", "x-component", "x-body"] {
            map.remove(word);
        }
        // Whether it may be null is said where it is used; here it would become a type around a type.
        if map.contains_key("enum") || map.contains_key("oneOf") || map.contains_key("properties") {
            map.remove("nullable");
        }
    }
    copy
}
