"""Random edits of random files: what was said changes, every other byte stays, or nothing does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from harness.agent.actions import write_action
from harness.agent.call_format import TextProtocol
from harness.agent.clock import RunClock
from harness.agent.tools.access import ChangeAccess
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.edit_file import edit_file
from harness.agent.tools.tool import Tool
from harness.errors import UsageError
from harness.models.conversation import ChatTurn
from harness.workspace import CommandPolicy, create_workspace
from tests.agent.steps import TOOLS
from tests.agent.tools.random_edits import (
    BOM,
    RandomFile,
    edits,
    files,
    occurrences,
    said_lines,
)

NAME = "f.txt"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tool, Path]]:
    """The tool on a real copy, and the file that it changes."""
    root = tmp_path_factory.mktemp("edited")
    (root / NAME).write_bytes(b"")
    space = create_workspace(root)
    clock = RunClock(3600.0)
    commands = CommandRunner(space, CommandPolicy(), clock)
    yield edit_file(ChangeAccess(space.tree, commands, None, clock)), space.root / NAME
    space.close()


def change(bench: tuple[Tool, Path], data: bytes, **arguments: str) -> RandomFile | None:
    """The file after a call; None when it was refused, which must leave the file alone. The text
    protocol carries the same call."""
    tool, path = bench
    call = {"path": NAME, **arguments}
    (parsed,) = TextProtocol(list(TOOLS.values())).parse(ChatTurn(write_action(tool, call))).calls
    assert parsed.arguments == call
    path.write_bytes(data)
    try:
        output = tool.handler(parsed.arguments)
    except UsageError as error:
        assert path.read_bytes() == data
        assert str(error).strip()
        event("refused")
        return None
    after = RandomFile(path.read_bytes())
    assert output.changed
    assert f"{len(after.data) - len(data):+} bytes" in output.text
    event("changed")
    return after


@settings(deadline=None)
@given(st.data())
def test_an_edit_changes_what_was_said(bench: tuple[Tool, Path], data: st.DataObject) -> None:
    file = data.draw(files())
    search, replace = data.draw(edits(file))
    after = change(bench, file.data, search=search, replace=replace)
    spans = occurrences(file.body, search) if search else []
    if not search:
        said = replace.removeprefix("\ufeff") if file.data.startswith(BOM) else replace
        assert (after is not None) == (not file.plain and said != "")
        return
    # With a byte order mark in front of the search text, the file's own may be meant as well.
    if len(spans) != 1 or (search and len(occurrences(file.data, search)) > 1):
        assert after is None
        return
    start, stop = spans[0]
    line_start = start == 0 or file.body[start - 1 : start] == b"\n"
    following = re.match(rb"\r\n|\n", file.body[stop:])
    if not replace and line_start and following and not search.endswith("\n"):
        stop += following.end()
    before = b"\n".join(re.split(rb"\r\n|\n", file.body[:start])).decode()
    behind = b"\n".join(re.split(rb"\r\n|\n", file.body[stop:])).decode()
    wanted = before + replace + behind
    if wanted == file.plain:
        assert after is None
        return
    assert after is not None
    if wanted.startswith("\ufeff"):
        return  # it is a byte order mark now
    assert after.plain == wanted
    assert after.data.startswith(BOM) == file.data.startswith(BOM)
    # Lines before the first and behind the last one that were touched keep their bytes.
    first = file.body[:start].count(b"\n")
    untouched = len(file.pairs) - 1 - file.body[:stop].count(b"\n")
    if file.body[stop - 1 : stop] == b"\n" and (before + replace)[-1:] in ("", "\n"):
        untouched += 1
    assert after.pairs[:first] == file.pairs[:first]
    assert untouched == 0 or after.pairs[-untouched:] == file.pairs[-untouched:]
    kinds = {end for _, end in file.pairs if end}
    assert {end for _, end in after.pairs if end} <= (kinds or {b"\n"})
    old, new = file.pairs[first : len(file.pairs) - untouched], after.pairs[first:]
    new = new[: len(new) - untouched] if untouched else new
    if {line for line, _ in old}.isdisjoint(line for line, _ in new) and len(old) == len(new):
        assert [end for _, end in old] == [end for _, end in new]


@settings(deadline=None)
@given(file=files(), data=st.data())
def test_lines_that_stay_keep_their_ends(
    bench: tuple[Tool, Path], file: RandomFile, data: st.DataObject
) -> None:
    """Lines are put in or taken out, in the middle of a longer piece that is said."""
    lines = file.plain.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    to = data.draw(st.integers(at, len(lines) - 1))
    said, rest = lines[at : to + 1], data.draw(st.integers(0, to - at))
    if said[-1] == "":
        return  # such a text ends with the line end before it
    if data.draw(st.booleans()):
        new = [*said[:rest], data.draw(said_lines()), *said[rest:]]
    else:
        new = said[:rest] + said[rest + 1 :]
    after = change(bench, file.data, search="\n".join(said), replace="\n".join(new))
    if after is None or after.data.startswith(BOM) != file.data.startswith(BOM):
        return  # the second: a character at the start became a byte order mark
    fewer, more = sorted((file.pairs[:-1], after.pairs[:-1]), key=len)
    remaining = iter(more)
    assert all(pair in remaining for pair in fewer)


@settings(deadline=None)
@given(file=files(), data=st.data())
def test_a_whole_file_is_what_was_said(
    bench: tuple[Tool, Path], file: RandomFile, data: st.DataObject
) -> None:
    lines = file.plain.split("\n")
    at = data.draw(st.integers(0, len(lines)))
    content = "\n".join([*lines[:at], data.draw(said_lines()), *lines[at:]])
    content = data.draw(st.sampled_from([content, data.draw(said_lines()), content + "\n"]))
    content = content.removeprefix("\ufeff")
    after = change(bench, file.data, content=content)
    if content == file.plain:
        assert after is None
        return
    assert after is not None
    assert after.plain == content
    assert after.data.startswith(BOM) == file.data.startswith(BOM)
    kinds = {end for _, end in file.pairs if end}
    assert {end for _, end in after.pairs if end} <= (kinds or {b"\n"})
    if content.startswith("\n".join(lines[:at])) and content.endswith("\n".join(lines[at:])):
        assert after.pairs[: at - 1] == file.pairs[: at - 1] if at else True


@settings(deadline=None)
@given(file=files(), data=st.data())
def test_blanks_at_line_ends_are_forgiven_and_kept(
    bench: tuple[Tool, Path], file: RandomFile, data: st.DataObject
) -> None:
    """The search text has lost the blanks at its line ends, as models lose them."""
    lines = file.plain.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    to = data.draw(st.integers(at, len(lines) - 1))
    said = [line.rstrip(" \t") for line in lines[at : to + 1]]
    changed = data.draw(st.integers(0, len(said) - 1))
    new = [*said[:changed], f"new {said[changed]}", *said[changed + 1 :]]
    if "\n".join(said) in file.plain:
        return
    after = change(bench, file.data, search="\n".join(said), replace="\n".join(new))
    if after is None:
        return
    assert after.pairs[:at] == file.pairs[:at]
    assert [end for _, end in after.pairs] == [end for _, end in file.pairs]
    differing = [
        number for number, (a, b) in enumerate(zip(file.pairs, after.pairs, strict=True)) if a != b
    ]
    assert len(differing) == 1
