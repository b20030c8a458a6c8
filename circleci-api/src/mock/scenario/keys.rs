//! The checkout keys of the project.

use serde_json::json;

use super::super::received::Received;
use super::store::list_of;
use super::world::{Handler, Outcome, World, date, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("listCheckoutKeys", |world, request| {
        list_of(world, request, |world| &world.keys, |_| true)
    }),
    ("getCheckoutKey", |world, request| world.keys.get(request)),
    ("createCheckoutKey", create),
    ("deleteCheckoutKey", |world, request| {
        world.keys.delete(request)
    }),
];

fn create(world: &mut World, request: &Received) -> Outcome {
    let kind = match text(request, "type")?.as_str() {
        "user-key" => "github-user-key",
        _ => "deploy-key",
    };
    let id = world.id().replace('-', "");
    let pairs = id.as_bytes().chunks(2).map(String::from_utf8_lossy);
    let fingerprint = pairs.collect::<Vec<_>>().join(":");
    // CircleCI uses the newest key of each kind, so older keys are no longer preferred.
    for (_, key) in &mut world.keys.objects {
        key["preferred"] = json!(false);
    }
    let json = json!({
        "public_key": format!("ssh-rsa AAAAB3NzaC1yc2E{id}"),
        "type": kind,
        "fingerprint": fingerprint,
        "preferred": true,
        "created_at": date(world.now()),
    });
    world.keys.add(fingerprint, json)
}
