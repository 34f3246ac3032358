"""What a command of the model may use; the home of these defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CommandPolicy:
    """What a command may use. ``environment`` is all it gets, besides HOME and TMPDIR; 0 never
    means unlimited."""

    timeout_seconds: float = 120.0
    max_output_bytes: int = 64_000_000
    kept_output_bytes: int = 1_000_000
    max_processes: int = 256
    max_file_bytes: int = 1_000_000_000
    max_memory_bytes: int = 32_000_000_000
    max_disk_bytes: int = 4_000_000_000
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
