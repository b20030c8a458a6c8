//! The variables of the project.

use serde_json::{Value, json};

use super::super::received::Received;
use super::reply::{list, not_found, ok, say};
use super::world::{Handler, Outcome, World, date, masked, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("listEnvVars", |world, request| {
        let items = world.variables.iter();
        let items = items.map(|(name, it)| (name.clone(), variable(name, it)));
        let items = items.collect();
        list(world, request, items, false)
    }),
    ("getEnvVar", |world, request| {
        let name = request.path("name").unwrap_or_default();
        let found = world.variables.get(name).ok_or_else(missing)?;
        ok(variable(name, found))
    }),
    ("createEnvVar", create),
    ("deleteEnvVar", |world, request| {
        let name = request.path("name").unwrap_or_default();
        world.variables.remove(name).ok_or_else(missing)?;
        say("Environment variable deleted.")
    }),
];

fn create(world: &mut World, request: &Received) -> Outcome {
    let (name, value) = (text(request, "name")?, text(request, "value")?);
    let json = world.set_variable(name, value);
    ok(json)
}

impl World {
    pub(super) fn set_variable(&mut self, name: String, value: String) -> Value {
        let stored = (value, date(self.now()));
        let json = variable(&name, &stored);
        self.variables.insert(name, stored);
        json
    }
}

fn variable(name: &str, (value, created): &(String, String)) -> Value {
    json!({ "name": name, "value": masked(value), "created_at": created })
}

fn missing() -> super::super::answer::Refusal {
    let mut refusal = not_found("Environment variable");
    refusal.message.push('.');
    refusal
}
