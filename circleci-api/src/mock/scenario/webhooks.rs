//! The outbound webhooks of the project.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::received::Received;
use super::records::Webhook;
use super::reply::{list, not_found, ok, say};
use super::world::{Handler, Outcome, World, date, masked, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("getWebhooks", webhooks),
    ("createWebhook", create),
    ("getWebhookById", |world, request| {
        world
            .webhook(request)
            .map(|it| it.json.clone())
            .and_then(|json| ok(request, json))
    }),
    ("updateWebhook", update),
    ("deleteWebhook", |world, request| {
        let id = world.webhook(request).map(|it| it.id.clone());
        id.and_then(|id| {
            world.webhooks.retain(|it| it.id != id);
            say(request, "Webhook deleted.")
        })
    }),
];

impl World {
    fn webhook(&mut self, request: &Received) -> Result<&mut Webhook, Refusal> {
        let id = request.path("webhook-id").unwrap_or_default();
        let mut webhooks = self.webhooks.iter_mut();
        webhooks
            .find(|it| it.id == id)
            .ok_or_else(|| not_found("Webhook"))
    }
}

fn webhooks(world: &mut World, request: &Received) -> Outcome {
    for name in ["scope-id", "scope-type"] {
        if request.query(name).is_none() {
            return Err(Refusal::new(400, format!("{name} must be provided.")));
        }
    }
    let scope = request.query("scope-id").unwrap_or_default();
    let mine = world
        .webhooks
        .iter()
        .filter(|it| it.json["scope"]["id"] == scope);
    let items = mine.map(|it| (it.id.clone(), it.json.clone())).collect();
    list(world, request, items, false)
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
    world.webhooks.push(Webhook {
        id,
        json: json.clone(),
    });
    ok(request, json)
}

/// CircleCI replaces the whole webhook. A body without a secret removes the secret.
fn update(world: &mut World, request: &Received) -> Outcome {
    let body = request.json().cloned().unwrap_or_default();
    let now = date(world.now());
    let webhook = world.webhook(request)?;
    for (sent, kept) in [
        ("name", "name"),
        ("url", "url"),
        ("events", "events"),
        ("verify-tls", "verify_tls"),
    ] {
        if let Some(value) = body.get(sent) {
            webhook.json[kept] = value.clone();
        }
    }
    webhook.json["signing_secret"] = json!(secret(&body));
    webhook.json["updated_at"] = json!(now);
    let json = webhook.json.clone();
    ok(request, json)
}
