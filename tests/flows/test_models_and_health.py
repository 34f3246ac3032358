"""The flows check-stack and pull-models on a real Prefect server, with the imitation of Ollama."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State

from flows import pull_models as pull_module
from flows.check_stack import check_stack
from flows.pull_models import pull_models
from harness.errors import UsageError
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_server import FakeOllama


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    registry = [FakeModel(f"{name}:latest", ("completion",)) for name in ("tiny", "small")]
    with FakeOllama(registry=registry) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        monkeypatch.setattr("harness.retrying.Backoff.seconds", lambda self, failures: 0.0)
        yield server


def artifacts(key: str) -> list[Any]:
    """Oldest first."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(limit=200)
    chosen = [artifact for artifact in found if artifact.key == key]
    return sorted(chosen, key=lambda artifact: artifact.created)


def test_three_models_one_breaks_twice_and_one_does_not_exist(ollama: FakeOllama) -> None:
    ollama.faults.paths = ("/api/pull",)
    ollama.faults.cut_streams = 2
    state: State[Any] = pull_models(["tiny", "small", "no-such-model"], return_state=True)
    assert state.is_failed()
    assert state.message is not None
    assert state.message.startswith("2 of 3 present. no-such-model: ")
    names = {model.name for model in ollama.shelf.models.values()}
    assert {"tiny:latest", "small:latest"} <= names
    rows = {row["model"]: row for row in json.loads(artifacts("pull-models")[-1].data)}
    assert [rows[n]["outcome"] for n in ("tiny", "small", "no-such-model")] == [
        "pulled", "pulled", "failed"
    ]  # fmt: skip
    progress = [a for a in artifacts("pull-tiny") if a.type == "progress"]
    assert progress[-1].data == 100.0
    assert "MB" in progress[-1].description


def test_nothing_to_do_when_everything_is_there(ollama: FakeOllama) -> None:
    state: State[Any] = pull_models(return_state=True)
    assert state.is_completed()
    assert ollama.count("/api/pull") == 0


def test_an_update_of_the_embedding_model_announces_the_rebuild(
    ollama: FakeOllama, caplog: pytest.LogCaptureFixture
) -> None:
    ollama.publish_update("nomic-embed-text:latest")
    state: State[Any] = pull_models(["nomic-embed-text"], update=True, return_state=True)
    assert state.is_completed()
    (row,) = json.loads(artifacts("pull-models")[-1].data)
    assert row["outcome"] == "updated"
    assert row["old digest"] != row["digest"]
    assert "next index run rebuilds" in caplog.text


def test_without_a_server_the_message_says_what_to_set() -> None:
    with pytest.raises(UsageError, match="OLLAMA_HOST"):
        pull_models()


def test_check_stack_passes_with_nothing_configured() -> None:
    state: State[Any] = check_stack(return_state=True)
    assert state.is_completed(), state.message
    rows = json.loads(artifacts("check-stack")[-1].data)
    assert {row["result"] for row in rows} <= {"ok", "skipped"}


def test_check_stack_names_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    state: State[Any] = check_stack(return_state=True)
    assert state.is_failed()
    assert state.message is not None
    assert "ollama" in state.message
    assert "embedding model" in state.message
    rows = json.loads(artifacts("check-stack")[-1].data)
    failed = [row for row in rows if row["result"] == "failed"]
    assert rows[: len(failed)] == failed
    assert all(row["remedy"] for row in failed)
    assert list(rows[0])[:2] == ["check", "remedy"]
    assert failed[0]["remedy"] in state.message


def test_pulls_are_not_cut_off_by_a_time_out_of_the_task() -> None:
    assert pull_module.pull_model.timeout_seconds is None
