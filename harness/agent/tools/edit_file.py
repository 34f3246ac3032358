"""The tool ``edit_file``: replaces a text that occurs once in a file, or writes the whole file."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from functools import partial

from harness.agent.tools.access import ChangeAccess
from harness.agent.tools.replacing import replace_once
from harness.agent.tools.text_forms import read_key_lines
from harness.agent.tools.tool import PATH, Arguments, Tool, ToolOutput, schema
from harness.agent.validation import FormatError
from harness.errors import UsageError
from harness.repository.credentials import HIDDEN
from harness.types import ToolSpec

_BLOCK = re.compile(
    r"^<{5,9} ?SEARCH[ \t]*\n(?P<search>.*?)^={5,9}[ \t]*\n(?P<replace>.*?)^>{5,9} ?REPLACE",
    re.DOTALL | re.MULTILINE,
)
_PART_OF_BLOCK = re.compile(r"^(<{5,9} ?SEARCH|>{5,9} ?REPLACE)", re.MULTILINE)
_INNER_FENCE = re.compile(r"\A\s*(`{3,})[\w.+-]*[ \t]*\n(.*?)\n?\1[ \t]*\Z", re.DOTALL)
_NOTES = """\
To change part of a file, use SEARCH/REPLACE. The SEARCH text must be copied exactly and occur
only once in the file. To write a whole file, put `content:` after the path, then the file:

```action
edit_file
path: src/new.py
content:
print("hello")
```"""


def edit_file(access: ChangeAccess) -> Tool:
    """Declare the tool."""
    text = {"type": "string"}
    return Tool(
        ToolSpec(
            "edit_file",
            "Change a file: `search` is text that occurs exactly once in it, `replace` "
            "is what comes instead. Or `content`: the whole text of a new or short file.",
            schema(("path",), path=PATH, search=text, replace=text, content=text),
        ),
        example={
            "path": "src/app.py",
            "search": "    return a - b",
            "replace": "    return a + b",
        },
        handler=partial(_edit, access),
        form=EditBlock(),
        notes=_NOTES,
    )


class EditBlock:
    """``path``, then the code itself: a SEARCH/REPLACE block, or ``content:`` and the whole file.

    Code is never put inside JSON, because small models lose quotes and line ends there.
    """

    holds_fences = True
    when_cut_off = "Make a smaller edit with SEARCH/REPLACE."

    def write(self, arguments: Mapping[str, object]) -> str:
        """Write a block when the call has no ``content``."""
        code = {"search", "replace", "content"}
        lines = [f"{key}: {value}" for key, value in arguments.items() if key not in code]
        if "content" in arguments:
            lines += ["content:", str(arguments["content"])]
        elif not code.isdisjoint(arguments):
            search, replace = arguments.get("search", ""), arguments.get("replace", "")
            parts = ["<<<<<<< SEARCH", str(search), "=======", str(replace), ">>>>>>> REPLACE"]
            lines += [part for part in parts if part]
        return "\n".join(lines)

    def read(self, tool: str, text: str) -> dict[str, object]:
        """A whole file may stand in a fence of its own."""
        arguments, body = read_key_lines(text, stop="content")
        blocks = list(_BLOCK.finditer(body))
        if len(blocks) > 1:
            raise FormatError("One SEARCH/REPLACE block per action. Send the first one.")
        if blocks:
            search, replace = blocks[0]["search"], blocks[0]["replace"]
            edit = {"search": search.removesuffix("\n"), "replace": replace.removesuffix("\n")}
            return {**arguments, **edit}
        if _PART_OF_BLOCK.search(body):
            raise FormatError(
                "The SEARCH/REPLACE block is incomplete. Lines: <<<<<<< SEARCH, old text, "
                "=======, new text, >>>>>>> REPLACE."
            )
        inner = _INNER_FENCE.match(body)
        content = inner[2] if inner is not None else body
        if not content.strip():
            raise FormatError(
                f"{tool} needs a SEARCH/REPLACE block, or `content:` and the whole file after it."
            )
        return {**arguments, "content": content if content.endswith("\n") else f"{content}\n"}


def _edit(access: ChangeAccess, arguments: Arguments) -> ToolOutput:
    path = str(arguments["path"])
    exists = access.tree.resolve(path).is_file()
    before = access.tree.read_bytes(path) if exists else b""
    try:
        old = before.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not valid UTF-8; change it with run") from None
    newline = "\r\n" if "\r\n" in old else "\n"
    plain = old.replace("\r\n", "\n")
    new = _new_text(arguments, path, plain, exists).replace("\r\n", "\n")
    if new == plain:
        raise UsageError(f"{path}: the edit changes nothing")
    if HIDDEN in new and HIDDEN not in plain:
        raise UsageError(
            f"{path}: {HIDDEN} stands for a value that is hidden from you and must stay; "
            "change the other lines with search and replace"
        )
    access.tree.write_bytes(path, new.replace("\n", newline).encode("utf-8"))
    return ToolOutput(_describe(path, plain, new, exists), changed=True)


def _new_text(arguments: Arguments, path: str, old: str, exists: bool) -> str:
    search = str(arguments.get("search", ""))
    if "content" in arguments:
        if search:
            raise UsageError("send either search and replace, or content, not both")
        return str(arguments["content"])
    if "replace" not in arguments:
        raise UsageError("send search and replace, or content")
    replace = str(arguments["replace"])
    if not search.strip():
        if old.strip():
            raise UsageError("the search text is empty, and the file is not; copy the lines")
        return replace.removesuffix("\n") + "\n"
    if not exists:
        raise UsageError(f"{path}: no such file; create it with content")
    return replace_once(old, search, replace, path)


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
