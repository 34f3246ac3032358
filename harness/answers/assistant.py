"""What answers and tasks need of the agent, opened by :mod:`harness.configured`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.models.protocols import ChatModel

if TYPE_CHECKING:
    from harness.agent.options import Limits, RunOptions


@dataclass(frozen=True, slots=True)
class Assistant:
    """A model, the bounds of a run, and the folder for its files; a context manager that closes
    the model's connections."""

    model: ChatModel
    limits: Limits
    options: RunOptions
    results_dir: Path

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *error: object) -> None:
        self.model.close()
