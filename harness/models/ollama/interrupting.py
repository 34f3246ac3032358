"""Ends requests from another thread, also while nothing arrives.

A server that evaluates a long prompt sends nothing, not even the head of its answer, and closing a
client does not wake a thread that reads. Shutting the socket down does, and tells the server that
nobody waits for the rest. httpx gives no socket away before the answer's head has come, so the
sockets are taken where httpcore reports that it has opened them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import httpx

# httpcore's trace extension: the stream is the return value of these steps.
_OPENED = ("connect_tcp.complete", "start_tls.complete", "connect_unix_socket.complete")


class OpenSockets:
    """The sockets of one client; its ``hooks`` go into the client's ``event_hooks``."""

    def __init__(self) -> None:
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.interruptions = 0

    @property
    def hooks(self) -> Mapping[str, list[Any]]:
        """Event hooks of an ``httpx.Client``."""
        return {"request": [self._watch]}

    def interrupt(self) -> None:
        """Shut every connection down; requests in progress fail, later ones open new ones."""
        with self._lock:
            self.interruptions += 1
            streams = list(self._streams)
            self._streams.clear()
        for stream in streams:
            opened = stream.get_extra_info("socket")
            if opened is not None:
                with contextlib.suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)

    def _watch(self, request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._trace}

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_OPENED):
            with self._lock:
                self._streams.add(info["return_value"])
