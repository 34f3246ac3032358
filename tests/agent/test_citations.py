"""Citations that an answer holds, and whether they hold."""

from __future__ import annotations

from pathlib import Path

from harness.agent.citations import check_citations
from harness.workspace.paths import ConfinedTree


def test_citations_in_prose(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("ratio a\nratio b\nratio c")
    (tmp_path / "Makefile").write_text("all: ratio\n")
    answer = (
        "See `src/app.py:1-3`, (app.py:2), Makefile:1, src/app.py:4, src/app.py:0, "
        "http://x.org/a.py:80, localhost:4200, 10.0.0.1:6333, at 12:30, ratio 3:4, "
        "/etc/passwd:1, ../up.py:1 and `lib/none.js#L3-L9`."
    )
    marked, found = check_citations(answer, ConfinedTree(tmp_path))
    assert [(c.path, c.start_line, c.end_line, c.verified) for c in found] == [
        ("src/app.py", 1, 3, True),
        ("src/app.py", 2, 2, True),
        ("Makefile", 1, 1, True),
        ("src/app.py", 4, 4, False),
        ("src/app.py", 0, 0, False),
        ("../up.py", 1, 1, False),
        ("lib/none.js", 3, 9, False),
    ]
    assert "`lib/none.js#L3-L9` [unverified]." in marked
    assert "`src/app.py:1-3`," in marked
