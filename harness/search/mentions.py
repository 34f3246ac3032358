"""Files that a query names: a path, ``path:12:5``, a line of a stack trace, a file's name.

Only the text is read here; what it names is decided by the paths in the index. So reading may be
generous: every word with a dot or a slash is a candidate, also without what surrounds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from harness.folding import fold
from harness.types import Hit

MAX_MENTIONS = 200
"""Candidates read from one query; a stack trace of fifty lines has about as many."""

_MAX_NAME_CHARS = 400
_BLANKS_IN_NAME = 3
"""A name may hold this many blanks outside quotation marks."""

_QUOTED = re.compile(r"[\"'`“‘«]([^\"'`“”‘’«»\n]{1,400})[\"'`”’»]")
_TOKEN = re.compile(r"\S+")
_PIECE = re.compile(r"[^\s()\[\]{}<>\"'`,;|=@“”‘’«»]+")
_SCHEME = re.compile(r"[A-Za-z][\w+.-]{1,19}://[^/\s]*|[A-Za-z]:(?=[\\/])|package:")
# What ends a path: a line number, a symbol of a test, a query string.
_END = re.compile(r":(?=\d|line\b|:|$)|\((?=\d)|#(?=L?\d)|\?|:$")
_LINE_MARK = re.compile(r"(?::|#L?|\()(\d{1,7})(?!\w|[./]\w)")
_LINE_WORD = re.compile(
    r"[\"'`)\]}>,:;{\s]{0,6}(?:(?:on|at|in)\s{1,3})?[\"']?(?:lines?|ln|L)[\"']?[\s:,=]{0,3}(\d{1,7})\b",
    re.IGNORECASE,
)
_LINE_BELOW = re.compile(r"[ \t]{0,2}\n[ \t]{0,8}(\d{1,7}):\d{1,5}\s")  # as linters print them
_LINE_BEFORE = re.compile(
    r"\blines?\s{1,3}(\d{1,7})\s{1,3}(?:of|in|at)\s{1,3}(?:the\s{1,3})?(?:file\s{1,3})?[\"'`(]{0,2}$",
    re.IGNORECASE,
)
_LINE_BEFORE_CHARS = 48
# at com.acme.shop.Cart.total(Cart.java:42): the package is the folder.
_JVM_FRAME = re.compile(
    r"(?<![\w$.])((?:[\w$]{1,80}\.){2,20})[\w$<>]{1,80}\(([\w$-]{1,80}\.\w{1,8}):(\d{1,7})\)"
)
_EDGES = " \t\r\n\"'`“”‘’«»,;:!?"
_LETTER = re.compile(r"[^\W\d_]")
_QUERY_STRING = re.compile(r"\?[^\s:]{0,80}")

_FILE_WORDS = frozenset(
    {
        "makefile", "gnumakefile", "dockerfile", "containerfile", "jenkinsfile", "gemfile",
        "rakefile", "procfile", "pipfile", "vagrantfile", "justfile", "podfile", "brewfile",
        "caddyfile", "tiltfile", "codeowners", "gradlew",
    }
)  # fmt: skip
"""Names of files that are no words otherwise: they count in lower case, too."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A file that a query may name.

    ``path``: as it was written, with ``/``. ``segments``: folded, the folders first. ``line``: 0
    when none is named. ``is_word``: a word like any other, which only a file of exactly this name
    is meant by. ``any_case``: the letters' case need not be the file's. ``repo``: the only
    repository that can be meant, empty for any.
    """

    path: str
    segments: tuple[str, ...]
    line: int = 0
    is_word: bool = False
    any_case: bool = True
    repo: str = ""

    @property
    def name(self) -> str:
        """The file's own name, folded."""
        return self.segments[-1]


def mentions(text: str) -> tuple[Mention, ...]:
    """Read what a query may name, in its order, at most :data:`MAX_MENTIONS`.

    :param text: a query.
    """
    found: dict[tuple[tuple[str, ...], int], Mention] = {}
    whole = text.strip(_EDGES)
    for path, line in _candidates(text):
        mention = _mention(path, line, path == whole)
        if mention is not None:
            found.setdefault((mention.segments, mention.line), mention)
            if len(found) >= MAX_MENTIONS:
                break
    return tuple(found.values())


def _mention(path: str, line: int, alone: bool) -> Mention | None:
    path = path.replace("\\", "/")
    segments = _segments(path)
    if not segments or not _LETTER.search(segments[-1]):
        return None
    name = segments[-1]
    dot = "." in name
    is_word = len(segments) == 1 and not line and (not dot or _is_mixed(name.rpartition(".")[2]))
    # Most words of a question are no names of files, and app.Session is no file either.
    if is_word and not alone and (dot or (name.islower() and name not in _FILE_WORDS)):
        return None
    any_case = alone or line > 0 or len(segments) > 1 or name == fold(name)
    return Mention("/".join(segments), tuple(map(fold, segments)), line, is_word, any_case)


def _is_mixed(word: str) -> bool:
    return word not in (word.lower(), word.upper())


def _segments(path: str) -> list[str]:
    """The parts of a path, ``.`` left out and ``..`` taken back."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _candidates(text: str) -> Iterator[tuple[str, int]]:
    """Paths and lines, the likeliest first: quoted ones, whole words, then their pieces."""
    for folders, name, line in _JVM_FRAME.findall(text):
        package = folders.split(".")[:-2]  # the last is the class
        yield "/".join([*package, name]), int(line)
    spans: list[tuple[int, int]] = [match.span(1) for match in _QUOTED.finditer(text)]
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    spans.extend(tokens)
    for begin, end in tokens:
        pieces = [match.span() for match in _PIECE.finditer(text, begin, end)]
        spans.extend(piece for piece in pieces if piece != (begin, end))
    spans.extend(_runs(text, tokens))
    for begin, end in spans:
        if end - begin <= _MAX_NAME_CHARS:
            yield from _places(text, begin, end)


def _runs(text: str, tokens: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Several words that end like a file's name: ``docs/My notes.md``."""
    for last, (begin, end) in enumerate(tokens):
        if "." in text[begin + 1 : end]:
            for first in range(max(0, last - _BLANKS_IN_NAME), last):
                yield tokens[first][0], end


def _places(text: str, begin: int, end: int) -> Iterator[tuple[str, int]]:
    while begin < end and text[begin] in _EDGES:
        begin += 1
    scheme = _SCHEME.match(text, begin, end)
    if scheme:
        begin = scheme.end()
    stop = _END.search(text, begin, end)
    finish = stop.start() if stop else end
    while finish > begin and text[finish - 1] in _EDGES:
        finish -= 1
    if finish == begin:
        return
    path = text[begin:finish]
    line = _line(text, begin, finish)
    yield path, line
    if path.endswith("."):  # the end of a sentence
        yield path.rstrip("."), line
    if ":" in path:  # a revision, a host or a label in front
        yield path.rpartition(":")[2], line


def _line(text: str, begin: int, finish: int) -> int:
    """The line that is named beside the path ``text[begin:finish]``; 0 for none."""
    skipped = _QUERY_STRING.match(text, finish)
    found = (
        _LINE_MARK.match(text, skipped.end() if skipped else finish)
        or _LINE_WORD.match(text, finish)
        or _LINE_BELOW.match(text, finish)
        or _LINE_BEFORE.search(text, max(0, begin - _LINE_BEFORE_CHARS), begin)
    )
    return int(found.group(1)) if found else 0


def beneath(mention: Mention, roots: Iterable[tuple[str, str]]) -> Mention | None:
    """The same mention relative to the repository whose folder it lies in; None for none of them.

    :param roots: names of repositories and their folders.
    """
    for repo, root in roots:
        above = _segments(root)
        inside = mention.path.split("/")[len(above) :]
        if above and inside and mention.path.split("/")[: len(above)] == above:
            return Mention("/".join(inside), tuple(map(fold, inside)), mention.line, repo=repo)
    return None


def line_named(text: str, hit: Hit) -> int:
    """The line of a search result that a query names, the surest first; 0 for none.

    :param text: the query.
    """
    named = [
        (likeness(mention, hit.repo, hit.path), mention.line)
        for mention in mentions(text)
        if hit.start_line <= mention.line <= hit.end_line
    ]
    sureness, line = max(named, default=(0.0, 0))
    return line if sureness else 0


WHOLE, ENDING, IMPORTED, TOGETHER, WEAK = 3.0, 2.0, 1.6, 1.2, 0.5
"""How surely a mention means a file: it is the whole path; one of them is the other's end; only the
extension is left out, as in an import; name and folder are the same, those above differ, as in a
container; the name alone is the same."""


def likeness(mention: Mention, repo: str, path: str) -> float:
    """How surely a mention means a file: 0 for not at all, else one of the values above and a
    little for what else is alike.

    :param path: relative to the repository.
    """
    if mention.repo and mention.repo != repo:
        return 0.0
    folded = _folded(path)
    if mention.segments[-1] != folded[-1]:
        return _likeness_of_stem(mention, path, folded)
    common = 0
    for one, other in zip(reversed(mention.segments), reversed(folded), strict=False):
        if one != other:
            break
        common += 1
    same_case = path.endswith(mention.path) or mention.path.endswith(path)
    if not (same_case or mention.any_case):
        return 0.0
    if mention.segments == folded and not mention.is_word:
        level = WHOLE
    elif mention.is_word and mention.path.islower() and mention.name not in _FILE_WORDS:
        level = WEAK  # may as well be something that is called so
    elif common in (len(mention.segments), len(folded)):
        level = ENDING
    else:
        level = TOGETHER if common > 1 else WEAK
    return level + 0.01 * min(common, 20) + 0.1 * same_case


@lru_cache(maxsize=1 << 14)
def _folded(path: str) -> tuple[str, ...]:
    return tuple(fold(path).split("/"))


def _likeness_of_stem(mention: Mention, path: str, folded: tuple[str, ...]) -> float:
    name = folded[-1]
    if mention.name not in (name.partition(".")[0], name.rpartition(".")[0]):
        return 0.0
    if mention.is_word:  # README
        return WEAK if mention.path.isupper() and mention.path in path else 0.0
    if len(mention.segments) > 1 and mention.segments[-2:-1] == folded[-2:-1]:
        return IMPORTED
    return 0.0
