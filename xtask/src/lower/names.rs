//! Names the types for which the document has no good name, and contains the naming rules for all other types.

use std::collections::BTreeMap;

/// The naming table. Each row is a place in the document and the name of the type at this place.
///
/// A place begins with `operationId.response`, `operationId.request`, `operationId.query.name` or `#component`. The steps below
/// it are:
///
/// - `.property`: a property of an object
/// - `[]`: the items of a list
/// - `{}`: the values of a map
/// - `|id`: the only alternative that has the property or the enum value `id`, whatever the order of the alternatives
#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    ("cancelJobByJobID.response", "MessageResponse"),
    ("#ClaimResponse", "OidcClaims"),
    ("#context_created.owner", "ContextOwner"),
    ("#context_created.owner|id", "ContextOwnerId"),
    ("#context_created.owner|slug", "ContextOwnerSlug"),
    ("#context_project_restrictions_list", "ContextRestrictionList"),
    ("#context_project_restrictions_list.items[]", "ContextRestriction"),
    ("createCheckoutKey.request.type", "NewCheckoutKeyType"),
    ("createContextRestriction.request.restriction_type", "RestrictionType"),
    ("#createExporterRequest.protocol", "OtelProtocol"),
    ("createOrganization.request.vcs_type", "VcsType"),
    ("createOrganization.response", "Organization"),
    ("#createPipelineDefinitionRequest.checkout_source", "NewCheckoutSource"),
    ("#createPipelineDefinitionRequest.checkout_source.provider", "GithubProvider"),
    ("#createPipelineDefinitionRequest.checkout_source.repo", "NewRepo"),
    ("#createPipelineDefinitionRequest.config_source", "NewConfigSource"),
    ("#createPipelineDefinitionRequest.config_source|repo", "NewConfigSourceGithub"),
    ("#createPipelineDefinitionRequest.config_source|circleci", "NewConfigSourceCircleci"),
    ("#createPipelineDefinitionRequest.config_source|circleci.provider", "CircleciProvider"),
    ("createSchedule.request.attribution-actor", "AttributionActor"),
    ("createSchedule.request.timetable", "Timetable"),
    ("createSchedule.request.timetable.days-of-week[]", "DayOfWeek"),
    ("createSchedule.request.timetable.months[]", "Month"),
    ("#createTriggerRequest.event_source", "NewEventSource"),
    ("#createTriggerRequest.event_source.schedule", "NewEventSchedule"),
    ("#createTriggerRequest.event_source.webhook", "NewEventWebhook"),
    ("createURLOrbAllowListEntry.request.auth", "UrlOrbAuth"),
    ("createURLOrbAllowListEntry.response", "UrlOrbAllowListChange"),
    ("createWebhook.request.events[]", "WebhookEvent"),
    ("createWebhook.request.scope", "NewWebhookScope"),
    ("#DecisionLog.metadata", "DecisionMetadata"),
    ("#DecisionLog.metadata.vcs", "DecisionVcs"),
    ("#DecisionLog.policies", "DecisionPolicies"),
    ("#env_var_list", "ContextEnvironmentVariableList"),
    ("#exporter", "OtelExporter"),
    ("#get_usage_export_job_status", "UsageExportJobStatus"),
    ("getAllInsightsBranches.response", "ProjectBranches"),
    ("getFlakyTests.response", "FlakyTests"),
    ("getFlakyTests.response.flaky-tests[]", "FlakyTest"),
    ("getJobDetails.response.executor", "JobExecutor"),
    ("getJobDetails.response.latest_workflow", "JobWorkflow"),
    ("getJobDetails.response.messages[]", "JobMessage"),
    ("getJobDetails.response.organization", "Named"),
    ("getJobDetails.response.parallel_runs[]", "ParallelRun"),
    ("getJobDetails.response.pipeline", "JobPipeline"),
    ("getJobDetails.response.project", "JobProject"),
    ("getJobDetails.response.status", "JobStatus"),
    ("getJobTimeseries.query.granularity", "Granularity"),
    ("getJobTimeseries.response", "JobTimeseries"),
    ("getJobTimeseries.response.items[]", "JobTimeseriesPoint"),
    ("getJobTimeseries.response.items[].metrics", "JobTimeseriesMetrics"),
    ("getJobTimeseries.response.items[].metrics.duration_metrics", "JobTimeseriesDurations"),
    ("getOrgSummaryData.response", "OrgSummary"),
    ("getOrgSummaryData.response.org_project_data[]", "OrgProjectSummary"),
    ("getOrgSummaryData.response.org_project_data[].metrics", "OrgProjectMetrics"),
    ("getOrgSummaryData.response.org_project_data[].trends", "OrgProjectTrends"),
    ("getPipelineById.response.trigger.actor", "Actor"),
    ("getPipelineById.response.vcs", "PipelineVcs"),
    ("getPipelineById.response.warnings[]", "PipelineWarning"),
    ("getPipelineById.response.vcs.commit", "Commit"),
    ("getProjectBySlug.response.vcs_info", "VcsInfo"),
    ("getProjectBySlug.response.vcs_info.provider", "VcsProvider"),
    ("getProjectWorkflowJobMetrics.response", "JobInsightsList"),
    ("getProjectWorkflowJobMetrics.response.items[]", "JobInsights"),
    ("getProjectWorkflowJobMetrics.response.items[].metrics", "JobMetrics"),
    ("getProjectWorkflowMetrics.query.reporting-window", "ReportingWindow"),
    ("getProjectWorkflowMetrics.response", "WorkflowInsightsList"),
    ("getProjectWorkflowMetrics.response.items[]", "WorkflowInsights"),
    ("getProjectWorkflowMetrics.response.items[].metrics", "WorkflowMetrics"),
    ("getProjectWorkflowMetrics.response.items[].metrics.duration_metrics", "DurationMetrics"),
    ("getProjectWorkflowRuns.response", "WorkflowRunList"),
    ("getProjectWorkflowRuns.response.items[]", "WorkflowRun"),
    ("getProjectWorkflowRuns.response.items[].status", "WorkflowRunStatus"),
    ("getProjectWorkflowsPageData.response", "ProjectSummary"),
    ("getProjectWorkflowsPageData.response.project_data", "SummaryTotals"),
    ("getProjectWorkflowsPageData.response.project_data.metrics", "SummaryMetrics"),
    ("getProjectWorkflowsPageData.response.project_data.trends", "SummaryTrends"),
    ("getProjectWorkflowsPageData.response.project_workflow_branch_data[]", "ProjectBranchSummary"),
    ("getProjectWorkflowsPageData.response.project_workflow_branch_data[].metrics", "ProjectWorkflowMetrics"),
    ("getProjectWorkflowsPageData.response.project_workflow_branch_data[].trends", "ProjectWorkflowTrends"),
    ("getProjectWorkflowsPageData.response.project_workflow_data[]", "ProjectWorkflowSummary"),
    ("getProjectWorkflowTestMetrics.response", "TestMetrics"),
    ("getProjectWorkflowTestMetrics.response.most_failed_tests[]", "TestInsights"),
    ("getProjectWorkflowTestMetrics.response.test_runs[]", "TestRun"),
    ("getProjectWorkflowTestMetrics.response.test_runs[].test_counts", "TestCounts"),
    ("getTests.response", "TestList"),
    ("getTests.response.items[]", "Test"),
    ("getWebhooks.query.scope-type", "WebhookScopeType"),
    ("getWebhooks.response", "WebhookList"),
    ("getWorkflowSummary.response", "WorkflowSummary"),
    ("#groups", "GroupList"),
    ("listCheckoutKeys.query.digest", "Digest"),
    ("listContexts.query.owner-type", "OwnerType"),
    ("listSchedulesForProject.response", "ScheduleList"),
    ("listURLOrbAllowListEntries.response", "UrlOrbAllowList"),
    ("listURLOrbAllowListEntries.response.items[]", "UrlOrbAllowListEntry"),
    ("listWorkflowJobs.response.items[]", "WorkflowJob"),
    ("listWorkflowJobs.response.items[].requires{}[]", "RequiredStatus"),
    ("listWorkflowJobs.response.items[].type", "JobType"),
    ("#PatchClaimsRequest", "PatchClaimsRequest"),
    ("#pipelineDefinition.checkout_source", "CheckoutSource"),
    ("#pipelineDefinition.config_source", "ConfigSource"),
    ("#pipelineDefinitionRepo", "Repo"),
    ("#PolicyBundle{}", "PolicyBundleEntry"),
    ("#project_settings.advanced", "AdvancedSettings"),
    ("rerunWorkflow.response", "WorkflowRerun"),
    ("#restriction_created", "CreatedContextRestriction"),
    ("#rollbackProjectResponse", "Rollback"),
    ("#trigger.event_source", "EventSource"),
    ("#trigger.event_source.schedule", "EventSchedule"),
    ("#trigger.event_source.schedule.attribution_actor", "EventScheduleActor"),
    ("#trigger.event_source.webhook", "EventWebhook"),
    ("#trigger_event_preset", "EventPreset"),
    ("#triggerPipelineRequest.checkout", "GitRef"),
    ("#triggerPipelineRequest.config", "PipelineRunConfig"),
    ("#update_env_var", "AddedEnvironmentVariable"),
    ("#update_env_var|context_id", "ContextEnvironmentVariable"),
    ("#updatePipelineDefinitionRequest.checkout_source", "CheckoutSourceUpdate"),
    ("#updatePipelineDefinitionRequest.checkout_source.repo", "RepoUpdate"),
    ("#updatePipelineDefinitionRequest.config_source", "ConfigSourceUpdate"),
    ("updateSchedule.request.timetable", "TimetableUpdate"),
    ("#updateTriggerRequest.event_source", "EventSourceUpdate"),
    ("#version", "ComponentVersion"),
];

/// Places that share one type, even if CircleCI adds a field or an enum value to only one of them. Each row contains the name of
/// the type and its places. Schemas below these places share their types too. A place in a request is listed only if its schema
/// is an enum, because a request does not necessarily accept all fields that a response has.
#[rustfmt::skip]
const ONE_TYPE: &[(&str, &[&str])] = &[
    ("CheckoutKey", &["createCheckoutKey.response", "listCheckoutKeys.response.items[]", "getCheckoutKey.response"]),
    ("Context", &["#context_list.items[]", "#context", "createContext.response"]),
    ("ContextEnvironmentVariable", &["#update_env_var|context_id", "#env_var_list.items[]"]),
    ("DurationMetrics", &["getWorkflowSummary.response.metrics.duration_metrics", "getProjectWorkflowMetrics.response.items[].metrics.duration_metrics",
        "getProjectWorkflowJobMetrics.response.items[].metrics.duration_metrics"]),
    ("EnvironmentVariable", &["createEnvVar.response", "listEnvVars.response.items[]", "getEnvVar.response"]),
    ("MessageResponse", &["#delete_context_response", "#delete_env_var", "#update_env_var|MessageResponse", "#restriction_deleted",
        "cancelJobByJobID.response", "deleteOrganization.response", "continuePipeline.response", "deleteProjectBySlug.response",
        "deleteCheckoutKey.response", "deleteEnvVar.response", "cancelJobByJobNumber.response", "#pipelineNotTriggeredResponse",
        "#pipelineDefinitionDeleted", "#triggerDeleted", "deleteScheduleById.response", "deleteWebhook.response",
        "approvePendingApprovalJobById.response", "cancelWorkflow.response"]),
    ("DayOfWeek", &["createSchedule.request.timetable.days-of-week[]", "listSchedulesForProject.response.items[].timetable.days-of-week[]",
        "createSchedule.response.timetable.days-of-week[]", "getScheduleById.response.timetable.days-of-week[]",
        "updateSchedule.request.timetable.days-of-week[]", "updateSchedule.response.timetable.days-of-week[]"]),
    ("JobStatus", &["getJobDetails.response.status", "listWorkflowJobs.response.items[].status"]),
    ("Month", &["createSchedule.request.timetable.months[]", "listSchedulesForProject.response.items[].timetable.months[]",
        "createSchedule.response.timetable.months[]", "getScheduleById.response.timetable.months[]",
        "updateSchedule.request.timetable.months[]", "updateSchedule.response.timetable.months[]"]),
    ("OtelProtocol", &["#createExporterRequest.protocol", "#exporter.protocol"]),
    ("PipelineState", &["getPipelineById.response.state", "listPipelines.response.items[].state", "listPipelinesForProject.response.items[].state",
        "triggerPipeline.response.state", "listMyPipelines.response.items[].state", "getPipelineByNumber.response.state",
        "#pipelineTriggeredResponse.state"]),
    ("RestrictionType", &["createContextRestriction.request.restriction_type", "#context_project_restrictions_list.items[].restriction_type",
        "#restriction_created.restriction_type"]),
    ("UrlOrbAuth", &["createURLOrbAllowListEntry.request.auth", "listURLOrbAllowListEntries.response.items[].auth"]),
    ("UsageExportJobState", &["#usage_export_job.state", "#get_usage_export_job_status.state"]),
    ("VcsType", &["createOrganization.request.vcs_type", "createOrganization.response.vcs_type", "getOrganization.response.vcs_type"]),
    ("WebhookEvent", &["createWebhook.request.events[]", "getWebhooks.response.items[].events[]", "createWebhook.response.events[]",
        "getWebhookById.response.events[]", "updateWebhook.request.events[]", "updateWebhook.response.events[]"]),
    ("Named", &["getJobDetails.response.organization", "getJobDetails.response.contexts[]"]),
    ("Organization", &["createOrganization.response", "getOrganization.response"]),
    ("Pipeline", &["getPipelineById.response", "listPipelines.response.items[]", "listPipelinesForProject.response.items[]",
        "listMyPipelines.response.items[]", "getPipelineByNumber.response"]),
    ("PipelineList", &["listPipelines.response", "listPipelinesForProject.response", "listMyPipelines.response"]),
    ("PipelineCreation", &["triggerPipeline.response", "#pipelineTriggeredResponse"]),
    ("Project", &["createProject.response", "getProjectBySlug.response"]),
    ("ProjectWorkflowMetrics", &["getProjectWorkflowsPageData.response.project_workflow_branch_data[].metrics",
        "getProjectWorkflowsPageData.response.project_workflow_data[].metrics"]),
    ("ProjectWorkflowTrends", &["getProjectWorkflowsPageData.response.project_workflow_branch_data[].trends",
        "getProjectWorkflowsPageData.response.project_workflow_data[].trends"]),
    ("Repo", &["#pipelineDefinitionRepo", "#trigger.event_source.repo"]),
    ("Schedule", &["createSchedule.response", "listSchedulesForProject.response.items[]", "getScheduleById.response", "updateSchedule.response"]),
    ("SummaryTotals", &["getProjectWorkflowsPageData.response.project_data", "getOrgSummaryData.response.org_data"]),
    ("TestInsights", &["getProjectWorkflowTestMetrics.response.most_failed_tests[]", "getProjectWorkflowTestMetrics.response.slowest_tests[]"]),
    ("UrlOrbAllowListChange", &["createURLOrbAllowListEntry.response", "removeURLOrbAllowListEntry.response"]),
    ("User", &["getCurrentUser.response", "listSchedulesForProject.response.items[].actor", "createSchedule.response.actor",
        "getScheduleById.response.actor", "updateSchedule.response.actor", "getUser.response"]),
    ("Webhook", &["createWebhook.response", "getWebhooks.response.items[]", "getWebhookById.response", "updateWebhook.response"]),
    ("Workflow", &["listWorkflowsByPipelineId.response.items[]", "#workflow"]),
];

/// Returns the rows of `ONE_TYPE`.
pub fn one_type() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    ONE_TYPE.iter().copied()
}

/// The order of constructor arguments, for the types whose arguments are not in alphabetical order. The order of `required` in
/// the document cannot be used: it has no meaning, and a change to it would break every caller of the constructor.
#[rustfmt::skip]
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("ContinuePipelineRequest", &["continuation-key", "configuration"]),
    ("CreateOtelExporterRequest", &["org_id", "endpoint", "protocol"]),
    ("CreatePipelineDefinitionRequest", &["name", "config_source", "checkout_source"]),
    ("CreateScheduleRequest", &["name", "timetable", "attribution-actor", "parameters"]),
    ("CreateUrlOrbAllowListEntryRequest", &["name", "prefix", "auth"]),
    ("CreateUsageExportRequest", &["start", "end"]),
    ("CreateWebhookRequest", &["name", "events", "url", "verify-tls", "signing-secret", "scope"]),
    ("NewConfigSourceCircleci", &["provider", "file_path"]),
    ("NewConfigSourceGithub", &["provider", "repo", "file_path"]),
    ("RollbackProjectRequest", &["environment_name", "component_name", "current_version", "target_version"]),
    ("Timetable", &["per-hour", "hours-of-day"]),
];

/// Returns a line for each row of `ARGUMENTS` that contains a property that the type does not require. `required` returns the
/// required properties of a type.
pub fn unused_arguments(required: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let unused = ARGUMENTS.iter().filter(|(name, order)| {
        let required = required(name);
        !order
            .iter()
            .all(|wire| required.iter().any(|known| known == wire))
    });
    let line = |(name, _): &(&str, _)| format!("arguments: the row of {name} is unused: remove it");
    unused.map(line).collect()
}

/// Returns the position of a required property among the constructor's arguments. Properties that are not in a row come last, and
/// the caller sorts them by name.
pub fn argument_place(type_name: &str, wire: &str) -> usize {
    let row = ARGUMENTS.iter().find(|(name, _)| *name == type_name);
    let place = row.and_then(|(_, order)| order.iter().position(|name| *name == wire));
    place.unwrap_or(usize::MAX)
}

/// Formats a row of the naming table as Rust source.
pub fn row(place: &str, name: &str) -> String {
    format!("({place:?}, {name:?}),")
}

pub fn table() -> BTreeMap<&'static str, &'static str> {
    TABLE.iter().copied().collect()
}

/// Converts `paginated_component-list` to `PaginatedComponentList`, and `URLOrb` to `UrlOrb`.
pub fn pascal(words: &str) -> String {
    use heck::ToUpperCamelCase;
    words.to_upper_camel_case()
}

/// Returns the module name for a tag. For example, `OTel` becomes `otel`.
pub fn file(tag: &str) -> String {
    let name = tag
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    // A tag may be any text, but a module needs a valid name. `mod` is not available, because `mod.rs` lists the modules.
    if is_rust(&name) && !is_keyword(&name) {
        name
    } else {
        format!("tag_{name}")
    }
}

/// Returns the name of a schema in Rust, without generic words. For example, `paginatedComponentListResponse` becomes
/// `ComponentList`.
pub fn of_schema(words: &str) -> String {
    let name = pascal(words);
    let name = name.strip_prefix("Paginated").unwrap_or(&name);
    name.strip_suffix("Response").unwrap_or(name).to_owned()
}

/// Converts `createURLOrb` to `create_url_orb`.
pub fn snake(words: &str) -> String {
    use heck::ToSnakeCase;
    words.to_snake_case()
}

/// Returns the singular of a word. For example, `errors` becomes `error`.
pub fn singular(word: &str) -> String {
    match word {
        _ if word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        _ if word.ends_with("ss") || word.ends_with("us") => word.to_owned(),
        _ => word.strip_suffix('s').unwrap_or(word).to_owned(),
    }
}

/// Returns the name of the variant for an enum value. For example, `not_run` becomes `NotRun`, and `last-7-days` becomes
/// `Last7Days`.
pub fn variant(word: &str) -> String {
    let name = pascal(word);
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("V{name}"),
    }
}

/// Returns the name of the variant for an alternative of a union. In the union `ContextOwner`, the alternative `ContextOwnerId`
/// becomes `Id`. If the alternative's name does not begin with the union's name, the variant has the full name of the
/// alternative. The first arms of the `match` are exceptions.
pub fn union_variant(union: &str, alternative: &str) -> String {
    match (union, alternative) {
        ("TriggerPipelineRunOutcome", "PipelineCreation") => "Triggered".into(),
        ("TriggerPipelineRunOutcome", "MessageResponse") => "Skipped".into(),
        ("AddedEnvironmentVariable", "ContextEnvironmentVariable") => "Variable".into(),
        (_, "MessageResponse") => "Message".into(),
        _ => {
            let rest = alternative.strip_prefix(union).filter(|rest| {
                rest.starts_with(|c: char| c.is_ascii_uppercase()) && *rest != "Self"
            });
            rest.unwrap_or(alternative).to_owned()
        }
    }
}

/// Returns the name of the method for an operation: the operationId in snake_case. If the name is a keyword or the name of a
/// handwritten method, it gets an underscore.
pub fn method(id: &str) -> String {
    const TAKEN: [&str; 4] = ["builder", "from_env", "base_url", "request"];
    out_of_the_way(snake(id), &TAKEN)
}

/// Returns the name that a parameter has as an argument and as a setter. If the builder has a method of the same name, the
/// parameter's name gets an underscore.
pub fn argument(ident: &str) -> String {
    const TAKEN: [&str; 15] = [
        "new",
        "operation",
        "options",
        "send",
        "send_for_response",
        "send_as",
        "items",
        "pages",
        "tolerant_items",
        "into_call",
        "with_path",
        "with_query",
        "with_query_each",
        "with_json",
        "with_empty_object",
    ];
    match TAKEN.contains(&ident) {
        true => format!("{ident}_"),
        false => ident.to_owned(),
    }
}

/// Returns the name of an operation's builder.
pub fn builder(id: &str) -> String {
    let name = pascal(id);
    // The builder of an operation that is called `self` is `Self_`, as in progenitor's output.
    if name == "Self" {
        format!("{name}_")
    } else {
        name
    }
}

fn out_of_the_way(name: String, taken: &[&str]) -> String {
    if is_keyword(&name) || taken.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        name
    }
}

/// Returns whether the word is a keyword. progenitor appends an underscore to keywords.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if \
        impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof unsafe \
        unsized use virtual where while yield";
    KEYWORDS.split_whitespace().any(|keyword| keyword == word)
}

/// Returns whether a word can become an identifier of the generated code. Keywords count too, because they get an underscore.
pub fn is_rust(word: &str) -> bool {
    word.chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Returns true if a generated type must not have this name, because the type would hide an item of the prelude or an import of
/// the generated files.
pub fn is_taken(name: &str) -> bool {
    const TAKEN: &str = "AsMut AsRef BTreeMap Borrow Box Build ByteStream Client Clone Copy DateTime Debug Default Deserialize \
        DoubleEndedIterator Drop Eq Err ExactSizeIterator Extend Fn FnMut FnOnce From FromIterator Into IntoIterator Iterator None Ok Option \
        Ord ParameterValue PartialEq PartialOrd PathValue QueryValue Request Result Self Send Serialize Sized Some String Sync ToOwned ToString \
        TryFrom TryInto Unpin Utc Uuid Vec";
    TAKEN.split_whitespace().any(|taken| taken == name)
}
