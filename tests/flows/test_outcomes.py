"""How runs end: with warnings, or with an artifact that says why not."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import flow, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Completed, Crashed, Failed

from flows.outcomes import EXPLAINED, WITH_WARNINGS, completed, leave_reason, paragraph
from harness.errors import ServiceUnavailableError, UsageError

ROOT = Path(__file__).resolve().parents[2]
ENTRYPOINTS = sorted(
    {d["entrypoint"] for d in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
)


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_every_flow_says_why_it_failed(entrypoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    deployed = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    names = [hook.__name__ for hook in (deployed.on_failure_hooks or ())]
    assert names == [leave_reason.__name__]
    assert [hook.__name__ for hook in (deployed.on_crashed_hooks or ())] == names


def test_a_worker_may_call_the_hook_by_names() -> None:
    """As it does for a run whose process was killed."""
    inspect.signature(leave_reason).bind(flow=None, flow_run=None, state=None)


def test_warnings_are_in_the_states_name_and_message() -> None:
    fine = completed("api: 3 files indexed", (), {"a": 1})
    assert (fine.name, fine.message) == ("Completed", "api: 3 files indexed")
    warned = completed("api: 3 files indexed", ["one", "two"])
    assert (warned.name, warned.is_completed()) == (WITH_WARNINGS, True)
    assert warned.message == "api: 3 files indexed; warning: one; two"


def test_the_heartbeat_automation_knows_that_end() -> None:
    """Otherwise it would call the run crashed, nine minutes after its end."""
    text = (ROOT / "deployments" / "automations.yaml").read_text()
    (automation,) = [
        one for one in yaml.safe_load(text)["automations"] if one["name"] == "harness-no-heartbeat"
    ]
    assert f"prefect.flow-run.{WITH_WARNINGS}" in automation["trigger"]["expect"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(
            Failed(message="x", data=UsageError("no folder; set HARNESS_REPOS_ROOT")),
            "**run** (`f`) ended as Failed: no folder; set HARNESS_REPOS_ROOT.\n",
            id="ours",
        ),
        pytest.param(
            Failed(message="x", data=ServiceUnavailableError("Qdrant is busy.")),
            "**run** (`f`) ended as Failed: Qdrant is busy. A later try may work.\n",
            id="transient",
        ),
        pytest.param(
            Failed(message="Flow run encountered an exception: KeyError: 'x'", data=KeyError("x")),
            "**run** (`f`) ended as Failed: KeyError: 'x'. Nobody expected this error: the run's "
            "log has the traceback.\n",
            id="bug",
        ),
        pytest.param(
            Failed(message="2 of 3\nfailed: a"),
            "**run** (`f`) ended as Failed: 2 of 3 failed: a.\n",
            id="said-by-the-flow",
        ),
        pytest.param(
            Failed(name="TimedOut", message="Flow run exceeded timeout of 480.0 second(s)"),
            "**run** (`f`) ended as TimedOut: Flow run exceeded timeout of 480.0 second(s).\n",
            id="timeout",
        ),
        pytest.param(
            Crashed(message=""),
            "**run** (`f`) ended as Crashed: Prefect gave no reason; the run's log may.\n",
            id="no-words",
        ),
    ],
)
def test_the_reason_is_one_paragraph(state: State[Any], expected: str) -> None:
    assert paragraph("f", "run", state) == expected


def reasons(run_id: Any) -> list[str]:
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        found = client.read_artifacts(artifact_filter=of_run)
    return [str(a.data) for a in found if (a.key or "").startswith("failure-")]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_failed_run_leaves_its_reason_and_no_secret(
    asynchronous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "very-secret-value")

    def fail() -> State[Any]:
        raise UsageError("the folder is gone; very-secret-value")

    async def fail_too() -> State[Any]:
        return fail()

    if asynchronous:
        import asyncio

        failing: Any = flow(name="failing", **EXPLAINED)(fail_too)
        state = asyncio.run(failing(return_state=True))
    else:
        failing = flow(name="failing", **EXPLAINED)(fail)
        state = failing(return_state=True)
    (text,) = reasons(state.state_details.flow_run_id)
    assert "ended as Failed: the folder is gone" in text
    assert "very-secret-value" not in text


def test_a_run_that_ended_well_leaves_none() -> None:
    def fine() -> State[Any]:
        return Completed(message="done")

    state: Any = flow(name="fine", **EXPLAINED)(fine)(return_state=True)
    assert reasons(state.state_details.flow_run_id) == []
