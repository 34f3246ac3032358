"""What only the embedded engine has to care for: other processes, the disk, being killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import StoreBusyError, StoreError, StoreFullError
from harness.store.edge import EdgeStore
from tests.store.points import COLLECTION, MANIFEST, point

HOLD = (
    "import sys, time; from pathlib import Path; from harness.store.edge_shards import EdgeShards\n"
    "with EdgeShards(Path(sys.argv[1]), 60).exclusive():\n"
    "    print('held', flush=True); time.sleep(float(sys.argv[2]))\n"
)


def hold(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_busy_store_names_the_holder(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, lock_timeout_seconds=0.3)
    store.ensure_collection(MANIFEST)
    with hold(tmp_path, 30) as process:
        try:
            with pytest.raises(StoreBusyError, match=f"process {process.pid} "):
                store.count_chunks(COLLECTION)
            assert store.repositories() == []  # records need no lock
        finally:
            process.kill()
    assert store.count_chunks(COLLECTION) == 0  # the kernel released the lock


def test_a_waiting_store_goes_on_when_the_holder_ends(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, lock_timeout_seconds=20)
    store.ensure_collection(MANIFEST)
    with hold(tmp_path, 0.5):
        assert store.count_chunks(COLLECTION) == 0


def test_writes_survive_a_killed_process(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from harness.store.edge import EdgeStore\n"
        "from tests.store.points import *\n"
        "store = EdgeStore(Path(sys.argv[1])); store.ensure_collection(MANIFEST)\n"
        "store.upsert_chunks(COLLECTION, [point('a.py', f'w{n}') for n in range(300)])\n"
        "store.put_file_records(COLLECTION, [record('a.py')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path), str(root)], check=False)
    assert done.returncode == -9
    store = EdgeStore(tmp_path)
    assert store.count_chunks(COLLECTION) == 300
    assert list(store.file_records(COLLECTION, "repo")) == ["a.py"]


def test_an_interrupted_creation_is_started_anew(tmp_path: Path) -> None:
    (tmp_path / COLLECTION).mkdir()
    (tmp_path / COLLECTION / "half").write_text("written")
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    assert store.count_chunks(COLLECTION) == 0


def test_a_rebuild_killed_between_its_renamings_is_ended(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(COLLECTION, [point("a.py", "one")])
    store.close()
    (tmp_path / COLLECTION).rename(tmp_path / f".{COLLECTION}.building")
    store.ensure_collection(MANIFEST)
    assert store.count_chunks(COLLECTION) == 1


def test_an_unsealed_rebuild_is_not_used(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(COLLECTION, [point("a.py", "one")])
    store.close()
    building = tmp_path / f".{COLLECTION}.building"
    (tmp_path / COLLECTION).rename(building)
    (building / "harness-seal.json").unlink()
    store.ensure_collection(MANIFEST)
    assert store.count_chunks(COLLECTION) == 0


def test_threads_share_a_store(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store = EdgeStore(tmp_path, lock_timeout_seconds=60)
    store.ensure_collection(MANIFEST)
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(store.upsert_chunks, COLLECTION, [point(f"{n}.py", f"w{n}", seed=n)])
            for n in range(12)
        ]
        for job in jobs:
            job.result()
    assert store.count_chunks(COLLECTION) == 12


def test_damage_is_one_clear_error(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    for file in (tmp_path / COLLECTION).rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    with pytest.raises(StoreError, match="harness repair"):
        store.count_chunks(COLLECTION)


def test_the_folder_is_private(tmp_path: Path) -> None:
    with closing(EdgeStore(tmp_path / "index")) as store:
        store.ensure_collection(MANIFEST)
        files = [file for file in (tmp_path / "index").iterdir() if file.is_file()]
        assert {"records.sqlite", "holder"} <= {file.name for file in files}
        assert [file.name for file in files if file.stat().st_mode & 0o077] == []
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o700


def test_an_edge_store_is_not_compacted_without_room_for_a_second_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(EdgeStore(tmp_path / "index")) as store:
        store.ensure_collection(MANIFEST)
        room = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(
            "harness.store.edge_making.shutil.disk_usage",
            lambda path: room._replace(free=256_000_001),
        )
        store.compact(COLLECTION)
        assert "is not compacted: only 256 MB free" in caplog.text
        store.delete_chunks(COLLECTION, "none")
        monkeypatch.setattr(
            "harness.store.edge_making.shutil.disk_usage",
            lambda path: room._replace(free=255_000_000),
        )
        with pytest.raises(StoreFullError, match="HARNESS_DATA_DIR"):
            store.delete_chunks(COLLECTION, "none")
        assert store.count_chunks(COLLECTION) == 0, "reading goes on"


def test_first_uses_at_the_same_time(tmp_path: Path) -> None:
    together, errors = threading.Barrier(8), []

    def use(folder: Path) -> None:
        together.wait()
        try:
            EdgeStore(folder, lock_timeout_seconds=20).manifests()
        except StoreBusyError as error:
            errors.append(error)

    for n in range(20):
        threads = [threading.Thread(target=use, args=(tmp_path / str(n),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
