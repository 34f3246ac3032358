"""Mines pairs of a question and the code that answers it from the files of one package."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from harness.chunking.detection import detect_language
from harness.chunking.headings import section_outline
from harness.chunking.languages.spec import Content, Kind, LanguageSpec, Structure
from harness.chunking.measure import TOKEN_BUDGET, line_sizes
from harness.chunking.outline import Outline, Scope
from harness.chunking.reading import syntax_tree
from harness.models.lexical import word_parts
from training import comments

MAX_CHARS = 900
"""Non-blank characters of a passage, as in a chunk of the index."""

MAX_FILE_BYTES = 150_000
_MAX_PER_FILE = 60
_KINDS = frozenset({Kind.FUNCTION, Kind.METHOD, Kind.CLASS, Kind.TYPE, Kind.EXTENSION})


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its passage: ``code`` below the header ``path | symbol``. ``kind`` says how
    it was found: doc, name, comment, file, section or translation."""

    kind: str
    language: str
    query: str
    path: str
    symbol: str
    code: str

    @property
    def passage(self) -> str:
        """What the model reads, as an index gives it."""
        head = f"{self.path} | {self.symbol}" if self.symbol else self.path
        return f"{head}\n{self.code}"


def mine_file(path: str, text: str) -> list[Pair]:
    """All pairs of one file, a bounded number, the same each time.

    :param path: relative to the package.
    :param text: the file.
    """
    language = detect_language(path, text)
    lines = text.split("\n")
    data = text.encode("utf-8", "surrogatepass")
    if language.structure is Structure.HEADINGS:
        prefix = line_sizes(data, MAX_CHARS, TOKEN_BUDGET)
        pairs = list(_sections(path, language.name, lines, section_outline(lines, prefix)[1]))
    elif language.structure is Structure.TREE and language.content is not Content.DATA:
        pairs = _code_pairs(path, language, lines, data)
    else:
        pairs = []
    chance = random.Random(crc32(path.encode("utf-8", "surrogatepass")))  # noqa: S311
    return pairs if len(pairs) <= _MAX_PER_FILE else chance.sample(pairs, _MAX_PER_FILE)


def _code_pairs(path: str, language: LanguageSpec, lines: list[str], data: bytes) -> list[Pair]:
    root = syntax_tree(language, data)
    if root is None:
        return []
    outline = Outline(language, data, lines, line_sizes(data, MAX_CHARS, TOKEN_BUDGET))
    outline.read(root, 1.0)
    pairs: list[Pair] = []
    scopes = [scope for scope in outline.scopes if scope.kind in _KINDS]
    for scope in scopes:
        pairs += _definition_pairs(path, language.name, lines, scope)
    pairs += _comment_pairs(path, language.name, lines, scopes)
    pairs += _file_pairs(path, language.name, lines, scopes)
    return pairs


def _definition_pairs(path: str, language: str, lines: list[str], scope: Scope) -> Iterator[Pair]:
    head, said = head_and_comment(lines, scope, language)
    body_start, inside = docstring(lines, head, scope.end, language)
    rows = [*range(head, body_start), *range(body_start + len(inside), scope.end + 1)]
    code = _cut(lines[row] for row in rows)
    if len(code.split()) < 6:
        return
    symbol = ".".join(scope.path)
    name = scope.path[-1]
    query = comments.summary(inside) or comments.summary(said)
    if query:
        yield Pair("doc", language, query, path, symbol, code)
    parts = word_parts(name.split("(")[0])
    if len(parts) > 2 and len(code.split()) > 12 and scope.kind is not Kind.EXTENSION:
        yield Pair("name", language, " ".join(parts[1:]), path, symbol, code)


def head_and_comment(lines: Sequence[str], scope: Scope, language: str) -> tuple[int, list[str]]:
    """The row where a definition's code begins, attributes included, and the comment above.

    :param lines: of the file.
    :param scope: the definition.
    :param language: as the chunker names it.
    """
    head = scope.start
    if language == "elixir":
        while head < scope.end and not _ELIXIR_HEAD.match(lines[head]):
            head += 1
        return head, _elixir_doc(lines, head - 1)
    while head < scope.end and (
        not lines[head].strip() or comments.is_comment(lines[head], language)
    ):
        head += 1
    above = head - 1
    while above >= 0 and head - above < 8 and comments.is_attribute(lines[above]):
        above -= 1
    bottom = above
    while above >= 0 and bottom - above < 40 and comments.is_comment(lines[above], language):
        above -= 1
    if above == bottom and bottom >= 0 and lines[bottom].rstrip().endswith("*/"):
        while above >= 0 and bottom - above < 40 and "/*" not in lines[above]:
            above -= 1
        above -= 1
    return head, list(lines[above + 1 : bottom + 1])


_ELIXIR_HEAD = re.compile(r"\s*def\w*[\s(]")


def _elixir_doc(lines: Sequence[str], row: int) -> list[str]:
    """The text of the ``@doc`` that ends near a row."""
    for end in range(row, max(-1, row - 6), -1):
        line = lines[end].strip()
        single = re.match(r'@(?:module|type)?doc\s+"(?!"")(.*)"$', line)
        if single:
            return [single.group(1)]
        if line == '"""':
            start = end - 1
            while start >= 0 and end - start < 60 and '"""' not in lines[start]:
                start -= 1
            return list(lines[start + 1 : end]) if "doc" in lines[max(start, 0)] else []
    return []


_DOCSTRING = re.compile(r"\s*(?:[rRuUbB]*|@moduledoc\s+)(\"\"\"|''')")


def docstring(lines: Sequence[str], head: int, end: int, language: str) -> tuple[int, list[str]]:
    """Row and lines of the docstring below a definition's head; an empty one at ``head``.

    :param lines: of the file.
    :param head: row where the definition begins.
    :param end: its last row.
    :param language: as the chunker names it.
    """
    if language not in ("python", "elixir"):
        return head, []
    within = 15 if language == "python" else 6
    for row in range(head + 1, min(head + within, end + 1)):
        opening = _DOCSTRING.match(lines[row])
        if opening:
            for close in range(row, min(row + 120, end + 1)):
                after = lines[close][opening.end() :] if close == row else lines[close]
                if opening.group(1) in after:
                    inside = list(lines[row : close + 1])
                    inside[0] = inside[0][opening.end() :]
                    inside[-1] = inside[-1].replace(opening.group(1), "")
                    return row, inside
            return head, []
        if language == "python" and lines[row - 1].rstrip().endswith(":"):
            return head, []
    return head, []


def _cut(rows: Iterable[str]) -> str:
    """Whole lines up to the size of a chunk."""
    kept: list[str] = []
    room = MAX_CHARS
    for line in rows:
        room -= len("".join(line.split()))
        if room < 0 and kept:
            break
        kept.append(line[: 4 * MAX_CHARS])
    return "\n".join(kept).strip("\n")


def _comment_pairs(
    path: str, language: str, lines: list[str], scopes: Sequence[Scope]
) -> Iterator[Pair]:
    """A comment inside a function, and the code below it up to the next blank line."""
    for scope in scopes:
        if scope.kind not in (Kind.FUNCTION, Kind.METHOD):
            continue
        head, _ = head_and_comment(lines, scope, language)
        for comment, code in inner_comments(lines, head, scope, language):
            query = comments.summary(lines[comment.start : comment.stop])
            if query and len(code) >= 3 and len(query.split()) > 3:
                below = _cut(lines[code.start : code.stop])
                yield Pair("comment", language, query, path, ".".join(scope.path), below)


def inner_comments(
    lines: Sequence[str], head: int, scope: Scope, language: str
) -> Iterator[tuple[range, range]]:
    """The rows of each comment inside a function, and of the code below it up to a blank line.

    :param lines: of the file.
    :param head: row where the function's code begins.
    :param scope: the function.
    :param language: as the chunker names it.
    """
    row = head + 1
    while row < scope.end - 2:
        if not comments.is_comment(lines[row], language):
            row += 1
            continue
        start = row
        while row < scope.end and comments.is_comment(lines[row], language):
            row += 1
        below = row
        while row <= scope.end and row - below < 15 and lines[row].strip():
            row += 1
        yield range(start, below), range(below, row)


def _file_pairs(
    path: str, language: str, lines: list[str], scopes: Sequence[Scope]
) -> Iterator[Pair]:
    """What a file says of itself at its top, and two of its definitions."""
    query = _file_summary(lines, language)
    if not query or not scopes:
        return
    chance = random.Random(crc32(query.encode("utf-8", "surrogatepass")))  # noqa: S311
    for scope in chance.sample(list(scopes), min(2, len(scopes))):
        head, _ = head_and_comment(lines, scope, language)
        code = _cut(lines[head : scope.end + 1])
        if len(code.split()) > 6:
            yield Pair("file", language, query, path, ".".join(scope.path), code)


def _file_summary(lines: Sequence[str], language: str) -> str:
    """The first comment of a file that is no licence, or its docstring."""
    rows = file_comment(lines, language)
    return comments.summary(lines[rows.start : rows.stop])


def file_comment(lines: Sequence[str], language: str) -> range:
    """The rows of the first comment of a file that says something and is no licence, or of its
    docstring; none if there is no such comment.

    :param lines: of the file.
    :param language: as the chunker names it.
    """
    row, tries = 0, 0
    while row < min(len(lines), 80) and tries < 3:
        opening = _DOCSTRING.match(lines[row]) if language == "python" else None
        if opening:
            below = ["def module():", *lines[row : row + 60]]
            _, inside = docstring(below, 0, len(below) - 1, language)
            return range(row, row + len(inside))
        start = row
        while row < len(lines) and comments.is_comment(lines[row], language):
            row += 1
        if row > start:
            tries += 1
            query = comments.summary(lines[start:row])
            if query and len(query.split()) > 4:
                return range(start, row)
        row += 1
    return range(0)


def _sections(
    path: str, language: str, lines: list[str], scopes: Sequence[Scope]
) -> Iterator[Pair]:
    """A heading, and the text below it."""
    for scope in scopes:
        text = _cut(lines[scope.start + 1 : scope.end + 1])
        title = scope.path[-1].strip("`*# ")
        if 2 <= len(title.split()) <= 12 and len(text.split()) > 15:
            yield Pair("section", language, title, path, " > ".join(scope.path[:-1]), text)
