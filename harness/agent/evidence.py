"""What a model is shown of the code that a question is about.

A definition that the question names comes first, whole where there is room: the answer is mostly
inside of it, and a search's passages end before it. The rest is what the search found, each passage
cut to the lines that have the question's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.agent.localise.places import NAMED, Clues, rank_places
from harness.agent.passages import passage_of, passage_of_hit
from harness.agent.tools.access import Search
from harness.agent.tools.semantic_search import MAX_QUERY_CHARS, SEARCH_RESULTS
from harness.errors import HarnessError
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret
from harness.types import Hit
from harness.workspace.paths import ConfinedTree

# Of the room, what definitions that the question names may take together.
NAMED_SHARE = 0.6
MAX_NAMED = 2


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
    shown: list[str] = []
    spans: list[tuple[str, int, int]] = []
    for path, name, start, text in _named(question, tree, hits, secrets):
        if len(spans) == MAX_NAMED:
            break
        free = int(room * NAMED_SHARE) - sum(map(len, shown))
        passage = passage_of(path, name, start, text, question, max_chars=free)
        if passage:
            shown.append(passage)
            spans.append((path, start, start + len(text) - 1))
    for hit in hits:
        if any(
            path == hit.path and start <= hit.start_line and hit.end_line <= end
            for path, start, end in spans
        ):
            continue
        free = room - sum(len(passage) + 2 for passage in shown)
        passage = passage_of_hit(hit, question, max_chars=free)
        if passage:
            shown.append(passage)
    return redact("\n\n".join(shown), secrets)


def _named(
    question: str, tree: ConfinedTree, hits: Sequence[Hit], secrets: Sequence[str]
) -> Iterable[tuple[str, str, int, list[str]]]:
    """The definitions that the question names in the files that the search found: path, name,
    first line, lines."""

    def found(query: str, limit: int) -> Sequence[Hit]:
        return hits[:limit]

    files = list(dict.fromkeys(hit.path for hit in hits))
    for place in rank_places(tree, Clues(question, search=found), paths=files):
        one = place.definition
        if NAMED not in place.reasons or not one.name:
            continue
        try:
            text = redact(tree.read_bytes(one.path).decode("utf-8", "replace"), secrets)
        except HarnessError:
            continue
        lines = text.replace("\r\n", "\n").split("\n")[one.start - 1 : one.end]
        yield one.path, one.name, one.start, lines
