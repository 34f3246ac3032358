"""A Jupyter notebook's cells, each line with the line of the file that holds it.

Outputs, attachments and metadata are not read: pictures and tables that running the cells makes
again. Both formats in use are understood, 4 and 3 (``worksheets``, ``input``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

SUFFIX = ".ipynb"
_MAX_DEPTH = 100

_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"-?[0-9][0-9.eE+-]*|true|false|null|NaN|-?Infinity")
_MAGIC = re.compile(r"%%(\w+)")
_EXTENSIONS = {
    **dict.fromkeys(("python", "python2", "python3", "ipython", "ipython3", "sage"), "py"),
    **dict.fromkeys(("r", "ir"), "r"),
    **dict.fromkeys(("javascript", "js", "node", "deno"), "js"),
    **dict.fromkeys(("bash", "sh", "script", "shell", "zsh"), "sh"),
    **dict.fromkeys(("c++", "c++11", "c++14", "c++17", "c++20", "xcpp", "cpp"), "cpp"),
    **dict.fromkeys(("c#", "csharp", ".net-csharp"), "cs"),
    **dict.fromkeys(("f#", "fsharp", ".net-fsharp"), "fs"),
    "typescript": "ts",
    "julia": "jl",
    "scala": "scala",
    "kotlin": "kt",
    "java": "java",
    "go": "go",
    "rust": "rs",
    "ruby": "rb",
    "perl": "pl",
    "lua": "lua",
    "haskell": "hs",
    "sql": "sql",
    "octave": "m",
    "matlab": "m",
    "html": "html",
    "css": "css",
    "latex": "tex",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's lines; ``rows[i]`` is the file's line (from 0) that holds ``lines[i]``. In a file
    that was written on one line they are all the same. ``extension`` names the language."""

    extension: str
    lines: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _String:
    text: str
    at: int


def read_notebook(text: str) -> tuple[Cell, ...] | None:
    """Return a notebook's cells in order; None when the text is no valid notebook."""
    try:
        whole, end = _value(text, _skip(text, 0), 0)
        if _skip(text, end) != len(text):
            return None
    except (JSONDecodeError, IndexError, ValueError):
        return None
    if not isinstance(whole, dict):
        return None
    cells = _cells(whole)
    if cells is None:
        return None
    ends = [match.start() for match in re.finditer("\n", text)]
    language = _language(whole)
    return tuple(cell for item in cells if (cell := _cell(item, language, ends)) is not None)


def _cells(whole: dict[str, object]) -> list[object] | None:
    cells = whole.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = whole.get("worksheets")
    if not isinstance(sheets, list):
        return None
    found: list[object] = []
    for sheet in sheets:
        inner = sheet.get("cells") if isinstance(sheet, dict) else None
        found += inner if isinstance(inner, list) else []
    return found


def _cell(item: object, language: str, ends: list[int]) -> Cell | None:
    if not isinstance(item, dict):
        return None
    kind = _word(item.get("cell_type"))
    parts = item.get("source", item.get("input"))
    lines: list[str] = []
    rows: list[int] = []
    open_line = False
    for part in parts if isinstance(parts, list) else [parts]:
        if not isinstance(part, _String):
            continue
        row = bisect_right(ends, part.at)
        pieces = part.text.replace("\r\n", "\n").split("\n")
        for number, piece in enumerate(pieces):
            if number == len(pieces) - 1 and not piece:
                break
            if number == 0 and open_line:
                lines[-1] += piece
            else:
                lines.append(piece)
                rows.append(row)
        open_line = bool(pieces[-1])
    if not any(line.strip() for line in lines):
        return None
    if kind == "heading":  # format 3
        lines[0] = "# " + lines[0]
    extension = {"markdown": "md", "heading": "md", "raw": "txt"}.get(kind, language)
    if kind == "code" and (magic := _MAGIC.match(lines[0])) is not None:
        extension = _EXTENSIONS.get(magic[1].lower(), extension)
    return Cell(extension, tuple(lines), tuple(rows))


def _language(whole: dict[str, object]) -> str:
    metadata = whole.get("metadata")
    for key in ("language_info", "kernelspec"):
        told = metadata.get(key) if isinstance(metadata, dict) else None
        for word in ("name", "language") if isinstance(told, dict) else ():
            extension = _EXTENSIONS.get(_word(told.get(word)).lower())  # type: ignore[union-attr]
            if extension is not None:
                return extension
    return "py"


def _word(value: object) -> str:
    return value.text if isinstance(value, _String) else ""


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _value(text: str, at: int, depth: int) -> tuple[object, int]:
    """Read a JSON value; strings know where they are, and other values are not kept."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    char = text[at]
    if char == '"':
        string, end = scanstring(text, at + 1, True)
        return _String(string, at), end
    if char == "{":
        return _collect(text, at, depth, "}")
    if char == "[":
        found, end = _collect(text, at, depth, "]")
        return list(found.values()), end
    word = _WORD.match(text, at)
    if word is None:
        raise ValueError("not JSON")
    return None, word.end()


def _collect(text: str, at: int, depth: int, close: str) -> tuple[dict[str, object], int]:
    """Read an object, or an array as an object with its positions for keys."""
    found: dict[str, object] = {}
    at = _skip(text, at + 1)
    if text[at] == close:
        return found, at + 1
    while True:
        key = str(len(found))
        if close == "}":
            name, at = _value(text, at, depth + 1)
            at = _skip(text, at)
            if not isinstance(name, _String) or text[at] != ":":
                raise ValueError("not JSON")
            key, at = name.text, _skip(text, at + 1)
        found[key], at = _value(text, at, depth + 1)
        at = _skip(text, at)
        if text[at] == close:
            return found, at + 1
        if text[at] != ",":
            raise ValueError("not JSON")
        at = _skip(text, at + 1)
