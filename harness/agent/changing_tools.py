"""The tools of a task that change something: edit_file and run."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
import time
from collections.abc import Callable, Sequence

from harness.agent.reading_tools import PATH
from harness.agent.tools import Arguments, Tool, ToolOutput, schema
from harness.errors import PolicyError, UsageError
from harness.repository.credentials import HIDDEN, redact
from harness.types import ToolSpec
from harness.workspace import CommandPolicy, Workspace, run_command

Approve = Callable[[str, str], bool]
_NUMBERED = re.compile(r"^\s*\d+\| ?")


class ChangingTools:
    """Edits files of a workspace and runs commands in it.

    :param approve: asked with ``command`` and the command's text; None: all are run.
    :param remaining_seconds: what is left of the run's time; what a person took to answer is told
        to ``waited``.
    :param secrets: values that are taken out of a command's output.
    """

    def __init__(
        self,
        space: Workspace,
        policy: CommandPolicy,
        *,
        approve: Approve | None = None,
        remaining_seconds: Callable[[], float],
        secrets: Sequence[str] = (),
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.space = space
        self.policy = policy
        self.approve = approve
        self.remaining_seconds = remaining_seconds
        self.waited: Callable[[float], None] = lambda seconds: None
        self.secrets = tuple(secrets)
        self.cancelled = cancelled

    def tools(self) -> tuple[Tool, ...]:
        """Return the two tools."""
        text = {"type": "string"}
        return (
            Tool(
                ToolSpec(
                    "edit_file",
                    "Change a file: `search` is text that occurs exactly once in it, `replace` "
                    "is what comes instead. Or `content`: the whole text of a new or short file.",
                    schema(("path",), path=PATH, search=text, replace=text, content=text),
                ),
                "edit_file\npath: src/app.py\n<<<<<<< SEARCH\n    return a - b\n=======\n"
                "    return a + b\n>>>>>>> REPLACE",
                self.edit_file,
            ),
            Tool(
                ToolSpec(
                    "run",
                    "Run a shell command in the repository's folder; no network.",
                    schema(
                        ("command",),
                        command={"type": "string", "minLength": 1, "maxLength": 20_000},
                    ),
                ),
                "run\npython -m pytest -q tests",
                self.run,
            ),
        )

    def edit_file(self, arguments: Arguments) -> ToolOutput:
        """Replace a unique text, or write the whole file."""
        path = str(arguments["path"])
        full = self.space.tree.resolve(path)
        exists = full.is_file()
        before = self.space.tree.read_bytes(path) if exists else b""
        try:
            old = before.decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"{path}: not UTF-8 text; change it with run") from None
        newline = "\r\n" if "\r\n" in old else "\n"
        plain = old.replace("\r\n", "\n")
        search = str(arguments.get("search", ""))
        if "content" in arguments and search:
            raise UsageError("send either search and replace, or content, not both")
        if "content" in arguments:
            new = str(arguments["content"])
        elif "replace" not in arguments:
            raise UsageError("send search and replace, or content")
        elif not search.strip():
            if plain.strip():
                raise UsageError("the search text is empty, and the file is not; copy the lines")
            new = str(arguments["replace"]).removesuffix("\n") + "\n"
        elif not exists:
            raise UsageError(f"{path}: no such file; create it with content")
        else:
            new = replace_once(plain, search, str(arguments["replace"]), path)
        new = new.replace("\r\n", "\n")
        if new == plain:
            raise UsageError(f"{path}: the edit changes nothing")
        if HIDDEN in new and HIDDEN not in plain:
            raise UsageError(
                f"{path}: {HIDDEN} stands for a value that is hidden from you and must stay; "
                "change the other lines with search and replace"
            )
        self.space.tree.write_bytes(path, new.replace("\n", newline).encode("utf-8"))
        return ToolOutput(_describe(path, plain, new, exists), changed=True)

    def run(self, arguments: Arguments) -> ToolOutput:
        """Run a command; its end and output are told, whatever they are."""
        command = str(arguments["command"])
        if not self._allowed(command):
            raise PolicyError("the user did not allow this command; find another way")
        return self.execute(command)

    def _allowed(self, command: str) -> bool:
        if self.approve is None:
            return True
        began = time.monotonic()
        allowed = self.approve("command", command)
        self.waited(time.monotonic() - began)
        return allowed

    def execute(self, command: str) -> ToolOutput:
        """Run a command that needs no approval, such as the user's own ``--verify``."""
        left = max(1.0, self.remaining_seconds())
        policy = dataclasses.replace(
            self.policy, timeout_seconds=min(self.policy.timeout_seconds, left)
        )
        result = run_command(command, self.space.root, self.space.scratch, policy, self.cancelled)
        if result.stopped == "cancelled":
            raise KeyboardInterrupt
        output = redact(result.output, self.secrets).rstrip()
        ending = f"\n[stopped: {result.stopped}]" if result.stopped else ""
        text = f"exit code {result.exit_code}\n{output or '(no output)'}{ending}"
        return ToolOutput(text, ok=result.exit_code == 0)


def replace_once(text: str, search: str, replace: str, path: str) -> str:
    """Replace the only occurrence of a text.

    Tried in order: as it is; with the line numbers of read_file taken away; with blanks at line
    ends ignored. Indentation is never guessed.

    :raises UsageError: it occurs never, or more than once; the message shows where to look.
    """
    if text.count(search) == 1:
        if not replace and f"{search}\n" in text and not search.endswith("\n"):
            search += "\n"  # a deleted line leaves no empty one
        return text.replace(search, replace)
    if text.count(search) > 1:
        raise _ambiguous(text, search, path)
    lines = search.strip("\n").split("\n")
    if all(_NUMBERED.match(line) for line in lines):
        lines = [_NUMBERED.sub("", line) for line in lines]
        replace = "\n".join(_NUMBERED.sub("", line) for line in replace.split("\n"))
    wanted = [line.rstrip() for line in lines]
    have = text.split("\n")
    places = [
        start
        for start in range(len(have) - len(wanted) + 1)
        if [line.rstrip() for line in have[start : start + len(wanted)]] == wanted
    ]
    if len(places) > 1:
        raise _ambiguous(text, "\n".join(lines), path)
    if not places:
        raise UsageError(f"{path}: the search text does not occur. {_closest(have, wanted)}")
    new = replace.strip("\n").split("\n") if replace else []
    return "\n".join([*have[: places[0]], *new, *have[places[0] + len(wanted) :]])


def _ambiguous(text: str, search: str, path: str) -> UsageError:
    first = search.strip("\n").split("\n")[0].strip()
    numbers = [
        str(number) for number, line in enumerate(text.split("\n"), start=1) if first in line
    ]
    return UsageError(
        f"{path}: the search text occurs more than once (lines {', '.join(numbers[:10])}); add "
        "lines before or after it"
    )


def _closest(have: Sequence[str], wanted: Sequence[str]) -> str:
    first = next((line for line in wanted if line.strip()), "")
    close = difflib.get_close_matches(first, have[:5000], 1, 0.5)
    if not close:
        return "Read the file again and copy the lines exactly."
    start = have.index(close[0])
    shown = "\n".join(have[start : start + min(len(wanted), 12)])
    return f"Closest, from line {start + 1}; copy exactly:\n{shown}"


def _describe(path: str, before: str, after: str, existed: bool) -> str:
    old, new = before.split("\n"), after.split("\n")
    diff = list(difflib.unified_diff(old, new, "before", "after", lineterm="", n=1))
    added = sum(line.startswith("+") for line in diff[2:])
    removed = sum(line.startswith("-") for line in diff[2:])
    text = f"{'Changed' if existed else 'Created'} {path}: +{added} -{removed} lines."
    if (
        path.endswith(".py")
        and (problem := _syntax_problem(after))
        and not (existed and _syntax_problem(before))
    ):
        text += f"\nWarning: the file is no longer valid Python: {problem}"
    return text


def _syntax_problem(source: str) -> str:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""
