//! Values to reply with: examples from the document, changed where a test cares.

use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::placeholder;
use super::received::Received;
use super::route;
use super::wire::{complete, spelling};
use crate::json::read::survey;
use crate::json::surprise::SurpriseKind;
use crate::lists::page::{Page, Paged};
use crate::request::Kind;

/// What [`Mock`](super::Mock) answers an operation unless it is told otherwise: every field is there, and every list has one
/// item.
///
/// ```
/// use circleci_api::{mock, operations::GetProjectBySlug};
///
/// let project = mock::example::<GetProjectBySlug>();
/// assert_eq!(project.slug, "gh/CircleCI-Public/api-preview-docs");
/// ```
///
/// # Panics
///
/// Never with an operation of this crate: its tests make them all.
#[track_caller]
pub fn example<O: Kind<Output: DeserializeOwned>>() -> O::Output {
    decoded::<O>(filled::<O>())
}

/// An item of a list, changed: CircleCI's structs may get new fields, so that nobody else can write one down.
///
/// ```
/// use circleci_api::{mock, operations::ListPipelines};
///
/// let pipeline = mock::item::<ListPipelines>(|pipeline| pipeline.number = 512);
/// assert_eq!(pipeline.number, 512);
/// ```
///
/// # Panics
///
/// Never with an operation of this crate: its tests make them all.
#[track_caller]
pub fn item<O: Paged>(
    change: impl FnOnce(&mut <O::Output as Page>::Item),
) -> <O::Output as Page>::Item {
    let Some(mut item) = example::<O>().into_items().pop() else {
        panic!("{}: the example has no item", O::OPERATION.id);
    };
    change(&mut item);
    item
}

/// The default answer, with the placeholders in it.
pub(super) fn json<O: Kind>() -> Value {
    let reply = route::reply(O::OPERATION);
    reply
        .and_then(|reply| serde_json::from_str(reply.body).ok())
        .unwrap_or_default()
}

/// The default answer as it is without a request.
fn filled<O: Kind>() -> Value {
    let mut json = json::<O>();
    fill(&mut json);
    json
}

fn fill(json: &mut Value) {
    let nobody = Received::new(Method::GET, String::new(), HeaderMap::new(), Vec::new());
    placeholder::fill(json, &|name| nobody.value_of(name));
}

/// What a type has written, as CircleCI sends it.
pub(super) fn on_the_wire<O: Kind>(mut value: Value) -> Value {
    let nulls = route::reply(O::OPERATION).and_then(|it| serde_json::from_str(it.nulls).ok());
    complete(&mut value, &json::<O>(), &nulls.unwrap_or_default());
    value
}

/// An item of a list, as CircleCI sends it.
pub(super) fn item_on_the_wire<O: Kind>(mut item: Value) -> Value {
    let reply = route::reply(O::OPERATION);
    let nulls: Option<Value> = reply.and_then(|it| serde_json::from_str(it.nulls).ok());
    let nulls = nulls.unwrap_or_default();
    let of = |list: &Value| match list.get("items") {
        Some(items) => items[0].clone(),
        None => list[0].clone(),
    };
    complete(&mut item, &of(&json::<O>()), &of(&nulls));
    item
}

#[track_caller]
fn decoded<O: Kind<Output: DeserializeOwned>>(json: Value) -> O::Output {
    match serde_path_to_error::deserialize(&json) {
        Ok(value) => value,
        Err(error) => panic!("{}: this is not what it answers: {error}", O::OPERATION.id),
    }
}

/// The example with `changes` in it, as it is sent. Panics where they are not of the operation's shape.
#[track_caller]
pub(super) fn changed<O>(changes: &Value) -> Value
where
    O: Kind<Output: Serialize + DeserializeOwned>,
{
    let mut json = json::<O>();
    change(&mut json, changes);
    let mut read = json.clone();
    fill(&mut read);
    let written = serde_json::to_value(decoded::<O>(read.clone())).unwrap_or_default();
    if let Some(path) = odd::<O>(&read, SurpriseKind::MendedValue) {
        panic!(
            "{}: this is not what it answers: {path}: a value of the wrong form",
            O::OPERATION.id
        );
    }
    // A key that the type keeps and does not know is misspelled too.
    let unknown = || odd::<O>(&read, SurpriseKind::UnknownKey).map(|path| format!("{path:?}"));
    let lost = lost("", changes, &written).or_else(unknown);
    if let Some(lost) = lost {
        panic!("{}: it answers no {lost}", O::OPERATION.id);
    }
    json
}

/// Objects are changed key by key; each item of a new list starts from the item of the old one.
fn change(json: &mut Value, changes: &Value) {
    match (json, changes) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                let known = spelling(old, key);
                change(old.entry(known).or_insert(Value::Null), value);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let pattern = old.first().cloned().unwrap_or_default();
            *old = vec![pattern; new.len()];
            old.iter_mut()
                .zip(new)
                .for_each(|(old, new)| change(old, new));
        }
        (old, new) => *old = new.clone(),
    }
}

/// A place where the type meets something of this kind, and not in the example, whose own oddities are CircleCI's.
fn odd<O: Kind<Output: DeserializeOwned>>(json: &Value, kind: SurpriseKind) -> Option<String> {
    let paths = |json: &Value| {
        let mut findings = Vec::new();
        survey::<O::Output>(json.to_string().as_bytes(), &mut findings);
        findings.retain(|finding| finding.kind == kind);
        findings.into_iter().map(|finding| finding.path)
    };
    // The same key in another item of a list is the same key.
    let plain = |path: &str| -> String { path.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let known: Vec<String> = paths(&filled::<O>()).map(|path| plain(&path)).collect();
    paths(json).find(|path| !known.contains(&plain(path)))
}

/// A key of the changes that did not survive being read: it was misspelled.
fn lost(path: &str, changes: &Value, written: &Value) -> Option<String> {
    match (changes, written) {
        (Value::Object(changes), Value::Object(written)) => {
            changes.iter().find_map(|(key, value)| {
                let path = format!("{path}{}{key}", if path.is_empty() { "" } else { "." });
                match written.get(&spelling(written, key)) {
                    Some(found) => lost(&path, value, found),
                    None if value.is_null() => None,
                    None => Some(format!("{path:?}")),
                }
            })
        }
        (Value::Array(changes), Value::Array(written)) => changes
            .iter()
            .zip(written)
            .enumerate()
            .find_map(|(index, (change, found))| lost(&format!("{path}[{index}]"), change, found)),
        _ => None,
    }
}
