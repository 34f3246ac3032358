"""What is deployed, without a server: time limits, job variables, automations."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from deployments import automations, diagnosis
from deployments.apply import comparable, in_timezone, in_work_pool
from deployments.job_template import base_job_template
from harness.errors import InvalidSettingError
from harness.settings import ScheduleSettings, load
from harness.stack.bundle import code_dir
from harness.stack.environment import deploy_environment

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())[
    "deployments"
]
AUTOMATIONS: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "deployments" / "automations.yaml").read_text()
)["automations"]
# Time for the flow to report its end before its pod is killed.
_REPORT_SECONDS = 60


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_flow_ends_by_itself_before_its_job_is_killed(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.flows import load_flow_from_entrypoint

    monkeypatch.chdir(ROOT)
    flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    default = base_job_template()["variables"]["properties"]["active_deadline_seconds"]["default"]
    variables = deployment["work_pool"].get("job_variables") or {}
    deadline = variables.get("active_deadline_seconds", default)
    assert flow.timeout_seconds, "a run that hangs would never end"
    assert flow.timeout_seconds + _REPORT_SECONDS <= deadline


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_the_process_pool_takes_the_same_job_variables(deployment: dict[str, Any]) -> None:
    import asyncio

    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

    # Never asked: without an address Prefect would start a server of its own.
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        configuration = asyncio.run(
            ProcessJobConfiguration.from_template_and_values(
                ProcessWorker.get_default_base_job_template(),
                deployment["work_pool"]["job_variables"],
            )
        )
    assert configuration.env["PREFECT_LOGGING_EXTRA_LOGGERS"] == "harness"


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_schedule_has_a_slug(deployment: dict[str, Any]) -> None:
    # Without one, deploying again makes a new schedule and starts one that was paused.
    slugs = [schedule.get("slug") for schedule in deployment.get("schedules") or []]
    assert all(slugs)
    assert len(set(slugs)) == len(slugs)


def test_a_run_under_way_is_no_change() -> None:
    from uuid import uuid4

    from prefect.client.schemas.responses import (
        DeploymentResponse,
        GlobalConcurrencyLimitResponse,
    )

    def deployment(limit: int, active_slots: int) -> dict[str, Any]:
        group = GlobalConcurrencyLimitResponse(
            name="deployment:x", limit=limit, active_slots=active_slots, slot_decay_per_second=0
        )
        return comparable(
            DeploymentResponse(
                id=identity, name="x", flow_id=identity, global_concurrency_limit=group
            )
        )

    identity = uuid4()
    assert deployment(1, active_slots=0) == deployment(1, active_slots=1)
    assert deployment(1, active_slots=0) != deployment(2, active_slots=0)


def test_schedules_are_in_the_configured_timezone() -> None:
    document = {
        "deployments": [
            {"name": "none"},
            {"name": "some", "schedules": [{"cron": "* * * * *"}, {"timezone": "Asia/Tokyo"}]},
        ]
    }
    in_timezone(document, "Europe/Berlin")
    schedules = document["deployments"][1]["schedules"]
    assert [s["timezone"] for s in schedules] == ["Europe/Berlin", "Asia/Tokyo"]  # type: ignore[index]


def test_everything_is_in_the_configured_work_pool() -> None:
    document = {
        "deployments": [
            {"name": "usual", "work_pool": {"name": "harness", "job_variables": {"env": {}}}},
            {"name": "apart", "work_pool": {"name": "gpu"}},
        ]
    }
    in_work_pool(document, "team-a")
    usual, apart = (deployment["work_pool"] for deployment in document["deployments"])
    assert usual == {"name": "team-a", "job_variables": {"env": {}}}
    assert apart == {"name": "gpu"}, "somebody has chosen it"


def test_automations_watch_the_configured_work_pool() -> None:
    watched = [
        resource["prefect.resource.name"]
        for entry in automations.declared("team-a")
        for related in [entry["trigger"]["match_related"]]
        for resource in (related if isinstance(related, list) else [related])
        if resource["prefect.resource.role"] == "work-pool"
    ]
    assert watched == ["team-a"] * 6


def test_a_checkout_deploys_its_own_code() -> None:
    assert code_dir() == ROOT


@pytest.mark.parametrize("name", ["Nowhere/Land", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_a_timezone_that_does_not_exist_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_TIMEZONE", "")
    assert load(ScheduleSettings).timezone == "UTC"
    monkeypatch.setenv("HARNESS_TIMEZONE", name)
    with pytest.raises(InvalidSettingError, match="HARNESS_TIMEZONE"):
        load(ScheduleSettings)


@pytest.mark.parametrize("automation", AUTOMATIONS, ids=lambda automation: automation["name"])
def test_automations_are_valid_and_look_at_our_runs_only(automation: dict[str, Any]) -> None:
    from prefect.server.events.schemas.automations import AutomationCore

    # Prefect's model writes into what it is given.
    given = copy.deepcopy({key: value for key, value in automation.items() if key != "notify"})
    given.setdefault("actions", [])
    core = AutomationCore.model_validate(given)
    assert core.name.startswith("harness-")
    assert core.description
    assert automation["trigger"]["match_related"], "other flows of the server would be touched"
    assert core.actions or automation["notify"]
    # The UI shows nothing for it.
    assert "do-nothing" not in {action.type for action in core.actions}


@pytest.mark.parametrize(
    ("flow", "restarted"), [("index-repository", True), ("index-shard", False)]
)
def test_a_crashed_shard_is_left_to_its_repositorys_run(flow: str, restarted: bool) -> None:
    from prefect.server.events.schemas.automations import EventTrigger
    from prefect.server.events.schemas.events import RelatedResource, Resource

    (entry,) = [a for a in AUTOMATIONS if a["name"] == "harness-restart-crashed"]
    trigger = EventTrigger.model_validate(copy.deepcopy(entry["trigger"]))
    run = Resource({"prefect.resource.id": "prefect.flow-run.1", "prefect.run-count": "1"})
    related = [
        RelatedResource(
            {
                "prefect.resource.id": f"prefect.{role}.1",
                "prefect.resource.role": role,
                "prefect.resource.name": name,
            }
        )
        for role, name in (("flow", flow), ("deployment", flow), ("work-pool", "harness"))
    ]
    assert trigger.covers_resources(run, related) is restarted


@pytest.mark.parametrize(
    ("deployment", "pool", "notified"),
    [
        ("nightly-backup", "harness", True),
        ("check-volumes", "harness", True),
        ("agent-task", "harness", False),
        ("clean-up", "somebody-elses", False),
    ],
)
def test_what_fails_at_night_is_notified(deployment: str, pool: str, notified: bool) -> None:
    from prefect.server.events.schemas.automations import EventTrigger
    from prefect.server.events.schemas.events import RelatedResource, Resource

    (entry,) = [a for a in AUTOMATIONS if a["name"] == "harness-nightly-failing"]
    trigger = EventTrigger.model_validate(copy.deepcopy(entry["trigger"]))
    named = {one["name"] for one in DEPLOYMENTS}
    watched = entry["trigger"]["match_related"][1]["prefect.resource.name"]
    assert set(watched) <= named
    run = Resource({"prefect.resource.id": "prefect.flow-run.1"})
    related = [
        RelatedResource(
            {
                "prefect.resource.id": f"prefect.{role}.1",
                "prefect.resource.role": role,
                "prefect.resource.name": name,
            }
        )
        for role, name in (("deployment", deployment), ("work-pool", pool))
    ]
    assert trigger.covers_resources(run, related) is notified


def test_the_automation_knows_every_reason_for_waiting() -> None:
    (entry,) = [a for a in AUTOMATIONS if a["name"] == "harness-cannot-start"]
    assert entry["trigger"]["after"] == [f"prefect.flow-run.{name}" for name in diagnosis.WAITING]


def test_states_of_automations_are_those_that_the_stack_sets() -> None:
    text = (ROOT / "harness" / "stack" / "runs.py").read_text()
    assert re.search(r'"name": "Stopped"', text)
    (heartbeat,) = [a for a in AUTOMATIONS if a["name"] == "harness-no-heartbeat"]
    assert "prefect.flow-run.Stopped" in heartbeat["trigger"]["expect"]
    assert heartbeat["trigger"]["within"] >= 3 * _heartbeat_seconds()


def _heartbeat_seconds() -> int:
    from prefect.settings.models.flows import FlowsSettings

    return FlowsSettings().heartbeat_frequency or 0


def test_own_settings_go_only_to_the_server_that_they_are_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    remote = "https://prefect.example/api"
    monkeypatch.setenv("PREFECT_API_URL", remote)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "harness:password")
    env = deploy_environment(remote, tmp_path, "team-a")
    assert env["HARNESS_WORK_POOL"] == "team-a"
    assert (env["PREFECT_API_URL"], env["PREFECT_API_AUTH_STRING"]) == (remote, "harness:password")
    local = "http://127.0.0.1:4200/api"
    env = deploy_environment(local, tmp_path, "harness")
    assert env["PREFECT_API_URL"] == local
    assert "PREFECT_API_AUTH_STRING" not in env


class _Automations:
    """The calls of Prefect's client about automations, on ids by name."""

    def __init__(self, *names: str) -> None:
        self.there = {name: f"id of {name}" for name in names}

    def read_automations_by_name(self, name: str) -> list[Any]:
        return [SimpleNamespace(id=self.there[name])] if name in self.there else []

    def create_automation(self, automation: Any) -> str:
        self.there[automation.name] = f"id of {automation.name}"
        return self.there[automation.name]

    def delete_automation(self, identity: str) -> None:
        self.there = {name: one for name, one in self.there.items() if one != identity}


def test_what_would_only_notify_is_there_only_while_it_can() -> None:
    client = _Automations("harness-late", "somebody's own")
    lines = automations.apply_automations(client, "harness", None)
    acting = {"harness-restart-crashed", "harness-no-heartbeat"}
    assert set(client.there) == acting | {"somebody's own"}
    assert {entry["name"]: entry["change"] for entry in lines} == {
        "harness-late": "deleted",
        **dict.fromkeys(acting, "created"),
    }
