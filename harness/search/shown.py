"""A search's answer as a document of plain values, which is what people and programs are shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from harness.search.excerpts import shorten
from harness.types import SearchAnswer

# Of each passage, those that share most with the query.
_LINES_SHOWN = 8


def shown(query: str, answer: SearchAnswer) -> dict[str, Any]:
    """The document of the ``search`` JSON, and what a terminal shows of it.

    :returns: ``query``, ``results``, ``match``, ``matches_well``, ``reworded`` and ``parts`` as in
        the JSON, and ``excerpts``, for each result the number of the first line that is shown, and
        the lines.
    """
    words = answer.reworded or query
    return {
        "query": query,
        "results": [asdict(hit) for hit in answer.hits],
        "match": answer.match,
        "matches_well": answer.matches_well,
        "reworded": answer.reworded,
        "parts": [dict(part) for part in answer.parts],
        "excerpts": [list(shorten(words, hit, _LINES_SHOWN)) for hit in answer.hits],
    }
