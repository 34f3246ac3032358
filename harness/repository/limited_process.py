"""Runs a program with a limit on its time and on what it writes; nothing it started is left, also
where this process is killed meanwhile."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.lifeline import Lifeline

_CHUNK_BYTES = 1 << 16


class OutputTooLargeError(Exception):
    """The program wrote more than it may."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left that ended by itself."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run_limited(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    *,
    stdin: bytes,
    timeout_seconds: float,
    max_output_bytes: int,
) -> Finished:
    """Run a program to its end, without a terminal.

    :param environment: all of it; nothing is inherited.
    :param stdin: what it reads; empty: it finds the end at once.
    :param max_output_bytes: stdout and stderr together, which are kept in memory.
    :raises OutputTooLargeError: it wrote more, and was killed with its children.
    :raises TimeoutError: the time is up, and it was killed with its children.
    :raises OSError: it cannot be started.
    """
    with (
        Lifeline() as lifeline,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A session of its own: ssh finds no terminal to ask on, and the whole group (ssh,
            # remote helpers) can be killed without leaving one that keeps the pipes open.
            start_new_session=True,
            pass_fds=lifeline.passed,
        ) as process,
    ):
        try:
            lifeline.hold(process.pid)
            deadline = time.monotonic() + timeout_seconds
            written = _communicate(process, stdin, deadline, max_output_bytes)
            returncode = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            if process.returncode is None:
                _kill_group(process)
    return Finished(returncode, *written)


def _communicate(
    process: subprocess.Popen[bytes], stdin: bytes, deadline: float, max_bytes: int
) -> tuple[bytes, bytes]:
    """As ``Popen.communicate``, which has no limit."""
    assert process.stdout is not None  # noqa: S101 - asked for above
    assert process.stderr is not None  # noqa: S101
    stdout, stderr, left = bytearray(), bytearray(), memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, stdout)
        selector.register(process.stderr, selectors.EVENT_READ, stderr)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                raise TimeoutError
            for key, _ in selector.select(seconds):
                if key.data is None:
                    left = left[_feed(key.fd, left) :]
                    if not left and process.stdin is not None:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
                if len(stdout) + len(stderr) > max_bytes:
                    raise OutputTooLargeError
    return bytes(stdout), bytes(stderr)


def _feed(descriptor: int, data: memoryview) -> int:
    """Write what the pipe takes; a reader that wants no more has all of it."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
