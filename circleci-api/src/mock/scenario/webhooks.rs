//! The outbound webhooks of the project.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::received::Received;
use super::reply::ok;
use super::store::list_of;
use super::world::{Handler, Outcome, World, date, masked, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("getWebhooks", webhooks),
    ("createWebhook", create),
    ("getWebhookById", |world, request| {
        world.webhooks.get(request)
    }),
    ("updateWebhook", update),
    ("deleteWebhook", |world, request| {
        world.webhooks.delete(request)
    }),
];

fn webhooks(world: &mut World, request: &Received) -> Outcome {
    for name in ["scope-id", "scope-type"] {
        if request.query(name).is_none() {
            return Err(Refusal::new(400, format!("{name} must be provided.")));
        }
    }
    let scope = request.query("scope-id").unwrap_or_default();
    let is_listed = |json: &Value| json["scope"]["id"] == scope;
    list_of(world, request, |world| &world.webhooks, is_listed)
}

fn secret(body: &Value) -> String {
    let secret = body["signing-secret"].as_str().unwrap_or_default();
    if secret.is_empty() {
        String::new()
    } else {
        masked(secret)
    }
}

fn create(world: &mut World, request: &Received) -> Outcome {
    text(request, "name")?;
    let body = request.json().cloned().unwrap_or_default();
    let (id, now) = (world.id(), date(world.now()));
    let json = json!({
        "url": body["url"],
        "verify_tls": body["verify-tls"],
        "id": id,
        "signing_secret": secret(&body),
        "updated_at": now,
        "name": body["name"],
        "created_at": now,
        "scope": body["scope"],
        "events": body["events"],
    });
    world.webhooks.add(id, json)
}

/// Updates a webhook. CircleCI replaces the whole webhook, so a body without a signing secret removes the secret.
fn update(world: &mut World, request: &Received) -> Outcome {
    let body = request.json().cloned().unwrap_or_default();
    let now = date(world.now());
    let webhook = world.webhooks.find(request)?;
    for (sent, kept) in [
        ("name", "name"),
        ("url", "url"),
        ("events", "events"),
        ("verify-tls", "verify_tls"),
    ] {
        if let Some(value) = body.get(sent) {
            webhook[kept] = value.clone();
        }
    }
    webhook["signing_secret"] = json!(secret(&body));
    webhook["updated_at"] = json!(now);
    ok(webhook.clone())
}
