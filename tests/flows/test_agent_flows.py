"""The flow agent-task on a real Prefect server, with the imitation of Ollama over HTTP."""

from __future__ import annotations

import base64
import contextlib
import contextvars
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from flows import agent_task as module
from flows.agent_task import agent_task
from flows.approval import description
from flows.clean_up import clean_up
from flows.outcomes import WITH_WARNINGS
from harness.backup.s3 import S3Objects
from harness.configured import open_results
from tests.fakes import s3
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama
from tests.repositories import make_repository

OLD, NEW = 'return "Hello"', 'return "Good day"'
PAUSED = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
)
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


def test_the_way_of_working_can_be_chosen(repository: Path, ollama: FakeOllama) -> None:
    ollama.say(Turn(f"```python\ndef greet() -> str:\n    {NEW}\n```"))
    state: State[Any] = agent_task(
        "Let greet be polite.",
        str(repository),
        verify="grep -q Good greeting.py",
        strategy="localise",
        return_state=True,
    )
    assert state.is_completed(), state.message
    assert (state.result()["strategy"], state.result()["strategy_reason"]) == (
        "localise",
        "asked for",
    )


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


@pytest.mark.parametrize("allow", [pytest.param(True, id="allowed"), pytest.param(False, id="not")])
def test_a_command_waits_for_consent_in_the_ui(
    repository: Path, ollama: FakeOllama, tmp_path: Path, allow: bool
) -> None:
    ran = Turn(tool_calls=(("run", {"command": "echo consent; touch ran.txt"}),))
    ollama.say(EDIT, ran, Turn("Changed greeting.py:2."))
    asked: list[str] = []
    is_over = threading.Event()

    def answer() -> None:
        """What a person does in the UI: read the form, fill it in, resume."""
        with get_client(sync_client=True) as client:
            while not is_over.wait(0.2):
                for run in client.read_flow_runs(flow_run_filter=PAUSED):
                    keyset = run.state.state_details.run_input_keyset  # type: ignore[union-attr]
                    # The form is saved just after the state; until then the server says 404.
                    with contextlib.suppress(ObjectNotFound, PrefectHTTPStatusError):
                        asked.append(client.read_flow_run_input(run.id, keyset["description"]))  # type: ignore[index]
                        client.resume_flow_run(run.id, run_input={"allow": allow})
                        return

    person = threading.Thread(target=contextvars.copy_context().run, args=(answer,))
    person.start()
    try:
        state: State[Any] = agent_task("x", str(repository), approve=True, return_state=True)
    finally:
        is_over.set()
        person.join()
    assert len(asked) == 1
    assert "echo consent" in asked[0]
    assert state.is_completed(), state.message
    assert ("ran.txt" in state.result()["patch"]) is allow
    said = newest_artifact("agent-trajectory")
    assert ("the user did not allow this command" in said) is not allow


def test_nothing_of_a_command_is_hidden_from_who_allows_it() -> None:
    command = "echo start " + "x" * 15_000 + "\r<b>done</b>\u2028rm -rf \u202e. \x1b[8m; true"
    block = description("command", command).split("\n\n", 1)[1]
    lines = block.removesuffix("\n").split("\n")
    assert all(line.startswith("    ") for line in lines)
    assert lines[1:] == ["    <b>done</b>", "    rm -rf \\u202e. \\x1b[8m; true"]
    assert "x" * 15_000 in lines[0]


def test_collect_runs_when_the_run_is_cut_off(
    repository: Path, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancellation reaches a flow as an exception in the middle of the agent's work."""

    def cut_off(text: str, root: Path, results_dir: Path, **options: object) -> None:
        results_dir.mkdir(parents=True)
        (results_dir / "trajectory.jsonl").write_text('{"cut": "off"}\n')
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_configured_task", cut_off)
    with pytest.raises(KeyboardInterrupt):
        agent_task("Cut me off.", str(repository))
    assert '"cut": "off"' in newest_artifact("agent-trajectory")


def test_a_run_on_another_machine_replays_turns_and_its_results_outlive_both(
    repository: Path, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run that lost its machine is started again under the same id; tools run again."""
    name = "run-0b8d3c52-6f1e-4b7a-9f9d-3a3a6f0c1e11"
    monkeypatch.setattr(module, "results_of", lambda run_id: tmp_path / name)
    for key, value in (("ACCESS_KEY_ID", "AKIDEXAMPLE"), ("SECRET_ACCESS_KEY", "s3cret-key")):
        monkeypatch.setenv(f"AWS_{key}", value)
    monkeypatch.setenv("HARNESS_RESULTS_URL", "s3://team-results/tasks")
    monkeypatch.setenv("HARNESS_RESULTS_KEY", base64.b64encode(bytes(32)).decode())
    with s3.server() as endpoint:
        monkeypatch.setenv("HARNESS_RESULTS_ENDPOINT", endpoint)
        ollama.say(EDIT, Turn("Changed greeting.py:2."))
        state: State[Any] = agent_task("Greet politely.", str(repository), return_state=True)
        assert state.name == WITH_WARNINGS, "there is no bucket yet"
        assert "the results were not kept" in str(state.message)
        assert NEW in newest_artifact("agent-patch")
        first, asked = state.result(), ollama.count("/api/chat")

        S3Objects("s3://team-results", endpoint)._client.create_bucket(Bucket="team-results")
        state = agent_task("Greet politely.", str(repository), return_state=True)
        assert state.name == "Completed", state.message
        again = state.result()
        assert ollama.count("/api/chat") == asked
        assert again["patch"] == first["patch"]
        assert again["usage"]["replayed_turns"] == 2
        assert again["results"] == f"s3://team-results/tasks/{name}"
        open_results().fetch(name, tmp_path / "out")
        assert (tmp_path / "out/patch.diff").read_text() == again["patch"]
        cleaned: State[Any] = clean_up(return_state=True)
        assert (cleaned.result()["folders"], cleaned.result()["kept"]) == (0, 1)
