//! The checkout keys of the project.

use serde_json::json;

use super::super::received::Received;
use super::records::CheckoutKey;
use super::reply::{list, not_found, ok, order, say};
use super::world::{Handler, Outcome, World, date, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("listCheckoutKeys", |world, request| {
        let keys = world.keys.iter();
        let items = keys.map(|key| (key.order(), key.json.clone())).collect();
        list(world, request, items, false)
    }),
    ("getCheckoutKey", |world, request| {
        let fingerprint = request.path("fingerprint").unwrap_or_default();
        let mut keys = world.keys.iter();
        let found = keys.find(|key| key.fingerprint == fingerprint);
        found
            .ok_or_else(|| not_found("Checkout key"))
            .and_then(|key| ok(request, key.json.clone()))
    }),
    ("createCheckoutKey", create),
    ("deleteCheckoutKey", |world, request| {
        let fingerprint = request.path("fingerprint").unwrap_or_default();
        let before = world.keys.len();
        world.keys.retain(|key| key.fingerprint != fingerprint);
        match world.keys.len() == before {
            true => Err(not_found("Checkout key")),
            false => say(request, "Checkout key deleted."),
        }
    }),
];

impl CheckoutKey {
    fn order(&self) -> String {
        order(&self.fingerprint)
    }
}

fn create(world: &mut World, request: &Received) -> Outcome {
    let kind = match text(request, "type")?.as_str() {
        "user-key" => "github-user-key",
        _ => "deploy-key",
    };
    let id = world.id().replace('-', "");
    let pairs = id.as_bytes().chunks(2).map(String::from_utf8_lossy);
    let fingerprint = pairs.collect::<Vec<_>>().join(":");
    // CircleCI uses the newest key of each kind.
    for key in &mut world.keys {
        key.json["preferred"] = json!(false);
    }
    let json = json!({
        "public_key": format!("ssh-rsa AAAAB3NzaC1yc2E{id}"),
        "type": kind,
        "fingerprint": fingerprint,
        "preferred": true,
        "created_at": date(world.now()),
    });
    world.keys.push(CheckoutKey {
        fingerprint,
        json: json.clone(),
    });
    ok(request, json)
}
