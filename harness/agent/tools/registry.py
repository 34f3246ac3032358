"""Which tools a run offers. A new tool is a module of its own and one line here."""

from __future__ import annotations

from collections.abc import Callable

from harness.agent.tools.access import ChangeAccess, ReadAccess
from harness.agent.tools.edit_file import edit_file
from harness.agent.tools.grep import grep
from harness.agent.tools.list_files import list_files
from harness.agent.tools.read_file import read_file
from harness.agent.tools.run import run
from harness.agent.tools.semantic_search import semantic_search
from harness.agent.tools.tool import Tool

# Small models lose their way among more; a tool that is not worth its place goes.
MAX_TOOLS = 6
READING: tuple[Callable[[ReadAccess], Tool], ...] = (
    read_file,
    list_files,
    grep,
    semantic_search,
)
CHANGING: tuple[Callable[[ChangeAccess], Tool], ...] = (edit_file, run)


def offered_tools(read: ReadAccess, change: ChangeAccess | None) -> tuple[Tool, ...]:
    """Return the tools of a run, in the order in which the model sees them.

    :param change: None offers the tools that read and no others.
    """
    reading = [declare(read) for declare in READING]
    return (*reading, *(declare(change) for declare in CHANGING if change is not None))
