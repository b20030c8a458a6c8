//! The arguments that the tests pass to calls. Most values depend on the name of their parameter, so that a test notices swapped
//! arguments. Every text contains characters that need escaping.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Returns a text that needs escaping in a path, a query and JSON.
pub fn text(name: &str) -> String {
    format!("feature/ä&b=c d?#%+%2F\"\\;:@ü {name}")
}

pub fn id(name: &str) -> Uuid {
    let hash = |seed: u64| {
        name.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let id =
        (u128::from(hash(0xcbf2_9ce4_8422_2325)) << 64) | u128::from(hash(0x8422_2325_cbf2_9ce4));
    uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid()
}

/// Returns an integer from 1 to 9999 that depends on the name of the parameter.
pub fn number(name: &str) -> i64 {
    i64::from(id(name).as_fields().1) % 9999 + 1
}

pub fn date(name: &str) -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(number(name))
}

pub fn project_slug() -> &'static str {
    "gh/acme co/wéb#1?%2F&=+;@"
}

/// Returns the text for one part of a slug, without `/` and `\`.
pub fn slug_part(name: &str) -> String {
    text(name).replace(['/', '\\'], " ")
}

/// Returns a slug whose parts are separate path parameters.
pub fn slug_in_parts() -> String {
    format!("gh/{}/{}", slug_part("organization"), slug_part("project"))
}

pub fn org_slug() -> &'static str {
    "gh/acme co#1?%2F&=+ü"
}

/// Returns the values that a test can pass for a path parameter.
pub fn path(name: &str, schema: &serde_json::Value) -> Vec<String> {
    match name {
        "project-slug" => vec![project_slug().to_owned()],
        "org-slug" => vec![org_slug().to_owned()],
        "org-slug-or-id" => vec![org_slug().to_owned(), id(name).to_string()],
        "provider" => vec!["gh".to_owned()],
        "organization" | "project" => vec![slug_part(name)],
        "job-number" | "pipeline-number" => vec![number(name).to_string()],
        _ if schema["format"] == "uuid" => vec![id(name).to_string()],
        _ => vec![text(name)],
    }
}
