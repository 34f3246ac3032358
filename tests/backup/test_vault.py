"""Backups kept encrypted, in object storage, or both: whole or not at all, and nothing in clear."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.backup import s3 as s3_objects
from harness.backup.objects import FolderObjects, Objects
from harness.backup.operations import Backups
from harness.backup.options import Retention
from harness.backup.prefect_sqlite import SqliteDatabase
from harness.backup.s3 import S3Objects
from harness.backup.sealing import Keys
from harness.backup.vault import Vault
from harness.errors import (
    InvalidSettingError,
    ServiceUnavailableError,
    StoreError,
    UsageError,
)
from harness.stack.state import Layout
from harness.store.edge import EdgeStore
from tests.backup import prefect_tables
from tests.backup.cases import fill, state

KEYS = Keys((bytes(32),))
BUCKET = "team-backups"


@pytest.fixture
def bucket(endpoint: str, credentials: None) -> S3Objects:
    objects = S3Objects(f"s3://{BUCKET}/harness/", endpoint)
    objects._client.create_bucket(Bucket=BUCKET)
    objects.remove(objects.names())
    return objects


@pytest.fixture(params=["folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "folder":
        return FolderObjects(tmp_path / "kept")
    found: Objects = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    store = EdgeStore(tmp_path / "data" / "index", lock_timeout_seconds=10)
    fill(store)
    return store


def backups(tmp_path: Path, store: EdgeStore, vault: Vault, data: str = "data") -> Backups:
    return Backups(
        tmp_path / data / "backup-work",
        store,
        prefect=SqliteDatabase(tmp_path / data),
        vault=vault,
        retention=Retention(keep_daily=1, keep_weekly=0),
    )


def contents(objects: Objects, folder: Path) -> Iterator[bytes]:
    for number, name in enumerate(objects.names()):
        objects.get(name, folder / str(number), 1 << 30)
        yield (folder / str(number)).read_bytes()


def test_everything_comes_back_into_an_empty_stack(
    objects: Objects, store: EdgeStore, tmp_path: Path
) -> None:
    prefect_tables.make(Layout(tmp_path / "data").database).close()
    vault = Vault(objects, KEYS)
    made = backups(tmp_path, store, vault).backup()
    assert made.path == f"{objects.where}/{made.name}"
    assert vault.names() == [made.name]
    (tmp_path / "read").mkdir()
    for content in contents(objects, tmp_path / "read"):
        assert content.startswith(b"harness-sealed-1\n")
        assert b"alpha" not in content

    index = EdgeStore(tmp_path / "empty" / "index", lock_timeout_seconds=10)
    empty = backups(tmp_path, index, vault, "empty")
    assert empty.verify_restore().name == made.name
    report = empty.restore(with_prefect=True)
    assert (report.points, report.prefect_restored, report.path) == (40, True, made.path)
    assert state(index) == state(store)
    restored = Layout(tmp_path / "empty").database
    assert [row[1] for row in prefect_tables.rows(restored, "variable")] == ["kept"]
    # Nothing in clear is left where they were made and opened.
    for data in ("data", "empty"):
        left = [path.name for path in (tmp_path / data / "backup-work").iterdir()]
        assert left == [".lock"]


def test_old_backups_and_abandoned_halves_are_removed(
    bucket: S3Objects, store: EdgeStore, tmp_path: Path
) -> None:
    vault = Vault(bucket, KEYS)
    (tmp_path / "file").write_bytes(b"x")
    now = datetime.now(UTC)
    old, recent = ((now - timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ") for hours in (30, 1))
    for name in (f"{old}/a.sealed", f"{recent}/a.sealed", "20200101T000000Z/manifest.json.sealed"):
        bucket.put(name, tmp_path / "file")
    bucket.put("somebody/else's", tmp_path / "file")
    made = backups(tmp_path, store, vault).backup()
    assert made.removed == ("20200101T000000Z",)
    folders = {name.partition("/")[0] for name in bucket.names()}
    assert folders == {made.name, recent, "somebody"}
    assert vault.names() == [made.name]


class Failing(FolderObjects):
    """The disk is full when the third file comes."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.left = 2

    def put(self, name: str, source: Path) -> None:
        self._take_room()
        super().put(name, source)

    def get(self, name: str, target: Path, most_bytes: int) -> None:
        self._take_room()
        super().get(name, target, most_bytes)

    def _take_room(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")


def test_half_a_backup_is_none(store: EdgeStore, tmp_path: Path) -> None:
    objects = Failing(tmp_path / "kept")
    vault = Vault(objects)
    kept = backups(tmp_path, store, vault)
    with pytest.raises(StoreError, match="No space left"):
        kept.backup()
    assert len(objects.names()) == 2
    assert vault.names() == []
    assert [path.name for path in (tmp_path / "data" / "backup-work").iterdir()] == [".lock"]
    with pytest.raises(UsageError, match="no backup 'latest'"):
        kept.restore()
    objects.left = 100
    made = kept.backup()
    objects.left = 2
    with pytest.raises(StoreError, match=r"cannot fetch .*No space left"):
        kept.restore()
    objects.left = 100
    assert kept.restore().name == made.name


class Recording(FolderObjects):
    """Remembers what was removed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.removed: list[str] = []

    def remove(self, names: Sequence[str]) -> None:
        self.removed += names
        super().remove(names)


def test_the_manifest_goes_first(tmp_path: Path) -> None:
    objects = Recording(tmp_path / "kept")
    (tmp_path / "file").write_bytes(b"x")
    name = "20260101T000000Z"
    for file in ("a.sealed", "manifest.json.sealed", "z.sealed"):
        objects.put(f"{name}/{file}", tmp_path / "file")
    Vault(objects, KEYS).remove([name])
    assert objects.removed[0] == f"{name}/manifest.json.sealed"
    assert objects.names() == []
    assert not (tmp_path / "kept" / name).exists()


Files = dict[str, bytes]


def files(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def exchange(newest: Path, former: Files) -> None:
    """Put a former backup's files under the newest one's name."""
    for name, content in former.items():
        (newest / name).write_bytes(content)


def plain(newest: Path, _former: Files) -> None:
    (newest / "manifest.json.sealed").write_bytes(b'{"schema_version": 3, "files": []}' * 9)


def cut(newest: Path, _former: Files) -> None:
    path = next(newest.glob("*.tar.gz.sealed"))
    path.write_bytes(path.read_bytes()[:-1])


def grown(newest: Path, _former: Files) -> None:
    path = next(newest.glob("*.tar.gz.sealed"))
    path.write_bytes(path.read_bytes() + b"x")


def grown_manifest(newest: Path, _former: Files) -> None:
    path = newest / "manifest.json.sealed"
    path.write_bytes(path.read_bytes() + bytes(4_000_000))


CHANGES: dict[Callable[[Path, Files], None], str] = {
    grown: "bytes that were written",
    grown_manifest: "bytes that were written",
    exchange: "was changed",
    plain: "is not encrypted",
    cut: "was changed",
}


def test_what_somebody_else_has_written_is_refused(store: EdgeStore, tmp_path: Path) -> None:
    kept = Backups(tmp_path / "work", store, vault=Vault(FolderObjects(tmp_path / "kept"), KEYS))
    former = files(Path(kept.backup().path))
    fill(store, seed=500)
    newest = kept.backup()
    whole, before = files(Path(newest.path)), state(store)
    for change, words in CHANGES.items():
        change(Path(newest.path), former)
        with pytest.raises(StoreError, match=words):
            kept.restore(newest.name)
        exchange(Path(newest.path), whole)
    assert state(store) == before
    assert kept.verify_restore(newest.name).points == 40


def test_a_file_that_has_grown_is_not_fetched(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    objects.put("a/file", tmp_path / "file")
    with pytest.raises(StoreError, match="2999999 bytes that were written"):
        objects.get("a/file", tmp_path / "back", 2_999_999)
    (tmp_path / "back").unlink(missing_ok=True)
    objects.get("a/file", tmp_path / "back", 3_000_000)
    assert (tmp_path / "back").stat().st_size == 3_000_000


def test_without_the_key_nothing_is_opened(store: EdgeStore, tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "kept")
    name = Backups(tmp_path / "work", store, vault=Vault(objects, KEYS)).backup().name
    with pytest.raises(StoreError, match="another key"):
        Backups(tmp_path / "work", store, vault=Vault(objects, Keys((bytes([1]) * 32,)))).restore()
    with pytest.raises(UsageError, match="HARNESS_BACKUP_KEY_FILE"):
        Backups(tmp_path / "work", store, vault=Vault(objects)).restore()
    with pytest.raises(StoreError, match="HARNESS_BACKUP_KEY_FILE"):
        Backups(tmp_path / "kept", store).restore(name)


def test_a_storage_that_refuses_or_is_silent(
    bucket: S3Objects, endpoint: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    none = S3Objects("s3://no-such-bucket", endpoint)
    for act in (none.names, lambda: none.put("a/b", tmp_path / "file")):
        with pytest.raises(StoreError, match="NoSuchBucket"):
            act()
    with pytest.raises(StoreError, match="missing"):
        bucket.get("a/b", tmp_path / "target", 9)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        silent = S3Objects("s3://bucket", address, attempts=1)
        with pytest.raises(ServiceUnavailableError, match="HARNESS_BACKUP_ENDPOINT") as refused:
            silent.names()
    assert "s3cret" not in str(refused.value)


def test_addresses_that_cannot_be_used(credentials: None) -> None:
    pytest.importorskip("boto3", reason="the extra s3 is not installed")
    for url in ("https://host/bucket", "s3://", "s3://key:s3cret@bucket/x", "bucket"):
        with pytest.raises(InvalidSettingError, match="HARNESS_BACKUP_URL") as refused:
            S3Objects(url)
        assert "s3cret" not in str(refused.value)
    with pytest.raises(InvalidSettingError, match="HARNESS_BACKUP_ENDPOINT"):
        S3Objects("s3://bucket", "storage.example.org")


def test_a_large_file_goes_in_parts(bucket: S3Objects, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000  # above the 8 MB from which boto3 makes parts
    (tmp_path / "file").write_bytes(content)
    bucket.put("a/large", tmp_path / "file")
    bucket.get("a/large", tmp_path / "back", len(content))
    assert (tmp_path / "back").read_bytes() == content
    assert bucket.names() == ["a/large"]


def test_a_storage_that_does_not_end(
    bucket: S3Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    pieces = iter([b"x" * 10] * 9)
    monkeypatch.setattr(bucket, "_pieces", lambda name: pieces)
    with pytest.raises(StoreError, match="is not what was written"):
        bucket.put("a/file", tmp_path / "file")
    assert len(list(pieces)) == 7, "no more was read than shows it"
    monkeypatch.setattr(s3_objects, "MAX_NAMES", 0)
    with pytest.raises(StoreError, match="lists more than 0 files"):
        bucket.names()
