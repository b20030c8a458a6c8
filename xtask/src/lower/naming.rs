//! Names each shape. The name comes from the first of these sources that has one: the naming table, the document, the place of
//! the shape.

use super::{findings::Findings, names, tolerate::Usage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A shape that needs a name.
pub struct Shape {
    pub schema: Value,
    pub depth: usize,
    /// All places of the shape. If the name is derived from a place, the first place is used.
    pub places: Vec<Place>,
    pub usage: Usage,
    pub tags: BTreeSet<String>,
}

/// One place of a shape in the document.
pub struct Place {
    /// The place in the notation of the naming table.
    pub place: String,
    pub pointer: String,
    /// The name that comes from the document or from the operation, if there is one.
    pub suggestion: Option<String>,
    /// The key of the shape that contains this place, and the name of the property that leads to this place.
    pub parent: Option<(String, String)>,
}

/// All shapes, by their keys.
pub type Shapes = BTreeMap<String, Shape>;
/// The names of shapes, by their keys.
pub type Names = BTreeMap<String, String>;

/// Names every shape. If the name of a shape is already taken, the shape gets a number as a suffix, and a finding reports the
/// conflict.
pub fn name(shapes: &Shapes, findings: &mut Findings) -> Names {
    let table = names::table();
    // The names from the table are chosen first, because no derived name may equal one of them.
    let from_table = from_table(&table, shapes, findings);
    let reserved: BTreeSet<&str> = from_table.values().copied().collect();
    let mut taken: BTreeMap<String, &Shape> = BTreeMap::new();
    let mut names = Names::new();
    for (key, shape) in in_order(shapes) {
        let given = from_table.get(key.as_str());
        let wanted = given.map_or_else(|| derived(shape, &names), |name| (*name).to_owned());
        let place = &shape.places[0];
        let clash = taken
            .get(&wanted)
            .map(|other| other.places[0].pointer.as_str())
            .or_else(|| names::is_taken(&wanted).then_some("Rust or the code around the types"))
            .or_else(|| {
                (given.is_none() && reserved.contains(wanted.as_str()))
                    .then_some("the naming table")
            });
        let name = match clash {
            None => wanted,
            Some(other) => {
                let free =
                    |name: &String| !taken.contains_key(name) && !reserved.contains(name.as_str());
                let longer = (2..)
                    .map(|n| format!("{wanted}{n}"))
                    .find(free)
                    .unwrap_or_default();
                findings.unsettled.push(format!(
                    "{}: is called {longer}, because the name {wanted} is taken by {other}; to choose another name, add a row to xtask/src/lower/names.rs: {}",
                    place.pointer,
                    names::row(&place.place, &longer)
                ));
                longer
            }
        };
        taken.insert(name.clone(), shape);
        names.insert(key.clone(), name);
    }
    names
}

/// Sorts the shapes so that parents come before their children, because the name of a child may be derived from that of its
/// parent.
fn in_order(shapes: &Shapes) -> Vec<(&String, &Shape)> {
    let mut order: Vec<(&String, &Shape)> = shapes.iter().collect();
    order.sort_by(|a, b| (a.1.depth, &a.1.places[0].place).cmp(&(b.1.depth, &b.1.places[0].place)));
    order
}

/// Returns the names that the naming table contains, by the keys of the shapes.
fn from_table<'a>(
    table: &BTreeMap<&'static str, &'static str>,
    shapes: &'a Shapes,
    findings: &mut Findings,
) -> BTreeMap<&'a str, &'static str> {
    let mut unused = table.clone();
    let mut given = BTreeMap::new();
    for (key, shape) in in_order(shapes) {
        let places = shape.places.iter().map(|place| place.place.as_str());
        let rows: Vec<(&str, &'static str)> = places
            .filter_map(|place| Some((place, *table.get(place)?)))
            .collect();
        for (place, _) in &rows {
            unused.remove(place);
        }
        let Some(first) = rows.first() else { continue };
        if let Some(other) = rows.iter().find(|row| row.1 != first.1) {
            findings.unsettled.push(format!(
                "naming table: one shape is called both {} (at {}) and {} (at {})",
                first.1, first.0, other.1, other.0
            ));
        }
        given.insert(key.as_str(), first.1);
    }
    findings.unused.extend(unused.iter().map(|(place, name)| {
        format!(
            "naming table: the row of {name} matches nothing, because the document has no {place}"
        )
    }));
    given
}

fn derived(shape: &Shape, names: &Names) -> String {
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
        // The alternative is identified only by a number here. A row of the naming table should give it a better name.
        let property = if property.starts_with(|first: char| first.is_ascii_digit()) {
            format!("form_{property}")
        } else {
            property
        };
        // The spelling is the one that progenitor uses: `VcsA` and `B` become `VcsAb`.
        return names::pascal(&format!("{parent}{}", names::pascal(&property)));
    }
    names::pascal(
        &place
            .place
            .replace(['[', ']', '{', '}', '.', '|', '#'], " "),
    )
}

/// Returns the name that a schema has in the document.
pub fn own_name(schema: &Value) -> Option<String> {
    let name = schema
        .get("x-component")
        .or_else(|| schema.get("title"))?
        .as_str()?;
    let name = names::pascal(&names::of_schema(name));
    // A title may be any text. The title `Response` becomes empty when its suffix is removed.
    names::is_rust(&name).then_some(name)
}
