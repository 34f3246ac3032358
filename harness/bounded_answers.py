"""Ends answers of HTTP servers that are longer than any of theirs, before they fill the memory.

For clients that keep an answer, or a line of it, whole; httpx itself has no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

MOST_BYTES = 256_000_000
"""The longest have some megabytes; a pull of a large model tells for hours how far it is."""

PLAIN = {"Accept-Encoding": "identity"}
"""Headers of a client whose answers are bounded: what is packed could unpack to more."""


def bound(response: httpx.Response) -> None:
    """An event hook for the responses of an ``httpx.Client``.

    :raises httpx.DecodingError: now, when the answer is packed; while it is read, when it is longer
        than :data:`MOST_BYTES`.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise httpx.DecodingError(f"the answer is packed as {encoding[:20]!r}, unasked")
    inner: Any = response.stream
    response.stream = _Bounded(inner)


class _Bounded(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._inner:
            size += len(piece)
            if size > MOST_BYTES:
                raise httpx.DecodingError(f"the answer is longer than {MOST_BYTES / 1e6:g} MB")
            yield piece

    def close(self) -> None:
        self._inner.close()
