//! Reads a scenario from JSON.

use std::fmt;

use serde_json::{Map, Value};

use super::script::Script;
use crate::generated::types::WorkflowStatus;

/// The error that [`Scenario::load`](super::Scenario::load) returns. Its message names the path of the invalid key or value, and
/// says what is wrong with it.
///
/// ```
/// # use circleci_api::{mock::{Mock, scenario::Scenario}, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let circleci = Mock::start().await;
/// let read = Scenario::load(&circleci, &json!({ "project": "gh/acme/web", "variabels": {} }));
/// assert_eq!(read.err().map(|error| error.to_string()), Some("variabels: unknown key".to_owned()));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

type Read<T> = Result<T, ScenarioError>;

pub(super) fn wrong(path: &str, what: impl fmt::Display) -> ScenarioError {
    ScenarioError(format!("{path}: {what}"))
}

/// The content of a scenario file.
#[derive(Debug, Default)]
pub(super) struct Scene {
    pub(super) project: String,
    pub(super) branch: Option<String>,
    pub(super) page_size: Option<usize>,
    pub(super) rate_limit: Option<usize>,
    pub(super) variables: Vec<(String, String)>,
    /// Each context's name, and the names of its variables.
    pub(super) contexts: Vec<(String, Vec<String>)>,
    /// The pipelines that have already run.
    pub(super) pipelines: Vec<Script>,
    /// The scripts of the pipelines that clients will trigger next, in this order.
    pub(super) next: Vec<Script>,
    pub(super) files: Vec<(String, String)>,
}

/// A JSON object that is being read. Reading a key removes it, so the keys that remain at the end are unknown keys.
struct Keys<'a> {
    path: &'a str,
    left: Map<String, Value>,
}

impl<'a> Keys<'a> {
    fn of(path: &'a str, value: &Value) -> Read<Self> {
        match value.as_object() {
            Some(object) => Ok(Self {
                path,
                left: object.clone(),
            }),
            None => Err(wrong(
                if path.is_empty() {
                    "the scenario"
                } else {
                    path
                },
                "must be an object",
            )),
        }
    }

    fn path(&self, key: &str) -> String {
        match self.path {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Read<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(&self.path(key), "must be a string")),
        }
    }

    fn required(&mut self, key: &str) -> Read<String> {
        let text = self.text(key)?;
        text.ok_or_else(|| wrong(&self.path(key), "is required"))
    }

    fn number(&mut self, key: &str) -> Read<Option<usize>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = value.as_u64().filter(|number| *number > 0);
        let number = number.and_then(|number| usize::try_from(number).ok());
        number
            .map(Some)
            .ok_or_else(|| wrong(&self.path(key), "must be a positive integer"))
    }

    fn list(&mut self, key: &str) -> Read<Vec<(String, Value)>> {
        let path = self.path(key);
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let items = items.into_iter().enumerate();
                Ok(items
                    .map(|(index, it)| (format!("{path}[{index}]"), it))
                    .collect())
            }
            Some(_) => Err(wrong(&path, "must be a list")),
        }
    }

    fn texts(&mut self, key: &str) -> Read<Vec<(String, String)>> {
        let path = self.path(key);
        let map = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(wrong(&path, "must be an object")),
        };
        let text = |(name, value): (String, Value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(wrong(&format!("{path}.{name}"), "must be a string")),
        };
        map.into_iter().map(text).collect()
    }

    fn end(self) -> Read<()> {
        match self.left.keys().next() {
            Some(key) => Err(wrong(&self.path(key), "unknown key")),
            None => Ok(()),
        }
    }
}

pub(super) fn read(json: &Value) -> Read<Scene> {
    let mut keys = Keys::of("", json)?;
    let mut scene = Scene {
        project: keys.required("project")?,
        branch: keys.text("branch")?,
        page_size: keys.number("page_size")?,
        rate_limit: keys.number("rate_limit")?,
        variables: keys.texts("variables")?,
        files: keys.texts("files")?,
        ..Scene::default()
    };
    if let Some(contexts) = keys.take("contexts") {
        let contexts = Keys::of("contexts", &contexts)?.left;
        for (name, variables) in contexts {
            let path = format!("contexts.{name}");
            let variables = Keys::of(&path, &variables)?.left;
            let names = variables.into_iter().map(|(name, _)| name);
            scene.contexts.push((name, names.collect()));
        }
    }
    for (path, value) in keys.list("pipelines")? {
        scene.pipelines.push(script(&path, &value)?);
    }
    for (path, value) in keys.list("next")? {
        scene.next.push(script(&path, &value)?);
    }
    keys.end()?;
    Ok(scene)
}

fn script(path: &str, value: &Value) -> Read<Script> {
    let mut keys = Keys::of(path, value)?;
    let mut script = Script::new();
    if let Some(branch) = keys.text("branch")? {
        script = script.branch(branch);
    }
    match keys.take("setup") {
        Some(Value::Bool(true)) => script = script.setup(),
        Some(Value::Bool(false)) | None => {}
        Some(_) => return Err(wrong(&keys.path("setup"), "must be true or false")),
    }
    for (path, value) in keys.list("workflows")? {
        script = workflow(script, &path, &value)?;
    }
    keys.end()?;
    Ok(script)
}

fn workflow(mut script: Script, path: &str, value: &Value) -> Read<Script> {
    let mut keys = Keys::of(path, value)?;
    let name = keys.required("name")?;
    let statuses = statuses(&mut keys, "statuses")?;
    if statuses.is_empty() {
        return Err(wrong(&keys.path("statuses"), "must not be empty"));
    }
    script = script.workflow(name, statuses);
    let rerun = self::statuses(&mut keys, "rerun")?;
    if !rerun.is_empty() {
        script = script.rerun(rerun);
    }
    for (path, value) in keys.list("artifacts")? {
        let Value::String(artifact) = value else {
            return Err(wrong(&path, "must be a string"));
        };
        script = script.artifact(artifact);
    }
    for (path, value) in keys.list("tests")? {
        let mut keys = Keys::of(&path, &value)?;
        let (name, result) = (keys.required("name")?, keys.required("result")?);
        let message = keys.text("message")?.unwrap_or_default();
        keys.end()?;
        script = script.test(name, result, message);
    }
    if let Some(output) = keys.text("output")? {
        script = script.output(output);
    }
    keys.end()?;
    Ok(script)
}

/// Reads a list of workflow statuses. Only the statuses in CircleCI's document are valid. If any text were valid, a misspelled
/// status would be taken for a new status.
fn statuses(keys: &mut Keys<'_>, key: &str) -> Read<Vec<WorkflowStatus>> {
    let status = |(path, value): (String, Value)| {
        let status = value.as_str().map(WorkflowStatus::from);
        let status = status.filter(|it| !matches!(it, WorkflowStatus::Unknown(_)));
        status.ok_or_else(|| {
            wrong(
                &path,
                "must be a workflow status, such as running or success",
            )
        })
    };
    keys.list(key)?.into_iter().map(status).collect()
}
