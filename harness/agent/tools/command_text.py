"""Whether the text of a shell command is whole, as far as quotes and here-documents tell."""

from __future__ import annotations

import re

_HEREDOC = re.compile(r"<<(?!<)(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z_][\w.-]*))")

_MAX_CHARS = 20_000


def is_whole(command: str) -> bool | None:
    """Return False inside a here-document, True where nothing is open, None where it is unclear."""
    if len(command) > _MAX_CHARS:
        return None
    pending: list[tuple[str, bool]] = []
    quote = ""
    between_words = True  # where a # begins a comment
    at = 0
    while at < len(command):
        char = command[at]
        after_blank, between_words = between_words, not quote and char in " \t\n;"
        if quote:
            if char == "\\" and quote != "'":
                at += 1
            elif char == quote[-1]:
                quote = ""
        elif char == "\\":
            at += 1
        elif char in "'\"":
            # In $'…' a backslash escapes the quote.
            quote = "$'" if char == "'" and command[at - 1 : at] == "$" else char
        elif char == "#" and after_blank:
            at = _end_of_line(command, at) - 1
        elif char == "<" and command[at - 1 : at] != "<" and (here := _HEREDOC.match(command, at)):
            pending.append((here[2] or here[3] or here[4], bool(here[1])))
            at = here.end() - 1
        elif char == "\n" and pending:
            ended = _after_heredocs(command, at + 1, pending)
            if ended is None:
                return False
            pending, at = [], ended - 1
        at += 1
    if pending:
        return False
    return None if quote or "<<" in command or command.endswith("\\") else True


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _after_heredocs(text: str, at: int, pending: list[tuple[str, bool]]) -> int | None:
    """Return the offset of the line end behind the last here-document, None when one is open."""
    for word, tabs in pending:
        while True:
            if at > len(text):
                return None
            end = _end_of_line(text, at)
            line = text[at:end]
            at = end + 1
            if (line.lstrip("\t") if tabs else line) == word:
                break
    return at - 1
