"""Random files and random edits of them, with what must come out, found on bytes alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import strategies as st

BOM = b"\xef\xbb\xbf"
END = rb"(?:\r\n|\n)"
# What models and files trip over: markers, fences, headings, blanks, separators that are no line
# ends, a lone carriage return, other scripts.
LINES = st.one_of(
    st.sampled_from(
        [
            "", "", "x = 1", "x = 1  ", "\tx = 1", "    return a", "}", "```", "```sh", "~~~",
            "````", "  ```", "=======", "=====", "<<<<<<< SEARCH", ">>>>>>> REPLACE",
            "<<<<<<< HEAD", "=========", "<<<<<<<<< SEARCH", "Title", "-----", "path: a.py",
            "content:", "|", "run", "edit_file", "EOF", "a\rb", "\u2028", "\x0c", "\x85",
            "日本語", "é", "e\u0301", "\ufeff", "\U0001f600", "    12| x", "'quoted'", '"""',
            "<tool_call>", "</parameter>",
        ]
    ),
    st.text(st.sampled_from("ab \t`~=<>|'\"\\#é"), max_size=6),
)  # fmt: skip


@dataclass(frozen=True)
class RandomFile:
    data: bytes

    @property
    def body(self) -> bytes:
        return self.data.removeprefix(BOM)

    @property
    def pairs(self) -> list[tuple[bytes, bytes]]:
        """Each line with its end; the last one has none and may be empty."""
        parts = re.split(rb"(\r\n|\n)", self.body)
        return [*zip(parts[::2], [*parts[1::2], b""], strict=True)]

    @property
    def plain(self) -> str:
        return b"\n".join(line for line, _ in self.pairs).decode()


@st.composite
def files(draw: st.DrawFn) -> RandomFile:
    lines = draw(st.lists(LINES, min_size=1, max_size=9))
    kinds = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]]))
    text = "".join(line + draw(st.sampled_from(kinds)) for line in lines)
    if draw(st.booleans()):
        text = re.sub(r"\r?\n\Z", "", text)
    text = text.removeprefix("\ufeff")
    if "\n" not in text:
        text = text.replace("\r", "")  # it would end lines
    return RandomFile((BOM if draw(st.booleans()) else b"") + text.encode())


@st.composite
def said_lines(draw: st.DrawFn) -> str:
    return "\n".join(draw(st.lists(LINES, max_size=4)))


@st.composite
def edits(draw: st.DrawFn, file: RandomFile) -> tuple[str, str]:
    """A piece of the file, of whole lines or not, and what comes instead."""
    plain = file.plain
    places = [0, *(match.end() for match in re.finditer("\n", plain)), len(plain)]
    start, stop = sorted(draw(st.tuples(st.sampled_from(places), st.sampled_from(places))))
    if draw(st.booleans()):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, len(plain))] * 2)))
    elif draw(st.booleans()) and plain[start:stop].endswith("\n"):
        stop -= 1
    search = plain[start:stop].rstrip("\r")  # with a line end behind it, it would be one
    kept = draw(st.sampled_from(["", search, f"{search}\n"]))
    return search, draw(st.sampled_from([kept, ""])) + draw(st.one_of(st.just(""), said_lines()))


def occurrences(body: bytes, search: str) -> list[tuple[int, int]]:
    """Spans of a text in a file's bytes, those that overlap included."""
    pattern = END.join(re.escape(line.encode()) for line in search.split("\n"))
    # Not inside a line end: a line that ends in \r\n has no text \r.
    spans = [match.span(1) for match in re.finditer(rb"(?=(" + pattern + rb"))", body)]
    return [
        (a, b)
        for a, b in spans
        if not (body[a - 1 : a + 1] == b"\r\n" or body[b - 1 : b + 1] == b"\r\n")
    ]
