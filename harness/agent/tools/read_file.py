"""The tool ``read_file``: numbered lines of a file, or of an output that was too long to show."""

from __future__ import annotations

from functools import partial

from harness import charsets
from harness.agent.tools.access import ReadAccess
from harness.agent.tools.file_text import BOM, split_lines
from harness.agent.tools.nearest import no_such_file
from harness.agent.tools.outputs import PREFIX
from harness.agent.tools.tool import PATH, Arguments, Tool, ToolOutput, cut_line, schema
from harness.errors import UsageError
from harness.models.conversation import ToolSpec
from harness.repository.credentials import redact


def read_file(access: ReadAccess) -> Tool:
    """Declare the tool."""
    number = {"type": "integer", "minimum": 1, "description": "line number, from 1"}
    return Tool(
        ToolSpec(
            "read_file",
            "Read a text file with line numbers.",
            schema(("path",), path=PATH, start=number, end=number),
        ),
        example={"path": "src/app.py", "start": 1, "end": 80},
        handler=partial(_read, access),
        subject=("path",),
    )


def _read(access: ReadAccess, arguments: Arguments) -> ToolOutput:
    """As many lines as fit, and where to go on."""
    path = str(arguments["path"])
    lines = split_lines(_text(access, path).removeprefix(BOM))[0]
    if lines[-1] == "":
        lines.pop()
    if not lines:
        return ToolOutput(f"{path} is empty.", summary="empty")
    start = int(str(arguments.get("start", 1)))
    end = min(int(str(arguments.get("end", len(lines)))), len(lines))
    if start > len(lines):
        raise UsageError(f"{path} has {len(lines)} lines; start={start} is beyond its end")
    if end < start:
        raise UsageError(f"end={end} lies before start={start}")
    shown: list[str] = []
    room = access.max_chars - 200  # for the first line and what an answer adds
    for number in range(start, end + 1):
        line = f"{number:>5}| {cut_line(lines[number - 1].rstrip(chr(13)))}"
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    last = start + len(shown) - 1
    note = f"{path}, lines {start}-{last} of {len(lines)}"
    if last < end:
        note += f"; go on with start: {last + 1}"
    summary = f"lines {start}-{last} of {len(lines)}"
    return ToolOutput(note + "\n" + "\n".join(shown), summary=summary)


def _text(access: ReadAccess, path: str) -> str:
    if path.startswith(PREFIX):
        kept = access.outputs.get(path)
        if kept is None:
            raise UsageError(f"{path}: there is no such output")
        return kept
    if not access.tree.resolve(path).exists():
        raise UsageError(no_such_file(access.tree, path))
    data = access.tree.read_bytes(path)
    if charsets.looks_binary(data):
        raise UsageError(f"{path}: a binary file of {len(data)} bytes")
    # Here, before lines get their numbers, which would take a key apart.
    return redact(charsets.readable(data))
