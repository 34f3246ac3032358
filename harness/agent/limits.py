"""What bounds a run, what it used, how it ended, and what a caller may hook into it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.agent.events import OnEvent
from harness.agent.status import Status, Stop
from harness.agent.turn_cache import TurnCache
from harness.types import ToolCall


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; 0 means no bound for ``total_tokens`` only. ``identical_calls`` counts
    since the last change of a file, ``format_errors`` in a row; ``model_retries`` come on top of
    those of the client, for streams that break off."""

    steps: int = 25
    wall_seconds: float = 900.0
    total_tokens: int = 500_000
    identical_calls: int = 3
    format_errors: int = 3
    refusals: int = 3
    verifications: int = 3
    model_retries: int = 1


@dataclass(slots=True)
class Usage:
    """Counts of one run; a replayed turn of the cache costs nothing."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    replayed_turns: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; ``error`` is empty when it ended well."""

    status: Status
    answer: str
    error: str
    steps: int


@dataclass(frozen=True, slots=True)
class Seams:
    """What a caller may hook into a run. ``cancelled`` is asked with every token and between
    steps; ``sleep`` takes seconds."""

    on_event: OnEvent | None = None
    turn_cache: TurnCache | None = None
    cancelled: Callable[[], bool] | None = None
    sleep: Callable[[float], None] = time.sleep


class CallCounter:
    """Counts identical calls; a change of a file makes all of them new again."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._seen: dict[str, int] = {}

    def count(self, call: ToolCall) -> int:
        """Return how often this call was made, this time included.

        :raises Stop: ``repeated_call``.
        """
        key = f"{call.name} {json.dumps(call.arguments, sort_keys=True, default=str)}"
        times = self._seen[key] = self._seen.get(key, 0) + 1
        if times >= self.limit:
            raise Stop(
                Status.REPEATED_CALL, f"the model made the same call {times} times: {key[:200]}"
            )
        return times

    def clear(self) -> None:
        """Forget all calls."""
        self._seen.clear()
