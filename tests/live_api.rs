//! Tests of behavior of CircleCI's API that CircleCI's document does not describe. Each fact was observed in the live API, or
//! comes from the tests of CircleCI's own clients.

use crate::server::{Act, Server, answer};
use circleci_api::mock::Mock;
use circleci_api::operations::{DeleteGroup, DeleteOtelExporter};
use circleci_api::types::{
    AdvancedSettings, CreateContextRestrictionRequest, CreateOtelExporterRequest,
    CreateWebhookRequest, EventWebhook, GitRef, NewWebhookScope, OtelProtocol, PipelineRunConfig,
    ProjectSettings, TriggerPipelineRunRequest, UpdateWebhookRequest, Webhook, WebhookEvent,
};
use circleci_api::{Client, Environment, ErrorKind};
use serde_json::{Value, json};

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";
const ZEROS: &str = "00000000-0000-0000-0000-000000000000";

fn ok(body: Value) -> Act {
    answer(200, body.to_string()).into()
}

/// Returns the body of the last request.
fn sent(server: &Server) -> Value {
    let seen = server.seen();
    serde_json::from_slice(&seen.last().expect("a request").body).expect("a JSON body")
}

#[tokio::test]
async fn settings_are_read_changed_and_written_back() {
    let read = json!({ "advanced": {
        "autocancel_builds": false, "oss": true, "disable_ssh": true, "pr_only_branch_overrides": ["main"],
    } });
    let server = Server::script([ok(read.clone()), ok(read.clone()), ok(read)]).await;
    let client = server.client();
    let mut settings = client
        .get_project_settings("gh/acme/web")
        .send()
        .await
        .unwrap();
    let advanced = settings.advanced.as_mut().unwrap();
    assert_eq!(advanced.oss, Some(true));
    advanced.autocancel_builds = Some(true);
    client
        .patch_project_settings("gh/acme/web", &settings)
        .send()
        .await
        .unwrap();
    // The client does not send `oss`, because CircleCI refuses it with 400 ("Unexpected field").
    let expected = json!({ "advanced": {
        "autocancel_builds": true, "disable_ssh": true, "pr_only_branch_overrides": ["main"],
    } });
    assert_eq!(sent(&server), expected);
    // The caller's own value stays unchanged.
    assert_eq!(settings.advanced.as_ref().unwrap().oss, Some(true));
    let none = client.patch_project_settings("gh/acme/web", ProjectSettings::new());
    none.send().await.unwrap();
    assert_eq!(sent(&server), json!({}));

    for advanced in [AdvancedSettings::new(), AdvancedSettings::new().oss(true)] {
        let nothing = ProjectSettings::new().advanced(advanced);
        let error = client
            .patch_project_settings("gh/acme/web", nothing)
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("other than `oss`"), "{error}");
    }
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn an_updated_webhook_keeps_no_secret_by_accident() {
    let hook = json!({ "id": ID, "name": "n", "url": "https://x.example" });
    let server = Server::start(move |_, _| ok(hook.clone())).await;
    let client = server.client();
    // `new` requires an `Option` with the secret, so that no caller omits the secret by accident. `None` deletes the secret.
    let deletes = UpdateWebhookRequest::new(None).events([WebhookEvent::JobCompleted]);
    client.update_webhook(ID, deletes).send().await.unwrap();
    assert_eq!(sent(&server), json!({ "events": ["job-completed"] }));
    let keeps = UpdateWebhookRequest::new(Some("hush".into())).name("n");
    assert!(!format!("{keeps:?}").contains("hush"), "{keeps:?}");
    client.update_webhook(ID, keeps).send().await.unwrap();
    assert_eq!(
        sent(&server),
        json!({ "name": "n", "signing-secret": "hush" })
    );
}

#[tokio::test]
async fn a_run_takes_its_configuration_inline() {
    let server = Server::start(|_, _| ok(json!({ "message": "skipped" }))).await;
    let client = server.client();
    let inline =
        TriggerPipelineRunRequest::new().config(PipelineRunConfig::new().content("version: 2.1\n"));
    client
        .trigger_pipeline_run("gh/acme/web")
        .body(inline)
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent(&server),
        json!({ "config": { "content": "version: 2.1\n" } })
    );
    // `config` also accepts a branch or a tag.
    let at = TriggerPipelineRunRequest::new().config(GitRef::new().branch("main"));
    client
        .trigger_pipeline_run("gh/acme/web")
        .body(at)
        .send()
        .await
        .unwrap();
    assert_eq!(sent(&server), json!({ "config": { "branch": "main" } }));
    assert_eq!(
        server.seen()[0].target,
        "/api/v2/project/gh/acme/web/pipeline/run"
    );
}

#[tokio::test]
async fn claims_are_deleted_by_name() {
    let server = Server::start(|_, _| ok(json!({}))).await;
    let client = server.client();
    for claims in ["", " ", ",", " , "] {
        let org = client
            .delete_org_claims(ID, claims)
            .send()
            .await
            .unwrap_err();
        let project = client
            .delete_project_claims(ID, ID, claims)
            .send()
            .await
            .unwrap_err();
        for error in [org, project] {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.to_string().contains("claims must name"), "{error}");
        }
    }
    assert_eq!(server.count(), 0);
    client.delete_org_claims(ID, "ttl").send().await.unwrap();
    assert_eq!(server.seen()[0].query("claims"), Some("ttl"));
}

#[tokio::test]
async fn a_project_is_named_by_its_id_too() {
    let server = Server::start(|_, _| ok(json!({ "items": [] }))).await;
    let client = server.client();
    let id: uuid::Uuid = ID.parse().unwrap();
    client.list_pipelines_for_project(id).send().await.unwrap();
    client.list_env_vars(ID).send().await.unwrap();
    let targets: Vec<String> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(
        targets,
        [
            format!("/api/v2/project/{ID}/pipeline"),
            format!("/api/v2/project/{ID}/envvar")
        ]
    );

    let mock = Mock::start().await;
    assert!(mock.client().get_project_by_slug(id).send().await.is_ok());
}

#[tokio::test]
async fn what_is_deleted_is_answered_without_a_body() {
    let server = Server::script([
        answer(204, "").into(),
        answer(204, "").into(),
        // An older CircleCI server sends the answer that the document declares.
        ok(json!({ "message": "Group deleted." })),
    ])
    .await;
    let client = server.client();
    client.delete_group(ID, ID).send().await.unwrap();
    client.delete_otel_exporter(ID).send().await.unwrap();
    client.delete_group(ID, ID).send().await.unwrap();

    let mock = Mock::start().await;
    let group = mock
        .client()
        .delete_group(ID, ID)
        .send_for_response()
        .await
        .unwrap();
    let exporter = mock
        .client()
        .delete_otel_exporter(ID)
        .send_for_response()
        .await
        .unwrap();
    assert_eq!(
        (group.status().as_u16(), exporter.status().as_u16()),
        (204, 204)
    );
    mock.assert_count::<DeleteGroup>(1);
    mock.assert_count::<DeleteOtelExporter>(1);
}

#[tokio::test]
async fn the_last_page_of_a_deploy_list_has_an_empty_token() {
    let version = json!({ "name": "1", "pipeline_id": ZEROS, "workflow_id": ZEROS, "job_id": ZEROS, "job_number": 0 });
    let page = json!({ "items": [version], "next_page_token": "" });
    let server = Server::start(move |_, _| ok(page.clone())).await;
    let client = server.client();
    let versions = client
        .list_component_versions(ID)
        .items()
        .into_vec()
        .await
        .unwrap();
    assert_eq!(versions[0].pipeline_id, Some(uuid::Uuid::nil()));
    let components = client.list_components(ID).component_name("web").items();
    assert_eq!(components.into_vec().await.unwrap().len(), 1);
    let targets: Vec<String> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(
        targets,
        [
            format!("/api/v2/deploy/components/{ID}/versions"),
            format!("/api/v2/deploy/components?org-id={ID}&component-name=web"),
        ]
    );
}

#[tokio::test]
async fn statuses_and_messages_are_told_as_they_come() {
    let server = Server::script([
        answer(403, r#"{"message":"Permission denied."}"#).into(),
        answer(400, r#"{"error":"claims are required"}"#).into(),
        answer(401, r#"{"message":"Your token has expired."}"#).into(),
    ])
    .await;
    let client = server.client();
    let error = client.get_context(ID).send().await.unwrap_err();
    assert!(error.is_forbidden() && !error.is_not_found(), "{error}");
    let error = client
        .delete_org_claims(ID, "other")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.message(), Some("claims are required"));
    let error = client.get_current_user().send().await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
}

#[tokio::test]
async fn keys_that_the_document_does_not_name_are_fields() {
    let pipeline = json!({
        "id": ID, "number": 7, "idempotency_key": "k",
        "errors": [{ "type": "config", "message": "one\ntwo" }],
        "warnings": [{ "type": "deprecated", "message": "w" }],
    });
    let trigger = json!({ "id": ID, "name": "n", "description": "d",
        "event_source": { "schedule": { "cron_expression": "0 0 * * *", "attribution_actor": { "id": ID } } } });
    let context = json!({ "id": ID, "name": "c", "org_id": ID, "environment_variables": [{ "variable": "A" }], "restrictions": [] });
    let server = Server::script([
        ok(pipeline.clone()),
        ok(trigger.clone()),
        ok(context.clone()),
        ok(json!({ "create_autogenerated_releases": true })),
        ok(json!([{ "vcs_type": "github", "name": "acme", "avatar_url": "" }])),
    ])
    .await;
    let client = server.client();
    let read = client.get_pipeline_by_id(ID).send().await.unwrap();
    assert_eq!(read.warnings[0].message.as_deref(), Some("w"));
    assert_eq!(read.errors[0].message.as_deref(), Some("one\ntwo"));
    assert_eq!(read.idempotency_key.as_deref(), Some("k"));
    let read = client.get_trigger(ID, ID).send().await.unwrap();
    assert_eq!(
        (read.name.as_deref(), read.description.as_deref()),
        (Some("n"), Some("d"))
    );
    let actor = read
        .event_source
        .and_then(|it| it.schedule)
        .and_then(|it| it.attribution_actor);
    assert_eq!(actor.and_then(|it| it.id).as_deref(), Some(ID));
    let read = client.get_context(ID).send().await.unwrap();
    assert_eq!(read.environment_variables, [json!({ "variable": "A" })]);
    assert_eq!(read.org_id.map(|id| id.to_string()).as_deref(), Some(ID));
    let read = client.get_project_deploy_settings(ID).send().await.unwrap();
    assert_eq!(read.create_autogenerated_releases, Some(true));
    let read = client.get_collaborations().send().await.unwrap();
    assert_eq!((read[0].slug.as_deref(), read[0].id), (None, None));
}

#[tokio::test]
async fn more_keys_that_the_document_does_not_name_are_fields() {
    let time = "2026-03-01T10:00:00Z";
    let page = |item: Value| ok(json!({ "items": [item] }));
    let server = Server::script([
        page(json!({ "variable": "A", "context_id": ID, "truncated_value": "1234" })),
        ok(json!({ "id": ID, "context_id": ID })),
        page(json!({ "id": ID, "archived_at": time })),
        page(json!({ "id": ID, "name": "j", "type": "build", "created_at": time })),
        page(
            json!({ "name": "ci", "metrics": { "median_credits_used": 5, "total_duration": 60 } }),
        ),
        ok(json!({ "id": ID, "slug": "gh/a/w", "name": "w", "last_job_finish_time": time })),
        ok(json!({ "rollback_pipeline_definition_id": ID })),
    ])
    .await;
    let client = server.client();
    let id: Option<uuid::Uuid> = ID.parse().ok();
    let at: Option<chrono::DateTime<chrono::Utc>> = time.parse().ok();
    let read = client.list_environment_variables_from_context(ID);
    let read = read.send().await.unwrap();
    assert_eq!(read.items[0].truncated_value.as_deref(), Some("1234"));
    let read = client
        .create_context_restriction(ID, CreateContextRestrictionRequest::new())
        .send()
        .await
        .unwrap();
    assert_eq!(read.context_id, id);
    let read = client.list_components(ID).send().await.unwrap();
    assert_eq!(read.items[0].archived_at, at);
    let read = client.list_workflow_jobs(ID).send().await.unwrap();
    assert_eq!(read.items[0].created_at, at);
    let read = client.get_project_workflow_metrics("gh/a/w");
    let read = read.send().await.unwrap();
    let metrics = read.items[0].metrics.as_ref().unwrap();
    assert_eq!(
        (metrics.median_credits_used, metrics.total_duration),
        (Some(5), Some(60))
    );
    let read = client.get_project_by_slug("gh/a/w").send().await.unwrap();
    assert_eq!(read.last_job_finish_time, at);
    let read = client.get_project_deploy_settings(ID).send().await.unwrap();
    assert_eq!(read.rollback_pipeline_definition_id, id);
}

#[test]
fn the_addresses_of_webhooks_are_secret() {
    let url = "https://hooks.example/services/hush";
    let event: EventWebhook = serde_json::from_value(json!({ "sender": "s", "url": url })).unwrap();
    assert_eq!(event.url.as_deref(), Some(url));
    let hook: Webhook =
        serde_json::from_value(json!({ "id": ID, "name": "n", "url": url })).unwrap();
    assert_eq!(hook.url, url);
    let scope = NewWebhookScope::new(uuid::Uuid::nil(), "project");
    let made = CreateWebhookRequest::new("n", [WebhookEvent::JobCompleted], url, true, "s", scope);
    let changed = UpdateWebhookRequest::new(None).url(url);
    for shown in [
        format!("{event:?}"),
        format!("{hook:?}"),
        format!("{made:#?}"),
        format!("{changed:?}"),
    ] {
        assert!(!shown.contains("hush") && shown.contains("url"), "{shown}");
    }
    assert_eq!(serde_json::to_value(&changed).unwrap()["url"], url);
}

#[tokio::test]
async fn a_client_without_a_token_is_made_on_purpose() {
    let server = Server::start(|_, _| ok(json!({ "items": [] }))).await;
    let environment =
        Environment::from_fn(|name| (name == "CIRCLE_TOKEN").then(|| "hush".to_owned()));
    let client = Client::builder()
        .host(server.url())
        .or_from(&environment)
        .anonymous()
        .build()
        .unwrap();
    assert!(format!("{client:?}").contains("anonymous"), "{client:?}");
    client
        .list_pipelines_for_project("gh/acme/web")
        .send()
        .await
        .unwrap();
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.header("circle-token"), seen.header("authorization")),
        (None, None)
    );

    let none = Environment::from_fn(|_| None);
    for (builder, expected) in [
        (Client::builder().or_from(&none), "no token"),
        (Client::builder(), "no token"),
        (
            Client::builder().token("a").anonymous(),
            "both a token and `anonymous`",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn headers_of_an_exporter_are_secret() {
    let exporter = CreateOtelExporterRequest::new(uuid::Uuid::nil(), "e", OtelProtocol::Grpc)
        .header("authorization", "hush");
    let shown = format!("{exporter:#?}");
    assert!(
        !shown.contains("hush") && shown.contains("authorization"),
        "{shown}"
    );
    let written = serde_json::to_value(&exporter).unwrap();
    assert_eq!(written["headers"]["authorization"], "hush");
}
