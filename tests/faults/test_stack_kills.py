"""The local stack: Prefect's server, the worker and the process of a flow run, killed at random
moments. What `harness up` then says is true, every run ends, and the index is whole.

The short forms, one kill of each, are in `tests/e2e/test_local_stack.py`.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.engines import Engines
from harness.errors import TransientError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.index.wholeness import damage
from harness.models.static.embedder import StaticEmbedder
from harness.stack import lifecycle, runs
from harness.stack.options import StackOptions
from harness.stack.ports import free_port
from harness.store.edge import EdgeStore
from tests.e2e.times import zone_at_noon
from tests.faults.rounds import rounds
from tests.faults.trees import Tree

DEPLOYMENT = "index-repository/index-repository"
RUN_SECONDS = 240.0


class Stack:
    """A stack that is up, and a tree."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.options = StackOptions(free_port(), 300.0, "faults")
        self.tree = Tree.make(folder / "tree", seed=1)
        self.fresh = folder / "fresh"

    def up(self) -> dict[str, int]:
        return dict(lifecycle.up(self.data, self.options).pids)

    def run(self) -> runs.FlowRun:
        """A new flow run; a server that was just started, or has a run to record, may be busy."""
        deadline = time.monotonic() + RUN_SECONDS
        parameters = {"source": str(self.tree.root), "name": "tree"}
        while True:
            try:
                return runs.start_run(lifecycle.connect(self.data), DEPLOYMENT, parameters)
            except TransientError:
                if time.monotonic() > deadline:
                    raise

    def end(self, run: runs.FlowRun) -> str:
        """The state that a run comes to; a run that hangs fails the test."""
        api = lifecycle.connect(self.data)
        ended = runs.follow(api, run.id, timeout_seconds=RUN_SECONDS, poll_seconds=0.2)
        return str(ended.state_type)

    def contents(self, data: Path) -> Counter[tuple[str, int, str]]:
        with self.engines(data) as engines:
            assert damage(engines.store) == ""
            (record,) = engines.store.repositories()
            assert not record.unfinished
            return Counter(
                (path, chunk.start_line, chunk.text)
                for path, chunk in engines.store.chunks(record.collection, record.name)
            )

    def engines(self, data: Path) -> Engines:
        return Engines(StaticEmbedder(), EdgeStore(data / "index", 60.0), data)

    def judge(self) -> None:
        """As an index that was never disturbed."""
        with self.engines(self.fresh) as engines:
            index_repository("tree", self.tree.root, engines, IndexOptions())
        assert self.contents(self.data) == self.contents(self.fresh)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OLLAMA_HOST", "QDRANT_HOST", "QDRANT_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("HARNESS_TIMEZONE", zone_at_noon())
        made = Stack(tmp_path_factory.mktemp("stack"))
        try:
            yield made
        finally:
            lifecycle.down(made.data)


def _victim(pids: dict[str, int], which: str, run: runs.FlowRun) -> psutil.Process | None:
    if which != "flow":
        return psutil.Process(pids[which])
    for child in psutil.Process(pids["worker"]).children(recursive=True):
        # The checks that run every ten minutes have processes of their own, which end meanwhile.
        with contextlib.suppress(psutil.Error):
            if child.environ().get("PREFECT__FLOW_RUN_ID") == run.id:
                return child
    return None


@pytest.mark.parametrize("kills", rounds(0, hours=6))
@pytest.mark.parametrize("which", ["flow", "worker", "server"])
def test_a_killed_process(stack: Stack, which: str, kills: int) -> None:
    chance = random.Random(f"{which}{kills}")
    ended: Counter[str] = Counter()
    for _ in range(kills):
        pids = stack.up()
        stack.tree.change()
        run = stack.run()
        deadline = time.monotonic() + RUN_SECONDS
        victim = _victim(pids, which, run)
        while victim is None and time.monotonic() < deadline:
            time.sleep(0.02)
            victim = _victim(pids, which, run)
        time.sleep(chance.uniform(0, 6))
        if victim is not None and victim.is_running():
            victim.kill()
            victim.wait(30)
        after = stack.up()
        assert psutil.pid_exists(after["server"]) and psutil.pid_exists(after["worker"])
        ended[stack.end(run)] += 1
        assert stack.end(stack.run()) == "COMPLETED", "the run after it"
        stack.judge()
    print(which, dict(ended))
    assert ended.total() == kills
