//! Workflows: reading, approving, canceling and rerunning them.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::received::Received;
use super::reply::{list_in_order, not_found, ok, say};
use super::run::Run;
use super::world::{Handler, Outcome, World, date, optional_date};
use crate::generated::types::WorkflowStatus;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("getWorkflowById", |world, request| {
        let json = world.look(request.path("id").unwrap_or_default());
        json.ok_or_else(|| not_found("Workflow")).and_then(ok)
    }),
    ("listWorkflowJobs", jobs),
    ("approvePendingApprovalJobById", approve),
    ("cancelWorkflow", cancel),
    ("rerunWorkflow", rerun),
];

impl World {
    pub(super) fn run(&self, id: &str) -> Result<&Run, Refusal> {
        let mut runs = self.runs();
        runs.find(|run| run.id == id)
            .ok_or_else(|| not_found("Workflow"))
    }

    fn run_mut(&mut self, id: &str) -> Result<&mut Run, Refusal> {
        let mut runs = self.pipelines.iter_mut().flat_map(|it| &mut it.workflows);
        runs.find(|run| run.id == id)
            .ok_or_else(|| not_found("Workflow"))
    }

    /// Cancels a workflow. Has no effect if the workflow has ended.
    pub(super) fn cancel(&mut self, id: &str) -> Outcome {
        let (now, user) = (self.now(), self.user_id.clone());
        let run = self.run_mut(id)?;
        if !run.is_over() {
            run.canceled_by = Some(user);
            run.settle(now);
        }
        say("Accepted.")
    }

    /// Approves the newest workflow that has this name and is on hold. Returns false if there is no such workflow.
    pub(super) fn approve_newest(&mut self, workflow: &str) -> bool {
        let now = self.now();
        let runs = self.pipelines.iter_mut().rev();
        let mut runs = runs.flat_map(|it| it.workflows.iter_mut().rev());
        let found = runs.find(|run| run.script.name == workflow && run.is_on_hold());
        found.map(|run| run.approve(now)).is_some()
    }
}

fn id(request: &Received) -> &str {
    request.path("id").unwrap_or_default()
}

fn jobs(world: &mut World, request: &Received) -> Outcome {
    let jobs = world.run(id(request))?.jobs(world);
    list_in_order(world, request, jobs, false)
}

fn approve(world: &mut World, request: &Received) -> Outcome {
    let now = world.now();
    let run = world.run_mut(id(request))?;
    if !run.is_on_hold() || request.path("approval_request_id") != Some(&run.approval) {
        return Err(not_found("Approval request"));
    }
    run.approve(now);
    say("Accepted.")
}

fn cancel(world: &mut World, request: &Received) -> Outcome {
    world.cancel(id(request))
}

fn rerun(world: &mut World, request: &Received) -> Outcome {
    let body = request.json();
    let asked = |key: &str| body.is_some_and(|body| body[key] == true);
    let jobs = body.and_then(|body| body["jobs"].as_array());
    let jobs = jobs.filter(|jobs| !jobs.is_empty());
    if jobs.is_some() && asked("from_failed") {
        let message = "Jobs and from_failed are mutually exclusive.";
        return Err(Refusal::new(400, message));
    }
    let run = world.run(id(request))?;
    if jobs.is_some_and(|jobs| !jobs.iter().all(|job| *job == json!(run.job))) {
        return Err(not_found("Job"));
    }
    let failed = matches!(
        run.status().as_str(),
        "failed" | "error" | "canceled" | "unauthorized"
    );
    if asked("from_failed") && !failed {
        let message = "A workflow without failed jobs cannot be rerun from failed.";
        return Err(Refusal::new(400, message));
    }
    let mut script = run.script.clone();
    if let Some(statuses) = script.rerun.clone() {
        script.statuses = statuses;
    }
    let pipeline = run.pipeline.clone();
    let index = world.pipelines.iter().position(|it| it.id == pipeline);
    let Some((index, mut pipeline)) = index.and_then(|at| Some((at, world.pipelines.remove(at)?)))
    else {
        return Err(not_found("Pipeline"));
    };
    let mut again = world.start(script, &pipeline);
    again.tag = match (asked("from_failed"), jobs) {
        (true, _) => Some("rerun-workflow-from-failed"),
        (false, Some(_)) => Some("rerun-single-job"),
        (false, None) => None,
    };
    again.settle(again.created_at);
    let answer = json!({ "workflow_id": again.id });
    pipeline.workflows.push(again);
    world.pipelines.insert(index, pipeline);
    ok(answer)
}

impl Run {
    pub(super) fn json(&self, world: &World) -> Value {
        let mut json = json!({
            "pipeline_id": self.pipeline,
            "id": self.id,
            "name": self.script.name,
            "project_slug": world.slug,
            "status": self.status(),
            "started_by": world.user_id,
            "pipeline_number": self.pipeline_number,
            "created_at": date(self.created_at),
            "stopped_at": optional_date(self.stopped_at),
            "tag": self.tag,
        });
        if let Some(user) = &self.canceled_by {
            json["canceled_by"] = json!(user);
        }
        json
    }

    /// Returns the jobs of the workflow: the approval job, if the script has one, and then the build job.
    pub(super) fn jobs(&self, world: &World) -> Vec<Value> {
        let mut statuses = self.script.statuses.iter();
        let hold = statuses.position(|status| *status == WorkflowStatus::OnHold);
        let approval = hold.map(|hold| self.approval_json(world, hold));
        let dependencies: Vec<&String> = hold.map(|_| &self.approval).into_iter().collect();
        let mut job = json!({
            "dependencies": dependencies,
            "id": self.job,
            "started_at": optional_date(self.started_at),
            "name": self.script.name,
            "project_slug": world.slug,
            "status": self.job_status(),
            "type": "build",
            "stopped_at": optional_date(self.stopped_at.filter(|_| self.has_job())),
        });
        if self.has_job() {
            job["job_number"] = json!(self.job_number);
        }
        if let Some(user) = &self.canceled_by {
            job["canceled_by"] = json!(user);
        }
        approval.into_iter().chain([job]).collect()
    }

    fn approval_json(&self, world: &World, hold: usize) -> Value {
        let approved = self.at > hold;
        let status = match (approved, &self.canceled_by) {
            (true, _) => "success",
            (false, Some(_)) => "canceled",
            (false, None) if self.at < hold => "blocked",
            (false, None) => "on_hold",
        };
        let mut json = json!({
            "dependencies": [],
            "id": self.approval,
            "approval_request_id": self.approval,
            "started_at": null,
            "name": "hold",
            "project_slug": world.slug,
            "status": status,
            "type": "approval",
            "stopped_at": optional_date(self.approved_at.filter(|_| approved)),
        });
        if approved {
            json["approved_by"] = json!(world.user_id);
        }
        json
    }
}
