"""The registry: one entry a source, what it keeps, and what becomes of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.errors import NameTakenError, UsageError
from harness.index.naming import Claim
from harness.index.options import IndexOptions
from harness.index.registry import (
    EntryState,
    Request,
    entry_of,
    register,
    registered,
    with_entry,
)
from harness.index.run import index_repository
from harness.index.status import repository_statuses
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord
from tests.fakes.embedder import HashEmbedder
from tests.repositories import make_repository

URL = "https://git.example.org/team/web"


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path / "data") as engines:
        yield engines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "web", {"a.py": "a = 1\n", "b.py": "b = 1\n"})


def add(engines: Engines, source: str, name: str | None = None, **asked: object) -> str:
    claim = Claim(source, Path(source))
    request = Request(**asked)  # type: ignore[arg-type]
    return register(claim, source, request, engines.store, engines.data_dir, name=name).name


def record(engines: Engines) -> RepositoryRecord:
    (one,) = engines.store.repositories()
    return one


def test_an_entry_is_changed_where_asked_and_else_kept(engines: Engines) -> None:
    assert add(engines, URL, ref="next", credential="team", exclude=("docs/**",)) == "web"
    assert add(engines, URL, ref="") == "web"
    kept = record(engines)
    assert (kept.ref, kept.credential, kept.exclude) == ("", "team", ("docs/**",))


def test_a_name_belongs_to_one_source(engines: Engines) -> None:
    add(engines, URL)
    with pytest.raises(NameTakenError, match=r"belongs to https://git\.example\.org/team/web"):
        add(engines, "https://git.example.org/oss/web")
    assert add(engines, "https://git.example.org/oss/web", "oss") == "oss"
    with pytest.raises(UsageError, match="is registered as 'web'"):
        add(engines, URL, "other")


def test_a_folder_has_no_branch_and_no_credential(engines: Engines, folder: Path) -> None:
    for asked in ({"ref": "main"}, {"credential": "team"}):
        with pytest.raises(UsageError, match="read as it is"):
            add(engines, str(folder), **asked)
    assert engines.store.repositories() == []


def test_an_entry_without_an_index_is_no_part_of_a_search(engines: Engines, folder: Path) -> None:
    from harness.store.catalog import in_scope

    add(engines, URL)
    (status,) = repository_statuses(engines.store)
    assert (status.state, status.incomplete, status.chunks) == ("new", False, 0)
    with pytest.raises(UsageError, match="nothing is indexed yet"):
        in_scope(engines.store, None)
    with pytest.raises(UsageError, match=f"harness index {URL}"):
        in_scope(engines.store, "web")
    index_repository("own", folder, engines, IndexOptions())
    assert [one.name for one in in_scope(engines.store, None)] == ["own"]


def test_a_run_keeps_the_entry(engines: Engines, folder: Path) -> None:
    name = add(engines, str(folder), exclude=("b.py",))
    options = with_entry(IndexOptions(), record(engines))
    report = index_repository(name, folder, engines, options)
    assert report.files_indexed == 1
    kept = record(engines)
    assert (kept.registered, kept.exclude, kept.files) == (True, ("b.py",), 1)
    assert entry_of(kept, sees_folders=True).state == EntryState.INDEXED
    shutil.rmtree(folder)
    assert entry_of(kept, sees_folders=True).state == EntryState.GONE


def test_folders_that_were_indexed_by_hand_are_not_registered(
    engines: Engines, folder: Path
) -> None:
    index_repository("web", folder, engines, IndexOptions())
    assert registered(engines.store.repositories()) == []
    assert add(engines, str(folder)) == "web"
    assert [one.name for one in registered(engines.store.repositories())] == ["web"]
    assert record(engines).files == 2, "registering forgets nothing"
