"""Command lines of the pages are ones that the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from docsite.links import ROOT, pages
from harness.cli.app import app

_BLOCK = re.compile(r"^ *```(?:sh|bash|console)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_ENVIRONMENT = re.compile(r"^(?:\w+=\S*\s+)+")


def command_lines(page: Path) -> list[list[str]]:
    """The words after ``harness`` of each line of the page's shell blocks."""
    found = []
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            written = _ENVIRONMENT.sub("", line.strip())
            if not written.startswith("harness ") or "…" in written:
                continue
            words = shlex.split(written, comments=True)
            for stop in ("|", ">", "&&", ";", "<"):
                if stop in words:
                    words = words[: words.index(stop)]
            found.append(words[1:])
    return found


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if command_lines(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_they_parse(page: Path) -> None:
    for words in command_lines(page):
        _parse(typer.main.get_command(app), words)


def test_a_slip_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nA=b harness search x --limits 3   # no\nharness tokens create\n```\n")
    lines = command_lines(page)
    assert lines == [["search", "x", "--limits", "3"], ["tokens", "create"]]
    for words in lines:
        with pytest.raises(Exception, match=r"limits|name"):
            _parse(typer.main.get_command(app), words)


def _parse(command: Any, words: list[str]) -> None:
    """Parse a command line down to its last command, without running anything.

    :raises Exception: the parser's own, when it does not take the line.
    """
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    assert not hasattr(command, "commands") or not words or words[0].startswith("-"), words
    if not hasattr(command, "commands"):
        command.make_context(command.name, list(words))
