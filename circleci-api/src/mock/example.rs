//! Values to reply with: examples from the document, changed where a test cares.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::route;
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
    decoded::<O>(json::<O>())
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

pub(super) fn json<O: Kind>() -> Value {
    let reply = route::reply(O::OPERATION);
    reply
        .and_then(|reply| serde_json::from_str(reply.body).ok())
        .unwrap_or_default()
}

#[track_caller]
fn decoded<O: Kind<Output: DeserializeOwned>>(json: Value) -> O::Output {
    match serde_path_to_error::deserialize(&json) {
        Ok(value) => value,
        Err(error) => panic!("{}: this is not what it answers: {error}", O::OPERATION.id),
    }
}

/// The example with `changes` in it. Panics where they are not of the operation's shape.
#[track_caller]
pub(super) fn changed<O>(changes: &Value) -> O::Output
where
    O: Kind<Output: Serialize + DeserializeOwned>,
{
    // Written by its type, so that each key is spelled in one way.
    let mut json = serde_json::to_value(example::<O>()).unwrap_or_default();
    change(&mut json, changes);
    let value = decoded::<O>(json.clone());
    let written = serde_json::to_value(&value).unwrap_or_default();
    let lost = lost("", changes, &written).or_else(|| unknown::<O>(&json));
    if let Some(lost) = lost {
        panic!("{}: it answers no {lost}", O::OPERATION.id);
    }
    value
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

/// The key as it stands in the object, whether it is spelled `created-at` or `created_at`.
fn spelling(object: &Map<String, Value>, key: &str) -> String {
    let plain = |key: &str| key.replace('-', "_");
    let known = object
        .keys()
        .find(|known| *known == key)
        .or_else(|| object.keys().find(|known| plain(known) == plain(key)));
    known.map_or(key, String::as_str).to_owned()
}

/// A key that the type keeps and does not know: it was misspelled too.
#[track_caller]
fn unknown<O: Kind<Output: DeserializeOwned>>(json: &Value) -> Option<String> {
    let mut findings = Vec::new();
    survey::<O::Output>(json.to_string().as_bytes(), &mut findings);
    let odd = findings
        .iter()
        .find(|finding| finding.kind == SurpriseKind::MendedValue);
    if let Some(odd) = odd {
        panic!(
            "{}: this is not what it answers: {}: a value of the wrong form",
            O::OPERATION.id,
            odd.path
        );
    }
    let unknown = findings
        .into_iter()
        .find(|finding| finding.kind == SurpriseKind::UnknownKey);
    unknown.map(|finding| format!("{:?}", finding.path))
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
