"""Everything at once for some minutes: index runs that are killed, searches, backups, repairs."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import NothingIndexedError, TransientError
from tests.faults import victims
from tests.faults.children import MOST_HANG_SECONDS, call, killed
from tests.faults.oracle import fresh, judge_whole
from tests.faults.rounds import ROUNDS
from tests.faults.trees import Tree

MINUTES = ROUNDS / 5


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_everything_at_once(tmp_path: Path) -> None:
    """No exception outside the tree, nothing hangs, and the index is whole at the end."""
    chance = random.Random(1)
    tree = Tree.make(tmp_path / "tree", seed=1)
    data = tmp_path / "data"
    call(victims.index, data, tree.root)
    deadline = time.monotonic() + 60 * MINUTES
    done: Counter[str] = Counter()
    wrong: list[BaseException] = []

    def again_and_again(name: str, work: Callable[[], object]) -> None:
        while time.monotonic() < deadline and not wrong:
            try:
                work()
                done[name] += 1
            except (TransientError, NothingIndexedError):
                done[f"{name}, busy"] += 1
            except BaseException as error:
                wrong.append(error)

    def index() -> None:
        tree.change()
        if chance.random() < 0.5:
            killed(chance.uniform(0, 2), victims.index, data, tree.root)
        else:
            call(victims.index, data, tree.root)

    def search() -> None:
        assert call(victims.search, data) > 0, "nothing is found"

    jobs: dict[str, Callable[[], object]] = {
        "index": index,
        "search": search,
        "search too": search,
        "backup": lambda: call(victims.back_up, data, tmp_path / "backups"),
        "repair": lambda: call(victims.repair, data),
        "killed backup": lambda: killed(0.3, victims.back_up, data, tmp_path / "backups"),
    }
    threads = [
        threading.Thread(target=again_and_again, args=job, daemon=True) for job in jobs.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * MINUTES + 2 * MOST_HANG_SECONDS)
        assert not thread.is_alive(), "something hangs"
    print(dict(done))
    assert not wrong, wrong
    call(victims.index, data, tree.root)
    judge_whole(call(victims.look, data), fresh(tree.root, tmp_path / "fresh"))
