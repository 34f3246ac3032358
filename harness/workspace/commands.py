"""Commands of the model: time, output, processes, disk, environment and network are limited.

The command runs in its own session under :mod:`harness.workspace.supervisor`. Where the platform
allows (probed once), it gets its own PID and mount namespaces (so it sees no other process and
ends with all it started), no network, and Landlock lets it write only below the workspace.
RLIMIT_NPROC does not bind root, so processes are counted while the command runs. Without namespaces
the rest still holds, and :class:`Isolation` says what does not. Reading is not confined: a command
can read what the user can, except other processes' memory and environment where it has its own
``/proc``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.workspace import supervisor
from harness.workspace.paths import occupied_bytes
from harness.workspace.policy import CommandPolicy

SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE_SECONDS = 2.0
POLL_SECONDS = 0.05
CHUNK_BYTES = 1 << 16
# From most to least: what `unshare` grants depends on the user, the kernel and the container.
ATTEMPTS: tuple[tuple[tuple[str, ...], bool, bool], ...] = (
    (("--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"), True, True),
    (("--net", "--pid", "--fork", "--kill-child"), True, True),
    (("--net",), True, False),
    (("--pid", "--fork", "--kill-child"), False, True),
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the platform grants; ``prefix`` is put in front of a command."""

    prefix: tuple[str, ...]
    no_network: bool
    own_processes: bool
    confined_writes: bool


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A finished command. ``output`` is stdout and stderr in order, without its middle when it
    exceeds the kept size; ``stopped`` says which limit ended it, empty when it ended by itself."""

    exit_code: int
    output: str
    output_bytes: int
    seconds: float
    stopped: str = ""


@functools.cache
def probe_isolation(network: bool = False) -> Isolation:
    """Try once what the platform grants.

    :param network: leave the network as it is.
    """
    writes = supervisor.landlock_version() >= 2
    unshare = shutil.which("unshare")
    if unshare is None:
        return Isolation((), False, False, writes)
    user = () if os.geteuid() == 0 else ("--map-current-user",)
    for flags, no_network, own_processes in ATTEMPTS:
        kept = tuple(flag for flag in flags if not (network and flag == "--net"))
        if not kept:
            continue
        prefix = (unshare, *user, *kept, "--")
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)
            if done.returncode == 0:
                return Isolation(prefix, no_network and not network, own_processes, writes)
    return Isolation((), False, False, writes)


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
) -> CommandResult:
    """Run a shell command; neither it nor anything it started is left on return.

    :param cwd: where it runs and may write.
    :param scratch: its HOME and TMPDIR, where it may write as well.
    :param cancelled: asked about 20 times a second; True ends the command.
    :raises KeyboardInterrupt: after the command was ended.
    """
    isolation = probe_isolation(policy.network)
    status_read, status_write = os.pipe()
    order = {
        "command": [_shell(), "-c", command],
        "writable": [str(cwd), str(scratch)] if isolation.confined_writes else None,
        "limits": {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": policy.max_file_bytes,
            "RLIMIT_AS": policy.max_memory_bytes,
            # Counts all threads of the user, hence far above max_processes.
            "RLIMIT_NPROC": 8192 + policy.max_processes,
        },
        "status_fd": status_write,
    }
    python = [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(order)]
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [*isolation.prefix, *python],
            cwd=cwd,
            env=_environment(policy, scratch),
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
        code, stopped = _watch(process, status_read, kept, policy, (cwd, scratch), cancelled)
        if stopped:
            _ask_to_end(process, status_read, kept, isolation)
    finally:
        _end(process, isolation)
        os.close(status_read)
    return CommandResult(code, kept.text(), kept.total, time.monotonic() - started, stopped)


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
    free_at_start = shutil.disk_usage(folders[1]).free
    processes_at_start = _process_count()
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
            if free_at_start - shutil.disk_usage(folders[1]).free > policy.max_disk_bytes:
                if occupied_bytes(*folders) > policy.max_disk_bytes:
                    return 125, f"more than {policy.max_disk_bytes} bytes written to the disk"
                free_at_start = shutil.disk_usage(folders[1]).free  # somebody else took it


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
