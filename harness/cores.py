"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path


def available_cores() -> int:
    """Cores this process may use: affinity, and the quota of its control group if there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return max(1, cores or 1)
    if quota == "max":
        return max(1, cores or 1)
    return max(1, min(cores or 1, round(int(quota) / int(period))))
