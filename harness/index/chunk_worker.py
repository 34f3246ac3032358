"""The other process of :mod:`harness.index.reading`: reads and chunks the files that it is sent.

Pieces of work come on stdin, results go to stdout, each as its length and a pickle. The end of
stdin, which comes however the index run ends, ends this process. It writes no file, so it may be
killed at any time.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, BinaryIO

from harness.index.embedded_text import Window
from harness.index.garbage import collected_every
from harness.index.preparing import PreparedChunk, PreparedFile, prepare_files
from harness.models.protocols import WordEmbedder
from harness.types import Chunk, SourceFile, SparseVector

_LENGTH = struct.Struct(">Q")
# Some ten megabytes of source. Left to itself, the collector took 8 % of the time and freed nothing
# to speak of: the peak is the same without it.
_PIECES_PER_COLLECTION = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """Files to prepare. The arguments are those of :func:`harness.index.preparing.prepare_files`,
    which answers with a tuple; an exception takes its place when it raised one."""

    root: str
    files: tuple[SourceFile, ...]
    max_file_bytes: int
    window: Window
    words: WordEmbedder | None


def _by_fields(cls: type[Any]) -> Callable[[Any], tuple[type[Any], tuple[Any, ...]]]:
    names = [field.name for field in fields(cls)]
    return lambda value: (cls, tuple(getattr(value, name) for name in names))


# A frozen dataclass with slots sets its fields one by one, in Python, when it is unpickled; calling
# it takes half as long.
_REDUCERS = copyreg.dispatch_table | {
    cls: _by_fields(cls) for cls in (SourceFile, PreparedFile, PreparedChunk, Chunk, SparseVector)
}


def packed(value: object) -> bytes:
    """One value for the other side; see :func:`unpacked`."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(value)
    return stream.getvalue()


def unpacked(data: bytes) -> Any:
    """What :func:`packed` was given."""
    return pickle.loads(data)  # noqa: S301 - written by the other half of this program


def send(stream: BinaryIO, data: bytes) -> None:
    """Write one packed value.

    :raises OSError: nobody reads it.
    """
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read one packed value.

    :raises EOFError: the other side has ended.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def serve() -> None:
    """Answer pieces until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the index run's to handle
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not end up among the answers
    try:
        send(answers, packed("ready"))
        with collected_every(_PIECES_PER_COLLECTION) as step:
            while True:
                send(answers, packed(_answer(unpacked(receive(requests)))))
                step()
    except (EOFError, OSError):
        return


def _answer(piece: Piece) -> object:
    try:
        return prepare_files(
            piece.root, piece.files, piece.max_file_bytes, piece.window, piece.words
        )
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:
            return RuntimeError(f"{type(error).__name__}: {error}")
        return error
