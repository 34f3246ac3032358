"""The flow agent-task on a real Prefect server, with the imitation of Ollama over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State

from flows import agent_task as module
from flows.agent_task import agent_task
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama
from tests.repositories import make_repository

OLD, NEW = 'return "Hello"', 'return "Good day"'
EDIT = Turn(tool_calls=(("edit_file", {"path": "greeting.py", "search": OLD, "replace": NEW}),))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    return make_repository(
        tmp_path / "greeter", {"greeting.py": f"def greet() -> str:\n    {OLD}\n"}
    )


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        monkeypatch.setenv("CHAT_MODEL", "qwen2.5-coder:7b")
        yield server


def newest_artifact(key: str) -> str:
    with get_client(sync_client=True) as client:
        found = [a for a in client.read_artifacts(limit=200) if a.key == key]
    return str(max(found, key=lambda artifact: artifact.created).data)


def test_a_task_yields_patch_report_and_trajectory(repository: Path, ollama: FakeOllama) -> None:
    ollama.say(EDIT, Turn("Changed greeting.py:2."))
    state: State[Any] = agent_task("Greet politely.", str(repository), return_state=True)
    assert state.is_completed(), state.message
    result = state.result()
    assert "+    " + NEW in result["patch"]
    assert {path.name for path in Path(result["results"]).iterdir()} >= {
        "patch.diff", "report.md", "result.json", "trajectory.jsonl"
    }  # fmt: skip
    assert NEW in newest_artifact("agent-patch")
    assert "Greet politely." in newest_artifact("agent-report")
    assert "edit_file" in newest_artifact("agent-trajectory")
    assert OLD in (repository / "greeting.py").read_text()


@pytest.mark.parametrize(
    ("turns", "verify", "status"),
    [
        pytest.param([Turn("Nothing to do."), Turn("Really.")], None, "no_change", id="no-change"),
        pytest.param([EDIT, Turn("."), Turn("."), Turn(".")], "false", "verification", id="verify"),
    ],
)
def test_the_exit_status_becomes_the_state(
    repository: Path, ollama: FakeOllama, turns: list[Turn], verify: str | None, status: str
) -> None:
    ollama.say(*turns)
    state: State[Any] = agent_task("x", str(repository), verify=verify, return_state=True)
    assert state.is_failed()
    assert state.message is not None
    assert state.message.startswith(status)


def test_collect_runs_when_the_run_is_cut_off(
    repository: Path, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancellation reaches a flow as an exception in the middle of the agent's work."""

    def cut_off(*arguments: object, **options: object) -> None:
        (options["results_dir"] / "trajectory.jsonl").parent.mkdir(parents=True)  # type: ignore[operator]
        (options["results_dir"] / "trajectory.jsonl").write_text('{"cut": "off"}\n')  # type: ignore[operator]
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_task", cut_off)
    with pytest.raises(KeyboardInterrupt):
        agent_task("Cut me off.", str(repository))
    assert '"cut": "off"' in newest_artifact("agent-trajectory")


def test_turns_are_replayed_and_tools_run_again(
    repository: Path, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run that lost its machine is started again under the same id."""
    monkeypatch.setattr(module, "results_of", lambda run_id: tmp_path / "same-run")
    ollama.say(EDIT, Turn("Changed greeting.py:2."))
    first = agent_task("Greet politely.", str(repository), return_state=True).result()
    asked = ollama.count("/api/chat")
    again = agent_task("Greet politely.", str(repository), return_state=True).result()
    assert ollama.count("/api/chat") == asked
    assert again["patch"] == first["patch"]
    assert again["usage"]["replayed_turns"] == 2
