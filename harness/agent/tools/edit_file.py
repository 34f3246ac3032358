"""The tool ``edit_file``: replaces a text that occurs once in a file, or writes the whole file."""

from __future__ import annotations

from functools import partial

from harness import charsets
from harness.agent.sources import syntax_problem
from harness.agent.tools.access import ChangeAccess
from harness.agent.tools.edit_block import EditBlock
from harness.agent.tools.file_text import BOM, FileText, count_changes
from harness.agent.tools.nearest import nearest_paths, no_such_file
from harness.agent.tools.replacing import replace_once
from harness.agent.tools.tool import PATH, Arguments, Tool, ToolOutput, schema
from harness.errors import UsageError
from harness.models.conversation import ToolSpec
from harness.repository.credentials import HIDDEN, redact

_NOTES = """\
To change part of a file, use SEARCH/REPLACE. The SEARCH text must be copied exactly and occur
only once in the file. To write a whole file, put `content:` after the path, then the file:

```action
edit_file
path: src/new.py
content:
print("hello")
```

If the text itself holds lines of ```, put ````action before it and ```` after it."""
MAX_SHOWN_CHARS = 4_000
# In an example of this tool made from the repository; small models send it as it is.
PLACEHOLDER = "(what comes instead)"
_NAMES = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


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
        handler=partial(_edit, access, set()),
        form=EditBlock(),
        subject=("path",),
        changes=True,
        notes=_NOTES,
    )


def _edit(access: ChangeAccess, shown: set[str], arguments: Arguments) -> ToolOutput:
    path = str(arguments["path"])
    exists = access.tree.resolve(path).is_file()
    data = access.tree.read_bytes(path) if exists else b""
    old = _decoded(data, path)
    before = FileText.parse(old)
    try:
        after = FileText.parse(_new_text(access, arguments, path, old, before, exists))
    except UsageError as error:
        if "does not occur" not in str(error) or path in shown:
            raise
        shown.add(path)
        raise UsageError(f"{error}{_whole_text(before, path)}") from None
    if after == before and exists:
        raise UsageError(
            f"{path}: the edit changes nothing; line ends stay as they are, change them with run"
        )
    new = after.text
    if PLACEHOLDER in new and PLACEHOLDER not in old:
        raise UsageError(
            f"{path}: {PLACEHOLDER} only stands in the example for the new lines; write these lines"
        )
    if not exists and (problem := syntax_problem(path, after.plain)):
        raise UsageError(f"{path}: a new file has to parse, and this does not: {problem}")
    if new.count(HIDDEN) > old.count(HIDDEN):
        raise UsageError(
            f"{path}: {HIDDEN} stands for a value that is hidden from you and must stay; "
            "change the other lines with search and replace"
        )
    try:
        encoded = charsets.rewritten(data, new)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    access.tree.write_bytes(path, encoded)
    size = len(encoded) - len(data)
    difference = f"{_lines(before, after)}, {size:+} bytes"
    text = f"{'Changed' if exists else 'Created'} {path}: {difference}."
    notes = _notes(path, before, after, exists)
    said = "changed" if exists else "created"
    return ToolOutput("\n".join([text, *notes]), changed=True, summary=f"{said}, {difference}")


def _whole_text(file: FileText, path: str) -> str:
    """The text of a file that is short enough, once, for a model that edits without reading."""
    text = redact(file.plain)
    if len(text) > MAX_SHOWN_CHARS:
        return ""
    numbered = [f"{number:>5}| {line}" for number, line in enumerate(text.split("\n"), 1)]
    return f"\nThe whole of {path}:\n" + "\n".join(numbered)


def _decoded(data: bytes, path: str) -> str:
    found = charsets.decoded(data)
    if found is None:
        raise UsageError(
            f"{path}: a binary file, or text in an encoding that cannot be told; change it with run"
        )
    return found[0]


def _new_text(
    access: ChangeAccess,
    arguments: Arguments,
    path: str,
    old: str,
    before: FileText,
    exists: bool,
) -> str:
    search = str(arguments.get("search", ""))
    if "content" in arguments:
        if search or arguments.get("replace") or ("search" in arguments and exists):
            raise UsageError("send either search and replace, or content, not both")
        return _whole_file(before, str(arguments["content"]), exists)
    if "replace" not in arguments:
        raise UsageError("send search and replace, or content")
    replace = str(arguments["replace"])
    if not search:
        if before.plain:
            raise UsageError("the search text is empty, and the file is not; copy the lines")
        return _whole_file(before, replace, exists)
    if not exists:
        raise UsageError(
            f"{no_such_file(access.tree, path)}; edit that one, or make a new file with content"
            if nearest_paths(access.tree, path)
            else f"{path}: no such file; make a new file with content"
        )
    return replace_once(old, search, replace, path)


def _whole_file(before: FileText, content: str, exists: bool) -> str:
    """Lines that stay keep their line ends, and a byte order mark stays."""
    if not exists:
        return content
    said = before.as_plain(content)
    if before.bom:
        said = said.removeprefix(BOM)
    return before.replaced(0, len(before.plain), said).text


def _lines(before: FileText, after: FileText) -> str:
    added, removed = count_changes(before, after)
    return f"+{added} -{removed} lines"


def _notes(path: str, before: FileText, after: FileText, existed: bool) -> list[str]:
    """Return what else the model should know of the file as it is now."""
    notes = []
    ends = after.kinds_of_ends
    if len(ends) > 1:
        kinds = ", ".join(f"{count} {_NAMES[end]}" for end, count in ends.most_common())
        notes.append(f"Its line ends are mixed ({kinds}); those of other lines were kept.")
    if existed and before.plain and after.plain:
        had, has = before.lines[-1] == "", after.lines[-1] == ""
        if had != has:
            notes.append(f"It ends {'with' if has else 'without'} a line end now.")
    if existed and (problem := syntax_problem(path, after.plain)):
        was = syntax_problem(path, before.plain)
        if not was:
            notes.append(f"Warning: the file is no longer valid, correct this first: {problem}")
    return notes
