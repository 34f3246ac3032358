"""The tools that read: read_file, list_files, grep, semantic_search."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from harness.agent import text_search
from harness.agent.tools import Arguments, OutputStore, Tool, ToolOutput, schema
from harness.errors import HarnessError, UsageError
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret
from harness.types import Hit, ToolSpec
from harness.workspace import ConfinedTree, list_files

Search = Callable[[str, int], Sequence[Hit]]
PATH = {"type": "string", "description": "path relative to the repository root", "maxLength": 1000}
MAX_LINE_CHARS = 400
MAX_LISTED = 150
MAX_MATCHES = 60
GREP_SECONDS = 20.0
SEARCH_RESULTS = 6
HIT_LINES = 14
STOP_WORDS = frozenset({"what", "where", "which", "this", "that", "with", "does", "from", "when"})


class ReadingTools:
    """Reads below one root; nothing is ever written.

    :param search: ranked passages for a query and a count; None: the repository is not indexed.
    :param max_chars: size of one answer, so that a page of a file need not be cut again.
    """

    def __init__(
        self, tree: ConfinedTree, store: OutputStore, search: Search | None, max_chars: int
    ) -> None:
        self.tree = tree
        self.store = store
        self.search = search
        self.max_chars = max_chars

    def tools(self) -> tuple[Tool, ...]:
        """Return the four tools."""
        number = {"type": "integer", "minimum": 1, "description": "line number, from 1"}
        return (
            Tool(
                ToolSpec(
                    "read_file",
                    "Read a text file with line numbers.",
                    schema(("path",), path=PATH, start=number, end=number),
                ),
                "read_file\npath: src/app.py\nstart: 1\nend: 80",
                self.read_file,
            ),
            Tool(
                ToolSpec("list_files", "List the files below a folder.", schema((), path=PATH)),
                "list_files\npath: src",
                self.list_files,
            ),
            Tool(
                ToolSpec(
                    "grep",
                    "Find lines that match a regular expression.",
                    schema(
                        ("pattern",),
                        pattern={"type": "string", "minLength": 1, "maxLength": 500},
                        path=PATH,
                    ),
                ),
                "grep\npattern: def main\npath: src",
                self.grep,
            ),
            Tool(
                ToolSpec(
                    "semantic_search",
                    "Find code by what it does, in plain words.",
                    schema(("query",), query={"type": "string", "minLength": 1, "maxLength": 500}),
                ),
                "semantic_search\nquery: where requests are retried",
                self.semantic_search,
            ),
        )

    def read_file(self, arguments: Arguments) -> ToolOutput:
        """Return numbered lines, as many as fit, and how to go on."""
        path = str(arguments["path"])
        if path.startswith("@output/"):
            kept = self.store.get(path)
            if kept is None:
                raise UsageError(f"{path}: there is no such output")
            text = kept
        else:
            data = self.tree.read_bytes(path)
            if b"\0" in data[:8000]:
                raise UsageError(f"{path}: a binary file of {len(data)} bytes")
            # Here and not with the other outputs: line numbers would take a key apart.
            text = redact(data.decode("utf-8", "replace"))
        lines = text.split("\n")
        if lines and lines[-1] == "":
            lines.pop()
        start = int(str(arguments.get("start", 1)))
        end = min(int(str(arguments.get("end", len(lines)))), len(lines))
        if not lines:
            return ToolOutput(f"{path} is empty.")
        if start > len(lines):
            raise UsageError(f"{path} has {len(lines)} lines; start={start} is beyond its end")
        if end < start:
            raise UsageError(f"end={end} lies before start={start}")
        shown: list[str] = []
        room = self.max_chars - 200
        for number in range(start, end + 1):
            line = f"{number:>5}| {_cut(lines[number - 1].rstrip(chr(13)))}"
            room -= len(line) + 1
            if room < 0:
                break
            shown.append(line)
        last = start + len(shown) - 1
        note = f"{path}, lines {start}-{last} of {len(lines)}"
        if last < end:
            note += f"; go on with start: {last + 1}"
        return ToolOutput(note + "\n" + "\n".join(shown))

    def list_files(self, arguments: Arguments) -> ToolOutput:
        """Return the files below a folder; folders with counts when there are too many."""
        folder = self._folder(arguments)
        names = self._files(folder)
        if not names:
            why = "; vendored and excluded files are not listed, read_file opens them" * bool(
                folder
            )
            return ToolOutput(f"No files below {folder or '.'}{why}.")
        if len(names) <= MAX_LISTED:
            return ToolOutput("\n".join(names))
        depth = len(PurePosixPath(folder).parts)
        groups: dict[str, int] = {}
        for name in names:
            parts = PurePosixPath(name).parts
            group = "/".join(parts[: depth + 1]) + ("/" if len(parts) > depth + 1 else "")
            groups[group] = groups.get(group, 0) + 1
        rows = [
            f"{name}  ({count} files)" if name[-1] == "/" else name
            for name, count in groups.items()
        ]
        more = f"\n… and {len(rows) - MAX_LISTED} more" if len(rows) > MAX_LISTED else ""
        return ToolOutput(f"{len(names)} files:\n" + "\n".join(rows[:MAX_LISTED]) + more)

    def grep(self, arguments: Arguments) -> ToolOutput:
        """Return matching lines as ``path:line: text``."""
        pattern = str(arguments["pattern"])
        note = ""
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError):
            pattern, note = re.escape(pattern), "Not a regular expression; searched literally.\n"
        rows = self._grep(pattern, self._folder(arguments))
        if not rows:
            return ToolOutput(f"{note}No lines match.")
        more = "\n… more lines match; narrow the pattern" if len(rows) > MAX_MATCHES else ""
        return ToolOutput(note + "\n".join(rows[:MAX_MATCHES]) + more)

    def semantic_search(self, arguments: Arguments) -> ToolOutput:
        """Return passages of the index, or lines with the query's words when there is none."""
        query = str(arguments["query"])
        passages, reason = self.passages(query)
        if not reason:
            return ToolOutput(passages or "Nothing found.")
        words = [w for w in re.findall(r"\w{4,}", query.lower()) if w not in STOP_WORDS]
        if not words:
            return ToolOutput(f"Note: {reason}, and the query holds no word to search for.")
        rows = self._grep("(?i)" + "|".join(re.escape(word) for word in words[:8]), "")
        found = sorted(rows, key=lambda row: -sum(word in row.lower() for word in words))
        lines = "\n".join(found[:25]) or "No lines match."
        return ToolOutput(f"Note: {reason}. Lines with the words of the query:\n{lines}")

    def passages(self, query: str) -> tuple[str, str]:
        """Return passages of the index as text, and why there are none to be had, empty when the
        index was searched."""
        if self.search is None:
            return "", "this repository is not indexed (`harness index` would do it)"
        try:
            hits = self.search(query, SEARCH_RESULTS)
        except HarnessError as error:
            return "", f"the index cannot be used ({error})"
        # An index may be older than what counts as secret now.
        shown = "\n\n".join(_passage(hit) for hit in hits if not is_secret(hit.path))
        return redact(shown), ""

    def _folder(self, arguments: Arguments) -> str:
        path = str(arguments.get("path", "")).strip()
        if path in ("", ".", "./", "/"):
            return ""
        full = self.tree.resolve(path)
        if not full.exists():
            raise UsageError(f"{path}: no such file or folder")
        return self.tree.relative(full)

    def _files(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        return [
            name for name in list_files(self.tree.root) if name.startswith(prefix) or name == folder
        ]

    def _grep(self, pattern: str, folder: str) -> list[str]:
        names = self._files(folder)
        ripgrep = shutil.which("rg")
        if ripgrep is not None and len(names) <= 5000:
            # A list of files keeps ripgrep to what list_files shows, secrets left out.
            command = [ripgrep, "--no-config", "--no-heading", "--with-filename", "--line-number"]
            command += ["--color=never", "--no-messages", "--max-count=200", "--regexp", pattern]
            result = _rows([*command, "--", *names], self.tree.root, "", ok=(0, 1))
            if result is not None:
                return [_cut(row) for row in result]
        # In a process of its own, since a regular expression can take for ever and Python
        # cannot be interrupted in one.
        script = [sys.executable, "-I", "-S", text_search.__file__, pattern, str(MAX_MATCHES + 1)]
        result = _rows(script, self.tree.root, "\0".join(names), ok=(0,))
        if result is None:
            raise UsageError("the search failed; use a simpler pattern")
        return [_cut(row) for row in result]


def _rows(command: list[str], cwd: Path, data: str, ok: tuple[int, ...]) -> list[str] | None:
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
        raise UsageError(f"no end after {GREP_SECONDS:.0f} s; use a simpler pattern") from None
    except OSError:
        return None
    if done.returncode not in ok:
        return None
    return done.stdout.decode("utf-8", "replace").splitlines()


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + " […]"


def _passage(hit: Hit) -> str:
    lines = hit.text.splitlines()
    numbered = [
        f"{hit.start_line + offset:>5}| {_cut(line)}"
        for offset, line in enumerate(lines[:HIT_LINES])
    ]
    more = f"\n       … to line {hit.end_line}" if len(lines) > HIT_LINES else ""
    symbol = f" ({hit.symbol})" if hit.symbol else ""
    return f"{hit.path}:{hit.start_line}-{hit.end_line}{symbol}\n" + "\n".join(numbered) + more
