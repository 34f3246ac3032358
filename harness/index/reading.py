"""Reads and chunks the batches of a run ahead of what embeds and writes them.

With a light model, reading and chunking is most of the work, and holds the interpreter's lock: it
is done in processes of our own. They are started by their command line instead of by
``multiprocessing``, which would load the main module of whatever program this is once more. With
any other model a thread is enough.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, cast

from harness.cores import available_cores
from harness.index.chunk_worker import Piece, packed, receive, send, unpacked
from harness.index.embedded_text import Window, is_light
from harness.index.planning import Batch, IndexPlan
from harness.index.preparing import (
    PreparedBatch,
    PreparedFile,
    log_errors,
    prepare_batch,
    prepare_files,
)
from harness.models.protocols import Embedder, WordEmbedder
from harness.types import SourceFile

logger = logging.getLogger(__name__)

Submit = Callable[[Batch], Callable[[], PreparedBatch]]
"""Begins to read a batch; what it returns waits for it."""

# Of source. Less is not worth the third of a second that starting a process takes.
_WORTH_BYTES = 2_000_000
_PIECE_BYTES = 200_000
# Holds the answer to a piece, so that the process can go on while nobody reads it.
_PIPE_BYTES = 1 << 20
# Each takes some 100 MB, and one that writes keeps up with no more.
_MOST_WORKERS = 4

# The first line is the module path of the program that starts it.
_COMMAND = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
    "from harness.index.chunk_worker import serve; serve()"
)


@contextmanager
def batch_reader(plan: IndexPlan, embedder: Embedder) -> Iterator[Submit]:
    """What reads a plan's batches; leaving the block ends it, whatever is under way."""
    if is_light(embedder) and plan.size_bytes >= _WORTH_BYTES and sys.executable:
        window = Window(embedder.max_tokens, embedder.count_tokens(""))
        count = min(available_cores(), _MOST_WORKERS)
        with _Workers(plan, window, embedder.by_words(), count) as workers:
            yield workers.submit
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as thread:
        yield lambda batch: thread.submit(prepare_batch, plan, batch, embedder).result


class _Workers:
    """Processes that prepare pieces of batches, each fed by two threads, so that it has another
    piece while this process is busy with its last answer."""

    def __init__(
        self, plan: IndexPlan, window: Window, words: WordEmbedder | None, count: int
    ) -> None:
        self._plan = plan
        self._window = window
        self._words = words
        self._threads = ThreadPoolExecutor(max_workers=2 * count, thread_name_prefix="prepare")
        self._own = threading.local()
        self._seats = itertools.cycle([_Seat() for _ in range(count)])
        self._started: list[_Worker] = []
        self._closed = False
        self._cannot_start = False

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._started:
            worker.end()
        self._threads.shutdown()
        for worker in self._started:
            worker.end()  # one that was being started meanwhile

    def submit(self, batch: Batch) -> Callable[[], PreparedBatch]:
        """Begin to read a batch."""
        recorded_ns = time.time_ns()
        parts = [self._threads.submit(self._prepare, files) for files in _pieces(batch.files)]

        def result() -> PreparedBatch:
            return PreparedBatch(batch, _joined(parts), recorded_ns)

        return result

    def _prepare(self, files: tuple[SourceFile, ...]) -> _Answer:
        """Let one of the processes prepare a piece; alone, when it has ended meanwhile."""
        if self._cannot_start:
            return self._prepare_here(files)
        if not hasattr(self._own, "seat"):
            self._own.seat = next(self._seats)
        seat: _Seat = self._own.seat
        with seat.lock:
            if seat.worker is None:
                seat.worker = self._new()
            worker = seat.worker
        try:
            return worker.prepare(self._piece(files))
        except ChildProcessError as error:
            return self._without_workers(files, error)
        except EOFError:
            if self._closed:
                raise
        worker.end()
        with seat.lock:
            if seat.worker is worker:
                seat.worker = None
        return self._prepare_alone(files, self._new())

    def _prepare_alone(
        self, files: tuple[SourceFile, ...], worker: _Worker, again: bool = False
    ) -> _Answer:
        """Find out which file ends its process: one that has nothing else to do."""
        try:
            answer = worker.prepare(self._piece(files))
        except ChildProcessError as error:
            return self._without_workers(files, error)
        except EOFError:
            if self._closed:
                raise
        else:
            worker.end()
            return answer
        reason = worker.end()
        if len(files) > 1:
            half = len(files) // 2
            first = self._prepare_alone(files[:half], self._new())
            second = self._prepare_alone(files[half:], self._new())
            return lambda: first() + second()
        if not again:  # somebody may have ended it
            return self._prepare_alone(files, self._new(), again=True)
        failed = PreparedFile(
            files[0],
            files[0].content_id or "",
            error=f"cannot be chunked: the process that read it {reason}",
        )
        return lambda: (failed,)

    def _without_workers(self, files: tuple[SourceFile, ...], error: Exception) -> _Answer:
        if self._closed:
            raise EOFError from None
        if not self._cannot_start:
            logger.warning("%s: reading goes on in this one", error)
            self._cannot_start = True
        return self._prepare_here(files)

    def _prepare_here(self, files: tuple[SourceFile, ...]) -> _Answer:
        piece = self._piece(files)
        prepared = prepare_files(piece.root, files, piece.max_file_bytes, piece.window, piece.words)
        return lambda: prepared

    def _piece(self, files: tuple[SourceFile, ...]) -> Piece:
        plan = self._plan
        return Piece(plan.root, files, plan.max_file_bytes, self._window, self._words)

    def _new(self) -> _Worker:
        worker = _Worker()
        self._started.append(worker)
        return worker


_Answer = Callable[[], tuple[PreparedFile, ...]]
"""Unpacks what a process has answered: as bytes it takes a fifth of the memory until its turn."""


class _Seat:
    """Where the threads of one process find it; None: one has to be started."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.worker: _Worker | None = None


class _Worker:
    """One process; it is started by the first piece. Several threads may use it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._expected: deque[list[bytes]] = deque()

    def prepare(self, piece: Piece) -> _Answer:
        """Let the process prepare a piece; what it raises is raised by unpacking the answer.

        :raises EOFError: it has ended.
        :raises ChildProcessError: it cannot be started.
        """
        answer: list[bytes] = []
        data = packed(piece)
        with self._sending:
            if self._process is None:
                self._start()
            requests, answers = self._streams()
            self._expected.append(answer)
            try:
                send(requests, data)
            except (OSError, ValueError):
                raise EOFError from None
        while not answer:
            with self._receiving:
                if not answer:  # whoever waits first receives for whom it is
                    try:
                        self._expected.popleft().append(receive(answers))
                    except (OSError, ValueError, IndexError):
                        raise EOFError from None
        return partial(_read, answer[0])

    def _start(self) -> None:
        utf8 = ["-X", "utf8"] if sys.flags.utf8_mode else []
        # A process group of its own: Ctrl-C goes to the index run, which ends it.
        self._process = subprocess.Popen(
            [sys.executable, *utf8, "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        requests, answers = self._streams()
        try:
            requests.write(json.dumps(sys.path).encode() + b"\n")
            requests.flush()
            receive(answers)
            with contextlib.suppress(OSError, AttributeError):  # a system without, or its limit
                fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except (OSError, EOFError):
            raise ChildProcessError(f"a process that reads files {self.end()}") from None

    def _streams(self) -> tuple[BinaryIO, BinaryIO]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        return cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)

    def end(self) -> str:
        """End the process, and say how it had ended; nothing that it does has to be finished."""
        process = self._process
        if process is None:
            return "was not started"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)  # one that has just died is still on its way
        process.kill()
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _pieces(files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, ...]]:
    """Files of about :data:`_PIECE_BYTES` together."""
    piece: list[SourceFile] = []
    size = 0
    for file in files:
        piece.append(file)
        size += max(file.size_bytes, 500)
        if size >= _PIECE_BYTES:
            yield tuple(piece)
            piece, size = [], 0
    if piece:
        yield tuple(piece)


def _read(answer: bytes) -> tuple[PreparedFile, ...]:
    found = unpacked(answer)
    if isinstance(found, Exception):
        raise found
    files: tuple[PreparedFile, ...] = found
    log_errors(files)
    return files


def _joined(parts: Sequence[Future[_Answer]]) -> tuple[PreparedFile, ...]:
    return tuple(file for part in parts for file in part.result()())
