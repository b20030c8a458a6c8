//! Two calls of every operation of the client: one with the required parameters, and one with all parameters.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use circleci_api::types::*;
use circleci_api::{Client, Error, Page, Pages, ParameterValue, Sending};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::values::{
    date, id, number, org_slug as org, project_slug as slug, slug_in_parts, text as t,
};

/// A call in progress. Its result is the answer of the server, decoded and then serialized as JSON again.
pub type Answer = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

pub struct Call {
    pub id: &'static str,
    pub least: fn(&Client) -> Answer,
    pub most: fn(&Client) -> Answer,
}

/// The id of an operation in the document, and a call of this operation.
pub type Named = (&'static str, fn(&Client) -> Answer);

/// Sends a call. Checks that the result is equal after it is serialized and read again.
fn answer<T>(sending: Sending<T>) -> Answer
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + Send + 'static,
{
    Box::pin(async move {
        let value = sending.await?;
        let json = serde_json::to_value(&value).expect("a value that can be written");
        let again: T = serde_json::from_value(json.clone()).expect("what was written can be read");
        assert_eq!(
            again, value,
            "the value changed when it was serialized and read again"
        );
        Ok(json)
    })
}

/// Reads one page of a list that is resumed from a page token. Returns whether there is a page.
fn resumed<P: Page>(pages: Pages<P>) -> Answer {
    let mut pages = pages.resume_from(t("page-token"));
    Box::pin(async move {
        pages
            .try_next()
            .await
            .map(|page| Value::from(page.is_some()))
    })
}

fn parameters() -> [(&'static str, ParameterValue); 3] {
    [
        ("deploy", true.into()),
        ("count", 3.into()),
        ("text with / and ü", t("text").into()),
    ]
}

fn metadata() -> serde_json::Map<String, Value> {
    [(
        "vcs".to_owned(),
        serde_json::json!({ "branch": t("branch") }),
    )]
    .into_iter()
    .collect()
}

/// Returns project settings in which every setting has a value.
fn settings() -> ProjectSettings {
    ProjectSettings::new().advanced(
        AdvancedSettings::new()
            .autocancel_builds(true)
            .build_fork_prs(false)
            .build_prs_only(true)
            .disable_ssh(false)
            .forks_receive_secret_env_vars(true)
            .oss(false)
            .pr_only_branch_overrides([t("pr_only_branch_overrides")])
            .set_github_status(true)
            .setup_workflows(false)
            .write_settings_requires_admin(true),
    )
}

fn event_schedule() -> NewEventSchedule {
    NewEventSchedule::new()
        .attribution_actor(AttributionActor::System)
        .cron_expression(t("cron_expression"))
}

fn by_weekday() -> Timetable {
    Timetable::new(1, [0, 23]).days_of_week([DayOfWeek::Mon])
}

fn git_ref() -> GitRef {
    GitRef::new().branch(t("branch")).tag(t("tag"))
}

fn scope() -> NewWebhookScope {
    NewWebhookScope::new(id("id"), WebhookScopeType::Project)
}

const EVENTS: [WebhookEvent; 2] = [WebhookEvent::WorkflowCompleted, WebhookEvent::JobCompleted];

macro_rules! calls {
    ($($id:literal |$client:ident| $least:expr $(=> $most:expr)?;)*) => {
        vec![$(calls!(@call $id $client ($least) $($most)?)),*]
    };
    (@call $id:literal $client:ident ($least:expr)) => {
        Call { id: $id, least: |$client| answer($least.send()), most: |$client| answer($least.send()) }
    };
    (@call $id:literal $client:ident ($least:expr) $most:expr) => {
        Call { id: $id, least: |$client| answer($least.send()), most: |$client| answer($most.send()) }
    };
}

/// The operations that the overlay adds, because CircleCI has them but its document does not.
pub const UNDOCUMENTED: [&str; 1] = ["getProjectDeploySettings"];

/// The operations whose answer the client ignores, because CircleCI answers 204 although its document declares 200 with a
/// message.
#[allow(dead_code, reason = "conformance does not read answers")]
pub const UNREAD: [&str; 1] = ["deleteGroup"];

/// Returns the calls of the operations that the document has.
pub fn documented() -> Vec<Call> {
    let mut calls = all();
    calls.retain(|call| !UNDOCUMENTED.contains(&call.id));
    calls
}

/// Returns the calls of all operations. Each entry has the id of the operation, the call with the required parameters, and
/// after `=>` the call with all parameters, if it is a different call.
pub fn all() -> Vec<Call> {
    calls! {
        // Context
        "addEnvironmentVariableToContext" |c| c.add_environment_variable_to_context(id("context_id"), t("env_var_name"), AddEnvironmentVariableToContextRequest::new(t("value")));
        "createContext" |c| c.create_context(CreateContextRequest::new(t("name"), ContextOwnerId::new(id("id"))))
            => c.create_context(CreateContextRequest::new(t("name"), ContextOwnerId::new(id("id")).type_(OwnerType::Account)));
        "createContextRestriction" |c| c.create_context_restriction(id("context_id"), CreateContextRestrictionRequest::new())
            => c.create_context_restriction(id("context_id"), CreateContextRestrictionRequest::new().restriction_type(RestrictionType::Expression).restriction_value(t("restriction_value")));
        "deleteContext" |c| c.delete_context(id("context_id"));
        "deleteContextRestriction" |c| c.delete_context_restriction(id("context_id"), t("restriction_id"));
        "deleteEnvironmentVariableFromContext" |c| c.delete_environment_variable_from_context(id("context_id"), t("env_var_name"));
        "getContext" |c| c.get_context(id("context_id").to_string());
        "getContextRestrictions" |c| c.get_context_restrictions(id("context_id"));
        "listContexts" |c| c.list_contexts()
            => c.list_contexts().owner_id(id("owner-id")).owner_slug(t("owner-slug")).owner_type(OwnerType::Organization).page_token(t("page-token"));
        "listEnvironmentVariablesFromContext" |c| c.list_environment_variables_from_context(id("context_id"))
            => c.list_environment_variables_from_context(id("context_id")).page_token(t("page-token"));
        // Deploy
        "getComponent" |c| c.get_component(t("component_id"));
        "getEnvironment" |c| c.get_environment(id("environment_id"));
        "getProjectDeploySettings" |c| c.get_project_deploy_settings(id("project_id"));
        "listComponentVersions" |c| c.list_component_versions(t("component_id"))
            => c.list_component_versions(t("component_id")).environment_id(id("environment-id"));
        "listComponents" |c| c.list_components(id("org-id"))
            => c.list_components(id("org-id")).page_size(number("page-size")).project_id(id("project-id")).page_token(t("page-token")).component_name(t("component-name"));
        "listEnvironments" |c| c.list_environments(id("org-id"))
            => c.list_environments(id("org-id")).page_size(number("page-size")).page_token(t("page-token"));
        // Groups
        "createOrganizationGroup" |c| c.create_organization_group(t("org_id"), CreateOrganizationGroupRequest::new(t("name")))
            => c.create_organization_group(t("org_id"), CreateOrganizationGroupRequest::new(t("name")).description(t("description")));
        "deleteGroup" |c| c.delete_group(t("org_id"), id("group_id"));
        "getGroup" |c| c.get_group(t("org_id"), id("group_id"));
        "getOrganizationGroups" |c| c.get_organization_groups(t("org_id"))
            => c.get_organization_groups(t("org_id")).limit(number("limit")).page_token(t("page-token"));
        // Insights
        "getAllInsightsBranches" |c| c.get_all_insights_branches(slug())
            => c.get_all_insights_branches(slug()).workflow_name(t("workflow-name"));
        "getFlakyTests" |c| c.get_flaky_tests(slug());
        "getJobTimeseries" |c| c.get_job_timeseries(slug(), t("workflow-name"))
            => c.get_job_timeseries(slug(), t("workflow-name")).branch(t("branch")).granularity(Granularity::Hourly).start_date(date("start-date")).end_date(date("end-date"));
        "getOrgSummaryData" |c| c.get_org_summary_data(org())
            => c.get_org_summary_data(org()).reporting_window(ReportingWindow::Last7Days).project_names([t("project-names"), t("project-names")]);
        "getProjectWorkflowJobMetrics" |c| c.get_project_workflow_job_metrics(slug(), t("workflow-name"))
            => c.get_project_workflow_job_metrics(slug(), t("workflow-name")).page_token(t("page-token")).all_branches(true).branch(t("branch")).reporting_window(ReportingWindow::Last24Hours).job_name(t("job-name"));
        "getProjectWorkflowMetrics" |c| c.get_project_workflow_metrics(slug())
            => c.get_project_workflow_metrics(slug()).page_token(t("page-token")).all_branches(false).branch(t("branch")).reporting_window(ReportingWindow::Last90Days);
        "getProjectWorkflowRuns" |c| c.get_project_workflow_runs(slug(), t("workflow-name"))
            => c.get_project_workflow_runs(slug(), t("workflow-name")).all_branches(true).branch(t("branch")).page_token(t("page-token")).start_date(date("start-date")).end_date(date("end-date"));
        "getProjectWorkflowTestMetrics" |c| c.get_project_workflow_test_metrics(slug(), t("workflow-name"))
            => c.get_project_workflow_test_metrics(slug(), t("workflow-name")).branch(t("branch")).all_branches(true);
        "getProjectWorkflowsPageData" |c| c.get_project_workflows_page_data(slug())
            => c.get_project_workflows_page_data(slug()).reporting_window(ReportingWindow::Last30Days).branches([t("branches"), t("branches")]).workflow_names([t("workflow-names")]);
        "getWorkflowSummary" |c| c.get_workflow_summary(slug(), t("workflow-name"))
            => c.get_workflow_summary(slug(), t("workflow-name")).all_branches(true).branch(t("branch"));
        // Job
        "cancelJobByJobID" |c| c.cancel_job_by_job_id(id("job-id"));
        "cancelJobByJobNumber" |c| c.cancel_job_by_job_number(slug(), number("job-number"));
        "getJobArtifacts" |c| c.get_job_artifacts(slug(), number("job-number"));
        "getJobDetails" |c| c.get_job_details(slug(), number("job-number"));
        "getTests" |c| c.get_tests(slug(), number("job-number"));
        // OIDC Token Management
        "DeleteOrgClaims" |c| c.delete_org_claims(id("orgID"), t("claims"));
        "DeleteProjectClaims" |c| c.delete_project_claims(id("orgID"), id("projectID"), t("claims"));
        "GetOrgClaims" |c| c.get_org_claims(id("orgID"));
        "GetProjectClaims" |c| c.get_project_claims(id("orgID"), id("projectID"));
        "PatchOrgClaims" |c| c.patch_org_claims(id("orgID"), PatchClaimsRequest::new())
            => c.patch_org_claims(id("orgID"), PatchClaimsRequest::new().audience([t("audience")]).ttl("1w2d3h"));
        "PatchProjectClaims" |c| c.patch_project_claims(id("orgID"), id("projectID"), PatchClaimsRequest::new())
            => c.patch_project_claims(id("orgID"), id("projectID"), PatchClaimsRequest::new().audience([t("audience"), t("audience")]).ttl("30m"));
        // Organization
        "createOrganization" |c| c.create_organization(CreateOrganizationRequest::new(t("name"), VcsType::Circleci));
        "createURLOrbAllowListEntry" |c| c.create_url_orb_allow_list_entry(org(), CreateUrlOrbAllowListEntryRequest::new(t("name"), t("prefix"), UrlOrbAuth::None))
            => c.create_url_orb_allow_list_entry(id("org-slug-or-id"), CreateUrlOrbAllowListEntryRequest::new(t("name"), t("prefix"), UrlOrbAuth::GithubApp));
        "deleteOrganization" |c| c.delete_organization(org()) => c.delete_organization(id("org-slug-or-id"));
        "getOrganization" |c| c.get_organization(org()) => c.get_organization(id("org-slug-or-id"));
        "listURLOrbAllowListEntries" |c| c.list_url_orb_allow_list_entries(org()) => c.list_url_orb_allow_list_entries(id("org-slug-or-id"));
        "removeURLOrbAllowListEntry" |c| c.remove_url_orb_allow_list_entry(org(), t("allow-list-entry-id"))
            => c.remove_url_orb_allow_list_entry(id("org-slug-or-id"), t("allow-list-entry-id"));
        // OTel
        "createOtelExporter" |c| c.create_otel_exporter(CreateOtelExporterRequest::new(id("org_id"), t("endpoint"), OtelProtocol::Grpc))
            => c.create_otel_exporter(CreateOtelExporterRequest::new(id("org_id"), t("endpoint"), OtelProtocol::Http).headers([("x-a", t("x-a"))]).insecure(true));
        "deleteOtelExporter" |c| c.delete_otel_exporter(id("otel_exporter_id"));
        "listOtelExporters" |c| c.list_otel_exporters(id("org-id"));
        // Pipeline
        "continuePipeline" |c| c.continue_pipeline(ContinuePipelineRequest::new(t("continuation-key"), t("configuration")))
            => c.continue_pipeline(ContinuePipelineRequest::new(t("continuation-key"), t("configuration")).parameters(parameters()));
        "getPipelineById" |c| c.get_pipeline_by_id(id("pipeline-id"));
        "getPipelineByNumber" |c| c.get_pipeline_by_number(slug(), number("pipeline-number"));
        "getPipelineConfigById" |c| c.get_pipeline_config_by_id(id("pipeline-id"));
        "getPipelineValuesById" |c| c.get_pipeline_values_by_id(id("pipeline-id"));
        "listMyPipelines" |c| c.list_my_pipelines(slug()) => c.list_my_pipelines(slug()).page_token(t("page-token"));
        "listPipelines" |c| c.list_pipelines() => c.list_pipelines().org_slug(t("org-slug")).page_token(t("page-token")).mine(true);
        "listPipelinesForProject" |c| c.list_pipelines_for_project(slug())
            => c.list_pipelines_for_project(slug()).branch(t("branch")).page_token(t("page-token"));
        "listWorkflowsByPipelineId" |c| c.list_workflows_by_pipeline_id(id("pipeline-id"))
            => c.list_workflows_by_pipeline_id(id("pipeline-id")).page_token(t("page-token"));
        "triggerPipeline" |c| c.trigger_pipeline(slug())
            => c.trigger_pipeline(slug()).body(TriggerPipelineRequest::new().branch(t("branch")).tag(t("tag")).parameters(parameters()));
        "triggerPipelineRun" |c| c.trigger_pipeline_run(slug_in_parts())
            => c.trigger_pipeline_run(slug_in_parts())
                .body(TriggerPipelineRunRequest::new().checkout(git_ref()).config(git_ref()).definition_id(id("definition_id")).parameters(parameters()));
        // Pipeline Definition
        "createPipelineDefinition" |c| c.create_pipeline_definition(t("project_id"), CreatePipelineDefinitionRequest::new(
                t("name"),
                NewConfigSourceGithub::new(GithubProvider::GithubServer, NewRepo::new(t("external_id")), t("file_path")),
                NewCheckoutSource::new(GithubProvider::GithubApp, NewRepo::new(t("external_id")))))
            => c.create_pipeline_definition(t("project_id"), CreatePipelineDefinitionRequest::new(
                t("name"),
                NewConfigSourceCircleci::new(CircleciProvider::Circleci, t("file_path")),
                NewCheckoutSource::new(GithubProvider::GithubApp, NewRepo::new(t("external_id")))).description(t("description")));
        "deletePipelineDefinition" |c| c.delete_pipeline_definition(t("project_id"), t("pipeline_definition_id"));
        "getPipelineDefinition" |c| c.get_pipeline_definition(t("project_id"), t("pipeline_definition_id"));
        "listPipelineDefinitions" |c| c.list_pipeline_definitions(t("project_id"));
        "updatePipelineDefinition" |c| c.update_pipeline_definition(t("project_id"), t("pipeline_definition_id"), UpdatePipelineDefinitionRequest::new())
            => c.update_pipeline_definition(t("project_id"), t("pipeline_definition_id"), UpdatePipelineDefinitionRequest::new()
                .checkout_source(CheckoutSourceUpdate::new().provider(t("provider")).repo(RepoUpdate::new().external_id(t("external_id"))))
                .config_source(ConfigSourceUpdate::new().file_path(t("file_path")))
                .description(t("description")).name(t("name")));
        // Policy Management
        "CreatePolicyBundle" |c| c.create_policy_bundle(t("ownerID"), t("context"), CreatePolicyBundleRequest::new([("a policy/ü", t("policy"))]))
            => c.create_policy_bundle(t("ownerID"), t("context"), CreatePolicyBundleRequest::new([("a policy/ü", t("policy"))])).dry(true);
        "GetDecisionLog" |c| c.get_decision_log(t("ownerID"), t("context"), t("decisionID"));
        "GetDecisionLogPolicyBundle" |c| c.get_decision_log_policy_bundle(t("ownerID"), t("context"), t("decisionID"));
        "GetDecisionLogs" |c| c.get_decision_logs(t("ownerID"), t("context"))
            => c.get_decision_logs(t("ownerID"), t("context")).status(t("status")).after(date("after")).before(date("before")).branch(t("branch"))
                .project_id(t("project_id")).build_number(t("build_number")).offset(number("offset"));
        "GetDecisionSettings" |c| c.get_decision_settings(t("ownerID"), t("context"));
        "GetPolicyBundle" |c| c.get_policy_bundle(t("ownerID"), t("context"));
        "GetPolicyDocument" |c| c.get_policy_document(t("ownerID"), t("context"), t("policyName"));
        "MakeDecision" |c| c.make_decision(t("ownerID"), t("context"), MakeDecisionRequest::new(t("input")))
            => c.make_decision(t("ownerID"), t("context"), MakeDecisionRequest::new(t("input")).metadata(metadata()));
        "SetDecisionSettings" |c| c.set_decision_settings(t("ownerID"), t("context"), DecisionSettings::new())
            => c.set_decision_settings(t("ownerID"), t("context"), DecisionSettings::new().enabled(true));
        // Project
        "createCheckoutKey" |c| c.create_checkout_key(slug(), CreateCheckoutKeyRequest::new(NewCheckoutKeyType::DeployKey));
        "createEnvVar" |c| c.create_env_var(slug(), CreateEnvVarRequest::new(t("name"), t("value")));
        "createProject" |c| c.create_project(org(), CreateProjectRequest::new(t("name"))) => c.create_project(id("org-slug-or-id"), CreateProjectRequest::new(t("name")));
        "deleteCheckoutKey" |c| c.delete_checkout_key(slug(), t("fingerprint"));
        "deleteEnvVar" |c| c.delete_env_var(slug(), t("name"));
        "deleteProjectBySlug" |c| c.delete_project_by_slug(slug());
        "getCheckoutKey" |c| c.get_checkout_key(slug(), t("fingerprint"));
        "getEnvVar" |c| c.get_env_var(slug(), t("name"));
        "getProjectBySlug" |c| c.get_project_by_slug(slug());
        "getProjectSettings" |c| c.get_project_settings(slug_in_parts());
        "listCheckoutKeys" |c| c.list_checkout_keys(slug()) => c.list_checkout_keys(slug()).digest(Digest::Sha256);
        "listEnvVars" |c| c.list_env_vars(slug());
        "patchProjectSettings" |c| c.patch_project_settings(slug_in_parts(), ProjectSettings::new())
            => c.patch_project_settings(slug_in_parts(), settings());
        // Rollback
        "rollbackProject" |c| c.rollback_project(t("project_id"), RollbackProjectRequest::new(t("environment_name"), t("component_name"), t("current_version"), t("target_version")))
            => c.rollback_project(t("project_id"), RollbackProjectRequest::new(t("environment_name"), t("component_name"), t("current_version"), t("target_version"))
                .namespace(t("namespace")).parameters(parameters()).reason(t("reason")));
        // Schedule
        "createSchedule" |c| c.create_schedule(slug(), CreateScheduleRequest::new(t("name"), by_weekday(), AttributionActor::Current, parameters()))
            => c.create_schedule(slug(), CreateScheduleRequest::new(t("name"),
                by_weekday().days_of_month([1, 31]).months([Month::Jan, Month::Dec]), AttributionActor::System, parameters()).description(t("description")));
        "deleteScheduleById" |c| c.delete_schedule_by_id(id("schedule-id"));
        "getScheduleById" |c| c.get_schedule_by_id(id("schedule-id"));
        "listSchedulesForProject" |c| c.list_schedules_for_project(slug()) => c.list_schedules_for_project(slug()).page_token(t("page-token"));
        "updateSchedule" |c| c.update_schedule(id("schedule-id"), UpdateScheduleRequest::new())
            => c.update_schedule(id("schedule-id"), UpdateScheduleRequest::new().attribution_actor(AttributionActor::System).description(t("description")).name(t("name"))
                .parameters(parameters()).timetable(TimetableUpdate::new().days_of_month([1]).days_of_week([DayOfWeek::Sun]).hours_of_day([12]).months([Month::May]).per_hour(2)));
        // Trigger
        "createTrigger" |c| c.create_trigger(t("project_id"), t("pipeline_definition_id"), CreateTriggerRequest::new(NewEventSource::new(t("provider"))))
            => c.create_trigger(t("project_id"), t("pipeline_definition_id"), CreateTriggerRequest::new(NewEventSource::new(t("provider"))
                .repo(NewRepo::new(t("external_id"))).schedule(event_schedule()).webhook(NewEventWebhook::new().sender(t("sender"))))
                .checkout_ref(t("checkout_ref")).config_ref(t("config_ref")).disabled(true).event_name(t("event_name"))
                .event_preset(EventPreset::AllPushes).parameters(parameters()));
        "deleteTrigger" |c| c.delete_trigger(t("project_id"), t("trigger_id"));
        "getTrigger" |c| c.get_trigger(t("project_id"), t("trigger_id"));
        "listPipelineDefinitionTriggers" |c| c.list_pipeline_definition_triggers(t("project_id"), t("pipeline_definition_id"));
        "updateTrigger" |c| c.update_trigger(t("project_id"), t("trigger_id"), UpdateTriggerRequest::new())
            => c.update_trigger(t("project_id"), t("trigger_id"), UpdateTriggerRequest::new().checkout_ref(t("checkout_ref")).config_ref(t("config_ref")).disabled(false)
                .event_name(t("event_name")).event_preset(EventPreset::OnlyTags).parameters(parameters())
                .event_source(EventSourceUpdate::new().schedule(event_schedule()).webhook(NewEventWebhook::new().sender(t("sender")))));
        // Usage
        "createUsageExport" |c| c.create_usage_export(t("org_id"), CreateUsageExportRequest::new(date("start"), date("end")))
            => c.create_usage_export(t("org_id"), CreateUsageExportRequest::new(date("start"), date("end")).shared_org_ids([id("shared_org_ids")]));
        "getUsageExport" |c| c.get_usage_export(t("org_id"), id("usage_export_job_id"));
        // User
        "getCollaborations" |c| c.get_collaborations();
        "getCurrentUser" |c| c.get_current_user();
        "getUser" |c| c.get_user(id("id"));
        // Webhook
        "createWebhook" |c| c.create_webhook(CreateWebhookRequest::new(t("name"), EVENTS, t("url"), true, t("signing-secret"), scope()));
        "deleteWebhook" |c| c.delete_webhook(id("webhook-id"));
        "getWebhookById" |c| c.get_webhook_by_id(id("webhook-id"));
        "getWebhooks" |c| c.get_webhooks(id("scope-id"), WebhookScopeType::Project);
        "updateWebhook" |c| c.update_webhook(id("webhook-id"), UpdateWebhookRequest::new(None))
            => c.update_webhook(id("webhook-id"), UpdateWebhookRequest::new(Some(t("signing-secret"))).events(EVENTS).name(t("name")).url(t("url")).verify_tls(false));
        // Workflow
        "approvePendingApprovalJobById" |c| c.approve_pending_approval_job_by_id(id("id"), id("approval_request_id"));
        "cancelWorkflow" |c| c.cancel_workflow(id("id"));
        "getWorkflowById" |c| c.get_workflow_by_id(id("id"));
        "listWorkflowJobs" |c| c.list_workflow_jobs(id("id"));
        "rerunWorkflow" |c| c.rerun_workflow(id("id"))
            => c.rerun_workflow(id("id")).body(RerunWorkflowRequest::new().enable_ssh(true).from_failed(false).jobs([id("jobs")]).sparse_tree(true));
    }
}

/// Returns calls whose bodies use the branches of unions that the calls of [`all`] do not use.
pub fn other_branches() -> Vec<Named> {
    vec![
        ("createContext", |c| {
            answer(
                c.create_context(CreateContextRequest::new(
                    t("name"),
                    ContextOwnerSlug::new(t("slug")).type_(OwnerType::Organization),
                ))
                .send(),
            )
        }),
        ("createPipelineDefinition", |c| {
            let checkout = NewCheckoutSource::new(
                GithubProvider::GithubServer,
                NewRepo::new(t("external_id")),
            );
            let config = NewConfigSourceGithub::new(
                GithubProvider::GithubApp,
                NewRepo::new(t("external_id")),
                t("file_path"),
            );
            answer(
                c.create_pipeline_definition(
                    t("project_id"),
                    CreatePipelineDefinitionRequest::new(t("name"), config, checkout)
                        .description(t("description")),
                )
                .send(),
            )
        }),
    ]
}

/// Returns calls of operations that return a `next_page_token`, although the document does not let them accept a page token.
/// The client requests the next page nevertheless.
pub fn token_only() -> Vec<Named> {
    vec![
        ("getContextRestrictions", |c| {
            resumed(c.get_context_restrictions(id("context_id")).pages())
        }),
        ("getJobArtifacts", |c| {
            resumed(c.get_job_artifacts(slug(), number("job-number")).pages())
        }),
        ("getJobTimeseries", |c| {
            resumed(c.get_job_timeseries(slug(), t("workflow-name")).pages())
        }),
        ("getTests", |c| {
            resumed(c.get_tests(slug(), number("job-number")).pages())
        }),
        ("getWebhooks", |c| {
            resumed(
                c.get_webhooks(id("scope-id"), WebhookScopeType::Project)
                    .pages(),
            )
        }),
        ("listCheckoutKeys", |c| {
            resumed(c.list_checkout_keys(slug()).pages())
        }),
        ("listComponentVersions", |c| {
            resumed(c.list_component_versions(t("component_id")).pages())
        }),
        ("listEnvVars", |c| resumed(c.list_env_vars(slug()).pages())),
        ("listWorkflowJobs", |c| {
            resumed(c.list_workflow_jobs(id("id")).pages())
        }),
    ]
}

/// A function that reads a body as the type of a request and serializes the result. Returns the serialized body or the error.
pub type Round = fn(&Value) -> Result<Value, String>;

fn round<T>(body: &Value) -> Result<Value, String>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let read: T = serde_json::from_value(body.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(&read).map_err(|error| error.to_string())?;
    match serde_json::from_value::<T>(written.clone()) {
        Ok(again) if again == read => Ok(written),
        again => Err(format!("{read:?} comes back as {again:?}")),
    }
}

macro_rules! bodies {
    ($($id:literal: $type:ty,)*) => {
        vec![$(($id, round::<$type> as Round)),*]
    };
}

/// Returns a [`Round`] for each operation with a body, by the id of the operation.
pub fn bodies() -> Vec<(&'static str, Round)> {
    bodies! {
        "addEnvironmentVariableToContext": AddEnvironmentVariableToContextRequest,
        "createContext": CreateContextRequest,
        "createContextRestriction": CreateContextRestrictionRequest,
        "createOrganizationGroup": CreateOrganizationGroupRequest,
        "PatchOrgClaims": PatchClaimsRequest,
        "PatchProjectClaims": PatchClaimsRequest,
        "createOrganization": CreateOrganizationRequest,
        "createURLOrbAllowListEntry": CreateUrlOrbAllowListEntryRequest,
        "createOtelExporter": CreateOtelExporterRequest,
        "continuePipeline": ContinuePipelineRequest,
        "triggerPipeline": TriggerPipelineRequest,
        "triggerPipelineRun": TriggerPipelineRunRequest,
        "createPipelineDefinition": CreatePipelineDefinitionRequest,
        "updatePipelineDefinition": UpdatePipelineDefinitionRequest,
        "CreatePolicyBundle": CreatePolicyBundleRequest,
        "MakeDecision": MakeDecisionRequest,
        "SetDecisionSettings": DecisionSettings,
        "createCheckoutKey": CreateCheckoutKeyRequest,
        "createEnvVar": CreateEnvVarRequest,
        "createProject": CreateProjectRequest,
        "patchProjectSettings": ProjectSettings,
        "rollbackProject": RollbackProjectRequest,
        "createSchedule": CreateScheduleRequest,
        "updateSchedule": UpdateScheduleRequest,
        "createTrigger": CreateTriggerRequest,
        "updateTrigger": UpdateTriggerRequest,
        "createUsageExport": CreateUsageExportRequest,
        "createWebhook": CreateWebhookRequest,
        "updateWebhook": UpdateWebhookRequest,
        "rerunWorkflow": RerunWorkflowRequest,
    }
}
