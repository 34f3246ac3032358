"""Commands of the model: time, output, processes, memory, disk and environment are limited.

The command runs in its own session under :mod:`harness.workspace.confined.supervisor`, isolated as
far as this machine grants (:mod:`harness.workspace.isolation`), and below what the policy demands
not at all. RLIMIT_NPROC does not bind root, and RLIMIT_AS binds one process, so processes are
counted and their memory is added up while the command runs.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from harness.workspace.disk import DiskWatch
from harness.workspace.isolation import SUPERVISOR, Isolation, encoded, order_for, probe_isolation
from harness.workspace.memory import MemoryWatch
from harness.workspace.policy import CommandPolicy, Level

SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE_SECONDS = 2.0
POLL_SECONDS = 0.05
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A finished command. ``output`` is stdout and stderr in order, without its middle when it
    exceeds the kept size; ``stopped`` says which limit ended it, empty when it ended by itself;
    ``isolation`` is the level at which it ran."""

    exit_code: int
    output: str
    output_bytes: int
    seconds: float
    stopped: str = ""
    isolation: Level = "none"


class _Kept:
    """The first and the last part of a stream, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self.half = max(1, limit // 2)
        self.total = 0
        self.head = bytearray()
        self.tail = bytearray()

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self.half - len(self.head)
        self.head += data[: max(0, room)]
        self.tail += data[max(0, room) :]
        if len(self.tail) > 2 * self.half:
            del self.tail[: -self.half]

    def text(self) -> str:
        tail = bytes(self.tail[-self.half :])
        left_out = self.total - len(self.head) - len(tail)
        middle = f"\n[… {left_out} bytes left out …]\n".encode() if left_out else b""
        return (bytes(self.head) + middle + tail).decode("utf-8", "replace")


def run_command(
    command: str,
    cwd: Path,
    scratch: Path,
    policy: CommandPolicy,
    cancelled: Callable[[], bool] | None = None,
    *,
    readable: Sequence[Path] = (),
    stands_for: Path | None = None,
) -> CommandResult:
    """Run a shell command; neither it nor anything it started is left on return.

    :param cwd: where it runs and may write.
    :param scratch: its HOME and TMPDIR, where it may write as well.
    :param cancelled: asked about 20 times a second; True ends the command.
    :param readable: what it may read besides what building and testing need.
    :param stands_for: where ``cwd`` is seen as well; see
        :func:`harness.workspace.isolation.order_for`.
    :raises PolicyError: this machine does not isolate commands as the policy demands.
    :raises KeyboardInterrupt: after the command was ended.
    """
    isolation = probe_isolation(policy.network)
    isolation.require(policy.least_isolation)
    cwd, scratch = cwd.resolve(), scratch.resolve()
    environment = _environment(policy, scratch)
    status_read, status_write = os.pipe()
    order = order_for(
        isolation,
        [_shell(), "-c", command],
        cwd,
        scratch,
        replace(policy, environment=environment),
        status_write,
        readable=readable,
        stands_for=stands_for,
    )
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [*isolation.prefix, *SUPERVISOR],
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(status_write,),
            start_new_session=True,
        )
    except BaseException:
        os.close(status_read)
        raise
    finally:
        os.close(status_write)
    kept = _Kept(policy.kept_output_bytes)
    try:
        assert process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(BrokenPipeError):  # the status says that it has ended
            process.stdin.write(encoded(order))
            process.stdin.flush()
        code, stopped = _watch(process, status_read, kept, policy, (cwd, scratch), cancelled)
        if stopped:
            _ask_to_end(process, status_read, kept, isolation)
    finally:
        _end(process, isolation)
        os.close(status_read)
    seconds = time.monotonic() - started
    return CommandResult(code, kept.text(), kept.total, seconds, stopped, isolation.level)


def _shell() -> str:
    return "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"


def _environment(policy: CommandPolicy, scratch: Path) -> dict[str, str]:
    home = str(scratch)
    return {
        "PATH": SAFE_PATH,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **policy.environment,
        "HOME": home,
        "TMPDIR": home,
        "GIT_TERMINAL_PROMPT": "0",
        # The machine's configuration may hold credentials and is not shown.
        "GIT_CONFIG_NOSYSTEM": "1",
        "PAGER": "cat",
    }


def _watch(
    process: subprocess.Popen[bytes],
    status: int,
    kept: _Kept,
    policy: CommandPolicy,
    folders: tuple[Path, Path],
    cancelled: Callable[[], bool] | None,
) -> tuple[int, str]:
    """Collect output until the command ends or has to; return its exit code and why it stopped."""
    assert process.stdout is not None  # noqa: S101 - asked for above
    deadline = time.monotonic() + policy.timeout_seconds
    disk = DiskWatch(folders, policy.max_disk_bytes)
    processes_at_start = _process_count()
    memory = MemoryWatch(policy.max_total_memory_bytes)
    next_check = 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(status, selectors.EVENT_READ)
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(POLL_SECONDS):
                if key.fd != status:
                    data = os.read(key.fd, CHUNK_BYTES)
                    kept.add(data)
                    if not data:
                        selector.unregister(key.fileobj)
                    continue
                words = os.read(status, 32).split()
                _drain(process, kept)
                return (int(words[0]), "") if words else (1, "the supervisor was killed")
            now = time.monotonic()
            if now > deadline:
                return 124, f"no end after {policy.timeout_seconds:g} s"
            if kept.total > policy.max_output_bytes:
                return 125, f"more than {policy.max_output_bytes} bytes of output"
            if now < next_check:
                continue
            next_check = now + POLL_SECONDS
            if cancelled is not None and cancelled():
                return 130, "cancelled"
            if _process_count() - processes_at_start > policy.max_processes // 2:
                count = len(_descendants(process.pid))
                if count > policy.max_processes:
                    return 125, f"{count} processes, more than {policy.max_processes}"
            if memory.is_due(now) and (why := memory.reason(_descendants(process.pid))):
                return 125, why
            if why := disk.reason(lambda: [child.pid for child in _descendants(process.pid)]):
                return 125, why


def _drain(process: subprocess.Popen[bytes], kept: _Kept) -> None:
    """Read what is in the pipe now, without waiting for its end: a background process may hold it
    open. What the command itself wrote is already there."""
    assert process.stdout is not None  # noqa: S101
    stop = kept.total + (1 << 20)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while kept.total < stop and selector.select(0):
            data = os.read(process.stdout.fileno(), CHUNK_BYTES)
            if not data:
                return
            kept.add(data)


def _ask_to_end(
    process: subprocess.Popen[bytes], status: int, kept: _Kept, isolation: Isolation
) -> None:
    """Send SIGTERM to all and wait briefly, so that a command can clean up and say why."""
    for child in _commands(process.pid, isolation):
        with contextlib.suppress(psutil.Error):
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(status, selectors.EVENT_READ)
        while time.monotonic() < deadline and not selector.select(POLL_SECONDS):
            _drain(process, kept)
    _drain(process, kept)


def _process_count() -> int:
    if not sys.platform.startswith("linux"):
        return sys.maxsize // 2
    return sum(1 for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - only names


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _commands(pid: int, isolation: Isolation) -> list[psutil.Process]:
    """Everything below the supervisor, which is the only child of a forking `unshare`."""
    below = [child for child in _descendants(pid) if _is_running(child)]
    if not isolation.own_processes:
        return below
    with contextlib.suppress(psutil.Error):
        supervisors = {child.pid for child in psutil.Process(pid).children()}
        return [child for child in below if child.pid not in supervisors]
    return []


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _end(process: subprocess.Popen[bytes], isolation: Isolation) -> None:
    """Kill what is left. A PID namespace ends with its supervisor, atomically; elsewhere all are
    frozen first, so that none can fork away, and then killed, until none is left."""
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    deadline = time.monotonic() + 2 * GRACE_SECONDS
    while not isolation.own_processes and time.monotonic() < deadline:
        left = _commands(process.pid, isolation)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for child in left:
                with contextlib.suppress(psutil.Error):
                    child.send_signal(number)
        if not left:
            break
        psutil.wait_procs(left, timeout=0.05)
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.stdout.close()
    try:
        process.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
