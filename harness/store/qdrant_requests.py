"""Requests to a Qdrant server: sent again when a connection breaks, errors in Harness' terms."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from harness.errors import HarnessError, StoreError
from harness.retrying import Backoff, log_retry
from harness.store.qdrant_failures import translate
from harness.store.queries import Match

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

SCROLL_PAGE = 1000
_BACKOFF = Backoff(attempts=3)


class _Thread(threading.local):
    """Whether what this thread sends changes the index."""

    writes = False


def _nothing() -> None:
    """Nobody holds the index."""


class QdrantRequests:
    """A client and what every kind of request needs.

    :param client: a connected client.
    :param address: how messages name the server.
    """

    def __init__(self, client: QdrantClient, address: str) -> None:
        self.client = client
        self.address = address
        self.before_write: Callable[[], None] = _nothing
        self._thread = _Thread()
        self._silent = False
        with suppress(NotImplementedError):  # the client's own store, in tests
            client.http.client.add_middleware(self._last_look)

    def call(self, operation: Callable[[], ResultT], *, writes: bool = False) -> ResultT:
        """Run one request; every one is idempotent, so a broken connection is tried again.

        :param writes: it changes the index, so :attr:`before_write` is asked before each attempt.
        :raises ServiceUnavailableError: the server does not answer.
        :raises StoreError: it refused; the message says what to do.
        """

        def once() -> ResultT:
            if writes:
                self.before_write()
            outer, self._thread.writes = self._thread.writes, writes
            try:
                return operation()
            except HarnessError:
                raise
            except Exception as error:
                raise translate(error, self.address) from error
            finally:
                self._thread.writes = outer

        answer = _BACKOFF.call(once, on_retry=self._tell)
        self._silent = False
        return answer

    def _tell(self, error: BaseException, seconds: float) -> None:
        """One line for an outage: callers try again what asks several times, and say so."""
        if self._silent:
            logger.debug("%s; trying again in %.1f s", error, seconds)
        else:
            self._silent = True
            log_retry(error, seconds)

    def _last_look(self, request: Any, send: Callable[[Any], Any]) -> Any:
        """Ask again when a request is ready to be sent: putting some megabytes of points into JSON
        takes so long that a process may well be stopped just then. gRPC has no such place."""
        if self._thread.writes:
            self._thread.writes = False  # what is asked now is another request
            self.before_write()
        return send(request)

    def exists(self, name: str) -> bool:
        """Tell whether there is a collection of this name."""
        return bool(self.call(partial(self.client.collection_exists, name)))

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

        On a cluster every node gets the whole collection: an index of code fits on one node, a
        search then needs only one that is alive, and each node's snapshot is complete. With a shard
        on each node, Qdrant's default, losing a node would lose files, and the frequency of words
        would be counted per shard.
        """
        nodes = self.nodes()
        if nodes > 1:
            config |= {"shard_number": 1, "replication_factor": nodes}
        try:
            self.call(partial(self.client.create_collection, name, **config))
        except StoreError:
            if not self.exists(name):
                raise

    def drop(self, name: str) -> None:
        """Remove a collection if it is there."""
        self.call(partial(self.client.delete_collection, name), writes=True)

    def index(self, name: str, key: str, schema: Any = None) -> None:
        """Let conditions on this payload key be looked up.

        :param schema: kind of index; None is one of keywords.
        """
        from qdrant_client import models

        schema = schema or models.PayloadSchemaType.KEYWORD
        self.call(partial(self.client.create_payload_index, name, key, schema))

    def count(self, name: str, where: Iterable[Match] = ()) -> int:
        """The exact number of points that match."""
        from qdrant_client import models

        chosen = models.Filter(must=found) if (found := conditions(where)) else None
        ask = partial(self.client.count, name, count_filter=chosen, exact=True)
        return int(self.call(ask).count)

    def scroll(self, name: str, where: Iterable[Match], vectors: Any = False) -> Iterator[Any]:
        """All points that match, page by page, with payload.

        :param vectors: names of the vectors to return as well.
        """
        from qdrant_client import models

        chosen = models.Filter(must=conditions(where))
        offset: Any = None
        while True:
            page, offset = self.call(
                partial(
                    self.client.scroll,
                    name,
                    scroll_filter=chosen,
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
        """Insert or replace points, and wait for it: the records that follow promise them."""
        self.call(partial(self.client.upsert, name, list(points), wait=True), writes=True)

    def delete(self, name: str, where: Iterable[Match], keep_ids: Iterable[str] = ()) -> None:
        """Remove the points that match, except ``keep_ids``."""
        from qdrant_client import models

        kept: list[Any] = list(keep_ids)
        selector = models.FilterSelector(
            filter=models.Filter(
                must=conditions(where),
                must_not=[models.HasIdCondition(has_id=kept)] if kept else None,
            )
        )
        self.call(partial(self.client.delete, name, selector, wait=True), writes=True)


def conditions(where: Iterable[Match]) -> list[Any]:
    """Conditions in the client's terms."""
    from qdrant_client import models

    return [
        models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))
        for key, values in where
    ]
