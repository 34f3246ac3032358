"""Ends this process when it has not run for some time, before anybody else takes its place.

A look at a lease before a write is not enough: a process may be stopped between the two, or with
half of a request sent, and the rest goes out when it wakes up. So the kernel itself keeps the time:
a timer sends SIGKILL, which ends a stopped process, too, unless a thread of the process sets it
again. Its clock goes on while a machine sleeps. Linux only; elsewhere nothing happens.
"""

from __future__ import annotations

import ctypes
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

_CLOCK_BOOTTIME = 7
_SIGEV_SIGNAL = 0
# The thread has this many chances before the time is up, should the machine be busy.
_CHANCES = 6


class _Event(ctypes.Structure):
    """``struct sigevent`` of glibc and musl: 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("padding", ctypes.c_char * 48),
    )


class _Time(ctypes.Structure):
    """``struct timespec``."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = (("interval", _Time), ("value", _Time))


@contextmanager
def killed_when_paused(seconds: float) -> Iterator[None]:
    """Within the block, let the kernel kill this process when it has not run for so long."""
    timer = _created()
    if timer is None:
        yield
        return
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(seconds / _CHANCES):
            _set(timer, seconds)

    _set(timer, seconds)
    thread = threading.Thread(target=keep, name="pause-guard", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _libc().timer_delete(timer)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _created() -> ctypes.c_void_p | None:
    if sys.platform != "linux":
        return None
    event = _Event(signal=signal.SIGKILL, notify=_SIGEV_SIGNAL)
    timer = ctypes.c_void_p()
    if _libc().timer_create(_CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(timer)):
        logger.warning("no timer (errno %d): a paused run is only noticed late", ctypes.get_errno())
        return None
    return timer


def _set(timer: ctypes.c_void_p, seconds: float) -> None:
    value = _Time(int(seconds), int(seconds % 1 * 1e9))
    setting = _Setting(_Time(0, 0), value)
    _libc().timer_settime(timer, 0, ctypes.byref(setting), None)
