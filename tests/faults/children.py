"""Work in processes of its own, which may be killed at any moment.

They are forked from a clean process that has everything imported, so that one costs milliseconds
and none inherits the threads of an engine.
"""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from harness.errors import HarnessError

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.victims"])
HANG_SECONDS = 240.0
"""Far more than anything here takes on a machine that has time for it."""
MOST_HANG_SECONDS = 5 * HANG_SECONDS
"""Far more than that, whatever else the machine does."""
_SAMPLE_SECONDS = 0.1


class OutsideTreeError(AssertionError):
    """A child ended with an exception that is none of :mod:`harness.errors`, or hung."""


def _run(work: Callable[..., object], arguments: tuple[object, ...], answer: Connection) -> None:
    began = time.monotonic()
    answer.send(("begun", None))
    try:
        found = ("value", (work(*arguments), time.monotonic() - began))
    except HarnessError as error:
        found = ("error", error)
    except BaseException:
        found = ("raw", traceback.format_exc())
    answer.send(found)
    answer.close()


def start(work: Callable[..., object], *arguments: object) -> tuple[BaseProcess, Connection]:
    """Begin work in a child; returns when it is about to start."""
    receiving, sending = _FORKS.Pipe(duplex=False)
    child = _FORKS.Process(target=_run, args=(work, arguments, sending), daemon=True)
    child.start()
    sending.close()
    assert receiving.recv() == ("begun", None)
    return child, receiving


def call(work: Callable[..., Any], *arguments: object) -> Any:
    """What work in a child returns.

    :raises HarnessError: what it raises of the tree.
    :raises OutsideTreeError: it raised something else, died or hung.
    """
    return timed(work, *arguments)[0]


def timed(work: Callable[..., Any], *arguments: object) -> tuple[Any, float]:
    """As :func:`call`, and how many seconds it took."""
    child, receiving = start(work, *arguments)
    try:
        if not receiving.poll(HANG_SECONDS):
            more = min(HANG_SECONDS * slowness(), MOST_HANG_SECONDS) - HANG_SECONDS
            if not receiving.poll(more):
                raise OutsideTreeError(f"{work.__name__} hung for {HANG_SECONDS + more:g} s")
        kind, found = receiving.recv()
    except EOFError:
        child.join()
        raise OutsideTreeError(f"{work.__name__} died: {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
        receiving.close()
    if kind == "error":
        raise found
    if kind == "raw":
        raise OutsideTreeError(found)
    return found


def slowness() -> float:
    """How many times longer a computation takes now than on a machine that is idle, at least 1: a
    run that was given no processor does not hang."""
    began, given = time.monotonic(), time.thread_time()
    while time.thread_time() - given < _SAMPLE_SECONDS:
        pass
    return max(1.0, (time.monotonic() - began) / _SAMPLE_SECONDS)


def killed(after_seconds: float, work: Callable[..., Any], *arguments: object) -> bool:
    """Kill work that long after its beginning.

    :returns: whether it was still at work.
    :raises OutsideTreeError: it had raised something that is not of the tree.
    """
    child, receiving = start(work, *arguments)
    try:
        if not receiving.poll(after_seconds):
            return True
        kind, found = receiving.recv()
        if kind == "raw":
            raise OutsideTreeError(found)
        return False
    finally:
        child.kill()
        child.join()
        receiving.close()
