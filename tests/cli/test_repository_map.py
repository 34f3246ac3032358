"""``harness map``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.runs import Run, document


def test_lines_for_programs_a_tree_for_people_and_json(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "app" / "views.py").write_text("from app.session import sign_cookie\n")
    (repository / "other.py").write_text("OTHER = 1\n")
    assert harness("index", str(repository), "--name", "web", "--json")[0] == 0
    code, out, _ = harness("map")
    assert code == 0
    assert out.splitlines()[0] == "app/session.py:4  def sign_cookie(value: str, key: str) -> str:"
    assert {line.partition(":")[0] for line in out.splitlines()} == {
        *("app/session.py", "app/routing.py", "app/views.py", "other.py"),
    }

    found = document(harness("map", "--repo", "web", "--focus", "app/routing.py", "--json"))
    assert set(found) == {
        *("repo", "commit", "focus", "budget", "files_total", "complete", "files"),
    }
    assert found["files"][0]["path"] == "app/routing.py"
    assert set(found["files"][0]) == {"path", "language", "share", "definitions"}
    assert found["files"][0]["definitions"][0] == {
        "name": "Router",
        "symbol": "Router",
        "line": 4,
        "text": "class Router:",
    }

    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    code, out, _ = harness("map")
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", out).splitlines()]
    assert (code, lines[0]) == (0, "web  4 of 4 files")
    assert lines[1] == "├── app/"
    assert re.fullmatch(r"│   ├── session\.py  \d+\.\d %", lines[2])
    assert lines[3].startswith("│   │   └── :4  def sign_cookie(")
    assert lines[-2].startswith("└── other.py")


def test_what_cannot_be_mapped(harness: Run, repository: Path) -> None:
    assert harness("index", str(repository), "--name", "web", "--json")[0] == 0
    for arguments, said in (
        (("--repo", "nowhere"), "'nowhere' is not indexed"),
        (("--budget", "0"), "between 1 and"),
    ):
        code, out, err = harness("map", *arguments)
        assert (code, out) == (2, "")
        assert said in err
