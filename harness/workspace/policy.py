"""What a command of the model may use; the home of these defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["none", "landlock+seccomp", "namespaces"]
# From least to most.
LEVELS: tuple[Level, ...] = ("none", "landlock+seccomp", "namespaces")


@dataclass(frozen=True, slots=True)
class CommandPolicy:
    """What a command may use. ``environment`` is all it gets, besides HOME and TMPDIR; 0 never
    means unlimited.

    ``max_memory_bytes`` is for each process and counts what it maps, ``max_total_memory_bytes``
    for all together and counts what they occupy; the latter is lowered to what the machine has.
    ``least_isolation`` is the level below which no command runs. ``hidden`` are folders that no
    command sees, whatever PATH names.
    """

    timeout_seconds: float = 120.0
    max_output_bytes: int = 64_000_000
    kept_output_bytes: int = 1_000_000
    max_processes: int = 256
    max_file_bytes: int = 1_000_000_000
    max_memory_bytes: int = 32_000_000_000
    max_total_memory_bytes: int = 32_000_000_000
    max_disk_bytes: int = 4_000_000_000
    network: bool = False
    least_isolation: Level = "landlock+seccomp"
    environment: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
