"""Deployments on the real local server and a real process worker: schedules, overlapping runs,
many repositories, many tasks. The model server is the imitation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from psutil import process_iter

from harness.configured import open_engines
from harness.engines import Engines
from harness.errors import ServiceUnavailableError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.index.shard_orders import shard_of
from harness.search import retrieval
from harness.stack import lifecycle, runs
from harness.stack.api import PrefectApi
from harness.stack.options import StackOptions
from harness.stack.ports import free_port
from harness.stack.runs import FlowRun
from harness.store.edge import EdgeStore
from harness.types import FileStatus
from tests.e2e.times import zone_at_noon
from tests.fakes.embedder import HashEmbedder
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama
from tests.index.test_sharding import OrderedTies, module, points, scores
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROOT = Path(__file__).resolve().parent.parent.parent
RUN_SECONDS = 360.0
TIMEZONE = zone_at_noon()
BATCH_BYTES, SHARD_BYTES = 10_000, 60_000


@dataclass
class Lab:
    data_dir: Path
    repositories: Path
    api: PrefectApi
    ollama: FakeOllama

    def run(self, deployment: str, parameters: dict[str, Any]) -> FlowRun:
        return runs.start_run(self.api, deployment, parameters)

    def follow(self, run: FlowRun) -> FlowRun:
        return runs.follow(self.api, run.id, timeout_seconds=RUN_SECONDS, poll_seconds=0.5)

    def runs_of(self, flow: str) -> list[dict[str, Any]]:
        where = {"flows": {"name": {"any_": [flow]}}}
        return self.api.listing("POST", "/flow_runs/filter", where)

    def schedules(self, deployment_id: str) -> list[dict[str, Any]]:
        return self.api.listing("GET", f"/deployments/{deployment_id}/schedules")

    def wait_for_scheduled_runs(self, deployments: dict[str, str]) -> None:
        """Until each of these, ids by name, has a run to come."""
        missing = dict(deployments)
        deadline = time.monotonic() + 120
        while missing:
            assert time.monotonic() < deadline, f"nothing is scheduled for {sorted(missing)}"
            for name, deployment_id in list(missing.items()):
                where = {
                    "deployments": {"id": {"any_": [deployment_id]}},
                    "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
                }
                if self.api.request("POST", "/flow_runs/count", where):
                    del missing[name]
            time.sleep(0.5)

    def set_active(self, path: str, active: bool) -> None:
        """Pause or resume a schedule; a server on SQLite may answer 503 while it is busy."""
        self.api.request("PATCH", path, {"active": active}, attempts=8)

    def kill_a_shard(self) -> dict[str, Any]:
        """Kill -9 the process of the first run of a shard that has finished a batch."""
        deadline = time.monotonic() + RUN_SECONDS
        with closing(EdgeStore(self.data_dir / "index")) as store:
            while time.monotonic() < deadline:
                for run in self.runs_of("index-shard"):
                    asked = run["parameters"]
                    done = store.file_records(asked["collection"], asked["repo"]).values()
                    if any(
                        record.run == asked["run"]
                        and record.status is FileStatus.INDEXED
                        and shard_of(record.path, asked["of"]) == asked["shard"]
                        for record in done
                    ):
                        self.process_of(run["id"]).kill()
                        return run
                time.sleep(0.1)
        raise AssertionError("no shard finished a batch")

    def process_of(self, run_id: str) -> psutil.Process:
        status = lifecycle.status(self.data_dir)
        assert status is not None
        for child in psutil.Process(status.pids["worker"]).children(recursive=True):
            if child.environ().get("PREFECT__FLOW_RUN_ID") == run_id:
                return child
        raise AssertionError(f"no process of run {run_id}")

    def table(self, key: str) -> list[dict[str, Any]]:
        import json

        artifact = self.api.mapping("GET", f"/artifacts/{key}/latest")
        data = artifact["data"]
        return list(json.loads(data) if isinstance(data, str) else data)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("orchestration")
    repositories = folder / "repositories"
    for name in ("alpha", "beta"):
        make_repository(repositories / name, {f"{name}.py": f"def {name}():\n    return 1\n"})
    broken = make_repository(repositories / "broken", {"broken.py": "x = 1\n"})
    (broken / ".git" / "index").write_bytes(b"damaged")
    with FakeOllama() as ollama, pytest.MonkeyPatch.context() as patch:
        for name in ("QDRANT_HOST", "QDRANT_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("OLLAMA_HOST", ollama.url)
        patch.setenv("CHAT_MODEL", "qwen2.5-coder:7b")
        patch.setenv("HARNESS_REPOS_ROOT", str(repositories))
        patch.setenv("HARNESS_TIMEZONE", TIMEZONE)
        patch.setenv("HARNESS_BATCH_BYTES", str(BATCH_BYTES))
        patch.setenv("HARNESS_SHARD_BYTES", str(SHARD_BYTES))
        lifecycle.up(folder / "data", StackOptions(free_port(), 300, serve=False))
        yield Lab(folder / "data", repositories, lifecycle.connect(folder / "data"), ollama)
        lifecycle.down(folder / "data")


def test_deploying_again_changes_nothing_and_schedules_have_runs(lab: Lab) -> None:
    before = {d["name"]: d["id"] for d in lab.api.listing("POST", "/deployments/filter", {})}
    declared = [
        entry
        for entry in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
        if "kubernetes" not in entry["tags"]
    ]
    assert set(before) == {deployment["name"] for deployment in declared}
    wanted = set()
    for deployment in declared:
        for schedule, own in zip(
            lab.schedules(before[deployment["name"]]), deployment.get("schedules", []), strict=True
        ):
            assert schedule["schedule"]["timezone"] == TIMEZONE
            assert schedule["active"] is own.get("active", True)
            if schedule["active"]:
                wanted.add(deployment["name"])
    assert "nightly-index" in wanted
    lab.wait_for_scheduled_runs({name: before[name] for name in wanted})
    (paused,) = lab.schedules(before["update-models"])
    path = f"/deployments/{before['update-models']}/schedules/{paused['id']}"
    lab.set_active(path, False)
    changes = lifecycle.deploy(lab.data_dir, url=lab.api.url)
    assert [c for c in changes if c.change != "unchanged"] == []
    (still,) = lab.schedules(before["update-models"])
    assert (still["id"], still["active"]) == (paused["id"], False)
    others = {name: before[name] for name in wanted - {"update-models"}}
    lab.wait_for_scheduled_runs(others)
    lab.set_active(path, True)
    after = {d["name"]: d["id"] for d in lab.api.listing("POST", "/deployments/filter", {})}
    assert after == before


def test_three_repositories_one_broken_and_a_second_run_at_the_same_time(lab: Lab) -> None:
    first = lab.run("index-all/nightly-index", {})
    deadline = time.monotonic() + 120
    while runs.read_run(lab.api, first.id).state_type != "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    second = lab.follow(lab.run("index-all/nightly-index", {}))
    assert second.state_type == "CANCELLED"
    done = lab.follow(first)
    assert done.state_type == "FAILED"
    assert "2 of 3 repositories indexed; failed: broken" in (done.message or "")
    states = {row["repository"]: row["state"] for row in lab.table("index-all")}
    assert states == {"alpha": "Completed", "beta": "Completed", "broken": "Failed"}
    with Engines(HashEmbedder(), EdgeStore(lab.data_dir / "index"), lab.data_dir) as engines:
        assert {r.name for r in engines.store.repositories() if r.indexed_at} == {"alpha", "beta"}


def test_a_killed_shard_goes_on_and_the_index_is_as_without_shards(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = make_repository(
        tmp_path / "large", {f"src/part_{n:02}.py": module(n) for n in range(16)}
    )
    monkeypatch.setattr(lab.ollama.faults, "paths", ("/api/embed",))
    monkeypatch.setattr(lab.ollama.faults, "delay_seconds", 0.5)
    run = lab.run("index-repository/index-repository", {"source": str(large)})
    killed = lab.kill_a_shard()
    lab.ollama.faults.delay_seconds = 0.0
    done = lab.follow(run)
    assert done.state_type == "COMPLETED", done.message
    assert "16 files indexed" in done.message
    shards = {r["id"]: r for r in lab.runs_of("index-shard")}
    crashed = shards.pop(killed["id"])
    assert (crashed["state_type"], crashed["run_count"]) == ("CRASHED", 1)
    # A starved machine may lose another one, which is then started again as well.
    whole = [r for r in shards.values() if r["state_type"] == "COMPLETED"]
    assert sorted(r["parameters"]["shard"] for r in whole) == [0, 1, 2]
    (again,) = [r for r in whole if r["parameters"] == crashed["parameters"]]
    shard = killed["parameters"]["shard"]
    own = sum(shard_of(f"src/part_{n:02}.py", 3) == shard for n in range(16))
    assert int(again["state"]["message"].split()[1]) < own, "what was done was done again"

    # Words are weighed by the whole collection: everything in it is indexed here as well.
    monkeypatch.setenv("HARNESS_DATA_DIR", str(lab.data_dir))
    with open_engines() as sharded:
        records = sharded.store.repositories()
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
        with open_engines() as whole:
            for record in records:
                if record.indexed_at:
                    index_repository(record.name, Path(record.path), whole, IndexOptions())
            assert points(sharded) == points(whole)
            assert len(points(whole)) > 200
            for query in ("work_3_7", "session cookie", "lease of a folder lock"):
                hits, expected = (
                    retrieval.search(
                        query,
                        dataclasses.replace(e, store=OrderedTies(e.store)),  # type: ignore[arg-type]
                        limit=20,
                    )
                    for e in (sharded, whole)
                )
                assert scores(hits) == pytest.approx(scores(expected), abs=1e-4)
                assert "large" in {hit.repo for hit in hits}


def test_a_batch_of_tasks_is_bounded_and_one_failure_stops_no_other(lab: Lab) -> None:
    # Every task reads the same script, whose turns are taken by whichever run comes next: so each
    # says the same, and the failing one names a repository that does not exist.
    lab.ollama.faults.paths = ("/api/chat",)
    lab.ollama.faults.delay_seconds = 1.0
    lab.ollama.say(*(Turn("Nothing to change.") for _ in range(12)))
    tasks = [{"text": f"Task {n}.", "repository": "alpha"} for n in range(4)]
    tasks.append({"text": "Task 4.", "repository": "does-not-exist"})
    run = lab.run("agent-batch/agent-batch", {"tasks": tasks, "at_once": 2})
    most = 0
    deadline = time.monotonic() + RUN_SECONDS
    ended = False
    while not ended and time.monotonic() < deadline:
        with suppress(ServiceUnavailableError):  # a busy server is asked again
            ended = runs.read_run(lab.api, run.id).is_final
            under_way = [
                r for r in lab.runs_of("agent-task") if r["state_type"] in {"PENDING", "RUNNING"}
            ]
            most = max(most, len(under_way))
        time.sleep(0.3)
    rows = lab.table("agent-batch")
    assert len(rows) == 5
    assert len({row["run"] for row in rows}) == 5
    assert 1 <= most <= 2
    messages = {row["task"]: row["message"] for row in rows}
    assert "does-not-exist" in messages["Task 4."]
    assert all("no_change" in messages[f"Task {n}."] for n in range(4))


def test_a_task_that_is_cancelled_leaves_its_record_and_no_process(lab: Lab) -> None:
    lab.ollama.faults.delay_seconds = 0.0
    lab.ollama.shelf.script.clear()
    edit = {"path": "alpha.py", "search": "return 1", "replace": "return 2"}
    marker = "297.31"  # seconds that nothing else sleeps
    lab.ollama.say(
        Turn(tool_calls=(("edit_file", edit),)),
        Turn(tool_calls=(("run", {"command": f"sleep {marker}"}),)),
    )

    def sleeping() -> bool:
        return any(marker in " ".join(p.info["cmdline"] or ()) for p in process_iter(["cmdline"]))

    run = lab.run("agent-task/agent-task", {"text": "Return two.", "repository": "alpha"})
    deadline = time.monotonic() + 120
    while not sleeping():
        assert time.monotonic() < deadline, runs.read_run(lab.api, run.id).message
        time.sleep(0.3)
    # What the UI and `prefect flow-run cancel` do.
    state = {"state": {"type": "CANCELLING"}}
    lab.api.request("POST", f"/flow_runs/{run.id}/set_state", state)
    assert lab.follow(run).state_type == "CANCELLED"
    deadline = time.monotonic() + 60
    while sleeping():
        assert time.monotonic() < deadline, "the command goes on"
        time.sleep(0.5)
    results = lab.data_dir / "results" / f"run-{run.id}"
    assert "return 2" in (results / "patch.diff").read_text()
    assert (results / "report.md").stat().st_size
    assert marker in (results / "trajectory.jsonl").read_text()
    where = {"artifacts": {"flow_run_id": {"any_": [run.id]}}}
    artifacts = lab.api.listing("POST", "/artifacts/filter", where)
    assert {a["key"] for a in artifacts} == {
        "agent-patch",
        "agent-report",
        "agent-steps",
        "agent-trajectory",
    }
