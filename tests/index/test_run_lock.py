"""One run at a time for each repository: on one machine with an embedded index, and on several
with different data directories and one server. Runs that are stopped or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import LeaseLostError
from harness.index.run_lock import hold_repository, lease_key
from harness.store.edge import EdgeStore
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.store.protocol import VectorStore
from tests.fakes.qdrant_server import FakeQdrant
from tests.index import machine
from tests.repositories import commit_all, make_repository
from tests.store.points import MANIFEST, point, record

URL = "https://git.example.org/team/app"
LEASE_SECONDS = 1.0
# A process that is ended when it pauses: half of it has to be longer than a busy machine's pauses.
MACHINE_SECONDS = 6.0

OpenStore = Callable[[], VectorStore]


@pytest.fixture
def server() -> Iterator[FakeQdrant]:
    with FakeQdrant() as server:
        yield server


def opened(server: FakeQdrant) -> VectorStore:
    return open_store(QdrantOptions(url=server.url, grpc_port=0))


@pytest.fixture(params=["embedded", "server"])
def open_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    if request.param == "embedded":
        yield lambda: EdgeStore(tmp_path / "index")
        return
    server = request.getfixturevalue("server")
    yield lambda: opened(server)


def data_dirs(store: VectorStore, tmp_path: Path, names: list[str]) -> dict[str, Path]:
    """A machine has one data directory, several have several."""
    return {name: tmp_path / ("data" if store.is_embedded else name) for name in names}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_that_does_not_give_way_says_that_it_waits(
    open_index: OpenStore, tmp_path: Path
) -> None:
    said: list[str] = []
    order: list[str] = []
    names = ["first", "second", "third"]

    def wait(name: str) -> None:
        with (
            closing(open_index()) as store,
            hold_repository(
                store,
                data_dirs(store, tmp_path, names)[name],
                str(tmp_path / "x/../app"),
                on_wait=lambda: said.append(name),
            ) as lease,
        ):
            assert lease is not None
            order.append(name)

    with closing(open_index()) as store:
        first = data_dirs(store, tmp_path, names)["first"]
        with hold_repository(store, first, str(tmp_path / "app"), "the same", "first"):
            threads = [threading.Thread(target=wait, args=(name,)) for name in names[1:]]
            for thread in threads:
                thread.start()
            until(lambda: len(said) == 2)
            order.append("first")
    for thread in threads:
        thread.join(timeout=20)
    assert order[0] == "first"
    assert sorted(order[1:]) == sorted(said) == ["second", "third"]


def test_one_run_works_one_waits_and_a_later_one_takes_its_place(
    open_index: OpenStore, tmp_path: Path
) -> None:
    outcomes: dict[str, bool] = {}
    said: list[str] = []
    names = ["first", "second", "third"]

    def run(name: str) -> None:
        with (
            closing(open_index()) as store,
            hold_repository(
                store,
                data_dirs(store, tmp_path, names)[name],
                f"{URL}.git",
                "the same",
                name,
                on_wait=lambda: said.append(name),
            ) as lease,
        ):
            outcomes[name] = lease is not None

    with closing(open_index()) as store:
        first = data_dirs(store, tmp_path, names)["first"]
        with hold_repository(store, first, URL, "the same", "first") as lease:
            assert lease is not None
            threads = []
            for name in names[1:]:
                thread = threading.Thread(target=run, args=(name,))
                thread.start()
                threads.append(thread)
                until(lambda name=name: said[-1:] == [name])  # type: ignore[misc]
                # Not before it has said so in the index.
                time.sleep(0.3)
            threads[0].join(timeout=10)
            assert outcomes == {"second": False}
    with (
        closing(open_index()) as store,
        hold_repository(store, first, "/another/folder", "the same", "other") as other,
    ):
        assert other is not None
    threads[1].join(timeout=10)
    assert outcomes == {"second": False, "third": True}


def test_holders_are_counted(open_index: OpenStore, tmp_path: Path) -> None:
    with closing(open_index()) as store:
        for fence in (1, 2, 3):
            with hold_repository(store, tmp_path, URL) as lease:
                assert lease is not None
                assert lease.fence == fence


def test_a_lease_that_is_lost_changes_nothing_any_more(
    open_index: OpenStore, tmp_path: Path
) -> None:
    stored = point("a.py", "one\n")
    with closing(open_index()) as store, closing(open_index()) as other:
        with hold_repository(store, tmp_path, URL, lease_seconds=LEASE_SECONDS) as lease:
            assert lease is not None
            store.ensure_collection(MANIFEST)
            now = other.lease(lease_key(URL))
            assert now is not None
            assert other.swap_lease(type(now)(now.key, now.fence + 1, "other", "v"), now.version)
            until(lambda: not lease._thread.is_alive())  # it has noticed
            changes: list[Callable[[], None]] = [
                lambda: store.upsert_chunks(MANIFEST.collection, [stored]),
                lambda: store.delete_chunks(MANIFEST.collection, "repo", ["a.py"]),
                lambda: store.put_file_records(MANIFEST.collection, [record("a.py")]),
                lambda: store.delete_file_records(MANIFEST.collection, "repo"),
                lambda: store.delete_repository("repo"),
                lambda: store.drop_collection(MANIFEST.collection),
            ]
            for change in changes:
                with pytest.raises(LeaseLostError, match="paused"):
                    change()
        now = other.lease(lease_key(URL))
        assert now is not None
        assert now.holder == "other", "what was lost is not given back"
        store.upsert_chunks(MANIFEST.collection, [stored])
        assert other.count_chunks(MANIFEST.collection) == 1, "outside, nothing is held"


# Several machines: different data directories, one server


def module(number: int) -> str:
    return "".join(f"def work_{number}_{n}():\n    return {n}\n\n\n" for n in range(150))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "app", {f"part_{n}.py": module(n) for n in range(6)})


def started(
    server: FakeQdrant, tmp_path: Path, repository: Path, stop_at: int
) -> subprocess.Popen[str]:
    """A machine that stops before it writes its batch of this number."""
    arguments = [server.url, tmp_path / "one", f"file://{repository}", MACHINE_SECONDS, stop_at]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.index.machine", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), process.communicate()
    return process


def whole(server: FakeQdrant) -> dict[str, object]:
    """Everything in the index, but for the leases."""
    names = [c.name for c in server.client.get_collections().collections]
    return {name: server.points(name) for name in names if name != "harness-leases"}


def test_a_stopped_holder_never_writes_again(
    server: FakeQdrant, tmp_path: Path, repository: Path
) -> None:
    stopped = started(server, tmp_path, repository, stop_at=3)
    try:
        (repository / "part_0.py").write_text(module(7))
        (repository / "part_5.py").unlink()
        later = commit_all(repository)
        machine.index(server.url, tmp_path / "two", f"file://{repository}", MACHINE_SECONDS)
        written, before = whole(server), list(server.writes)
        assert written

        os.kill(stopped.pid, signal.SIGCONT)
        stopped.communicate(timeout=60)
    finally:
        stopped.kill()
    # What was half sent when it was stopped must not go out, so it does not even wake up.
    assert stopped.returncode == -signal.SIGKILL
    assert server.writes == before
    assert whole(server) == written
    with closing(opened(server)) as store:
        (found,) = store.repositories()
    assert (found.commit, found.unfinished, found.files) == (later, False, 5)


def test_the_lease_of_a_killed_holder_ends_by_itself(
    server: FakeQdrant, tmp_path: Path, repository: Path
) -> None:
    killed = started(server, tmp_path, repository, stop_at=3)
    killed.kill()
    killed.communicate()
    began = time.monotonic()
    report = machine.index(server.url, tmp_path / "two", f"file://{repository}", MACHINE_SECONDS)
    assert time.monotonic() - began > MACHINE_SECONDS, "it might still have been alive"
    assert report.files_total == 6
    assert report.files_indexed < 6, "what the killed one has done is kept"
