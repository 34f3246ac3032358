"""A shard stays open until somebody else wants it: kept, handed over, given up, written to disk."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import StoreBusyError
from harness.store import edge_shards, integrity
from harness.store.edge import EdgeStore
from harness.store.edge_lock import StoreLock
from tests.store.points import COLLECTION, MANIFEST, point, record

WRITE_FOR_EVER = (
    "import sys; sys.path.insert(0, sys.argv[2])\n"
    "from itertools import count; from pathlib import Path\n"
    "from harness.store.edge import EdgeStore; from tests.store.points import *\n"
    "store = EdgeStore(Path(sys.argv[1]))\n"
    "for n in count():\n"
    "    store.upsert_chunks(COLLECTION, [point(f'{n}.py', 'w', seed=n)])\n"
    "    print(n, flush=True)\n"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    with closing(EdgeStore(tmp_path, lock_timeout_seconds=30)) as opened:
        opened.ensure_collection(MANIFEST)
        yield opened


def is_free(folder: Path) -> bool:
    """Whether nobody has the store, as another process would see it."""
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def test_a_shard_stays_open_until_the_store_is_closed(store: EdgeStore, tmp_path: Path) -> None:
    assert is_free(tmp_path)
    store.count_chunks(COLLECTION)
    assert not is_free(tmp_path)
    store.close()
    assert is_free(tmp_path)
    assert store.count_chunks(COLLECTION) == 0, "what is asked later opens it again"


def test_it_is_handed_over_while_its_owner_rests(store: EdgeStore, tmp_path: Path) -> None:
    store.upsert_chunks(COLLECTION, [point("a.py", "one")])
    with closing(EdgeStore(tmp_path, lock_timeout_seconds=20)) as other:
        assert other.count_chunks(COLLECTION) == 1
        other.upsert_chunks(COLLECTION, [point("b.py", "two", seed=2)])
        assert store.count_chunks(COLLECTION) == 2, "and comes back with what was written"


def test_a_search_comes_in_while_another_process_writes_without_a_pause(
    store: EdgeStore, tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path), str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            seen = 0
            for _ in range(3):
                written = int(writer.stdout.readline())
                counted = store.count_chunks(COLLECTION)
                assert counted > max(seen, written), "the writer goes on in between"
                seen = counted
        finally:
            writer.kill()
    assert store.count_chunks(COLLECTION) >= seen, "killed while it had the shard open"


def test_the_one_that_waits_comes_before_the_one_that_had_it(tmp_path: Path) -> None:
    mine, theirs = StoreLock(tmp_path, 30), StoreLock(tmp_path, 30)
    order: list[str] = []

    def take() -> None:
        theirs.acquire()
        order.append("theirs")
        theirs.release()

    mine.acquire()
    waiting = threading.Thread(target=take)
    waiting.start()
    wait_for(mine.is_wanted)
    mine.release()
    mine.acquire()
    order.append("mine")
    waiting.join()
    mine.release()
    assert order == ["theirs", "mine"]


@pytest.mark.parametrize(
    ("stretch", "order"),
    [
        pytest.param((3600.0, 3600.0), ["here", "here", "there"], id="within the stretch"),
        pytest.param((0.0, 0.0), ["there", "here", "here"], id="after it"),
    ],
)
def test_threads_that_wait_have_their_turns_before_another_process_for_a_while(
    store: EdgeStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stretch: tuple[float, float],
    order: list[str],
) -> None:
    monkeypatch.setattr(edge_shards, "_STRETCH_SECONDS", stretch)
    done: list[str] = []
    other = EdgeStore(tmp_path, lock_timeout_seconds=60)

    def count(counted: EdgeStore, who: str) -> None:
        with counted.opened(COLLECTION):
            done.append(who)

    shards = store._shards
    threads = [threading.Thread(target=count, args=(store, "here")) for _ in range(2)]
    threads.append(threading.Thread(target=count, args=(other, "there")))
    with shards.open(COLLECTION):
        for thread in threads:
            thread.start()
        wait_for(lambda: len(shards._in_line) == 2 and shards._lock.is_wanted())
    for thread in threads:
        thread.join()
    other.close()
    assert done == order


def test_many_who_wait_come_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """So nobody waits for ever, however many readers there are; one of them was killed."""
    mine, order, threads = StoreLock(tmp_path, 60), [], []
    turns = tmp_path / "turns"
    mine.acquire()
    (turns / "7").touch()  # of a process that was killed: nobody holds it

    def take(number: int) -> None:
        lock = StoreLock(tmp_path, 60)
        lock.acquire()
        order.append(number)
        lock.release()

    def in_line() -> set[int]:
        return {int(path.name) for path in turns.iterdir() if path.name.isdecimal()}

    for number in range(6):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        wait_for(lambda last=number + 1: in_line() == set(range(1, last + 1)))
    mine.release()
    for thread in threads:
        thread.join()
    assert order == list(range(6))
    assert [path.name for path in turns.iterdir()] == ["door"]


def test_who_gives_up_waiting_leaves_the_line(tmp_path: Path) -> None:
    mine, theirs = StoreLock(tmp_path, 60), StoreLock(tmp_path, 0)
    mine.acquire()
    for _ in range(2):
        with pytest.raises(StoreBusyError, match="was held by process"):
            theirs.acquire()
    mine.release()
    theirs.acquire()
    theirs.release()
    assert [path.name for path in (tmp_path / "turns").iterdir()] == ["door"]


def test_a_process_that_is_asked_nothing_gives_it_up(
    store: EdgeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_shards, "_IDLE_SECONDS", 0.0)
    store.upsert_chunks(COLLECTION, [point("a.py", "one")])
    wait_for(lambda: is_free(tmp_path))


def test_a_store_that_was_forgotten_gives_it_up(tmp_path: Path) -> None:
    forgotten = EdgeStore(tmp_path)
    forgotten.ensure_collection(MANIFEST)
    forgotten.count_chunks(COLLECTION)
    del forgotten
    wait_for(lambda: is_free(tmp_path))


def test_points_are_on_the_disk_before_the_records_that_promise_them(
    store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *arguments: steps.append(name)

    with store._shards.open(COLLECTION) as shard:
        real = shard
    monkeypatch.setattr(store._shards._open[COLLECTION], "shard", Noting(real, steps))
    monkeypatch.setattr(store._records, "put_file_records", note("put records"))
    monkeypatch.setattr(store._records, "delete_file_records", note("delete records"))
    store.put_file_records(COLLECTION, [record("a.py")])
    store.upsert_chunks(COLLECTION, [point("a.py", "one")])
    store.put_file_records(COLLECTION, [record("a.py")])
    store.delete_chunks(COLLECTION, "repo", ["a.py"])
    store.delete_file_records(COLLECTION, "repo", ["a.py"])
    wanted = "put records, update, flush, put records, update, flush, delete records"
    assert ", ".join(steps) == wanted


class Noting:
    """A shard that notes what is done to it."""

    def __init__(self, shard: object, steps: list[str]) -> None:
        self._shard = shard
        self._steps = steps

    def __getattr__(self, name: str) -> object:
        if name in ("update", "flush"):
            self._steps.append(name)
        return getattr(self._shard, name)


def test_what_was_only_read_is_left_as_it_is_and_what_was_written_is_sealed(tmp_path: Path) -> None:
    def leave_after(work: Callable[[EdgeStore], object]) -> bool:
        """Whether the shard is still open then."""
        with closing(EdgeStore(tmp_path, lock_timeout_seconds=30)) as opened:
            work(opened)
            opened.leave()
            assert integrity.read(opened._shards.folder(COLLECTION)) is not None
            return bool(opened._shards._open)

    with closing(EdgeStore(tmp_path)) as made:
        made.ensure_collection(MANIFEST)
    assert not leave_after(lambda one: one.upsert_chunks(COLLECTION, [point("a.py", "x")]))
    # The first opening after a write finishes it in some files.
    while not leave_after(lambda one: one.count_chunks(COLLECTION)):
        pass
    assert leave_after(lambda one: one.count_chunks(COLLECTION))
