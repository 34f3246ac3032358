"""The tool ``run``: a shell command in the copy."""

from __future__ import annotations

from functools import partial

from harness.agent.tools.access import ChangeAccess
from harness.agent.tools.text_forms import Body
from harness.agent.tools.tool import Arguments, Tool, ToolOutput, schema
from harness.errors import PolicyError
from harness.models.conversation import ToolSpec


def run(access: ChangeAccess) -> Tool:
    """Declare the tool."""
    command = {"type": "string", "minLength": 1, "maxLength": 20_000}
    return Tool(
        ToolSpec(
            "run",
            "Run a shell command in the repository's folder; no network.",
            schema(("command",), command=command),
        ),
        example={"command": "python -m pytest -q tests"},
        handler=partial(_run, access),
        subject=("command",),
        form=Body("command"),
    )


def _run(access: ChangeAccess, arguments: Arguments) -> ToolOutput:
    command = str(arguments["command"])
    if access.approve is not None:
        with access.clock.paused():
            allowed = access.approve("command", command)
        if not allowed:
            raise PolicyError("the user did not allow this command; find another way")
    return access.commands.run(command)
