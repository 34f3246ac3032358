"""Planner and store against a dictionary: hypothesis writes, removes and renames files, steps the
clock, indexes, and sees whether the store holds what a dictionary of texts says."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.chunking.chunker import chunk_text
from harness.engines import Engines
from harness.errors import UsageError
from harness.index.forgetting import forget_repository
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.index.wholeness import damage
from tests.fakes.embedder import HashEmbedder
from tests.faults.rounds import ROUNDS
from tests.store.engines import OPENERS

PATHS = st.sampled_from([f"{folder}{name}.py" for folder in ("", "src/") for name in "abc"])
TEXTS = st.lists(st.sampled_from([f"def f{n}():\n    return {n}\n" for n in range(6)]), min_size=1)
REPOS = st.sampled_from(["one", "two"])
DAY = 86_400


class Machine(RuleBasedStateMachine):
    """``files`` are on the disk, ``indexed`` is what the last run of a repository has read."""

    engine = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.files: dict[str, dict[str, str]] = {"one": {}, "two": {}}
        self.indexed: dict[str, dict[str, str]] = {}
        self.failing: set[str] = set()
        self.seconds = 0.0
        now = time.time_ns
        self._clock = mock.patch("time.time_ns", lambda: now() + int(self.seconds * 1e9))
        self._clock.start()
        self.store = OPENERS[self.engine](self.folder / "index")
        self.engines = Engines(HashEmbedder(), self.store, self.folder)

    def teardown(self) -> None:
        self._clock.stop()
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        self.write("one", "a.py", ["def f0():\n    return 0\n"])
        self.write("two", "a.py", ["def f0():\n    return 0\n"])

    @rule(repo=REPOS, path=PATHS, parts=TEXTS)
    def write(self, repo: str, path: str, parts: list[str]) -> None:
        text = "\n\n".join(parts)
        file = self.folder / repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.files[repo][path] = text

    @rule(repo=REPOS, path=PATHS)
    def remove(self, repo: str, path: str) -> None:
        if len(self.files[repo]) > 1 and path in self.files[repo]:
            (self.folder / repo / path).unlink()
            del self.files[repo][path]

    @rule(repo=REPOS, path=PATHS, to=PATHS)
    def rename(self, repo: str, path: str, to: str) -> None:
        if path in self.files[repo] and path != to:
            target = self.folder / repo / to
            target.parent.mkdir(exist_ok=True)
            (self.folder / repo / path).replace(target)
            self.files[repo][to] = self.files[repo].pop(path)

    @rule(seconds=st.sampled_from([-400 * DAY, -DAY, -3.0, 3.0, DAY, 400 * DAY]))
    def step_the_clock(self, seconds: float) -> None:
        self.seconds += seconds

    @rule(repo=REPOS, full=st.booleans())
    def index(self, repo: str, full: bool) -> None:
        report = index_repository(repo, self.folder / repo, self.engines, IndexOptions(full=full))
        assert (report.files_failed, report.warnings) == (0, ()), report
        before, now = self.indexed.get(repo, {}), self.files[repo]
        assert report.files_deleted == len(before.keys() - now.keys())
        # What has not changed may be read again, after a step of the clock or within its tick.
        assert report.files_indexed >= sum(before.get(path) != text for path, text in now.items())
        self.indexed[repo] = dict(now)
        self.failing.discard(repo)

    @rule(repo=REPOS)
    def index_with_a_model_that_fails(self, repo: str) -> None:
        embedder = self.engines.embedder
        assert isinstance(embedder, HashEmbedder)
        embedder.fail_when = "return"
        report = index_repository(repo, self.folder / repo, self.engines, IndexOptions())
        embedder.fail_when = None
        if report.files_failed:
            assert all("cannot embed" in why for _, why in report.failures)
            self.failing.add(repo)
        else:
            self.indexed[repo] = dict(self.files[repo])
            self.failing.discard(repo)

    @precondition(lambda self: self.indexed)
    @rule(repo=REPOS)
    def forget(self, repo: str) -> None:
        try:
            forget_repository(repo, self.engines)
        except UsageError:
            assert repo not in self.indexed and repo not in self.failing
        self.indexed.pop(repo, None)
        self.failing.discard(repo)

    @invariant()
    def holds_what_was_read(self) -> None:
        assert damage(self.store) == ""
        records = {record.name: record for record in self.store.repositories()}
        assert records.keys() >= self.indexed.keys()
        for repo, record in records.items():
            if repo in self.failing:
                continue
            stored = Counter(
                (path, chunk.start_line, chunk.text)
                for path, chunk in self.store.chunks(record.collection, repo)
            )
            wanted = Counter(_chunks(self.indexed.get(repo, {})))
            assert stored == wanted
            assert record.chunks == wanted.total()


def _chunks(files: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    for path, text in files.items():
        for chunk in chunk_text(path, text):
            yield path, chunk.start_line, chunk.text


class EdgeMachine(Machine):
    engine = "edge"


def run(machine: type[Machine], examples: int, steps: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=examples < ROUNDS,
        ),
    )


@pytest.mark.parametrize("machine", [Machine, EdgeMachine], ids=["memory", "edge"])
def test_against_a_dictionary(machine: type[Machine]) -> None:
    run(machine, 6 if machine is Machine else 2, 10)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [Machine, EdgeMachine], ids=["memory", "edge"])
def test_against_a_dictionary_at_length(machine: type[Machine]) -> None:
    run(machine, ROUNDS, 40)
