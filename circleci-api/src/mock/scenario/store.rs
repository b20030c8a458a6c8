//! Answers the requests that create, read, change and delete objects.

use serde_json::Value;

use super::super::answer::Refusal;
use super::super::received::Received;
use super::records::Store;
use super::reply::{list, not_found, ok, say};
use super::world::{Outcome, World};

impl Store {
    /// Adds an object, and answers with the object's JSON.
    pub(super) fn add(&mut self, id: String, json: Value) -> Outcome {
        self.objects.push((id, json.clone()));
        ok(json)
    }

    /// Returns the object that the request names.
    pub(super) fn find(&mut self, request: &Received) -> Result<&mut Value, Refusal> {
        let asked = request.path(self.parameter).unwrap_or_default();
        let found = self.objects.iter_mut().find(|(id, _)| id == asked);
        found
            .map(|(_, json)| json)
            .ok_or_else(|| not_found(self.kind))
    }

    /// Answers with the object that the request names.
    pub(super) fn get(&mut self, request: &Received) -> Outcome {
        self.find(request).cloned().and_then(ok)
    }

    /// Deletes the object that the request names.
    pub(super) fn delete(&mut self, request: &Received) -> Outcome {
        self.find(request)?;
        let asked = request.path(self.parameter).unwrap_or_default();
        self.objects.retain(|(id, _)| id != asked);
        say(format!("{} deleted.", self.kind))
    }
}

/// Answers with one page of the objects for which `is_listed` returns true.
pub(super) fn list_of(
    world: &mut World,
    request: &Received,
    store: fn(&World) -> &Store,
    is_listed: impl Fn(&Value) -> bool,
) -> Outcome {
    let objects = store(world).objects.iter();
    let listed = objects.filter(|(_, json)| is_listed(json)).cloned();
    let listed = listed.collect();
    list(world, request, listed, false)
}
