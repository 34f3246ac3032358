"""``harness symbol``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.runs import Run, document


def test_definitions_and_uses_are_printed_and_as_json(harness: Run, repository: Path) -> None:
    assert harness("index", str(repository), "--name", "web", "--json")[0] == 0
    code, out, _ = harness("symbol", "Router.register_route")
    assert code == 0
    assert "app/routing.py:7  def register_route" in out
    found = document(harness("symbol", "sign_cookie", "--json"))
    assert [(one["path"], one["line"], one["symbol"]) for one in found["definitions"]] == [
        ("app/session.py", 4, "sign_cookie")
    ]
    assert set(found) == {"name", "definitions", "references", "complete"}
    assert "there may be" not in harness("symbol", "sign_cookie")[2]
    code, out, err = harness("symbol", "nowhere")
    assert (code, out) == (0, "")
    assert "no indexed file has the name 'nowhere'" in err
