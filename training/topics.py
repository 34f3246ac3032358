"""Short questions about a topic, as people type them, made from what a release says of itself.

Descriptions are sentences; people ask for "session cookies" or "help text formatting" and mean the
file that is about it. Titles of documentation and of groups of tests are worded like that, and so
is the beginning of what a file or a class says of itself. Pure functions over text.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.chunking.headings import headings
from harness.models.lexical import word_parts

MIN_WORDS, MAX_WORDS = 2, 7

_MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|:\w+:`([^`<]*)[^`]*`|<[^>]*>|[`*_~]{1,3}(?=\S)|[`*~]+")
_NUMBERING = re.compile(r"^(?:[\d.]+|[ivx]+\.|step \d+|§)[\s:.)-]+", re.IGNORECASE)
_NOT_A_TOPIC = re.compile(
    r"install|licen[cs]e|contribut|getting started|quick ?start|changelog|table of contents|"
    r"credits|acknowledg|sponsor|authors?$|support$|overview|introduction|requirements|"
    r"breaking changes|bug fixes|features?$|improvements|upgrad|migrat|roadmap|faq|"
    r"v?\d+\.\d+|unreleased|^usage|usage$|^examples?|examples?$|see also|build|documentation$|"
    r"api reference|^todo|notes?$|prerequisites|development|running (?:the )?tests|badges",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d]\w{3,}")
_CODE = re.compile(r"`([^`\n]+)`")
_LOOKS_LIKE_CODE = re.compile(r"[a-z0-9][A-Z]|_|^[A-Z]\w*[A-Z]")
_GROUP = re.compile(r"""^\s*(?:describe|suite|context|feature)\b\s*\(?\s*(["'`])(.{6,80}?)\1""")
_TEST_CLASS = re.compile(r"^\s*(?:\w+\s+)*class\s+(?:Test([A-Z]\w+)|([A-Z]\w+?)(?:Tests?|Spec)\b)")
_LEAD = re.compile(
    r"^(?:(?:this|the|a|an|java ?script|python|go|pure|basic|simple)\s+){0,3}"
    r"(?:(?:module|file|package|class|header|library|script|trait|type|interface|object|struct|"
    r"component|plugin|service|namespace|crate|base class|abstract class)\s+)?"
    r"(?:(?:that|which|it)\s+)?(?:(?:provides?|contains?|implements?|defines?|is|are|holds?|"
    r"represents?|offers?|exports?|exposes?|describes?|includes?|declares?|encapsulates?|wraps?|"
    r"implementation of|utilit(?:y|ies)|helpers?|functions?|tools?|support)\s+)?"
    r"(?:(?:for|of|to|with|about)\s+)?(?:(?:a|an|the|all|some|various|several)\s+)?",
    re.IGNORECASE,
)
_NAMED_LEAD = re.compile(
    r"^\W*(?:[A-Za-z]\w*(?:[A-Z_.]\w*)+\s+(?:\w{3,}s|is)|[A-Z]\w+\s+(?:provides|implements|is|"
    r"represents|contains|holds|produces|returns|sets|gets|allows|specifies|defines|describes|"
    r"configures|encapsulates|stores|handles|manages|wraps|enables))\s+"
)
_NO_SUMMARY = re.compile(
    r"^(?:if|we|use|return|get|set|early|bump|import|don'?t|do not|todo|when|only|not|so|because|"
    r"you|register|given|in)\b|\bwe\b|\bdidn'?t\b|\bimport\b",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"[,.;:(\u2014]|\s(?:that|which|who|when|where|so that|in order|by which|used|is|are|was|were"
    r"|it|such as|e\.g)\s|\s-+\s"
)
_HANGING = frozenset({
    "a", "an", "the", "of", "to", "for", "in", "on", "with", "by", "from", "and", "or", "as", "at",
    "into", "its", "their", "this",
})  # fmt: skip
_FRAMES = ("how does {} work", "how is {} handled", "{} handling", "{} implementation",
           "where is {} done", "{} logic")  # fmt: skip
_FRAMED = 0.25
_NEEDED_NAMES = 2
_MOST_FILES = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """``words`` are about ``paths``, the surest first; ``row`` is the line that they are from."""

    words: str
    paths: tuple[str, ...]
    row: int


def of_sections(lines: Sequence[str], defined_in: Mapping[str, str]) -> Iterator[Topic]:
    """Titles of documentation, and the files that define what their sections mention.

    :param lines: of the document.
    :param defined_in: the one file that defines a name.
    """
    found = headings(lines)
    ends = [row for row, _, _ in [*found, (len(lines), 0, "")][1:]]
    for (row, _, title), end in zip(found, ends, strict=True):
        words = _plain(title)
        if not words:
            continue
        votes = Counter(defined_in[name] for name in _names(lines[row + 1 : end], defined_in))
        most = max(votes.values(), default=0)
        paths = [path for path, count in votes.most_common(_MOST_FILES) if 2 * count > most]
        if most >= _NEEDED_NAMES and sum(votes[path] for path in paths) > votes.total() / 2:
            yield Topic(words, tuple(paths), row)


def _names(lines: Sequence[str], defined_in: Mapping[str, str]) -> set[str]:
    """Names that a section mentions as code."""
    fenced, found = False, set()
    for line in lines:
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        whole = fenced or line.startswith(("    ", "\t"))
        spans = line if whole else " ".join(_CODE.findall(line))
        found.update(name for name in _NAME.findall(spans) if name in defined_in)
        if not whole:
            found.update(
                name
                for name in _NAME.findall(line)
                if name in defined_in and _LOOKS_LIKE_CODE.search(name)
            )
    return found


def of_group(line: str) -> str:
    """What a group of tests is about; empty if the line begins none.

    :param line: of a test.
    """
    title = _GROUP.match(line)
    if title:
        return _plain(title[2])
    name = _TEST_CLASS.match(line)
    return _plain(" ".join(word_parts(name[1] or name[2])[1:])) if name else ""


def of_summary(summary: str) -> str:
    """What a file or class is about, of the first words that it says of itself; empty if that
    cannot be told.

    :param summary: one or two sentences.
    """
    said = _LEAD.sub("", _NAMED_LEAD.sub("", summary, count=1), count=1)
    said = _CUT.split(said, maxsplit=1)[0]
    words = [] if _NO_SUMMARY.search(said) else said.split()
    for size in range(min(len(words), MAX_WORDS), MIN_WORDS - 1, -1):
        if words[size - 1].lower() not in _HANGING:
            return _plain(" ".join(words[:size]))
    return ""


def _plain(title: str) -> str:
    """A title as it would be typed; empty if it is no topic."""
    text = _MARKUP.sub(lambda found: found[1] or found[2] or "", title)
    text = _NUMBERING.sub("", text.strip()).strip(" \t#:.!?-\"'")
    words = text.split()
    if not MIN_WORDS <= len(words) <= MAX_WORDS or not text.isascii() or _NOT_A_TOPIC.search(text):
        return ""
    if any(not word[:1].isalpha() for word in words) or any(char in text for char in "(){}=<>|\\/"):
        return ""
    return text


def worded(words: str, chance: random.Random) -> str:
    """A topic as somebody might ask about it.

    :param words: the topic.
    :param chance: decides.
    """
    said = words[:1].lower() + words[1:] if words[1:2].islower() else words
    return chance.choice(_FRAMES).format(said) if chance.random() < _FRAMED else said
