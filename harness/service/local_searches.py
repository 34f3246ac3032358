"""Searches for this machine's command line, over a socket of their own.

See :mod:`harness.local_service` for who may ask, and for what is not answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.engines import Engines
from harness.errors import HarnessError
from harness.files import PRIVATE_FILE, private_folder
from harness.local_service import MAX_REQUEST_BYTES, identity, is_owners, socket_path
from harness.search import retrieval
from harness.search.operators import read_operators
from harness.search.shown import shown
from harness.service.work import Work

logger = logging.getLogger(__name__)

_REQUEST_SECONDS = 5.0
_WAITING = 16


class _DeclinedError(Exception):
    """The command has to search itself."""


@asynccontextmanager
async def local_searches(work: Work, data_dir: Path) -> AsyncIterator[None]:
    """Answer searches until the block ends. Where the socket cannot be made, nothing is answered,
    and commands open the index as without a service.

    :param work: carries the searches out.
    :param data_dir: whose index it is.
    """
    ours = identity()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                if is_owners(writer.get_extra_info("socket")):
                    line = await reader.readuntil(b"\n")
                    writer.write(await _found(line, ours, work))
                    await writer.drain()
        except Exception as error:  # whatever it is, the command searches itself
            logger.debug("a search of this machine is not answered: %r", error)
        finally:
            writer.close()

    place = Path(socket_path(str(data_dir)))
    try:
        server = await asyncio.start_unix_server(
            answer, sock=_listening(place), limit=MAX_REQUEST_BYTES
        )
    except OSError as error:
        logger.info("commands of this machine open the index themselves: %s", error)
        yield
        return
    made = place.stat().st_ino
    try:
        yield
    finally:
        server.close()
        with suppress(OSError):
            if place.stat().st_ino == made:  # not that of a service that came later
                place.unlink()


def _listening(place: Path) -> socket.socket:
    """A socket that only this account reaches, in the place of what an ended service left."""
    private_folder(place.parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), PRIVATE_FILE)  # on Linux the mode of what is bound
        place.unlink(missing_ok=True)
        listener.bind(str(place))
        place.chmod(PRIVATE_FILE)
        listener.listen(_WAITING)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


async def _found(line: bytes, ours: dict[str, Any], work: Work) -> bytes:
    """The answer to a request; empty for none."""
    request = json.loads(line)
    if request.pop("for") != ours:
        return b""
    try:
        return await work.search(lambda engines: _search(request, engines))
    except (_DeclinedError, HarnessError):
        return b""  # the command finds the same error, and shows it as any other


def _search(request: dict[str, Any], engines: Engines) -> bytes:
    query, repo, path_glob = request["query"], request["repo"], request["path_glob"]
    asked = read_operators(query)
    for name in (repo, asked.repo):
        # Anything but a name may be a folder, and relative to where the command is.
        if name and all(record.name != name for record in engines.store.repositories()):
            raise _DeclinedError
    for glob in (path_glob, asked.path):
        if glob and glob.strip().lstrip("!")[:1] in (".", "~", "\\"):
            raise _DeclinedError
    with _warnings() as given:
        answer = retrieval.find(
            query,
            engines,
            repo=repo,
            language=request["language"],
            path_glob=path_glob,
            limit=request["limit"],
        )
    if given:  # whoever asks should see it
        raise _DeclinedError
    return json.dumps(shown(query, answer)).encode()


@contextmanager
def _warnings() -> Iterator[list[logging.LogRecord]]:
    """Warnings that this thread logs meanwhile."""
    given: list[logging.LogRecord] = []
    thread = threading.get_ident()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                given.append(record)

    handler = Noting(logging.WARNING)
    log = logging.getLogger("harness")
    log.addHandler(handler)
    try:
        yield given
    finally:
        log.removeHandler(handler)
