"""Asks the service of this machine for what a command would otherwise open the index for.

Opening an index takes longer than searching it, and a service (`harness serve`; `harness up` starts
one) has it open. So it also listens on a socket below its data directory. Only the directory's
owner reaches that, who may read the index anyway: no token is needed, nothing of the query goes
over a network, and no other account can pretend to be the service.

A request is one line of JSON, the answer a document; then the connection ends. The service answers
nothing when it might not say what the command itself would: it is another version, its settings
differ, something is wrong with the request. Then, as when there is none or it takes too long, the
command does it itself.

Only the standard library's quick modules: this comes before everything else.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from typing import Any

from harness import __version__

VARIABLES = frozenset(
    (
        *("EMBED_MODEL", "OLLAMA_HOST", "QDRANT_API_KEY", "QDRANT_HOST", "QDRANT_PORT"),
        *("QDRANT_GRPC_PORT", "QDRANT_URL", "HARNESS_DOCUMENT_PREFIX", "HARNESS_EMBED_BATCH"),
        *("HARNESS_OLLAMA_TIMEOUT_SECONDS", "HARNESS_QDRANT_TIMEOUT_SECONDS"),
        *("HARNESS_LOCK_TIMEOUT_SECONDS", "HARNESS_QUERY_PREFIX"),
    )
)
"""What decides, beside the data directory, which index is searched and how."""

MAX_REQUEST_BYTES = 1 << 18
MAX_ANSWER_BYTES = 1 << 26
ANSWER_SECONDS = 1.0
"""A search takes hundredths of a second; opening the index some tenths."""

_PLACE = ("service", "search.sock")
_PIECE_BYTES = 1 << 16


def socket_path(data_dir: str) -> str:
    """Where the service of a data directory listens."""
    return os.path.join(data_dir, *_PLACE)  # noqa: PTH118 - pathlib takes longer to load


def identity() -> dict[str, Any]:
    """What has to be the same in both processes: the code, and the settings that count."""
    found = {name.upper(): value for name, value in os.environ.items() if value}
    here = os.path.dirname(__file__)  # noqa: PTH120
    return {
        "version": __version__,
        # An installation of the same version may be another one, or newer than what runs.
        "code": [here, os.stat(os.path.join(here, "__init__.py")).st_mtime_ns],  # noqa: PTH116, PTH118
        "settings": {name: found[name] for name in sorted(VARIABLES & found.keys())},
    }


def is_owners(connection: socket.socket) -> bool:
    """Whether the other end is a process of the same account, as far as the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the folder's permissions say so
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", data)[1] == os.geteuid())


def ask(data_dir: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """Have a search carried out.

    :param request: what :mod:`harness.service.local_searches` reads.
    :returns: its answer; None when there is no service or it does not answer this.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(socket_path(data_dir))
            if not is_owners(connection):
                return None
            line = json.dumps({**request, "for": identity()}).encode() + b"\n"
            if len(line) > MAX_REQUEST_BYTES:
                return None
            connection.sendall(line)
            answer = bytearray()
            while piece := connection.recv(_PIECE_BYTES):
                answer += piece
                left = deadline - time.monotonic()
                if left <= 0 or len(answer) > MAX_ANSWER_BYTES:
                    return None
                connection.settimeout(left)
        document = json.loads(answer)
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
