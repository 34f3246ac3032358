"""The tool ``grep``: lines that match a regular expression."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import re2

from harness import charsets
from harness.agent.tools import text_search
from harness.agent.tools.access import ReadAccess
from harness.agent.tools.tool import PATH, Arguments, Tool, ToolOutput, counted, cut_line, schema
from harness.errors import UsageError
from harness.models.conversation import ToolSpec
from harness.repository.credentials import redact

MAX_MATCHES = 60
GREP_SECONDS = 20.0
# Where the script finds the one module that it imports.
_PACKAGES = str(Path(charsets.__file__).parent.parent)


def grep(access: ReadAccess) -> Tool:
    """Declare the tool."""
    pattern = {"type": "string", "minLength": 1, "maxLength": 500}
    return Tool(
        ToolSpec(
            "grep",
            "Find lines that match a regular expression.",
            schema(("pattern",), pattern=pattern, path=PATH),
        ),
        example={"pattern": "def main", "path": "src"},
        handler=partial(_grep, access),
        subject=("pattern", "path"),
    )


def _grep(access: ReadAccess, arguments: Arguments) -> ToolOutput:
    pattern = str(arguments["pattern"])
    note = ""
    if "\0" in pattern:
        raise UsageError("no line of a text file holds a NUL byte; leave it out")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        pattern, note = re.escape(pattern), "Not a regular expression; searched literally.\n"
    rows = matching_lines(access, pattern, access.folder(arguments.get("path", "")))
    if not rows:
        return ToolOutput(f"{note}No lines match.", summary="no lines match")
    more = "\n… more lines match; narrow the pattern" if len(rows) > MAX_MATCHES else ""
    summary = f"more than {MAX_MATCHES} lines" if more else counted(len(rows), "line")
    return ToolOutput(note + "\n".join(rows[:MAX_MATCHES]) + more, summary=summary)


def matching_lines(access: ReadAccess, pattern: str, folder: str) -> list[str]:
    """Return ``path:line:text`` of the lines that match, more than MAX_MATCHES if there are.

    :raises UsageError: the search took too long or failed.
    """
    names = access.files(folder)
    ripgrep = shutil.which("rg")
    # ripgrep looks for the bytes that the pattern's letters have in UTF-8.
    if ripgrep is not None and len(names) <= 5000 and pattern.isascii():
        # Naming the files confines ripgrep to what list_files shows, which omits secret files.
        command = [ripgrep, "--no-config", "--no-heading", "--with-filename", "--line-number"]
        command += ["--color=never", "--no-messages", "--max-count=200", "--regexp", pattern]
        rows = _rows([*command, "--", *names], access.tree.root, "", ok=(0, 1))
        if rows is not None:
            return _without_secrets(access, rows, names, pattern)
    # In a process of its own, because a regular expression can run forever and Python cannot
    # interrupt it.
    script = [sys.executable, "-I", "-S", text_search.__file__]
    script += [pattern, str(MAX_MATCHES + 1), _PACKAGES]
    rows = _rows(script, access.tree.root, "\0".join(names), ok=(0,))
    if rows is None:
        raise UsageError("the search failed; use a simpler pattern")
    return _without_secrets(access, rows, names, pattern)


def _without_secrets(
    access: ReadAccess, rows: Sequence[str], names: Sequence[str], pattern: str
) -> list[str]:
    """Hide secrets as read_file does, by the whole file: a line of a key does not look like one.

    A line that only matches in what is hidden is left out; whether it does would say what the
    secret is like, one question after the other.
    """
    # As they come back from a process.
    known = {os.fsencode(name).decode("utf-8", "replace"): name for name in names}
    files: dict[str, tuple[list[str], list[str]] | None] = {}
    shown: list[str] = []
    for row in rows:
        if len(shown) > MAX_MATCHES:
            break
        name, number = _place(row, known)
        if not number:
            continue
        if name not in files:
            files[name] = _hidden_lines(access, known[name])
        hidden = files[name]
        if hidden is None:
            shown.append(cut_line(row))
            continue
        had, has = (lines[number - 1] if number <= len(lines) else "" for lines in hidden)
        if had == has:
            shown.append(cut_line(f"{name}:{number}:{had.rstrip()}" if had else row))
        elif _still_matches(pattern, has):
            shown.append(cut_line(f"{name}:{number}:{has.rstrip()}"))
    return shown


def _place(row: str, names: Collection[str]) -> tuple[str, int]:
    """Path and number of a row ``path:line:text``, 0 for none; a path may have colons, too."""
    at = row.find(":")
    while at >= 0:
        number = row[at + 1 :].partition(":")[0]
        if row[:at] in names and number.isdecimal():
            return row[:at], int(number)
        at = row.find(":", at + 1)
    return "", 0


def _hidden_lines(access: ReadAccess, name: str) -> tuple[list[str], list[str]] | None:
    """The lines of a file with and without secrets; None when it has none and is in UTF-8, whose
    lines come back as they are.

    :raises UsageError: it can no longer be read.
    """
    data = access.tree.read_bytes(name)
    text = charsets.readable(data).removeprefix(charsets.MARK).replace("\r\n", "\n")
    clean = redact(text)
    if clean == text and not charsets.is_other(data):
        return None
    return text.split("\n"), clean.split("\n")


def _still_matches(pattern: str, line: str) -> bool:
    # RE2, because it answers in bounded time; what it cannot read stays hidden.
    try:
        return re2.search(pattern, line) is not None
    except re2.error:
        return False


def _rows(command: list[str], cwd: Path, data: str, ok: tuple[int, ...]) -> list[str] | None:
    """Return the lines of a command's output, None when it could not do its work."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            input=data.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=GREP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"the search took longer than {GREP_SECONDS:.0f} s; use a simpler pattern"
        ) from None
    except OSError:
        return None
    if done.returncode not in ok:
        return None
    return done.stdout.decode("utf-8", "replace").splitlines()
