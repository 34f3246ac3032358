"""Text from elsewhere on a Markdown page: it is shown, and nothing in it is loaded or ends a block.

Reports and artifacts quote what a model, a repository or a server said. A picture in it would be
fetched by the browser of whoever opens the page, with what the model chose to put into the address;
HTML could do more. So what begins a picture, a link or HTML is escaped (CommonMark 0.31, sections
6.3, 6.4 and 6.6), and blocks of code are fenced anew with more backticks than there are inside.
Nothing unseen changes the order in which letters are shown: a patch is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.text import visible

_BACKTICKS = re.compile(r"`+")
_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})([^`]*)")
# `![`, `](`, `][`, `]:` and `<a`: pictures, links, their definitions, HTML and addresses in `<…>`.
_ACTIVE = re.compile(r"!(?=\[)|\](?=[(\[:])|<(?=[A-Za-z/!?])")
# A text with more fences that nothing closes is no Markdown, and each means reading it to its end.
_MAX_UNCLOSED = 20
_ESCAPED = {"!": "!\\", "]": "]\\", "<": "&lt;"}


def code_block(text: str, language: str = "") -> str:
    """A fenced block that nothing in the text can end, four backticks at least."""
    fence = "`" * max(4, _longest_run(text) + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def code_span(text: str) -> str:
    """A name or path within a line."""
    line = visible(" ".join(text.split()))
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line[:1] == "`" or line[-1:] == "`" or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def inert_line(text: str) -> str:
    """A text as one line of prose."""
    return _inert(" ".join(text.split()))


def inert(text: str) -> str:
    """A text of several lines; its own blocks of code stay blocks."""
    return "\n".join(_parts(text.split("\n")))


def _parts(lines: list[str]) -> Iterator[str]:
    at = tried = 0
    while at < len(lines):
        opening = _FENCE.fullmatch(lines[at].rstrip())
        end = None
        if opening and tried < _MAX_UNCLOSED:
            end = _end_of_block(lines, at, opening[2])
            tried += end is None
        if opening is None or end is None:
            # A fence without an end would make code of the rest of the page.
            yield _inert(lines[at].replace("```", r"\`\`\`").replace("~~~", r"\~\~\~"))
            at += 1
            continue
        language = "".join(re.findall(r"[\w+#.-]+", opening[3])[:1])
        yield code_block("\n".join(lines[at + 1 : end]), language)
        at = end + 1


def _end_of_block(lines: list[str], start: int, fence: str) -> int | None:
    for at in range(start + 1, len(lines)):
        line = lines[at].strip()
        if len(line) >= len(fence) and set(line) == {fence[0]}:
            return at
    return None


def _inert(line: str) -> str:
    return _ACTIVE.sub(lambda found: _ESCAPED[found[0]], visible(line))


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
