"""Whether a large repository in shards has the index that it has without, whatever is killed.

A real Prefect server and worker run `index-repository` in a pool of two, whose runs share nothing
but a Qdrant server (the imitation of the tests): each has an empty data directory. Once a shard has
indexed something, its process is killed, then that of the run that ordered it, and a second run of
the repository is started. When all have ended, every point and record is compared with an index
made by one process.

    python -m benchmarks.shards [--files 20000] [--shards 4] [--keep-calm] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import psutil

from harness.engines import Engines
from harness.errors import ServiceUnavailableError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.static.embedder import StaticEmbedder
from harness.repository.checkout import resolve_source
from harness.repository.mirrors import work_folder
from harness.stack import lifecycle, runs
from harness.stack.api import PrefectApi
from harness.stack.options import StackOptions
from harness.stack.ports import free_port
from harness.stack.runs import FlowRun
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.store.protocol import VectorStore
from harness.types import FileRecord, FileStatus
from tests.fakes.qdrant_server import FakeQdrant
from tests.repositories import make_repository

_LONGEST_SECONDS = 6 * 3600
_WORDS = [f"word{n}" for n in range(3_000)]
_BATCHES = 40
_FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
_OLD = ("QDRANT_HOST", "OLLAMA_HOST", "PREFECT_API_URL", "EMBED_MODEL")

Found = TypeVar("Found")


def source_of(files: int, folder: Path) -> str:
    """The URL of a repository of that many small modules."""
    pick = random.Random(1)
    made: dict[str, str | bytes] = {}
    for number in range(files):
        words = " ".join(pick.choices(_WORDS, k=pick.randint(5, 60)))
        text = f"def function_{number}(value):\n    return {words!r}\n"
        made[f"src/part{number % 97}/module_{number}.py"] = text
    return f"file://{make_repository(folder, made)}"


def wait_for(what: Callable[[], Found | None]) -> Found:
    """What a look finds in the end; it finds nothing while the server is too busy to answer."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        with suppress(ServiceUnavailableError):
            found = what()
            if found is not None:
                return found
        time.sleep(0.5)
    raise TimeoutError("nothing has happened for hours")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Prefect server, its worker, and the Qdrant server that their runs share."""

    stack: Path
    api: PrefectApi
    store: VectorStore

    def divide(self, machines: Path) -> None:
        """Let two runs at a time, each as on a machine of its own."""
        command = (
            f"HARNESS_DATA_DIR=$(mktemp -d {machines}/XXXXXXXX) "
            f"exec {shlex.quote(sys.executable)} -P -m prefect.engine"
        )
        name = StackOptions().work_pool
        pool = self.api.mapping("GET", f"/work_pools/{name}")
        template: Any = pool["base_job_template"]
        template["variables"]["properties"]["command"]["default"] = shlex.join(
            ["sh", "-c", command]
        )
        changes = {"base_job_template": template, "concurrency_limit": 2}
        self.api.request("PATCH", f"/work_pools/{name}", changes, attempts=8)

    def runs_of(self, flow: str) -> list[dict[str, Any]]:
        """The runs of a flow."""
        where = {"flows": {"name": {"any_": [flow]}}}
        return self.api.listing("POST", "/flow_runs/filter", where)

    def process_of(self, run_id: str) -> psutil.Process | None:
        """The process of a run, once it has begun."""
        status = lifecycle.status(self.stack)
        if status is None:
            return None
        for child in psutil.Process(status.pids["worker"]).children(recursive=True):
            try:
                if child.environ().get("PREFECT__FLOW_RUN_ID") == run_id:
                    return child
            except psutil.Error:  # it has just ended
                continue
        return None

    def busy_shard(self, ordered_by: str) -> str | None:
        """A shard's run that has begun while something is indexed and something is left.

        :param ordered_by: the run that orders them.
        :raises RuntimeError: it has ended, so that there will be none.
        """
        for run in self.runs_of("index-shard"):
            asked = run["parameters"]
            found = self.store.count_files(asked["collection"], asked["repo"])
            if run["state_type"] == "RUNNING" and any(
                status is FileStatus.INDEXED for status, _ in found
            ):
                return str(run["id"])
        order = self.api.mapping("GET", f"/flow_runs/{ordered_by}")
        if order["state_type"] in _FINAL:
            raise RuntimeError(f"the run ended before a shard could be killed: {order['state']}")
        return None

    def kill(self, run_id: str) -> bool:
        """kill -9 the process of a run; whether it had not ended before."""

        def killed() -> bool | None:
            process = self.process_of(run_id)
            if process is not None:
                process.kill()
                return True
            run = self.api.mapping("GET", f"/flow_runs/{run_id}")
            return False if run["state_type"] in _FINAL else None

        return wait_for(killed)

    def ended(self, flow: str) -> list[dict[str, Any]] | None:
        """The runs of a flow when all have ended."""
        found = self.runs_of(flow)
        return found if found and {run["state_type"] for run in found} <= _FINAL else None


def start(api: PrefectApi, source: str) -> FlowRun:
    """Start `index-repository`, once the server has time for it."""
    parameters = {"source": source, "name": "large"}

    return wait_for(lambda: runs.start_run(api, "index-repository/index-repository", parameters))


def disturb(cluster: Cluster, source: str) -> dict[str, Any]:
    """Index in shards, kill a shard and the run that ordered it, and start a second run."""
    first = start(cluster.api, source)
    shard = wait_for(lambda: cluster.busy_shard(first.id))
    shard_killed = cluster.kill(shard)
    start(cluster.api, source)
    return {"shard_killed": shard_killed, "coordinator_killed": cluster.kill(first.id)}


def whole(source: str, store: VectorStore, data_dir: Path) -> None:
    """Index in one process."""
    with (
        Engines(StaticEmbedder(), store, data_dir) as engines,
        work_folder(source, data_dir) as folder,
    ):
        files = resolve_source(source, into=folder, data_dir=data_dir, timeout_seconds=600)
        index_repository("large", files.root, engines, IndexOptions(), source=files.source)


def records(store: VectorStore) -> Mapping[str, FileRecord]:
    """The records of all files, without what depends on when and by which run they were written."""
    (record,) = store.repositories()
    found = store.file_records(record.collection, "large")
    return {
        path: replace(one, recorded_ns=0, mtime_ns=0, attempts=0, run="")
        for path, one in found.items()
    }


def compare(one: FakeQdrant, other: FakeQdrant) -> dict[str, object]:
    """How many points and records there are, and how many of them differ."""
    figures: dict[str, object] = {}
    stores = [open_store(QdrantOptions(url=server.url, grpc_port=0)) for server in (one, other)]
    try:
        (collection,) = {r.collection for store in stores for r in store.repositories()}
        every = {
            "points": tuple(server.points(collection) for server in (one, other)),
            "records": tuple(records(store) for store in stores),
        }
    finally:
        for store in stores:
            store.close()
    for what, (ours, expected) in every.items():
        figures[what] = len(expected)
        figures[f"{what}_that_differ"] = sum(
            ours.get(key) != expected.get(key) for key in {*ours, *expected}
        )
    return figures


def measure(files: int, shards: int, scratch: Path, calm: bool) -> dict[str, object]:
    """Run everything; the figures."""
    source = source_of(files, scratch / "large")
    size = sum(max(path.stat().st_size, 500) for path in (scratch / "large" / "src").rglob("*.py"))
    machines = scratch / "machines"
    machines.mkdir()
    with FakeQdrant() as qdrant, FakeQdrant() as other:
        for name in _OLD:
            os.environ.pop(name, None)
        os.environ |= {
            "QDRANT_URL": qdrant.url,
            "QDRANT_GRPC_PORT": "0",
            "HARNESS_SHARD_BYTES": str(-(-size // shards)),
            "HARNESS_SHARDS_AT_ONCE": str(shards),
            # One of the embedder in the process is eight times that.
            "HARNESS_BATCH_BYTES": str(max(10_000, size // _BATCHES // 8)),
            "HARNESS_LEASE_SECONDS": "30",
        }
        stack = scratch / "stack"
        lifecycle.up(stack, StackOptions(free_port(), 1_200, serve=False))
        try:
            store = open_store(QdrantOptions(url=qdrant.url, grpc_port=0))
            cluster = Cluster(stack, lifecycle.connect(stack), store)
            cluster.divide(machines)
            began = time.monotonic()
            told = {} if calm else disturb(cluster, source)
            if calm:
                start(cluster.api, source)
            ended = wait_for(lambda: cluster.ended("index-repository"))
            of_shards = wait_for(lambda: cluster.ended("index-shard"))
            seconds = time.monotonic() - began
            store.close()
        finally:
            lifecycle.down(stack)
        whole(source, open_store(QdrantOptions(url=other.url, grpc_port=0)), scratch / "whole")
        figures = compare(qdrant, other)
    states = {
        "repository": Counter(run["state_type"] for run in ended),
        "shards": Counter(run["state_type"] for run in of_shards),
    }
    return {
        "files": files,
        "shards": max(run["parameters"]["of"] for run in of_shards),
        "machines": len(list(machines.iterdir())),
        "seconds": round(seconds),
        "runs": {kind: dict(count) for kind, count in states.items()},
        **told,
        **figures,
    }


def main() -> None:
    """Print the figures; exit code 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--keep-calm", action="store_true", help="kill nothing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(options.files, options.shards, Path(scratch), options.keep_calm)
    print(
        json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items())
    )
    wrong = figures["points_that_differ"] or figures["records_that_differ"]
    # What had ended before it was to be killed shows nothing: there are too few files.
    if wrong or not figures["points"] or not figures.get("coordinator_killed", options.keep_calm):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
