"""The seal of a shard: what it notices, and what it must not mistake for damage."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import StoreDamagedError
from harness.store import integrity
from harness.store.edge import EdgeStore
from harness.types import FileRecord
from tests.store.points import COLLECTION, MANIFEST, point, record

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sealed files, one with a hole."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "plain").write_bytes(b"some text")
    (tmp_path / "sub" / "more").write_bytes(os.urandom(100_000))
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(300_000)
        file.write(b"end")
        file.truncate(1 << 20)
    integrity.renew(tmp_path, None, changed=True)
    return tmp_path


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(lambda f: flip(f / "plain", 0), "plain does not have its", id="flip"),
        pytest.param(lambda f: flip(f / "sparse", 300_001), "sparse does not", id="flip-sparse"),
        pytest.param(lambda f: flip(f / "sparse", 700_000), "sparse does not", id="flip-hole"),
        pytest.param(lambda f: os.truncate(f / "plain", 3), "has 3 bytes, not 9", id="cut"),
        pytest.param(lambda f: (f / "sub" / "more").unlink(), "sub/more is missing", id="removed"),
    ],
)
def test_damage_is_noticed(folder: Path, damage: Callable[[Path], object], says: str) -> None:
    integrity.check(folder)
    damage(folder)
    with pytest.raises(StoreDamagedError, match=f"{says}.*harness repair"):
        integrity.check(folder)


def test_what_a_disk_changes_by_itself_is_found_by_reading_all(folder: Path) -> None:
    before = (folder / "plain").stat()
    flip(folder / "plain", 2)
    os.utime(folder / "plain", ns=(before.st_atime_ns, before.st_mtime_ns))
    integrity.check(folder)
    with pytest.raises(StoreDamagedError):
        integrity.check(folder, thorough=True)


def test_holes_times_and_journals_do_not_count(folder: Path) -> None:
    content = (folder / "sparse").read_bytes()
    (folder / "sparse").write_bytes(content)  # zeros are written out now
    (folder / "x-tracker_journal.dat").write_bytes(b"passing")
    integrity.renew(folder, None, changed=True)
    (folder / "x-tracker_journal.dat").unlink()
    for path in folder.rglob("*"):
        os.utime(path, ns=(1, 1))
    assert integrity.check(folder, thorough=True) is not None


def test_a_seal_that_is_damaged_proves_nothing(folder: Path) -> None:
    seal = folder / integrity.SEAL
    for change in (b"", b"{", seal.read_bytes().replace(b"9,", b"8,", 1)):
        seal.write_bytes(change)
        assert integrity.read(folder) is None
    flip(folder / "plain", 0)
    assert integrity.check(folder) is None


def test_whatever_a_store_does_leaves_a_seal_that_fits(tmp_path: Path) -> None:
    """The engine rewrites files when it opens them: that must never look like damage."""
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    shard = tmp_path / COLLECTION
    steps: list[Callable[[], object]] = [
        lambda: store.upsert_chunks(COLLECTION, [point(f"{n}.py", f"w{n}") for n in range(30)]),
        lambda: store.count_chunks(COLLECTION),
        lambda: store.delete_chunks(COLLECTION, "repo", ["3.py"]),
        lambda: store.compact(COLLECTION),
    ]
    for step in (*steps, *reversed(steps)):
        step()
        store.close()
        seal = integrity.check(shard, thorough=True)
        assert seal is not None
    store.count_chunks(COLLECTION)
    store.close()
    settled = integrity.check(shard, thorough=True)
    assert settled is not None
    assert settled.settled


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from harness.store import edge_shards
from harness.store.edge import EdgeStore
from tests.store.points import *
def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
edge_shards.integrity.renew = die
store = EdgeStore(Path(sys.argv[1]))
store.upsert_chunks(COLLECTION, [point("b.py", "more")])
store.close()
"""


def test_a_writer_that_is_killed_is_no_damage(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(COLLECTION, [point("a.py", "some")])
    store.close()
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(ROOT)], check=False)
    assert done.returncode == -9
    assert integrity.read(tmp_path / COLLECTION) is None
    assert store.count_chunks(COLLECTION) == 2
    store.upsert_chunks(COLLECTION, [point("c.py", "most")])
    store.close()
    assert integrity.read(tmp_path / COLLECTION) is not None
    store.examine(COLLECTION)


def test_records_that_are_lost_lose_no_chunks(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(COLLECTION, [point("a.py", "some")])
    records: list[FileRecord] = [record("a.py")]
    store.put_file_records(COLLECTION, records)
    (tmp_path / "records.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreDamagedError, match="harness repair"):
        store.manifests()
    aside = store.set_records_aside()
    assert aside is not None
    assert aside.read_bytes().startswith(b"no database")
    assert store.manifests() == []
    store.ensure_collection(MANIFEST)
    assert store.count_chunks(COLLECTION) == 1
    assert store.set_records_aside() is None


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no tmpfs to be had")
def test_what_is_written_through_a_mapping_is_sealed_where_times_do_not_tell() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        (folder / "data").write_bytes(b"before")
        integrity.renew(folder, None, changed=True)
        with (folder / "data").open("r+b") as file, mmap.mmap(file.fileno(), 6) as mapped:
            assert mapped[:] == b"before"
            mapped[:] = b"after!"
        integrity.renew(folder, integrity.read(folder), changed=True)
        integrity.check(folder, thorough=True)
