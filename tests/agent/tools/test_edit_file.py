"""What an edit does to a file's bytes, and what the model is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.agent.clock import RunClock
from harness.agent.tools.access import ChangeAccess
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.edit_file import edit_file
from harness.agent.tools.tool import Tool
from harness.errors import UsageError
from harness.workspace import CommandPolicy, Workspace, create_workspace

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "r").mkdir()
    space = create_workspace(tmp_path / "r", tmp_path / "state")
    yield space
    space.close()


@pytest.fixture
def tool(space: Workspace) -> Tool:
    clock = RunClock(60.0)
    commands = CommandRunner(space, CommandPolicy(), clock)
    return edit_file(ChangeAccess(space.tree, commands, None, clock))


@pytest.mark.parametrize(
    ("before", "arguments", "after", "told"),
    [
        pytest.param(
            b"a = 1\r\nb = 2\nc = 3\n",
            {"search": "c = 3", "replace": "c = 33"},
            b"a = 1\r\nb = 2\nc = 33\n",
            "+1 -1 lines, +1 bytes.\nIts line ends are mixed (2 LF, 1 CRLF)",
            id="mixed",
        ),
        pytest.param(
            b"a\r\nb\nc\r\n",
            {"search": "a\nb\nc", "replace": "a\nx\nb\nc"},
            b"a\r\nx\r\nb\nc\r\n",
            "+1 -0 lines, +3 bytes",
            id="added-between-lines-that-stay",
        ),
        pytest.param(
            b"a\nb\r\nc\n",
            {"search": "b", "replace": "b\nx"},
            b"a\nb\r\nx\r\nc\n",
            "+1 -0 lines",
            id="added-like-its-neighbour",
        ),
        pytest.param(
            b"a\r\nb\nc\n",
            {"content": "a\nx\nc\n"},
            b"a\r\nx\nc\n",
            "+1 -1 lines",
            id="whole-mixed-file",
        ),
        pytest.param(
            b"a\r\nb\r\n", {"content": "x\r\nb\r\n"}, b"x\r\nb\r\n", "+1 -1 lines", id="as-crlf"
        ),
        pytest.param(
            b"a\nb\n", {"search": "b", "replace": "x\r\ny"}, b"a\nx\ny\n", "+2 -1", id="crlf-to-lf"
        ),
        pytest.param(
            BOM + b"a\nb\n", {"content": "x\nb\n"}, BOM + b"x\nb\n", "+1 -1", id="bom-stays"
        ),
        pytest.param(
            BOM + b"a\n", {"content": "\ufeffx\n"}, BOM + b"x\n", "+1 -1", id="bom-is-not-doubled"
        ),
        pytest.param(
            BOM + b"a\nb\n", {"search": "a", "replace": ""}, BOM + b"b\n", "+0 -1", id="below-bom"
        ),
        pytest.param(
            BOM + b"a\n", {"search": "\ufeffa", "replace": "a"}, b"a\n", "-3 bytes", id="bom-off"
        ),
        pytest.param(BOM, {"search": "", "replace": "a\n"}, BOM + b"a\n", "+1 -0", id="bom-only"),
        pytest.param(b"a\nb", {"search": "b", "replace": "c"}, b"a\nc", "+1 -1", id="no-last-end"),
        pytest.param(
            b"a\nb", {"content": "a\nb\n"}, b"a\nb\n", "with a line end now", id="last-end-said"
        ),
        pytest.param(
            b"a\r\nb\r\n", {"content": "a\nb"}, b"a\r\nb", "without a line end", id="end-off"
        ),
        pytest.param(
            b"a\nb", {"search": "b", "replace": "b\nc"}, b"a\nb\nc", "+2 -1 lines", id="appended"
        ),
        pytest.param(
            b"a\rb\rc\r", {"search": "b\nc", "replace": "x\ny\nc"}, b"a\rx\ry\rc\r", "+2", id="cr"
        ),
        pytest.param(b"a\rb\n", {"search": "a\rb", "replace": "c"}, b"c\n", "+1 -1", id="lone-cr"),
        pytest.param(
            b"\tif x:  \n\t\ty()\n",
            {"search": "\tif x:\n\t\ty()", "replace": "\tif x:\n\t\tz()"},
            b"\tif x:  \n\t\tz()\n",
            "+1 -1 lines, +0 bytes",
            id="blanks-of-a-line-that-stays",
        ),
        pytest.param(
            "é\u2028x\n".encode(), {"search": "x", "replace": "y"}, "é\u2028y\n".encode(), "+1 -1",
            id="line-separator",
        ),
        pytest.param(None, {"content": "a\r\n"}, b"a\r\n", "Created", id="new-file-as-it-is"),
        pytest.param(None, {"content": "a"}, b"a", "Created", id="new-file-without-last-end"),
        pytest.param(None, {"content": ""}, b"", "Created", id="new-empty-file"),
    ],
)  # fmt: skip
def test_bytes(
    space: Workspace,
    tool: Tool,
    before: bytes | None,
    arguments: dict[str, str],
    after: bytes,
    told: str,
) -> None:
    path = space.root / "f"
    if before is not None:
        path.write_bytes(before)
    output = tool.handler({"path": "f", **arguments})
    assert path.read_bytes() == after
    assert told in output.text


@pytest.mark.parametrize(
    ("before", "arguments", "reason"),
    [
        pytest.param(b"a\nb\na\n", {"search": "a", "replace": "x"}, "(lines 1, 3)", id="twice"),
        pytest.param(b"aaa\n", {"search": "aa", "replace": "x"}, "(line 1)", id="overlapping"),
        pytest.param(
            b"b\nx\na\nx\nb\nx\n", {"search": "b\nx", "replace": "c"}, "(lines 1, 5)", id="blocks"
        ),
        pytest.param(b"x\n" * 40, {"search": "x", "replace": "y"}, "many times", id="many"),
        pytest.param(b"\n\n", {"search": "", "replace": "x"}, "text is empty", id="no-search"),
        pytest.param(b"a\n", {"search": " \n ", "replace": "x"}, "is blank", id="blank-search"),
        pytest.param(b"a\r\n", {"content": "a\n"}, "changes nothing", id="only-line-ends"),
        pytest.param(b"a\n", {"content": "a\r\n"}, "change them with run", id="only-ends"),
        pytest.param(b"a\n", {"content": "x", "replace": "y"}, "not both", id="both"),
        pytest.param(b"a\n", {"content": "\ud800"}, "lone surrogate", id="surrogate"),
        pytest.param(b"a\0b\0", {"content": "x"}, "cannot be told", id="utf-16-without-mark"),
        pytest.param(b"\xe9\x01", {"content": "x"}, "cannot be told", id="binary"),
        pytest.param(
            b"caf\xe9 = b", {"search": "b", "replace": "→"}, "which has no '→'", id="no-such-letter"
        ),
        pytest.param(
            b"caf\xe9 = a", {"content": "x = \xc3\xa9"}, "nobody would read", id="reads-otherwise"
        ),
        pytest.param(
            b"a\nb\n",
            {"search": "    1| a\n    2| b", "replace": "    1| a\nc"},
            "some have none",
            id="half-numbered",
        ),
        pytest.param(
            b"a\nb\n",
            {"search": "    1| a\n    3| b", "replace": "    1| x"},
            "does not occur",
            id="numbers-with-a-gap",
        ),
        pytest.param(
            b"def price(cents):\n    euros = cents // 100\n    rest = cents % 100\n"
            b"    return f'{euros}.{rest:02}'\n",
            {
                "search": "def price(cents):",
                "replace": "def price(cents):\n    euros = cents // 100\n    rest = cents % 100\n"
                "    return f'{euros}.{rest:02}'",
            },
            "the 3 lines that the edit adds already stand below",
            id="a-body-again",
        ),
        pytest.param(
            b"def price(cents):\n    euros, rest = divmod(cents, 100)\n"
            b"    return f'{euros}.{rest:02}'\n\n    euros = cents / 100\n",
            {
                "search": "def price(cents):\n",
                "replace": "def price(cents):\n    euros, rest = divmod(cents, 100)\n"
                "    return f'{euros}.{rest:02}'\n",
            },
            "the 2 lines that the edit adds already stand below",
            id="the-same-edit-again",
        ),
        pytest.param(
            b"a\nb\n",
            {"search": "a", "replace": "(what comes instead)"},
            "only stands in the example",
            id="the-example",
        ),
    ],
)
def test_a_refusal_leaves_the_file_alone(
    space: Workspace, tool: Tool, before: bytes, arguments: dict[str, str], reason: str
) -> None:
    path = space.root / "f"
    path.write_bytes(before)
    with pytest.raises(UsageError) as caught:
        tool.handler({"path": "f", **arguments})
    assert reason in str(caught.value)
    assert path.read_bytes() == before
