"""Backups of a Qdrant server: damaged transfers, refusals, clusters, the exchange."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from harness.errors import ServiceUnavailableError, StoreError
from harness.store.qdrant_snapshot_api import SnapshotApi
from tests.backup.cases import OTHER, Case, answers, fill, state
from tests.store.points import COLLECTION, point


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
    ("status", "error"),
    [
        pytest.param(500, StoreError, id="broken"),
        pytest.param(503, ServiceUnavailableError, id="away"),
    ],
)
def test_a_download_that_is_refused_says_why(
    remote: Case, status: int, error: type[Exception]
) -> None:
    assert remote.server is not None
    remote.server.hook = lambda method, path: (
        status if method == "GET" and ".snapshot" in path else None
    )
    with pytest.raises(error, match=f"{status} told to fail"):
        remote.backups.backup()
    assert not remote.server.stored, "the snapshot is removed from the server all the same"


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


def test_what_one_server_had_is_on_every_node_after_a_restore(
    remote: Case, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = remote.server
    assert server is not None
    monkeypatch.setattr("harness.store.qdrant_snapshot_api._LOOK_SECONDS", 0.01)
    name = remote.backups.backup().name
    server.nodes, server.lost = [1, 2, 3, 4], {3}
    remote.backups.restore(name)
    collections = {COLLECTION, f"{COLLECTION}-files", "harness-catalog"}
    assert sorted(server.copies) == sorted((c, node) for c in collections for node in (2, 4))
    assert server.factors == dict.fromkeys(collections, 4)
    assert caplog.text.count("node-3:6335/ cannot be reached and gets no copy") == 3


def test_a_restore_waits_for_no_node_that_is_lost(
    remote: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = remote.server
    assert server is not None
    monkeypatch.setattr("harness.store.qdrant_snapshot_api._LOOK_SECONDS", 0.01)
    name = remote.backups.backup().name
    server.nodes, server.lost, server.dead = [1, 3], {3}, [3]
    remote.backups.restore(name)
    assert not server.copies


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
