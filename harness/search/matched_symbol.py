"""Names the definition of a chunk that a query found it by."""

from __future__ import annotations

from harness.folding import fold
from harness.search.definitions import definitions_of
from harness.search.path_kinds import name_words
from harness.search.query import Query
from harness.search.word_roots import alike, word_root
from harness.types import Chunk


def matched_symbol(query: Query, chunk: Chunk) -> str:
    """The path of the definition in the chunk that matches the query best.

    A chunk may hold several small definitions, and the enclosing one says little of why it was
    found. A name asked for as a name comes first, then one that the query's words spell, then the
    one that most of its words occur in; the earlier of equals. When none has anything in common
    with the query, it is the chunk's own symbol, the enclosing definition.
    """
    best = chunk.symbol
    strength = _strength(query, best.rpartition(".")[2]) if best else 0.0
    for one in definitions_of(chunk):
        if (own := _strength(query, one.name)) > strength:
            best, strength = one.symbol, own
    return best


def _strength(query: Query, name: str) -> float:
    """How well a name fits: above 2 asked for, above 1 spelled, else the share of the query's
    terms in it; less the more other words it has."""
    words = name_words((name,))
    common = sum(
        any(alike(word_root(term), word_root(word)) for word in words) for term in query.terms
    )
    share = common / max(1, len(query.terms), len(words))
    folded = fold(name)
    return share + (2.0 if folded in query.symbols else 1.0 if folded in query.names else 0.0)
