//! Contains descriptions for items that CircleCI's document does not describe, and for items whose description does not fit the
//! generated code.
//!
//! The document's own descriptions take precedence, except over the rows of `INSTEAD`. `regen` reports a row that is no longer
//! used because its type is gone or because the document now describes it.

use crate::lower::names;
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeSet};

/// Descriptions of types that the document does not describe.
#[rustfmt::skip]
const TYPES: &[(&str, &str)] = &[
    ("AddEnvironmentVariableToContextRequest", "The value to give an environment variable of a context."),
    ("AddedEnvironmentVariable", "What CircleCI answers when an environment variable of a context was added or updated."),
    ("AdvancedSettings", "The advanced settings of a project, each of them enabled (`true`) or not (`false`)."),
    ("ArtifactList", "A page of a job's artifacts."),
    ("BundleDiff", "How a new policy bundle differs from the one it replaces, by the names of the policies."),
    ("CheckoutKeyList", "A page of a project's checkout keys."),
    ("Collaboration", "An organization of which a user is a member or a collaborator."),
    ("Component", "A component, whose versions are deployed to environments."),
    ("ComponentList", "A page of components."),
    ("ComponentVersion", "A version of a component, and where and by what it was deployed."),
    ("ComponentVersionList", "A page of a component's versions."),
    ("Context", "A context. Contexts secure and share environment variables."),
    ("ContextEnvironmentVariable", "An environment variable of a context, without its value."),
    ("ContextEnvironmentVariableList", "A page of a context's environment variables, without their values."),
    ("ContextList", "A page of contexts."),
    ("ContextOwner", "The owner of a context, by ID or by slug."),
    ("ContextOwnerId", "The owner of a context, by ID."),
    ("ContextOwnerSlug", "The owner of a context, by slug."),
    ("ContextRestriction", "A project, expression or group restriction of a context."),
    ("ContextRestrictionList", "A page of a context's restrictions."),
    ("ContinuePipelineRequest", "The configuration to continue a pipeline with."),
    ("CreateCheckoutKeyRequest", "The kind of checkout key to create."),
    ("CreateContextRequest", "The context to create, and its owner."),
    ("CreateContextRestrictionRequest", "The restriction to put on a context."),
    ("CreateOrganizationGroupRequest", "The group to create."),
    ("CreateOrganizationRequest", "The organization to create."),
    ("CreateOtelExporterRequest", "The OTLP exporter configuration to create."),
    ("CreatePipelineDefinitionRequest", "The pipeline definition to create."),
    ("CreatePolicyBundleRequest", "The policy bundle that is to replace the current one."),
    ("CreateProjectRequest", "The project to create."),
    ("CreateTriggerRequest", "The trigger to create."),
    ("CreateUrlOrbAllowListEntryRequest", "The entry to create in an organization's URL orb allow-list."),
    ("CreateUsageExportRequest", "The time range for which to export the usage."),
    ("CreatedContextRestriction", "The restriction that was put on a context."),
    ("DayOfWeek", "A day of the week."),
    ("Decision", "A policy decision: the result of evaluating a config against its owner's policies."),
    ("DecisionLog", "An entry of the audit log of policy decisions."),
    ("DecisionMetadata", "What a policy decision was made for."),
    ("DecisionSettings", "The settings of policy decisions, such as whether policies are evaluated."),
    ("DecisionVcs", "The VCS information of the build for which a policy decision was made."),
    ("Digest", "The digest type of a fingerprint."),
    ("Environment", "An environment that components are deployed to."),
    ("EnvironmentList", "A page of environments."),
    ("EnvironmentVariableList", "A page of a project's environment variables, with their values masked."),
    ("EventSourceUpdate", "What to change in the source of events of a trigger."),
    ("FlakyTest", "A test that passed and failed in the same commit."),
    ("GitRef", "A branch or a tag; they are mutually exclusive."),
    ("Granularity", "The granularity of timeseries data. Hourly data is retained for 48 hours, daily data for 90 days."),
    ("Group", "A group in an organization."),
    ("GroupList", "A page of an organization's groups."),
    ("JobInsights", "The summary metrics of one job of a workflow."),
    ("JobTimeseriesPoint", "The metrics of one interval of a timeseries."),
    ("Label", "A label: a key and its value."),
    ("MakeDecisionRequest", "The input to evaluate against an owner's policies."),
    ("Month", "A month of the year."),
    ("NewConfigSource", "The resource that is to store the CircleCI config YAML of a new pipeline definition."),
    ("NewRepo", "A repository, by the identifier that its provider gives it."),
    ("OidcClaims", "The custom claims of the OIDC identity tokens of an organization or a project."),
    ("OrgProjectSummary", "Metrics and trends for one project of an organization."),
    ("Organization", "An organization."),
    ("OtelExporter", "An OTLP exporter configuration."),
    ("OwnerType", "The type of a context's owner. `account` is for CircleCI server."),
    ("PatchClaimsRequest", "The custom claims of OIDC identity tokens to create or update."),
    ("PipelineDefinition", "A pipeline definition: where the config of pipelines is stored, and which code they check out."),
    ("PipelineDefinitionList", "The pipeline definitions of a project."),
    ("PipelineRunConfig", "The configuration of a pipeline: a branch or tag to fetch it from, or its content."),
    ("Policy", "A policy document."),
    ("ProjectBranchSummary", "Metrics and trends for one workflow on one branch of a project."),
    ("ProjectDeploySettings", "The settings of a project that concern its deploys."),
    ("ProjectSettings", "The settings of a project."),
    ("ProjectSummary", "Metrics and trends for a project, and for its workflows and branches."),
    ("ProjectWorkflowSummary", "Metrics and trends for one workflow of a project."),
    ("Repo", "A repository."),
    ("RepoUpdate", "The repository to use from now on."),
    ("ReportingWindow", "The time window for which summary metrics are calculated."),
    ("RequiredStatus", "A status that a job may require of a job that it depends upon."),
    ("Rollback", "What was created to handle a rollback."),
    ("RollbackProjectRequest", "The component to roll back, and the version to roll it back to."),
    ("Test", "The result of one test that a job ran."),
    ("TestInsights", "Metrics for one test."),
    ("TestList", "A page of the results of a job's tests."),
    ("TestRun", "The test counts of one workflow of a pipeline."),
    ("Trigger", "A trigger of a pipeline definition."),
    ("TriggerList", "The triggers of a pipeline definition."),
    ("TriggerPipelineRunOutcome", "The result of a request to trigger a pipeline: either the pipeline or, if there is none, a message."),
    ("TriggerPipelineRunRequest", "The pipeline definition to run, the branch or tag to run it on, and its parameters."),
    ("UpdatePipelineDefinitionRequest", "What to change in a pipeline definition."),
    ("UpdateTriggerRequest", "What to change in a trigger."),
    ("UrlOrbAllowList", "The URL orb allow-list of an organization."),
    ("UrlOrbAllowListChange", "The result of creating or removing an entry of a URL orb allow-list."),
    ("UrlOrbAllowListEntry", "An entry of an organization's URL orb allow-list."),
    ("UsageExportJob", "A usage export job that was created."),
    ("UsageExportJobState", "The state of a usage export job."),
    ("UsageExportJobStatus", "The state of a usage export job, and where to download its results."),
    ("User", "A user."),
    ("Violation", "A rule that was violated, and why."),
    ("Webhook", "An outbound webhook."),
    ("WebhookEvent", "An event that triggers outbound webhooks."),
    ("WebhookScopeType", "The type of a webhook's scope."),
    ("WorkflowInsights", "The summary metrics of one workflow."),
    ("WorkflowJobList", "A page of a workflow's jobs."),
    ("WorkflowRun", "A recent run of a workflow."),
];

/// Descriptions of fields, operation parameters and union variants that the document does not describe. `*` stands for any owner.
#[rustfmt::skip]
const FIELDS: &[(&str, &str)] = &[
    ("*.audience", "The audience of the tokens."),
    ("*.context", "The policy context."),
    ("*.decisionID", "The ID of the decision's entry in the audit log."),
    ("*.items", "The items of this page."),
    ("*.next_page_token", "A token to pass as a `page-token` query parameter to return the next page of results."),
    ("*.orgID", "The unique ID of the organization."),
    ("*.ownerID", "The unique ID of the owner of the policies, which is the organization."),
    ("*.projectID", "The unique ID of the project."),
    ("*.repo", "The repository of this resource."),
    ("*.success_rate", "The rate of successful runs, as a ratio from 0 to 1."),
    ("*.ttl", "How long the tokens are valid, in numbers with units from `ms` and `s` to `d` and `w`, such as `1h30m`."),
    ("*.usage_export_job_id", "The unique ID of the usage export job."),
    ("BundleDiff.created", "The names of the policies that the new bundle adds."),
    ("BundleDiff.deleted", "The names of the policies that the new bundle no longer has."),
    ("BundleDiff.modified", "The names of the policies that the new bundle changes."),
    ("CreateContextRequest.owner", "The owner of the context, by ID or by slug."),
    ("CreatePipelineDefinitionRequest.config_source", "The resource that stores the CircleCI config YAML used for this pipeline definition."),
    ("CreatePolicyBundle.dry", "Whether to report what would change without changing anything."),
    ("CreatePolicyBundleRequest.policies", "The names of the policies, and the content of each."),
    ("CreateUsageExportRequest.shared_org_ids", "Additional shared org IDs to include data for in the generated usage export."),
    ("Decision.enabled_rules", "The names of the rules that are enabled."),
    ("Decision.hard_failures", "The violations that are hard failures."),
    ("Decision.reason", "The reason for the decision."),
    ("Decision.soft_failures", "The violations that are soft failures."),
    ("Decision.status", "The status of the decision."),
    ("DecisionLog.created_at", "The date and time the entry was created."),
    ("DecisionLog.decision", "The decision that was made."),
    ("DecisionLog.id", "The unique ID of the entry."),
    ("DecisionLog.metadata", "What the decision was made for."),
    ("DecisionLog.time_taken_ms", "The time that the decision took, in milliseconds."),
    ("DecisionMetadata.build_number", "The number of the build."),
    ("DecisionMetadata.project_id", "The unique ID of the project."),
    ("DecisionMetadata.ssh_rerun", "Whether the build is a rerun with SSH access."),
    ("DecisionMetadata.vcs", "VCS information for the build."),
    ("DecisionPolicies.List", "The policies as a list."),
    ("DecisionPolicies.Map", "The policies by name."),
    ("DecisionSettings.enabled", "Whether policies are evaluated."),
    ("DecisionVcs.branch", "The branch of the build."),
    ("DecisionVcs.origin_repository_url", "URL for the repository where the trigger originated."),
    ("DecisionVcs.release_tag", "The release tag of the build."),
    ("DecisionVcs.target_repository_url", "URL for the repository the trigger targets."),
    ("EventSourceUpdate.webhook", "Webhook configuration to update for this trigger. Only applicable when `provider` is `webhook`."),
    ("FlakyTest.time-wasted", "The time wasted on the test's flakes. CircleCI's document does not name the unit."),
    ("GroupList.total_count", "The total number of groups."),
    ("JobProject.id", "The unique ID of the project."),
    ("MakeDecisionRequest.input", "The config to evaluate."),
    ("MakeDecisionRequest.metadata", "The metadata to evaluate with the config."),
    ("OidcClaims.audience_updated_at", "The date and time the audience was last updated."),
    ("OidcClaims.org_id", "The unique ID of the organization."),
    ("OidcClaims.project_id", "The unique ID of the project, if the claims are at project level."),
    ("OidcClaims.ttl_updated_at", "The date and time the time to live was last updated."),
    ("Pipeline.trigger_parameters", "The parameters that came with the trigger."),
    ("PipelineDefinitionList.items", "The pipeline definitions."),
    ("Policy.content", "The content of the policy document."),
    ("Policy.created_at", "The date and time the policy was created."),
    ("Policy.created_by", "Who created the policy."),
    ("Policy.name", "The name of the policy."),
    ("PolicyBundleEntry.List", "Several policy documents."),
    ("PolicyBundleEntry.Policy", "One policy document."),
    ("Project.id", "The unique ID of the project."),
    ("ProjectSettings.advanced", "The advanced settings of the project."),
    ("TriggerList.items", "The triggers."),
    ("TriggerPipelineRunOutcome.Skipped", "CircleCI triggered no pipeline and sent this message instead."),
    ("TriggerPipelineRunOutcome.Triggered", "The pipeline that was triggered."),
    ("TriggerPipelineRunRequest.checkout", "The branch or tag that should be used to check out code on a checkout step."),
    ("TriggerPipelineRunRequest.config", "The branch or tag that should be used to fetch the config file."),
    ("UpdateTriggerRequest.event_source", "What to change in the source of events."),
    ("UrlOrbAllowList.items", "The entries of the allow-list."),
    ("UsageExportJob.end", "The end date & time (inclusive) of the range from which data will be pulled."),
    ("UsageExportJob.start", "The start date & time (inclusive) of the range from which data will be pulled."),
    ("UsageExportJob.state", "The state of the job."),
    ("UsageExportJobStatus.error_reason", "Why the job failed."),
    ("UsageExportJobStatus.state", "The state of the job."),
    ("VcsInfo.default_branch", "The default branch of the repository."),
    ("Violation.reason", "Why the rule was violated."),
    ("Violation.rule", "The name of the rule."),
];

/// Descriptions that replace those of the document where the document's text is unsuitable. For example, that text describes only
/// one of several places that share a type, or it describes a response instead of its content. The keys are types, fields, and
/// the builder names of operations whose summary is replaced.
#[rustfmt::skip]
const INSTEAD: &[(&str, &str)] = &[
    ("AttributionActor", "The actor to attribute pipeline runs to: `current` is the user who sends the request, `system` the CircleCI system actor."),
    ("CreateEnvVarRequest", "The environment variable to create."),
    ("CreateOrganizationGroup", "Create a group."),
    ("CreateScheduleRequest", "The schedule to create."),
    ("CreateWebhookRequest", "The outbound webhook to create."),
    ("CreateWebhookRequest.scope", "The scope whose events trigger the webhook."),
    ("CreatedContextRestriction.id", "UUID of the restriction."),
    ("DurationMetrics", "Metrics relating to the duration of the runs of a workflow or a job."),
    ("EnvironmentVariable", "An environment variable of a project, with its value masked."),
    ("EnvironmentVariable.value", "The masked value: four `x` characters and the last four ASCII characters of the value."),
    ("FlakyTests", "The flaky tests of a project."),
    ("GetCollaborations", "Get the organizations a user can collaborate on."),
    ("GetCurrentUser", "Get the user that is currently signed in."),
    ("GetGroup", "Get a group in an organization."),
    ("GetJobTimeseries", "Get timeseries data for the jobs of a workflow."),
    ("GetOrganizationGroups", "Get the groups in an organization."),
    ("GetUser", "Get a user."),
    ("GitRef.branch", "The branch. To trigger a pipeline for a PR by number use `pull/<number>/head` for the PR ref or `pull/<number>/merge` for the merge ref (GitHub only)."),
    ("GitRef.tag", "The tag. The commit that it points to is used for the pipeline."),
    ("JobDetails", "The details of a job."),
    ("JobTimeseries", "A page of timeseries metrics for the jobs of a workflow."),
    ("MessageResponse", "A message. It is CircleCI's whole response if there is nothing else to report."),
    ("Named", "The name of a job's organization, or of a context that it uses."),
    ("Named.name", "The name of the organization or context."),
    ("NewEventSchedule.attribution_actor", "The actor to attribute pipeline runs to. Use `current` to attribute runs to the user who sends this request, or `system` to attribute runs to the CircleCI system actor."),
    ("NewWebhookScope", "The scope whose events trigger a webhook."),
    ("Pipeline", "A pipeline."),
    ("PipelineCreation", "A pipeline that was just created."),
    ("PipelineList", "A page of pipelines."),
    ("PipelineState", "The current state of a pipeline. The statuses of its workflows show whether it succeeded."),
    ("Project", "A project. CircleCI notes that its definition is subject to change."),
    ("ProjectBranches", "The branches of a project that are currently available within Insights."),
    ("Schedule", "A schedule, which triggers pipelines of a project."),
    ("Schedule.created-at", "The date and time the schedule was created."),
    ("Schedule.updated-at", "The date and time the schedule was last updated."),
    ("ScheduleList", "A page of a project's schedules."),
    ("SummaryMetrics", "Metrics aggregated across a project, or across the projects of an organization."),
    ("SummaryTotals", "Metrics and trends for a project, or for an organization."),
    ("SummaryTotals.metrics", "Metrics aggregated across the project, or across the projects of the organization."),
    ("SummaryTotals.trends", "Trends aggregated across the project, or across the projects of the organization."),
    ("SummaryTrends", "Trends aggregated across a project, or across the projects of an organization."),
    ("TestMetrics", "Metrics for the tests of a workflow."),
    ("TimetableUpdate.hours-of-day", "The hours of the day, in UTC, in which the schedule triggers, from 0 to 23."),
    ("TriggerPipelineRequest.branch", "The branch to run the pipeline on. The HEAD commit on this branch is used for the pipeline. Note that `branch` and `tag` are mutually exclusive. To trigger a pipeline for a PR by number use `pull/<number>/head` for the PR ref or `pull/<number>/merge` for the merge ref (GitHub only)."),
    ("TriggerPipelineRequest.tag", "The tag to run the pipeline on. The commit that this tag points to is used for the pipeline. Note that `branch` and `tag` are mutually exclusive."),
    ("UpdateScheduleRequest", "What to change in a schedule."),
    ("UpdateWebhookRequest", "What to change in an outbound webhook."),
    ("Webhook.scope", "The scope whose events trigger the webhook."),
    ("WebhookList", "A page of outbound webhooks."),
    ("WebhookScope", "The scope whose events trigger a webhook."),
    ("WorkflowJob", "A job of a workflow."),
    ("WorkflowJob.approval_request_id", "The ID by which an approval job is approved."),
    ("WorkflowJob.approved_by", "The unique ID of the user who approved the job."),
    ("WorkflowJob.canceled_by", "The unique ID of the user who canceled the job."),
    ("WorkflowList", "A page of workflows."),
    ("WorkflowRerun", "The workflow that reruns another one."),
    ("WorkflowSummary", "Aggregated metrics and trends for a workflow."),
];

/// Corrections to the document's texts. Each row contains a wrong text and its replacement. The wrong texts are typing errors,
/// repetitions, and advice about requests that does not apply to this crate.
#[rustfmt::skip]
const SLIPS: &[(&str, &str)] = &[
    (" The `/` characters may be URL-escaped.", ""),
    (" sha256 keys should be url-encoded.", ""),
    (" used in query parameters", ""),
    ("Credit reporting from Insights does not use the same source of truth as the billing information that is found in the Plan Overview page in the CircleCI UI, nor does the underlying data have the same data accuracy guarantees as the billing information in the CircleCI UI.  This may lead to discrepancies between credits reported from Insights and the billing information in the Plan Overview page of the CircleCI UI.  For precise credit reporting, always use the Plan Overview page in the CircleCI UI.", "For that, use the Plan Overview page in the CircleCI UI."),
    ("across it's", "across its"),
    ("always triger", "always trigger"),
    ("an project", "a project"),
    ("branchfor", "branch for"),
    ("for `:project`", "for a project"),
    ("named :name", "of that name"),
    ("of environment variable :name", "of the environment variable of that name"),
    ("parallels runs", "parallel runs"),
    ("pre signed urls", "pre-signed URLs"),
    ("upto", "up to"),
];

/// Corrects all descriptions and summaries in the document. Returns a line for each correction that no longer matches anything.
pub fn mend(document: &mut Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    mend_below(document, &mut found);
    SLIPS
        .iter()
        .filter(|(slip, _)| !found.contains(slip))
        .map(|(slip, _)| {
            format!(
                "words: no description contains {:?} now: remove its row",
                shortened(slip)
            )
        })
        .collect()
}

fn mend_below(value: &mut Value, found: &mut BTreeSet<&'static str>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| mend_below(value, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" || key == "summary" => {
                        for (slip, mended) in SLIPS {
                            if text.contains(slip) {
                                found.insert(slip);
                                *text = text.replace(slip, mended);
                            }
                        }
                    }
                    value => mend_below(value, found),
                }
            }
        }
        _ => {}
    }
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// The tables of descriptions, and a record of the rows that were used.
#[derive(Debug, Default)]
pub struct Words {
    used: RefCell<BTreeSet<&'static str>>,
}

impl Words {
    /// Returns the description of a type. `own` is its description in the document.
    pub fn of_type(&self, name: &str, own: &str) -> String {
        self.choose(TYPES, &[name], own)
            .unwrap_or_else(|| capitalised(&format!("{}.", spoken(name))))
    }

    /// Returns the description of a field, a parameter or a variant. `own` is its description in the document.
    pub fn of_field(&self, owner: &str, wire: &str, own: &str) -> String {
        self.choose(
            FIELDS,
            &[&format!("{owner}.{wire}"), &format!("*.{wire}")],
            own,
        )
        .unwrap_or_else(|| format!("The `{wire}` of {}.", spoken(owner)))
    }

    /// Returns the description of a union's variant, if a table has one. The document describes no variants: its description of
    /// an alternative describes the alternative's type.
    pub fn of_variant(&self, union: &str, variant: &str) -> Option<String> {
        self.choose(FIELDS, &[&format!("{union}.{variant}")], "")
    }

    /// Returns the summary of an operation. `own` is its summary in the document.
    pub fn of_operation(&self, builder: &str, own: &str) -> String {
        self.choose(&[], &[builder], own)
            .unwrap_or_else(|| capitalised(&names::snake(builder).replace('_', " ")))
    }

    /// Returns a line for each row that was not used.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let rows = [TYPES, FIELDS, INSTEAD]
            .into_iter()
            .flatten()
            .map(|(key, _)| *key);
        rows.filter(|key| !used.contains(key))
            .map(|key| format!("words: the row of {key} is unused: remove it"))
            .collect()
    }

    fn choose(
        &self,
        table: &'static [(&'static str, &'static str)],
        keys: &[&str],
        own: &str,
    ) -> Option<String> {
        let own = own.trim();
        let table = if own.is_empty() { table } else { INSTEAD };
        let row = keys
            .iter()
            .find_map(|key| table.iter().find(|row| row.0 == *key));
        if let Some((key, _)) = row {
            self.used.borrow_mut().insert(key);
        }
        row.map(|(_, words)| *words)
            .or((!own.is_empty()).then_some(own))
            .map(str::to_owned)
    }
}

/// Returns the name of a type in words. For example, `WorkflowRunStatus` becomes "a workflow run status".
fn spoken(name: &str) -> String {
    let words = names::snake(name).replace('_', " ");
    let article = if words.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {words}")
}

/// Returns the text with a capital first letter.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Returns the unit of a field: a word for the unit, and a sentence about it. The sentence is added to a description that does
/// not contain the word. A trend has no unit, because it is not a quantity and CircleCI does not say how it is measured.
pub fn unit(owner: &str, wire: &str) -> Option<(&'static str, &'static str)> {
    match wire {
        _ if owner.ends_with("Trends") => None,
        _ if wire.ends_with("_secs") || wire == "mttr" => Some(("second", "In seconds.")),
        _ if wire.ends_with("_ms") => Some(("millisecond", "In milliseconds.")),
        _ if wire.contains("credits") => Some(("credit", "In credits.")),
        "success_rate" => Some(("ratio", "As a ratio from 0 to 1.")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_say_a_thing_once() {
        for table in [TYPES, FIELDS, INSTEAD, SLIPS] {
            for pair in table.windows(2) {
                assert!(
                    pair[0].0 < pair[1].0,
                    "{} stands before {}",
                    pair[0].0,
                    pair[1].0
                );
            }
        }
        for (key, _) in INSTEAD {
            assert!(
                !TYPES.iter().chain(FIELDS).any(|row| row.0 == *key),
                "{key} stands in two tables"
            );
        }
    }

    #[test]
    fn rows_are_sentences() {
        for (key, words) in [TYPES, FIELDS, INSTEAD].into_iter().flatten() {
            assert!(
                words.ends_with('.') && words.starts_with(|c: char| c.is_uppercase()),
                "{key}: {words}"
            );
        }
    }

    #[test]
    fn the_document_comes_first_and_idle_rows_are_told() {
        let words = Words::default();
        assert_eq!(words.of_type("User", "A person"), "A person");
        assert!(words.unused().iter().any(|row| row.contains(" User ")));
        assert_eq!(words.of_type("User", ""), "A user.");
        assert!(!words.unused().iter().any(|row| row.contains(" User ")));
        assert_eq!(
            words.of_type("JobDetails", "Job Details"),
            "The details of a job."
        );
        assert_eq!(words.of_type("OddThing", " "), "An odd thing.");
        assert_eq!(
            words.of_field("PipelineList", "items", ""),
            "The items of this page."
        );
    }

    #[test]
    fn trends_have_no_unit() {
        assert_eq!(unit("WorkflowSummaryTrends", "mttr"), None);
        assert_eq!(
            unit("WorkflowSummaryMetrics", "mttr").map(|unit| unit.1),
            Some("In seconds.")
        );
    }
}
