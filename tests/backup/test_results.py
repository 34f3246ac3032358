"""Results of tasks in object storage or a folder: kept, listed, fetched, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.backup import results as kept_results
from harness.backup.objects import FolderObjects, Objects
from harness.backup.results import KeptResults, KeptTurns
from harness.backup.s3 import S3Objects
from harness.backup.sealing import Keys
from harness.errors import StoreError, UsageError
from harness.models.conversation import ChatTurn, ToolCall

RUN = "run-0b8d3c52-6f1e-4b7a-9f9d-3a3a6f0c1e11"
FILES = {"patch.diff": "--- a\r\n+++ b\r\n", "report.md": "# Done\n", "result.json": "{}\n"}
KEYS = Keys((bytes(32),), "HARNESS_RESULTS_KEY")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a run leaves on its machine."""
    folder = tmp_path / "results" / RUN
    (folder / "turns").mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content.encode())
    (folder / "link").symlink_to("/etc/passwd")
    return folder


def stored(objects: Objects, name: str, tmp_path: Path) -> bytes:
    objects.get(name, tmp_path / "stored", 1 << 20)
    content = (tmp_path / "stored").read_bytes()
    (tmp_path / "stored").unlink()
    return content


@pytest.mark.parametrize(("place", "keys"), [("folder", None), ("bucket", KEYS)])
def test_results_are_kept_fetched_and_removed(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path, place: str, keys: Keys | None
) -> None:
    objects: Objects = FolderObjects(tmp_path / "kept")
    if place == "bucket":
        request.getfixturevalue("credentials")
        bucket = S3Objects("s3://team-results/tasks", request.getfixturevalue("endpoint"))
        bucket._client.create_bucket(Bucket="team-results")
        bucket.remove(bucket.names())
        objects = bucket
    results = KeptResults(objects, keys, tmp_path / "scratch")
    results.keep(folder)
    results.keep(folder)
    suffix = ".sealed" if keys else ""
    assert sorted(objects.names()) == [f"{RUN}/{name}{suffix}" for name in FILES]
    content = stored(objects, f"{RUN}/patch.diff{suffix}", tmp_path)
    assert (FILES["patch.diff"].encode() in content) is (keys is None)
    (tmp_path / "stranger").write_text("x")
    objects.put("somebody/patch.diff", tmp_path / "stranger")

    (listed,) = results.listed()
    assert (listed.name, listed.location) == (RUN, f"{objects.where}/{RUN}")
    assert listed.files == tuple(FILES)
    assert results.fetch(RUN, tmp_path / "out") == tuple(FILES)
    assert {p.name: p.read_bytes().decode() for p in (tmp_path / "out").iterdir()} == FILES
    assert (tmp_path / "out/patch.diff").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="exists already"):
        results.fetch(RUN, tmp_path / "out")
    for name in ("run-none", "somebody", "../results"):
        with pytest.raises(UsageError, match="harness results list"):
            results.fetch(name, tmp_path / "none")

    day = listed.changed_at + 86_400
    assert results.remove_old(0, now=day * 2).kept == 1
    assert results.remove_old(2, now=day).kept == 1
    assert results.remove_old(2, now=day + 86_401).folders == 1
    assert objects.names() == ["somebody/patch.diff"]
    assert not list((tmp_path / "scratch").glob("*"))


def test_names_of_the_storage_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    class Strange(FolderObjects):
        def times(self) -> dict[str, float]:
            strange = (f"{RUN}/../../x", f"{RUN}/.hidden", f"{RUN}/a/b", "../x", f"{RUN}/")
            return {**super().times(), **dict.fromkeys(strange, 0.0)}

    results = KeptResults(Strange(tmp_path / "kept"), None, tmp_path)
    results.keep(folder)
    assert results.fetch(RUN, tmp_path / "out") == tuple(FILES)


def test_more_than_a_task_yields_is_not_fetched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = KeptResults(FolderObjects(tmp_path / "kept"), None, tmp_path)
    results.keep(folder)
    monkeypatch.setattr(kept_results, "_MOST_BYTES", 20)
    with pytest.raises(StoreError, match="has more than the 6 bytes"):
        results.fetch(RUN, tmp_path / "out")
    monkeypatch.setattr(kept_results, "_MOST_FILES", 2)
    with pytest.raises(StoreError, match="has 3 files"):
        results.fetch(RUN, tmp_path / "again")


def test_what_was_exchanged_or_is_in_clear_is_refused(folder: Path, tmp_path: Path) -> None:
    results = KeptResults(FolderObjects(tmp_path / "kept"), KEYS, tmp_path / "scratch")
    results.keep(folder)
    kept = tmp_path / "kept" / RUN
    (kept / "report.md.sealed").replace(kept / "patch.diff.sealed")
    with pytest.raises(StoreError, match="changed after it was encrypted"):
        results.fetch(RUN, tmp_path / "out")
    (kept / "patch.diff.sealed").write_text(FILES["patch.diff"])
    with pytest.raises(StoreError, match="HARNESS_RESULTS_KEY or its file is set"):
        results.fetch(RUN, tmp_path / "again")
    (kept / "patch.diff.sealed").unlink()
    (kept / "patch.diff").write_text("planted")
    assert "patch.diff" not in results.listed()[0].files


def test_turns_reach_a_run_on_another_machine(folder: Path, tmp_path: Path) -> None:
    results = KeptResults(FolderObjects(tmp_path / "kept"), KEYS, tmp_path / "scratch")
    turn = ChatTurn("", (ToolCall("read_file", {"path": "a.py"}),))
    KeptTurns(results, folder, asks=False).put("a1", turn)
    elsewhere = tmp_path / "elsewhere" / RUN
    assert KeptTurns(results, elsewhere, asks=False).get("a1") is None
    again = KeptTurns(results, elsewhere, asks=True)
    assert again.get("a1") == turn
    assert again.get("b2") is None
    results.keep(folder)
    assert results.listed()[0].files == tuple(FILES)


def test_a_turn_that_cannot_be_kept_ends_no_run(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(FolderObjects):
        def put(self, name: str, source: Path) -> None:
            raise StoreError("there is no room")

    turns = KeptTurns(KeptResults(Full(tmp_path / "kept"), None, tmp_path), folder, asks=True)
    turns.put("a1", ChatTurn("done"))
    assert turns.get("a1") == ChatTurn("done")
    assert "there is no room" in caplog.text


@pytest.mark.usefixtures("credentials")
def test_the_storage_is_asked_with_the_credentials_of_results(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    from harness.checks import run_checks
    from harness.checks.configured import configured_checks
    from harness.configured import backup_storage, results_storage

    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="tasks")
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    for what in ("BACKUP", "RESULTS"):
        monkeypatch.setenv(f"HARNESS_{what}_ENDPOINT", endpoint)
        monkeypatch.setenv(f"HARNESS_{what}_URL", "s3://tasks/kept")

    def outcome(what: str) -> tuple[bool | None, str]:
        checks = [c for c in configured_checks() if c.name == f"storage of {what}"]
        (found,) = run_checks(checks)
        return found.ok, f"{found.detail}; {found.remedy}"

    assert outcome("backups") == outcome("results") == (True, "s3://tasks/kept answers; ")
    monkeypatch.setenv("HARNESS_RESULTS_ACCESS_KEY_ID", "AKIDRESULTS")
    assert "SECRET_ACCESS_KEY belong together" in outcome("results")[1]
    monkeypatch.setenv("HARNESS_RESULTS_SECRET_ACCESS_KEY", "of-results")
    for opens, key_id in ((results_storage, "AKIDRESULTS"), (backup_storage, "AKIDEXAMPLE")):
        storage = opens()
        assert storage and "of-results" not in repr(storage)
        request = {"Bucket": "tasks", "Key": "kept/patch.diff"}
        assert key_id in storage._client.generate_presigned_url("get_object", Params=request)
    monkeypatch.setenv("HARNESS_CHECK_STORAGE", "results")
    assert outcome("backups")[0] is None and outcome("results")[0]
    monkeypatch.setenv("HARNESS_RESULTS_URL", "s3://nobody/kept")
    failed, said = outcome("results")
    assert failed is False and "check that the bucket exists" in said
