"""What the engine raises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import StoreDamagedError, StoreError, StoreFullError
from harness.store.edge import EdgeStore
from harness.store.engine_faults import is_engines, translate
from tests.store.points import COLLECTION, MANIFEST, point

PanicException = type("PanicException", (BaseException,), {})


@pytest.mark.parametrize(
    ("error", "opening", "kind", "says"),
    [
        pytest.param(
            PanicException("index out of bounds\nat x"), False, StoreDamagedError, "repair", id="p"
        ),
        pytest.param(ValueError("bad json"), True, StoreDamagedError, "harness repair", id="open"),
        pytest.param(
            OSError("Cannot allocate memory (os error 12)"), True, StoreError, "memory", id="enomem"
        ),
        pytest.param(MemoryError("out of memory"), False, StoreError, "memory", id="python"),
        pytest.param(
            Exception("No space left on device (os error 28)"),
            True,
            StoreFullError,
            "free some space",
            id="full",
        ),
        pytest.param(
            Exception("Too many open files (os error 24)"), True, StoreError, "ulimit -n", id="open"
        ),
        pytest.param(Exception("no such field"), False, StoreError, "doctor", id="operation"),
    ],
)
def test_each_is_one_of_ours(
    error: BaseException, opening: bool, kind: type[StoreError], says: str
) -> None:
    assert is_engines(error)
    found = translate(error, "c", opening=opening)
    assert type(found) is kind
    assert says in str(found)
    assert "\n" not in str(found)


def test_ways_to_end_are_not_the_engines() -> None:
    assert not any(is_engines(e) for e in (KeyboardInterrupt(), SystemExit(), StoreError("x")))


def test_a_panic_in_an_operation_is_damage(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    with pytest.raises(StoreDamagedError, match="harness repair"), store.opened(COLLECTION):
        raise PanicException("index out of bounds")
    store.upsert_chunks(COLLECTION, [point("a.py", "on we go")])


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import psutil
from harness.store.edge import EdgeStore
from harness.errors import StoreError
from tests.store.points import COLLECTION
store = EdgeStore(Path(sys.argv[1]))
store.manifests()
limit = psutil.Process().memory_info().vms + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    store.count_chunks(COLLECTION)
except StoreError as error:
    print(error)
"""


def test_a_memory_limit_is_named(tmp_path: Path) -> None:
    EdgeStore(tmp_path).ensure_collection(MANIFEST)
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), root],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "the memory limit of this process" in done.stdout
    assert "ulimit -v" in done.stdout
