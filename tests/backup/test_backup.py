"""Backups of both engines: whole or not at all, refused when damaged, restored to the last digit.

The server's part runs on qdrant-client's local mode and an imitation of the snapshot endpoints.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from harness.backup import Backups
from harness.backup import manifest as manifests
from harness.backup.folders import expired
from harness.errors import ServiceUnavailableError, StoreBusyError, StoreError, UsageError
from harness.index.fingerprint import with_collection
from harness.models import lexical
from harness.store.edge import EdgeStore
from harness.store.edge_snapshots import EdgeSnapshots, extract
from harness.store.protocol import VectorStore
from harness.store.qdrant import QdrantStore
from harness.store.qdrant_snapshot_api import SnapshotApi
from harness.store.qdrant_snapshots import QdrantSnapshots
from harness.store.snapshots import file_sha256
from harness.types import Candidate, CandidateLists, Filter, RepositoryRecord
from tests.fakes.qdrant_snapshots import FakeSnapshots
from tests.store.test_store import COLLECTION, MANIFEST, point, record, vector

ROOT = Path(__file__).resolve().parents[2]
OTHER = with_collection(replace(MANIFEST, digest="other"))
KEY = "s3cret-key"
FORMER = Path(__file__).parent / "data" / "version-1-edge.tar.xz"


@dataclass
class Case:
    """An index with 40 chunks, and its backups."""

    store: VectorStore
    backups: Backups
    folder: Path
    server: FakeSnapshots | None = None

    def newest(self) -> Path:
        return self.backups.folders.find("latest")

    def file(self) -> Path:
        return next(self.newest().glob(f"{COLLECTION}.*"))


def fill(store: VectorStore, seed: int = 0) -> None:
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(
        COLLECTION, [point(f"{n}.py", f"alpha word{n}", seed=seed + n) for n in range(40)]
    )
    store.put_file_records(COLLECTION, [record(f"{n}.py") for n in range(40)])
    store.put_repository(RepositoryRecord("repo", "/src", "c", COLLECTION, "m", 40, 40, 0, "now"))


def answers(store: VectorStore) -> list[CandidateLists]:
    """Two queries, scores to the last digit; local mode's own differ by rounding between calls."""
    lists = [
        store.query(
            COLLECTION,
            dense=vector(n),
            sparse=lexical.query_vector(f"alpha word{n}"),
            definitions=(),
            stems=("3",),
            where=Filter(),
            limit=20,
        )
        for n in (3, 30)
    ]
    return lists if isinstance(store, EdgeStore) else [rounded(found) for found in lists]


def rounded(lists: CandidateLists) -> CandidateLists:
    def rank(name: str) -> tuple[Candidate, ...]:
        rows = [replace(row, score=round(row.score, 5)) for row in getattr(lists, name)]
        return tuple(sorted(rows, key=lambda row: (-row.score, row.id)))

    return CandidateLists(**{field.name: rank(field.name) for field in fields(lists)})


def state(store: VectorStore) -> tuple[object, ...]:
    """Everything that an index answers, scores to the last digit."""
    return (
        answers(store),
        store.manifests(),
        store.repositories(),
        store.file_records(COLLECTION, "repo"),
    )


def edge(folder: Path, backups: Path, **options: int) -> Case:
    store = EdgeStore(folder / "index", lock_timeout_seconds=10)
    snapshots = EdgeSnapshots(folder / "index", lock_timeout_seconds=10)
    return Case(store, Backups(backups, snapshots, lock_timeout_seconds=0.2, **options), backups)


@pytest.fixture(params=["edge", "server"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "edge":
        found = edge(tmp_path, tmp_path / "backups")
        fill(found.store)
        yield found
        return
    yield from served(tmp_path)


def served(folder: Path) -> Iterator[Case]:
    from qdrant_client import QdrantClient

    client = QdrantClient(":memory:")
    with FakeSnapshots(client, KEY) as server:
        store = QdrantStore(client, "memory")
        snapshots = QdrantSnapshots(store, SnapshotApi(server.url, KEY, 5))
        with Backups(folder / "backups", snapshots, lock_timeout_seconds=0.2) as backups:
            fill(store)
            yield Case(store, backups, folder / "backups", server)


def tamper(case: Case, change: Callable[[Path], None]) -> None:
    """Change a file of the newest backup and make the manifest agree."""
    change(case.file())
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    for entry in data["files"]:
        file = case.newest() / entry["file"]
        entry |= {"sha256": file_sha256(file), "bytes": file.stat().st_size}
    path.write_text(json.dumps(data))


# Both engines


def test_a_destroyed_index_comes_back_to_the_last_digit(case: Case) -> None:
    before = state(case.store)
    report = case.backups.backup()
    assert report.points == 40
    assert report.alias == COLLECTION
    case.store.drop_collection(COLLECTION)
    case.store.delete_repository("repo")
    restored = case.backups.restore()
    assert (restored.points, restored.samples, restored.restored) == (40, 16, True)
    assert state(case.store) == before


def test_a_restore_replaces_what_is_there(case: Case) -> None:
    before = state(case.store)
    first = case.backups.backup()
    fill(case.store, seed=500)
    case.store.ensure_collection(OTHER)
    assert state(case.store) != before
    case.backups.restore(first.name)
    assert state(case.store) == before
    if case.server:
        names = {c.name for c in case.server.client.get_collections().collections}
        assert names == {COLLECTION, f"{COLLECTION}-files", "harness-catalog"}
        assert not case.server.stored, "snapshots stay on no server"
    assert {path.name for path in case.folder.iterdir()} == {".lock", first.name}


def test_a_backup_is_private_and_described(case: Case) -> None:
    report = case.backups.backup()
    folder = Path(report.path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    manifest = manifests.read(folder)
    assert {path.name for path in folder.iterdir()} == {
        manifests.NAME, *(file.file for file in manifest.files)
    }  # fmt: skip
    assert KEY not in (folder / manifests.NAME).read_text()


def test_a_corrupted_file_is_refused_and_nothing_is_touched(case: Case) -> None:
    case.backups.backup()
    fill(case.store, seed=7)
    before = state(case.store)
    content = bytearray(case.file().read_bytes())
    content[len(content) // 2] ^= 1
    case.file().write_bytes(content)
    requests = len(case.server.requests) if case.server else 0
    for use in (case.backups.restore, case.backups.verify_restore):
        with pytest.raises(StoreError, match="sha256 differs"):
            use()
    assert state(case.store) == before
    assert not case.server or len(case.server.requests) == requests


def test_a_manifest_that_cannot_be_used_is_refused(case: Case) -> None:
    case.backups.backup()
    before = state(case.store)
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    changes: list[tuple[dict[str, object], type[Exception]]] = [
        ({"schema_version": 3}, StoreError),
        ({"schema_version": None}, StoreError),
        ({"engine": "another"}, UsageError),
        ({"files": [{"file": "../x"}]}, StoreError),
        ({"surprise": 1}, StoreError),
    ]
    for change, error in changes:
        path.write_text(json.dumps(data | change))
        with pytest.raises(error):
            case.backups.restore()
    for key, value in (("file", "../elsewhere"), ("collection", "../index")):
        files = [data["files"][0] | {key: value}, *data["files"][1:]]
        path.write_text(json.dumps(data | {"files": files}))
        with pytest.raises(StoreError, match="names"):
            case.backups.restore()
    assert state(case.store) == before


def test_unknown_and_missing_backups_are_named(case: Case) -> None:
    with pytest.raises(UsageError, match="none"):
        case.backups.restore()
    name = case.backups.backup().name
    for wrong in ("../../etc", "20000101T000000Z"):
        with pytest.raises(UsageError, match=name):
            case.backups.restore(wrong)


def test_an_empty_index_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is indexed"):
        edge(tmp_path, tmp_path / "b").backups.backup()
    assert edge(tmp_path, tmp_path / "b").backups.folders.names() == []


def test_verify_restore_compares_and_leaves_no_trace(case: Case) -> None:
    case.backups.backup()
    fill(case.store, seed=9)  # the index has moved on: only the backup is looked at
    before = state(case.store)
    report = case.backups.verify_restore()
    assert (report.points, report.samples, report.restored) == (40, 16, False)
    assert state(case.store) == before
    assert len(list(case.folder.iterdir())) == 2
    if case.server:
        assert len(case.server.client.get_collections().collections) == 3
        assert not case.server.stored, "nor does an uploaded file"


def test_a_missing_point_is_found(case: Case) -> None:
    case.backups.backup()
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    for entry in data["files"]:
        if entry["collection"] == COLLECTION:
            entry["points"] += 1
    path.write_text(json.dumps(data))
    before = state(case.store)
    for use in (case.backups.verify_restore, case.backups.restore):
        with pytest.raises(StoreError, match="40 points, its backup recorded 41"):
            use()
    assert state(case.store) == before


def test_one_backup_at_a_time(case: Case) -> None:
    busy = Backups(case.folder, case.backups._snapshots, lock_timeout_seconds=0.1)
    inside: list[Path] = []

    def step(message: str) -> None:
        if not inside:
            inside.extend(case.folder.glob(".partial-*"))
            with pytest.raises(StoreBusyError, match="another backup"):
                busy.backup()
            assert inside[0].is_dir(), "a concurrent run removes nothing"

    case.backups.backup(step)
    assert inside


# Edge only


@pytest.fixture
def local(tmp_path: Path) -> Case:
    found = edge(tmp_path, tmp_path / "backups")
    fill(found.store)
    return found


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.backup.test_backup import edge
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
    EdgeSnapshots(root)._finish_killed_restore()
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


def test_a_backup_of_the_former_version_is_restored(tmp_path: Path) -> None:
    """It was made by version 1: an alias in its manifest, ``segments`` in its payloads."""
    with tarfile.open(FORMER) as archive:
        archive.extractall(tmp_path / "backups", filter="data")
    case = edge(tmp_path, tmp_path / "backups")
    assert case.backups.verify_restore().points == 40
    report = case.backups.restore()
    assert (report.name, report.points, report.samples) == (case.newest().name, 40, 16)
    now = edge(tmp_path / "now", tmp_path / "now" / "backups")
    fill(now.store)
    for found, fresh in zip(answers(case.store), answers(now.store), strict=True):
        former, today = rounded(found), rounded(fresh)
        assert (former.dense, former.stem) == (today.dense, today.stem)
        # Below the first, any twenty of the many that contain "alpha" once.
        assert former.sparse[0] == today.sparse[0]
        assert [row.score for row in former.sparse] == [row.score for row in today.sparse]
    assert state(case.store)[1:] == state(now.store)[1:]
    case.store.upsert_chunks(COLLECTION, [point("new.py", "alpha new", seed=77)])
    case.store.delete_chunks(COLLECTION, "repo", ["0.py"])
    assert case.store.count_chunks(COLLECTION) == 40
    assert case.backups.backup().points == 40


# Retention


def test_days_and_weeks_are_kept() -> None:
    names = [f"202603{day:02}T0330{n:02}Z" for day in range(1, 32) for n in (0, 1)]
    gone = expired(names, 3, 3)
    kept = sorted(set(names) - set(gone))
    assert kept == [
        "20260322T033001Z",  # the last of an ISO week: a Sunday
        "20260329T033001Z",
        "20260330T033001Z",
        "20260331T033001Z",
    ]
    assert expired(["20260301T000000Z"], 0, 0) == []
    assert expired(["20260301T000000Z-10", "20260301T000000Z-9"], 0, 0) == ["20260301T000000Z-9"]
    assert expired([], 7, 4) == []


def test_old_backups_are_removed_after_a_new_one(tmp_path: Path) -> None:
    case = edge(tmp_path, tmp_path / "backups", keep_daily=1, keep_weekly=2)
    case.store.ensure_collection(MANIFEST)
    for name in ("20200101T000000Z", "20200102T000000Z", "20200110T000000Z"):
        (case.folder / name).mkdir(parents=True)
    (case.folder / "notes").mkdir()
    report = case.backups.backup()
    assert report.removed == ("20200101T000000Z", "20200102T000000Z")
    assert case.backups.folders.names() == ["20200110T000000Z", report.name]
    assert (case.folder / "notes").is_dir(), "what is not ours stays"


# Server only


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Case]:
    yield from served(tmp_path)


def test_a_damaged_download_is_no_backup(remote: Case) -> None:
    assert remote.server is not None
    remote.server.corrupt_downloads = 1
    with pytest.raises(ServiceUnavailableError, match="damaged"):
        remote.backups.backup()
    assert remote.backups.folders.names() == []
    assert not remote.server.stored
    assert not list(remote.folder.glob(".partial-*")), "half a backup fills no disk"
    remote.backups.backup()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(401, StoreError, id="key"),
        pytest.param(429, ServiceUnavailableError, id="busy"),
        pytest.param(503, ServiceUnavailableError, id="away"),
        pytest.param(507, StoreError, id="full"),
    ],
)
def test_answers_of_a_server_are_translated(
    remote: Case, status: int, error: type[Exception]
) -> None:
    assert remote.server is not None
    remote.server.hook = lambda method, path: status
    with pytest.raises(error, match="Qdrant at"):
        remote.backups.backup()


@pytest.mark.parametrize(
    "shards",
    [
        pytest.param(["Active", None, None], id="spread"),
        pytest.param(["Partial"], id="catching up"),
        pytest.param([None], id="elsewhere"),
    ],
)
def test_a_node_without_the_whole_collection_makes_no_backup(
    remote: Case, shards: list[str | None]
) -> None:
    assert remote.server is not None
    remote.server.shards = shards
    with pytest.raises(StoreError, match="would miss some"):
        remote.backups.backup()
    assert remote.backups.folders.names() == []
    remote.server.shards = ["Active"] * 2
    remote.backups.backup()


def test_a_restore_waits_until_the_other_nodes_have_it_too(
    remote: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remote.server is not None
    monkeypatch.setattr("harness.store.qdrant_snapshot_api._LOOK_SECONDS", 0.01)
    name = remote.backups.backup().name
    left: list[int | None] = []

    def look(method: str, path: str) -> None:
        if path.endswith("/snapshots/upload"):
            left.append(remote.server.copying)  # type: ignore[union-attr]
            remote.server.copying = 5  # type: ignore[union-attr]

    remote.server.hook = look
    remote.server.copying = 0
    remote.backups.restore(name)
    assert set(left) == {0} and remote.server.copying == 0
    assert len(left) == 6, "three collections, rehearsed and restored"


def test_a_wrong_key_is_refused(remote: Case) -> None:
    assert remote.server is not None
    with (
        closing(SnapshotApi(remote.server.url, "wrong", 5)) as api,
        pytest.raises(StoreError, match="QDRANT_API_KEY"),
    ):
        api.create(COLLECTION)


def test_a_server_that_fails_in_the_exchange_gets_its_old_index_back(remote: Case) -> None:
    assert remote.server is not None
    remote.backups.backup()
    fill(remote.store, seed=21)
    remote.store.ensure_collection(OTHER)
    before = state(remote.store)
    failed: list[str] = []

    def hook(method: str, path: str) -> int | None:
        if path == f"/collections/{COLLECTION}-files/snapshots/upload" and not failed:
            failed.append(path)
            return 500
        return None

    remote.server.hook = hook
    with pytest.raises(StoreError, match="500"):
        remote.backups.restore()
    assert failed
    assert state(remote.store) == before
    assert not remote.server.stored


def test_searches_go_on_until_the_exchange(remote: Case) -> None:
    assert remote.server is not None
    remote.backups.backup()
    fill(remote.store, seed=33)
    expected = answers(remote.store)
    checked: list[str] = []

    def step(message: str) -> None:
        if not message.startswith("restoring"):
            assert answers(remote.store) == expected
            checked.append(message)

    remote.backups.restore(step=step)
    assert any(message.startswith("checking") for message in checked)
    assert answers(remote.store) != expected


def test_a_busy_collection_is_marked(remote: Case) -> None:
    assert remote.server is not None

    def hook(method: str, path: str) -> int | None:
        if method == "GET" and path.startswith(f"/collections/{COLLECTION}/snapshots/"):
            remote.store.upsert_chunks(COLLECTION, [point("new.py", "alpha new", seed=77)])
        return None

    remote.server.hook = hook
    report = remote.backups.backup()
    marked = {file.collection for file in report.files if not file.exact}
    assert marked == {COLLECTION}
    remote.backups.verify_restore()


def test_a_snapshot_of_a_killed_run_is_removed_from_the_server(remote: Case) -> None:
    assert remote.server is not None
    made = remote.server.create(COLLECTION)
    left = remote.folder / ".partial-20260101T000000Z"
    left.mkdir(parents=True)
    note = {"collection": COLLECTION, "name": made["name"]}
    (left / "remote-snapshot.json").write_text(json.dumps(note))
    remote.server.client.create_collection(f"harness-restoring-{COLLECTION}", vectors_config={})
    remote.backups.backup()
    assert not remote.server.stored
    assert not left.exists()
    remote.backups.verify_restore()
    assert len(remote.server.client.get_collections().collections) == 3


# The command line, with the real embedder


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from harness.cli.main import run
    from tests.repositories import make_repository

    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_BACKUP_KEEP_DAILY", "2")
    source = make_repository(
        tmp_path / "web", {"a.py": "def sign(cookie):\n    return 1\n", "b.py": "TABLE = {}\n"}
    )

    def call(*arguments: str, code: int = 0) -> str:
        capfd.readouterr()
        assert run(list(arguments)) == code, capfd.readouterr()
        return capfd.readouterr().out

    call("backup", code=2)
    call("index", str(source))
    before = call("search", "who signs cookies", "--json")
    made = json.loads(call("backup", "--json"))
    assert made["path"] == str(tmp_path / "data" / "backups" / made["name"])
    shutil.rmtree(tmp_path / "data" / "index")
    call("search", "who signs cookies", code=2)
    call("restore", "nothing", code=2)
    assert json.loads(call("restore", "--check", "--json"))["restored"] is False
    assert json.loads(call("restore", "--json"))["name"] == made["name"]
    assert call("search", "who signs cookies", "--json") == before
    assert made["name"] in call("restore", made["name"])
