"""Every link of the Markdown pages leads somewhere, anchors included."""

from __future__ import annotations

from pathlib import Path

import pytest

from docsite.links import ROOT, anchor_of, anchors, dead_links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors(page: Path) -> None:
    assert dead_links(page) == []


def test_dead_ones_are_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text(
        "# A `code` heading: it's [here](x)!\n\n# Twice\n\n# Twice\n"
    )
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-code-heading-its-here) [c](there.md#twice-1) [d](#own)\n"
        "[e](https://example.org/x#y) `[f](code.md)`\n\n# Own\n\n"
        '![g](none.png) [h](none.md) [i](there.md#none) [j](#none) <img src="none.svg">\n'
        '\n<picture><source srcset="none-dark.png"></picture>\n'
    )
    dead = ["none.png", "none.md", "there.md#none", "#none", "none.svg", "none-dark.png"]
    assert sorted(dead_links(page)) == sorted(dead)
    assert anchors(tmp_path / "there.md") == {"a-code-heading-its-here", "twice", "twice-1"}
    assert anchor_of("HTTP API, v1 (new_one)") == "http-api-v1-new_one"
