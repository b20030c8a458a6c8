//! The contexts of the organization, with their variables and restrictions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::received::Received;
use super::records::Context;
use super::reply::{list, list_in_order, not_found, ok, say};
use super::world::{Handler, Outcome, World, date, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("listContexts", contexts),
    ("createContext", create),
    ("getContext", |world, request| {
        ok(world.context(request)?.json())
    }),
    ("deleteContext", |world, request| {
        let id = world.context(request)?.id.clone();
        world.contexts.retain(|it| it.id != id);
        say("Context deleted.")
    }),
    ("listEnvironmentVariablesFromContext", variables),
    ("addEnvironmentVariableToContext", add_variable),
    ("deleteEnvironmentVariableFromContext", |world, request| {
        let name = request.path("env_var_name").unwrap_or_default();
        // CircleCI gives the same answer whether or not the variable existed.
        world.context(request)?.variables.remove(name);
        say("Environment variable deleted.")
    }),
    ("getContextRestrictions", |world, request| {
        let items = world.context(request)?.restrictions.clone();
        list_in_order(world, request, items, false)
    }),
    ("createContextRestriction", restrict),
    ("deleteContextRestriction", lift),
];

impl World {
    /// Returns the context that the request names. If the context does not exist, returns a refusal with the status 403, as
    /// CircleCI does.
    fn context(&mut self, request: &Received) -> Result<&mut Context, Refusal> {
        let id = request.path("context_id").unwrap_or_default();
        let mut contexts = self.contexts.iter_mut();
        let found = contexts.find(|context| context.id == id);
        found.ok_or_else(|| Refusal::new(403, "Forbidden"))
    }

    pub(super) fn add_context(&mut self, name: String, owner: Option<String>) -> &mut Context {
        let owner = owner.unwrap_or_else(|| self.org_id.clone());
        let (id, created_at) = (self.id(), date(self.now()));
        let context = Context {
            id,
            name,
            created_at,
            owner,
            variables: BTreeMap::new(),
            restrictions: Vec::new(),
        };
        self.contexts.push(context);
        let last = self.contexts.len() - 1;
        &mut self.contexts[last]
    }

    fn owns(&self, context: &Context, owner: &str) -> bool {
        let same = |owner: &str| match self.is_my_organization(owner) {
            true => self.org_id.clone(),
            false => owner.to_owned(),
        };
        same(&context.owner) == same(owner)
    }
}

impl Context {
    fn json(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "created_at": self.created_at })
    }

    fn variable(&self, name: &str, (created, updated): &(String, String)) -> Value {
        json!({ "variable": name, "created_at": created, "updated_at": updated, "context_id": self.id })
    }

    pub(super) fn set_variable(&mut self, name: &str, now: String) -> Value {
        let created = self
            .variables
            .get(name)
            .map_or(now.clone(), |(created, _)| created.clone());
        let times = (created, now);
        let json = self.variable(name, &times);
        self.variables.insert(name.to_owned(), times);
        json
    }
}

fn contexts(world: &mut World, request: &Received) -> Outcome {
    let owner = request.query("owner-slug").or(request.query("owner-id"));
    let owned = world.contexts.iter().enumerate();
    let owned = owned.filter(|(_, it)| owner.is_none_or(|owner| world.owns(it, owner)));
    let items = owned.map(|(_, it)| (it.id.clone(), it.json())).collect();
    list(world, request, items, false)
}

fn create(world: &mut World, request: &Received) -> Outcome {
    let name = text(request, "name")?;
    let owner = request.json().and_then(|body| {
        let owner = &body["owner"];
        owner["slug"].as_str().or(owner["id"].as_str())
    });
    let owner = owner.map(str::to_owned);
    let asked = owner.clone().unwrap_or_else(|| world.org_id.clone());
    let taken = world
        .contexts
        .iter()
        .any(|it| it.name == name && world.owns(it, &asked));
    if taken {
        let message = "A context with this name exists.";
        return Err(Refusal::new(409, message));
    }
    let json = world.add_context(name, owner).json();
    ok(json)
}

fn variables(world: &mut World, request: &Received) -> Outcome {
    let context = world.context(request)?;
    let items = context.variables.iter();
    let items = items.map(|(name, times)| (name.clone(), context.variable(name, times)));
    let items = items.collect();
    list(world, request, items, false)
}

fn add_variable(world: &mut World, request: &Received) -> Outcome {
    text(request, "value")?;
    let now = date(world.now());
    let context = world.context(request)?;
    let json = context.set_variable(request.path("env_var_name").unwrap_or_default(), now);
    ok(json)
}

fn restrict(world: &mut World, request: &Received) -> Outcome {
    let (kind, value) = (
        text(request, "restriction_type")?,
        text(request, "restriction_value")?,
    );
    let id = world.id();
    let name = match kind.as_str() {
        "project" if value == world.project_id => world.slug.project().to_owned(),
        _ => value.clone(),
    };
    let context = world.context(request)?;
    let mut json = json!({
        "context_id": context.id,
        "id": id,
        "name": name,
        "restriction_type": kind,
        "restriction_value": value,
    });
    if kind == "project" {
        json["project_id"] = json!(value);
    }
    context.restrictions.push(json.clone());
    ok(json)
}

fn lift(world: &mut World, request: &Received) -> Outcome {
    let id = request.path("restriction_id").unwrap_or_default();
    let context = world.context(request)?;
    let before = context.restrictions.len();
    context.restrictions.retain(|it| it["id"] != id);
    match context.restrictions.len() == before {
        true => Err(not_found("Context restriction")),
        false => say("Context restriction deleted."),
    }
}
