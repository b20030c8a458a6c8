//! The schedules of the project. The wire format has kebab-case keys for schedules.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::received::Received;
use super::records::Schedule;
use super::reply::{list, not_found, ok, say};
use super::world::{Handler, Outcome, World, date, text};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("listSchedulesForProject", |world, request| {
        let schedules = world.schedules.iter();
        let items = schedules
            .map(|it| (it.id.clone(), it.json.clone()))
            .collect();
        list(world, request, items, false)
    }),
    ("createSchedule", create),
    ("getScheduleById", |world, request| {
        world
            .schedule(request)
            .map(|it| it.json.clone())
            .and_then(|json| ok(request, json))
    }),
    ("updateSchedule", update),
    ("deleteScheduleById", |world, request| {
        let id = world.schedule(request).map(|it| it.id.clone());
        id.and_then(|id| {
            world.schedules.retain(|it| it.id != id);
            say(request, "Schedule deleted.")
        })
    }),
];

impl World {
    fn schedule(&mut self, request: &Received) -> Result<&mut Schedule, Refusal> {
        let id = request.path("schedule-id").unwrap_or_default();
        let mut schedules = self.schedules.iter_mut();
        schedules
            .find(|it| it.id == id)
            .ok_or_else(|| not_found("Schedule"))
    }

    /// The actor of a schedule: the user, or the system.
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
    world.schedules.push(Schedule {
        id,
        json: json.clone(),
    });
    ok(request, json)
}

fn update(world: &mut World, request: &Received) -> Outcome {
    let body = request.json().cloned().unwrap_or_default();
    let now = date(world.now());
    let actor = body
        .get("attribution-actor")
        .map(|_| world.attributed(&body));
    let schedule = world.schedule(request)?;
    for key in ["name", "description", "timetable", "parameters"] {
        if let Some(value) = body.get(key) {
            schedule.json[key] = value.clone();
        }
    }
    if let Some(actor) = actor {
        schedule.json["actor"] = actor;
    }
    schedule.json["updated-at"] = json!(now);
    let json = schedule.json.clone();
    ok(request, json)
}
