//! Tests of decoding. For every operation, they decode answers that are made from CircleCI's document. They also decode
//! answers as CircleCI really sends them, which differ from the document.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use crate::document::{Bare, Document, Maker, Operation, Style, UNKNOWN_KEY, as_3_0};
use crate::stage::Stage;
use crate::values::{id, number, project_slug, text};
use circleci_api::types::*;
use circleci_api::{Error, ParameterValue, Sending};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

// ---- from the document ---------------------------------------------------------------------------------------------

/// Returns the variants of an answer. Each has a name, whether the document allows the variant, and the style of its values.
fn variants() -> Vec<(&'static str, bool, Style)> {
    let plain = Style::default();
    vec![
        ("as documented", true, plain),
        (
            "nulls where they may be",
            true,
            Style {
                nulls: true,
                ..plain
            },
        ),
        (
            "no more than is required",
            true,
            Style {
                least: true,
                ..plain
            },
        ),
        (
            "dates with fractions",
            true,
            Style {
                fractions: true,
                ..plain
            },
        ),
        (
            "empty lists and maps",
            true,
            Style {
                empty: true,
                ..plain
            },
        ),
        (
            "unknown keys",
            false,
            Style {
                unknown_keys: true,
                ..plain
            },
        ),
        (
            "unknown words",
            false,
            Style {
                unknown_words: true,
                ..plain
            },
        ),
        (
            "keys in snake_case",
            false,
            Style {
                snake: true,
                ..plain
            },
        ),
        (
            "everything at once",
            false,
            Style {
                nulls: true,
                unknown_keys: true,
                unknown_words: true,
                snake: true,
                fractions: true,
                ..plain
            },
        ),
        (
            "everything at once, and no more than is required",
            false,
            Style {
                nulls: true,
                least: true,
                unknown_keys: true,
                unknown_words: true,
                snake: true,
                fractions: true,
                ..plain
            },
        ),
        (
            "all but identities null",
            false,
            Style {
                bare: Some(Bare::Null),
                unknown_keys: true,
                ..plain
            },
        ),
        (
            "all but identities absent",
            false,
            Style {
                bare: Some(Bare::Absent),
                unknown_keys: true,
                ..plain
            },
        ),
    ]
}

#[tokio::test]
async fn what_the_document_promises_is_read() {
    let document = Document::read();
    let stage = Stage::new().await;
    let operations: BTreeMap<&str, Operation<'_>> = document
        .operations()
        .into_iter()
        .map(|it| (it.id, it))
        .collect();
    let calls = crate::calls::documented();
    assert_eq!(
        calls.iter().map(|call| call.id).collect::<BTreeSet<_>>(),
        operations.keys().copied().collect::<BTreeSet<_>>()
    );
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for call in &calls {
        for (status, schema) in &operations[call.id].successes {
            let Some(schema) = schema else {
                stage.say(*status, "");
                let answered = (call.least)(&stage.client).await;
                assert_eq!(answered.ok(), Some(Value::Null), "{}", call.id);
                *read.entry("no body").or_default() += 1;
                continue;
            };
            let judge = document.judge(schema);
            for (variant, documented, style) in variants() {
                let mut pick = 0;
                loop {
                    let mut maker = Maker::new(&document, Style { pick, ..style });
                    let body = maker.make(schema);
                    let name = format!("{} {status}, {variant}, choice {pick}", call.id);
                    if documented {
                        let errors: Vec<String> = judge
                            .iter_errors(&body)
                            .map(|error| format!("{}: {error}", error.instance_path()))
                            .collect();
                        assert!(
                            errors.is_empty(),
                            "{name}: this test makes what the document does not allow: {errors:?}"
                        );
                    }
                    stage.say(*status, body.to_string());
                    match (call.least)(&stage.client).await {
                        Err(error) => faults.push(format!("{name}: {error}\n    {body}")),
                        Ok(Value::Null) if crate::calls::UNREAD.contains(&call.id) => {}
                        Ok(answered) => differences(&body, &answered, "", &mut |difference| {
                            faults.push(format!("{name}: {difference}"))
                        }),
                    }
                    *read.entry(variant).or_default() += 1;
                    pick += 1;
                    // Tries every branch of every union. The variant "as documented" also tries every enum value in every branch.
                    let words = if variant == "as documented" && maker.words > 1 {
                        4 * maker.words
                    } else {
                        1
                    };
                    if pick >= words.max(maker.branches).max(4) {
                        break;
                    }
                }
            }
        }
    }
    println!("{read:#?}");
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        read.values().sum::<usize>(),
        faults[..faults.len().min(60)].join("\n")
    );
}

/// Reports each value that was sent but is missing in the decoded answer, and each value in the decoded answer that was not
/// sent.
pub fn differences(sent: &Value, read: &Value, at: &str, found: &mut dyn FnMut(String)) {
    match (sent, read) {
        (Value::Object(sent), Value::Object(read)) => {
            let mut left: BTreeSet<&String> = read.keys().collect();
            for (key, value) in sent {
                let at = format!("{at}/{key}");
                // A key that the document lacks keeps its value, even if the value is null.
                if key.starts_with(UNKNOWN_KEY) {
                    left.remove(key);
                    if read.get(key) != Some(value) {
                        found(format!("{at} is {:?} instead of {value}", read.get(key)));
                    }
                    continue;
                }
                // The type writes a key in the spelling of the document, whichever spelling was sent.
                let spelled = [key.clone(), key.replace('_', "-")]
                    .into_iter()
                    .find(|key| read.contains_key(key));
                match spelled {
                    Some(spelled) => {
                        left.remove(&spelled);
                        differences(value, &read[&spelled], &at, found);
                    }
                    None if is_nothing(value) => {}
                    None => found(format!("{at} is lost: {value}")),
                }
            }
            for key in left.into_iter().filter(|key| !is_nothing(&read[*key])) {
                found(format!("{at}/{key} comes from nowhere: {}", read[key]));
            }
        }
        (Value::Array(sent), Value::Array(read)) if sent.len() == read.len() => {
            for (index, (sent, read)) in sent.iter().zip(read).enumerate() {
                differences(sent, read, &format!("{at}/{index}"), found);
            }
        }
        (Value::Null, read) if is_nothing(read) => {}
        (Value::Number(sent), Value::Number(read))
            if sent.as_f64() == read.as_f64()
                && (sent.as_i64() == read.as_i64() || read.is_f64()) => {}
        (Value::String(sent), Value::String(read)) if sent == read || same_time(sent, read) => {}
        (Value::Bool(sent), Value::Bool(read)) if sent == read => {}
        // If the document gives a value no type, the field is a string. A value that is not a string becomes its JSON text.
        (Value::Number(_) | Value::Bool(_) | Value::Object(_), Value::String(read))
            if is_json_of(read, sent) => {}
        _ => found(format!("{at} is {read} instead of {sent}")),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn is_json_of(read: &str, sent: &Value) -> bool {
    serde_json::to_string(sent).is_ok_and(|json| json == read)
}

fn same_time(sent: &str, read: &str) -> bool {
    let instant = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    instant(sent).is_some() && instant(sent) == instant(read)
}

// ---- answers that CircleCI really sends --------------------------------------------------------------------------------

/// Returns the result of a call. Checks that the result is equal after it is serialized and read again.
async fn read<T>(stage: &Stage, sending: Sending<T>, body: Value) -> Result<T, Error>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    stage.say(200, body.to_string());
    let value = sending.await?;
    let again: T = serde_json::from_value(serde_json::to_value(&value).unwrap()).unwrap();
    assert_eq!(again, value);
    Ok(value)
}

/// Defines one test for each row. A row has a call, the answer of the server, and the checks of the result.
macro_rules! table {
    ($($(#[$meta:meta])* $name:ident: |$client:ident| $call:expr, $body:expr => |$value:pat_param| $check:block)*) => {
        $($(#[$meta])*
        #[tokio::test]
        async fn $name() {
            let stage = Stage::new().await;
            let $client = &stage.client;
            let $value = read(&stage, $call.send(), $body).await.unwrap();
            $check
        })*
    };
}

fn time(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    Some(text.parse().unwrap())
}

/// Returns a page with one item and no next page.
fn page(item: Value) -> Value {
    json!({ "items": [item], "next_page_token": null })
}

/// Returns the object with these values added or replaced. A change to `null` sets the value `null` and does not remove the key.
fn with(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("changes")
    };
    object.as_object_mut().unwrap().extend(changes);
    object
}

/// Returns the object without some keys.
fn without(mut object: Value, keys: &[&str]) -> Value {
    for key in keys {
        assert!(
            object.as_object_mut().unwrap().remove(*key).is_some(),
            "{key}"
        );
    }
    object
}

fn job() -> Value {
    json!({
        "id": id("job"), "name": "build", "job_number": 7, "started_at": "2026-03-01T10:00:00Z", "stopped_at": "2026-03-01T10:01:00.25Z",
        "dependencies": [id("first")], "project_slug": "gh/acme/web", "status": "success", "type": "build",
        "requires": { "lint": ["success", "failed"] },
    })
}

fn workflow() -> Value {
    json!({
        "id": id("workflow"), "name": "ci", "status": "running", "created_at": "2026-03-01T10:00:00Z", "stopped_at": null, "pipeline_id": id("pipeline"),
        "pipeline_number": 25, "project_slug": "gh/acme/web", "started_by": id("user"),
    })
}

fn pipeline() -> Value {
    json!({
        "id": id("pipeline"), "number": 25, "project_slug": "gh/acme/web", "state": "created", "errors": [],
        "created_at": "2026-03-01T10:00:00.123Z", "updated_at": "2026-03-01T10:00:00Z",
        "trigger": { "type": "webhook", "received_at": "2026-03-01T10:00:00Z", "actor": { "login": "ada", "avatar_url": "https://example.com/ada.png" } },
        "vcs": {
            "provider_name": "GitHub", "origin_repository_url": "https://github.com/acme/web", "target_repository_url": "https://github.com/acme/web",
            "revision": "f454a02b5d10fcccfd7d9dd7608a76d6493a98b4", "branch": "main", "commit": { "subject": "Fix", "body": "" },
        },
    })
}

fn project() -> Value {
    json!({
        "id": id("project"), "slug": "gh/acme/web", "name": "web", "organization_name": "acme", "organization_slug": "gh/acme", "organization_id": id("org"),
        "vcs_info": { "vcs_url": "https://github.com/acme/web", "provider": "GitHub", "default_branch": "main" },
    })
}

fn job_details() -> Value {
    json!({
        "number": 7, "name": "build", "status": "success", "web_url": "https://circleci.com/x", "parallelism": 1, "duration": 1000,
        "created_at": "2026-03-01T10:00:00Z", "queued_at": "2026-03-01T10:00:00.5Z", "started_at": "2026-03-01T10:00:01Z", "stopped_at": null,
        "project": { "id": id("project"), "slug": "gh/acme/web", "name": "web", "external_url": "https://github.com/acme/web" },
        "parallel_runs": [{ "index": 0, "status": "success" }], "latest_workflow": { "id": id("workflow"), "name": "ci" },
        "executor": { "resource_class": "medium", "type": "docker" }, "pipeline": { "id": id("pipeline") },
        "messages": [], "contexts": [{ "name": "prod" }], "organization": { "name": "acme" },
    })
}

fn test_result() -> Value {
    json!({ "name": "it works", "classname": "web", "file": "web.rs", "source": "cargo", "result": "success", "message": "", "run_time": 1.5 })
}

fn webhook() -> Value {
    json!({
        "id": id("webhook"), "name": "all", "url": "https://example.com", "events": ["workflow-completed"], "scope": { "id": id("project"), "type": "project" },
        "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00.1Z", "verify_tls": true, "signing_secret": "***",
    })
}

fn export() -> Value {
    json!({ "usage_export_job_id": id("export"), "state": "created", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z", "download_urls": null })
}

// Values that the document requires, but that are null or absent.
table! {
    a_next_page_token_is_null: |c| c.list_pipelines(), page(pipeline()) => |page| {
        assert_eq!((page.items.len(), page.next_page_token), (1, None));
    }
    a_next_page_token_is_absent: |c| c.list_pipelines(), json!({ "items": [] }) => |page| {
        assert_eq!((page.items.len(), page.next_page_token), (0, None));
    }
    a_next_page_token_is_empty: |c| c.list_pipelines(), json!({ "items": [], "next_page_token": "" }) => |page| {
        assert_eq!(circleci_api::Page::next_page_token(&page).filter(|token| !token.is_empty()), None);
    }
    a_next_page_token_is_there: |c| c.list_pipelines(), json!({ "items": [], "next_page_token": "AARLwwV+/=" }) => |page| {
        assert_eq!(page.next_page_token.as_deref(), Some("AARLwwV+/="));
    }
    items_are_null: |c| c.list_pipelines(), json!({ "items": null, "next_page_token": null }) => |page| {
        assert!(page.items.is_empty());
    }
    a_job_is_all_there: |c| c.list_workflow_jobs(id("w")), page(job()) => |page| {
        let job = &page.items[0];
        assert_eq!((job.id, job.job_number, job.name.as_str()), (id("job"), Some(7), "build"));
        assert_eq!((job.started_at, job.stopped_at), (time("2026-03-01T10:00:00Z"), time("2026-03-01T10:01:00.250Z")));
        assert_eq!((&job.status, &job.type_), (&Some(JobStatus::Success), &Some(JobType::Build)));
        assert_eq!(job.dependencies, [id("first")]);
        assert_eq!(job.requires["lint"], [RequiredStatus::Success, RequiredStatus::Failed]);
    }
    an_approval_job_has_not_started: |c| c.list_workflow_jobs(id("w")),
        page(with(without(job(), &["job_number", "started_at", "stopped_at"]), json!({ "type": "approval", "status": "on_hold", "approval_request_id": id("approval") }))) => |page| {
        let job = &page.items[0];
        assert_eq!((job.job_number, job.started_at, job.stopped_at), (None, None, None));
        assert_eq!((&job.status, &job.type_), (&Some(JobStatus::OnHold), &Some(JobType::Approval)));
        assert_eq!(job.approval_request_id, Some(id("approval")));
    }
    a_job_has_not_started: |c| c.list_workflow_jobs(id("w")), page(with(job(), json!({ "job_number": null, "started_at": null, "requires": null, "dependencies": null }))) => |page| {
        let job = &page.items[0];
        assert_eq!((job.job_number, job.started_at), (None, None));
        assert!(job.requires.is_empty() && job.dependencies.is_empty());
    }
    a_workflow_is_all_there: |c| c.get_workflow_by_id(id("w")), with(workflow(), json!({ "tag": "setup", "canceled_by": id("c"), "auto_rerun_number": 2, "max_auto_reruns": 3 })) => |workflow| {
        assert_eq!((workflow.id, workflow.pipeline_id, workflow.started_by), (Some(id("workflow")), Some(id("pipeline")), Some(id("user"))));
        assert_eq!((workflow.pipeline_number, workflow.project_slug.as_deref(), workflow.name.as_str()), (Some(25), Some("gh/acme/web"), "ci"));
        assert_eq!((workflow.status, workflow.tag, workflow.stopped_at), (Some(WorkflowStatus::Running), Some(WorkflowTag::Setup), None));
        assert_eq!((workflow.canceled_by, workflow.auto_rerun_number, workflow.max_auto_reruns), (Some(id("c")), Some(2), Some(3)));
    }
    a_workflow_is_null_throughout: |c| c.list_workflows_by_pipeline_id(id("p")),
        page(with(workflow(), json!({ "id": null, "status": null, "stopped_at": null, "pipeline_id": null, "pipeline_number": null, "started_by": null, "project_slug": null, "tag": null }))) => |page| {
        let workflow = &page.items[0];
        assert_eq!((workflow.id, &workflow.status, workflow.stopped_at, workflow.pipeline_id), (None, &None, None, None));
        assert_eq!((workflow.pipeline_number, workflow.started_by, &workflow.project_slug), (None, None, &None));
        assert_eq!((workflow.name.as_str(), workflow.created_at), ("ci", time("2026-03-01T10:00:00Z")));
    }
    a_workflow_is_absent_throughout: |c| c.list_workflows_by_pipeline_id(id("p")),
        page(without(workflow(), &["id", "status", "stopped_at", "pipeline_id", "pipeline_number", "started_by", "project_slug"])) => |page| {
        assert_eq!((page.items[0].id, page.items[0].name.as_str()), (None, "ci"));
    }
    a_pipeline_is_all_there: |c| c.get_pipeline_by_id(id("p")), with(pipeline(), json!({ "errors": [{ "type": "plan", "message": "no credits" }] })) => |pipeline| {
        assert_eq!((pipeline.id, pipeline.number, pipeline.state), (id("pipeline"), 25, Some(PipelineState::Created)));
        assert_eq!((pipeline.created_at, pipeline.updated_at), (time("2026-03-01T10:00:00.123Z"), time("2026-03-01T10:00:00Z")));
        assert_eq!((&pipeline.errors[0].type_, pipeline.errors[0].message.as_deref()), (&Some(PipelineErrorType::Plan), Some("no credits")));
        let (trigger, vcs) = (pipeline.trigger.unwrap(), pipeline.vcs.unwrap());
        assert_eq!((trigger.type_, trigger.actor.unwrap().login.as_deref()), (Some(PipelineTriggerType::Webhook), Some("ada")));
        assert_eq!((vcs.branch.as_deref(), vcs.commit.unwrap().subject.as_deref()), (Some("main"), Some("Fix")));
    }
    an_actor_is_null: |c| c.get_pipeline_by_id(id("p")), with(pipeline(), json!({ "trigger": { "type": "api", "received_at": "2026-03-01T10:00:00Z", "actor": null } })) => |pipeline| {
        let trigger = pipeline.trigger.unwrap();
        assert_eq!((trigger.actor, trigger.received_at), (None, time("2026-03-01T10:00:00Z")));
    }
    an_actor_is_absent: |c| c.get_pipeline_by_id(id("p")), with(pipeline(), json!({ "trigger": { "type": "api" } })) => |pipeline| {
        assert_eq!(pipeline.trigger.unwrap().actor, None);
    }
    an_actor_has_no_picture: |c| c.get_pipeline_by_id(id("p")), with(pipeline(), json!({ "trigger": { "type": "api", "actor": { "login": "ada", "avatar_url": null } } })) => |pipeline| {
        let actor = pipeline.trigger.unwrap().actor.unwrap();
        assert_eq!((actor.login.as_deref(), actor.avatar_url), (Some("ada"), None));
    }
    a_user_has_no_picture: |c| c.get_current_user(), json!({ "id": id("user"), "login": "ada", "name": null, "avatar_url": null }) => |user| {
        assert_eq!((user.id, user.login.as_deref(), user.name, user.avatar_url), (id("user"), Some("ada"), None, None));
    }
    a_project_has_no_ids: |c| c.get_project_by_slug("gh/acme/web"), with(project(), json!({ "id": null, "organization_id": null, "organization_slug": null })) => |project| {
        assert_eq!((project.id, project.organization_id, project.organization_slug), (None, None, None));
        assert_eq!((project.slug.as_str(), project.name.as_str()), ("gh/acme/web", "web"));
        assert_eq!(project.vcs_info.unwrap().provider, Some(VcsProvider::GitHub));
    }
    a_project_lacks_its_ids: |c| c.get_project_by_slug("gh/acme/web"), without(project(), &["id", "organization_id", "organization_slug"]) => |project| {
        assert_eq!((project.id, project.organization_id), (None, None));
    }
    a_job_of_a_project_without_id: |c| c.get_job_details("gh/acme/web", 7), with(job_details(), json!({ "project": { "id": null, "slug": "gh/acme/web", "name": "web", "external_url": null } })) => |job| {
        let project = job.project.unwrap();
        assert_eq!((project.id, project.slug.as_str(), project.external_url), (None, "gh/acme/web", None));
    }
    a_job_of_a_project_that_lacks_its_id: |c| c.get_job_details("gh/acme/web", 7), with(job_details(), json!({ "project": { "slug": "gh/acme/web", "name": "web" } })) => |job| {
        assert_eq!(job.project.unwrap().id, None);
    }
    a_job_is_queued: |c| c.get_job_details("gh/acme/web", 7), with(without(job_details(), &["started_at"]), json!({ "status": "queued", "duration": null, "executor": { "resource_class": "medium" } })) => |job| {
        assert_eq!((job.number, job.status, job.duration, job.started_at), (7, Some(JobStatus::Queued), None, None));
        assert_eq!(job.queued_at, time("2026-03-01T10:00:00.5Z"));
        assert_eq!((job.executor.unwrap().type_, job.contexts[0].name.as_str()), (None, "prod"));
    }
    a_run_without_branch: |c| c.get_project_workflow_runs("gh/acme/web", "ci"), page(json!({ "id": id("run"), "duration": 60, "created_at": "2026-03-01T10:00:00Z", "stopped_at": null, "credits_used": 0, "status": "success" })) => |page| {
        let run = &page.items[0];
        assert_eq!((run.id, run.duration, run.credits_used), (id("run"), Some(60), Some(0)));
        assert_eq!((&run.branch, run.is_approval, &run.status), (&None, None, &Some(WorkflowRunStatus::Success)));
    }
    a_run_with_nulls: |c| c.get_project_workflow_runs("gh/acme/web", "ci"), page(json!({ "id": id("run"), "branch": null, "is_approval": null, "status": null })) => |page| {
        assert_eq!((&page.items[0].branch, page.items[0].is_approval), (&None, None));
    }
    metrics_without_project_and_recoveries: |c| c.get_project_workflow_metrics("gh/acme/web"),
        page(json!({ "name": "ci", "metrics": { "total_runs": 3, "mttr": null, "success_rate": 0.6666666666666666, "throughput": 1e-7 }, "window_start": "2026-03-01T10:00:00Z", "window_end": "2026-03-01T10:00:00.000Z" })) => |page| {
        let insights = &page.items[0];
        let metrics = insights.metrics.as_ref().unwrap();
        assert_eq!((&insights.project_id, metrics.total_recoveries, metrics.mttr), (&None, None, None));
        // A 32-bit floating-point number would round these values.
        assert_eq!((metrics.total_runs, metrics.success_rate, metrics.throughput), (Some(3), Some(0.6666666666666666), Some(1e-7)));
    }
    metrics_with_nulls: |c| c.get_project_workflow_metrics("gh/acme/web"), page(json!({ "name": "ci", "project_id": null, "metrics": { "total_recoveries": null, "duration_metrics": null } })) => |page| {
        assert_eq!((&page.items[0].project_id, page.items[0].name.as_str()), (&None, "ci"));
    }
    a_test_with_nulls: |c| c.get_tests("gh/acme/web", 7), page(json!({ "name": "it works", "result": "success", "run_time": null, "classname": null, "file": null, "source": null, "message": null })) => |page| {
        let test = &page.items[0];
        assert_eq!((test.name.as_str(), test.result.as_deref(), test.run_time), ("it works", Some("success"), None));
        assert_eq!((&test.classname, &test.file, &test.source, &test.message), (&None, &None, &None, &None));
    }
    a_test_that_lacks_most: |c| c.get_tests("gh/acme/web", 7), page(without(test_result(), &["classname", "file", "source", "message"])) => |page| {
        assert_eq!((page.items[0].run_time, &page.items[0].file), (Some(1.5), &None));
    }
    a_rerun_without_workflow: |c| c.rerun_workflow(id("w")), json!({ "workflow_id": null }) => |rerun| { assert_eq!(rerun.workflow_id, None); }
    a_rerun_with_nothing: |c| c.rerun_workflow(id("w")), json!({}) => |rerun| { assert_eq!(rerun.workflow_id, None); }
    a_rerun: |c| c.rerun_workflow(id("w")), json!({ "workflow_id": id("again") }) => |rerun| { assert_eq!(rerun.workflow_id, Some(id("again"))); }
    a_context_variable_without_dates: |c| c.list_environment_variables_from_context(id("c")), page(json!({ "variable": "KEY", "created_at": null, "context_id": id("c") })) => |page| {
        let variable = &page.items[0];
        assert_eq!((variable.variable.as_str(), variable.created_at, variable.updated_at, variable.context_id), ("KEY", None, None, Some(id("c"))));
    }
    a_variable_that_was_added: |c| c.add_environment_variable_to_context(id("c"), "KEY", AddEnvironmentVariableToContextRequest::new("v")),
        json!({ "variable": "KEY", "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00.5Z", "context_id": id("c") }) => |added| {
        let AddedEnvironmentVariable::Variable(variable) = added else { panic!("{added:?}") };
        assert_eq!((variable.variable.as_str(), variable.updated_at), ("KEY", time("2026-03-01T10:00:00.5Z")));
    }
    a_variable_that_was_added_without_dates: |c| c.add_environment_variable_to_context(id("c"), "KEY", AddEnvironmentVariableToContextRequest::new("v")),
        json!({ "variable": "KEY", "context_id": id("c"), "message": "also this" }) => |added| {
        assert!(matches!(&added, AddedEnvironmentVariable::Variable(variable) if variable.created_at.is_none()), "{added:?}");
    }
    a_variable_that_was_added_with_a_message: |c| c.add_environment_variable_to_context(id("c"), "KEY", AddEnvironmentVariableToContextRequest::new("v")),
        json!({ "message": "added" }) => |added| {
        assert!(matches!(&added, AddedEnvironmentVariable::Message(it) if it.message.as_deref() == Some("added")), "{added:?}");
    }
    a_restriction_without_name: |c| c.get_context_restrictions(id("c")), page(json!({ "id": id("r"), "context_id": id("c"), "name": null, "restriction_type": "expression", "restriction_value": "a == b" })) => |page| {
        let restriction = &page.items[0];
        assert_eq!((restriction.id, &restriction.name, restriction.restriction_value.as_deref()), (Some(id("r")), &None, Some("a == b")));
        assert_eq!(restriction.restriction_type, Some(RestrictionType::Expression));
    }
    a_component_without_project: |c| c.get_component("x"), json!({ "id": id("component"), "name": "api", "project_id": null, "labels": null, "release_count": 4 }) => |component| {
        assert_eq!((component.id, component.project_id, component.release_count), (Some(id("component")), None, Some(4)));
        assert!(component.labels.is_empty());
    }
    an_export_has_no_urls_yet: |c| c.create_usage_export("org", CreateUsageExportRequest::new(crate::values::date("s"), crate::values::date("e"))), export() => |job| {
        assert_eq!((job.usage_export_job_id, job.state, job.start), (id("export"), Some(UsageExportJobState::Created), time("2026-03-01T00:00:00Z")));
        assert!(job.download_urls.is_empty());
    }
    an_export_lacks_its_urls: |c| c.get_usage_export("org", id("export")), json!({ "usage_export_job_id": id("export"), "state": "processing" }) => |job| {
        assert_eq!((job.state, job.download_urls.len(), job.error_reason), (Some(UsageExportJobState::Processing), 0, None));
    }
    an_export_has_parts: |c| c.get_usage_export("org", id("export")), json!({ "usage_export_job_id": id("export"), "state": "completed", "download_urls": ["https://s.example/1.csv.gz?X-Amz=a%2Fb", "https://s.example/2.csv.gz"] }) => |job| {
        assert_eq!(job.download_urls, ["https://s.example/1.csv.gz?X-Amz=a%2Fb", "https://s.example/2.csv.gz"]);
    }
    an_export_without_data: |c| c.get_usage_export("org", id("export")), json!({ "usage_export_job_id": id("export"), "state": "completed", "download_urls": null, "error_reason": null }) => |job| {
        assert_eq!((job.state, job.download_urls.len()), (Some(UsageExportJobState::Completed), 0));
    }
    a_gitlab_pipeline_without_vcs: |c| c.get_pipeline_by_id(id("p")),
        with(without(pipeline(), &["vcs"]), json!({
            "project_slug": "circleci/9YytKzouJxzu4TjCRFqAoD/44n9wujWcTnVZ2b5S8Fnat",
            "trigger": { "type": "gitlab", "received_at": "2026-03-01T10:00:00Z", "actor": { "login": "ada", "avatar_url": null } },
            "trigger_parameters": { "gitlab": { "type": "push", "ref": "refs/heads/main", "total_commits_count": 1 }, "git": { "tag": "" }, "count": 3, "deploy": true, "by": "ada" },
        })) => |pipeline| {
        assert_eq!(pipeline.vcs, None);
        assert_eq!(pipeline.trigger.unwrap().type_, Some("gitlab".into()));
        let parameters = pipeline.trigger_parameters;
        assert_eq!(parameters["gitlab"], ParameterValue::from(json!({ "type": "push", "ref": "refs/heads/main", "total_commits_count": 1 })));
        assert_eq!((&parameters["count"], &parameters["deploy"], &parameters["by"]), (&3.into(), &true.into(), &"ada".into()));
    }
    a_github_app_pipeline_without_revision: |c| c.list_pipelines(), page(with(pipeline(), json!({ "vcs": { "provider_name": "GitHub", "revision": null, "branch": "main" } }))) => |page| {
        let vcs = page.items[0].vcs.as_ref().unwrap();
        assert_eq!((&vcs.revision, vcs.branch.as_deref(), &vcs.commit), (&None, Some("main"), &None));
    }
    a_pipeline_with_vcs_null: |c| c.list_pipelines(), page(with(pipeline(), json!({ "vcs": null, "trigger_parameters": null, "errors": null }))) => |page| {
        assert_eq!(page.items[0].vcs, None);
        assert!(page.items[0].trigger_parameters.is_empty() && page.items[0].errors.is_empty());
    }
    an_older_server: |c| c.list_pipelines(), page(json!({ "id": id("pipeline"), "number": 1 })) => |page| {
        assert_eq!((page.items[0].id, page.items[0].number, &page.items[0].state), (id("pipeline"), 1, &None));
    }
}

// Keys that the document does not allow, and keys that the document spells differently.
table! {
    a_context_variable_with_its_truncated_value: |c| c.list_environment_variables_from_context(id("c")),
        page(json!({ "variable": "KEY", "truncated_value": "xxxx", "context_id": id("c"), "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z" })) => |page| {
        assert_eq!(page.items[0].variable, "KEY");
    }
    a_trigger_with_name_and_description: |c| c.get_trigger("p", "t"), json!({ "id": id("t"), "name": "n", "description": "d", "event_name": "e", "event_preset": "all-pushes", "disabled": false,
        "event_source": { "provider": "github_app", "repo": { "full_name": "acme/web", "external_id": "1" } }, "parameters": { "a": [1.5, null] } }) => |trigger| {
        assert_eq!((trigger.id, trigger.event_name.as_deref(), trigger.disabled), (Some(id("t")), Some("e"), Some(false)));
        assert_eq!(trigger.event_preset, Some(EventPreset::AllPushes));
        assert_eq!(trigger.event_source.unwrap().repo.unwrap().full_name.as_deref(), Some("acme/web"));
        assert_eq!(trigger.parameters["a"], ParameterValue::from(json!([1.5, null])));
    }
    a_component_that_is_archived: |c| c.list_components(id("o")), page(json!({ "id": id("component"), "archived_at": "2026-03-01T10:00:00Z", "labels": [{ "key": "k", "value": "v", "x": 1 }] })) => |page| {
        assert_eq!((page.items[0].labels[0].key.as_deref(), page.items[0].labels[0].value.as_deref()), (Some("k"), Some("v")));
    }
    metrics_with_median_credits: |c| c.get_project_workflow_job_metrics("gh/acme/web", "ci"), page(json!({ "name": "build", "metrics": { "total_runs": 1, "median_credits_used": 5 } })) => |page| {
        assert_eq!(page.items[0].metrics.as_ref().unwrap().total_runs, Some(1));
    }
    a_job_with_an_idempotency_key: |c| c.list_workflow_jobs(id("w")), page(with(job(), json!({ "idempotency_key": "k", "tomorrow": { "a": [{}] } }))) => |page| {
        assert_eq!(page.items[0].job_number, Some(7));
    }
    collaborations_are_in_snake_case: |c| c.get_collaborations(), json!([{ "id": null, "vcs_type": "github", "name": "ada", "avatar_url": "https://x", "slug": "gh/ada" }]) => |all| {
        assert_eq!((all[0].id, all[0].vcs_type.as_deref(), all[0].slug.as_deref()), (None, Some("github"), Some("gh/ada")));
    }
    checkout_keys_are_in_snake_case: |c| c.list_checkout_keys("gh/acme/web"), page(json!({ "public_key": "ssh-rsa a", "type": "deploy-key", "fingerprint": "c9:0b", "preferred": true, "created_at": "2015-09-21T17:29:21.042Z" })) => |page| {
        let key = &page.items[0];
        assert_eq!((key.public_key.as_deref(), key.created_at, &key.type_), (Some("ssh-rsa a"), time("2015-09-21T17:29:21.042Z"), &Some(CheckoutKeyType::DeployKey)));
    }
    flaky_tests_are_in_snake_case: |c| c.get_flaky_tests("gh/acme/web"), json!({ "flaky_tests": [{
        "time_wasted": 9, "workflow_created_at": "2026-03-01 10:00", "workflow_id": id("w"), "classname": null, "pipeline_number": 8, "workflow_name": "ci", "test_name": "t",
        "job_name": "j", "job_number": 6, "times_flaked": 5, "source": null, "file": null }], "total_flaky_tests": 1 }) => |flaky| {
        let test = &flaky.flaky_tests[0];
        assert_eq!((flaky.total_flaky_tests, test.time_wasted, test.pipeline_number, test.job_number, test.times_flaked), (Some(1.0), Some(9), Some(8), Some(6), Some(5)));
        assert_eq!((test.workflow_id.clone(), test.workflow_created_at.as_deref()), (Some(id("w").to_string()), Some("2026-03-01 10:00")));
        assert_eq!((test.workflow_name.as_deref(), test.test_name.as_deref(), test.job_name.as_deref()), (Some("ci"), Some("t"), Some("j")));
    }
    a_config_is_in_snake_case: |c| c.get_pipeline_config_by_id(id("p")), json!({ "source": "a", "compiled": "b", "setup_config": "c", "compiled_setup_config": "d" }) => |config| {
        assert_eq!((config.source.as_deref(), config.compiled.as_deref()), (Some("a"), Some("b")));
        assert_eq!((config.setup_config.as_deref(), config.compiled_setup_config.as_deref()), (Some("c"), Some("d")));
    }
    variables_are_in_snake_case: |c| c.list_env_vars("gh/acme/web"), page(json!({ "name": "KEY", "value": "xxxx1234", "created_at": "2026-03-01T10:00:00.000Z" })) => |page| {
        assert_eq!((page.items[0].name.as_str(), page.items[0].created_at.as_deref()), ("KEY", Some("2026-03-01T10:00:00.000Z")));
    }
    a_variable_without_date: |c| c.get_env_var("gh/acme/web", "KEY"), json!({ "name": "KEY", "value": "xxxx1234", "created-at": null }) => |variable| {
        assert_eq!((variable.value.as_deref(), variable.created_at), (Some("xxxx1234"), None));
    }
    webhooks_are_in_snake_case: |c| c.get_webhook_by_id(id("w")), webhook() => |webhook| {
        assert_eq!((webhook.created_at, webhook.updated_at), (time("2026-03-01T10:00:00Z"), time("2026-03-01T10:00:00.1Z")));
        assert_eq!((webhook.verify_tls, webhook.signing_secret.as_deref(), webhook.scope.unwrap().id), (Some(true), Some("***"), id("project")));
        assert_eq!(webhook.events, [WebhookEvent::WorkflowCompleted]);
    }
    a_key_in_both_spellings: |c| c.get_env_var("gh/acme/web", "KEY"), json!({ "name": "KEY", "created-at": "2026-03-01T10:00:00Z", "created_at": "2026-03-01T10:00:00Z" }) => |variable| {
        assert_eq!(variable.created_at.as_deref(), Some("2026-03-01T10:00:00Z"));
    }
    schedules_stay_in_kebab_case: |c| c.get_schedule_by_id(id("s")), json!({
        "id": id("schedule"), "name": "nightly", "description": null, "project-slug": "gh/acme/web", "created-at": "2026-03-01T10:00:00Z", "updated-at": "2026-03-01T10:00:00.9Z",
        "actor": { "id": id("user"), "login": "ada", "name": "Ada", "avatar_url": null }, "parameters": { "deploy": true, "count": 3, "branch": "main" },
        "timetable": { "per-hour": 1, "hours-of-day": [0, 23], "days-of-week": ["MON", "SUN"], "days-of-month": [1], "months": ["JAN"] } }) => |schedule| {
        assert_eq!((schedule.project_slug.as_deref(), schedule.created_at, schedule.updated_at), (Some("gh/acme/web"), time("2026-03-01T10:00:00Z"), time("2026-03-01T10:00:00.9Z")));
        let timetable = schedule.timetable.unwrap();
        assert_eq!((timetable.per_hour, timetable.hours_of_day, timetable.days_of_month), (Some(1), Some(vec![0, 23]), Some(vec![1])));
        assert_eq!((timetable.days_of_week, timetable.months), (Some(vec![DayOfWeek::Mon, DayOfWeek::Sun]), Some(vec![Month::Jan])));
        assert_eq!(schedule.parameters, [("branch", ParameterValue::from("main")), ("count", 3.into()), ("deploy", true.into())].map(|(key, value)| (key.to_owned(), value)).into());
    }
}

// Enum values that the document does not list.
table! {
    a_job_was_skipped: |c| c.list_workflow_jobs(id("w")), page(with(job(), json!({ "status": "skipped", "type": "no-op", "requires": { "lint": ["skipped", "success"] } }))) => |page| {
        let job = &page.items[0];
        assert_eq!(job.status, Some(JobStatus::Unknown("skipped".into())));
        assert_eq!(job.type_, Some(JobType::Unknown("no-op".into())));
        assert_eq!(job.requires["lint"], [RequiredStatus::Unknown("skipped".into()), RequiredStatus::Success]);
        assert_eq!(serde_json::to_value(job).unwrap()["status"], "skipped");
    }
    a_job_was_skipped_in_detail: |c| c.get_job_details("gh/acme/web", 7), with(job_details(), json!({ "status": "skipped" })) => |job| {
        assert_eq!(job.status.as_ref().map(JobStatus::as_str), Some("skipped"));
    }
    triggers_that_the_document_does_not_have: |c| c.list_pipelines(),
        json!({ "items": (["schedule", "unknown", "Decoupled Ingestion System", "gitlab", ""].map(|word| with(pipeline(), json!({ "trigger": { "type": word } })))), "next_page_token": null }) => |page| {
        let types = page.items.iter().map(|pipeline| pipeline.trigger.as_ref().unwrap().type_.as_ref().unwrap());
        let words: Vec<&str> = types.clone().map(PipelineTriggerType::as_str).collect();
        assert_eq!(words, ["schedule", "unknown", "Decoupled Ingestion System", "gitlab", ""]);
        assert!(types.into_iter().all(|word| matches!(word, PipelineTriggerType::Unknown(_))));
        assert_eq!(serde_json::to_value(&page).unwrap().pointer("/items/2/trigger/type"), Some(&json!("Decoupled Ingestion System")));
    }
    a_state_and_a_status_of_tomorrow: |c| c.list_workflows_by_pipeline_id(id("p")), page(with(workflow(), json!({ "status": "Paused \"é\"", "tag": "tear-down" }))) => |page| {
        assert_eq!(page.items[0].status, Some("Paused \"é\"".into()));
        assert_eq!(page.items[0].tag, Some(WorkflowTag::Unknown("tear-down".into())));
    }
}

// Values whose JSON type differs from the document.
table! {
    a_run_time_is_a_number_or_a_text: |c| c.get_tests("gh/acme/web", 7),
        json!({ "items": ([json!(1.5), json!("2.25"), json!(3), json!("4"), json!(0.1), json!(""), json!("fast"), json!(null), json!("1e-3")].map(|it| with(test_result(), json!({ "run_time": it })))) }) => |page| {
        let times: Vec<Option<f64>> = page.items.iter().map(|test| test.run_time).collect();
        assert_eq!(times, [Some(1.5), Some(2.25), Some(3.0), Some(4.0), Some(0.1), None, None, None, Some(1e-3)]);
    }
    dates_with_and_without_fractions: |c| c.list_contexts(),
        json!({ "items": (["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.1Z", "2026-03-01T10:00:00.123456789Z", "2026-03-01T12:00:00+02:00"].map(|date| json!({ "id": id("c"), "name": "n", "created_at": date }))) }) => |page| {
        let dates: Vec<_> = page.items.iter().map(|context| context.created_at).collect();
        assert_eq!(dates, [time("2026-03-01T10:00:00Z"), time("2026-03-01T10:00:00.1Z"), time("2026-03-01T10:00:00.123456789Z"), time("2026-03-01T10:00:00Z")]);
    }
    a_bundle_is_a_flat_map: |c| c.get_policy_bundle("o", "config"), json!({ "a policy": { "name": "a policy", "content": "package org", "created_at": "2026-03-01T10:00:00.5Z", "created_by": "ada" } }) => |bundle| {
        let PolicyBundleEntry::Policy(policy) = &bundle["a policy"] else { panic!("{bundle:?}") };
        assert_eq!((policy.name.as_deref(), policy.content.as_deref(), policy.created_by.as_deref()), (Some("a policy"), Some("package org"), Some("ada")));
        assert_eq!(policy.created_at, time("2026-03-01T10:00:00.5Z"));
    }
    a_bundle_is_a_map_of_lists: |c| c.get_decision_log_policy_bundle("o", "config", "d"), json!({ "a": [{ "name": "a", "content": "1" }, { "name": "a", "content": "2" }], "b": [], "c": { "content": "3" } }) => |bundle| {
        let PolicyBundleEntry::List(policies) = &bundle["a"] else { panic!("{bundle:?}") };
        assert_eq!(policies.iter().map(|policy| policy.content.as_deref()).collect::<Vec<_>>(), [Some("1"), Some("2")]);
        assert!(matches!(&bundle["b"], PolicyBundleEntry::List(none) if none.is_empty()));
        assert!(matches!(&bundle["c"], PolicyBundleEntry::Policy(policy) if policy.content.as_deref() == Some("3")));
    }
    a_decision_has_a_map_of_policies: |c| c.get_decision_log("o", "config", "d"), json!({ "id": id("d"), "policies": { "a": "f00d" }, "decision": { "status": "PASS" }, "time_taken_ms": 3, "metadata": { "build_number": 7, "ssh_rerun": false, "vcs": { "branch": "main" } } }) => |log| {
        assert!(matches!(&log.policies, Some(DecisionPolicies::Map(map)) if map["a"] == "f00d"), "{log:?}");
        assert_eq!((log.id, log.time_taken_ms, log.decision.unwrap().status.as_deref()), (Some(id("d")), Some(3), Some("PASS")));
        assert_eq!(log.metadata.unwrap().vcs.unwrap().branch.as_deref(), Some("main"));
    }
    a_decision_has_a_list_of_policies: |c| c.get_decision_logs("o", "config"), json!([{ "policies": ["a", { "name": "b" }] }, { "policies": {} }, { "policies": [] }, { "policies": null }, {}]) => |logs| {
        assert!(matches!(&logs[0].policies, Some(DecisionPolicies::List(list)) if *list == [json!("a"), json!({ "name": "b" })]), "{logs:?}");
        assert!(matches!(&logs[1].policies, Some(DecisionPolicies::Map(map)) if map.is_empty()));
        assert!(matches!(&logs[2].policies, Some(DecisionPolicies::List(list)) if list.is_empty()));
        assert_eq!((&logs[3].policies, &logs[4].policies), (&None, &None));
    }
    a_decision_failed: |c| c.make_decision("o", "config", MakeDecisionRequest::new("x")), json!({ "status": "HARD_FAIL", "hard_failures": [{ "rule": "r", "reason": "why" }], "soft_failures": null }) => |decision| {
        assert_eq!((decision.hard_failures[0].rule.as_deref(), decision.hard_failures[0].reason.as_deref()), (Some("r"), Some("why")));
        assert!(decision.soft_failures.is_empty() && decision.enabled_rules.is_empty());
    }
    pipeline_values_are_of_any_type: |c| c.get_pipeline_values_by_id(id("p")), json!({ "pipeline.number": 25, "pipeline.deploy": false, "pipeline.git.branch": "main", "pipeline.git.tag": "", "pipeline.schedule": null, "pipeline.big": 9223372036854775807_i64 }) => |values| {
        assert_eq!((&values["pipeline.number"], &values["pipeline.deploy"]), (&25.into(), &false.into()));
        assert_eq!((&values["pipeline.git.branch"], &values["pipeline.git.tag"]), (&"main".into(), &"".into()));
        assert_eq!((&values["pipeline.schedule"], &values["pipeline.big"]), (&ParameterValue::Other(Value::Null), &i64::MAX.into()));
    }
    a_pipeline_run_was_triggered: |c| c.trigger_pipeline_run("gh/acme/web"), json!({ "id": id("p"), "number": 26, "state": "pending", "created_at": "2026-03-01T10:00:00Z" }) => |outcome| {
        let TriggerPipelineRunOutcome::Triggered(pipeline) = outcome else { panic!("{outcome:?}") };
        assert_eq!((pipeline.id, pipeline.number, pipeline.state, pipeline.created_at), (id("p"), 26, Some(PipelineState::Pending), time("2026-03-01T10:00:00Z")));
    }
    a_pipeline_run_was_skipped: |c| c.trigger_pipeline_run("gh/acme/web"), json!({ "message": "skipped by [ci skip]" }) => |outcome| {
        let TriggerPipelineRunOutcome::Skipped(it) = outcome else { panic!("{outcome:?}") };
        assert_eq!(it.message.as_deref(), Some("skipped by [ci skip]"));
    }
    ids_without_a_type: |c| c.get_all_insights_branches(project_slug()), json!({ "org_id": id("o"), "project_id": 7, "branches": [text("a"), text("b")] }) => |branches| {
        assert_eq!((branches.org_id, branches.project_id.as_deref()), (Some(id("o").to_string()), Some("7")));
        assert_eq!(branches.branches, [text("a"), text("b")]);
    }
    numbers_beyond_a_double: |c| c.get_job_artifacts("gh/acme/web", number("job")), page(json!({ "path": "a/ü.txt", "node_index": 9007199254740993_i64, "url": "https://x" })) => |page| {
        assert_eq!((page.items[0].node_index, page.items[0].path.as_str()), (Some(9_007_199_254_740_993), "a/ü.txt"));
    }
}

// ---- from the generated source ---------------------------------------------------------------------------------------

/// Checks that every generated type accepts unknown values: either it is defined by a macro whose types accept unknown values,
/// or its own definition is not closed. The test parses the generated code, because the tests that decode answers cover only
/// some types.
#[test]
fn no_type_is_closed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../circleci-api/src");
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for file in rust_files(&source.join("generated")) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("deny_unknown_fields"), "{}", file.display());
        for item in syn::parse_file(&text).unwrap().items {
            let (kind, attributes) = match &item {
                syn::Item::Struct(it) => ("struct".to_owned(), &it.attrs),
                syn::Item::Enum(it) => {
                    // An enum of strings must come from `open_enum!`. In any other enum, every variant has a field.
                    if it.variants.is_empty()
                        || it.variants.iter().any(|variant| variant.fields.is_empty())
                    {
                        faults.push(format!("enum {} is uninhabited, or closed", it.ident));
                    }
                    ("enum".to_owned(), &it.attrs)
                }
                syn::Item::Macro(it) => {
                    *made
                        .entry(
                            it.mac
                                .path
                                .get_ident()
                                .map(ToString::to_string)
                                .unwrap_or_default(),
                        )
                        .or_default() += 1;
                    continue;
                }
                // The statics contain the replies of the mock.
                syn::Item::Impl(_)
                | syn::Item::Use(_)
                | syn::Item::Mod(_)
                | syn::Item::Static(_) => continue,
                other => {
                    faults.push(format!(
                        "{}: an item that this test does not know: {other:?}",
                        file.display()
                    ));
                    continue;
                }
            };
            if !attributes
                .iter()
                .any(|attribute| attribute.path().is_ident("non_exhaustive"))
            {
                faults.push(format!("a {kind} is exhaustive"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let known = [
        "object",
        // The generated code uses `macro_rules!` to define `if_type!`, which checks whether the document has a type.
        "macro_rules",
        "one_of",
        "open_enum",
        "operation",
        "page",
        "paged",
    ];
    assert!(
        made.keys().all(|name| known.contains(&name.as_str())),
        "a macro that this test does not know: {made:?}"
    );
    assert_eq!(
        made["operation"],
        Document::read().operations().len() + crate::calls::UNDOCUMENTED.len()
    );
    assert!(made["paged"] > 15, "{made:?}");
    assert!(
        made["object"] > 100 && made["one_of"] >= 5 && made["open_enum"] > 20,
        "{made:?}"
    );

    // The types that the macros define must accept unknown values.
    for (file, name, opening) in [
        // The macro `object!` keeps unknown keys.
        (
            "json/object.rs",
            "object",
            "_ => value.keep(key, &mut self.__extra)",
        ),
        (
            "json/one_of.rs",
            "one_of",
            "$(#[$first_meta])* $first($first_ty)",
        ),
        (
            "json/open_enum.rs",
            "open_enum",
            "Unknown(::std::string::String)",
        ),
    ] {
        let text = std::fs::read_to_string(source.join(file)).unwrap();
        let (_, definition) = text
            .split_once(&format!("macro_rules! {name} {{"))
            .unwrap_or_else(|| panic!("{name}! is not in {file}"));
        let (definition, _) = definition.split_once("\n}\n").unwrap();
        assert!(
            definition.contains(opening) && definition.contains("#[non_exhaustive]"),
            "{name}! is no longer open"
        );
        assert!(!definition.contains("deny_unknown_fields"), "{name}!");
    }
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_judge_reads_whatever_dialect_circleci_serves() {
    let text = "\
openapi: 3.1.0
info: { title: T, version: v2 }
servers: [{ url: https://ci.example/api/v2 }]
paths:
  /me:
    get:
      operationId: getMe
      responses:
        200:
          description: A user
          content:
            application/json:
              schema:
                type: object
                required: [kind]
                properties:
                  kind: { const: user }
                  name: { type: [string, 'null'] }
                  login: { type: string }
";
    let document = Document::of(as_3_0(text.as_bytes()));
    let operations = document.operations();
    let [(200, Some(schema))] = operations[0].successes[..] else {
        panic!("another answer");
    };
    let judge = document.judge(schema);
    assert!(judge.is_valid(&json!({ "kind": "user", "name": null, "login": "jo" })));
    assert!(!judge.is_valid(&json!({ "kind": "bot", "name": null })));
    assert!(!judge.is_valid(&json!({ "kind": "user", "login": null })));
    assert_eq!(document.base, "/api/v2");
}
