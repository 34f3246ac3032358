"""Start processes that outlive their parent, recognise them later, and end them reliably."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.files import open_private

# psutil derives a start time from the boot time, which shifts a little when the clock is set.
_START_TOLERANCE_SECONDS = 2.0
# Every process of a stack inherits this variable. It identifies a flow run even when its worker was
# killed with SIGKILL and it is no longer anybody's child.
STACK_ID_VARIABLE = "HARNESS_STACK_ID"


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Enough about a process to tell it from another one that gets the same pid later.

    :param role: what it does (``server``, ``worker``).
    :param started: its start, in seconds since the epoch.
    """

    role: str
    pid: int
    started: float


def start(
    role: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    private: bool = False,
) -> ProcessRecord:
    """Start a process in its own session, so that closing the terminal does not end it.

    :param log: receives stdout and stderr; the previous one is kept with ``.1`` appended.
    :param private: only its owner may read the files that it makes.
    :raises OSError: the program or the folder does not exist.
    """
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    with open_private(log, append=True) as output:
        process = subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077 if private else -1,
        )
    record = ProcessRecord(role, process.pid, _start_time(process.pid) or time.time())
    # It is meant to outlive us; without this Popen warns about it when collected.
    process.returncode = 0
    return record


def _start_time(pid: int) -> float | None:
    with contextlib.suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return None


def find(record: ProcessRecord) -> psutil.Process | None:
    """The recorded process if it still runs, else None (a zombie counts as ended)."""
    try:
        process = psutil.Process(record.pid)
        if abs(process.create_time() - record.started) > _START_TOLERANCE_SECONDS:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            with contextlib.suppress(psutil.Error):
                process.wait(timeout=0)
            return None
    except psutil.Error:
        return None
    return process


def is_running(record: ProcessRecord) -> bool:
    """Tell whether the recorded process itself, not a successor of its pid, still runs."""
    return find(record) is not None


def members(stack_id: str, records: Iterable[ProcessRecord]) -> list[psutil.Process]:
    """Every process of a stack: the recorded ones, their descendants, and whatever else of
    this user carries the stack's id in its environment. Never the calling process."""
    found: dict[int, psutil.Process] = {}
    for record in records:
        process = find(record)
        if process is not None:
            found[process.pid] = process
            with contextlib.suppress(psutil.Error):
                found.update((child.pid, child) for child in process.children(recursive=True))
    user = os.getuid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            own = process.pid not in found and process.uids().real == user
            if own and process.environ().get(STACK_ID_VARIABLE) == stack_id:
                found[process.pid] = process
    found.pop(os.getpid(), None)
    return list(found.values())


def end(processes: Sequence[psutil.Process], *, grace_seconds: float) -> list[psutil.Process]:
    """Ask processes to end with SIGTERM, and kill those that remain after the grace period.

    :returns: those that survived even that; empty unless the kernel holds one.
    """
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _, alive = psutil.wait_procs(alive, timeout=5.0)
    return [process for process in alive if process.is_running()]
