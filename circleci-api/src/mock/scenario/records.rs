//! The data that a world stores. The other modules create their answers from this data.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::run::Run;
use super::script::Workflow;

#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) number: usize,
    pub(super) branch: String,
    pub(super) tag: Option<String>,
    pub(super) revision: String,
    pub(super) parameters: Map<String, Value>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// How many more requests for the pipeline's workflows return an empty list before the workflows appear.
    pub(super) hidden: usize,
    pub(super) workflows: Vec<Run>,
    /// The continuation key, and the workflows that start when a client sends this key. It is `None` if the pipeline does not
    /// wait for a key.
    pub(super) continuation: Option<(String, Vec<Workflow>)>,
    pub(super) configuration: Option<String>,
    /// Whether the pipeline started with a setup workflow.
    pub(super) setup: bool,
}

#[derive(Debug)]
pub(super) struct Context {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_at: String,
    /// The slug or the id of the owner.
    pub(super) owner: String,
    /// The creation time and the update time of each variable, by the variable's name.
    pub(super) variables: BTreeMap<String, (String, String)>,
    pub(super) restrictions: Vec<Value>,
}

/// The objects of one kind, oldest first.
#[derive(Debug)]
pub(super) struct Store {
    /// What messages call an object of this kind, such as `Webhook`.
    pub(super) kind: &'static str,
    /// The name of the path parameter that holds an object's id.
    pub(super) parameter: &'static str,
    /// The id and the JSON of each object.
    pub(super) objects: Vec<(String, Value)>,
}

impl Store {
    pub(super) fn new(kind: &'static str, parameter: &'static str) -> Self {
        Self {
            kind,
            parameter,
            objects: Vec::new(),
        }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.objects.iter().any(|(known, _)| known == id)
    }
}

#[derive(Debug)]
pub(super) struct Export {
    pub(super) id: String,
    /// How many times clients have polled the export.
    pub(super) polls: usize,
}

/// Returns the settings of a new project.
pub(super) fn settings() -> Map<String, Value> {
    let settings = json!({
        "autocancel_builds": false,
        "build_fork_prs": false,
        "build_prs_only": false,
        "disable_ssh": false,
        "forks_receive_secret_env_vars": false,
        "oss": false,
        "set_github_status": true,
        "setup_workflows": false,
        "write_settings_requires_admin": false,
        "pr_only_branch_overrides": ["main"],
    });
    settings.as_object().cloned().unwrap_or_default()
}
