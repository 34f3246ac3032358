"""`harness repositories`: contracts and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runs import Run, document

URL = "https://git.example.org/team/web.git"


def test_add_list_remove(harness: Run, repository: Path) -> None:
    added = document(
        harness("repositories", "add", URL, "--ref", "next", "--credential", "team", "--json")
    )
    assert set(added) == {
        "name", "source", "ref", "include", "exclude", "credential", "registered", "state",
        "commit", "indexed_at", "warnings",
    }  # fmt: skip
    assert (added["name"], added["source"]) == ("web", URL.removesuffix(".git"))
    assert harness("repositories", "add", str(repository))[0] == 0
    harness("repositories", "add", str(repository), "--exclude", "app/session.py")
    report = document(harness("index", str(repository), "--json"))
    assert report["files_indexed"] == 1
    listed = document(harness("repositories", "list", "--json"))["repositories"]
    assert {one["name"]: one["state"] for one in listed} == {"web": "new", "web app": "indexed"}
    out = harness("repositories", "list")[1]
    assert "credential team" in out and "not app/session.py" in out
    assert "registered, not indexed yet" in harness("status")[1]
    assert document(harness("repositories", "remove", "web", "--json"))["chunks_removed"] == 0
    assert [r["name"] for r in document(harness("status", "--json"))["repos"]] == ["web app"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("https://user:planted@git.example.org/web", "holds a credential", id="user"),
        pytest.param("https://git.example.org/web?t=planted", "holds a credential", id="query"),
        pytest.param("/does/not/exist", "does not exist", id="no folder"),
    ],
)
def test_what_cannot_be_added(harness: Run, source: str, message: str) -> None:
    code, out, err = harness("repositories", "add", source)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1
    assert "planted" not in err
