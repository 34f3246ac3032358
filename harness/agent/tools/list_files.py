"""The tool ``list_files``: what there is below a folder."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

from harness.agent.tools.access import ReadAccess
from harness.agent.tools.tool import PATH, Arguments, Tool, ToolOutput, counted, schema
from harness.models.conversation import ToolSpec

MAX_LISTED = 150


def list_files(access: ReadAccess) -> Tool:
    """Declare the tool."""
    return Tool(
        ToolSpec("list_files", "List the files below a folder.", schema((), path=PATH)),
        example={"path": "src"},
        handler=partial(_list, access),
        subject=("path",),
    )


def _list(access: ReadAccess, arguments: Arguments) -> ToolOutput:
    """When there are too many files, folders stand for what they hold."""
    folder = access.folder(arguments.get("path", ""))
    names = access.files(folder)
    if not names:
        why = "; vendored and excluded files are not listed, read_file opens them" if folder else ""
        return ToolOutput(f"No files below {folder or '.'}{why}.", summary="no files")
    summary = counted(len(names), "file")
    if len(names) <= MAX_LISTED:
        return ToolOutput("\n".join(names), summary=summary)
    depth = len(PurePosixPath(folder).parts)
    groups: dict[str, int] = {}
    for name in names:
        parts = PurePosixPath(name).parts
        group = "/".join(parts[: depth + 1]) + ("/" if len(parts) > depth + 1 else "")
        groups[group] = groups.get(group, 0) + 1
    rows = [
        f"{name}  ({count} files)" if name[-1] == "/" else name for name, count in groups.items()
    ]
    more = f"\n… and {len(rows) - MAX_LISTED} more" if len(rows) > MAX_LISTED else ""
    text = f"{summary}:\n" + "\n".join(rows[:MAX_LISTED]) + more
    return ToolOutput(text, summary=summary)
