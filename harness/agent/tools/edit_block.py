"""How an edit is written in the text protocol: a SEARCH/REPLACE block, or the whole file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import PurePosixPath

from harness.agent.fences import find_fences, is_one_block
from harness.agent.tools.text_forms import read_key_lines
from harness.agent.validation import FormatError

_MARKER = re.compile(r"^(?:(<{5,}) ?SEARCH|(={5,})|(>{5,}) ?REPLACE)[ \t\r]*$")
_USUAL, _LONG = 7, 9
# A sloppy model writes five to nine signs where seven are wanted.
_SLOPPY = range(5, 10)
# Files in which a fence around the text may belong to it; also README and the like.
_PROSE = frozenset({".md", ".markdown", ".mdx", ".mdown", ".qmd", ".rmd", ".rst", ".txt"})

_INCOMPLETE = (
    "The SEARCH/REPLACE block is incomplete. Lines: <<<<<<< SEARCH, old text, =======, new text, "
    ">>>>>>> REPLACE."
)
_UNCLEAR = (
    "The SEARCH/REPLACE block is unclear: its text holds lines like its markers. Send one block "
    "per action, leave such lines out, or write all three markers with nine signs: "
    "<<<<<<<<< SEARCH, =========, >>>>>>>>> REPLACE."
)


class EditBlock:
    """``path``, then the code itself: a SEARCH/REPLACE block, or ``content:`` and the whole file.

    Code is never put inside JSON, because small models lose quotes and line ends there. Markers
    with more than seven signs allow such lines with fewer signs in the text between them.
    """

    when_cut_off = "Make a smaller edit with SEARCH/REPLACE."

    def write(self, arguments: Mapping[str, object]) -> str:
        """Write a block when the call has no ``content``."""
        code = {"search", "replace", "content"}
        lines = [f"{key}: {value}" for key, value in arguments.items() if key not in code]
        if "content" in arguments:
            lines += ["content:", str(arguments["content"]).removesuffix("\n")]
        elif not code.isdisjoint(arguments):
            search, replace = str(arguments.get("search", "")), str(arguments.get("replace", ""))
            if not search:
                replace = replace.removesuffix("\n")
            signs = _signs_for([*search.split("\n"), *replace.split("\n")])
            middle, end = "=" * signs, f"{'>' * signs} REPLACE"
            parts = [f"{'<' * signs} SEARCH", search, middle, replace, end]
            lines += [part for part in parts if part]
        return "\n".join(lines)

    def read(self, tool: str, text: str) -> dict[str, object]:
        """A whole file may stand in a fence of its own."""
        arguments, body, is_content = read_key_lines(text, ("path",), stop="content")
        lines = body.split("\n")
        if not is_content and any(_MARKER.match(line.strip()) for line in lines):
            return {**arguments, **_read_block(lines)}
        if body.strip() and (is_content or is_one_block(body.strip().split("\n"))):
            path = str(arguments.get("path", ""))
            return {**arguments, "content": _unwrapped(body, path) + "\n"}
        raise FormatError(
            f"{tool} needs a SEARCH/REPLACE block, or `content:` and the whole file after it."
        )

    def is_whole(self, text: str, *, at_fence: bool) -> bool | None:
        """A SEARCH/REPLACE block ends with its last marker, whatever fences are in it."""
        _, body, is_content = read_key_lines(text, ("path",), stop="content")
        if is_content:
            return None
        lines = body.split("\n")
        if not any(_starts(line) for line in lines):
            return None if at_fence else is_one_block(body.strip().split("\n"))
        try:
            _read_block(lines)
        except FormatError:
            return False
        return True


def _starts(line: str) -> bool:
    match = _MARKER.match(line)
    return match is not None and bool(match[1])


def _signs_for(lines: Sequence[str]) -> int:
    """Return how many signs the markers need so that no line of the text looks like one."""
    lengths = {_length(line) for line in lines}
    if lengths.isdisjoint(_SLOPPY):
        return _USUAL
    return next(number for number in count(_LONG) if number not in lengths)


def _length(line: str) -> int:
    """Return the number of signs of a marker, 0 for any other line."""
    match = _MARKER.match(line)
    return len(match[1] or match[2] or match[3]) if match is not None else 0


def _read_block(lines: Sequence[str]) -> dict[str, object]:
    """Read the one block of a text.

    :raises FormatError: there is none, or more than one way to read it.
    """
    start = next((number for number, line in enumerate(lines) if _starts(line)), None)
    if start is None:
        raise FormatError(_INCOMPLETE)
    signs = _length(lines[start])
    wanted = _SLOPPY if signs <= _USUAL else range(signs, signs + 1)
    found: dict[str, list[int]] = {"<": [], "=": [], ">": []}
    for number, line in enumerate(lines[start:], start):
        if _length(line) in wanted:
            found[line[0]].append(number)
    if not found["="] or not found[">"]:
        raise FormatError(_INCOMPLETE)
    end = found[">"][0]
    middles = [number for number in found["="] if number < end]
    if len(found["<"]) > 1 or len(found[">"]) > 1 or len(middles) > 1:
        raise FormatError(_UNCLEAR)
    if not middles:
        raise FormatError(_INCOMPLETE)
    old, new = lines[start + 1 : middles[0]], lines[middles[0] + 1 : end]
    search, replace = "\n".join(old), "\n".join(new)
    if not search:  # a new file, whose lines all have an end
        return {"search": "", "replace": f"{replace}\n" if new else ""}
    if new == [""]:  # an empty line comes instead; without any line the old ones are deleted
        return {"search": f"{search}\n", "replace": "\n"}
    return {"search": search, "replace": replace}


def _unwrapped(body: str, path: str) -> str:
    """Return the text of a whole file, without a fence that is around it and no part of it."""
    lines = body.strip().split("\n")
    if not is_one_block(lines):
        return body
    info = find_fences(lines)[0].info.casefold()
    if _may_hold_fences(path) and info not in ("md", "markdown"):
        raise FormatError(
            "It is not clear whether the fence around the text belongs to the file. Put `content:` "
            "before the text and no fence around it, or use SEARCH/REPLACE."
        )
    return "\n".join(lines[1:-1])


def _may_hold_fences(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix.casefold() in _PROSE or (not name.suffix and name.stem.isupper())
