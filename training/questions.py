"""Questions with one known answer, made from the files of one release, to learn ranking from.

What would give the answer away is taken out of the files before they are indexed: a description
from above its definition, a comment from the code that it explains, a test's title from the test.
The lines stay where they are. What stays in the files is as in any checkout, tests included, so
that it can be learned what a question does not mean.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.chunking.detection import detect_language
from harness.chunking.languages.spec import Content, Kind, LanguageSpec, Structure
from harness.chunking.measure import TOKEN_BUDGET, line_sizes
from harness.chunking.outline import Outline, Scope
from harness.chunking.reading import syntax_tree
from harness.models.lexical import word_parts
from harness.search.path_kinds import path_kinds
from harness.types import Chunk
from training import comments, mining, sampling, topics

MOST = {
    "description": 80, "comment": 30, "file": 20, "behaviour": 30, "name": 10, "topic": 28,
}  # fmt: skip
"""Questions of each kind from one release, at most."""

_KINDS = frozenset({Kind.FUNCTION, Kind.METHOD, Kind.CLASS, Kind.TYPE, Kind.EXTENSION})
_TYPES = frozenset({Kind.CLASS, Kind.TYPE})
_MAIN_SHARE = 0.4
"""Share of a file's lines from which on a class is what the file is about."""
_WHOLE_FILE = 1 << 30
_ASKED, _SHORT = 0.4, 0.2
"""Shares of descriptions that are asked as a question, and as a few words of it."""

_TITLE = re.compile(
    r"""^\s*(?:it|test|specify|scenario|Scenario|context|should)\b\s*[(:]?\s*(["'`])(.{12,100}?)\1"""
)
_TEST_NAME = re.compile(
    r"\b(?:def|func|fn|fun|function|void|Task)\s+`?(?:[Tt]est_?)([A-Za-z]\w{9,80})\b"
)
_TEST_WORDS = re.compile(r"^(?:test|spec)s?[_.-]?|[_.-]?(?:unit)?(?:tests?|specs?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """``start..end`` are the lines of the answer, 1-based; all of a file when only it is known.
    ``kind`` says what it was made from: description, comment, file, behaviour, name or topic.
    ``also``: other files that answer it as well, as a whole."""

    kind: str
    query: str
    path: str
    start: int = 1
    end: int = _WHOLE_FILE
    also: tuple[str, ...] = ()

    def is_answered_by(self, path: str, chunk: Chunk) -> bool:
        """Whether a passage holds some of the answer.

        :param path: its file.
        :param chunk: the passage.
        """
        if path in self.also:
            return True
        return path == self.path and chunk.start_line <= self.end and chunk.end_line >= self.start


@dataclass(slots=True)
class _File:
    path: str
    language: LanguageSpec
    lines: list[str]
    hidden: set[int]
    names: set[str] = field(default_factory=set)

    def hide(self, rows: Iterator[int] | range) -> None:
        """Leave these rows out of what is indexed."""
        self.hidden.update(rows)

    @property
    def text(self) -> str:
        """What is indexed."""
        return "\n".join("" if n in self.hidden else line for n, line in enumerate(self.lines))


def ask(files: Mapping[str, str], seed: int) -> tuple[dict[str, str], list[Question]]:
    """Questions about a release, and its files without what would answer them.

    :param files: text by path below the release's folder.
    :param seed: of what is left to chance.
    """
    chance = random.Random(seed)  # noqa: S311
    read = [_read(path, text) for path, text in sorted(files.items())]
    found: list[Question] = []
    for file in read:
        found += _of_file(file)
    found += _of_tests(read)
    found += _of_documents(read)
    times = Counter(one.query.lower() for one in found)
    by_kind: dict[str, list[Question]] = defaultdict(list)
    for one in found:
        # What describes several places has no one answer.
        if times[one.query.lower()] == 1:
            by_kind[one.kind].append(one)
    chosen: list[Question] = []
    for kind, most in MOST.items():
        group = by_kind[kind]
        chosen += group if len(group) <= most else chance.sample(group, most)
    return {file.path: file.text for file in read}, [_worded(one, chance) for one in chosen]


def _read(path: str, text: str) -> _File:
    return _File(path, detect_language(path, text), text.split("\n"), set())


def _of_file(file: _File) -> list[Question]:
    language = file.language
    if language.structure is not Structure.TREE or language.content is Content.DATA:
        return []
    data = "\n".join(file.lines).encode("utf-8", "surrogatepass")
    root = syntax_tree(language, data)
    if root is None:
        return []
    outline = Outline(language, data, file.lines, line_sizes(data, mining.MAX_CHARS, TOKEN_BUDGET))
    outline.read(root, 1.0)
    scopes = [scope for scope in outline.scopes if scope.kind in _KINDS]
    file.names = {scope.path[-1].split("(")[0] for scope in scopes}
    found: list[Question] = []
    for scope in scopes:
        found += _of_definition(file, scope)
    found += _of_comments(file, scopes)
    found += _of_head(file)
    # Tests are asked about by their titles only, documentation not at all.
    return found if not path_kinds(file.path) else []


def _of_definition(file: _File, scope: Scope) -> Iterator[Question]:
    head, said = mining.head_and_comment(file.lines, scope, file.language.name)
    row, inside = mining.docstring(file.lines, head, scope.end, file.language.name)
    query = comments.summary(inside) or comments.summary(said)
    file.hide(range(row, row + len(inside)))
    above = _rows_above(file.lines, head, said)
    file.hide(above)
    if query:
        yield Question("description", query, file.path, head + 1, scope.end + 1)
        if scope.kind in _TYPES and (scope.end - head) > _MAIN_SHARE * len(file.lines):
            yield from _about(file, query)
    name = scope.path[-1].split("(")[0]
    if len(word_parts(name)) > 2 and name.isidentifier():
        yield Question("name", name, file.path, head + 1, scope.end + 1)


def _rows_above(lines: Sequence[str], head: int, said: Sequence[str]) -> range:
    """Where the lines of a comment are that stands above a row."""
    if not said:
        return range(0)
    for start in range(head - len(said), max(-1, head - len(said) - 10), -1):
        if start >= 0 and list(lines[start : start + len(said)]) == list(said):
            return range(start, start + len(said))
    return range(0)


def _of_comments(file: _File, scopes: Sequence[Scope]) -> Iterator[Question]:
    for scope in scopes:
        if scope.kind not in (Kind.FUNCTION, Kind.METHOD):
            continue
        head, _ = mining.head_and_comment(file.lines, scope, file.language.name)
        for comment, code in mining.inner_comments(file.lines, head, scope, file.language.name):
            query = comments.summary([file.lines[row] for row in comment])
            if query and len(query.split()) > 3 and not file.hidden.intersection(comment):
                file.hide(comment)
                yield Question("comment", query, file.path, code.start + 1, code.stop)


def _of_head(file: _File) -> Iterator[Question]:
    rows = mining.file_comment(file.lines, file.language.name)
    query = comments.summary([file.lines[row] for row in rows])
    if len(query.split()) > 4:
        file.hide(rows)
        yield Question("file", query, file.path)
        yield from _about(file, query)


def _about(file: _File, summary: str) -> Iterator[Question]:
    topic = topics.of_summary(summary)
    if topic:
        yield Question("topic", topic, file.path)


def _of_documents(files: Sequence[_File]) -> Iterator[Question]:
    """What documentation is about, and the source that it mentions."""
    sources = [file for file in files if not path_kinds(file.path)]
    times = Counter(name for file in sources for name in file.names)
    defined_in = {name: file.path for file in sources for name in file.names if times[name] == 1}
    for file in files:
        if file.language.structure is Structure.HEADINGS:
            for topic in topics.of_sections(file.lines, defined_in):
                file.hide(range(topic.row, topic.row + 1))
                first, *others = topic.paths
                yield Question("topic", topic.words, first, also=tuple(others))


def _of_tests(files: Sequence[_File]) -> Iterator[Question]:
    """What tests say of the one file that is called like theirs."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for file in files:
        if not path_kinds(file.path) and file.language.structure is Structure.TREE:
            by_stem[_stem(file.path)].append(file.path)
    for file in files:
        if "test" not in path_kinds(file.path):
            continue
        tested = by_stem.get(_TEST_WORDS.sub("", _stem(file.path)), [])
        if len(tested) != 1:
            continue
        for row, line in enumerate(file.lines):
            if topic := topics.of_group(line):
                yield Question("topic", topic, tested[0])
            title = _TITLE.match(line)
            name = _TEST_NAME.search(line)
            query = title[2] if title else " ".join(word_parts(name[1])[1:]) if name else ""
            if 3 <= len(query.split()) <= 16 and query.isascii():
                file.hide(range(row, row + 1))
                yield Question("behaviour", query, tested[0])


def _stem(path: str) -> str:
    return path.rpartition("/")[2].split(".")[0].lower().replace("-", "_")


def _worded(one: Question, chance: random.Random) -> Question:
    """The question as somebody might ask it."""
    if one.kind == "name":
        return one
    if one.kind == "topic":
        return replace(one, query=topics.worded(one.query, chance))
    drawn = chance.random()
    if drawn < _ASKED:
        return replace(one, query=sampling.asked(one.query, chance))
    words = one.query.split()
    if drawn < _ASKED + _SHORT and len(words) > 6:
        kept = sorted(chance.sample(range(len(words)), 5))
        return replace(one, query=" ".join(words[at] for at in kept))
    return one
