"""The flow index-repository on a real Prefect server and the real Edge store."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterTypeError

from flows import index_repository as module
from harness.engines import Engines
from harness.errors import ServiceUnavailableError, StoreBusyError, StoreError, StoreFullError
from harness.store.edge import EdgeStore
from harness.types import FloatArray
from tests.fakes.embedder import HashEmbedder
from tests.repositories import make_repository


class FaultyStore:
    """The real store, except that ``upsert_chunks`` asks ``fault`` first."""

    def __init__(self, store: EdgeStore, fault: Callable[[list[Any]], None]) -> None:
        self._store = store
        self._fault = fault

    def upsert_chunks(self, collection: str, points: list[Any]) -> None:
        self._fault(points)
        self._store.upsert_chunks(collection, points)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class GoneEmbedder(HashEmbedder):
    """A model whose server is gone."""

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        raise ServiceUnavailableError("the server is gone")

    def embed_query(self, text: str) -> FloatArray:
        raise ServiceUnavailableError("the server is gone")


class Lab:
    """A repository of three batches, and a data directory."""

    def __init__(self, tmp_path: Path) -> None:
        body = "".join(f"def f_{n}():\n    return {n}\n\n" for n in range(300))
        files = {f"part_{n}.py": f"# part {n}\n{body}" for n in range(3)}
        self.repository = make_repository(tmp_path / "project", files)
        self.data_dir = tmp_path / "data"
        self.fault: Callable[[list[Any]], None] = lambda points: None
        self.embedder = HashEmbedder()

    def open_engines(self) -> Engines:
        store = FaultyStore(EdgeStore(self.data_dir / "index", 10.0), lambda p: self.fault(p))
        return Engines(self.embedder, store, self.data_dir)  # type: ignore[arg-type]

    def run(self, **parameters: Any) -> State[Any]:
        state: State[Any] = module.index_repository(
            str(self.repository), return_state=True, **parameters
        )
        return state


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab(tmp_path)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(lab.data_dir))
    monkeypatch.setenv("HARNESS_BATCH_BYTES", "10000")
    monkeypatch.setattr(module, "open_engines", lab.open_engines)
    quick = module.index_batch.with_options(retry_delay_seconds=0)
    monkeypatch.setattr(module, "index_batch", quick)
    return lab


def _artifacts(state: State[Any]) -> dict[str, Any]:
    """What the run left, by type; but for the reason of its failure."""
    run_id = state.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        )
    return {str(a.type): a.data for a in found if not (a.key or "").startswith("failure-")}


def _task_runs(state: State[Any]) -> dict[str, int]:
    """How often each task of the run was tried, by its name."""
    run_id = state.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        found = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        )
    return {task_run.name: task_run.run_count for task_run in found}


def test_indexes_and_reports(lab: Lab) -> None:
    state = lab.run()

    assert state.is_completed()
    report = state.result()
    assert report["repo"] == "project"
    assert report["files_indexed"] == 3
    assert report["chunks_embedded"] == report["chunks_total"] > 0
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.name == f"index project@{report['commit'][:7]}"
    artifacts = _artifacts(state)
    assert artifacts["progress"] == 100
    assert "| Files indexed | 3 |" in artifacts["markdown"]
    slow = artifacts["markdown"].partition("## Slowest files")[2].partition("## ")[0]
    assert slow.count(".py |") + slow.count(".md |") == 3


def test_second_run_embeds_nothing(lab: Lab) -> None:
    lab.run()
    state = lab.run()

    assert state.message == "project: nothing changed (3 files)"
    assert state.result()["chunks_embedded"] == 0


def test_a_busy_store_is_tried_again(lab: Lab) -> None:
    failures = iter(range(3))

    def busy_three_times(_points: list[Any]) -> None:
        if next(failures, None) is not None:
            raise StoreBusyError("held by pid 1")

    lab.fault = busy_three_times
    state = lab.run()

    assert state.is_completed()
    assert state.result()["files_failed"] == 0
    tries = [count for name, count in _task_runs(state).items() if name.startswith("batch")]
    assert sum(tries) == 3 + 3


def _refuse_part_1(points: list[Any]) -> None:
    if any(point.path == "part_1.py" for point in points):
        raise StoreError("the disk | is full")


def test_a_permanent_failure_is_recorded_and_only_that_is_tried_again(lab: Lab) -> None:
    lab.fault = _refuse_part_1
    state = lab.run()

    assert state.is_failed()
    assert state.message is not None
    assert state.message.startswith("project: 1 files failed, 2 files indexed")
    assert re.search(r"; \S+\.\w+: .", state.message), "no reason is given"
    assert sorted(_task_runs(state).values()) == [1] * 6, "a permanent failure is not retried"
    markdown = _artifacts(state)["markdown"]
    assert "| part_1.py | the disk \\| is full |" in markdown

    lab.fault = lambda points: None
    state = lab.run()
    assert state.is_completed()
    assert state.result()["files_indexed"] == 1
    assert state.result()["files_unchanged"] == 2


def test_a_model_server_that_is_gone_is_not_asked_for_every_batch(lab: Lab) -> None:
    lab.embedder = GoneEmbedder()
    state = lab.run()

    assert state.is_failed()
    assert state.message is not None
    assert state.message.startswith("project: 3 files failed, 0 files indexed")
    assert "| part_2.py | not tried: the server is gone |" in _artifacts(state)["markdown"]
    tries = {name.split(",")[0]: count for name, count in _task_runs(state).items()}
    assert tries["batch 3"] == 1

    lab.embedder = HashEmbedder()
    assert lab.run().result()["files_indexed"] == 3


def test_a_full_disk_is_not_tried_for_every_batch(lab: Lab) -> None:
    def full(points: list[Any]) -> None:
        raise StoreFullError("only 1 MB free")

    lab.fault = full
    state = lab.run()

    assert state.is_failed()
    assert "| part_2.py | not tried: only 1 MB free |" in _artifacts(state)["markdown"]
    assert set(_task_runs(state).values()) == {1}

    lab.fault = lambda points: None
    assert lab.run().result()["files_indexed"] == 3


def test_failures_may_be_allowed(lab: Lab) -> None:
    lab.fault = _refuse_part_1
    state = lab.run(allow_failures=True)

    assert state.is_completed()
    assert state.message is not None
    assert state.message.startswith("project: 1 files failed")
    assert state.result()["failures"] == (("part_1.py", "the disk | is full"),)


@pytest.mark.parametrize("source", ["", ".", "src/project", "C:\\project", "  /x"])
def test_a_source_that_means_something_else_to_the_worker_is_refused(source: str) -> None:
    with pytest.raises(ParameterTypeError, match="source"):
        module.index_repository(source)


@pytest.mark.parametrize(
    "source", ["/srv/x", "~/x y", "https://git.example.org/a.git", "git@host:a/b", "file:///x"]
)
def test_sources(source: str) -> None:
    assert module.index_repository.validate_parameters({"source": source})["source"] == source


def test_a_missing_folder_fails_the_run_at_once(lab: Lab, tmp_path: Path) -> None:
    state = module.index_repository(str(tmp_path / "none"), return_state=True)

    assert state.is_failed()
    assert _task_runs(state) == dict.fromkeys(_task_runs(state), 1)
    assert str(tmp_path / "none") in str(state.message)
