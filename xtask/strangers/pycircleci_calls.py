"""Calls every method of PyPI `pycircleci` that is for a version 2 operation, and prints one line of JSON for each call.

usage: python pycircleci_calls.py SCENE, where the scene is JSON: the names and ids of what the double has.
Environment: CIRCLE_API_URL and CIRCLE_TOKEN.
"""

import json
import sys

from pycircleci.api import API_VER_V2, Api

SCENE = json.loads(sys.argv[1])
VCS, USER, PROJECT = SCENE["project"].split("/")
WINDOW = {"reporting-window": "last-90-days"}
api = Api()


def say(call, worked, why=""):
    print(json.dumps({"call": call, "worked": worked, "why": why[:300]}), flush=True)


def attempt(call, function, check):
    """Calls a method, and checks its result."""
    try:
        answer = function()
        problem = check(answer)
        say(call, not problem, problem or "")
        return answer
    except Exception as error:  # whatever it raises is the finding
        response = getattr(error, "response", None)
        text = "" if response is None else " " + response.text[:120]
        say(call, False, f"{type(error).__name__}: {error}{text}")
        return None


def has(*keys):
    def check(answer):
        missing = [key for key in keys if not isinstance(answer, dict) or key not in answer]
        return f"no {', '.join(missing)} in {json.dumps(answer)[:200]}" if missing else ""

    return check


def items(count=1, key="id"):
    def check(answer):
        answer = answer.get("items") if isinstance(answer, dict) else answer
        if not isinstance(answer, list) or len(answer) < count:
            return f"fewer than {count} items: {json.dumps(answer)[:200]}"
        names = [json.dumps(item.get(key), sort_keys=True) for item in answer]
        if "null" in names:
            return f"an item without {key}"
        return "" if len(set(names)) == len(names) else "an item comes twice"

    return check


def message(answer):
    return "" if isinstance(answer.get("message"), str) else f"no message in {answer}"


# The user, the project.
attempt("get_user_info", lambda: api.get_user_info(api_version=API_VER_V2), has("id", "login", "name", "avatar_url"))
attempt("get_user_id_info", lambda: api.get_user_id_info(SCENE["user"]), has("id", "login"))
attempt("get_user_collaborations", api.get_user_collaborations, items(1, "slug"))
attempt("get_project", lambda: api.get_project(SCENE["project"]), has("id", "slug", "vcs_info"))

# Pipelines, workflows and jobs. Each list once by page and once whole: the double's pages are small.
for paginate, count in [(False, 1), (True, 3)]:
    more = {"paginate": paginate, "vcs_type": VCS}
    attempt("get_project_pipelines", lambda: api.get_project_pipelines(USER, PROJECT, **more), items(count))
    attempt("get_project_pipelines mine", lambda: api.get_project_pipelines(USER, PROJECT, mine=True, **more), items(1))
    attempt("get_pipelines", lambda: api.get_pipelines(USER, **more), items(count))
    attempt("get_contexts", lambda: api.get_contexts(USER, **more), items(1))
    attempt("get_pipeline_workflow", lambda: api.get_pipeline_workflow(SCENE["pipeline"], paginate=paginate), items(1))
    attempt("get_workflow_jobs", lambda: api.get_workflow_jobs(SCENE["failedWorkflow"], paginate=paginate), items(1))
    attempt(
        "get_project_workflows_metrics",
        lambda: api.get_project_workflows_metrics(USER, PROJECT, WINDOW, **more),
        items(1, "name"),
    )
    attempt(
        "get_project_workflow_metrics",
        lambda: api.get_project_workflow_metrics(USER, PROJECT, "build-and-test", {}, **more),
        items(1),
    )
    attempt(
        "get_project_workflow_jobs_metrics",
        lambda: api.get_project_workflow_jobs_metrics(USER, PROJECT, "build-and-test", WINDOW, **more),
        items(1, "name"),
    )
attempt(
    "get_project_pipelines by branch",
    lambda: api.get_project_pipelines(USER, PROJECT, branch=SCENE["branch"], vcs_type=VCS),
    items(1),
)
attempt("get_project_pipeline", lambda: api.get_project_pipeline(USER, PROJECT, 1, vcs_type=VCS), has("id", "number"))
attempt("get_pipeline", lambda: api.get_pipeline(SCENE["pipeline"]), has("id", "state", "trigger", "vcs"))
attempt("get_pipeline_config", lambda: api.get_pipeline_config(SCENE["pipeline"]), has("source", "compiled"))
attempt("get_workflow", lambda: api.get_workflow(SCENE["failedWorkflow"]), has("id", "status", "stopped_at"))
attempt("get_job_details", lambda: api.get_job_details(USER, PROJECT, SCENE["failedJob"], VCS), has("number", "parallel_runs"))
triggered = attempt("trigger_pipeline", lambda: api.trigger_pipeline(USER, PROJECT, branch="main", vcs_type=VCS), has("id", "number"))
attempt("rerun_workflow", lambda: api.rerun_workflow(SCENE["failedWorkflow"]), has("workflow_id"))
attempt("rerun_workflow from failed", lambda: api.rerun_workflow(SCENE["failedWorkflow"], from_failed=True), has("workflow_id"))
attempt("cancel_workflow", lambda: api.cancel_workflow(SCENE["failedWorkflow"]), message)
attempt("cancel_job", lambda: api.cancel_job(USER, PROJECT, SCENE["failedJob"], VCS), message)
attempt("approve_job", lambda: api.approve_job(SCENE["heldWorkflow"], SCENE["approval"]), message)
attempt("continue_pipeline", lambda: api.continue_pipeline(SCENE["continuationKey"], "version: 2.1"), message)

# Contexts.
made = attempt("add_context", lambda: api.add_context("strangers", USER, vcs_type=VCS), has("id", "name", "created_at"))
context = (made or {}).get("id", SCENE["pipeline"])
attempt("get_context", lambda: api.get_context(context), has("id", "name", "created_at"))
attempt("add_context_envvar", lambda: api.add_context_envvar(context, "KEY", "v"), has("variable", "context_id"))
attempt("get_context_envvars", lambda: api.get_context_envvars(context), items(1, "variable"))
attempt("get_context_envvars paged", lambda: api.get_context_envvars(context, paginate=True), items(1, "variable"))
attempt("delete_context_envvar", lambda: api.delete_context_envvar(context, "KEY"), message)
attempt("delete_context", lambda: api.delete_context(context), message)

# Insights.
attempt("get_project_branches", lambda: api.get_project_branches(USER, PROJECT, vcs_type=VCS), has("branches", "org_id"))
attempt("get_flaky_tests", lambda: api.get_flaky_tests(USER, PROJECT, vcs_type=VCS), has("flaky_tests", "total_flaky_tests"))
attempt(
    "get_project_workflow_test_metrics",
    lambda: api.get_project_workflow_test_metrics(USER, PROJECT, "build-and-test", vcs_type=VCS),
    has("test_runs", "average_test_count"),
)

# Schedules.
settings = {
    "timetable": {"per-hour": 1, "hours-of-day": [3], "days-of-week": ["MON"]},
    "attribution-actor": "current",
    "parameters": {"branch": "main"},
}
made = attempt("add_schedule", lambda: api.add_schedule(USER, PROJECT, "nightly", settings, VCS), has("id", "created-at"))
schedule = (made or {}).get("id", SCENE["pipeline"])
attempt("get_schedules", lambda: api.get_schedules(USER, PROJECT, VCS), items(1))
attempt("get_schedule", lambda: api.get_schedule(schedule), has("id", "timetable"))
attempt("update_schedule", lambda: api.update_schedule(schedule, {"name": "daily"}), has("id", "name"))
attempt("delete_schedule", lambda: api.delete_schedule(schedule), message)
# Metrics of one job of a workflow (`…/jobs/{name}`) are no longer an operation of the API.
