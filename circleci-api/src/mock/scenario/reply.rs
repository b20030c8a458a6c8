//! Creates the answers of handlers: JSON, messages and pages.

use serde_json::{Value, json};

use super::super::answer::{Body, Refusal};
use super::super::received::Received;
use super::world::{Outcome, World};

/// Answers with JSON.
pub(super) fn ok(json: Value) -> Outcome {
    Ok(Body::Json(json))
}

/// Answers with a message.
pub(super) fn say(message: impl Into<String>) -> Outcome {
    ok(json!({ "message": message.into() }))
}

pub(super) fn not_found(what: &str) -> Refusal {
    Refusal::new(404, format!("{what} not found"))
}

/// Returns the items of the requested page, and the token of the next page. The items are sorted by `key`. If `newest_first` is
/// true, the order is descending. The token holds the key of the last item on the page, so items that are deleted later do not
/// shift the next page.
pub(super) fn page<T>(
    world: &mut World,
    request: &Received,
    mut items: Vec<T>,
    newest_first: bool,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    items.sort_by_key(|item| key(item));
    if newest_first {
        items.reverse();
    }
    let list = fingerprint(request);
    if let Some(token) = request
        .query("page-token")
        .filter(|token| !token.is_empty())
    {
        let last = opened(token, list).ok_or_else(|| Refusal::new(400, "Invalid page token."))?;
        items.retain(|item| match newest_first {
            true => key(item) < last,
            false => key(item) > last,
        });
    }
    let more = items.len() > world.page_size;
    items.truncate(world.page_size);
    let last = items.last().filter(|_| more).map(key);
    let salt = world.last_time().timestamp_subsec_nanos() ^ world.now().timestamp() as u32;
    Ok((items, last.map(|last| sealed(&last, list, salt))))
}

/// Answers with one page of the items, as JSON.
pub(super) fn list(
    world: &mut World,
    request: &Received,
    items: Vec<(String, Value)>,
    newest_first: bool,
) -> Outcome {
    let (items, token) = page(world, request, items, newest_first, |(key, _)| key.clone())?;
    ok_page(items.into_iter().map(|(_, item)| item).collect(), token)
}

/// Answers with these items and the token of the next page.
pub(super) fn ok_page(items: Vec<Value>, token: Option<String>) -> Outcome {
    // The macro would copy the items.
    let mut page = json!({ "next_page_token": token });
    page["items"] = items.into();
    ok(page)
}

/// Answers with one page of items that have no key. The position of an item serves as its key, so the items must have the same
/// order in every request.
pub(super) fn list_in_order(
    world: &mut World,
    request: &Received,
    items: Vec<Value>,
    newest_first: bool,
) -> Outcome {
    let items = items.into_iter().enumerate();
    let items = items.map(|(index, item)| (order(index), item)).collect();
    list(world, request, items, newest_first)
}

/// Returns a number as text with leading zeros, so that sorting the texts sorts the numbers.
pub(super) fn order(number: impl std::fmt::Display) -> String {
    format!("{number:0>20}")
}

/// Returns a hash of the request's path and of its query without the page token. A page token is valid only for requests with the
/// same hash.
fn fingerprint(request: &Received) -> u32 {
    let query = request
        .query
        .iter()
        .filter(|(name, _)| name != "page-token");
    let parts = query.flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let path = std::iter::once(request.plain_path());
    let bytes = path.chain(parts).flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Creates an opaque page token. A different `salt` gives a different token.
fn sealed(last: &str, list: u32, salt: u32) -> String {
    let mask = salt.to_be_bytes();
    let bytes = list.to_be_bytes().into_iter().chain(last.bytes());
    let hidden = bytes
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    mask.into_iter()
        .chain(hidden)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn opened(token: &str, list: u32) -> Option<String> {
    let digits = token.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let bytes = bytes?;
    let (mask, hidden) = bytes.split_at_checked(4)?;
    let plain = hidden.iter().zip(mask.iter().cycle());
    let plain: Vec<u8> = plain.map(|(byte, mask)| byte ^ mask).collect();
    let (mine, last) = plain.split_at_checked(4)?;
    (mine == list.to_be_bytes()).then(|| String::from_utf8(last.to_vec()).ok())?
}
