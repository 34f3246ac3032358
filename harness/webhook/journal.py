"""Accepted pushes, on disk before they are answered: an append-only file of JSON lines.

A line is an accepted push, or a note that a repository's pushes up to a certain one were handed
over. Many requests share one ``fsync``. At each start, and whenever it has grown too large, the
file is rewritten with what is still needed: the pushes to hand over and the keys of the most recent
deliveries.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import StackError, StoreError
from harness.files import append_lines, private_folder, write_atomically

logger = logging.getLogger(__name__)

_COMPACT_BYTES = 4_000_000
MAX_SEEN = 10_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """An accepted push.

    ``seq`` increases with each push; by its ``keys`` a delivery is recognised when it is sent
    again; ``received_at`` is in seconds since the epoch.
    """

    seq: int
    name: str
    source: str
    commit: str
    keys: tuple[str, ...]
    received_at: float


class Journal:
    """The file; an async context manager that holds a lock on it. To be used by one event loop.

    :param path: created with mode 0600, its folder with mode 0700.
    :param max_seen: how many delivery keys are remembered.
    """

    def __init__(self, path: Path, *, max_seen: int = MAX_SEEN) -> None:
        self.path = path
        self.size_bytes = 0
        self.pending: dict[str, Delivery] = {}
        self._max_seen = max_seen
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._last_seq = 0
        self._lines: list[str] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._lock = FileLock(f"{path}.lock", timeout=0, mode=0o600)

    async def __aenter__(self) -> Journal:
        """Read what an earlier process left.

        :raises StackError: another process holds the lock.
        :raises StoreError: the file cannot be written.
        """
        try:
            private_folder(self.path.parent)
            self._lock.acquire()
            self._read()
            await asyncio.to_thread(self._rewrite, self._snapshot())
        except Timeout:
            raise StackError(
                f"another `harness webhook` uses {self.path.parent}; stop it, or set "
                "HARNESS_DATA_DIR to another folder"
            ) from None
        except OSError as error:
            self._lock.release()
            raise StoreError(
                f"{self.path} cannot be written ({error.strerror}); check the disk and the folder"
            ) from error
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        with contextlib.suppress(OSError):  # only notes are left: `accept` waits for its push
            self._append(self._lines)
        self._lock.release()

    def seen(self, keys: Iterable[str]) -> int | None:
        """The ``seq`` of the delivery that had one of these keys, None when there was none."""
        return next((self._seen[key] for key in keys if key in self._seen), None)

    def is_pending(self, name: str, seq: int) -> bool:
        """Whether a repository's push, or a later one in its place, has yet to be handed over."""
        waiting = self.pending.get(name)
        return waiting is not None and waiting.seq >= seq

    async def accept(
        self, name: str, source: str, commit: str, keys: tuple[str, ...], received_at: float
    ) -> Delivery:
        """Keep a push; once this returns, it survives a crash.

        A later push to the same repository takes its place.

        :raises StoreError: the disk is full or broken; nothing was kept.
        """
        self._last_seq += 1
        delivery = Delivery(self._last_seq, name, source, commit, keys, received_at)
        before = self.pending.get(name)
        self._remember(delivery)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.append(json.dumps({"push": asdict(delivery)}))
        self._waiting.append(done)
        self._wake.set()
        try:
            await done
        except OSError as error:
            for key in keys:
                self._seen.pop(key, None)
            if self.pending.get(name) is delivery:
                self.pending.pop(name)
                if before is not None:
                    self.pending[name] = before
            raise StoreError(
                f"{self.path} cannot be written ({error.strerror}); check the disk's space"
            ) from error
        return delivery

    def handed_over(self, delivery: Delivery) -> None:
        """Note that a push, and the earlier ones to the same repository, were handed over.

        The note is written along with the next lines. If a crash loses it, the push is handed over
        twice, which its idempotency key makes harmless.
        """
        current = self.pending.get(delivery.name)
        if current is not None and current.seq <= delivery.seq:
            del self.pending[delivery.name]
        self._lines.append(json.dumps({"done": delivery.name, "seq": delivery.seq}))
        self._wake.set()

    # Reading and writing the file

    def _remember(self, delivery: Delivery) -> None:
        self.pending[delivery.name] = delivery
        for key in delivery.keys:
            self._seen[key] = delivery.seq
        while len(self._seen) > self._max_seen:
            self._seen.popitem(last=False)

    def _read(self) -> None:
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            if not line:  # before each part that was added
                continue
            try:
                self._apply(json.loads(line))
            except (ValueError, KeyError, TypeError):
                # Cut off when a process was killed: nobody was told that this push is kept.
                logger.warning("%s: skipped a line that cannot be read", self.path)

    def _apply(self, entry: dict[str, object]) -> None:
        if "push" in entry:
            fields = dict(entry["push"])  # type: ignore[call-overload]
            delivery = Delivery(**fields | {"keys": tuple(fields["keys"])})
            self._remember(delivery)
            self._last_seq = max(self._last_seq, delivery.seq)
        elif "seen" in entry:
            for key, seq in entry["seen"]:  # type: ignore[attr-defined]
                self._seen[key] = int(seq)
                self._last_seq = max(self._last_seq, int(seq))
        else:
            waiting = self.pending.get(str(entry["done"]))
            if waiting is not None and waiting.seq <= int(str(entry["seq"])):
                del self.pending[waiting.name]

    def _snapshot(self) -> list[str]:
        seen = json.dumps({"seen": list(self._seen.items())})
        return [seen, *(json.dumps({"push": asdict(one)}) for one in self.pending.values())]

    async def _write(self) -> None:
        """Append what has accumulated with one fsync, again and again, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            lines, self._lines = self._lines, []
            waiting, self._waiting = self._waiting, []
            failure: OSError | None = None
            try:
                if self.size_bytes > _COMPACT_BYTES:
                    # The snapshot includes the lines taken above, and is on disk before their
                    # requests are answered.
                    await asyncio.to_thread(self._rewrite, self._snapshot())
                else:
                    await asyncio.to_thread(self._append, lines)
            except OSError as error:
                logger.error("%s cannot be written: %s", self.path, error.strerror)
                failure = error
            for future in waiting:
                if future.done():
                    continue  # its connection was cut
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)

    def _append(self, lines: list[str]) -> None:
        if lines:
            self.size_bytes = append_lines(self.path, lines)

    def _rewrite(self, lines: list[str]) -> None:
        content = ("\n".join(lines) + "\n").encode()
        write_atomically(self.path, content, durable=True)
        self.size_bytes = len(content)
