"""What a run remembers of its walk: nothing is listed again until anything has changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Engines
from harness.errors import ModelMismatchError
from harness.index import planning
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.repository import seen
from harness.repository import walk as walking
from harness.repository.git import run_git
from harness.store.edge import EdgeStore
from harness.types import IndexReport, Seen
from tests.fakes.embedder import HashEmbedder
from tests.repositories import IDENTITY, OLD, make_repository

FILES: dict[str, str | bytes] = {
    "a.py": "def a():\n    return 1\n",
    "lib/b.py": "def b():\n    return 2\n",
    "blob.py": b"\0\1\2",
    "image.png": b"\x89PNG",
    ".gitignore": "ignored/\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(seen, "_RACY_NS", 0)  # else a new file is too new
    folder = make_repository(tmp_path / "web", FILES)
    (folder / "notes").mkdir()
    (folder / "notes" / "own.py").write_text("def own():\n    return 3\n")
    os.utime(folder / "notes" / "own.py", (OLD, OLD))
    return folder


@pytest.fixture
def engines(tmp_path: Path) -> Engines:
    return Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path)


def index(root: Path, engines: Engines, **options: object) -> IndexReport:
    return index_repository("web", root, engines, IndexOptions(**options))  # type: ignore[arg-type]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were listed."""
    found: list[Path] = []
    walk = planning.walk

    def noted(root: Path, **options: object) -> object:
        found.append(root)
        return walk(root, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "walk", noted)
    return found


def test_an_unchanged_repository_is_not_listed_again(
    root: Path, engines: Engines, listed: list[Path]
) -> None:
    first = index(root, engines)
    again = index(root, engines)
    assert len(listed) == 1
    assert again.files_unchanged == first.files_indexed > 2
    assert again.files_skipped == first.files_skipped
    shutil.rmtree(engines.data_dir / "walks")
    slow = index(root, engines)
    assert len(listed) == 2
    assert facts(again) == facts(slow)
    (record,) = engines.store.repositories()
    assert (record.files, record.chunks) == (first.files_indexed, first.chunks_total)


def facts(report: IndexReport) -> dict[str, object]:
    return asdict(replace(report, seconds=0.0))


def edit(root: Path) -> None:
    """The same size, and the times as they were: only the change of status tells."""
    (root / "a.py").write_text("def a():\n    return 9\n")
    os.utime(root / "a.py", (OLD, OLD))


def link(root: Path) -> None:
    (root / "lib" / "b.py").unlink()
    (root / "lib" / "b.py").symlink_to("../a.py")


def ignore(root: Path) -> None:
    (root / ".gitignore").write_text("ignored/\nnotes/\n")


def mark(root: Path) -> None:
    (root / "notes" / "pyvenv.cfg").write_text("home = /usr\n")
    (root / ".git" / "info" / "exclude").write_text("pyvenv.cfg\n")


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        pytest.param(edit, {"a.py", "lib/b.py", "notes/own.py"}, id="edited"),
        pytest.param(lambda r: (r / "a.py").unlink(), {"lib/b.py", "notes/own.py"}, id="deleted"),
        pytest.param(link, {"a.py", "notes/own.py"}, id="link"),
        pytest.param(
            lambda r: (r / "c.py").write_text("c = 1\n"),
            {"a.py", "c.py", "lib/b.py", "notes/own.py"},
            id="new",
        ),
        pytest.param(ignore, {"a.py", "lib/b.py"}, id="gitignore"),
        pytest.param(
            lambda r: (r / ".harnessignore").write_text("lib\n"),
            {"a.py", "notes/own.py"},
            id="harnessignore",
        ),
        pytest.param(mark, {"a.py", "lib/b.py"}, id="a sign in an untracked folder"),
        pytest.param(
            lambda r: run_git(["rm", "-q", "--cached", "a.py"], r, 30),
            {"a.py", "lib/b.py", "notes/own.py"},
            id="git's index",
        ),
    ],
)
def test_any_change_is_seen(
    root: Path,
    engines: Engines,
    change: Callable[[Path], object],
    paths: set[str],
) -> None:
    index(root, engines)
    change(root)
    index(root, engines)
    (record,) = engines.store.repositories()
    stored = engines.store.distinct(record.collection, "path", [("repo", ("web",))])
    assert {path for path in stored if path.endswith(".py")} == paths


def test_what_decides_nothing_is_no_change(
    root: Path, engines: Engines, listed: list[Path]
) -> None:
    index(root, engines)
    (root / "ignored").mkdir()
    (root / "ignored" / "x.py").write_text("x = 1\n")
    run_git(["commit", "-q", "--allow-empty", "-m", "empty"], root, 30, config=IDENTITY)
    report = index(root, engines)
    assert len(listed) == 1
    head = run_git(["rev-parse", "HEAD"], root, 30).stdout.decode().strip()
    assert report.commit == engines.store.repositories()[0].commit == head


def test_other_options_list_again(root: Path, engines: Engines, listed: list[Path]) -> None:
    index(root, engines)
    report = index(root, engines, exclude=("lib",))
    assert (len(listed), report.files_deleted) == (2, 1)
    assert index(root, engines).files_indexed == 1
    index(root, engines, full=True)
    assert len(listed) == 4


def test_a_run_that_was_cut_off_is_not_taken_for_done(
    root: Path, engines: Engines, listed: list[Path]
) -> None:
    index(root, engines)
    text = (root / "a.py").read_text()
    times = (root / "a.py").stat()
    (root / "a.py").write_text("def other():\n    return 1\n")
    planning.plan("web", root, engines, IndexOptions())  # and killed
    assert len(listed) == 1
    (root / "a.py").write_text(text)
    os.utime(root / "a.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    index(root, engines)
    assert len(listed) == 2


def test_a_file_that_failed_is_tried_again(
    root: Path, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: HashEmbedder, texts: object) -> object:
        raise ModelMismatchError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(HashEmbedder, "embed_documents", fail)
        assert index(root, engines).files_failed
    assert index(root, engines).files_indexed > 2


def test_a_file_that_is_too_new_is_not_relied_on(
    root: Path, engines: Engines, listed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "_RACY_NS", 2_000_000_000)
    index(root, engines)
    index(root, engines)
    assert len(listed) == 2


def test_a_file_that_changes_while_the_walk_looks_at_others_is_read_by_the_next_run(
    root: Path, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = walking.look

    def late(folder: Path, *rest: Any) -> Seen | None:
        (root / "a.py").write_text("def a():\n    return 11\n")
        return look(folder, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(walking, "look", late)
        index(root, engines)
    assert index(root, engines).files_indexed == 1
    assert index(root, engines).files_indexed == 0
