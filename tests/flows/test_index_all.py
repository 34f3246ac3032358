"""The flow index-all and shards as flow runs, on a real Prefect server and the real Edge store;
sub-runs are carried out by threads of this process."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State

from flows import clients, shards
from flows import index_all as all_module
from flows import index_repository as module
from flows import index_shard as shard_module
from flows.index_all import index_all
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository as index_by_hand
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord
from tests.fakes.embedder import HashEmbedder
from tests.fakes.worker import ThreadWorker
from tests.repositories import make_repository


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("HARNESS_DATA_DIR", str(folder))
    monkeypatch.setenv("HARNESS_BATCH_BYTES", "10000")

    def open_engines() -> Engines:
        return Engines(HashEmbedder(), EdgeStore(folder / "index", 20.0), folder)

    monkeypatch.setattr(module, "open_engines", open_engines)
    monkeypatch.setattr(shard_module, "open_engines", open_engines)
    for owner in (clients, shards):
        monkeypatch.setattr(owner, "_POLL_SECONDS", 0.2)
    return folder


def table() -> list[dict[str, Any]]:
    with get_client(sync_client=True) as client:
        found = [a for a in client.read_artifacts(limit=200) if a.key == "index-all"]
    data = max(found, key=lambda artifact: str(artifact.created)).data
    return list(json.loads(str(data)))


def test_each_repository_is_a_run_and_a_broken_one_stops_no_other(
    data_dir: Path, tmp_path: Path
) -> None:
    root = tmp_path / "repositories"
    for name in ("alpha", "team/app", "other/app"):
        make_repository(root / name, {"main.py": f"# {name}\nx = 1\n"})
    broken = make_repository(root / "broken", {"broken.py": "x = 1\n"})
    (broken / ".git" / "index").write_bytes(b"damaged")
    with ThreadWorker(module.index_repository):
        state: State[Any] = index_all_state(root)
    assert state.is_failed()
    assert str(state.message).startswith("3 of 4 repositories indexed; failed: broken (")
    rows = {row["repository"]: row for row in table()}
    assert {name: row["state"] for name, row in rows.items()} == {
        "alpha": "Completed", "team/app": "Completed", "app": "Completed",
        "broken": "Failed",
    }  # fmt: skip
    assert (rows["alpha"]["files"], rows["alpha"]["chunks"]) == (1, 1)
    assert "index" in rows["broken"]["message"]
    assert records(data_dir)["team/app"].path == str(root / "team/app")
    assert records(data_dir)["app"].path == str(root / "other/app")


def test_what_is_wrong_with_a_repository_is_no_plain_success(
    data_dir: Path, tmp_path: Path
) -> None:
    root = tmp_path / "repositories"
    for name in ("fine", "plain", "gone", "outside/fine"):
        make_repository(root / name, {"main.py": f"# {name}\nx = 1\n"})
    (root / "outside").rename(tmp_path / "outside")
    make_repository(root / "empty", {"blob": b"\0"})
    with module.open_engines() as engines:
        # Of another path, by hand, and under the name that a folder below the root has as well.
        index_by_hand("fine", tmp_path / "outside/fine", engines, IndexOptions())
    with ThreadWorker(module.index_repository):
        first: State[Any] = index_all_state(root)
        assert (first.type.value, first.name) == ("COMPLETED", "CompletedWithWarnings")
        assert "empty: nothing in it is text" in str(first.message)
        shutil.rmtree(root / "gone")
        shutil.rmtree(root / "plain" / ".git")
        second: State[Any] = index_all_state(root)
    assert (second.type.value, second.name) == ("COMPLETED", "CompletedWithWarnings")
    rows = {row["repository"]: row for row in table()}
    assert {name: row["state"] for name, row in rows.items()} == {
        "repositories/fine": "Completed", "plain": "CompletedWithWarnings", "gone": "Vanished",
        "empty": "CompletedWithWarnings",
    }  # fmt: skip
    assert "it was a git repository" in rows["plain"]["warnings"]
    assert rows["gone"]["chunks"] == 1, "what it had is still found"
    assert "harness forget gone" in rows["gone"]["warnings"]
    for words in ("gone: its folder is gone", "plain: it was a git repository"):
        assert words in str(second.message)
    with get_client(sync_client=True) as client:
        pages = [a for a in client.read_artifacts(limit=200) if a.key == "index-all-trend"]
    newest = str(max(pages, key=lambda artifact: str(artifact.created)).data)
    picture = base64.b64decode(newest.partition("base64,")[2].rstrip(")")).decode()
    assert re.search(r">\d\d \w{3} \d\d:\d\d warnings</text>", picture), "the first run"
    assert records(data_dir)["fine"].path == str(tmp_path / "outside/fine")
    assert records(data_dir)["gone"].warnings and not records(data_dir)["fine"].warnings


def index_all_state(root: Path) -> State[Any]:
    import asyncio

    return asyncio.run(index_all(str(root), return_state=True))  # type: ignore[arg-type]


def records(data_dir: Path) -> dict[str, RepositoryRecord]:
    return {r.name: r for r in EdgeStore(data_dir / "index").repositories()}


def test_nothing_to_start_a_run_with(data_dir: Path, tmp_path: Path) -> None:
    """No deployment on the server: each repository says so."""
    make_repository(tmp_path / "repositories/one", {"a.py": "x = 1\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_module, "DEPLOYMENT", "no-such-flow/no-such-deployment")
        state = index_all_state(tmp_path / "repositories")
    assert state.is_failed()
    (row,) = table()
    assert (row["state"], row["repository"]) == ("unknown", "one")
    assert "NotFound" in row["message"]


def test_a_pool_for_one_run_is_refused(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_module, "work_pool_limit", lambda: 1)
    state = index_all_state(tmp_path)
    assert state.is_failed()
    assert "at least two" in str(state.message)


@pytest.mark.parametrize(
    ("limit", "workers"),
    [
        pytest.param(None, True, id="any-number-of-runs"),
        pytest.param(2, True, id="two-runs"),
        pytest.param(2, False, id="other-runs-hold-the-slots"),
    ],
)
def test_a_large_repository_is_indexed_by_runs_of_its_own(
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int | None,
    workers: bool,
) -> None:
    body = "".join(f"def f_{n}():\n    return {n}\n\n" for n in range(300))
    files: dict[str, str | bytes] = {f"part_{n}.py": f"# part {n}\n{body}" for n in range(6)}
    repository = make_repository(tmp_path / "large", files)
    monkeypatch.setenv("HARNESS_SHARD_BYTES", "20000")
    monkeypatch.setattr(module, "work_pool_limit", lambda: limit)
    killed: list[int] = []
    store_batch = module.batches.store_batch

    def dies_once(*arguments: Any) -> Any:
        if not killed and limit is None:
            killed.append(1)
            raise KeyboardInterrupt
        return store_batch(*arguments)

    monkeypatch.setattr(module.batches, "store_batch", dies_once)
    served = (shard_module.index_shard,) if workers else ()
    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow(shard_module.index_shard), name="index-shard")
    with ThreadWorker(module.index_repository, *served):
        state: State[Any] = module.index_repository(str(repository), return_state=True)
    assert state.is_completed(), state.message
    report = state.result()
    assert (report["files_indexed"], report["files_failed"]) == (6, 0)
    assert report["chunks_embedded"] == report["chunks_total"] > 0
    assert len(killed) == (limit is None), "a shard was cut off"
    assert records(data_dir)["large"].files == 6
    with get_client(sync_client=True) as client:
        runs = [run for run in client.read_flow_runs(limit=200) if run.name.startswith("shard ")]
    assert any(run.name.endswith(": large") for run in runs)
    waiting = [run for run in runs if run.state is not None and run.state.is_scheduled()]
    assert waiting == [], "a run whose shard is done need not begin"
