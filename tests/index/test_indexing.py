"""Indexing end to end on real git repositories and the real Edge store, with a test embedder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.errors import (
    ModelMismatchError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
    StoreError,
    UsageError,
)
from harness.index.batches import index_batch, record_failed, store_batch
from harness.index.finalizing import finalize
from harness.index.forgetting import forget_repository
from harness.index.options import IndexOptions
from harness.index.planning import plan
from harness.index.preparing import prepare_batch
from harness.index.run import index_repository
from harness.models.static.embedder import StaticEmbedder
from harness.search import retrieval
from harness.store.edge import EdgeStore
from harness.store.queries import files_of
from harness.types import FileStatus, FloatArray, IndexReport
from tests.fakes.embedder import HashEmbedder

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]

FUNCTION = '''def {name}(argument):
    """Says what {name} does with its argument."""
    value = argument * {number}
    for step in range({number}):
        value += step * {number}
    return value


'''


def functions(prefix: str, count: int) -> str:
    return "".join(FUNCTION.format(name=f"{prefix}_{n}", number=n) for n in range(count))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "routing.py").write_text(functions("register_route", 12))
    (folder / "src" / "session.py").write_text(functions("sign_session", 12))
    (folder / "README.md").write_text("# Project\n\nRoutes and sessions.\n")
    git(folder.parent, "init", "-q", "project")
    commit(folder)
    return folder


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def engines(tmp_path: Path, embedder: HashEmbedder) -> Engines:
    return Engines(embedder, EdgeStore(tmp_path / "index"), tmp_path)


Index = Callable[..., IndexReport]


@pytest.fixture
def index(repository: Path, engines: Engines) -> Index:
    def run(root: Path = repository, name: str = "project", **options: object) -> IndexReport:
        return index_repository(name, root, engines, IndexOptions(**options))  # type: ignore[arg-type]

    return run


def stored(engines: Engines, repo: str = "project") -> list[tuple[str, int, int, str]]:
    """Everything that is searchable of a repository, straight from the store."""
    (record,) = [r for r in engines.store.repositories() if r.name == repo]
    found = []
    for path in engines.store.distinct(record.collection, "path", files_of(repo)):
        for hit in retrieval.search("value", engines, repo=repo, path_glob=f"/{path}", limit=200):
            found.append((hit.path, hit.start_line, hit.end_line, hit.text))
    return sorted(found)


def assert_whole(engines: Engines, root: Path, repo: str = "project") -> None:
    """No holes and no duplicates: the stored chunks of each file are the file."""
    (record,) = [r for r in engines.store.repositories() if r.name == repo]
    records = engines.store.file_records(record.collection, repo)
    chunks = stored(engines, repo)
    assert len(chunks) == engines.store.count_chunks(record.collection, repo)
    for path, file_record in records.items():
        assert file_record.status is FileStatus.INDEXED
        covered: list[int] = []
        lines = (root / path).read_text().split("\n")
        for _, start, end, text in [chunk for chunk in chunks if chunk[0] == path]:
            assert text.rstrip("\n") == "\n".join(lines[start - 1 : end]).rstrip("\n")
            covered.extend(range(start, end + 1))
        assert len(covered) == len(set(covered)), f"{path} has duplicates"
        wanted = {n for n, line in enumerate(lines, 1) if line.strip()}
        assert wanted <= set(covered), f"{path} has holes"


def test_first_run(repository: Path, engines: Engines, index: Index) -> None:
    report = index()
    assert report.commit == git(repository, "rev-parse", "HEAD")
    assert (report.files_total, report.files_indexed, report.files_unchanged) == (3, 3, 0)
    assert report.chunks_embedded == report.chunks_total > 3
    assert report.bytes_indexed == sum(
        (repository / name).stat().st_size
        for name in ("README.md", "src/routing.py", "src/session.py")
    )
    assert (report.repo, report.path, report.model) == ("project", str(repository), "hash")
    assert report.failures == ()
    assert_whole(engines, repository)
    hit = retrieval.search("register route", engines)[0]
    assert hit.path == "src/routing.py"


def test_the_report_has_the_fields_of_the_contract(index: Index) -> None:
    fields = (
        "repo path commit files_total files_indexed files_unchanged files_deleted files_skipped "
        "chunks_total chunks_embedded chunks_reused chunks_failed bytes_indexed seconds "
        "embed_seconds model"
    )
    assert set(fields.split()) <= set(asdict(index()))


def test_an_unchanged_repository_is_not_read(
    repository: Path, index: Index, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    index()
    embedder.embedded.clear()
    import harness.index.preparing

    def no_reading(*arguments: object) -> object:
        raise AssertionError(f"read {arguments}")

    monkeypatch.setattr(harness.index.preparing, "read_source", no_reading)
    report = index()
    assert (report.files_indexed, report.files_unchanged, report.chunks_embedded) == (0, 3, 0)
    assert embedder.embedded == []


@pytest.mark.parametrize("in_git", [True, False], ids=["git", "folder"])
def test_one_edited_function_embeds_what_differs(
    repository: Path, engines: Engines, index: Index, in_git: bool
) -> None:
    if not in_git:
        shutil.rmtree(repository / ".git")
    old = time.time() - 3600
    for path in repository.rglob("*.*"):
        os.utime(path, (old, old))
    index()
    path = repository / "src" / "routing.py"
    path.write_text(path.read_text().replace("value = argument * 5", "value = argument * 55"))
    report = index()
    assert (report.files_indexed, report.files_unchanged) == (1, 2)
    assert 1 <= report.chunks_embedded <= 2
    assert report.chunks_reused > 0
    assert_whole(engines, repository)


def test_a_model_that_embeds_by_words_counts_what_is_stored(
    repository: Path, tmp_path: Path
) -> None:
    engines = Engines(StaticEmbedder(), EdgeStore(tmp_path / "words"), tmp_path)
    first = index_repository("project", repository, engines, IndexOptions())
    assert first.chunks_embedded + first.chunks_reused == first.chunks_total > 0
    path = repository / "src" / "routing.py"
    chunks = engines.store.chunks_by_path(engines.store.manifests()[0].collection, "project")
    path.write_text(path.read_text().replace("value = argument * 5", "value = argument * 55"))
    edited = index_repository("project", repository, engines, IndexOptions())
    assert edited.chunks_embedded + edited.chunks_reused == chunks["src/routing.py"]
    assert 1 <= edited.chunks_embedded <= 2
    path.rename(path.with_name("ways.py"))
    moved = index_repository("project", repository, engines, IndexOptions())
    assert (moved.chunks_embedded, moved.chunks_reused) == (0, chunks["src/routing.py"])
    assert_whole(engines, repository)


def test_inserted_lines_move_chunks_without_embedding_them(
    repository: Path, engines: Engines, index: Index
) -> None:
    index()
    path = repository / "src" / "routing.py"
    path.write_text("import os\n\n\n" + path.read_text())
    report = index()
    assert report.chunks_embedded <= 2
    assert_whole(engines, repository)


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "uncommitted"])
@pytest.mark.parametrize("how", ["rename", "copy", "move-and-edit"])
def test_renames_and_copies_embed_nothing(
    repository: Path, engines: Engines, index: Index, how: str, committed: bool
) -> None:
    index()
    old, new = repository / "src" / "routing.py", repository / "lib" / "routing.py"
    new.parent.mkdir()
    if how == "copy":
        shutil.copy(old, new)
    else:
        git(repository, "mv", str(old), str(new))
    if how == "move-and-edit":
        new.write_text(new.read_text().replace("argument * 5", "argument * 55"))
    if committed:
        commit(repository)
    report = index()
    assert report.chunks_embedded == (1 if how == "move-and-edit" else 0)
    assert report.files_deleted == (0 if how == "copy" else 1)
    assert_whole(engines, repository)


def test_a_second_worktree_embeds_nothing(
    repository: Path, tmp_path: Path, engines: Engines, index: Index
) -> None:
    index()
    git(repository, "worktree", "add", "-q", str(tmp_path / "branch"))
    report = index(tmp_path / "branch", "branch")
    assert (report.files_indexed, report.chunks_embedded) == (3, 0)
    assert_whole(engines, tmp_path / "branch", "branch")


def test_a_deleted_file_is_gone_from_search(
    repository: Path, engines: Engines, index: Index
) -> None:
    index()
    (repository / "src" / "session.py").unlink()
    report = index()
    assert report.files_deleted == 1
    hits = retrieval.search("sign session value", engines, limit=50)
    assert hits
    assert all(hit.path != "src/session.py" for hit in hits)
    assert_whole(engines, repository)


def test_a_file_that_is_no_longer_wanted_is_removed(
    repository: Path, engines: Engines, index: Index
) -> None:
    index()
    report = index(exclude=("src/session.py",))
    assert report.files_skipped == {"excluded": 1}
    assert {path for path, *_ in stored(engines)} == {"README.md", "src/routing.py"}


def test_full_embeds_everything_again(index: Index) -> None:
    first = index()
    again = index(full=True)
    assert again.chunks_embedded == first.chunks_embedded
    assert again.chunks_total == first.chunks_total


def test_transient_errors_are_tried_again(
    index: Index, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.retrying.Backoff.seconds", lambda self, failures: 0.0)
    embedder.failures = [ServiceUnavailableError("down")] * 3
    report = index()
    assert report.failures == ()
    assert report.files_indexed == 3


@pytest.mark.parametrize(
    ("answers_a_probe", "files_failed"),
    [pytest.param(False, 3, id="server gone"), pytest.param(True, 1, id="one text breaks it")],
)
def test_a_server_that_is_gone_is_not_asked_for_every_batch(
    repository: Path,
    engines: Engines,
    embedder: HashEmbedder,
    monkeypatch: pytest.MonkeyPatch,
    answers_a_probe: bool,
    files_failed: int,
) -> None:
    monkeypatch.setattr("harness.retrying.Backoff.seconds", lambda self, failures: 0.0)
    embedder.failures = [ServiceUnavailableError("down") for _ in range(4)]

    def no_answer(text: str) -> FloatArray:
        raise ServiceUnavailableError("down")

    options = IndexOptions()
    with monkeypatch.context() as patch:
        if not answers_a_probe:
            patch.setattr(embedder, "embed_query", no_answer)
        report = index_repository("project", repository, engines, options, batch_bytes=600)
    assert report.files_failed == files_failed
    assert report.files_indexed == 3 - files_failed
    report = index_repository("project", repository, engines, options, batch_bytes=600)
    assert report.files_indexed == files_failed
    assert_whole(engines, repository)


def test_an_index_server_that_is_gone_ends_the_run_too(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ServiceUnavailableError("down")
    assert not engines.ends_the_run(error), "both servers answer"

    def no_answer() -> list[object]:
        raise error

    monkeypatch.setattr(engines.store, "repositories", no_answer)
    assert engines.ends_the_run(error)


def test_a_disk_that_fills_up_ends_the_run_and_the_next_one_does_the_rest(
    repository: Path, engines: Engines, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shutil.disk_usage(repository)
    with monkeypatch.context() as patch:

        def fill(plan: object) -> None:
            patch.setattr(
                "harness.store.edge_making.shutil.disk_usage",
                lambda path: room._replace(free=100_000_000),
            )

        report = index_repository(
            "project", repository, engines, IndexOptions(), on_plan=fill, batch_bytes=600
        )
    assert (report.files_failed, report.files_indexed) == (3, 0)
    assert all("only 100 MB free" in message for _, message in report.failures)
    embedded = len(embedder.embedded)
    report = index_repository("project", repository, engines, IndexOptions(), batch_bytes=600)
    assert report.files_indexed == 3
    # The first batch's writing failed while the second one was embedded; the third was left alone.
    assert 0 < embedded < report.chunks_embedded
    assert_whole(engines, repository)


def test_a_permanent_failure_is_recorded_and_tried_by_the_next_run_only(
    repository: Path, engines: Engines, embedder: HashEmbedder
) -> None:
    embedder.fail_when = "sign_session_3"

    def run() -> IndexReport:
        return index_repository("project", repository, engines, IndexOptions(), batch_bytes=600)

    report = run()
    assert [path for path, _ in report.failures] == ["src/session.py"]
    assert report.files_indexed == 2
    (record,) = engines.store.repositories()
    assert record.failed == 1
    assert run().files_failed == 1
    records = engines.store.file_records(record.collection, "project")
    assert records["src/session.py"].attempts == 2
    assert "cannot embed" in records["src/session.py"].error
    embedder.fail_when = None
    report = run()
    assert (report.files_indexed, report.files_unchanged) == (1, 2)
    assert_whole(engines, repository)


def test_a_batch_that_was_cut_off_leaves_nothing_behind(
    repository: Path, engines: Engines, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the upsert and before the records; then the new file vanishes."""
    index()
    new = repository / "src" / "new.py"
    new.write_text(functions("brand_new", 8))
    work = plan("project", repository, engines, IndexOptions())
    (batch,) = work.batches
    import harness.index.batches

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(harness.index.batches, "_write_records", killed)
        with pytest.raises(KeyboardInterrupt):
            index_batch(work, batch, engines)
    assert any("new.py" in hit.path for hit in retrieval.search("brand new", engines))
    new.unlink()
    index()
    assert all("new.py" not in hit.path for hit in retrieval.search("brand new", engines))
    assert_whole(engines, repository)


def test_a_run_that_was_cut_off_goes_on_without_embedding_again(
    repository: Path, engines: Engines, index: Index, embedder: HashEmbedder
) -> None:
    work = plan("project", repository, engines, IndexOptions(), batch_bytes=600)
    assert len(work.batches) == 3
    for batch in work.batches[:2]:
        index_batch(work, batch, engines)
    done = len(embedder.embedded)
    report = index()
    assert report.chunks_embedded == report.chunks_total - done
    assert_whole(engines, repository)


def test_a_file_that_vanishes_between_plan_and_read(
    repository: Path, engines: Engines, index: Index
) -> None:
    work = plan("project", repository, engines, IndexOptions())
    (repository / "src" / "session.py").unlink()
    result = index_batch(work, work.batches[0], engines)
    assert result.skipped == {"vanished": 1}
    finalize(work, [result], engines, seconds=1.0)
    assert index().files_indexed == 0
    assert_whole(engines, repository)


def test_a_file_that_changes_after_it_was_read_is_read_by_the_next_run(
    repository: Path, engines: Engines, index: Index
) -> None:
    path = repository / "src" / "session.py"
    work = plan("project", repository, engines, IndexOptions())
    prepared = prepare_batch(work, work.batches[0], engines.embedder)
    path.write_text(functions("changed_meanwhile", 12))
    finalize(work, [store_batch(work, prepared, engines)], engines, seconds=1.0)
    assert index().files_indexed == 1
    assert_whole(engines, repository)


def test_another_fingerprint_is_another_collection_and_search_answers_throughout(
    repository: Path, engines: Engines, index: Index
) -> None:
    index()
    (before,) = engines.store.repositories()
    other = Engines(HashEmbedder(48, "newer"), engines.store, engines.data_dir)
    work = plan("project", repository, other, IndexOptions(), batch_bytes=600)
    results = [index_batch(work, batch, other) for batch in work.batches[:2]]
    # Half-way: the old collection answers, with its own embedder and, by words, with the new one.
    assert engines.store.repositories() == [before]
    assert retrieval.search("sign session", engines)[0].path == "src/session.py"
    assert retrieval.search("sign session", other)[0].path == "src/session.py"
    results.append(index_batch(work, work.batches[2], other))
    finalize(work, results, other, seconds=1.0)
    (after,) = engines.store.repositories()
    assert after.collection != before.collection
    assert [m.collection for m in engines.store.manifests()] == [after.collection]
    assert retrieval.search("sign session", other)[0].path == "src/session.py"
    assert_whole(other, repository)


def test_a_rebuild_that_fails_does_not_replace_the_index(
    repository: Path, engines: Engines, index: Index
) -> None:
    index()
    (before,) = engines.store.repositories()
    broken = HashEmbedder(48, "broken")
    other = Engines(broken, engines.store, engines.data_dir)
    work = plan("project", repository, other, IndexOptions())
    failed = [record_failed(work, b, ModelMismatchError("no"), other) for b in work.batches]
    finalize(work, failed, other, seconds=1.0)
    (after,) = engines.store.repositories()
    assert after.collection == before.collection
    assert_whole(engines, repository)


def test_a_full_disk_leaves_the_old_index_usable(
    repository: Path, engines: Engines, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index()
    (repository / "src" / "session.py").write_text(functions("after_full_disk", 12))

    def full(*arguments: object) -> None:
        raise StoreError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(engines.store, "upsert_chunks", full)
        report = index()
    assert report.files_failed == 1
    assert retrieval.search("sign session", engines)[0].path == "src/session.py"
    index()
    assert_whole(engines, repository)


def test_forget(repository: Path, tmp_path: Path, engines: Engines, index: Index) -> None:
    index()
    shutil.copytree(repository, tmp_path / "second")
    index(tmp_path / "second", "second")
    assert forget_repository("project", engines) > 0
    assert {hit.repo for hit in retrieval.search("session", engines)} == {"second"}
    assert_whole(engines, tmp_path / "second", "second")
    with pytest.raises(RepositoryNotFoundError, match="indexed are: second"):
        forget_repository("project", engines)
    forget_repository("second", engines)
    assert engines.store.manifests() == []
    with pytest.raises(UsageError, match="nothing is indexed"):
        retrieval.search("session", engines)
    index()
    assert_whole(engines, repository)


def test_an_empty_folder(tmp_path: Path, engines: Engines, index: Index) -> None:
    (tmp_path / "empty").mkdir()
    report = index(tmp_path / "empty", "empty")
    assert (report.files_total, report.chunks_total) == (0, 0)
    assert retrieval.search("anything", engines) == []
