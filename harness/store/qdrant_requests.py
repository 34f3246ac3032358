"""Requests to a Qdrant server: repeated when a connection breaks, errors in Harness' own terms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from harness.errors import ServiceUnavailableError, StoreError, StoreFullError
from harness.retrying import Backoff, log_retry
from harness.types import Filter

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

ResultT = TypeVar("ResultT")

SCROLL_PAGE = 1000
# What Qdrant 1.19 says, in an answer 500, of a disk that cannot hold another part of its log.
_FULL = "No space left on device"
_BACKOFF = Backoff(attempts=3)


class QdrantRequests:
    """A client and what every kind of request needs.

    :param client: a connected client.
    :param address: how messages name the server.
    """

    def __init__(self, client: QdrantClient, address: str) -> None:
        self.client = client
        self.address = address

    def call(self, operation: Callable[[], ResultT]) -> ResultT:
        """Run one request; every one is idempotent, so a broken connection is tried again.

        :raises ServiceUnavailableError: the server does not answer.
        :raises StoreError: it refused; the message says what to do.
        """

        def once() -> ResultT:
            try:
                return operation()
            except Exception as error:
                raise translate(error, self.address) from error

        return _BACKOFF.call(once, on_retry=log_retry)

    def exists(self, name: str) -> bool:
        """Tell whether there is a collection of this name."""
        return bool(self.call(lambda: self.client.collection_exists(name)))

    def nodes(self) -> int:
        """How many nodes the server's cluster has; 1 without one."""

        def status() -> Any:
            try:
                return self.client.cluster_status()
            except NotImplementedError:  # the client's own store, in tests
                return None

        return max(1, len(getattr(self.call(status), "peers", None) or ()))

    def create(self, name: str, **config: Any) -> None:
        """Create a collection, unless another process is quicker.

        On a cluster every node gets all of it: an index of code fits one, a search then needs one
        node that lives, and each node's snapshot is whole. Of a shard for each node, Qdrant's
        default, the loss of one would be a loss of files, and words would be weighted by shard.
        """
        nodes = self.nodes()
        if nodes > 1:
            config |= {"shard_number": 1, "replication_factor": nodes}
        try:
            self.call(lambda: self.client.create_collection(name, **config))
        except StoreError:
            if not self.exists(name):
                raise

    def index_keyword(self, name: str, keys: Sequence[str]) -> None:
        """Let conditions on these payload fields be looked up."""
        from qdrant_client import models

        for key in keys:
            self.call(
                lambda key=key: self.client.create_payload_index(  # type: ignore[misc]
                    name, key, models.PayloadSchemaType.KEYWORD
                )
            )

    def scroll(self, name: str, must: Sequence[Any], vectors: Any = False) -> Iterator[Any]:
        """All points that meet the conditions, page by page, with payload.

        :param vectors: names of the vectors to return as well.
        """
        from qdrant_client import models

        offset: Any = None
        while True:
            page, offset = self.call(
                lambda offset=offset: self.client.scroll(  # type: ignore[misc]
                    name,
                    scroll_filter=models.Filter(must=list(must)),
                    limit=SCROLL_PAGE,
                    offset=offset,
                    with_payload=True,
                    with_vectors=vectors,
                )
            )
            yield from page
            if offset is None:
                return

    def upsert(self, name: str, points: Sequence[Any]) -> None:
        """Insert or replace points. Waits until they are there: records that follow promise it."""
        self.call(lambda: self.client.upsert(name, list(points), wait=True))

    def delete(self, name: str, where: Filter, keep_ids: Iterable[str] = ()) -> None:
        """Remove the points that match, except ``keep_ids``."""
        from qdrant_client import models

        if where.paths is not None and not where.paths:
            return
        kept: list[Any] = list(keep_ids)
        selector = models.FilterSelector(
            filter=models.Filter(
                must=conditions(where),
                must_not=[models.HasIdCondition(has_id=kept)] if kept else None,
            )
        )
        self.call(lambda: self.client.delete(name, selector, wait=True))


def conditions(where: Filter) -> list[Any]:
    """A filter in the client's terms."""
    from qdrant_client import models

    must: list[Any] = []
    for key, values in (("repo", where.repos), ("path", where.paths)):
        if values is not None:
            match = models.MatchAny(any=list(values))
            must.append(models.FieldCondition(key=key, match=match))
    if where.language is not None:
        match_language = models.MatchValue(value=where.language)
        must.append(models.FieldCondition(key="language", match=match_language))
    return must


def translate(error: Exception, address: str) -> StoreError | ServiceUnavailableError:
    """Map an exception of ``qdrant-client`` onto Harness' tree."""
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    status: int | None = None
    detail = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if isinstance(error, UnexpectedResponse):
        status = error.status_code
        detail = _said(bytes(error.content or b"").decode(errors="replace"))[:200] or detail
    elif isinstance(error, ResponseHandlingException):
        status = 503
        detail = str(error.source)[:200]
    else:
        code = getattr(error, "code", None)  # grpc.RpcError
        name = getattr(code() if callable(code) else None, "name", "")
        detail = str(getattr(error, "details", lambda: detail)())[:200]
        if name in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}:
            status = 503
        elif name in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
            status = 401 if name == "UNAUTHENTICATED" else 403
    if status in {401, 403}:
        # 403 is also the answer to a good key that may only read.
        wanted = " to one that may write" if status == 403 else ""
        return StoreError(f"Qdrant at {address} refused the API key; set QDRANT_API_KEY{wanted}")
    if status in {408, 429, 502, 503, 504}:
        return ServiceUnavailableError(
            f"Qdrant at {address} did not answer ({detail}); start it or correct "
            "QDRANT_HOST/QDRANT_URL"
        )
    if _FULL in detail:
        return StoreFullError(f"the disk of Qdrant at {address} is full; give it more space")
    return StoreError(f"Qdrant at {address} refused an operation: {detail}")


def _said(answer: str) -> str:
    """The error in one of Qdrant's answers; any other answer (of a proxy) as it is."""
    try:
        return str(json.loads(answer)["status"]["error"])
    except (ValueError, LookupError, TypeError):
        return answer
