//! Values that a test can use as replies. The values are examples from CircleCI's document, and the test can change them.

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

/// Returns the default answer of a [`Mock`](super::Mock) to an operation. All fields are present, and every list has one
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
/// Panics if the operation has no example. Every operation of this crate has an example.
#[track_caller]
pub fn example<O: Kind<Output: DeserializeOwned>>() -> O::Output {
    decoded::<O>(filled::<O>())
}

/// Returns the example item of a list after `change` has modified it. Response structs are non-exhaustive, so code outside
/// this crate cannot construct them directly.
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
/// Panics if the operation has no example. Every operation of this crate has an example.
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

/// Returns the default answer, in which the placeholders are not replaced yet.
pub(super) fn json<O: Kind>() -> Value {
    let reply = route::reply(O::OPERATION);
    reply
        .and_then(|reply| serde_json::from_str(reply.body).ok())
        .unwrap_or_default()
}

/// Returns the default answer, in which each placeholder has its default value.
fn filled<O: Kind>() -> Value {
    let mut json = json::<O>();
    fill(&mut json);
    json
}

fn fill(json: &mut Value) {
    let nobody = Received::new(Method::GET, String::new(), HeaderMap::new(), Vec::new());
    placeholder::fill(json, &|name| nobody.value_of(name));
}

/// Converts a serialized response to the JSON that CircleCI sends.
pub(super) fn on_the_wire<O: Kind>(mut value: Value) -> Value {
    let nulls = route::reply(O::OPERATION).and_then(|it| serde_json::from_str(it.nulls).ok());
    complete(&mut value, &json::<O>(), &nulls.unwrap_or_default());
    value
}

/// Converts a serialized list item to the JSON that CircleCI sends.
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
        Err(error) => panic!(
            "{}: the JSON does not match the response type: {error}",
            O::OPERATION.id
        ),
    }
}

/// Returns the JSON of the example with `changes` applied. Panics if the changes do not match the operation's response type.
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
            "{}: the JSON does not match the response type: {path}: an invalid value",
            O::OPERATION.id
        );
    }
    // An unknown key is also misspelled, but `lost` does not find it, because the type keeps unknown keys.
    let unknown = || odd::<O>(&read, SurpriseKind::UnknownKey).map(|path| format!("{path:?}"));
    let lost = lost("", changes, &written).or_else(unknown);
    if let Some(lost) = lost {
        panic!("{}: the response has no field {lost}", O::OPERATION.id);
    }
    json
}

/// Applies `changes` to `json`. Objects are changed key by key. Each item of a new list is applied to a copy of the old list's
/// first item.
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

/// Reads `json` as the operation's response type, and returns the position of the first surprise of this kind. A surprise does
/// not count if the example has the same surprise at the same position, because the example comes from CircleCI's own document.
fn odd<O: Kind<Output: DeserializeOwned>>(json: &Value, kind: SurpriseKind) -> Option<String> {
    let paths = |json: &Value| {
        let mut findings = Vec::new();
        survey::<O::Output>(json.to_string().as_bytes(), &mut findings);
        findings.retain(|finding| finding.kind == kind);
        findings.into_iter().map(|finding| finding.path)
    };
    // The same key in two items of a list counts as one key.
    let plain = |path: &str| -> String { path.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let known: Vec<String> = paths(&filled::<O>()).map(|path| plain(&path)).collect();
    paths(json).find(|path| !known.contains(&plain(path)))
}

/// Returns the first key in `changes` that is missing from `written`. `written` is the JSON of a response that was decoded from
/// the changed example, so a missing key is misspelled.
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
