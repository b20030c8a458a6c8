//! The schedules of the project. In the wire format, the keys of a schedule are in kebab case.

use serde_json::{Value, json};

use super::super::received::Received;
use super::reply::ok;
use super::store::list_of;
use super::world::{Handler, Outcome, World, date, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("listSchedulesForProject", |world, request| {
        list_of(world, request, |world| &world.schedules, |_| true)
    }),
    ("createSchedule", create),
    ("getScheduleById", |world, request| {
        world.schedules.get(request)
    }),
    ("updateSchedule", update),
    ("deleteScheduleById", |world, request| {
        world.schedules.delete(request)
    }),
];

impl World {
    /// Returns the actor to whom the schedule's pipelines are attributed: the system if the body asks for that, otherwise the
    /// user.
    fn attributed(&self, body: &Value) -> Value {
        match body["attribution-actor"].as_str() {
            Some("system") => json!({
                "id": "d9b3fcaa-6032-405a-8c75-40079ce33c3e", "login": "system-actor",
                "name": "Scheduled", "avatar_url": null,
            }),
            _ => super::projects::user(self),
        }
    }
}

fn create(world: &mut World, request: &Received) -> Outcome {
    text(request, "name")?;
    let body = request.json().cloned().unwrap_or_default();
    let (id, now) = (world.id(), date(world.now()));
    let json = json!({
        "id": id,
        "timetable": body["timetable"],
        "updated-at": now,
        "name": body["name"],
        "created-at": now,
        "project-slug": world.slug,
        "parameters": body["parameters"],
        "actor": world.attributed(&body),
        "description": body["description"],
    });
    world.schedules.add(id, json)
}

fn update(world: &mut World, request: &Received) -> Outcome {
    let body = request.json().cloned().unwrap_or_default();
    let now = date(world.now());
    let actor = body
        .get("attribution-actor")
        .map(|_| world.attributed(&body));
    let schedule = world.schedules.find(request)?;
    for key in ["name", "description", "timetable", "parameters"] {
        if let Some(value) = body.get(key) {
            schedule[key] = value.clone();
        }
    }
    if let Some(actor) = actor {
        schedule["actor"] = actor;
    }
    schedule["updated-at"] = json!(now);
    ok(schedule.clone())
}
