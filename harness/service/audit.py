"""The audit log: who did what with which repositories, and how long it took.

A file of JSON lines, private, rotated by size. It holds no query, no token and no text of code,
unless queries are switched on.
"""

from __future__ import annotations

import json
import os
import time
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from starlette.requests import Request

from harness.files import PRIVATE_FILE, private_folder
from harness.service.callers import Caller

_MAX_BYTES = 10_000_000
_KEPT_FILES = 5


class Audit:
    """Writes the log.

    :param path: the file; its folder is made.
    :param log_queries: also note what was asked.
    """

    def __init__(self, path: Path, *, log_queries: bool = False) -> None:
        private_folder(path.parent)
        self._log_queries = log_queries
        self._file = _PrivateRotatingFile(
            path, maxBytes=_MAX_BYTES, backupCount=_KEPT_FILES, encoding="utf-8", delay=True
        )

    def note(self, caller: Caller, request: Request, status: int, seconds: float) -> None:
        """Add a line for a request that was answered."""
        state: dict[str, Any] = request.scope.get("state", {})
        route = request.scope.get("route")
        path = getattr(route, "path", request.url.path)
        entry = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "who": caller.name,
            "what": " ".join(filter(None, (request.method, path, state.get("tool")))),
            "repositories": sorted(state.get("repositories", ())),
            "status": status,
            "seconds": round(seconds, 3),
        }
        if self._log_queries and "query" in state:
            entry["query"] = str(state["query"])[:1_000]
        self._file.write_line(json.dumps(entry))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _PrivateRotatingFile(RotatingFileHandler):
    """The rotation of the standard library for lines that are no log records."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.baseFilename, flags, PRIVATE_FILE)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding="utf-8")

    def write_line(self, line: str) -> None:
        """Add a line; the file is rotated before it would become too large."""
        self.acquire()
        try:
            stream = self.stream or self._open()
            self.stream = stream
            if stream.tell() + len(line) > self.maxBytes:
                self.doRollover()
                stream = self.stream or self._open()
                self.stream = stream
            stream.write(line + "\n")
            stream.flush()
        finally:
            self.release()
