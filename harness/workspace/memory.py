"""How much memory a command's processes occupy together, and whether that is too much.

A control group would do it in the kernel, but is rarely delegated to who runs Harness. What is
added up here first overstates: pages that processes share count in each. Only when that sum is
too large are they told apart, which takes the kernel longer.

Shared memory need not be in any process: a file in memory that is only held open, a System V
segment that is not attached. The kernel counts it for the machine or the container, and what it
has grown by since the command started is the command's: nobody else can be shown to hold it.

What the kernel itself holds for a process, such as what was sent to a socket and never read, it
counts nowhere. So a command also ends when hardly anything is left for everybody: otherwise the
kernel would end the largest process, which is somebody else's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil

# Of the memory that is available when a command starts; the rest is for everybody else.
_SHARE = 0.8
# Without so much hardly any command ends well, and then the machine may decide.
_LEAST_BYTES = 500_000_000
_SECONDS = 1.0
# Of what was available at the start; the kernel ends processes well below that.
_LEAST_LEFT = 0.05


class MemoryWatch:
    """Watches one command.

    :param limit_bytes: what all its processes may occupy; lowered to most of what is available.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._available_at_start = available_bytes()
        most = max(int(self._available_at_start * _SHARE), _LEAST_BYTES)
        self.limit_bytes = min(limit_bytes, most)
        # The least seen: what a former command left may go only after this one has started.
        self._shared_before = _shared_bytes()
        self._next = 0.0

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to look: once a second, or when much was taken since the start.

        :param now: on the monotonic clock.
        """
        self._shared_before = min(self._shared_before, _shared_bytes())
        taken = self._available_at_start - psutil.virtual_memory().available
        if now < self._next and taken < self.limit_bytes // 2:
            return False
        self._next = now + _SECONDS
        return True

    def reason(self, processes: Sequence[psutil.Process]) -> str:
        """Tell why a command has to end; empty: it need not.

        :param processes: all of the command's.
        """
        if self._is_exceeded(processes):
            return f"more than {self.limit_bytes} bytes of memory by all processes"
        if available_bytes() < self._available_at_start * _LEAST_LEFT:
            return "hardly any memory is left on this machine"
        return ""

    def _is_exceeded(self, processes: Sequence[psutil.Process]) -> bool:
        """Tell whether processes, and shared memory in none of them, occupy more than the
        limit."""
        shared = max(_shared_bytes() - self._shared_before, 0)
        if sum(_resident(process) for process in processes) + shared <= self.limit_bytes:
            return False
        parts = [_proportional(process) for process in processes]
        mapped = sum(part for _, part in parts)
        return sum(rest for rest, _ in parts) + max(mapped, shared) > self.limit_bytes


def available_bytes() -> int:
    """Return what can still be had: of the machine, or of the control group around this process."""
    available = int(psutil.virtual_memory().available)
    for group in _control_groups():
        for most, now in (("memory.max", "memory.current"), (_MOST_V1, _NOW_V1)):
            with contextlib.suppress(OSError, ValueError):
                left = int((group / most).read_text()) - int((group / now).read_text())
                available = min(available, max(left + _file_cache(group), 0))
    return available


def _file_cache(group: Path) -> int:
    """Return what a group's memory holds of files, which the kernel takes back when it must."""
    rows = _statistics(group)
    return rows.get("active_file", 0) + rows.get("inactive_file", 0)


def _shared_bytes() -> int:
    """Return the shared memory of the machine, or of the control group around this process."""
    memory = psutil.virtual_memory()
    for group in _control_groups():
        for most in ("memory.max", _MOST_V1):
            with contextlib.suppress(OSError, ValueError, KeyError):
                if int((group / most).read_text()) < memory.total:
                    rows = _statistics(group)
                    # Version 1 counts groups inside by another name.
                    return rows.get("total_shmem") or rows["shmem"]
    return int(getattr(memory, "shared", 0))


def _statistics(group: Path) -> dict[str, int]:
    rows = (line.split() for line in (group / "memory.stat").read_text().splitlines())
    return {name: int(size) for name, size in rows}


_MOST_V1, _NOW_V1 = "memory.limit_in_bytes", "memory.usage_in_bytes"


def _control_groups() -> list[Path]:
    # In a container its own group is mounted as the root.
    return [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")]


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> tuple[int, int]:
    """Return a process's memory with its part of what it shares: what is no shared memory, and
    what is."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        sizes = {row[0]: int(row[1]) * 1024 for row in map(str.split, lines) if row[-1] == "kB"}
        shared = sizes.get("Pss_Shmem:", 0)
        return sizes["Pss:"] - shared, shared
    except (OSError, KeyError, ValueError):
        return _resident(process), 0
