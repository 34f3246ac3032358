"""The team's list: what it adds, changes, refuses and drops in the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.index.naming import Claim
from harness.index.registry import EntryState, Request, entry_of, register
from harness.index.syncing import has_news
from harness.index.team_list import Change, read_list, take_list
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord

WEB = "https://git.example.org/team/web"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    store = EdgeStore(tmp_path / "index")
    yield store
    store.close()


def take(store: EdgeStore, tmp_path: Path, *entries: object) -> dict[str, tuple[Change, str]]:
    file = tmp_path / "list.json"
    file.write_text(json.dumps(entries))
    taken = take_list(read_list(file), store, tmp_path / "data")
    return {one.name: (one.change, one.message) for one in taken}


def records(store: EdgeStore) -> dict[str, RepositoryRecord]:
    return {record.name: record for record in store.repositories()}


def test_the_list_says_all_of_an_entry(store: EdgeStore, tmp_path: Path) -> None:
    entry = {"url": f"{WEB}.git", "ref": "next", "exclude": ["docs/**"], "credential": "team"}
    assert take(store, tmp_path, entry) == {"web": (Change.ADDED, "")}
    assert take(store, tmp_path, entry) == {"web": (Change.UNCHANGED, "")}
    kept = records(store)["web"]
    assert (kept.ref, kept.exclude, kept.credential) == ("next", ("docs/**",), "team")
    assert (kept.path, kept.source, kept.registered) == (f"{WEB}.git", WEB, True)

    store.put_repository(replace(kept, commit="1" * 40, collection="code", indexed_at="then"))
    assert take(store, tmp_path, {"url": f"{WEB}/", "lfs": True}) == {"web": (Change.CHANGED, "")}
    changed = records(store)["web"]
    assert (changed.ref, changed.exclude, changed.credential, changed.lfs) == ("", (), "", True)
    assert has_news(changed, None), "what is read has changed, though the commit may be the same"


def test_what_the_list_no_longer_has_is_shown_and_stays(store: EdgeStore, tmp_path: Path) -> None:
    by_hand = "https://git.example.org/team/by-hand"
    register(Claim(by_hand, tmp_path), by_hand, Request(), store, tmp_path / "data")
    tools = {"url": "https://git.example.org/team/tools", "name": "tools"}
    take(store, tmp_path, {"url": WEB}, tools)
    for _ in range(2):  # shown until somebody decides
        change, message = take(store, tmp_path, tools)["web"]
        assert change is Change.DROPPED
        assert "`harness repositories remove web`" in message
    entry = entry_of(records(store)["web"], sees_folders=False)
    assert (entry.state, entry.warnings) == (EntryState.WARNING, (message,))
    assert entry_of(records(store)["by-hand"], sees_folders=False).warnings == ()
    assert entry_of(records(store)["tools"], sees_folders=False).standing == "listed"

    register(Claim(WEB, tmp_path), WEB, Request(), store, tmp_path / "data")
    assert "web" not in take(store, tmp_path, tools), "somebody keeps it by hand"
    take(store, tmp_path, tools, {"url": WEB})
    assert take(store, tmp_path)["web"][0] is Change.DROPPED, "an empty list deletes nothing"
    assert set(records(store)) == {"by-hand", "tools", "web"}


def test_an_entry_that_is_refused_stops_no_other(store: EdgeStore, tmp_path: Path) -> None:
    take(store, tmp_path, {"url": WEB})
    taken = take(
        store,
        tmp_path,
        {"url": WEB, "name": "other"},
        {"url": "https://git.example.org/oss/web"},
        {"url": "https://git.example.org/third/web", "name": "web"},
        {"url": "https://git.example.org/team/api"},
    )
    assert taken["other"][0] is Change.REFUSED
    assert "registered as 'web'" in taken["other"][1] and "\n" not in taken["other"][1]
    assert taken["oss/web"][0] is Change.ADDED, "nobody chose its name"
    assert taken["web"][0] is Change.REFUSED and "belongs to" in taken["web"][1]
    assert taken["api"][0] is Change.ADDED
    assert records(store)["web"].source == WEB


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[", "not valid JSON", id="no JSON"),
        pytest.param("[" * 100_000, "not valid JSON", id="too deep"),
        pytest.param("{}", "must be a JSON array", id="an object"),
        pytest.param("[" + " " * 4_000_000 + "]", "must be a JSON array", id="too long"),
        pytest.param('["x"]', "entry 1 of", id="a text"),
        pytest.param("[{}]", "is no git URL", id="no URL"),
        pytest.param('[{"url": "/srv/web"}]', "is no git URL", id="a folder"),
        pytest.param('[{"url": "https://u:planted@h.org/w"}]', "holds a credential", id="secret"),
        pytest.param('[{"url": "https://h.org:99999/w"}]', "no valid port", id="port"),
        pytest.param('[{"url": "https://h.org/w", "branch": "x"}]', "none of: url", id="a key"),
        pytest.param('[{"url": "https://h.org/w", "lfs": "yes"}]', "true or false", id="a kind"),
        pytest.param('[{"url": "https://h.org/w", "include": "*"}]', "array of texts", id="glob"),
        pytest.param(
            '[{"url": "https://h.org/w"}, {"url": "https://h.org/w.git"}]', "2 times", id="twice"
        ),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "list.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_list(file)
    assert "\n" not in str(caught.value) and "planted" not in str(caught.value)
