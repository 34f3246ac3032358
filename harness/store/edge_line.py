"""The line of those who wait for the embedded store: first come, first served, among processes.

Everybody in it has a numbered file that is locked with ``flock``, which the kernel releases however
a process ends, so a number without a lock belongs to nobody. Whoever polls for a lock that several
want may lose each time; whoever has the lowest number does not.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = "turns"
_DOOR = "door"


class Line:
    """The line in one folder. Not for several threads at once.

    :param root: the folder; it has to exist before one stands in line.
    :param wait: called with an attempt, again and again until that returns True, or raises.
    """

    def __init__(self, root: Path, wait: Callable[[Callable[[], bool]], None]) -> None:
        self._folder = root / _FOLDER
        self._wait = wait
        self._place = -1
        self._number = 0

    def enter(self) -> None:
        """Stand at the end, and wait until nobody is in front.

        :raises OSError: the folder cannot be written.
        """
        with suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        door = os.open(self._folder / _DOOR, _FLAGS, 0o600)
        try:
            # Held only while a number is drawn, so nobody waits here for long.
            self._wait(lambda: locked(door))
            self._remove_dead()
            self._draw()
        finally:
            os.close(door)
        self._wait(self._is_first)

    def leave(self) -> None:
        """Make room for the next; nothing happens when one is not in the line."""
        if self._place >= 0:
            with suppress(OSError):
                self._file(self._number).unlink(missing_ok=True)
            os.close(self._place)
            self._place = -1

    def _draw(self) -> None:
        """Take the next number; only while the door is held."""
        number = max(self._numbers(), default=0) + 1
        # It gets its number when it is locked: nobody must find it before and take it for dead.
        new = self._folder / f".{secrets.token_hex(8)}"
        place = os.open(new, _FLAGS | os.O_EXCL, 0o600)
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
            new.rename(self._file(number))
        except BaseException:
            os.close(place)
            new.unlink(missing_ok=True)
            raise
        self._place, self._number = place, number

    def _is_first(self) -> bool:
        return not any(
            number < self._number and self._is_alive(number) for number in sorted(self._numbers())
        )

    def _is_alive(self, number: int) -> bool:
        try:
            descriptor = os.open(self._file(number), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not locked(descriptor)
        finally:
            os.close(descriptor)

    def _remove_dead(self) -> None:
        """Forget who was killed; only while the door is held, so that no number is given anew."""
        for number in list(self._numbers()):
            if not self._is_alive(number):
                self._file(number).unlink(missing_ok=True)

    def _numbers(self) -> Iterator[int]:
        return (int(name) for name in os.listdir(self._folder) if name.isdecimal())  # noqa: PTH208

    def _file(self, number: int) -> Path:
        return self._folder / str(number)


def locked(descriptor: int) -> bool:
    """Try to lock an open file, and tell whether it is."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
