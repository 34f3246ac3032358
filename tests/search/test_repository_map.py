"""The map of a small indexed repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.engines import Engines
from harness.errors import RepositoryNotFoundError, UsageError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search.known_uses import KnownUses
from harness.search.repository_map import MAX_BUDGET, RepositoryMap, map_repository
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder

WEB = {
    "src/session.py": (
        "class Session:\n    def sign_cookie(self):\n        return seal_value(self)\n\n\n"
        "def drop_session(session):\n    pass\n"
    ),
    "src/sealing.py": '__all__ = ["seal_value"]\n\n\ndef seal_value(value):\n    return value\n',
    "src/app.py": "from session import Session, drop_session\n\nSession().sign_cookie()\n",
    "src/views.py": "from session import Session\n\nSession()\n",
    "src/alone.py": "def nobody_calls_it():\n    pass\n",
    "tests/test_session.py": "from session import Session\n\n\ndef test_it():\n    Session()\n",
    "README.md": "# Web\n\nCall `seal_value` for values.\n",
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    base = tmp_path_factory.mktemp("map")
    with Engines(HashEmbedder(), EdgeStore(base / "index"), base) as opened:
        for name, files in (("web", WEB), ("tools", {"lib.go": "package lib\n\nfunc Run() {}\n"})):
            for path, text in files.items():
                target = base / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            index_repository(name, base / name, opened, IndexOptions())
        yield opened


def paths(found: RepositoryMap) -> list[str]:
    return [file.path for file in found.files]


def test_files_and_definitions_by_who_uses_them(engines: Engines) -> None:
    found = map_repository(engines, repo="web")
    assert paths(found)[:2] == ["src/session.py", "src/sealing.py"]
    assert set(paths(found)) == set(WEB)
    assert (found.files_total, found.complete) == (7, True)
    assert sum(file.share for file in found.files) == pytest.approx(1, abs=1e-4)
    session, sealing, *_ = found.files
    assert [(one.line, one.symbol, one.text) for one in session.definitions] == [
        (1, "Session", "class Session:"),
        (2, "Session.sign_cookie", "def sign_cookie(self):"),
        (6, "drop_session", "def drop_session(session):"),
    ]
    assert [one.line for one in sealing.definitions] == [4]  # and not where it is exported
    assert map_repository(engines, repo="web") == found


def test_a_small_budget_leaves_the_most_important(engines: Engines) -> None:
    found = map_repository(engines, repo="web", budget=15)
    assert [(file.path, [one.name for one in file.definitions]) for file in found.files] == [
        ("src/session.py", ["Session"])
    ]
    assert len(map_repository(engines, repo="web", budget=1).files) == 1


@pytest.mark.parametrize(
    ("focus", "first"),
    [
        pytest.param("src/alone.py", {"src/alone.py"}, id="path"),
        pytest.param("./tests/", {"tests/test_session.py"}, id="folder"),
        pytest.param("src/v*.py", {"src/views.py"}, id="glob"),
        pytest.param("nobody calls it", {"src/alone.py"}, id="words"),
        pytest.param("seal_value", {"src/sealing.py"}, id="name"),
    ],
)
def test_what_it_is_about_comes_first(engines: Engines, focus: str, first: set[str]) -> None:
    found = map_repository(engines, repo="web", focus=focus)
    assert paths(found)[0] in first
    assert found.focus == focus


def test_which_repository_has_to_be_clear(engines: Engines) -> None:
    with pytest.raises(UsageError, match=r"indexed are: tools, web$"):
        map_repository(engines)
    assert map_repository(engines, visible="tools".__eq__).repo == "tools"
    with pytest.raises(RepositoryNotFoundError, match=r"indexed are: tools$"):
        map_repository(engines, repo="web", visible="tools".__eq__)


@pytest.mark.parametrize("budget", [0, -1, MAX_BUDGET + 1])
def test_a_budget_that_cannot_be_is_refused(engines: Engines, budget: int) -> None:
    with pytest.raises(UsageError, match=f"between 1 and {MAX_BUDGET}"):
        map_repository(engines, repo="web", budget=budget)


def test_a_focus_that_is_too_long_is_refused(engines: Engines) -> None:
    with pytest.raises(UsageError, match="2000 characters"):
        map_repository(engines, repo="web", focus="x" * 2_001)


def test_what_was_read_is_kept_until_it_is_indexed_again(engines: Engines) -> None:
    known = KnownUses()
    (record,) = (one for one in engines.store.repositories() if one.name == "web")
    first = known.of(engines.store, record)
    assert known.of(engines.store, record) is first
    again = replace(record, indexed_at="later")
    assert known.of(engines.store, again) is not first
    assert known.of(engines.store, record) is not first  # one of each repository is enough


def test_nothing_is_kept_of_a_run_that_has_not_ended(engines: Engines) -> None:
    known = KnownUses()
    (record,) = (one for one in engines.store.repositories() if one.name == "web")
    first = known.of(engines.store, replace(record, unfinished=True))
    assert known.of(engines.store, replace(record, unfinished=True)) is not first
