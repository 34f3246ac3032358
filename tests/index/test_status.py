"""What is in the index, as every door tells it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks.qdrant import checks
from harness.checks.running import run_check
from harness.engines import Engines
from harness.errors import StoreBusyError
from harness.index.batches import index_batch
from harness.index.options import IndexOptions
from harness.index.planning import plan
from harness.index.run import index_repository
from harness.index.status import repository_statuses
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord
from tests.fakes.embedder import HashEmbedder
from tests.repositories import commit_all, make_repository

TEXT = "".join(f"def f_{n}():\n    return {n}\n\n" for n in range(60))


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path / "data") as engines:
        yield engines


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "web", {f"{n}.py": f"# {n}\n{TEXT}" for n in range(4)})


def half_indexed(root: Path, engines: Engines, **options: bool) -> None:
    """What a process that is killed half-way leaves."""
    work = plan("web", root, engines, IndexOptions(**options), batch_bytes=600)
    for batch in work.batches[:2]:
        index_batch(work, batch, engines)


def test_a_first_run_that_was_cut_off_is_counted(root: Path, engines: Engines) -> None:
    half_indexed(root, engines)
    (web,) = repository_statuses(engines.store)
    (record,) = engines.store.repositories()
    assert (web.incomplete, web.files) == (True, 2)
    assert web.chunks == engines.store.count_chunks(record.collection, "web") > 0
    report = index_repository("web", root, engines, IndexOptions())
    (web,) = repository_statuses(engines.store)
    assert (web.incomplete, web.files, web.chunks) == (False, 4, report.chunks_total)


def test_a_later_run_that_was_cut_off_is_counted(root: Path, engines: Engines) -> None:
    index_repository("web", root, engines, IndexOptions())
    for name in ("new_1.py", "new_2.py", "new_3.py"):
        (root / name).write_text(f"# {name}\n{TEXT}")
    commit_all(root)
    half_indexed(root, engines)
    (web,) = repository_statuses(engines.store)
    assert (web.incomplete, web.files) == (True, 6)
    assert web.indexed_at, "the last whole run is still known"


def test_a_run_that_has_nothing_to_do_is_never_incomplete(root: Path, engines: Engines) -> None:
    index_repository("web", root, engines, IndexOptions())
    plan("web", root, engines, IndexOptions())
    assert [one.incomplete for one in repository_statuses(engines.store)] == [False]


def test_doctor_says_the_same(root: Path, engines: Engines, tmp_path: Path) -> None:
    half_indexed(root, engines)
    (web,) = repository_statuses(engines.store)
    store = EdgeStore(tmp_path / "index")
    (index,) = (c for c in checks(lambda: store, HashEmbedder) if c.name == "index")
    result = run_check(index)
    assert result.ok is True
    assert f"{web.chunks} chunks" in result.detail
    assert "incomplete (see `harness status`): web" in result.detail


def test_a_store_that_is_busy_is_counted_by_its_records(
    root: Path, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_indexed(root, engines)
    (before,) = repository_statuses(engines.store)

    def busy(*_: object) -> int:
        raise StoreBusyError("held by another process")

    monkeypatch.setattr(EdgeStore, "count_chunks", busy)
    assert repository_statuses(engines.store) == [before]


def test_a_folder_that_is_gone_is_a_warning_until_it_is_back(
    root: Path, engines: Engines, tmp_path: Path
) -> None:
    index_repository("web", root, engines, IndexOptions())
    root.rename(tmp_path / "away")
    (web,) = repository_statuses(engines.store)
    assert "its folder is gone" in web.warnings[0] and web.chunks > 0
    (tmp_path / "away").rename(root)
    assert repository_statuses(engines.store)[0].warnings == ()


def test_a_clone_may_be_gone(engines: Engines) -> None:
    """The next run makes it again."""
    clone = RepositoryRecord("a", "/data/checkouts/a-1", "", "c", "m", 1, 1, 0, "now")
    engines.store.put_repository(clone)
    engines.store.put_repository(replace(clone, name="b", path="/x", source="https://h.example/b"))
    assert [one.warnings for one in repository_statuses(engines.store)] == [(), ()]


def test_a_rebuild_leaves_the_counts_of_what_answers(root: Path, engines: Engines) -> None:
    index_repository("web", root, engines, IndexOptions())
    (before,) = repository_statuses(engines.store)
    other = Engines(HashEmbedder(48, "newer"), engines.store, engines.data_dir)
    half_indexed(root, other)
    (web,) = repository_statuses(engines.store)
    assert (web.files, web.chunks, web.model) == (before.files, before.chunks, before.model)


def test_git_that_comes_back_ends_its_warning(root: Path, engines: Engines, tmp_path: Path) -> None:
    index_repository("web", root, engines, IndexOptions())
    shutil.move(root / ".git", tmp_path / "git")
    index_repository("web", root, engines, IndexOptions())
    assert repository_statuses(engines.store)[0].warnings
    shutil.move(tmp_path / "git", root / ".git")
    index_repository("web", root, engines, IndexOptions())
    (web,) = repository_statuses(engines.store)
    assert web.warnings == () and web.commit
