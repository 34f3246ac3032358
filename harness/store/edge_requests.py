"""What the store asks of an Edge shard, in the engine's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from harness.store.edge_config import dense_search
from harness.store.edge_points import sparse
from harness.store.queries import Match, RankedList
from harness.types import SparseVector

_SCROLL_PAGE = 1000


def request(one: RankedList, limit: int) -> Any:
    """The ``QueryRequest`` of a ranked list; answers have no payload."""
    from qdrant_edge import Filter, Query, QueryRequest

    if isinstance(one.vector, SparseVector):
        nearest, params = Query.Nearest(sparse(one.vector), using="bm25"), None
    else:
        nearest, params = Query.Nearest(one.vector.tolist(), using="dense"), dense_search()
    where = [*conditions(one.where), *_holding(one.line)]
    return QueryRequest(
        limit=limit,
        query=nearest,
        filter=Filter(must=where) if where else None,
        params=params,
        with_payload=False,
    )


def scroll(
    shard: Any, where: Iterable[Match], keys: list[str], vectors: Sequence[str] = ("dense",)
) -> Iterator[Any]:
    """All points that match, page by page, with these keys of the payload and these vectors."""
    from qdrant_edge import Filter, ScrollRequest

    offset: Any = None
    while True:
        page, offset = shard.scroll(
            ScrollRequest(
                offset=offset,
                limit=_SCROLL_PAGE,
                filter=Filter(must=conditions(where)),
                with_payload=keys,
                with_vector=list(vectors),
            )
        )
        yield from page
        if offset is None:
            return


def conditions(where: Iterable[Match]) -> list[Any]:
    """The ``FieldCondition`` objects for these."""
    from qdrant_edge import FieldCondition, MatchAny

    return [FieldCondition(key, match=MatchAny(list(values))) for key, values in where]


def _holding(line: int) -> list[Any]:
    """Conditions for the chunks that hold a line; none for line 0."""
    from qdrant_edge import FieldCondition, RangeFloat

    if not line:
        return []
    return [
        FieldCondition("start_line", range=RangeFloat(lte=line)),
        FieldCondition("end_line", range=RangeFloat(gte=line)),
    ]
