"""Ends the programs that this process has started when it is killed itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
from typing import Self


class Lifeline:
    """A pipe that the child inherits; when this process ends in whatever way, the kernel closes
    the other end, and that kills the child's whole process group.

    Linux alone lets a pipe send a signal of one's choice (fcntl(2), ``F_SETSIG``); elsewhere a
    child outlives a killed Harness. ``PR_SET_PDEATHSIG`` would reach only the child itself, and
    only by running Python between fork and exec, which is not safe beside threads.
    """

    def __init__(self) -> None:
        self._ends = os.pipe() if sys.platform == "linux" else None

    @property
    def passed(self) -> tuple[int, ...]:
        """What the child has to inherit."""
        return () if self._ends is None else self._ends[:1]

    def hold(self, group: int) -> None:
        """Bind a process group to this process's life."""
        if sys.platform == "linux" and self._ends is not None:
            end = self._ends[0]
            # The process may be gone.
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, fcntl.F_SETOWN, -group)
                # Kernels that imitate Linux (gVisor, WSL 1) may know no F_SETSIG; SIGIO, which
                # comes then, ends what does not expect it, and git does not.
                with contextlib.suppress(OSError):
                    fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go: what a command leaves on purpose, such as a cache of passwords, stays."""
        if self._ends is not None:
            end = self._ends[0]
            flags = fcntl.fcntl(end, fcntl.F_GETFL)
            fcntl.fcntl(end, fcntl.F_SETFL, flags & ~getattr(os, "O_ASYNC", 0))
            for descriptor in self._ends:
                os.close(descriptor)
