"""Backups of the embedded store: killed runs, archives, the exchange of folders."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import StoreDamagedError, StoreError
from harness.store import tar_members
from harness.store.edge import EdgeStore
from harness.store.edge_archives import extract
from tests.backup.cases import Case, answers, edge, fill, state, tamper
from tests.store.points import COLLECTION, point

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.backup.cases import edge
case = edge(Path(sys.argv[1]), Path(sys.argv[1]) / "backups")
def step(message):
    if message.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
case.backups.backup(step)
"""


@pytest.mark.parametrize("moment", ["compressing", "verifying"])
def test_killed_in_the_middle(local: Case, tmp_path: Path, moment: str) -> None:
    first = local.backups.backup()
    files = {path.name: path.read_bytes() for path in Path(first.path).iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(ROOT), moment], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert list(local.folder.glob(".partial-*")), "it was in the middle"
    assert local.backups.folders.names() == [first.name]
    assert {path.name: path.read_bytes() for path in Path(first.path).iterdir()} == files
    second = local.backups.backup()
    assert second.name > first.name
    assert local.backups.folders.names() == [second.name], "one a day is kept"
    assert not list(local.folder.glob(".partial-*"))


def test_verify_restore_finds_a_tampered_vector(local: Case, tmp_path: Path) -> None:
    report = local.backups.backup()
    sample = next(file for file in report.files if file.samples).samples[0].id

    def change(archive: Path) -> None:
        other = tmp_path / "other"
        shard = other / "index" / COLLECTION
        fill(edge(other, other / "b").store)
        shutil.rmtree(shard)
        shard.mkdir()
        extract(archive, shard)
        points = [point(f"{n}.py", f"alpha word{n}", seed=n) for n in range(40)]
        (found,) = [p for p in points if p.id == sample]
        dense = found.dense.copy()
        dense[0] += 1e-3
        EdgeStore(other / "index").upsert_chunks(COLLECTION, [replace(found, dense=dense)])
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(shard, arcname=".")

    tamper(local, change)
    before = state(local.store)
    for use in (local.backups.verify_restore, local.backups.restore):
        with pytest.raises(StoreError, match=f"{sample} differs"):
            use()
    assert state(local.store) == before


def test_a_search_during_a_backup_is_answered(local: Case) -> None:
    expected = answers(local.store)
    answered: list[str] = []

    def step(message: str) -> None:
        if not message.startswith("copying"):  # the lock is free from here on
            found = answers(EdgeStore(local.folder.parent / "index", lock_timeout_seconds=5))
            assert found == expected
            answered.append(message)

    stop, worst = threading.Event(), [0.0]

    def search() -> None:
        while not stop.is_set():
            began = time.monotonic()
            assert answers(local.store) == expected
            worst[0] = max(worst[0], time.monotonic() - began)
            time.sleep(0.1)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        local.backups.backup(step)
    finally:
        stop.set()
        thread.join()
    assert answered
    assert 0 < worst[0] < 30


def test_restored_on_another_machine(local: Case, tmp_path: Path) -> None:
    before = state(local.store)
    local.backups.backup()
    elsewhere = tmp_path / "another machine" / "data"
    shutil.copytree(local.folder, elsewhere / "backups")
    shutil.rmtree(tmp_path / "index")
    shutil.rmtree(local.folder)
    moved = edge(elsewhere, elsewhere / "backups")
    moved.backups.restore()
    assert state(moved.store) == before


def test_the_lock_stays_and_waiting_processes_see_the_new_index(local: Case) -> None:
    root = local.folder.parent / "index"
    before = state(local.store)
    local.backups.backup()
    inode = (root / "lock").stat().st_ino
    fill(local.store, seed=3)
    local.backups.restore()
    assert (root / "lock").stat().st_ino == inode
    assert state(local.store) == before
    assert not list(root.glob(".restoring-*"))


def test_damaged_records_are_replaced(local: Case) -> None:
    before = state(local.store)
    local.backups.backup()
    (local.folder.parent / "index" / "records.sqlite").write_bytes(b"not a database at all" * 99)
    local.backups.restore()
    assert state(local.store) == before


def test_a_swap_that_fails_is_undone(local: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    local.backups.backup()
    fill(local.store, seed=11)
    before = state(local.store)
    rename, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StoreError, match="No space left"):
        local.backups.restore()
    monkeypatch.undo()
    assert state(local.store) == before


def test_a_restore_killed_between_two_renames_is_finished_by_the_next(local: Case) -> None:
    before = state(local.store)
    local.backups.backup()
    root = local.folder.parent / "index"
    replaced = root / ".restoring-x" / "replaced"
    replaced.mkdir(parents=True)
    (root / COLLECTION).rename(replaced / COLLECTION)
    local.file().write_bytes(b"damaged")  # even a restore that is refused must not lose it
    with pytest.raises(StoreError):
        local.backups.restore()
    EdgeStore(root).snapshots()._finish_killed_restore()  # type: ignore[attr-defined]
    assert state(local.store) == before


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("../../escaped", tarfile.REGTYPE, id="parent"),
        pytest.param("/tmp/escaped", tarfile.REGTYPE, id="absolute"),
        pytest.param("link", tarfile.SYMTYPE, id="symlink"),
        pytest.param("hard", tarfile.LNKTYPE, id="hard-link"),
        pytest.param("pipe", tarfile.FIFOTYPE, id="fifo"),
    ],
)
def test_archives_are_confined(tmp_path: Path, name: str, kind: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.addfile(member, io.BytesIO())
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    with pytest.raises(StoreError, match="refused"):
        extract(tmp_path / "x.tar.gz", inside)
    assert not list(inside.iterdir())
    assert not list(tmp_path.rglob("escaped*"))


def test_an_archive_that_is_cut_is_a_clear_error(local: Case) -> None:
    local.backups.backup()
    tamper(local, lambda path: path.write_bytes(path.read_bytes()[:2000]))
    with pytest.raises(StoreError, match="cannot unpack"):
        local.backups.verify_restore()
    tamper(local, lambda path: path.write_bytes(gzip.compress(b"")))
    with pytest.raises(StoreError):
        local.backups.verify_restore()


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([("big", 3 << 30)], id="terabytes-of-zeros"),
        pytest.param([(f"f{n}", 0) for n in range(20_001)], id="many-names"),
        pytest.param([("/".join("a" * 30), 0)], id="deep"),
    ],
)
def test_archives_hold_no_more_than_an_index_can(
    tmp_path: Path, members: list[tuple[str, int]]
) -> None:
    raw = io.BytesIO()
    for name, size in members:
        member = tarfile.TarInfo(name)
        member.size = size
        raw.write(member.tobuf())
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(raw.getvalue()))
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match="more than an index of 40 points can; refused"):
        extract(tmp_path / "x.tar.gz", tmp_path / "out", 40)


def test_an_archive_with_a_huge_header_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 1 << 30
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(member.tobuf() + bytes(4096)))
    with pytest.raises(StoreError, match="a header of 1073741824 bytes"):
        extract(tmp_path / "x.tar.gz", tmp_path)


def a_header(kind: bytes, size: int = 0, **pax: str) -> bytes:
    """A member, after the PAX header that says more of it."""
    member = tarfile.TarInfo("x")
    member.type, member.size, member.pax_headers = kind, size, pax
    return member.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(a_header(tarfile.GNUTYPE_SPARSE), "a sparse file", id="sparse-gnu"),
        pytest.param(
            a_header(tarfile.REGTYPE, 512, **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
            + b"1000000000\n1\n" * 40,
            "a sparse file",
            id="sparse-1.0",
        ),
        pytest.param(
            a_header(tarfile.REGTYPE, **{"GNU.sparse.map": "1,2," * 9, "GNU.sparse.size": "9"}),
            "a sparse file",
            id="sparse-0.1",
        ),
        pytest.param(
            a_header(tarfile.REGTYPE, **{"GNU.sparse.size": str(1 << 62)}),
            "a sparse file",
            id="sparse-0.0",
        ),
        pytest.param(a_header(tarfile.REGTYPE, size=str(1 << 62)), "refused", id="size"),
        pytest.param(a_header(tarfile.REGTYPE, size="-512"), "of -512 bytes", id="below-0"),
        pytest.param(a_header(tarfile.REGTYPE, -512), "of -512 bytes", id="below-0-binary"),
        # tarfile would read all that follows into memory.
        pytest.param(a_header(tarfile.XHDTYPE, -512), "of -512 bytes", id="below-0-header"),
        pytest.param(a_header(tarfile.REGTYPE, path="a\0b"), "null byte", id="nul-in-name"),
        pytest.param(a_header(tarfile.REGTYPE, path="../../out"), "refused", id="way-out"),
        pytest.param(a_header(tarfile.REGTYPE, path="/etc/out"), "refused", id="absolute"),
        pytest.param(a_header(tarfile.LNKTYPE, linkpath="/etc/passwd"), "refused", id="hard-link"),
        pytest.param(
            # Before a member each: one after another they end by Python's own limit.
            (a_header(tarfile.XGLTYPE, 60_000) + bytes(60_416) + a_header(tarfile.DIRTYPE)) * 20,
            "a header of 60000 bytes, 1020000 in all",
            id="headers-without-end",
        ),
    ],
)
def test_tricks_of_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, says: str
) -> None:
    monkeypatch.setattr(tar_members, "_MAX_HEADERS_BYTES", 1_000_000)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(content + bytes(1 << 14), 1))
    (tmp_path / "out").mkdir()
    with pytest.raises(StoreError, match=says):
        extract(tmp_path / "x.tar.gz", tmp_path / "out", 40)
    assert not [
        path for path in tmp_path.rglob("*") if path.name in ("out", "etc") and path.is_file()
    ]


def test_a_damaged_index_is_not_backed_up(local: Case) -> None:
    local.backups.backup()
    (pages,) = (local.folder.parent / "index").glob(
        f"{COLLECTION}/segments/*/payload_storage/page*"
    )
    before = pages.stat()
    with pages.open("r+b") as file:
        file.seek(40)
        file.write(b"\xff")
    os.utime(pages, ns=(before.st_atime_ns, before.st_mtime_ns))
    names = local.backups.folders.names()
    with pytest.raises(StoreDamagedError, match="harness repair"):
        local.backups.backup()
    assert local.backups.folders.names() == names


def test_an_index_that_lacks_chunks_is_not_backed_up(case: Case) -> None:
    case.store.delete_chunks(COLLECTION, "repo", ["3.py"])
    with pytest.raises(StoreDamagedError, match="repo lacks 1 chunks of 1 files"):
        case.backups.backup()
    assert case.backups.folders.names() == []
