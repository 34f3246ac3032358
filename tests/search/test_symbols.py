"""Definitions and uses of names over a small index, and the operators of a whole search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Engines
from harness.errors import RepositoryNotFoundError, UsageError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search import symbols
from harness.search.retrieval import find, search
from harness.search.symbols import find_symbol
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder

WEB = {
    "src/session.py": (
        "class Session:\n    def close(self):\n        release(self)\n\n\n"
        "class Pool:\n    def close(self):\n        self.session.close()\n"
    ),
    "src/app.py": "from session import Session\n\n\ndef stop(session):\n    session.close()\n",
    "tests/test_session.py": "def test_close():\n    Session().close()\n",
    "src/pool.py": "def session_close(session):\n    return session\n",
    "README.md": "# Web\n\nSessions are closed by `close`, never by closer.\n",
}
TOOLS = {"lib.go": "package lib\n\nfunc close() {\n}\n"}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    base = tmp_path_factory.mktemp("symbols")
    with Engines(HashEmbedder(), EdgeStore(base / "index"), base) as opened:
        for name, files in (("web", WEB), ("tools", TOOLS)):
            for path, text in files.items():
                target = base / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            index_repository(name, base / name, opened, IndexOptions())
        yield opened


def places(engines: Engines, name: str, **options: Any) -> tuple[list[str], list[str]]:
    found = find_symbol(name, engines, **options)
    return (
        [f"{one.path}:{one.line} {one.symbol}" for one in found.definitions],
        [f"{one.path}:{one.line}" for one in found.references],
    )


def test_definitions_and_uses_with_their_lines(engines: Engines) -> None:
    defined, used = places(engines, "close", repo="web")
    assert defined == ["src/session.py:2 Session.close", "src/session.py:7 Pool.close"]
    assert used == ["src/app.py:5", "src/session.py:8", "README.md:3", "tests/test_session.py:2"]


@pytest.mark.parametrize("name", ["Pool.close", "Pool::close", "Pool#close", "Pool.close()"])
def test_a_qualified_name_puts_its_definition_first(engines: Engines, name: str) -> None:
    assert places(engines, name)[0][0] == "src/session.py:7 Pool.close"


def test_every_repository_that_is_visible_is_looked_through(engines: Engines) -> None:
    every = {one.repo for one in find_symbol("close", engines).definitions}
    some = {one.repo for one in find_symbol("close", engines, visible="web".__eq__).definitions}
    assert (every, some) == ({"web", "tools"}, {"web"})
    with pytest.raises(RepositoryNotFoundError, match=r"indexed are: web$"):
        find_symbol("close", engines, repo="tools", visible="web".__eq__)


def test_a_name_that_nothing_has_is_found_nowhere(engines: Engines) -> None:
    assert places(engines, "clos") == ([], [])


def test_an_answer_that_was_cut_says_so(engines: Engines) -> None:
    assert find_symbol("close", engines).complete
    assert not find_symbol("close", engines, limit=1).complete


def test_what_has_only_parts_of_a_name_takes_no_place_of_its_uses(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(symbols, "_CHUNKS", 2)
    assert find_symbol("session_close", engines).complete
    assert not find_symbol("close", engines).complete


@pytest.mark.parametrize("name", ["", " ", "two words", "x" * 301])
def test_what_is_no_name_is_refused(engines: Engines, name: str) -> None:
    with pytest.raises(UsageError, match="one name"):
        find_symbol(name, engines)


def paths(engines: Engines, text: str, **options: Any) -> set[str]:
    return {hit.path for hit in search(text, engines, limit=50, **options)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("close lang:go", {"lib.go"}, id="language"),
        pytest.param("close repo:tools", {"lib.go"}, id="repository"),
        pytest.param("close path:tests/**", {"tests/test_session.py"}, id="path"),
        pytest.param("symbol:stop", {"src/app.py"}, id="symbol"),
        pytest.param("symbol:Session.close repo:web", {"src/session.py"}, id="qualified-symbol"),
        pytest.param('"closed by"', {"README.md"}, id="exact"),
        pytest.param('"closed by" lang:go', set(), id="exact-elsewhere"),
        pytest.param('session "self.session.close()"', {"src/session.py"}, id="exact-code"),
        pytest.param("close kind:section", {"README.md"}, id="kind"),
    ],
)
def test_operators_hold_for_every_result(engines: Engines, query: str, expected: set[str]) -> None:
    assert paths(engines, query) == expected


def test_where_a_qualified_name_is_defined_comes_first(tmp_path: Path) -> None:
    files = {
        "user.py": "class User:\n    def ban(self):\n        self.banned = True\n",
        "user_ban.py": "class Origin:\n    def ban(self):\n        User.ban(self.user)  # User\n",
    }
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path) as opened:
        (tmp_path / "web").mkdir()
        for path, text in files.items():
            (tmp_path / "web" / path).write_text(text)
        index_repository("web", tmp_path / "web", opened, IndexOptions())
        assert next(hit.path for hit in search("symbol:ban User", opened)) == "user_ban.py"
        found = [hit.path for hit in search("symbol:User.ban", opened)]
        assert found == ["user.py", "user_ban.py"]


@pytest.mark.parametrize(
    ("query", "likely"),
    [
        pytest.param('"closed by"', True, id="it-is-there"),
        pytest.param('"closed by" lang:go', False, id="it-is-not"),
        pytest.param('kubernetes "closed by"', False, id="beside-other-words"),
    ],
)
def test_exact_words_alone_match_well_where_they_are(
    engines: Engines, query: str, likely: bool
) -> None:
    assert (find(query, engines).match == 1.0) is likely


def test_pages_follow_one_another(engines: Engines) -> None:
    whole = search("close", engines, limit=4)
    pages = [search("close", engines, limit=2, offset=offset) for offset in (0, 2)]
    assert [*pages[0], *pages[1]] == whole


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        pytest.param("lang:go", {}, "only filters", id="nothing-to-search"),
        pytest.param("close repo:web", {"repo": "tools"}, "leave one", id="contradiction"),
        pytest.param("close", {"kind": "thing"}, "kinds are", id="kind"),
        pytest.param("close", {"offset": -1}, "offset", id="offset"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    engines: Engines, query: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        search(query, engines, **options)


def test_what_is_not_visible_is_not_found(engines: Engines) -> None:
    assert "lib.go" in paths(engines, "close")
    assert "lib.go" not in paths(engines, "close", visible="web".__eq__)
