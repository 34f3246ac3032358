"""Connections of a server: slow ones never keep others out.

uvicorn counts open connections and answers 503 beyond its limit, whatever the open ones do: a few
hundred clients that send their headers byte by byte would shut out everybody else. Here a new
connection is always taken. When there are too many, the one that has kept us waiting longest for
its request is dropped, first of the address that has most of them; then the one that has kept an
answer waiting longest. One whose request is complete and whose answer is read is never dropped.
Genuine requests are complete within milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp
    from uvicorn import Config

logger = logging.getLogger(__name__)

# Within which a client has to make room for more of an answer: above what a laptop sleeps through.
_READ_SECONDS = 60.0

# asyncio accepts this many before it lets any connection be counted, and up to three times as many
# are under way, each with a descriptor: with uvicorn's 2,048 a burst uses up what a process has.
_BACKLOG = 64
_WANTED_FILES = 4_096


class Connections:
    """The open connections of one server, and how many were dropped.

    :param most: of more than these the slowest are dropped.
    :param header_seconds: within which a request's headers must have arrived.
    :param read_seconds: within which a client must take some of an answer that it does not read.
    """

    def __init__(
        self, most: int, header_seconds: float, read_seconds: float = _READ_SECONDS
    ) -> None:
        self.most = most
        self.header_seconds = header_seconds
        self.read_seconds = read_seconds
        self.dropped = 0
        self._open: set[LimitedProtocol] = set()
        # Whose request is not complete, in the order of how long they have been waited for.
        self._waiting: dict[LimitedProtocol, None] = {}
        # Whose client does not read, in the order of how long it has not.
        self._stalled: dict[LimitedProtocol, None] = {}

    def opened(self, connection: LimitedProtocol) -> None:
        """Take a connection, if need be in the place of another one."""
        if len(self._open) >= self.most and (self._waiting or self._stalled):
            self.drop(_worst(self._waiting or self._stalled))
        self._open.add(connection)
        self._waiting[connection] = None

    def closed(self, connection: LimitedProtocol) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)
        self._stalled.pop(connection, None)

    def complete(self, connection: LimitedProtocol) -> None:
        """Its request has arrived."""
        self._waiting.pop(connection, None)

    def answered(self, connection: LimitedProtocol) -> None:
        """It may send another request."""
        if connection in self._open:
            self._waiting.pop(connection, None)
            self._waiting[connection] = None

    def drop(self, connection: LimitedProtocol) -> None:
        """End a connection without an answer."""
        if not self.dropped:
            logger.warning("slow connections are dropped, the first from %s", connection.address)
        self.dropped += 1
        self.closed(connection)
        connection.abort()

    def stalled(self, connection: LimitedProtocol) -> None:
        """Its client does not read."""
        if connection in self._open:
            self._stalled[connection] = None

    def read(self, connection: LimitedProtocol) -> None:
        """Its client reads again."""
        self._stalled.pop(connection, None)


def _worst(slow: Mapping[LimitedProtocol, None]) -> LimitedProtocol:
    by_address = Counter(connection.address for connection in slow)
    (address, _), *_ = by_address.most_common(1)
    return next(one for one in slow if one.address == address)


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for headers, that tells :class:`Connections` of itself.

    :param held: the connections of the server.
    """

    def __init__(self, held: Connections, **parts: Any) -> None:
        super().__init__(**parts)
        self._held = held
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """The client's, empty when it is unknown."""
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._held.opened(self)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._held.closed(self)
        self._stop_waiting()
        self._stop_stalling()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client leaves more of an answer unread than is kept for it."""
        super().pause_writing()
        self._stop_stalling()
        self._held.stalled(self)
        self._unread = self.loop.call_later(self._held.read_seconds, self._held.drop, self)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_stalling()
        self._held.read(self)
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """A part of a request has arrived."""
        super().data_received(data)
        self._note_request()

    def on_response_complete(self) -> None:
        """The answer is sent."""
        self._held.answered(self)
        self._await_request()
        super().on_response_complete()
        self._note_request()  # the next one may have come before the answer

    def abort(self) -> None:
        """End the connection at once."""
        # uvicorn's own count, which it compares before the transport reports its end.
        self.connections.discard(self)
        self.transport.abort()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _note_request(self) -> None:
        if not self._is_answering:
            return
        # The headers are there; the time for the body is the application's business.
        self._stop_waiting()
        if not self.cycle.more_body:
            self._held.complete(self)

    def _await_request(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self._held.header_seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_stalling(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _too_slow(self) -> None:
        if not self._is_answering:
            self._held.drop(self)


def open_files_allowed() -> int:
    """How many files this process may have open, after asking for as many as a server needs:
    what a shell gives is often 256 or 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _WANTED_FILES
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
    return max(soft, wanted)


def server_config(app: ASGIApp, connections: Connections, host: str, port: int) -> Config:
    """How uvicorn serves an application.

    Of the files that this process may have open, connections get half at most.

    :param port: 0 takes any free one.
    """
    import uvicorn

    connections.most = min(connections.most, max(1, open_files_allowed() // 2))

    class Protocol(LimitedProtocol):
        def __init__(self, **parts: Any) -> None:
            super().__init__(connections, **parts)

    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        # Nothing here speaks it, and a connection that changes to it would escape the limits.
        ws="none",
        lifespan="on",
        # No access log: URLs may contain secrets that senders should not have put there.
        access_log=False,
        log_config=None,
        server_header=False,
        # Who is asked is decided by the connection's address, never by a header.
        proxy_headers=False,
        backlog=_BACKLOG,
        # Reached only when every connection has a request that is being answered. uvicorn also
        # counts the requests of dropped connections until they notice, so there is room for these.
        limit_concurrency=2 * connections.most,
        timeout_graceful_shutdown=5,
    )
