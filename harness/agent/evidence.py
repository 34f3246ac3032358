"""What a model is shown of the code that a question is about.

A definition that the question names comes first, whole where there is room: the answer is mostly
inside of it, and a search's passages end before it. The constants that it uses come next. The rest
is what the search found, each passage cut to the lines that have the question's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness import charsets
from harness.agent.claim_words import telling_words, words_in
from harness.agent.constants import constants_used
from harness.agent.localise.places import by_names
from harness.agent.passages import CUT, passage_of, passage_of_hit
from harness.agent.shown import rows_of
from harness.agent.sources import Definition, definitions_in
from harness.agent.tools.access import Search
from harness.agent.tools.semantic_search import MAX_QUERY_CHARS, SEARCH_RESULTS
from harness.errors import HarnessError
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret
from harness.workspace.paths import ConfinedTree

# Of the room, what definitions that the question names may take together.
NAMED_SHARE = 0.6
MAX_NAMED = 2
MAX_CONSTANTS = 2
# Lines that have a word of the question which no passage has.
MAX_PLACES = 3
# What such lines and a constant may take, each.
LINES_CHARS = 400


def evidence_for(
    question: str, tree: ConfinedTree, search: Search, room: int, secrets: Sequence[str] = ()
) -> str:
    """Return the passages for a question, the likeliest first, each under its ``path:start-end``;
    empty when the index has none.

    :param room: characters that they may take.
    :param secrets: values that the model does not get to see.
    :raises HarnessError: the index cannot be searched.
    """
    # An index may be older than what counts as secret now.
    hits = [
        hit for hit in search(question[:MAX_QUERY_CHARS], SEARCH_RESULTS) if not is_secret(hit.path)
    ]
    texts = dict(_texts(tree, dict.fromkeys(hit.path for hit in hits), secrets))
    named = _named(question, texts)
    shown: list[str] = []
    whole: list[Definition] = []
    for one, lines in named:
        free = int(room * NAMED_SHARE) - sum(map(len, shown))
        passage = passage_of(one.path, one.name, one.start, lines, question, max_chars=free)
        if passage:
            shown.append(passage)
            if CUT not in passage:
                whole.append(one)
    used = [found for one, lines in named for found in constants_used(lines, one.path, texts)]
    for constant, given in used[:MAX_CONSTANTS]:
        place = (constant.path, constant.name, constant.start)
        shown.append(passage_of(*place, given, question, max_chars=LINES_CHARS))
    found = "\n".join([*(hit.text for hit in hits), *("\n".join(lines) for _, lines in named)])
    shown += _lines_with(telling_words(question) - {*words_in(found)}, texts)
    for hit in hits:
        if any(
            one.path == hit.path and one.start <= hit.start_line and hit.end_line <= one.end
            for one in whole
        ):
            continue
        free = room - sum(len(passage) + 2 for passage in shown)
        passage = passage_of_hit(hit, question, max_chars=free)
        known = {(row.path, row.number) for one in shown for row in rows_of(one)}
        places = {(row.path, row.number) for row in rows_of(passage)}
        if 2 * len(places - known) > len(places):
            shown.append(passage)
    return redact("\n\n".join(shown), secrets)


def _texts(
    tree: ConfinedTree, paths: Iterable[str], secrets: Sequence[str]
) -> Iterable[tuple[str, str]]:
    for path in paths:
        try:
            text = redact(charsets.readable(tree.read_bytes(path)), secrets)
        except HarnessError:
            continue
        yield path, text.replace("\r\n", "\n")


def _lines_with(words: frozenset[str], texts: Mapping[str, str]) -> Sequence[str]:
    """The lines that have a word of the question which no passage has, each with its neighbours; a
    word that is all over the files tells nothing."""
    shown: list[str] = []
    for word in sorted(words):
        places = [
            (path, lines, at)
            for path, text in texts.items()
            if word in text.lower()
            for lines in [text.split("\n")]
            for at, line in enumerate(lines)
            if word in words_in(line)
        ]
        if len(places) <= MAX_PLACES:
            for path, lines, at in places:
                start = max(0, at - 1)
                part = lines[start : at + 2]
                shown.append(passage_of(path, "", start + 1, part, word, max_chars=LINES_CHARS))
    return shown[:MAX_PLACES]


def _named(question: str, texts: Mapping[str, str]) -> Sequence[tuple[Definition, list[str]]]:
    """The definitions that the question names in the files that the search found, with their
    lines; the surest first, none inside of another."""
    found: list[tuple[float, Definition, list[str]]] = []
    for rank, (path, text) in enumerate(texts.items()):
        for one in definitions_in(path, text):
            score = by_names(one, question, [])
            if score:
                # Overloads come before what they declare, and are shorter.
                score += 1 / (1 + rank) + min(one.end - one.start, 99) / 1000
                found.append((score, one, text.split("\n")[one.start - 1 : one.end]))
    found.sort(key=lambda item: -item[0])
    chosen: list[tuple[Definition, list[str]]] = []
    for _, one, lines in found:
        if len(chosen) < MAX_NAMED and not any(
            one.path == other.path and one.start <= other.end and other.start <= one.end
            for other, _ in chosen
        ):
            chosen.append((one, lines))
    return chosen
