"""Files that are not in UTF-8 are read, searched and changed like others."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from harness.agent.clock import RunClock
from harness.agent.localise.renaming import rename_everywhere
from harness.agent.tools.access import ChangeAccess, ReadAccess
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.edit_file import edit_file
from harness.agent.tools.grep import grep
from harness.agent.tools.outputs import OutputStore
from harness.agent.tools.read_file import read_file
from harness.agent.tools.tool import Tool
from harness.workspace import CommandPolicy, create_workspace

TEXT = "int größe = 1;\r\nreturn größe;\r\n"


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        pytest.param("", "cp1252", id="windows-1252"),
        pytest.param("\ufeff", "utf-16-le", id="utf-16"),
        pytest.param("\ufeff", "utf-8", id="utf-8-mark"),
    ],
)
def test_read_search_change(
    mark: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r/a.c").write_bytes(f"{mark}{TEXT}".encode(codec))
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "rg" else which(name))
    with closing(create_workspace(tmp_path / "r", tmp_path / "state")) as space:
        clock = RunClock(60.0)
        commands = CommandRunner(space, CommandPolicy(), clock)
        reading = ReadAccess(space.tree, OutputStore(), None, 10_000)
        changing = ChangeAccess(space.tree, commands, None, clock)

        def call(tool: Tool, arguments: Mapping[str, object]) -> str:
            return tool.handler(arguments).text

        assert "    1| int größe = 1;\n" in call(read_file(reading), {"path": "a.c"})
        assert call(grep(reading), {"pattern": "GRÖSSE|größe = "}) == "a.c:1:int größe = 1;"
        call(edit_file(changing), {"path": "a.c", "search": "größe = 1", "replace": "größe = 2"})
        assert rename_everywhere(space.tree, "größe", "länge") == ["a.c"]
        after = TEXT.replace("= 1", "= 2").replace("größe", "länge")
        assert (space.root / "a.c").read_bytes() == f"{mark}{after}".encode(codec)
